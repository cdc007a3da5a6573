"""Faults of processes, paths and leadership. Each class is one nemesis: it plans from a seed, then
starts and heals what was planned. Faults of disks and clocks are in nemesis_disk.py.

Rule that all keep: data of at most a minority of the nodes is ever destroyed in a run, so what was
acknowledged must survive. Killing, pausing, cutting and power cuts destroy no synced data and may
hit all nodes.
"""
from . import network
from .schedule import order_of, round_s, timeline


def minority(count):
    return (count - 1) // 2


class Nemesis:
    """Base of all: `needs` names what the probe must have found."""

    name = ""
    claim = ""          # what the fault does, in a line, for --list
    needs = ()
    journal = False     # whether the shim must remember what was not synced
    calm = (1.0, 5.0)
    length = (1.0, 6.0)

    done = 0            # of what only a command that succeeds does

    def __init__(self, run):
        self.run = run
        self.cluster = run.cluster if run else None

    def effect(self):
        """How often it was seen to do something, as counted where it strikes, not where it was
        asked for; None where asking is doing (a signal, a removed file) or nothing counts."""
        return None

    def plan(self, draw, nodes, seconds):
        return [(start, end, self.draw(draw, nodes))
                for start, end in timeline(draw, seconds, self.calm, self.length)]

    def draw(self, draw, nodes):
        """Parameters of one fault."""
        return {"order": order_of(draw, nodes)}

    def prepare(self):
        """Before the nodes start."""

    def prepare_swarm(self):
        """In the swarm as it has just come up, before there are clients."""

    def start(self, params, key):
        """Begins a fault; returns what the history shows of it."""
        raise NotImplementedError

    def heal(self, params, key):
        """Ends it; returns what the history shows of it."""
        raise NotImplementedError

    def finish(self):
        """After the schedule: whatever a heal may have left. Called once, must not fail."""

    def converge(self):
        """Once all faults are healed and all nodes are up: what takes a working swarm to undo."""

    def may_refuse(self, _node, _code):
        """Why it is right that a node ended with this code and stays down; None if it is not."""
        return None

    def present(self, order):
        """The drawn order, with nodes that have joined in the places of those that are gone: else
        "all" would spare them, and a node cut off from all others would still reach them."""
        nodes = dict(self.cluster.nodes)
        joined = [n for n, node in nodes.items() if n not in order and not node.removed]
        kept = [n if not nodes[n].removed else joined.pop(0) if joined else None for n in order]
        return [n for n in kept if n is not None] + joined

    def leader_or(self, order):
        """The leader if one is known, else the first of the order."""
        return self.run.sampler.leader() or order[0]


class Kill(Nemesis):
    name = "kill"
    claim = "SIGKILL of one node, the leader, a minority, a majority or all; restart after a while"
    length = (0.2, 6.0)

    def draw(self, draw, nodes):
        kind = draw.choice(["one", "leader", "leader", "minority", "majority", "all"])
        return {"kind": kind, "order": order_of(draw, nodes)}

    def targets(self, params):
        order, kind = self.present(params["order"]), params["kind"]
        if kind == "leader":
            return [self.leader_or(order)]
        count = {"one": 1, "minority": minority(len(order)),
                 "majority": len(order) - minority(len(order)), "all": len(order)}[kind]
        return order[:count]

    def start(self, params, key):
        params["nodes"] = self.targets(params)
        for number in params["nodes"]:
            self.cluster.hold(number, key)
        self.cluster.kill(*params["nodes"])
        return {"kind": params["kind"], "nodes": params["nodes"]}

    def heal(self, params, key):
        for number in params["nodes"]:
            self.cluster.release(number, key)
        return {"nodes": params["nodes"]}


class RestartStorm(Nemesis):
    name = "restart-storm"
    claim = "one node after the other killed and started at once, some ten times in a row"
    calm = (3.0, 8.0)

    def plan(self, draw, nodes, seconds):
        rows = []
        for start, _ in timeline(draw, seconds, self.calm, (2.0, 2.0)):
            at = start
            for _ in range(draw.randrange(5, 15)):
                pause = draw.uniform(0.02, 0.5)
                if at + pause < seconds:
                    rows.append((round_s(at), round_s(at + pause), self.draw(draw, nodes)))
                at += pause + draw.uniform(0.02, 0.6)
        return rows

    def start(self, params, key):
        number = params["node"] = self.present(params["order"])[0]
        self.cluster.hold(number, key)
        self.cluster.kill(number)
        return {"nodes": [number]}

    def heal(self, params, key):
        self.cluster.release(params["node"], key)
        return {"nodes": [params["node"]]}


class RollingRestart(Nemesis):
    name = "rolling-restart"
    claim = "each node stopped in order by SIGTERM and started again, as for an upgrade"
    calm = (2.0, 5.0)
    length = (6.0, 10.0)

    def plan(self, draw, nodes, seconds):
        rows = []
        for start, end in timeline(draw, seconds, self.calm, self.length):
            step = (end - start) / len(nodes)
            for place, number in enumerate(order_of(draw, nodes)):
                at = start + place * step
                rows.append((round_s(at), round_s(at + step * draw.uniform(0.2, 0.6)),
                             {"order": [number]}))
        return rows

    def start(self, params, key):
        number = params["node"] = self.present(params["order"])[0]
        self.cluster.hold(number, key)
        self.cluster.terminate(number)
        return {"nodes": [number]}

    def heal(self, params, key):
        self.cluster.release(params["node"], key)
        return {"nodes": [params["node"]]}


