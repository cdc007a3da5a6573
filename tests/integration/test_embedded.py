"""Embedded mode with real processes: kill -9 while writes are under way loses no acknowledged one,
a directory has one owner, and swarmctl works on a directory as on a swarm."""
import json
import os
import pathlib
import secrets
import signal
import subprocess
import tempfile
import time
import unittest

import test_cli

BIN = pathlib.Path(os.environ["SW_TEST_BIN"])
KILLS = 12
FOUNDERS = 30
LIMIT_S = 60


class Embedded(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="swarm-test-")
        self.addCleanup(self.folder.cleanup)
        self.data = pathlib.Path(self.folder.name) / "data"
        self.url = f"file:{self.data}"
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith("SWARM")}

    def ctl(self, *words, code=0, env=None):
        done = subprocess.run([BIN / "swarmctl", *words], capture_output=True, text=True,
                              timeout=LIMIT_S, check=False, env={**self.env, **(env or {})})
        self.assertEqual(done.returncode, code, f"{words}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def on_dir(self, *words, code=0):
        return self.ctl("--endpoints", self.url, *words, code=code)

    def start_writer(self, first):
        return subprocess.Popen([BIN / "embedded_writer", self.url, str(first)],
                                stdout=subprocess.PIPE, text=True, env=self.env)

    def keys(self):
        rows = json.loads(self.on_dir("kv", "scan", "-o", "json"))["records"]
        return {row["key"]: row["value"] for row in rows}

    def test_kill_loses_no_acknowledged_write(self):
        acknowledged = 0
        for _ in range(KILLS):
            writer = self.start_writer(acknowledged)
            first = writer.stdout.readline()  # it is at work
            self.assertNotEqual(first, "")
            time.sleep(secrets.randbelow(80) / 1000)
            writer.send_signal(signal.SIGKILL)
            lines = [first] + writer.stdout.readlines()
            writer.wait(LIMIT_S)
            writer.stdout.close()
            numbers = [int(line) for line in lines if line.endswith("\n")]
            found = self.keys()
            for number in numbers:
                self.assertEqual(found.get(str(number)), str(number))
            for number in range(acknowledged):  # those of earlier rounds too
                self.assertIn(str(number), found)
            acknowledged = max(numbers) + 1
        self.assertGreater(acknowledged, KILLS)

    def test_a_killed_founder_leaves_nothing_that_is_in_the_way(self):
        for number in range(FOUNDERS):
            self.url = f"file:{self.folder.name}/data-{number}"
            writer = self.start_writer(0)
            time.sleep(secrets.randbelow(40) / 1000)
            writer.send_signal(signal.SIGKILL)
            lines = writer.stdout.readlines()
            writer.wait(LIMIT_S)
            writer.stdout.close()
            self.on_dir("kv", "put", "after", "1")
            found = self.keys()
            for line in lines:
                if line.endswith("\n"):
                    self.assertIn(line.strip(), found)

    def test_one_owner_at_a_time(self):
        writer = self.start_writer(0)
        self.addCleanup(writer.stdout.close)
        self.addCleanup(writer.wait, LIMIT_S)
        self.addCleanup(writer.kill)
        writer.stdout.readline()
        text = self.on_dir("kv", "get", "0", code=1)
        self.assertIn(f"in use by process {writer.pid}", text)

    def test_swarmctl_works_on_a_directory(self):
        env = {"SWARM_URL": self.url}
        self.ctl("kv", "put", "a", "1", env=env)
        self.assertEqual(self.ctl("kv", "get", "a", env=env), "1\n")
        self.assertEqual(self.on_dir("kv", "get", "a"), "1\n")
        self.on_dir("kv", "get", "b", code=3)
        self.on_dir("kv", "del", "a")
        lease = json.loads(self.on_dir("lease", "grant", "60s", "-o", "json"))["lease"]
        self.on_dir("kv", "put", "held", "x", "--lease", str(lease))
        self.on_dir("lease", "revoke", str(lease))
        self.on_dir("kv", "get", "held", code=3)
        self.assertIn("leader", self.on_dir("node", "status"))
        other = {"SWARM_URL": self.url + "?tenant=other"}
        self.ctl("kv", "put", "a", "2", env=other)
        self.on_dir("kv", "get", "a", code=3)

    def test_a_program_on_its_own_loop(self):
        done = subprocess.run([BIN / "swarm-example-uv", self.url], capture_output=True, text=True,
                              timeout=LIMIT_S, check=False, env=self.env)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()], ["OK"] * 10)
        self.assertEqual(self.on_dir("kv", "get", "key-9"), "value\n")

    def test_what_is_not_ours_is_left_alone(self):
        self.data.mkdir()
        (self.data / "letter").write_text("dear")
        self.assertIn("not empty", self.on_dir("kv", "put", "a", "1", code=2))
        self.assertEqual([path.name for path in self.data.iterdir()], ["letter"])


class SameAnswers(test_cli.Case):
    """What swarmctl is told by a swarm, it is told by a directory: the same tests, of all that one
    process at a time can do. (A lease does not end between processes: its clock stands still.)"""

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="swarm-test-")
        cls.addClassCleanup(cls.temporary.cleanup)

    @classmethod
    def ctl(cls, *words, stdin=b""):
        return test_cli.run("swarmctl", "--endpoints", f"file:{cls.temporary.name}/data", *words,
                            stdin=stdin)

    durability = "local"
    json = test_cli.RealSwarm.json
    for name in ("put_get_del", "bytes_survive", "cas", "txn_then_and_else", "txn_all_or_nothing",
                 "merge", "mget", "previous", "watch_from_a_revision",
                 "lease_revoke_and_list", "scan", "experiences", "limits_are_enforced"):
        locals()["test_" + name] = getattr(test_cli.RealSwarm, "test_" + name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
