"""Many runs from one seed: which workload meets which nemeses, one after the other, and the sum.

Each run is a process of its own, so that one that hangs or crashes is one failed run. Everything
about a run follows from its seed, the number of nodes, workload, nemeses and length: these five
are the command that replays it.
"""
import itertools
import json
import pathlib
import shlex
import subprocess
import sys
import time

from . import nemeses, report
from .belongings import new_run_id
from .runner import write_json
from .schedule import derive, run_seed

CHAOS = pathlib.Path(__file__).resolve().parent.parent / "chaos.py"
WORKLOADS = ("register", "set", "counter", "list", "bank", "session", "watch", "follow", "lock",
             "lease", "scan", "queue", "election", "mixed")
# Beyond the faults themselves: starting, recovering, final reads, stopping, checking.
AROUND_S = 20
HARD_END_S = 900


def knobs(seed, points):
    """Sizes and settings of a run. Half of the seeds keep the whole log, so that it can be
    replayed against the history; the others compact so hard that followers need installs. Half of
    them ask nodes with points (base/point.h) to be unkind now and then, where that is legal."""
    draw = derive(seed, "knobs")
    whole = draw.random() < 0.5
    flags = ["--wal-segment", draw.choice(["1MiB", "4MiB", "16MiB"]), "--max-map-size", "1GiB",
             "--commit-interval", draw.choice(["50ms", "300ms", "1s"]),
             "--snapshot-bytes", "4GiB" if whole else draw.choice(["64KiB", "256KiB", "1MiB"]),
             "--snapshot-trailing", str(draw.choice([16, 128, 1024]))]
    return {"whole_log": whole, "flags": flags, "processes": draw.choice([4, 8, 12]),
            "rate": draw.choice([60, 120, 200]), "keys": draw.choice([4, 8, 16]),
            "timeout_ms": draw.choice([1000, 2000, 4000]), "pinned": draw.choice([0, 1, 2]),
            "buggify": points and draw.random() < 0.5}


def replay_command(spec, plant, build, build_old=None):
    """What prints the same run again, typed at the top of the project."""
    words = ["./run", "chaos", "--seed", spec["seed"], "--nodes", spec["nodes"], "--workload",
             spec["workload"], "--nemesis", ",".join(spec["nemeses"]) or "none", "--seconds",
             spec["seconds"]]
    if plant:
        words += ["--plant", ",".join(plant)]
    if spec["network"] == "loopback":
        words += ["--network", "loopback"]
    if build:
        words += ["--build", build]
    if build_old:
        words += ["--build-old", build_old]
    return shlex.join(map(str, words))


