// Where the operations of each workload stand in the store, so that history and log can be compared.
package main

import (
	"fmt"
	"strconv"
	"strings"
)

// Target is the key (or, for experiences, the partition) that an operation changes.
type Target struct {
	Partition, Key string
}

// Binding ties the operations of one workload to commands of the log.
type Binding struct {
	// Target of a write; false for what writes nothing.
	Target func(op *Op) (Target, bool)
	// Left judges the value that an acknowledged write left where `before` was ("" for nothing).
	Left func(op *Op, before, value string) bool
	// Number names the write by a unique number in its value; 0: it has none there.
	Number func(op *Op) int64
	// NumberIn finds that number in a value; 0: none.
	NumberIn func(target Target, value string) int64
	// Read is what the read must have answered in this state; false: it is not of one state.
	Read func(v *View, op *Op) (Value, bool)
}

// View is the state as one workload sees it.
type View struct {
	store     *Store
	namespace string
}

func (v *View) place(partition string) string { return place("chaos", v.namespace, partition) }

func (v *View) get(letter string, number int64, key string) *Record {
	return v.store.Get(v.place(fmt.Sprintf("%s%d", letter, number)), key)
}

// --- values --------------------------------------------------------------------------------------

// firstNumber reads the digits at the front; what comes behind a blank is padding or another number.
func firstNumber(value string) int64 {
	word := value
	if at := strings.IndexByte(value, ' '); at >= 0 {
		word = value[:at]
	}
	number, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		return 0
	}
	return number
}

// numbers reads "1,2,3,"; nil if it is something else.
func numbers(value, end string) []int64 {
	var list []int64
	for _, word := range strings.Split(strings.TrimSuffix(value, end), end) {
		number, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil
		}
		list = append(list, number)
	}
	return list
}

func intValue(n int64) Value { return Value{Kind: Int, Int: n} }

func vector(items ...Value) Value { return Value{Kind: Vector, Items: items} }

func keyword(text string) Value { return Value{Kind: Keyword, Text: text} }

func boolean(b bool) Value {
	if b {
		return Value{Kind: Bool, Int: 1}
	}
	return Value{Kind: Bool}
}

// numberOrNil is what a read of a key with one number gives.
func numberOrNil(record *Record) Value {
	if record == nil {
		return Value{}
	}
	return intValue(firstNumber(record.Value))
}

func keyed(op *Op, value Value) Value { return vector(op.Arg.At(0), value) }

// secondNumber is that of [k v], which is the unique one in most workloads.
func secondNumber(op *Op) int64 { return op.Arg.At(1).Int }

func firstOf(_ Target, value string) int64 { return firstNumber(value) }

func noNumber(*Op) int64 { return 0 }

func noNumberIn(Target, string) int64 { return 0 }

func leftNumber(op *Op, _, value string) bool { return firstNumber(value) == secondNumber(op) }

// --- workloads -----------------------------------------------------------------------------------

func bindRegister() *Binding {
	target := func(op *Op) Target {
		return Target{fmt.Sprintf("p%d", op.Key()%4), fmt.Sprintf("k%d", op.Key())}
	}
	written := func(op *Op) int64 {
		value, writes := registerWrites(op)
		if !writes || value == absent {
			return 0
		}
		return value
	}
	return &Binding{
		Target: func(op *Op) (Target, bool) { return target(op), op.F != "read" },
		Left:   func(op *Op, _, value string) bool { return firstNumber(value) == written(op) },
		Number: written, NumberIn: firstOf,
		Read: func(v *View, op *Op) (Value, bool) {
			at := target(op)
			return keyed(op, numberOrNil(v.store.Get(v.place(at.Partition), at.Key))), true
		},
	}
}

func bindSet() *Binding {
	target := func(op *Op) Target {
		at := Target{Partition: fmt.Sprintf("s%d", op.Key())}
		if op.Key()%2 != 0 {
			at.Key = fmt.Sprintf("e%012d", op.Arg.At(1).Int)
		}
		return at
	}
	return &Binding{
		Target: func(op *Op) (Target, bool) { return target(op), op.F == "add" },
		Left:   leftNumber,
		Number: secondNumber, NumberIn: firstOf,
		Read: func(v *View, op *Op) (Value, bool) {
			at := v.place(fmt.Sprintf("s%d", op.Key()))
			list := vector()
			for _, e := range v.store.Experiences(at, 0) {
				list.Items = append(list.Items, intValue(firstNumber(e.Value)))
			}
			for _, key := range v.store.Keys(at) {
				list.Items = append(list.Items, numberOrNil(v.store.Get(at, key)))
			}
			return keyed(op, list), onePage(op)
		},
	}
}

