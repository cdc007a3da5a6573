#!/usr/bin/env python3
"""How long nobody can write after the leader is killed, paused or cut off; beside etcd's.

usage: ./run chaos --unavailability [--times N] [--seconds S] [-o json]

Three nodes in network namespaces of their own, a client in a fourth that writes one key after the
other and is never cut off from the healthy nodes. A fault hits the leader; what is measured is the
time from there to the first acknowledgement of a write that was asked for afterwards. A pause
(SIGSTOP) and a partition (the leader reaches nobody, nobody reaches it) last S seconds and are then
healed; the longest gap around the healing is measured, too. Both systems run in turn on one
machine; what counts is the ratio. swarmd runs with its own default timeouts and once with etcd's.
"""
import argparse
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tools")]

import bench_etcd  # noqa: E402
import local_swarm  # noqa: E402
from harness import cutters, network  # noqa: E402
from local_swarm import Failure, wait_for  # noqa: E402

FAULTS = ("kill", "pause", "partition")
REST_S = 1.0


class InNet:
    """What both systems share: processes and HTTP inside the namespaces of a network."""

    def http_at(self, end, host, port, path, body=None):
        with network.inside(self.net.namespace(end)):
            made = socket.socket()
        made.settimeout(2)
        try:
            made.connect((host, port))
            link = http.client.HTTPConnection(host, port)
            link.sock = made
            link.request("POST" if body else "GET", path, body=body)
            answer = link.getresponse()
            text = answer.read().decode()
            if answer.status != 200:
                raise OSError(f"HTTP {answer.status}")
            return text
        finally:
            made.close()

    def spawn(self, end, command, log=None, **more):
        out = open(log, "ab") if log else None
        try:
            return subprocess.Popen([*self.net.prefix(end), *command], stdin=subprocess.DEVNULL,
                                    stderr=out, start_new_session=True,
                                    **({"stdout": out} | more))
        finally:
            if out:
                out.close()


