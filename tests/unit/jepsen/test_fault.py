#!/usr/bin/env python3
"""The fault shim, stood in front of small programs: each rule, each clock, each way to lose power.

usage: test_fault.py BUILD
"""
import errno
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "jepsen"))
from harness import fault  # noqa: E402

BUILD = None
GAVE_UP = 71
KILLED = -9
PRELUDE = """
import os, sys, time
def make(path, data, sync=True):
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    os.pwrite(fd, data, 0)
    if sync:
        os.fdatasync(fd)
    return fd
def sync_folder(path):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(fd)
    os.close(fd)
def error_of(call, *arguments):
    try:
        return call(*arguments)
    except OSError as error:
        return -error.errno
"""


class Base(unittest.TestCase):
    """A data directory with the folders of a node, and programs that work in it."""

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="swarm-fault-")
        self.addCleanup(shutil.rmtree, self.top)
        self.root = os.path.join(self.top, "data")
        os.makedirs(self.root + "/wal")
        os.makedirs(self.root + "/state")

    def shim(self, journal=False):
        return fault.Shim(os.path.join(self.top, "control"), self.root, journal)

    def run_program(self, shim, text, status=0):
        """Runs a Python program under the shim, in the root; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "-B", "-c", PRELUDE + text], cwd=self.root, text=True, check=False,
            capture_output=True, env={**os.environ, **shim.environment(BUILD)})
        self.assertEqual(done.returncode, status, text + done.stderr)
        return done.stdout.strip() if status != GAVE_UP else done.stderr

    def read(self, path):
        with open(os.path.join(self.root, path), "rb") as file:
            return file.read()

    def exists(self, path):
        return os.path.exists(os.path.join(self.root, path))


class Layout(unittest.TestCase):
    def test_the_page_is_laid_out_as_in_c(self):
        text = subprocess.run([fault.bin_file(BUILD, "swarm-fault-cut"), "--layout"], check=True,
                              capture_output=True, text=True).stdout
        layout = json.loads(text)
        self.assertEqual(layout.pop("page_size"), fault.ctypes.sizeof(fault.Page))
        self.assertEqual(layout.pop("rule_size"), fault.ctypes.sizeof(fault.Rule))
        self.assertEqual(layout.pop("rule_count"), len(fault.RULES))
        self.assertEqual(layout.pop("magic_value"), fault.Page.MAGIC)
        for name, offset in layout.items():
            kind, field = (fault.Rule, name[5:]) if name.startswith("rule.") else (fault.Page, name)
            self.assertEqual(getattr(kind, field).offset, offset, name)

    def test_a_file_that_is_no_page_is_refused(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(4096))
            file.flush()
            self.assertRaises(ValueError, fault.map_page, file.name, fault.Page)


class Rules(Base):
    def test_a_failing_sync_is_counted_and_filtered(self):
        shim = self.shim()
        shim.fail_sync(errno.EIO, "wal", skip=1, times=2)
        out = self.run_program(shim, """
a, b = make('wal/a', b'1', False), make('state/b', b'1', False)
print([error_of(os.fsync, fd) for fd in (a, b, a, b, a, a)])
""")
        self.assertEqual(out, str([None, None, -errno.EIO, None, -errno.EIO, None]))
        self.assertEqual(shim.hits("fail_sync"), 2)
        self.assertEqual(shim.attached, 1)

    def test_a_failing_sync_for_ever(self):
        shim = self.shim()
        shim.fail_sync(errno.EIO, times=fault.FOREVER)
        out = self.run_program(shim, """
a = make('wal/a', b'1', False)
print({error_of(os.fdatasync, a) for _ in range(50)})
""")
        self.assertEqual(out, str({-errno.EIO}))

    def test_a_failing_write_writes_nothing(self):
        shim = self.shim()
        shim.fail_write(errno.EIO, "store")
        out = self.run_program(shim, """
