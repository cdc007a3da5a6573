"""What a run owns on this machine, and how all of it goes away, whoever is left to do it.

Nothing is booked when it is made: a harness can die between making and booking. Everything carries
the run's name instead and is found by it: processes by an environment variable, namespaces by their
prefix, mounts and loop devices by the run's folder. Only the runs themselves are registered, so
that a later call finds what dead ones left.
"""
import json
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from local_swarm import start_time

MARK = "SWARM_CHAOS_RUN"
REGISTRY = pathlib.Path(tempfile.gettempdir()) / f"swarm-chaos-{os.getuid()}"
LOOPS_GONE_S = 10
WATCHDOG_S = 60  # how long a watchdog goes on with what would not go
EXEC_S = 10  # how long a process may be in the middle of an exec
PROC = pathlib.Path("/proc")
KERNEL_THREAD_OR_EXITING = 0x00200000 | 0x4  # flags of /proc/PID/stat
NETNS_FOLDER = pathlib.Path("/run/netns")


def new_run_id():
    """Five characters: interface names have fifteen, and two runs at a time must differ."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    number = int.from_bytes(os.urandom(4), "little") % 36**5
    return "".join(digits[number // 36**i % 36] for i in range(5))


class Belongings:
    """Finds and removes what carries the mark of one run."""

    def __init__(self, run_id, folder):
        self.run_id = run_id
        self.folder = pathlib.Path(folder).resolve()
        self.entry = REGISTRY / f"{run_id}.json"

    def register(self):
        REGISTRY.mkdir(mode=0o700, exist_ok=True)
        self.entry.write_text(json.dumps({
            "run": self.run_id, "folder": str(self.folder), "pid": os.getpid(),
            "started": start_time(os.getpid())}))

    def environment(self):
        """What every process of the run has in its environment."""
        return {**os.environ, MARK: self.run_id}

    def processes(self):
        wanted = f"{MARK}={self.run_id}".encode()
        found = []
        for entry in PROC.iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                if wanted in environ_of(entry).split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue  # ended meanwhile, or another user's
        return [pid for pid in found if start_time(pid) is not None]

    def namespaces(self):
        if not NETNS_FOLDER.is_dir():
            return []
        return sorted(p.name for p in NETNS_FOLDER.iterdir()
                      if p.name.startswith(f"sw{self.run_id}-"))

    def mounts(self):
        """Innermost first."""
        rows = [line.split()[4] for line in
                pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]
        inside = [row for row in rows if pathlib.Path(row).is_relative_to(self.folder)]
        return sorted(inside, key=len, reverse=True)

    def loops(self):
        found = []
        for entry in pathlib.Path("/sys/block").glob("loop*/loop/backing_file"):
            try:
                backing = entry.read_text().strip().removesuffix(" (deleted)")
            except OSError:
                continue
            if pathlib.Path(backing).is_relative_to(self.folder):
                found.append("/dev/" + entry.parent.parent.name)
        return found

    def left(self):
        """What is still there, as text for people; empty when the run is gone."""
        return ([f"process {pid}" for pid in self.processes()]
                + [f"namespace {name}" for name in self.namespaces()]
                + [f"mount {path}" for path in self.mounts()]
                + [f"loop device {path}" for path in self.loops()])

    def _end_processes(self):
        for _ in range(100):
            alive = self.processes()
            if not alive:
                return
            for pid in alive:
                for number in (signal.SIGKILL, signal.SIGCONT):
                    try:
                        os.kill(pid, number)
                    except OSError:
                        pass
            time.sleep(0.02)

    def clear(self):
        """Removes everything; what would not go is what it returns."""
        self._end_processes()
        for path in self.mounts():
            if quiet("umount", path) != 0:
                quiet("umount", "--lazy", path)
        for path in self.loops():
            quiet("losetup", "--detach", path)
        for name in self.namespaces():
            quiet("ip", "netns", "del", name)
        # A detached loop device goes with its last user, which the kernel may still be winding up.
        limit = time.monotonic() + LOOPS_GONE_S
        while self.loops() and time.monotonic() < limit:
            time.sleep(0.05)
        left = self.left()
        if not left:
            self.entry.unlink(missing_ok=True)
        return left


def in_exec(entry):
    """Whether the process has left its old memory and is not through with making its new one: the
    kernel tells where the code ends (field 27) after it has written the environment."""
    fields = (entry / "stat").read_bytes().rsplit(b")", 1)[1].split()
    living = fields[0] != b"Z" and not int(fields[6]) & KERNEL_THREAD_OR_EXITING
    return living and fields[24] == b"0"


def environ_of(entry):
    """What the process of that folder was started with. In the middle of an exec it is nothing at
    all, for longer than one thinks on a busy machine, and whoever started it is told before: so
    one that has nothing is looked at again."""
    limit = time.monotonic() + EXEC_S
    while True:
        environ = (entry / "environ").read_bytes()
        if environ:
            return environ
        if not in_exec(entry) or time.monotonic() >= limit:
            return (entry / "environ").read_bytes()  # the exec may just have come to its end
        time.sleep(0.001)


def quiet(*command):
    """The exit code of a command whose words nobody needs; 127 if there is no such command."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=30, check=False).returncode
    except (OSError, subprocess.TimeoutExpired):
        return 127


def dead_runs():
    """The belongings of registered runs whose harness is gone."""
    rows = []
    for path in sorted(REGISTRY.glob("*.json")) if REGISTRY.is_dir() else []:
        try:
            entry = json.loads(path.read_text())
            alive = start_time(entry["pid"]) == entry["started"]
        except (OSError, ValueError, KeyError):
            continue  # being written by a run that begins, or gone with one that ended
        if not alive:
            rows.append(Belongings(entry["run"], entry["folder"]))
    return rows


def watch(belongings, seconds):
    """Forks a watchdog and returns (pid, pipe). It clears the run's belongings once the pipe is
    closed, which also happens when this process dies, or at the latest after `seconds`, when it
    ends this process first. Call it before the first thread starts."""
    reader, writer = os.pipe()
    owner = os.getpid()
    pid = os.fork()
    if pid:
        os.close(reader)
        return pid, writer
    try:
        os.setsid()
        os.close(writer)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if not select.select([reader], [], [], seconds)[0]:
            os.kill(owner, signal.SIGKILL)
        clear_in_the_end(belongings)
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc()  # nobody is left who could handle it
    finally:
        os._exit(0)


def clear_in_the_end(belongings):
    """Again and again: nobody comes after the watchdog, and what is busy now may go in a second."""
    limit = time.monotonic() + WATCHDOG_S
    while (left := belongings.clear()) and time.monotonic() < limit:
        time.sleep(0.5)
    if left:
        print(f"run {belongings.run_id} left behind: {', '.join(left)}", file=sys.stderr)
