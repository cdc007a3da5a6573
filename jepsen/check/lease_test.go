package main

import "testing"

// Times of a story are tens of nanoseconds, so a time to live of 1 ms never ends in it, and one of
// 0 ms has ended at once.
func leaseStory(ttl string) *story {
	s := tell().read(0, "acquire", "[1 nil]", "[1 10]", 11, ":lease 10", ":ttl "+ttl)
	s.did(0, "write", "[1 [10 100]]", 12).read(1, "holder", "[1 nil]", "[1 10]", 12)
	return s.read(1, "read", "[1 nil]", "[1 [10 100]]", 12)
}

func goodLease() *story {
	s := leaseStory("1").call(1, "acquire", "[1 nil]").fail(1, ":error :HELD :lease 13 :ttl 1")
	s.did(0, "keep-alive", "[1 10]", 14).did(0, "release", "[1 10]", 15)
	s.read(2, "acquire", "[1 nil]", "[1 16]", 17, ":lease 16", ":ttl 1")
	s.call(0, "write", "[1 [10 101]]").fail(0, ":error :FENCED")
	s.did(2, "write", "[1 [16 102]]", 18).did(2, "release", "[1 16]", 19)
	s.call(3, "acquire", "[1 nil]").info(3)
	return s.read(1, "holder", "[1 nil]", "[1 nil]", 19, ":final true")
}

func TestLeaseAcceptsGoodHistories(t *testing.T) {
	accepted(t, "lease", goodLease())
	s := leaseStory("0") // it may be gone at once
	s.read(2, "acquire", "[1 nil]", "[1 16]", 17, ":lease 16", ":ttl 0")
	accepted(t, "lease", s.did(2, "write", "[1 [16 102]]", 18))
}

func TestLeaseRefusesAWriteAfterTheLockWasLost(t *testing.T) {
	s := leaseStory("0").read(2, "acquire", "[1 nil]", "[1 16]", 17, ":lease 16", ":ttl 0")
	refused(t, "lease", "holders", "had lost the lock", s.did(0, "write", "[1 [10 101]]", 18))
}

func TestLeaseRefusesAHolderThatWasReplaced(t *testing.T) {
	s := leaseStory("0").read(2, "acquire", "[1 nil]", "[1 16]", 17, ":lease 16", ":ttl 0")
	s.read(1, "holder", "[1 nil]", "[1 10]", 18)
	refused(t, "lease", "holders", "had lost the lock", s)
}

func TestLeaseRefusesAHolderFromNowhere(t *testing.T) {
	s := leaseStory("1").read(1, "holder", "[1 nil]", "[1 77]", 13)
	refused(t, "lease", "holders", "nobody took", s)
}

func TestLeaseRefusesAnEarlyEnd(t *testing.T) {
	for _, end := range []*story{
		leaseStory("1").read(1, "holder", "[1 nil]", "[1 nil]", 13),
		leaseStory("1").call(0, "write", "[1 [10 101]]").fail(0, ":error :FENCED"),
		leaseStory("1").call(0, "keep-alive", "[1 10]").fail(0, ":error :LEASE_GONE"),
		leaseStory("1").read(2, "acquire", "[1 nil]", "[1 16]", 17, ":lease 16", ":ttl 1"),
	} {
		refused(t, "lease", "lease time", "six tenths", end)
	}
}

func TestLeaseRefusesALockThatNeverComesFree(t *testing.T) {
	s := leaseStory("0").read(1, "holder", "[1 nil]", "[1 10]", 13, ":final true")
	refused(t, "lease", "lease end", "never came free", s)
}

func TestLeaseRefusesALostWrite(t *testing.T) {
	s := leaseStory("1").did(0, "write", "[1 [10 101]]", 13)
	s.read(1, "read", "[1 nil]", "[1 [10 100]]", 14)
	refused(t, "lease", "linearizability", "no linear order", s)
}
