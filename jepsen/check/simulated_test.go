// Simulated registers: histories that are right by construction, as long and as concurrent as wanted.
package main

import (
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"
)

// One line of a history and when it was written.
type timedLine struct {
	at   int
	text string
}

type simulation struct {
	dice      *rand.Rand
	lines     []timedLine
	revision  int
	now       int
	processes int
	values    map[int]int // by key, 0: missing
	mods      map[int]int
}

// An operation takes effect somewhere between its call and its return; of the unknown ones half do,
// at any time after their call.
type simulated struct {
	process, key       int
	call, effect, back int
	unknown            bool
}

func (s *simulation) line(at, process int, kind, f, value, extra string) {
	s.lines = append(s.lines, timedLine{at, fmt.Sprintf(
		"{:process %d, :type :%s, :f :%s, :value %s, :time %d%s}", process, kind, f, value, at, extra)})
}

// run takes effect, in the order of effects.
func (s *simulation) run(op *simulated, number int) {
	f, arg, result, extra := "read", fmt.Sprintf("[%d nil]", op.key), "", ""
	old := s.values[op.key]
	switch kind := s.dice.Intn(10); {
	case kind < 5:
		result = fmt.Sprintf("[%d %s]", op.key, simulatedValue(old))
		extra = fmt.Sprintf(", :revision %d, :mod %d", s.revision, s.mods[op.key])
	case kind < 8 || old == 0:
		f, arg = "write", fmt.Sprintf("[%d %d]", op.key, number)
		s.write(op.key, number)
	default:
		f, arg = "cas", fmt.Sprintf("[%d [%d %d]]", op.key, old, number)
		s.write(op.key, number)
	}
	if f != "read" {
		result, extra = arg, fmt.Sprintf(", :revision %d", s.revision)
	}
	s.line(op.call, op.process, "invoke", f, arg, "")
	switch {
	case !op.unknown:
		s.line(op.back, op.process, "ok", f, result, extra)
	case f == "read":
		s.line(op.back, op.process, "fail", f, arg, ", :error :DEADLINE")
	default:
		s.line(op.back, op.process, "info", f, arg, ", :error :UNKNOWN_OUTCOME")
	}
}

func simulatedValue(value int) string {
	if value == 0 {
		return "nil"
	}
	return fmt.Sprint(value)
}

func (s *simulation) write(key, value int) {
	s.revision++
	s.values[key], s.mods[key] = value, s.revision
}

// simulate makes `count` operations of some processes; the share of unknown ones is in percent.
func simulate(seed int64, count, processes, keys, unknown int) string {
	s := &simulation{dice: rand.New(rand.NewSource(seed)), values: map[int]int{},
		mods: map[int]int{}, processes: processes, revision: 1}
	var ops []*simulated
	number := make([]int, processes)
	at := make([]int, processes)
	for i := 0; i < count; i++ {
		p := s.dice.Intn(processes)
		if number[p] == 0 {
			number[p] = p
		}
		op := &simulated{process: number[p], key: s.dice.Intn(keys), call: at[p] + s.dice.Intn(900),
			unknown: s.dice.Intn(100) < unknown}
		op.back = op.call + 100 + s.dice.Intn(900)
		op.effect = op.call + s.dice.Intn(op.back-op.call)
		if op.unknown {
			number[p] += processes
			op.effect = op.call + s.dice.Intn(20*(op.back-op.call))
		}
		at[p] = op.back + 1
		ops = append(ops, op)
	}
	sort.SliceStable(ops, func(i, j int) bool { return ops[i].effect < ops[j].effect })
	for i, op := range ops {
		s.run(op, i+1)
	}
	return s.text()
}

func (s *simulation) text() string {
	sort.SliceStable(s.lines, func(i, j int) bool { return s.lines[i].at < s.lines[j].at })
	var out strings.Builder
	for _, line := range s.lines {
		out.WriteString(line.text + "\n")
	}
	return out.String()
}

func simulatedInput(t testing.TB, text string) *Input {
	t.Helper()
	ops, err := ReadHistory(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return &Input{Workload: "register", Ops: ops, Deadline: time.Now().Add(time.Minute)}
}

func TestSimulatedRegistersAreValid(t *testing.T) {
	checks, err := ChecksOf("register")
	if err != nil {
		t.Fatal(err)
	}
	for seed := int64(1); seed <= 30; seed++ {
		in := simulatedInput(t, simulate(seed, 400, 2+int(seed)%12, 1+int(seed)%4, int(seed)%20))
		if report := RunChecks(in, checks); report.Valid != Valid {
			t.Errorf("seed %d: %+v", seed, report)
		}
	}
}

// tellStale makes one read in the second half give the value of a write that was overwritten.
func tellStale(in *Input) bool {
	var first *Op
	for _, op := range in.Ops {
		switch {
		case first == nil && op.F == "write" && op.Outcome == Ok:
			first = op
		case first != nil && op.F == "read" && op.Outcome == Ok && op.Key() == first.Key() &&
			op.Line > 500 && op.Result.At(1).Int != first.Arg.At(1).Int:
			op.Result = first.Arg
			return true
		}
	}
	return false
}

// A read that gives the value of before its key's last acknowledged write is refused.
func TestSimulatedRegistersWithOneStaleReadAreNot(t *testing.T) {
	checks, err := ChecksOf("register")
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for seed := int64(1); seed <= 30; seed++ {
		in := simulatedInput(t, simulate(seed, 400, 2+int(seed)%12, 1+int(seed)%4, int(seed)%20))
		if tellStale(in) {
			told++
			if report := RunChecks(in, checks); report.Valid != Invalid {
				t.Errorf("seed %d: nobody notices", seed)
			}
		}
	}
	if told < 20 {
		t.Errorf("only %d lies", told)
	}
}

// A minute of five thousand operations a second. Set SWARM_CHECK_BIG to keep the history there.
func BenchmarkAMinuteOfRegisters(b *testing.B) {
	text := simulate(1, 300000, 64, 16, 2)
	if dir := os.Getenv("SWARM_CHECK_BIG"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "big.edn"), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	checks, err := ChecksOf("register")
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	for i := 0; i < b.N; i++ {
		if report := RunChecks(simulatedInput(b, text), checks); report.Valid != Valid {
			b.Fatalf("%+v", report)
		}
	}
}
