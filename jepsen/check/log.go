// The exported Raft log: the total order of a run, as swarm-inspect wal --entries prints it.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
)

// Command is one write in the log.
type Command struct {
	Op        string `json:"op"`
	Flags     int64  `json:"flags,string"`
	Session   int64  `json:"session,string"`
	Seq       int64  `json:"seq,string"`
	Acked     int64  `json:"acked,string"`
	Tenant    string `json:"tenant"`
	Namespace string `json:"namespace"`
	Partition string `json:"partition"`
	KeyHex    string `json:"key"`
	ValueHex  string `json:"value"`
	Expected  int64  `json:"expected,string"`
	Limit     int64  `json:"limit,string"`
	Lease     int64  `json:"lease,string"`

	Key, Value string `json:"-"`
}

// Entry is one index of the log.
type Entry struct {
	Group     int64     `json:"group"`
	Index     int64     `json:"index,string"`
	Term      int64     `json:"term,string"`
	TimeMs    int64     `json:"time_ms,string"`
	Malformed string    `json:"malformed"`
	Commands  []Command `json:"commands"`
}

// Log is what one node held when it was stopped; the last entries may not be committed.
type Log struct {
	Path    string
	Entries []Entry
}

// A line is one entry of at most a few megabytes in hex.
const logLineMax = 64 << 20

func (c *Command) decode() error {
	key, err := hex.DecodeString(c.KeyHex)
	if err != nil {
		return err
	}
	value, err := hex.DecodeString(c.ValueHex)
	if err != nil {
		return err
	}
	c.Key, c.Value = string(key), string(value)
	c.KeyHex, c.ValueHex = "", ""
	return nil
}

// ReadLog reads an export; indexes have no holes.
func ReadLog(in io.Reader) ([]Entry, error) {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 1<<16), logLineMax)
	var entries []Entry
	for line := 1; scanner.Scan(); line++ {
		var entry Entry
		if err := json.Unmarshal(scanner.Bytes(), &entry); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		for i := range entry.Commands {
			if err := entry.Commands[i].decode(); err != nil {
				return nil, fmt.Errorf("line %d: %w", line, err)
			}
		}
		if n := len(entries); n > 0 && entry.Group == entries[0].Group &&
			entry.Index != entries[n-1].Index+1 {
			return nil, fmt.Errorf("line %d: index %d comes after %d", line, entry.Index,
				entries[n-1].Index)
		}
		entries = append(entries, entry)
	}
	return entries, scanner.Err()
}

func (l *Log) last() (term, index int64) {
	if len(l.Entries) == 0 {
		return 0, 0
	}
	entry := l.Entries[len(l.Entries)-1]
	return entry.Term, entry.Index
}

// longest is the log that has everything committed: newest last term, then highest index.
func longest(logs []*Log) *Log {
	best := logs[0]
	for _, l := range logs[1:] {
		term, index := l.last()
		if bestTerm, bestIndex := best.last(); term > bestTerm ||
			(term == bestTerm && index > bestIndex) {
			best = l
		}
	}
	return best
}

func (e *Entry) same(other *Entry) bool {
	if e.TimeMs != other.TimeMs || e.Malformed != other.Malformed ||
		len(e.Commands) != len(other.Commands) {
		return false
	}
	for i := range e.Commands {
		if e.Commands[i] != other.Commands[i] {
			return false
		}
	}
	return true
}

// matches compares two logs: equal index and term, equal entry; and once two entries have equal
// terms, so have all before them (Raft's Log Matching).
func matches(a, b *Log) string {
	offset := int64(0)
	if len(a.Entries) > 0 && len(b.Entries) > 0 {
		offset = a.Entries[0].Index - b.Entries[0].Index
	}
	joined := false
	for i := len(a.Entries) - 1; i >= 0; i-- {
		at := int64(i) + offset
		if at < 0 || at >= int64(len(b.Entries)) {
			continue
		}
		ours, theirs := &a.Entries[i], &b.Entries[at]
		if ours.Term != theirs.Term {
			if joined {
				return fmt.Sprintf("index %d is of term %d in one log and of %d in the other, and "+
					"later entries agree", ours.Index, ours.Term, theirs.Term)
			}
			continue
		}
		joined = true
		if !ours.same(theirs) {
			return fmt.Sprintf("index %d of term %d differs", ours.Index, ours.Term)
		}
	}
	return ""
}

func checkLogMatching(in *Input) Result {
	for _, l := range in.Logs[1:] {
		if why := matches(in.Logs[0], l); why != "" {
			return invalid(nil, "%s and %s: %s", in.Logs[0].Path, l.Path, why)
		}
	}
	return valid("%d logs agree", len(in.Logs))
}
