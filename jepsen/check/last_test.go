package main

import "testing"

// last begins a read of the end.
func (s *story) last(process int, f, value string) *story {
	s.f[process], s.value[process] = f, value
	return s.line(process, "invoke", value, ":final true")
}

func lastStory() *story {
	s := tell().did(0, "write", "[1 10]", 2).did(0, "write", "[2 11]", 3)
	return s.read(0, "read", "[1 nil]", "[1 10]", 3, ":mod 2")
}

func TestLastAcceptsReadsThatWereTriedAgain(t *testing.T) {
	s := lastStory()
	s.last(8, "read", "[1 nil]").fail(8, ":error :BUSY, :final true")
	s.last(8, "read", "[1 nil]").ok(8, "[1 10]", 3, ":mod 2, :final true")
	accepted(t, "register", s)
}

func TestLastRefusesAnObjectThatNeverAnswers(t *testing.T) {
	s := lastStory()
	s.last(8, "read", "[1 nil]").ok(8, "[1 10]", 3, ":mod 2, :final true")
	s.last(8, "read", "[2 nil]").fail(8, ":error :BUSY, :final true")
	refused(t, "register", "last reads", "no read of it was answered", s)
}
