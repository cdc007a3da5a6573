"""The sync functions, against a real swarm of three nodes and embedded."""
import asyncio
import signal
import threading
import time
import unittest

import kit
import swarmstore
from swarmstore import Merge, errors, key


class Keys(kit.Case):
    def test_put_get_delete(self):
        first = self.store.put("a", b"1")
        record = self.store.get("a")
        self.assertEqual((record.key, record.value, record.version), (b"a", b"1", 1))
        self.assertEqual(record.mod_revision, first.revision)
        self.assertGreater(first.header.term, 0)
        again = self.store.put(b"a", bytearray(b"2"), previous=True)
        self.assertTrue(again.existed)
        self.assertEqual(again.previous.value, b"1")
        self.assertTrue(self.store.delete("a").existed)
        self.assertFalse(self.store.delete("a").existed)
        self.assertIsNone(self.store.get("a"))

    def test_any_bytes_come_back(self):
        value = bytes(range(256)) * 4096
        self.store.put(b"\0\xff", memoryview(value))
        self.assertEqual(self.store.get(b"\0\xff").value, value)
        self.store.put("empty", b"")
        self.assertEqual(self.store.get("empty").value, b"")

    def test_get_into(self):
        self.store.put("a", b"12345")
        room = bytearray(8)
        self.assertEqual(self.store.get_into("a", room), 5)
        self.assertEqual(room, b"12345\0\0\0")
        self.assertIsNone(self.store.get_into("b", room))
        with self.assertRaises(ValueError):
            self.store.get_into("a", bytearray(4))
        with self.assertRaises((BufferError, TypeError, ValueError)):
            self.store.get_into("a", bytes(8))

    def test_cas(self):
        written = self.store.cas("a", 0, b"1")
        with self.assertRaises(errors.ConflictError) as caught:
            self.store.cas("a", 0, b"2")
        self.assertEqual(caught.exception.value, written.revision)
        self.assertFalse(caught.exception.maybe_committed)
        self.store.cas("a", written.revision, b"2")

    def test_headers_say_how_durable_it_is(self):
        durability = swarmstore.Durability.LOCAL if kit.Case is kit.EmbeddedCase \
            else swarmstore.Durability.MAJORITY
        self.assertEqual(self.store.put("a", b"1").header.durability, durability)
        self.assertEqual(self.store.multi_get(["a"]).header.durability, durability)

    def test_how_fresh_a_read_is(self):
        written = self.store.put("a", b"1").revision
        fresh = swarmstore.Fresh(revision=written, max_age=60.0)
        for _ in range(5):
            found = self.store.multi_get(["a"], fresh=fresh)
            self.assertGreaterEqual(found.revision, written)
            self.assertLessEqual(found.header.age_ms, 60000)
            self.assertEqual(self.store.get("a", fresh=fresh).value, b"1")
        self.assertEqual(self.store.multi_get(["a"]).header.age_ms, 0)
        with self.assertRaises(errors.SwarmError):
            self.store.get("a", fresh=swarmstore.Fresh(revision=written + 1000000), timeout=0.3)

    def test_the_fate_of_a_write_can_be_asked_for(self):
        written = self.store.put("a", b"1")
        with self.assertRaises(errors.ConflictError) as caught:
            self.store.cas("a", 0, b"2")
        header = caught.exception.header
        self.assertGreater(header.seq, written.header.seq)
        self.assertIn(self.fate(caught.exception), ("CONFLICT", "SESSION_STALE"))
        self.assertEqual(self.fate(header._replace(seq=header.seq + 1000)), "NOT_COMMITTED")
        with self.assertRaises(ValueError):
            self.store.outcome(errors.DeadlineError())

    def fate(self, write):
        try:
            return self.store.outcome(write).status.name
        except errors.SwarmError as error:
            return error.status.name

    def test_ordered(self):
        """A read that was begun after a write sees it, and none that was begun later."""
        async def main():
            async with self.open(ordered=True) as store:
                steps = []
                for i in range(50):
                    steps += [store.aput("k", b"%d" % i), store.aget("k")]
                found = await asyncio.gather(*steps)
            self.assertEqual([r.value for r in found[1::2]], [b"%d" % i for i in range(50)])

        asyncio.run(main())

    def test_multi_get(self):
        self.store.put("a", b"1")
        last = self.store.put("c", b"3")
        found = self.store.multi_get(["a", "b", b"c"])
        self.assertEqual([r and r.value for r in found.records], [b"1", None, b"3"])
        self.assertGreaterEqual(found.revision, last.revision)

    def test_scopes_are_apart(self):
        other = self.store.at("other", namespace="n")
        self.store.put("a", b"1")
        self.assertIsNone(other.get("a"))
        other.put("a", b"2")
        self.assertEqual(self.store.get("a").value, b"1")
        self.assertEqual(other.at(self.partition(), namespace="default").get("a").value,
                         b"1")

    def test_update_loses_nothing(self):
        def work():
            for _ in range(10):
                self.store.update("n", lambda old: b"%d" % (int(old or b"0") + 1))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.store.get("n").value, b"40")
        self.assertIsNone(self.store.update("n", lambda old: None))
        self.assertIsNone(self.store.get("n"))

    def test_threads_wait_together(self):
        """A call that waits holds neither the interpreter nor the client."""
        watch = self.store.watch(name="nothing", idle=1.5)
        waiting = threading.Thread(target=lambda: list(watch))
        waiting.start()
        count = 0
        while waiting.is_alive():
            self.store.put("a", b"1")
            count += 1
        waiting.join()
        self.assertGreater(count, 3)

    def test_a_wait_can_be_interrupted(self):
        watch = self.store.watch(name="nothing", after=self.store.put("a", b"").revision)
        main = threading.get_ident()
        timer = threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT))
        timer.start()
        with self.assertRaises(KeyboardInterrupt):
            next(watch)
        timer.join()
        self.assertEqual(self.store.get("a").value, b"")


