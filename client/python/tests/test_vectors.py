"""Vector indexes, against a real swarm of three nodes and embedded."""
import array
import math
import random
import unittest

import kit
import swarmstore
from swarmstore import Metric, errors, field

DIM = 16
COUNT = 60


def vectors(count, seed=1):
    dice = random.Random(seed)
    return [[dice.gauss(0, 1) for _ in range(DIM)] for _ in range(count)]


def cosine_distance(a, b):
    dot = sum(x * y for x, y in zip(a, b))
    return 1 - dot / math.hypot(*a) / math.hypot(*b)


class Vectors(kit.Case):
    def setUp(self):
        super().setUp()
        self.index = self.store.index("facts")
        self.index.create(DIM, model="test")
        self.vectors = vectors(COUNT)
        for number, vector in enumerate(self.vectors):
            self.index.put(f"k{number}", vector, b"%d" % number,
                           {"number": number, "tag": ["all", "even" if number % 2 == 0 else "odd"]})

    def nearest(self, question, among=range(COUNT)):
        return sorted(among, key=lambda i: cosine_distance(self.vectors[i], question))

    def found(self, question, k, **more):
        return [int(hit.record.value) for hit in self.index.search(question, k, recall=1.0, **more)]

    def test_the_nearest_are_found(self):
        for question in vectors(5, seed=2):
            self.assertEqual(self.found(question, 7), self.nearest(question)[:7])
        hit = self.index.search(array.array("f", self.vectors[3]), 1)[0]
        self.assertEqual((hit.record.key, hit.record.value), (b"k3", b"3"))
        self.assertAlmostEqual(hit.distance, 0, places=4)

    def test_conditions(self):
        question = vectors(1, seed=3)[0]
        even = [i for i in range(COUNT) if i % 2 == 0]
        self.assertEqual(self.found(question, 5, where=[field("tag") == "even"]),
                         self.nearest(question, even)[:5])
        some = [0, 2, 4, 50]
        self.assertEqual(self.found(question, 9, where=[
            field("tag") == "even", [field("number").between(0, 5), field("number") == 50]]),
            self.nearest(question, some))
        self.assertEqual(self.found(question, 9, where=[field("tag").startswith("x")]), [])
        with self.assertRaises(TypeError):
            field("tag") == 1.5  # pylint: disable=expression-not-assigned

    def test_within_a_distance(self):
        far = cosine_distance(self.vectors[0], self.vectors[self.nearest(self.vectors[0])[3]])
        found = self.index.search(self.vectors[0], 10, within=far - 1e-3, recall=1.0)
        self.assertEqual(len(found), 3)

    def test_novelty(self):
        with self.assertRaises(swarmstore.NotNovelError) as caught:
            self.index.put("again", self.vectors[9], novel=0.01)
        self.assertEqual(caught.exception.hit.record.key, b"k9")
        self.assertIsNone(self.store.get("again"))
        self.index.put("new", [-x for x in self.vectors[9]], b"99", novel=0.01)
        self.assertEqual(self.store.get("new").value, b"99")

    def test_a_deleted_key_is_not_found(self):
        self.store.delete("k5")
        self.assertNotIn(5, self.found(self.vectors[5], 3))
        with self.store.lease(5) as lease:
            self.index.put("k5", self.vectors[5], b"5", lease=lease.id)
            self.assertEqual(self.found(self.vectors[5], 1), [5])
        self.assertNotEqual(self.found(self.vectors[5], 1), [5])

    def test_a_watch_by_meaning(self):
        begun = self.store.put("plain", b"").revision
        self.index.put("near", [x * 1.01 for x in self.vectors[3]], b"!", {"number": 1})
        self.index.put("far", [-x for x in self.vectors[3]], b"?", {"number": 1})
        self.store.put("near", b"a plain put is none")
        self.store.delete("near")
        self.index.put("again", self.vectors[3], b"!!", {"number": 2})
        seen = list(self.index.watch(self.vectors[3], 0.01, after=begun, idle=0.5))
        self.assertEqual([(change.key, change.value) for change in seen],
                         [(b"near", b"!"), (b"again", b"!!")])
        self.assertLess(max(change.distance for change in seen), 0.01)
        some = self.index.watch(self.vectors[3], 0.01, after=begun, idle=0.5,
                                where=field("number") == 2, keys_only=True)
        self.assertEqual([(change.key, change.value) for change in some], [(b"again", b"")])
        with self.assertRaises(errors.NoIndexError):
            next(self.store.index("none").watch(self.vectors[3], 0.01, after=begun))

    def test_contexts(self):
        self.index.put("mine", self.vectors[0], b"100", context=7)
        self.assertEqual(self.found(self.vectors[0], 3, context=7), [100])

    def test_refusals(self):
        with self.assertRaises(errors.DimensionError):
            self.index.search([1.0] * (DIM + 1))
        with self.assertRaises(errors.SwarmError):
            self.store.index("tiny").create(1)
        self.index.create(DIM, exist_ok=True)
        for wrong in ({"dim": DIM}, {"dim": 2 * DIM, "exist_ok": True},
                      {"dim": DIM, "exist_ok": True, "metric": Metric.L2}):
            with self.assertRaisesRegex(errors.ConflictError, "of 16 numbers, f32, cosine"):
                self.index.create(**wrong)
        for wrong in (None, "text", ["a"], 5):
            with self.assertRaisesRegex(TypeError, "a vector is a buffer or a sequence"):
                self.index.search(wrong)
        for wrong in (1.5, None, [1.5]):
            with self.assertRaisesRegex(TypeError, "attribute year is"):
                self.index.put("k", self.vectors[0], b"", {"year": wrong})
        for wrong in ({"year": 2024}, ["x"]):
            with self.assertRaisesRegex(TypeError, "where has conditions"):
                self.index.search(self.vectors[0], where=wrong)
        self.assertEqual(self.found(self.vectors[4], 1, where=field("tag") == "even"), [4])
        listed = self.store.indexes()["indexes"]
        self.assertEqual([(row["name"], row["dim"]) for row in listed], [("facts", DIM)])
        self.index.drop()
        with self.assertRaises(errors.NoIndexError):
            self.index.search(self.vectors[0])
        self.assertEqual(self.store.get("k1").value, b"1")


class Awaited(kit.AsyncCase):
    async def test_twins(self):
        index = self.store.index("i")
        await index.acreate(DIM, metric=Metric.L2, exponent=5)
        await index.aput("a", [1.0] * DIM, b"1")
        await index.aput("b", [2.0] * DIM, b"2")
        hits = await index.asearch([1.9] * DIM, 2, recall=1.0)
        self.assertEqual([hit.record.key for hit in hits], [b"b", b"a"])
        self.assertEqual(len((await self.store.aindexes())["indexes"]), 1)
        await index.adrop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
