"""Memories of agents and links between keys, against a real swarm of three nodes and embedded."""
import random
import unittest

import kit
import swarmstore
from swarmstore import Recall, Settings, Tier, Use, errors

DIM = 16


def vectors(count, seed=1):
    dice = random.Random(seed)
    return [[dice.gauss(0, 1) for _ in range(DIM)] for _ in range(count)]


class Memories(kit.Case):
    def setUp(self):
        super().setUp()
        self.store.index("m").create(DIM)
        self.memories = self.store.memories("m")
        self.points = vectors(8)

    def test_remembered_and_recalled(self):
        memories, points = self.memories, self.points
        said = memories.remember("ann", "cook", b"salt helps", points[0], tags=["food", "salt"],
                                 meta="from a book", importance=900)
        memories.remember("bob", "cook", b"too hot", points[1], success=False)
        again = memories.remember("bob", "cook", b"too hot", points[1], success=False, tags="hot")
        self.assertEqual((again.left, again.header.revision > said.header.revision), (0, True))
        found = memories.recall(points[0], 5)
        self.assertEqual([m.content for m in found], [b"salt helps", b"too hot"])
        first = found[0]
        self.assertEqual((first.key, first.agent, first.task, sorted(first.tags), first.success),
                         (said.key, "ann", "cook", ["food", "salt"], True))
        self.assertEqual((first.meta, first.tier, first.is_archived, first.is_gone, first.depth),
                         ("from a book", Tier.WORKING, False, False, 0))
        self.assertEqual((first.created, first.revision), (said.header.revision,) * 2)
        self.assertGreater(first.score, found[1].score)
        self.assertEqual((found.asked, found.answered, found.more), (1, 1, False))
        self.assertEqual(found[1].tags, ["hot"])
        self.assertEqual([m.agent for m in memories.recall(points[0], 5, agent="bob")], ["bob"])
        self.assertEqual([m.agent for m in memories.recall(
            points[1], 5, Recall(successes_only=True, tag="food"))], ["ann"])
        with self.assertRaises(ValueError):
            memories.recall(points[0], 5, agents="bob")

    def test_what_is_refused(self):
        memories, points = self.memories, self.points
        memories.remember("ann", "cook", b"salt helps", points[0])
        with self.assertRaises(swarmstore.NotNovelError) as caught:
            memories.remember("eve", "cook", b"salt!", points[0], novelty=0.01)
        self.assertIn(b"salt helps", caught.exception.hit.record.value)
        with self.assertRaises(errors.SwarmError):
            memories.remember("with space", "cook", b"x", points[0])
        with self.assertRaises(errors.SourceGoneError) as gone:
            memories.remember("eve", "cook", b"x", points[0], sources=["nothing"])
        self.assertEqual(gone.exception.value, 1)

    def test_what_came_of_it(self):
        key = self.memories.remember("ann", "t", b"x", self.points[0], utility=500).key
        self.memories.use(key, Use.SUCCEEDED)
        self.memories.use(key)
        memory = self.memories.get(key)
        self.assertEqual((memory.utility, memory.uses), (700, 1))
        self.memories.use(key, Use.ARCHIVE)
        self.assertTrue(self.memories.get(key).is_archived)
        self.assertEqual(list(self.memories.recall(self.points[0])), [])
        self.memories.forget(key)
        self.assertIsNone(self.memories.get(key))

    def test_where_it_comes_from(self):
        memories, points = self.memories, self.points
        self.store.put("report", b"...")
        first = memories.remember("ann", "t", b"1", points[0], sources=["report"]).key
        second = memories.remember("bob", "t", b"2", points[1], sources=[first, "report"]).key
        third = memories.remember("eve", "t", b"3", points[2], sources=[second]).key
        self.assertEqual({s.key for s in memories.get(second).sources}, {first, b"report"})
        rows = memories.explain(second)
        self.assertEqual({(row.key, row.depth) for row in rows},
                         {(second, 0), (first, -1), (b"report", -1), (third, 1)})
        memories.forget(first, cascade=True)
        self.assertEqual(list(memories.all()), [])
        self.assertEqual(self.store.get("report").value, b"...")

    def test_a_ring_and_who_is_in_it(self):
        for i in range(5):
            self.memories.remember("ann", "t", b"%d" % i, self.points[i], utility=100 * (i + 1))
        self.memories.remember("bob", "t", b"x", self.points[5])
        self.assertEqual([(row.agent, row.memories) for row in self.memories.agents()],
                         [("ann", 5), ("bob", 1)])
        self.assertEqual(self.memories.settings(), Settings())
        self.memories.configure(Settings(count_max=3))
        self.assertEqual(self.memories.settings().count_max, 3)
        self.memories.tend()
        self.assertEqual(len(list(self.memories.all("ann"))), 3)
        self.assertEqual(self.memories.remember("ann", "t", b"new", self.points[6]).left, 1)
        self.assertEqual(len(list(self.memories.all())), 4)

    def test_several_partitions(self):
        other = self.store.at(self.partition() + ".other")
        other.index("m").create(DIM)
        other.memories("m").remember("eve", "t", b"elsewhere", self.points[0])
        self.memories.remember("ann", "t", b"here", self.points[1])
        names = (self.partition(), self.partition() + ".other", "missing")
        found = self.memories.recall(self.points[0], 5, partitions=names)
        self.assertEqual([(m.content, m.partition) for m in found],
                         [(b"elsewhere", names[1]), (b"here", names[0])])
        self.assertEqual((found.asked, found.answered), (3, 2))
        self.assertEqual([part.status for part in found.parts][2], errors.Status.NO_INDEX)


