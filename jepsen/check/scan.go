// Scans: each page is the state of its partition at its revision, in order, within range and limit.
//
// Every record of a page tells the revision that wrote it, so a write of unknown outcome gets its
// place as soon as one scan has seen it. Deletes of unknown outcome leave nothing to see: one may
// stand behind a key that is missing, if it had been asked for by then.
package main

import "sort"

// One known change of a key; `value` is `absent` after a delete.
type keyChange struct {
	revision int64
	value    int64
	op       *Op
}

type keyState struct {
	changes []keyChange // by revision
	at      map[int64]keyChange
	deletes []*Op // of unknown outcome
}

type partition struct {
	keys  map[int64]*keyState
	puts  map[int64]*Op // by value
	scans []*Op
}

func (p *partition) key(n int64) *keyState {
	if p.keys[n] == nil {
		p.keys[n] = &keyState{at: map[int64]keyChange{}}
	}
	return p.keys[n]
}

func (k *keyState) add(change keyChange) {
	k.at[change.revision] = change
}

func (p *partition) note(op *Op) {
	switch op.F {
	case "put":
		n, v := op.Arg.At(1).At(0).Int, op.Arg.At(1).At(1).Int
		p.puts[v] = op
		if op.Outcome == Ok {
			p.key(n).add(keyChange{op.Revision, v, op})
		}
	case "delete":
		k := p.key(op.Arg.At(1).Int)
		if op.Outcome == Ok && op.End.Get("existed").Int != 0 {
			k.add(keyChange{op.Revision, absent, op})
		} else if op.Outcome == Info {
			k.deletes = append(k.deletes, op)
		}
	case "scan":
		if op.Outcome == Ok {
			p.scans = append(p.scans, op)
		}
	}
}

func partitionsOf(ops []*Op) map[int64]*partition {
	list := map[int64]*partition{}
	for _, op := range ops {
		if list[op.Key()] == nil {
			list[op.Key()] = &partition{keys: map[int64]*keyState{}, puts: map[int64]*Op{}}
		}
		list[op.Key()].note(op)
	}
	return list
}

func scanRecords(scan *Op) []Value { return scan.Result.At(1).Get("records").Items }

// inRange: from a (included) to b (excluded); nil is no bound.
func inRange(scan *Op, n int64) bool {
	from, to := scan.Arg.At(1).Get("from"), scan.Arg.At(1).Get("to")
	return (from.Kind == Nil || n >= from.Int) && (to.Kind == Nil || n < to.Int)
}

func reversed(scan *Op) bool { return scan.Arg.At(1).Get("reverse").Int != 0 }

// checkForm judges range, order and limit.
func checkForm(scan *Op) Result {
	records := scanRecords(scan)
	limit := scan.Arg.At(1).Get("limit").Int
	if limit > 0 && int64(len(records)) > limit {
		return invalid([]*Op{scan}, "%d records over a limit of %d", len(records), limit)
	}
	// A page may end where it likes (its bytes are bounded), but never before its first record.
	if scan.Result.At(1).Get("more").Int != 0 && len(records) == 0 {
		return invalid([]*Op{scan}, "an empty page says that there is more")
	}
	for i, record := range records {
		n := record.At(0).Int
		if !inRange(scan, n) {
			return invalid([]*Op{scan}, "key %d is out of range", n)
		}
		if i > 0 && !follows(scan, records[i-1].At(0).Int, n) {
			return invalid([]*Op{scan}, "key %d is out of order", n)
		}
	}
	return Result{}
}

// follows tells whether n comes after `before` in the direction of the scan.
func follows(scan *Op, before, n int64) bool {
	if reversed(scan) {
		return n < before
	}
	return n > before
}

