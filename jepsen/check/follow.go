// Follow: a watch tells every change of a partition after its position, once and in order.
//
// What a watch has told up to a revision is a claim about all of it: each change that anybody knows
// of there must be in it, those that other watches were told included.
package main

import "fmt"

// A change of a key; value 0 is a delete.
type toldChange struct {
	revision, key, value int64
	from                 *Op // an acknowledged write, or a watch that told it
}

func (c toldChange) same(other toldChange) bool {
	return c.key == other.key && c.value == other.value
}

type followed struct {
	known   map[int64]toldChange // by revision
	puts    map[int64]*Op        // by value
	deletes map[int64][]*Op      // by key; those that did not surely fail
	watches []*Op
	newest  int64 // acknowledged
}

func toldBy(watch *Op) (list []toldChange) {
	for _, item := range watch.Result.At(1).Get("changes").Items {
		list = append(list, toldChange{item.At(0).Int, item.At(1).Int, item.At(2).Int, watch})
	}
	return list
}

func (f *followed) write(op *Op, change toldChange, changed bool) {
	change.revision, change.from = op.Revision, op
	if op.Outcome == Ok && changed {
		f.known[op.Revision] = change
		if op.Revision > f.newest {
			f.newest = op.Revision
		}
	}
}

func followedOf(ops []*Op) map[int64]*followed {
	feeds := map[int64]*followed{}
	for _, op := range ops {
		f := feeds[op.Key()]
		if f == nil {
			f = &followed{known: map[int64]toldChange{}, puts: map[int64]*Op{},
				deletes: map[int64][]*Op{}}
			feeds[op.Key()] = f
		}
		switch {
		case op.F == "put":
			pair := op.Arg.At(1)
			f.puts[pair.At(1).Int] = op
			f.write(op, toldChange{key: pair.At(0).Int, value: pair.At(1).Int}, true)
		case op.F == "delete":
			if op.Outcome != Fail {
				key := op.Arg.At(1).Int
				f.deletes[key] = append(f.deletes[key], op)
			}
			f.write(op, toldChange{key: op.Arg.At(1).Int}, op.End.Get("existed").Int != 0)
		case op.F == "watch" && op.Outcome == Ok:
			f.watches = append(f.watches, op)
		}
	}
	return feeds
}

// asked finds why a change that nobody was told of may be there; "" if it may.
func (f *followed) asked(change toldChange, watch *Op) string {
	if change.value == 0 {
		for _, op := range f.deletes[change.key] {
			if op.Outcome == Info && !watch.Before(op) {
				return ""
			}
		}
		return "a delete that nobody asked for"
	}
	put := f.puts[change.value]
	switch {
	case put == nil || put.Arg.At(1).At(0).Int != change.key:
		return "a value that nobody put there"
	case put.Outcome == Fail:
		return "a put that had failed"
	case put.Outcome == Ok:
		return fmt.Sprintf("a put that was acknowledged as %d", put.Revision)
	case watch.Before(put):
		return "a put before it was asked for"
	}
	return ""
}

// learn judges a watch by itself and adds what it was told.
func (f *followed) learn(watch *Op) Result {
	last := watch.Arg.At(1).Get("after").Int
	for _, change := range toldBy(watch) {
		if change.revision <= last || change.revision > watch.Result.At(1).Get("upto").Int {
			return invalid([]*Op{watch}, "change %d comes after %d", change.revision, last)
		}
		last = change.revision
		known, there := f.known[change.revision]
		if there && !known.same(change) {
			return invalid([]*Op{watch, known.from}, "change %d is told in two ways", change.revision)
		}
		if there {
			if watch.Before(known.from) {
				return invalid([]*Op{watch, known.from}, "change %d was told before it was asked for",
					change.revision)
			}
			continue
		}
		if why := f.asked(change, watch); why != "" {
			return invalid([]*Op{watch}, "change %d is %s", change.revision, why)
		}
		f.known[change.revision] = change
	}
	return Result{}
}

