"""Directories that older builds wrote: the present swarmd opens them, gives back what they hold and
goes on; older programs refuse what it leaves. `old_data/make.py` made the archives."""
import base64
import contextlib
import json
import pathlib
import shutil
import subprocess
import tarfile
import unittest

from swarm_kit import BIN, START_S, swarm, wait_for

OLD = pathlib.Path(__file__).parent / "old_data"


@contextlib.contextmanager
def from_archive(name):
    """A swarm of one whose data directory is the archive's, with the same swarm id and key."""
    with swarm(1) as made:
        data = made.nodes[0].data
        shutil.rmtree(data)
        data.mkdir(mode=0o700)
        with tarfile.open(OLD / f"{name}.tar.gz") as tar:
            tar.extractall(data)
        told = json.loads((data / "told.json").read_text())
        (data / "told.json").unlink()
        made.adopt(told["swarm"], base64.b64decode(told["node"]))
        yield made, told


class Upgrade(unittest.TestCase):
    def json(self, made, *words):
        code, out, err = made.ctl(*words, "-o", "json")
        self.assertEqual(code, 0, err)
        return json.loads(out)

    def get(self, made, key):
        code, out, err = made.ctl("kv", "get", key)
        self.assertEqual(code, 0, err)
        return out.strip()

    def at_index(self, made, index):
        node = self.json(made, "health")["nodes"][0]
        return node if node["digest_index"] == index else None

    def inspect(self, made):
        return subprocess.run([BIN / "swarm-inspect", "store", made.nodes[0].data / "state"],
                              capture_output=True, text=True, timeout=START_S, check=False)

    def check_old(self, made):
        self.assertEqual(self.get(made, "key-0"), "after the stop")
        for i in (1, 2, 3):
            self.assertEqual(self.get(made, f"key-{i}"), f"value-{i}")
        self.assertEqual(made.ctl("kv", "get", "key-4")[0], 3)
        self.assertEqual(self.get(made, "key-5"), "last")
        self.assertEqual(len(self.json(made, "experience", "list")["experiences"]), 1)

    def check_new(self, made, kept_changes):
        """What the old program did not know works on its data, from now on."""
        before = self.json(made, "kv", "put", "key-6", "new")["revision"]
        code, _, err = made.ctl("watch", "--after", "1", "--limit", "1")
        if kept_changes:
            self.assertEqual(code, 0, err)
        else:
            self.assertEqual(code, 1, err)
            self.assertIn("RESYNC", err)
        self.json(made, "kv", "put", "key-1", "newer")
        change = self.json(made, "watch", "--after", before, "--limit", "1")
        self.assertIn("key-1", json.dumps(change))
        lease = self.json(made, "lease", "grant", "1h")["lease"]
        self.json(made, "kv", "put", "leased", "yes", "--lease", lease)

    def goes_on(self, name, digest, kept_changes=False):
        with from_archive(name) as (made, told):
            made.start()
            if digest:
                node = wait_for("the old entries are executed", START_S,
                                lambda: self.at_index(made, told["index"]))
                self.assertEqual(node["digest"], told["digest"])
            self.check_old(made)
            if not digest:
                self.assertEqual(self.get(made, "held"), "yes")
                self.assertEqual(len(self.json(made, "lease", "list")["leases"]), 1)
            self.check_new(made, kept_changes)
            self.assertEqual(made.nodes[0].stop(), 0)
            self.assertIn("format 4", self.inspect(made).stdout)  # which older programs refuse
            made.start()
            self.assertEqual(self.get(made, "key-1"), "newer")
            self.assertEqual(self.get(made, "key-6"), "new")

    def test_the_first_release_candidate(self):
        self.goes_on("004d362", True)

    def test_the_last_without_a_change_log(self):
        self.goes_on("e5f9e79", True)

    def test_leases_are_kept(self):
        self.goes_on("e5f9e79-lease", False)

    def test_the_last_without_authors(self):
        self.goes_on("4f117fe-lease", False, kept_changes=True)

    def test_an_inspector_says_what_to_do(self):
        with from_archive("004d362") as (made, _):
            state = made.nodes[0].data / "state"
            before = (state / "data.mdb").read_bytes()
            done = self.inspect(made)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("start its node once", done.stderr)
            self.assertEqual((state / "data.mdb").read_bytes(), before)


if __name__ == "__main__":
    unittest.main()
