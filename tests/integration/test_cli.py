"""swarmctl, swarm-bench and the example program against three real nodes, and without any: answers,
exit codes, and one line on stderr when something is wrong. Standard library only."""
import base64
import concurrent.futures
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import unittest

from swarm_kit import BIN, START_S, free_ports, wait_for

LIMIT_S = 60


def run(program, *words, stdin=b"", env=None):
    """(exit code, stdout bytes, stderr text)"""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("SWARM")}
    done = subprocess.run([BIN / program, *words], input=stdin, capture_output=True,
                          timeout=LIMIT_S, check=False, env={**clean, **(env or {})})
    return done.returncode, done.stdout, done.stderr.decode()


def create(folder, *flags):
    code, out, err = run("swarmctl", "swarm", "create", str(folder), *flags, "-o", "json")
    assert code == 0, err
    return json.loads(out)


class Case(unittest.TestCase):
    def fails(self, outcome, code, *texts):
        got, out, err = outcome
        self.assertEqual(got, code, err)
        self.assertEqual(len(err.strip().splitlines()), 1, err)
        self.assertRegex(err, r"^swarm(ctl|-bench): PA-\d{4} [A-Z_]+: ")
        for text in texts:
            self.assertIn(text, err)
        return out


class WithoutServer(Case):
    def test_usage_errors(self):
        self.fails(run("swarmctl", "kv", "get", "k", "--prefx", "x"), 2, "--prefx", "--help")
        self.fails(run("swarmctl", "kv", "get"), 2, "missing arguments", "KEY")
        self.fails(run("swarmctl", "kv", "get", "a", "b"), 2, "too many")
        self.fails(run("swarmctl", "kv", "got", "a"), 2, "unknown command kv got")
        self.fails(run("swarmctl", "bogus"), 2, "unknown command bogus")
        self.fails(run("swarmctl", "kv", "scan", "--limit", "ten"), 2, "--limit", "ten")
        self.fails(run("swarmctl", "kv", "scan", "--limit"), 2, "needs a N")
        self.fails(run("swarmctl", "kv", "get", "a", "--encoding", "rot13"), 2, "rot13")
        self.fails(run("swarmctl", "limits", "-o", "xml"), 2, "xml")
        self.fails(run("swarmctl", "limits", "--command-timeout", "5"), 2, "5s")
        self.fails(run("swarmctl", "kv", "cas", "k", "v"), 2, "--expected")
        self.fails(run("swarmctl", "node", "status", "two"), 2, "two")
        self.fails(run("swarm-bench", "put", "--clients", "0"), 2, "start at 1")
        self.fails(run("swarm-bench", "putt"), 2, "putt")
        self.assertEqual(run("swarmctl")[0], 2)

    def test_help_names_every_command(self):
        code, out, err = run("swarmctl", "help")
        self.assertEqual((code, err), (0, ""))
        for words in (b"swarm create", b"kv get", b"experience append", b"node transfer",
                      b"health", b"limits", b"explain", b"snapshot take", b"completion"):
            self.assertIn(words, out)
        self.assertIn(b"--expected", run("swarmctl", "kv", "cas", "--help")[1])
        for words, want in ((("kv", "--help"), 0), (("--config", "c", "kv", "-h"), 0),
                            (("kv",), 2)):
            code, out, err = run("swarmctl", *words)
            self.assertEqual((code, err), (want, ""))
            self.assertIn(b"kv scan", out)
            self.assertNotIn(b"node list", out)
        self.assertEqual(run("swarmctl", "--version"), run("swarmctl", "version"))

    def test_help_explains_one_command(self):
        self.assertEqual(run("swarmctl", "help", "kv", "put"),
                         run("swarmctl", "kv", "put", "--help"))
        self.assertEqual(run("swarmctl", "help", "txn"), run("swarmctl", "txn", "--help"))
        self.assertEqual(run("swarmctl", "help", "kv"), run("swarmctl", "kv", "--help"))
        self.fails(run("swarmctl", "help", "bogus"), 2, "bogus")

    def test_limits_and_explain(self):
        rows = json.loads(run("swarmctl", "limits", "-o", "json")[1])["limits"]
        self.assertEqual({r["name"]: r["value"] for r in rows}["key_size_max"], 256)
        for word in ("6001", "PA-6001", "not_leader"):
            row, = json.loads(run("swarmctl", "explain", word, "-o", "json")[1])["errors"]
            self.assertEqual((row["name"], row["exit"]), ("NOT_LEADER", 5))
        self.assertIn(b"remedy: ask the node named", run("swarmctl", "explain", "6001")[1])
        self.assertNotIn(b"remedy", run("swarmctl", "explain")[1])
        self.fails(run("swarmctl", "explain", "9999"), 2, "9999")

    def test_completion_offers_words_flags_and_values(self):
        for words, want in ((("kv", "sc"), ["scan"]), (("kv", "scan", "--pre"), ["--prefix"]),
                            (("kv", "get", "-o", "js"), ["json", "jsonl"]),
                            (("completion", ""), ["bash", "zsh", "fish"]),
                            (("explain", "NOT_L"), ["NOT_LEADER"]), (("doc",), ["doctor"])):
            code, out, _ = run("swarmctl", "complete", "--", *words)
            self.assertEqual((code, out.decode().split()), (0, want))
        for shell in ("zsh", "fish"):
            code, out, _ = run("swarmctl", "completion", shell)
            self.assertEqual(code, 0)
            self.assertIn(b"swarmctl complete --", out)

    def test_every_format_prints_the_same_rows(self):
        whole = json.loads(run("swarmctl", "limits", "-o", "json")[1])["limits"]
        lines = run("swarmctl", "limits", "-o", "jsonl")[1].decode().splitlines()
        self.assertEqual([json.loads(line) for line in lines], whole)
        fields = run("swarmctl", "limits", "-o", "fields")[1].decode()
        self.assertIn(f"name: {whole[0]['name']}\nvalue: {whole[0]['value']}\n", fields)
        self.assertEqual(fields.count("\n\n"), len(whole) - 1)
        version = run("swarmctl", "version", "-o", "jsonl")[1]
        self.assertEqual(len(version.splitlines()), 1)
        self.assertIn("version", json.loads(version))

    def test_the_shell_runs_lines(self):
        lines = "explain 6001\n\nbogus\n'a\nexit\nno"
        done = subprocess.run([str(BIN / "swarmctl"), "shell"], input=lines,
                              capture_output=True, text=True, timeout=LIMIT_S, check=False)
        self.assertEqual(done.returncode, 0)
        self.assertIn("NOT_LEADER", done.stdout)
        self.assertIn("unknown command bogus", done.stderr)
        self.assertIn("a quote is not closed", done.stderr)
        self.assertNotIn("unknown command no", done.stderr)

    def test_the_man_page_has_every_command(self):
        page = run("swarmctl", "manual")[1].decode()
        for words in ("kv get", "index search", "doctor", "lease grant"):
            self.assertIn(f'.B "{words}\\fR', page)
        self.assertIn("\\-\\-expected", page)

    def test_completion_is_a_bash_script(self):
        code, out, _ = run("swarmctl", "completion", "bash")
        self.assertEqual(code, 0)
        script = out.decode() + """
COMP_WORDS=(swarmctl kv sc); COMP_CWORD=2; _swarmctl; echo "${COMPREPLY[@]}"
COMP_WORDS=(swarmctl kv scan --pre); COMP_CWORD=3; _swarmctl; echo "${COMPREPLY[@]}"
"""
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True,
                              timeout=LIMIT_S,
                              env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
        self.assertEqual(done.stdout.split(), ["scan", "--prefix"])
        self.fails(run("swarmctl", "completion", "tcsh"), 2, "tcsh")

    def test_missing_configuration(self):
        self.fails(run("swarmctl", "--config", "/nowhere/c", "kv", "get", "a"), 2, "/nowhere")
        with tempfile.TemporaryDirectory() as home:
            self.fails(run("swarmctl", "kv", "get", "a", env={"HOME": home}), 2, "client.conf")


