#!/usr/bin/env python3
"""The harness without a swarm: schedules, shapes of partitions, histories, cleaning, commands."""
import contextlib
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "jepsen"))
from harness import belongings, campaign, checks, history, nemeses, nemesis, runner  # noqa: E402
from harness import nemesis_disk, nemesis_message, planted, report, sampler  # noqa: E402
from harness import schedule, volumes  # noqa: E402

BUILD = pathlib.Path(os.environ["SW_TEST_BIN"]).parent
CHAOS = [sys.executable, str(ROOT / "jepsen" / "chaos.py")]


def plan(seed, names, nodes=5, seconds=30):
    made = schedule.make(seed, [nemeses.BY_NAME[name](None) for name in names],
                         range(1, nodes + 1), seconds)
    return json.loads(json.dumps(made))


class TestSchedule(unittest.TestCase):
    def test_a_seed_is_a_schedule(self):
        for name in nemeses.BY_NAME:
            self.assertEqual(plan(7, [name]), plan(7, [name]), name)
            self.assertNotEqual(plan(7, [name]), plan(8, [name]), name)

    def test_one_nemesis_does_not_move_another(self):
        alone = plan(7, ["kill"])
        beside = [e for e in plan(7, ["kill", "pause"]) if e["nemesis"] == "kill"]
        self.assertEqual(alone, beside)

    def test_events_are_in_order_and_inside_the_run(self):
        for name in nemeses.BY_NAME:
            for seed in range(20):
                times = [e["at"] for e in plan(seed, [name])]
                self.assertEqual(times, sorted(times))
                self.assertTrue(all(0 < at <= 30 for at in times), (name, seed, times))

    def test_every_heal_has_its_start(self):
        for name in nemeses.BY_NAME:
            for seed in range(20):
                open_faults = set()
                for event in plan(seed, [name]):
                    if event["op"] == "start":
                        self.assertNotIn(event["fault"], open_faults)
                        open_faults.add(event["fault"])
                    else:
                        open_faults.remove(event["fault"])

    def test_every_nemesis_does_something_in_a_run_of_usual_length(self):
        for name in nemeses.BY_NAME:
            for seed in range(20):
                self.assertTrue(plan(seed, [name]), (name, seed))


class TestPartition(unittest.TestCase):
    def sees(self, shape, count):
        order = list(range(1, count + 1))
        cut = nemesis.cut_pairs(shape, order)
        self.assertEqual(cut, {(b, a) for a, b in cut}, "cuts go both ways")
        return {a: {b for b in order if a != b and (a, b) not in cut} for a in order}

    def test_one_is_alone(self):
        self.assertEqual(self.sees("one", 3), {1: set(), 2: {3}, 3: {2}})

    def test_halves(self):
        self.assertEqual(self.sees("halves", 5), {1: {2}, 2: {1}, 3: {4, 5}, 4: {3, 5}, 5: {3, 4}})

    def test_bridge(self):
        self.assertEqual(self.sees("bridge", 3), {1: {2}, 2: {1, 3}, 3: {2}})
        self.assertEqual(self.sees("bridge", 5)[3], {1, 2, 4, 5})

    def test_ring_gives_majorities_that_differ(self):
        seen = self.sees("ring", 5)
        for node, others in seen.items():
            self.assertEqual(len(others) + 1, 3, "a majority")
            self.assertEqual(others, {(node - 2) % 5 + 1, node % 5 + 1})
        self.assertLess(min(len(others) for others in self.sees("ring", 3).values()), 2)


