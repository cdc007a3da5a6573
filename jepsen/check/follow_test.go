package main

import "testing"

func (s *story) watched(process int, after, answer, extra string) *story {
	s.call(process, "watch", "[1 {:after "+after+"}]")
	return s.line(process, "ok", "[1 {:after "+after+", "+answer+", :more false}]", extra)
}

func goodFollow() *story {
	s := tell().did(0, "put", "[1 [3 10]]", 2).did(0, "put", "[1 [4 11]]", 4)
	s.watched(1, "0", ":upto 4, :changes [[2 3 10] [4 4 11]]", "")
	s.did(0, "delete", "[1 3]", 5, ":existed true").did(0, "delete", "[1 7]", 5, ":existed false")
	s.call(2, "put", "[1 [5 12]]").info(2).call(3, "delete", "[1 4]").info(3)
	s.watched(1, "4", ":upto 9, :changes [[5 3 nil] [7 5 12] [8 4 nil]]", "")
	return s.watched(1, "9", ":upto 9, :changes []", ":final true")
}

func TestFollowAcceptsGoodHistories(t *testing.T) {
	accepted(t, "follow", goodFollow())
}

func TestFollowRefuses(t *testing.T) {
	for _, lie := range []struct{ after, answer, why string }{
		{"0", ":upto 9, :changes [[2 3 10] [5 3 nil] [7 5 12] [8 4 nil]]", "change 4 is missing"},
		{"4", ":upto 9, :changes [[7 5 12] [8 4 nil]]", "change 5 is missing"},
		{"0", ":upto 9, :changes [[2 3 10] [4 4 11] [5 3 nil] [8 4 nil]]", "change 7 is missing"},
		{"0", ":upto 4, :changes [[4 4 11] [2 3 10]]", "comes after"},
		{"0", ":upto 4, :changes [[2 3 10] [2 3 10] [4 4 11]]", "comes after"},
		{"2", ":upto 4, :changes [[2 3 10] [4 4 11]]", "comes after"},
		{"0", ":upto 4, :changes [[2 3 10] [4 4 11] [5 3 nil]]", "comes after"},
		{"0", ":upto 4, :changes [[2 3 11] [4 4 11]]", "in two ways"},
		{"0", ":upto 4, :changes [[2 3 10] [3 3 99] [4 4 11]]", "nobody put"},
		{"0", ":upto 4, :changes [[2 3 10] [3 3 nil] [4 4 11]]", "nobody asked"},
		{"0", ":upto 4, :changes [[2 3 10] [3 4 11] [4 4 11]]", "acknowledged as 4"},
	} {
		refused(t, "follow", "changes", lie.why, goodFollow().watched(5, lie.after, lie.answer, ""))
	}
}

func TestFollowRefusesAChangeThatHadFailed(t *testing.T) {
	s := goodFollow().call(6, "put", "[1 [5 13]]").fail(6, ":error :BUSY")
	refused(t, "follow", "changes", "had failed", s.watched(5, "9", ":upto 12, :changes [[11 5 13]]", ""))
}

func TestFollowRefusesAFollowerThatSkips(t *testing.T) {
	s := tell().did(0, "put", "[1 [3 10]]", 2)
	s.call(1, "watch", "[1 {:after 0}]").line(1, "ok",
		"[1 {:after 0, :upto 2, :changes [[2 3 10]], :more false}]", "")
	s.watched(1, "3", ":upto 4, :changes []", "")
	refused(t, "follow", "chains", "where it stood", s)
}

func TestFollowRefusesAnEndThatIsNotReached(t *testing.T) {
	s := goodFollow().did(0, "put", "[1 [3 20]]", 12)
	refused(t, "follow", "watch end", "never got to", s.watched(5, "9", ":upto 9, :changes []",
		":final true"))
}
