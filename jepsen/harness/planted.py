"""Shows that the tests find each known bug of base/planted.h, which of them does, and how fast.

A checker that never failed proves nothing. A chaos build can be asked to have known bugs; this
lets the finders loose on each. A bug that no finder meets within ten minutes is a failure of the
tests, not of the store. The table of docs/TESTING.md is what the last runs said; `--check` keeps it
in step with base/planted.h and lets the quick finders run again (ctest: chaos/planted-1 and on).

Finders, as they are written in FINDERS:

    raft, node             random seeds of one kind of simulated world
    scenario NAME          a directed script of the simulator
    chaos WORKLOAD N,...   real processes: this workload under these nemeses
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = ROOT / "base" / "planted.h"
TABLE = ROOT / "docs" / "TESTING.md"
BEGIN, END = "<!-- planted bugs: begin -->", "<!-- planted bugs: end -->"
LIMIT_S = 600
QUICK_SEEDS = 100    # what --check grants the finder of a bug
CHAOS_SECONDS = 20   # of faults in one run of real processes
FOLDERS = ("base", "storage", "transport", "raft", "node", "client")

# The finders of each bug: the one that --check runs first, those of real processes behind.
FINDERS = {
    "GUARD_G1_OFF": ["raft"],
    "GUARD_G2_OFF": ["scenario figure-8"],
    "GUARD_G3_OFF": ["scenario double-vote"],
    "GUARD_G4_OFF": ["scenario divergent-tail"],
    "GUARD_G6_OFF": ["raft"],
    "GUARD_G7_OFF": ["node"],
    "GUARD_G8_OFF": ["scenario single-server-change"],
    "GUARD_G9_OFF": ["scenario uncommitted-snapshot"],
    "GUARD_G10_OFF": ["scenario configuration-rollback"],
    "GUARD_G11_OFF": ["scenario pre-vote-deadlock"],
    "GUARD_G12_OFF": ["raft"],
    "GUARD_G13_OFF": ["scenario silent-leaders"],
    "GUARD_G14_OFF": ["scenario promote-then-crash"],
    "GUARD_G15_OFF": ["scenario lone-voter-restart"],
    "GUARD_G16_OFF": ["scenario demote-then-crash"],
    "COMMIT_ALONE": ["raft", "chaos register partition"],
    "ANSWER_BEFORE_VOTE": ["node"],
    "VOTE_NOT_STORED": ["raft"],
    "TERM_NOT_STORED": ["node"],
    "READ_WITHOUT_PROBE": ["raft"],
    "READ_BEFORE_OWN_TERM": ["node", "chaos register kill,transfer"],
    "OLD_PROBE_COUNTS": ["raft"],
    "FOLLOWER_READS": ["node", "chaos register partition,transfer"],
    "ACK_BEFORE_SYNC": ["node", "chaos register fs-shutdown"],
    "SYNC_ERROR_IGNORED": ["node"],
    "DISK_FULL_IGNORED": ["node"],
    "TAIL_TAKEN_FOR_DURABLE": ["node"],
    "TORN_TAIL_ACCEPTED": ["node"],
    "DAMAGE_TAKEN_FOR_TORN": ["node"],
    "SEGMENT_NAME_NOT_SYNCED": ["node"],
    "COMPACTION_TOO_FAR": ["raft"],
    "FLUSH_WITHOUT_SYNC": ["node", "chaos register fs-shutdown,snapshot"],
    "INDEX_NOT_SAVED": ["node", "chaos counter kill"],
    "VIEW_WITHOUT_COMMIT": ["node"],
    "NOVEL_NOT_COMPARED": ["node"],
    "CONDITIONS_NOT_ASKED": ["node"],
    "OLD_VECTOR_STAYS": ["node"],
    "REVISION_GOES_BACK": ["node", "chaos register kill"],
    "SESSIONS_LOST_ON_RESTART": ["node", "chaos counter kill"],
    "SESSIONS_LOST_ON_INSTALL": ["node"],
    "INSTALL_KEEPS_RECORDS": ["node"],
    "RETRY_RUNS_AGAIN": ["node", "chaos counter kill"],
    "ANSWER_NOT_KEPT": ["node", "chaos counter kill,partition", "chaos session kill"],
    "RETRY_NEW_NUMBER": ["node"],
    "EXPERIENCE_TWICE": ["node", "chaos mixed kill,partition", "chaos set kill,partition"],
    "CAS_DOES_NOT_COMPARE": ["node", "chaos register kill", "chaos bank kill"],
    "DELETE_LEAVES_RECORD": ["node", "chaos mixed kill"],
    "REPLACED_ENTRY_ANSWERS": ["node"],
    "QUEUE_ANSWERED_DONE": ["node", "chaos register transfer"],
    "UNKNOWN_IS_NOT_DONE": ["node"],
    "TIME_GOES_BACK": ["node"],
    "PAGE_SKIPS_ONE": ["node", "chaos watch kill,partition"],
    "FULL_PAGE_IS_LAST": ["node", "chaos scan kill"],
    "FULL_STORE_SKIPS_ENTRY": ["node"],
    "LEASE_BY_WALL_CLOCK": ["node", "chaos lease clock,transfer"],
    "LEASE_BY_OWN_CLOCK": ["node"],
    "RING_OVERFLOWS": ["node"],
    "CASCADE_STOPS": ["node"],
    "LEASE_LEAVES_KEYS": ["node", "chaos lease kill"],
    "KEEP_ALIVE_NOT_COMMITTED": ["node"],
    "LEASE_TIME_JUMPS": ["node", "chaos lease kill"],
    "LEASE_ID_USED_AGAIN": ["node"],
    "FENCE_NOT_COMPARED": ["node", "chaos lease kill"],
    "WATCH_GAP_AT_FAILOVER": ["node", "chaos follow kill"],
    "WATCH_REPEATS": ["node"],
    "WATCH_GOES_BACK": ["node"],
    "WATCH_COUNTS_UNCOMMITTED": ["node"],
    "WATCH_HIDES_RESYNC": ["node"],
    "NEAR_FORGETS_LOST": ["node"],
    "AGE_STANDS_STILL": ["node"],
    "OUTCOME_NOT_SEALED": ["node"],
}


# --- what there is -------------------------------------------------------------------------------

def known_bugs():
    """name: what is wrong, from the rows of base/planted.h."""
    text = HEADER.read_text(encoding="utf-8").replace("\\\n", "\n")
    rows = re.findall(r'^ +X\((\w+),\s*"([^"]+)"\)', text, re.MULTILINE)
    return dict(rows)


def sites():
    """The bugs that some product source asks about."""
    found = set()
    for folder in FOLDERS:
        for source in (ROOT / folder).glob("*.c"):
            found.update(re.findall(r"SW_PLANTED\((\w+)\)", source.read_text(encoding="utf-8")))
    return found


# --- finders -------------------------------------------------------------------------------------

class Found:
    """What a finder says: how much it took, and the words of the check that failed."""

    def __init__(self, took, seconds, why):
        self.took, self.seconds, self.why = took, seconds, why


def shorten(text):
    """One line without places of this machine, for a table."""
    folders = "raft|node|storage|client|transport|tests/sim"
    text = re.sub(rf"\S*/((?:{folders})/\w+\.c)", r"\1", text.strip())
    text = re.sub(r"; picture: \S+", "", text)
    return re.sub(r"\s+", " ", text).replace("|", "/")[:150]


def failure_of(output):
    """(seed or None, the words of the check that failed first)."""
    seeds = re.findall(r"^(?:FAILED )?seed (\d+)(?: at \d+ ms)?: (.*)$", output, re.MULTILINE)
    seed, why = (int(seeds[0][0]), seeds[0][1]) if seeds else (None, "the process died")
    if not seeds or why.startswith("the process died"):
        died = re.search(r"^.*(?:assertion failed|runtime error|AddressSanitizer: ).*$", output,
                         re.MULTILINE)
        why = died[0] if died else why
    return seed, shorten(why)


def simulate(build, bug, arguments, seconds):
    done = subprocess.run([str(build / "bin" / "swarm-sim"), *arguments, "--plant", bug],
                          capture_output=True, text=True, errors="replace", timeout=seconds,
                          check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"swarm-sim {' '.join(arguments)} --plant {bug}: "
                           f"{done.stderr.strip()[-300:]}")
    return done.returncode == 1, done.stdout + done.stderr


def by_seeds(build, bug, mode, seeds_max, limit_s):
    """Random seeds, ever more of them at once."""
    begin, first, count = time.monotonic(), 1, 8
    while (seeds_max is None or first <= seeds_max) and time.monotonic() - begin < limit_s:
        last = first + count - 1
        failed, output = simulate(build, bug, ["--mode", mode, "--quiet", "--seeds",
                                               f"{first}..{last}"], limit_s + 60)
        if failed:
            seed, why = failure_of(output)
            took = f"seed {seed}" if seed else f"one of seeds {first} to {last}"
            return Found(took, time.monotonic() - begin, why)
        first, count = last + 1, min(count * 2, 1000)
    return None


def by_scenario(build, bug, name, limit_s):
    begin = time.monotonic()
    failed, output = simulate(build, bug, ["--scenario", name], limit_s)
    if not failed:
        return None
    return Found("its one run", time.monotonic() - begin, failure_of(output)[1])


# The abort of a library in C++ is a bug that nobody planted.
FOREIGN = re.compile(r"\.cpp:\d+\)")
DIED = re.compile(r"^swarmd: |assertion.*failed|runtime error|Sanitizer: |\.cpp:\d+\)",
                  re.IGNORECASE)


def last_words(folder, node):
    """What a node said before it ended: the failed assertion, or why it would not start."""
    said = ""
    for log in sorted(folder.rglob(f"node-{node}.log")):
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                said = line if DIED.search(line) else said
                continue
            if isinstance(row, dict) and row.get("level") == "error":
                said = f"{row.get('event')}: {row.get('msg')}"
    return said


def chaos_words(folder, row):
    """A failed check in words. That a node ended says nothing, so it is followed by why."""
    ended = re.search(r"node (\d+) ended with", str(row["why"]))
    said = last_words(folder, ended[1]) if ended else ""
    return f"{row['name']}: {shorten(said or str(row['why']))}"


def chaos_verdicts(folder):
    """Which checks failed, in words, of the runs below a folder; the broken promises first, since
    the end of a node may be only what became of them."""
    words = []
    for place in sorted(folder.rglob("run.json")):
        run = json.loads(place.read_text(encoding="utf-8"))
        words += [(row["name"] in ("ends", "logs", "run"), chaos_words(place.parent, row))
                  for row in run.get("checks", []) if row["valid"] is False]
    return [why for _, why in sorted(words, key=lambda word: word[0])]


def chaos_run(build, bug, workload, names, seed):
    """One run of real processes, with the bug or (None) without: what failed."""
    planted = ["--plant", bug] if bug else []
    with tempfile.TemporaryDirectory(prefix="swarm-planted-") as out:
        done = subprocess.run(
            [sys.executable, str(ROOT / "jepsen" / "chaos.py"), "--workload", workload,
             "--nemesis", names, "--seconds", str(CHAOS_SECONDS), "--seed", str(seed),
             "--nodes", "3", *planted, "--build", str(build), "--out", f"{out}/run"],
            capture_output=True, text=True, errors="replace", timeout=LIMIT_S, check=False)
        if done.returncode not in (0, 1) or not any(pathlib.Path(out).rglob("run.json")):
            raise RuntimeError(f"chaos.py ended with {done.returncode}: "
                               f"{(done.stdout + done.stderr).strip()[-500:]}")
        return [] if done.returncode == 0 else \
            chaos_verdicts(pathlib.Path(out)) or ["run: it broke off"]


HONEST = set()   # finders that were seen to let a run without bugs pass


def by_chaos(build, bug, workload, names, limit_s):
    """Run after run, each with the next seed. A finder that also fails without the bug finds
    nothing, so it has to let one such run pass first."""
    if (workload, names) not in HONEST:
        why = chaos_run(build, None, workload, names, 1)
        if why:
            raise RuntimeError(f"chaos {workload} {names} fails without a bug: {why}")
        HONEST.add((workload, names))
    begin, seed = time.monotonic(), 0
    while time.monotonic() - begin < limit_s:
        seed += 1
        failed = chaos_run(build, bug, workload, names, seed)
        for words in failed:
            print(f"       {bug}, run {seed} of {workload} {names}: {words}", flush=True)
        own = [words for words in failed if not FOREIGN.search(words)]
        if own:
            return Found("the first run" if seed == 1 else f"run {seed}",
                         time.monotonic() - begin, own[0])
    return None


def find(build, bug, finder, seeds_max=None, limit_s=LIMIT_S):
    kind, *rest = finder.split()
    if kind in ("raft", "node"):
        return by_seeds(build, bug, kind, seeds_max, limit_s)
    if kind == "scenario":
        return by_scenario(build, bug, rest[0], limit_s)
    return by_chaos(build, bug, rest[0], rest[1], limit_s)


# --- the table -----------------------------------------------------------------------------------

def read_table():
    """{(bug, finder): [after, says]} of what docs/TESTING.md holds."""
    text = TABLE.read_text(encoding="utf-8")
    rows, bug = {}, None
    for line in text.partition(BEGIN)[2].partition(END)[0].splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        name = re.match(r"`(\w+)`: ", cells[0])
        bug = name[1] if name else bug
        if len(cells) == 4 and bug and cells[1].startswith("`"):
            rows[(bug, cells[1].strip("`"))] = cells[2:]
    return rows


def write_table(rows):
    text = TABLE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    lines = ["", "| bug | finder | found after | by |", "|---|---|---|---|"]
    for bug, words in known_bugs().items():
        cell = f"`{bug}`: {words}"
        for finder in FINDERS.get(bug, []):
            if (bug, finder) in rows:
                took, says = rows[(bug, finder)]
                lines.append(f"| {cell} | `{finder}` | {took} | {says} |")
                cell = ""
    TABLE.write_text(before + BEGIN + "\n".join(lines) + "\n" + END + after, encoding="utf-8")


# --- the two uses --------------------------------------------------------------------------------

def campaign(build, names, wanted, limit_s):
    """Lets the finders loose on the named bugs, or on all; returns the exit code."""
    missed = 0
    for bug in names or FINDERS:
        for finder in FINDERS[bug]:
            if wanted not in ("all", finder.split()[0], finder):
                continue
            found = find(build, bug, finder, limit_s=limit_s)
            if found is None:
                missed += 1
                print(f"MISSED {bug} by {finder} within {limit_s} s", flush=True)
                continue
            rows = read_table()   # anew, because another campaign may have written there
            rows[(bug, finder)] = [f"{found.took}, {found.seconds:.1f} s", found.why]
            print(f"found  {bug} by {finder}: {found.took}, {found.seconds:.1f} s: {found.why}",
                  flush=True)
            write_table(rows)
    return 1 if missed else 0


def differences():
    """What is not in step: rows, sites, finders, table."""
    bugs, asked, rows = known_bugs(), sites(), read_table()
    bad = [f"{bug} has no site" for bug in bugs if bug not in asked]
    bad += [f"{bug} is no row of base/planted.h" for bug in asked | set(FINDERS)
            if bug not in bugs]
    bad += [f"{bug} has no finder" for bug in bugs if not FINDERS.get(bug)]
    for bug, finders in FINDERS.items():
        bad += [f"docs/TESTING.md does not say when {finder} found {bug}"
                for finder in finders if (bug, finder) not in rows]
    bad += [f"docs/TESTING.md has {bug} by {finder}, which is no finder of it"
            for bug, finder in rows if finder not in FINDERS.get(bug, [])]
    return bad


def part_of(text):
    """(2, 3) of 2/3."""
    part, _, parts = text.partition("/")
    if not 1 <= int(part) <= int(parts):
        raise ValueError(text)
    return int(part), int(parts)


def quick_bugs(part, parts):
    """Every so many of the bugs that are not too rare: neighbours are alike, also in their cost."""
    return [bug for bug in FINDERS if bug not in SLOW][part - 1::parts]


def met_again(build, bug, finder, rows):
    """By the seed that the table names: most often it does, and the search is spared."""
    seed = re.match(r"seed (\d+),", rows.get((bug, finder), [""])[0])
    return bool(seed) and simulate(build, bug, ["--mode", finder, "--quiet", "--seeds",
                                                f"{seed[1]}..{seed[1]}"], LIMIT_S)[0]


def check(build, part, parts):
    """In step, and the quick finders of this part still find. Returns the exit code."""
    bad, bugs, rows = differences(), quick_bugs(part, parts), read_table()
    for bug in bugs:
        finder = FINDERS[bug][0]
        if not met_again(build, bug, finder, rows) and \
                find(build, bug, finder, seeds_max=QUICK_SEEDS) is None:
            bad.append(f"{finder} does not find {bug} within {QUICK_SEEDS} seeds")
    for line in bad:
        print(line)
    print(f"part {part} of {parts}: {len(bugs)} of {len(FINDERS)} bugs; "
          f"{len(SLOW)} are too rare for this check")
    return 1 if bad else 0


# Bugs that need more seeds than a check of a few seconds has.
SLOW = ("GUARD_G6_OFF", "GUARD_G7_OFF", "ANSWER_BEFORE_VOTE", "VOTE_NOT_STORED",
        "OLD_PROBE_COUNTS", "TAIL_TAKEN_FOR_DURABLE", "READ_WITHOUT_PROBE",
        "REPLACED_ENTRY_ANSWERS")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="./run chaos --planted",
                                     description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="known bugs (default: all)")
    parser.add_argument("--build", default=str(ROOT / "build" / "chaos"))
    finders = {finder for of_bug in FINDERS.values() for finder in of_bug}
    parser.add_argument("--finder", default="all", metavar="KIND|FINDER",
                        choices=("all", "raft", "node", "scenario", "chaos", *sorted(finders)),
                        help="one kind of them, or one as it stands in the table (default: all)")
    parser.add_argument("--seconds", type=int, default=LIMIT_S, help="for each bug and finder")
    parser.add_argument("--check", action="store_true", help="compare, and run the quick finders")
    parser.add_argument("--part", type=part_of, default=(1, 1), metavar="N/M",
                        help="of the quick finders (default: 1/1, all)")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.names if name not in FINDERS]
    if unknown:
        parser.error(f"no such bug: {', '.join(unknown)}")
    build = pathlib.Path(given.build).resolve()
    if given.check:
        return check(build, *given.part)
    return campaign(build, given.names, given.finder, given.seconds)


if __name__ == "__main__":
    sys.exit(main())
