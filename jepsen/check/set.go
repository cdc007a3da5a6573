// Sets: an element whose add was acknowledged is in every later read, once; none comes from nowhere.
//
// Sets with an even number hold experiences, which a read gives in the order of their revisions;
// those with an odd number hold keys, given in the order of their names, which is that of the
// elements. A read of one page is one state; one of several pages is a walk, which may meet or miss
// what was added meanwhile.
package main

import "fmt"

// What is known of one element.
type element struct {
	add  *Op
	seen *Op // the earliest-ending read that had it
}

// What is known of one set.
type setFacts struct {
	elements map[int64]*element
	reads    []*Op
	inLog    bool // reads give the order of revisions, else that of the elements
}

// setFactsOf sorts operations by the set that they are about; `add` is the :f of what adds.
func setFactsOf(ops []*Op, add string, inLog func(key int64) bool) map[int64]*setFacts {
	sets := map[int64]*setFacts{}
	for _, op := range ops {
		if op.F != add && op.F != "read" {
			continue
		}
		facts := sets[op.Key()]
		if facts == nil {
			facts = &setFacts{elements: map[int64]*element{}, inLog: inLog(op.Key())}
			sets[op.Key()] = facts
		}
		switch {
		case op.F == add:
			facts.elements[op.Arg.At(1).Int] = &element{add: op}
		case op.Outcome == Ok:
			facts.reads = append(facts.reads, op)
		}
	}
	return sets
}

// readElements checks one read by itself and notes what it saw.
func (facts *setFacts) readElements(read *Op) (map[int64]bool, Result) {
	seen := map[int64]bool{}
	var previous int64
	for _, item := range read.Result.At(1).Items {
		e := facts.elements[item.Int]
		if e == nil || item.Kind != Int {
			return nil, invalid([]*Op{read}, "%s is in a set to which nobody added it", item)
		}
		switch {
		case seen[item.Int]:
			return nil, invalid([]*Op{read, e.add}, "element %s is there twice", item)
		case e.add.Outcome == Fail:
			return nil, invalid([]*Op{read, e.add}, "element %s is there although its add failed", item)
		case read.Before(e.add):
			return nil, invalid([]*Op{read, e.add}, "element %s was read before it was added", item)
		}
		order := item.Int
		if facts.inLog {
			order = e.add.Revision // 0 for an add that was not acknowledged
		}
		if order != 0 && order <= previous {
			return nil, invalid([]*Op{read, e.add}, "element %s is out of order", item)
		}
		if order != 0 {
			previous = order
		}
		seen[item.Int] = true
		if e.seen == nil || read.Return < e.seen.Return {
			e.seen = read
		}
	}
	return seen, Result{}
}

// Only a read of one page is one state.
func onePage(read *Op) bool {
	return read.End.Get("pages").Int == 1
}

// missing judges an element that a read did not have.
func missing(value int64, e *element, read *Op) Result {
	switch {
	case e.add.Outcome == Ok && e.add.Before(read):
		return invalid([]*Op{read, e.add}, "element %d was acknowledged and is missing", value)
	case e.seen != nil && e.seen.Before(read):
		return invalid([]*Op{read, e.seen, e.add}, "element %d was seen before and is gone", value)
	case onePage(read) && e.add.Outcome == Ok && e.add.Revision <= read.Revision:
		return invalid([]*Op{read, e.add}, "element %d of revision %d is missing at revision %d",
			value, e.add.Revision, read.Revision)
	}
	return Result{}
}

func present(value int64, e *element, read *Op) Result {
	if onePage(read) && e.add.Outcome == Ok && e.add.Revision > read.Revision {
		return invalid([]*Op{read, e.add}, "element %d of revision %d is there at revision %d",
			value, e.add.Revision, read.Revision)
	}
	return Result{}
}

func (facts *setFacts) check() Result {
	contents := make([]map[int64]bool, len(facts.reads))
	for i, read := range facts.reads {
		seen, result := facts.readElements(read)
		if result.Verdict == Invalid {
			return result
		}
		contents[i] = seen
	}
	for i, read := range facts.reads {
		for value, e := range facts.elements {
			judge := missing
			if contents[i][value] {
				judge = present
			}
			if result := judge(value, e, read); result.Verdict == Invalid {
				return result
			}
		}
	}
	return Result{}
}

// unread counts acknowledged elements that no read could have missed: nobody looked.
func (facts *setFacts) unread() int {
	var last int64
	count := 0
	for _, read := range facts.reads {
		if read.Call > last {
			last = read.Call
		}
	}
	for _, e := range facts.elements {
		if e.add.Outcome == Ok && e.add.Return >= last {
			count++
		}
	}
	return count
}

func checkSets(sets map[int64]*setFacts) Result {
	added, reads, unread := 0, 0, 0
	for _, facts := range sets {
		if result := facts.check(); result.Verdict == Invalid {
			return result
		}
		added += len(facts.elements)
		reads += len(facts.reads)
		unread += facts.unread()
	}
	text := fmt.Sprintf("%d elements of %d sets, %d reads", added, len(sets), reads)
	if unread > 0 {
		text += fmt.Sprintf("; %d acknowledged elements were added after the last read of their set",
			unread)
	}
	return valid("%s", text)
}

func checkSet(in *Input) Result {
	return checkSets(setFactsOf(in.Ops, "add", func(key int64) bool { return key%2 == 0 }))
}

var setWorkload = &Workload{
	Name: "set",
	Kind: func(op *Op) OpKind {
		if op.F == "add" {
			return MakesRevision
		}
		return ReadsState
	},
	Checks: []Check{
		{Name: "set", Claim: "an element whose add was acknowledged is in every later read of its " +
			"set, once, and no element appears that nobody added", Run: checkSet},
	},
}
