#!/usr/bin/env python3
"""Real nodes under real faults, judged by what their clients saw: the command line of the harness.

    ./run chaos                              one run of each workload, random faults
    ./run chaos --minutes 60                 an hour of runs of all workloads under all nemeses
    ./run chaos --workload register --nemesis kill,partition --seconds 30 --seed 7
    ./run chaos --planted [NAME...]          does it find known bugs, and how fast?
    ./run chaos --list                       workloads, nemeses, and what this machine permits
"""
import argparse
import ctypes
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import (  # noqa: E402
    ROOT, belongings, campaign, nemeses, planted, probe, runner)

PR_SET_PDEATHSIG = 1
SHORT_MINUTES = 3.3
SHORT_SECONDS = 10


def parser():
    made = argparse.ArgumentParser(
        prog="./run chaos", description=__doc__.splitlines()[0],
        epilog="as first word: --planted [NAME...], does it find known bugs; --unavailability, how "
               "long nobody can write after a fault of the leader")
    add = made.add_argument
    add("--minutes", type=float, help="a campaign: run after run for this long")
    add("--seconds", type=int, help="how long each run is under faults (default 30)")
    add("--seed", type=int, help="the same seed plans the same runs (default: from the clock)")
    add("--nodes", type=int, choices=(1, 3, 5, 7), help="nodes of the swarm (default: by seed)")
    add("--workload", default="all", help="W[,W...] or all")
    add("--nemesis", default="random", help="N[,N...] at the same time, all = each alone, random "
                                            "= one to three by seed, none")
    add("--build", help="build directory (default build/chaos)")
    add("--build-old", help="a second one that speaks the same protocol version, for version-mix")
    add("--out", help="where runs are kept (default chaos-out/<time>-<seed>)")
    add("--network", choices=("auto", "netns", "loopback"), default="auto")
    add("--short", action="store_true", help="at most four minutes, for ./run test")
    add("--keep", action="store_true", help="keep the nodes' data of runs that passed, too")
    add("--plant", default="", help="known bugs that the nodes are to have: must be found")
    add("--list", action="store_true", help="list workloads, nemeses and tools")
    add("--clean", action="store_true", help="remove what runs left behind that were killed")
    add("-o", "--output", choices=("text", "json"), default="text")
    add("--execute", metavar="DIR", help=argparse.SUPPRESS)
    return made


def usage(text):
    print(f"./run chaos: {text}", file=sys.stderr)
    sys.exit(2)


def build_folder(given):
    build = pathlib.Path(given).resolve() if given else ROOT / "build" / "chaos"
    if not (build / "bin" / "swarmd").exists():
        usage(f"{build} holds no bin/swarmd: cmake --preset chaos && cmake --build build/chaos")
    return build


def choose_network(wanted, tools):
    """netns where it works; loopback says what is lost."""
    able = not tools["netns"] and any(not tools[t] for t in ("nft", "iptables", "blackhole"))
    if wanted == "netns" and not able:
        usage(f"no network of namespaces here: {tools['netns'] or 'nothing cuts a path'}")
    chosen = "netns" if able and wanted != "loopback" else "loopback"
    tools["network"] = chosen
    tools["partition"] = probe.partition_tool(tools, chosen)
    if chosen == "loopback":
        tools["relay"] = tools["relay"] or "the loopback network has no links of its own"
    return chosen


def choose_workloads(text):
    if text == "all":
        return list(campaign.WORKLOADS)
    for name in text.split(","):
        if name not in campaign.WORKLOADS:
            usage(f"no workload {name}; there are {', '.join(campaign.WORKLOADS)}")
    return text.split(",")


def choose_nemeses(text, tools, say):
    """Names that can be used. What was asked for by name must work; else what does not is told."""
    if text == "none":
        return []
    if text not in ("all", "random"):
        for name in text.split(","):
            if name not in nemeses.BY_NAME:
                usage(f"no nemesis {name}; there are {', '.join(nemeses.BY_NAME)}")
            why = nemeses.missing(nemeses.BY_NAME[name], tools)
            if why:
                usage(f"nemesis {name} cannot be used here: {why}")
        if nemeses.conflict(text.split(",")):
            usage(f"{nemeses.conflict(text.split(','))} undo each other's work")
        return text.split(",")
    names = []
    for name, nemesis in nemeses.BY_NAME.items():
        why = nemeses.missing(nemesis, tools)
        if why:
            say(f"left out: {name}: {why}")
        else:
            names.append(name)
    return names


