"""The awaitable twins, against a real swarm of three nodes and embedded."""
import asyncio
import time
import unittest

import kit
import swarmstore
from swarmstore import errors, key


class Twins(kit.AsyncCase):
    async def test_every_function_has_its_twin(self):
        store = self.store
        written = await store.aput("a", b"1")
        self.assertEqual((await store.aget("a")).mod_revision, written.revision)
        await store.acas("a", written.revision, b"2")
        with self.assertRaises(errors.ConflictError):
            await store.acas("a", 0, b"3")
        self.assertEqual(await store.aget_into("a", bytearray(1)), 1)
        self.assertEqual([r.value for r in (await store.amulti_get(["a"])).records], [b"2"])
        self.assertEqual([r.key async for r in store.ascan("a", page=1)], [b"a"])
        self.assertEqual(await store.aadd("n", 2), 2)
        done = await store.txn().when(key("a").exists()).delete("a").arun()
        self.assertTrue(done.succeeded)
        self.assertFalse((await store.adelete("a")).existed)
        record = await store.aupdate("u", lambda old: (old or b"") + b"x")
        self.assertEqual(record.value, b"x")
        revision = await store.aappend(b"e")
        self.assertEqual([r.mod_revision async for r in store.aexperiences()], [revision])
        self.assertEqual((await store.astatus())["role"], "leader")
        self.assertEqual((await store.aget("a", revision=written.revision)).value, b"1")
        self.assertEqual([r.version async for r in store.ahistory("a")], [0, 2, 1])

    async def test_sync_names_have_async_twins(self):
        waits = {"put", "get", "get_into", "delete", "cas", "multi_get", "scan", "merge", "add",
                 "update", "append", "experiences", "lease", "leases", "ephemeral", "lock",
                 "status", "close"}
        for name in waits:
            self.assertTrue(hasattr(swarmstore.Client, "a" + name), name)

    async def test_nothing_blocks_the_loop(self):
        """While a watch waits, a lock is waited for and a lease is granted, the loop goes round."""
        turns = 0

        async def count():
            nonlocal turns
            while True:
                await asyncio.sleep(0.01)
                turns += 1

        counting = asyncio.ensure_future(count())
        watch = self.store.watch(name="nothing", idle=0.5)
        async with await self.store.alock("l", ttl=5):
            async with await self.store.alease(5):
                with self.assertRaises(errors.DeadlineError):
                    await self.store.alock("l", wait=0.3)
                self.assertEqual([c async for c in watch], [])
        counting.cancel()
        self.assertGreater(turns, 5)

    async def test_very_many_at_once(self):
        """More than the client takes: the rest waits for room."""
        async with self.open(in_flight_max=64) as store:
            await asyncio.gather(*(store.aadd("n", 1) for _ in range(1000)))
            self.assertEqual((await store.aget("n")).value, b"1000")

    async def test_a_cancelled_wait_for_a_lock_leaves_nothing(self):
        held = await self.store.alock("l", ttl=5)
        waiting = asyncio.ensure_future(self.store.alock("l", ttl=5))
        await asyncio.sleep(0.3)
        self.assertEqual(len(await self.store.aleases()), 2)
        waiting.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await waiting
        self.assertEqual([i.lease for i in await self.store.aleases()], [held.token])
        await held.arelease()

    async def test_a_cancelled_request_leaves_the_client_well(self):
        waiting = asyncio.ensure_future(anext(aiter(self.store.watch(name="x"))))
        await asyncio.sleep(0.2)
        waiting.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await waiting
        await self.store.aput("x", b"1")
        self.assertEqual((await self.store.aget("x")).value, b"1")

    async def test_watch(self):
        async def write():
            for i in range(20):
                await self.store.aput("a", b"%d" % i)

        before = (await self.store.aput("a", b"-")).revision
        writing = asyncio.ensure_future(write())
        seen = []
        async with self.store.watch(name="a", after=before) as watch:
            async for change in watch:
                seen.append(int(change.value))
                if len(seen) == 20:
                    break
        await writing
        self.assertEqual(seen, list(range(20)))

    async def test_what_a_loop_over_a_watch_writes_is_caused_by_the_change(self):
        begun = (await self.store.aput("a", b"")).revision
        async with self.store.watch(name="a", after=begun - 1) as watch:
            await anext(watch)
            await self.store.aput("b", b"")
            await asyncio.ensure_future(self.store.aput("c", b""))  # a task of the loop's
            waiting = asyncio.ensure_future(anext(watch))
            await asyncio.sleep(0)
            await self.store.aput("d", b"")  # the change was dealt with
            await self.store.aput("a", b"")
            await waiting
        told = self.store.watch(after=begun - 1)
        self.assertEqual([(c.key, c.depth) for c in [await anext(told) for _ in range(5)]],
                         [(b"a", 0), (b"b", 1), (b"c", 1), (b"d", 0), (b"a", 0)])

    async def test_ephemeral(self):
        async with await self.store.aephemeral("me", b"1", 5) as me:
            await me.aset(b"2")
            self.assertEqual((await self.store.aget("me")).value, b"2")
        self.assertIsNone(await self.store.aget("me"))


class Loops(kit.Case):
    def test_one_client_in_several_loops(self):
        async def work(i):
            await self.store.aput(f"k{i}", b"1")

        for i in range(3):
            asyncio.run(work(i))
        self.store.put("k3", b"1")
        self.assertEqual(len(list(self.store.scan("k"))), 4)

    def test_pipelining_is_faster_than_waiting(self):
        """Not a measure of time but of turns: 500 puts need far less than 500 round trips."""
        async def many():
            await asyncio.gather(*(self.store.aput(f"k{i}", b"") for i in range(500)))
            return int((await self.store.astatus())["commit_index"])

        before = int(self.store.status()["commit_index"])
        started = time.monotonic()
        entries = asyncio.run(many()) - before
        print(f"500 puts in {entries} entries, {time.monotonic() - started:.3f} s")
        self.assertLess(entries, 250)


if __name__ == "__main__":
    unittest.main(verbosity=2)
