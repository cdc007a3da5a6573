"""Hostile peers and clients against a live swarm of three nodes.

One test an attack. An attack is run by swarm-hostile (or raw sockets here); what is judged is the
swarm: every node lives, honest clients are served meanwhile and afterwards, nothing that was
acknowledged is lost or altered, what had to be refused was refused and counted, and all replicas
are equal at the end. No test judges the time of anything.
"""
import json
import os
import pathlib
import random
import secrets
import socket
import subprocess
import threading
import time
import unittest

from swarm_kit import BIN, Swarm, wait_for, x25519_public
import base64
import tempfile

HOSTILE = BIN / "swarm-hostile"


class Proxy:
    """A man in the middle on one TCP connection at a time: `bend` may change what passes."""

    def __init__(self, port, bend):
        self.to, self.bend = port, bend
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = [self.listener]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                here, _ = self.listener.accept()
                there = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            self.open += [here, there]
            for source, target in ((here, there), (there, here)):
                threading.Thread(target=self.pump, args=(source, target), daemon=True).start()

    def pump(self, source, target):
        passed = 0
        try:
            while data := source.recv(65536):
                target.sendall(self.bend(data, passed))
                passed += len(data)
        except OSError:
            pass
        for end in (source, target):
            end.close()

    def close(self):
        for end in self.open:
            end.close()


class Honest:
    """Writes numbered keys through swarmctl until it is told to stop; every one must succeed."""

    def __init__(self, swarm, name):
        self.swarm, self.name = swarm, name
        self.count, self.failure = 0, None
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stopping.is_set():
            code, _, err = self.swarm.ctl("kv", "put", f"{self.name}-{self.count}", str(self.count))
            if code != 0:
                self.failure = err
                return
            self.count += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()


