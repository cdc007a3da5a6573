"""Real disks of their own for the nodes: a small ext4 on a loop device each.

A node's data directory moves onto its volume, so that what fills or stops the volume is outside
the node's files:  node-N/disk/data (the node's), node-N/disk/filler (ours)."""
import contextlib
import os
import shutil
import subprocess

from local_swarm import Failure

from .powerfail import shutdown_filesystem

SIZE = 512 << 20


def run_tool(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")


def reserve(file, size):
    """As much as there is of that."""
    while size > 4096:
        try:
            os.posix_fallocate(file, os.fstat(file).st_size, size)
            break
        except OSError:
            size //= 2  # the file system needs some for itself


class Volume:
    """One node's disk."""

    def __init__(self, node):
        self.node = node
        self.image = node.folder / "disk.img"
        self.mount = node.folder / "disk"
        self.filler = self.mount / "filler"

    def make(self):
        """Before the node's first start."""
        self.mount.mkdir()
        with open(self.image, "wb") as out:
            out.truncate(SIZE)
        run_tool("mkfs.ext4", "-q", "-F", "-m", "0", str(self.image))
        self.attach()
        shutil.move(self.node.data, self.mount / "data")
        self.node.data = self.mount / "data"
        self.node.flags += ["--data-dir", str(self.node.data)]

    def attach(self):
        if not os.path.ismount(self.mount):
            run_tool("mount", "-o", "loop", str(self.image), str(self.mount))

    def detach(self):
        if os.path.ismount(self.mount):
            run_tool("umount", str(self.mount))

    def shut_down(self):
        shutdown_filesystem(self.mount)

    def fill(self, leave):
        """Takes all space but `leave` bytes, without writing them: blocks are only reserved. False
        if the volume is not there: what lies under it is the disk of the machine."""
        place = os.open(self.mount, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if os.fstat(place).st_dev == os.stat(self.node.folder).st_dev:
                return False
            filler = os.open(self.filler.name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600,
                             dir_fd=place)
            try:
                free = os.fstatvfs(place)
                reserve(filler, free.f_bavail * free.f_frsize - leave)
            finally:
                os.close(filler)
        finally:
            os.close(place)
        return True

    def drain(self):
        self.filler.unlink(missing_ok=True)


@contextlib.contextmanager
def room_on(volumes, numbers):
    """Full disks have room for a while: what undoes unsynced writes works on a copy beside them."""
    full = [volumes[n] for n in numbers if n in volumes and volumes[n].filler.exists()]
    for volume in full:
        volume.drain()
    try:
        yield
    finally:
        for volume in full:
            volume.fill(0)


def attach_volume(run, node):
    """Before a node's first start."""
    run.volumes[node.number] = Volume(node)
    run.volumes[node.number].make()