func bindCounter() *Binding {
	key := func(op *Op) string { return fmt.Sprintf("k%d", op.Key()) }
	return &Binding{
		Target: func(op *Op) (Target, bool) { return Target{"c0", key(op)}, op.F == "add" },
		Left: func(op *Op, before, value string) bool {
			sum := firstNumber(value)
			return sum == op.End.Get("after").Int && sum == firstNumber(before)+secondNumber(op)
		},
		Number: noNumber, NumberIn: noNumberIn,
		Read: func(v *View, op *Op) (Value, bool) {
			record := v.get("c", 0, key(op))
			if record == nil {
				return keyed(op, intValue(0)), true
			}
			return keyed(op, numberOrNil(record)), true
		},
	}
}

func bindList() *Binding {
	lastAppended := func(op *Op) int64 {
		last := int64(0)
		for _, m := range microsOf(op.Arg) {
			if m.append {
				last = m.value.Int
			}
		}
		return last
	}
	key := func(k int64) string { return fmt.Sprintf("k%d", k) }
	lastIn := func(_ Target, value string) int64 {
		list := numbers(value, ",")
		if len(list) == 0 {
			return 0
		}
		return list[len(list)-1]
	}
	return &Binding{
		Target: func(op *Op) (Target, bool) {
			k, one := oneKey(op)
			return Target{"l0", key(k)}, one && listAppends(op)
		},
		Left: func(op *Op, before, value string) bool {
			for _, m := range microsOf(op.Arg) {
				if m.append {
					before += m.value.String() + ","
				}
			}
			return value == before
		},
		Number: lastAppended, NumberIn: lastIn,
		Read: func(v *View, op *Op) (Value, bool) {
			answer := vector()
			for _, m := range microsOf(op.Arg) {
				read := Value{}
				if record := v.get("l", 0, key(m.key)); record != nil {
					read = vector()
					for _, n := range numbers(record.Value, ",") {
						read.Items = append(read.Items, intValue(n))
					}
				}
				answer.Items = append(answer.Items, vector(keyword("r"), intValue(m.key), read))
			}
			return answer, !listAppends(op)
		},
	}
}

// stored reads "100,97,...,v,": the balances and the number of the transfer that wrote them.
func stored(value string) (balances, bool) {
	b := freshBranch()
	list := numbers(value, ",")
	if value != "" && len(list) == accounts+1 {
		copy(b[:], list)
	}
	return b, value == "" || len(list) == accounts+1
}

func bankLeft(op *Op, before, value string) bool {
	old, sound := stored(before)
	now, alsoSound := stored(value)
	done, next := bankStep(old, op)
	return sound && alsoSound && done && next == now
}

func bindBank() *Binding {
	key := func(op *Op) string { return fmt.Sprintf("k%d", op.Key()) }
	return &Binding{
		Target: func(op *Op) (Target, bool) { return Target{"b0", key(op)}, op.F == "transfer" },
		Left:   bankLeft, Number: noNumber, NumberIn: noNumberIn,
		Read: func(v *View, op *Op) (Value, bool) {
			record := v.get("b", 0, key(op))
			if record == nil {
				return keyed(op, Value{}), true
			}
			state := Value{Kind: Map}
			now, _ := stored(record.Value)
			for account, balance := range now {
				state.Items = append(state.Items, intValue(int64(account)), intValue(balance))
			}
			return keyed(op, state), true
		},
	}
}

func bindSession() *Binding {
	partition := func(op *Op) string { return fmt.Sprintf("x%d", op.Key()) }
	return &Binding{
		Target: func(op *Op) (Target, bool) {
			if op.F == "bump" {
				return Target{partition(op), "n"}, true
			}
			return Target{Partition: partition(op)}, op.F == "append"
		},
		Left:   leftNumber,
		Number: secondNumber, NumberIn: firstOf,
		Read: func(v *View, op *Op) (Value, bool) {
			at := v.place(partition(op))
			if op.F == "read-bumps" {
				record := v.store.Get(at, "n")
				if record == nil {
					return keyed(op, Value{}), true
				}
				return keyed(op, Value{Kind: Map, Items: []Value{keyword("version"),
					intValue(record.Version), keyword("value"), numberOrNil(record)}}), true
			}
			list := vector()
			for _, e := range v.store.Experiences(at, 0) {
				list.Items = append(list.Items, intValue(firstNumber(e.Value)))
			}
			return keyed(op, list), onePage(op)
		},
	}
}

