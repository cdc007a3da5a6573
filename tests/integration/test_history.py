"""What keys were, and which replica may say so, through swarmctl against three nodes."""
import json
import unittest

from swarm_kit import swarm, wait_for


class History(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = swarm(3)
        cls.swarm = cls.made.__enter__()
        cls.swarm.start()
        for i in range(5):
            cls.ok("kv", "put", "key", f"value {i}")
        cls.ok("kv", "put", "gone", "soon")
        cls.ok("kv", "del", "gone")

    @classmethod
    def tearDownClass(cls):
        cls.made.__exit__(None, None, None)

    @classmethod
    def ok(cls, *words):
        code, out, err = cls.swarm.ctl(*map(str, words))
        if code != 0:
            raise AssertionError(err)
        return out.strip()

    def json(self, *words):
        return json.loads(self.ok(*words, "-o", "json"))

    def revisions(self):
        return [int(row["mod_revision"]) for row in
                self.json("history", "list", "key")["versions"]]

    def test_a_key_is_read_as_it_was(self):
        revisions = sorted(self.revisions())
        self.assertEqual(len(revisions), 5)
        for i, revision in enumerate(revisions):
            self.assertEqual(self.ok("kv", "get", "key", "--rev", revision), f"value {i}")
        code, _, err = self.swarm.ctl("kv", "get", "key", "--rev", "1000000")
        self.assertEqual(code, 1)
        self.assertIn("yet to come", err)

    def test_a_deleted_key_is_there_in_the_past(self):
        events = self.json("history", "list", "gone")["versions"]
        self.assertEqual([row["event"] for row in events], ["deleted", "written"])
        before = int(events[1]["mod_revision"])
        rows = self.json("kv", "scan", "--rev", before)["records"]
        self.assertEqual([row["key"] for row in rows], ["gone", "key"])
        self.assertEqual([row["key"] for row in self.json("kv", "scan")["records"]], ["key"])

    def test_a_difference_is_what_changed(self):
        first = min(self.revisions())
        last = max(self.revisions())
        rows = self.json("history", "diff", first, last)["differences"]
        self.assertEqual([(row["change"], row["before"], row["after"]) for row in rows],
                         [("changed", "value 0", "value 4")])
        rows = self.json("history", "diff", 0, last)["differences"]
        self.assertEqual([row["change"] for row in rows], ["added"])

    def test_changes_are_lines(self):
        lines = [json.loads(line)["change"] for line in
                 self.ok("history", "export", "-o", "json").splitlines()]
        self.assertEqual([line["event"] for line in lines], ["put"] * 6 + ["delete"])
        self.assertEqual([line["value"] for line in lines[:5]], [f"value {i}" for i in range(5)])
        self.assertEqual(lines[-1]["version"], "0")

    def test_every_replica_may_answer_with_an_age(self):
        def of_a_follower():
            row = self.json("kv", "get", "key", "--max-age", "5s")
            self.assertEqual(row["kv"]["value"], "value 4")
            self.assertLessEqual(int(row.get("age_ms", 0)), 5000)
            return "age_ms" in row  # the node that is connected first is asked

        wait_for("an answer of a follower", 30, of_a_follower)
        self.assertEqual(self.ok("kv", "get", "key", "--consistency", "s"), "value 4")
        self.assertEqual(self.swarm.ctl("kv", "get", "key", "--consistency", "x")[0], 2)

    def test_a_revision_is_waited_for(self):
        now = int(self.json("kv", "scan")["revision"])
        self.assertEqual(self.ok("kv", "get", "key", "--min-revision", now), "value 4")
        code, _, err = self.swarm.ctl("kv", "get", "key", "--min-revision", str(now + 1000),
                                      "--command-timeout", "500ms")
        self.assertEqual(code, 6)
        self.assertNotIn("session", err)  # this program's ended with it


class Compaction(unittest.TestCase):
    def test_what_is_let_go_is_said_to_be(self):
        with swarm(1) as s:
            s.start()
            for i in range(4):
                self.assertEqual(s.ctl("kv", "put", "key", f"value {i}")[0], 0)
            code, out, err = s.ctl("history", "list", "key", "-o", "json")
            self.assertEqual(code, 0, err)
            revisions = [int(row["mod_revision"]) for row in json.loads(out)["versions"]]
            code, out, err = s.ctl("history", "compact", "--to", str(revisions[1]), "-o", "json")
            self.assertEqual(code, 0, err)
            self.assertEqual(int(json.loads(out)["floor"]), revisions[1])
            self.assertEqual(s.ctl("kv", "get", "key", "--rev", str(revisions[1]))[1], "value 2\n")
            code, _, err = s.ctl("kv", "get", "key", "--rev", str(revisions[3]))
            self.assertEqual(code, 1)
            self.assertIn("not kept any more", err)
            wait_for("the records to go", 10, lambda: len(json.loads(
                s.ctl("history", "list", "key", "-o", "json")[1])["versions"]) == 2)


if __name__ == "__main__":
    unittest.main()
