// Leases: locks that end by themselves, whose token the store compares where the holder writes.
//
// By revision a lock has one holder after the other: who takes it finds it free. What it guards is
// written only by the holder of that revision. By the clients' clocks a lease lives for its time
// after a refresh that was acknowledged began, less only what clocks of nodes were made to drift.
package main

import (
	"fmt"
	"sort"
	"strings"
)

const (
	nsPerMs = 1000 * 1000
	million = 1000 * 1000
	slackNs = 5 * nsPerMs // the swarm counts whole milliseconds; and true clocks differ a little
)

// leaseLife is how long a lease lives at least, on a true clock.
func leaseLife(ttlMs, drift int64) int64 {
	return ttlMs*nsPerMs/100*98*million/(million+drift) - slackNs
}

func leaseToken(op *Op) int64 {
	if op.F == "acquire" {
		return op.End.Get("lease").Int
	}
	if op.F == "write" {
		return op.Arg.At(1).At(0).Int
	}
	return op.Arg.At(1).Int
}

// A lock: who took it, in the order of revisions, and what is known of each token.
type leased struct {
	takes   []*Op // acknowledged
	grants  map[int64]*Op
	all     []*Op
	release map[int64]int64 // when the first release of a token began
}

func leasedOf(ops []*Op) map[int64]*leased {
	locks := map[int64]*leased{}
	for _, op := range ops {
		lock := locks[op.Key()]
		if lock == nil {
			lock = &leased{grants: map[int64]*Op{}, release: map[int64]int64{}}
			locks[op.Key()] = lock
		}
		lock.all = append(lock.all, op)
		token := leaseToken(op)
		if op.F == "acquire" && op.Outcome != Fail && token != 0 {
			lock.grants[token] = op
			if op.Outcome == Ok {
				lock.takes = append(lock.takes, op)
			}
		}
		if _, known := lock.release[token]; op.F == "release" && !known {
			lock.release[token] = op.Call
		}
	}
	for _, lock := range locks {
		sort.SliceStable(lock.takes, func(i, j int) bool {
			return lock.takes[i].Revision < lock.takes[j].Revision
		})
	}
	return locks
}

// takenAfter finds an acknowledged take by another token after `from` took and not after `revision`.
func (lock *leased) takenAfter(from *Op, revision int64) *Op {
	for _, take := range lock.takes {
		if take != from && take.Revision > from.Revision && take.Revision <= revision {
			return take
		}
	}
	return nil
}

// holds judges an operation that shows `token` as the holder at its revision.
func (lock *leased) holds(op *Op, token int64) Result {
	grant := lock.grants[token]
	if grant == nil {
		return invalid([]*Op{op}, "nobody took the lock with lease %d", token)
	}
	if grant.Call > op.Return {
		return invalid([]*Op{op, grant}, "lease %d held the lock before it was asked for", token)
	}
	if grant.Outcome != Ok {
		return Result{} // its own revision is not known
	}
	if grant.Revision > op.Revision {
		return invalid([]*Op{op, grant}, "lease %d took the lock later", token)
	}
	if other := lock.takenAfter(grant, op.Revision); other != nil {
		return invalid([]*Op{op, grant, other}, "lease %d had lost the lock to another", token)
	}
	return Result{}
}

func checkLeaseHolders(in *Input) Result {
	count := 0
	for _, lock := range leasedOf(in.Ops) {
		for _, op := range lock.all {
			token := int64(0)
			switch {
			case op.Outcome != Ok:
			case op.F == "write":
				token = leaseToken(op)
			case op.F == "holder":
				token = op.Result.At(1).Int
			}
			if token == 0 {
				continue
			}
			count++
			if result := lock.holds(op, token); result.Verdict == Invalid {
				return result
			}
		}
	}
	return valid("%d writes and looks, each of the holder of its revision", count)
}

// --- the time of a lease -------------------------------------------------------------------------

// gone: the operation shows that the lease `token` had ended when it returned.
func (lock *leased) gone(op *Op, token int64) bool {
	switch {
	case op.F == "holder" && op.Outcome == Ok:
		return op.Result.At(1).Int != token
	case op.F == "acquire" && op.Outcome == Ok:
		return leaseToken(op) != token
	case op.F == "write" && op.Error == "FENCED", op.F == "keep-alive" && op.Error == "LEASE_GONE",
		op.F == "release" && op.Error == "LEASE_GONE":
		return leaseToken(op) == token
	}
	return false
}

// A refresh: an acknowledged acquire or keep-alive.
func (lock *leased) refreshes() []*Op {
	var list []*Op
	for _, op := range lock.all {
		if op.Outcome == Ok && (op.F == "acquire" || op.F == "keep-alive") {
			list = append(list, op)
		}
	}
	return list
}

