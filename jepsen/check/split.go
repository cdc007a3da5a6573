// Histories of single objects, for other people's tools.
//
// Operations on keys have [key value] tuples, which jepsen.independent takes apart inside Jepsen.
// Knossos by itself does not: for it each key gets a file of its own, with plain values.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
)

// isTuple tells whether a line is of a client and about one key.
func isTuple(entry Value) bool {
	value := entry.Get("value")
	return entry.Get("process").Kind == Int && value.Kind == Vector && len(value.Items) == 2 &&
		value.At(0).Kind == Int
}

// plain is the line with the value alone, and a new :index.
func plain(entry Value, index int) Value {
	line := Value{Kind: Map, Items: []Value{keyword("index"), intValue(int64(index))}}
	for i := 0; i+1 < len(entry.Items); i += 2 {
		name, value := entry.Items[i], entry.Items[i+1]
		if name.Is("index") {
			continue
		}
		if name.Is("value") {
			value = value.At(1)
		}
		line.Items = append(line.Items, name, value)
	}
	return line
}

// splitHistory reads a history and gives the lines of each key.
func splitHistory(in io.Reader) (map[int64][]Value, error) {
	scanner := bufio.NewScanner(in)
	scanner.Buffer(make([]byte, 1<<16), lineSizeMax)
	keys := map[int64][]Value{}
	for line := 1; scanner.Scan(); line++ {
		if blank(scanner.Text()) {
			continue
		}
		entry, err := ParseEDN(scanner.Text())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if isTuple(entry) {
			key := entry.Get("value").At(0).Int
			keys[key] = append(keys[key], plain(entry, len(keys[key])))
		}
	}
	return keys, scanner.Err()
}

func writeLines(path string, lines []Value) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(file)
	for _, line := range lines {
		fmt.Fprintln(out, line)
	}
	err = out.Flush()
	if closed := file.Close(); err == nil {
		err = closed
	}
	return err
}

// split writes DIR/key-<k>.edn for each key; returns their paths.
func split(history, dir string) ([]string, error) {
	var keys map[int64][]Value
	err := readFile(history, func(in io.Reader) (err error) {
		keys, err = splitHistory(in)
		return err
	})
	if err == nil && len(keys) == 0 {
		err = fmt.Errorf("%s: no operation on a key", history)
	}
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	var paths []string
	for key, lines := range keys {
		path := filepath.Join(dir, fmt.Sprintf("key-%d.edn", key))
		if err == nil {
			err = writeLines(path, lines)
		}
		paths = append(paths, path)
	}
	sort.Strings(paths)
	return paths, err
}
