package main

import "testing"

func branch(first, second string) string {
	return "[1 {0 " + first + ", 1 " + second + ", 2 100, 3 100, 4 100, 5 100, 6 100, 7 100}]"
}

const transfer = "[1 {:from 0 :to 1 :amount 5}]"

func TestBankAcceptsGoodHistories(t *testing.T) {
	s := tell().read(0, "read", "[1 nil]", "[1 nil]", 1).did(0, "transfer", transfer, 2)
	s.read(0, "read", "[1 nil]", branch("95", "105"), 2)
	s.call(1, "transfer", transfer).info(1).read(0, "read", "[1 nil]", branch("90", "110"), 4)
	s.did(0, "transfer", "[1 {:from 0 :to 1 :amount 90}]", 5)
	s.call(2, "transfer", transfer).fail(2, ":error :INSUFFICIENT")
	accepted(t, "bank", s.read(0, "read", "[1 nil]", branch("0", "200"), 5))
}

func TestBankRefusesMoneyCreated(t *testing.T) {
	s := tell().did(0, "transfer", transfer, 2).read(0, "read", "[1 nil]", branch("100", "105"), 2)
	refused(t, "bank", "bank", "the total is 805", s)
	refused(t, "bank", "linearizability", "no linear order", s)
}

func TestBankRefusesDebt(t *testing.T) {
	s := tell().read(0, "read", "[1 nil]", branch("-5", "205"), 2)
	refused(t, "bank", "bank", "account 0 is at -5", s)
}

func TestBankRefusesAMissingAccount(t *testing.T) {
	refused(t, "bank", "bank", "each account once",
		tell().read(0, "read", "[1 nil]", "[1 {0 800}]", 2))
}

func TestBankRefusesATransferThatRanTwice(t *testing.T) {
	s := tell().did(0, "transfer", transfer, 2).read(0, "read", "[1 nil]", branch("90", "110"), 3)
	refused(t, "bank", "linearizability", "no linear order", s)
}

func TestBankRefusesAStaleRead(t *testing.T) {
	s := tell().did(0, "transfer", transfer, 2).read(0, "read", "[1 nil]", "[1 nil]", 1)
	refused(t, "bank", "linearizability", "no linear order", s)
	refused(t, "bank", "revision order", "revision 1 came after", s)
}

func TestBankRefusesARefusalWithoutReason(t *testing.T) {
	s := tell().call(2, "transfer", transfer).fail(2, ":error :INSUFFICIENT")
	refused(t, "bank", "linearizability", "no linear order", s)
}