class Pause(Nemesis):
    name = "pause"
    claim = "SIGSTOP of one node, the leader, a minority or a majority for 0.05 s to 20 s"

    def plan(self, draw, nodes, seconds):
        rows, at = [], draw.uniform(1.0, 3.0)
        while at < seconds - 0.5:
            # As many short ones as long ones, and a third about as long as an election takes: then
            # an old leader wakes up beside the new one, with requests that it has not read yet.
            length = draw.uniform(0.3, 1.5) if draw.random() < 0.33 else 0.05 * 400 ** draw.random()
            length = min(20.0, length, seconds - at)
            kind = draw.choice(["one", "leader", "leader", "minority", "majority"])
            rows.append((round_s(at), round_s(at + length),
                         {"kind": kind, "order": order_of(draw, nodes)}))
            at += length + draw.uniform(0.3, 4.0)
        return rows

    def start(self, params, key):
        params["nodes"] = Kill.targets(self, params)
        for number in params["nodes"]:
            self.cluster.pause(number)
        return {"kind": params["kind"], "nodes": params["nodes"]}

    def heal(self, params, key):
        for number in params["nodes"]:
            self.cluster.resume(number)
        return {"nodes": params["nodes"]}

    def finish(self):
        for number in self.cluster.nodes:
            self.cluster.resume(number)


class Partition(Nemesis):
    name = "partition"
    claim = "one node or the leader alone, halves, a ring of overlapping majorities, or a bridge"
    needs = ("partition",)
    length = (0.5, 10.0)

    def draw(self, draw, nodes):
        shape = draw.choice(["one", "leader", "leader", "halves", "ring", "bridge"])
        return {"shape": shape, "order": order_of(draw, nodes), "clients": draw.random() < 0.3}

    def start(self, params, key):
        order = self.present(params["order"])
        if params["shape"] == "leader":
            leader = self.leader_or(order)
            order = [leader, *(n for n in order if n != leader)]
        pairs = cut_pairs(params["shape"], order)
        if params["clients"] and params["shape"] in ("one", "leader") and \
                self.run.network.name == "netns":
            pairs |= {(order[0], network.CLIENTS), (network.CLIENTS, order[0])}
        self.run.network.cut(pairs)
        return {"shape": params["shape"], "order": order, "cut": sorted(map(list, pairs), key=str)}

    def heal(self, params, key):
        self.run.network.cut(set())
        return {"shape": params["shape"]}

    def effect(self):
        return self.run.network.dropped()

    def finish(self):
        self.run.network.cut(set())


def cut_pairs(shape, order):
    """The directed paths (from, to) that a shape of partition cuts, for nodes in that order."""
    count = len(order)
    if shape in ("one", "leader"):
        groups = [{order[0]}, set(order[1:])]
    elif shape == "halves":
        groups = [set(order[:count // 2]), set(order[count // 2:])]
    elif shape == "bridge":
        # The middle node sees both sides, which do not see each other.
        return across(set(order[:count // 2]), set(order[count // 2 + 1:]))
    else:
        # A ring: each node sees the nearest ones, together a majority, and each another one.
        reach = max(1, minority(count) // 2 + minority(count) % 2)
        near = {frozenset((order[i], order[(i + d) % count]))
                for i in range(count) for d in range(1, reach + 1)}
        if count == 3:  # three in a ring all see each other: take one side out
            near.discard(frozenset(order[:2]))
        return {(a, b) for a in order for b in order if a != b and frozenset((a, b)) not in near}
    return across(*groups)


def across(left, right):
    return {(a, b) for a in left for b in right} | {(b, a) for a in left for b in right}


class Transfer(Nemesis):
    name = "transfer"
    claim = "leadership handed to a drawn node, again and again"
    calm = (0.2, 3.0)
    length = (0.1, 0.1)

    def plan(self, draw, nodes, seconds):
        return [(start, None, self.draw(draw, nodes))
                for start, _ in timeline(draw, seconds, self.calm, self.length)]

    def start(self, params, key):
        code, _ = self.cluster.ctl("--command-timeout", "1s", "node", "transfer",
                                   str(params["order"][0]), seconds=5)
        self.done += code == 0
        return {"to": params["order"][0], "code": code}

    def effect(self):
        return self.done


class Snapshot(Nemesis):
    name = "snapshot"
    claim = "a snapshot asked for at a drawn node, so that logs end and followers need installs"
    calm = (0.5, 4.0)
    length = (0.1, 0.1)

    def plan(self, draw, nodes, seconds):
        return [(start, None, self.draw(draw, nodes))
                for start, _ in timeline(draw, seconds, self.calm, self.length)]

    def start(self, params, key):
        code, _ = self.cluster.ctl("--command-timeout", "1s", "snapshot", "take",
                                   str(params["order"][0]), seconds=5)
        self.done += code == 0
        return {"node": params["order"][0], "code": code}

    def effect(self):
        return self.done


class VersionMix(Nemesis):
    name = "version-mix"
    claim = ("half of the nodes run another build of the same protocol version; one after the "
             "other changes to the other one")
    needs = ("old-build",)
    calm = (1.0, 4.0)
    length = (0.3, 2.0)

    def prepare(self):
        for number in list(self.cluster.nodes)[::2]:
            self.cluster.nodes[number].build = self.run.spec["build_old"]

    def start(self, params, key):
        node = self.cluster.nodes[params["order"][0]]
        self.cluster.hold(node.number, key)
        self.cluster.terminate(node.number)
        node.build = None if node.build else self.run.spec["build_old"]
        return {"nodes": [node.number], "old": node.build is not None}

    def heal(self, params, key):
        self.cluster.release(params["order"][0], key)
        return {"nodes": params["order"][:1]}


PROCESS_NEMESES = [Kill, RestartStorm, RollingRestart, Pause, Partition, Transfer, Snapshot,
                   VersionMix]
