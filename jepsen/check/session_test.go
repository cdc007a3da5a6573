package main

import "testing"

func goodSession() *story {
	s := tell().did(0, "append", "[1 10]", 2).call(1, "append", "[1 21]").info(1)
	s.did(0, "append", "[1 11]", 4).read(2, "read", "[1 nil]", "[1 [10 21 11]]", 4, ":pages 1")
	s.read(2, "read-bumps", "[1 nil]", "[1 nil]", 4)
	s.did(0, "bump", "[1 30]", 5).call(3, "bump", "[1 40]").info(3)
	s.read(2, "read-bumps", "[1 nil]", "[1 {:version 2, :value 40}]", 6)
	s.did(0, "bump", "[1 31]", 7)
	return s.read(2, "read-bumps", "[1 nil]", "[1 {:version 3, :value 31}]", 7)
}

func TestSessionAcceptsGoodHistories(t *testing.T) {
	accepted(t, "session", goodSession())
}

func TestSessionRefusesAWriteThatRanTwice(t *testing.T) {
	s := tell().did(0, "append", "[1 10]", 2)
	refused(t, "session", "exactly once", "twice", s.read(2, "read", "[1 nil]", "[1 [10 10]]", 4))
	s = tell().did(0, "bump", "[1 10]", 2)
	refused(t, "session", "versions", "2 puts ran",
		s.read(2, "read-bumps", "[1 nil]", "[1 {:version 2, :value 10}]", 3))
}

func TestSessionRefusesALostWrite(t *testing.T) {
	s := tell().did(0, "append", "[1 10]", 2).read(2, "read", "[1 nil]", "[1 []]", 4)
	refused(t, "session", "exactly once", "missing", s)
	s = tell().did(0, "bump", "[1 10]", 2).did(0, "bump", "[1 11]", 3)
	refused(t, "session", "versions", "1 puts ran",
		s.read(2, "read-bumps", "[1 nil]", "[1 {:version 1, :value 11}]", 3))
}

func TestSessionRefusesAFailedWriteThatRan(t *testing.T) {
	s := tell().call(0, "append", "[1 10]").fail(0, ":error :BUSY")
	refused(t, "session", "exactly once", "although its add failed",
		s.read(2, "read", "[1 nil]", "[1 [10]]", 4))
	s = tell().call(0, "bump", "[1 10]").fail(0, ":error :BUSY").did(1, "bump", "[1 20]", 2)
	refused(t, "session", "versions", "put that failed",
		s.read(2, "read-bumps", "[1 nil]", "[1 {:version 1, :value 10}]", 3))
}

func TestSessionRefusesAnOldValueAndAVersionThatGoesBack(t *testing.T) {
	s := tell().did(0, "bump", "[1 10]", 2).did(0, "bump", "[1 11]", 3)
	refused(t, "session", "versions", "overwritten",
		s.read(2, "read-bumps", "[1 nil]", "[1 {:version 2, :value 10}]", 3))
	s = tell().call(0, "bump", "[1 10]").info(0)
	s.read(2, "read-bumps", "[1 nil]", "[1 {:version 1, :value 10}]", 3)
	refused(t, "session", "versions", "went back",
		s.read(2, "read-bumps", "[1 nil]", "[1 nil]", 4))
}
