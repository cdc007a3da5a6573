package main

import "testing"

func poll(after, events, more string) string {
	return "[1 {:after " + after + ", :events " + events + ", :more " + more + "}]"
}

func TestWatchAcceptsGoodHistories(t *testing.T) {
	s := tell().did(0, "append", "[1 10]", 2).call(2, "append", "[1 20]").info(2)
	s.did(0, "append", "[1 11]", 5)
	s.read(1, "poll", "[1 {:after 0}]", poll("0", "[[2 10] [4 20]]", "true"), 6, ":follower 1")
	s.read(1, "poll", "[1 {:after 4}]", poll("4", "[[5 11]]", "false"), 6, ":follower 1")
	s.read(1, "poll", "[1 {:after 5}]", poll("5", "[]", "false"), 6, ":follower 1")
	s.read(1, "poll", "[1 {:after 0}]", poll("0", "[[2 10] [4 20] [5 11]]", "false"), 6, ":follower 3")
	accepted(t, "watch", s)
}

func TestWatchRefusesAGap(t *testing.T) {
	s := tell().did(0, "append", "[1 10]", 2).did(0, "append", "[1 11]", 3)
	s.read(1, "poll", "[1 {:after 0}]", poll("0", "[[3 11]]", "false"), 3, ":follower 1")
	refused(t, "watch", "watch", "event 2 was left out", s)
}

func TestWatchRefusesAnEventThatOnlyOtherFollowersSaw(t *testing.T) {
	s := tell().call(2, "append", "[1 20]").info(2)
	s.read(1, "poll", "[1 {:after 0}]", poll("0", "[[4 20]]", "false"), 4, ":follower 1")
	s.read(3, "poll", "[1 {:after 0}]", poll("0", "[]", "false"), 4, ":follower 2")
	refused(t, "watch", "watch", "event 4 was left out", s)
}

func TestWatchRefusesADuplicate(t *testing.T) {
	s := tell().call(0, "append", "[1 10]").info(0)
	s.read(1, "poll", "[1 {:after 0}]", poll("0", "[[2 10] [3 10]]", "false"), 3, ":follower 1")
	refused(t, "watch", "watch", "event 2 and event 3", s)
	s = tell().did(0, "append", "[1 10]", 2)
	s.read(1, "poll", "[1 {:after 0}]", poll("0", "[[2 10] [2 10]]", "false"), 3, ":follower 1")
	refused(t, "watch", "watch", "comes after", s)
}

func TestWatchRefusesEventsOutOfOrder(t *testing.T) {
	s := tell().did(0, "append", "[1 10]", 2).did(0, "append", "[1 11]", 3)
	s.read(1, "poll", "[1 {:after 0}]", poll("0", "[[3 11] [2 10]]", "false"), 3, ":follower 1")
	refused(t, "watch", "watch", "event 2 comes after 3", s)
}

func TestWatchRefusesTimeTravel(t *testing.T) {
	s := tell().read(1, "poll", "[1 {:after 0}]", poll("0", "[[2 10]]", "false"), 3, ":follower 1")
	refused(t, "watch", "watch", "before it was appended", s.did(0, "append", "[1 10]", 2))
	s = tell().did(0, "append", "[1 10]", 5)
	s.read(1, "poll", "[1 {:after 0}]", poll("0", "[[5 10]]", "false"), 4, ":follower 1")
	refused(t, "watch", "watch", "in a state of revision 4", s)
}

func TestWatchRefusesARevisionThatIsNotTheAppends(t *testing.T) {
	s := tell().did(0, "append", "[1 10]", 2)
	s.read(1, "poll", "[1 {:after 0}]", poll("0", "[[3 10]]", "false"), 4, ":follower 1")
	refused(t, "watch", "watch", "acknowledged as 2", s)
}

func TestWatchRefusesAFailedAppendAndOneFromNowhere(t *testing.T) {
	s := tell().call(0, "append", "[1 10]").fail(0, ":error :BUSY")
	s.read(1, "poll", "[1 {:after 0}]", poll("0", "[[3 10]]", "false"), 4, ":follower 1")
	refused(t, "watch", "watch", "append that failed", s)
	s = tell().read(1, "poll", "[1 {:after 0}]", poll("0", "[[3 10]]", "false"), 4, ":follower 1")
	refused(t, "watch", "watch", "by nobody", s)
}

func TestWatchRefusesAFollowerThatSkips(t *testing.T) {
	s := tell().did(0, "append", "[1 10]", 2).did(0, "append", "[1 11]", 3)
	s.read(1, "poll", "[1 {:after 0}]", poll("0", "[[2 10]]", "true"), 3, ":follower 1")
	s.read(1, "poll", "[1 {:after 3}]", poll("3", "[]", "false"), 3, ":follower 1")
	refused(t, "watch", "watch", "goes on at 3, not at 2", s)
}
