package main

import "testing"

func goodRegister() *story {
	s := tell()
	s.read(0, "read", "[1 nil]", "[1 nil]", 1, ":mod 0")
	s.did(0, "write", "[1 10]", 2)
	s.call(1, "write", "[1 20]")
	s.read(0, "read", "[1 nil]", "[1 10]", 2, ":mod 2")
	s.info(1)
	s.read(0, "read", "[1 nil]", "[1 20]", 5, ":mod 4")
	s.did(0, "cas", "[1 [20 30]]", 6, ":expected 4")
	s.call(2, "cas", "[1 [20 40]]").fail(2, ":error :CONFLICT, :conflict 6")
	s.did(0, "write", "[1 nil]", 7)
	s.call(3, "write", "[1 50]").info(3) // seen by nobody
	return s.read(0, "read", "[1 nil]", "[1 nil]", 8, ":mod 0")
}

func TestRegisterAcceptsGoodHistories(t *testing.T) {
	accepted(t, "register", goodRegister())
}

func TestRegisterRefusesALostWrite(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2).did(0, "write", "[1 20]", 3)
	s.read(0, "read", "[1 nil]", "[1 10]", 3, ":mod 2")
	refused(t, "register", "linearizability", "no linear order", s)
	refused(t, "register", "newest write", "the newest write then was 20", s)
}

func TestRegisterRefusesAStaleRead(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2).did(0, "write", "[1 20]", 3)
	s.read(0, "read", "[1 nil]", "[1 10]", 2, ":mod 2")
	refused(t, "register", "linearizability", "no linear order", s)
	refused(t, "register", "revision order", "revision 2 came after revision 3", s)
}

func TestRegisterRefusesAWriteThatFailedAndIsThere(t *testing.T) {
	s := tell().call(0, "write", "[1 10]").fail(0, ":error :BUSY")
	s.read(0, "read", "[1 nil]", "[1 10]", 2, ":mod 2")
	refused(t, "register", "linearizability", "no linear order", s)
	refused(t, "register", "newest write", "had failed", s)
}

func TestRegisterRefusesAValueFromNowhere(t *testing.T) {
	s := tell().read(0, "read", "[1 nil]", "[1 99]", 2, ":mod 2")
	refused(t, "register", "newest write", "nobody wrote", s)
	refused(t, "register", "linearizability", "no linear order", s)
}

func TestRegisterRefusesTwoWinnersOfOneCas(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2)
	s.call(0, "cas", "[1 [10 20]]").call(1, "cas", "[1 [10 30]]")
	s.ok(0, "[1 [10 20]]", 3).ok(1, "[1 [10 30]]", 4)
	refused(t, "register", "linearizability", "no linear order", s)
}

func TestRegisterRefusesACasThatFailedWithoutReason(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2)
	s.call(0, "cas", "[1 [10 20]]").fail(0, ":error :CONFLICT, :conflict 2")
	refused(t, "register", "linearizability", "no linear order", s)
}

func TestRegisterRefusesAnUnknownWriteThatComesAndGoes(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2).call(1, "write", "[1 20]").info(1)
	s.read(0, "read", "[1 nil]", "[1 20]", 3, ":mod 3")
	s.read(0, "read", "[1 nil]", "[1 10]", 4, ":mod 2")
	refused(t, "register", "linearizability", "no linear order", s)
	refused(t, "register", "newest write", "saw 10", s)
}

func TestRegisterRefusesADeleteUndone(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2).did(0, "write", "[1 nil]", 3)
	s.read(0, "read", "[1 nil]", "[1 10]", 4, ":mod 2")
	refused(t, "register", "linearizability", "no linear order", s)
	refused(t, "register", "newest write", "saw 10", s)
}

func TestRegisterRefusesAValueThatVanished(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2).read(0, "read", "[1 nil]", "[1 nil]", 3, ":mod 0")
	refused(t, "register", "linearizability", "no linear order", s)
	refused(t, "register", "newest write", "saw nil", s)
}

func TestRegisterRefusesOneRevisionForTwoWrites(t *testing.T) {
	s := tell().call(0, "write", "[1 10]").call(1, "write", "[2 20]")
	s.ok(0, "[1 10]", 3).ok(1, "[2 20]", 3)
	refused(t, "register", "revision order", "two writes have revision 3", s)
}

func TestRegisterRefusesTimeTravelAcrossKeys(t *testing.T) {
	s := tell().read(0, "read", "[1 nil]", "[1 nil]", 7, ":mod 0").did(1, "write", "[2 20]", 5)
	refused(t, "register", "revision order", "revision 5 came after revision 7", s)
}

func TestRegisterRefusesDamagedValues(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2).read(0, "read", "[1 nil]", "[1 :corrupt]", 3, ":mod 2")
	refused(t, "register", "intact values", "what no client had written", s)
	refused(t, "register", "linearizability", "no linear order", s)
}

// An empty store is at revision 0; a write never is, and a later read is not there any more.
func TestRegisterRefusesAnswersWithoutRevision(t *testing.T) {
	s := tell().read(0, "read", "[1 nil]", "[1 nil]", 0, ":mod 0").did(0, "write", "[1 10]", 1)
	accepted(t, "register", s)
	refused(t, "register", "revision order", "has no revision", s.did(0, "write", "[1 11]", 0))
	s = tell().did(0, "write", "[1 10]", 2).read(0, "read", "[2 nil]", "[2 nil]", 0, ":mod 0")
	refused(t, "register", "revision order", "revision 0 came after", s)
}

// Overlapping operations may go either way, and a failed read says nothing.
func TestRegisterAcceptsWhatConcurrencyAllows(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2)
	s.call(0, "write", "[1 20]").call(1, "read", "[1 nil]").call(2, "read", "[1 nil]")
	s.ok(1, "[1 20]", 3, ":mod 3").ok(2, "[1 10]", 2, ":mod 2").ok(0, "[1 20]", 3)
	s.call(3, "read", "[1 nil]").fail(3, ":error :DEADLINE")
	accepted(t, "register", s)
}
