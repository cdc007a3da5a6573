package main

import "testing"

func goodCounter() *story {
	s := tell().read(0, "read", "[1 nil]", "[1 0]", 1)
	s.did(0, "add", "[1 3]", 2, ":after 3")
	s.call(1, "add", "[1 5]").info(1)
	s.did(0, "add", "[1 1]", 4, ":after 9")
	s.call(2, "add", "[1 4]").fail(2, ":error :BUSY")
	s.call(0, "add", "[1 2]").call(2, "read", "[1 nil]")
	return s.ok(2, "[1 11]", 5).ok(0, "[1 2]", 5, ":after 11")
}

func TestCounterAcceptsGoodHistories(t *testing.T) {
	accepted(t, "counter", goodCounter())
}

func TestCounterRefusesALostIncrement(t *testing.T) {
	s := tell().did(0, "add", "[1 3]", 2, ":after 3").did(0, "add", "[1 1]", 3, ":after 1")
	s.read(0, "read", "[1 nil]", "[1 1]", 3)
	refused(t, "counter", "counter", "only 4 to 4 was possible", s)
	refused(t, "counter", "steps", "was 3 after", s)
	refused(t, "counter", "linearizability", "no linear order", s)
}

func TestCounterRefusesAnIncrementThatRanTwice(t *testing.T) {
	s := tell().did(0, "add", "[1 3]", 2, ":after 3").read(0, "read", "[1 nil]", "[1 6]", 3)
	refused(t, "counter", "counter", "only 3 to 3 was possible", s)
	refused(t, "counter", "steps", "found at 6", s)
	refused(t, "counter", "linearizability", "no linear order", s)
}

func TestCounterRefusesAFailedIncrementThatCounts(t *testing.T) {
	s := tell().call(0, "add", "[1 3]").fail(0, ":error :BUSY")
	refused(t, "counter", "counter", "only 0 to 0", s.read(0, "read", "[1 nil]", "[1 3]", 3))
}

func TestCounterRefusesAnUnknownIncrementThatComesAndGoes(t *testing.T) {
	s := tell().call(1, "add", "[1 3]").info(1).read(0, "read", "[1 nil]", "[1 3]", 3)
	s.read(0, "read", "[1 nil]", "[1 0]", 4)
	refused(t, "counter", "steps", "found at 0", s)
	refused(t, "counter", "linearizability", "no linear order", s)
}
