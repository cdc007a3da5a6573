package main

import "testing"

// Transactions over several keys append without reading: an unknown append that a later read shows
// stood there before them.
func blindList(seen string) *story {
	s := tell().did(0, "txn", "[[:append 1 10] [:append 2 11]]", 2)
	s.call(1, "txn", "[[:append 1 20] [:append 2 21]]").info(1)
	s.did(0, "txn", "[[:append 1 30] [:append 2 31]]", 4)
	return s.read(0, "txn", "[[:r 1 nil]]", "[[:r 1 "+seen+"]]", 5)
}

func TestListAcceptsUnknownAppendsBetweenBlindOnes(t *testing.T) {
	accepted(t, "list", blindList("[10 20 30]"))
	accepted(t, "list", blindList("[10 30 20]"))
	accepted(t, "list", blindList("[10 30]"))
}

func TestListRefusesKnownAppendsOutOfOrder(t *testing.T) {
	s := tell().did(0, "txn", "[[:append 1 10]]", 2).did(0, "txn", "[[:append 1 20]]", 3)
	s.read(0, "txn", "[[:r 1 nil]]", "[[:r 1 [20 10]]]", 4)
	refused(t, "list", "serial order", "read otherwise", s)
	refused(t, "list", "serial order", "read otherwise", blindList("[20 30 10]"))
}
