"""swarm-chaos-client against three real nodes, one of which dies and comes back: every workload
ends, writes histories that follow Jepsen's rules, and goes on in a file that it or a killed client
left. What the histories say is for swarm-check to judge. Standard library only."""
import json
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

from swarm_kit import BIN, START_S, free_ports, wait_for

LIMIT_S = 120
SECONDS = 2
LINE = re.compile(r"\{:process (\d+), :type :(invoke|ok|fail|info), :f :([a-z-]+), :value (.+?), "
                  r":time (\d+)(|, .*)\}")


class Workloads(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.kept = tempfile.TemporaryDirectory()
        cls.top = pathlib.Path(cls.kept.name)
        cls.folder = cls.top / "swarm"
        ports = free_ports(9)
        flags = []
        for i in range(3):
            flags += ["--node", f"{i + 1}=127.0.0.1:" + ":".join(map(str, ports[3 * i:3 * i + 3]))]
        subprocess.run([BIN / "swarmctl", "swarm", "create", cls.folder, *flags], check=True,
                       stdout=subprocess.DEVNULL)
        cls.nodes = {}
        for node in (1, 2, 3):
            cls.start(node)
        wait_for("a healthy swarm", START_S, cls.healthy)

    @classmethod
    def tearDownClass(cls):
        for process in cls.nodes.values():
            process.kill()
            process.wait()
        cls.kept.cleanup()

    @classmethod
    def start(cls, node):
        with open(cls.folder / f"node-{node}.log", "ab") as log:
            cls.nodes[node] = subprocess.Popen(
                [BIN / "swarmd", "--config", cls.folder / f"node-{node}" / "swarmd.conf"],
                stdout=log, stderr=log)

    @classmethod
    def healthy(cls):
        return subprocess.run(
            [BIN / "swarmctl", "--config", cls.folder / "client.conf", "health"],
            capture_output=True, check=False).returncode == 0

    def words(self, workload, history, *more):
        return [BIN / "swarm-chaos-client", workload, "--config", self.folder / "client.conf",
                "--history", history, "--processes", "4", "--keys", "3", "--rate", "200",
                "--seconds", str(SECONDS), *more]

    def read(self, history):
        """The rules of a history; returns its lines, and what was under way at its end."""
        under_way, retired, last, rows = {}, set(), -1, []
        for line in history.read_text().splitlines():
            match = LINE.fullmatch(line)
            self.assertIsNotNone(match, line)
            process, kind, f, value, at, extra = match.groups()
            process, at = int(process), int(at)
            self.assertGreater(at, last, line)
            last = at
            if kind == "invoke":
                self.assertNotIn(process, under_way, line)
                self.assertNotIn(process, retired, line)
                under_way[process] = f
            else:
                self.assertEqual(under_way.pop(process), f, line)
                if kind == "info":
                    retired.add(process)
            if kind != "fail":
                self.assertNotIn(":corrupt", line)
            rows.append((process, kind, f, value, extra))
        return rows, under_way

    def test_every_workload(self):
        listed = json.loads(subprocess.run([BIN / "swarm-chaos-client", "list", "-o", "json"],
                                           capture_output=True, check=True).stdout)
        self.assertEqual(len({row["name"] for row in listed}), len(listed))
        for victim, row in enumerate(listed):
            with self.subTest(workload=row["name"]):
                self.assertTrue(row["claim"])
                self.one(row["name"], victim % 3 + 1)

    def one(self, workload, victim):
        history = self.top / f"{workload}.edn"
        client = subprocess.Popen(self.words(workload, history), stdout=subprocess.DEVNULL)
        wait_for("the first lines", START_S, lambda: history.exists() and history.stat().st_size)
        self.nodes[victim].kill()
        self.nodes[victim].wait()
        self.start(victim)
        self.assertEqual(client.wait(LIMIT_S), 0)
        rows, under_way = self.read(history)
        self.assertEqual(under_way, {}, "every operation ends")
        self.assertIn("ok", {kind for _, kind, *_ in rows})
        wait_for("a healthy swarm", START_S, self.healthy)
        subprocess.run(self.words(workload, history, "--final"), check=True,
                       stdout=subprocess.DEVNULL, timeout=LIMIT_S)
        again, under_way = self.read(history)
        final = again[len(rows):]
        self.assertEqual(under_way, {})
        self.assertTrue(any(kind == "ok" for _, kind, *_ in final))
        self.assertTrue(all(":final true" in extra for *_, extra in final))
        self.assertGreater(min(process for process, *_ in final),
                           max(process for process, *_ in rows))

    def test_a_killed_client_leaves_whole_lines(self):
        history = self.top / "killed.edn"
        client = subprocess.Popen(self.words("register", history, "--seconds", "60"),
                                  stdout=subprocess.DEVNULL)
        wait_for("some lines", START_S,
                 lambda: history.exists() and history.stat().st_size > 10000)
        client.send_signal(signal.SIGKILL)
        client.wait()
        rows, _ = self.read(history)
        self.assertTrue(history.read_text().endswith("\n"))
        subprocess.run(self.words("register", history, "--final"), check=True,
                       stdout=subprocess.DEVNULL, timeout=LIMIT_S)
        again, _ = self.read(history)
        self.assertGreater(len(again), len(rows))

    def test_without_any_node_it_ends_all_the_same(self):
        history = self.top / "alone.edn"
        nowhere = ",".join(f"{node}=127.0.0.1:1" for node in (1, 2, 3))
        subprocess.run(self.words("mixed", history, "--endpoints", nowhere, "--timeout-ms", "200"),
                       check=True, stdout=subprocess.DEVNULL, timeout=LIMIT_S)
        rows, under_way = self.read(history)
        self.assertEqual(under_way, {})
        self.assertNotIn("ok", {kind for _, kind, *_ in rows})

    def test_wrong_usage(self):
        for words in (["bogus", "--config", "c", "--history", "h"], ["register"], []):
            done = subprocess.run([BIN / "swarm-chaos-client", *words], capture_output=True,
                                  check=False)
            self.assertEqual(done.returncode, 2)
        done = subprocess.run(
            [BIN / "swarm-chaos-client", "set", "--config", self.top / "no.conf", "--history",
             self.top / "none.edn"], capture_output=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"no.conf", done.stderr)


if __name__ == "__main__":
    unittest.main()
