"""Faults of real disks and of stored bytes: power that goes, space that ends, files that rot.

Power cuts and full disks destroy nothing that was synced and may hit all nodes. Damage to stored
bytes is irreparable for its node: it hits a minority of the nodes in all of a run (`Damage`), the
same nodes each time.
"""
import random

from .nemesis import Kill, Nemesis, minority
from .schedule import order_of

# How swarmd ends when it rightly refuses: 1 the disk failed, 8 no space, 9 not its data, 10 damage.
REFUSALS = (1, 8, 9, 10)


class FsShutdown(Kill):
    name = "fs-shutdown"
    claim = "power cut of one node up to all at one instant: FS_IOC_SHUTDOWN of their ext4, SIGKILL"
    needs = ("loop", "fs-shutdown")
    calm = (2.0, 6.0)
    length = (0.3, 3.0)

    def draw(self, draw, nodes):
        kind = draw.choice(["one", "leader", "minority", "majority", "all", "all"])
        return {"kind": kind, "order": order_of(draw, nodes)}

    def start(self, params, key):
        params["nodes"] = numbers = self.targets(params)
        for number in numbers:
            self.cluster.hold(number, key)
            self.cluster.excuse(number, self.name)
        for number in numbers:
            self.run.volumes[number].shut_down()
        self.cluster.kill(*numbers)
        for number in numbers:
            self.run.volumes[number].detach()
        return {"kind": params["kind"], "nodes": numbers}

    def heal(self, params, key):
        for number in params["nodes"]:
            self.run.volumes[number].attach()
            self.cluster.no_excuse(number, self.name, 0)
            self.cluster.release(number, key)
        return {"nodes": params["nodes"]}

    def finish(self):
        for volume in list(self.run.volumes.values()):
            volume.attach()


class DiskFull(Nemesis):
    name = "disk-full"
    claim = "the disk of one node up to all is filled, with nothing or some MiB left"
    needs = ("loop",)
    calm = (2.0, 5.0)
    length = (1.0, 6.0)

    def draw(self, draw, nodes):
        return {"order": order_of(draw, nodes),
                "kind": draw.choice(["one", "leader", "minority", "majority", "all"]),
                "leave": draw.choice([0, 0, 1 << 20, 20 << 20, 60 << 20])}

    def start(self, params, key):
        params["nodes"] = Kill.targets(self, params)
        full = []
        for number in params["nodes"]:
            self.cluster.excuse(number, self.name)
            if self.run.volumes[number].fill(params["leave"]):
                full.append(number)
        return {"nodes": full, "leave": params["leave"]}

    def heal(self, params, key):
        """Space returns. A node that stopped for want of it is started as an operator would."""
        for number in params["nodes"]:
            self.run.volumes[number].drain()
            self.cluster.no_excuse(number, self.name)
        self.cluster.notice_ends()
        for number in params["nodes"]:
            self.cluster.start_node(number)
        return {"nodes": params["nodes"]}

    def effect(self):
        return self.run.sampler.highest["disk_full"] + \
            sum(end["excuse"] == self.name for end in self.cluster.ends)

    def finish(self):
        for volume in list(self.run.volumes.values()):
            volume.drain()


class Damage(Nemesis):
    """Base of what destroys stored bytes. The victims are drawn once a run, a minority; all
    nemeses of this kind share them."""

    calm = (3.0, 8.0)
    length = (0.2, 2.0)

    def plan(self, draw, nodes, seconds):
        """One or two faults a run are enough: what is damaged mostly stays down."""
        return super().plan(draw, nodes, seconds)[:2]

    def draw(self, draw, nodes):
        return {"pick": draw.random(), "seed": draw.randrange(2**32)}

    def victim(self, params):
        order = order_of(random.Random(f"victims:{self.run.spec['seed']}"),
                         range(1, self.run.spec["nodes"] + 1))
        victims = order[:minority(len(order))]
        return victims[int(params["pick"] * len(victims))]

    def start(self, params, key):
        number = params["node"] = self.victim(params)
        node = self.cluster.nodes[number]
        self.cluster.excuse(number, self.name)
        node.damaged = self.name
        self.cluster.hold(number, key)
        self.cluster.kill(number)
        what = self.damage(random.Random(params["seed"]), node) if files_of(node) else \
            "nothing: the disk is away, or emptied"
        return {"nodes": [number], "what": what}

    def damage(self, draw, node):
        """Changes files of a stopped node; returns what was done, as text."""
        raise NotImplementedError

    def heal(self, params, key):
        self.cluster.release(params["node"], key)
        return {"nodes": [params["node"]]}

    def may_refuse(self, node, code):
        return f"refused its data after {node.damaged}" \
            if node.damaged and code in REFUSALS else None


def files_of(node):
    """Files of a data directory in a fixed order, the lock and LMDB's reader table left out."""
    return sorted(path for path in node.data.rglob("*") if path.is_file()
                  and path.name not in ("LOCK", "lock.mdb") and path.stat().st_size > 0)


class BitFlip(Damage):
    name = "bit-flip"
    claim = "bits flipped in log, store or other files of a stopped minority; it may refuse them"

    def damage(self, draw, node):
        words = []
        for _ in range(draw.choice([1, 1, 2, 5])):
            path = self.pick(draw, files_of(node))
            at = self.place(draw, path)
            with open(path, "r+b") as file:
                file.seek(at)
                byte = file.read(1)[0]
                file.seek(at)
                file.write(bytes([byte ^ (1 << draw.randrange(8))]))
            words.append(f"{path.relative_to(node.data)}@{at}")
        return " ".join(words)

    @staticmethod
    def place(draw, path):
        """Files are preallocated and records padded to blocks: mostly a byte that is not zero, as
        often at the end of what was written, where damage looks most like what a crash leaves."""
        used = max(1, written(path))
        low = max(0, used - 65536) if draw.random() < 0.5 else 0
        at = draw.randrange(low, used)
        if draw.random() < 0.1:
            return at
        with open(path, "rb") as file:
            file.seek(at)
            rest = file.read(used - at)
        return at + len(rest) - len(rest.lstrip(b"\0")) if rest.strip(b"\0") else at

    @staticmethod
    def pick(draw, files):
        """Half of the flips into log segments, a third into the store, the rest anywhere."""
        draw_of = draw.random()
        wanted = [path for path in files if path.name.startswith("wal-")] if draw_of < 0.5 else \
            [path for path in files if path.name == "data.mdb"] if draw_of < 0.83 else files
        return draw.choice(wanted or files)


def written(path):
    """Bytes up to the last one that is not zero, as far as that is quickly told."""
    with open(path, "rb") as file:
        return len(file.read(64 << 20).rstrip(b"\0"))


class LostFiles(Damage):
    name = "lost-files"
    claim = "files removed, or the whole data directory emptied, on a stopped minority"

    def damage(self, draw, node):
        files = files_of(node)
        if draw.random() < 0.4:
            chosen = files
        else:
            chosen = draw.sample(files, min(len(files), draw.choice([1, 1, 2])))
        for path in chosen:
            path.unlink()
        return "all files" if chosen is files else \
            " ".join(str(path.relative_to(node.data)) for path in chosen)


class CutFile(Damage):
    name = "cut-file"
    claim = "a file of a stopped minority cut short, as a file system check may leave it"

    def damage(self, draw, node):
        path = draw.choice(files_of(node))
        used = max(1, written(path))
        size = draw.randrange(used)
        with open(path, "r+b") as file:
            file.truncate(size)
        return f"{path.relative_to(node.data)} to {size} bytes"


DISK_NEMESES = [FsShutdown, DiskFull, BitFlip, LostFiles, CutFile]
