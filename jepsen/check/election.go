// Elections: one leader after the other, as far as the store can tell, which is by revisions.
//
// A leader that was paused may believe that it leads while its successor does. No store can help
// that. But what its token guards it cannot write any more: by revision, each write and each look
// at the office shows the winner of the newest election before it.
package main

import "sort"

// An office: who won it, in the order of revisions.
type office struct {
	wins  []*Op // acknowledged
	won   map[int64]*Op
	maybe bool // a campaign of unknown outcome: there may be a token that nobody was told
	all   []*Op
}

func wonAt(op *Op) int64 {
	return op.End.Get("won").Int
}

func officesOf(ops []*Op) map[int64]*office {
	offices := map[int64]*office{}
	for _, op := range ops {
		o := offices[op.Key()]
		if o == nil {
			o = &office{won: map[int64]*Op{}}
			offices[op.Key()] = o
		}
		o.all = append(o.all, op)
		switch {
		case op.F != "campaign":
		case op.Outcome == Ok:
			o.wins = append(o.wins, op)
			o.won[op.Result.At(1).Int] = op
		case op.Outcome == Info:
			o.maybe = true
		}
	}
	for _, o := range offices {
		sort.SliceStable(o.wins, func(i, j int) bool { return wonAt(o.wins[i]) < wonAt(o.wins[j]) })
	}
	return offices
}

func checkWins(in *Input) Result {
	count := 0
	for _, o := range officesOf(in.Ops) {
		tokens := map[int64]*Op{}
		for i, win := range o.wins {
			count++
			token := win.Result.At(1).Int
			if other := tokens[token]; other != nil {
				return invalid([]*Op{win, other}, "two leaders have the token %d", token)
			}
			tokens[token] = win
			if wonAt(win) <= token {
				return invalid([]*Op{win}, "the office was won at revision %d, with a lease of revision %d",
					wonAt(win), token)
			}
			if i == 0 {
				continue
			}
			before := o.wins[i-1]
			if wonAt(before) == wonAt(win) {
				return invalid([]*Op{win, before}, "two leaders won at revision %d", wonAt(win))
			}
			if win.Before(before) {
				return invalid([]*Op{win, before}, "the later election has the lower revision")
			}
		}
	}
	return valid("%d elections, one after the other", count)
}

// tokenShown is the token that an operation shows to be the leader's at its revision; 0: none.
func tokenShown(op *Op) int64 {
	switch {
	case op.Outcome != Ok:
		return 0
	case op.F == "write":
		return op.Arg.At(1).At(0).Int
	case op.F == "leader":
		return op.Result.At(1).Int
	}
	return 0
}

func (o *office) leads(op *Op, token int64) Result {
	win := o.won[token]
	if win == nil && !o.maybe {
		return invalid([]*Op{op}, "token %d leads, which nobody won", token)
	}
	if win == nil {
		return Result{} // of a campaign whose end nobody heard
	}
	if wonAt(win) > op.Revision {
		return invalid([]*Op{op, win}, "token %d leads before it won, at revision %d", token, wonAt(win))
	}
	for _, other := range o.wins {
		if wonAt(other) > wonAt(win) && wonAt(other) <= op.Revision {
			return invalid([]*Op{op, other, win}, "token %d leads, but another had won at revision %d",
				token, wonAt(other))
		}
	}
	return Result{}
}

func checkLeaders(in *Input) Result {
	count := 0
	for _, o := range officesOf(in.Ops) {
		for _, op := range o.all {
			token := tokenShown(op)
			if token == 0 {
				continue
			}
			count++
			if result := o.leads(op, token); result.Verdict == Invalid {
				return result
			}
		}
	}
	return valid("%d writes and looks, each of the leader of its revision", count)
}

// checkSpeech: nobody proclaims after a successor's victory was known.
func checkSpeech(in *Input) Result {
	count := 0
	for _, o := range officesOf(in.Ops) {
		for _, op := range o.all {
			if op.F != "proclaim" || op.Outcome != Ok {
				continue
			}
			count++
			win := o.won[op.Arg.At(1).At(0).Int]
			for _, other := range o.wins {
				if win != nil && wonAt(other) > wonAt(win) && other.Before(op) {
					return invalid([]*Op{op, other}, "it proclaimed although another had won")
				}
			}
		}
	}
	return valid("%d proclamations, each of who led", count)
}

// checkOfficeEnds: at the end, when nobody campaigns any more, each office comes free.
func checkOfficeEnds(in *Input) Result {
	last := map[int64]*Op{}
	for _, op := range in.Ops {
		if op.F == "leader" && op.Outcome == Ok && op.End.Get("final").Int == 1 {
			last[op.Key()] = op
		}
	}
	for key, op := range last {
		if op.Result.At(1).Kind != Nil {
			return invalid([]*Op{op}, "office %d never came free", key)
		}
	}
	return valid("%d offices came free", len(last))
}

var electionWorkload = &Workload{
	Name: "election",
	Kind: func(op *Op) OpKind {
		switch op.F {
		case "read", "leader":
			return ReadsState
		case "write", "depose":
			return MakesRevision
		}
		return NoRevision
	},
	Checks: []Check{
		{Name: "elections", Claim: "an office is won by one after the other, each with a token of its own",
			Run: checkWins},
		{Name: "leaders", Claim: "what a token guards is written only by the leader of that revision",
			Run: checkLeaders},
		{Name: "proclamations", Claim: "nobody proclaims after another has won", Run: checkSpeech},
		{Name: "office end", Claim: "an office whose leader is gone comes free", Run: checkOfficeEnds},
		{Name: "linearizability", Claim: "each guarded register is linearizable", Run: checkLeaseLinear},
	},
}