a, b = make('wal/a', b'1234'), os.open('state/b', os.O_RDWR | os.O_CREAT)
print(error_of(os.pwritev, b, [b'56', b'78'], 0), error_of(os.write, b, b'ab'))
""")
        self.assertEqual(out, f"{-errno.EIO} 2")
        self.assertEqual(self.read("state/b"), b"ab")

    def test_a_failing_read(self):
        shim = self.shim()
        shim.fail_read(errno.EIO, "wal")
        out = self.run_program(shim, """
a = make('wal/a', b'1234')
print(error_of(os.pread, a, 4, 0), error_of(os.pread, a, 4, 0))
""")
        self.assertEqual(out, f"{-errno.EIO} b'1234'")

    def test_short_writes(self):
        shim = self.shim()
        shim.short_write(3, times=2)
        out = self.run_program(shim, """
a = os.open('wal/a', os.O_RDWR | os.O_CREAT)
print(os.write(a, b'12345'), os.writev(a, [b'45', b'678']), os.write(a, b'789'))
""")
        self.assertEqual(out, "3 3 3")
        self.assertEqual(self.read("wal/a"), b"123456789")

    def test_a_full_disk_takes_what_fits_and_what_overwrites(self):
        shim = self.shim()
        shim.space(10)
        out = self.run_program(shim, """
a = os.open('wal/a', os.O_RDWR | os.O_CREAT)
print(os.pwrite(a, b'x' * 8, 0), os.pwrite(a, b'y' * 8, 8), error_of(os.pwrite, a, b'z', 10),
      os.pwrite(a, b'o' * 8, 0), os.fstatvfs(a).f_bavail, error_of(os.open, 'b', os.O_CREAT))
os.unlink('wal/a')
b = os.open('wal/b', os.O_RDWR | os.O_CREAT)
print(os.pwrite(b, b'x' * 20, 0))
""")
        self.assertEqual(out, f"8 2 {-errno.ENOSPC} 8 0 {-errno.ENOSPC}\n10")
        self.assertEqual(shim.hits("space"), 3)

    def test_death_in_a_write_tears_it(self):
        shim = self.shim()
        shim.die_in_write(3, "wal", skip=1)
        self.run_program(shim, "a = make('wal/a', b'1234')\nos.pwrite(a, b'567890', 4)", KILLED)
        self.assertEqual(self.read("wal/a"), b"1234567")

    def test_death_around_a_name(self):
        for after in (False, True):
            shim = self.shim()
            shim.die_in_name(after, skip=2 if not after else 1)
            self.run_program(shim, "make('wal/a', b'1')\nos.rename('wal/a', 'wal/b')\n"
                             "os.unlink('wal/b')", KILLED)
            self.assertTrue(self.exists("wal/b"))
            os.unlink(self.root + "/wal/b")

    def test_death_around_a_sync(self):
        for after in (False, True):
            shim = self.shim(journal=True)
            shim.die_in_sync(after)
            self.run_program(shim, "make('wal/a', b'12')", KILLED)
            shim.disarm()
            count = shim.cut(BUILD, "none", 1)
            self.assertEqual(count["pending"], 1 if after else 2)  # the name never was synced
            self.assertFalse(self.exists("wal/a"))

    def test_slow_syncs_are_struck(self):
        shim = self.shim()
        shim.slow_sync(1, "store")
        self.run_program(shim, "make('wal/a', b'1'); make('state/b', b'1')")
        self.assertEqual(shim.hits("slow_sync"), 1)

    def test_files_outside_the_root_are_left_alone(self):
        shim = self.shim(journal=True)
        shim.fail_write(errno.EIO, times=fault.FOREVER)
        self.run_program(shim, "make('../outside', b'1')")
        self.assertEqual(self.read("../outside"), b"1")

    def test_without_its_page_a_process_does_not_start(self):
        shim = self.shim()
        os.unlink(shim.path)
        self.assertIn("cannot be opened", self.run_program(shim, "", GAVE_UP))


class Clocks(Base):
    def test_the_wall_clock_jumps_either_way(self):
        shim = self.shim()
        for jump in (7200, -7200):
            shim.jump(jump * 10 ** 9)
            out = self.run_program(shim, "print(time.time())")
            self.assertLess(abs(float(out) - time.time() - jump), 600)

    def test_drift_is_exact(self):
        shim = self.shim()
        shim.drift(900000)
        out = self.run_program(shim, """
