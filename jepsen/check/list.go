// Lists: transactions of appends and reads, in the form of Elle's list-append.
//
// Elements are unique, so a read of a list names every write before it, in order. Two checks need
// no search: all reads of a list are prefixes of one another, and by revision each read is exactly
// what had been appended, where a transaction of unknown outcome is seen whole or not at all. With
// the revisions in the order of real time this is strict serializability. Lists whose transactions
// keep to one key are searched by Porcupine as well.
package main

import (
	"fmt"
	"sort"
)

// One micro-operation: [:append k v] or [:r k [v ...]].
type micro struct {
	append bool
	key    int64
	value  Value
}

func microsOf(v Value) []micro {
	var list []micro
	for _, item := range v.Items {
		list = append(list, micro{item.At(0).Is("append"), item.At(1).Int, item.At(2)})
	}
	return list
}

// micros are those of the answer where there is one: only it has what was read.
func (op *Op) micros() []micro {
	if op.Outcome == Ok {
		return microsOf(op.Result)
	}
	return microsOf(op.Arg)
}

func oneKey(op *Op) (int64, bool) {
	micros := microsOf(op.Arg)
	for _, m := range micros {
		if m.key != micros[0].key {
			return 0, false
		}
	}
	return micros[0].key, true
}

func listAppends(op *Op) bool {
	for _, m := range microsOf(op.Arg) {
		if m.append {
			return true
		}
	}
	return false
}

// --- linearizability of lists whose transactions keep to one key ---------------------------------

// sharedKeys are those of transactions over several keys.
func sharedKeys(ops []*Op) map[int64]bool {
	shared := map[int64]bool{}
	for _, op := range ops {
		if _, one := oneKey(op); !one {
			for _, m := range microsOf(op.Arg) {
				shared[m.key] = true
			}
		}
	}
	return shared
}

func listPart(shared map[int64]bool) func(op *Op) (string, bool) {
	return func(op *Op) (string, bool) {
		key, one := oneKey(op)
		return fmt.Sprintf("list-%d", key), one && !shared[key] &&
			(op.Outcome == Ok || (op.Outcome == Info && listAppends(op)))
	}
}

// The state is the text of the elements, each with a comma behind it.
func listStep(state interface{}, op *Op) (bool, interface{}) {
	now := state.(string)
	for _, m := range op.micros() {
		if m.append {
			now += m.value.String() + ","
			continue
		}
		if op.Outcome == Ok && listText(m.value.Items) != now {
			return false, state
		}
	}
	return true, now
}

func listText(items []Value) string {
	text := ""
	for _, item := range items {
		text += item.String() + ","
	}
	return text
}

func listApplies(in *Input) string {
	part := listPart(sharedKeys(in.Ops))
	for _, op := range in.Ops {
		if _, alone := part(op); alone {
			return ""
		}
	}
	return "each list shares transactions with others: the serial order judges them"
}

func checkListLinear(in *Input) Result {
	linear := Linear{Part: listPart(sharedKeys(in.Ops)), Init: "", Step: listStep,
		Hint: listHint}
	return linear.Check(in, in.Ops)
}

// --- prefixes ------------------------------------------------------------------------------------

// A read of one list, and who wrote each element.
type listRead struct {
	op    *Op
	items []Value
}

type listFacts struct {
	writer  map[int64]*Op
	reads   map[int64][]listRead
	longest map[int64][]Value
}

func listFactsOf(ops []*Op) *listFacts {
	facts := &listFacts{map[int64]*Op{}, map[int64][]listRead{}, map[int64][]Value{}}
	for _, op := range ops {
		for _, m := range op.micros() {
			if m.append {
				facts.writer[m.value.Int] = op
			} else if op.Outcome == Ok {
				facts.reads[m.key] = append(facts.reads[m.key], listRead{op, m.value.Items})
				if len(m.value.Items) > len(facts.longest[m.key]) {
					facts.longest[m.key] = m.value.Items
				}
			}
		}
	}
	return facts
}

func (facts *listFacts) checkRead(read listRead) Result {
	seen := map[int64]bool{}
	for _, item := range read.items {
		writer := facts.writer[item.Int]
		switch {
		case item.Kind != Int || writer == nil:
			return invalid([]*Op{read.op}, "element %s was appended by nobody", item)
		case writer.Outcome == Fail:
			return invalid([]*Op{read.op, writer}, "element %s is of a transaction that failed", item)
		case seen[item.Int]:
			return invalid([]*Op{read.op, writer}, "element %s is there twice", item)
		}
		seen[item.Int] = true
	}
	return Result{}
}

func checkListPrefixes(in *Input) Result {
	facts := listFactsOf(in.Ops)
	count := 0
	for key, reads := range facts.reads {
		sort.SliceStable(reads, func(i, j int) bool { return len(reads[i].items) < len(reads[j].items) })
		longest := reads[len(reads)-1]
		if result := facts.checkRead(longest); result.Verdict == Invalid {
			return result
		}
		for _, read := range reads {
			count++
			for i, item := range read.items {
				if !item.Equal(longest.items[i]) {
					return invalid([]*Op{read.op, longest.op}, "two reads of list %d differ at place %d",
						key, i)
				}
			}
		}
	}
	return valid("%d reads of %d lists are prefixes of each other", count, len(facts.reads))
}

