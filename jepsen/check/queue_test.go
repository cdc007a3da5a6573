package main

import "testing"

func goodQueue() *story {
	s := tell().call(0, "put", "[1 10]").line(0, "ok", "[1 10]", ":number 1")
	s.call(0, "put", "[1 11]").line(0, "ok", "[1 11]", ":number 2")
	s.call(1, "take", "[1 nil]").line(1, "ok", "[1 10]", ":token 5 :deliveries 1 :number 1")
	s.ack(1, "[1 10]", 5, 1).line(1, "ok", "[1 10]", "")
	s.call(2, "take", "[1 nil]").line(2, "ok", "[1 11]", ":token 6 :deliveries 1 :number 2")
	s.call(1, "take", "[1 nil]").line(1, "ok", "[1 11]", ":token 5 :deliveries 2 :number 2")
	s.ack(2, "[1 11]", 6, 1).fail(2, ":error :LOST")
	s.ack(1, "[1 11]", 5, 2).line(1, "ok", "[1 11]", "")
	s.call(0, "put", "[1 12]").info(0)
	s.call(3, "put", "[1 13]").line(3, "ok", "[1 13]", ":number 4")
	s.call(3, "take", "[1 nil]").info(3)
	s.call(4, "take", "[1 nil]").line(4, "ok", "[1 13]", ":token 9 :deliveries 2 :number 4")
	s.call(5, "drain", "[1 nil]")
	return s.line(5, "ok", "[1 nil]", ":final true :drained [12 13]")
}

// ack begins one, with the token and the delivery that it is about.
func (s *story) ack(process int, value string, token, delivery int) *story {
	s.f[process], s.value[process] = "ack", value
	return s.line(process, "invoke", value, claimOf(token, delivery))
}

func claimOf(token, delivery int) string {
	return ":token " + intValue(int64(token)).String() + " :deliveries " +
		intValue(int64(delivery)).String()
}

func taken(s *story, process int, value string, token, delivery int) *story {
	return s.call(process, "take", "[1 nil]").line(process, "ok", value, claimOf(token, delivery))
}

func queuedUp(s *story, value string) *story {
	return s.call(0, "put", value).line(0, "ok", value, ":number 1")
}

func TestQueueAcceptsGoodHistories(t *testing.T) {
	accepted(t, "queue", goodQueue())
}

func TestQueueRefusesAnItemFromNowhere(t *testing.T) {
	refused(t, "queue", "origin", "which nobody put", taken(tell(), 1, "[1 10]", 5, 1))
	s := tell().call(0, "put", "[1 10]").fail(0, ":error :BUSY")
	refused(t, "queue", "origin", "whose put had failed", taken(s, 1, "[1 10]", 5, 1))
	s = taken(tell(), 1, "[1 10]", 5, 1)
	refused(t, "queue", "origin", "before it was put", queuedUp(s, "[1 10]"))
}

func TestQueueRefusesTwoAcknowledgements(t *testing.T) {
	s := taken(queuedUp(tell(), "[1 10]"), 1, "[1 10]", 5, 1)
	s = taken(s, 2, "[1 10]", 6, 2)
	s.ack(1, "[1 10]", 5, 1).line(1, "ok", "[1 10]", "")
	s.ack(2, "[1 10]", 6, 2).line(2, "ok", "[1 10]", "")
	refused(t, "queue", "acknowledged once", "acknowledged twice", s)
}

func TestQueueRefusesAnItemThatIsDone(t *testing.T) {
	s := taken(queuedUp(tell(), "[1 10]"), 1, "[1 10]", 5, 1)
	s.ack(1, "[1 10]", 5, 1).line(1, "ok", "[1 10]", "")
	refused(t, "queue", "acknowledged once", "came back", taken(s, 2, "[1 10]", 6, 2))
	s = taken(queuedUp(tell(), "[1 10]"), 1, "[1 10]", 5, 1)
	s.ack(1, "[1 10]", 5, 1).line(1, "ok", "[1 10]", "")
	s.call(2, "drain", "[1 nil]").line(2, "ok", "[1 nil]", ":final true :drained [10]")
	refused(t, "queue", "nothing lost", "although it had been acknowledged", s)
}

func TestQueueRefusesAnAcknowledgementByWhoLostIt(t *testing.T) {
	s := taken(queuedUp(tell(), "[1 10]"), 1, "[1 10]", 5, 1)
	s = taken(s, 2, "[1 10]", 6, 2)
	s.ack(1, "[1 10]", 5, 1).line(1, "ok", "[1 10]", "")
	refused(t, "queue", "holders", "had followed", s)
}

func TestQueueRefusesDeliveriesThatDoNotCount(t *testing.T) {
	s := taken(taken(queuedUp(tell(), "[1 10]"), 1, "[1 10]", 5, 1), 2, "[1 10]", 6, 1)
	refused(t, "queue", "deliveries", "twice as number 1", s)
	s = taken(taken(queuedUp(tell(), "[1 10]"), 1, "[1 10]", 5, 2), 2, "[1 10]", 6, 1)
	refused(t, "queue", "deliveries", "out of order", s)
	s = taken(queuedUp(tell(), "[1 10]"), 1, "[1 10]", 5, 2)
	refused(t, "queue", "deliveries", "nobody had it", s)
}

func TestQueueRefusesALostItem(t *testing.T) {
	s := queuedUp(tell(), "[1 10]").call(1, "drain", "[1 nil]")
	s.line(1, "ok", "[1 nil]", ":final true :drained []")
	refused(t, "queue", "nothing lost", "is lost", s)
}
