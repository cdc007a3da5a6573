// swarm-check judges the history of a chaos run: is there any way in which a correct store could
// have given these answers?
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"
)

const usage = `usage: swarm-check --workload W --history history.edn [--entries entries.jsonl]...
                   [--out DIR] [--timeout 300s]
       swarm-check --history history.edn --split DIR
Prints one JSON object with a verdict for each check; with --split, writes DIR/key-<k>.edn with
the operations on each key and plain values, as Knossos wants them, and prints their paths. Exit code: 0 valid, 1 invalid, 2 unusable
input, 3 unknown (a check ran out of time).
`

// Exit codes.
const (
	exitValid    = 0
	exitInvalid  = 1
	exitUnusable = 2
	exitUnknown  = 3
)

type options struct {
	workload, history, out, split string
	entries                       fileList
	timeout                       time.Duration
}

// fileList collects a flag that may be given several times.
type fileList []string

func (l *fileList) String() string { return fmt.Sprint(*l) }

// Set adds one file.
func (l *fileList) Set(path string) error {
	*l = append(*l, path)
	return nil
}

func parseOptions(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("swarm-check", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { fmt.Fprint(stderr, usage) }
	flags.StringVar(&o.workload, "workload", "", "what the history is of")
	flags.StringVar(&o.history, "history", "", "the merged history, EDN")
	flags.Var(&o.entries, "entries", "an exported log, JSON lines; once for each node")
	flags.StringVar(&o.split, "split", "", "where the histories of single keys go")
	flags.StringVar(&o.out, "out", "", "where pictures of failures go")
	flags.DurationVar(&o.timeout, "timeout", 300*time.Second, "for all searches together")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if (o.workload == "") == (o.split == "") || o.history == "" || flags.NArg() > 0 {
		flags.Usage()
		return nil, fmt.Errorf("--history and either --workload or --split are needed")
	}
	return o, nil
}

func readFile(path string, read func(in io.Reader) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := read(bufio.NewReaderSize(file, 1<<20)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func readInput(o *options) (*Input, error) {
	in := &Input{Workload: o.workload, Out: o.out, Deadline: time.Now().Add(o.timeout)}
	err := readFile(o.history, func(file io.Reader) (err error) {
		in.Ops, err = ReadHistory(file)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = readFile(o.history, func(file io.Reader) (err error) {
		in.Drift, err = ReadDrift(file)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(in.Ops) == 0 {
		return nil, fmt.Errorf("%s: no operation", o.history)
	}
	for _, path := range o.entries {
		l := &Log{Path: path}
		err := readFile(path, func(file io.Reader) (err error) {
			l.Entries, err = ReadLog(file)
			return err
		})
		if err != nil {
			return nil, err
		}
		in.Logs = append(in.Logs, l)
	}
	return in, nil
}

func runSplit(o *options, stdout, stderr io.Writer) int {
	paths, err := split(o.history, o.split)
	if err != nil {
		fmt.Fprintln(stderr, "swarm-check:", err)
		return exitUnusable
	}
	for _, path := range paths {
		fmt.Fprintln(stdout, path)
	}
	return exitValid
}

func run(args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "swarm-check:", err)
		return exitUnusable
	}
	if o.split != "" {
		return runSplit(o, stdout, stderr)
	}
	checks, err := ChecksOf(o.workload)
	if err == nil && o.out != "" {
		err = os.MkdirAll(o.out, 0o755)
	}
	var in *Input
	if err == nil {
		in, err = readInput(o)
	}
	if err != nil {
		fmt.Fprintln(stderr, "swarm-check:", err)
		return exitUnusable
	}
	report := RunChecks(in, checks)
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		fmt.Fprintln(stderr, "swarm-check:", err)
		return exitUnusable
	}
	fmt.Fprintln(stdout, string(text))
	return [...]int{exitValid, exitUnknown, exitInvalid}[report.Valid]
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
