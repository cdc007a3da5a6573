// Bank: transfers keep the total of a branch, and no account is ever below zero.
package main

import "fmt"

const (
	accounts       = 8
	accountInitial = 100
)

type balances [accounts]int64

func freshBranch() balances {
	var b balances
	for i := range b {
		b[i] = accountInitial
	}
	return b
}

// balancesOf reads {0 100, 1 97, ...}; nil is a branch that nobody has written.
func balancesOf(v Value) (balances, bool) {
	if v.Kind == Nil {
		return freshBranch(), true
	}
	var b balances
	seen := [accounts]bool{}
	for i := 0; i+1 < len(v.Items); i += 2 {
		account := v.Items[i]
		if account.Kind != Int || account.Int < 0 || account.Int >= accounts ||
			v.Items[i+1].Kind != Int || seen[account.Int] {
			return b, false
		}
		seen[account.Int] = true
		b[account.Int] = v.Items[i+1].Int
	}
	return b, v.Kind == Map && len(v.Items) == 2*accounts
}

func bankPart(op *Op) (string, bool) {
	name := fmt.Sprintf("branch-%d", op.Key())
	switch {
	case op.Outcome == Ok:
		return name, true
	case op.F == "read":
		return name, false
	}
	return name, op.Outcome == Info || op.Error == "INSUFFICIENT"
}

func bankStep(state interface{}, op *Op) (bool, interface{}) {
	now := state.(balances)
	if op.F == "read" {
		seen, sound := balancesOf(op.Result.At(1))
		return op.Outcome == Info || (sound && seen == now), state
	}
	transfer := op.Arg.At(1)
	from, to, amount := transfer.Get("from").Int, transfer.Get("to").Int, transfer.Get("amount").Int
	if from < 0 || from >= accounts || to < 0 || to >= accounts {
		return false, state
	}
	enough := now[from] >= amount
	if op.Outcome == Fail {
		return !enough, state
	}
	if !enough {
		return op.Outcome == Info, state
	}
	now[from] -= amount
	now[to] += amount
	return true, now
}

func checkBankLinear(in *Input) Result {
	linear := Linear{Part: bankPart, Init: freshBranch(), Step: bankStep, Hint: bankHint}
	return linear.Check(in, in.Ops)
}

func checkBankTotal(in *Input) Result {
	reads := 0
	for _, op := range in.Ops {
		if op.F != "read" || op.Outcome != Ok {
			continue
		}
		reads++
		b, sound := balancesOf(op.Result.At(1))
		if !sound {
			return invalid([]*Op{op}, "a read does not give each account once")
		}
		total := int64(0)
		for account, balance := range b {
			if balance < 0 {
				return invalid([]*Op{op}, "account %d is at %d", account, balance)
			}
			total += balance
		}
		if total != accounts*accountInitial {
			return invalid([]*Op{op}, "the total is %d, not %d", total, accounts*accountInitial)
		}
	}
	return valid("%d reads of the full total", reads)
}

var bankWorkload = &Workload{
	Name: "bank",
	Kind: func(op *Op) OpKind {
		if op.F == "transfer" {
			return MakesRevision
		}
		return ReadsState
	},
	Checks: []Check{
		{Name: "bank", Claim: "the total of a branch is the same in every read, and no account is " +
			"below zero", Run: checkBankTotal},
		{Name: "linearizability", Claim: "each branch is linearizable under transfers and reads, so " +
			"reads never go back in time", Run: checkBankLinear},
	},
}
