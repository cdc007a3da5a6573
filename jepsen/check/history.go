// A history: operations, each an invocation and its completion, as Jepsen writes them.
//
// Reading is strict, as Knossos and jepsen.history are. A process has one operation at a time and is
// retired by an :info, times never go back, a completion names the :f of its invocation, a failure
// its :value, too, and :index, if it is there, counts the lines. A history that breaks this was
// written wrongly, and no verdict on it would mean anything.
package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
)

// Outcome is what a client knows of its operation.
type Outcome uint8

// Jepsen's :ok, :fail and :info (which is also an operation that never completed).
const (
	Ok Outcome = iota
	Fail
	Info
)

func (o Outcome) String() string {
	return [...]string{"ok", "fail", "info"}[o]
}

// Never is the return time of an operation whose end nobody saw: it may take effect any time later.
const Never = math.MaxInt64

// One line is one small map; longer ones are no history.
const lineSizeMax = 16 << 20

// Op is one operation.
type Op struct {
	Line     int // of the invocation
	Process  int64
	F        string
	Workload string // of a mixed history; else ""
	Arg      Value  // :value of the invocation
	Result   Value  // :value of the completion; Nil if there was none
	Call     int64  // ns
	Return   int64  // ns; Never if Outcome is Info
	Outcome  Outcome
	Revision int64 // 0: not known
	Node     int64
	Term     int64
	Error    string // "CONFLICT"
	Start    Value  // the whole line of the invocation
	End      Value  // the whole line of the completion; Nil if there was none
}

func (op *Op) String() string {
	text := fmt.Sprintf("line %d: process %d %s %s", op.Line, op.Process, op.F, op.Arg)
	switch {
	case op.Outcome == Ok:
		text += " -> " + op.Result.String()
	case op.Error != "":
		text += " -> " + op.Outcome.String() + " " + op.Error
	default:
		text += " -> " + op.Outcome.String()
	}
	if op.Revision > 0 {
		text += fmt.Sprintf(" at revision %d", op.Revision)
	}
	return text
}

// Key is the object that an operation on [key value] is about.
func (op *Op) Key() int64 {
	return op.Arg.At(0).Int
}

// Before tells whether op had ended when other began.
func (op *Op) Before(other *Op) bool {
	return op.Return < other.Call
}

// pairing joins invocations and completions while lines come in.
type pairing struct {
	ops     []*Op
	open    map[int64]*Op
	retired map[int64]bool
	last    int64
	count   int64 // of entries so far
}

// ReadHistory reads a whole history; operations stand in the order of their invocations.
func ReadHistory(in io.Reader) ([]*Op, error) {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 1<<16), lineSizeMax)
	p := pairing{open: map[int64]*Op{}, retired: map[int64]bool{}}
	line := 0
	for scanner.Scan() {
		line++
		if err := p.line(line, scanner.Text()); err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", line+1, err)
	}
	return p.ops, nil
}

func blank(text string) bool {
	r := ednReader{text: text}
	r.blanks()
	return r.at == len(text)
}

func (p *pairing) line(number int, text string) error {
	if blank(text) {
		return nil
	}
	entry, err := ParseEDN(text)
	if err != nil {
		return err
	}
	if entry.Kind != Map {
		return fmt.Errorf("not a map")
	}
	at := entry.Get("time")
	if at.Kind != Int {
		return fmt.Errorf("no :time")
	}
	if at.Int < p.last {
		return fmt.Errorf("time goes back from %d to %d", p.last, at.Int)
	}
	p.last = at.Int
	if index := entry.Get("index"); index.Kind != Nil && index.Int != p.count {
		return fmt.Errorf(":index %s on entry %d", index, p.count)
	}
	p.count++
	process := entry.Get("process")
	if process.Is("nemesis") {
		return nil
	}
	if process.Kind != Int {
		return fmt.Errorf(":process is neither a number nor :nemesis")
	}
	if entry.Get("f").Kind != Keyword {
		return fmt.Errorf("no :f")
	}
	if entry.Get("type").Is("invoke") {
		return p.invoke(number, process.Int, entry)
	}
	return p.complete(process.Int, entry)
}

func (p *pairing) invoke(number int, process int64, entry Value) error {
	if p.open[process] != nil {
		return fmt.Errorf("process %d invokes before its last operation ended", process)
	}
	if p.retired[process] {
		return fmt.Errorf("process %d goes on after an :info", process)
	}
	op := &Op{Line: number, Process: process, F: entry.Get("f").Text, Arg: entry.Get("value"),
		Workload: entry.Get("workload").Text, Call: entry.Get("time").Int, Return: Never,
		Outcome: Info, Start: entry}
	p.open[process] = op
	p.ops = append(p.ops, op)
	return nil
}

func (p *pairing) complete(process int64, entry Value) error {
	op := p.open[process]
	if op == nil {
		return fmt.Errorf("process %d completes what it never invoked", process)
	}
	if f := entry.Get("f").Text; f != op.F {
		return fmt.Errorf("process %d invoked :%s and completes :%s", process, op.F, f)
	}
	switch kind := entry.Get("type"); {
	case kind.Is("ok"):
		op.Outcome = Ok
		op.Result = entry.Get("value")
	case kind.Is("fail"):
		op.Outcome = Fail
		if !op.Arg.Equal(entry.Get("value")) {
			return fmt.Errorf("process %d invoked with %s and failed with %s", process, op.Arg,
				entry.Get("value"))
		}
	case kind.Is("info"):
		p.retired[process] = true
	default:
		return fmt.Errorf("unknown :type %s", kind)
	}
	if op.Outcome != Info {
		op.Return = entry.Get("time").Int
	}
	op.Revision = entry.Get("revision").Int
	op.Node = entry.Get("node").Int
	op.Term = entry.Get("term").Int
	op.Error = entry.Get("error").Text
	op.End = entry
	delete(p.open, process)
	return nil
}
