"""What each node says about itself, four times a second: leader, term, indexes, up or not.

One thread a node, because a paused node answers late and must not hide the others.
"""
import json
import threading
import time

PERIOD_S = 0.25
FRESH_NS = 1_000_000_000
GAUGES = {"swarm_raft_is_leader": "leader", "swarm_raft_has_leader": "has_leader",
          "swarm_raft_term": "term", "swarm_raft_proposals_committed": "committed",
          "swarm_raft_proposals_applied": "applied", "swarm_disk_full": "disk_full",
          "swarm_raft_leader_changes_total": "leader_changes",
          "swarm_snapshot_save_total": "snapshots", "swarm_snapshot_received_total": "installs"}


def gauges(text):
    """The figures that a sample keeps, from the text of /metrics."""
    row = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name in GAUGES:
            row[GAUGES[name]] = int(float(value))
    return row


class Sampler:
    """Writes samples.jsonl and answers questions about the present."""

    def __init__(self, cluster, path):
        self.cluster = cluster
        self.path = path
        self.latest = {}    # node: (when answered, row)
        self.stopping = threading.Event()
        self.threads = []
        self.highest = {"term": 0, "committed": 0, "leader_changes": 0, "snapshots": 0,
                        "installs": 0, "disk_full": 0}

    def start(self):
        for number in self.cluster.nodes:
            self.watch(number)
        self._begin(self._write)

    def watch(self, number):
        """One more node."""
        self._begin(self._poll, number)

    def _begin(self, work, *args):
        self.threads.append(threading.Thread(target=work, args=args, daemon=True))
        self.threads[-1].start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=5)

    def _poll(self, number):
        node = self.cluster.nodes[number]
        while not self.stopping.is_set():
            started = time.monotonic()
            if node.process is not None:
                try:
                    _, text = self.cluster.http(number, "/metrics", timeout=1.0)
                    self.latest[number] = (self.cluster.log.now(), gauges(text))
                except OSError:
                    pass  # silence is what the sample shows
            self.stopping.wait(max(0.01, PERIOD_S - (time.monotonic() - started)))

    def _write(self):
        with open(self.path, "w", encoding="utf-8") as out:
            while not self.stopping.wait(PERIOD_S):
                self.cluster.notice_ends()
                row = self.sample()
                for figures in row["nodes"].values():
                    for name in self.highest:
                        self.highest[name] = max(self.highest[name], figures.get(name, 0))
                out.write(json.dumps(row) + "\n")
                out.flush()

    def sample(self):
        """{"time": ns, "nodes": {"1": {"up", "paused", "answers", and gauges when it answers}}}"""
        now = self.cluster.log.now()
        rows = {}
        for number, node in list(self.cluster.nodes.items()):
            row = {"up": node.alive(), "paused": node.paused, "answers": False}
            when, figures = self.latest.get(number, (0, {}))
            if row["up"] and figures and now - when < FRESH_NS:
                row.update(figures, answers=True)
            rows[str(number)] = row
        return {"time": now, "nodes": rows}

    def leader(self):
        """The node that leads in the newest term among those that answered lately, or None."""
        best = None
        for number, row in self.sample()["nodes"].items():
            if row.get("leader") == 1 and (best is None or row["term"] > best[0]):
                best = (row["term"], int(number))
        return best[1] if best else None

    def same_index(self, numbers):
        """True once all of them answer, know a leader and have executed the same index."""
        rows = [self.sample()["nodes"][str(n)] for n in numbers]
        return (bool(rows) and all(r["answers"] and r.get("has_leader") == 1 for r in rows)
                and len({r["applied"] for r in rows}) == 1
                and all(r["applied"] == r["committed"] for r in rows))


def leaderless(path, begin_ns, end_ns):
    """The longest time, in seconds, in which no node of the samples led, between two moments."""
    longest, since = 0, begin_ns
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["time"] < begin_ns or row["time"] > end_ns:
                continue
            if any(node.get("leader") == 1 for node in row["nodes"].values()):
                longest, since = max(longest, row["time"] - since), row["time"]
    return max(longest, end_ns - since) / 1e9
