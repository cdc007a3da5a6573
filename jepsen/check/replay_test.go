package main

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// ledger tells a Raft log, one command an entry.
type ledger struct {
	entries []Entry
	time    int64
	term    int64
}

func newLedger() *ledger {
	l := &ledger{term: 1}
	l.entries = append(l.entries, Entry{Group: 1, Index: 1, Term: 1})
	return l.add(Command{Op: "session-open", Value: "nonce"}) // session 1, revision 1
}

func (l *ledger) add(commands ...Command) *ledger {
	l.time += 10
	l.entries = append(l.entries, Entry{Group: 1, Index: int64(len(l.entries) + 1), Term: l.term,
		TimeMs: l.time, Commands: commands})
	return l
}

// of is a command of the register workload inside session 1.
func of(op string, seq, key int64, value string) Command {
	return Command{Op: op, Session: 1, Seq: seq, Tenant: "chaos", Namespace: "register",
		Partition: fmt.Sprintf("p%d", key%4), Key: fmt.Sprintf("k%d", key), Value: value}
}

func (l *ledger) put(seq, key int64, value string) *ledger { return l.add(of("put", seq, key, value)) }

func replayed(t *testing.T, s *story, ledgers ...*ledger) Report {
	t.Helper()
	in := s.input(t, "register")
	for i, l := range ledgers {
		in.Logs = append(in.Logs, &Log{Path: fmt.Sprintf("log-%d", i+1), Entries: l.entries})
	}
	return RunChecks(in, logChecks)
}

func replayAccepts(t *testing.T, s *story, ledgers ...*ledger) {
	t.Helper()
	report := replayed(t, s, ledgers...)
	if report.Valid != Valid || len(report.Checks) == 0 {
		t.Errorf("refuses a good log: %+v", report)
	}
}

func replayRefuses(t *testing.T, why string, s *story, ledgers ...*ledger) {
	t.Helper()
	report := replayed(t, s, ledgers...)
	for _, row := range report.Checks {
		if row.Valid == Invalid {
			if !strings.Contains(row.Why, why) {
				t.Errorf("says %q, not %q", row.Why, why)
			}
			return
		}
	}
	t.Errorf("accepts a lie: %+v", report)
}

func goodReplay() (*story, *ledger) {
	s := tell().did(0, "write", "[1 10]", 2).call(1, "write", "[1 20]").info(1)
	s.read(0, "read", "[1 nil]", "[1 20]", 3, ":mod 3")
	s.did(0, "write", "[1 nil]", 4).did(0, "write", "[2 nil]", 4)
	s.call(2, "write", "[2 30]").fail(2, ":error :BUSY")
	s.read(0, "read", "[1 nil]", "[1 nil]", 4, ":mod 0")
	l := newLedger().put(1, 1, "10").put(2, 1, "20").put(2, 1, "20") // sent again: one write
	return s, l.add(of("delete", 3, 1, ""), of("delete", 4, 2, ""))
}

func TestReplayAcceptsAGoodRun(t *testing.T) {
	s, l := goodReplay()
	replayAccepts(t, s, l)
	other := newLedger()
	other.entries = l.entries[:3]
	replayAccepts(t, s, other, l) // the longest log counts
}

func TestReplayIgnoresWhatNobodyCanHaveSeen(t *testing.T) {
	s, l := goodReplay()
	replayAccepts(t, s, l.put(9, 3, "77")) // not committed, perhaps
}

func TestReplayRefusesAnAcknowledgedWriteThatIsNotInTheLog(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2)
	replayRefuses(t, "revisions that the log does not have", s, newLedger())
}

func TestReplayRefusesAFailedWriteThatRan(t *testing.T) {
	s := tell().call(0, "write", "[1 10]").fail(0, ":error :BUSY").did(1, "write", "[2 20]", 3)
	replayRefuses(t, "although it had failed", s, newLedger().put(1, 1, "10").put(2, 2, "20"))
}

func TestReplayRefusesAWriteThatRanTwice(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2).did(1, "write", "[2 20]", 4)
	replayRefuses(t, "acknowledged as revision 2", s,
		newLedger().put(1, 1, "10").put(2, 1, "10").put(3, 2, "20"))
	s = tell().call(0, "write", "[1 10]").info(0).did(1, "write", "[2 20]", 4)
	replayRefuses(t, "had run before, as revision 2", s,
		newLedger().put(1, 1, "10").put(2, 1, "10").put(3, 2, "20"))
}

func TestReplayRefusesAWriteOfNobody(t *testing.T) {
	s := tell().did(1, "write", "[2 20]", 3)
	replayRefuses(t, "which nobody wrote", s, newLedger().put(1, 1, "10").put(2, 2, "20"))
}

