"""What the harness itself judges once a run has healed: logs, ends of processes, leaders, states.

Each check gives {"name", "claim", "valid", "why"}, as swarm-check does for histories. Nothing is
excused silently: what a fault explains is counted in the text.
"""
import datetime
import hashlib
import json
import re
import subprocess

from .sampler import leaderless

LEADERLESS_MAX_S = 60
DAMAGED = 10    # exit code of swarm-inspect
SHOWN_MAX = 8
# What only a broken program prints.
BROKEN = re.compile(r"assertion failed|AddressSanitizer|LeakSanitizer|runtime error:|"
                    r"ThreadSanitizer|terminate called|stack smashing|double free|Segmentation|"
                    r"free\(\): |malloc\(\): ")


def result(name, claim, bad, good):
    """A check's row from the list of what is wrong; `good` says what was seen otherwise."""
    shown = "; ".join(bad[:SHOWN_MAX]) + (f"; and {len(bad) - SHOWN_MAX} more"
                                          if len(bad) > SHOWN_MAX else "")
    return {"name": name, "claim": claim, "valid": not bad, "why": shown if bad else good}


def check_ends(cluster):
    """A node ends by itself only where a fault of its disk or data explains it."""
    bad, explained = [], []
    for end in cluster.ends:
        code = end["code"]
        words = f"node {end['node']} ended with {code} at {end['time'] / 1e9:.1f} s"
        # Signals: a broken invariant has no excuse, and SIGKILL is what one fault alone sends.
        signalled = isinstance(code, str) or code < 0
        if end["excuse"] is None or (signalled and (code, end["excuse"]) != (-9, "torn-write")):
            bad.append(words)
        else:
            explained.append(f"{words} ({end['excuse']})")
    return result("ends", "no node ends by itself unless an injected fault tells it to", bad,
                  f"{len(explained)} ends, all explained" if explained else "none did")


