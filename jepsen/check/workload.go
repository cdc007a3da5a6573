// The table of workloads: which checks each has. jepsen/workload/README.md says what they write.
package main

import (
	"fmt"
	"sort"
	"strings"
)

// Workload is what is known of the histories of one workload.
type Workload struct {
	Name   string
	Kind   func(op *Op) OpKind
	Checks []Check
}

// A mixed history is the sum of the others.
const mixed = "mixed"

var workloads = map[string]*Workload{}

func init() {
	for _, w := range []*Workload{registerWorkload, setWorkload, counterWorkload,
		listWorkload, bankWorkload, sessionWorkload, watchWorkload, lockWorkload, leaseWorkload, followWorkload,
		scanWorkload, queueWorkload, electionWorkload} {
		workloads[w.Name] = w
	}
}

func workloadNames() []string {
	names := []string{}
	for name := range workloads {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// hasCorrupt looks for :corrupt, which a client writes for bytes that no client made.
func hasCorrupt(v Value) bool {
	if v.Is("corrupt") {
		return true
	}
	for _, item := range v.Items {
		if hasCorrupt(item) {
			return true
		}
	}
	return false
}

func checkIntact(in *Input) Result {
	var bad []*Op
	for _, op := range in.Ops {
		if hasCorrupt(op.End) {
			bad = append(bad, op)
		}
	}
	if len(bad) > 0 {
		return invalid(bad, "%d operations read what no client had written", len(bad))
	}
	return valid("%d operations", len(in.Ops))
}

// checkAnswered: a history without answers is without anomalies, too.
func checkAnswered(in *Input, kind func(op *Op) OpKind) Result {
	writes, reads := 0, 0
	for _, op := range in.Ops {
		switch {
		case op.Outcome != Ok:
		case kind(op) == ReadsState, kind(op) == TellsPast:
			reads++
		default:
			writes++
		}
	}
	if writes == 0 || reads == 0 {
		return unknown("%d writes and %d reads were acknowledged: that proves nothing", writes, reads)
	}
	return valid("%d writes and %d reads were acknowledged", writes, reads)
}

// kindOf finds the workload of an operation, which in a mixed history each line names.
func kindOf(name string) func(op *Op) OpKind {
	return func(op *Op) OpKind {
		w := workloads[name]
		if name == mixed {
			w = workloads[op.Workload]
		}
		if w == nil {
			return NoRevision
		}
		return w.Kind(op)
	}
}

// partOf makes a check of one workload into one of its part of a mixed history.
func partOf(w *Workload, check Check) Check {
	part := func(in *Input) *Input {
		only := *in
		only.Workload = w.Name
		only.Ops = nil
		for _, op := range in.Ops {
			if op.Workload == w.Name {
				only.Ops = append(only.Ops, op)
			}
		}
		return &only
	}
	return Check{Name: w.Name + ": " + check.Name, Claim: check.Claim,
		Applies: func(in *Input) string {
			only := part(in)
			if len(only.Ops) == 0 {
				return "the history has no operation of it"
			}
			if check.Applies != nil {
				return check.Applies(only)
			}
			return ""
		},
		Run: func(in *Input) Result { return check.Run(part(in)) }}
}

func checkParts(in *Input) Result {
	for _, op := range in.Ops {
		if workloads[op.Workload] == nil {
			return invalid([]*Op{op}, "an operation of unknown workload %q", op.Workload)
		}
	}
	return valid("%d operations", len(in.Ops))
}

func mixedChecks() []Check {
	list := []Check{{Name: "parts", Claim: "each operation belongs to a workload with claims of " +
		"its own", Run: checkParts}}
	for _, name := range workloadNames() {
		for _, check := range workloads[name].Checks {
			list = append(list, partOf(workloads[name], check))
		}
	}
	return list
}

// ChecksOf lists the checks of a workload, those of all workloads first.
func ChecksOf(name string) ([]Check, error) {
	common := []Check{
		{Name: "answers", Claim: "the swarm acknowledged writes and reads, so there is something to " +
			"judge", Run: func(in *Input) Result { return checkAnswered(in, kindOf(name)) }},
		{Name: "intact values", Claim: "every value read is one that a client wrote, byte for byte",
			Run: checkIntact},
		{Name: "revision order", Claim: "revisions are unique to their writes, one total order, " +
			"and agree with real time across all keys",
			Run: func(in *Input) Result { return checkRevisionOrder(in, kindOf(name)) }},
	}
	common = append(append(common, lastCheck), logChecks...)
	if name == mixed {
		return append(common, mixedChecks()...), nil
	}
	if workloads[name] == nil {
		return nil, fmt.Errorf("unknown workload %q, known are: %s %s", name,
			strings.Join(workloadNames(), " "), mixed)
	}
	return append(common, workloads[name].Checks...), nil
}
