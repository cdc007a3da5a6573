#!/usr/bin/env python3
"""The demo: an encrypted swarm of three, four agents, one kill -9, and a count of what is left.

Run it with `./run demo`; it leaves the swarm running. `./run demo --check` stops everything and
succeeds only if every figure held. `./run demo --stop` stops what an earlier demo left.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time

from local_swarm import BIN, ROOT, Failure, PidFile, SwarmCluster, reap, wait_for

sys.path.insert(0, str(ROOT / "client" / "python" / "examples"))
from text_vectors import DIM, embed  # noqa: E402

FOLDER = ROOT / "demo-swarm"
TRACE = ROOT / "data" / "trace.jsonl"
AGENTS = 4
KILL_AT = 0.4  # the leader is killed once this part of the trace is acknowledged
RUN_LIMIT_S = 120


class Progress:
    """One line that is rewritten on a terminal, and repeated now and then elsewhere."""

    def __init__(self):
        self.live = sys.stdout.isatty()
        self.shown = 0.0

    def show(self, text):
        now = time.monotonic()
        if self.live:
            print("\r  " + text.ljust(88)[:88], end="", flush=True)
        elif now - self.shown > 1:
            self.shown = now
            print("  " + text, flush=True)

    def end(self, text):
        print(("\r  " + text.ljust(88)) if self.live else "  " + text, flush=True)


class Agent:
    """One agent process; its lines are read by a thread."""

    def __init__(self, name, swarm, pids):
        self.name = name
        self.acks = []  # (step, revision, node, asked ns, answered ns)
        self.read = 0
        self.done = False
        self.log = open(FOLDER / f"{name}.log", "wb")
        self.process = subprocess.Popen(
            [str(BIN / "demo-agent"), "run", str(swarm.client_config), name, str(TRACE)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True)
        pids.add(name, self.process.pid)
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self):
        for line in self.process.stdout:
            kind, *fields = line.split()
            if kind == "wrote":
                self.acks.append(tuple(map(int, fields)))
            elif kind == "read":
                self.read = int(fields[0])
            elif kind == "done":
                self.done = True

    def failed(self):
        return self.process.poll() not in (None, 0)


def trace_of_agents():
    """{agent: [line, ...]} of the trace, in its order."""
    streams = {}
    for line in TRACE.read_text().splitlines():
        streams.setdefault(json.loads(line)["agent"], []).append(line)
    return streams


def bar(part, width=28):
    full = int(part * width)
    return "[" + "#" * full + "." * (width - full) + "]"


def play(swarm, pids, streams, progress):
    """Runs the agents, kills the leader on the way. Returns (agents, facts about the kill)."""
    total = sum(map(len, streams.values()))
    agents = [Agent(name, swarm, pids) for name in sorted(streams)]
    facts = {}
    limit = time.monotonic() + RUN_LIMIT_S
    while not all(agent.done for agent in agents):
        acked = sum(len(agent.acks) for agent in agents)
        progress.show(f"{bar(acked / total)} {acked:5} of {total} acknowledged, "
                      f"{sum(agent.read for agent in agents):5} read from each other")
        for agent in agents:
            if agent.failed():
                raise Failure(f"{agent.name} failed, see demo-swarm/{agent.name}.log")
        if "victim" not in facts and acked >= KILL_AT * total:
            victim = swarm.leader()
            if victim is not None:
                facts.update(victim=victim, acked_before=acked, killed=time.time_ns())
                swarm.kill(victim)
                progress.end(f"{bar(acked / total)} {acked:5} of {total} acknowledged: "
                             f"kill -9 of node {victim}, the leader")
        elif "victim" in facts and "restarted" not in facts:
            if acked >= facts["acked_before"] + total // 20:
                facts["restarted"] = time.time_ns()
                swarm.start_node(facts["victim"])
                progress.end(f"{bar(acked / total)} {acked:5} of {total} acknowledged: "
                             f"node {facts['victim']} started again")
        if time.monotonic() > limit:
            raise Failure(f"the agents were not done after {RUN_LIMIT_S} s")
        time.sleep(0.01)
    for agent in agents:
        agent.process.wait(timeout=10)
        agent.thread.join(timeout=10)
        agent.log.close()
    progress.end(f"{bar(1)} {total:5} of {total}: all agents are done")
    if "restarted" not in facts:
        raise Failure("the agents were done before the leader was killed and back")
    return agents, facts


# What the agents know before they start: why the store is as it is, one memory a decision record.
QUESTION = "Can a wrong clock end a lease too early?"
ANSWER = "0009-leases-end-by-the-leaders-ticks"
REMEMBERING = 8  # swarmctl processes at a time


def decisions():
    """{name of the record: its title, and what it begins with, as plain text}"""
    found = {}
    for path in sorted((ROOT / "docs" / "adr").glob("0*.md")):
        title, text = path.read_text(encoding="utf-8").split("\n\n")[:2]
        text = " ".join(text.replace("*", "").replace("`", "").split())
        found[path.stem] = f"{title.lstrip('# ')}\n{text}"
    return found


def write_vector(text, name):
    """Where swarmctl reads the vector of a text."""
    path = FOLDER / f"{name}.vector"
    path.write_text(",".join(f"{number:.9g}" for number in embed(text)))
    return f"@{path}"


def swarmctl(swarm, *words):
    done = subprocess.run([str(BIN / "swarmctl"), "--config", str(swarm.client_config), *words,
                           "--partition", "memories", "-o", "json"],
                          capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise Failure(f"swarmctl {words[0]} {words[1]} failed: {done.stderr.strip()}")
    return json.loads(done.stdout)


def remember(swarm):
    """Every decision with its vector. Returns how many there are."""
    def one(name, text):
        swarmctl(swarm, "memory", "remember", "decisions", text, "--task", name,
                 "--agent", "architect", "--vector", write_vector(text, name))

    known = decisions()
    swarmctl(swarm, "index", "create", "decisions", "--dim", str(DIM))
    with concurrent.futures.ThreadPoolExecutor(REMEMBERING) as pool:
        list(pool.map(one, known.keys(), known.values()))
    return len(known)


def recall(swarm):
    """The memories nearest to the question, best first, with score and distance."""
    return swarmctl(swarm, "memory", "recall", "decisions", "--k", "3",
                    "--vector", write_vector(QUESTION, "question"))["memories"]


def found_in(swarm, agent):
    """[(revision, line)] of all that the swarm holds of an agent."""
    done = subprocess.run([str(BIN / "demo-agent"), "found", str(swarm.client_config), agent],
                          capture_output=True, text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise Failure(f"reading {agent} back failed: {done.stderr.strip()}")
    rows = [line.split(" ", 1) for line in done.stdout.splitlines()]
    return [(int(revision), line) for revision, line in rows]


def count_losses(swarm, agents, streams):
    """Compares what was acknowledged with what is there."""
    lost = doubled = found_all = disordered = 0
    with concurrent.futures.ThreadPoolExecutor(AGENTS) as pool:
        streams_found = list(pool.map(lambda agent: found_in(swarm, agent.name), agents))
    for agent, found in zip(agents, streams_found):
        found_all += len(found)
        by_line = {}
        for revision, line in found:
            by_line.setdefault(line, []).append(revision)
        doubled += sum(len(rows) - 1 for rows in by_line.values())
        for step, revision, *_ in agent.acks:
            if revision not in by_line.get(streams[agent.name][step], []):
                lost += 1
        disordered += [line for _, line in found] != streams[agent.name]
    return {"found": found_all, "lost": lost, "doubled": doubled, "disordered": disordered}


def judge_recall(count, before, after):
    """The rows of the closing table about memories."""
    right = before[0]["task"] == ANSWER
    return [
        ("recalled by what it says, before the kill",
         f"the {'right' if right else 'WRONG'} one of {count}", right),
        ("  after it: same memories, same distances", f"{len(after)} of {len(before)}",
         after == before),
    ]


def judge(agents, facts, counts, digests, leader, streams):
    """The rows of the closing table: (what, figure, held?)."""
    total = sum(map(len, streams.values()))
    acks = [ack for agent in agents for ack in agent.acks]
    after = sorted(ack[4] for ack in acks if ack[3] > facts["killed"])
    before = [ack for ack in acks if ack[4] < facts["killed"]]
    span_s = (max(ack[4] for ack in acks) - min(ack[3] for ack in acks)) / 1e9
    failover_ms = (after[0] - facts["killed"]) / 1e6 if after else float("inf")
    latency_ms = statistics.median((ack[4] - ack[3]) / 1e6 for ack in acks)
    others = sum(agent.read for agent in agents)
    equal = len(set(digests.values())) == 1 and len(digests) == 3
    return [
        ("experiences written by the agents", f"{total}", True),
        ("acknowledged", f"{len(acks)}", len(acks) == total),
        ("  of these before the kill", f"{len(before)}", bool(before)),
        ("found afterwards, each at its revision", f"{counts['found']}",
         counts["found"] == len(acks) and counts["lost"] == 0),
        ("lost", f"{counts['lost']}", counts["lost"] == 0),
        ("written twice", f"{counts['doubled']}", counts["doubled"] == 0),
        ("streams out of order", f"{counts['disordered']}", counts["disordered"] == 0),
        ("read from each other", f"{others}", others == total * (AGENTS - 1)),
        ("leader before and after the kill", f"node {facts['victim']}, then node {leader}",
         leader is not None and leader != facts["victim"]),
        ("state digests of the three nodes",
         f"{next(iter(digests.values()))}" if equal else f"{digests}", equal),
        ("kill -9 to the next acknowledged write", f"{failover_ms:.0f} ms", failover_ms < 10000),
        ("throughput, failover included", f"{len(acks) / span_s:.0f} writes/s", True),
        ("a write, as the agents saw it (median)", f"{latency_ms:.2f} ms", True),
    ]


def print_table(rows):
    print()
    print("  " + "-" * 74)
    for what, figure, held in rows:
        print(f"  {what:44} {figure:>22}   {'ok' if held else 'FAILED'}")
    print("  " + "-" * 74)
    print("  every write was encrypted, and synced to two of three disks before its answer")
    print(flush=True)


def stop_old(pids):
    stopped = pids.stop_all()
    if stopped:
        print(f"  stopped {stopped} processes of an earlier demo")
    return stopped


def run(check):
    progress = Progress()
    pids = PidFile(FOLDER / "pids")
    print("\nSwarmstore demo: three encrypted nodes, four agents, one kill -9\n")
    stop_old(pids)
    shutil.rmtree(FOLDER, ignore_errors=True)
    swarm = SwarmCluster(FOLDER)
    held = False
    try:
        print("1. keys and settings of a new swarm, in demo-swarm/", flush=True)
        swarm.create()
        print("2. three swarmd processes", flush=True)
        swarm.start()
        first = wait_for("a leader being elected", 20, swarm.leader)
        print(f"  nodes 1, 2 and 3 are ready, node {first} leads", flush=True)
        print("3. the decisions of docs/adr are remembered, and one is recalled by a question",
              flush=True)
        count = remember(swarm)
        known = recall(swarm)
        title = known[0]["content"].partition("\n")[0]
        print(f"  {QUESTION} Nearest of {count}:\n  {title}", flush=True)
        print("4. four agents write what they learn and read each other", flush=True)
        streams = trace_of_agents()
        agents, facts = play(swarm, pids, streams, progress)
        print("5. is everything there, and the same everywhere?", flush=True)
        swarm.wait_ready()
        digests = wait_for("all nodes at one index", 20, swarm.digests)
        counts = count_losses(swarm, agents, streams)
        leader = wait_for("a leader", 10, swarm.leader)
        rows = judge(agents, facts, counts, digests, leader, streams)
        rows += judge_recall(count, known, recall(swarm))
        print_table(rows)
        held = all(row[2] for row in rows)
    finally:
        if check or not held:
            pids.stop_all()
    if not held:
        print("demo: not every figure held; logs are in demo-swarm/", file=sys.stderr)
        return 1
    if check:
        print("demo: every figure held; everything is stopped")
    else:
        print_invitation(swarm)
    return 0


def print_invitation(swarm):
    control = f"build/release/bin/swarmctl --config {swarm.client_config.relative_to(ROOT)}"
    question = pathlib.Path(write_vector(QUESTION, "question")[1:]).relative_to(ROOT)
    print(f"""The swarm is running. Try:

  {control} node status
  {control} kv put greeting hello
  {control} kv get greeting
  {control} memory recall decisions --partition memories --k 1 \\
      --vector @{question}

Stop it with:  ./run demo --stop
""")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="stop everything, judge every figure")
    parser.add_argument("--stop", action="store_true", help="stop what an earlier demo left")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if args.stop:
        if not stop_old(PidFile(FOLDER / "pids")):
            print("  nothing of an earlier demo runs")
        return 0
    return run(args.check)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        reap()
        print(f"\ndemo: {failure}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\ndemo: interrupted, everything is stopped", file=sys.stderr)
        sys.exit(130)
