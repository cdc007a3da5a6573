"""Members come and go while clients write: what was acknowledged stays, whoever is killed.
Nodes are made, added, promoted, removed and replaced by the real swarmctl."""
import json
import pathlib
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

from swarm_kit import BIN, START_S, STOP_S, free_ports, wait_for


class Cluster:
    """Nodes in folders that swarmctl made; processes by number."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.home = self.folder / "swarm"
        self.config = self.home / "client.conf"
        self.running = {}
        self.ports = {}
        nodes = []
        for number in (1, 2, 3):
            self.ports[number] = free_ports(3)
            nodes += ["--node", f"{number}={self.address(number)}"]
        done = subprocess.run([BIN / "swarmctl", "swarm", "create", self.home, *nodes],
                              capture_output=True, text=True, timeout=START_S, check=False)
        assert done.returncode == 0, done.stderr

    def address(self, number):
        if number not in self.ports:
            self.ports[number] = free_ports(3)
        return "127.0.0.1:" + ":".join(str(port) for port in self.ports[number])

    def ctl(self, *args, seconds=120):
        done = subprocess.run([BIN / "swarmctl", *args, "--config", self.config],
                              capture_output=True, text=True, timeout=seconds, check=False)
        return done.returncode, done.stdout, done.stderr

    def json(self, *args):
        code, stdout, stderr = self.ctl(*args, "-o", "json")
        assert code == 0, f"{args}: {stderr}"
        return json.loads(stdout)

    def data(self, number):
        return self.home / f"node-{number}" / "data"

    def start(self, number):
        with open(self.folder / f"node-{number}.log", "a", encoding="utf-8") as log:
            self.running[number] = subprocess.Popen(
                [BIN / "swarmd", "--config", self.home / f"node-{number}" / "swarmd.conf"],
                stdout=log, stderr=log)

    def end(self, number, how):
        process = self.running.pop(number)
        process.send_signal(how)
        return process.wait(STOP_S)

    def members(self):
        """Number to role, as whoever answers knows it."""
        return {int(m["node"]): m["role"] for m in self.json("member", "list")["members"]}

    def wait_for_leader(self):
        def probe():
            code, stdout, _ = self.ctl("member", "list", "-o", "json")
            return code == 0 and any(m["role"] == "leader" for m in json.loads(stdout)["members"])
        wait_for("a leader", START_S, probe)

    def prepare(self, number):
        """A new node's folder; clients learn of it before it is a member, so that they can follow
        the leadership to it. Returns its key."""
        made = self.json("member", "prepare", str(number), "--address", self.address(number),
                         "--out", self.home)
        with open(self.config, "a", encoding="utf-8") as config:
            config.write(f"{number} = 127.0.0.1:{self.ports[number][0]}, {made['key']}\n")
        return made["key"]

    def join(self, number, key):
        return ("--address", self.address(number), "--key", key)

    def kill_all(self):
        for process in self.running.values():
            process.kill()
            process.wait()


class Writer(threading.Thread):
    """Writes one key after the other until it is told to stop; remembers what was acknowledged."""

    def __init__(self, cluster):
        super().__init__()
        self.cluster = cluster
        self.acknowledged = []
        self.enough = threading.Event()
        self.start()

    def run(self):
        number = 0
        while not self.enough.is_set():
            number += 1
            code, _, _ = self.cluster.ctl("kv", "put", f"key-{number}", f"value-{number}",
                                          "--command-timeout", "10s")
            if code == 0:
                self.acknowledged.append(number)

    def wait_for_more(self, count):
        """It gets somewhere: clients are served while all this happens."""
        limit = len(self.acknowledged) + count
        wait_for(f"{count} more writes", 60, lambda: len(self.acknowledged) >= limit)

    def stop(self):
        self.enough.set()
        self.join()
        return self.acknowledged


class Members(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="swarm-test-")
        self.addCleanup(self.folder.cleanup)
        self.cluster = Cluster(self.folder.name)
        self.addCleanup(self.cluster.kill_all)
        for number in (1, 2, 3):
            self.cluster.start(number)
        self.cluster.wait_for_leader()

    def check(self, acknowledged):
        """Every acknowledged write is there, and all members stand at one state."""
        c = self.cluster
        for number in acknowledged:
            code, stdout, stderr = c.ctl("kv", "get", f"key-{number}")
            self.assertEqual((code, stdout.strip()), (0, f"value-{number}"), stderr)
        code, text, stderr = c.ctl("member", "config")
        self.assertEqual(code, 0, stderr)
        c.config.write_text(text)

        def equal():
            code, stdout, _ = c.ctl("health", "-o", "json")
            return code == 0 and json.loads(stdout)["digests"] == "equal"
        wait_for("equal digests", 2 * START_S, equal)

    def test_grow_shrink_and_replace_under_load(self):
        c = self.cluster
        key_4, key_5 = c.prepare(4), c.prepare(5)
        writer = Writer(c)
        self.addCleanup(writer.enough.set)
        writer.wait_for_more(5)

        c.json("member", "add", "4", *c.join(4, key_4))
        self.assertEqual(c.members()[4], "learner")
        c.start(4)
        c.json("member", "promote", "4")
        writer.wait_for_more(5)

        c.json("member", "remove", "1")  # hands over first, if it is the one that leads
        self.assertEqual(c.end(1, signal.SIGTERM), 0)
        self.assertEqual(sorted(c.members()), [2, 3, 4])
        writer.wait_for_more(5)

        c.end(2, signal.SIGKILL)
        shutil.rmtree(c.data(2))
        c.data(2).mkdir(mode=0o700)
        c.start(2)
        self.assertEqual(c.running.pop(2).wait(START_S), 9)  # it has forgotten what it promised
        c.start(5)  # waits until it is a member
        c.json("member", "replace", "2", "5", *c.join(5, key_5))
        roles = c.members()
        self.assertEqual(sorted(roles), [3, 4, 5])
        self.assertEqual(sorted(roles.values()), ["leader", "voter", "voter"])
        writer.wait_for_more(5)
        self.check(writer.stop())

    def test_kills_during_changes(self):
        c = self.cluster
        dice = random.Random(4)
        key_4 = c.prepare(4)
        writer = Writer(c)
        self.addCleanup(writer.enough.set)
        c.start(4)
        for command in (("add", "4", *c.join(4, key_4)), ("promote", "4"), ("demote", "4"),
                        ("promote", "4"), ("remove", "3")):
            with subprocess.Popen([BIN / "swarmctl", "member", *command, "--wait", "90s",
                                   "--config", c.config], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True) as change:
                victim = dice.choice(sorted(c.running))
                c.end(victim, signal.SIGKILL)
                c.start(victim)
                _, stderr = change.communicate(timeout=120)
            self.assertEqual(change.returncode, 0, f"{command}, node {victim} killed: {stderr}")
            writer.wait_for_more(3)
        c.end(3, signal.SIGKILL)
        wait_for("three voters", START_S, lambda: sorted(c.members()) == [1, 2, 4])
        self.check(writer.stop())

    def test_a_client_follows_the_members(self):
        """It is told of one node, and writes until none of the first three is left."""
        c = self.cluster
        one = c.folder / "one.conf"
        one.write_text("".join(line for line in c.config.read_text().splitlines(True)
                               if line[0] not in "23"))
        (c.folder / "client.key").write_bytes((c.home / "client.key").read_bytes())
        (c.folder / "client.key").chmod(0o600)
        with subprocess.Popen([BIN / "member_follower", one], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, bufsize=1) as client:
            self.addCleanup(client.kill)

            def ask(line):
                client.stdin.write(f"{line}\n")
                return client.stdout.readline().strip()

            def put(key):
                self.assertEqual(ask(key), "OK", key)

            put("first")  # also if another one leads
            c.ctl("node", "transfer", "2")
            put("second")
            for old, new in ((1, 4), (2, 5), (3, 6)):
                key = c.prepare(new)
                c.start(new)
                c.json("member", "add", str(new), *c.join(new, key))
                c.json("member", "promote", str(new))
                c.json("member", "remove", str(old))
                c.end(old, signal.SIGKILL)
                put(f"without {old}")
                wait_for(f"node {new} being known", START_S, lambda n=new: ask(f"?{n}") == "OK")
            self.assertEqual(sorted(c.members()), [4, 5, 6])
            put("last")
            client.stdin.close()
            self.assertEqual(client.wait(STOP_S), 0)

    def test_what_is_not_safe_is_refused(self):
        c = self.cluster

        def refused(code, text, *args):
            got, _, stderr = c.ctl("member", *args, "--wait", "1s")
            self.assertEqual(got, code, stderr)
            self.assertIn(text, stderr)

        key_4 = c.prepare(4)
        c.json("member", "add", "4", *c.join(4, key_4))
        c.json("member", "add", "4", *c.join(4, key_4))  # again: it is done
        refused(4, "other addresses", "add", "4", "--address", c.address(9), "--key", key_4)
        refused(4, "address or key", "add", "5", *c.join(4, key_4))
        refused(5, "no session with it", "promote", "4")  # it was never started
        c.json("member", "remove", "4")
        refused(3, "no such member", "remove", "4")
        refused(2, "used once", "add", "4", *c.join(4, key_4))
        refused(3, "not a member", "replace", "9", "8", *c.join(8, key_4))
        roles = c.members()
        down, up = sorted(n for n, role in roles.items() if role == "voter")
        c.end(down, signal.SIGKILL)

        def no_majority():
            code, _, stderr = c.ctl("member", "remove", str(up), "--wait", "100ms")
            self.assertEqual(code, 4, stderr)
            return "no majority" in stderr
        # Until the leader notices that the session is gone, a removal would be taken.
        wait_for("a session that ends", START_S, lambda: any(
            m["node"] == str(down) and m["state"] == "down"
            for m in c.json("member", "list")["members"]))
        self.assertTrue(no_majority())
        c.start(down)
        wait_for("all members", START_S, lambda: all(
            m["state"] == "up" for m in c.json("member", "list")["members"]))

    def test_a_removed_node_is_not_let_in(self):
        c = self.cluster
        follower = min(n for n, role in c.members().items() if role == "voter")
        c.json("member", "remove", str(follower))
        log = c.folder / f"node-{follower}.log"
        wait_for("a refusal", START_S, lambda: "no session with node" in log.read_text())
        c.end(follower, signal.SIGTERM)
        self.assertEqual(len(c.members()), 2)
        self.assertEqual(c.ctl("kv", "put", "after", "1")[0], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
