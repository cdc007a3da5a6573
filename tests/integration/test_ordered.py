"""An ordered client against three real nodes whose leader changes, and dies: whatever was asked for
later has the higher revision, and nothing that was acknowledged is missing."""
import json
import subprocess
import time
import unittest

from swarm_kit import BIN
from test_cli import OnSwarm

SECONDS = 6
LIMIT_S = 120


class Ordered(OnSwarm):
    def leader(self):
        nodes = json.loads(self.ctl("node", "status", "-o", "json")[1] or b'{"nodes": []}')["nodes"]
        return next((node["node"] for node in nodes if node["role"] == "leader"), None)

    def disturb(self, writer):
        """Hands the leadership round while the writer writes; one leader is killed."""
        killed = None
        limit = time.monotonic() + LIMIT_S
        while writer.poll() is None:
            self.assertLess(time.monotonic(), limit)
            time.sleep(0.4)
            leader = self.leader()
            if killed is None and leader is not None:
                killed = leader
                self.processes[killed].kill()
                self.processes[killed].wait()
                self.start(killed)
            elif leader is not None:
                self.ctl("node", "transfer", str(int(leader) % 3 + 1), "--command-timeout", "2s")

    def test_later_writes_have_higher_revisions(self):
        told = self.folder / "told"  # a pipe would be full before anybody reads it
        with open(told, "w", encoding="utf-8") as out:
            writer = subprocess.Popen([BIN / "ordered_writer", self.config, str(SECONDS)],
                                      stdout=out)
        self.addCleanup(writer.kill)
        self.disturb(writer)
        out = told.read_text()
        self.assertEqual(writer.returncode, 0, out[-2000:])
        answers = [line.split() for line in out.splitlines()]
        well = {number: revision for number, status, revision in answers if status == "OK"}
        self.assertGreater(len(well), len(answers) // 2, out[-2000:])
        self.wait_healthy()
        rows = self.json("kv", "scan", "--partition", "ordered")["records"]
        found = {row["key"]: row["mod_revision"] for row in rows}
        for number, revision in well.items():
            self.assertEqual(found.get(number), revision)
        order = sorted(found, key=int)
        for before, after in zip(order, order[1:]):
            self.assertLess(int(found[before]), int(found[after]), f"{before} and {after}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
