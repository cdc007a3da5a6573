"""What a run directory says, as one dictionary: the contents of report.json.

Everything is taken from the files that the run left (run.json, history, nemesis log, samples,
verdict); what is missing, because a run broke off, is left out and not guessed.
"""
import bisect
import collections
import json
import re

PROCESS = re.compile(r":process (\d+), :type :(\w+), :f :([\w-]+)")
NEMESIS = re.compile(r":process :nemesis, :type :info, :f :([\w-]+), :value (.*), :time (\d+)")
TIME = re.compile(r":time (\d+)")
FAULT = re.compile(r":fault (\d+),? ?")
OUTCOMES = ("ok", "fail", "info")
SPEC_KEYS = ("id", "seed", "workload", "nemeses", "nodes", "seconds", "network", "version",
             "started", "whole_log", "flags", "processes", "rate", "keys", "timeout_ms", "plant",
             "replay", "valid", "trouble", "phases", "ends", "excluded", "highest", "tools",
             "effects")
# Longer than any pause between two answers of a quiet swarm; what is asked is who waited how long.
AFTER_S = 5


def lines_of(path):
    """The lines of a text file; none if there is no such file."""
    if not path.exists():
        return
    with open(path, encoding="utf-8", errors="replace") as lines:
        yield from lines


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def history_of(folder):
    """The merged history, or what was merged into it if the run did not come so far."""
    whole = folder / "history.edn"
    if whole.exists():
        return list(lines_of(whole))
    return [*lines_of(folder / "client.edn"), *lines_of(folder / "nemesis.edn")]


# --- operations ---------------------------------------------------------------------------------

def operations(lines):
    """[(end or None, seconds it took or None, outcome, :f)] of all clients, times in seconds."""
    rows, begun = [], {}
    for line in lines:
        found = PROCESS.search(line)
        if not found:
            continue
        process, kind, name = found.groups()
        at = int(TIME.search(line)[1]) / 1e9
        if kind == "invoke":
            begun[process] = (at, name)
            continue
        start, _ = begun.pop(process, (at, name))
        rows.append((at, at - start, kind, name))
    rows += [(None, None, "info", name) for _, name in begun.values()]
    return rows


def quantile(ordered, share):
    """Of a sorted list, None if it is empty."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def milliseconds(seconds):
    return None if seconds is None else round(seconds * 1000, 2)


def by_second(rows):
    """One row for each second of the run: what ended in it, and how long the good ones took."""
    seconds = collections.defaultdict(lambda: {"ok": [], "fail": 0, "info": 0})
    for end, took, outcome, _ in rows:
        if end is None:
            continue
        if outcome == "ok":
            seconds[int(end)]["ok"].append(took)
        else:
            seconds[int(end)][outcome] += 1
    table = []
    for second in range(max(seconds, default=-1) + 1):
        row = seconds[second]
        took = sorted(row["ok"])
        table.append({"second": second, "ok": len(took), "fail": row["fail"], "info": row["info"],
                      "p50_ms": milliseconds(quantile(took, 0.5)),
                      "p99_ms": milliseconds(quantile(took, 0.99))})
    return table


def totals(rows):
    counts = collections.Counter(outcome for _, _, outcome, _ in rows)
    took = sorted(took for _, took, outcome, _ in rows if outcome == "ok")
    names = collections.Counter(name for _, _, _, name in rows)
    return {"operations": len(rows), **{kind: counts[kind] for kind in OUTCOMES},
            "by_f": dict(names.most_common()),
            "p50_ms": milliseconds(quantile(took, 0.5)),
            "p99_ms": milliseconds(quantile(took, 0.99)),
            "max_ms": milliseconds(took[-1] if took else None)}


# --- faults -------------------------------------------------------------------------------------

def words_of(value):
    """A map of EDN as words for people: without the number of the fault and the punctuation."""
    text = FAULT.sub("", value.strip("{}"))
    return re.sub(r"\s+", " ", text.replace(":", "").replace('"', "")).strip()


def faults(lines):
    """[{nemesis, fault, start_s, end_s or None, words}] in the order of their beginnings.

    A nemesis announces `start-x`, then writes `x` when the fault is in place; `heal-x` announces
    its end and `healed-x` is when it is over."""
    rows = {}
    for line in lines:
        found = NEMESIS.search(line)
        if not found:
            continue
        name, value, at = found[1], found[2], int(found[3]) / 1e9
        number = FAULT.search(value)
        if not number or name.startswith("heal-"):
            continue
        kind = re.sub(r"^(start|healed)-", "", name)
        row = rows.setdefault((kind, int(number[1])), {
            "nemesis": kind, "fault": int(number[1]), "start_s": at, "end_s": None, "words": ""})
        if name.startswith("healed-"):
            row["end_s"] = at
        elif not name.startswith("start-"):
            row["words"] = words_of(value)
    return sorted(rows.values(), key=lambda row: row["start_s"])


def longest_silence(ends, begin, until):
    """The longest time without an acknowledged operation between two moments, seen from the last
    one before them; None if there never was one."""
    if not ends:
        return None
    at = bisect.bisect_right(ends, begin)
    longest, previous = 0.0, ends[at - 1] if at else begin
    for end in ends[at:]:
        longest = max(longest, min(end, until) - previous)
        if end >= until:
            return longest
        previous = end
    return max(longest, until - previous)


def clients_end(spec, done):
    """When clients stopped asking: silence after it is nobody's fault."""
    for phase in spec.get("phases") or []:
        if phase["name"] == "faults" and phase["end_ns"]:
            return phase["end_ns"] / 1e9
    return max((end for end, _, _, _ in done if end is not None), default=0.0)


