// Revisions are one total order, and it agrees with real time.
//
// Each write has a revision of its own. What had completed before an operation began is before it
// in the order: a write then gets a larger revision, a read sees a state at least as new. This
// needs no search, holds across all keys at once, and is so much stronger than linearizability of
// each key.
package main

import "sort"

// OpKind is how an operation stands to revisions.
type OpKind uint8

// What an acknowledged operation's revision means.
const (
	NoRevision    OpKind = iota
	MakesRevision        // it is this write's own
	ReadsState           // of the state that was read
	MayChange            // either: a delete of what was not there changes nothing
	TellsPast            // it has none: it says what was, up to somewhere
)

// A moment at which an operation begins or ends.
type moment struct {
	at  int64
	end bool
	op  *Op
}

// moments in order; at one instant calls come first, since such operations overlap.
func moments(ops []*Op) []moment {
	list := make([]moment, 0, 2*len(ops))
	for _, op := range ops {
		list = append(list, moment{op.Call, false, op})
		if op.Return != Never {
			list = append(list, moment{op.Return, true, op})
		}
	}
	sort.SliceStable(list, func(i, j int) bool {
		return list[i].at < list[j].at || (list[i].at == list[j].at && !list[i].end && list[j].end)
	})
	return list
}

// floors gives for each operation the one with the highest revision that had ended before it began.
func floors(ops []*Op) map[*Op]*Op {
	floor := make(map[*Op]*Op, len(ops))
	var highest *Op
	for _, m := range moments(ops) {
		switch {
		case !m.end:
			floor[m.op] = highest
		case m.op.Outcome == Ok && (highest == nil || m.op.Revision > highest.Revision):
			highest = m.op
		}
	}
	return floor
}

func checkRevisionOrder(in *Input, kind func(op *Op) OpKind) Result {
	owner := map[int64]*Op{}
	floor := floors(in.Ops)
	count := 0
	for _, op := range in.Ops {
		made := kind(op)
		if op.Outcome != Ok || made == NoRevision || made == TellsPast {
			continue
		}
		count++
		if made == MakesRevision {
			if op.Revision <= 0 {
				return invalid([]*Op{op}, "an acknowledged write has no revision")
			}
			if other := owner[op.Revision]; other != nil {
				return invalid([]*Op{op, other}, "two writes have revision %d", op.Revision)
			}
			owner[op.Revision] = op
		}
		before := floor[op]
		if before == nil {
			continue
		}
		if op.Revision < before.Revision ||
			(op.Revision == before.Revision && made == MakesRevision) {
			return invalid([]*Op{op, before}, "revision %d came after revision %d had been seen",
				op.Revision, before.Revision)
		}
	}
	return valid("%d revisions are in order", count)
}