func bindWatch() *Binding {
	partition := func(op *Op) string { return fmt.Sprintf("w%d", op.Key()) }
	return &Binding{
		Target: func(op *Op) (Target, bool) {
			return Target{Partition: partition(op)}, op.F == "append"
		},
		Left:   leftNumber,
		Number: secondNumber, NumberIn: firstOf,
		Read: func(v *View, op *Op) (Value, bool) {
			after := op.Arg.At(1).Get("after")
			all := v.store.Experiences(v.place(partition(op)), after.Int)
			shown := len(pollEvents(op)) // how many fit is for the node to say
			more := shown < len(all)
			if !more {
				shown = len(all)
			}
			events := vector()
			for _, e := range all[:shown] {
				events.Items = append(events.Items,
					vector(intValue(e.Revision), intValue(firstNumber(e.Value))))
			}
			return keyed(op, Value{Kind: Map, Items: []Value{keyword("after"), after,
				keyword("events"), events, keyword("more"), boolean(more)}}), true
		},
	}
}

func bindLock() *Binding {
	data := func(op *Op) string { return fmt.Sprintf("data%d", op.Key()) }
	return &Binding{
		Target: func(op *Op) (Target, bool) {
			if op.F == "write" {
				return Target{"m0", data(op)}, true
			}
			return Target{"m0", fmt.Sprintf("lock%d", op.Key())}, op.F != "read"
		},
		Left: func(op *Op, _, value string) bool {
			switch op.F {
			case "acquire":
				return value == fmt.Sprintf("held %d", secondNumber(op))
			case "release":
				return value == "free"
			}
			return firstNumber(value) == op.Arg.At(1).At(1).Int
		},
		Number: func(op *Op) int64 {
			switch op.F {
			case "acquire":
				return secondNumber(op)
			case "write":
				return op.Arg.At(1).At(1).Int
			}
			return 0
		},
		NumberIn: func(_ Target, value string) int64 {
			return firstNumber(strings.TrimPrefix(value, "held "))
		},
		Read: func(v *View, op *Op) (Value, bool) {
			record := v.get("m", 0, data(op))
			if record == nil {
				return keyed(op, Value{}), true
			}
			pair := numbers(record.Value, " ")
			if len(pair) != 2 {
				return keyed(op, keyword("corrupt")), true
			}
			return keyed(op, vector(intValue(pair[1]), intValue(pair[0]))), true
		},
	}
}

func bindScan() *Binding {
	key := func(n int64) string { return fmt.Sprintf("k%04d", n) }
	partition := func(op *Op) string { return fmt.Sprintf("q%d", op.Key()) }
	return &Binding{
		Target: func(op *Op) (Target, bool) {
			if op.F == "delete" {
				return Target{partition(op), key(op.Arg.At(1).Int)}, true
			}
			return Target{partition(op), key(op.Arg.At(1).At(0).Int)}, op.F == "put"
		},
		Left: func(op *Op, _, value string) bool {
			return firstNumber(value) == op.Arg.At(1).At(1).Int
		},
		Number: func(op *Op) int64 {
			if op.F == "put" {
				return op.Arg.At(1).At(1).Int
			}
			return 0
		},
		NumberIn: firstOf,
		Read:     scanPage(partition),
	}
}

func scanPage(partition func(op *Op) string) func(v *View, op *Op) (Value, bool) {
	return func(v *View, op *Op) (Value, bool) {
		asked := op.Arg.At(1)
		at := v.place(partition(op))
		keys := v.store.Keys(at)
		if reversed(op) {
			for i, j := 0, len(keys)-1; i < j; i, j = i+1, j-1 {
				keys[i], keys[j] = keys[j], keys[i]
			}
		}
		records, more := vector(), false
		for _, key := range keys {
			n := firstNumber(strings.TrimLeft(strings.TrimPrefix(key, "k"), "0"))
			if !inRange(op, n) {
				continue
			}
			if limit := asked.Get("limit").Int; limit > 0 && int64(len(records.Items)) == limit {
				more = true
				break
			}
			record := v.store.Get(at, key)
			value := numberOrNil(record)
			if asked.Get("keys-only").Int != 0 {
				value = Value{}
			}
			records.Items = append(records.Items, vector(intValue(n), value, intValue(record.Mod)))
		}
		answer := Value{Kind: Map, Items: append([]Value{}, asked.Items...)}
		answer.Items = append(answer.Items, keyword("records"), records, keyword("more"), boolean(more))
		return keyed(op, answer), true
	}
}

var bindings = map[string]*Binding{
	"register": bindRegister(), "set": bindSet(), "counter": bindCounter(), "list": bindList(),
	"bank": bindBank(), "session": bindSession(), "watch": bindWatch(), "lock": bindLock(),
	"scan": bindScan(),
}
