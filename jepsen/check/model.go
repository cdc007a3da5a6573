// An executable model of the store: what each command of the log must do and answer.
//
// Written from the rules of the store's documents, not from its code: one revision for each change,
// sessions that run a write once and keep its answer until it is acknowledged, expiry by the time
// in the log. It is slow and simple on purpose; the store is neither.
package main

import "sort"

const (
	sessionTTLDefault = 600 * 1000
	sessionsMax       = 65536
	sweepMax          = 64      // sessions that one entry may expire
	repliesMax        = 4096    // of one session
	repliesTotalMax   = 1 << 20 // of all; over it each keeps at most repliesAlways
	repliesAlways     = 64

	// Bytes of records in answers: kept by one session, by all, and given by one entry.
	sessionRecordsMax  = 1 << 20
	sessionsRecordsMax = 16 << 20
	entryRecordsMax    = 8 << 20

	flagPrevious = 1 << 2 // answer with the record as it was
)

// Record is one key's state.
type Record struct {
	Value                string
	Create, Mod, Version int64
	Lease                int64 // with which it ends; 0: none
}

// Experience is one appended record.
type Experience struct {
	Revision int64
	Value    string
}

// Reply is the answer to a command. Changed tells whether it made a revision, just now.
type Reply struct {
	Err      string // "" is OK
	Revision int64
	Value    int64
	Changed  bool
	Records  int // bytes of the records that it carries
}

// Change is one key or experience that a command changed.
type Change struct {
	Partition, Key string // Key is "" for an experience
	Before, After  string // "" where there was, or is, nothing
	Deleted        bool
}

type session struct {
	id, ttl, active, acked int64
	nonce                  string
	replies                map[int64]Reply
	records                int // bytes of them all
}

func (s *session) expiry() int64 { return s.active + s.ttl }

// Store is the whole state.
type Store struct {
	Revision    int64
	Changes     []Change // of the last command
	now         int64
	records     map[string]map[string]*Record
	experiences map[string][]Experience
	sessions    map[int64]*session
	byNonce     map[string]*session
	replies     int
	kept        int   // bytes of all records that sessions keep
	answered    int   // bytes of all records of this entry's answers
	calm        int64 // no session expires before this time
	clock       int64 // of leases
	leases      map[int64]*lease
}

// NewStore is the state before the first entry.
func NewStore() *Store {
	return &Store{records: map[string]map[string]*Record{}, experiences: map[string][]Experience{},
		sessions: map[int64]*session{}, byNonce: map[string]*session{}, leases: map[int64]*lease{}}
}

func place(tenant, namespace, partition string) string {
	return tenant + "/" + namespace + "/" + partition
}

// Get is a key's record, nil if there is none.
func (s *Store) Get(place, key string) *Record { return s.records[place][key] }

