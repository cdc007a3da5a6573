// Small histories for the tests, told line by line and read back as any history is.
package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

type story struct {
	lines []string
	time  int
	f     map[int]string
	value map[int]string // of the invocations
	part  string         // :workload of what follows, in a mixed history
}

func tell() *story {
	return &story{f: map[int]string{}, value: map[int]string{}}
}

func (s *story) line(process int, kind, value, extra string) *story {
	s.time += 10
	if s.part != "" {
		extra += " :workload :" + s.part
	}
	s.lines = append(s.lines, fmt.Sprintf("{:process %d, :type :%s, :f :%s, :value %s, :time %d %s}",
		process, kind, s.f[process], value, s.time, extra))
	return s
}

// of says to which workload the next operations of a mixed history belong.
func (s *story) of(workload string) *story {
	s.part = workload
	return s
}

// call begins an operation; ok, fail or info end it.
func (s *story) call(process int, f, value string) *story {
	s.f[process], s.value[process] = f, value
	return s.line(process, "invoke", value, "")
}

func (s *story) ok(process int, value string, revision int, extra ...string) *story {
	return s.line(process, "ok", value,
		fmt.Sprintf(":revision %d %s", revision, strings.Join(extra, " ")))
}

func (s *story) fail(process int, extra string) *story {
	return s.line(process, "fail", s.value[process], extra)
}

func (s *story) info(process int) *story {
	return s.line(process, "info", s.value[process], ":error :UNKNOWN_OUTCOME")
}

// did is an operation that nothing overlaps; its :value stays what it was.
func (s *story) did(process int, f, value string, revision int, extra ...string) *story {
	return s.call(process, f, value).ok(process, value, revision, extra...)
}

// read is one that nothing overlaps.
func (s *story) read(process int, f, arg, result string, revision int, extra ...string) *story {
	return s.call(process, f, arg).ok(process, result, revision, extra...)
}

func (s *story) ops(t *testing.T) []*Op {
	t.Helper()
	ops, err := ReadHistory(strings.NewReader(strings.Join(s.lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return ops
}

func (s *story) input(t *testing.T, workload string) *Input {
	t.Helper()
	return &Input{Workload: workload, Ops: s.ops(t), Deadline: time.Now().Add(time.Minute)}
}

func runNamed(t *testing.T, in *Input, name string) Result {
	t.Helper()
	checks, err := ChecksOf(in.Workload)
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range checks {
		if check.Name == name {
			return check.Run(in)
		}
	}
	t.Fatalf("workload %s has no check %q", in.Workload, name)
	return Result{}
}

// accepted: every check of the workload holds.
func accepted(t *testing.T, workload string, s *story) {
	t.Helper()
	checks, err := ChecksOf(workload)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range RunChecks(s.input(t, workload), checks).Checks {
		if row.Valid != Valid {
			t.Errorf("%s refuses a good history: %s %q", row.Name, row.Why, row.Operations)
		}
	}
}

// refused: that check refuses the lie, says `why`, and names operations.
func refused(t *testing.T, workload, check, why string, s *story) {
	t.Helper()
	result := runNamed(t, s.input(t, workload), check)
	switch {
	case result.Verdict != Invalid:
		t.Errorf("%s accepts a lie: %s", check, result.Why)
	case !strings.Contains(result.Why, why):
		t.Errorf("%s says %q, not %q", check, result.Why, why)
	case len(result.Ops) == 0:
		t.Errorf("%s names no operation", check)
	}
}