def add_unavailability(rows, done, limit):
    """How long nobody was answered because of each fault, from its start to AFTER_S behind it."""
    ends = sorted(end for end, _, outcome, _ in done if outcome == "ok" and end is not None)
    for row in rows:
        until = min(limit, (row["end_s"] or row["start_s"]) + AFTER_S)
        silence = longest_silence(ends, row["start_s"], until) if until > row["start_s"] else None
        row["unavailable_ms"] = milliseconds(silence)


# --- nodes --------------------------------------------------------------------------------------

def spans(moments):
    """[(time, value)] as [{from, to, value}], equal neighbours joined."""
    rows = []
    for at, value in moments:
        if rows and rows[-1]["value"] == value:
            rows[-1]["to"] = at
        else:
            if rows:
                rows[-1]["to"] = at
            rows.append({"from": at, "to": at, "value": value})
    return rows


def state_of(row):
    """What a sample says of a node, in one word."""
    if not row["up"]:
        return "down"
    if row["paused"]:
        return "paused"
    return "up" if row["answers"] else "silent"


def leader_of(nodes):
    """[node, term] of the newest term that a node says it leads; None if none does."""
    best = None
    for number, row in nodes.items():
        if row.get("leader") == 1 and (best is None or row["term"] > best[1]):
            best = [int(number), row["term"]]
    return best


def samples(folder):
    """Bands over time: who leads in which term, and the state of each node."""
    leaders, nodes = [], collections.defaultdict(list)
    for line in lines_of(folder / "samples.jsonl"):
        try:
            row = json.loads(line)
        except ValueError:
            continue  # the last line of a run that was killed
        at = row["time"] / 1e9
        leaders.append((at, leader_of(row["nodes"])))
        for number, state in row["nodes"].items():
            nodes[int(number)].append((at, state_of(state)))
    return spans(leaders), {number: spans(rows) for number, rows in sorted(nodes.items())}


# --- all ----------------------------------------------------------------------------------------

def tools_of(spec):
    """Which way of each kind was taken, what else works here, and why the rest does not."""
    tools = spec.get("tools", {})
    chosen = {name: tools[name] for name in ("network", "partition") if name in tools}
    return {"chosen": chosen,
            "usable": [name for name, why in tools.items() if not why and name not in chosen],
            "not": {name: why for name, why in tools.items() if why and name not in chosen}}


def collect(folder):
    """The report of one run, as a dictionary."""
    spec, verdict = read_json(folder / "run.json"), read_json(folder / "verdict.json")
    lines = history_of(folder)
    done = operations(lines)
    leaders, nodes = samples(folder)
    struck = faults(lines)
    ends = [end for end, _, _, _ in done if end is not None] + \
        [row["to"] for rows in nodes.values() for row in rows]
    last = max(ends, default=0.0)
    add_unavailability(struck, done, clients_end(spec, done))
    checks = spec.get("checks") or verdict.get("checks", [])
    run = {key: spec.get(key) for key in SPEC_KEYS if key in spec}
    if "valid" not in run:
        run["valid"] = verdict.get("valid")
    run["tools"] = tools_of(spec)
    return {"format": 1, "run": run, "length_s": round(last, 3), "totals": totals(done),
            "seconds": by_second(done), "faults": struck, "leaders": leaders,
            "nodes": {str(number): rows for number, rows in nodes.items()}, "checks": checks,
            "skipped": verdict.get("skipped", []),
            "pictures": sorted(path.name for path in folder.glob("linear-*.html"))}