class Creation(Case):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="swarm-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def tree(self):
        return {p: p.read_bytes() for p in sorted(self.folder.rglob("*")) if p.is_file()}

    def test_files_and_modes(self):
        made = create(self.folder / "s", "--nodes", "2", "--base-port", "7100")
        self.assertEqual([n["client"] for n in made["nodes"]],
                         ["127.0.0.1:7100", "127.0.0.1:7110"])
        for key in (self.folder / "s").rglob("*.key"):
            self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        self.assertEqual(len(list((self.folder / "s").rglob("*.key"))), 3)
        for node in (1, 2):
            marker = (self.folder / "s" / f"node-{node}" / "data" / "first-start").read_text()
            self.assertTrue(marker.startswith(
                f"swarmstore-first-start 1\nswarm {made['swarm']}\nnode {node}\n"), marker)
        code, _, err = run("swarmd", "--config", made["nodes"][0]["config"], "--check-config")
        self.assertEqual(code, 0, err)

    def test_nothing_is_overwritten(self):
        create(self.folder / "s")
        before = self.tree()
        self.fails(run("swarmctl", "swarm", "create", str(self.folder / "s")), 2, "not empty")
        self.assertEqual(self.tree(), before)

    def test_an_empty_directory_is_taken(self):
        (self.folder / "s").mkdir()
        create(self.folder / "s", "--nodes", "1")
        self.assertEqual([p.name for p in self.folder.iterdir()], ["s"])

    def test_listed_nodes(self):
        made = create(self.folder / "s", "--node", "7=10.0.0.7:1:2:3", "--node", "9=[::1]:4:5:6")
        self.assertEqual([(n["node"], n["client"], n["peer"]) for n in made["nodes"]],
                         [("7", "10.0.0.7:1", "10.0.0.7:2"), ("9", "[::1]:4", "[::1]:5")])
        bad = ("7=h:1:2", "x=h:1:2:3", "7=h:1:2:70000", "0=h:1:2:3", "7h123")
        for word in bad:
            target = str(self.folder / "t")
            self.fails(run("swarmctl", "swarm", "create", target, "--node", word), 2)
        self.assertFalse((self.folder / "t").exists())

    def test_key_files_are_checked(self):
        create(self.folder / "s")
        config = str(self.folder / "s" / "client.conf")
        key = self.folder / "s" / "client.key"
        key.chmod(0o644)
        self.fails(run("swarmctl", "--config", config, "kv", "get", "a"), 7, "PERMISSIONS", "600")
        key.unlink()
        self.fails(run("swarmctl", "--config", config, "kv", "get", "a"), 7, "KEY_MISSING")

    def test_nobody_listens(self):
        port = free_ports(1)[0]
        create(self.folder / "s", "--nodes", "1", "--base-port", str(port))
        config = str(self.folder / "s" / "client.conf")
        for words in (("kv", "get", "a"), ("kv", "put", "a", "b"), ("health",), ("node", "list")):
            self.fails(run("swarmctl", "--config", config, *words), 5, "UNREACHABLE")
        self.fails(run("swarm-bench", "--config", config, "put"), 5, "UNREACHABLE")

    def test_each_endpoint_is_named_with_its_error(self):
        """One refuses, one takes connections and says nothing, one has a name that nobody knows."""
        create(self.folder / "s", "--nodes", "3")
        silent = self.enterContext(socket.socket())
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        endpoints = [f"127.0.0.1:{free_ports(1)[0]}", f"127.0.0.1:{silent.getsockname()[1]}",
                     "nowhere.invalid:6700"]
        done = run("swarmctl", "--config", str(self.folder / "s" / "client.conf"), "--endpoints",
                   ",".join(f"{i}={at}" for i, at in enumerate(endpoints, 1)), "kv", "get", "a")
        self.fails(done, 5, "UNREACHABLE", f"node 1 at {endpoints[0]}: UNREACHABLE",
                   f"node 2 at {endpoints[1]}: ", f"node 3 at {endpoints[2]}: ")