class Scans(kit.Case):
    def setUp(self):
        super().setUp()
        self.names = [b"a", b"a\0", b"b/1", b"b/2", b"b/3", b"b0", b"c\xff", b"\xff\xff"]
        txn = self.store.txn()
        for name in self.names:
            txn.put(name, b"v" + name)
        self.assertTrue(txn.run().succeeded)

    def scanned(self, *words, **options):
        return [record.key for record in self.store.scan(*words, page=2, **options)]

    def test_ranges_in_both_directions(self):
        names = self.names
        ranges = [(None, None), (b"b/1", None), (None, b"b0"), (b"a\0", b"c\xff"), (b"aa", b"b/2"),
                  (b"b/1", b"b/1"), (b"\xff", None), (b"\xff\xff\xff", None)]
        for start, end in ranges:
            inside = [n for n in names if (start is None or n >= start) and
                      (end is None or n < end)]
            self.assertEqual(self.scanned(start=start, end=end), inside, (start, end))
            self.assertEqual(self.scanned(start=start, end=end, reverse=True), inside[::-1],
                             (start, end))

    def test_prefixes(self):
        self.assertEqual(self.scanned("b/"), [b"b/1", b"b/2", b"b/3"])
        self.assertEqual(self.scanned("b/", reverse=True), [b"b/3", b"b/2", b"b/1"])
        self.assertEqual(self.scanned(b"\xff"), [b"\xff\xff"])
        self.assertEqual(self.scanned(b"b/1", reverse=True), [b"b/1"])

    def test_limit_and_keys_only(self):
        self.assertEqual(self.scanned(limit=3), self.names[:3])
        self.assertEqual(self.scanned(limit=0), [])
        self.assertEqual({r.value for r in self.store.scan(keys_only=True)}, {b""})