def true():
    return time.clock_gettime_ns(time.CLOCK_TAI)
outer = true()
first = time.monotonic_ns()
inner = true()
time.sleep(0.05)
inner = true() - inner
passed = time.monotonic_ns() - first
print(inner, passed, true() - outer)
""")
        least, passed, most = (int(word) for word in out.split())
        self.assertLessEqual(least * 1.9 - 10, passed)
        self.assertLessEqual(passed, most * 1.9 + 10)

    def test_monotonic_while_the_rate_changes(self):
        shim = self.shim()
        out = self.run_program(shim, """
import mmap, struct
with open(os.environ['SWARM_FAULT'], 'r+b') as file:
    page = mmap.mmap(file.fileno(), 4096)
last, backs = 0, 0
for turn in range(20000):
    if turn % 10 == 0:
        struct.pack_into('<q', page, 32, (-900000, 0, 900000, -100)[turn // 10 % 4])
    now = time.monotonic_ns()
    backs += now < last
    last = now
print(backs)
""")
        self.assertEqual(out, "0")


class PowerCuts(Base):
    def after(self, text, policy, seed=1, status=0):
        shim = self.shim(journal=True)
        self.run_program(shim, text, status)
        count = shim.cut(BUILD, policy, seed)
        self.assertFalse(os.path.exists(shim.path + ".journal"))
        self.assertFalse(os.path.exists(shim.root + ".stash"))
        return count

    def test_what_is_synced_stays(self):
        text = "a = make('wal/a', b'x' * 5000)\nsync_folder('wal')\n"
        for policy in fault.POLICIES:
            count = self.after(text, policy)
            self.assertEqual((count["pending"], count["undone"]), (0, 0))
            self.assertEqual(self.read("wal/a"), b"x" * 5000)
            os.unlink(self.root + "/wal/a")

    def test_what_is_not_synced_goes(self):
        count = self.after("""
a = make('wal/a', b'x' * 5000)
sync_folder('wal')
os.pwrite(a, b'y' * 1000, 4500)
os.pwritev(a, [b'z' * 10, b'z' * 20], 0)
os.ftruncate(a, 100)
""", "none")
        self.assertEqual((count["pending"], count["undone"]), (3, 3))
        self.assertEqual(self.read("wal/a"), b"x" * 5000)

    def test_a_name_without_a_synced_directory_goes(self):
        self.after("make('wal/a', b'1'); os.mkdir('more'); make('more/b', b'1'); "
                   "sync_folder('more')", "none")
        self.assertFalse(self.exists("wal/a"))
        self.assertFalse(self.exists("more"))

    def test_renames_and_removals_come_back(self):
        text = """
make('wal/a', b'old a'); make('wal/b', b'old b'); make('wal/c', b'old c'); sync_folder('wal')
os.rename('wal/a', 'wal/b'); os.unlink('wal/c'); make('wal/c', b'new c')
"""
        self.after(text, "none")
        self.assertEqual([self.read("wal/" + name) for name in "abc"],
                         [b"old a", b"old b", b"old c"])
        shutil.rmtree(self.root + "/wal")
        os.mkdir(self.root + "/wal")
        self.after(text + "sync_folder('wal')", "none")
        self.assertFalse(self.exists("wal/a"))
        self.assertEqual([self.read("wal/" + name) for name in "bc"], [b"old a", b"new c"])

    def test_a_failed_sync_loses_what_it_was_to_save(self):
        shim = self.shim(journal=True)
        shim.fail_sync(errno.EIO, skip=2)
        self.run_program(shim, """
a = make('wal/a', b'1' * 600)
sync_folder('wal')
os.pwrite(a, b'2' * 512, 0)
error_of(os.fdatasync, a)
os.pwrite(a, b'3' * 88, 512)
os.fdatasync(a)
""")
        shim.cut(BUILD, "none", 1)
        self.assertEqual(self.read("wal/a"), b"1" * 512 + b"3" * 88)

    def test_random_cuts_mix_sectors_but_keep_their_order(self):
        seen = set()
        for seed in range(20):
            self.after("""
a = make('wal/a', b'0' * 1536)
sync_folder('wal')
os.pwrite(a, b'1' * 1536, 0); os.pwrite(a, b'2' * 512, 512); os.pwrite(a, b'3' * 512, 1536)
""", "random", seed)
            data = self.read("wal/a")
            self.assertIn(len(data), (1536, 2048))
            sectors = [data[at:at + 512] for at in range(0, len(data), 512)]
            self.assertTrue(all(len(set(sector)) == 1 for sector in sectors))
            seen.add(bytes(sector[0] for sector in sectors))
            os.unlink(self.root + "/wal/a")
        self.assertGreater(len(seen), 5)
        self.assertTrue({row[1] for row in seen} <= set(b"012"))
        self.assertTrue({row[0] for row in seen} <= set(b"01"))

    def test_prefix_and_torn_end_somewhere(self):
        for policy in ("prefix", "torn"):
            seen = set()
            for seed in range(30):
                self.after("""
a = make('wal/a', b'')
sync_folder('wal')
for turn in range(4):
    os.pwrite(a, str(turn).encode() * 1024, turn * 1024)
""", policy, seed)
                data = self.read("wal/a")
                self.assertEqual(data, b"".join(b"%d" % i * 1024 for i in range(4))[:len(data)])
                seen.add(len(data))
                os.unlink(self.root + "/wal/a")
            self.assertEqual(any(size % 1024 for size in seen), policy == "torn")
            self.assertGreater(len(seen), 3)

    def test_a_second_life_goes_on_with_the_journal(self):
        shim = self.shim(journal=True)
        self.run_program(shim, "make('wal/a', b'1'); sync_folder('wal'); make('wal/b', b'2')")
        self.run_program(shim, "make('wal/a', b'3', False)")
        shim.cut(BUILD, "none", 1)
        self.assertEqual(self.read("wal/a"), b"1")
        self.assertFalse(self.exists("wal/b"))

    def test_a_large_journal_is_compacted(self):
        shim = self.shim(journal=True)
        shim.page.journal_size_max = 20000
        self.run_program(shim, """
b = make('wal/b', b'keep')
a = make('wal/a', b'0' * 1000)
sync_folder('wal')
os.pwrite(b, b'lose', 0)
for turn in range(200):
    make('wal/c', b'1'); os.rename('wal/c', 'wal/d'); sync_folder('wal')
    os.pwrite(a, b'%d' % (turn % 10) * 1000, 0)
    os.fdatasync(a)
""")
        self.assertLess(os.path.getsize(shim.path + ".journal"), 60000)
        shim.cut(BUILD, "none", 1)
        self.assertEqual(self.read("wal/b"), b"keep")
        self.assertEqual(self.read("wal/a"), b"9" * 1000)

    def test_calls_that_the_journal_cannot_tell_end_the_process(self):
        for call in ("os.posix_fallocate(a, 0, 10)", "os.truncate('wal/a', 0)",
                     "os.link('wal/a', 'wal/b')", "os.sync()", "import mmap; mmap.mmap(a, 1)",
                     "os.rename('wal/a', 'state/a')",
                     "os.rmdir('state')", "os.sendfile(a, a, 0, 1)"):
            shim = self.shim(journal=True)
            text = self.run_program(shim, f"a = make('wal/a', b'1')\n{call}", GAVE_UP)
            self.assertIn("not known", text, call)


if __name__ == "__main__":
    BUILD = sys.argv.pop(1)
    unittest.main(verbosity=1)
