"""Real swarmd processes on loopback, for the integration tests.

Each test has a private folder, ports that were free a moment ago, and hard time limits; every
process that a test started is gone when the test ends, whatever happened.
"""
import base64
import contextlib
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

BIN = pathlib.Path(os.environ["SW_TEST_BIN"])
START_S = 20
STOP_S = 20

P = 2**255 - 19


def x25519_public(secret):
    """The public key of a secret: RFC 7748, section 5, by the book; only for making test keys."""
    k = bytearray(secret)
    k[0] &= 248
    k[31] = (k[31] & 127) | 64
    scalar = int.from_bytes(k, "little")
    x1, x2, z2, x3, z3, swap = 9, 1, 0, 9, 1, 0
    for t in reversed(range(255)):
        bit = (scalar >> t) & 1
        if swap ^ bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        da, cb = d * a % P, c * b % P
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        aa, bb = a * a % P, b * b % P
        e = (aa - bb) % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def free_ports(count):
    """Ports below those that the kernel gives to outgoing connections: while a node is down, its
    peers dial it again and again, and one of them could be given the node's own port."""
    with contextlib.ExitStack() as stack:
        found = []
        while len(found) < count:
            port = 10000 + secrets.randbelow(22000)
            s = stack.enter_context(socket.socket())
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
        return found


def wait_for(what, seconds, probe):
    limit = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > limit:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(0.02)


class Node:
    """One swarmd: its files, its ports, and its process while it runs."""

    def __init__(self, folder, number, swarm_id):
        self.folder = folder
        self.number = number
        self.swarm_id = swarm_id
        self.client_port, self.peer_port, self.http_port = free_ports(3)
        self.secret = secrets.token_bytes(32)
        self.public = x25519_public(self.secret)
        self.config = folder / f"node-{number}.conf"
        self.key = folder / f"node-{number}.key"
        self.data = folder / f"data-{number}"
        self.log = folder / f"node-{number}.log"
        self.process = None

    def member_line(self):
        return (f"{self.number} = 127.0.0.1:{self.peer_port}, 127.0.0.1:{self.client_port}, "
                f"{self.public.hex()}")

    def write(self, members, clients, extra=""):
        text = base64.b64encode(self.secret).decode()
        self.key.write_text(f"swarm-key-v1 secret {text}\n")
        self.key.chmod(0o600)
        self.config.write_text("\n".join([
            "[swarm]", f"id = {self.swarm_id}",
            "[node]", f"id = {self.number}", f"data_dir = {self.data}", f"key_file = {self.key}",
            f"clients_file = {clients}",
            "[listen]", f"client = 127.0.0.1:{self.client_port}",
            f"peer = 127.0.0.1:{self.peer_port}", f"http = 127.0.0.1:{self.http_port}",
            "[storage]", "wal_segment = 4MiB",
            *([] if "map_size" in extra else ["map_size = 256MiB"]),
            extra,
            "[members]", *members, ""]))

        self.put_marker()

    def put_marker(self, swarm_id=None, number=None):
        """What `swarmctl swarm create` leaves in the data directory of a node that never ran."""
        self.data.mkdir(mode=0o700, exist_ok=True)
        (self.data / "first-start").write_text(
            f"swarmstore-first-start 1\nswarm {swarm_id or self.swarm_id}\n"
            f"node {number or self.number}\n")

    def untouched(self):
        """The data directory is as it was before the first start."""
        return [p.name for p in self.data.iterdir()] == ["first-start"]

    def run(self, *flags, seconds=START_S):
        """To the end: for starts that are meant to fail. Returns (exit code, stderr)."""
        done = subprocess.run([BIN / "swarmd", "--config", self.config, *flags],
                              capture_output=True, text=True, timeout=seconds, check=False)
        return done.returncode, done.stderr

    def start(self, *flags, before=None):
        """`before` runs in the new process before swarmd does."""
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([BIN / "swarmd", "--config", self.config, *flags],
                                            stdout=log, stderr=log, preexec_fn=before)

    def get(self, path):
        """(status, body) over HTTP; (0, "") while nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=2) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def ready(self):
        assert self.process.poll() is None, self.log.read_text()
        return self.get("/readyz")[0] == 200

    def metric(self, name):
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise AssertionError(f"no metric {name}")

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self):
        """The exit code; a process that does not end is killed and fails the test."""
        try:
            return self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"node {self.number} did not stop") from None

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait()


class Swarm:
    def __init__(self, count=3, extra="", folder=None):
        self.folder = pathlib.Path(folder)
        self.swarm_id = secrets.token_hex(16)
        self.nodes = [Node(self.folder, i + 1, self.swarm_id) for i in range(count)]
        self.client_secret = secrets.token_bytes(32)
        self.clients = self.folder / "clients.allow"
        self.clients.write_text(f"{x25519_public(self.client_secret).hex()} admin test\n")
        self.client_key = self.folder / "client.key"
        text = base64.b64encode(self.client_secret).decode()
        self.client_key.write_text(f"swarm-key-v1 secret {text}\n")
        self.client_key.chmod(0o600)
        self.client_config = self.folder / "client.conf"
        self.write(extra)

    def write(self, extra=""):
        for node in self.nodes:
            node.write([n.member_line() for n in self.nodes], self.clients, extra)
        self.client_config.write_text("\n".join([
            "[swarm]", f"id = {self.swarm_id}", "[client]", "key_file = client.key", "[nodes]",
            *(f"{n.number} = 127.0.0.1:{n.client_port}, {n.public.hex()}" for n in self.nodes),
            ""]))

    def adopt(self, swarm_id, secret):
        """Become the swarm of one whose data directory is put in the place of the first node's."""
        node = self.nodes[0]
        self.swarm_id = node.swarm_id = swarm_id
        node.secret = secret
        node.public = x25519_public(secret)
        self.write()
        (node.data / "first-start").unlink()

    def tool(self, program, *args, text=None, seconds=START_S):
        """A client program of the swarm, to its end: (exit code, stdout, stderr)."""
        done = subprocess.run([BIN / program, *args, "--config", self.client_config],
                              input=text, capture_output=True, text=True, timeout=seconds,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def ctl(self, *args, text=None):
        return self.tool("swarmctl", *args, text=text)

    def start(self):
        for node in self.nodes:
            node.start()
        self.wait_ready()

    def wait_ready(self):
        for node in self.nodes:
            wait_for(f"node {node.number} is ready", START_S, node.ready)

    def leader(self):
        def probe():
            for node in self.nodes:
                if node.process.poll() is None and node.metric("swarm_raft_is_leader") == 1:
                    return node
            return None
        return wait_for("a leader", START_S, probe)

    def kill_all(self):
        for node in self.nodes:
            if node.process is not None and node.process.poll() is None:
                node.process.kill()
                node.process.wait()


@contextlib.contextmanager
def swarm(count=3, extra=""):
    with tempfile.TemporaryDirectory(prefix="swarm-test-") as folder:
        made = Swarm(count, extra, folder)
        try:
            yield made
        finally:
            made.kill_all()