class Swarm(InNet, local_swarm.SwarmCluster):
    def __init__(self, folder, net, election_ms=None):
        super().__init__(folder, election_ms, election_ms and election_ms // 10)
        self.net = net

    def create(self):
        network.must(str(local_swarm.BIN / "swarmctl"), "swarm", "create", str(self.folder),
                     *self.net.create_flags())

    def start_node(self, node):
        self.processes[node] = self.spawn(
            node, [str(local_swarm.BIN / "swarmd"), "--config", str(self.node_config(node)),
                   *self.flags], self.folder / f"node-{node}.log")
        self.pids.add(f"node-{node}", self.processes[node].pid)

    def http(self, node, path):
        return self.http_at(node, "127.0.0.1", network.BASE_PORT + 2, path)

    def node_ready(self, node):
        try:
            return bool(self.http(node, "/readyz"))
        except OSError:
            return False

    def ticker(self, seconds):
        return self.spawn(network.CLIENTS, [str(local_swarm.BIN / "demo-agent"), "tick",
                                            str(self.client_config), str(seconds)],
                          stdout=subprocess.PIPE, text=True)


class Etcd(InNet, bench_etcd.EtcdCluster):
    def __init__(self, folder, net, _election_ms=None):
        super().__init__(folder, 1000, 100)
        self.net = net

    def client_address(self, node):
        return f"{network.address_of(node)}:2379"

    def peer_url(self, node):
        return f"http://{network.address_of(node)}:2380"

    def start_node(self, node):
        self.processes[node] = self.spawn(node, self.command(node), self.folder / f"n{node}.log")
        self.pids.add(f"etcd-{node}", self.processes[node].pid)

    def http(self, node, path, body=None):
        return self.http_at(node, network.address_of(node), 2379, path, body)

    def ticker(self, seconds):
        return self.spawn(network.CLIENTS, [
            str(bench_etcd.LOADER), "-endpoints", self.endpoints, "-workload", "tick",
            "-duration", f"{seconds}s"], stdout=subprocess.PIPE, text=True)


class Ticks:
    """The acknowledgements of a ticker, read as they come."""

    def __init__(self, cluster, seconds):
        self.rows = []
        self.process = cluster.ticker(seconds)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            _, began, ended = line.split()
            self.rows.append((int(began), int(ended)))

    def going(self, more=50):
        seen = len(self.rows)
        wait_for("writes going on", 60, lambda: len(self.rows) > seen + more)

    def first_asked_after(self, moment):
        """ms from `moment` to the first acknowledgement of a later request."""
        def probe():
            return next((end for begin, end in self.rows[-2000:] if begin > moment), None)
        return (wait_for("a write after the fault", 60, probe, step=0.002) - moment) / 1e6

    def longest_gap(self, since, until):
        ends = [since] + [end for _, end in self.rows if since <= end <= until] + [until]
        return max(b - a for a, b in zip(ends, ends[1:])) / 1e6

    def close(self):
        self.process.kill()
        self.process.wait()
        self.thread.join(timeout=5)


def strike(cluster, fault, leader):
    if fault == "kill":
        cluster.kill(leader)
    elif fault == "pause":
        cluster.processes[leader].send_signal(signal.SIGSTOP)
    else:
        others = [end for end in cluster.net.ends if end != leader]
        cluster.net.cut([(leader, end) for end in others] + [(end, leader) for end in others])


def heal(cluster, fault, leader):
    if fault == "kill":
        cluster.start_node(leader)
    elif fault == "pause":
        cluster.processes[leader].send_signal(signal.SIGCONT)
    else:
        cluster.net.cut([])
    cluster.wait_ready((leader,), seconds=60)


def measure(cluster, fault, args):
    """{"unavailable_ms": [...], "healing_gap_ms": [...]}"""
    ticks = Ticks(cluster, args.times * 60 + 120)
    found = {"unavailable_ms": [], "healing_gap_ms": []}
    try:
        for _ in range(args.times):
            ticks.going()
            leader = wait_for("a leader", 60, cluster.leader)
            strike(cluster, fault, leader)
            struck = time.time_ns()  # a cut takes some commands; writes pass until it is whole
            found["unavailable_ms"].append(round(ticks.first_asked_after(struck), 1))
            left = args.seconds - (time.time_ns() - struck) / 1e9
            time.sleep(max(left, 0) if fault != "kill" else 0)
            healed = time.time_ns()
            heal(cluster, fault, leader)
            ticks.going()
            time.sleep(REST_S)
            found["healing_gap_ms"].append(round(ticks.longest_gap(healed, time.time_ns()), 1))
    finally:
        ticks.close()
    return found


def run_one(name, make, args):
    """All faults on one fresh cluster."""
    run_id = "u" + f"{os.getpid() % 46656:x}"[-3:]
    net = network.Namespaces(run_id, [1, 2, 3], cutters.CUTTERS["nft"]())
    folder = pathlib.Path(tempfile.mkdtemp(prefix="swarm-unavailability-"))
    cluster = None
    result = {}
    try:
        net.setup()
        cluster = make(folder / name.replace(" ", "-"), net)
        cluster.start()
        for fault in FAULTS:
            result[fault] = measure(cluster, fault, args)
            times = result[fault]["unavailable_ms"]
            print(f"{name:26} {fault:10} unavailable "
                  f"{' '.join(f'{ms:.0f}' for ms in times)} ms", file=sys.stderr, flush=True)
        return result
    finally:
        if cluster is not None:
            cluster.stop()
        net.close()
        shutil.rmtree(folder, ignore_errors=True)


def summary(times):
    return {"median": round(statistics.median(times), 1), "max": round(max(times), 1)}


def table(results):
    lines = ["| fault on the leader | figure | etcd | swarm, own timeouts | ratio | swarm, etcd's "
             "timeouts | ratio |", "|---|---|---:|---:|---:|---:|---:|"]
    etcd = results["etcd"]
    for fault in FAULTS:
        for key, words in (("unavailable_ms", "no writes for"),
                           ("healing_gap_ms", "gap at healing")):
            for which in ("median", "max"):
                base = summary(etcd[fault][key])[which]
                cells = [f"{base:.0f} ms"]
                for name in ("swarm", "swarm, election 1000 ms"):
                    mine = summary(results[name][fault][key])[which]
                    cells += [f"{mine:.0f} ms", f"{mine / base:.2f}" if base else "-"]
                lines.append(f"| {fault} | {words}: {which} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(usage="./run chaos --unavailability [--times N]")
    parser.add_argument("--times", type=int, default=7, help="of each fault (7)")
    parser.add_argument("--seconds", type=float, default=5, help="a pause or partition lasts (5)")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    args = parser.parse_args()
    if os.geteuid() != 0:
        print("unavailability: network namespaces need root: run this with sudo", file=sys.stderr)
        return 2
    bench_etcd.build_loader()
    results = {
        "etcd": run_one("etcd", Etcd, args),
        "swarm": run_one("swarm", Swarm, args),
        "swarm, election 1000 ms": run_one(
            "swarm, election 1000 ms", lambda folder, net: Swarm(folder, net, 1000), args),
    }
    print(json.dumps(results) if args.output == "json" else table(results))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"unavailability: {failure}", file=sys.stderr)
        sys.exit(1)
