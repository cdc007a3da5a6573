"""Faults through the shim in front of a node's calls: syncs, writes, space, power and clocks.

A power cut leaves what was synced, so it may hit all nodes. A failed sync or write must end its
node; it may hit all too, since a node that ended has acknowledged nothing that it did not sync.
"""
import errno
import time

from .fault import Shim
from .nemesis import Kill, Nemesis
from .schedule import order_of
from .volumes import room_on

STOPS_WITHIN_S = 20


def attach_shim(run, node, journal):
    """Puts a shim before a node, once all other nemeses have placed its data."""
    folder = run.folder / "shim"
    folder.mkdir(exist_ok=True)
    shim = Shim(str(folder / f"node-{node.number}.page"), str(node.data), journal)
    node.environment = shim.environment(run.build, run.cluster.program("swarmd"))
    run.shims[node.number] = shim


class ShimNemesis(Nemesis):
    """Base: picks nodes of a kind, arms something on each, disarms it."""

    needs = ("shim",)
    kinds = ("one", "leader", "minority", "majority", "all")
    rules = ()
    excused = False

    def draw(self, draw, nodes):
        return {"kind": draw.choice(self.kinds), "order": order_of(draw, nodes),
                **self.strength(draw)}

    def strength(self, draw):
        """More parameters of one fault."""
        return {}

    def start(self, params, key):
        params["nodes"] = Kill.targets(self, params)
        params["before"] = {}
        for number in params["nodes"]:
            shim = self.run.shims[number]
            if self.excused:
                self.cluster.excuse(number, self.name)
            params["before"][number] = self.hits(shim)
            self.arm(shim, params)
        return {"nodes": params["nodes"], **self.shown(params)}

    def hits(self, shim):
        return sum(shim.hits(rule) for rule in self.rules)

    def shown(self, params):
        hidden = ("nodes", "order", "before")
        return {name: value for name, value in params.items() if name not in hidden}

    def arm(self, shim, params):
        raise NotImplementedError

    def heal(self, params, key):
        for number in params["nodes"]:
            self.run.shims[number].disarm(*self.rules)
        struck = [n for n in params["nodes"]
                  if self.hits(self.run.shims[n]) > params["before"][n]]
        self.settle(key, struck)
        for number in params["nodes"]:
            if self.excused:
                self.cluster.no_excuse(number, self.name)
        self.cluster.notice_ends()
        for number in params["nodes"]:
            self.cluster.start_node(number)
        return {"nodes": params["nodes"], "struck": struck}

    def settle(self, key, struck):
        """What must have happened to the nodes that the fault met."""

    def effect(self):
        return sum(map(self.hits, list(self.run.shims.values()))) if self.rules else None

    def finish(self):
        for shim in list(self.run.shims.values()):
            shim.disarm(*self.rules)


class SlowSync(ShimNemesis):
    name = "slow-fsync"
    claim = "each sync of some nodes takes 1 ms to 1 s longer"
    rules = ("slow_sync",)

    def strength(self, draw):
        return {"us": int(1000 * 1000 ** draw.random()), "files": draw.choice(["wal", "all"])}

    def arm(self, shim, params):
        shim.slow_sync(params["us"], params["files"])


class MustStop(ShimNemesis):
    """Base of faults after which a node must end by itself."""

    calm = (2.0, 6.0)
    length = (0.5, 3.0)
    excused = True

    def __init__(self, run):
        super().__init__(run)
        self.running = {}   # fault: {node: the process that it may meet}

    def start(self, params, key):
        self.running[key] = {n: node.process for n, node in self.cluster.nodes.items()}
        return super().start(params, key)

    def settle(self, key, struck):
        limit = time.monotonic() + STOPS_WITHIN_S
        for number in struck:
            node, process = self.cluster.nodes[number], self.running[key][number]
            while process is not None and node.process is process and process.poll() is None:
                if node.paused:
                    break
                if time.monotonic() > limit:
                    self.run.fail("stops", f"node {number} runs {STOPS_WITHIN_S} s after "
                                           f"{self.name} struck it")
                    break
                time.sleep(0.02)


class FailSync(MustStop):
    name = "fail-fsync"
    claim = "one sync fails with EIO and saves nothing; the node must end and lose nothing"
    rules = ("fail_sync",)

    def strength(self, draw):
        return {"files": draw.choice(["wal", "wal", "store", "all"]), "skip": draw.randrange(20)}

    def arm(self, shim, params):
        shim.fail_sync(errno.EIO, params["files"], params["skip"])