func (lock *leased) tooEarly(refresh *Op, drift int64) *Op {
	token := leaseToken(refresh)
	grant := lock.grants[token]
	if grant == nil {
		return nil
	}
	until := refresh.Call + leaseLife(grant.End.Get("ttl").Int, drift)
	released, known := lock.release[token]
	from := sort.Search(len(lock.all), func(i int) bool { return lock.all[i].Call > refresh.Return })
	for _, op := range lock.all[from:] {
		if op.Call >= until {
			break
		}
		if op.Outcome != Info && op.Return < until && lock.gone(op, token) &&
			(!known || released > op.Return) {
			return op
		}
	}
	return nil
}

func checkLeaseTime(in *Input) Result {
	count := 0
	for _, lock := range leasedOf(in.Ops) {
		for _, refresh := range lock.refreshes() {
			count++
			if op := lock.tooEarly(refresh, in.Drift); op != nil {
				return invalid([]*Op{op, refresh}, "lease %d was gone before its time", leaseToken(refresh))
			}
		}
	}
	return valid("%d refreshes kept their leases", count)
}

// checkLeaseEnds: after the end, when nobody refreshes anything, each lock comes free.
func checkLeaseEnds(in *Input) Result {
	last := map[int64]*Op{}
	for _, op := range in.Ops {
		if op.F == "holder" && op.Outcome == Ok && op.End.Get("final").Int == 1 {
			last[op.Key()] = op
		}
	}
	for key, op := range last {
		if op.Result.At(1).Kind != Nil {
			return invalid([]*Op{op}, "lock %d never came free", key)
		}
	}
	return valid("%d locks came free", len(last))
}

// --- what the locks guard ------------------------------------------------------------------------

func leasePart(op *Op) (string, bool) {
	name, use := lockPart(op)
	return name, use && op.Error != "FENCED" // which is about the lock, not about the register
}

func leaseStep(state interface{}, op *Op) (bool, interface{}) {
	now := state.(guarded)
	if op.F == "read" {
		return op.Outcome == Info || now == guardedOf(op.Result.At(1)), state
	}
	return true, guardedOf(op.Arg.At(1))
}

func checkLeaseLinear(in *Input) Result {
	linear := Linear{Part: leasePart, Init: guarded{}, Step: leaseStep}
	return linear.Check(in, in.Ops)
}

var leaseWorkload = &Workload{
	Name: "lease",
	Kind: func(op *Op) OpKind {
		switch op.F {
		case "read", "holder":
			return ReadsState
		case "acquire", "write", "release":
			return MakesRevision
		}
		return NoRevision
	},
	Checks: []Check{
		{Name: "holders", Claim: "a lock has one holder at a time, and only the holder writes what it " +
			"guards", Run: checkLeaseHolders},
		{Name: "lease time", Claim: "a lease that was refreshed lives on for its time",
			Run: checkLeaseTime},
		{Name: "lease end", Claim: "a lease that nobody refreshes ends, and its lock comes free",
			Run: checkLeaseEnds},
		{Name: "linearizability", Claim: "each guarded register is linearizable",
			Run: checkLeaseLinear},
	},
}

// --- in the log ----------------------------------------------------------------------------------

// Tokens and the numbers of values are both small, so tokens stand below zero.
func bindLease() *Binding {
	target := func(letters string, op *Op) []Target {
		return []Target{{"h0", fmt.Sprintf("%s%d", letters, op.Key())}}
	}
	return &Binding{
		Targets: func(op *Op) []Target {
			switch op.F {
			case "acquire", "release":
				return target("lock", op)
			case "write":
				return target("data", op)
			}
			return nil
		},
		Left: func(op *Op, changes []Change) bool {
			if op.F == "acquire" {
				return firstIn(changes[0]) == leaseToken(op)
			}
			return firstIn(changes[0]) == op.Arg.At(1).At(1).Int
		},
		Numbers: func(op *Op) []int64 {
			switch {
			case op.F == "acquire" && leaseToken(op) != 0:
				return []int64{-leaseToken(op)}
			case op.F == "write":
				return []int64{op.Arg.At(1).At(1).Int}
			}
			return nil
		},
		NumberIn: func(change Change) int64 {
			if strings.HasPrefix(change.Key, "lock") {
				return -firstIn(change)
			}
			return firstIn(change)
		},
		Read: func(v *View, op *Op) (Value, bool) {
			if op.F == "keep-alive" {
				return Value{}, false // it reads nothing
			}
			if op.F == "holder" {
				record := v.get("h", 0, fmt.Sprintf("lock%d", op.Key()))
				if record == nil {
					return keyed(op, Value{}), true
				}
				return keyed(op, intValue(record.Lease)), true
			}
			record := v.get("h", 0, fmt.Sprintf("data%d", op.Key()))
			if record == nil {
				return keyed(op, Value{}), true
			}
			pair := numbers(record.Value, " ")
			if len(pair) != 2 {
				return keyed(op, keyword("corrupt")), true
			}
			return keyed(op, vector(intValue(pair[1]), intValue(pair[0]))), true
		},
	}
}
