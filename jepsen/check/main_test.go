package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeStory(t *testing.T, s *story) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "history.edn")
	if err := os.WriteFile(path, []byte(strings.Join(s.lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExitCodesAndOutput(t *testing.T) {
	bad := tell().did(0, "write", "[1 10]", 2).read(0, "read", "[1 nil]", "[1 nil]", 3, ":mod 0")
	for _, c := range []struct {
		args []string
		code int
		text string
	}{
		{[]string{"--workload", "register", "--history", writeStory(t, goodRegister())}, 0, `"valid": true`},
		{[]string{"--workload", "register", "--history", writeStory(t, bad)}, 1, `"valid": false`},
		{[]string{"--workload", "register", "--timeout", "0s", "--history",
			writeStory(t, goodRegister())}, 3, `"valid": "unknown"`},
		{[]string{"--workload", "nothing", "--history", writeStory(t, bad)}, 2, "unknown workload"},
		{[]string{"--workload", "register", "--history", "/nowhere"}, 2, "no such file"},
		{[]string{"--workload", "register", "--history", writeStory(t, tell())}, 2, "no operation"},
		{[]string{"--workload", "register"}, 2, "usage"},
		{[]string{"--history", "x"}, 2, "usage"},
		{[]string{"--workload", "register", "--split", "d", "--history", "x"}, 2, "usage"},
		{[]string{"--split", t.TempDir(), "--history", "/nowhere"}, 2, "no such file"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(c.args, &stdout, &stderr); code != c.code {
			t.Errorf("%v: exit %d, not %d: %s", c.args, code, c.code, stderr.String())
		}
		if !strings.Contains(stdout.String()+stderr.String(), c.text) {
			t.Errorf("%v: no %q in %s%s", c.args, c.text, stdout.String(), stderr.String())
		}
		if c.code != exitUnusable && c.args[0] == "--workload" && !json.Valid(stdout.Bytes()) {
			t.Errorf("%v: not JSON: %s", c.args, stdout.String())
		}
	}
}