class FailWrite(MustStop):
    name = "fail-write"
    claim = "one write fails with EIO and writes nothing; the node must end"
    rules = ("fail_write",)

    def strength(self, draw):
        return {"files": draw.choice(["wal", "wal", "store", "all"]), "skip": draw.randrange(20)}

    def arm(self, shim, params):
        shim.fail_write(errno.EIO, params["files"], params["skip"])


class ShortWrite(ShimNemesis):
    name = "short-write"
    claim = "writes take some bytes at most, as they may"
    rules = ("short_write",)

    def strength(self, draw):
        return {"size": draw.choice([1, 511, 4096, 10000]), "times": draw.randrange(1, 200)}

    def arm(self, shim, params):
        shim.short_write(params["size"], "wal", times=params["times"])


class NoSpace(ShimNemesis):
    name = "no-space"
    claim = "files of some nodes may grow by so much and no more: ENOSPC, without a disk of its own"
    rules = ("space",)
    excused = True

    def strength(self, draw):
        return {"left": draw.choice([0, 4096, 100_000, 2 << 20])}

    def arm(self, shim, params):
        shim.space(params["left"])


class DieInside(ShimNemesis):
    name = "torn-write"
    claim = "SIGKILL inside a write, before or after a sync, or a change of a name"
    rules = ("die_write", "die_sync", "die_name")
    excused = True
    calm = (1.0, 3.0)
    length = (0.5, 3.0)

    def strength(self, draw):
        return {"where": draw.choice(["write", "write", "sync", "name"]),
                "files": draw.choice(["wal", "wal", "store", "all"]),
                "size": draw.choice([0, 1, 511, 512, 4096, 6000]), "after": draw.random() < 0.5,
                "skip": draw.choice([0, 1, draw.randrange(40)])}

    def arm(self, shim, params):
        files, skip = params["files"], params["skip"]
        if params["where"] == "write":
            shim.die_in_write(params["size"], files, skip)
        elif params["where"] == "sync":
            shim.die_in_sync(params["after"], files, skip)
        else:
            shim.die_in_name(params["after"], files, skip // 20)


class PowerCut(Kill):
    name = "power-cut"
    claim = "power cut of one node up to all at one instant: what was not synced is gone, or torn"
    needs = ("shim", "cut")
    journal = True
    calm = (1.0, 5.0)
    length = (0.2, 2.0)

    def draw(self, draw, nodes):
        return {"kind": draw.choice(["one", "leader", "minority", "majority", "all", "all"]),
                "order": order_of(draw, nodes), "seed": draw.randrange(2**32),
                "policy": draw.choice(["none", "none", "prefix", "random", "torn"])}

    def start(self, params, key):
        shown = super().start(params, key)
        with room_on(self.run.volumes, params["nodes"]):
            cuts = [self.run.shims[number].cut(self.run.build, params["policy"],
                                               params["seed"] + number)
                    for number in params["nodes"]]
        self.done += sum(cut["pending"] for cut in cuts)
        return {**shown, "policy": params["policy"], "unsynced": [cut["pending"] for cut in cuts],
                "undone": [cut["undone"] for cut in cuts]}

    def effect(self):
        return self.done    # changes that no sync had saved when the power went


class Clock(ShimNemesis):
    name = "clock"
    claim = "wall clocks jump by up to two hours, all clocks drift by up to half their speed"
    kinds = ("one", "leader", "minority", "majority")

    def strength(self, draw):
        sign = draw.choice([-1, 1])
        kind = draw.choice(["jump", "drift", "strobe"])
        return {"how": kind, "jump_ms": sign * int(10 * 720000 ** draw.random()),
                "ppm": sign * int(100 * 5000 ** draw.random())}

    def arm(self, shim, params):
        if params["how"] == "drift":
            shim.drift(params["ppm"])
        elif params["how"] == "jump":
            shim.jump(params["jump_ms"] * 1_000_000)
        else:
            for turn in range(20):
                shim.jump(params["jump_ms"] * 1_000_000 * (turn % 2))
                time.sleep(0.01)

    def heal(self, params, key):
        for number in params["nodes"]:
            self.run.shims[number].drift(0)
            self.run.shims[number].jump(0)
        return {"nodes": params["nodes"]}

    def finish(self):
        for shim in list(self.run.shims.values()):
            shim.drift(0)
            shim.jump(0)


SHIM_NEMESES = [SlowSync, FailSync, FailWrite, ShortWrite, NoSpace, DieInside, PowerCut, Clock]
