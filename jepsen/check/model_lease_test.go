package main

import "testing"

func leaseCommand(op string, c Command) *Command {
	c.Op, c.Tenant, c.Namespace, c.Partition = op, "chaos", "lease", "h0"
	return &c
}

// Leases end by ticks alone, in the order of their ends, each as one change with all that it holds.
func TestModelLeasesEndByTheClock(t *testing.T) {
	s := NewStore()
	s.Run(leaseCommand("tick", Command{Expected: 1000}))
	long := s.Run(leaseCommand("lease-grant", Command{Limit: 500})).Value
	short := s.Run(leaseCommand("lease-grant", Command{Limit: 100})).Value
	for _, key := range []string{"a", "b"} {
		s.Run(leaseCommand("put", Command{Key: key, Value: "x", Lease: short}))
	}
	s.Run(leaseCommand("put", Command{Key: "c", Value: "x", Lease: long}))
	if s.Run(leaseCommand("tick", Command{Expected: 1099})); len(s.Changes) != 0 || s.Revision != 5 {
		t.Fatalf("ended early: %v", s.Changes)
	}
	s.Run(leaseCommand("lease-keep-alive", Command{Lease: short})) // until 1199
	if s.Run(leaseCommand("tick", Command{Expected: 1150})); len(s.Changes) != 0 {
		t.Fatalf("a keep-alive did not help: %v", s.Changes)
	}
	if s.Run(leaseCommand("tick", Command{Expected: 1500})); s.Revision != 7 || len(s.Changes) != 3 {
		t.Fatalf("at %d: %v", s.Revision, s.Changes)
	}
	if s.Changes[0].Key != "a" || s.Changes[2].Key != "c" {
		t.Fatalf("in the wrong order: %v", s.Changes)
	}
	if reply := s.Run(leaseCommand("lease-keep-alive", Command{Lease: long})); reply.Err != goneLease {
		t.Fatalf("a lease that has ended: %+v", reply)
	}
}

// A put without a lease frees the key; a lease of another partition holds nothing here.
func TestModelLeasesHoldWhatWasWrittenWithThem(t *testing.T) {
	s := NewStore()
	id := s.Run(leaseCommand("lease-grant", Command{Limit: 100})).Value
	s.Run(leaseCommand("put", Command{Key: "a", Value: "x", Lease: id}))
	s.Run(leaseCommand("put", Command{Key: "b", Value: "x", Lease: id}))
	s.Run(leaseCommand("put", Command{Key: "a", Value: "y"}))
	if reply := s.Run(leaseCommand("lease-revoke", Command{Lease: id})); reply.Value != 1 {
		t.Fatalf("revoked %d keys", reply.Value)
	}
	if s.Get(place("chaos", "lease", "h0"), "a") == nil {
		t.Fatal("a key that had been freed is gone")
	}
	other := s.Run(leaseCommand("lease-grant", Command{Limit: 100})).Value
	elsewhere := Command{Op: "put", Tenant: "chaos", Namespace: "lease", Partition: "h1", Key: "a",
		Lease: other}
	if reply := s.Run(&elsewhere); reply.Err != goneLease {
		t.Fatalf("a lease of another partition: %+v", reply)
	}
}
