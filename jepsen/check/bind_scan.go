// Scans in the store: a page is a walk over the keys of a partition.
package main

import (
	"fmt"
	"strings"
)

func scanKey(n int64) string { return fmt.Sprintf("k%04d", n) }

func scanNumber(key string) int64 {
	return firstNumber(strings.TrimLeft(strings.TrimPrefix(key, "k"), "0"))
}

func scanPartition(op *Op) string { return fmt.Sprintf("q%d", op.Key()) }

// scanOrder lists the keys of a partition in the direction of the scan.
func scanOrder(v *View, op *Op) []string {
	keys := v.store.Keys(v.place(scanPartition(op)))
	if reversed(op) {
		for i, j := 0, len(keys)-1; i < j; i, j = i+1, j-1 {
			keys[i], keys[j] = keys[j], keys[i]
		}
	}
	return keys
}

func scanPage(v *View, op *Op) (Value, bool) {
	asked := op.Arg.At(1)
	limit := asked.Get("limit").Int
	// A page may end early and say so: then what it holds must be the first of the range.
	if got := op.Result.At(1); got.Get("more").Int != 0 {
		limit = int64(len(got.Get("records").Items))
	}
	records, more := vector(), false
	for _, key := range scanOrder(v, op) {
		n := scanNumber(key)
		if !inRange(op, n) {
			continue
		}
		if limit > 0 && int64(len(records.Items)) == limit {
			more = true
			break
		}
		record := v.store.Get(v.place(scanPartition(op)), key)
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

func bindScan() *Binding {
	return &Binding{
		Targets: func(op *Op) []Target {
			if op.F == "delete" {
				return []Target{{scanPartition(op), scanKey(op.Arg.At(1).Int)}}
			}
			return only(op, "put", Target{scanPartition(op), scanKey(op.Arg.At(1).At(0).Int)})
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
		NumberIn: firstIn, Read: scanPage,
	}
}