def log_rows(node):
    """(text, parsed or None) of each line of a node's log."""
    if not node.log.exists():
        return
    with open(node.log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            yield line.strip(), row if isinstance(row, dict) else None


def line_time_ns(row):
    """Wall time of a log line; None if it has none that can be read."""
    try:
        when = datetime.datetime.fromisoformat(row["ts"].replace("Z", "+00:00"))
    except (KeyError, ValueError, AttributeError):
        return None
    return round(when.timestamp() * 1e9)


def excuse_of(node, row, clock):
    """The fault that explains an error line: one in force at its time, or any at all where the
    times in the log cannot be trusted."""
    wall = line_time_ns(row)
    for what, begin, end in node.excuses:
        if clock is None or wall is None:
            return what
        when = clock(wall) + 1_000_000  # lines are stamped in whole milliseconds, rounded down
        if begin <= when and (end is None or when <= end):
            return what
    return None


def check_logs(cluster, clock):
    """No ERROR that no injected fault explains, nothing that only a broken program prints."""
    bad, explained = [], 0
    for node in cluster.nodes.values():
        for text, row in log_rows(node):
            if BROKEN.search(text):
                bad.append(f"node {node.number}: {text[:200]}")
            elif row is not None and row.get("level") == "error":
                if excuse_of(node, row, clock):
                    explained += 1
                else:
                    bad.append(f"node {node.number}: {row.get('event')}: {row.get('msg')}")
    return result("logs", "no errors, failed assertions or sanitizer reports in the logs", bad,
                  f"{explained} errors, all of nodes with a disk fault at that time"
                  if explained else "none")


def check_leader(samples, healed_ns, end_ns):
    """After healing no minute without a leader."""
    seconds = leaderless(samples, healed_ns, end_ns)
    bad = [f"{seconds:.1f} s without a leader after healing"] \
        if seconds > LEADERLESS_MAX_S else []
    return result("leader", "after healing there is no minute without a leader", bad,
                  f"longest time without one after healing: {seconds:.1f} s")


def check_terms(samples):
    """Two nodes that lead in one term would be the end of everything."""
    leaders, bad = {}, []
    with open(samples, encoding="utf-8") as lines:
        for line in lines:
            for number, row in json.loads(line)["nodes"].items():
                if row.get("leader") == 1:
                    leaders.setdefault(row["term"], set()).add(number)
    for term, numbers in sorted(leaders.items()):
        if len(numbers) > 1:
            bad.append(f"term {term} was led by nodes {' and '.join(sorted(numbers))}")
    return result("terms", "at most one node leads in a term", bad,
                  f"{len(leaders)} terms with a leader seen")


def check_writable(cluster):
    """Reads alone would not tell a swarm that has stopped to take writes for good."""
    code, _ = cluster.ctl("--command-timeout", "20s", "kv", "put", "after-the-faults", "1",
                          seconds=30)
    return result("writable", "once all faults have ended, the swarm takes writes again",
                  [] if code == 0 else [f"a write ended with exit code {code}"],
                  "a write was acknowledged")


def check_digests(health, numbers):
    """What the nodes say about their states at one index."""
    rows = {int(row["node"]): row for row in health["nodes"]} if health else {}
    digests = {n: (rows.get(n, {}).get("digest_index"), rows.get(n, {}).get("digest"))
               for n in numbers}
    bad = []
    if any(digest is None for _, digest in digests.values()):
        bad.append(f"not all nodes told a digest: {digests}")
    elif len(set(digests.values())) != 1:
        bad.append(f"they differ: {digests}")
    return result("digests", "at the end all nodes have the same state digest at the same index",
                  bad, f"{len(numbers)} nodes at index {next(iter(digests.values()))[0]}"
                  if digests else "")


def inspect(cluster, kind, node, *flags):
    """swarm-inspect on a stopped node: (exit code, stdout)."""
    done = subprocess.run([cluster.program("swarm-inspect"), kind, str(node.data), *flags],
                          capture_output=True, text=True, errors="replace", timeout=180,
                          check=False, env=cluster.environment)
    return done.returncode, done.stdout if done.returncode == 0 else done.stdout + done.stderr


RECORDS = ('{"table":"', '{"summary":"')
OWN = tuple(f'{start}{table}"' for start in RECORDS for table in ("meta", "stage"))


def replicated(text):
    """The lines of a store that must be the same on each node: all tables but those that say whose
    store it is, how far its own snapshots are, and what it was being sent."""
    return [line for line in text.splitlines()
            if line.startswith(RECORDS) and not line.startswith(OWN)]


def latent(node, code):
    """Damage that the nemesis did and no start or read has met so far: swarm-inspect tells it, and
    so would a read. It is not what the other nodes hold, so it is left out."""
    return node.damaged is not None and code == DAMAGED


def check_stores(cluster, numbers):
    """The stores of all stopped nodes, record by record: what was acknowledged and read at the end
    is on every replica, not only where the read was answered."""
    bad, prints, records, left_out = [], {}, 0, []
    for number in numbers:
        code, text = inspect(cluster, "store", cluster.nodes[number], "-o", "json", "--values")
        if latent(cluster.nodes[number], code):
            left_out.append(number)
        elif code != 0:
            bad.append(f"node {number}: swarm-inspect ended with {code}: {text[-200:].strip()}")
        else:
            lines = replicated(text)
            records = len(lines)
            prints[number] = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    if len(set(prints.values())) > 1:
        bad.append(f"the records differ: {prints}")
    return result("stores", "the stopped nodes hold the same records, all of them sound", bad,
                  f"{records} lines each on {len(prints)} nodes" + damaged_text(left_out))


def damaged_text(numbers):
    return f"; not on {numbers}, which the nemesis damaged" if numbers else ""


def check_wals(cluster, numbers):
    bad, left_out = [], []
    for number in numbers:
        code, text = inspect(cluster, "wal", cluster.nodes[number])
        if latent(cluster.nodes[number], code):
            left_out.append(number)
        elif code != 0:
            bad.append(f"node {number}: {text.strip().splitlines()[-1:]}")
    return result("wals", "the logs of the stopped nodes are sound", bad,
                  f"{len(numbers) - len(left_out)} logs" + damaged_text(left_out))
