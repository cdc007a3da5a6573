package main

import "testing"

func TestSetAcceptsGoodHistories(t *testing.T) {
	s := tell().did(0, "add", "[2 10]", 2).call(1, "add", "[2 21]").info(1).did(0, "add", "[2 5]", 4)
	s.call(2, "add", "[2 33]").fail(2, ":error :BUSY")
	s.read(0, "read", "[2 nil]", "[2 [10 21 5]]", 5, ":pages 1")
	s.call(0, "add", "[2 40]").call(2, "read", "[2 nil]")
	s.ok(2, "[2 [10 21 5 40]]", 6, ":pages 1").ok(0, "[2 40]", 6)
	s.did(0, "add", "[3 50]", 7).did(0, "add", "[3 49]", 8)
	s.read(2, "read", "[3 nil]", "[3 [49 50]]", 9, ":pages 2")
	accepted(t, "set", s)
}

func TestSetRefusesALostElement(t *testing.T) {
	s := tell().did(0, "add", "[2 10]", 2).did(0, "add", "[2 11]", 3)
	s.read(0, "read", "[2 nil]", "[2 [11]]", 3, ":pages 1")
	refused(t, "set", "set", "acknowledged and is missing", s)
}

func TestSetRefusesAnElementTwice(t *testing.T) {
	s := tell().did(0, "add", "[2 10]", 2).read(0, "read", "[2 nil]", "[2 [10 10]]", 3, ":pages 1")
	refused(t, "set", "set", "twice", s)
}

func TestSetRefusesAnElementFromNowhere(t *testing.T) {
	s := tell().did(0, "add", "[2 10]", 2).read(0, "read", "[2 nil]", "[2 [10 11]]", 3, ":pages 1")
	refused(t, "set", "set", "nobody added", s)
}

func TestSetRefusesAFailedAddThatIsThere(t *testing.T) {
	s := tell().call(0, "add", "[2 10]").fail(0, ":error :BUSY")
	refused(t, "set", "set", "although its add failed",
		s.read(0, "read", "[2 nil]", "[2 [10]]", 3, ":pages 1"))
}

func TestSetRefusesAnElementThatCameAndWent(t *testing.T) {
	s := tell().call(1, "add", "[2 10]").info(1)
	s.read(0, "read", "[2 nil]", "[2 [10]]", 3, ":pages 1")
	s.read(0, "read", "[2 nil]", "[2 []]", 3, ":pages 1")
	refused(t, "set", "set", "seen before and is gone", s)
}

func TestSetRefusesExperiencesOutOfOrder(t *testing.T) {
	s := tell().did(0, "add", "[2 10]", 2).did(0, "add", "[2 5]", 3)
	refused(t, "set", "set", "out of order", s.read(0, "read", "[2 nil]", "[2 [5 10]]", 3, ":pages 1"))
}

func TestSetRefusesKeysOutOfOrder(t *testing.T) {
	s := tell().did(0, "add", "[3 10]", 2).did(0, "add", "[3 5]", 3)
	refused(t, "set", "set", "out of order", s.read(0, "read", "[3 nil]", "[3 [10 5]]", 3, ":pages 1"))
}

func TestSetRefusesAnElementReadBeforeItWasAdded(t *testing.T) {
	s := tell().read(0, "read", "[2 nil]", "[2 [10]]", 3, ":pages 1").did(0, "add", "[2 10]", 4)
	refused(t, "set", "set", "before it was added", s)
}

// A read of one page is the state at its revision, no more and no less.
func TestSetRefusesAPageThatIsNotItsRevision(t *testing.T) {
	more := tell().call(0, "add", "[2 10]").read(1, "read", "[2 nil]", "[2 [10]]", 2, ":pages 1")
	refused(t, "set", "set", "is there at revision 2", more.ok(0, "[2 10]", 3))
	less := tell().call(0, "add", "[2 10]").call(1, "read", "[2 nil]").ok(0, "[2 10]", 3)
	refused(t, "set", "set", "missing at revision 4", less.ok(1, "[2 []]", 4, ":pages 1"))
}