class TestOneWay(unittest.TestCase):
    def test_shapes(self):
        cuts = nemesis_message.directed_cuts
        self.assertEqual(cuts("deaf", [2, 1, 3]), {(1, 2), (3, 2)})
        self.assertEqual(cuts("mute", [2, 1, 3]), {(2, 1), (2, 3)})
        self.assertEqual(cuts("half", [2, 1, 3]), {(2, 1), (2, 3)})
        self.assertEqual(cuts("circle", [1, 2, 3]), {(2, 1), (3, 2), (1, 3)})

    def test_who_has_joined_is_struck_as_well(self):
        nodes = {n: FakeNode(n, None) for n in (1, 2, 3, 4, 5)}
        nodes[2].removed = nodes[4].removed = True
        run = type("Run", (), {"cluster": type("Cluster", (), {"nodes": nodes})})
        kill = nemeses.BY_NAME["kill"](run)
        self.assertEqual(kill.targets({"kind": "all", "order": [2, 3, 1]}), [5, 3, 1])
        self.assertEqual(kill.targets({"kind": "majority", "order": [3, 2, 1]}), [3, 5])
        nodes[5].removed = True
        self.assertEqual(kill.targets({"kind": "all", "order": [2, 3, 1]}), [3, 1])
        nodes[2].removed = nodes[4].removed = nodes[5].removed = False
        self.assertEqual(kill.targets({"kind": "all", "order": [2, 3, 1]}), [2, 3, 1, 4, 5])

    def test_effects_are_counted_where_they_strike(self):
        run = type("Run", (), {"cluster": None, "relays": {}, "messages": {}, "shims": {}})
        for name in ("lossy-link", "message-loss", "fail-fsync", "power-cut", "transfer"):
            self.assertEqual(nemeses.BY_NAME[name](run).effect(), 0, name)
        for name in ("kill", "pause", "slow-link", "clock"):
            self.assertIsNone(nemeses.BY_NAME[name](run).effect(), name)
        runs = [("", {"run": {"effects": {"partition": 0, "kill": None}}}),
                ("", {"run": {"effects": {"partition": 3}}}), ("", {"run": {}})]
        self.assertEqual(report.effects_of(runs), {"kill": None, "partition": 3})
        self.assertIn("no effect was seen", report.effects_table({"partition": 0}))
        self.assertNotIn("no effect", report.effects_table({"partition": 3, "kill": None}))

    def test_what_one_heals_the_other_still_wants(self):
        told = {}

        class Page:
            def __init__(self, number):
                self.number = number

            def set(self, peer, direction, drop):
                told[(self.number, peer, direction)] = drop
        cutter = nemesis_message.MessageCutter({1: Page(1), 2: Page(2)})
        cutter.cut({(1, 2), (2, 1)})
        cutter.cut({(1, 2)}, "one-way")
        cutter.cut(set())
        self.assertEqual(told, {(2, 1, "in"): 1, (1, 2, "in"): 0})
        cutter.cut(set(), "one-way")
        self.assertEqual(set(told.values()), {0})
        cutter.cut({("clients", 1), (1, "clients")})
        self.assertEqual((told[(1, 0, "in")], told[(1, 0, "out")]), (1, 1))


