#!/usr/bin/env python3
"""What swarm-sim does around its runs: shrinking, campaigns, the list of points, the corpus.

usage: test_tools.py SWARM_SIM SOURCE_DIR
"""
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

SIM, SOURCE = sys.argv[1], sys.argv[2]
ALL_RULES_OFF = ["--guard-off", "0x1ffe"]


def sim(*arguments):
    """Exit code and output of one run."""
    run = subprocess.run([SIM, *arguments], capture_output=True, text=True, errors="replace",
                         timeout=500)
    return run.returncode, run.stdout + run.stderr


def failing_seed(mode, *arguments):
    """The first seed of `mode` that breaks, with the kind of its failure."""
    _, out = sim("--mode", mode, "--seeds", "1..60", "--quiet", *arguments)
    found = re.search(r"^seed (\d+): (durability)", out, re.M)
    assert found is not None, out
    return found.group(1), found.group(2)


class Shrinking(unittest.TestCase):
    """A failing seed becomes a small plan, and its command fails in the same way."""

    def check(self, mode, *arguments):
        seed, kind = failing_seed(mode, *arguments)
        code, out = sim("--mode", mode, "--seed", seed, *arguments, "--shrink", "--tries", "100")
        self.assertEqual(code, 0, out)
        left, of = re.search(r"shrunk: (\d+) events of (\d+) are left", out).groups()
        self.assertLessEqual(int(left) * 2, int(of), out)
        command = shlex.split(re.search(r"^replay: swarm-sim (.*)$", out, re.M).group(1))
        code, again = sim(*command)
        self.assertEqual(code, 1, again)
        self.assertIn(f"FAILED: {kind}", again)
        code, good = sim(*command[:command.index("--guard-off")], "--plan",
                         command[command.index("--plan") + 1].replace("guard_off=2", "guard_off=0"),
                         "--events", "none")
        self.assertEqual(code, 0, good[-2000:])

    def test_raft(self):
        self.check("raft", "--guard-off", "2")

    def test_nothing_to_shrink(self):
        code, out = sim("--mode", "raft", "--seed", "1", "--shrink")
        self.assertEqual(code, 1)
        self.assertIn("does not fail", out)


class Campaign(unittest.TestCase):
    """Totals and the next seed survive the process."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.state = os.path.join(self.folder.name, "state")
        self.base = ["--mode", "raft", "--minutes", "10", "--rounds", "1", "--quiet",
                     "--state", self.state, "--plan", "storm_us=1000000"]

    def tearDown(self):
        self.folder.cleanup()

    def test_goes_on(self):
        code, out = sim(*self.base)
        self.assertEqual(code, 0, out)
        self.assertIn("raft: ok: 100 seeds", out)
        code, out = sim(*self.base)
        self.assertEqual(code, 0, out)
        self.assertIn("raft seed 101", out)
        self.assertIn("raft: ok: 200 seeds", out)

    def test_another_question_is_refused(self):
        sim(*self.base)
        with open(self.state, encoding="utf-8") as file:
            before = file.read()
        code, out = sim(*self.base, *ALL_RULES_OFF)
        self.assertEqual(code, 2, out)
        with open(self.state, encoding="utf-8") as file:
            self.assertEqual(file.read(), before)

    def test_failures_are_kept(self):
        base = [*self.base[:-2], *ALL_RULES_OFF, "--keep-going"]
        code, out = sim(*base)
        self.assertEqual(code, 1)
        failed = re.findall(r"^failed: swarm-sim --mode raft --seed (\d+)", out, re.M)
        self.assertTrue(failed, out)
        code, out = sim(*base)
        self.assertEqual(code, 1)
        self.assertEqual(re.findall(r"^failed: swarm-sim --mode raft --seed (\d+)", out,
                                    re.M)[:len(failed)], failed)


class Marks(unittest.TestCase):
    """The list of points bites."""

    def expect(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(text)
            file.flush()
            return sim("--mode", "raft", "--seeds", "1..3", "--expect-marks", file.name)

    def test_met(self):
        code, out = self.expect("raft.append_split node # not asked for\nguard.g5_paced raft\n")
        self.assertEqual(code, 0, out)

    def test_not_met(self):
        code, out = self.expect("session.evicted raft\n")
        self.assertEqual(code, 1)
        self.assertIn("session.evicted was not met", out)

    def test_unknown(self):
        code, out = self.expect("no.such_point raft\n")
        self.assertEqual(code, 1)
        self.assertIn("no such point", out)


class Corpus(unittest.TestCase):
    """Old runs are clean, and one of them still shows what it was kept for."""

    path = os.path.join(SOURCE, "tests", "sim", "corpus.txt")

    def test_clean(self):
        code, out = sim("--corpus", self.path)
        self.assertEqual(code, 0, out)

    def test_bites(self):
        code, out = sim("--corpus", self.path, "--plant", "ACK_BEFORE_SYNC", "--expect-failure")
        self.assertEqual(code, 0, out)
        self.assertIn("corpus stop-then-power-cut: FAILED", out)


class Schedule(unittest.TestCase):
    """Leaving an event out leaves it out."""

    def faults(self, *arguments):
        _, out = sim("--mode", "raft", "--seed", "3", "--verbose", "--only",
                     "crash-one,pause,clock", *arguments)
        return re.findall(r"world|event (\d+) of the schedule", out)

    def test_events(self):
        every = [number for number in self.faults() if number]
        self.assertGreater(len(every), 3)
        keep = ",".join(every[1:3])
        self.assertEqual([n for n in self.faults("--events", keep) if n], every[1:3])
        self.assertEqual([n for n in self.faults("--events", "none") if n], [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
