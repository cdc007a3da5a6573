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
	// Targets of a write; none for what writes nothing.
	Targets func(op *Op) []Target
	// Left judges what an acknowledged write did to its targets; deletes are not asked about.
	Left func(op *Op, changes []Change) bool
	// Numbers name the write by unique numbers in its values; none: it has none there.
	Numbers func(op *Op) []int64
	// NumberIn finds that number in a change; 0: none.
	NumberIn func(change Change) int64
	// Read is what the read must have answered in this state; false: it is not of one state.
	Read func(v *View, op *Op) (Value, bool)
}

// View is the state as one workload sees it.
type View struct {
	store     *Store
	namespace string
}

func (v *View) place(partition string) string { return place("chaos", v.namespace, partition) }

// numbersOf lists the numbers of a partition's experiences.
func (v *View) numbersOf(place string) Value {
	list := vector()
	for _, e := range v.store.Experiences(place, 0) {
		list.Items = append(list.Items, intValue(firstNumber(e.Value)))
	}
	return list
}

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

func second(op *Op) []int64 { return []int64{secondNumber(op)} }

func firstIn(change Change) int64 { return firstNumber(change.After) }

func noNumbers(*Op) []int64 { return nil }

func noNumberIn(Change) int64 { return 0 }

func leftSecond(op *Op, changes []Change) bool {
	return firstNumber(changes[0].After) == secondNumber(op)
}

// only is one target, if the operation is of that :f.
func only(op *Op, f string, target Target) []Target {
	if op.F != f {
		return nil
	}
	return []Target{target}
}

// --- workloads -----------------------------------------------------------------------------------

func bindRegister() *Binding {
	target := func(op *Op) Target {
		return Target{fmt.Sprintf("p%d", op.Key()%4), fmt.Sprintf("k%d", op.Key())}
	}
	return &Binding{
		Targets: func(op *Op) []Target {
			if op.F == "read" {
				return nil
			}
			return []Target{target(op)}
		},
		Left: func(op *Op, changes []Change) bool {
			value, _ := registerWrites(op)
			return firstNumber(changes[0].After) == value
		},
		Numbers: func(op *Op) []int64 {
			if value, writes := registerWrites(op); writes && value != absent {
				return []int64{value}
			}
			return nil
		},
		NumberIn: firstIn,
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
		Targets: func(op *Op) []Target { return only(op, "add", target(op)) },
		Left:    leftSecond, Numbers: second, NumberIn: firstIn,
		Read: func(v *View, op *Op) (Value, bool) {
			at := v.place(fmt.Sprintf("s%d", op.Key()))
			list := v.numbersOf(at)
			for _, key := range v.store.Keys(at) {
				list.Items = append(list.Items, numberOrNil(v.store.Get(at, key)))
			}
			return keyed(op, list), onePage(op)
		},
	}
}

// Even counters are compared-and-set, odd ones merged: only the sum is in both.
func bindCounter() *Binding {
	key := func(op *Op) string { return fmt.Sprintf("k%d", op.Key()) }
	return &Binding{
		Targets: func(op *Op) []Target { return only(op, "add", Target{"c0", key(op)}) },
		Left: func(op *Op, changes []Change) bool {
			sum := firstNumber(changes[0].After)
			return sum == op.End.Get("after").Int &&
				sum == firstNumber(changes[0].Before)+secondNumber(op)
		},
		Numbers: noNumbers, NumberIn: noNumberIn,
		Read: func(v *View, op *Op) (Value, bool) {
			record := v.get("c", 0, key(op))
			if record == nil {
				return keyed(op, intValue(0)), true
			}
			return keyed(op, numberOrNil(record)), true
		},
	}
}

func listKey(k int64) string { return fmt.Sprintf("k%d", k) }

// listWrites gives what a transaction appends, by target.
func listWrites(op *Op) map[Target]string {
	writes := map[Target]string{}
	for _, m := range microsOf(op.Arg) {
		if m.append {
			writes[Target{"l0", listKey(m.key)}] += m.value.String() + ","
		}
	}
	return writes
}

