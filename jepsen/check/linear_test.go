package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTimeoutIsUnknownNeverValid(t *testing.T) {
	in := goodRegister().input(t, "register")
	in.Deadline = time.Now()
	if result := runNamed(t, in, "linearizability"); result.Verdict != Unknown {
		t.Errorf("%v %s", result.Verdict, result.Why)
	}
}

// The operation named first is the one that made the history impossible, not a later one.
func TestNamesTheOperationThatBrokeTheOrder(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2).did(0, "write", "[1 20]", 3)
	s.read(0, "read", "[1 nil]", "[1 10]", 4, ":mod 2")
	s.did(0, "write", "[1 30]", 5).read(0, "read", "[1 nil]", "[1 30]", 5, ":mod 5")
	result := runNamed(t, s.input(t, "register"), "linearizability")
	if len(result.Ops) == 0 || result.Ops[0].Line != 5 {
		t.Errorf("%v", describe(result.Ops))
	}
}

func TestDrawsAPictureOfAFailedObject(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2).read(0, "read", "[1 nil]", "[1 nil]", 3)
	in := s.input(t, "register")
	in.Out = t.TempDir()
	runNamed(t, in, "linearizability")
	page, err := os.ReadFile(filepath.Join(in.Out, "linear-register-1.html"))
	if err != nil || !strings.Contains(string(page), "<html") {
		t.Errorf("%.40s %v", page, err)
	}
}

// Pruning unseen unknown writes must not change a verdict; a conflict of unknown origin may have
// seen one of them.
func TestPruningKeepsWhatAConflictMayHaveSeen(t *testing.T) {
	s := tell().did(0, "write", "[1 10]", 2).call(1, "write", "[1 20]").info(1)
	s.call(0, "cas", "[1 [10 30]]").fail(0, ":error :CONFLICT, :conflict 3")
	accepted(t, "register", s.read(2, "read", "[2 nil]", "[2 nil]", 3, ":mod 0"))
}
