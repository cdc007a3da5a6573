"""What was acknowledged stays, whatever is killed; who lags catches up; who may not is refused; a
full store says so and recovers. Clients are the real swarmctl and swarm-bench."""
import json
import resource
import signal
import subprocess
import unittest

from swarm_kit import BIN, START_S, swarm, wait_for, x25519_public


class Kit(unittest.TestCase):
    def put(self, s, key, value):
        code, _, stderr = s.ctl("kv", "put", key, "-", text=value)
        self.assertEqual(code, 0, stderr)

    def get(self, s, key):
        code, stdout, stderr = s.ctl("kv", "get", key)
        self.assertEqual(code, 0, stderr)
        return stdout.rstrip("\n")

    def wait_equal(self, s):
        """All nodes stand at one index with one digest."""
        def probe():
            code, stdout, _ = s.ctl("health", "-o", "json")
            return code == 0 and json.loads(stdout)["digests"] == "equal"
        wait_for("equal digests", START_S, probe)


class Kills(Kit):
    def test_writes_survive_the_leader(self):
        with swarm() as s:
            s.start()
            for i in range(30):
                if i == 10:
                    dead = s.leader()
                    dead.kill()
                if i == 20:
                    dead.start()
                self.put(s, f"key-{i}", f"value {i}")
            s.wait_ready()
            for i in range(30):
                self.assertEqual(self.get(s, f"key-{i}"), f"value {i}")
            self.wait_equal(s)
            self.assertEqual([n.stop() for n in s.nodes], [0, 0, 0])

    def test_writes_survive_all_nodes_killed_at_once(self):
        with swarm() as s:
            s.start()
            for i in range(10):
                self.put(s, f"key-{i}", f"value {i}")
            for node in s.nodes:
                node.signal(signal.SIGKILL)
            for node in s.nodes:
                node.wait()
            s.start()
            for i in range(10):
                self.assertEqual(self.get(s, f"key-{i}"), f"value {i}")
            self.wait_equal(s)

    def test_writes_survive_a_rolling_restart(self):
        with swarm() as s:
            s.start()
            for round_number, node in enumerate(s.nodes):
                self.put(s, f"key-{round_number}", "x")
                self.assertEqual(node.stop(), 0)
                self.put(s, f"between-{round_number}", "y")
                node.start()
                s.wait_ready()
            for i in range(3):
                self.assertEqual(self.get(s, f"key-{i}"), "x")
                self.assertEqual(self.get(s, f"between-{i}"), "y")
            self.wait_equal(s)


