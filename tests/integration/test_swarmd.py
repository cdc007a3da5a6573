"""swarmd as a process: starts that must fail with one clear line, starts that must work, stops,
kills, restarts. Standard library only."""
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
import unittest

from swarm_kit import BIN, START_S, free_ports, swarm, wait_for, x25519_public


class Keys(unittest.TestCase):
    def test_the_test_makes_real_keys(self):
        # RFC 7748, section 5.2: one iteration from k = u = 9
        secret = bytes([9] + [0] * 31)
        public = "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"
        self.assertEqual(x25519_public(secret).hex(), public)


def tree(folder):
    """Every file below the folder with its bytes: to prove that nothing was changed."""
    return {str(p): p.read_bytes() for p in sorted(pathlib.Path(folder).rglob("*")) if p.is_file()}


class Refused(unittest.TestCase):
    def check(self, outcome, code, *texts):
        got, stderr = outcome
        self.assertEqual(got, code, stderr)
        self.assertEqual(len(stderr.strip().splitlines()), 1, stderr)
        self.assertTrue(stderr.startswith("swarmd: "), stderr)
        for text in texts:
            self.assertIn(text, stderr)


class Refusals(Refused):
    """Each bad start is one line on stderr, the published exit code, and no damage."""

    def test_unknown_flag(self):
        with swarm(1) as s:
            self.check(s.nodes[0].run("--data-dri", "/x"), 2, "CONFIG", "--data-dri", "--help")

    def test_a_bug_that_is_not_known_or_not_built_in(self):
        with swarm(1) as s:
            self.check(s.nodes[0].run("--plant", "ACK_BEFORE_SYNC,NO_SUCH"), 2, "CONFIG", "--plant")
            self.check(s.nodes[0].run("--buggify", "now"), 2, "CONFIG", "--buggify")

    def test_unknown_key_in_the_file(self):
        with swarm(1, extra="[raft]\nelektion = 1s\n") as s:
            self.check(s.nodes[0].run(), 2, "CONFIG", "elektion", "line ")

    def test_bad_value(self):
        with swarm(1) as s:
            self.check(s.nodes[0].run("--election", "soon"), 2, "raft.election", "duration")

    def test_missing_config_file(self):
        done = subprocess.run([BIN / "swarmd", "--config", "/nowhere"], capture_output=True,
                              text=True, timeout=START_S, check=False)
        self.check((done.returncode, done.stderr), 2, "/nowhere")

    def test_no_settings_at_all(self):
        done = subprocess.run([BIN / "swarmd"], capture_output=True, text=True, timeout=START_S,
                              check=False)
        self.check((done.returncode, done.stderr), 2, "swarm.id is not set")

    def test_missing_key(self):
        with swarm(1) as s:
            s.nodes[0].key.unlink()
            self.check(s.nodes[0].run(), 7, "KEY_MISSING", "no plaintext")
            self.assertTrue(s.nodes[0].untouched())

    def test_world_readable_key(self):
        with swarm(1) as s:
            s.nodes[0].key.chmod(0o644)
            self.check(s.nodes[0].run(), 7, "PERMISSIONS", "chmod 600")
            self.assertTrue(s.nodes[0].untouched())

    def test_key_of_another_node(self):
        with swarm(2) as s:
            s.nodes[0].key.write_text(s.nodes[1].key.read_text())
            self.check(s.nodes[0].run(), 2, "not the key that [members] names for node 1")

    def test_client_list_that_others_can_write(self):
        with swarm(1) as s:
            s.clients.chmod(0o666)
            self.check(s.nodes[0].run(), 7, "PERMISSIONS", "clients.allow")

    def test_client_list_with_a_wrong_line(self):
        with swarm(1) as s:
            s.clients.write_text("not a key\n")
            self.check(s.nodes[0].run(), 2, "line 1", "clients.allow")

    def test_second_process_on_the_same_directory(self):
        with swarm(1) as s:
            node = s.nodes[0]
            s.start()
            self.check(node.run(), 1, "LOCKED", f"process {node.process.pid}")
            self.assertTrue(node.ready())
            self.assertEqual(node.stop(), 0)

    def test_directory_of_another_swarm(self):
        with swarm(1) as mine, swarm(1) as other:
            other.start()
            self.assertEqual(other.nodes[0].stop(), 0)
            before = tree(other.nodes[0].data)
            self.check(mine.nodes[0].run("--data-dir", str(other.nodes[0].data)), 9,
                       "STRANGER", other.swarm_id, "nothing was changed")
            after = tree(other.nodes[0].data)
            after.pop(str(other.nodes[0].data / "LOCK"))
            before.pop(str(other.nodes[0].data / "LOCK"))
            self.assertEqual(before, after)
            other.start()  # and its owner still can use it
            self.assertEqual(other.nodes[0].stop(), 0)

    def test_directory_of_another_node(self):
        with swarm(3) as s:
            s.start()
            self.assertEqual(s.nodes[1].stop(), 0)
            self.assertEqual(s.nodes[0].stop(), 0)
            self.check(s.nodes[0].run("--data-dir", str(s.nodes[1].data)), 9, "STRANGER", "node 2")

    def test_directory_of_a_newer_format(self):
        with swarm(1) as s:
            node = s.nodes[0]
            s.start()
            self.assertEqual(node.stop(), 0)
            identity = node.data / "identity"
            identity.write_text("swarmstore-identity 2\nand what comes with it\n")
            self.check(node.run(), 1, "NEWER_FORMAT", "format 2")
            self.assertEqual(identity.read_text().splitlines()[0], "swarmstore-identity 2")

    def test_damaged_identity(self):
        with swarm(1) as s:
            node = s.nodes[0]
            s.start()
            self.assertEqual(node.stop(), 0)
            identity = node.data / "identity"
            text = identity.read_text()
            identity.write_text(text.replace("node 1", "node 3"))
            self.check(node.run(), 10, "CORRUPT", "checksum")
            identity.unlink()
            self.check(node.run(), 10, "CORRUPT", "identity file is gone")
            identity.write_text(text)
            s.start()
            self.assertEqual(node.stop(), 0)

    def test_taken_ports(self):
        for flag in ("--listen-client", "--listen-peer", "--listen-http"):
            with self.subTest(flag), swarm(1) as s, socket.socket() as taken:
                taken.bind(("127.0.0.1", 0))
                taken.listen()
                address = f"127.0.0.1:{taken.getsockname()[1]}"
                self.check(s.nodes[0].run(flag, address), 1, "ADDRESS_IN_USE", address)

    def test_directory_without_parent(self):
        with swarm(1) as s:
            self.check(s.nodes[0].run("--data-dir", "/nowhere/at/all"), 2, "/nowhere/at/all")

    def test_http_is_for_loopback_only(self):
        with swarm(1) as s:
            self.check(s.nodes[0].run("--listen-http", "0.0.0.0:1234"), 2, "loopback")

    def test_damaged_log(self):
        with swarm(1) as s:
            node = s.nodes[0]
            s.start()
            self.assertEqual(node.stop(), 0)
            damaged = 0
            for path in sorted((node.data / "wal").iterdir()):
                data = bytearray(path.read_bytes())
                if len(data) >= 8192 and any(data[4096:8192]):
                    data[4096 + 20] ^= 1  # a record before the tail
                    path.write_bytes(data)
                    damaged += 1
            self.assertGreater(damaged, 0)
            self.check(node.run(), 10, "CORRUPT", "votes on nothing")


