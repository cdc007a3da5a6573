"""The reports of a run and of a campaign, made from run directories that are written here."""
import html.parser
import json
import pathlib
import re
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "jepsen"))
from harness import facts, report  # noqa: E402

S = 1_000_000_000
VOID = {"meta", "br", "link", "img"}


class Shape(html.parser.HTMLParser):
    """Fails on tags that are not closed in order; collects attributes and text."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        while self.open and self.open[-1] != tag and self.open[-1] == "p":
            self.open.pop()
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data):
        self.words.append(data)


def shape_of(path):
    shape = Shape()
    shape.feed(path.read_text(encoding="utf-8"))
    return shape


def operation(process, start, end, kind, name="read"):
    """Two lines of a history; `kind` None leaves the operation open."""
    rows = [(start, f"{{:index 0, :process {process}, :type :invoke, :f :{name}, :value [1 nil], "
                    f":time {int(start * S)}}}")]
    if kind:
        rows.append((end, f"{{:index 0, :process {process}, :type :{kind}, :f :{name}, "
                          f":value [1 2], :time {int(end * S)}, :revision 3, :node 1}}"))
    return rows


def nemesis(at, name, value):
    return [(at, f"{{:index 0, :process :nemesis, :type :info, :f :{name}, :value {{{value}}}, "
                 f":time {int(at * S)}}}")]


def history():
    """Answers every 100 ms but for 2.05 to 4 s, where a node was killed."""
    rows = []
    for i in range(60):
        at = i / 10
        if not 2.05 < at < 4:
            rows += operation(i, at, at + 0.004, "ok")
    rows += operation(100, 2.1, 3.1, "fail") + operation(101, 2.2, 3.3, "info", "write")
    rows += operation(102, 5.0, None, None, "write")
    rows += nemesis(2.04, "start-kill", ":fault 0")
    rows += nemesis(2.05, "kill", ':fault 0, :kind "leader", :nodes [1]')
    rows += nemesis(3.0, "heal-kill", ":fault 0") + nemesis(3.5, "healed-kill", ":fault 0")
    rows += nemesis(5.5, "start-restarts", ":fault 0")
    rows += nemesis(5.5, "restarts", ":fault 0, :nodes [2]")
    return "".join(line + "\n" for _, line in sorted(rows))


def sample(at, leader, term, down=()):
    rows = {str(n): {"up": n not in down, "paused": False, "answers": n not in down,
                     "leader": int(n == leader), "term": term} for n in (1, 2, 3)}
    return json.dumps({"time": int(at * S), "nodes": rows}) + "\n"


def samples():
    text = "".join(sample(i / 4, 1, 2) for i in range(8))
    text += "".join(sample(i / 4, None, 2, (1,)) for i in range(8, 16))
    text += "".join(sample(i / 4, 3, 3) for i in range(16, 24))
    return text + '{"time": 60000'  # the writer was killed


def spec(**changed):
    return {"format": 1, "id": "abcde", "seed": 7, "workload": "register", "nemeses": ["kill"],
            "nodes": 3, "seconds": 6, "network": "netns", "version": "swarmd 1", "valid": True,
            "started": "2026-01-01T00:00:00+0000", "flags": ["--wal-segment", "1MiB"], "rate": 60,
            "tools": {"network": "netns", "partition": "nft", "nft": "", "fuse": "no /dev/fuse"},
            "phases": [{"name": "setup", "start_ns": 0, "end_ns": S // 2},
                       {"name": "faults", "start_ns": S // 2, "end_ns": 6 * S}],
            "replay": "./run chaos --seed 7 --workload register", "trouble": None, "ends": [],
            "excluded": [], "checks": [
                {"name": "linearizability", "claim": "it is", "valid": True,
                 "why": "61 operations"}],
            **changed}


def make(folder, **changed):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps(spec(**changed)))
    (folder / "history.edn").write_text(history())
    (folder / "samples.jsonl").write_text(samples())
    (folder / "verdict.json").write_text(json.dumps({"valid": True, "checks": [], "skipped": [
        {"name": "log-order replay", "claim": "as the log", "why": "it was compacted"}]}))
    return folder


class Kit(unittest.TestCase):
    def setUp(self):
        self.made = tempfile.TemporaryDirectory(prefix="swarm-report-")
        self.addCleanup(self.made.cleanup)
        self.out = pathlib.Path(self.made.name)


class Facts(Kit):
    def test_operations_are_counted_by_outcome_and_second(self):
        got = facts.collect(make(self.out))
        self.assertEqual({k: got["totals"][k] for k in ("operations", "ok", "fail", "info")},
                         {"operations": 44, "ok": 41, "fail": 1, "info": 2})
        self.assertEqual(got["totals"]["p50_ms"], 4.0)
        self.assertEqual([(r["ok"], r["fail"], r["info"]) for r in got["seconds"]],
                         [(10, 0, 0), (10, 0, 0), (1, 0, 0), (0, 1, 1), (10, 0, 0), (10, 0, 0)])
        self.assertIsNone(got["seconds"][3]["p50_ms"])

    def test_a_fault_has_its_time_and_its_silence(self):
        kill, restarts = facts.collect(make(self.out))["faults"]
        self.assertEqual((kill["nemesis"], kill["start_s"], kill["end_s"], kill["words"]),
                         ("kill", 2.04, 3.5, "kind leader, nodes [1]"))
        self.assertEqual(kill["unavailable_ms"], 2000.0)
        self.assertIsNone(restarts["end_s"])
        self.assertLess(restarts["unavailable_ms"], 150)

    def test_silence_lasts_to_the_end_where_nobody_is_answered_again(self):
        self.assertEqual(facts.longest_silence([1.0, 2.0], 1.5, 9.0), 7.0)
        self.assertEqual(facts.longest_silence([1.0, 2.0, 8.0], 1.5, 5.0), 3.0)
        self.assertIsNone(facts.longest_silence([], 1.5, 5.0))

    def test_leaders_and_states_are_bands(self):
        got = facts.collect(make(self.out))
        self.assertEqual([(r["from"], r["to"], r["value"]) for r in got["leaders"]],
                         [(0.0, 2.0, [1, 2]), (2.0, 4.0, None), (4.0, 5.75, [3, 3])])
        self.assertEqual([r["value"] for r in got["nodes"]["1"]], ["up", "down", "up"])
        self.assertEqual([r["value"] for r in got["nodes"]["2"]], ["up"])

    def test_a_run_that_broke_off_is_told_as_far_as_it_came(self):
        folder = make(self.out)
        for name in ("history.edn", "verdict.json", "samples.jsonl"):
            (folder / name).unlink()
        (folder / "client.edn").write_text(operation(1, 0.1, 0.2, "ok")[0][1] + "\n")
        got = report.write(folder)
        self.assertEqual(got["totals"]["info"], 1)
        self.assertEqual(got["leaders"], [])


class Page(Kit):
    def check_alone(self, path):
        """Well formed, and nothing is fetched: no script, no source, only links beside it."""
        shape = shape_of(path)
        self.assertEqual([tag for tag in shape.open if tag not in ("html", "body", "p")], [])
        self.assertFalse({"script", "link", "img", "iframe"} & set(shape.tags))
        for name, value in shape.attributes:
            self.assertNotIn(name, ("src", "srcset"))
            if name == "href":
                self.assertNotRegex(value, r"^[a-z]+:|^/")
        text = path.read_text(encoding="utf-8")
        self.assertNotIn("@import", text)
        self.assertNotRegex(text, r"url\(")
        return shape

    def test_the_page_stands_alone_and_tells_the_run(self):
        report.write(make(self.out))
        words = " ".join(self.check_alone(self.out / "report.html").words)
        for said in ("valid", "register under kill", "./run chaos --seed 7 --workload register",
                     "kind leader, nodes [1]", "it was compacted", "no /dev/fuse", "nft", "1 · t2",
                     "no leader is known", "node 2", "61 operations"):
            self.assertIn(said, words)
        again = json.loads((self.out / "report.json").read_text())
        self.assertEqual(again["run"]["seed"], 7)

    def test_what_others_wrote_is_text_and_not_markup(self):
        evil = '<script>alert("x")</script>'
        report.write(make(self.out, valid=False, trouble=evil, replay=evil, checks=[
            {"name": evil, "claim": evil, "valid": False, "why": evil, "operations": [evil]}]))
        self.check_alone(self.out / "report.html")

    def test_a_failed_check_comes_first_with_its_operations(self):
        bad = {"name": "set", "claim": "all there", "valid": False, "why": "one is missing",
               "operations": ["line 5: process 3 add [2 7]"]}
        report.write(make(self.out, valid=False, checks=[*spec()["checks"], bad]))
        text = (self.out / "report.html").read_text()
        self.assertIn("NOT VALID", text)
        self.assertIn("line 5: process 3 add [2 7]", text)
        self.assertLess(text.index("one is missing"), text.index("61 operations"))

    def test_both_colour_schemes_have_all_colours(self):
        report.write(make(self.out))
        text = (self.out / "report.html").read_text()
        light, dark = re.findall(r":root \{([^}]*)\}", text)[:2]
        names = [set(re.findall(r"--([\w-]+):", scheme)) for scheme in (light, dark)]
        self.assertEqual(names[0], names[1])
        self.assertLessEqual(set(re.findall(r"var\(--([\w-]+)\)", text)), names[1])

    def test_a_page_of_an_empty_folder_can_be_made(self):
        report.write(self.out)
        self.check_alone(self.out / "report.html")


class Campaign(Kit):
    def runs(self):
        make(self.out / "001-register-kill")
        make(self.out / "002-register-kill", seed=8, valid=False, trouble="it hung", checks=[
            {"name": "register", "claim": "c", "valid": False, "why": "stale"}])
        make(self.out / "003-set-kill-pause", seed=9, workload="set", nemeses=["kill", "pause"],
             valid="unknown")
        return report.write_campaign(self.out)

    def test_runs_are_counted_by_workload_and_nemesis(self):
        got = self.runs()
        self.assertEqual([got[k] for k in ("runs", "valid", "not_valid", "unknown")], [3, 1, 1, 1])
        self.assertEqual(got["operations"], 3 * 44)
        self.assertEqual(got["minutes_under_faults"], 0.3)
        self.assertEqual(got["matrix"]["register"]["kill"]["runs"], 2)
        self.assertEqual(got["matrix"]["set"]["pause"]["unknown"], 1)
        self.assertEqual([row["folder"] for row in got["not_valid_runs"]],
                         ["002-register-kill", "003-set-kill-pause"])

    def test_silence_is_told_by_nemesis_from_runs_where_it_was_alone(self):
        got = self.runs()["unavailability"]
        self.assertEqual(got["kill"], {"faults": 2, "median_ms": 2000.0, "max_ms": 2000.0,
                                       "alone": True})

    def test_the_page_stands_alone_and_names_what_failed(self):
        self.runs()
        shape = shape_of(self.out / "campaign.html")
        words = " ".join(shape.words)
        for said in ("3 runs", "NOT VALID", "register: stale", "0.3 minutes", "1 not valid"):
            self.assertIn(said, words)
        self.assertFalse({"script", "link", "img"} & set(shape.tags))

    def test_one_run_alone_is_a_campaign(self):
        make(self.out)
        self.assertEqual(report.write_campaign(self.out)["runs"], 1)


if __name__ == "__main__":
    unittest.main()
