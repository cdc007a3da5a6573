"""One run from an empty folder to a verdict.

    set up | clients and faults | heal | wait until well | final reads | stop | check | report

Everything that the run needs to be the same again is in its run.json before the first process
starts; what came out is added to the same file at the end.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import traceback

from local_swarm import Failure, wait_for

from . import checks, history, nemeses, report, schedule
from .belongings import MARK, Belongings, watch
from .cluster import Cluster
from .cutters import CUTTERS
from .members import Members
from .nemesis_link import attach_relay
from .nemesis_message import MessageCutter, attach_messages
from .nemesis_shim import attach_shim
from .network import Loopback, Namespaces
from .sampler import Sampler
from .volumes import attach_volume

WELL_S = 120
READY_S = 60
FINAL_S = 120
CHECK_S = 300
EXCUSED_FOR_NS = 10 * 10**9     # into the recovery


class Interrupted(Exception):
    """Somebody wants the run to end."""


class Run:
    """What the parts of a run share: its specification, folders, clock, network and nodes."""

    def __init__(self, spec, folder):
        self.spec = spec
        self.folder = pathlib.Path(folder).resolve()
        self.build = pathlib.Path(spec["build"])
        self.belongings = Belongings(spec["id"], self.folder)
        self.epoch_ns = time.monotonic_ns()
        self.epoch_wall_ns = time.time_ns()
        self.nemesis_log = None
        self.network = None
        self.cluster = None
        self.sampler = None
        self.messages = {}
        self.message_cutter = MessageCutter(self.messages)
        self.nemeses = {}
        self.volumes = {}
        self.shims = {}
        self.relays = {}
        self.client = None
        self.phases = []
        self.checks = []
        self.effects = {}   # nemesis: how often it was seen to do something, None = not counted

    def say(self, text):
        now = (time.monotonic_ns() - self.epoch_ns) / 1e9
        print(f"    {now:6.1f} s  {text}", flush=True)

    def phase(self, name):
        now = time.monotonic_ns() - self.epoch_ns
        if self.phases:
            self.phases[-1]["end_ns"] = now
        self.phases.append({"name": name, "start_ns": now, "end_ns": None})

    def phase_start(self, name):
        return next(row["start_ns"] for row in self.phases if row["name"] == name)

    # --- setting up -----------------------------------------------------------------------------

    def set_up(self):
        self.phase("setup")
        spec = self.spec
        nodes = range(1, spec["nodes"] + 1)
        self.nemesis_log = history.NemesisLog(self.folder / "nemesis.edn", self.epoch_ns)
        classes = [nemeses.BY_NAME[name] for name in spec["nemeses"]]
        if spec["network"] == "netns":
            self.network = Namespaces(spec["id"], nodes, CUTTERS[spec["tools"]["partition"]](),
                                      relayed=any("relay" in c.needs for c in classes))
        else:
            self.network = Loopback(spec["id"], nodes, self.message_cutter)
        self.network.setup()
        self.cluster = Cluster(self)
        self.members = Members(self)
        self.cluster.create()
        self.sampler = Sampler(self.cluster, self.folder / "samples.jsonl")
        self.nemeses = {c.name: c(self) for c in classes}
        for nemesis in self.nemeses.values():
            nemesis.prepare()
        for node in self.cluster.nodes.values():
            self.equip(node)
        self.cluster.start()
        self.sampler.start()
        self.cluster.wait_ready(READY_S)
        wait_for("a first leader", READY_S, self.sampler.leader, 0.05)
        for number, shim in self.shims.items():
            if not shim.attached:
                raise Failure(f"the shim is not in front of node {number}")
        for nemesis in self.nemeses.values():
            nemesis.prepare_swarm()

    def equip(self, node):
        """Puts what the nemeses need before a node that has not started yet."""
        classes = [nemeses.BY_NAME[name] for name in self.spec["nemeses"]]
        if any("loop" in c.needs for c in classes):
            attach_volume(self, node)
        if any("shim" in c.needs for c in classes):
            attach_shim(self, node, any(c.journal for c in classes))
        if any("messages" in c.needs for c in classes) or \
                self.spec["tools"]["partition"] == "messages":
            attach_messages(self, node)
        attach_relay(self, node)

    def fail(self, name, why):
        """A check that failed while the run goes on."""
        self.checks.append({"name": name, "claim": "", "valid": False, "why": why})

    def client_command(self, *extra):
        spec = self.spec
        return self.cluster.client_command(
            "swarm-chaos-client", spec["workload"], "--config", str(self.cluster.client_config),
            "--seed", str(spec["seed"]), "--processes", str(spec["processes"]),
            "--rate", str(spec["rate"]), "--seconds", str(spec["seconds"]),
            "--keys", str(spec["keys"]), "--timeout-ms", str(spec["timeout_ms"]),
            "--pinned", str(spec["pinned"]), "--epoch-ns", str(self.epoch_ns),
            "--history", str(self.folder / "client.edn"), *extra)

    def start_clients(self):
        with open(self.folder / "client.log", "ab") as log:
            self.client = subprocess.Popen(
                self.client_command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.cluster.environment, start_new_session=True)

    # --- faults ---------------------------------------------------------------------------------

    def storm(self):
        """Clients at work while the schedule is carried out."""
        self.phase("faults")
        self.start_clients()
        begin = time.monotonic()
        for event in self.spec["schedule"]:
            self.sleep_until(begin + event["at"])
            self.carry_out(event)
        self.sleep_until(begin + self.spec["seconds"])

    def sleep_until(self, moment):
        """Time passes only as long as there are clients: a storm that nobody sees shows nothing."""
        while True:
            code = self.client.poll()
            wait = moment - time.monotonic()
            if code not in (None, 0):
                raise Failure(f"swarm-chaos-client ended with {code}, see client.log")
            if wait <= 0:
                return
            time.sleep(min(wait, 0.5))

    def carry_out(self, event):
        """One start or heal; both write what they did into the history."""
        nemesis = self.nemeses[event["nemesis"]]
        params = self.spec["params"][f"{event['nemesis']}-{event['fault']}"]
        key = f"{event['nemesis']}-{event['fault']}"
        act = nemesis.start if event["op"] == "start" else nemesis.heal
        self.nemesis_log.write(f"{event['op']}-{event['nemesis']}", {"fault": event["fault"]})
        value = act(params, key) or {}
        name = event["nemesis"] if event["op"] == "start" else f"healed-{event['nemesis']}"
        self.nemesis_log.write(name, {"fault": event["fault"], **value})
        shown = ", ".join(f"{k} {v}" for k, v in value.items())
        self.say(f"{event['op']:5} {event['nemesis']} {shown}")

    def heal(self):
        """Takes back whatever is left of the faults and starts every node that may run."""
        self.phase("heal")
        for nemesis in self.nemeses.values():
            nemesis.finish()
        self.cluster.notice_ends()
        for number, node in self.cluster.nodes.items():
            node.holds.clear()
            self.cluster.start_node(number)
        self.nemesis_log.write("healed", {})

    # --- after the storm ------------------------------------------------------------------------

    def wait_well(self):
        """A leader, and every remaining node at the same executed index, clients being quiet."""
        self.phase("recovery")
        begin = time.monotonic()
        code = self.wait_client(self.client, self.spec["timeout_ms"] / 1000 + 30)
        if code != 0:
            raise Failure(f"swarm-chaos-client ended with {code}, see client.log")
        self.wait_restarted()
        for nemesis in self.nemeses.values():
            nemesis.converge()
        self.replace_given_up()
        numbers = self.cluster.remaining()
        wait_for("all nodes at the same index behind one leader", WELL_S,
                 lambda: self.sampler.same_index(numbers), 0.1)
        self.say(f"well {time.monotonic() - begin:.1f} s after the faults ended")
        self.effects = {name: nemesis.effect() for name, nemesis in self.nemeses.items()}
        for name, count in self.effects.items():
            if count == 0:
                self.say(f"no effect of {name} was seen")

    def wait_restarted(self):
        """A node that is down in this phase may have refused its damaged data: then it is left out
        where a nemesis says that this is right."""
        def ready():
            self.cluster.notice_ends()
            for number in self.cluster.remaining():
                if self.cluster.nodes[number].process is None:
                    self.judge_end(self.cluster.nodes[number])
            return all(self.cluster.ready(n) for n in self.cluster.remaining())
        wait_for("all nodes being ready", WELL_S, ready, 0.1)

    def replace_given_up(self):
        """A node whose data is gone comes back under a new id, where the build knows how."""
        lost = [n for n, node in self.cluster.nodes.items() if node.given_up and not node.removed]
        if lost and not self.spec["tools"]["member"]:
            for number in lost:
                self.say(f"replacing node {number}")
                self.members.replace(number)
            self.members.converge()

    def judge_end(self, node):
        """Refused its damaged data: stays down. Ended by the last moments of a fault: starts again,
        as an operator would start it. Anything else is a failure."""
        end = [row for row in self.cluster.ends if row["node"] == node.number][-1]
        for nemesis in self.nemeses.values():
            why = nemesis.may_refuse(node, end["code"])
            if why:
                end["excuse"] = why
                self.cluster.give_up(node.number, why)
                self.say(f"node {node.number} stays down: {why}, exit code {end['code']}")
                return
        if end["excuse"] and end["time"] < self.phase_start("recovery") + EXCUSED_FOR_NS:
            self.cluster.start_node(node.number)
            return
        raise Failure(f"node {node.number} ended with {end['code']} after all faults had ended")

    def wait_client(self, process, seconds):
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.wait()
            raise Failure(f"swarm-chaos-client did not end within {seconds} s") from error

    def final_reads(self):
        self.phase("final-reads")
        self.checks.append(checks.check_writable(self.cluster))
        with open(self.folder / "client.log", "ab") as log:
            process = subprocess.Popen(
                self.client_command("--final"), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.cluster.environment, start_new_session=True)
        code = self.wait_client(process, FINAL_S)
        if code != 0:
            raise Failure(f"the final reads ended with {code}, see client.log")
        numbers = self.cluster.remaining()
        health = None

        def compared():
            nonlocal health
            health = self.cluster.health()
            return checks.check_digests(health, numbers)["valid"]
        try:
            wait_for("equal digests", 20, compared, 0.3)
        except Failure:
            pass  # the check below says it better
        self.checks.append(checks.check_digests(health, numbers))

    def stop(self):
        self.phase("stop")
        self.stopped_ns = self.nemesis_log.now()
        self.sampler.stop()
        self.cluster.stop()

    # --- judging --------------------------------------------------------------------------------

    def judge(self):
        self.phase("check")
        self.nemesis_log.close()
        samples = self.folder / "samples.jsonl"
        numbers = self.cluster.remaining()
        self.checks += [
            checks.check_ends(self.cluster),
            checks.check_logs(self.cluster, self.log_clock()),
            checks.check_leader(samples, self.phase_start("recovery"), self.stopped_ns),
            checks.check_terms(samples), checks.check_stores(self.cluster, numbers),
            checks.check_wals(self.cluster, numbers)]
        count = history.merge([self.folder / "client.edn", self.folder / "nemesis.edn"],
                              self.folder / "history.edn")
        self.say(f"{count} lines of history")
        exported = self.export_entries(numbers)
        return self.check_history(exported)

    def log_clock(self):
        """What turns the wall time of a log line into the run's; None if clocks were bent."""
        if "clock" in self.nemeses:
            return None
        return lambda wall_ns: wall_ns - self.epoch_wall_ns

    def export_entries(self, numbers):
        """The log of each node as JSON lines; nothing where the build cannot."""
        if self.spec["tools"]["entries"]:
            return []
        return [self.export_entries_of(number) for number in numbers]

    def export_entries_of(self, number):
        target = self.folder / f"entries-{number}.jsonl"
        with open(target, "wb") as out:
            done = subprocess.run(
                [self.cluster.program("swarm-inspect"), "wal",
                 str(self.cluster.nodes[number].data), "--entries", "-o", "jsonl"],
                stdout=out, stderr=subprocess.PIPE, timeout=120, check=False)
        if done.returncode != 0:
            raise Failure(f"swarm-inspect --entries: {done.stderr.decode().strip()[-300:]}")
        return target

    def check_history(self, entries):
        command = [self.cluster.program("swarm-check"), "--workload", self.spec["workload"],
                   "--history", str(self.folder / "history.edn"), "--out", str(self.folder),
                   "--timeout", f"{CHECK_S}s"]
        for path in entries:
            command += ["--entries", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=CHECK_S + 60,
                              check=False)
        try:
            verdict = json.loads(done.stdout)
        except ValueError as error:
            raise Failure(f"swarm-check ended with {done.returncode}: "
                          f"{(done.stderr or done.stdout).strip()[-500:]}") from error
        write_json(self.folder / "verdict.json", verdict)
        return verdict

    def clean(self):
        """Nothing of the run is left; what would not go is a failed check of its own."""
        for relay in self.relays.values():
            relay.stop()
        if self.network is not None:
            self.network.close()
        left = self.belongings.clear()
        self.checks.append(checks.result(
            "clean", "the run leaves no process, namespace, mount or loop device behind", left,
            "nothing is left"))


