package main

import (
	"strings"
	"testing"
)

func TestPairsInvocationsAndCompletions(t *testing.T) {
	ops, err := ReadHistory(strings.NewReader(`
{:process 0, :type :invoke, :f :write, :value [1 2], :time 5, :index 0}
{:process :nemesis, :type :info, :f :kill, :value {:nodes [2]}, :time 6}
{:index 2, :process 1, :type :invoke, :f :read, :value [1 nil], :time 7}
{:process 0, :type :ok, :f :write, :value [1 2], :time 8, :revision 17, :node 1, :term 2}
{:process 1, :type :fail, :f :read, :value [1 nil], :time 9, :error :DEADLINE}
{:process 2, :type :invoke, :f :write, :value [1 3], :time 10}
{:process 2, :type :info, :f :write, :value [1 3], :time 11, :error :UNKNOWN_OUTCOME}
{:process 3, :type :invoke, :f :write, :value [1 4], :time 12}
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(ops) != 4 {
		t.Fatalf("%d operations", len(ops))
	}
	if op := ops[0]; op.Outcome != Ok || op.Call != 5 || op.Return != 8 || op.Revision != 17 ||
		op.Node != 1 || op.Term != 2 || op.Key() != 1 {
		t.Errorf("%+v", op)
	}
	if op := ops[1]; op.Outcome != Fail || op.Error != "DEADLINE" || op.Return != 9 {
		t.Errorf("%+v", op)
	}
	for _, op := range ops[2:] {
		if op.Outcome != Info || op.Return != Never {
			t.Errorf("%+v", op)
		}
	}
}

func TestRefusesBrokenHistories(t *testing.T) {
	invoke := "{:process 0, :type :invoke, :f :write, :value 1, :time 5}\n"
	for text, why := range map[string]string{
		"[1]":                             "line 1: not a map",
		"{:process 0}":                    "no :time",
		"{:time 1, :process :x}":          "neither a number nor",
		"{:index 1, :time 1, :process 1}": ":index 1 on entry 0",
		invoke + "{:process 0, :type :fail, :f :write, :value 2, :time 6}":                                "failed with 2",
		"{:time 1, :process 1, :type :invoke}":                                                            "no :f",
		invoke + invoke:                                                                                   "line 2: process 0 invokes before",
		"{:process 0, :type :ok, :f :write, :time 5}":                                                     "never invoked",
		invoke + "{:process 0, :type :ok, :f :read, :time 6}":                                             "completes :read",
		invoke + "{:process 0, :type :maybe, :f :write, :time 6}":                                         "unknown :type",
		invoke + "{:process 0, :type :ok, :f :write, :time 4}":                                            "time goes back",
		invoke + "{:process 0, :type :info, :f :write, :time 6}\n" + strings.Replace(invoke, "5", "7", 1): "goes on after an :info",
	} {
		if _, err := ReadHistory(strings.NewReader(text)); err == nil ||
			!strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, not %q", text, err, why)
		}
	}
}
