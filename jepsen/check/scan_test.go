package main

import "testing"

// page is the value of a scan with its answer.
func page(from, to, limit, flags, records, more string) (arg, result string) {
	asked := ":from " + from + ", :to " + to + ", :limit " + limit + ", " + flags
	return "[1 {" + asked + "}]", "[1 {" + asked + ", :records " + records + ", :more " + more + "}]"
}

func (s *story) scan(revision int, from, to, limit, flags, records, more string) *story {
	arg, result := page(from, to, limit, flags, records, more)
	return s.read(9, "scan", arg, result, revision)
}

const (
	forward  = ":reverse false, :keys-only false"
	backward = ":reverse true, :keys-only false"
	keysOnly = ":reverse false, :keys-only true"
)

func filled() *story {
	s := tell().did(0, "put", "[1 [3 10]]", 2).did(0, "put", "[1 [5 11]]", 3)
	return s.did(0, "put", "[1 [9 12]]", 4)
}

func TestScanAcceptsGoodHistories(t *testing.T) {
	s := filled().scan(4, "0", "64", "0", forward, "[[3 10 2] [5 11 3] [9 12 4]]", "false")
	s.scan(4, "4", "9", "0", forward, "[[5 11 3]]", "false")
	s.scan(4, "0", "64", "2", forward, "[[3 10 2] [5 11 3]]", "true")
	s.scan(4, "0", "64", "1", backward, "[[9 12 4]]", "true")
	s.scan(4, "0", "64", "0", keysOnly, "[[3 nil 2] [5 nil 3] [9 nil 4]]", "false")
	s.call(1, "put", "[1 [5 20]]").info(1)
	s.scan(6, "5", "6", "0", keysOnly, "[[5 nil 6]]", "false")
	s.scan(6, "5", "6", "0", forward, "[[5 20 6]]", "false")
	s.did(0, "delete", "[1 3]", 7, ":existed true").did(0, "delete", "[1 3]", 7, ":existed false")
	s.scan(7, "0", "6", "0", forward, "[[5 20 6]]", "false")
	s.call(2, "delete", "[1 9]").info(2)
	s.scan(8, "0", "64", "0", forward, "[[5 20 6]]", "false")
	accepted(t, "scan", s)
}

func TestScanRefusesAMissingKey(t *testing.T) {
	refused(t, "scan", "scan", "key 5 of revision 3 is missing",
		filled().scan(4, "0", "64", "0", forward, "[[3 10 2] [9 12 4]]", "false"))
}

func TestScanRefusesAGapBeforeTheEndOfAFullPage(t *testing.T) {
	refused(t, "scan", "scan", "key 5 of revision 3 is missing",
		filled().scan(4, "0", "64", "2", forward, "[[3 10 2] [9 12 4]]", "true"))
}

func TestScanRefusesAStaleRecord(t *testing.T) {
	s := filled().did(0, "put", "[1 [3 15]]", 5)
	refused(t, "scan", "scan", "key 3 has revision 2 and not 5",
		s.scan(5, "0", "4", "0", forward, "[[3 10 2]]", "false"))
}

func TestScanRefusesADeletedKey(t *testing.T) {
	s := filled().did(0, "delete", "[1 3]", 5, ":existed true")
	refused(t, "scan", "scan", "was deleted by 5",
		s.scan(5, "0", "4", "0", forward, "[[3 10 2]]", "false"))
}

func TestScanRefusesARecordOfTheFuture(t *testing.T) {
	refused(t, "scan", "scan", "has revision 4 in a state of 3",
		filled().scan(3, "9", "10", "0", forward, "[[9 12 4]]", "false"))
}

func TestScanRefusesBadForm(t *testing.T) {
	refused(t, "scan", "scan", "out of order",
		filled().scan(4, "0", "64", "0", forward, "[[5 11 3] [3 10 2]]", "false"))
	refused(t, "scan", "scan", "out of order",
		filled().scan(4, "0", "64", "0", forward, "[[3 10 2] [3 10 2]]", "false"))
	refused(t, "scan", "scan", "out of order",
		filled().scan(4, "0", "64", "0", backward, "[[3 10 2] [5 11 3]]", "false"))
	refused(t, "scan", "scan", "out of range",
		filled().scan(4, "0", "9", "0", forward, "[[3 10 2] [5 11 3] [9 12 4]]", "false"))
	refused(t, "scan", "scan", "over a limit",
		filled().scan(4, "0", "64", "1", forward, "[[3 10 2] [5 11 3]]", "true"))
	refused(t, "scan", "scan", "empty page",
		filled().scan(4, "0", "64", "5", forward, "[]", "true"))
	accepted(t, "scan", filled().scan(4, "0", "64", "5", forward, "[[3 10 2]]", "true"))
}

func TestScanRefusesValuesFromNowhere(t *testing.T) {
	refused(t, "scan", "scan", "nobody put there",
		filled().scan(4, "0", "4", "0", forward, "[[3 77 2]]", "false"))
	refused(t, "scan", "scan", "nobody put there",
		filled().scan(4, "0", "4", "0", forward, "[[3 11 2]]", "false"))
	s := filled().call(1, "put", "[1 [7 20]]").fail(1, ":error :BUSY")
	refused(t, "scan", "scan", "put that failed",
		s.scan(5, "7", "8", "0", forward, "[[7 20 5]]", "false"))
	refused(t, "scan", "scan", "the put was 2",
		filled().scan(5, "3", "4", "0", forward, "[[3 10 5]]", "false"))
}

func TestScanRefusesARecordReadBeforeItWasPut(t *testing.T) {
	s := filled().scan(6, "7", "8", "0", forward, "[[7 20 5]]", "false")
	refused(t, "scan", "scan", "put later", s.did(1, "put", "[1 [7 20]]", 5))
}
