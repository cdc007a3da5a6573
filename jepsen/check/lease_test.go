package main

import (
	"strings"
	"testing"
)

// Times of a story are tens of nanoseconds, so a time to live of 100 ms never ends in it, and one
// of 0 ms has ended at once.
func leaseStory(ttl string) *story {
	s := tell().read(0, "acquire", "[1 nil]", "[1 10]", 11, ":lease 10", ":ttl "+ttl)
	s.did(0, "write", "[1 [10 100]]", 12).read(1, "holder", "[1 nil]", "[1 10]", 12)
	return s.read(1, "read", "[1 nil]", "[1 [10 100]]", 12)
}

func goodLease() *story {
	s := leaseStory("100").call(1, "acquire", "[1 nil]").fail(1, ":error :HELD :lease 13 :ttl 100")
	s.did(0, "keep-alive", "[1 10]", 14).did(0, "release", "[1 10]", 15)
	s.read(2, "acquire", "[1 nil]", "[1 16]", 17, ":lease 16", ":ttl 100")
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
	s := leaseStory("100").read(1, "holder", "[1 nil]", "[1 77]", 13)
	refused(t, "lease", "holders", "nobody took", s)
}

func TestLeaseRefusesAnEarlyEnd(t *testing.T) {
	for _, end := range []*story{
		leaseStory("100").read(1, "holder", "[1 nil]", "[1 nil]", 13),
		leaseStory("100").call(0, "write", "[1 [10 101]]").fail(0, ":error :FENCED"),
		leaseStory("100").call(0, "keep-alive", "[1 10]").fail(0, ":error :LEASE_GONE"),
		leaseStory("100").read(2, "acquire", "[1 nil]", "[1 16]", 17, ":lease 16", ":ttl 100"),
	} {
		refused(t, "lease", "lease time", "before its time", end)
	}
}

func TestLeaseRefusesALockThatNeverComesFree(t *testing.T) {
	s := leaseStory("0").read(1, "holder", "[1 nil]", "[1 10]", 13, ":final true")
	refused(t, "lease", "lease end", "never came free", s)
}

func TestLeaseRefusesALostWrite(t *testing.T) {
	s := leaseStory("100").did(0, "write", "[1 [10 101]]", 13)
	s.read(1, "read", "[1 nil]", "[1 [10 100]]", 14)
	refused(t, "lease", "linearizability", "no linear order", s)
}

func TestLeaseTimeKnowsOfDrift(t *testing.T) {
	if leaseLife(1000, 0) != 975*nsPerMs || leaseLife(1500, 500000) != 975*nsPerMs {
		t.Fatal(leaseLife(1000, 0), leaseLife(1500, 500000))
	}
	drift, err := ReadDrift(strings.NewReader(`
{:process 1, :type :invoke, :f :read, :value [1 {:ppm 9000}], :time 1}
{:process :nemesis, :type :info, :f :clock, :value {:fault 0, :ppm -250}, :time 2}
{:process :nemesis, :type :info, :f :clock, :value {:fault 1, :ppm 100}, :time 3}
{:process :nemesis, :type :info, :f :kill, :value {:fault 2, :nodes [1]}, :time 4}
`))
	if err != nil || drift != 250 {
		t.Fatal(drift, err)
	}
}
