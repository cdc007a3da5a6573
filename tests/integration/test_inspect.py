"""swarm-inspect wal --entries on the stopped nodes of a real swarm: the log that they agree on."""
import hashlib
import json
import subprocess
import unittest

from swarm_kit import BIN, swarm


def contents(folder):
    return {path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def inspect(node, *flags):
    return subprocess.run([BIN / "swarm-inspect", "wal", node.data, *flags], capture_output=True,
                          text=True, timeout=60, check=False)


def entries(node):
    """The exported log of a stopped node: {index: entry}."""
    done = inspect(node, "--entries", "-o", "jsonl")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {int(row["index"]): row for row in rows}


class Entries(unittest.TestCase):
    def test_the_logs_hold_each_write_once_and_agree(self):
        with swarm() as s:
            s.start()
            for i in range(20):
                if i == 10:
                    s.leader().kill()
                code, _, stderr = s.ctl("kv", "put", f"key-{i}", f"value {i}")
                self.assertEqual(code, 0, stderr)
            stopped = [node for node in s.nodes if node.process.poll() is None]
            self.assertEqual([node.stop() for node in stopped], [0, 0])
            before = [contents(node.data) for node in s.nodes]
            logs = [entries(node) for node in s.nodes]
            self.assertEqual([contents(node.data) for node in s.nodes], before, "it wrote")
            for log in logs:
                self.assertEqual(sorted(log), list(range(min(log), max(log) + 1)))
            self.check_agreement(logs)
            longest = max(logs, key=lambda log: (int(log[max(log)]["term"]), max(log)))
            self.check_puts(longest)

    def check_agreement(self, logs):
        """Equal index and term, equal entry: the log matching of Raft."""
        for log in logs[1:]:
            for index in log.keys() & logs[0].keys():
                if log[index]["term"] == logs[0][index]["term"]:
                    self.assertEqual(log[index], logs[0][index])

    def check_puts(self, log):
        puts = [command for entry in log.values() for command in entry.get("commands", [])
                if command["op"] == "put"]
        seen = {}
        for command in puts:
            key = bytes.fromhex(command["key"]).decode()
            seen.setdefault(key, set()).add((command["session"], command["seq"]))
            self.assertEqual(bytes.fromhex(command["value"]).decode(), "value " + key[4:])
        self.assertEqual(set(seen), {f"key-{i}" for i in range(20)})
        # A write may stand in the log twice if it was sent twice: then under one name.
        self.assertEqual({len(names) for names in seen.values()}, {1})


class Usage(unittest.TestCase):
    def test_formats_are_not_mixed_up(self):
        with swarm() as s:
            for flags in (("--entries", "-o", "json"), ("-o", "jsonl")):
                self.assertEqual(inspect(s.nodes[0], *flags).returncode, 2)


if __name__ == "__main__":
    unittest.main()
