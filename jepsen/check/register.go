// Registers: reads, writes, deletes and compare-and-set of single keys, values unique in a run.
package main

import (
	"fmt"
	"sort"
)

const (
	absent  = -1 // the value of a missing key; written values are above 0
	corrupt = -2 // what no client wrote: equals nothing
)

func registerValue(v Value) int64 {
	switch v.Kind {
	case Nil:
		return absent
	case Int:
		return v.Int
	}
	return corrupt
}

func registerText(value int64) string {
	if value == absent {
		return "nil"
	}
	return fmt.Sprint(value)
}

// registerWrites is what the operation leaves in the key if it takes effect.
func registerWrites(op *Op) (value int64, writes bool) {
	switch op.F {
	case "write":
		return registerValue(op.Arg.At(1)), true
	case "cas":
		return registerValue(op.Arg.At(1).At(1)), true
	}
	return 0, false
}

// registerByRevision says which value each revision wrote, as far as anybody saw it.
func registerByRevision(ops []*Op) map[int64]int64 {
	values := map[int64]int64{0: absent}
	for _, op := range ops {
		if op.Outcome != Ok {
			continue
		}
		if value, writes := registerWrites(op); writes && value != absent {
			values[op.Revision] = value
		}
		if mod := op.End.Get("mod"); op.F == "read" && mod.Int > 0 {
			values[mod.Int] = registerValue(op.Result.At(1))
		}
	}
	return values
}

// A refused compare-and-set tells what stood there instead: the value of revision :conflict.
type registerModel struct {
	byRevision map[int64]int64
}

func (m *registerModel) conflict(op *Op) (value int64, known bool) {
	value, known = m.byRevision[op.End.Get("conflict").Int]
	return value, known
}

func (m *registerModel) part(op *Op) (string, bool) {
	name := fmt.Sprintf("register-%d", op.Key())
	switch {
	case op.Outcome == Ok:
		return name, true
	case op.F == "read":
		return name, false
	case op.Outcome == Info:
		return name, true
	}
	return name, op.F == "cas" && op.Error == "CONFLICT"
}

func (m *registerModel) step(state interface{}, op *Op) (bool, interface{}) {
	now := state.(int64)
	switch op.F {
	case "read":
		return op.Outcome == Info || now == registerValue(op.Result.At(1)), state
	case "write":
		return true, registerValue(op.Arg.At(1))
	}
	old := registerValue(op.Arg.At(1).At(0))
	switch {
	case op.Outcome == Fail:
		seen, known := m.conflict(op)
		return now != old && (!known || now == seen), state
	case now == old:
		return true, registerValue(op.Arg.At(1).At(1))
	}
	return op.Outcome == Info, state
}

// prune drops unknown writes that nobody saw: an order with one stays an order without it, since
// what follows it there overwrites it unseen; an order without it takes it at the very end.
func (m *registerModel) prune(ops []*Op) []*Op {
	seen := map[int64]bool{}
	for _, op := range ops {
		switch {
		case op.F == "read" && op.Outcome == Ok:
			seen[registerValue(op.Result.At(1))] = true
		case op.F == "cas" && op.Outcome == Fail:
			value, known := m.conflict(op)
			if !known {
				return ops // it may have seen any of them
			}
			seen[value] = true
		}
		if op.F == "cas" {
			seen[registerValue(op.Arg.At(1).At(0))] = true
		}
	}
	var kept []*Op
	for _, op := range ops {
		value, writes := registerWrites(op)
		if op.Outcome == Info && writes && !seen[value] {
			continue
		}
		kept = append(kept, op)
	}
	return kept
}

func checkRegisterLinear(in *Input) Result {
	m := &registerModel{byRevision: registerByRevision(in.Ops)}
	linear := Linear{Part: m.part, Init: int64(absent), Step: m.step, Prune: m.prune, Hint: registerHint,
		Describe: func(state interface{}) string { return registerText(state.(int64)) }}
	return linear.Check(in, in.Ops)
}

// One change of a key, or one sight of it, at a revision.
type registerEvent struct {
	revision int64
	value    int64
	op       *Op
	read     bool
}