// Keys lists a partition in order.
func (s *Store) Keys(place string) []string {
	keys := make([]string, 0, len(s.records[place]))
	for key := range s.records[place] {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// Experiences lists those of a partition above a revision, in order.
func (s *Store) Experiences(place string, after int64) []Experience {
	list := s.experiences[place]
	return list[sort.Search(len(list), func(i int) bool { return list[i].Revision > after }):]
}

// --- sessions ------------------------------------------------------------------------------------

func (s *Store) remove(gone *session) {
	delete(s.sessions, gone.id)
	delete(s.byNonce, gone.nonce)
	s.replies -= len(gone.replies)
	s.kept -= gone.records
}

// first is the session with the least value, the lowest id among equals.
func (s *Store) first(value func(*session) int64) *session {
	var best *session
	for _, candidate := range s.sessions {
		if best == nil || value(candidate) < value(best) ||
			(value(candidate) == value(best) && candidate.id < best.id) {
			best = candidate
		}
	}
	return best
}

func (s *Store) sweep() {
	for i := 0; i < sweepMax && s.now >= s.calm; i++ {
		next := s.first((*session).expiry)
		if next == nil || next.expiry() > s.now {
			if s.calm = s.now + 1; next != nil {
				s.calm = next.expiry() // later use only moves it away; a new session may be sooner
			}
			return
		}
		s.remove(next)
	}
}

// live is the session unless it is overdue, in which case it goes.
func (s *Store) live(found *session) *session {
	if found == nil || found.expiry() > s.now {
		return found
	}
	s.remove(found)
	return nil
}

func (s *Store) open(c *Command) Reply {
	ttl := c.Limit
	if ttl == 0 {
		ttl = sessionTTLDefault
	}
	if found := s.live(s.byNonce[c.Value]); found != nil {
		found.active = s.now
		return Reply{Revision: found.id, Value: found.id}
	}
	if len(s.sessions) == sessionsMax {
		s.remove(s.first(func(x *session) int64 { return x.active }))
	}
	s.Revision++
	made := &session{id: s.Revision, ttl: ttl, active: s.now, nonce: c.Value,
		replies: map[int64]Reply{}}
	s.sessions[made.id], s.byNonce[made.nonce] = made, made
	if made.expiry() < s.calm {
		s.calm = made.expiry()
	}
	return Reply{Revision: made.id, Value: made.id, Changed: true}
}

func (s *Store) close(c *Command) Reply {
	found := s.live(s.sessions[c.Session])
	if found == nil {
		return Reply{Revision: s.Revision}
	}
	s.Revision++
	s.remove(found)
	return Reply{Revision: s.Revision, Value: 1, Changed: true}
}

func (s *Store) acknowledge(x *session, acked int64) {
	if acked <= x.acked {
		return
	}
	for seq, reply := range x.replies {
		if seq <= acked {
			delete(x.replies, seq)
			s.replies--
			x.records -= reply.Records
			s.kept -= reply.Records
		}
	}
	x.acked = acked
}

// once runs a write of a session unless it ran before.
func (s *Store) once(c *Command) Reply {
	x := s.live(s.sessions[c.Session])
	if x == nil {
		return Reply{Err: "SESSION_EXPIRED"}
	}
	x.active = s.now
	if c.Seq <= x.acked {
		return Reply{Err: "SESSION_STALE"}
	}
	s.acknowledge(x, c.Acked)
	if kept, ran := x.replies[c.Seq]; ran {
		kept.Changed = false
		s.answered += kept.Records
		return kept
	}
	if len(x.replies) >= repliesMax ||
		(len(x.replies) >= repliesAlways && s.replies >= repliesTotalMax) {
		return Reply{Err: "BUSY"}
	}
	if c.answersRecords() && (x.records >= sessionRecordsMax || s.kept >= sessionsRecordsMax) {
		return Reply{Err: "BUSY"}
	}
	reply := s.write(c)
	s.answered += reply.Records
	x.replies[c.Seq] = reply
	s.replies++
	x.records += reply.Records
	s.kept += reply.Records
	return reply
}

// --- writes --------------------------------------------------------------------------------------

func (s *Store) put(c *Command) Reply {
	at := place(c.Tenant, c.Namespace, c.Partition)
	old := s.records[at][c.Key]
	mod := int64(0)
	if old != nil {
		mod = old.Mod
	}
	records := s.previous(c, old)
	if c.Op == "cas" && mod != c.Expected {
		return Reply{Err: "CONFLICT", Revision: s.Revision, Value: mod, Records: records}
	}
	if err := s.mayHold(c, c.Lease, 0); err != "" {
		return Reply{Err: err, Revision: s.Revision, Records: records}
	}
	s.Revision++
	s.set(c, c.Key, &c.Value, c.Lease)
	return Reply{Revision: s.Revision, Changed: true, Records: records}
}

// previous counts the bytes of the record that a write answers with if it is asked to.
func (s *Store) previous(c *Command, old *Record) int {
	if c.Flags&flagPrevious == 0 {
		return 0
	}
	return recordSize(c.Key, old)
}

// set writes or, without a value, deletes a key at the revision of now.
func (s *Store) set(c *Command, key string, value *string, lease int64) {
	at := place(c.Tenant, c.Namespace, c.Partition)
	old := s.records[at][key]
	change := Change{Partition: c.Partition, Key: key, Deleted: value == nil}
	next := &Record{Create: s.Revision, Mod: s.Revision, Version: 1, Lease: lease}
	held := int64(0)
	if old != nil {
		held = old.Lease
		change.Before = old.Value
		next.Create, next.Version = old.Create, old.Version+1
	}
	if s.records[at] == nil {
		s.records[at] = map[string]*Record{}
	}
	s.moveKey(key, held, lease)
	if value == nil {
		delete(s.records[at], key)
	} else {
		next.Value, change.After = *value, *value
		s.records[at][key] = next
	}
	s.Changes = append(s.Changes, change)
}

func (s *Store) delete(c *Command) Reply {
	old := s.Get(place(c.Tenant, c.Namespace, c.Partition), c.Key)
	records := s.previous(c, old)
	if old == nil {
		return Reply{Revision: s.Revision, Records: records}
	}
	s.Revision++
	s.set(c, c.Key, nil, 0)
	return Reply{Revision: s.Revision, Value: 1, Changed: true, Records: records}
}

func (s *Store) append(c *Command) Reply {
	at := place(c.Tenant, c.Namespace, c.Partition)
	s.Revision++
	s.experiences[at] = append(s.experiences[at], Experience{s.Revision, c.Value})
	s.Changes = append(s.Changes, Change{Partition: c.Partition, After: c.Value})
	return Reply{Revision: s.Revision, Changed: true}
}

func (s *Store) write(c *Command) Reply {
	switch c.Op {
	case "put", "cas":
		return s.put(c)
	case "delete":
		return s.delete(c)
	case "txn":
		return s.transact(c)
	case "lease-grant":
		return s.grant(c)
	case "lease-keep-alive":
		return s.keepAlive(c)
	case "lease-revoke":
		return s.revoke(c)
	}
	return s.append(c)
}

// Knows tells whether the model has rules for an operation.
func (s *Store) Knows(op string) bool {
	switch op {
	case "put", "cas", "delete", "experience-append", "session-open", "session-close", "malformed",
		"txn", "lease-grant", "lease-keep-alive", "lease-revoke", "tick":
		return true
	}
	return false
}

// Begin is the start of an entry with commands: time moves, sessions expire.
func (s *Store) Begin(e *Entry) {
	if e.TimeMs > s.now {
		s.now = e.TimeMs
	}
	s.answered = 0
	s.sweep()
}

// Run executes one command of the entry.
func (s *Store) Run(c *Command) Reply {
	s.Changes = s.Changes[:0]
	switch {
	case c.Op == "malformed":
		return Reply{Err: "MALFORMED"}
	case c.Op == "tick":
		s.Tick(c, func() bool { return true })
		return Reply{Revision: s.Revision, Value: s.clock}
	case c.answersRecords() && s.answered >= entryRecordsMax:
		return Reply{Err: "BUSY"}
	case c.Op == "session-open":
		return s.open(c)
	case c.Op == "session-close":
		return s.close(c)
	case c.Session == 0:
		reply := s.write(c)
		s.answered += reply.Records
		return reply
	}
	return s.once(c)
}
