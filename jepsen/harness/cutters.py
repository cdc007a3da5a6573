"""Ways to cut directed paths (from, to) between the ends of a network. Each is given the whole set
of cut paths every time; the tool that a run uses is named in its run.json."""
import re

from . import network


def sources_of(pairs, end):
    """Addresses from which nothing may reach `end`."""
    return sorted(network.address_of(a) for a, b in pairs if b == end)


class Nft:
    """Drops at the receiver: the sender's TCP backs off, as with a cable that was pulled."""

    name = "nft"

    def setup(self, net):
        self.net = net
        self.now = {}
        for end in net.ends:
            self.add_end(end)

    def add_end(self, end):
        self.now[end] = []
        self._run(end, "table inet chaos {\n"
                       " set cut { type ipv4_addr; }\n"
                       " chain in { type filter hook input priority 0;"
                       " ip saddr @cut counter drop; }\n}\n")

    def cut(self, pairs):
        for end in self.net.ends:
            wanted = sources_of(pairs, end)
            if wanted != self.now[end]:
                rows = ["flush set inet chaos cut"]
                if wanted:
                    rows.append(f"add element inet chaos cut {{ {', '.join(wanted)} }}")
                self._run(end, "\n".join(rows) + "\n")
                self.now[end] = wanted

    def dropped(self):
        """Packets so far; None where the tool does not count."""
        text = "".join(network.must(*self.net.prefix(end), "nft", "list", "chain", "inet", "chaos",
                                    "in") for end in self.net.ends)
        return sum(map(int, re.findall(r"counter packets (\d+)", text)))

    def _run(self, end, text):
        network.must(*self.net.prefix(end), "nft", "-f", "-", text=text)


class Uncounted(Nft):
    """What needs no table of its own at an end, and does not count."""

    def dropped(self):
        return None

    def add_end(self, end):
        self.now[end] = []


class Iptables(Uncounted):
    """As nft, for kernels without it."""

    name = "iptables"

    def cut(self, pairs):
        for end in self.net.ends:
            wanted = sources_of(pairs, end)
            if wanted != self.now[end]:
                rows = ["*filter", ":INPUT ACCEPT [0:0]",
                        *(f"-A INPUT -s {address} -j DROP" for address in wanted), "COMMIT"]
                network.must(*self.net.prefix(end), "iptables-restore", text="\n".join(rows) + "\n")
                self.now[end] = wanted


class Blackhole(Uncounted):
    """Routes at the receiver that swallow its answers. Kinder than a real cut: a sender sees an
    error at once and TCP does not back off, so recovery times mean less."""

    name = "blackhole"

    def cut(self, pairs):
        for end in self.net.ends:
            wanted = sources_of(pairs, end)
            rows = [f"route del blackhole {a}" for a in self.now[end] if a not in wanted]
            rows += [f"route add blackhole {a}" for a in wanted if a not in self.now[end]]
            if rows:
                network.must("ip", "-n", self.net.namespace(end), "-batch", "-",
                             text="\n".join(rows) + "\n")
                self.now[end] = wanted


CUTTERS = {cutter.name: cutter for cutter in (Nft, Iptables, Blackhole)}
