package main

import "testing"

// at runs one command in an entry of its own.
func (s *Store) at(ms int64, c Command) Reply {
	s.Begin(&Entry{TimeMs: ms, Commands: []Command{c}})
	return s.Run(&c)
}

func expect(t *testing.T, what string, got, want Reply) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %+v, not %+v", what, got, want)
	}
}

func TestModelCountsRevisionsAndVersions(t *testing.T) {
	s := NewStore()
	key := Command{Op: "put", Key: "k", Value: "1"}
	expect(t, "put", s.at(1, key), Reply{Revision: 1, Changed: true})
	expect(t, "put", s.at(1, key), Reply{Revision: 2, Changed: true})
	key.Op, key.Expected = "cas", 1
	expect(t, "refused", s.at(1, key), Reply{Err: "CONFLICT", Revision: 2, Value: 2})
	key.Expected = 2
	expect(t, "cas", s.at(1, key), Reply{Revision: 3, Changed: true})
	if r := s.Get(place("", "", ""), "k"); r.Version != 3 || r.Create != 1 || r.Mod != 3 {
		t.Errorf("%+v", r)
	}
	key.Op = "delete"
	expect(t, "delete", s.at(1, key), Reply{Revision: 4, Value: 1, Changed: true})
	expect(t, "again", s.at(1, key), Reply{Revision: 4})
	key.Op, key.Expected = "cas", 0
	expect(t, "cas of nothing", s.at(1, key), Reply{Revision: 5, Changed: true})
	if r := s.Get(place("", "", ""), "k"); r.Version != 1 || r.Create != 5 {
		t.Errorf("%+v", r)
	}
	expect(t, "append", s.at(1, Command{Op: "experience-append", Value: "x"}),
		Reply{Revision: 6, Changed: true})
	if list := s.Experiences(place("", "", ""), 5); len(list) != 1 || list[0].Revision != 6 {
		t.Errorf("%+v", list)
	}
}

func TestModelRunsAWriteOfASessionOnce(t *testing.T) {
	s := NewStore()
	open := Command{Op: "session-open", Value: "nonce", Limit: 1000}
	expect(t, "open", s.at(1, open), Reply{Revision: 1, Value: 1, Changed: true})
	expect(t, "open again", s.at(2, open), Reply{Revision: 1, Value: 1})
	write := Command{Op: "put", Session: 1, Seq: 1, Key: "k"}
	expect(t, "write", s.at(3, write), Reply{Revision: 2, Changed: true})
	expect(t, "write again", s.at(4, write), Reply{Revision: 2})
	write.Seq, write.Acked = 2, 1
	expect(t, "next", s.at(5, write), Reply{Revision: 3, Changed: true})
	write.Seq, write.Acked = 1, 0
	expect(t, "acknowledged", s.at(6, write), Reply{Err: "SESSION_STALE"})
	write.Session = 9
	expect(t, "unknown", s.at(7, write), Reply{Err: "SESSION_EXPIRED"})
}

func TestModelExpiresSessionsByTheTimeOfTheLog(t *testing.T) {
	s := NewStore()
	s.at(1, Command{Op: "session-open", Value: "a", Limit: 1000})
	s.at(1, Command{Op: "session-open", Value: "b", Limit: 5000})
	write := Command{Op: "put", Session: 1, Seq: 1, Key: "k"}
	expect(t, "in time", s.at(1000, write), Reply{Revision: 3, Changed: true})
	write.Seq = 2
	expect(t, "time does not go back", s.at(5, write), Reply{Revision: 4, Changed: true})
	write.Seq = 3
	expect(t, "too late", s.at(2000, write), Reply{Err: "SESSION_EXPIRED"})
	if len(s.sessions) != 1 {
		t.Errorf("%d sessions", len(s.sessions))
	}
	write.Session, write.Seq = 2, 1
	expect(t, "the other", s.at(2001, write), Reply{Revision: 5, Changed: true})
	expect(t, "a name is free again", s.at(2002, Command{Op: "session-open", Value: "a"}),
		Reply{Revision: 6, Value: 6, Changed: true})
}

func TestModelClosesSessions(t *testing.T) {
	s := NewStore()
	s.at(1, Command{Op: "session-open", Value: "a"})
	shut := Command{Op: "session-close", Session: 1}
	expect(t, "close", s.at(2, shut), Reply{Revision: 2, Value: 1, Changed: true})
	expect(t, "again", s.at(3, shut), Reply{Revision: 2})
}

func TestModelBoundsTheAnswersOfASession(t *testing.T) {
	s := NewStore()
	s.at(1, Command{Op: "session-open", Value: "a"})
	write := Command{Op: "put", Session: 1, Key: "k"}
	for write.Seq = 1; write.Seq <= repliesMax; write.Seq++ {
		s.at(2, write)
	}
	if reply := s.at(3, write); reply.Err != "BUSY" {
		t.Errorf("%+v", reply)
	}
	write.Acked = 1
	if reply := s.at(4, write); !reply.Changed {
		t.Errorf("%+v", reply)
	}
}

func TestModelExpiresAFewSessionsAtATime(t *testing.T) {
	s := NewStore()
	for i := 0; i < sweepMax+5; i++ {
		s.at(1, Command{Op: "session-open", Value: string(rune('a' + i)), Limit: 1000})
	}
	s.Begin(&Entry{TimeMs: 5000})
	if len(s.sessions) != 5 {
		t.Errorf("%d left", len(s.sessions))
	}
	s.Begin(&Entry{TimeMs: 5000})
	if len(s.sessions) != 0 {
		t.Errorf("%d left", len(s.sessions))
	}
}