func TestReplayRefusesADeleteOfNobody(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2).did(1, "write", "[2 20]", 4)
	l := newLedger().put(1, 1, "10").add(of("delete", 2, 1, "")).put(3, 2, "20")
	replayRefuses(t, "which nobody asked for", s, l)
}

func TestReplayRefusesAnotherWriteThanWasAcknowledged(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2)
	replayRefuses(t, "not what was acknowledged", s, newLedger().put(1, 1, "11"))
	replayRefuses(t, "not what was acknowledged", s, newLedger().put(1, 2, "10"))
}

func TestReplayRefusesAReadThatIsNotItsRevision(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2).did(0, "write", "[1 20]", 3)
	s.read(0, "read", "[1 nil]", "[1 10]", 3, ":mod 2")
	replayRefuses(t, "the answer at revision 3 is [1 20]", s, newLedger().put(1, 1, "10").put(2, 1, "20"))
}

func TestReplayRefusesAReadBeyondTheLog(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2).read(0, "read", "[1 nil]", "[1 10]", 9, ":mod 2")
	replayRefuses(t, "the log does not have", s, newLedger().put(1, 1, "10"))
}

func TestReplayRefusesADeleteThatDidNothing(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2).did(0, "write", "[1 nil]", 2)
	replayRefuses(t, "where the key is there", s, newLedger().put(1, 1, "10"))
}

func TestReplayRefusesALogThatDisagreesWithRealTime(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 3).call(1, "write", "[2 20]").info(1)
	replayRefuses(t, "before what had ended before it began", s,
		newLedger().put(1, 2, "20").put(2, 1, "10"))
}

func TestReplaySaysWhyItCannotBeMade(t *testing.T) {
	s, l := goodReplay()
	whole := *l
	l.entries = l.entries[2:]
	for why, given := range map[string][]*ledger{
		"no log was given":    {},
		"begins at index 3":   {l},
		`no rules for "riot"`: {{entries: append(whole.entries, Entry{Index: 8, Commands: []Command{{Op: "riot"}}})}},
		"the log is empty":    {{}},
	} {
		report := replayed(t, s, given...)
		last := SkipReport{}
		if n := len(report.Skipped); n > 0 {
			last = report.Skipped[n-1]
		}
		if last.Name != "log-order replay" || !strings.Contains(last.Why, why) {
			t.Errorf("%q: %+v", why, report.Skipped)
		}
	}
}

func TestLogMatchingRefusesForks(t *testing.T) {
	s, l := goodReplay()
	fork := newLedger()
	fork.entries = append([]Entry{}, l.entries...)
	fork.entries[2].Commands = []Command{of("put", 1, 1, "11")}
	replayRefuses(t, "index 3 of term 1 differs", s, l, fork)
	fork.entries[2] = l.entries[2]
	fork.entries[2].Term = 0
	replayRefuses(t, "later entries agree", s, l, fork)
}

// A node that lost its leadership may hold a tail of its own.
func TestLogMatchingAcceptsDivergentTails(t *testing.T) {
	s, l := goodReplay()
	tail := newLedger()
	tail.entries = append([]Entry{}, l.entries[:3]...)
	l.entries[3].Term, l.entries[4].Term, l.entries[5].Term = 2, 2, 2
	replayAccepts(t, s, l, tail.put(7, 1, "99"))
}

func TestReadsExportedLogs(t *testing.T) {
	line := func(index int) string {
		return fmt.Sprintf(`{"group":1,"index":"%d","term":"2","type":"command","time_ms":"7",`+
			`"commands":[{"op":"put","number":"1","session":"3","seq":"1","tenant":"t",`+
			`"namespace":"n","partition":"p","key":"%s","value":"00ff"}]}`+"\n", index,
			hex.EncodeToString([]byte("k")))
	}
	entries, err := ReadLog(strings.NewReader(line(4) + line(5)))
	if err != nil || len(entries) != 2 || entries[1].Index != 5 {
		t.Fatalf("%v %v", entries, err)
	}
	if c := entries[0].Commands[0]; c.Key != "k" || c.Value != "\x00\xff" || c.Session != 3 {
		t.Errorf("%+v", c)
	}
	for text, why := range map[string]string{
		line(4) + line(6):                      "index 6 comes after 4",
		"{":                                    "line 1",
		strings.Replace(line(4), "00f", "", 1): "odd length",
	} {
		if _, err := ReadLog(strings.NewReader(text)); err == nil ||
			!strings.Contains(err.Error(), why) {
			t.Errorf("%v, not %q", err, why)
		}
	}
}
