"""swarmctl chaos run, and node restart, against three real nodes: it refuses what it must, its
steps really happen, its verdict holds, and it tells when something does not. Standard library
only."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from swarm_kit import BIN, START_S, free_ports, wait_for

LIMIT_S = 120
PLAN = """
[run]
duration = 6s
pause = 300ms
recover = 60s
[steps]
transfer = 1
snapshot = 1
restart = 2
[load]
clients = 2
in_flight = 2
keys = 100
[record]
clients = 4
keys = 8
rate = 100
[limits]
gap = 60s
"""


class ChaosRun(unittest.TestCase):
    def setUp(self):
        self.kept = tempfile.TemporaryDirectory()
        self.addCleanup(self.kept.cleanup)
        self.folder = pathlib.Path(self.kept.name) / "swarm"
        self.plan = pathlib.Path(self.kept.name) / "plan.ini"
        self.plan.write_text(PLAN)
        self.nodes = {}
        ports = free_ports(9)
        flags = []
        for i in range(3):
            flags += ["--node", f"{i + 1}=127.0.0.1:" + ":".join(map(str, ports[3 * i:3 * i + 3]))]
        self.assertEqual(self.run_ctl("swarm", "create", str(self.folder), *flags)[0], 0)
        for node in (1, 2, 3):
            self.start(node)
        wait_for("a healthy swarm", START_S, lambda: self.ctl("health")[0] == 0)

    def tearDown(self):
        for process, log in self.nodes.values():
            process.kill()
            process.wait()
            log.close()

    def start(self, node, *flags):
        log = open(self.folder / f"node-{node}.log", "ab")
        self.nodes[node] = subprocess.Popen(
            [BIN / "swarmd", "--config", self.folder / f"node-{node}" / "swarmd.conf", *flags],
            stdout=log, stderr=log), log

    def log(self, node):
        return (self.folder / f"node-{node}.log").read_text()

    def run_ctl(self, *words):
        done = subprocess.run([BIN / "swarmctl", *words], capture_output=True, text=True,
                              timeout=LIMIT_S, check=False)
        return done.returncode, done.stdout, done.stderr

    def ctl(self, *words):
        return self.run_ctl("--config", str(self.folder / "client.conf"), *words)

    def chaos(self, *flags):
        return self.ctl("chaos", "run", "--plan", str(self.plan), *flags, "-o", "json")

    def uptime(self, node):
        code, out, _ = self.ctl("node", "status", str(node), "-o", "json")
        return int(json.loads(out)["nodes"][0]["uptime_ms"]) if code == 0 else None

    def test_a_restart_is_the_same_process_and_loses_nothing(self):
        self.assertEqual(self.ctl("kv", "put", "before", "restart")[0], 0)
        for node in (1, 2, 3):
            before = self.uptime(node)
            code, out, err = self.ctl("node", "restart", str(node), "-o", "json")
            self.assertEqual(code, 0, err)
            self.assertEqual(json.loads(out)["node"], str(node))
            wait_for("the node to be back", START_S,
                     lambda: (self.uptime(node) or before) < before)
            wait_for("a healthy swarm", START_S, lambda: self.ctl("health")[0] == 0)
            process = self.nodes[node][0]
            self.assertIsNone(process.poll())
            name = pathlib.Path(f"/proc/{process.pid}/comm").read_text(encoding="ascii")
            self.assertEqual(name, "swarmd\n")
            self.assertIn('"event":"restarting"', self.log(node))
            self.assertEqual(self.log(node).count('"event":"listening"'), 2)
        self.assertEqual(self.ctl("kv", "get", "before")[1].strip(), "restart")
        self.assertEqual(self.ctl("node", "restart")[0], 2)
        self.assertEqual(self.ctl("node", "restart", "9")[0], 2)

    def test_a_first_start_is_not_repeated(self):
        """--first-start lets a node be founded once; after a restart it would be refused."""
        for node in (1, 2, 3):
            process, log = self.nodes[node]
            process.kill()
            process.wait()
            log.close()
            shutil.rmtree(self.folder / f"node-{node}" / "data")
        for node in (1, 2, 3):
            self.start(node, "--first-start")
        wait_for("a healthy swarm", START_S, lambda: self.ctl("health")[0] == 0)
        before = self.uptime(1)
        self.assertEqual(self.ctl("node", "restart", "1")[0], 0)
        wait_for("the node to be back", START_S, lambda: (self.uptime(1) or before) < before)
        wait_for("a healthy swarm", START_S, lambda: self.ctl("health")[0] == 0)

    def test_refusals(self):
        code, out, err = self.chaos()
        self.assertEqual((code, out), (2, ""))
        self.assertIn("--yes-this-is-staging", err)
        self.plan.write_text("[run]\nduration = soon\n")
        code, out, err = self.chaos("--yes-this-is-staging")
        self.assertEqual((code, out), (2, ""))
        self.assertIn("line 2", err)
        self.assertEqual(self.ctl("chaos", "run", "--yes-this-is-staging")[0], 2)
        for node in (1, 2, 3):
            self.assertNotIn('"event":"restarting"', self.log(node))

    def test_a_run_that_holds(self):
        history = pathlib.Path(self.kept.name) / "history.edn"
        code, out, err = self.chaos("--yes-this-is-staging", "--history", str(history))
        self.assertEqual(code, 0, err)
        verdict = json.loads(out)
        self.assertIs(verdict["consistent"], True)
        self.assertEqual(verdict["digests"], "equal")
        self.assertGreater(int(verdict["done"]), 0)
        self.assertGreater(int(verdict["load_done"]), 0)
        self.assertGreater(len(verdict["steps"]), 0)
        self.assertEqual(len(verdict["steps"]), err.count("well again"))
        restarts = sum(step["step"] == "restart" and step["answer"] == "OK"
                       for step in verdict["steps"])
        self.assertEqual(restarts, sum(self.log(n).count('"event":"restarting"')
                                       for n in (1, 2, 3)))
        self.well_formed(history, int(verdict["done"]))
        code, _, err = self.chaos("--yes-this-is-staging", "--history", str(history))
        self.assertEqual(code, 2)  # an older history is never written over
        self.assertIn("history.edn", err)

    def well_formed(self, history, done):
        """Each process has one operation at a time; as many are ok as the verdict says."""
        under_way, ok = {}, 0
        for line in history.read_text().splitlines():
            match = re.fullmatch(r"\{:process (\d+), :type :(\w+), :f :(read|write), :value "
                                 r"\[\d+ (?:nil|\d+)\], :time \d+.*\}", line)
            self.assertIsNotNone(match, line)
            process, kind, f = match.groups()
            if kind == "invoke":
                self.assertNotIn(process, under_way)
                under_way[process] = f
            else:
                self.assertEqual(under_way.pop(process), f)
                ok += kind == "ok"
        self.assertEqual((under_way, ok), ({}, done))

    def test_a_swarm_that_is_not_well_is_left_alone(self):
        self.plan.write_text(PLAN.replace("recover = 60s", "recover = 1s"))
        self.nodes[3][0].kill()
        self.nodes[3][0].wait()
        code, out, err = self.chaos("--yes-this-is-staging")
        self.assertEqual((code, out), (5, ""))
        self.assertIn("not well", err)
        for node in (1, 2):
            self.assertNotIn('"event":"restarting"', self.log(node))


if __name__ == "__main__":
    unittest.main()
