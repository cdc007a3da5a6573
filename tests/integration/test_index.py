"""Similarity on a real swarm: put, search, conditions, novelty; the same after a leader died."""
import json
import random
import unittest

from swarm_kit import START_S, swarm, wait_for

DIM = 16


def vector(number):
    """A direction for each number, the same in each run."""
    made = random.Random(number)
    return ",".join(f"{made.uniform(-1, 1):.4f}" for _ in range(DIM))


class Index(unittest.TestCase):
    def json(self, made, *words):
        code, out, err = made.ctl(*words, "-o", "json")
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def create(self, made):
        self.json(made, "index", "create", "notes", "--dim", str(DIM), "--model", "none \"1\"")

    def put(self, made, number, *more):
        return self.json(made, "index", "put", "notes", f"key-{number}", f"text {number}",
                         "--vector", vector(number), *more)

    def search(self, made, number, *more):
        return self.json(made, "index", "search", "notes", "--vector", vector(number), *more)

    def test_what_was_put_is_found_whoever_leads(self):
        with swarm(3) as made:
            made.start()
            self.create(made)
            for number in range(20):
                self.put(made, number, "--attributes", f"year:={2000 + number},kind=note")
            before = self.search(made, 7, "--k", "5")
            self.assertEqual(before["hits"][0]["key"], "key-7")
            self.assertEqual(before["hits"][0]["value"], "text 7")
            self.assertLess(float(before["hits"][0]["distance"]), 0.01)
            self.assertEqual(before["certificate"]["scanned"], "20")
            made.leader().kill()
            after = wait_for("another leader answers", START_S,
                             lambda: self.try_search(made, 7, "--k", "5"))
            self.assertEqual(after["hits"], before["hits"])
            self.assertEqual(after["certificate"], before["certificate"])

    def test_a_long_search_sees_what_was_just_written(self):
        """A thousand are asked for: from a view on another thread, which opens behind the puts."""
        with swarm(1) as made:
            made.start()
            self.create(made)
            for number in range(12):
                self.put(made, number, "--attributes", f"year:={2000 + number}")
                found = self.search(made, number, "--k", "1000")
                self.assertEqual(len(found["hits"]), number + 1)
                self.assertEqual(found["hits"][0]["key"], f"key-{number}")
                self.assertFalse(found["certificate"]["terminated_early"])
            self.json(made, "kv", "del", "key-3")
            some = self.search(made, 3, "--k", "1000", "--where", "year>=2003,year<=2005")
            self.assertEqual({h["key"] for h in some["hits"]}, {"key-4", "key-5"})
            self.assertEqual(self.search(made, 3, "--k", "50", "--where",
                                         "year>=2003,year<=2005")["hits"], some["hits"])

    def try_search(self, made, number, *more):
        code, out, _ = made.ctl("index", "search", "notes", "--vector", vector(number), *more,
                                "-o", "json")
        return json.loads(out) if code == 0 else None

    def test_conditions_novelty_and_refusals(self):
        with swarm(1) as made:
            made.start()
            code, _, err = made.ctl("index", "search", "notes", "--vector", vector(1))
            self.assertEqual(code, 3)
            self.assertIn("NO_INDEX", err)
            self.create(made)
            for number in range(10):
                self.put(made, number, "--attributes", f"year:={2000 + number},kind=note")
            found = self.search(made, 1, "--where", "year>=2008,kind=no*", "--k", "10")
            self.assertEqual({h["key"] for h in found["hits"]}, {"key-8", "key-9"})
            code, out, err = made.ctl("index", "put", "notes", "copy", "x", "--vector", vector(3),
                                      "--if-novel", "0.01", "-o", "json")
            self.assertEqual(code, 4)
            self.assertIn("key-3", err)
            self.assertEqual(json.loads(out)["kv"]["key"], "key-3")
            code, _, err = made.ctl("index", "put", "notes", "short", "x", "--vector", "1,2,3," * 6)
            self.assertEqual(code, 2)
            self.assertIn("18 numbers", err)
            self.assertIn("have 16", err)
            code, _, err = made.ctl("index", "put", "notes", "zero", "x",
                                    "--vector", ",".join(["0"] * DIM))
            self.assertEqual(code, 2, err)
            self.assertIn("no direction", err)
            code, _, err = made.ctl("index", "put", "notes", "few", "x", "--vector", "1,2,3")
            self.assertEqual(code, 2, err)
            self.assertIn("this one has 3", err)
            code, _, err = made.ctl("index", "create", "notes", "--dim", str(DIM))
            self.assertEqual(code, 4, err)
            self.assertIn("there is an index notes already", err)
            self.json(made, "kv", "del", "key-3")
            self.assertNotIn("key-3", {h["key"] for h in self.search(made, 3)["hits"]})
            listed = self.json(made, "index", "list")["indexes"]
            self.assertEqual([(i["name"], i["dim"], i["model"], i["entries"]) for i in listed],
                             [("notes", DIM, "none \"1\"", "9")])
            self.json(made, "index", "drop", "notes")
            self.assertEqual(self.json(made, "index", "list")["indexes"], [])

    def watch(self, made, number, after, limit, *more):
        """Lines of `index watch`, read from a revision on until there are so many."""
        code, out, err = made.ctl("index", "watch", "notes", "--vector", vector(number),
                                  "--max-distance", "0.01", "--after", str(after),
                                  "--limit", str(limit), "-o", "json", *more)
        self.assertEqual(code, 0, err)
        return [json.loads(line)["put"] for line in out.splitlines()]

    def test_whoever_watches_by_meaning_is_told_of_each_near_put_once(self):
        with swarm(3) as made:
            made.start()
            self.create(made)
            start = int(self.put(made, 1)["revision"])
            expected = []
            for turn in range(3):
                for number in (1, 2, 1):  # the vector of key-1 is replaced, again and again
                    done = self.put(made, number, "--attributes", f"turn:={turn}")
                    if number == 1:
                        expected.append(done["revision"])
                self.json(made, "kv", "del", "key-1")
            rows = self.watch(made, 1, start, len(expected))
            self.assertEqual([r["revision"] for r in rows], expected)
            self.assertEqual({r["key"] for r in rows}, {"key-1"})
            self.assertEqual({r["value"] for r in rows}, {"text 1"})
            self.assertTrue(all(float(r["distance"]) < 0.001 for r in rows))
            rows = self.watch(made, 1, start, 2, "--where", "turn:=1")
            self.assertEqual([r["revision"] for r in rows], expected[2:4])
            made.leader().kill()
            rows = self.watch(made, 1, expected[2], 3)  # where it stood, at another leader
            self.assertEqual([r["revision"] for r in rows], expected[3:])
            code, _, err = made.ctl("index", "watch", "notes", "--vector", vector(1))
            self.assertEqual(code, 2)
            self.assertIn("--max-distance", err)
            code, _, err = made.ctl("index", "watch", "notes", "--vector", vector(1),
                                    "--max-distance", "0.1", "--after", "0")
            self.assertIn("RESYNC", err)

    def test_an_index_says_how_it_is_and_how_much_it_finds(self):
        with swarm(3) as made:
            made.start()
            self.create(made)
            for number in range(40):
                self.put(made, number)
            status = self.json(made, "index", "status", "notes")
            self.assertEqual((status["name"], status["entries"], status["working"]),
                             ("notes", "40", "false"))
            self.assertEqual(sum(b["buckets"] for b in status["histogram"]),
                             int(status["buckets"]))
            measured = self.json(made, "index", "recall", "notes", "--samples", "70")
            self.assertGreaterEqual(int(measured["samples"]), 70)
            self.assertEqual(measured["recall_permille"], "1000")  # of 40, all are compared
            done = self.json(made, "index", "tune", "notes", "--recall", "0.97",
                             "--probe-percent", "50", "--rerank-tenths", "60")
            self.assertGreater(int(done["revision"]), 0)
            made.leader().kill()
            status = wait_for("another leader answers", START_S, lambda: self.try_status(made))
            self.assertEqual((status["target_permille"], status["probe_percent"],
                              status["rerank_tenths"]), ("970", "50", "60"))
            code, out, err = made.ctl("index", "plot", "notes")
            self.assertEqual(code, 0, err)
            self.assertTrue(out.startswith("<svg") and out.endswith("</svg>\n"))
            self.assertIn("40 entries of 16 numbers", out)
            code, _, err = made.ctl("index", "tune", "notes", "--recall", "0.3")
            self.assertEqual(code, 2)
            self.assertIn("500 to 999", err)
            self.assertEqual((status["bits"], status["error_ppm"]), ("16", "0"))
            self.json(made, "index", "lower", "notes", "--bits", "6")
            self.assertEqual(self.json(made, "index", "status", "notes")["bits"], "6")
            code, _, err = made.ctl("index", "lower", "notes", "--bits", "8")
            self.assertEqual(code, 4)
            self.assertIn("keep 6 bits", err)
            self.assertIn("originals are not kept", err)
            code, _, err = made.ctl("index", "lower", "notes", "--bits", "5")
            self.assertEqual(code, 2)
            self.assertIn("8, 6, 4, 2 or 1", err)
            code, _, err = made.ctl("index", "status", "nothing")
            self.assertIn("NO_INDEX", err)
            node = next(n for n in made.nodes if n.process.poll() is None)
            wait_for("the node has measured by itself", START_S,
                     lambda: "swarm_index_recall{index=" in node.get("/metrics")[1])

    def test_all_nodes_check_an_index_and_have_the_same(self):
        with swarm(3) as made:
            made.start()
            self.create(made)
            for number in range(40):
                self.put(made, number)
            for number in range(0, 40, 4):
                self.json(made, "kv", "del", f"key-{number}")
            done = self.json(made, "index", "verify", "notes")
            self.assertEqual([n["state"] for n in done["nodes"]], ["sound"] * 3)
            for name in ("entries", "places", "keys", "records"):
                self.assertEqual({n[name] for n in done["nodes"]}, {"30"}, name)
            self.assertEqual((done["compared"], done["equal"]), (True, True))
            digest = self.json(made, "index", "status", "notes")["digest"]
            self.assertEqual({n["digest"] for n in done["nodes"]}, {digest})
            code, _, err = made.ctl("index", "verify", "nothing")
            self.assertEqual(code, 3, err)
            self.assertIn("NO_INDEX", err)
            made.leader().kill()
            wait_for("another leader answers", START_S, lambda: self.try_status(made))
            code, out, err = made.ctl("index", "verify", "notes", "-o", "json")
            self.assertNotEqual(code, 0)
            self.assertIn("did not check index notes", err)
            states = sorted(n["state"] for n in json.loads(out)["nodes"])
            self.assertEqual(states.count("sound"), 2, states)

    def try_status(self, made):
        code, out, _ = made.ctl("index", "status", "notes", "-o", "json")
        return json.loads(out) if code == 0 else None

    def remember(self, made, text, number, *more):
        return made.ctl("memory", "remember", "notes", text, "--vector", vector(number),
                        "--agent", "planner", "--task", "route", *more, "-o", "json")

    def recall(self, made, number, *more):
        return self.json(made, "memory", "recall", "notes", "--vector", vector(number),
                         *more)["memories"]

    def test_agents_remember_and_recall(self):
        with swarm(1) as made:
            made.start()
            self.create(made)
            for number in range(8):
                flags = ("--failure",) if number % 2 else ("--tags", "even,all")
                self.assertEqual(self.remember(made, f"fact {number}", number, *flags)[0], 0)
            self.assertEqual(self.remember(made, "fact 3", 3, "--failure")[0], 0)  # said again
            found = self.recall(made, 3)
            self.assertEqual(found[0]["content"], "fact 3")
            self.assertEqual((found[0]["agent"], found[0]["success"]), ("planner", False))
            self.assertEqual(len({m["key"] for m in found}), 8)
            self.assertEqual([m["score"] for m in found],
                             sorted((m["score"] for m in found), reverse=True))
            self.assertEqual({m["content"] for m in self.recall(made, 3, "--tag", "even")},
                             {f"fact {n}" for n in (0, 2, 4, 6)})
            self.assertEqual({m["success"] for m in self.recall(made, 3, "--successes")}, {True})
            code, _, err = self.remember(made, "the same", 3, "--if-novel", "0.01")
            self.assertEqual(code, 4, err)
            self.assertIn("remembered already", err)
            code, _, err = made.ctl("memory", "remember", "notes", "x", "--vector", vector(1),
                                    "--agent", "two words", "--task", "t")
            self.assertEqual(code, 2, err)
            self.assertIn("agent", err)
            code, _, err = self.remember(made, "x", 1, "--tags", ",".join("abcdefghijklmnopq"))
            self.assertEqual(code, 2, err)
            self.assertIn("16 tags", err)
            self.assertIn("swarm-memory 1\nagent=planner",
                          made.ctl("kv", "get", found[0]["key"])[1])


if __name__ == "__main__":
    unittest.main()
