// The bank in the store: even branches are one key, odd ones a key for each account.
package main

import "fmt"

// storedBranch reads "100,97,...,v,": the balances and the number of the transfer that wrote them.
func storedBranch(value string) (balances, bool) {
	b := freshBranch()
	list := numbers(value, ",")
	if value != "" && len(list) == accounts+1 {
		copy(b[:], list)
	}
	return b, value == "" || len(list) == accounts+1
}

// storedAccount reads "<balance>,<v>,".
func storedAccount(value string) (int64, bool) {
	list := numbers(value, ",")
	if value == "" {
		return accountInitial, true
	}
	if len(list) != 2 {
		return 0, false
	}
	return list[0], true
}

func accountKey(branch, account int64) string { return fmt.Sprintf("k%da%d", branch, account) }

func bankTargets(op *Op) []Target {
	if op.F != "transfer" {
		return nil
	}
	if op.Key()%2 == 0 {
		return []Target{{"b0", fmt.Sprintf("k%d", op.Key())}}
	}
	transfer := op.Arg.At(1)
	return []Target{{"b0", accountKey(op.Key(), transfer.Get("from").Int)},
		{"b0", accountKey(op.Key(), transfer.Get("to").Int)}}
}

func bankLeft(op *Op, changes []Change) bool {
	if op.Key()%2 != 0 {
		return accountsLeft(op, changes)
	}
	old, sound := storedBranch(changes[0].Before)
	now, alsoSound := storedBranch(changes[0].After)
	done, next := bankStep(old, op)
	return sound && alsoSound && done && next == now
}

func accountsLeft(op *Op, changes []Change) bool {
	transfer := op.Arg.At(1)
	amount := transfer.Get("amount").Int
	for _, change := range changes {
		old, sound := storedAccount(change.Before)
		now, alsoSound := storedAccount(change.After)
		moved := amount
		if change.Key == accountKey(op.Key(), transfer.Get("from").Int) {
			moved = -amount
		}
		if !sound || !alsoSound || now != old+moved || now < 0 {
			return false
		}
	}
	return true
}

func bankRead(v *View, op *Op) (Value, bool) {
	now, written := v.branch(op.Key())
	if !written {
		return keyed(op, Value{}), true
	}
	state := Value{Kind: Map}
	for account, balance := range now {
		state.Items = append(state.Items, intValue(int64(account)), intValue(balance))
	}
	return keyed(op, state), true
}

// branch is a branch's state, and whether anybody has written it.
func (v *View) branch(number int64) (now balances, written bool) {
	now = freshBranch()
	if number%2 == 0 {
		record := v.get("b", 0, fmt.Sprintf("k%d", number))
		if record != nil {
			now, _ = storedBranch(record.Value)
		}
		return now, record != nil
	}
	for account := range now {
		if record := v.get("b", 0, accountKey(number, int64(account))); record != nil {
			now[account], _ = storedAccount(record.Value)
			written = true
		}
	}
	return now, written
}

func bindBank() *Binding {
	return &Binding{Targets: bankTargets, Left: bankLeft, Numbers: noNumbers, NumberIn: noNumberIn,
		Read: bankRead}
}