class OnSwarm(Case):
    """Three real nodes for all tests of a class."""

    durability = "majority"

    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="swarm-test-")
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.addClassCleanup(cls.temporary.cleanup)
        ports = free_ports(9)
        nodes = [f"--node={i + 1}=127.0.0.1:{ports[3 * i]}:{ports[3 * i + 1]}:{ports[3 * i + 2]}"
                 for i in range(3)]
        cls.made = create(cls.folder / "s", *nodes)
        cls.config = cls.made["client_config"]
        cls.processes = {}
        cls.addClassCleanup(cls.stop_all)
        for node in ("1", "2", "3"):
            cls.start(node)
        cls.wait_healthy()

    @classmethod
    def start(cls, node):
        config = cls.made["nodes"][int(node) - 1]["config"]
        with open(cls.folder / f"log-{node}", "ab") as log:
            cls.processes[node] = subprocess.Popen(
                [BIN / "swarmd", "--config", config, "--max-map-size", "256MiB"],
                stdout=log, stderr=log)

    @classmethod
    def stop_all(cls):
        for process in cls.processes.values():
            process.kill()
            process.wait()

    @classmethod
    def wait_healthy(cls):
        wait_for("the swarm is healthy", START_S,
                 lambda: run("swarmctl", "--config", cls.config, "health")[0] == 0)

    @classmethod
    def ctl(cls, *words, stdin=b""):
        return run("swarmctl", "--config", cls.config, *words, stdin=stdin)

    def json(self, *words, code=0, stdin=b""):
        got, out, err = self.ctl(*words, "-o", "json", stdin=stdin)
        self.assertEqual(got, code, err)
        return json.loads(out)


