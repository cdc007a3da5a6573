// Linearizability, judged by Porcupine object by object.
//
// Linearizability is local: a history is linearizable exactly if the part of each object is. So
// each object is searched alone, several at a time. An operation of unknown outcome may take effect
// any time after its call, or never. A search that runs out of time proves nothing, and its verdict
// is "unknown".
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// Linear is a sequential model of one object.
type Linear struct {
	// Part names the object an operation is about; false: the operation says nothing about any.
	Part func(op *Op) (string, bool)
	Init interface{}
	// Step is the operation on a state; false: it cannot have had that outcome there.
	Step     func(state interface{}, op *Op) (bool, interface{})
	Describe func(state interface{}) string
	// Prune drops operations that cannot matter; nil: none. It must not change the verdict.
	Prune func(ops []*Op) []*Op
	// Hint is a part of the history that is easier to search; see hint.go. nil: none.
	Hint func(ops []*Op) []*Op
}

func (l *Linear) porcupine() porcupine.Model {
	return porcupine.Model{
		Init: func() interface{} { return l.Init },
		Step: func(state, input, _ interface{}) (bool, interface{}) {
			return l.Step(state, input.(*Op))
		},
		DescribeOperation: func(input, _ interface{}) string { return input.(*Op).String() },
		DescribeState: func(state interface{}) string {
			if l.Describe == nil {
				return fmt.Sprint(state)
			}
			return l.Describe(state)
		},
	}
}

// One object and what was found of it.
type object struct {
	name   string
	ops    []*Op
	result porcupine.CheckResult
}

func (l *Linear) objects(ops []*Op) []*object {
	byName := map[string]*object{}
	var list []*object
	for _, op := range ops {
		name, ok := l.Part(op)
		if !ok {
			continue
		}
		if byName[name] == nil {
			byName[name] = &object{name: name}
			list = append(list, byName[name])
		}
		byName[name].ops = append(byName[name].ops, op)
	}
	for _, o := range list {
		if l.Prune != nil {
			o.ops = l.Prune(o.ops)
		}
	}
	sort.Slice(list, func(i, j int) bool { return len(list[i].ops) > len(list[j].ops) })
	return list
}

func operations(ops []*Op) []porcupine.Operation {
	var last int64
	for _, op := range ops {
		if op.Return != Never && op.Return > last {
			last = op.Return
		}
		if op.Call > last {
			last = op.Call
		}
	}
	list := make([]porcupine.Operation, 0, len(ops))
	for _, op := range ops {
		end := op.Return
		if end == Never {
			end = last + 1
		}
		list = append(list, porcupine.Operation{ClientId: int(op.Process), Input: op, Output: op,
			Call: op.Call, Return: end})
	}
	return list
}

func (l *Linear) search(ops []*Op, deadline time.Time) porcupine.CheckResult {
	left := time.Until(deadline)
	if left <= 0 {
		return porcupine.Unknown
	}
	return porcupine.CheckOperationsTimeout(l.porcupine(), operations(ops), left)
}

// searchHinted looks at the hint first: its linear order is one of the whole, too.
func (l *Linear) searchHinted(ops []*Op, deadline time.Time) porcupine.CheckResult {
	if l.Hint != nil {
		tries := time.Now().Add(time.Until(deadline) / 4)
		if l.search(l.Hint(ops), tries) == porcupine.Ok {
			return porcupine.Ok
		}
	}
	return l.search(ops, deadline)
}

// searchAll fills in the results, the largest objects first.
func (l *Linear) searchAll(objects []*object, deadline time.Time) {
	queue := make(chan *object)
	var workers sync.WaitGroup
	for i := 0; i < runtime.GOMAXPROCS(0); i++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for o := range queue {
				o.result = l.searchHinted(o.ops, deadline)
			}
		}()
	}
	for _, o := range objects {
		queue <- o
	}
	close(queue)
	workers.Wait()
}

// until is the history as it was known at `time`: what had not ended by then is unknown.
func until(ops []*Op, at int64) []*Op {
	var list []*Op
	for _, op := range ops {
		switch {
		case op.Call > at:
		case op.Return <= at || op.Outcome == Info:
			list = append(list, op)
		case op.Outcome == Ok:
			open := *op
			open.Outcome = Info
			open.Return = Never
			list = append(list, &open)
		}
	}
	return list
}

// firstBad is the operation whose end made the history impossible: without it, and all that ended
// later, there is an order. Nil if time ran out.
func (l *Linear) firstBad(ops []*Op, deadline time.Time) *Op {
	var ended []*Op
	for _, op := range ops {
		if op.Return != Never {
			ended = append(ended, op)
		}
	}
	sort.SliceStable(ended, func(i, j int) bool { return ended[i].Return < ended[j].Return })
	timedOut := false
	at := sort.Search(len(ended), func(i int) bool {
		result := l.searchHinted(until(ops, ended[i].Return), deadline)
		timedOut = timedOut || result == porcupine.Unknown
		return result == porcupine.Illegal
	})
	if timedOut || at == len(ended) {
		return nil
	}
	return ended[at]
}

// around is the bad operation and what ended shortly before it.
func around(ops []*Op, bad *Op) []*Op {
	var before []*Op
	for _, op := range ops {
		if op != bad && op.Return <= bad.Return {
			before = append(before, op)
		}
	}
	sort.SliceStable(before, func(i, j int) bool { return before[i].Return > before[j].Return })
	if len(before) > 8 {
		before = before[:8]
	}
	return append([]*Op{bad}, before...)
}

// picture writes Porcupine's page about a failed object; returns where it is, or why it is not.
func (l *Linear) picture(in *Input, name string, ops []*Op) string {
	if in.Out == "" {
		return ""
	}
	model := l.porcupine()
	_, info := porcupine.CheckOperationsVerbose(model, operations(ops), time.Minute)
	path := filepath.Join(in.Out, "linear-"+name+".html")
	file, err := os.Create(path)
	if err == nil {
		err = porcupine.Visualize(model, info, file)
		if closed := file.Close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		return "; no picture: " + err.Error()
	}
	return "; picture: " + path
}

func (l *Linear) explain(in *Input, o *object) Result {
	bad := l.firstBad(o.ops, in.Deadline)
	if bad == nil {
		return invalid(nil, "%s has no linear order (no time was left to find the operation)", o.name)
	}
	shown := until(o.ops, bad.Return)
	return invalid(around(o.ops, bad), "%s has no linear order once the first operation below ended%s",
		o.name, l.picture(in, o.name, shown))
}

// Check searches all objects of `ops`.
func (l *Linear) Check(in *Input, ops []*Op) Result {
	objects := l.objects(ops)
	l.searchAll(objects, in.Deadline)
	total, slow := 0, 0
	for _, o := range objects {
		if o.result == porcupine.Illegal {
			return l.explain(in, o)
		}
		if o.result == porcupine.Unknown {
			slow++
		}
		total += len(o.ops)
	}
	if slow > 0 {
		return unknown("time ran out for %d of %d objects", slow, len(objects))
	}
	return valid("%d operations on %d objects have a linear order", total, len(objects))
}
