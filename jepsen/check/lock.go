// Locks: the token of a grant is its revision; guarded writes carry it, and older tokens lose.
//
// A lock may be stolen from a holder that is alive but slow. So the claim is not that two clients
// never believe to hold a lock at one time, which no store can promise, but that their tokens differ
// and grow, each grant follows the very change that it says it follows, and what a token guards is
// never written with an older one after a newer.
package main

import (
	"fmt"
	"sort"
)

// One change of a lock: a grant at revision `token`, or a release.
type lockChange struct {
	revision int64
	after    int64 // the revision that it replaced
	op       *Op
}

func lockChanges(ops []*Op) map[int64][]lockChange {
	locks := map[int64][]lockChange{}
	for _, op := range ops {
		switch {
		case op.Outcome != Ok:
		case op.F == "acquire":
			locks[op.Key()] = append(locks[op.Key()],
				lockChange{op.Revision, op.End.Get("from").Int, op})
		case op.F == "release":
			locks[op.Key()] = append(locks[op.Key()], lockChange{op.Revision, op.Arg.At(1).Int, op})
		}
	}
	for _, changes := range locks {
		sort.SliceStable(changes, func(i, j int) bool {
			return changes[i].revision < changes[j].revision
		})
	}
	return locks
}

func checkGrants(changes []lockChange) Result {
	follower := map[int64]*Op{}
	var previous lockChange
	for _, change := range changes {
		op := change.op
		if op.F == "acquire" && op.Result.At(1).Int != op.Revision {
			return invalid([]*Op{op}, "the token %s is not the revision of its grant", op.Result.At(1))
		}
		if other := follower[change.after]; other != nil {
			return invalid([]*Op{op, other}, "two holders: both replaced revision %d", change.after)
		}
		follower[change.after] = op
		if previous.op != nil && change.after < previous.revision {
			return invalid([]*Op{op, previous.op}, "it replaced revision %d, which revision %d had "+
				"replaced before", change.after, previous.revision)
		}
		if change.after >= change.revision {
			return invalid([]*Op{op}, "it replaced revision %d, which is later", change.after)
		}
		previous = change
	}
	return Result{}
}

func checkTokens(in *Input) Result {
	locks := lockChanges(in.Ops)
	grants := 0
	for _, changes := range locks {
		if result := checkGrants(changes); result.Verdict == Invalid {
			return result
		}
		grants += len(changes)
	}
	return valid("%d changes of %d locks, each on top of the one before", grants, len(locks))
}

// --- what the locks guard ------------------------------------------------------------------------

// guarded is [token v], and the zero value is a register that nobody has written.
type guarded struct {
	token, value int64
}

func guardedOf(v Value) guarded {
	if v.Kind == Nil {
		return guarded{}
	}
	if v.At(0).Kind != Int || v.At(1).Kind != Int {
		return guarded{corrupt, corrupt}
	}
	return guarded{v.At(0).Int, v.At(1).Int}
}

func lockPart(op *Op) (string, bool) {
	name := fmt.Sprintf("guarded-%d", op.Key())
	switch {
	case op.F != "write" && op.F != "read":
		return name, false
	case op.Outcome == Ok:
		return name, true
	}
	return name, op.F == "write" && (op.Outcome == Info || op.Error == "FENCED")
}

func lockStep(state interface{}, op *Op) (bool, interface{}) {
	now := state.(guarded)
	if op.F == "read" {
		return op.Outcome == Info || now == guardedOf(op.Result.At(1)), state
	}
	next := guardedOf(op.Arg.At(1))
	newer := now.token > next.token
	if op.Outcome == Fail {
		return newer, state
	}
	if newer {
		return op.Outcome == Info, state
	}
	return true, next
}

func checkGuardedLinear(in *Input) Result {
	linear := Linear{Part: lockPart, Init: guarded{}, Step: lockStep, Hint: lockHint}
	return linear.Check(in, in.Ops)
}

// checkFencing: by revision the tokens of a guarded register never go down, and each was granted.
func checkFencing(in *Input) Result {
	granted := map[[2]int64]*Op{}
	writes := map[int64][]*Op{}
	count := 0
	for _, op := range in.Ops {
		switch {
		case op.Outcome != Ok:
		case op.F == "acquire":
			granted[[2]int64{op.Key(), op.Result.At(1).Int}] = op
		case op.F == "write":
			writes[op.Key()] = append(writes[op.Key()], op)
			count++
		}
	}
	for key, list := range writes {
		sort.SliceStable(list, func(i, j int) bool { return list[i].Revision < list[j].Revision })
		for i, op := range list {
			token := guardedOf(op.Arg.At(1)).token
			grant := granted[[2]int64{key, token}]
			if grant == nil || !grant.Before(op) {
				return invalid([]*Op{op}, "token %d was written with before anybody got it", token)
			}
			if i > 0 && token < guardedOf(list[i-1].Arg.At(1)).token {
				return invalid([]*Op{op, list[i-1]}, "the older token %d wrote after a newer one", token)
			}
		}
	}
	return valid("%d guarded writes of %d registers", count, len(writes))
}

var lockWorkload = &Workload{
	Name: "lock",
	Kind: func(op *Op) OpKind {
		if op.F == "read" {
			return ReadsState
		}
		return MakesRevision
	},
	Checks: []Check{
		{Name: "tokens", Claim: "no two holders have the same fencing token, tokens grow, and each " +
			"grant replaces the newest change of its lock", Run: checkTokens},
		{Name: "fencing", Claim: "no guarded write of an older token lands after one of a newer",
			Run: checkFencing},
		{Name: "linearizability", Claim: "each guarded register is linearizable and refuses tokens " +
			"that are older than its own", Run: checkGuardedLinear},
	},
}
