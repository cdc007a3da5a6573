package main

import "testing"

func won(s *story, process int, token string, revision string) *story {
	return s.call(process, "campaign", "[1 nil]").line(process, "ok", token, ":won "+revision)
}

func goodElection() *story {
	s := won(tell(), 0, "[1 2]", "3")
	s.did(0, "write", "[1 [2 10]]", 4).read(1, "leader", "[1 nil]", "[1 2]", 4)
	s.call(0, "proclaim", "[1 [2 11]]").line(0, "ok", "[1 [2 11]]", "")
	s.call(1, "campaign", "[1 nil]").fail(1, ":error :DEADLINE")
	s.call(0, "resign", "[1 2]").line(0, "ok", "[1 2]", "")
	s = won(s, 1, "[1 6]", "9")
	s.call(0, "write", "[1 [2 12]]").fail(0, ":error :FENCED")
	s.call(0, "proclaim", "[1 [2 13]]").fail(0, ":error :FENCED")
	s.did(1, "write", "[1 [6 20]]", 10).read(2, "read", "[1 nil]", "[1 [6 20]]", 10)
	s.call(1, "resign", "[1 6]").info(1)
	s.call(2, "leader", "[1 nil]")
	return s.ok(2, "[1 nil]", 12, ":final true")
}

func TestElectionAcceptsGoodHistories(t *testing.T) {
	accepted(t, "election", goodElection())
}

func TestElectionRefusesTwoWinners(t *testing.T) {
	refused(t, "election", "elections", "have the token 2",
		won(won(tell(), 0, "[1 2]", "3"), 1, "[1 2]", "5"))
	refused(t, "election", "elections", "won at revision 5",
		won(won(tell(), 0, "[1 2]", "5"), 1, "[1 3]", "5"))
	refused(t, "election", "elections", "lower revision",
		won(won(tell(), 0, "[1 2]", "9"), 1, "[1 3]", "5"))
	refused(t, "election", "elections", "with a lease of revision 7", won(tell(), 0, "[1 7]", "5"))
}

func TestElectionRefusesAWriteOfWhoLost(t *testing.T) {
	s := won(won(tell(), 0, "[1 2]", "3"), 1, "[1 4]", "5").did(0, "write", "[1 [2 10]]", 6)
	refused(t, "election", "leaders", "another had won at revision 5", s)
	s = won(won(tell(), 0, "[1 2]", "3"), 1, "[1 4]", "5").read(2, "leader", "[1 nil]", "[1 2]", 6)
	refused(t, "election", "leaders", "another had won", s)
}

func TestElectionRefusesALeaderThatNobodyElected(t *testing.T) {
	refused(t, "election", "leaders", "which nobody won", tell().did(0, "write", "[1 [2 10]]", 6))
	s := won(tell(), 0, "[1 2]", "7").did(0, "write", "[1 [2 10]]", 6)
	refused(t, "election", "leaders", "before it won", s)
}

func TestElectionRefusesAProclamationOfWhoLost(t *testing.T) {
	s := won(won(tell(), 0, "[1 2]", "3"), 1, "[1 4]", "5")
	s.call(0, "proclaim", "[1 [2 10]]").line(0, "ok", "[1 [2 10]]", "")
	refused(t, "election", "proclamations", "although another had won", s)
}

func TestElectionRefusesAnOfficeThatStaysTaken(t *testing.T) {
	s := won(tell(), 0, "[1 2]", "3").call(1, "leader", "[1 nil]").ok(1, "[1 2]", 4, ":final true")
	refused(t, "election", "office end", "never came free", s)
}

func TestElectionRefusesALostGuardedWrite(t *testing.T) {
	s := won(tell(), 0, "[1 2]", "3").did(0, "write", "[1 [2 10]]", 4)
	refused(t, "election", "linearizability", "no linear order",
		s.read(1, "read", "[1 nil]", "[1 nil]", 5))
}