def write_json(path, value):
    """Whole or not at all, for readers that look while a run writes."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    os.replace(part, path)


def outcome(run, verdict, trouble):
    """The worst of all checks; a run that broke off is not valid, whatever it had seen."""
    rows = list(run.checks)
    if verdict:
        rows += verdict["checks"]
    if trouble:
        rows.append({"name": "run", "claim": "the run goes through to its end", "valid": False,
                     "why": trouble})
    valid = True
    for row in rows:
        if row["valid"] is False:
            valid = False
        elif row["valid"] != True and valid is True:  # pylint: disable=singleton-comparison
            valid = "unknown"
    return valid, rows


def execute(folder):
    """Runs what folder/run.json says. Returns the exit code: 0 valid, 1 not, 3 unknown."""
    folder = pathlib.Path(folder)
    spec = json.loads((folder / "run.json").read_text())
    spec["schedule"] = schedule.make(
        spec["seed"], [nemeses.BY_NAME[name](None) for name in spec["nemeses"]],
        range(1, spec["nodes"] + 1), spec["seconds"])
    spec["params"] = {f"{e['nemesis']}-{e['fault']}": e["params"] for e in spec["schedule"]}
    run = Run(spec, folder)
    run.belongings.register()
    watchdog, pipe = watch(run.belongings, spec["hard_end_s"])
    os.environ[MARK] = spec["id"]  # of every process from here on, whoever starts it
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    verdict, trouble = None, None
    try:
        run.set_up()
        run.storm()
        run.heal()
        run.wait_well()
        run.final_reads()
        run.stop()
        verdict = run.judge()
    except Interrupted as error:
        trouble = f"interrupted by signal {error}"
    except Failure as error:
        trouble = str(error)
    except Exception as error:  # pylint: disable=broad-except
        # A fault of the harness itself: the run is not valid, and is told and cleaned up like any.
        traceback.print_exc()
        trouble = f"{type(error).__name__}: {error}"
    finally:
        if run.sampler is not None:
            run.sampler.stop()
        run.clean()
        os.close(pipe)
        os.waitpid(watchdog, 0)
    return conclude(run, spec, verdict, trouble)


def interrupt(number, _frame):
    """Once: cleaning up must not be interrupted by a second signal."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Interrupted(signal.Signals(number).name)


