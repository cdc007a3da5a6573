// Transactions in the model: all compares, then one branch, all of it or nothing.
//
// The bytes are those of docs/PROTOCOL.md, decoded here a second time on purpose: a codec that is
// wrong in the same way on both sides of the store would be noticed by nobody else.
package main

import (
	"encoding/binary"
	"math"
	"sort"
	"strconv"
	"strings"
)

// What of a key is compared, and how: numbers of the protocol.
const (
	compareVersion = 1 + iota
	compareMod
	compareCreate
	compareValue
	compareLease
)

const (
	txnPut = 1 + iota
	txnGet
	txnDelete
	txnMerge
)

const (
	mergeReplace = 1 + iota
	mergeAppend
	mergeUnion
	mergeAdd
	mergeMax
	mergeMin
)

const (
	txnWriteMax  = 4 << 20       // bytes of values that one writes
	txnResultMax = 1<<20 + 4<<10 // bytes of records that one answers
	valueMax     = 1 << 20       // bytes of one value
	recordBytes  = 2 + 4 + 5*8   // a record without its key and value
	txnPrevious  = 1             // flag: answer with the record as it was
	txnLease     = 2             // flag of a put: it names a lease
)

type compare struct {
	target, relation byte
	key, value       string
	number           uint64
}

type txnOp struct {
	kind, flags, merge byte
	key, value         string
	lease              int64
}

type txn struct {
	compares []compare
	branches [2][]txnOp
}

// cutter reads little-endian fields off the front; one that runs short fails all that follow.
type cutter struct {
	text   string
	failed bool
}

func (c *cutter) take(size int) string {
	if c.failed || size < 0 || size > len(c.text) {
		c.failed = true
		return ""
	}
	part := c.text[:size]
	c.text = c.text[size:]
	return part
}

func (c *cutter) number(size int) uint64 {
	var bytes [8]byte
	copy(bytes[:], c.take(size))
	return binary.LittleEndian.Uint64(bytes[:])
}

func (c *cutter) short() string { return c.take(int(c.number(2))) }

func (c *cutter) blob() string { return c.take(int(c.number(4))) }

func (c *cutter) compare() compare {
	out := compare{target: byte(c.number(1)), relation: byte(c.number(1)), key: c.short()}
	if out.target == compareValue {
		out.value = c.blob()
	} else {
		out.number = c.number(8)
	}
	return out
}

func (c *cutter) op() txnOp {
	out := txnOp{kind: byte(c.number(1)), flags: byte(c.number(1)), key: c.short()}
	if out.kind == txnMerge {
		out.merge = byte(c.number(1))
	}
	if out.flags&txnLease != 0 {
		out.lease = int64(c.number(8))
	}
	if out.kind == txnMerge || out.kind == txnPut {
		out.value = c.blob()
	}
	return out
}

func decodeTxn(bytes string) (txn, bool) {
	c := cutter{text: bytes}
	t := txn{}
	counts := [3]int{int(c.number(2)), int(c.number(2)), int(c.number(2))}
	for i := 0; i < counts[0] && !c.failed; i++ {
		t.compares = append(t.compares, c.compare())
	}
	for branch := 0; branch < 2; branch++ {
		for i := 0; i < counts[branch+1] && !c.failed; i++ {
			t.branches[branch] = append(t.branches[branch], c.op())
		}
	}
	return t, !c.failed && c.text == ""
}

// holds: = != < <= > >= in the order of the protocol's numbers.
func holds(relation byte, order int) bool {
	return [...]bool{false, order == 0, order != 0, order < 0, order <= 0, order > 0, order >= 0}[relation]
}

func orderOf(a, b uint64) int {
	if a < b {
		return -1
	} else if a > b {
		return 1
	}
	return 0
}

func (c *compare) holds(record *Record) bool {
	missing := record == nil
	if missing {
		record = &Record{}
	}
	switch c.target {
	case compareVersion:
		return holds(c.relation, orderOf(uint64(record.Version), c.number))
	case compareMod:
		return holds(c.relation, orderOf(uint64(record.Mod), c.number))
	case compareCreate:
		return holds(c.relation, orderOf(uint64(record.Create), c.number))
	case compareLease:
		return holds(c.relation, orderOf(uint64(record.Lease), c.number))
	}
	return !missing && holds(c.relation, strings.Compare(record.Value, c.value))
}

// --- merges --------------------------------------------------------------------------------------

// wholeNumber reads a decimal in its one form.
func wholeNumber(text string) (int64, bool) {
	number, err := strconv.ParseInt(text, 10, 64)
	return number, err == nil && strconv.FormatInt(number, 10) == text
}

func mergeNumbers(merge byte, old *string, operand string) (string, string) {
	given, _ := wholeNumber(operand)
	if old == nil {
		return operand, ""
	}
	have, sound := wholeNumber(*old)
	switch {
	case !sound:
		return "", "WRONG_TYPE"
	case merge == mergeAdd:
		if (given > 0 && have > math.MaxInt64-given) || (given < 0 && have < math.MinInt64-given) {
			return "", "OUT_OF_RANGE"
		}
		given += have
	case (merge == mergeMax) == (have > given):
		given = have
	}
	return strconv.FormatInt(given, 10), ""
}

