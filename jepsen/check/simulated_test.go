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

// A change is what an operation does and answers when it takes effect.
type effect func(s *simulation, op *simulated, number int, happens bool) (f, arg, result, extra string)

// registerEffect: half reads, and of the writes some compare.
func registerEffect(s *simulation, op *simulated, number int, happens bool) (f, arg, result, extra string) {
	old := s.values[op.key]
	switch kind := s.dice.Intn(10); {
	case kind < 5:
		extra = fmt.Sprintf(", :revision %d, :mod %d", s.revision, s.mods[op.key])
		return "read", fmt.Sprintf("[%d nil]", op.key), fmt.Sprintf("[%d %s]", op.key,
			simulatedValue(old)), extra
	case kind < 8 || old == 0:
		f, arg = "write", fmt.Sprintf("[%d %d]", op.key, number)
	default:
		f, arg = "cas", fmt.Sprintf("[%d [%d %d]]", op.key, old, number)
	}
	if happens {
		s.write(op.key, number)
	}
	return f, arg, arg, fmt.Sprintf(", :revision %d", s.revision)
}

func counterEffect(s *simulation, op *simulated, _ int, happens bool) (f, arg, result, extra string) {
	d := 1 + s.dice.Intn(5)
	if s.dice.Intn(10) < 4 {
		return "read", fmt.Sprintf("[%d nil]", op.key), fmt.Sprintf("[%d %d]", op.key,
			s.values[op.key]), fmt.Sprintf(", :revision %d", s.revision)
	}
	if happens {
		s.write(op.key, s.values[op.key]+d)
	}
	arg = fmt.Sprintf("[%d %d]", op.key, d)
	return "add", arg, arg, fmt.Sprintf(", :after %d, :revision %d", s.values[op.key], s.revision)
}

// bankEffect keeps the balances of branch k as values of 8k, 8k+1 ..., less what all begin with.
func bankEffect(s *simulation, op *simulated, _ int, happens bool) (f, arg, result, extra string) {
	at := func(account int) int { return op.key*accounts + account }
	from := s.dice.Intn(accounts)
	to := (from + 1 + s.dice.Intn(accounts-1)) % accounts
	amount := 1 + s.dice.Intn(5)
	if s.dice.Intn(10) < 4 || s.values[at(from)]+accountInitial < amount {
		result = fmt.Sprintf("[%d {", op.key)
		for account := 0; account < accounts; account++ {
			result += fmt.Sprintf("%d %d ", account, s.values[at(account)]+accountInitial)
		}
		return "read", fmt.Sprintf("[%d nil]", op.key), result + "}]",
			fmt.Sprintf(", :revision %d", s.revision)
	}
	if happens {
		s.revision++
		s.values[at(from)] -= amount
		s.values[at(to)] += amount
	}
	arg = fmt.Sprintf("[%d {:from %d, :to %d, :amount %d}]", op.key, from, to, amount)
	return "transfer", arg, arg, fmt.Sprintf(", :revision %d", s.revision)
}

// run takes effect, in the order of effects.
func (s *simulation) run(op *simulated, number int, does effect) {
	f, arg, result, extra := does(s, op, number, !op.unknown || s.dice.Intn(2) == 0)
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
func simulate(seed int64, count, processes, keys, unknown int, does effect) string {
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
		s.run(op, i+1, does)
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
		in := simulatedInput(t, simulate(seed, 400, 2+int(seed)%12, 1+int(seed)%4, int(seed)%20, registerEffect))
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
		in := simulatedInput(t, simulate(seed, 400, 2+int(seed)%12, 1+int(seed)%4, int(seed)%20, registerEffect))
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

// Without a hint each pending operation of unknown outcome doubles the search.
func TestManyUnknownOutcomesAreSearchedInTime(t *testing.T) {
	for workload, does := range map[string]effect{"counter": counterEffect, "bank": bankEffect,
		"register": registerEffect} {
		for _, unknown := range []int{2, 10, 20} {
			in := simulatedInput(t, simulate(7, 2000, 12, 2, unknown, does))
			in.Workload = workload
			if report := verdictOf(t, in); report.Valid != Valid {
				t.Errorf("%s, %d %% unknown: %+v", workload, unknown, report)
			}
		}
	}
}

// A hint that explains nothing must not hide a lie, nor a lie the hint.
func TestLiesAreFoundAmongManyUnknownOutcomes(t *testing.T) {
	for workload, does := range map[string]effect{"counter": counterEffect, "bank": bankEffect} {
		in := simulatedInput(t, simulate(8, 200, 6, 1, 3, does))
		in.Workload = workload
		reads := in.ofKind(ReadsState)
		op := reads[len(reads)/2]
		value, _ := grown(op.Result.At(1))
		if workload == "bank" {
			value = Value{Kind: Map, Items: append([]Value{}, op.Result.At(1).Items...)}
			value.Items[1].Int++
			value.Items[3].Int--
		}
		op.Result = keyed(op, value)
		in.Deadline = time.Now().Add(10 * time.Second)
		if result := runNamed(t, in, "linearizability"); result.Verdict != Invalid {
			t.Errorf("%s: %v %s", workload, result.Verdict, result.Why)
		}
	}
}

// A minute of five thousand operations a second. Set SWARM_CHECK_BIG to keep the history there.
func BenchmarkAMinuteOfRegisters(b *testing.B) {
	text := simulate(1, 300000, 64, 16, 2, registerEffect)
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