class Transactions(kit.Case):
    def test_both_branches(self):
        def move():
            return (self.store.txn().when(key("stock").value == b"5", key("sold").missing())
                    .put("stock", b"4", previous=True).add("sold", 1)
                    .otherwise().get("stock").get("nothing").run())

        self.store.put("stock", b"5")
        done = move()
        self.assertTrue(done.succeeded)
        self.assertIsNone(done.failed_compare)
        self.assertEqual([r.value for r in done.records], [b"5", b"1"])
        done = move()
        self.assertFalse(done.succeeded)
        self.assertEqual(done.failed_compare, 0)
        self.assertEqual(done.records[0].value, b"4")
        self.assertIsNone(done.records[1])

    def test_nothing_happens_if_one_cannot(self):
        self.store.put("text", b"x")
        with self.assertRaises(errors.WrongTypeError) as caught:
            self.store.txn().put("a", b"1").add("text", 1).run()
        self.assertEqual(caught.exception.value, 2)
        self.assertIsNone(self.store.get("a"))

    def test_merges(self):
        self.assertEqual(self.store.add("n", 5), 5)
        self.assertEqual(self.store.add("n", -7), -2)
        self.assertEqual(self.store.merge("n", Merge.MAX, b"3").value, b"3")
        self.assertEqual(self.store.merge("n", Merge.MIN, b"1").value, b"1")
        self.assertEqual(self.store.merge("s", Merge.SET_UNION, b"b\n").value, b"b\n")
        self.assertEqual(self.store.merge("s", Merge.SET_UNION, b"a\n").value, b"a\nb\n")
        self.assertEqual(self.store.merge("l", Merge.APPEND, b"xy").value, b"xy")
        self.assertEqual(self.store.merge("l", Merge.REPLACE, b"z").value, b"z")
        with self.assertRaises(errors.OutOfRangeError):
            self.store.put("n", b"%d" % (2**63 - 1))
            self.store.add("n", 1)


class Streams(kit.Case):
    def test_experiences(self):
        revisions = [self.store.append(b"e%d" % i) for i in range(5)]
        self.assertEqual([r.value for r in self.store.experiences()],
                         [b"e%d" % i for i in range(5)])
        self.assertEqual([r.mod_revision for r in self.store.experiences(revisions[2])],
                         revisions[3:])

    def test_watch_from_the_past_and_on(self):
        first = self.store.put("b/1", b"1").revision
        self.store.put("c", b"-")
        self.store.put("b/2", b"2")
        self.store.delete("b/1")
        watch = self.store.watch("b/", after=first - 1, idle=3)
        seen = [next(watch) for _ in range(3)]
        self.assertEqual([(c.key, c.value, c.deleted) for c in seen],
                         [(b"b/1", b"1", False), (b"b/2", b"2", False), (b"b/1", b"", True)])
        self.assertEqual(seen[0].revision, first)
        later = threading.Timer(0.2, lambda: self.store.put("b/3", b"3"))
        later.start()
        self.assertEqual(next(watch).key, b"b/3")
        later.join()

    def test_watchers_that_answer_each_other_come_to_an_end(self):
        begun = self.store.put("ping", b"").revision
        for change in self.store.watch(after=begun - 1):
            answer = self.store.caused_by(change)
            try:
                answer.put("pong" if change.key == b"ping" else "ping", b"")
            except errors.DepthError:
                break
        self.assertEqual(change.depth, 9)
        self.assertEqual(self.store.put("ping", b"").revision, change.revision + 1)

    def test_what_a_loop_over_a_watch_writes_is_caused_by_the_change(self):
        begun = self.store.put("ping", b"").revision
        elsewhere = []
        with self.store.watch(after=begun - 1) as watch:
            for change in watch:
                thread = threading.Thread(target=lambda: elsewhere.append(self.depth_of_a_put()))
                if change.depth == 8:  # nobody deals with a change in that thread
                    thread.start()
                    thread.join()
                try:
                    self.store.put("pong" if change.key == b"ping" else "ping", b"")
                except errors.DepthError:
                    self.assertEqual(self.store.get("ping").value, b"")  # reads are no answers
                    break
            self.assertEqual((change.depth, elsewhere), (9, [0]))
            with self.assertRaises(errors.DepthError):
                self.store.txn().put("ping", b"").run()
        self.assertEqual(self.depth_of_a_put(), 0)  # the watch is closed

    def depth_of_a_put(self):
        other = self.store.at("other")
        revision = other.put("other", b"").revision
        return next(other.watch(after=revision - 1)).depth

    def test_watch_from_now_ends_when_idle(self):
        self.store.put("a", b"1")
        with self.store.watch(name="a", idle=0.3) as watch:
            self.assertEqual(list(watch), [])
            self.assertGreater(watch.revision, 0)

    def test_a_watch_of_the_future_is_told_to_resync(self):
        watch = self.store.watch(after=self.store.put("a", b"").revision + 1000000)
        with self.assertRaises(errors.ResyncError):
            next(watch)


