"""A three-node etcd on loopback, the other side of bench.py: fsync on, no TLS.

Its server is Debian's, or the one that tools/etcd_peer pins and Go compiles.
"""
import json
import os
import pathlib
import signal
import subprocess
import urllib.request

from local_swarm import ROOT, Failure, PidFile, free_ports, wait_for

LOADER = ROOT / "build" / "etcd_bench"
PEER = ROOT / "build" / "etcd_peer"


class EtcdCluster:
    name = "etcd"

    def __init__(self, folder, election_ms, heartbeat_ms, server="etcd"):
        self.server = server
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pids = PidFile(self.folder / "pids")
        self.base = free_ports(6, 23790)
        self.election_ms = election_ms
        self.heartbeat_ms = heartbeat_ms
        self.processes = {}

    def client_address(self, node):
        return f"127.0.0.1:{self.base + node - 1}"

    def peer_url(self, node):
        return f"http://127.0.0.1:{self.base + 2 + node}"

    @property
    def endpoints(self):
        return ",".join(self.client_address(node) for node in (1, 2, 3))

    def command(self, node):
        url = "http://" + self.client_address(node)
        members = ",".join(f"n{other}={self.peer_url(other)}" for other in (1, 2, 3))
        return [str(self.server), "--name", f"n{node}", "--data-dir", str(self.folder / f"n{node}"),
                "--listen-client-urls", url, "--advertise-client-urls", url,
                "--listen-peer-urls", self.peer_url(node),
                "--initial-advertise-peer-urls", self.peer_url(node),
                "--initial-cluster", members, "--initial-cluster-state", "new",
                "--heartbeat-interval", str(self.heartbeat_ms),
                "--election-timeout", str(self.election_ms),
                "--quota-backend-bytes", str(8 << 30),
                "--logger", "zap", "--log-level", "error"]

    def start_node(self, node):
        with open(self.folder / f"n{node}.log", "ab") as log:
            self.processes[node] = subprocess.Popen(
                self.command(node), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        self.pids.add(f"etcd-{node}", self.processes[node].pid)

    def start(self):
        for node in (1, 2, 3):
            self.start_node(node)
        self.wait_ready()

    def http(self, node, path, body=None):
        request = urllib.request.Request("http://" + self.client_address(node) + path, data=body)
        with urllib.request.urlopen(request, timeout=2) as answer:
            return answer.read().decode()

    def node_ready(self, node):
        try:
            return json.loads(self.http(node, "/health")).get("health") == "true"
        except (OSError, ValueError):
            return False

    def wait_ready(self, nodes=(1, 2, 3), seconds=30):
        for node in nodes:
            wait_for(f"etcd node {node} being healthy", seconds, lambda: self.node_ready(node))

    def leader(self):
        """The number of the leading node, or None."""
        for node in (1, 2, 3):
            try:
                status = json.loads(self.http(node, "/v3/maintenance/status", b"{}"))
            except (OSError, ValueError):
                continue
            if status.get("leader") and status["leader"] == status["header"]["member_id"]:
                return node
        return None

    def metrics(self, node):
        """{name: value} of the samples without labels."""
        rows = {}
        for line in self.http(node, "/metrics").splitlines():
            if not line.startswith("#") and "{" not in line:
                name, value = line.split()
                rows[name] = float(value)
        return rows

    def log_mib(self, node):
        """Size of the node's write-ahead log."""
        return sum(path.stat().st_size for path in
                   (self.folder / f"n{node}" / "member" / "wal").iterdir()) >> 20

    def syncs(self, node):
        return self.metrics(node)["etcd_disk_wal_fsync_duration_seconds_count"]

    def kill(self, node):
        self.processes[node].kill()
        self.processes[node].wait()

    def terminate(self, node):
        self.processes[node].send_signal(signal.SIGTERM)
        self.processes[node].wait(timeout=30)

    def stop(self):
        self.pids.stop_all()

    def load(self, workload, clients, in_flight, value_size, seconds, warmup, keys, rate=0):
        """Runs the load generator; its result as a dict."""
        done = subprocess.run(
            [str(LOADER), "-endpoints", self.endpoints, "-workload", workload,
             "-clients", str(clients), "-in-flight", str(in_flight), "-keys", str(keys),
             "-rate", str(rate),
             "-value-size", str(value_size), "-duration", f"{seconds}s", "-warmup", f"{warmup}s"],
            capture_output=True, text=True, timeout=seconds + warmup + 120, check=True)
        return json.loads(done.stdout)

    def ticker(self, seconds):
        """A process that writes one key after the other; a line an acknowledgement."""
        return subprocess.Popen(
            [str(LOADER), "-endpoints", self.endpoints, "-workload", "tick",
             "-duration", f"{seconds}s"], stdout=subprocess.PIPE, text=True)


def build_loader():
    """The load generator."""
    build(ROOT / "tools" / "etcd_bench", LOADER)


def build_server(version):
    """The program of a server of that version; None means Debian's."""
    if version is None:
        return "etcd"
    build(ROOT / "tools" / "etcd_peer", PEER)
    return PEER


def build(folder, program):
    """Compiles a Go program if a source of it is newer than the binary."""
    sources = list(folder.glob("*.go")) + [folder / "go.mod", folder / "go.sum"]
    if program.exists() and all(program.stat().st_mtime > s.stat().st_mtime for s in sources):
        return
    program.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["go", "build", "-o", str(program), "."], cwd=folder, check=False,
                          env={**os.environ, "CGO_ENABLED": "0"})
    if done.returncode != 0:
        raise Failure(f"Go does not compile tools/{folder.name}; its go.mod says which Go it needs")