// isLineSet: lines in ascending order, each ended.
func isLineSet(text string) bool {
	if text == "" {
		return true
	}
	if !strings.HasSuffix(text, "\n") {
		return false
	}
	last := ""
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		if line <= last {
			return false
		}
		last = line
	}
	return true
}

func mergeLines(old, operand string) (string, string) {
	if !isLineSet(old) {
		return "", "WRONG_TYPE"
	}
	lines := map[string]bool{}
	for _, line := range strings.Split(old+operand, "\n") {
		lines[line] = true
	}
	delete(lines, "")
	sorted := make([]string, 0, len(lines))
	for line := range lines {
		sorted = append(sorted, line)
	}
	sort.Strings(sorted)
	if union := strings.Join(sorted, "\n") + "\n"; len(union) <= valueMax {
		return union, ""
	}
	return "", "TOO_LARGE"
}

// merged is the value after a merge, or the error that it ends with. `old` is nil for a missing key.
func merged(merge byte, old *string, operand string) (string, string) {
	stored := ""
	if old != nil {
		stored = *old
	}
	switch merge {
	case mergeReplace:
		return operand, ""
	case mergeAppend:
		if len(stored)+len(operand) > valueMax {
			return "", "TOO_LARGE"
		}
		return stored + operand, ""
	case mergeUnion:
		return mergeLines(stored, operand)
	}
	return mergeNumbers(merge, old, operand)
}

// --- execution -----------------------------------------------------------------------------------

func recordSize(key string, record *Record) int {
	size := recordBytes + len(key)
	if record != nil {
		size += len(record.Value)
	}
	return size
}

// plan is what a branch will do; nothing of it happens before all of it can.
type plan struct {
	values  map[string]*string // nil: deleted
	leases  map[string]int64
	keys    []string // in the order of the operations
	records int
	written int
}

// now is the key as the operations so far leave it.
func (p *plan) now(s *Store, c *Command, key string) *string {
	if value, planned := p.values[key]; planned {
		return value
	}
	if record := s.Get(place(c.Tenant, c.Namespace, c.Partition), key); record != nil {
		return &record.Value
	}
	return nil
}

func (p *plan) write(key string, value *string) {
	p.values[key] = value
	p.keys = append(p.keys, key)
}

func size(value *string) int {
	if value == nil {
		return 0
	}
	return len(*value)
}

// op plans one operation; an error ends the transaction.
func (p *plan) op(s *Store, c *Command, op *txnOp) string {
	old := p.now(s, c, op.key)
	p.records += recordBytes + len(op.key)
	shown := 0
	switch op.kind {
	case txnGet:
		shown = size(old)
	case txnDelete:
		if op.flags&txnPrevious != 0 {
			shown = size(old)
		}
		if old != nil {
			p.write(op.key, nil)
		}
	default:
		if err := s.mayHold(c, op.lease, len(p.keys)); err != "" {
			return err
		}
		next := op.value
		if op.kind == txnMerge {
			value, err := merged(op.merge, old, op.value)
			if err != "" {
				return err
			}
			next, shown = value, len(value)
		}
		if p.written += len(next); p.written > txnWriteMax {
			return "TOO_LARGE"
		}
		if op.flags&txnPrevious != 0 {
			shown = size(old)
		}
		p.leases[op.key] = op.lease
		if record := s.Get(place(c.Tenant, c.Namespace, c.Partition), op.key); record != nil &&
			op.kind == txnMerge {
			p.leases[op.key] = record.Lease // a merge keeps it
		}
		p.write(op.key, &next)
	}
	if p.records += shown; p.records > txnResultMax {
		return "TOO_LARGE"
	}
	return ""
}

func (s *Store) transact(c *Command) Reply {
	t, sound := decodeTxn(c.Value)
	if !sound {
		return Reply{Err: "MALFORMED"}
	}
	failed := 0
	for i := range t.compares {
		if !t.compares[i].holds(s.Get(place(c.Tenant, c.Namespace, c.Partition), t.compares[i].key)) {
			failed = i + 1
			break
		}
	}
	branch := t.branches[0]
	if failed > 0 {
		branch = t.branches[1]
	}
	p := plan{values: map[string]*string{}, leases: map[string]int64{}}
	for i := range branch {
		if err := p.op(s, c, &branch[i]); err != "" {
			return Reply{Err: err, Revision: s.Revision, Value: int64(i + 1)}
		}
	}
	if len(p.keys) > 0 {
		s.Revision++
	}
	for _, key := range p.keys {
		s.set(c, key, p.values[key], p.leases[key])
	}
	return Reply{Revision: s.Revision, Value: int64(failed), Changed: len(p.keys) > 0,
		Records: p.records}
}

// answersRecords tells whether a command may answer with records, which are bounded.
func (c *Command) answersRecords() bool { return c.Op == "txn" || c.Flags&flagPrevious != 0 }