def conclude(run, spec, verdict, trouble):
    """Writes what came out and the reports."""
    if run.phases:
        run.phases[-1]["end_ns"] = time.monotonic_ns() - run.epoch_ns
    valid, rows = outcome(run, verdict, trouble)
    nodes = run.cluster.nodes if run.cluster else {}
    spec.pop("params")
    spec.update({
        "epoch_ns": run.epoch_ns, "phases": run.phases, "valid": valid, "trouble": trouble,
        "checks": rows,
        "operations": verdict["operations"] if verdict else None,
        "outcomes": verdict.get("outcomes") if verdict else None,
        "ends": run.cluster.ends if run.cluster else [],
        "excluded": [{"node": n, "why": node.given_up} for n, node in nodes.items()
                     if node.given_up],
        "highest": run.sampler.highest if run.sampler else {}, "effects": run.effects})
    write_json(run.folder / "run.json", spec)
    write_report(run)
    if valid is True and not spec["keep"] and run.cluster:
        remove_bulk(run)
    for row in rows:
        if row["valid"] is not True and row["name"] != "run":
            run.say(f"FAILED {row['name']}: {row['why'][:600]}")
    return {True: 0, False: 1}.get(valid, 3)


def remove_bulk(run):
    """Valid runs keep history, samples, verdict and reports, not their gigabytes."""
    run.cluster.remove_data()
    for pattern in ("entries*.jsonl", "*.page"):
        for path in run.folder.glob(pattern):
            path.unlink()
    for name in ("shim", "messages"):
        shutil.rmtree(run.folder / name, ignore_errors=True)


def write_report(run):
    """report.html and report.json, for people; a report that fails does not hide the verdict."""
    try:
        report.write(run.folder)
    except Exception as error:  # pylint: disable=broad-except
        print(f"    no report: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
