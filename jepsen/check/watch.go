// Watches: a follower sees every event of its feed after its position exactly once, in order.
//
// Where a page of events ends says how far it speaks: to its last event if there are more, else to
// the revision of the state that it was read from. Within that reach it must hold every event that
// anybody knows of: every acknowledged append, and whatever another follower has seen.
package main

import "sort"

// One event and how it is known.
type event struct {
	revision int64
	value    int64
	from     *Op // an acknowledged append, or the first poll that showed it
}

type feed struct {
	appends map[int64]*Op // by value
	known   map[int64]event
	ordered []event // by revision
	polls   []*Op
}

func pollEvents(poll *Op) []Value { return poll.Result.At(1).Get("events").Items }

func feedsOf(ops []*Op) map[int64]*feed {
	feeds := map[int64]*feed{}
	for _, op := range ops {
		f := feeds[op.Key()]
		if f == nil {
			f = &feed{appends: map[int64]*Op{}, known: map[int64]event{}}
			feeds[op.Key()] = f
		}
		switch {
		case op.F == "append":
			f.appends[op.Arg.At(1).Int] = op
			if op.Outcome == Ok {
				f.known[op.Revision] = event{op.Revision, op.Arg.At(1).Int, op}
			}
		case op.F == "poll" && op.Outcome == Ok:
			f.polls = append(f.polls, op)
		}
	}
	return feeds
}

// checkPage judges a poll by itself: order, duplicates, origin.
func (f *feed) checkPage(poll *Op) Result {
	last := poll.Arg.At(1).Get("after").Int
	for _, item := range pollEvents(poll) {
		revision, value := item.At(0).Int, item.At(1)
		from := f.appends[value.Int]
		switch {
		case revision <= last:
			return invalid([]*Op{poll}, "event %d comes after %d", revision, last)
		case revision > poll.Revision:
			return invalid([]*Op{poll}, "event %d is in a state of revision %d", revision, poll.Revision)
		case value.Kind != Int || from == nil:
			return invalid([]*Op{poll}, "event %d was appended by nobody", revision)
		case from.Outcome == Fail:
			return invalid([]*Op{poll, from}, "event %d is of an append that failed", revision)
		case from.Outcome == Ok && from.Revision != revision:
			return invalid([]*Op{poll, from}, "event %d was acknowledged as %d", revision, from.Revision)
		case poll.Before(from):
			return invalid([]*Op{poll, from}, "event %d was seen before it was appended", revision)
		}
		last = revision
	}
	return Result{}
}

// learn adds what a poll saw, which all others must agree with.
func (f *feed) learn(poll *Op, at map[int64]int64) Result {
	for _, item := range pollEvents(poll) {
		revision, value := item.At(0).Int, item.At(1).Int
		if old, known := f.known[revision]; known && old.value != value {
			return invalid([]*Op{poll, old.from}, "event %d is %d here and %d there", revision, value,
				old.value)
		}
		if other, known := at[value]; known && other != revision {
			return invalid([]*Op{poll, f.appends[value]}, "one append is event %d and event %d", other,
				revision)
		}
		at[value] = revision
		if _, known := f.known[revision]; !known {
			f.known[revision] = event{revision, value, poll}
		}
	}
	return Result{}
}

// checkReach compares a page with all known events within its reach.
func (f *feed) checkReach(poll *Op) Result {
	items := pollEvents(poll)
	page := poll.Result.At(1)
	reach := poll.Revision
	if page.Get("more").Int != 0 {
		if len(items) == 0 {
			return invalid([]*Op{poll}, "an empty page says that there are more events")
		}
		reach = items[len(items)-1].At(0).Int
	}
	after := poll.Arg.At(1).Get("after").Int
	at := sort.Search(len(f.ordered), func(i int) bool { return f.ordered[i].revision > after })
	for _, item := range items {
		if f.ordered[at].revision != item.At(0).Int {
			return invalid([]*Op{poll, f.ordered[at].from}, "event %d was left out",
				f.ordered[at].revision)
		}
		at++
	}
	if at < len(f.ordered) && f.ordered[at].revision <= reach {
		return invalid([]*Op{poll, f.ordered[at].from}, "event %d was left out", f.ordered[at].revision)
	}
	return Result{}
}

// checkChains: a follower goes on where it stopped.
func (f *feed) checkChains() Result {
	last := map[int64]*Op{}
	for _, poll := range f.polls {
		follower := poll.End.Get("follower")
		if follower.Kind != Int {
			continue
		}
		after := poll.Arg.At(1).Get("after").Int
		want := int64(0)
		before := last[follower.Int]
		if before != nil {
			want = before.Arg.At(1).Get("after").Int
			if items := pollEvents(before); len(items) > 0 {
				want = items[len(items)-1].At(0).Int
			}
		}
		if after != want {
			bad := []*Op{poll}
			if before != nil {
				bad = append(bad, before)
			}
			return invalid(bad, "a follower goes on at %d, not at %d", after, want)
		}
		last[follower.Int] = poll
	}
	return Result{}
}

func (f *feed) check() Result {
	at := map[int64]int64{}
	for _, poll := range f.polls {
		if result := f.checkPage(poll); result.Verdict == Invalid {
			return result
		}
		if result := f.learn(poll, at); result.Verdict == Invalid {
			return result
		}
	}
	for _, e := range f.known {
		f.ordered = append(f.ordered, e)
	}
	sort.Slice(f.ordered, func(i, j int) bool { return f.ordered[i].revision < f.ordered[j].revision })
	for _, poll := range f.polls {
		if result := f.checkReach(poll); result.Verdict == Invalid {
			return result
		}
	}
	return f.checkChains()
}

func checkWatch(in *Input) Result {
	feeds := feedsOf(in.Ops)
	polls, events := 0, 0
	for _, f := range feeds {
		if result := f.check(); result.Verdict == Invalid {
			return result
		}
		polls += len(f.polls)
		events += len(f.known)
	}
	return valid("%d events of %d feeds in %d polls", events, len(feeds), polls)
}

var watchWorkload = &Workload{
	Name: "watch",
	Kind: func(op *Op) OpKind {
		if op.F == "append" {
			return MakesRevision
		}
		return ReadsState
	},
	Checks: []Check{
		{Name: "watch", Claim: "a follower sees every event of its feed after its position exactly " +
			"once, in order of revision, as all other followers do", Run: checkWatch},
	},
}
