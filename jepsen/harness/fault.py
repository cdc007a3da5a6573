"""What the harness asks of the fault programs: the Python twins of their control pages.

A page is a file that both sides map; a field is written with one store, so the other side never
sees half of it. The layouts are those of jepsen/fault/*.h, and test_fault.py compares them.
"""
import ctypes
import fcntl
import json
import mmap
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess

FOREVER = 2 ** 64 - 1
FILES = {"wal": 1, "store": 2, "other": 4, "all": 7}
POLICIES = ("none", "prefix", "random", "torn", "all")
RULES = ("slow_sync", "fail_sync", "fail_write", "short_write", "space", "die_write", "die_sync",
         "die_name", "fail_read")


class Rule(ctypes.Structure):
    """struct sw_fault_rule."""
    _fields_ = [("files", ctypes.c_uint32), ("error", ctypes.c_int32), ("skip", ctypes.c_uint64),
                ("times", ctypes.c_uint64), ("value", ctypes.c_uint64), ("hits", ctypes.c_uint64),
                ("reserved", ctypes.c_uint64)]


class Page(ctypes.Structure):
    """struct sw_fault_page."""
    SIZE = 4096
    MAGIC = 0x31544c5541465753
    VERSION = 1
    _fields_ = [("magic", ctypes.c_uint64), ("version", ctypes.c_uint32), ("size", ctypes.c_uint32),
                ("journal", ctypes.c_uint32), ("reserved", ctypes.c_uint32),
                ("realtime_offset_ns", ctypes.c_int64), ("monotonic_ppm", ctypes.c_int64),
                ("attached", ctypes.c_uint64), ("journal_size_max", ctypes.c_uint64),
                ("reserved_2", ctypes.c_uint64), ("rules", Rule * len(RULES)),
                ("gap", ctypes.c_char * 528), ("root", ctypes.c_char * 1024),
                ("end", ctypes.c_char * 2048)]


def map_page(path, kind):
    """The page in `path`, made if it is not there, with its first three fields set."""
    fresh = not os.path.exists(path)
    with open(path, "w+b" if fresh else "r+b") as file:
        if fresh:
            file.write(bytes(kind.SIZE))
            file.flush()
        page = kind.from_buffer(mmap.mmap(file.fileno(), kind.SIZE))
    if fresh:
        page.magic, page.version, page.size = kind.MAGIC, kind.VERSION, kind.SIZE
    if (page.magic, page.version, page.size) != (kind.MAGIC, kind.VERSION, kind.SIZE):
        raise ValueError(f"{path} is no control page of this version")
    return page


def bin_file(build, name):
    return str(pathlib.Path(build).resolve() / "bin" / name)


