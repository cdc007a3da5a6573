#!/usr/bin/env python3
"""Whole runs that go wrong: the harness is killed, interrupted, or lied to behind its back.

usage: test_run.py BUILD
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "jepsen"))
from harness import belongings  # noqa: E402

BUILD = None
PATIENCE_S = 150


def wait_for(what, probe):
    limit = time.monotonic() + PATIENCE_S
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > limit:
            raise AssertionError(f"{what} did not happen within {PATIENCE_S} s")
        time.sleep(0.05)


def harness_processes(folder):
    """Pids of the processes that carry out the run in `folder`, the watchdog among them."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--execute" in words and str(folder).encode() in words:
            found.append(int(entry.name))
    return found


class TestRun(unittest.TestCase):
    def start(self, nemesis, seconds):
        """A run under way, once clients have written something."""
        top = pathlib.Path(tempfile.mkdtemp(prefix="swarm-chaos-test-"))
        self.addCleanup(shutil.rmtree, top, ignore_errors=True)
        self.folder = top / "out"
        self.log = open(top / "log", "w+", encoding="utf-8")
        self.addCleanup(self.log.close)
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "jepsen" / "chaos.py"), "--build", str(BUILD), "--workload",
             "register", "--nemesis", nemesis, "--nodes", "3", "--seconds", str(seconds), "--seed",
             "5", "--out", str(self.folder)], stdout=self.log, stderr=self.log)
        self.addCleanup(self.process.wait)
        self.addCleanup(self.process.kill)
        history = self.folder / "client.edn"
        wait_for("the first acknowledged operation", self.acknowledged(history))
        run_id = json.loads((self.folder / "run.json").read_text())["id"]
        self.run_of = belongings.Belongings(run_id, self.folder)
        self.addCleanup(self.run_of.clear)
        self.assertTrue(self.run_of.processes())

    def acknowledged(self, history):
        def probe():
            if self.process.poll() is not None:
                self.log.seek(0)
                raise AssertionError(self.log.read())
            return history.exists() and ":type :ok" in history.read_text()
        return probe

    def ended(self):
        """The exit code and run.json of a run that came to its end, and nothing of it is left."""
        code = self.process.wait(PATIENCE_S)
        self.assertEqual(self.run_of.left(), [])
        return code, json.loads((self.folder / "run.json").read_text())

    def nemesis(self):
        """What leaves most behind: file systems of their own, if there can be any."""
        return "fs-shutdown,partition" if os.geteuid() == 0 else "kill,partition"

    def test_a_killed_harness_leaves_nothing(self):
        self.start(self.nemesis(), 60)
        if os.geteuid() == 0:
            self.assertTrue(self.run_of.mounts())
            self.assertTrue(self.run_of.namespaces())
            self.assertTrue(self.run_of.loops())
        for pid in harness_processes(self.folder):
            if os.getsid(pid) != pid:  # the watchdog has a session of its own
                os.kill(pid, signal.SIGKILL)
        wait_for("everything being gone", lambda: not self.run_of.left())
        self.assertEqual(self.process.wait(PATIENCE_S), 1)

    def test_without_a_watchdog_the_next_call_cleans_up(self):
        self.start(self.nemesis(), 60)
        self.process.kill()
        for pid in sorted(harness_processes(self.folder), reverse=True):
            os.kill(pid, signal.SIGKILL)
        wait_for("the harness being gone", lambda: not harness_processes(self.folder))
        self.assertTrue(self.run_of.processes())
        done = subprocess.run([sys.executable, str(ROOT / "jepsen" / "chaos.py"), "--clean"],
                              capture_output=True, text=True, check=False, timeout=PATIENCE_S)
        self.assertIn(self.run_of.run_id, done.stdout)
        self.assertEqual((done.returncode, self.run_of.left()), (0, []))

    def test_a_run_does_not_outlive_its_campaign(self):
        self.start("none", 60)
        self.process.kill()
        wait_for("everything being gone", lambda: not self.run_of.left())
        wait_for("the harness being gone", lambda: not harness_processes(self.folder))

    def test_an_interrupted_run_is_not_valid(self):
        self.start("none", 60)
        for pid in harness_processes(self.folder):
            os.kill(pid, signal.SIGTERM)
        code, run = self.ended()
        self.assertEqual((code, run["valid"]), (1, False))
        self.assertIn("SIGTERM", run["trouble"])

    def test_a_node_that_somebody_kills_is_noticed(self):
        self.start("none", 5)
        victims = [pid for pid in self.run_of.processes() if
                   b"swarmd" in pathlib.Path(f"/proc/{pid}/comm").read_bytes()]
        self.assertEqual(len(victims), 3)
        os.kill(victims[0], signal.SIGKILL)
        code, run = self.ended()
        self.assertEqual((code, run["valid"]), (1, False))
        self.assertEqual([row["name"] for row in run["checks"] if row["valid"] is False], ["ends"])
        self.assertIn(-signal.SIGKILL, [end["code"] for end in run["ends"]])

    def test_clients_that_die_end_the_run(self):
        self.start("none", 60)
        for pid in self.run_of.processes():
            if b"swarm-chaos-cli" in pathlib.Path(f"/proc/{pid}/comm").read_bytes():
                os.kill(pid, signal.SIGKILL)
        code, run = self.ended()
        self.assertEqual((code, run["valid"]), (1, False))
        self.assertIn("swarm-chaos-client", run["trouble"])

    def test_a_good_run_is_valid(self):
        self.start("none", 3)
        code, run = self.ended()
        self.assertEqual((code, run["valid"]), (0, True), run)
        self.assertTrue((self.folder / "report.html").exists())
        self.assertTrue((self.folder / "verdict.json").exists())
        self.assertFalse((self.folder / "swarm").exists())


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
