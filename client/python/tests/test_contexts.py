"""Contexts, against a real swarm of three nodes and embedded."""
import array
import unittest

import kit
import swarmstore
from swarmstore import errors, field

DIM = 16


def vector(number):
    return [1.0 if i == number % DIM else 0.01 * number for i in range(DIM)]


class Contexts(kit.Case):
    def setUp(self):
        super().setUp()
        self.story = self.store.context("story")

    def test_blocks_stand_in_the_order_of_their_appends(self):
        self.story.create(block_size=8)
        self.assertEqual([self.story.append(b"block %d" % i, tokens=4) for i in range(5)],
                         [0, 4, 8, 12, 16])
        block = self.story.locate(9)
        self.assertEqual((block.token, block.end, block.number, block.text, block.score),
                         (8, 12, 2, "block 2", None))
        self.assertIsNone(self.story.locate(20))
        self.assertEqual([block.text for block in self.story.read(4, 9)], ["block 1", "block 2"])
        self.assertEqual(len(self.story.read()), 5)
        info, = self.store.contexts()
        self.assertEqual((info.id, info.index_name, info.block_size), ("story", "", 8))
        self.assertEqual((info.blocks, info.next, info.size), (5, 20, 35))
        self.assertFalse(info.is_dying)

    def test_what_was_read_lives_as_long_as_it_is_looked_at(self):
        self.story.create()
        self.story.append(b"x" * 100000, tokens=10)
        content = self.story.read()[0].content
        self.assertTrue(content.readonly)
        self.store.close()
        self.assertEqual(bytes(content), b"x" * 100000)

    def test_tokens_of_a_buffer(self):
        with self.open(ordered=True) as store:
            long = store.context("long")
            long.create(block_size=100)
            tokens = array.array("I", range(1050))
            self.assertEqual(long.append_tokens(tokens, block_size=100), 11)
            block = long.locate(1001)
            self.assertEqual((block.token, block.end), (1000, 1050))
            self.assertEqual(block.content.cast("I").tolist(), list(range(1000, 1050)))
            self.assertEqual(b"".join(block.content for block in long.read()), tokens.tobytes())
            self.assertEqual(long.append_tokens(b"abcdef", token_size=2, block_size=3), 1)
            self.assertEqual(store.contexts()[0].next, 1053)

    def test_the_window_hides_blocks_from_searches(self):
        index = self.store.index("blocks")
        index.create(DIM)
        self.story.create(index="blocks", window_blocks=2)
        for i in range(5):
            self.story.append(b"b%d" % i, tokens=1, vector=vector(i), score=10 * i)
        number = self.store.contexts()[0].number

        def found(**how):
            return sorted(int(hit.record.key.split(b"/")[-1], 16)
                          for hit in index.search(vector(0), 9, recall=1.0, **how))

        self.assertEqual(found(), [3, 4])
        self.assertEqual(found(context=number), [3, 4])
        self.assertEqual(found(context=number, stale=True), [0, 1, 2, 3, 4])
        self.assertEqual(found(stale=True, where=[field("score").between(15, 30)]), [2, 3])
        self.assertEqual(self.story.window(blocks=1), 4)
        self.assertEqual(found(), [4])

    def test_pruning_by_score(self):
        self.story.create()
        for i in range(6):
            self.story.append(b"%d" % i * 10, tokens=1, score=i if i != 3 else None)
        self.assertEqual(self.story.prune(2, dry=True), (3, 30))
        self.assertEqual(len(self.story.read()), 6)
        self.assertEqual(self.story.prune(9, keep=2), (3, 30))
        self.assertEqual([block.number for block in self.story.read()], [3, 4, 5])

    def test_what_was_pruned_comes_back(self):
        self.story.create()
        for i in range(6):
            self.story.append(b"%d" % i * 10, tokens=1, score=i)
        self.assertEqual(self.story.touch([0, 2, 99]), 2)
        self.assertEqual([block.uses for block in self.story.read()], [1, 0, 1, 0, 0, 0])
        before = self.store.put("mark", b"").revision
        self.assertEqual(self.story.prune(3), (4, 40))
        gone = self.story.gone()
        self.assertEqual([(g.token, g.score, g.by_policy, g.reason) for g in gone][:2],
                         [(0, 0, False, "score"), (1, 1, False, "score")])
        self.assertEqual(self.story.restore(1, 3, since=before), (2, 20))
        self.assertEqual([block.number for block in self.story.read()], [1, 2, 4, 5])
        self.assertEqual(self.story.prune(), (4, 40))  # whatever the score
        self.assertEqual(len(self.story.read()), 0)

    def test_policies(self):
        self.story.create()
        self.assertIsNone(self.story.policy())
        text = b"the quick brown fox jumps over the lazy dog and the lazy dog sleeps " * 4
        self.assertEqual(self.story.append(text, tokens=9).like, b"")
        wanted = swarmstore.Policy(dedupe=swarmstore.Dedupe.FLAG, similar=800)
        self.story.set_policy(wanted)
        self.assertEqual(self.story.policy(), wanted)
        first = self.story.append(text + b"1", tokens=9)
        again = self.story.append(text + b"2", tokens=9)
        self.assertEqual((first, again), (9, 18))
        self.assertTrue(again.like.startswith(b"ctx-block/story/"))
        self.assertGreaterEqual(again.likeness, 800)
        self.story.set_policy(wanted._replace(dedupe=swarmstore.Dedupe.REFUSE))
        with self.assertRaises(swarmstore.DuplicateBlockError) as caught:
            self.story.append(text + b"3", tokens=9)
        self.assertGreaterEqual(caught.exception.likeness, 800)
        self.story.set_policy(swarmstore.Policy(swarmstore.Pruning(5, keep=1)))
        for score in (1, 9, 2, 8):
            self.story.append(b"%d" % score, tokens=1, score=score)
        self.assertNotIn(1, [block.score for block in self.story.read()])
        self.store.set_context_policy(wanted)
        self.story.set_policy(None)
        self.assertIsNone(self.story.policy())

    def test_refusals(self):
        with self.assertRaises(errors.NotFoundError):
            self.story.append(b"x", tokens=1)
        self.story.create(block_size=4)
        with self.assertRaises(errors.ConflictError):
            self.story.create()
        with self.assertRaises(errors.TooLargeError):
            self.story.append(b"x", tokens=5)
        with self.assertRaises(errors.InvalidError) as caught:
            self.store.context("with space").create()
        self.assertIn("space", str(caught.exception))
        with self.assertRaisesRegex(ValueError, "ordered=True"):
            self.story.append_tokens(array.array("I", [1, 2]))  # the client is not ordered
        self.story.delete()
        self.assertEqual(self.store.contexts(), [])
        with self.assertRaises(errors.NoIndexError):
            self.store.context("other").create(index="none")


