// Real runs, with one lie told at a time: no checker may be blind to any of them.
//
// testdata/ holds short histories of real nodes without faults, and their logs. Each is valid as it
// is; each of the lies below, told at any place, must be found by one of the checks.
package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func recorded(t *testing.T, workload string) *Input {
	t.Helper()
	in := &Input{Workload: workload, Deadline: time.Now().Add(time.Minute)}
	history, err := os.Open(filepath.Join("testdata", workload+".edn"))
	if err != nil {
		t.Fatal(err)
	}
	defer history.Close()
	if in.Ops, err = ReadHistory(history); err != nil {
		t.Fatal(err)
	}
	log, err := os.Open(filepath.Join("testdata", workload+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	entries, err := ReadLog(log)
	if err != nil {
		t.Fatal(err)
	}
	in.Logs = []*Log{{Path: log.Name(), Entries: entries}}
	return in
}

// A command that changed something that a client was told of.
type told struct {
	entry, command int
	change         Change // the first of its changes
}

func commands(in *Input) (places []told) {
	newest := newReplay(in).newest
	store := NewStore()
	for i := range in.Logs[0].Entries {
		e := &in.Logs[0].Entries[i]
		store.Begin(e)
		for j := range e.Commands {
			if reply := store.Run(&e.Commands[j]); reply.Changed && reply.Revision < newest &&
				e.Commands[j].Tenant == "chaos" && len(store.Changes) > 0 {
				places = append(places, told{i, j, store.Changes[0]})
			}
		}
	}
	return places
}

// somewhere picks about ten places of all.
func somewhere(count int) (places []int) {
	step := count/10 + 1
	for i := 0; i < count; i += step {
		places = append(places, i)
	}
	return places
}

func (in *Input) ofKind(kind OpKind) (list []*Op) {
	for _, op := range in.Ops {
		if op.Outcome == Ok && kindOf(in.Workload)(op) == kind {
			list = append(list, op)
		}
	}
	return list
}

// grown is v with one more in its first number.
func grown(v Value) (Value, bool) {
	if v.Kind == Int {
		v.Int++
		return v, true
	}
	items := append([]Value{}, v.Items...)
	for i := range items {
		if next, done := grown(items[i]); done {
			items[i] = next
			v.Items = items
			return v, true
		}
	}
	return v, false
}

// A lie changes an input at place i; the count of places comes first.
type lie struct {
	count func(in *Input) int
	tell  func(in *Input, i int)
}

var lies = map[string]lie{
	"a write is not in the log": {
		func(in *Input) int { return len(commands(in)) },
		func(in *Input, i int) {
			at := commands(in)[i]
			e := &in.Logs[0].Entries[at.entry]
			e.Commands = append(append([]Command{}, e.Commands[:at.command]...),
				e.Commands[at.command+1:]...)
		}},
	"a write is in the log twice": {
		func(in *Input) int { return len(commands(in)) },
		func(in *Input, i int) {
			at := commands(in)[i]
			e := &in.Logs[0].Entries[at.entry]
			again := e.Commands[at.command]
			again.Session = 0
			if again.Op != "experience-append" { // a second cas or delete would change nothing
				again.Op, again.Key, again.Value = "put", at.change.Key, at.change.After
			}
			e.Commands = append(append([]Command{}, e.Commands...), again)
		}},
	"two writes have each other's revision": {
		func(in *Input) int { return len(in.ofKind(MakesRevision)) - 1 },
		func(in *Input, i int) {
			a, b := in.ofKind(MakesRevision)[i], in.ofKind(MakesRevision)[i+1]
			a.Revision, b.Revision = b.Revision, a.Revision
		}},
	"a write that ran had failed": {
		func(in *Input) int { return len(in.ofKind(MakesRevision)) - 1 },
		func(in *Input, i int) { in.ofKind(MakesRevision)[i].Outcome = Fail }},
	"a read gives another number": {
		func(in *Input) int { return len(in.ofKind(ReadsState)) },
		func(in *Input, i int) {
			op := in.ofKind(ReadsState)[i]
			if op.F == "txn" {
				op.Result, _ = grown(op.Result) // a key, or with more of them an element
				return
			}
			value, done := grown(op.Result.At(1))
			if !done {
				value = vector(intValue(1))
			}
			op.Result = vector(op.Result.At(0), value)
		}},
	"a read is of a later state": {
		func(in *Input) int { return len(in.ofKind(ReadsState)) },
		func(in *Input, i int) { in.ofKind(ReadsState)[i].Revision += 1 << 30 }},
}

func verdictOf(t *testing.T, in *Input) Report {
	t.Helper()
	checks, err := ChecksOf(in.Workload)
	if err != nil {
		t.Fatal(err)
	}
	return RunChecks(in, checks)
}

// Recipes of the library make requests that no client asked for one by one: their logs are not
// bound to their histories, so these are lied about in tests of their own.
func boundNames() (names []string) {
	for _, name := range workloadNames() {
		if bindings[name] != nil {
			names = append(names, name)
		}
	}
	return names
}

func TestRecordedRunsAreValid(t *testing.T) {
	for _, workload := range boundNames() {
		if report := verdictOf(t, recorded(t, workload)); report.Valid != Valid {
			t.Errorf("%s: %+v", workload, report)
		}
	}
}

func TestNoLieGoesUnnoticed(t *testing.T) {
	for _, workload := range boundNames() {
		for name, lie := range lies {
			for _, i := range somewhere(lie.count(recorded(t, workload))) {
				in := recorded(t, workload)
				lie.tell(in, i)
				if report := verdictOf(t, in); report.Valid != Invalid {
					t.Errorf("%s: %s, at place %d: nobody notices", workload, name, i)
				}
			}
		}
	}
}
