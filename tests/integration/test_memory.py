"""Memories and links on a real swarm: said and recalled over partitions, explained, forgotten with
all that derives from them; the same before and after the leader is killed."""
import json
import random
import unittest

from swarm_kit import swarm

DIM = 16


def vector(number):
    """A direction for each number, the same in each run."""
    made = random.Random(number)
    return ",".join(f"{made.uniform(-1, 1):.4f}" for _ in range(DIM))


class Memory(unittest.TestCase):
    def json(self, made, *words):
        code, out, err = made.ctl(*words, "-o", "json")
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def refused(self, made, code, said, *words):
        got, _, err = made.ctl(*words)
        self.assertEqual(got, code, err)
        self.assertIn(said, err)

    def say(self, made, text, number, *more):
        """Its key."""
        verb = "consolidate" if "--archive-sources" in more else "remember"
        self.json(made, "memory", verb, "notes", text, "--vector", vector(number),
                  "--agent", "ann", "--task", "route", *more)
        part = more[more.index("--partition") + 1] if "--partition" in more else "default"
        listed = self.json(made, "memory", "list", "--partition", part)["memories"]
        return next(m["key"] for m in listed if m["content"] == text)

    def test_what_is_remembered_is_recalled_explained_and_forgotten(self):
        with swarm(3) as made:
            made.start()
            for part in ("default", "other"):
                self.json(made, "index", "create", "notes", "--dim", str(DIM),
                          "--partition", part)
            first = self.say(made, "the bridge is closed", 1, "--meta", '{"city":"x"}')
            second = self.say(made, "the tunnel is slow", 2)
            self.say(made, "the bridge is closed", 1, "--partition", "other")
            self.say(made, "the ferry is late", 3, "--partition", "other")
            self.use(made, first)
            whole = self.say(made, "take the ferry", 4, "--sources", f"{first},{second}",
                             "--archive-sources")
            leaf = self.say(made, "leave at six", 5, "--sources", whole)
            before = self.recall(made)
            self.assertEqual((before["asked"], before["answered"]), ("2", "2"))
            self.assertEqual([m["content"] for m in before["memories"]].count(
                "the bridge is closed"), 1)  # the archived one is not found, the other is
            self.explained(made, whole, leaf, {first, second})
            made.leader().kill()
            self.assertEqual(self.recall(made)["memories"], before["memories"])
            self.explained(made, whole, leaf, {first, second})
            self.json(made, "memory", "forget", first, "--cascade")
            left = {m["key"] for m in self.json(made, "memory", "list")["memories"]}
            self.assertEqual(left, {second})
            self.refused(made, 3, "there is no memory", "memory", "forget", leaf)
            self.refused(made, 3, "", "memory", "explain", leaf)

    def use(self, made, key):
        self.assertEqual(self.json(made, "memory", "used", key)["importance"], "600")
        self.assertEqual(self.json(made, "memory", "feedback", key, "failure")["utility"], "400")
        self.refused(made, 2, "success or failure", "memory", "feedback", key, "maybe")
        got = self.json(made, "memory", "get", key)["memories"][0]
        self.assertEqual((got["importance"], got["utility"], got["tier"]), (600, 400, "short"))
        self.assertEqual(got["more"]["uses"], "1")

    def recall(self, made):
        return self.json(made, "memory", "recall", "notes", "--vector", vector(1),
                         "--all-partitions")

    def explained(self, made, key, leaf, sources):
        found = self.json(made, "memory", "explain", key)["memories"]
        self.assertEqual(found[0]["key"], key)
        self.assertEqual({m["key"] for m in found if m["depth"] == "-1"}, sources)
        self.assertEqual([m["key"] for m in found if m["depth"] == "1"], [leaf])
        self.assertTrue(all(len(m["more"]["author"]) == 32 for m in found))

    def test_rings_are_as_large_as_they_may_be(self):
        with swarm(1) as made:
            made.start()
            self.json(made, "index", "create", "notes", "--dim", str(DIM))
            shown = self.json(made, "memory", "settings", "--max-count", "3")
            self.assertEqual(shown, {"max_count": "3", "max_bytes": "67108864", "floor": "0"})
            for number in range(6):
                self.say(made, f"fact {number}", number)
            agents = self.json(made, "memory", "agents")["agents"]
            self.assertEqual([(a["agent"], a["count"]) for a in agents], [("ann", "3")])
            self.json(made, "memory", "settings", "--max-count", "1")
            self.assertEqual(self.json(made, "memory", "tend"), {"deleted": "2"})
            last = self.json(made, "memory", "list")["memories"]
            self.assertEqual(len(last), 1)
            self.json(made, "memory", "archive", last[0]["key"])
            self.assertEqual(self.recall(made)["memories"], [])
            self.refused(made, 2, "allowed are 1", "memory", "settings", "--max-count", "0")
            self.refused(made, 3, "NO_INDEX", "memory", "recall", "none", "--vector", vector(1),
                         "--all-partitions")
            code, out, err = made.ctl("memory", "recall", "notes", "--vector", vector(1),
                                      "--partitions", "default,nowhere", "-o", "json")
            self.assertEqual(code, 0, err)
            self.assertIn("1 of 2 partitions did not answer", err)
            self.assertEqual([p["status"] for p in json.loads(out)["partitions"]],
                             ["OK", "NO_INDEX"])

    def test_links_live_as_long_as_both_ends(self):
        with swarm(1) as made:
            made.start()
            for key in ("a", "b", "c"):
                self.json(made, "kv", "put", key, "x")
            self.json(made, "link", "put", "a", "shows", "b", "--score", "800")
            self.json(made, "link", "put", "b", "shows", "c")
            found = self.json(made, "link", "follow", "a", "shows")["links"]
            self.assertEqual([(x["to"], x["depth"]) for x in found], [("b", 1), ("c", 2)])
            found = self.json(made, "link", "list", "c", "--backward")["links"]
            self.assertEqual([(x["from"], x["score"]) for x in found], [("b", 1000)])
            self.refused(made, 3, "ends at does not exist", "link", "put", "a", "shows", "z")
            self.refused(made, 2, "type", "link", "put", "a", "two words", "b")
            self.json(made, "kv", "del", "b")
            self.json(made, "kv", "put", "b", "another")
            self.assertEqual(self.json(made, "link", "list", "a")["links"], [])
            self.assertEqual(self.json(made, "memory", "tend"), {"deleted": "4"})
            self.assertEqual(self.json(made, "link", "delete", "a", "shows", "b")["deleted"],
                             False)


if __name__ == "__main__":
    unittest.main()