class Views(kit.Case):
    def test_a_value_where_it_was_received(self):
        self.assertIsNone(self.store.get_view("k"))
        self.store.put("k", bytes(range(256)) * 100)
        view = self.store.get_view("k")
        self.store.put("k", b"other")
        self.assertTrue(view.readonly)
        self.assertEqual(view, bytes(range(256)) * 100)
        self.store.put("k", b"")
        self.assertEqual(len(self.store.get_view("k")), 0)


class Awaited(kit.AsyncCase):
    async def test_twins(self):
        story = self.store.context("story")
        await story.acreate(block_size=4)
        self.assertEqual(await story.aappend(b"a", tokens=2, score=1), 0)
        self.assertEqual(await story.aappend(b"b", tokens=2), 2)
        self.assertEqual((await story.alocate(3)).text, "b")
        self.assertEqual([block.text for block in await story.aread()], ["a", "b"])
        self.assertEqual(await story.awindow(blocks=1), 2)
        self.assertEqual(await story.atouch([0]), 1)
        self.assertEqual((await story.aprune(1)).blocks, 1)
        self.assertEqual(len(await story.agone()), 1)
        self.assertEqual((await story.arestore()).blocks, 1)
        await story.aset_policy(swarmstore.Policy(swarmstore.Pruning(1)))
        self.assertEqual((await story.apolicy()).pruning.threshold, 1)
        self.assertEqual((await story.aprune_by_policy(dry=True)).blocks, 1)
        self.assertEqual([info.id for info in await self.store.acontexts()], ["story"])
        await story.adelete()
        self.assertEqual(await self.store.acontexts(), [])
        await self.store.aput("k", b"v")
        self.assertEqual(await self.store.aget_view("k"), b"v")
        with self.assertRaises(swarmstore.SyncInLoopError):
            story.read()


if __name__ == "__main__":
    unittest.main(verbosity=2)
