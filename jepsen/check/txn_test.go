package main

import (
	"encoding/binary"
	"strings"
	"testing"
)

// written is a transaction as the protocol writes it.
func written(t txn) string {
	out := []byte{}
	u16 := func(n int) { out = binary.LittleEndian.AppendUint16(out, uint16(n)) }
	short := func(s string) {
		u16(len(s))
		out = append(out, s...)
	}
	blob := func(s string) {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(s)))
		out = append(out, s...)
	}
	u16(len(t.compares))
	u16(len(t.branches[0]))
	u16(len(t.branches[1]))
	for _, c := range t.compares {
		out = append(out, c.target, c.relation)
		short(c.key)
		if c.target == compareValue {
			blob(c.value)
		} else {
			out = binary.LittleEndian.AppendUint64(out, c.number)
		}
	}
	for _, branch := range t.branches {
		for _, op := range branch {
			out = append(out, op.kind, op.flags)
			short(op.key)
			if op.kind == txnMerge {
				out = append(out, op.merge)
			}
			if op.kind == txnMerge || op.kind == txnPut {
				blob(op.value)
			}
		}
	}
	return string(out)
}

func (s *Store) txn(t txn) Reply {
	return s.at(1, Command{Op: "txn", Value: written(t)})
}

// stored is a key's value, "-" if there is none.
func (s *Store) value(key string) string {
	if record := s.Get(place("", "", ""), key); record != nil {
		return record.Value
	}
	return "-"
}

func put(key, value string) txnOp { return txnOp{kind: txnPut, key: key, value: value} }

func merge(key string, how byte, value string) txnOp {
	return txnOp{kind: txnMerge, key: key, merge: how, value: value}
}

func then(ops ...txnOp) txn { return txn{branches: [2][]txnOp{ops, nil}} }

func TestTxnWritesAllOfABranchAtOneRevision(t *testing.T) {
	s := NewStore()
	reply := s.txn(then(put("a", "1"), put("b", "2"), txnOp{kind: txnGet, key: "a"}))
	if reply.Revision != 1 || !reply.Changed || len(s.Changes) != 2 {
		t.Errorf("%+v %+v", reply, s.Changes)
	}
	if a, b := s.Get(place("", "", ""), "a"), s.Get(place("", "", ""), "b"); a.Mod != 1 || b.Mod != 1 {
		t.Errorf("%+v %+v", a, b)
	}
	reply = s.txn(then(txnOp{kind: txnGet, key: "a"}, txnOp{kind: txnDelete, key: "nothing"}))
	if reply.Revision != 1 || reply.Changed {
		t.Errorf("a transaction that writes nothing: %+v", reply)
	}
}

func TestTxnTakesTheBranchThatItsComparesSay(t *testing.T) {
	s := NewStore()
	s.txn(then(put("a", "m")))
	for _, c := range []struct {
		compare compare
		holds   bool
	}{
		{compare{target: compareVersion, relation: 1, key: "a", number: 1}, true},
		{compare{target: compareVersion, relation: 1, key: "z"}, true},
		{compare{target: compareMod, relation: 5, key: "a", number: 1}, false},
		{compare{target: compareCreate, relation: 6, key: "a", number: 1}, true},
		{compare{target: compareValue, relation: 3, key: "a", value: "n"}, true},
		{compare{target: compareValue, relation: 2, key: "z", value: "n"}, false},
	} {
		reply := s.txn(txn{[]compare{{target: compareMod, relation: 1, key: "z"}, c.compare},
			[2][]txnOp{{put("yes", "x")}, {put("no", "x")}}})
		if holds := reply.Value == 0 && s.Changes[0].Key == "yes"; holds != c.holds {
			t.Errorf("%+v: %+v %+v", c.compare, reply, s.Changes)
		}
		if !c.holds && reply.Value != 2 {
			t.Errorf("%+v names compare %d", c.compare, reply.Value)
		}
	}
}

func TestTxnMerges(t *testing.T) {
	for _, c := range []struct {
		how                byte
		old, operand, want string
	}{
		{mergeReplace, "-", "x", "x"}, {mergeReplace, "y", "x", "x"},
		{mergeAppend, "-", "x", "x"}, {mergeAppend, "ab", "cd", "abcd"},
		{mergeAdd, "-", "5", "5"}, {mergeAdd, "-7", "5", "-2"},
		{mergeMax, "3", "5", "5"}, {mergeMax, "5", "3", "5"}, {mergeMax, "-", "3", "3"},
		{mergeMin, "3", "5", "3"}, {mergeMin, "5", "3", "3"},
		{mergeUnion, "-", "b\na\nb", "a\nb\n"}, {mergeUnion, "a\nc\n", "b\n", "a\nb\nc\n"},
		{mergeAdd, "x", "5", "WRONG_TYPE"}, {mergeAdd, "007", "5", "WRONG_TYPE"},
		{mergeUnion, "b\na\n", "c", "WRONG_TYPE"}, {mergeUnion, "a", "c", "WRONG_TYPE"},
		{mergeAdd, "9223372036854775807", "1", "OUT_OF_RANGE"},
		{mergeAdd, "-9223372036854775808", "-1", "OUT_OF_RANGE"},
		{mergeAppend, strings.Repeat("x", valueMax), "y", "TOO_LARGE"},
	} {
		s := NewStore()
		if c.old != "-" {
			s.txn(then(put("k", c.old)))
		}
		reply := s.txn(then(put("other", "1"), merge("k", c.how, c.operand)))
		if reply.Err != "" {
			if reply.Err != c.want || reply.Value != 2 || s.value("other") != "-" || reply.Changed {
				t.Errorf("%+v: %+v, other is %s", c, reply, s.value("other"))
			}
		} else if s.value("k") != c.want {
			t.Errorf("%+v: %q", c, s.value("k"))
		}
	}
}

func TestTxnSeesItsOwnWritesBefore(t *testing.T) {
	s := NewStore()
	s.txn(then(put("k", "1")))
	s.txn(then(txnOp{kind: txnDelete, key: "k"}))
	if s.value("k") != "-" || !s.Changes[0].Deleted || s.Changes[0].Before != "1" {
		t.Errorf("%s %+v", s.value("k"), s.Changes)
	}
}

// An answer with records counts against what a session keeps.
func TestTxnAnswersAreBounded(t *testing.T) {
	s := NewStore()
	s.at(1, Command{Op: "session-open", Value: "n"})
	s.txn(then(put("big", strings.Repeat("x", 600<<10))))
	read := Command{Op: "txn", Session: 1, Value: written(then(txnOp{kind: txnGet, key: "big"}))}
	for read.Seq = 1; read.Seq <= 2; read.Seq++ {
		if reply := s.at(2, read); reply.Err != "" || reply.Records < 600<<10 {
			t.Errorf("%d: %+v", read.Seq, reply)
		}
	}
	if reply := s.at(3, read); reply.Err != "BUSY" {
		t.Errorf("%+v", reply)
	}
	read.Acked = 1
	if reply := s.at(4, read); reply.Err != "" {
		t.Errorf("%+v", reply)
	}
}

func TestTxnRefusesOtherBytes(t *testing.T) {
	good := written(then(put("k", "v")))
	for _, bytes := range []string{"", good[:len(good)-1], good + "x"} {
		if _, sound := decodeTxn(bytes); sound {
			t.Errorf("%q decodes", bytes)
		}
	}
}
