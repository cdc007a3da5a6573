"""Bad links: a relay in the path of each node, told how bad to be. Clients are behind it as well
as peers, and the transport must notice what TCP's checksum misses."""
from .fault import Relay
from .nemesis import Kill, Nemesis
from .schedule import order_of


def attach_relay(run, node):
    """Before a node starts: without its relay its path is not closed."""
    if node.number in run.network.links:
        outer, inner = run.network.links[node.number]
        relay = Relay(str(run.folder / f"relay-{node.number}.page"),
                      run.spec["seed"] + node.number)
        relay.start(run.build, outer, inner, run.network.prefix("hub"))
        run.relays[node.number] = relay


class Link(Nemesis):
    """Base of all: settings of both ways, or of one, for some nodes."""

    needs = ("netns", "relay", "ethtool")
    counter = None      # of the relay: what only this fault makes it count
    calm = (0.5, 3.0)
    length = (1.0, 8.0)

    def draw(self, draw, nodes):
        return {"kind": draw.choice(["one", "leader", "minority", "all"]),
                "order": order_of(draw, nodes), "ways": draw.choice([[0], [1], [0, 1], [0, 1]]),
                "settings": self.settings(draw)}

    def settings(self, draw):
        """What swarm-relay is told."""
        raise NotImplementedError

    def start(self, params, key):
        params["nodes"] = Kill.targets(self, params)
        for number in params["nodes"]:
            for way in params["ways"]:
                self.run.relays[number].set(way, **params["settings"])
        return {"nodes": params["nodes"], "ways": params["ways"], **params["settings"]}

    def heal(self, params, key):
        for number in params["nodes"]:
            for way in params["ways"]:
                self.run.relays[number].set(way, **dict.fromkeys(params["settings"], 0))
        return {"nodes": params["nodes"]}

    def effect(self):
        return self.counter and sum(relay.counts(way)[self.counter]
                                    for relay in list(self.run.relays.values()) for way in (0, 1))

    def finish(self):
        for relay in list(self.run.relays.values()):
            relay.heal()


class SlowLink(Link):
    name = "slow-link"
    claim = "frames arrive 1 to 300 ms late, with jitter, at times through a narrow link"

    def settings(self, draw):
        delay = int(1000 * 300 ** draw.random())
        return {"delay_us": delay, "jitter_us": draw.choice([0, delay // 4, delay]),
                "rate": draw.choice([0, 0, 100_000, 1_000_000])}


class LossyLink(Link):
    name = "lossy-link"
    claim = "1 to 40 of 100 frames are lost"
    counter = "lost"

    def settings(self, draw):
        return {"loss": round(0.01 * 40 ** draw.random(), 4)}


class DuplicatingLink(Link):
    name = "duplicating-link"
    claim = "up to half of the frames arrive twice"
    counter = "duplicated"

    def settings(self, draw):
        return {"duplicate": round(draw.uniform(0.01, 0.5), 4)}


class ReorderingLink(Link):
    name = "reordering-link"
    claim = "up to a third of the frames are overtaken by those behind them"
    counter = "reordered"

    def settings(self, draw):
        return {"reorder": round(draw.uniform(0.01, 0.3), 4),
                "reorder_us": int(100 * 300 ** draw.random())}


class CorruptingLink(Link):
    name = "corrupting-link"
    claim = "a byte of up to a tenth of the frames is changed, at times so that no checksum tells"
    counter = "mended"

    def settings(self, draw):
        return {"corrupt": round(0.001 * 100 ** draw.random(), 4)}


class DeafLink(Link):
    name = "one-way-link"
    claim = "frames pass one way only: over TCP soon a cut of both, noticed at different times"
    counter = "lost"
    length = (0.5, 5.0)

    def draw(self, draw, nodes):
        return {**super().draw(draw, nodes), "ways": [draw.choice([0, 1])]}

    def settings(self, draw):
        return {"drop": 1}


LINK_NEMESES = [SlowLink, LossyLink, DuplicatingLink, ReorderingLink, CorruptingLink, DeafLink]
