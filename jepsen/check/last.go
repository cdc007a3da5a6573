// Last reads: once all is healed, every object is read again, until it answers.
//
// What an acknowledged write must still be is told by reads that come after it. A swarm that never
// answers for a key again would have no such reads, and so no anomalies.
package main

import "fmt"

// lastTarget is what a read of the end is about: the reader tries again until it is answered.
func lastTarget(op *Op) string {
	if op.Arg.At(0).Kind == Int {
		return fmt.Sprintf("%s %s %d", op.Workload, op.F, op.Key())
	}
	return fmt.Sprintf("%s %s %s", op.Workload, op.F, op.Arg)
}

func isLast(op *Op) bool {
	return op.Start.Get("final").Int != 0
}

func lastApplies(in *Input) string {
	for _, op := range in.Ops {
		if isLast(op) {
			return ""
		}
	}
	return "nothing was read after the faults"
}

func checkLast(in *Input) Result {
	answered := map[string]bool{}
	for _, op := range in.Ops {
		if isLast(op) && op.Outcome == Ok {
			answered[lastTarget(op)] = true
		}
	}
	for _, op := range in.Ops {
		if isLast(op) && !answered[lastTarget(op)] {
			return invalid([]*Op{op}, "no read of it was answered after the faults")
		}
	}
	return valid("%d objects were read after the faults", len(answered))
}

var lastCheck = Check{Name: "last reads", Claim: "once all faults are healed, every object answers a " +
	"read", Applies: lastApplies, Run: checkLast}
