#!/usr/bin/env python3
"""swarm-relay between two network namespaces: what goes in, what comes out, when at the earliest.

usage: test_relay.py BUILD

Needs the right to make namespaces; without it the layouts are compared all the same, and the test
says that no frame was relayed.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[3] / "jepsen"))
from harness import fault  # noqa: E402

BUILD = None
LEFT, RIGHT = "10.213.7.1", "10.213.7.2"
PORT = 7801

ECHO = f"""
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("{RIGHT}", {PORT}))
print("ready", flush=True)
while True:
    data, source = sock.recvfrom(2000)
    sock.sendto(data, source)
"""

# Sends numbered datagrams until `want` answers came or time is up; prints what came, and the
# shortest way there and back in microseconds.
PING = f"""
import socket, sys, time
count, want, patience = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("{LEFT}", 0))
sock.connect(("{RIGHT}", {PORT}))
sent, got, shortest = {{}}, [], 10 ** 9
def collect(timeout):
    global shortest
    sock.settimeout(timeout)
    try:
        number = int.from_bytes(sock.recv(2000)[:4], "big")
    except OSError:
        return False
    shortest = min(shortest, (time.monotonic_ns() - sent[number]) // 1000)
    got.append(number)
    return True
for number in range(count):
    sent[number] = time.monotonic_ns()
    sock.send(number.to_bytes(4, "big") + bytes(96))
    while collect(0.0005):
        pass
while len(got) < want and collect(patience):
    pass
print(shortest, *got)
"""

BULK = f"""
import hashlib, socket, sys
side, size = sys.argv[1], int(sys.argv[2])
if side == "server":
    listener = socket.create_server(("{RIGHT}", {PORT}))
    print("ready", flush=True)
    conn, _ = listener.accept()
    digest, got = hashlib.sha256(), 0
    while got < size:
        part = conn.recv(65536)
        assert part, "the connection ended early"
        digest.update(part)
        got += len(part)
    conn.sendall(digest.digest())
    conn.close()
else:
    data = bytes(i * 31 & 255 for i in range(997)) * (size // 997 + 1)
    conn = socket.create_connection(("{RIGHT}", {PORT}))
    conn.sendall(data[:size])
    assert conn.recv(32) == hashlib.sha256(data[:size]).digest(), "other bytes came out"
    print("same")
"""


def must(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")


def why_not():
    """"" if this process may make namespaces and interfaces, else the reason."""
    name = f"swrelay{os.getpid()}p"
    try:
        must("ip", "netns", "add", name)
        must("ip", "netns", "del", name)
    except (OSError, RuntimeError) as error:
        return str(error)
    return ""


class Layout(unittest.TestCase):
    def test_the_page_is_laid_out_as_in_c(self):
        text = subprocess.run([fault.bin_file(BUILD, "swarm-relay"), "--layout"], check=True,
                              capture_output=True, text=True).stdout
        layout = json.loads(text)
        self.assertEqual(layout.pop("page_size"), fault.ctypes.sizeof(fault.RelayPage))
        self.assertEqual(layout.pop("way_size"), fault.ctypes.sizeof(fault.Way))
        self.assertEqual(layout.pop("magic_value"), fault.RelayPage.MAGIC)
        for name, offset in layout.items():
            kind, field = (fault.Way, name[4:]) if name.startswith("way.") \
                else (fault.RelayPage, name)
            self.assertEqual(getattr(kind, field).offset, offset, name)


class Frames(unittest.TestCase):
    """left (eth0) -- la [relay in the middle] ra -- (eth0) right"""

    @classmethod
    def setUpClass(cls):
        cls.names = {part: f"swrelay{os.getpid()}{part}" for part in ("left", "mid", "right")}
        for name in cls.names.values():
            must("ip", "netns", "add", name)
        for end, inner, address in (("left", "la", LEFT), ("right", "ra", RIGHT)):
            mid, outer = cls.names["mid"], cls.names[end]
            must("ip", "-n", mid, "link", "add", inner, "type", "veth", "peer", "name", "eth0",
                 "netns", outer)
            must("ip", "-n", mid, "link", "set", inner, "up")
            must("ip", "-n", outer, "addr", "add", address + "/24", "dev", "eth0")
            must("ip", "-n", outer, "link", "set", "eth0", "up")
            must(*cls.inside(end), sys.executable, "-B", "-c",
                 f"import sys; sys.path.insert(0, {str(HERE.parents[3] / 'jepsen')!r})\n"
                 "from harness import fault; fault.no_offloads('eth0')")

    @classmethod
    def tearDownClass(cls):
        for name in cls.names.values():
            must("ip", "netns", "del", name)

    @classmethod
    def inside(cls, part):
        return ["ip", "netns", "exec", cls.names[part]]

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.relay = fault.Relay(os.path.join(self.folder.name, "relay"), seed=3)
        self.relay.start(BUILD, "la", "ra", self.inside("mid"))
        self.addCleanup(self.relay.stop)

    def server(self, *command):
        process = subprocess.Popen([*self.inside("right"), sys.executable, "-c", *command],
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "ready\n")

    def ping(self, count, want=None, patience=20):
        """The shortest round trip in microseconds, and the numbers that came back."""
        if not hasattr(self, "echoing"):
            self.server(ECHO)
            self.echoing = True
        done = subprocess.run(
            [*self.inside("left"), sys.executable, "-c", PING, str(count),
             str(count if want is None else want), str(patience)],
            capture_output=True, text=True, check=True)
        shortest, *got = map(int, done.stdout.split())
        return shortest, got

    def wait_for(self, holds):
        """Counters run a moment behind what the ends saw."""
        while not holds():
            time.sleep(0.01)

    def test_a_good_link_passes_everything(self):
        _, got = self.ping(200)
        self.assertEqual(sorted(got), list(range(200)))
        self.assertEqual(self.relay.counts(0)["refused"], 0)

    def test_delay_each_way(self):
        self.relay.set(0, delay_us=5000)
        self.relay.set(1, delay_us=5000)
        shortest, got = self.ping(20)
        self.assertEqual(len(got), 20)
        self.assertGreaterEqual(shortest, 10000)
        print(f"5 ms each way: shortest round trip {shortest / 1000:.2f} ms")
        self.relay.heal()
        self.assertLess(self.ping(50)[0], shortest)

    def test_loss_is_counted_and_nothing_else_is_lost(self):
        self.ping(1)  # addresses are known
        self.relay.set(0, loss=0.3)
        before = self.relay.counts(0)
        _, got = self.ping(300, 300, 2)
        after = self.relay.counts(0)
        lost = after["lost"] - before["lost"]
        others = after["frames"] - before["frames"] - 300  # the kernel asks for addresses
        missing = 300 - len(set(got))
        self.assertLessEqual(missing, lost)
        self.assertLessEqual(lost - others, missing)
        self.assertTrue(40 < missing < 150)

    def test_one_way_drop(self):
        self.ping(1)
        self.relay.set(1, drop=1)
        came = self.relay.counts(0)["sent"]
        self.assertEqual(self.ping(20, 20, 1)[1], [])
        self.assertGreaterEqual(self.relay.counts(0)["sent"] - came, 20)  # there, and not back
        self.relay.set(1, drop=0)
        self.assertEqual(len(self.ping(20)[1]), 20)

    def test_duplicates_and_reordering(self):
        self.ping(1)
        self.relay.set(0, duplicate=1.0)
        _, got = self.ping(50, 100)
        self.assertEqual(sorted(got), sorted(list(range(50)) * 2))
        self.relay.heal()
        self.relay.set(1, reorder=0.3, reorder_us=20000)
        _, got = self.ping(100)
        self.assertEqual(sorted(got), list(range(100)))
        self.assertNotEqual(got, sorted(got))
        self.assertGreater(self.relay.counts(1)["reordered"], 10)

    def test_some_corruption_is_not_caught_by_checksums(self):
        """Else a link that corrupts would be one that loses, and nothing above TCP be tested."""
        self.relay.both(corrupt=0.02)
        self.server(BULK, "server", "2000000")
        done = subprocess.run([*self.inside("left"), sys.executable, "-c", BULK, "client",
                               "2000000"], capture_output=True, text=True, check=False)
        self.assertIn("other bytes came out", done.stderr)
        counts = self.relay.counts(0)
        self.assertGreater(counts["mended"], 0)
        self.assertGreater(counts["corrupted"], counts["mended"])
        self.assertEqual(self.relay.counts(0)["refused"], 0)

    def test_a_slow_line_overflows(self):
        self.ping(1)
        self.relay.set(0, rate=20000, queue_size=3000)
        self.assertTrue(0 < len(self.ping(100, 100, 2)[1]) < 100)
        self.assertGreater(self.relay.counts(0)["overflowed"], 0)

    def test_what_cannot_be_relayed_is_said(self):
        other = fault.Relay(os.path.join(self.folder.name, "other"))
        self.assertRaisesRegex(RuntimeError, "no interface nothere", other.start, BUILD, "la",
                               "nothere", self.inside("mid"))
        other.process.stderr.close()


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    reason = why_not()
    if reason:
        print(f"no frames are relayed here, only layouts compared: {reason}")
        del Frames
    unittest.main(verbosity=1)
