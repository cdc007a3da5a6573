"""One three-node swarm for a test program, and a client in a partition of its own for each test."""
import atexit
import functools
import os
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests" / "integration"))

import swarm_kit  # noqa: E402

import swarmstore  # noqa: E402

WAIT_S = 30.0


@functools.cache
def the_swarm():
    """Started by the first who needs it; gone with the process."""
    made = swarm_kit.swarm(3)
    swarm = made.__enter__()
    atexit.register(made.__exit__, None, None, None)
    swarm.start()
    return swarm


class SwarmCase(unittest.TestCase):
    """`self.store` is a client of a real swarm."""

    @classmethod
    def setUpClass(cls):
        cls.swarm = the_swarm()

    def setUp(self):
        self.store = self.open()
        self.addCleanup(self.store.close)

    def partition(self):
        return ".".join(self.id().split(".")[-2:])

    def where(self):
        return str(self.swarm.client_config)

    def open(self, **options):
        options.setdefault("partition", self.partition())
        return swarmstore.open(self.where(), timeout=WAIT_S, **options)


class EmbeddedCase(SwarmCase):
    """`self.store` is a directory of its own: the same tests, no server."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="swarm-test-")
        cls.addClassCleanup(cls.folder.cleanup)

    def where(self):
        return f"file:{tempfile.mkdtemp(dir=self.folder.name)}/data"


# What both worlds can do is tested in both: SWARM_TEST_EMBEDDED says in which now.
Case = EmbeddedCase if "SWARM_TEST_EMBEDDED" in os.environ else SwarmCase


class AsyncCase(Case, unittest.IsolatedAsyncioTestCase):
    """The same for tests that await."""


# The package under test is that of a wheel, not that of the source tree.
assert pathlib.Path(__file__).resolve().parents[1] not in \
    pathlib.Path(swarmstore.__file__).resolve().parents
