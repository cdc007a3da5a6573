// Hints: which operations of unknown outcome took effect, and by when, as far as revisions tell.
//
// A search has to try every set of pending unknown operations, and their number doubles with each.
// But all known operations stand in one order, that of their revisions, and what one of them finds
// that the one before did not leave was done by unknown ones in between. A hint is a part of the
// history in which the unknown operations that explain everything are kept, each with a latest time,
// and the others never happen. Where the hint has a linear order, so has the history; where it has
// none, the whole history is searched. A wrong hint costs time, never a verdict.
package main

import (
	"fmt"
	"sort"
)

// byRevision sorts acknowledged operations; at one revision the write comes first.
func byRevision(ops []*Op, writes func(op *Op) bool) []*Op {
	var known []*Op
	for _, op := range ops {
		if op.Outcome == Ok {
			known = append(known, op)
		}
	}
	sort.SliceStable(known, func(i, j int) bool {
		a, b := known[i], known[j]
		return a.Revision < b.Revision || (a.Revision == b.Revision && writes(a) && !writes(b))
	})
	return known
}

// window is when something took effect.
type window struct {
	from, until int64
}

// windows gives for each place in the order when what comes just before it took effect: after the
// last call of those before, before the first return of those from there on.
func windows(known []*Op) []window {
	list := make([]window, len(known))
	last, first := int64(0), int64(Never)
	for i, op := range known {
		list[i].from = last
		if op.Call > last {
			last = op.Call
		}
	}
	for i := len(known) - 1; i >= 0; i-- {
		if known[i].Return < first {
			first = known[i].Return
		}
		list[i].until = first
	}
	return list
}

// within is the history with only these unknown operations, each in its window.
func within(ops []*Op, effects map[*Op]window) []*Op {
	var kept []*Op
	for _, op := range ops {
		effect, used := effects[op]
		switch {
		case op.Outcome != Info:
			kept = append(kept, op)
		case used && effect.until > op.Call:
			short := *op
			if effect.from > op.Call && effect.from < effect.until {
				short.Call = effect.from
			}
			short.Return = effect.until
			kept = append(kept, &short)
		case used:
			kept = append(kept, op)
		}
	}
	return kept
}

// seenUntil is for histories whose values are unique: an unknown write took effect before the first
// operation that saw its value returned, and one that nobody saw may as well never have happened.
func seenUntil(ops []*Op, writes, sees func(op *Op) []int64) map[*Op]window {
	writer := map[int64]*Op{}
	for _, op := range ops {
		if op.Outcome == Info {
			for _, value := range writes(op) {
				writer[value] = op
			}
		}
	}
	effects := map[*Op]window{}
	for _, op := range ops {
		if op.Outcome != Ok {
			continue
		}
		for _, value := range sees(op) {
			if u := writer[value]; u != nil {
				if effect, known := effects[u]; !known || op.Return < effect.until {
					effects[u] = window{until: op.Return}
				}
			}
		}
	}
	return effects
}

// --- sums ----------------------------------------------------------------------------------------

// A gap is what unknown operations must have added before a place in the order.
type gap struct {
	sum int64
	window
}

// filler chooses unknown increments for all gaps. Increments of one size are alike but for their
// calls, and what is called in time for a gap is so for all later ones: counting is enough.
type filler struct {
	gaps    []gap
	sizes   []int64 // distinct, the largest first
	bySize  map[int64][]*Op
	used    map[int64]int
	dead    map[string]bool
	effects map[*Op]window
	efforts int
}

// More tries than this mean that there is no simple explanation.
const fillerEffortsMax = 200000

// free is the newest increment of that size that was called in time and is not used; nil: none.
func (f *filler) free(size, until int64) *Op {
	list := f.bySize[size]
	at := sort.Search(len(list), func(i int) bool { return list[i].Call > until })
	for at--; at >= 0; at-- {
		if _, used := f.effects[list[at]]; !used {
			return list[at]
		}
	}
	return nil
}

// fill covers the rest of gap i with sizes from `from` on, then all later gaps.
func (f *filler) fill(i int, rest int64, from int) bool {
	if f.efforts++; f.efforts > fillerEffortsMax {
		return false
	}
	if rest == 0 {
		if i++; i == len(f.gaps) {
			return true
		}
		rest, from = f.gaps[i].sum, 0
	}
	state := fmt.Sprint(i, rest, from, f.used)
	if f.dead[state] {
		return false
	}
	for at := from; at < len(f.sizes); at++ {
		size := f.sizes[at]
		op := f.free(size, f.gaps[i].until)
		if size > rest || op == nil {
			continue
		}
		f.used[size]++
		f.effects[op] = f.gaps[i].window
		if f.fill(i, rest-size, at) {
			return true
		}
		delete(f.effects, op)
		f.used[size]--
	}
	f.dead[state] = true
	return false
}

func isAdd(op *Op) bool { return op.F == "add" }

