// Sessions: a write that is sent again inside its session runs exactly once.
//
// The store sees each write as often as the client had to send it. That it ran once shows twice: an
// experience stands in the log once, and a key's version counts every put that ran.
package main

import "sort"

func checkOnce(in *Input) Result {
	return checkSets(setFactsOf(in.Ops, "append", func(int64) bool { return true }))
}

// The bumps of one key, and what was read of it.
type bumps struct {
	byValue map[int64]*Op
	done    []*Op // acknowledged, by revision
	unknown []*Op
	reads   []*Op
}

func bumpsOf(ops []*Op) map[int64]*bumps {
	keys := map[int64]*bumps{}
	for _, op := range ops {
		if op.F != "bump" && op.F != "read-bumps" {
			continue
		}
		b := keys[op.Key()]
		if b == nil {
			b = &bumps{byValue: map[int64]*Op{}}
			keys[op.Key()] = b
		}
		switch {
		case op.F == "read-bumps" && op.Outcome == Ok:
			b.reads = append(b.reads, op)
		case op.F == "bump":
			b.byValue[op.Arg.At(1).Int] = op
			if op.Outcome == Ok {
				b.done = append(b.done, op)
			} else if op.Outcome == Info {
				b.unknown = append(b.unknown, op)
			}
		}
	}
	for _, b := range keys {
		sort.Slice(b.done, func(i, j int) bool { return b.done[i].Revision < b.done[j].Revision })
		sort.SliceStable(b.reads, func(i, j int) bool {
			return b.reads[i].Revision < b.reads[j].Revision
		})
	}
	return keys
}

func (b *bumps) checkVersion(read *Op, version int64) Result {
	at := sort.Search(len(b.done), func(i int) bool { return b.done[i].Revision > read.Revision })
	low := int64(at)
	high := low
	for _, u := range b.unknown {
		if u.Call <= read.Return {
			high++
		}
	}
	if version < low || version > high {
		bad := append([]*Op{read}, b.done[:at]...)
		return invalid(bad, "%d puts ran up to revision %d where %d to %d were asked for", version,
			read.Revision, low, high)
	}
	return Result{}
}

func (b *bumps) checkValue(read *Op, value Value) Result {
	writer := b.byValue[value.Int]
	at := sort.Search(len(b.done), func(i int) bool { return b.done[i].Revision > read.Revision })
	switch {
	case value.Kind != Int || writer == nil:
		return invalid([]*Op{read}, "value %s was put by nobody", value)
	case writer.Outcome == Fail:
		return invalid([]*Op{read, writer}, "value %s is of a put that failed", value)
	case writer.Outcome == Ok && writer.Revision > read.Revision:
		return invalid([]*Op{read, writer}, "value %s is there before its revision", value)
	case writer.Outcome == Ok && b.done[at-1] != writer:
		return invalid([]*Op{read, writer, b.done[at-1]}, "value %s was overwritten before revision %d",
			value, read.Revision)
	}
	return Result{}
}

func (b *bumps) check() Result {
	version := int64(0)
	for _, read := range b.reads {
		state := read.Result.At(1)
		now := state.Get("version").Int
		if now < version {
			return invalid([]*Op{read}, "the version went back from %d to %d", version, now)
		}
		version = now
		result := b.checkVersion(read, now)
		if result.Verdict == Valid && state.Kind != Nil {
			result = b.checkValue(read, state.Get("value"))
		}
		if result.Verdict == Invalid {
			return result
		}
	}
	return Result{}
}

func checkBumps(in *Input) Result {
	keys := bumpsOf(in.Ops)
	reads := 0
	for _, b := range keys {
		if result := b.check(); result.Verdict == Invalid {
			return result
		}
		reads += len(b.reads)
	}
	return valid("%d reads of %d versions", reads, len(keys))
}

func sessionKind(op *Op) OpKind {
	if op.F == "append" || op.F == "bump" {
		return MakesRevision
	}
	return ReadsState
}

var sessionWorkload = &Workload{
	Name: "session",
	Kind: sessionKind,
	Checks: []Check{
		{Name: "exactly once", Claim: "an acknowledged append is there exactly once in every later " +
			"read, an ambiguous one at most once, in the order of the log", Run: checkOnce},
		{Name: "versions", Claim: "the version of a key counts each acknowledged put once and each " +
			"ambiguous one at most once", Run: checkBumps},
	},
}
