"""Faults of whole messages, inside the nodes (`swarmd --fault-control`, chaos builds only): one-way
cuts that last, which TCP does not have, and messages lost, late or doubled behind the seal."""
from . import network
from .fault import Messages
from .nemesis import Kill, Nemesis
from .schedule import order_of


def attach_messages(run, node):
    """Before a node starts: its control page."""
    folder = run.folder / "messages"
    folder.mkdir(exist_ok=True)
    run.messages[node.number] = Messages(str(folder / f"node-{node.number}.page"),
                                         run.spec["seed"] + node.number)
    node.flags += ["--fault-control", run.messages[node.number].path]


def counted(messages, name):
    """What the nodes have counted of all messages of theirs."""
    return sum(page.counts(peer, direction)[name] for page in list(messages.values())
               for peer in range(page.page.ROWS) for direction in page.DIRECTIONS)


class MessageCutter:
    """Cuts directed paths as the cutters of a network do, at the receiver, or at the sender where
    the receiver is a client."""

    name = "messages"

    def __init__(self, messages):
        self.messages = messages
        self.layers = {}    # two nemeses may cut; what one heals, the other may still want cut
        self.now = set()

    def cut(self, pairs, layer="partition"):
        self.layers[layer] = set(pairs)
        wanted = set().union(*self.layers.values())
        for source, target in self.now ^ wanted:
            self.set(source, target, drop=int((source, target) in wanted))
        self.now = wanted

    def dropped(self):
        return counted(self.messages, "dropped")

    def set(self, source, target, **settings):
        if target == network.CLIENTS:
            self.messages[source].set(Messages.CLIENTS, "out", **settings)
        else:
            peer = Messages.CLIENTS if source == network.CLIENTS else source
            self.messages[target].set(peer, "in", **settings)


def directed_cuts(shape, order):
    """Paths (from, to) that are cut one way; the first of the order is the leader where the shape
    says so."""
    first, others = order[0], order[1:]
    if shape == "deaf":         # still tells, hears nothing
        return {(other, first) for other in others}
    if shape == "mute":         # hears, tells nothing
        return {(first, other) for other in others}
    if shape == "circle":       # each hears only those before it
        return {(b, a) for a, b in zip(order, others + [first])}
    half = len(order) // 2      # one side hears the other, which does not
    return {(a, b) for a in order[:half] for b in order[half:]}


class OneWay(Nemesis):
    name = "one-way"
    claim = "one-way cuts between nodes: deaf, mute, in a circle, or one half to the other"
    needs = ("messages",)
    length = (0.5, 8.0)

    def draw(self, draw, nodes):
        return {"shape": draw.choice(["deaf", "mute", "circle", "half"]),
                "leader": draw.random() < 0.6, "order": order_of(draw, nodes),
                "clients": draw.random() < 0.2}

    def start(self, params, key):
        order = self.present(params["order"])
        if params["leader"]:
            leader = self.leader_or(order)
            order = [leader, *(n for n in order if n != leader)]
        pairs = directed_cuts(params["shape"], order)
        if params["clients"]:
            pairs |= {(order[0], network.CLIENTS) if params["shape"] == "mute"
                      else (network.CLIENTS, order[0])}
        self.run.message_cutter.cut(pairs, "one-way")
        return {"shape": params["shape"], "order": order,
                "cut": sorted(map(list, pairs), key=str)}

    def heal(self, params, key):
        self.run.message_cutter.cut(set(), "one-way")
        return {"shape": params["shape"]}

    def effect(self):
        return self.run.message_cutter.dropped()

    def finish(self):
        self.run.message_cutter.cut(set(), "one-way")


class MessageFault(Nemesis):
    """Base: all messages that some nodes get, and what they tell clients."""

    needs = ("messages",)
    counter = "dropped"
    calm = (0.5, 3.0)
    length = (1.0, 8.0)

    def draw(self, draw, nodes):
        return {"kind": draw.choice(["one", "leader", "minority", "all", "all"]),
                "order": order_of(draw, nodes), "settings": self.settings(draw)}

    def settings(self, draw):
        """What each way is told."""
        raise NotImplementedError

    def start(self, params, key):
        params["nodes"] = Kill.targets(self, params)
        self.apply(params["nodes"], params["settings"])
        return {"nodes": params["nodes"], **params["settings"]}

    def apply(self, numbers, settings):
        for number in numbers:
            for peer in [Messages.CLIENTS, *self.cluster.nodes]:
                self.run.messages[number].set(peer, "in", **settings)
            self.run.messages[number].set(Messages.CLIENTS, "out", **settings)

    def heal(self, params, key):
        self.apply(params["nodes"], dict.fromkeys(params["settings"], 0))
        return {"nodes": params["nodes"]}

    def effect(self):
        return counted(self.run.messages, self.counter)

    def finish(self):
        for number in list(self.run.messages):
            self.apply([number], {"loss": 0, "duplicate": 0, "delay_us": 0, "jitter_us": 0})


class MessageLoss(MessageFault):
    name = "message-loss"
    claim = "1 to 50 of 100 messages vanish behind the seal"

    def settings(self, draw):
        return {"loss": round(0.01 * 50 ** draw.random(), 4)}


class MessageDouble(MessageFault):
    name = "message-double"
    claim = "up to half of the messages arrive twice behind the seal"
    counter = "doubled"

    def settings(self, draw):
        return {"duplicate": round(draw.uniform(0.01, 0.5), 4)}


class MessageDelay(MessageFault):
    name = "message-delay"
    claim = "messages arrive 1 to 500 ms late, in order"
    counter = "delayed"

    def settings(self, draw):
        delay = int(1000 * 500 ** draw.random())
        return {"delay_us": delay, "jitter_us": draw.choice([0, delay])}


MESSAGE_NEMESES = [OneWay, MessageLoss, MessageDouble, MessageDelay]