class Shim:
    """The disk and the clocks of one node, across the lives of its process.

    `root` is the node's data directory; `journal` must be decided before the process starts.
    """

    def __init__(self, path, root, journal=False):
        self.path = os.path.realpath(path)
        self.root = os.path.realpath(root)
        self.page = map_page(self.path, Page)
        self.page.root = self.root.encode()
        self.page.journal = int(journal)

    def environment(self, build, program=None):
        """What to add to the environment of a process; a sanitizer wants to be loaded first."""
        preload = [bin_file(build, "libswarm-fault.so")]
        if program:
            linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
            preload[:0] = re.findall(r"(/\S*/lib(?:asan|tsan)\.so\S*)", linked.stdout)
        return {"LD_PRELOAD": ":".join(preload), "SWARM_FAULT": self.path}

    @property
    def attached(self):
        """Processes that have mapped the page so far: 0 means that the shim is not at work."""
        return self.page.attached

    def rule(self, name):
        return self.page.rules[RULES.index(name)]

    def hits(self, name):
        return self.rule(name).hits

    def arm(self, name, files="all", value=0, error=0, skip=0, times=FOREVER):
        """Strikes `times` matching calls after letting `skip` pass. Armed by the last store."""
        rule = self.rule(name)
        rule.times = 0
        rule.files, rule.value, rule.error, rule.skip = FILES[files], value, error, skip
        rule.times = times

    def disarm(self, *names):
        """Those rules, or all of them."""
        for name in names or RULES:
            self.rule(name).times = 0

    def slow_sync(self, microseconds, files="all", times=FOREVER):
        self.arm("slow_sync", files, value=microseconds, times=times)

    def fail_sync(self, error, files="all", skip=0, times=1):
        self.arm("fail_sync", files, error=error, skip=skip, times=times)

    def fail_write(self, error, files="all", skip=0, times=1):
        self.arm("fail_write", files, error=error, skip=skip, times=times)

    def fail_read(self, error, files="all", skip=0, times=1):
        self.arm("fail_read", files, error=error, skip=skip, times=times)

    def short_write(self, size, files="all", skip=0, times=FOREVER):
        self.arm("short_write", files, value=size, skip=skip, times=times)

    def space(self, size, files="all"):
        """Files may grow by this much and no more; removing files gives room back."""
        self.arm("space", files, value=size)

    def die_in_write(self, size=0, files="all", skip=0):
        """SIGKILL after the first `size` bytes of a write: a torn one."""
        self.arm("die_write", files, value=size, skip=skip, times=1)

    def die_in_sync(self, after=False, files="all", skip=0):
        self.arm("die_sync", files, value=int(after), skip=skip, times=1)

    def die_in_name(self, after=False, files="all", skip=0):
        """At a file that is made, renamed or removed."""
        self.arm("die_name", files, value=int(after), skip=skip, times=1)

    def jump(self, nanoseconds):
        """Sets how far the wall clock is off, either way."""
        self.page.realtime_offset_ns = nanoseconds

    def drift(self, ppm):
        """How much faster all clocks run from now on; no clock goes back for it."""
        self.page.monotonic_ppm = ppm

    def heal(self):
        """Everything but what a failed sync has lost, and what the clocks have gained."""
        self.disarm()
        self.drift(0)
        self.jump(0)

    def cut(self, build, policy, seed):
        """Power cut of a dead process: its directory becomes what the disk holds."""
        done = subprocess.run(
            [bin_file(build, "swarm-fault-cut"), "--journal", self.path + ".journal",
             "--root", self.root, "--policy", policy, "--seed", str(seed)],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        return json.loads(done.stdout)


class Way(ctypes.Structure):
    """struct sw_relay_way."""
    _fields_ = [(name, ctypes.c_uint64) for name in ("delay_us", "jitter_us", "rate", "queue_size")]
    _fields_ += [(name, ctypes.c_uint32) for name in ("loss", "duplicate", "reorder", "corrupt")]
    _fields_ += [(name, ctypes.c_uint64) for name in (
        "reorder_us", "drop", "frames", "bytes", "sent", "lost", "overflowed", "duplicated",
        "reordered", "corrupted", "refused", "mended")]


class RelayPage(ctypes.Structure):
    """struct sw_relay_page."""
    SIZE = 4096
    MAGIC = 0x3159414c45525753
    VERSION = 1
    _fields_ = [("magic", ctypes.c_uint64), ("version", ctypes.c_uint32), ("size", ctypes.c_uint32),
                ("seed", ctypes.c_uint64), ("attached", ctypes.c_uint64),
                ("reserved", ctypes.c_uint64 * 4), ("ways", Way * 2),
                ("end", ctypes.c_uint8 * 3744)]


class Relay:
    """A bad link between two interfaces of one namespace, run by swarm-relay.

    Ways are 0, from the first interface to the second, and 1, back. Chances are 0.0 to 1.0. The
    ends behind the interfaces need no_offloads: a frame must be a real one to be forwarded.
    """
    SETTINGS = ("delay_us", "jitter_us", "rate", "queue_size", "reorder_us", "drop")
    CHANCES = ("loss", "duplicate", "reorder", "corrupt")

    def __init__(self, path, seed=0):
        self.path = os.path.realpath(path)
        self.page = map_page(self.path, RelayPage)
        self.page.seed = seed
        self.process = None

    def start(self, build, first, second, prefix=()):
        """`prefix` is the command that enters the namespace. Returns once frames are relayed."""
        before = self.page.attached
        self.process = subprocess.Popen(
            [*prefix, bin_file(build, "swarm-relay"), first, second, "--control", self.path],
            stderr=subprocess.PIPE, text=True)
        while self.page.attached == before:
            try:
                self.process.wait(timeout=0.01)
            except subprocess.TimeoutExpired:
                continue
            raise RuntimeError(self.process.stderr.read().strip() or "swarm-relay ended")

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
            self.process.stderr.close()
            self.process = None

    def set(self, way, **settings):
        """Changes what is named, of one way, while frames pass."""
        for name, value in settings.items():
            if name not in self.SETTINGS + self.CHANCES:
                raise ValueError(f"a relay has no {name}")
            value = round(value * 1000000) if name in self.CHANCES else int(value)
            setattr(self.page.ways[way], name, value)

    def both(self, **settings):
        for way in (0, 1):
            self.set(way, **settings)

    def heal(self):
        self.both(**dict.fromkeys(self.SETTINGS + self.CHANCES, 0))

    def counts(self, way):
        """What the relay has counted since the page was made."""
        row = self.page.ways[way]
        return {name: getattr(row, name) for name, _ in Way._fields_
                if name not in self.SETTINGS + self.CHANCES}


def no_offloads(interface):
    """What `ethtool -K IF tx off rx off tso off gso off gro off` does, in this namespace."""
    command_set_flag = 0x8946  # SIOCETHTOOL
    switches = (0x15, 0x17, 0x1f, 0x24, 0x2c)  # rx and tx checksums, TSO, GSO, GRO
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for switch in switches:
            value = ctypes.create_string_buffer(struct.pack("=II", switch, 0), 8)
            request = struct.pack("16sP", interface.encode(), ctypes.addressof(value))
            fcntl.ioctl(sock.fileno(), command_set_flag, request)


class MessageWay(ctypes.Structure):
    """struct sw_link_fault_way."""
    _fields_ = [("drop", ctypes.c_uint64), ("loss", ctypes.c_uint32),
                ("duplicate", ctypes.c_uint32)]
    _fields_ += [(name, ctypes.c_uint64) for name in (
        "delay_us", "jitter_us", "passed", "dropped", "delayed", "doubled")]


class MessagePage(ctypes.Structure):
    """struct sw_link_fault_page."""
    SIZE = 12288
    MAGIC = 0x31464b4e494c5753
    VERSION = 1
    ROWS = 64
    _fields_ = [("magic", ctypes.c_uint64), ("version", ctypes.c_uint32), ("size", ctypes.c_uint32),
                ("seed", ctypes.c_uint64), ("attached", ctypes.c_uint64),
                ("reserved", ctypes.c_uint64 * 4), ("ways", MessageWay * 64 * 2),
                ("end", ctypes.c_uint8 * 4032)]


class Messages:
    """The messages of one node of a chaos build: `swarmd --fault-control PATH`.

    `peer` is a node id, or CLIENTS for all clients; `direction` is "out" of this node or "in".
    A cut of two nodes from one another is four ways: out and in at both.
    """
    CLIENTS = 0
    DIRECTIONS = ("out", "in")
    SETTINGS = ("drop", "delay_us", "jitter_us")
    CHANCES = ("loss", "duplicate")

    def __init__(self, path, seed=0):
        self.path = os.path.realpath(path)
        self.page = map_page(self.path, MessagePage)
        self.page.seed = seed

    def way(self, peer, direction):
        return self.page.ways[self.DIRECTIONS.index(direction)][peer]

    def set(self, peer, direction, **settings):
        way = self.way(peer, direction)
        for name, value in settings.items():
            if name not in self.SETTINGS + self.CHANCES:
                raise ValueError(f"messages have no {name}")
            value = round(value * 1000000) if name in self.CHANCES else int(value)
            setattr(way, name, value)

    def cut(self, peers, directions=DIRECTIONS):
        for peer in peers:
            for direction in directions:
                self.set(peer, direction, drop=1)

    def heal(self):
        for peer in range(self.page.ROWS):
            for direction in self.DIRECTIONS:
                self.set(peer, direction, **dict.fromkeys(self.SETTINGS + self.CHANCES, 0))

    def counts(self, peer, direction):
        way = self.way(peer, direction)
        return {name: getattr(way, name) for name in ("passed", "dropped", "delayed", "doubled")}