func counterHint(ops []*Op) []*Op {
	f := &filler{bySize: map[int64][]*Op{}, used: map[int64]int{}, dead: map[string]bool{},
		effects: map[*Op]window{}}
	for _, op := range ops {
		if op.Outcome == Info {
			size := op.Arg.At(1).Int
			f.bySize[size] = append(f.bySize[size], op)
		}
	}
	for size, list := range f.bySize {
		f.sizes = append(f.sizes, size)
		sort.SliceStable(list, func(i, j int) bool { return list[i].Call < list[j].Call })
	}
	sort.Slice(f.sizes, func(i, j int) bool { return f.sizes[i] > f.sizes[j] })
	known := byRevision(ops, isAdd)
	times := windows(known)
	now := int64(0)
	for i, op := range known {
		found := op.Result.At(1).Int
		after := found
		if isAdd(op) {
			after = op.End.Get("after").Int
			found = after - op.Arg.At(1).Int
		}
		if found < now {
			return ops
		}
		if found > now {
			f.gaps = append(f.gaps, gap{found - now, times[i]})
		}
		now = after
	}
	if len(f.gaps) > 0 && !f.fill(0, f.gaps[0].sum, 0) {
		return ops
	}
	return within(ops, f.effects)
}

// --- balances ------------------------------------------------------------------------------------

func isTransfer(op *Op) bool { return op.F == "transfer" }

func (b *balances) move(op *Op, sign int64) {
	t := op.Arg.At(1)
	from, to := t.Get("from").Int, t.Get("to").Int
	if from >= 0 && from < accounts && to >= 0 && to < accounts {
		b[from] -= sign * t.Get("amount").Int
		b[to] += sign * t.Get("amount").Int
	}
}

// bankFiller explains the difference between two reads by unknown transfers.
type bankFiller struct {
	unknown []*Op // the newest first, so that windows are short
	effects map[*Op]window
	efforts int
}

// More transfers than this do not stand between two reads of a branch, or the search must find them.
const bankFillMax = 6

// fill chooses at most `count` transfers that make `rest` all zero.
func (f *bankFiller) fill(rest balances, effect window, count int) bool {
	if rest == (balances{}) {
		return true
	}
	if count == 0 {
		return false
	}
	for _, op := range f.unknown {
		if f.efforts++; f.efforts > fillerEffortsMax {
			return false
		}
		t := op.Arg.At(1)
		source := t.Get("from").Int
		_, used := f.effects[op]
		// Only who still lacks money can have paid: sums that cancel out need not be looked for.
		if used || op.Call > effect.until || source < 0 || source >= accounts || rest[source] >= 0 {
			continue
		}
		next := rest
		next.move(op, -1)
		f.effects[op] = effect
		if f.fill(next, effect, count-1) {
			return true
		}
		delete(f.effects, op)
	}
	return false
}

// fillFewest looks for the explanation with the fewest transfers.
func (f *bankFiller) fillFewest(rest balances, effect window) bool {
	for count := 0; count <= bankFillMax; count++ {
		if f.fill(rest, effect, count) {
			return true
		}
	}
	return false
}

func bankHint(ops []*Op) []*Op {
	f := &bankFiller{effects: map[*Op]window{}}
	for _, op := range ops {
		if op.Outcome == Info {
			f.unknown = append(f.unknown, op)
		}
	}
	sort.SliceStable(f.unknown, func(i, j int) bool { return f.unknown[i].Call > f.unknown[j].Call })
	known := byRevision(ops, isTransfer)
	times := windows(known)
	now := freshBranch()
	for i, op := range known {
		if isTransfer(op) {
			now.move(op, 1)
			continue
		}
		found, _ := balancesOf(op.Result.At(1))
		rest := found
		for account := range rest {
			rest[account] -= now[account]
		}
		if !f.fillFewest(rest, times[i]) {
			return ops
		}
		now = found
	}
	return within(ops, f.effects)
}

// --- unique values -------------------------------------------------------------------------------

func registerHint(ops []*Op) []*Op {
	written := func(op *Op) []int64 {
		if value, writes := registerWrites(op); writes && value != absent {
			return []int64{value}
		}
		return nil
	}
	effects := seenUntil(ops, written, func(op *Op) []int64 {
		switch op.F {
		case "read":
			return []int64{registerValue(op.Result.At(1))}
		case "cas":
			return []int64{registerValue(op.Arg.At(1).At(0))}
		}
		return nil
	})
	for _, op := range ops {
		if value, writes := registerWrites(op); writes && value == absent && op.Outcome == Info {
			effects[op] = window{} // a delete is not seen by its value: it stays as it is
		}
	}
	return within(ops, effects)
}

func listHint(ops []*Op) []*Op {
	appended := func(op *Op) (values []int64) {
		for _, m := range microsOf(op.Arg) {
			if m.append {
				values = append(values, m.value.Int)
			}
		}
		return values
	}
	return within(ops, seenUntil(ops, appended, func(op *Op) (values []int64) {
		for _, m := range op.micros() {
			if !m.append {
				for _, item := range m.value.Items {
					values = append(values, item.Int)
				}
			}
		}
		return values
	}))
}

func lockHint(ops []*Op) []*Op {
	written := func(op *Op) []int64 {
		if op.F == "write" {
			return []int64{guardedOf(op.Arg.At(1)).value}
		}
		return nil
	}
	return within(ops, seenUntil(ops, written, func(op *Op) []int64 {
		if op.F == "read" {
			return []int64{guardedOf(op.Result.At(1)).value}
		}
		return nil
	}))
}