def no_file_over_6_mib():
    """Writes beyond fail with EFBIG, which is what a failing disk looks like to a process."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6 << 20, 6 << 20))


class Disk(Kit):
    def test_a_failing_write_ends_the_process_and_loses_nothing(self):
        with swarm(1) as s:
            node = s.nodes[0]
            node.start("--commit-interval", "10ms", before=no_file_over_6_mib)
            s.wait_ready()
            acknowledged = []
            for i in range(40):
                code, _, _ = s.ctl("kv", "put", f"key-{i}", "-", "--command-timeout", "1500ms",
                                   text=f"{i} " + "x" * 500000)
                if code != 0:
                    break
                acknowledged.append(i)
            self.assertLess(len(acknowledged), 40)
            self.assertIn(node.wait(), (1, 8))
            self.assertIn('"fatal"', node.log.read_text())
            self.assertIn("nothing unproven is acknowledged", node.log.read_text())
            node.start()
            s.wait_ready()
            for i in acknowledged:
                self.assertEqual(self.get(s, f"key-{i}").split()[0], str(i))
            self.assertEqual(node.stop(), 0)


class Damage(Kit):
    def test_a_state_that_was_cut_short_is_refused_in_words(self):
        """Its pages are mapped, so the kernel answers with a signal. Found by ./run chaos, seed
        412517680, as a node that died of SIGBUS."""
        with swarm() as s:
            s.start()
            for i in range(20):
                self.put(s, f"key-{i}", "x" * 5000)
            s.wait_ready()
            node = s.nodes[0]
            self.assertEqual(node.stop(), 0)
            state = node.data / "state" / "data.mdb"
            with open(state, "r+b") as file:
                file.truncate(3 * 4096)
            code, stderr = node.run()
            self.assertEqual(code, 10, stderr)
            self.assertIn("CORRUPT", stderr)
            self.assertIn("shorter", stderr)
            done = subprocess.run([BIN / "swarm-inspect", "store", node.data], check=False,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 10, done.stderr)
            self.assertIn("CORRUPT", done.stderr)
            self.put(s, "after", "the others go on")


class Laggards(Kit):
    def test_a_node_behind_the_log_fetches_the_state(self):
        with swarm(extra="[raft]\nsnapshot_bytes = 64KiB\nsnapshot_trailing = 16\n") as s:
            s.start()
            self.put(s, "first", "1")
            away = next(n for n in s.nodes if n is not s.leader())
            away.kill()
            code, _, stderr = s.tool("swarm-bench", "put", "--clients", "4", "--warmup", "100ms",
                                     "--duration", "2s", "--value-size", "4096", "--keys", "500")
            self.assertEqual(code, 0, stderr)
            code, _, stderr = s.ctl("snapshot", "take")
            self.assertEqual(code, 0, stderr)
            away.start()
            s.wait_ready()
            self.wait_equal(s)
            self.assertGreaterEqual(away.metric("swarm_snapshot_received_total"), 1)
            self.assertGreater(away.metric("swarm_snapshot_chunks_received_total"), 1)
            self.assertEqual(away.stop(), 0)  # and what it fetched is its own now
            away.start()
            s.wait_ready()
            self.wait_equal(s)
            self.assertEqual(away.metric("swarm_snapshot_received_total"), 0)

    def test_a_minority_serves_nothing(self):
        with swarm() as s:
            s.start()
            for node in s.nodes[1:]:
                node.kill()
            code, _, stderr = s.ctl("kv", "put", "a", "b", "--command-timeout", "1500ms")
            self.assertIn(code, (5, 6), stderr)
            for node in s.nodes[1:]:
                node.start()
            s.wait_ready()
            self.put(s, "a", "c")
            self.assertEqual(self.get(s, "a"), "c")


class Limits(Kit):
    def test_an_oversized_value_is_refused(self):
        with swarm(1) as s:
            s.start()
            code, _, stderr = s.ctl("kv", "put", "big", "-", text="x" * ((1 << 20) + 1))
            self.assertEqual(code, 8, stderr)
            self.assertIn("1048576", stderr)
            self.put(s, "big", "x" * (1 << 20))
            code, _, stderr = s.ctl("kv", "put", "k" * 257, "x")
            self.assertEqual(code, 8, stderr)

    def test_a_full_store_refuses_puts_and_recovers(self):
        with swarm(1) as s:
            node = s.nodes[0]
            node.start("--max-map-size", "16MiB")
            s.wait_ready()
            value = "x" * 500000
            refused = None
            for i in range(40):
                code, _, stderr = s.ctl("kv", "put", f"big-{i}", "-", text=value)
                if code != 0:
                    refused = i
                    break
            self.assertIsNotNone(refused)
            self.assertEqual(code, 8, stderr)
            self.assertIn("DISK_FULL", stderr)
            self.assertEqual(node.metric("swarm_disk_full"), 1)
            self.assertEqual(self.get(s, "big-0"), value)  # reads go on
            for i in range(refused):  # deletes too, and they make room
                code, _, stderr = s.ctl("kv", "del", f"big-{i}")
                self.assertEqual(code, 0, stderr)
            wait_for("room", START_S,
                     lambda: s.ctl("kv", "put", "small", "after")[0] == 0)
            self.assertEqual(self.get(s, "small"), "after")
            self.assertEqual(node.stop(), 0)


class Rights(Kit):
    def change_clients(self, s, text):
        s.clients.write_text(text)
        for node in s.nodes:
            count = node.log.read_text().count('"reloaded"')
            node.signal(signal.SIGHUP)
            wait_for("the reload", START_S,
                     lambda n=node, c=count: n.log.read_text().count('"reloaded"') > c)

    def test_rights_follow_the_list(self):
        with swarm(1) as s:
            s.start()
            key = x25519_public(s.client_secret).hex()
            self.put(s, "a", "1")
            self.change_clients(s, f"{key} read\n")
            # A command opens a session if it needs one, which is a write.
            code, _, stderr = s.ctl("kv", "put", "a", "2")
            self.assertEqual(code, 7, stderr)
            self.assertIn("UNAUTHORIZED", stderr)
            self.assertEqual(self.get(s, "a"), "1")
            self.change_clients(s, f"{key} write\n")
            self.put(s, "a", "2")
            code, _, stderr = s.ctl("snapshot", "take")
            self.assertEqual(code, 7, stderr)
            self.change_clients(s, "")
            code, _, stderr = s.ctl("kv", "get", "a", "--command-timeout", "1500ms")
            self.assertIn(code, (5, 6, 7), stderr)
            self.change_clients(s, f"{key} admin\n")
            self.assertEqual(self.get(s, "a"), "2")


if __name__ == "__main__":
    unittest.main(verbosity=2)
