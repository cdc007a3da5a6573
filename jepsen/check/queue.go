// Queues: what was put is delivered at least once, acknowledged once, and by who has it.
//
// Takers may lose what they took, by giving it back, closing their queue, or being silent for
// longer than their lease; then it is delivered again. So two takes of one item are no fault. An
// acknowledgement by a taker whom a later one had followed is one, as is an item that comes after
// its acknowledgement, from nowhere, or never again.
package main

// queued is what is known of one item.
type queued struct {
	put      *Op
	takes    []*Op // acknowledged, in the order of the history
	acks     []*Op // not failed
	finished []*Op // acknowledged acknowledgements
	drained  bool
}

type queueKey struct {
	queue, value int64
}

func queuedOf(ops []*Op) map[queueKey]*queued {
	items := map[queueKey]*queued{}
	at := func(key, value int64) *queued {
		item := items[queueKey{key, value}]
		if item == nil {
			item = &queued{}
			items[queueKey{key, value}] = item
		}
		return item
	}
	for _, op := range ops {
		switch {
		case op.F == "put":
			at(op.Key(), op.Arg.At(1).Int).put = op
		case op.F == "take" && op.Outcome == Ok && op.Result.At(1).Kind == Int:
			item := at(op.Key(), op.Result.At(1).Int)
			item.takes = append(item.takes, op)
		case op.F == "ack" && op.Outcome != Fail:
			item := at(op.Key(), op.Arg.At(1).Int)
			item.acks = append(item.acks, op)
			if op.Outcome == Ok {
				item.finished = append(item.finished, op)
			}
		case op.F == "drain":
			for _, value := range op.End.Get("drained").Items {
				at(op.Key(), value.Int).drained = true
			}
		}
	}
	return items
}

func deliveries(op *Op) int64 {
	if op.F == "take" {
		return op.End.Get("deliveries").Int
	}
	return op.Start.Get("deliveries").Int
}

// checkOrigin: what was taken had been put, and not in vain.
func checkOrigin(in *Input) Result {
	count := 0
	for key, item := range queuedOf(in.Ops) {
		for _, take := range item.takes {
			count++
			switch {
			case item.put == nil:
				return invalid([]*Op{take}, "item %d was taken, which nobody put", key.value)
			case item.put.Outcome == Fail:
				return invalid([]*Op{take, item.put}, "item %d was taken, whose put had failed", key.value)
			case take.Return < item.put.Call:
				return invalid([]*Op{take, item.put}, "item %d was taken before it was put", key.value)
			}
		}
	}
	return valid("%d items were taken, all of them put by somebody", count)
}

// checkAckOnce: an item is acknowledged once, and not delivered after that.
func checkAckOnce(in *Input) Result {
	count := 0
	for key, item := range queuedOf(in.Ops) {
		if len(item.finished) > 1 {
			return invalid(item.finished[:2], "item %d was acknowledged twice", key.value)
		}
		for _, ack := range item.finished {
			count++
			for _, take := range item.takes {
				if ack.Before(take) {
					return invalid([]*Op{take, ack}, "item %d came back after it had been acknowledged",
						key.value)
				}
			}
		}
	}
	return valid("%d items were acknowledged, each once", count)
}

// checkAckHolder: nobody acknowledges an item that another had taken since.
func checkAckHolder(in *Input) Result {
	count := 0
	for key, item := range queuedOf(in.Ops) {
		for _, ack := range item.finished {
			count++
			for _, take := range item.takes {
				if deliveries(take) > deliveries(ack) && take.Before(ack) &&
					take.End.Get("token").Int != ack.Start.Get("token").Int {
					return invalid([]*Op{ack, take}, "item %d was acknowledged by one whom another taker "+
						"had followed", key.value)
				}
			}
		}
	}
	return valid("%d acknowledgements, each by who had the item", count)
}

// checkDeliveries: the deliveries of an item are counted one by one, in the order of time, and none
// is without a reason: for each of those before there is somebody who took it, or may have.
func checkDeliveries(in *Input) Result {
	count := 0
	open := map[int64][]*Op{} // takes of unknown outcome, by queue
	for _, op := range in.Ops {
		if op.F == "take" && op.Outcome == Info {
			open[op.Key()] = append(open[op.Key()], op)
		}
	}
	for key, item := range queuedOf(in.Ops) {
		seen := map[int64]*Op{}
		for _, take := range item.takes {
			count++
			number := deliveries(take)
			if other := seen[number]; other != nil {
				return invalid([]*Op{take, other}, "item %d was delivered twice as number %d", key.value,
					number)
			}
			seen[number] = take
			for before, other := range seen {
				if before > number && other.Before(take) {
					return invalid([]*Op{take, other}, "the deliveries of item %d are out of order", key.value)
				}
			}
		}
		if bad := withoutReason(item, open[key.queue]); bad != nil {
			return invalid([]*Op{bad}, "delivery %d of item %d: nobody had it so often before",
				deliveries(bad), key.value)
		}
	}
	return valid("%d deliveries were counted", count)
}

func withoutReason(item *queued, open []*Op) *Op {
	for _, take := range item.takes {
		reasons := int64(0)
		for _, other := range item.takes {
			if deliveries(other) < deliveries(take) {
				reasons++
			}
		}
		for _, other := range open {
			if other.Call < take.Return {
				reasons++
			}
		}
		if deliveries(take) < 1 || deliveries(take)-1 > reasons {
			return take
		}
	}
	return nil
}

// checkNothingLost: once all is healed and drained, each item was acknowledged, or came out last.
func checkNothingLost(in *Input) Result {
	emptied := map[int64]bool{}
	for _, op := range in.Ops {
		if op.F == "drain" && op.Outcome == Ok {
			emptied[op.Key()] = true
		}
	}
	count := 0
	for key, item := range queuedOf(in.Ops) {
		if item.put == nil || item.put.Outcome != Ok || !emptied[key.queue] {
			continue
		}
		count++
		if len(item.acks) == 0 && !item.drained {
			return invalid([]*Op{item.put}, "item %d is lost: it was put and never acknowledged, and the "+
				"queue is empty", key.value)
		}
		for _, ack := range item.finished {
			if item.drained {
				return invalid([]*Op{ack}, "item %d came out at the end although it had been acknowledged",
					key.value)
			}
		}
	}
	return valid("%d items were put, and none is lost", count)
}

func drainApplies(in *Input) string {
	for _, op := range in.Ops {
		if op.F == "drain" && op.Outcome == Ok {
			return ""
		}
	}
	return "no queue was emptied at the end"
}

var queueWorkload = &Workload{
	Name: "queue",
	Kind: func(op *Op) OpKind {
		if op.F == "take" || op.F == "drain" {
			return TellsPast
		}
		return NoRevision
	},
	Checks: []Check{
		{Name: "origin", Claim: "an item that is taken was put before", Run: checkOrigin},
		{Name: "acknowledged once", Claim: "an item is acknowledged once and is not delivered after that",
			Run: checkAckOnce},
		{Name: "holders", Claim: "an item is acknowledged only by the taker that no other has followed",
			Run: checkAckHolder},
		{Name: "deliveries", Claim: "deliveries of an item are counted one by one, and none is without " +
			"a reason", Run: checkDeliveries},
		{Name: "nothing lost", Claim: "an item that was put is acknowledged or still there at the end",
			Applies: drainApplies, Run: checkNothingLost},
	},
}
