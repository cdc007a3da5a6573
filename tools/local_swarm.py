"""A swarm of swarmd processes on loopback, for demo.py and bench.py.

Everything lives in one folder: what `swarmctl swarm create` wrote, the logs, and the file `pids`,
which names every process that was started, with its start time, so that a later run stops its own
old processes and never a stranger's.
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("SWARM_BIN", ROOT / "build" / "release" / "bin"))


class Failure(Exception):
    """Something did not happen in time or did not hold; the text is for people."""


def wait_for(what, seconds, probe, step=0.02):
    """Calls `probe` until it gives something true; a Failure that names `what` after `seconds`."""
    limit = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > limit:
            raise Failure(f"{what} did not happen within {seconds} s")
        time.sleep(step)


def start_time(pid):
    """When the process started, in clock ticks since boot; None if there is none (or a zombie)."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] == "Z" else fields[19]


class PidFile:
    """The processes that a folder's owner started, to be found again by a later run."""

    def __init__(self, path):
        self.path = path

    def add(self, name, pid):
        with open(self.path, "a", encoding="ascii") as out:
            out.write(f"{name} {pid} {start_time(pid)}\n")

    def alive(self):
        rows = []
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                name, pid, started = line.split()
                if start_time(int(pid)) == started:
                    rows.append((name, int(pid)))
        return rows

    def stop_all(self, seconds=10):
        """TERM, and KILL for those that do not end in time. Returns how many were alive."""
        rows = self.alive()
        for number, grace in ((signal.SIGTERM, seconds), (signal.SIGKILL, 5)):
            for _, pid in self.alive():
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            limit = time.monotonic() + grace
            while self.alive() and time.monotonic() < limit:
                reap()
                time.sleep(0.02)
        return len(rows)


def reap():
    """Collects children that have ended, so that they do not stay as zombies."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def free_ports(count, first):
    """The first `count` free neighbouring TCP ports on loopback at or above `first`."""
    base = first
    while base + count < 65000:
        for offset in range(count):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", base + offset))
                except OSError:
                    base += offset + 1
                    break
        else:
            return base
    raise Failure("no free ports on loopback")


class SwarmCluster:
    """Three swarmd processes, created by swarmctl; the settings are flags of swarmd."""

    name = "swarm"

    def __init__(self, folder, election_ms=None, heartbeat_ms=None, snapshot_bytes=None):
        self.folder = pathlib.Path(folder)
        self.pids = PidFile(self.folder / "pids")
        self.processes = {}
        self.flags = []
        if election_ms:
            self.flags += ["--election", f"{election_ms}ms", "--heartbeat", f"{heartbeat_ms}ms"]
        if snapshot_bytes:
            self.flags += ["--snapshot-bytes", str(snapshot_bytes)]

    @property
    def client_config(self):
        return self.folder / "client.conf"

    def node_config(self, node):
        return self.folder / f"node-{node}" / "swarmd.conf"

    def create(self):
        """Keys and settings of a new swarm; its ports are free ones."""
        done = subprocess.run(
            [str(BIN / "swarmctl"), "swarm", "create", str(self.folder), "--nodes", "3",
             "--base-port", str(free_ports(30, 6700))], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"swarmctl swarm create failed: {done.stderr.strip()}")

    def start_node(self, node):
        with open(self.folder / f"node-{node}.log", "ab") as log:
            self.processes[node] = subprocess.Popen(
                [str(BIN / "swarmd"), "--config", str(self.node_config(node)), *self.flags],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.pids.add(f"node-{node}", self.processes[node].pid)

    def start(self):
        if not self.client_config.exists():
            self.create()
        for node in (1, 2, 3):
            self.start_node(node)
        self.wait_ready()

    def http_address(self, node):
        text = self.node_config(node).read_text()
        return re.search(r"^http\s*=\s*(\S+)", text, flags=re.M)[1]

    def http(self, node, path):
        with urllib.request.urlopen(f"http://{self.http_address(node)}{path}", timeout=2) as answer:
            return answer.read().decode()

    def node_ready(self, node):
        if self.processes[node].poll() is not None:
            raise Failure(f"node {node} ended with {self.processes[node].returncode}, see "
                          f"{self.folder.name}/node-{node}.log")
        try:
            return bool(self.http(node, "/readyz"))
        except (OSError, urllib.error.URLError):
            return False

    def wait_ready(self, nodes=(1, 2, 3), seconds=30):
        for node in nodes:
            wait_for(f"node {node} being ready", seconds, lambda: self.node_ready(node), 0.005)

    def metrics(self, node):
        """{name: value} of the samples without labels."""
        rows = {}
        for line in self.http(node, "/metrics").splitlines():
            if not line.startswith("#") and "{" not in line:
                name, value = line.split()
                rows[name] = float(value)
        return rows

    def leader(self):
        """The number of the leading node, or None; of two, the one of the newer term."""
        leaders = {}
        for node, process in self.processes.items():
            try:
                figures = self.metrics(node) if process.poll() is None else {}
            except (OSError, urllib.error.URLError):
                continue
            if figures.get("swarm_raft_is_leader") == 1:
                leaders[figures["swarm_raft_term"]] = node
        return leaders[max(leaders)] if leaders else None

    def syncs(self, node):
        return self.metrics(node)["swarm_wal_syncs_total"]

    def log_mib(self, node):
        """Size of the entries that a start has to read."""
        return round(self.metrics(node)["swarm_wal_live_bytes"]) >> 20

    def kill(self, node):
        self.processes[node].kill()
        self.processes[node].wait()

    def terminate(self, node):
        self.processes[node].send_signal(signal.SIGTERM)
        self.processes[node].wait(timeout=30)

    def stop(self):
        self.pids.stop_all()

    def digests(self):
        """{node: digest of its state} once all nodes stand at one index, else None."""
        done = subprocess.run(
            [str(BIN / "swarmctl"), "--config", str(self.client_config), "-o", "json", "health"],
            capture_output=True, text=True, timeout=30, check=False)
        try:
            answer = json.loads(done.stdout)
        except ValueError as error:
            raise Failure(f"swarmctl health: {done.stderr.strip() or 'no JSON'}") from error
        rows = {row["node"]: row.get("digest") for row in answer["nodes"]}
        return rows if answer["digests"] != "not compared" and all(rows.values()) else None

    def load(self, workload, clients, in_flight, value_size, seconds, warmup, keys, rate=0):
        """Runs swarm-bench; its result as a dict. A connection has 4,000 requests under way."""
        threads = 1 + clients * in_flight // 4000
        done = subprocess.run(
            [str(BIN / "swarm-bench"), workload, "--config", str(self.client_config),
             "--clients", str(clients), "--in-flight", str(in_flight), "--keys", str(keys),
             "--value-size", str(value_size), "--rate", str(rate),
             "--threads", str(threads), "--duration", f"{seconds}s",
             "--warmup", f"{warmup}s" if warmup else "1ms", "--puts", "20", "-o", "json"],
            capture_output=True, text=True, timeout=seconds + warmup + 120, check=False)
        if done.returncode != 0:
            raise Failure(f"swarm-bench failed: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def ticker(self, seconds):
        """A process that writes one key after the other; a line an acknowledgement."""
        return subprocess.Popen([str(BIN / "demo-agent"), "tick", str(self.client_config),
                                 str(seconds)], stdout=subprocess.PIPE, text=True)
