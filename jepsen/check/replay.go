// Log-order replay: the Raft log is the total order of all writes, so nothing has to be searched.
//
// The log runs through an executable model of the store, and what clients were told is held against
// it: each acknowledged write is the command that made its revision, each read gave the state of its
// revision, each change of the state was asked for, once, by somebody who was not told that it
// failed, and not before it was asked for. Entries behind the newest revision that any client saw
// prove nothing, since the last ones may not be committed.
package main

import (
	"fmt"
	"sort"
)

type replay struct {
	store   *Store
	name    func(op *Op) string // the workload of an operation
	writes  map[int64]*Op       // acknowledged, by revision
	deletes map[int64][]*Op     // acknowledged, which may have changed nothing
	numbers map[string]map[int64]*Op
	open    map[string]int // writes of unknown outcome that carry no number, by target
	reads   []*Op
	floor   map[*Op]*Op
	newest  int64 // that any client saw
	ran     map[*Op]int64
	count   int
}

func newReplay(in *Input) *replay {
	r := &replay{store: NewStore(), writes: map[int64]*Op{}, deletes: map[int64][]*Op{},
		numbers: map[string]map[int64]*Op{}, open: map[string]int{},
		floor: floors(in.Ops), ran: map[*Op]int64{}}
	r.name = func(op *Op) string {
		if in.Workload == mixed {
			return op.Workload
		}
		return in.Workload
	}
	kind := kindOf(in.Workload)
	for _, op := range in.Ops {
		r.note(op, kind(op))
	}
	sort.SliceStable(r.reads, func(i, j int) bool { return r.reads[i].Revision < r.reads[j].Revision })
	return r
}

func (r *replay) note(op *Op, kind OpKind) {
	name := r.name(op)
	b := bindings[name]
	if b == nil {
		return
	}
	if op.Outcome == Ok && op.Revision > r.newest {
		r.newest = op.Revision
	}
	targets := b.Targets(op)
	numbers := b.Numbers(op)
	if len(targets) > 0 {
		r.noteNumbers(name, op, numbers)
	}
	switch {
	case op.Outcome == Ok && kind == MakesRevision:
		r.writes[op.Revision] = op
	case op.Outcome == Ok && kind == MayChange:
		r.deletes[op.Revision] = append(r.deletes[op.Revision], op)
	case op.Outcome == Ok:
		r.reads = append(r.reads, op)
	case op.Outcome == Info && len(numbers) == 0:
		for _, target := range targets {
			r.open[place("", name, "")+target.Partition+"/"+target.Key]++
		}
	}
}

func (r *replay) noteNumbers(name string, op *Op, numbers []int64) {
	if r.numbers[name] == nil {
		r.numbers[name] = map[int64]*Op{}
	}
	for _, number := range numbers {
		r.numbers[name][number] = op
	}
}

// readsUpTo judges the reads of revisions that the state has reached.
func (r *replay) readsUpTo(revision int64) Result {
	for len(r.reads) > 0 && r.reads[0].Revision <= revision {
		op := r.reads[0]
		r.reads = r.reads[1:]
		if op.Revision != revision && op.Revision != 0 {
			return invalid([]*Op{op}, "the log has no state of revision %d", op.Revision)
		}
		b := bindings[r.name(op)]
		want, oneState := b.Read(&View{r.store, r.name(op)}, op)
		if oneState && !want.Equal(op.Result) {
			return invalid([]*Op{op}, "by the log the answer at revision %d is %s", op.Revision, want)
		}
		r.count++
	}
	return Result{}
}

// missingDeletes: acknowledged deletes of what was not there, at a revision that others made.
func (r *replay) missingDeletes(revision int64) Result {
	for _, op := range r.deletes[revision] {
		target := bindings[r.name(op)].Targets(op)[0]
		view := View{r.store, r.name(op)}
		if r.store.Get(view.place(target.Partition), target.Key) != nil {
			return invalid([]*Op{op}, "it was acknowledged at revision %d, where the key is there",
				revision)
		}
		r.count++
	}
	delete(r.deletes, revision)
	return Result{}
}

// matches tells whether an acknowledged write did just these changes.
func (r *replay) matches(op *Op, c *Command) bool {
	name := r.name(op)
	changes := r.store.Changes
	targets := bindings[name].Targets(op)
	if c.Namespace != name || len(targets) != len(changes) {
		return false
	}
	wanted := map[Target]bool{}
	for _, target := range targets {
		wanted[target] = true
	}
	for _, change := range changes {
		if !wanted[Target{change.Partition, change.Key}] {
			return false
		}
	}
	return changes[0].Deleted || bindings[name].Left(op, changes)
}

// changed judges a command that changed the state.
func (r *replay) changed(c *Command, e *Entry, revision int64) Result {
	where := fmt.Sprintf("index %d, revision %d", e.Index, revision)
	if op := r.writes[revision]; op != nil {
		if !r.matches(op, c) {
			return invalid([]*Op{op}, "%s is %s of %s/%s %v, not what was acknowledged", where, c.Op,
				c.Namespace, c.Partition, r.store.Changes)
		}
		delete(r.writes, revision)
		r.count++
		return r.once(op, where, revision)
	}
	for i, op := range r.deletes[revision] {
		if r.matches(op, c) {
			r.deletes[revision] = append(r.deletes[revision][:i:i], r.deletes[revision][i+1:]...)
			r.count++
			return r.once(op, where, revision)
		}
	}
	if c.Tenant != "chaos" || bindings[c.Namespace] == nil {
		return Result{} // not of this history
	}
	return r.unclaimed(c, where, revision)
}