func bindList() *Binding {
	return &Binding{
		Targets: func(op *Op) (targets []Target) {
			for target := range listWrites(op) {
				targets = append(targets, target)
			}
			return targets
		},
		Left: func(op *Op, changes []Change) bool {
			writes := listWrites(op)
			for _, change := range changes {
				if change.After != change.Before+writes[Target{change.Partition, change.Key}] {
					return false
				}
			}
			return true
		},
		Numbers: func(op *Op) (list []int64) {
			for _, m := range microsOf(op.Arg) {
				if m.append {
					list = append(list, m.value.Int)
				}
			}
			return list
		},
		NumberIn: func(change Change) int64 {
			list := numbers(change.After, ",")
			if len(list) == 0 {
				return 0
			}
			return list[len(list)-1]
		},
		Read: readLists,
	}
}

func readLists(v *View, op *Op) (Value, bool) {
	answer := vector()
	for _, m := range microsOf(op.Arg) {
		read := Value{}
		if record := v.get("l", 0, listKey(m.key)); record != nil {
			read = vector()
			for _, n := range numbers(record.Value, ",") {
				read.Items = append(read.Items, intValue(n))
			}
		}
		answer.Items = append(answer.Items, vector(keyword("r"), intValue(m.key), read))
	}
	return answer, !listAppends(op)
}

func bindSession() *Binding {
	partition := func(op *Op) string { return fmt.Sprintf("x%d", op.Key()) }
	return &Binding{
		Targets: func(op *Op) []Target {
			if op.F == "bump" {
				return []Target{{partition(op), "n"}}
			}
			return only(op, "append", Target{Partition: partition(op)})
		},
		Left: leftSecond, Numbers: second, NumberIn: firstIn,
		Read: func(v *View, op *Op) (Value, bool) {
			at := v.place(partition(op))
			if op.F != "read-bumps" {
				return keyed(op, v.numbersOf(at)), onePage(op)
			}
			record := v.store.Get(at, "n")
			if record == nil {
				return keyed(op, Value{}), true
			}
			return keyed(op, Value{Kind: Map, Items: []Value{keyword("version"),
				intValue(record.Version), keyword("value"), numberOrNil(record)}}), true
		},
	}
}

func bindWatch() *Binding {
	partition := func(op *Op) string { return fmt.Sprintf("w%d", op.Key()) }
	return &Binding{
		Targets: func(op *Op) []Target {
			return only(op, "append", Target{Partition: partition(op)})
		},
		Left: leftSecond, Numbers: second, NumberIn: firstIn,
		Read: func(v *View, op *Op) (Value, bool) {
			after := op.Arg.At(1).Get("after")
			all := v.store.Experiences(v.place(partition(op)), after.Int)
			shown := len(pollEvents(op)) // how many fit is for the node to say
			more := shown < len(all) && op.Result.At(1).Get("more").Int != 0
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
		Targets: func(op *Op) []Target {
			switch op.F {
			case "write":
				return []Target{{"m0", data(op)}}
			case "acquire", "release":
				return []Target{{"m0", fmt.Sprintf("lock%d", op.Key())}}
			}
			return nil
		},
		Left: func(op *Op, changes []Change) bool {
			switch op.F {
			case "acquire":
				return changes[0].After == fmt.Sprintf("held %d", secondNumber(op))
			case "release":
				return changes[0].After == "free"
			}
			return firstIn(changes[0]) == op.Arg.At(1).At(1).Int
		},
		Numbers: func(op *Op) []int64 {
			switch op.F {
			case "acquire":
				return second(op)
			case "write":
				return []int64{op.Arg.At(1).At(1).Int}
			}
			return nil
		},
		NumberIn: func(change Change) int64 {
			return firstNumber(strings.TrimPrefix(change.After, "held "))
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

var bindings = map[string]*Binding{
	"register": bindRegister(), "set": bindSet(), "counter": bindCounter(), "list": bindList(),
	"bank": bindBank(), "session": bindSession(), "watch": bindWatch(), "lock": bindLock(),
	"scan": bindScan(), "lease": bindLease(), "follow": bindFollow(),
}
