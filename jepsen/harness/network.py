"""The network of a run: own namespaces joined by a bridge, or ports of the loopback interface.

        node 1        node 2        node 3        clients
        eth0          eth0          eth0          eth0       10.77.0.1 .2 .3 ... .254
          |             |             |             |
        up1           up2           up3           upc        all of these in the hub's namespace
          :             :             :             |
       (relay)       (relay)       (relay)          |        only in runs that want bad links
          :             :             :             |
        =================== bridge ==================

Namespaces are named for the run, so runs do not meet. A network is told which directed paths are
cut, always as the whole set, so that healing is cutting nothing.
"""
import contextlib
import ctypes
import os
import socket
import subprocess

from local_swarm import Failure, free_ports

LIBC = ctypes.CDLL(None, use_errno=True)
CLIENTS = "clients"
BASE_PORT = 6700


def address_of(end):
    return "10.77.0.254" if end == CLIENTS else f"10.77.0.{end}"


def must(*command, text=None):
    """Runs a command that has to work; a Failure with its words otherwise."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30,
                          check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


@contextlib.contextmanager
def inside(namespace):
    """This thread lives in the network namespace; sockets made meanwhile stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        try:
            enter(there)
        finally:
            os.close(there)
        yield
    finally:
        enter(home)
        os.close(home)


def enter(handle):
    if LIBC.setns(handle, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Loopback:
    """All nodes on 127.0.0.1. Paths can be cut only by what is given as `cutter`."""

    name = "loopback"

    def __init__(self, run_id, nodes, cutter=None):
        self.nodes = list(nodes)
        spare = 10  # nodes that may join later
        self.first = free_ports(10 * (len(self.nodes) + spare), 20000 + int(run_id, 36) % 12000)
        self.cutter = cutter
        self.links = {}

    def setup(self):
        """Nothing to make."""

    def create_flags(self):
        """What `swarmctl swarm create` must know."""
        return [flag for node in self.nodes for flag in ("--node", f"{node}={self.place(node)}")]

    def place(self, node):
        """Host and ports of a node, as swarmctl takes them."""
        port = self.first + 10 * (node - 1)
        return f"127.0.0.1:{port}:{port + 1}:{port + 2}"

    def add_node(self, node):
        """A place for one more."""
        self.nodes.append(node)

    def prefix(self, _end):
        """What a command of a node or of the clients is put behind."""
        return []

    def connect(self, node, timeout):
        """A connection to the HTTP port of a node, which listens on its own loopback only."""
        return socket.create_connection(("127.0.0.1", self.first + 10 * (node - 1) + 2), timeout)

    def cut(self, pairs):
        if self.cutter is None:
            raise Failure("nothing here can cut a path of the loopback network")
        self.cutter.cut(pairs)

    def dropped(self):
        """How much the cuts have kept from arriving; None if nothing counts it."""
        return self.cutter.dropped()

    def close(self):
        """Nothing was made."""


class Namespaces:
    """A namespace for each node and for the clients, and one with the bridge between them."""

    name = "netns"

    def __init__(self, run_id, nodes, cutter, relayed=False):
        self.run_id = run_id
        self.nodes = list(nodes)
        self.ends = [*self.nodes, CLIENTS]
        self.hub = f"sw{run_id}-hub"
        self.relayed = relayed
        self.cutter = cutter
        self.links = {}  # node: (outer interface, inner interface) for a relay between them

    def namespace(self, end):
        return f"sw{self.run_id}-c" if end == CLIENTS else f"sw{self.run_id}-n{end}"

    def setup(self):
        """About a fifth of a second: iproute2 reads one list of commands for each namespace."""
        for name in [self.hub, *map(self.namespace, self.ends)]:
            must("ip", "netns", "add", name)
        hub = ["link add bridge0 type bridge forward_delay 0", "link set bridge0 up"]
        for end in self.ends:
            hub += self._join(end)
        must("ip", "-n", self.hub, "-batch", "-", text="\n".join(hub) + "\n")
        for end in self.ends:
            must("ip", "-n", self.namespace(end), "-batch", "-", text=(
                f"link set lo up\naddr add {address_of(end)}/24 dev eth0\nlink set eth0 up\n"))
        if self.relayed:
            self._no_offloads()
        self.cutter.setup(self)

    def add_node(self, node):
        """A place for one more, while the network is in use."""
        must("ip", "netns", "add", self.namespace(node))
        must("ip", "-n", self.hub, "-batch", "-", text="\n".join(self._join(node)) + "\n")
        must("ip", "-n", self.namespace(node), "-batch", "-", text=(
            f"link set lo up\naddr add {address_of(node)}/24 dev eth0\nlink set eth0 up\n"))
        self.nodes.append(node)
        self.ends.append(node)
        if self.relayed:
            self._no_offloads()
        self.cutter.add_end(node)

    def _join(self, end):
        """Commands of the hub that hang one end on the bridge, with room for a relay between."""
        letter = "c" if end == CLIENTS else str(end)
        up = f"up{letter}"
        rows = [f"link add {up} type veth peer name eth0 netns {self.namespace(end)}",
                f"link set {up} up"]
        if not self.relayed or end == CLIENTS:
            return [*rows, f"link set {up} master bridge0"]
        self.links[end] = (up, f"in{letter}")
        return [*rows, f"link add in{letter} type veth peer name br{letter}",
                f"link set in{letter} up", f"link set br{letter} up",
                f"link set br{letter} master bridge0"]

    def _no_offloads(self):
        """Packets that pass a relay are real ones: own checksums, no larger than a frame."""
        off = ["tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off"]
        for end in self.ends:
            must("ip", "netns", "exec", self.namespace(end), "ethtool", "-K", "eth0", *off)
        for pair in self.links.values():
            for name in pair:
                must("ip", "netns", "exec", self.hub, "ethtool", "-K", name, *off)

    def create_flags(self):
        return [flag for node in self.nodes for flag in ("--node", f"{node}={self.place(node)}")]

    def place(self, node):
        return f"{address_of(node)}:{BASE_PORT}:{BASE_PORT + 1}:{BASE_PORT + 2}"

    def prefix(self, end):
        name = self.hub if end == "hub" else self.namespace(end)
        return ["nsenter", f"--net=/run/netns/{name}", "--"]

    def connect(self, node, timeout):
        with inside(self.namespace(node)):
            made = socket.socket()
        try:
            made.settimeout(timeout)
            made.connect(("127.0.0.1", BASE_PORT + 2))
        except OSError:
            made.close()
            raise
        return made

    def cut(self, pairs):
        self.cutter.cut(pairs)

    def dropped(self):
        return self.cutter.dropped()

    def close(self):
        for name in [*map(self.namespace, self.ends), self.hub]:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