// missing finds a known change that a watch passed over.
func (f *followed) missing(watch *Op) Result {
	told := map[int64]bool{}
	for _, change := range toldBy(watch) {
		told[change.revision] = true
	}
	after, upto := watch.Arg.At(1).Get("after").Int, watch.Result.At(1).Get("upto").Int
	if int64(len(f.known)) < upto-after {
		for revision, change := range f.known {
			if revision > after && revision <= upto && !told[revision] {
				return invalid([]*Op{watch, change.from}, "change %d is missing", revision)
			}
		}
		return Result{}
	}
	for revision := after + 1; revision <= upto; revision++ {
		if change, known := f.known[revision]; known && !told[revision] {
			return invalid([]*Op{watch, change.from}, "change %d is missing", revision)
		}
	}
	return Result{}
}

func checkWatches(in *Input) Result {
	count := 0
	for _, f := range followedOf(in.Ops) {
		for _, judge := range []func(*Op) Result{f.learn, f.missing} {
			for _, watch := range f.watches {
				if result := judge(watch); result.Verdict == Invalid {
					return result
				}
			}
		}
		count += len(f.watches)
	}
	return valid("%d answers of watches tell all and nothing else", count)
}

// checkWatchChains: each follower goes on where it stood.
func checkWatchChains(in *Input) Result {
	last := map[[2]int64]*Op{}
	for _, op := range in.Ops {
		if op.F != "watch" || op.Outcome != Ok {
			continue
		}
		id := [2]int64{op.Key(), op.Start.Get("follower").Int}
		upto := op.Result.At(1).Get("upto").Int
		if before := last[id]; before != nil &&
			before.Result.At(1).Get("upto").Int != op.Arg.At(1).Get("after").Int {
			return invalid([]*Op{op, before}, "a follower did not go on where it stood")
		}
		if upto < op.Arg.At(1).Get("after").Int {
			return invalid([]*Op{op}, "it was told up to %d, which is behind", upto)
		}
		last[id] = op
	}
	return valid("%d followers", len(last))
}

// checkWatchEnds: once all is quiet, followers reach what was acknowledged.
func checkWatchEnds(in *Input) Result {
	reached := map[int64]*Op{}
	for _, op := range in.Ops {
		if op.F == "watch" && op.Outcome == Ok && op.End.Get("final").Int != 0 {
			reached[op.Key()] = op
		}
	}
	feeds := followedOf(in.Ops)
	for key, op := range reached {
		if upto := op.Result.At(1).Get("upto").Int; upto < feeds[key].newest {
			return invalid([]*Op{op}, "it never got to revision %d", feeds[key].newest)
		}
	}
	return valid("%d feeds were followed to their ends", len(reached))
}

var followWorkload = &Workload{
	Name: "follow",
	Kind: func(op *Op) OpKind {
		switch op.F {
		case "put":
			return MakesRevision
		case "delete":
			return MayChange
		}
		return TellsPast
	},
	Checks: []Check{
		{Name: "changes", Claim: "a watch tells every change after its position once, in order, and " +
			"nothing else", Run: checkWatches},
		{Name: "chains", Claim: "a follower goes on where it stood", Run: checkWatchChains},
		{Name: "watch end", Claim: "in the end followers reach what was acknowledged",
			Run: checkWatchEnds},
	},
}

func bindFollow() *Binding {
	return &Binding{
		Targets: func(op *Op) []Target {
			key := op.Arg.At(1).Int
			switch op.F {
			case "put":
				key = op.Arg.At(1).At(0).Int
			case "watch":
				return nil
			}
			return []Target{{fmt.Sprintf("f%d", op.Key()), fmt.Sprintf("k%d", key)}}
		},
		Left: func(op *Op, changes []Change) bool {
			return firstIn(changes[0]) == op.Arg.At(1).At(1).Int
		},
		Numbers: func(op *Op) []int64 {
			if op.F == "put" {
				return []int64{op.Arg.At(1).At(1).Int}
			}
			return nil
		},
		NumberIn: firstIn,
		Read:     func(v *View, op *Op) (Value, bool) { return Value{}, false },
	}
}