// unclaimed judges changes that nobody was told of.
func (r *replay) unclaimed(c *Command, where string, revision int64) Result {
	var owner *Op
	for _, change := range r.store.Changes {
		number := int64(0)
		if !change.Deleted {
			number = bindings[c.Namespace].NumberIn(change)
		}
		if number == 0 {
			target := place("", c.Namespace, "") + change.Partition + "/" + change.Key
			if r.open[target] == 0 {
				return invalid(nil, "%s: %s of %s/%s %q, which nobody asked for or which failed",
					where, c.Op, c.Namespace, change.Partition, change.Key)
			}
			r.open[target]--
			continue
		}
		op := r.numbers[c.Namespace][number]
		if op == nil {
			return invalid(nil, "%s: number %d in %s/%s, which nobody wrote", where, number,
				c.Namespace, change.Partition)
		}
		owner = op
	}
	if owner == nil {
		return Result{}
	}
	switch owner.Outcome {
	case Ok:
		return invalid([]*Op{owner}, "%s: it ran, and was acknowledged as revision %d", where,
			owner.Revision)
	case Fail:
		return invalid([]*Op{owner}, "%s: it ran, although it had failed", where)
	}
	if len(bindings[c.Namespace].Targets(owner)) != len(r.store.Changes) {
		return invalid([]*Op{owner}, "%s: a part of it ran", where)
	}
	return r.once(owner, where, revision)
}

// once: a write runs once, and after everything that had ended before it began.
func (r *replay) once(op *Op, where string, revision int64) Result {
	if first := r.ran[op]; first != 0 {
		return invalid([]*Op{op}, "%s: it had run before, as revision %d", where, first)
	}
	r.ran[op] = revision
	if before := r.floor[op]; before != nil && before.Revision >= revision {
		return invalid([]*Op{op, before}, "%s: the log has it before what had ended before it began",
			where)
	}
	return Result{}
}

func (r *replay) entry(e *Entry) Result {
	if len(e.Commands) == 0 {
		return Result{}
	}
	r.store.Begin(e)
	for i := range e.Commands {
		c := &e.Commands[i]
		if result := r.readsUpTo(r.store.Revision); result.Verdict == Invalid {
			return result
		}
		if c.Op == "tick" {
			if result := r.tick(c); result.Verdict == Invalid {
				return result
			}
			continue
		}
		reply := r.store.Run(c)
		if !reply.Changed || reply.Revision > r.newest {
			continue
		}
		if result := r.changed(c, e, reply.Revision); result.Verdict == Invalid {
			return result
		}
		if result := r.missingDeletes(reply.Revision); result.Verdict == Invalid {
			return result
		}
	}
	return Result{}
}

// tick: each lease that ends is a change of its own, which nobody asked for.
func (r *replay) tick(c *Command) (result Result) {
	r.store.Changes = r.store.Changes[:0]
	r.store.Tick(c, func() bool {
		if result = r.missingDeletes(r.store.Revision); result.Verdict != Invalid {
			result = r.readsUpTo(r.store.Revision)
		}
		return result.Verdict != Invalid
	})
	return result
}

// left names what the log should have held.
func (r *replay) left() Result {
	if result := r.readsUpTo(r.store.Revision); result.Verdict == Invalid {
		return result
	}
	var bad []*Op
	for _, op := range r.writes {
		bad = append(bad, op)
	}
	for _, list := range r.deletes {
		bad = append(bad, list...)
	}
	bad = append(bad, r.reads...)
	if len(bad) == 0 {
		return Result{}
	}
	sort.Slice(bad, func(i, j int) bool { return bad[i].Revision < bad[j].Revision })
	return invalid(bad, "%d acknowledged operations are of revisions that the log does not have",
		len(bad))
}

func replayApplies(in *Input) string {
	if len(in.Logs) == 0 {
		return "no log was given"
	}
	l := longest(in.Logs)
	if len(l.Entries) == 0 {
		return "the log is empty"
	}
	if l.Entries[0].Index != 1 {
		return fmt.Sprintf("the log begins at index %d: what is before it was compacted",
			l.Entries[0].Index)
	}
	store := NewStore()
	for i := range l.Entries {
		for _, c := range l.Entries[i].Commands {
			if !store.Knows(c.Op) {
				return fmt.Sprintf("the model has no rules for %q (index %d)", c.Op, l.Entries[i].Index)
			}
		}
	}
	return ""
}

func checkReplay(in *Input) Result {
	r := newReplay(in)
	l := longest(in.Logs)
	if result := r.missingDeletes(0); result.Verdict == Invalid {
		return result
	}
	for i := range l.Entries {
		if result := r.entry(&l.Entries[i]); result.Verdict == Invalid {
			return result
		}
	}
	if result := r.left(); result.Verdict == Invalid {
		return result
	}
	return valid("%d answers are those of the log, %d entries", r.count, len(l.Entries))
}

var logChecks = []Check{
	{Name: "log matching", Claim: "the logs of all nodes agree wherever index and term are equal, and " +
		"before", Applies: func(in *Input) string {
		if len(in.Logs) < 2 {
			return "needs the logs of two nodes"
		}
		return ""
	}, Run: checkLogMatching},
	{Name: "log-order replay", Claim: "run through a model of the store, the Raft log gives every " +
		"answer that was given; each acknowledged write is in it once, none that failed, and its " +
		"order agrees with real time", Applies: replayApplies, Run: checkReplay},
}