class Links(kit.Case):
    def test_followed_from_both_ends(self):
        links = self.store.links()
        for name in "abcd":
            self.store.put(name, b"")
        links.put("a", "b", "shows", score=800)
        links.put("b", "c", "shows")
        links.put("a", "d", "cites")
        self.assertEqual([(link.source, link.target, link.type, link.score)
                          for link in links.follow("a", "shows")], [(b"a", b"b", "shows", 800)])
        self.assertEqual({link.target for link in links.follow("a")}, {b"b", b"d"})
        far = links.follow("a", "shows", depth=3)
        self.assertEqual([(link.target, link.depth) for link in far], [(b"b", 1), (b"c", 2)])
        self.assertEqual([link.source for link in links.follow("c", backward=True)], [b"b"])
        with self.assertRaises(errors.NotFoundError):
            links.put("a", "nothing", "shows")
        self.assertTrue(links.delete("a", "d", "cites"))
        self.assertFalse(links.delete("a", "d", "cites"))
        self.store.delete("b")
        self.assertEqual(list(links.follow("a", depth=3)), [])


class Awaited(kit.AsyncCase):
    async def test_twins(self):
        await self.store.index("m").acreate(DIM)
        memories, point = self.store.memories("m"), vectors(1)[0]
        said = await memories.aremember("ann", "t", b"1", point)
        more = await memories.aremember("ann", "t", b"2", point, sources=[said.key])
        self.assertEqual({m.content for m in await memories.arecall(point, k=2)}, {b"1", b"2"})
        await memories.ause(said.key, Use.FAILED)
        self.assertEqual((await memories.aget(said.key)).uses, 0)
        self.assertEqual([row.key for row in await memories.aexplain(more.key)],
                         [more.key, said.key])
        self.assertEqual(len([m async for m in memories.aall("ann")]), 2)
        self.assertEqual((await memories.aagents())[0].memories, 2)
        await memories.aconfigure(Settings(count_max=7))
        self.assertEqual((await memories.asettings()).count_max, 7)
        self.assertEqual(await memories.atend(), 0)
        links = self.store.links()
        await links.aput(said.key, more.key, "next")
        self.assertEqual(len(await links.afollow(said.key, "next")), 1)
        self.assertTrue(await links.adelete(said.key, more.key, "next"))
        await memories.aforget(said.key, cascade=True)
        self.assertIsNone(await memories.aget(more.key))


if __name__ == "__main__":
    unittest.main(verbosity=2)