def short_settings(args):
    """Few nodes and short runs, as many as fit into the time; everything else as ever."""
    args.minutes = args.minutes or SHORT_MINUTES
    args.seconds = args.seconds or SHORT_SECONDS
    args.nodes = args.nodes or 3


def prepare(args):
    """From what was typed to what a campaign needs."""
    args.progress = sys.stderr if args.output == "json" else sys.stdout
    args.build_given = args.build
    args.build = build_folder(args.build)
    args.build_old = args.build_old and str(build_folder(args.build_old))
    if args.seed is None:
        args.seed = int(time.time()) % 10**6
    if args.short:
        short_settings(args)

    def say(text):
        print(text, file=args.progress, flush=True)
    tools = probe.probe(args.build)
    tools["old-build"] = "" if args.build_old else "no --build-old was given"
    args.network = choose_network(args.network, tools)
    args.workloads = choose_workloads(args.workload)
    args.names = choose_nemeses(args.nemesis, tools, say)
    args.plant = [name for name in args.plant.split(",") if name]
    args.many = len(args.workloads) > 1 or args.nemesis == "all"
    if not args.minutes:
        args.seconds = args.seconds or 30
    args.version = subprocess.run([str(args.build / "bin/swarmd"), "--version"], text=True,
                                  capture_output=True, check=False).stdout.strip()
    say(f"seed {args.seed}, {args.version}, network: {tools['network']}, partitions by "
        f"{tools['partition'] or 'nothing'}")
    for name in ("client", "check"):
        if tools[name]:
            usage(tools[name])
    return tools


def list_all(args):
    """What there is, and what of it can be used here."""
    build = build_folder(args.build)
    tools = probe.probe(build)
    tools["old-build"] = "" if args.build_old else "no --build-old was given"
    choose_network(args.network, tools)
    rows = {"workloads": list(campaign.WORKLOADS), "tools": tools, "nemeses": [
        {"name": name, "claim": nemesis.claim, "missing": nemeses.missing(nemesis, tools)}
        for name, nemesis in nemeses.BY_NAME.items()]}
    if args.output == "json":
        print(json.dumps(rows))
        return 0
    print("workloads: " + ", ".join(rows["workloads"]) + "\n\nnemeses:")
    for row in rows["nemeses"]:
        print(f"  {row['name']:<18}{row['claim']}"
              + (f"\n{'':20}NOT HERE: {row['missing']}" if row["missing"] else ""))
    print("\ntools:")
    for name, why in tools.items():
        word = f"uses {why}" if name in ("network", "partition") else \
            f"no: {why}" if why else "yes"
        print(f"  {name:<18}{word}")
    return 0


def clean():
    """Removes leftovers of runs whose harness is dead; says what it found."""
    code = 0
    for run in belongings.dead_runs():
        left = run.left()
        still = run.clear()
        print(f"run {run.run_id} in {run.folder}: removed {', '.join(left) or 'nothing'}")
        if still:
            print(f"  could not remove: {', '.join(still)}")
            code = 1
    return code


def main():
    if sys.argv[1:2] == ["--planted"]:
        return planted.main(sys.argv[2:])
    args = parser().parse_args()
    if args.execute:
        # A run does not outlive its campaign.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        return runner.execute(args.execute)
    if args.clean:
        return clean()
    if args.list:
        return list_all(args)
    for run in belongings.dead_runs():
        run.clear()
    tools = prepare(args)
    out = pathlib.Path(args.out) if args.out else \
        ROOT / "chaos-out" / f"{time.strftime('%Y%m%d-%H%M%S')}-{args.seed}"
    if out.exists() and any(out.iterdir()):
        usage(f"{out} is not empty")
    try:
        code = campaign.Campaign(args, tools, out).run()
    except KeyboardInterrupt:
        return 130
    if args.short and code == 0 and not args.keep and not args.out:
        shutil.rmtree(out)  # a test leaves nothing behind that nobody asked for
    return code


if __name__ == "__main__":
    sys.exit(main())