class TestDamage(unittest.TestCase):
    def test_data_of_a_minority_only(self):
        for count in (3, 5):
            for seed in range(50):
                hit = set()
                for cls in (nemesis_disk.BitFlip, nemesis_disk.LostFiles, nemesis_disk.CutFile):
                    harm = cls(None)
                    harm.run = type("Run", (), {"spec": {"seed": seed, "nodes": count}})
                    hit |= {harm.victim({"pick": pick / 20}) for pick in range(20)}
                self.assertLessEqual(len(hit), (count - 1) // 2)

    def test_only_a_refusal_of_damaged_data_is_right(self):
        harm = nemesis_disk.BitFlip(None)
        node = type("Node", (), {"damaged": "bit-flip"})
        self.assertIn("refused", harm.may_refuse(node, 10))
        self.assertIsNone(harm.may_refuse(node, -11))
        node.damaged = None
        self.assertIsNone(harm.may_refuse(node, 10))

    def test_what_does_not_go_together(self):
        self.assertEqual(nemeses.conflict(["kill", "power-cut"]), "")
        self.assertTrue(nemeses.conflict(["power-cut", "bit-flip"]))


class TestHistory(unittest.TestCase):
    def test_edn(self):
        self.assertEqual(history.edn({"f": history.Keyword("kill"), "nodes": [1, 2], "to": None,
                                      "why": 'a "b"', "all": True}),
                         '{:f :kill, :nodes [1 2], :to nil, :why "a \\"b\\"", :all true}')

    def merged(self, *texts):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for number, text in enumerate(texts):
                paths.append(pathlib.Path(folder) / f"{number}.edn")
                paths[-1].write_text(text)
            target = pathlib.Path(folder) / "history.edn"
            count = history.merge([*paths, pathlib.Path(folder) / "missing"], target)
            lines = target.read_text().splitlines()
            self.assertEqual(count, len(lines))
            return lines

    def test_sorts_by_time_and_numbers(self):
        self.assertEqual(self.merged("{:process 1, :time 5}\n{:process 2, :time 30}\n",
                                     "{:process :nemesis, :time 10}\n"),
                         ["{:index 0, :process 1, :time 5}",
                          "{:index 1, :process :nemesis, :time 10}",
                          "{:index 2, :process 2, :time 30}"])

    def test_equal_times_keep_their_order(self):
        lines = self.merged("{:process 9, :time 5}\n{:process 1, :time 5}\n")
        self.assertIn(":process 9", lines[0])

    def test_a_torn_last_line_never_was(self):
        self.assertEqual(len(self.merged("{:process 1, :time 5}\n{:process 2, :ti")), 1)

    def test_a_whole_line_without_time_is_refused(self):
        with self.assertRaises(ValueError):
            self.merged("{:process 1}\n")


OWNER = """
import subprocess, sys, time
sys.path.insert(0, {jepsen!r})
from harness.belongings import Belongings, watch
mine = Belongings({run!r}, {folder!r})
mine.register()
watch(mine, {seconds})
child = subprocess.Popen(["sleep", "1000"], env=mine.environment(), start_new_session=True)
print(child.pid, flush=True)
time.sleep(1000)
"""


class TestBelongings(unittest.TestCase):
    def owner(self, seconds):
        """A harness with one process of its own; both are gone when the test ends."""
        folder = tempfile.mkdtemp(prefix="swarm-chaos-test-")
        run = belongings.Belongings(belongings.new_run_id(), folder)
        text = OWNER.format(jepsen=str(ROOT / "jepsen"), run=run.run_id, folder=folder,
                            seconds=seconds)
        process = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
        self.addCleanup(os.rmdir, folder)
        self.addCleanup(run.clear)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return run, process, int(process.stdout.readline())

    def wait_clear(self, run):
        limit = time.monotonic() + 120
        while run.left() or run.entry.exists():
            self.assertLess(time.monotonic(), limit, run.left())
            time.sleep(0.05)

    def test_what_a_killed_harness_had_goes_away(self):
        run, process, child = self.owner(3600)
        self.assertEqual(run.left(), [f"process {child}"])
        self.assertTrue(run.entry.exists())
        process.kill()
        self.wait_clear(run)

    def test_a_process_is_found_from_its_exec_on(self):
        """Found by a watchdog that saw nothing and left, while a process was about to be stopped:
        in the middle of an exec there is no environment to see."""
        for _ in range(40):
            with subprocess.Popen(["sleep", "1000"], env={belongings.MARK: "exec"}) as child:
                try:
                    self.assertEqual(belongings.environ_of(belongings.PROC / str(child.pid)),
                                     f"{belongings.MARK}=exec\0".encode())
                finally:
                    child.kill()

    def test_a_watchdog_comes_back_for_what_would_not_go(self):
        run = mock.Mock(run_id="abcde", clear=mock.Mock(side_effect=[["process 7"], []]))
        with mock.patch.object(belongings.time, "sleep"):
            belongings.clear_in_the_end(run)
        self.assertEqual(run.clear.call_count, 2)

    def test_a_harness_that_hangs_is_ended(self):
        run, process, _ = self.owner(0.3)
        self.assertEqual(process.wait(120), -signal.SIGKILL)
        self.wait_clear(run)

    def test_a_stopped_process_goes_away_too(self):
        run, process, child = self.owner(3600)
        os.kill(child, signal.SIGSTOP)
        process.kill()
        self.wait_clear(run)

    def test_dead_runs_are_found_without_a_watchdog(self):
        folder = tempfile.mkdtemp(prefix="swarm-chaos-test-")
        self.addCleanup(os.rmdir, folder)
        run = belongings.Belongings(belongings.new_run_id(), folder)
        self.addCleanup(run.clear)
        child = subprocess.Popen(["sleep", "1000"], env=run.environment())
        self.addCleanup(child.wait)
        belongings.REGISTRY.mkdir(mode=0o700, exist_ok=True)
        run.entry.write_text(json.dumps({"run": run.run_id, "folder": folder, "pid": 1,
                                         "started": "long ago"}))
        self.assertIn(run.run_id, [dead.run_id for dead in belongings.dead_runs()])
        done = subprocess.run([*CHAOS, "--clean"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(run.run_id, done.stdout)
        self.assertEqual(child.wait(60), -signal.SIGKILL)
        self.wait_clear(run)


class FakeNode:
    def __init__(self, number, log, excuses=()):
        self.number, self.log, self.excuses, self.removed = number, log, list(excuses), False


class FakeCluster:
    def __init__(self, nodes=(), ends=()):
        self.nodes = {node.number: node for node in nodes}
        self.ends = list(ends)


class TestVolume(unittest.TestCase):
    def test_only_the_volume_is_filled(self):
        """Between two mounts its folder is one of the machine's disk."""
        with tempfile.TemporaryDirectory() as folder:
            node = FakeNode(1, None)
            node.folder = pathlib.Path(folder)
            volume = volumes.Volume(node)
            volume.mount.mkdir()
            with mock.patch.object(volumes, "reserve") as reserve:
                self.assertFalse(volume.fill(0))
            reserve.assert_not_called()
            self.assertFalse(volume.filler.exists())


class TestChecks(unittest.TestCase):
    """Each check sees the lie that it is for."""

    def logged(self, text, excuses=(), clock=None):
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder) / "node-1.log"
            log.write_text(text)
            return checks.check_logs(FakeCluster([FakeNode(1, log, excuses)]), clock)["valid"]

    def test_logs(self):
        error = '{"level":"error","event":"fatal","msg":"x"}\n'
        self.assertTrue(self.logged('{"level":"info","event":"leader"}\n'))
        self.assertFalse(self.logged(error))
        self.assertTrue(self.logged(error, [["fail-sync", 0, None]]))
        for text in ("raft/a.c:3: assertion failed: x\n", "==1==ERROR: AddressSanitizer: heap\n",
                     "a.c:1:2: runtime error: signed integer overflow\n"):
            self.assertFalse(self.logged(text, [["fail-sync", 0, None]]), text)

    def test_an_error_needs_an_excuse_of_its_time(self):
        error = '{"ts":"1970-01-01T00:00:%02d.500Z","level":"error","event":"fatal","msg":"x"}\n'
        excuse = [["fail-sync", 10 * 10**9, 20 * 10**9]]
        for second, valid in ((9, False), (10, True), (19, True), (20, False)):
            self.assertIs(self.logged(error % second, excuse, lambda wall: wall), valid, second)
        self.assertTrue(self.logged(error % 9, excuse), "bent clocks prove nothing")

    def test_ends(self):
        def valid(code, excuse):
            return checks.check_ends(FakeCluster(ends=[
                {"node": 1, "code": code, "time": 5, "excuse": excuse}]))["valid"]
        self.assertTrue(valid(1, "fail-sync"))
        self.assertFalse(valid(1, None))
        self.assertFalse(valid(-6, "fail-sync"), "a failed assertion has no excuse")
        self.assertFalse(valid("stuck", "fail-sync"))
        self.assertTrue(valid(-9, "torn-write"))
        self.assertFalse(valid(-9, "fail-sync"), "nobody but the shim sends SIGKILL")

    def test_digests(self):
        def valid(*rows):
            return checks.check_digests({"nodes": [
                {"node": str(n), "digest_index": i, "digest": d} for n, i, d in rows]},
                [1, 2])["valid"]
        self.assertTrue(valid((1, "5", "aa"), (2, "5", "aa")))
        self.assertFalse(valid((1, "5", "aa"), (2, "5", "ab")))
        self.assertFalse(valid((1, "5", "aa"), (2, "6", "aa")))
        self.assertFalse(valid((1, "5", "aa")))
        self.assertFalse(checks.check_digests(None, [1, 2])["valid"])

    def samples(self, *rows):
        folder = tempfile.mkdtemp()
        path = pathlib.Path(folder) / "samples.jsonl"
        with open(path, "w", encoding="utf-8") as out:
            for seconds, leaders in rows:
                nodes = {str(n): {"leader": int(n in leaders), "term": leaders.get(n, 0)}
                         for n in (1, 2, 3)}
                out.write(json.dumps({"time": int(seconds * 1e9), "nodes": nodes}) + "\n")
        self.addCleanup(os.rmdir, folder)
        self.addCleanup(path.unlink)
        return path

    def test_leaderless(self):
        path = self.samples((1, {1: 2}), (2, {}), (70, {}), (75, {2: 3}), (76, {2: 3}))
        self.assertEqual(sampler.leaderless(path, 0, 76 * 10**9), 74)
        self.assertFalse(checks.check_leader(path, 0, 76 * 10**9)["valid"])
        self.assertTrue(checks.check_leader(path, 75 * 10**9, 76 * 10**9)["valid"])

    def test_two_leaders_in_a_term(self):
        self.assertTrue(checks.check_terms(self.samples((1, {1: 2}), (2, {2: 3})))["valid"])
        self.assertFalse(checks.check_terms(self.samples((1, {1: 2}), (2, {2: 2})))["valid"])

    def test_stores_ignore_whose_they_are(self):
        text = ('{"store":"lmdb","node":"%d"}\n{"table":"meta","group":"1"}\n'
                '{"table":"kv","key":"a","value":"%s"}\n{"summary":"kv","records":"1"}\n')
        self.assertEqual(checks.replicated(text % (1, "00")), checks.replicated(text % (2, "00")))
        self.assertNotEqual(checks.replicated(text % (1, "00")), checks.replicated(text % (2, "1")))

    def test_stores_are_compared_in_all_tables_of_the_state(self):
        lines = [f'{{"{kind}":"{table}"' for kind in ("table", "summary")
                 for table in ("kv", "session", "lease", "change", "one-that-comes-later")]
        self.assertEqual(checks.replicated("\n".join(lines)), lines)
        self.assertEqual(checks.replicated('{"table":"stage"\n{"summary":"meta"'), [])

    def test_a_swarm_that_only_reads_is_not_well(self):
        def valid(code):
            cluster = FakeCluster()
            cluster.ctl = lambda *words, seconds: (code, "")
            return checks.check_writable(cluster)["valid"]
        self.assertEqual((valid(0), valid(8), valid(124)), (True, False, False))

    def test_the_worst_check_is_the_verdict(self):
        def verdict(*valids, trouble=None):
            run = type("Run", (), {"checks": [{"name": "a", "valid": v} for v in valids]})
            return runner.outcome(run, None, trouble)[0]
        self.assertIs(verdict(True, True), True)
        self.assertEqual(verdict(True, "unknown"), "unknown")
        self.assertIs(verdict("unknown", False, True), False)
        self.assertIs(verdict(True, trouble="broke off"), False)


class TestCampaign(unittest.TestCase):
    def test_knobs_follow_from_the_seed(self):
        self.assertEqual(campaign.knobs(3, True), campaign.knobs(3, True))
        for name in ("whole_log", "buggify"):
            with_it = sum(campaign.knobs(seed, True)[name] for seed in range(200))
            self.assertTrue(70 < with_it < 130, f"half of the seeds: {name}")
        self.assertFalse(any(campaign.knobs(seed, False)["buggify"] for seed in range(200)))

    def test_replay_command(self):
        spec = {"seed": 5, "nodes": 3, "workload": "set", "nemeses": ["kill", "pause"],
                "seconds": 20, "network": "netns"}
        self.assertEqual(campaign.replay_command(spec, [], None),
                         "./run chaos --seed 5 --nodes 3 --workload set --nemesis kill,pause "
                         "--seconds 20")


class TestPlanted(unittest.TestCase):
    def failed(self, rows, log):
        """What counts of a run that left these failed checks and this log of node 2."""
        with tempfile.TemporaryDirectory() as out:
            folder = pathlib.Path(out) / "run"
            (folder / "swarm").mkdir(parents=True)
            (folder / "swarm" / "node-2.log").write_text(log, encoding="utf-8")
            (folder / "run.json").write_text(json.dumps(
                {"checks": [{"name": name, "why": why, "valid": False} for name, why in rows]}),
                encoding="utf-8")
            return planted.chaos_verdicts(pathlib.Path(out))

    def test_an_end_is_followed_by_the_last_words(self):
        rows = [("ends", "node 2 ended with -6 at 3.1 s"), ("counter", "a read gave 3")]
        log = '{"level":"info"}\n/a/raft/group.c:105: assertion failed: x\n{"level":"info"}\n'
        self.assertEqual(self.failed(rows, log), [
            "counter: a read gave 3", "ends: raft/group.c:105: assertion failed: x"])

    def test_the_abort_of_a_library_finds_nothing(self):
        rows = [("run", "Failure: node 2 ended with -6 after all faults had ended")]
        for log in ("Assertion failed: ok (src/mailbox.cpp:99)\n",
                    "Bad file descriptor (src/epoll.cpp:73)\n"):
            self.assertTrue(planted.FOREIGN.search(self.failed(rows, log)[0]), log)
        own = self.failed(rows, "/a/node/session.c:494: assertion failed: x\n")
        self.assertIsNone(planted.FOREIGN.search(own[0]))

    def test_the_seed_of_the_table_is_tried_first(self):
        rows, asked = {("X", "node"): ["seed 43, 1.0 s", "why"], ("Y", "raft"): ["nothing", ""]}, []

        def simulate(_build, bug, arguments, _seconds):
            asked.append((bug, arguments[-1]))
            return bug == "X", ""

        with mock.patch.object(planted, "simulate", simulate):
            self.assertTrue(planted.met_again(None, "X", "node", rows))
            self.assertFalse(planted.met_again(None, "Y", "raft", rows))
            self.assertFalse(planted.met_again(None, "Z", "scenario figure-8", rows))
        self.assertEqual(asked, [("X", "43..43")])

    def test_the_parts_are_the_whole(self):
        parts = [planted.quick_bugs(part, 3) for part in (1, 2, 3)]
        self.assertEqual(sorted(sum(parts, [])),
                         sorted(set(planted.FINDERS) - set(planted.SLOW)))
        self.assertEqual(planted.part_of("2/3"), (2, 3))
        for wrong in ("0/3", "4/3", "1", "x/3"):
            self.assertRaises(ValueError, planted.part_of, wrong)


class TestCommandLine(unittest.TestCase):
    def chaos(self, *args):
        return subprocess.run([*CHAOS, *args], capture_output=True, text=True, timeout=120,
                              check=False)

    def test_list(self):
        done = self.chaos("--list", "--build", str(BUILD), "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = json.loads(done.stdout)
        self.assertEqual([row["name"] for row in rows["nemeses"]], list(nemeses.BY_NAME))
        self.assertIn(rows["tools"]["network"], ("netns", "loopback"))

    def test_wrong_usage(self):
        with tempfile.TemporaryDirectory() as empty:
            for args in (["--nodes", "9"], ["--build", empty], ["--no-such-flag"],
                         ["--workload", "nonsense"], ["--nemesis", "kill,nonsense"]):
                if "--build" not in args:
                    args += ["--build", str(BUILD)]
                done = self.chaos(*args)
                self.assertEqual(done.returncode, 2, (args, done.stdout, done.stderr))
                self.assertTrue(done.stderr)


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        unittest.main()
