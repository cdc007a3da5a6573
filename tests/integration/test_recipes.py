"""swarmctl queue and election against a real swarm: what they say, and what becomes of things when
those who have them are killed."""
import json
import os
import signal
import subprocess
import unittest

from swarm_kit import BIN, START_S, swarm, wait_for


class Recipes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        made = swarm(3)
        cls.swarm = made.__enter__()
        cls.addClassCleanup(made.__exit__, None, None, None)
        cls.swarm.start()

    def scope(self):
        return ("--partition", self.id().split(".")[-1])

    def ctl(self, *args, text=None):
        """Our flags stand before a `--`."""
        at = args.index("--") if "--" in args else len(args)
        words = [*args[:at], *self.scope(), "--config", str(self.swarm.client_config), *args[at:]]
        done = subprocess.run([BIN / "swarmctl", *words], input=text, capture_output=True,
                              text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def json(self, *args, text=None):
        code, stdout, stderr = self.ctl(*args, "-o", "json", text=text)
        self.assertEqual((code, stderr), (0, ""), args)
        return json.loads(stdout)

    def fails(self, code, words, *args):
        got, stdout, stderr = self.ctl(*args)
        self.assertEqual((got, stdout), (code, ""), stderr)
        self.assertIn(words, stderr)
        self.assertEqual(stderr.count("\n"), 1)

    def items(self, *flags):
        return self.json("queue", "list", "jobs", *flags)["items"]

    def begin(self, *args):
        process = subprocess.Popen(
            [BIN / "swarmctl", *args[:2], "--config", str(self.swarm.client_config),
             *self.scope(), *args[2:]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_queue_by_hand(self):
        self.assertEqual(self.items(), [])
        self.assertEqual(self.json("queue", "put", "jobs", "one")["item"], {"item": "128-1"})
        self.json("queue", "put", "jobs", "--priority", "3", text="two\nlines")
        self.assertEqual([(i["item"], i["value"], i["token"]) for i in self.items()],
                         [("3-2", "two\nlines", None), ("128-1", "one", None)])
        taken = self.json("queue", "take", "jobs", "--owner", "ann")["item"]
        self.assertEqual((taken["item"], taken["owner"], taken["deliveries"], taken["value"]),
                         ("3-2", "ann", 1, "two\nlines"))
        self.assertEqual(self.items()[0]["token"], taken["token"])
        self.assertEqual(len(self.items("--limit", "1")), 1)
        self.fails(2, "--token", "queue", "done", "jobs", "3-2")
        self.fails(2, "PRIORITY-NUMBER", "queue", "done", "jobs", "3", "--token", "1")
        self.fails(2, "PRIORITY-NUMBER", "queue", "done", "jobs", "300-1", "--token", "1")
        self.fails(4, "nothing was changed", "queue", "done", "jobs", "3-2", "--token", "1")
        self.assertEqual(self.json("queue", "release", "jobs", "3-2", "--token", taken["token"]),
                         {"released": "3-2"})
        again = self.json("queue", "take", "jobs")["item"]
        self.assertEqual((again["item"], again["deliveries"]), ("3-2", 2))
        self.assertNotEqual(again["token"], taken["token"])
        self.fails(4, "CONFLICT", "queue", "done", "jobs", "3-2", "--token", taken["token"])
        self.assertEqual(self.json("queue", "done", "jobs", "3-2", "--token", again["token"]),
                         {"done": "3-2"})
        self.assertEqual([i["item"] for i in self.items()], ["128-1"])
        self.fails(2, "0 (the first) to 255", "queue", "put", "jobs", "x", "--priority", "256")

    def test_queue_with_a_command(self):
        self.ctl("queue", "put", "jobs", "5 + 6")
        show = 'read -r text; echo "$text $SWARM_QUEUE_NUMBER $SWARM_QUEUE_DELIVERIES"; exit '
        self.assertEqual(self.ctl("queue", "take", "jobs", "--", "sh", "-c", show + "9"),
                         (9, "5 + 6 1 1\n", ""))
        self.assertEqual(self.ctl("queue", "take", "jobs", "--", "sh", "-c", show + "0"),
                         (0, "5 + 6 1 2\n", ""))
        self.assertEqual(self.items(), [])
        self.fails(3, "--wait", "queue", "take", "jobs")
        self.fails(2, "before the `--`", "queue", "take", "--", "true")
        big = "x" * 500000
        self.json("queue", "put", "jobs", text=big)
        self.assertEqual(self.ctl("queue", "take", "jobs", "--", "wc", "-c")[1].strip(), "500000")

    def test_an_item_of_a_taker_that_died_comes_back(self):
        self.ctl("queue", "put", "jobs", "work")
        taker = self.begin("queue", "take", "jobs", "--ttl", "1s", "--", "sh", "-c",
                           "echo begun; exec sleep 60")
        self.assertEqual(taker.stdout.readline(), "begun\n")
        self.fails(3, "no item is free", "queue", "take", "jobs")
        taker.kill()
        self.assertEqual(self.ctl("queue", "take", "jobs", "--wait", "20s", "--", "cat")[:2],
                         (0, "work"))

    def test_who_waits_gets_what_is_put_also_after_the_leader_was_killed(self):
        waiter = self.begin("queue", "take", "jobs", "--wait", "60s", "--", "cat")
        leader = self.swarm.leader()
        leader.kill()
        code, _, stderr = self.ctl("queue", "put", "jobs", "late", "--command-timeout", "20s")
        self.assertEqual(code, 0, stderr)
        stdout, stderr = waiter.communicate(timeout=60)
        self.assertEqual((waiter.returncode, stdout), (0, "late"), stderr)
        leader.start()
        self.swarm.wait_ready()

    def test_election(self):
        self.fails(3, "nobody leads boss", "election", "leader", "boss")
        self.fails(3, "nobody leads boss", "election", "resign", "boss")
        watcher = self.begin("election", "observe", "boss", "--limit", "5", "-o", "jsonl")
        seen = [json.loads(watcher.stdout.readline())]
        first = self.begin("election", "campaign", "boss", "--value", "first", "-o", "jsonl")
        told = json.loads(first.stdout.readline())
        self.assertEqual(self.json("election", "leader", "boss")["office"], told)
        self.fails(6, "first", "election", "campaign", "boss", "--wait", "300ms", "--", "true")
        self.fails(4, told["token"], "election", "resign", "boss", "--token", "1")
        first.send_signal(signal.SIGTERM)
        self.assertEqual(first.wait(START_S), 0)  # and it has resigned

        second = self.begin("election", "campaign", "boss", "--value", "second", "--wait", "30s",
                            "--", "sh", "-c", "echo $SWARM_ELECTION_REVISION; exec sleep 60")
        self.assertGreater(int(second.stdout.readline()), int(told["revision"]))
        self.assertEqual(list(self.json("election", "resign", "boss")), ["resigned"])
        self.assertIn("the office was lost", second.communicate(timeout=60)[1])
        self.assertNotEqual(second.returncode, 0)
        seen += [json.loads(watcher.stdout.readline()) for _ in range(4)]
        self.assertEqual([(row["state"], row["leader"]) for row in seen],
                         [("vacant", None), ("held", "first"), ("vacant", None),
                          ("held", "second"), ("vacant", None)])
        self.assertEqual(watcher.wait(START_S), 0)

    def test_the_office_of_one_who_died_is_taken_over(self):
        first = self.begin("election", "campaign", "boss", "--value", "first", "--ttl", "1s", "-o",
                           "json")
        first.stdout.readline()
        first.kill()
        code, stdout, stderr = self.ctl("election", "campaign", "boss", "--wait", "30s", "--",
                                        "echo", "mine")
        self.assertEqual((code, stdout), (0, "mine\n"), stderr)

    def test_words(self):
        self.fails(2, "before the `--`", "lock", "--", "echo", "x")
        self.fails(2, "before the `--`", "election", "campaign", "--", "echo", "x")
        clean = {k: v for k, v in os.environ.items() if not k.startswith("SWARM")}

        def offered(*words):
            done = subprocess.run([BIN / "swarmctl", "complete", "--", *words], env=clean,
                                  text=True, capture_output=True, check=True, timeout=60)
            return done.stdout.split()

        self.assertEqual(offered("queue", ""), ["put", "take", "done", "release", "list"])
        self.assertEqual(offered("election", ""), ["campaign", "leader", "observe", "resign"])
        self.assertIn("--ttl", offered("queue", "take", "--"))
        page = subprocess.run([BIN / "swarmctl", "manual"], text=True, capture_output=True,
                              check=True, timeout=60).stdout
        for words in ("queue take", "election observe"):
            self.assertIn(words, page.replace("\\", ""))
        self.json("kv", "put", "k", "1")
        self.fails(4, "--expected", "kv", "cas", "k", "2", "--expected", "99")
        self.fails(4, "--expected 0 makes it", "kv", "cas", "none", "2", "--expected", "99")


if __name__ == "__main__":
    unittest.main(verbosity=2)
