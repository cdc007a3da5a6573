// What the program says: one verdict for each check, with its claim and the operations against it.
package main

import (
	"fmt"
	"time"
)

// Verdict is the outcome of one check. A check that ran out of time proved nothing: it is unknown.
type Verdict uint8

// From best to worst; the verdict of a run is the worst of its checks.
const (
	Valid Verdict = iota
	Unknown
	Invalid
)

// MarshalJSON writes true, false or "unknown".
func (v Verdict) MarshalJSON() ([]byte, error) {
	return []byte([...]string{"true", `"unknown"`, "false"}[v]), nil
}

// A failed check may have thousands of bad operations; the first ones tell the story.
const shownMax = 20

// Result is what a check found.
type Result struct {
	Verdict Verdict
	Why     string
	Ops     []*Op
}

func valid(format string, args ...interface{}) Result {
	return Result{Verdict: Valid, Why: fmt.Sprintf(format, args...)}
}

func unknown(format string, args ...interface{}) Result {
	return Result{Verdict: Unknown, Why: fmt.Sprintf(format, args...)}
}

func invalid(ops []*Op, format string, args ...interface{}) Result {
	return Result{Verdict: Invalid, Why: fmt.Sprintf(format, args...), Ops: ops}
}

// Input is what all checks read. None changes it.
type Input struct {
	Workload string
	Ops      []*Op
	Logs     []*Log // of --entries
	Out      string
	Deadline time.Time
	Drift    int64 // how much faster or slower a node's clock may have run, in ppm
}

// Check is one property. Applies says why the check cannot be made on this input, or "".
type Check struct {
	Name    string
	Claim   string
	Applies func(in *Input) string
	Run     func(in *Input) Result
}

// CheckReport is a row of the output.
type CheckReport struct {
	Name       string   `json:"name"`
	Claim      string   `json:"claim"`
	Valid      Verdict  `json:"valid"`
	Why        string   `json:"why"`
	Operations []string `json:"operations"`
	Seconds    float64  `json:"seconds"`
}

// SkipReport names a check that could not be made, and why.
type SkipReport struct {
	Name  string `json:"name"`
	Claim string `json:"claim"`
	Why   string `json:"why"`
}

// Report is the whole output.
type Report struct {
	Valid      Verdict        `json:"valid"`
	Workload   string         `json:"workload"`
	Operations int            `json:"operations"`
	Outcomes   map[string]int `json:"outcomes"`
	Checks     []CheckReport  `json:"checks"`
	Skipped    []SkipReport   `json:"skipped"`
}

func describe(ops []*Op) []string {
	lines := []string{}
	for i, op := range ops {
		if i == shownMax {
			return append(lines, fmt.Sprintf("and %d more", len(ops)-shownMax))
		}
		lines = append(lines, op.String())
	}
	return lines
}

// RunChecks makes every check that applies and says which did not.
func RunChecks(in *Input, checks []Check) Report {
	report := Report{Workload: in.Workload, Operations: len(in.Ops), Outcomes: map[string]int{},
		Checks: []CheckReport{}, Skipped: []SkipReport{}}
	for _, op := range in.Ops {
		report.Outcomes[op.Outcome.String()]++
	}
	for _, check := range checks {
		if check.Applies != nil {
			if why := check.Applies(in); why != "" {
				report.Skipped = append(report.Skipped, SkipReport{check.Name, check.Claim, why})
				continue
			}
		}
		start := time.Now()
		result := check.Run(in)
		report.Checks = append(report.Checks, CheckReport{Name: check.Name, Claim: check.Claim,
			Valid: result.Verdict, Why: result.Why, Operations: describe(result.Ops),
			Seconds: time.Since(start).Seconds()})
		if result.Verdict > report.Valid {
			report.Valid = result.Verdict
		}
	}
	return report
}