def no_file_over_1_mib():
    """The first file of the log can not be made: a start ends in the middle."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


class FirstStart(Refused):
    """Only a node that has never run may start without its data: a node that lost its disk has
    forgotten its votes, and with them a leader without acknowledged writes could be elected."""

    def ran(self, s):
        """The first node, stopped after it has run."""
        s.nodes[0].start()
        wait_for("the log", START_S, lambda: "listening" in s.nodes[0].log.read_text())
        self.assertEqual(s.nodes[0].stop(), 0)
        return s.nodes[0]

    def wiped(self, node):
        shutil.rmtree(node.data)
        node.data.mkdir()

    def test_the_marker_is_used_up_and_not_needed_again(self):
        with swarm(1) as s:
            node = self.ran(s)
            self.assertEqual(sorted(p.name for p in node.data.iterdir()),
                             ["LOCK", "identity", "state", "wal"])
            s.start()
            self.assertEqual(node.stop(), 0)

    def test_a_wiped_directory_is_refused_and_nothing_is_written(self):
        with swarm(1) as s:
            node = self.ran(s)
            self.wiped(node)
            self.check(node.run(), 9, "DATA_MISSING", str(node.data), "is empty",
                       "could lose acknowledged writes", "--data-dir", "--first-start",
                       "swarmctl member replace")
            self.assertEqual(list(node.data.iterdir()), [])
            node.data.rmdir()
            self.check(node.run(), 9, "DATA_MISSING", "does not exist")
            self.assertFalse(node.data.exists())

    def test_a_wiped_node_does_not_vote(self):
        with swarm(3) as s:
            s.start()
            leader = s.leader()
            lost = next(n for n in s.nodes if n is not leader)
            self.assertEqual(s.ctl("kv", "put", "a", "1")[0], 0)
            lost.kill()
            self.wiped(lost)
            self.check(lost.run(), 9, "DATA_MISSING")
            leader.kill()  # with the lost one's vote the last node could lead alone
            self.assertIn(s.ctl("kv", "get", "a", "--command-timeout", "1500ms")[0], (5, 6))
            leader.start()
            wait_for("the write", START_S, lambda: s.ctl("kv", "get", "a")[1] == "1\n")

    def test_the_flag_is_for_one_start(self):
        with swarm(1) as s:
            node = s.nodes[0]
            shutil.rmtree(node.data)
            node.start("--first-start")
            s.wait_ready()
            self.assertFalse((node.data / "first-start").exists())
            self.assertEqual(node.stop(), 0)
            before = tree(node.data)
            self.check(node.run("--first-start"), 2, "CONFIG", "without --first-start")
            self.assertEqual(tree(node.data), before)
            s.start()
            self.assertEqual(node.stop(), 0)

    def test_the_flag_is_only_a_flag(self):
        with swarm(1, extra="[node]\nfirst_start = true\n") as s:
            self.check(s.nodes[0].run(), 2, "first_start")
        with swarm(1) as s:
            done = subprocess.run([BIN / "swarmd", "--config", s.nodes[0].config],
                                  capture_output=True, text=True, timeout=START_S, check=False,
                                  env={**os.environ, "SWARM_NODE_FIRST_START": "1"})
            self.check((done.returncode, done.stderr), 2, "SWARM_NODE_FIRST_START")
            self.assertTrue(s.nodes[0].untouched())

    def test_a_marker_of_others_is_refused(self):
        with swarm(1) as s:
            node = s.nodes[0]
            for wrong, text in (({"swarm_id": "0f" * 16}, "0f0f"), ({"number": 2}, "node 2")):
                node.put_marker(**wrong)
                self.check(node.run(), 9, "STRANGER", text, "nothing was changed")
                self.assertTrue(node.untouched())
            (node.data / "first-start").write_text("yes, please\n")
            self.check(node.run(), 10, "CORRUPT", "first-start is damaged")
            self.assertTrue(node.untouched())
            node.put_marker()
            s.start()
            self.assertEqual(node.stop(), 0)

    def test_an_identity_without_its_log_is_refused(self):
        with swarm(1) as s:
            node = self.ran(s)
            for name in ("wal", "state"):
                shutil.rmtree(node.data / name)
            self.check(node.run(), 9, "DATA_MISSING", "its log is gone", "--first-start")
            self.check(node.run("--first-start"), 2, "has run before")
            self.assertEqual(sorted(p.name for p in node.data.iterdir()), ["LOCK", "identity"])
            (node.data / "wal").mkdir()
            self.check(node.run(), 9, "DATA_MISSING", "its log is gone")
            self.assertEqual(list((node.data / "wal").iterdir()), [])

    def test_a_start_that_failed_while_it_made_the_log_is_no_first_start(self):
        with swarm(1) as s:
            node = s.nodes[0]
            node.start(before=no_file_over_1_mib)
            self.assertEqual(node.wait(), 8)
            self.assertTrue((node.data / "identity").exists())
            self.assertTrue((node.data / "first-start").exists())
            s.start()
            self.assertFalse((node.data / "first-start").exists())
            self.assertEqual(node.stop(), 0)

    def test_a_start_that_failed_on_the_way_is_no_first_start(self):
        with swarm(1) as s, socket.socket() as taken:
            node = s.nodes[0]
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            self.check(node.run("--listen-peer", address), 1, "ADDRESS_IN_USE")
            self.assertTrue((node.data / "first-start").exists())
            s.start()
            self.assertFalse((node.data / "first-start").exists())
            self.assertEqual(node.stop(), 0)


class Commands(unittest.TestCase):
    def run_one(self, *args, env=None):
        return subprocess.run([BIN / "swarmd", *args], capture_output=True, text=True,
                              timeout=START_S, check=False,
                              env=None if env is None else {**os.environ, **env})

    def test_help_and_version(self):
        done = self.run_one("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("--data-dir", done.stdout)
        self.assertRegex(self.run_one("--version").stdout, r"^swarmd \d+\.\d+\.\d+\n$")

    def test_check_config(self):
        with swarm(1) as s:
            done = self.run_one("--config", s.nodes[0].config, "--check-config")
            self.assertEqual((done.returncode, done.stdout), (0, "ok\n"))
            self.assertTrue(s.nodes[0].untouched())
            done = self.run_one("--config", s.nodes[0].config, "--check-config", "--node-id", "9")
            self.assertEqual(done.returncode, 2)
            self.assertIn("not among [members]", done.stderr)

    def test_print_config_names_origins(self):
        with swarm(1) as s:
            done = self.run_one("--config", s.nodes[0].config, "--print-config", "--drain", "7s",
                                env={"SWARM_RAFT_ELECTION": "900ms"})
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stdout, r"# environment: [^\n]*\nelection = 900ms\n")
            self.assertRegex(done.stdout, r"# flag: [^\n]*\ndrain = 7s\n")
            self.assertRegex(done.stdout, r"# file: [^\n]*\nwal_segment = 4MiB\n")
            self.assertRegex(done.stdout, r"# default: [^\n]*\nheartbeat = 50ms\n")

    def test_config_file_from_the_environment(self):
        with swarm(1) as s:
            done = self.run_one("--check-config", env={"SWARM_CONFIG": str(s.nodes[0].config)})
            self.assertEqual(done.stdout, "ok\n", done.stderr)


class Papers(unittest.TestCase):
    """What the program knows is in the papers."""

    ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

    def test_every_flag_is_documented(self):
        operating = (self.ROOT / "docs" / "OPERATING.md").read_text()
        manual = (self.ROOT / "node" / "swarmd.8").read_text().replace("\\-", "-")
        text = subprocess.run([BIN / "swarmd", "--help"], capture_output=True, text=True,
                              timeout=START_S, check=True).stdout
        flags = re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE)
        self.assertGreater(len(flags), 25)
        for flag in flags:
            self.assertIn(flag, manual)
            if flag not in ("--help", "--version", "--config"):
                self.assertIn(f"{flag}`", operating)

    def test_every_figure_is_documented(self):
        operating = (self.ROOT / "docs" / "OPERATING.md").read_text()
        with swarm(1) as s:
            s.start()
            for line in s.nodes[0].get("/metrics")[1].splitlines():
                if line.startswith("# TYPE "):
                    self.assertRegex(operating, rf"`{line.split()[2]}[`{{]")


class Http(unittest.TestCase):
    def test_health_and_figures(self):
        with swarm(1) as s:
            s.start()
            node = s.nodes[0]
            self.assertEqual(node.get("/livez"), (200, "ok\n"))
            self.assertEqual(node.get("/readyz"), (200, "ok\n"))
            self.assertIn("[+]leader ok\n", node.get("/readyz?verbose")[1])
            self.assertRegex(node.get("/version")[1], r'^\{"version":"\d')
            self.assertEqual(node.get("/nothing")[0], 404)
            status, text = node.get("/metrics")
            self.assertEqual(status, 200)
            self.check_exposition(text)
            self.assertEqual(node.metric("swarm_raft_is_leader"), 1)
            self.assertGreater(node.metric("swarm_wal_syncs_total"), 0)

    def check_exposition(self, text):
        """What promtool checks: HELP and TYPE before samples, no name twice, numbers."""
        typed = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.assertNotIn(name, typed)
                typed[name] = kind
            elif not line.startswith("# HELP "):
                name = line.split("{")[0].split(" ")[0]
                base = name
                for suffix in ("_bucket", "_sum", "_count"):
                    if name.endswith(suffix) and name[:-len(suffix)] in typed:
                        base = name[:-len(suffix)]
                self.assertIn(base, typed, line)
                self.assertEqual(typed[base] == "counter", base.endswith("_total"), line)
                float(line.rsplit(" ", 1)[1])

    def test_only_get(self):
        with swarm(1) as s:
            s.start()
            node = s.nodes[0]
            with socket.create_connection(("127.0.0.1", node.http_port), timeout=5) as c:
                c.sendall(b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
                self.assertIn(b" 405 ", c.recv(4096))

    def test_a_node_alone_is_live_and_not_ready(self):
        with swarm(3) as s:
            node = s.nodes[0]
            node.start()
            wait_for("livez", START_S, lambda: node.get("/livez")[0] == 200)
            status, text = node.get("/readyz")
            self.assertEqual(status, 503)
            self.assertIn("[-]leader no leader is known", text)
            self.assertEqual(node.stop(), 0)


class Garbage(unittest.TestCase):
    def test_garbage_on_every_port(self):
        with swarm(3) as s:
            s.start()
            node = s.nodes[0]
            for port in (node.client_port, node.peer_port, node.http_port):
                for size in (1, 64, 5000, 200000):
                    with socket.create_connection(("127.0.0.1", port), timeout=5) as c:
                        try:
                            c.sendall(os.urandom(size))
                        except OSError:
                            pass  # it hung up: its right
            self.assertEqual(node.get("/livez"), (200, "ok\n"))
            wait_for("readiness", START_S, node.ready)
            self.assertEqual([n.stop() for n in s.nodes], [0, 0, 0])


class Life(unittest.TestCase):
    def test_sigterm_hands_over_and_ends_with_zero(self):
        with swarm() as s:
            s.start()
            first = s.leader()
            changes = {n.number: n.metric("swarm_raft_term") for n in s.nodes}
            self.assertEqual(first.stop(), 0)
            self.assertIn("leadership handed over", first.log.read_text())
            rest = [n for n in s.nodes if n is not first]
            wait_for("a new leader", START_S,
                     lambda: any(n.metric("swarm_raft_is_leader") == 1 for n in rest))
            self.assertTrue(all(n.metric("swarm_raft_term") > changes[n.number] for n in rest))
            first.start()
            s.wait_ready()
            self.assertEqual([n.stop() for n in s.nodes], [0, 0, 0])

    def test_kill_and_restart_of_each_node(self):
        with swarm() as s:
            s.start()
            for node in s.nodes:
                self.assertEqual(node.kill(), -signal.SIGKILL)
                rest = [n for n in s.nodes if n is not node]
                wait_for("a leader among the rest", START_S,
                         lambda: any(n.metric("swarm_raft_is_leader") == 1 for n in rest))
                node.start()
                s.wait_ready()
            self.assertEqual([n.stop() for n in s.nodes], [0, 0, 0])

    def test_all_killed_at_once_come_back(self):
        with swarm() as s:
            s.start()
            term = max(n.metric("swarm_raft_term") for n in s.nodes)
            for node in s.nodes:
                node.signal(signal.SIGKILL)
            for node in s.nodes:
                self.assertEqual(node.wait(), -signal.SIGKILL)
            s.start()
            self.assertGreaterEqual(s.leader().metric("swarm_raft_term"), term)
            self.assertEqual([n.stop() for n in s.nodes], [0, 0, 0])

    def test_second_signal_stops_at_once(self):
        with swarm(3) as s:
            node = s.nodes[0]
            s.start()
            s.nodes[1].kill()
            s.nodes[2].kill()
            node.signal(signal.SIGSTOP)  # both signals are there before it looks
            node.signal(signal.SIGTERM)
            node.signal(signal.SIGINT)
            node.signal(signal.SIGCONT)
            self.assertEqual(node.wait(), 1)
            self.assertIn("stopped-at-once", node.log.read_text())

    def test_sighup_reads_clients_and_log_level_again(self):
        with swarm(1) as s:
            s.start()
            node = s.nodes[0]
            s.clients.write_text("# nobody\n")
            node.signal(signal.SIGHUP)
            wait_for("the reload", START_S,
                     lambda: "0 clients are allowed, log level info" in node.log.read_text())
            s.clients.write_text("nonsense\n")
            node.signal(signal.SIGHUP)
            wait_for("the refusal", START_S,
                     lambda: "nothing was changed" in node.log.read_text())
            self.assertEqual(node.stop(), 0)

    def test_log_lines_are_json(self):
        import json
        with swarm(1) as s:
            s.start()
            self.assertEqual(s.nodes[0].stop(), 0)
            lines = [json.loads(line) for line in s.nodes[0].log.read_text().splitlines()]
            self.assertIn("listening", [line["event"] for line in lines])
            self.assertTrue(all({"ts", "level", "event", "node", "msg"} <= set(line)
                                for line in lines))
            self.assertNotIn(s.nodes[0].key.read_text().split()[2], s.nodes[0].log.read_text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