// learn judges where the records of a scan come from, and gives unknown writes their place.
func (p *partition) learn(scan *Op) Result {
	keysOnly := scan.Arg.At(1).Get("keys-only").Int != 0
	for _, record := range scanRecords(scan) {
		n, v, revision := record.At(0).Int, record.At(1), record.At(2).Int
		if revision > scan.Revision {
			return invalid([]*Op{scan}, "key %d has revision %d in a state of %d", n, revision,
				scan.Revision)
		}
		known, there := p.key(n).at[revision]
		if keysOnly {
			continue
		}
		put := p.puts[v.Int]
		switch {
		case v.Kind != Int || put == nil || put.Arg.At(1).At(0).Int != n:
			return invalid([]*Op{scan}, "key %d has value %s, which nobody put there", n, v)
		case put.Outcome == Fail:
			return invalid([]*Op{scan, put}, "key %d has the value of a put that failed", n)
		case scan.Before(put):
			return invalid([]*Op{scan, put}, "key %d has a value that was put later", n)
		case put.Outcome == Ok && put.Revision != revision:
			return invalid([]*Op{scan, put}, "key %d has revision %d, the put was %d", n, revision,
				put.Revision)
		case there && known.value != v.Int:
			return invalid([]*Op{scan, known.op}, "revision %d wrote two values", revision)
		}
		p.key(n).add(keyChange{revision, v.Int, put})
	}
	return Result{}
}

func (p *partition) sortChanges() {
	for _, k := range p.keys {
		for _, change := range k.at {
			k.changes = append(k.changes, change)
		}
		sort.Slice(k.changes, func(i, j int) bool {
			return k.changes[i].revision < k.changes[j].revision
		})
	}
}

// newest is the last known change up to a revision; revision 0 if there is none.
func (k *keyState) newest(revision int64) keyChange {
	at := sort.Search(len(k.changes), func(i int) bool { return k.changes[i].revision > revision })
	if at == 0 {
		return keyChange{value: absent}
	}
	return k.changes[at-1]
}

func (k *keyState) mayBeDeleted(scan *Op) bool {
	for _, op := range k.deletes {
		if op.Call <= scan.Return {
			return true
		}
	}
	return false
}

// covered: a full page speaks only up to its last record.
func covered(scan *Op, n int64) bool {
	records := scanRecords(scan)
	if !inRange(scan, n) {
		return false
	}
	if scan.Result.At(1).Get("more").Int == 0 || len(records) == 0 {
		return true
	}
	last := records[len(records)-1].At(0).Int
	if reversed(scan) {
		return n >= last
	}
	return n <= last
}

func withOp(scan, other *Op) []*Op {
	if other == nil {
		return []*Op{scan}
	}
	return []*Op{scan, other}
}

// checkState compares a page with what is known of its revision, key by key.
func (p *partition) checkState(scan *Op) Result {
	shown := map[int64]int64{}
	for _, record := range scanRecords(scan) {
		shown[record.At(0).Int] = record.At(2).Int
	}
	for n, k := range p.keys {
		if !covered(scan, n) {
			continue
		}
		newest := k.newest(scan.Revision)
		revision, there := shown[n]
		switch {
		case there && newest.value == absent && newest.revision > revision:
			return invalid(withOp(scan, newest.op), "key %d is there and was deleted by %d", n,
				newest.revision)
		case there && newest.value != absent && newest.revision != revision:
			if newest.revision < revision {
				continue // keys only: a write that no scan has shown in full
			}
			return invalid(withOp(scan, newest.op), "key %d has revision %d and not %d, the newest", n,
				revision, newest.revision)
		case !there && newest.value != absent && !k.mayBeDeleted(scan):
			return invalid(withOp(scan, newest.op), "key %d of revision %d is missing", n,
				newest.revision)
		}
	}
	return Result{}
}

func (p *partition) check() Result {
	for _, scan := range p.scans {
		if result := checkForm(scan); result.Verdict == Invalid {
			return result
		}
		if result := p.learn(scan); result.Verdict == Invalid {
			return result
		}
	}
	p.sortChanges()
	for _, scan := range p.scans {
		if result := p.checkState(scan); result.Verdict == Invalid {
			return result
		}
	}
	return Result{}
}

func checkScan(in *Input) Result {
	partitions := partitionsOf(in.Ops)
	scans := 0
	for _, p := range partitions {
		if result := p.check(); result.Verdict == Invalid {
			return result
		}
		scans += len(p.scans)
	}
	return valid("%d scans of %d partitions", scans, len(partitions))
}

func scanKind(op *Op) OpKind {
	switch op.F {
	case "put":
		return MakesRevision
	case "delete":
		if op.End.Get("existed").Int != 0 {
			return MakesRevision
		}
		return MayChange
	}
	return ReadsState
}

var scanWorkload = &Workload{
	Name: "scan",
	Kind: scanKind,
	Checks: []Check{
		{Name: "scan", Claim: "each page of a scan is the state of its partition at its revision, in " +
			"order, within its range and limit", Run: checkScan},
	},
}
