"""Elections and queues against a real swarm; whoever holds something is killed without a word."""
import asyncio
import multiprocessing
import os
import signal
import threading
import time
import unittest

import kit
import swarmstore
from swarmstore import errors

TTL_S = 1.0


def take_and_hang(config, partition, told):
    """In a process of its own: takes an item and never acknowledges it."""
    store = swarmstore.open(config, partition=partition)
    item = store.queue("q", ttl=TTL_S).take(wait=30)
    told.put((item.number, item.token))
    time.sleep(600)


def lead_and_hang(config, partition, told):
    store = swarmstore.open(config, partition=partition)
    office = store.election("office").campaign(b"doomed", ttl=TTL_S)
    told.put((office.token, office.revision))
    time.sleep(600)


class RecipeCase(kit.SwarmCase):
    def other_process(self, target):
        """The process and what it told."""
        context = multiprocessing.get_context("spawn")
        told = context.Queue()
        process = context.Process(target=target, args=(
            str(self.swarm.client_config), self.partition(), told))
        process.start()
        self.addCleanup(process.join)
        self.addCleanup(process.kill)
        return process, told.get(timeout=kit.WAIT_S)


class Queues(RecipeCase):
    def test_in_the_order_of_priority_and_number(self):
        queue = self.store.queue("q")
        for i, priority in enumerate([5, 3, 5, 0, 255]):
            self.assertEqual(queue.put(b"%d" % i, priority=priority), i + 1)
        taken = []
        while (item := queue.take(wait=0)) is not None:
            taken.append((item.priority, item.value, item.deliveries))
            item.ack()
        self.assertEqual(taken, [(0, b"3", 1), (3, b"1", 1), (5, b"0", 1), (5, b"2", 1),
                                 (255, b"4", 1)])
        self.assertEqual([r.key for r in self.store.scan()], [b"q/n"])
        queue.close()

    def test_what_is_taken_is_taken(self):
        with self.store.queue("q") as mine, self.store.queue("q") as yours:
            mine.put(b"a")
            item = mine.take(wait=5)
            self.assertIsNone(yours.take(wait=0.2))
            item.release()
            item = yours.take(wait=5)
            self.assertEqual((item.value, item.deliveries), (b"a", 2))
            item.ack()
            with self.assertRaises(errors.ConflictError):
                item.ack()

    def test_closing_gives_back(self):
        with self.store.queue("q") as mine:
            mine.put(b"a")
            late = mine.take(wait=5)
        with self.store.queue("q") as yours:
            self.assertEqual(yours.take(wait=0).deliveries, 2)
            with self.assertRaises(errors.ConflictError):
                late.ack()

    def test_a_dead_taker_s_item_comes_back(self):
        with self.store.queue("q", ttl=TTL_S) as queue:
            queue.put(b"a")
            process, (number, token) = self.other_process(take_and_hang)
            self.assertIsNone(queue.take(wait=0))
            process.kill()
            item = queue.take(wait=kit.WAIT_S)
            self.assertEqual((item.number, item.deliveries), (number, 2))
            self.assertGreater(item.token, token)
            item.ack()
            self.assertIsNone(queue.take(wait=0))

    def test_waiting_takers_share_the_items(self):
        taken = []

        def work():
            with self.store.queue("q") as queue:
                while len(taken) < 100:
                    item = queue.take(wait=0.5)
                    if item is not None:
                        with item:
                            taken.append(int(item.value))

        workers = [threading.Thread(target=work) for _ in range(4)]
        for worker in workers:
            worker.start()
        putter = self.store.queue("q")
        for i in range(100):
            putter.put(b"%d" % i)
        for worker in workers:
            worker.join()
        self.assertEqual(sorted(taken), list(range(100)))

    def test_many_claims_are_passed_by(self):
        """More than one look shows."""
        with self.store.queue("q") as mine, self.store.queue("q") as yours:
            for i in range(150):
                mine.put(b"%d" % i)
            held = [mine.take(wait=0) for _ in range(149)]
            self.assertNotIn(None, held)
            self.assertEqual(yours.take(wait=0).value, b"149")
            held[70].release()
            self.assertEqual(yours.take(wait=0).value, b"70")

    def test_an_item_done_in_a_transaction_is_done_exactly_once(self):
        with self.store.queue("q") as queue:
            queue.put(b"5")
            item = queue.take(wait=5)
            done = item.done_in(self.store.txn().add("sum", int(item.value))).run()
            self.assertTrue(done.succeeded)
            self.assertFalse(item.done_in(self.store.txn().add("sum", 5)).run().succeeded)
            self.assertEqual(self.store.get("sum").value, b"5")

    def test_awaited(self):
        async def main():
            async with self.store.queue("q") as queue:
                taking = asyncio.ensure_future(queue.atake(wait=kit.WAIT_S))
                await asyncio.sleep(0.2)
                await queue.aput(b"a", priority=1)
                async with await taking as item:
                    self.assertEqual(item.value, b"a")
                self.assertIsNone(await queue.atake(wait=0))
                await queue.aput(b"b")
                with self.assertRaises(RuntimeError):
                    async with await queue.atake(wait=5):
                        raise RuntimeError("not done")
                self.assertEqual((await queue.atake(wait=5)).deliveries, 2)

        asyncio.run(main())


class Elections(RecipeCase):
    def test_one_at_a_time(self):
        election = self.store.election("office")
        self.assertIsNone(election.leader())
        with election.campaign(b"first") as first:
            self.assertEqual(election.leader().value, b"first")
            self.assertEqual(election.leader().lease, first.token)
            with self.assertRaises(errors.DeadlineError):
                election.campaign(b"second", wait=0.3)
            first.proclaim(b"first says more")
            self.assertEqual(election.leader().value, b"first says more")
            self.assertTrue(first.leads)
        with election.campaign(b"second", wait=5) as second:
            self.assertGreater(second.revision, first.revision)
            with self.assertRaises(errors.LeaseGoneError):
                first.proclaim(b"still me")
            txn = self.store.txn().when(first.held()).put("a", b"1")
            self.assertFalse(txn.run().succeeded)

    def test_a_killed_leader_is_followed(self):
        process, (token, revision) = self.other_process(lead_and_hang)
        election = self.store.election("office")
        self.assertEqual(election.leader().lease, token)
        seen = []

        def observe():
            for value in election.observe():
                seen.append(value)
                if value == b"next":
                    return

        watching = threading.Thread(target=observe)
        watching.start()
        os.kill(process.pid, signal.SIGSTOP)  # it can neither work nor resign
        with election.campaign(b"next", wait=kit.WAIT_S) as leader:
            os.kill(process.pid, signal.SIGCONT)
            self.assertGreater(leader.revision, revision)
            self.assertTrue(leader.leads)
        watching.join()
        self.assertEqual([v for v in seen if v is not None], [b"doomed", b"next"])

    def test_awaited(self):
        async def main():
            election = self.store.election("office")
            async with await election.acampaign(b"a") as office:
                await office.aproclaim(b"b")
                self.assertEqual((await election.aleader()).value, b"b")
                async for value in election.aobserve():
                    self.assertEqual(value, b"b")
                    break

        asyncio.run(main())


if __name__ == "__main__":
    unittest.main(verbosity=2)
