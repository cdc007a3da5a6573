package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSplitsAHistoryByKeyWithPlainValues(t *testing.T) {
	text := `{:index 0, :process 0, :type :invoke, :f :cas, :value [1 [nil 2]], :time 5}
{:index 1, :process :nemesis, :type :info, :f :kill, :value {:nodes [2]}, :time 6}
{:index 2, :process 1, :type :invoke, :f :read, :value [7 nil], :time 7}
{:index 3, :process 1, :type :ok, :f :read, :value [7 3], :time 8, :revision 17}
{:index 4, :process 0, :type :fail, :f :cas, :value [1 [nil 2]], :time 9, :error :CONFLICT}
`
	path := filepath.Join(t.TempDir(), "history.edn")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	paths, err := split(path, filepath.Join(t.TempDir(), "keys"))
	if err != nil || len(paths) != 2 {
		t.Fatal(paths, err)
	}
	want := map[string]string{
		"key-1.edn": `{:index 0 :process 0 :type :invoke :f :cas :value [nil 2] :time 5}
{:index 1 :process 0 :type :fail :f :cas :value [nil 2] :time 9 :error :CONFLICT}
`,
		"key-7.edn": `{:index 0 :process 1 :type :invoke :f :read :value nil :time 7}
{:index 1 :process 1 :type :ok :f :read :value 3 :time 8 :revision 17}
`}
	for _, path := range paths {
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want[filepath.Base(path)] {
			t.Errorf("%s: %s %v", path, got, err)
		}
		if _, err := ReadHistory(strings.NewReader(string(got))); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestSplitRefusesHistoriesWithoutKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.edn")
	if err := os.WriteFile(path, []byte("{:process 0, :value 1}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := split(path, t.TempDir()); err == nil {
		t.Error("accepted")
	}
}
