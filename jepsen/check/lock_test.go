package main

import "testing"

func goodLock() *story {
	s := tell().read(0, "acquire", "[1 10]", "[1 2]", 2, ":from 0")
	s.did(0, "write", "[1 [2 11]]", 3).did(0, "release", "[1 2]", 4)
	s.read(1, "acquire", "[1 20]", "[1 5]", 5, ":from 4")
	s.read(0, "acquire", "[1 12]", "[1 6]", 6, ":from 5 :stolen true")
	s.did(0, "write", "[1 [6 13]]", 7)
	s.call(1, "write", "[1 [5 21]]").fail(1, ":error :FENCED")
	s.call(1, "release", "[1 5]").fail(1, ":error :CONFLICT, :conflict 6")
	s.call(2, "release", "[1 6]").info(2)
	s.read(1, "acquire", "[1 22]", "[1 9]", 9, ":from 8")
	return s.read(1, "read", "[1 nil]", "[1 [6 13]]", 9)
}

func TestLockAcceptsGoodHistories(t *testing.T) {
	accepted(t, "lock", goodLock())
}

func TestLockRefusesTwoHolders(t *testing.T) {
	s := tell().call(0, "acquire", "[1 10]").call(1, "acquire", "[1 20]")
	s.ok(0, "[1 2]", 2, ":from 0").ok(1, "[1 3]", 3, ":from 0")
	refused(t, "lock", "tokens", "two holders", s)
}

func TestLockRefusesOneTokenForTwo(t *testing.T) {
	s := tell().call(0, "acquire", "[1 10]").call(1, "acquire", "[1 20]")
	s.ok(0, "[1 2]", 2, ":from 0").ok(1, "[1 2]", 2, ":from 0")
	refused(t, "lock", "revision order", "two writes have revision 2", s)
	s = tell().read(0, "acquire", "[1 10]", "[1 7]", 2, ":from 0")
	refused(t, "lock", "tokens", "not the revision of its grant", s)
}

func TestLockRefusesAGrantOverAChangeItDidNotSee(t *testing.T) {
	s := tell().read(0, "acquire", "[1 10]", "[1 2]", 2, ":from 0").did(0, "release", "[1 2]", 3)
	s.read(1, "acquire", "[1 20]", "[1 4]", 4, ":from 1")
	refused(t, "lock", "tokens", "which revision 3 had replaced before", s)
}

func TestLockRefusesAnOlderTokenAfterANewerOne(t *testing.T) {
	s := tell().read(0, "acquire", "[1 10]", "[1 2]", 2, ":from 0")
	s.read(1, "acquire", "[1 20]", "[1 3]", 3, ":from 2 :stolen true")
	s.did(1, "write", "[1 [3 21]]", 4).did(0, "write", "[1 [2 11]]", 5)
	refused(t, "lock", "fencing", "older token 2", s)
	refused(t, "lock", "linearizability", "no linear order", s)
}

func TestLockRefusesATokenThatNobodyGot(t *testing.T) {
	refused(t, "lock", "fencing", "before anybody got it", tell().did(0, "write", "[1 [9 11]]", 10))
}

func TestLockRefusesALostGuardedWrite(t *testing.T) {
	s := tell().read(0, "acquire", "[1 10]", "[1 2]", 2, ":from 0").did(0, "write", "[1 [2 11]]", 3)
	refused(t, "lock", "linearizability", "no linear order", s.read(0, "read", "[1 nil]", "[1 nil]", 3))
}

func TestLockRefusesAFenceWithoutReason(t *testing.T) {
	s := tell().read(0, "acquire", "[1 10]", "[1 2]", 2, ":from 0").did(0, "write", "[1 [2 11]]", 3)
	s.call(0, "write", "[1 [2 12]]").fail(0, ":error :FENCED")
	refused(t, "lock", "linearizability", "no linear order", s)
}