class Campaign:
    """Runs of one command line."""

    def __init__(self, args, tools, out):
        self.args = args
        self.tools = tools
        self.out = pathlib.Path(out)
        self.begin = time.monotonic()
        self.rows = []

    def spec(self, seed, workload, names, seconds):
        """Everything that run.json must hold before the run starts."""
        args = self.args
        nodes = args.nodes or derive(seed, "nodes").choice([3, 3, 5])
        spec = {"format": 1, "id": new_run_id(), "seed": seed, "workload": workload,
                "nemeses": sorted(names), "nodes": nodes, "seconds": seconds,
                "network": args.network, "tools": self.tools, "build": str(args.build),
                "version": args.version, "keep": args.keep, "plant": args.plant,
                "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "hard_end_s": HARD_END_S,
                "build_old": args.build_old, **knobs(seed, not self.tools["points"])}
        if spec["buggify"]:
            spec["flags"] += ["--buggify", str(seed)]
        if args.plant:
            spec["flags"] += ["--plant", ",".join(args.plant)]
        spec["replay"] = replay_command(spec, args.plant, args.build_given, args.build_old)
        return spec

    # --- which runs -----------------------------------------------------------------------------

    def combinations(self):
        """(seed, workload, nemeses) for ever, or one each without a time limit."""
        args = self.args
        if not args.minutes:
            for workload in args.workloads:
                for names in self.fixed_sets(args.seed):
                    yield args.seed, workload, names
            return
        pairs = list(itertools.product(args.workloads, self.mixes()))
        derive(args.seed, "pairs").shuffle(pairs)
        for index in itertools.count():
            seed = run_seed(args.seed, index)
            workload, first = pairs[index % len(pairs)]
            yield seed, workload, self.mixed(seed, first)

    def fixed_sets(self, seed):
        if self.args.nemesis == "all":
            return [[name] for name in self.args.names]
        if self.args.nemesis == "random":
            return [self.mixed(seed, [derive(seed, "first").choice(self.args.names)])]
        return [self.args.names]

    def mixes(self):
        return [[name] for name in self.args.names] if self.args.nemesis in ("all", "random") \
            else [self.args.names]

    def mixed(self, seed, first):
        """With `random`, up to two more nemeses at the same time."""
        if self.args.nemesis != "random":
            return first
        draw = derive(seed, "mix")
        others = [name for name in self.args.names
                  if name not in first and not nemeses.conflict([*first, name])]
        chosen = first + draw.sample(others, min(len(others), draw.choice([0, 0, 1, 1, 2])))
        return first if nemeses.conflict(chosen) else chosen

    def run_seconds(self, seed):
        if self.args.seconds:
            return self.args.seconds
        return derive(seed, "seconds").choice([20, 30, 30, 45, 60])

    def time_left(self, seconds):
        """False once another run would not end within the time of the campaign."""
        if not self.args.minutes:
            return True
        spent = time.monotonic() - self.begin
        return not self.rows or spent + seconds + AROUND_S < self.args.minutes * 60

    # --- running --------------------------------------------------------------------------------

    def run(self):
        """All runs; the exit code of the campaign."""
        for index, (seed, workload, names) in enumerate(self.combinations()):
            seconds = self.run_seconds(seed)
            if not self.time_left(seconds):
                break
            self.one(index, self.spec(seed, workload, names, seconds))
        return self.summary()

    def one(self, index, spec):
        name = f"{index + 1:03}-{spec['workload']}-{'-'.join(spec['nemeses']) or 'none'}"[:100]
        folder = self.out / name if self.args.minutes or self.args.many else self.out
        folder.mkdir(parents=True)
        write_json(folder / "run.json", spec)
        self.say(f"run {index + 1}: {spec['workload']} under {', '.join(spec['nemeses']) or 'none'}"
                 f", {spec['nodes']} nodes, {spec['seconds']} s, seed {spec['seed']}")
        begin = time.monotonic()
        done = subprocess.run([sys.executable, str(CHAOS), "--execute", str(folder)],
                              stdout=self.args.progress, check=False)
        row = json.loads((folder / "run.json").read_text())
        row.setdefault("valid", False)
        if done.returncode not in (0, 1, 3):
            row.update(valid=False, trouble=f"the harness ended with {done.returncode}")
        self.rows.append(self.summary_row(row, folder, time.monotonic() - begin))
        self.say_verdict(self.rows[-1])

    def summary_row(self, row, folder, took):
        keys = ("seed", "workload", "nemeses", "nodes", "seconds", "valid", "trouble", "operations",
                "outcomes", "ends", "excluded", "highest", "replay")
        failed = [c for c in row.get("checks", []) if c["valid"] is not True]
        return {"folder": str(folder), "took_s": round(took, 1), "failed": failed,
                **{key: row.get(key) for key in keys}}

    def say(self, text):
        print(text, file=self.args.progress, flush=True)

    def say_verdict(self, row):
        word = {True: "valid", False: "NOT VALID"}.get(row["valid"], "UNKNOWN")
        self.say(f"    {word}: {row['operations'] or 0} operations, {row['took_s']} s")
        if row["valid"] is not True:
            if row["trouble"]:
                self.say(f"    {row['trouble']}")
            self.say(f"    everything is in {row['folder']}\n    again: {row['replay']}")

    # --- the sum --------------------------------------------------------------------------------

    def summary(self):
        valid = all(row["valid"] is True for row in self.rows)
        false = [row for row in self.rows if row["valid"] is False]
        text = {"format": 1, "seed": self.args.seed, "valid": valid, "runs": self.rows,
                "operations": sum(row["operations"] or 0 for row in self.rows),
                "tools": self.tools, "took_s": round(time.monotonic() - self.begin, 1)}
        write_json(self.out / "summary.json", text)
        if len(self.rows) > 1:
            report.write_campaign(self.out)
        self.table()
        self.say(f"{len(self.rows)} runs, {text['operations']} operations, {len(false)} not valid, "
                 f"{text['took_s']:.0f} s, seed {self.args.seed}: {self.out}")
        if self.args.output == "json":
            print(json.dumps(text))
        return 1 if false else 0 if valid else 3

    def table(self):
        """One line a run."""
        rows = [("seed", "workload", "nemeses", "nodes", "s", "ops", "ok", "fail", "info", "valid")]
        for row in self.rows:
            counts = row["outcomes"] or {}
            rows.append((row["seed"], row["workload"], ",".join(row["nemeses"]), row["nodes"],
                         row["seconds"], row["operations"] or 0,
                         *(counts.get(kind, 0) for kind in ("ok", "fail", "info")), row["valid"]))
        widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            self.say("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())
