"""From a seed, what happens when: the same seed gives the same schedule, byte for byte.

Targets are not node numbers chosen in advance where a rule says more: "leader" is looked up when
the fault begins. Everything else (order of nodes, shapes, lengths, strengths) is drawn here, so a
replay differs from the run only by what the machine's timing makes of it.
"""
import random


def derive(seed, *path):
    """An independent random stream for each name, so that one nemesis more changes no other."""
    return random.Random(":".join(map(str, (seed, *path))))


def run_seed(campaign_seed, index):
    """The seed of one run of a campaign: small enough to be typed."""
    return derive(campaign_seed, "run", index).randrange(1, 10**9)


def order_of(draw, nodes):
    """All nodes in a drawn order; faults take theirs from its front."""
    order = list(nodes)
    draw.shuffle(order)
    return order


def round_s(value):
    """Milliseconds are as exact as a fault can be placed."""
    return round(value, 3)


def timeline(draw, seconds, calm, length):
    """(start, end) pairs: calm and fault in turn, each drawn from its (low, high), in seconds.

    A quiet second stands at the beginning, and no fault outlasts the run."""
    rows, at = [], 1.0 + draw.uniform(0, calm[1] / 2)
    while at < seconds - 0.5:
        end = min(seconds, at + draw.uniform(*length))
        rows.append((round_s(at), round_s(end)))
        at = end + draw.uniform(*calm)
    return rows


def make(seed, nemeses, nodes, seconds):
    """Events in order: {"at", "op": "start"|"heal", "nemesis", "fault": number, "params"}.

    `nemeses` are objects with a name and `plan(draw, nodes, seconds)`, which gives (start, end,
    params); end None means that the fault needs no healing of its own."""
    events = []
    for nemesis in nemeses:
        draw = derive(seed, "nemesis", nemesis.name)
        for number, (start, end, params) in enumerate(nemesis.plan(draw, list(nodes), seconds)):
            row = {"nemesis": nemesis.name, "fault": number, "params": params}
            events.append({"at": start, "op": "start", **row})
            if end is not None:
                events.append({"at": end, "op": "heal", **row})
    events.sort(key=lambda row: (row["at"], row["nemesis"], row["fault"], row["op"] == "heal"))
    return events
