// Leases in the model: keys that end with them, on a clock that only ticks of the log move.
package main

import "sort"

const (
	leasesMax       = 65536
	leaseKeysMax    = 1024
	tickEndsMax     = 64   // leases that one tick ends
	tickDeletesMax  = 1024 // keys after which it ends no more
	goneLease       = "LEASE_GONE"
	tooManyForLease = "TOO_LARGE"
)

type lease struct {
	id, ttl, end int64
	place        string
	partition    string
	keys         map[string]bool
}

// liveLease is the lease if it lives in that partition.
func (s *Store) liveLease(c *Command, id int64) *lease {
	found := s.leases[id]
	if found == nil || found.place != place(c.Tenant, c.Namespace, c.Partition) ||
		found.end <= s.clock {
		return nil
	}
	return found
}

// mayHold judges a write with a lease after `more` others of the same change: "" or the error.
func (s *Store) mayHold(c *Command, id int64, more int) string {
	if id == 0 {
		return ""
	}
	found := s.liveLease(c, id)
	if found == nil {
		return goneLease
	}
	if len(found.keys)+more >= leaseKeysMax {
		return tooManyForLease
	}
	return ""
}

func (s *Store) moveKey(key string, from, to int64) {
	if from == to {
		return
	}
	if old := s.leases[from]; old != nil {
		delete(old.keys, key)
	}
	if next := s.leases[to]; next != nil {
		next.keys[key] = true
	}
}

func (s *Store) grant(c *Command) Reply {
	if len(s.leases) >= leasesMax {
		return Reply{Err: "BUSY"}
	}
	s.Revision++
	s.leases[s.Revision] = &lease{id: s.Revision, ttl: c.Limit, end: s.clock + c.Limit,
		place:     place(c.Tenant, c.Namespace, c.Partition),
		partition: c.Partition, keys: map[string]bool{}}
	return Reply{Revision: s.Revision, Value: s.Revision, Changed: true}
}

func (s *Store) keepAlive(c *Command) Reply {
	found := s.liveLease(c, c.Lease)
	if found == nil {
		return Reply{Err: goneLease, Revision: s.Revision}
	}
	found.end = s.clock + found.ttl
	return Reply{Revision: s.Revision, Value: found.ttl}
}

func (s *Store) revoke(c *Command) Reply {
	found := s.liveLease(c, c.Lease)
	if found == nil {
		return Reply{Err: goneLease, Revision: s.Revision}
	}
	count := s.endLease(found)
	return Reply{Revision: s.Revision, Value: int64(count), Changed: true}
}

// endLease deletes what the lease holds, as one change.
func (s *Store) endLease(gone *lease) int {
	s.Revision++
	keys := make([]string, 0, len(gone.keys))
	for key := range gone.keys {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		s.Changes = append(s.Changes, Change{Partition: gone.partition, Key: key, Deleted: true,
			Before: s.records[gone.place][key].Value})
		delete(s.records[gone.place], key)
	}
	delete(s.leases, gone.id)
	return len(keys)
}

// due is the lease that ends first, if its time has come.
func (s *Store) due() *lease {
	var first *lease
	for _, l := range s.leases {
		if l.end <= s.clock && (first == nil || l.end < first.end ||
			(l.end == first.end && l.id < first.id)) {
			first = l
		}
	}
	return first
}

// Tick moves the clock and ends leases; `after` is called after each of these changes and may stop.
func (s *Store) Tick(c *Command, after func() bool) {
	if c.Expected > s.clock {
		s.clock = c.Expected
	}
	deleted := 0
	for i := 0; i < tickEndsMax && deleted < tickDeletesMax; i++ {
		next := s.due()
		if next == nil {
			return
		}
		deleted += s.endLease(next)
		if !after() {
			return
		}
	}
}
