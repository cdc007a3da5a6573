"""Three nodes whose data directories are small file systems of their own, filled until the swarm
refuses writes: reads, deletes, revocations and compaction go on, and the state clears itself.

A size-limited tmpfs for each node, in a mount namespace of the test's own, so nothing stays behind
whatever happens. It is memory: syncs are free, room is not, and room is what this is about.
"""
import contextlib
import os
import subprocess
import sys
import unittest

from swarm_kit import START_S, swarm, wait_for

DISK, MAP = "96m", "16MiB"
VALUE = "x" * 400_000
ROUNDS = 2
PUTS_MAX = 400


def own_mounts():
    """Runs this program again where its mounts are seen by nobody else and end with it."""
    who = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    os.execvp("unshare", ["unshare", *who, "--mount", "--propagation", "private", sys.executable,
                          os.path.abspath(__file__), "--inside", *sys.argv[1:]])


class Full(unittest.TestCase):
    @contextlib.contextmanager
    def unmounted(self):
        """Before the folder is removed; nodes that still run keep what they have open."""
        try:
            yield
        finally:
            with open("/proc/self/mounts", encoding="utf-8") as mounts:
                for path in (line.split()[1] for line in mounts if "/swarm-test-" in line):
                    subprocess.run(["umount", "--lazy", path], check=True)

    def begin(self, made, size):
        for node in made.nodes:
            if size is not None:
                subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs",
                                node.data], check=True)
                node.put_marker()
        made.start()
        made.leader()

    def put(self, made, key, value):
        return made.ctl("kv", "put", key, "-", text=value)

    def fill(self, made, name):
        """Puts until one is refused for lack of space; how many were taken."""
        for number in range(PUTS_MAX):
            code, _, stderr = self.put(made, f"{name}-{number}", VALUE)
            if code != 0:
                self.assertEqual(code, 8, stderr)
                self.assertIn("DISK_FULL", stderr)
                return number
        return self.fail(f"{PUTS_MAX} puts, and it is not full")

    def good(self, made, *words):
        code, out, stderr = made.ctl(*words)
        self.assertEqual(code, 0, f"{words}: {stderr}")
        return out

    def round(self, made, name):
        """One filling, what still works in it, and the way out of it."""
        held = self.good(made, "lease", "grant", "60s", "-o", "fields").split(": ")[1].split()[0]
        self.good(made, "kv", "put", f"{name}-held", "1", "--lease", held)
        count = self.fill(made, name)
        print(f"{name}: {count} values of {len(VALUE)} bytes, then DISK_FULL", flush=True)
        self.assertGreater(count, 0)
        self.assertEqual(self.good(made, "kv", "get", f"{name}-0").strip(), VALUE)
        self.good(made, "lease", "revoke", held)
        self.assertNotEqual(made.ctl("kv", "get", f"{name}-held")[0], 0)
        present = self.good(made, "kv", "scan", "--keys-only", "-o", "json")
        self.assertIn(f"{name}-0", present)
        for number in range(count):
            self.good(made, "kv", "del", f"{name}-{number}")
        for node in made.nodes:
            made.ctl("snapshot", "take", str(node.number))  # it may have just taken one
        wait_for("room", START_S, lambda: self.put(made, f"{name}-after", VALUE)[0] == 0)
        self.good(made, "kv", "del", f"{name}-after")
        for node in made.nodes:
            self.assertIsNone(node.process.poll(), f"node {node.number} stopped")

    def equal(self, made):
        """All replicas hold the same in the end, and start again from what they have."""
        self.good(made, "kv", "put", "last", "1")
        for node in made.nodes:
            self.assertEqual(node.stop(), 0)
        made.start()
        wait_for("health", START_S, lambda: made.ctl("health")[0] == 0)
        self.assertEqual(self.good(made, "kv", "get", "last").strip(), "1")

    def test_full_disks(self):
        with swarm(3) as made, self.unmounted():
            self.begin(made, DISK)
            for number in range(ROUNDS):
                self.round(made, f"disk{number}")
            self.equal(made)
            made.kill_all()

    def test_full_maps(self):
        with swarm(3, f"map_size = {MAP}") as made:
            self.begin(made, None)
            for number in range(ROUNDS):
                self.round(made, f"map{number}")
            self.equal(made)


if __name__ == "__main__":
    if "--inside" not in sys.argv:
        own_mounts()
    sys.argv.remove("--inside")
    unittest.main(verbosity=2)
