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

var workloads = map[string]*Workload{}

func init() {
	for _, w := range []*Workload{registerWorkload, setWorkload} {
		workloads[w.Name] = w
	}
}

func workloadNames() string {
	names := []string{}
	for name := range workloads {
		names = append(names, name)
	}
	sort.Strings(names)
	return strings.Join(names, " ")
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
		if hasCorrupt(op.Result) {
			bad = append(bad, op)
		}
	}
	if len(bad) > 0 {
		return invalid(bad, "%d operations read what no client had written", len(bad))
	}
	return valid("%d operations", len(in.Ops))
}

// ChecksOf lists the checks of a workload, those of all workloads first.
func ChecksOf(name string) ([]Check, error) {
	w := workloads[name]
	if w == nil {
		return nil, fmt.Errorf("unknown workload %q, known are: %s", name, workloadNames())
	}
	common := []Check{
		{Name: "intact values", Claim: "every value read is one that a client wrote, byte for byte",
			Run: checkIntact},
		{Name: "revision order", Claim: "revisions are unique to their writes, one total order, " +
			"and agree with real time across all keys",
			Run: func(in *Input) Result { return checkRevisionOrder(in, w.Kind) }},
	}
	return append(common, w.Checks...), nil
}