class Past(kit.Case):
    def setUp(self):
        super().setUp()
        self.first = self.store.put("a", b"1").revision
        self.second = self.store.put("b", b"2").revision
        self.third = self.store.put("a", b"3").revision
        self.fourth = self.store.delete("a").revision

    def test_reads_at_a_revision(self):
        self.assertIsNone(self.store.get("a"))
        self.assertEqual(self.store.get("a", revision=self.first).value, b"1")
        self.assertEqual(self.store.get("a", revision=self.third).value, b"3")
        found = self.store.multi_get(["a", "b"], revision=self.second)
        self.assertEqual([r.value for r in found.records], [b"1", b"2"])
        self.assertEqual(found.revision, self.second)
        self.assertEqual([(r.key, r.value) for r in self.store.scan(revision=self.third, page=1)],
                         [(b"a", b"3"), (b"b", b"2")])
        self.assertEqual([r.key for r in self.store.scan(revision=self.first, reverse=True)],
                         [b"a"])
        with self.assertRaises(errors.FutureRevisionError):
            self.store.get("a", revision=self.fourth + 1000000)

    def test_history_of_a_key(self):
        rows = [(r.mod_revision, r.version, r.value) for r in self.store.history("a")]
        self.assertEqual(rows, [(self.fourth, 0, b""), (self.third, 2, b"3"),
                                (self.first, 1, b"1")])
        self.assertEqual([r.value for r in self.store.history("a", before=self.third)], [b"1"])
        self.assertEqual(list(self.store.history("nothing")), [])

    def test_compaction(self):
        self.assertGreaterEqual(self.store.compact(self.fourth), self.fourth)
        with self.assertRaises(errors.CompactedError):
            list(self.store.scan(revision=self.first))
        self.assertEqual(self.store.get("b").value, b"2")

    def test_a_watch_tells_what_was_before(self):
        watch = self.store.watch(after=self.first - 1, previous=True)
        seen = [next(watch) for _ in range(4)]
        self.assertEqual([(c.key, c.previous and c.previous.value) for c in seen],
                         [(b"a", None), (b"b", None), (b"a", b"1"), (b"a", b"3")])
        self.assertTrue(seen[3].deleted)


class Leases(kit.Case):
    def test_keys_end_with_their_lease(self):
        with self.store.lease(5) as lease:
            self.store.put("a", b"1", lease=lease.id)
            self.assertEqual(self.store.get("a").lease, lease.id)
            self.assertTrue(lease.alive)
            info, = self.store.leases()
            self.assertEqual((info.lease, info.ttl_ms, info.key_count), (lease.id, 5000, 1))
            lease.keep_alive()
        self.assertIsNone(self.store.get("a"))
        with self.assertRaises(errors.LeaseGoneError):
            lease.keep_alive()
        with self.assertRaises(errors.LeaseGoneError):
            self.store.put("a", b"1", lease=lease.id)

    def test_a_keeper_keeps_and_a_lost_lease_is_told(self):
        lost = []
        lease = self.store.lease(0.3, lost=lost.append)
        self.store.put("a", b"1", lease=lease.id)
        time.sleep(1.0)
        self.assertTrue(lease.alive)
        self.assertIsNotNone(self.store.get("a"))
        from swarmstore import _request
        from swarmstore._swarm import lib
        self.store.native.run(_request.make(self.store.scope, lib.SWARM_LEASE_REVOKE,
                                            lease=lease.id), None)
        kit.swarm_kit.wait_for("the keeper tells", 10, lambda: lost)
        self.assertEqual(lost, [errors.Status.LEASE_GONE])
        self.assertFalse(lease.alive)

    def test_ephemeral(self):
        with self.store.ephemeral("me", b"here", 5) as me:
            self.assertEqual(self.store.get("me").value, b"here")
            me.set(b"still here")
            self.assertEqual(self.store.get("me").value, b"still here")
            self.assertTrue(me.alive)
        self.assertIsNone(self.store.get("me"))

    def test_lock_excludes_and_fences(self):
        with self.store.lock("l", owner=b"first", ttl=5) as first:
            with self.assertRaises(errors.DeadlineError) as caught:
                self.store.lock("l", owner=b"second", wait=0.3)
            self.assertIn("held by first", str(caught.exception))
            self.assertTrue(self.store.txn().when(first.held()).put("a", b"1").run().succeeded)
            self.assertTrue(first.holds)
        with self.store.lock("l", owner=b"second", wait=5) as second:
            self.assertGreater(second.revision, first.revision)
            self.assertFalse(self.store.txn().when(first.held()).put("a", b"2").run().succeeded)
        self.assertIsNone(self.store.get("l"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