class RealSwarm(OnSwarm):
    """One swarm for all of these; each test uses a partition of its own."""

    def test_doctor_finds_nothing_and_says_what_it_saw(self):
        told = self.json("doctor")
        self.assertEqual(told["failures"], "0", told)
        checks = {row["check"]: row["result"] for row in told["checks"]}
        for check in ("settings", "node 1", "leader", "digests", "versions"):
            self.assertEqual(checks[check], "ok", told)
        told = self.json("doctor", "--endpoints", "1=127.0.0.1:1", code=5)
        self.assertEqual({row["check"]: row["result"] for row in told["checks"]}["node 1"], "FAIL")

    def test_top_shows_every_node_again_and_again(self):
        code, out, err = self.ctl("top", "--count", "2", "--interval", "50ms", "-o", "jsonl")
        self.assertEqual(code, 0, err)
        rows = [json.loads(line) for line in out.decode().splitlines()]
        self.assertEqual(sum(row["node"] == "1" for row in rows), 2)
        self.assertIn("leader", {row["role"] for row in rows})

    def test_keys_are_completed(self):
        for key in ("unusual-1", "unusual-2", "usual"):
            self.json("kv", "put", key, "x", "--partition", "completion")
        code, out, _ = run("swarmctl", "complete", "--", "kv", "get", "--config", self.config,
                           "--partition", "completion", "un")
        self.assertEqual((code, out.decode().split()), (0, ["unusual-1", "unusual-2"]))

    def test_put_get_del(self):
        part = ("--partition", "basic")
        put = self.json("kv", "put", "a", "hello", *part)
        revision = put["revision"]
        self.assertIsInstance(revision, str)
        self.assertRegex(put["header"]["swarm"], "^[0-9a-f]{32}$")
        self.assertEqual(put["header"]["durability"], self.durability)
        header = self.json("kv", "get", "a", *part)["header"]
        self.assertEqual(header["swarm"], put["header"]["swarm"])
        self.assertEqual({header[name].isdigit() for name in ("node", "shard", "term")}, {True})
        self.assertEqual(self.ctl("kv", "get", "a", *part), (0, b"hello\n", ""))
        kv = self.json("kv", "get", "a", *part)["kv"]
        self.assertEqual((kv["key"], kv["value"], kv["mod_revision"], kv["version"]),
                         ("a", "hello", revision, "1"))
        self.fails(self.ctl("kv", "get", "a", "--partition", "other"), 3, "NOT_FOUND")
        self.assertIsNone(self.json("kv", "get", "b", *part, code=3)["kv"])
        self.assertEqual(self.json("kv", "del", "a", *part)["deleted"], 1)
        self.assertEqual(self.json("kv", "del", "a", *part)["deleted"], 0)
        self.fails(self.ctl("kv", "get", "a", *part), 3)

    def test_revisions_to_come_are_named_and_not_waited_for(self):
        part = ("--partition", "revisions")
        first = int(self.json("kv", "put", "a", "1", *part)["revision"])
        last = int(self.json("kv", "put", "a", "2", *part)["revision"])
        far = str(last + 1000000)
        for words in (("kv", "get", "a", "--rev", far), ("history", "diff", str(first), far),
                      ("history", "export", "--to", far), ("watch", "--after", far)):
            self.fails(self.ctl(*words, *part), 1, "FUTURE_REVISION", "the present revision is")
        self.fails(self.ctl("history", "diff", str(last), str(first), *part), 2,
                   "the older revision comes first")
        row, = self.json("history", "diff", str(first), str(last), *part)["differences"]
        self.assertEqual((row["change"], row["before"], row["after"]), ("changed", "1", "2"))

    def test_settings_of_the_members_may_be_put_anywhere(self):
        code, out, err = run("swarmctl", "--config", os.path.relpath(self.config),
                             "member", "config")
        self.assertEqual(code, 0, err)
        key_file = str((self.folder / "s" / "client.key").resolve())
        self.assertIn(f"key_file = {key_file}\n", out.decode())

    def test_bytes_survive(self):
        part = ("--partition", "bytes")
        value = bytes(range(256))
        self.json("kv", "put", "b", "-", *part, stdin=value)
        self.assertEqual(self.ctl("kv", "get", "b", *part)[1], value + b"\n")
        kv = self.json("kv", "get", "b", *part)["kv"]
        self.assertEqual(kv["encoding"], "base64")
        self.assertEqual(base64.b64decode(kv["value"]), value)
        hexed = self.json("kv", "get", "b", "--encoding", "hex", *part)["kv"]
        self.assertEqual(bytes.fromhex(hexed["value"]), value)
        self.json("kv", "put", "u", "grüße", *part)
        self.assertEqual(self.json("kv", "get", "u", *part)["kv"]["value"], "grüße")

    def test_cas(self):
        part = ("--partition", "cas")
        first = self.json("kv", "cas", "c", "one", "--expected", "0", *part)["revision"]
        lost = self.json("kv", "cas", "c", "two", "--expected", "0", *part, code=4)
        self.assertEqual(lost, {"succeeded": False, "mod_revision": first})
        self.json("kv", "cas", "c", "two", "--expected", first, *part)
        self.assertEqual(self.ctl("kv", "get", "c", *part)[1], b"two\n")

    def test_txn_then_and_else(self):
        part = ("--partition", "txn")
        text = b'version(a) = 0\n\nput a "1 2"\nmerge n add 5\nget n\n\nget a\n'
        first = self.json("txn", *part, stdin=text)
        self.assertTrue(first["succeeded"])
        self.assertEqual([(r["op"], r["key"], r["value"]) for r in first["results"]],
                         [("put", "a", ""), ("merge", "n", "5"), ("get", "n", "5")])
        self.assertEqual({r["mod_revision"] for r in first["results"]}, {first["revision"]})
        second = self.json("txn", "-", *part, code=4, stdin=text)
        self.assertFalse(second["succeeded"])
        self.assertEqual([(r["op"], r["value"]) for r in second["results"]], [("get", "1 2")])
        self.fails(self.ctl("txn", *part, stdin=text), 4, "CONFLICT", "compare 1 does not hold")

    def test_txn_all_or_nothing(self):
        part = ("--partition", "atomic")
        self.json("kv", "put", "text", "abc", *part)
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"\nput a 1\nmerge text add 1\n")
            file.flush()
            self.fails(self.ctl("txn", file.name, *part), 4, "WRONG_TYPE", "operation 2",
                       "nothing was written")
        self.fails(self.ctl("kv", "get", "a", *part), 3)
        self.fails(self.ctl("txn", *part, stdin=b"\nput a 1\nput a 2\n"), 2, "one key twice")
        self.fails(self.ctl("txn", *part, stdin=b"\nput a\n"), 2, "line 2")
        self.fails(self.ctl("txn", "/nowhere", *part), 1, "/nowhere")

    def test_merge(self):
        part = ("--partition", "merge")
        for operator, operand, want in (("add", "5", b"5"), ("add", "-7", b"-2"),
                                        ("max", "3", b"3"), ("min", "-1", b"-1")):
            self.assertEqual(self.ctl("kv", "merge", "n", operator, operand, *part)[1],
                             want + b"\n")
        self.ctl("kv", "merge", "s", "set-union", "b\na", *part)
        self.assertEqual(self.ctl("kv", "merge", "s", "set-union", "-", *part, stdin=b"c\na\n")[1],
                         b"a\nb\nc\n\n")
        kv = self.json("kv", "merge", "s", "append", "x", *part)["kv"]
        self.assertEqual((kv["value"], kv["version"]), ("a\nb\nc\nx", "3"))
        self.fails(self.ctl("kv", "merge", "s", "set-union", "y", *part), 4, "WRONG_TYPE")
        self.fails(self.ctl("kv", "merge", "n", "add", "one", *part), 2, "decimal")
        self.fails(self.ctl("kv", "merge", "n", "xor", "1", *part), 2, "xor")

    def test_mget(self):
        part = ("--partition", "mget")
        self.json("kv", "put", "a", "1", *part)
        self.json("kv", "put", "b", "2", *part)
        got = self.json("kv", "mget", "b", "a", *part)
        self.assertEqual([(r["key"], r["value"]) for r in got["records"]],
                         [("b", "2"), ("a", "1")])
        code, out, err = self.ctl("kv", "mget", "a", "none", *part, "-o", "json")
        self.assertEqual([r["key"] for r in json.loads(out)["records"]], ["a"])
        self.assertEqual(code, 3)
        self.assertIn("none", err)

    def test_previous(self):
        part = ("--partition", "previous")
        self.assertIsNone(self.json("kv", "put", "a", "1", "--previous", *part)["previous"])
        self.assertEqual(self.json("kv", "put", "a", "2", "--previous", *part)["previous"]["value"],
                         "1")
        self.assertEqual(self.json("kv", "del", "a", "--previous", *part)["previous"]["value"], "2")
        self.assertIsNone(self.json("kv", "del", "a", "--previous", *part)["previous"])

    def test_a_put_says_how_deep_it_is(self):
        part = ("--partition", "depth")
        start = self.json("kv", "put", "a", "1", "--depth", "9", *part)["revision"]
        change = self.json("watch", "--after", str(int(start) - 1), "--limit", "1", *part)["change"]
        self.assertEqual((change["key"], int(change["depth"])), ("a", 9))
        for depth in ("10", "99999999999"):
            self.fails(self.ctl("kv", "put", "a", "2", "--depth", depth, *part), 1, "DEPTH")
        self.fails(self.ctl("kv", "put", "a", "2", "--depth", "x", *part), 2, "--depth")
        self.assertEqual(self.json("kv", "get", "a", *part)["kv"]["value"], "1")

    def test_watch_from_a_revision(self):
        part = ("--partition", "watch")
        start = self.json("kv", "put", "a", "0", *part)["revision"]
        self.json("kv", "put", "a", "1", *part)
        text = b"\nput b 2\nput other 3\n"
        both = self.json("txn", *part, stdin=text)["revision"]
        self.json("kv", "del", "a", *part)
        code, out, err = self.ctl("watch", "--after", start, "--limit", "4", "-o", "json", *part)
        self.assertEqual(code, 0, err)
        rows = [json.loads(line)["change"] for line in out.splitlines()]
        self.assertEqual([(r["event"], r["key"], r["value"]) for r in rows],
                         [("put", "a", "1"), ("put", "b", "2"), ("put", "other", "3"),
                          ("delete", "a", "")])
        self.assertEqual({r["mod_revision"] for r in rows[1:3]}, {both})
        code, out, _ = self.ctl("watch", "--prefix", "o", "--after", start, "--limit", "1", *part)
        self.assertEqual((code, out.split(b"\t")[:2]), (0, [b"other", b"3"]))
        code, out, _ = self.ctl("watch", "b", "--after", start, "--limit", "1", *part)
        self.assertEqual((code, out.split(b"\t")[0]), (0, b"b"))
        self.fails(self.ctl("watch", "--after", "99999999", *part), 1, "FUTURE_REVISION")
        self.fails(self.ctl("watch", "b", "--prefix", "c", *part), 2, "--prefix")

    def test_watch_waits(self):
        part = ("--partition", "waits")
        clean = {k: v for k, v in os.environ.items() if not k.startswith("SWARM")}
        watch = subprocess.Popen([BIN / "swarmctl", "--config", self.config, "watch", "k",
                                  "--limit", "2", *part], stdout=subprocess.PIPE, env=clean)
        try:
            done = []

            def written():
                self.json("kv", "put", "k", str(len(done)), *part)
                done.append(None)
                return watch.poll() is not None
            wait_for("the watch has seen two changes", 30, written)
            values = [line.split(b"\t")[1] for line in watch.stdout.read().splitlines()]
            self.assertEqual(int(values[1]), int(values[0]) + 1)
        finally:
            watch.kill()
            watch.wait()
            watch.stdout.close()

    def test_session(self):
        """A session of its own client (a lock holds one open), and what is known of its writes."""
        part = ("--partition", "session")
        clean = {k: v for k, v in os.environ.items() if not k.startswith("SWARM")}
        holder = subprocess.Popen([BIN / "swarmctl", "--config", self.config, "lock", "l", *part,
                                   "--", "sleep", "600"], env=clean)
        try:
            wait_for("the lock is taken", START_S,
                     lambda: self.ctl("kv", "get", "l", *part)[0] == 0)
            rows = self.json("session", "list")["sessions"]
            session = next(row["session"] for row in rows if int(row["ttl_ms"]) == 600000)
            row, = self.json("session", "show", session)["sessions"]
            self.assertEqual((row["session"], len(row["owner"])), (session, 32))
            told = self.ctl("session", "outcome", session, "4000")
            self.fails(told, 4, "NOT_COMMITTED")
            self.fails(self.ctl("session", "outcome", session, "4000"), 4, "NOT_COMMITTED")
            self.assertEqual(self.json("session", "close", session)["closed"], "1")
            self.fails(self.ctl("session", "outcome", session, "4000"), 1, "SESSION_EXPIRED")
            self.fails(self.ctl("session", "show", session), 1, "SESSION_EXPIRED")
            self.fails(self.ctl("session", "outcome", "0", "1"), 2)
        finally:
            holder.kill()
            holder.wait()

    def test_lease(self):
        part = ("--partition", "lease")
        lease = self.json("lease", "grant", "1h", *part)["lease"]
        self.json("kv", "put", "b", "1", "--lease", lease, *part)
        self.assertEqual(self.json("kv", "get", "b", *part)["kv"]["lease"], lease)
        self.assertEqual(self.json("lease", "keepalive", lease, *part)["ttl_ms"], "3600000")
        self.json("lease", "revoke", lease, *part)

        def held():
            """A short lease and its key; on a slow machine it may end before the key is there."""
            short = self.json("lease", "grant", "500ms", *part)["lease"]
            code = self.ctl("kv", "put", "a", "1", "--lease", short, *part)[0]
            return short if code == 0 else None

        lease = wait_for("a key with a lease", 60, held)
        wait_for("the key is gone", 20, lambda: self.ctl("kv", "get", "a", *part)[0] == 3)
        self.fails(self.ctl("lease", "keepalive", lease, *part), 3, "LEASE_GONE")
        self.fails(self.ctl("kv", "put", "a", "1", "--lease", lease, *part), 3, "LEASE_GONE")
        self.assertEqual(self.json("lease", "list", *part)["leases"], [])

    def test_lease_revoke_and_list(self):
        part = ("--partition", "revoke")
        lease = self.json("lease", "grant", "1h", *part)["lease"]
        self.json("kv", "put", "a", "1", "--lease", lease, *part)
        text = f"lease(a) = {lease}\n\nput b 2 --lease {lease}\n".encode()
        self.assertTrue(self.json("txn", *part, stdin=text)["succeeded"])
        row, = self.json("lease", "list", *part)["leases"]
        self.assertEqual((row["lease"], row["ttl_ms"], row["keys"]), (lease, "3600000", 2))
        self.assertLessEqual(int(row["left_ms"]), 3600000)
        self.assertEqual(self.json("lease", "revoke", lease, *part)["keys"], "2")
        self.fails(self.ctl("kv", "get", "b", *part), 3)
        self.fails(self.ctl("lease", "revoke", lease, *part), 3, "LEASE_GONE")
        self.fails(self.ctl("lease", "grant", "1ms", *part), 2, "100")
        self.fails(self.ctl("lease", "grant", "long", *part), 2, "long")
        self.fails(self.ctl("lease", "revoke", "0", *part), 2)

    def test_lock(self):
        part = ("--partition", "lock")
        self.assertEqual(self.ctl("lock", "l", *part, "--", "sh", "-c", "exit 7")[0], 7)
        code, out, _ = self.ctl("lock", "l", *part, "--", "sh", "-c", "echo $SWARM_LOCK_TOKEN")
        self.assertEqual(code, 0)
        self.assertGreater(int(out), 0)
        code, _, err = self.ctl("lock", "l", *part, "--", "/nowhere")
        self.assertEqual(code, 127)
        self.assertIn("cannot run /nowhere", err)
        taken = self.json("lease", "grant", "1h", *part)["lease"]
        self.json("kv", "put", "l", "somebody", "--lease", taken, *part)
        self.fails(self.ctl("lock", "l", *part, "--wait", "300ms", "--", "true"), 6, "somebody")
        self.json("lease", "revoke", taken, *part)
        self.assertEqual(self.ctl("lock", "l", *part, "--", "true")[0], 0)

    def test_lock_revision_grows_from_holder_to_holder(self):
        """Tokens do not: who waits has its lease long before its turn comes."""
        part = ("--partition", "turns")
        first = self.json("lease", "grant", "1h", *part)["lease"]
        self.json("kv", "put", "l", "first", "--lease", first, *part)
        show = "echo $SWARM_LOCK_TOKEN $SWARM_LOCK_REVISION"
        with concurrent.futures.ThreadPoolExecutor() as pool:
            waiter = pool.submit(self.ctl, "lock", "l", *part, "--ttl", "10s", "--wait", "60s",
                                 "--", "sh", "-c", show)
            wait_for("a lease of the waiter", START_S,
                     lambda: len(self.json("lease", "list", *part)["leases"]) == 2)
            later = self.json("lease", "grant", "1h", *part)["lease"]
            self.json("kv", "put", "l", "later", "--lease", later, *part)
            self.json("lease", "revoke", later, *part)
            code, out, err = waiter.result()
        self.assertEqual(code, 0, err)
        token, revision = map(int, out.split())
        self.assertLess(token, int(later))
        self.assertGreater(revision, int(later))

    def test_lock_ends_with_its_command(self):
        part = ("--partition", "ends")
        script = 'trap "echo told; exit 5" TERM; echo ready; while :; do sleep 0.05; done'
        words = [str(BIN / "swarmctl"), "--config", str(self.config), "lock", "l", *part, "--",
                 "sh", "-c", script]
        for number, code in ((signal.SIGTERM, 5), (signal.SIGKILL, -signal.SIGKILL)):
            with subprocess.Popen(words, stdout=subprocess.PIPE) as lock:
                self.assertEqual(lock.stdout.readline(), b"ready\n")
                lock.send_signal(number)
                # The pipe ends with the command: it is told to end in both cases.
                self.assertEqual(lock.stdout.read(), b"told\n")
                self.assertEqual(lock.wait(), code)
        self.json("lease", "revoke", self.json("lease", "list", *part)["leases"][0]["lease"], *part)

    def test_lock_lost(self):
        part = ("--partition", "lost")
        word = ["swarmctl", "--config", str(self.config), "kv", "del", "l", *part]
        steal = " ".join([str(BIN / word[0]), *word[1:]])
        # Whoever deletes the key alone does not end the lease; whoever revokes it does.
        self.assertEqual(self.ctl("lock", "l", *part, "--", "sh", "-c", steal)[0], 0)
        revoke = " ".join([str(BIN / "swarmctl"), "--config", str(self.config),
                           "lease revoke $SWARM_LOCK_TOKEN", *part, "; exec sleep 30"])
        self.fails(self.ctl("lock", "l", *part, "--ttl", "1s", "--", "sh", "-c", revoke),
                   3, "LEASE_GONE")

    def test_scan(self):
        part = ("--partition", "scan")
        for key in ("a/1", "a/2", "a/3", "b/1"):
            self.json("kv", "put", key, key.upper(), *part)
        keys = lambda *flags: [r["key"] for r in self.json("kv", "scan", *flags, *part)["records"]]
        self.assertEqual(keys(), ["a/1", "a/2", "a/3", "b/1"])
        self.assertEqual(keys("--prefix", "a/"), ["a/1", "a/2", "a/3"])
        self.assertEqual(keys("--from", "a/2", "--to", "b"), ["a/2", "a/3"])
        self.assertEqual(keys("--limit", "2"), ["a/1", "a/2"])
        self.assertEqual(keys("--reverse"), ["b/1", "a/3", "a/2", "a/1"])
        self.assertEqual(keys("--reverse", "--limit", "1"), ["b/1"])
        row = self.json("kv", "scan", "--keys-only", "--limit", "1", *part)["records"][0]
        self.assertEqual(row["value"], "")
        code, out, _ = self.ctl("kv", "scan", "--limit", "1", "-o", "plain", *part)
        self.assertEqual((code, out.split(b"\t")[:2]), (0, [b"a/1", b"A/1"]))
        self.assertEqual(self.json("kv", "scan", "--partition", "empty")["records"], [])

    def test_scan_goes_on_over_pages(self):
        for load, keys in (("txn", 5000), ("keep-alive", 5000), ("scan", 5000), ("watch", 5000),
                           ("mailbox", 6)):
            code, out, err = run("swarm-bench", "--config", self.config, load, "--keys", str(keys),
                                 "--clients", "3", "--in-flight", "2", "--warmup", "50ms",
                                 "--duration", "300ms", "--json")
            self.assertEqual(code, 0, err)
            told = json.loads(out)
            self.assertEqual((told["workload"], told["errors"]), (load, 0))
            self.assertGreater(told["ops"], 0)
        code, out, err = run("swarm-bench", "--config", self.config, "get", "--keys", "6000",
                             "--duration", "100ms", "--warmup", "1ms", "--value-size", "10",
                             "--json")
        self.assertEqual(code, 0, err)
        self.assertEqual(json.loads(out)["errors"], 0)
        place = ("--tenant", "bench", "--namespace", "load", "--partition", "keys")
        want = [f"bench/{n:012}" for n in range(6000)]
        rows = self.json("kv", "scan", "--keys-only", *place)["records"]
        self.assertEqual([r["key"] for r in rows], want)
        rows = self.json("kv", "scan", "--keys-only", "--reverse", *place)["records"]
        self.assertEqual([r["key"] for r in rows], want[::-1])
        rows = self.json("kv", "scan", "--keys-only", "--limit", "5000", *place)["records"]
        self.assertEqual(len(rows), 5000)

    def test_experiences(self):
        part = ("--partition", "agent-7")
        revisions = [self.json("experience", "append", f"step {n}", *part)["revision"]
                     for n in range(3)]
        rows = self.json("experience", "list", *part)["experiences"]
        self.assertEqual([(r["revision"], r["value"]) for r in rows],
                         [(r, f"step {n}") for n, r in enumerate(revisions)])
        after = self.json("experience", "list", "--after", revisions[0], *part)["experiences"]
        self.assertEqual([r["value"] for r in after], ["step 1", "step 2"])
        newest = self.json("experience", "list", "--reverse", "--limit", "1", *part)["experiences"]
        self.assertEqual([r["value"] for r in newest], ["step 2"])

    def test_limits_are_enforced(self):
        self.fails(self.ctl("kv", "put", "k" * 257, "v"), 8, "key is 257 bytes", "256")
        self.json("kv", "put", "k" * 256, "v", "--partition", "limits")
        self.fails(self.ctl("kv", "put", "k", "-", stdin=b"x" * (2**20 + 1)), 8, "1048576")
        self.json("kv", "put", "k", "-", "--partition", "limits", stdin=b"x" * 2**20)
        got = self.ctl("kv", "get", "k", "--partition", "limits")[1]
        self.assertEqual(len(got), 2**20 + 1)
        self.fails(self.ctl("experience", "append", stdin=b"x" * (2**18 + 1)), 8, "262144")
        self.fails(self.ctl("kv", "put", "k", "v", "--tenant", "t" * 33), 8, "tenant",
                   "nothing was written")
        self.fails(self.ctl("kv", "put", "k", "v", "--partition", "a b"), 2, "partition")

    def test_node_commands(self):
        nodes = self.json("node", "status")["nodes"]
        self.assertEqual([n["node"] for n in nodes], ["1", "2", "3"])
        leader = next(n["node"] for n in nodes if n["role"] == "leader")
        self.assertEqual({n["leader"] for n in nodes}, {leader})
        target = next(n["node"] for n in nodes if n["role"] == "follower")
        self.assertEqual(self.json("node", "transfer", target), {"from": leader, "to": target})
        wait_for("the new leader", START_S, lambda: target == next(
            (n["node"] for n in self.json("node", "status")["nodes"] if n["role"] == "leader"), ""))
        self.assertEqual({n["state"] for n in self.json("node", "list")["nodes"]}, {"up"})
        self.assertEqual(len(self.json("node", "status", "2")["nodes"]), 1)
        self.fails(self.ctl("node", "status", "8"), 2, "no node 8")
        self.fails(self.ctl("node", "transfer", "8"), 2, "voting node")
        self.json("kv", "put", "after", "transfer")
        self.json("snapshot", "take", target)

    def test_health(self):
        health = self.json("health")
        self.assertEqual((health["digests"], health["healthy"]), ("equal", True))
        self.assertEqual(len({n["digest"] for n in health["nodes"]}), 1)

    def test_stranger_is_refused(self):
        create(self.folder / "strangers", "--nodes", "1")
        config = self.folder / "stranger.conf"
        config.write_text(pathlib.Path(self.config).read_text().replace(
            "client.key", str(self.folder / "strangers" / "client.key")))
        self.fails(run("swarmctl", "--config", str(config), "kv", "get", "a"), 7)
        self.fails(run("swarmctl", "--config", str(config), "kv", "put", "a", "b"), 7)
        self.fails(run("swarmctl", "--config", str(config), "health"), 7, "refused this client")

    def test_one_more_client(self):
        key = self.folder / "more.key"
        made = json.loads(run("swarmctl", "key", "create", str(key), "-o", "json")[1])
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        self.fails(run("swarmctl", "key", "create", str(key)), 2, str(key))
        config = self.folder / "more.conf"
        config.write_text(pathlib.Path(self.config).read_text().replace("client.key", str(key)))

        def put():
            return run("swarmctl", "--config", str(config), "kv", "put", "a", "b",
                       "--partition", "more")

        self.fails(put(), 7)
        for node, process in self.processes.items():
            allowed = pathlib.Path(self.made["nodes"][int(node) - 1]["config"]).with_name(
                "clients.allow")
            with allowed.open("a") as file:
                file.write(f"{made['public_key']} write more\n")
            process.send_signal(signal.SIGHUP)
        wait_for("the new client is let in", START_S, lambda: put()[0] == 0)
        self.fails(run("swarmctl", "--config", str(config), "snapshot", "take"), 7)

    def test_another_swarm_is_refused(self):
        config = self.folder / "other-swarm.conf"
        text = pathlib.Path(self.config).read_text()
        config.write_text(text.replace(self.made["swarm"], "00" * 16))
        pathlib.Path(self.folder / "client.key").write_bytes(
            (self.folder / "s" / "client.key").read_bytes())
        (self.folder / "client.key").chmod(0o600)
        self.fails(run("swarmctl", "--config", str(config), "kv", "get", "a"), 7)

    def test_endpoints_flag(self):
        port = free_ports(1)[0]
        good = self.made["nodes"][0]["client"]
        self.fails(self.ctl("--endpoints", f"1=127.0.0.1:{port},9=h:1", "kv", "get", "a"), 2)
        self.assertEqual(self.ctl("--endpoints", f"1={good}", "kv", "scan")[0], 0)

    def test_example_program(self):
        code, out, err = run("swarm-example", self.config)
        self.assertEqual((code, out, err), (0, b"hello, swarm\n", ""))

    def test_the_loss_of_a_leader_costs_no_write(self):
        leader = next(n["node"] for n in self.json("node", "status")["nodes"]
                      if n["role"] == "leader")
        bench = subprocess.Popen(
            [BIN / "swarm-bench", "--config", self.config, "failover", "--duration", "4s",
             "--in-flight", "8", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        wait_for("writes", START_S,
                 lambda: self.ctl("kv", "scan", "--tenant", "bench", "--namespace", "load",
                                  "--partition", "keys", "--limit", "1", "-o", "plain")[1] != b"")
        self.processes[leader].kill()
        self.processes[leader].wait()
        self.fails(self.ctl("node", "status"), 5, f"node {leader}", "did not answer")
        self.fails(self.ctl("health"), 5, "2 of 3", "a majority")
        out, err = bench.communicate(timeout=LIMIT_S)
        self.assertEqual(bench.returncode, 0, err)
        figures = json.loads(out)
        self.assertEqual(figures["errors"], 0)
        self.assertGreater(figures["ops"], 0)
        self.fails(self.ctl("node", "transfer", leader, "--command-timeout", "2s"), 5, "leads")
        self.start(leader)
        self.wait_healthy()


if __name__ == "__main__":
    unittest.main(verbosity=2)