class Adversarial(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="swarm-test-")
        cls.swarm = Swarm(3, "", cls.folder.name)
        cls.reader_key = cls.new_client("read")
        cls.writer_key = cls.new_client("write")
        cls.stranger_key = cls.write_key("stranger", secrets.token_bytes(32))
        cls.swarm.start()

    @classmethod
    def tearDownClass(cls):
        cls.swarm.kill_all()
        cls.folder.cleanup()

    @classmethod
    def write_key(cls, name, secret):
        path = pathlib.Path(cls.folder.name) / f"{name}.key"
        path.write_text(f"swarm-key-v1 secret {base64.b64encode(secret).decode()}\n")
        path.chmod(0o600)
        return path

    @classmethod
    def new_client(cls, rights):
        secret = secrets.token_bytes(32)
        with open(cls.swarm.clients, "a", encoding="ascii") as out:
            out.write(f"{x25519_public(secret).hex()} {rights} test-{rights}\n")
        return cls.write_key(rights, secret)

    def setUp(self):
        self.leader = self.swarm.leader()
        self.put("before-" + self.id(), "kept")

    def tearDown(self):
        """Whatever was tried: all live, all serve, nothing is lost, all replicas agree."""
        self.assertEqual([n.process.poll() for n in self.swarm.nodes], [None] * 3,
                         "\n".join(n.log.read_text()[-2000:] for n in self.swarm.nodes))
        self.swarm.wait_ready()
        self.put("after-" + self.id(), "kept")
        for when in ("before", "after"):
            code, out, err = self.swarm.ctl("kv", "get", f"{when}-{self.id()}")
            self.assertEqual((code, out.strip()), (0, "kept"), err)
        wait_for("equal digests", 30, self.digests_equal)
        for node in self.swarm.nodes:
            text = node.log.read_text()
            for bad in ("assertion failed", "AddressSanitizer", "runtime error:"):
                self.assertNotIn(bad, text)

    def digests_equal(self):
        code, out, _ = self.swarm.ctl("-o", "json", "health")
        return code == 0 and json.loads(out)["digests"] == "equal"

    def put(self, key, value):
        code, _, err = self.swarm.ctl("kv", "put", key, value)
        self.assertEqual(code, 0, err)

    def version(self, key):
        code, out, _ = self.swarm.ctl("-o", "json", "kv", "get", key)
        return int(json.loads(out)["kv"]["version"]) if code == 0 else 0

    def hostile(self, case, node=None, key=None, seconds=120, **names):
        """Runs one case against `node` (the leader) and returns what it printed."""
        node = node or self.leader
        peer = names.get("role") == "peer"
        words = {"address": f"127.0.0.1:{node.peer_port if peer else node.client_port}",
                 "swarm": node.swarm_id, "node": node.number, "node-key": node.public.hex(),
                 "key-file": key or self.swarm.client_key}
        words.update({name.replace("_", "-"): value for name, value in names.items()})
        args = [str(word) for pair in words.items() for word in pair]
        done = subprocess.run([HOSTILE, case, *args], capture_output=True, text=True,
                              timeout=seconds, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def counted(self, name, node=None):
        return (node or self.leader).metric(name)

    def assert_no_session(self, **names):
        """The handshake is refused, or not answered; and it is counted, and nobody got in."""
        sessions = self.counted("swarm_link_handshakes_total")
        refused = self.counted("swarm_link_handshakes_refused_total")
        found = self.hostile("handshake", **names)
        self.assertIn(found["welcome"], ("refused", "silence"))
        self.assertGreater(self.counted("swarm_link_handshakes_refused_total"), refused)
        self.assertEqual(self.counted("swarm_link_handshakes_total"), sessions)


class Strangers(Adversarial):
    """Whoever can reach a port, without a right key."""

    def test_the_honest_handshake_of_this_suite_works(self):
        self.assertEqual(self.hostile("handshake")["welcome"], "session")
        self.assertEqual(self.hostile("handshake", pattern="xx")["welcome"], "session")

    def test_unknown_key_at_the_client_port(self):
        self.assert_no_session(key=self.stranger_key)

    def test_unknown_key_with_the_longer_handshake(self):
        self.assert_no_session(key=self.stranger_key, pattern="xx")

    def test_unknown_key_at_the_peer_port(self):
        self.assert_no_session(key=self.stranger_key, role="peer", claim=2)

    def test_wrong_swarm(self):
        self.assert_no_session(swarm=secrets.token_hex(16))

    def test_wrong_key_of_the_node(self):
        self.assert_no_session(node_key=x25519_public(secrets.token_bytes(32)).hex())

    def test_handshake_meant_for_another_node(self):
        other = next(n for n in self.swarm.nodes if n is not self.leader)
        self.assert_no_session(node=self.leader, node_key=other.public.hex())

    def test_client_key_at_the_peer_port(self):
        self.assert_no_session(role="peer", claim=2)

    def test_member_key_that_claims_to_be_another_member(self):
        mine, other = [n for n in self.swarm.nodes if n is not self.leader]
        self.assert_no_session(role="peer", key=mine.key, claim=other.number)

    def test_member_key_that_claims_to_be_the_node_itself(self):
        mine = next(n for n in self.swarm.nodes if n is not self.leader)
        self.assert_no_session(role="peer", key=mine.key, claim=self.leader.number)

    def test_member_key_at_the_client_port(self):
        mine = next(n for n in self.swarm.nodes if n is not self.leader)
        self.assert_no_session(key=mine.key)

    def test_garbage_frames_at_both_ports(self):
        for role in ("client", "peer"):
            dropped = self.counted("swarm_link_dropped_malformed_total")
            with Honest(self.swarm, f"garbage-{role}") as honest:
                self.hostile("garbage", role=role, claim=2 if role == "peer" else 0, count=5000)
            self.assertIsNone(honest.failure)
            self.assertGreater(self.counted("swarm_link_dropped_malformed_total"), dropped + 1000)

    def test_flood_of_handshakes(self):
        sessions = self.counted("swarm_link_handshakes_total")
        with Honest(self.swarm, "flood") as honest:
            for role in ("client", "peer"):
                self.hostile("hello-flood", role=role, claim=2 if role == "peer" else 0, count=4000,
                             key=self.stranger_key)
        self.assertIsNone(honest.failure)
        self.assertGreater(honest.count, 0)
        self.assertLessEqual(self.counted("swarm_link_handshakes_total") - sessions,
                             4 * honest.count + 20)


class Wire(Adversarial):
    """Below the handshake: TCP and ZMTP as a stranger may speak them."""

    GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + b"\x00" + bytes(31)

    def connect(self, port):
        return socket.create_connection(("127.0.0.1", port), timeout=10)

    def ports(self):
        return (self.leader.client_port, self.leader.peer_port)

    @staticmethod
    def cut(sock):
        """Whether the node has ended the connection, which it is given nothing more on."""
        sock.setblocking(False)
        try:
            while sock.recv(4096):
                pass  # its own greeting
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def wait_given_up(self, opened):
        """They hold nothing for ever: all are cut, not by us."""
        wait_for("the connections being cut", 60, lambda: all(map(self.cut, opened)))

    def test_half_open_connections(self):
        opened = []
        try:
            with Honest(self.swarm, "half-open") as honest:
                for i in range(600):
                    s = self.connect(self.ports()[i % 2])
                    s.sendall(self.GREETING[:i % 64])
                    opened.append(s)
                self.wait_given_up(opened)
            self.assertIsNone(honest.failure)
            self.assertGreater(honest.count, 0)
        finally:
            for s in opened:
                s.close()

    def test_slow_loris(self):
        """A greeting at ten bytes a second, from many at once: the node gives them up although
        they go on talking."""
        opened = [self.connect(self.ports()[i % 2]) for i in range(60)]
        try:
            with Honest(self.swarm, "loris") as honest:
                for i in range(40):
                    for s in opened:
                        try:
                            s.send(self.GREETING[i:i + 1])
                        except OSError:
                            pass
                    time.sleep(0.1)
                self.wait_given_up(opened)
            self.assertIsNone(honest.failure)
            self.assertGreater(honest.count, 0)
        finally:
            for s in opened:
                s.close()

    def test_frames_that_claim_absurd_lengths(self):
        ready = (b"\x04\x26\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
                 b"\x08Identity\x00\x00\x00\x00")
        before = self.rss(self.leader)
        for port in self.ports():
            for size in (1 << 24, 1 << 31, 1 << 40, (1 << 63) - 1, (1 << 64) - 1):
                s = self.connect(port)
                s.sendall(self.GREETING + ready)
                try:
                    s.sendall(b"\x02" + size.to_bytes(8, "big"))
                    for _ in range(64):
                        s.sendall(bytes(1 << 20))
                except OSError:
                    pass  # cut, as it should be
                s.close()
        self.assertLess(self.rss(self.leader) - before, 256 << 20)

    def test_other_versions_of_the_transport_protocol(self):
        for greeting in (b"\x01\x00", b"\xff" + bytes(8) + b"\x01\x00",
                         b"\xff" + bytes(8) + b"\x7f\x01", b"\xff" + bytes(8) + b"\x7f\x09",
                         b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01"):
            for port in self.ports():
                for _ in range(5):
                    s = self.connect(port)
                    s.sendall(greeting + os.urandom(100))
                    s.close()

    def test_random_bytes(self):
        dice = random.Random(7)
        for i in range(300):
            s = self.connect(self.ports()[i % 2])
            start = self.GREETING if i % 3 == 0 else b""
            try:
                s.sendall(start + dice.randbytes(dice.randrange(1, 4000)))
            except OSError:
                pass
            s.close()

    @staticmethod
    def rss(node):
        text = pathlib.Path(f"/proc/{node.process.pid}/statm").read_text()
        return int(text.split()[1]) * 4096

    def through(self, bend, key):
        """One put through a man in the middle at the leader's client port."""
        proxy = Proxy(self.leader.client_port, bend)
        try:
            return self.swarm.ctl(
                "--endpoints", f"{self.leader.number}=127.0.0.1:{proxy.port}",
                "--command-timeout", "6s",
                "kv", "put", key, "through the middle")
        finally:
            proxy.close()

    def test_man_in_the_middle_that_only_listens(self):
        self.assertEqual(self.through(lambda data, at: data, "mitm-pass")[0], 0)

    def test_man_in_the_middle_that_changes_bytes(self):
        """What arrives is what was sent, or nothing; never something else, never twice."""
        dice = random.Random(11)

        def bend(data, passed):
            out = bytearray(data)
            if passed > 64 and dice.random() < 0.5:
                out[dice.randrange(len(out))] ^= 1 << dice.randrange(8)
            return bytes(out)

        for i in range(4):
            self.through(bend, f"mitm-bend-{i}")
            code, out, _ = self.swarm.ctl("kv", "get", f"mitm-bend-{i}")
            self.assertIn((code, out.strip()), ((0, "through the middle"), (code, "")))
            self.assertLessEqual(self.version(f"mitm-bend-{i}"), 1)


class Sessions(Adversarial):
    """Genuine sessions and frames, abused."""

    def scoped_version(self, key):
        code, out, _ = self.swarm.ctl("-o", "json", "--namespace", "adversarial", "kv", "get", key)
        return int(json.loads(out)["kv"]["version"]) if code == 0 else 0

    def test_a_replayed_handshake_opens_nothing(self):
        sessions = self.counted("swarm_link_handshakes_total")
        self.hostile("hello-replay", count=3000)
        self.assertLessEqual(self.counted("swarm_link_handshakes_total") - sessions, 12)

    def test_a_replayed_frame_runs_once(self):
        replayed = self.counted("swarm_link_dropped_replayed_total")
        found = self.hostile("frame-replay", count=500)
        self.assertEqual(found["version"], self.scoped_version("frame-replay"))
        self.assertEqual(found["version"], 1)
        wait_for("500 frames being counted", 10, lambda: self.counted(
            "swarm_link_dropped_replayed_total") >= replayed + 500)

    def test_a_bent_frame_never_runs(self):
        """The genuine frame comes last and is still good: nothing bent was taken for it. (After
        1,024 useless frames in a row the node hangs up.)"""
        for turn in (1, 2):
            found = self.hostile("frame-flip", count=1000, seed=turn)
            self.assertEqual(found["version"], turn)

    def test_a_cut_frame_never_runs(self):
        self.assertEqual(self.hostile("frame-cut")["version"], 0)

    def test_a_reflected_frame_does_nothing(self):
        found = self.hostile("frame-reflect", count=50)
        self.assertEqual(found["version"], 50)

    def test_speaking_in_the_session_of_another(self):
        unsealed = self.counted("swarm_link_dropped_unsealed_total")
        found = self.hostile("frame-spoof", count=200)
        self.assertEqual(found["version"], 0)
        wait_for("200 frames being counted", 10, lambda: self.counted(
            "swarm_link_dropped_unsealed_total") >= unsealed + 200)


class Clients(Adversarial):
    """A right key and bad manners."""

    def test_random_requests(self):
        with Honest(self.swarm, "random") as honest:
            found = self.hostile("requests-random", count=3000)
        self.assertIsNone(honest.failure)
        self.assertEqual(found["ok"], 0)

    def test_mutated_requests_of_each_kind(self):
        with Honest(self.swarm, "mutated") as honest:
            self.hostile("requests-mutated", count=3000, key=self.writer_key)
        self.assertIsNone(honest.failure)

    def test_lengths_that_lie_at_both_levels(self):
        with Honest(self.swarm, "lengths") as honest:
            self.hostile("lengths")
        self.assertIsNone(honest.failure)

    def test_over_each_limit_is_a_typed_refusal(self):
        self.assertEqual(self.hostile("limits"), {"sent": 7, "ok": 0, "unanswered": 0})

    def test_a_client_that_takes_no_answers(self):
        code, _, err = self.swarm.ctl("--namespace", "adversarial", "kv", "put", "deaf",
                                      "x" * 90000)
        self.assertEqual(code, 0, err)
        before = Wire.rss(self.leader)
        with Honest(self.swarm, "deaf") as honest:
            self.hostile("deaf", count=4000, argument=4)
        self.assertIsNone(honest.failure)
        self.assertLess(Wire.rss(self.leader) - before, 512 << 20)

    def test_no_form_of_any_operation_gets_into_another_tenant(self):
        """An identity with rights in tenant `mine` tries everything about `secret` and `~swarm`."""
        secret = secrets.token_bytes(32)
        key = self.write_key("tenant", secret)
        public = x25519_public(secret).hex()
        for words in (("kv", "put", "hidden", "top-secret-marker"),
                      ("experience", "append", "top-secret-marker")):
            code, _, err = self.swarm.ctl("--tenant", "secret", "--namespace", "adversarial",
                                          *words)
            self.assertEqual(code, 0, err)
        code, _, err = self.swarm.ctl("identity", "create", "visitor", "--key", public,
                                      "--rights", "rw mine", "--note", "top-secret-marker")
        self.assertEqual(code, 0, err)
        found = self.hostile("other-tenants", key=key)
        self.assertEqual((found["given"], found["leaked"]), (0, 0))
        self.assertGreater(found["refused"], 100)
        code, out, _ = self.swarm.ctl("-o", "json", "identity", "list")
        self.assertEqual([i["rights"] for i in json.loads(out)["identities"]], ["rw mine"])

    def test_sessions_without_end(self):
        with Honest(self.swarm, "sessions") as honest:
            found = self.hostile("many-sessions", count=1500)
        self.assertIsNone(honest.failure)
        self.assertEqual(found["opened"], 1500)

    def test_rights_are_kept(self):
        config = pathlib.Path(self.folder.name) / "reader.conf"
        config.write_text(self.swarm.client_config.read_text().replace("client.key", "read.key"))
        for words in (("kv", "put", "k", "v"), ("kv", "del", "k"), ("experience", "append", "x"),
                      ("node", "transfer"), ("snapshot", "take")):
            done = subprocess.run([BIN / "swarmctl", "--config", config, *words],
                                  capture_output=True, text=True, timeout=30, check=False)
            self.assertNotEqual(done.returncode, 0, words)
        self.assertEqual(self.version("k"), 0)


class Members(Adversarial):
    """The key of a member in wrong hands: the member itself is stopped, its key speaks.

    What such a key can do is in README.md: it can depose leaders, and Raft has no defence
    against one that forges entries. Tested here: it crashes nobody, gets no vote that its log does
    not deserve, and when it falls silent the swarm goes on with everything it had acknowledged.
    """

    def setUp(self):
        super().setUp()
        self.thief = next(n for n in self.swarm.nodes if n is not self.leader)
        self.thief.stop()
        self.leader = self.swarm_leader()

    def tearDown(self):
        self.thief.start()
        wait_for("the member is back", 30, self.thief.ready)
        super().tearDown()

    def swarm_leader(self):
        def probe():
            for node in self.swarm.nodes:
                if node is not self.thief and node.metric("swarm_raft_is_leader") == 1:
                    return node
            return None
        return wait_for("a leader of two", 30, probe)

    def lie(self, case, count, node=None):
        node = node or self.leader
        return self.hostile(case, node=node, key=self.thief.key, role="peer",
                            claim=self.thief.number, count=count,
                            argument=int(node.metric("swarm_raft_term")))

    def both(self):
        return [n for n in self.swarm.nodes if n is not self.thief]

    def test_random_messages(self):
        for node in self.both():
            self.lie("member-random", 2000, node)

    def test_absurd_numbers_in_well_formed_messages(self):
        for node in self.both():
            self.lie("member-mutated", 2000, node)

    def test_more_log_than_there_is(self):
        self.lie("member-overclaim", 200)

    def test_a_leader_of_the_past(self):
        for node in self.both():
            term = node.metric("swarm_raft_term")
            self.lie("member-old-leader", 500, node)
            self.assertGreaterEqual(node.metric("swarm_raft_term"), term)

    def test_votes_for_an_empty_log(self):
        for node in self.both():
            self.assertEqual(self.lie("member-votes", 40, node)["granted"], 0)

    def test_a_false_leader_falls_silent(self):
        for node in self.both():
            self.lie("member-deposes", 100, node)
        self.leader = self.swarm_leader()

    def test_state_that_nobody_asked_for(self):
        for node in self.both():
            self.lie("member-state", 500, node)


del Adversarial  # the common part is not a test

if __name__ == "__main__":
    unittest.main(verbosity=2)