// registerEvents lists what is known of each key in the order of revisions, changes before reads.
// A write of unknown outcome is there if a read saw it: :mod tells its revision.
func registerEvents(ops []*Op) (map[int64][]registerEvent, Result) {
	byKey := map[int64][]registerEvent{}
	revisions := map[int64]int64{} // of each value
	writer := map[int64]*Op{}
	add := func(op *Op, revision, value int64, read bool) {
		byKey[op.Key()] = append(byKey[op.Key()], registerEvent{revision, value, op, read})
	}
	for _, op := range ops {
		value, writes := registerWrites(op)
		if writes && value != absent {
			writer[value] = op
		}
		if writes && op.Outcome == Ok {
			add(op, op.Revision, value, false)
			revisions[value] = op.Revision
		}
	}
	for _, op := range ops {
		if op.F != "read" || op.Outcome != Ok {
			continue
		}
		value := registerValue(op.Result.At(1))
		add(op, op.Revision, value, true)
		if value == absent {
			continue
		}
		from, mod := writer[value], op.End.Get("mod").Int
		switch {
		case from == nil || from.Key() != op.Key():
			return nil, invalid([]*Op{op}, "a read saw a value that nobody wrote there")
		case from.Outcome == Fail:
			return nil, invalid([]*Op{op, from}, "a read saw a write that had failed")
		case revisions[value] == 0:
			revisions[value] = mod
			add(from, mod, value, false)
		case revisions[value] != mod:
			return nil, invalid([]*Op{op, from}, "a read saw revision %d of a write of revision %d",
				mod, revisions[value])
		}
	}
	for _, events := range byKey {
		sort.SliceStable(events, func(i, j int) bool {
			a, b := events[i], events[j]
			return a.revision < b.revision || (a.revision == b.revision && !a.read && b.read)
		})
	}
	return byKey, Result{}
}

// Deletes of unknown outcome leave no revision behind: each may explain one disappearance.
func unknownDeletes(ops []*Op) map[int64]int {
	count := map[int64]int{}
	for _, op := range ops {
		if value, writes := registerWrites(op); writes && value == absent && op.Outcome == Info {
			count[op.Key()]++
		}
	}
	return count
}

func replayKey(events []registerEvent, deletes int) Result {
	now := registerEvent{value: absent}
	for _, event := range events {
		switch {
		case !event.read:
			now = event
		case event.value == now.value:
		case event.value == absent && deletes > 0:
			deletes--
			now = registerEvent{revision: event.revision, value: absent, op: event.op}
		default:
			bad := []*Op{event.op}
			if now.op != nil {
				bad = append(bad, now.op)
			}
			return invalid(bad, "a read at revision %d saw %s; the newest write then was %s of "+
				"revision %d", event.revision, registerText(event.value), registerText(now.value),
				now.revision)
		}
	}
	return Result{}
}

func checkRegisterReplay(in *Input) Result {
	byKey, bad := registerEvents(in.Ops)
	if bad.Verdict == Invalid {
		return bad
	}
	deletes := unknownDeletes(in.Ops)
	reads := 0
	for key, events := range byKey {
		if result := replayKey(events, deletes[key]); result.Verdict == Invalid {
			return result
		}
		for _, event := range events {
			if event.read {
				reads++
			}
		}
	}
	return valid("%d reads of %d keys saw the newest write at their revision", reads, len(byKey))
}

func registerKind(op *Op) OpKind {
	value, writes := registerWrites(op)
	switch {
	case !writes:
		return ReadsState
	case value == absent:
		return MayChange // a missing key is deleted without a revision of its own
	}
	return MakesRevision
}

var registerWorkload = &Workload{
	Name: "register",
	Kind: registerKind,
	Checks: []Check{
		{Name: "linearizability", Claim: "each key is a linearizable register under read, write, " +
			"delete and compare-and-set", Run: checkRegisterLinear},
		{Name: "newest write", Claim: "a read at a revision sees the newest write of its key up " +
			"to that revision", Run: checkRegisterReplay},
	},
}