// --- replay by revision --------------------------------------------------------------------------

type listReplay struct {
	facts *listFacts
	lists map[int64][]Value
	last  map[int64]*Op
}

// reveal adds the elements of unknown transactions that reads show before `next`: whoever appends
// without reading says nothing of what stood there.
func (r *listReplay) reveal(key int64, next Value) {
	shown := r.facts.longest[key]
	for at := len(r.lists[key]); at < len(shown) && !shown[at].Equal(next); at++ {
		writer := r.facts.writer[shown[at].Int]
		if writer == nil || writer.Outcome != Info {
			return
		}
		r.lists[key] = append(r.lists[key], shown[at])
	}
}

// read compares with what was appended so far; elements of unknown transactions may come to light.
func (r *listReplay) read(op *Op, m micro) Result {
	now := r.lists[m.key]
	for i, item := range m.value.Items {
		if i < len(now) && item.Equal(now[i]) {
			continue
		}
		if i >= len(now) && r.facts.writer[item.Int] != nil &&
			r.facts.writer[item.Int].Outcome == Info {
			now = append(now, item)
			continue
		}
		return r.differs(op, m, now)
	}
	if len(m.value.Items) < len(now) {
		return r.differs(op, m, now)
	}
	r.lists[m.key] = now
	return Result{}
}

func (r *listReplay) differs(op *Op, m micro, now []Value) Result {
	bad := []*Op{op}
	if last := r.last[m.key]; last != nil {
		bad = append(bad, last)
	}
	return invalid(bad, "list %d was [%s] at revision %d and was read otherwise", m.key,
		listText(now), op.Revision)
}

func (r *listReplay) run(op *Op) Result {
	for _, m := range op.micros() {
		if m.append {
			r.reveal(m.key, m.value)
			r.lists[m.key] = append(r.lists[m.key], m.value)
			r.last[m.key] = op
		} else if result := r.read(op, m); result.Verdict == Invalid {
			return result
		}
	}
	return Result{}
}

// A sight of a transaction of unknown outcome, or of its absence, in a state.
type sight struct {
	revision int64
	op       *Op
}

// stateOf is the revision of the state that a transaction's reads saw.
func stateOf(op *Op) int64 {
	if listAppends(op) {
		return op.Revision - 1
	}
	return op.Revision
}

// checkWhole: what all reads say about one unknown transaction fits one moment at which all of it
// took effect: no read that misses a part of it is of a later state than one that has a part.
func (facts *listFacts) checkWhole(ops []*Op) Result {
	first, last := map[*Op]sight{}, map[*Op]sight{} // the first that saw it, the last that did not
	unknown := map[int64][]*Op{}                    // by key
	for _, op := range ops {
		for _, m := range microsOf(op.Arg) {
			if m.append && op.Outcome == Info {
				unknown[m.key] = append(unknown[m.key], op)
			}
		}
	}
	for key, reads := range facts.reads {
		if len(unknown[key]) == 0 {
			continue
		}
		for _, read := range reads {
			seen := map[*Op]bool{}
			for _, item := range read.items {
				seen[facts.writer[item.Int]] = true
			}
			at := sight{stateOf(read.op), read.op}
			for _, u := range unknown[key] {
				if old, known := first[u]; seen[u] && (!known || at.revision < old.revision) {
					first[u] = at
				}
				if old, known := last[u]; !seen[u] && (!known || at.revision > old.revision) {
					last[u] = at
				}
			}
		}
	}
	for u, seen := range first {
		if missed, known := last[u]; known && missed.revision >= seen.revision {
			return invalid([]*Op{u, seen.op, missed.op}, "a transaction is there at revision %d and "+
				"not wholly at revision %d", seen.revision, missed.revision)
		}
	}
	return Result{}
}

func checkListReplay(in *Input) Result {
	var done []*Op
	for _, op := range in.Ops {
		if op.Outcome == Ok {
			done = append(done, op)
		}
	}
	sort.SliceStable(done, func(i, j int) bool {
		a, b := done[i], done[j]
		return a.Revision < b.Revision ||
			(a.Revision == b.Revision && listAppends(a) && !listAppends(b))
	})
	facts := listFactsOf(in.Ops)
	r := listReplay{facts, map[int64][]Value{}, map[int64]*Op{}}
	for _, op := range done {
		if result := r.run(op); result.Verdict == Invalid {
			return result
		}
	}
	if result := facts.checkWhole(in.Ops); result.Verdict == Invalid {
		return result
	}
	return valid("%d transactions in the order of their revisions", len(done))
}

var listWorkload = &Workload{
	Name: "list",
	Kind: func(op *Op) OpKind {
		if listAppends(op) {
			return MakesRevision
		}
		return ReadsState
	},
	Checks: []Check{
		{Name: "prefixes", Claim: "all reads of a list are prefixes of one list, and each element " +
			"is there once and was appended by a transaction that did not fail",
			Run: checkListPrefixes},
		{Name: "serial order", Claim: "run one after the other by revision, the transactions give " +
			"every answer that was given", Run: checkListReplay},
		{Name: "linearizability", Claim: "each list is linearizable under its transactions",
			Applies: listApplies, Run: checkListLinear},
	},
}
