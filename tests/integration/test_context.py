"""Contexts on a real swarm: a million tokens in and out, and a window that hides, whoever leads."""
import json
import random
import unittest

from swarm_kit import START_S, swarm, wait_for

DIM = 16
TOKENS = 1_000_000
DIGITS = "0123456789abcdefghijklmnopqrstuv"


def vector(number):
    """A direction for each number, the same in each run."""
    made = random.Random(number)
    return ",".join(f"{made.uniform(-1, 1):.4f}" for _ in range(DIM))


def token(number):
    """Four characters, another text for each of a million numbers."""
    return "".join(DIGITS[number >> shift & 31] for shift in (15, 10, 5, 0))


class Context(unittest.TestCase):
    def json(self, made, *words, text=None):
        code, out, err = made.ctl(*words, "-o", "json", text=text)
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def refused(self, made, code, said, *words):
        got, _, err = made.ctl("context", *words)
        self.assertEqual(got, code, err)
        self.assertIn(said, err)

    def test_a_million_tokens_are_found_again(self):
        with swarm(3) as made:
            made.start()
            self.json(made, "context", "create", "long")
            self.json(made, "context", "create", "other")
            text = "".join(map(token, range(TOKENS)))
            self.assertEqual(self.json(made, "context", "append", "long", "--token-size", "4",
                                       text=text), {"blocks": "977"})
            wanted = range(0, TOKENS, 100)
            for start in range(0, len(wanted), 60):
                self.locate(made, wanted[start:start + 60])
            self.locate(made, [TOKENS - 1])
            self.refused(made, 3, "no block", "locate", "long", str(TOKENS))
            blocks = self.json(made, "context", "read", "long", "--from", "1023", "--to",
                               "2049")["blocks"]
            self.assertEqual([(b["token"], b["end"]) for b in blocks],
                             [("0", "1024"), ("1024", "2048"), ("2048", "3072")])
            listed = self.json(made, "context", "list")["contexts"]
            self.assertEqual([(c["id"], c["blocks"], c["tokens"], c["bytes"]) for c in listed],
                             [("long", "977", str(TOKENS), str(4 * TOKENS)),
                              ("other", "0", "0", "0")])
            self.json(made, "context", "delete", "long")
            self.assertEqual([c["id"] for c in self.json(made, "context", "list")["contexts"]],
                             ["other"])
            self.assertEqual(self.json(made, "kv", "scan", "--prefix", "ctx-block/")["records"],
                             [])

    def locate(self, made, tokens):
        blocks = self.json(made, "context", "locate", "long", *map(str, tokens))["blocks"]
        self.assertEqual(len(blocks), len(tokens))
        for number, block in zip(tokens, blocks):
            at = number - int(block["token"])
            self.assertEqual(int(block["token"]), number // 1024 * 1024)
            self.assertEqual(block["content"][4 * at:4 * at + 4], token(number))

    def append(self, made, number):
        return self.json(made, "context", "append", "talk", f"said {number}", "--tokens", "8",
                         "--score", str(number - 3), "--vector", vector(number))["token"]

    def search(self, made, *more):
        code, out, _ = made.ctl("index", "search", "notes", "--vector", vector(0), "--k", "20",
                                *more, "-o", "json")
        return json.loads(out) if code == 0 else None

    def keys(self, made, *more):
        return {h["key"] for h in self.search(made, *more)["hits"]}

    def block_keys(self, numbers):
        return {f"ctx-block/talk/{8 * number:016x}" for number in numbers}

    def test_what_left_the_window_is_not_found_whoever_leads(self):
        with swarm(3) as made:
            made.start()
            self.json(made, "index", "create", "notes", "--dim", str(DIM))
            self.json(made, "context", "create", "talk", "--index", "notes", "--block-size", "8",
                      "--window-blocks", "4")
            for number in range(10):
                self.assertEqual(self.append(made, number), str(8 * number))
                self.assertEqual(self.keys(made),
                                 self.block_keys(range(max(0, number - 3), number + 1)))
            self.assertEqual(self.keys(made, "--include-stale"), self.block_keys(range(10)))
            self.assertEqual(self.keys(made, "--where", "token<=56,score>=4"),
                             self.block_keys([7]))
            before = self.search(made)
            made.leader().kill()
            after = wait_for("another leader answers", START_S, lambda: self.search(made))
            self.assertEqual(after["hits"], before["hits"])
            self.assertEqual(self.append(made, 10), "80")
            self.assertEqual(self.keys(made), self.block_keys(range(7, 11)))
            moved = self.json(made, "context", "window", "talk", "--blocks", "2")
            self.assertEqual(moved["window_token"], "72")
            self.assertEqual(self.keys(made), self.block_keys([9, 10]))
            self.json(made, "context", "delete", "talk")
            self.assertEqual(self.keys(made, "--include-stale"), set())

    def prune(self, made, *words):
        return self.json(made, "context", "prune", "talk", *words)

    def test_a_policy_lets_blocks_go(self):
        with swarm(1) as made:
            made.start()
            self.json(made, "index", "create", "notes", "--dim", str(DIM))
            self.json(made, "context", "create", "talk", "--index", "notes", "--block-size", "8")
            for number in range(10):  # scores -3 to 6, content of 6 bytes
                self.append(made, number)
            before = self.json(made, "kv", "get", "ctx/talk")["revision"]
            would = self.prune(made, "--below", "0", "--dry-run")
            self.assertEqual(would, {"blocks": "4", "bytes": "24", "dry": True})
            self.assertEqual(self.keys(made), self.block_keys(range(10)))
            self.assertEqual(self.prune(made, "--below", "0")["blocks"], "4")
            self.assertEqual(self.keys(made), self.block_keys(range(4, 10)))
            self.assertEqual(self.prune(made, "--above", "-9", "--keep", "8", "--max-bytes",
                                        "20")["bytes"], "18")
            self.assertEqual(self.keys(made), self.block_keys(range(7, 10)))
            self.assertEqual(self.prune(made, "--below", "9", "--min-age", "1h")["blocks"], "0")
            code, out, err = made.ctl("kv", "get", "ctx-block/talk/0000000000000000", "--rev",
                                      before)
            self.assertEqual(code, 0, err)
            self.assertIn("said 0", out)
            self.refused(made, 2, "one of", "prune", "talk")
            self.refused(made, 3, "NOT_FOUND", "prune", "nobody", "--below", "1")

    def test_a_budget_holds_and_what_went_comes_back(self):
        """150 blocks of 4,000 bytes against a budget of 100; the last tokens and replicas are
        whole, and an undo brings back what changes still hold."""
        with swarm(3) as made:
            made.start()
            self.json(made, "context", "create", "talk", "--block-size", "1000")
            self.json(made, "context", "set-policy", "talk", "--any-score", "--keep", "5000",
                      "--max-bytes", "400000")
            text = "".join(map(token, range(150_000)))
            self.assertEqual(self.json(made, "context", "append", "talk", "--token-size", "4",
                                       "--block-size", "1000", text=text), {"blocks": "150"})
            shown = self.json(made, "context", "list")["contexts"][0]
            self.assertEqual((shown["bytes"], shown["pruned"], shown["gone"]),
                             ("400000", "50", "50"))
            blocks = self.json(made, "context", "read", "talk")["blocks"]
            self.assertEqual([int(b["token"]) for b in blocks], list(range(50_000, 150_000, 1000)))
            gone = self.json(made, "context", "gone", "talk")["gone"]
            self.assertEqual({(g["by"], g["reason"]) for g in gone}, {("policy", "budget")})
            back = self.json(made, "context", "restore", "talk", "--from", "10000", "--to", "12000")
            self.assertEqual(back, {"blocks": "2", "bytes": "8000"})
            made.leader().kill()
            wait_for("another leader answers", START_S, lambda: made.ctl(
                "context", "locate", "talk", "10500", "-o", "json")[0] == 0)
            block = self.json(made, "context", "locate", "talk", "10500")["blocks"][0]
            self.assertEqual(block["content"], text[40_000:44_000])

    def test_duplicates_and_uses(self):
        with swarm(1) as made:
            made.start()
            self.json(made, "context", "create", "talk", "--block-size", "8", "--precision", "16")
            self.json(made, "context", "set-policy", "--dedupe", "refuse")
            self.assertEqual(self.json(made, "context", "policy")["policy"]["similar"], "800")
            self.json(made, "context", "append", "talk", "said once", "--tokens", "2")
            self.refused(made, 4, "ctx-block/talk/0000000000000000", "append", "talk", "said once",
                         "--tokens", "2")
            self.json(made, "context", "set-policy", "--dedupe", "flag")
            like = self.json(made, "context", "append", "talk", "said once", "--tokens", "2")
            self.assertEqual((like["like"], like["likeness"]),
                             ("ctx-block/talk/0000000000000000", "1000"))
            self.assertEqual(self.json(made, "context", "touch", "talk", "2", "0", "9"),
                             {"blocks": "2"})
            found = self.json(made, "context", "locate", "talk", "1")
            self.assertEqual(found["blocks"][0]["uses"], "1")
            self.assertEqual(found["shard"], "1")
            self.refused(made, 3, "no such context", "read", "nobody")
            self.refused(made, 3, "no policy", "policy", "talk")
            self.refused(made, 2, "--none", "set-policy", "talk")

    def test_watchers_learn_which_context_died(self):
        """The recipe of PROTOCOL.md: headers are watched, epochs end what was kept."""
        with swarm(1) as made:
            made.start()
            self.json(made, "index", "create", "notes", "--dim", str(DIM))
            self.json(made, "context", "create", "talk", "--index", "notes", "--block-size", "8",
                      "--window-blocks", "2")
            first = self.json(made, "kv", "get", "ctx/talk")["revision"]
            windows = [self.search(made)["certificate"]["windows"]]
            for number in range(4):
                self.append(made, number)
                windows.append(self.search(made)["certificate"]["windows"])
            self.assertEqual(windows[:3], [windows[0]] * 3)  # nothing has left yet
            self.assertLess(windows[2], windows[3])
            self.assertLess(windows[3], windows[4])
            self.json(made, "context", "delete", "talk")
            code, out, err = made.ctl("watch", "--prefix", "ctx/", "--after", first, "--limit", "5",
                                      "-o", "jsonl")
            self.assertEqual(code, 0, err)
            seen = [json.loads(line) for line in out.splitlines()]
            epochs = [f"epoch={s['mod_revision']}\n" in (s["value"] or "") for s in seen]
            self.assertEqual(epochs, [False, False, True, True, False])
            self.assertEqual(seen[4]["event"], "delete")

    def test_refusals(self):
        with swarm(1) as made:
            made.start()
            self.refused(made, 3, "no context nobody", "append", "nobody", "x", "--tokens", "1")
            self.refused(made, 3, "no context nobody", "window", "nobody", "--blocks", "1")
            self.refused(made, 3, "no context nobody", "delete", "nobody")
            self.refused(made, 3, "NO_INDEX", "create", "talk", "--index", "nothing")
            self.refused(made, 2, "id", "create", "a/b")
            self.refused(made, 2, "overlap", "create", "talk", "--block-size", "4", "--overlap",
                         "4")
            self.json(made, "index", "create", "notes", "--dim", str(DIM))
            self.json(made, "context", "create", "talk", "--index", "notes", "--block-size", "8")
            self.refused(made, 4, "there is a context talk already", "create", "talk")
            self.refused(made, 2, "DIMENSION", "append", "talk", "x", "--tokens", "8", "--vector",
                         ",".join(["0.5"] * (DIM + 2)))
            code, _, err = made.ctl("context", "append", "talk", "x", "--tokens", "9")
            self.assertNotEqual(code, 0)
            self.assertIn("TOO_LARGE", err)
            self.refused(made, 2, "--tokens", "append", "talk", "x")
            self.refused(made, 2, "whole number", "append", "talk", "abc", "--token-size", "2")
            self.refused(made, 2, "--score", "append", "talk", "x", "--tokens", "1", "--score",
                         "high")
            self.json(made, "kv", "put", "ctx/talk", "no header")
            self.refused(made, 4, "WRONG_TYPE", "append", "talk", "x", "--tokens", "1")
            self.json(made, "context", "delete", "talk")


if __name__ == "__main__":
    unittest.main()
