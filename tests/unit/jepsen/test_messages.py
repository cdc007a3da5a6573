#!/usr/bin/env python3
"""swarmd --fault-control: three real nodes whose messages are cut, one way too, and healed again.

usage: test_messages.py BUILD

A build without points must refuse the flag; that is then all there is to test.
"""
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[3] / "jepsen"))
from harness import fault  # noqa: E402

BUILD = None
PATIENCE_S = 120  # for a machine that does many other things; a few seconds are enough


def has_points():
    text = subprocess.run([fault.bin_file(BUILD, "swarmd"), "--help"], check=True,
                          capture_output=True, text=True).stdout
    return "--fault-control" in text


def free_base_port(nodes):
    """Three ports in a row for each ten; taken for a moment to see that they are free."""
    for base in range(24000 + os.getpid() % 400 * 20, 32000, 20 * nodes):
        socks = []
        try:
            for port in (base + 10 * node + i for node in range(nodes) for i in range(3)):
                socks.append(socket.create_server(("127.0.0.1", port)))
            return base
        except OSError:
            continue
        finally:
            for sock in socks:
                sock.close()
    raise RuntimeError("no free ports")


class Layout(unittest.TestCase):
    def test_the_page_is_laid_out_as_the_header_asserts(self):
        text = (HERE.parents[3] / "transport/link_fault.h").read_text(encoding="utf-8")
        kinds = {"sw_link_fault_way": fault.MessageWay, "sw_link_fault_page": fault.MessagePage}
        rows = re.findall(r"static_assert\(offsetof\(struct (\w+), (\w+)\) == (\d+)", text)
        self.assertGreater(len(rows), 4)
        for kind, field, offset in rows:
            self.assertEqual(getattr(kinds[kind], field).offset, int(offset), field)
        self.assertEqual(fault.ctypes.sizeof(fault.MessageWay), 64)
        self.assertEqual(fault.ctypes.sizeof(fault.MessagePage), 12288)
        self.assertIn(f"{fault.MessagePage.MAGIC:x}", text)


class Swarm(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="swarm-messages-")
        self.addCleanup(shutil.rmtree, self.top)
        subprocess.run([fault.bin_file(BUILD, "swarmctl"), "swarm", "create", "--nodes", "3",
                        "--base-port", str(free_base_port(3)), self.top + "/swarm"],
                       check=True, capture_output=True)

    def command(self, node, control):
        return [fault.bin_file(BUILD, "swarmd"), "--config",
                f"{self.top}/swarm/node-{node}/swarmd.conf", "--log-format", "json",
                "--fault-control", control]

    def start(self, node):
        messages = fault.Messages(f"{self.top}/messages-{node}", seed=node)
        with open(f"{self.top}/log-{node}", "wb") as log:
            process = subprocess.Popen(self.command(node, messages.path), stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return messages

    def leader(self):
        """(term, node) of the highest term that a node says it leads."""
        found = []
        for node in (1, 2, 3):
            for line in pathlib.Path(f"{self.top}/log-{node}").read_text("utf-8").splitlines():
                row = json.loads(line) if line.startswith("{") else {}
                if row.get("event") == "leader":
                    match = re.search(r"node (\d+) leads group 1 in term (\d+)", row["msg"])
                    found.append((int(match[2]), int(match[1])))
        return max(found, default=(0, 0))

    def wait_for(self, what, holds):
        end = time.monotonic() + PATIENCE_S
        while not holds():
            self.assertLess(time.monotonic(), end, f"never: {what}")
            time.sleep(0.05)

    def put(self, key):
        done = subprocess.run([fault.bin_file(BUILD, "swarmctl"), "--config",
                               self.top + "/swarm/client.conf", "kv", "put", "a/b/" + key, "v"],
                              capture_output=True, check=False)
        return done.returncode == 0

    def test_a_leader_that_nobody_hears_is_replaced_and_comes_back(self):
        messages = {node: self.start(node) for node in (1, 2, 3)}
        self.wait_for("a leader", lambda: self.leader()[0] > 0)
        self.wait_for("a write", lambda: self.put("before"))
        term, first = self.leader()
        others = [node for node in (1, 2, 3) if node != first]
        messages[first].cut(others, ["out"])  # it hears them, they do not hear it
        self.wait_for("another leader", lambda: self.leader() > (term, 3)
                      and self.leader()[1] != first)
        self.wait_for("a write without it", lambda: self.put("cut"))
        self.assertGreater(messages[first].counts(others[0], "out")["dropped"], 0)
        self.assertGreater(messages[first].counts(others[0], "in")["passed"], 0)
        for node in messages.values():
            node.heal()
            self.assertEqual(node.page.attached, 1)
        for peer in others:
            messages[first].set(peer, "in", delay_us=2000, jitter_us=2000, duplicate=0.2, loss=0.1)
        self.wait_for("a write over a bad link", lambda: self.put("after"))

    def test_a_page_that_is_none_is_refused(self):
        path = self.top + "/none"
        done = subprocess.run(self.command(1, path), capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(path, done.stderr)


class Refused(unittest.TestCase):
    def test_a_build_without_points_refuses_the_flag(self):
        done = subprocess.run([fault.bin_file(BUILD, "swarmd"), "--fault-control", "/x"],
                              capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("chaos builds", done.stderr)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    if has_points():
        del Refused
    else:
        print("this build has no points: it must refuse the flag")
        del Swarm
    unittest.main(verbosity=1)
