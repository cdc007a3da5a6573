// Counters: the sum of the acknowledged increments, plus some of the ambiguous ones.
package main

import (
	"fmt"
	"sort"
)

func counterPart(op *Op) (string, bool) {
	return fmt.Sprintf("counter-%d", op.Key()),
		op.Outcome == Ok || (op.F == "add" && op.Outcome == Info)
}

func counterStep(state interface{}, op *Op) (bool, interface{}) {
	now := state.(int64)
	if op.F == "read" {
		return op.Outcome == Info || now == op.Result.At(1).Int, state
	}
	now += op.Arg.At(1).Int
	if after := op.End.Get("after"); op.Outcome == Ok && after.Kind == Int {
		return now == after.Int, now
	}
	return true, now
}

func checkCounterLinear(in *Input) Result {
	linear := Linear{Part: counterPart, Init: int64(0), Step: counterStep, Hint: counterHint}
	return linear.Check(in, in.Ops)
}

// checkCounterBounds: at least what was acknowledged before the read began, at most what had been
// asked for when it ended.
func checkCounterBounds(in *Input) Result {
	low, high := map[int64]int64{}, map[int64]int64{}
	lowAtCall := map[*Op]int64{}
	reads := 0
	for _, m := range moments(in.Ops) {
		op, key := m.op, m.op.Key()
		switch {
		case op.F == "add" && op.Outcome != Fail && !m.end:
			high[key] += op.Arg.At(1).Int
		case op.F == "add" && op.Outcome == Ok:
			low[key] += op.Arg.At(1).Int
		case op.F == "read" && !m.end:
			lowAtCall[op] = low[key]
		case op.F == "read" && op.Outcome == Ok:
			reads++
			if n := op.Result.At(1).Int; n < lowAtCall[op] || n > high[key] {
				return invalid([]*Op{op}, "a read gave %d where only %d to %d was possible", n,
					lowAtCall[op], high[key])
			}
		}
	}
	return valid("%d reads within their bounds", reads)
}

// One counter in the order of revisions.
type counterSteps struct {
	ops     []*Op
	unknown []*Op // increments of unknown outcome
}

func counterStepsOf(ops []*Op) map[int64]*counterSteps {
	counters := map[int64]*counterSteps{}
	for _, op := range ops {
		c := counters[op.Key()]
		if c == nil {
			c = &counterSteps{}
			counters[op.Key()] = c
		}
		switch {
		case op.Outcome == Ok:
			c.ops = append(c.ops, op)
		case op.F == "add" && op.Outcome == Info:
			c.unknown = append(c.unknown, op)
		}
	}
	for _, c := range counters {
		sort.SliceStable(c.ops, func(i, j int) bool {
			a, b := c.ops[i], c.ops[j]
			return a.Revision < b.Revision ||
				(a.Revision == b.Revision && a.F == "add" && b.F != "add")
		})
	}
	return counters
}

// check: each increment finds what the one before it left; a difference is what unknown increments
// that had been asked for by then may have added.
func (c *counterSteps) check() Result {
	now, explained := int64(0), int64(0)
	var previous *Op
	for _, op := range c.ops {
		found := op.Result.At(1).Int
		if op.F == "add" {
			found = op.End.Get("after").Int - op.Arg.At(1).Int
		}
		possible := int64(0)
		for _, u := range c.unknown {
			if u.Call <= op.Return {
				possible += u.Arg.At(1).Int
			}
		}
		explained += found - now
		if found < now || explained > possible {
			bad := []*Op{op}
			if previous != nil {
				bad = append(bad, previous)
			}
			return invalid(bad, "the counter was %d after the revision before and is found at %d",
				now, found)
		}
		now = found
		if op.F == "add" {
			now = op.End.Get("after").Int
		}
		previous = op
	}
	return Result{}
}

func checkCounterSteps(in *Input) Result {
	counters := counterStepsOf(in.Ops)
	for _, c := range counters {
		if result := c.check(); result.Verdict == Invalid {
			return result
		}
	}
	return valid("%d counters, each increment on top of the one before", len(counters))
}

var counterWorkload = &Workload{
	Name: "counter",
	Kind: func(op *Op) OpKind {
		if op.F == "add" {
			return MakesRevision
		}
		return ReadsState
	},
	Checks: []Check{
		{Name: "counter", Claim: "a counter is the sum of its acknowledged increments, plus some " +
			"of the ambiguous ones; each read lies within what was possible at its time",
			Run: checkCounterBounds},
		{Name: "steps", Claim: "in the order of revisions each increment adds to what the one " +
			"before it left", Run: checkCounterSteps},
		{Name: "linearizability", Claim: "each counter is linearizable", Run: checkCounterLinear},
	},
}
