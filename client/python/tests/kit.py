"""One three-node swarm for a test module, and a client in a partition of its own for each test."""
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests" / "integration"))

import swarm_kit  # noqa: E402

import swarmstore  # noqa: E402

WAIT_S = 30.0


class SwarmCase(unittest.TestCase):
    """`self.store` is a client of a real swarm."""

    @classmethod
    def setUpClass(cls):
        made = swarm_kit.swarm(3)
        cls.swarm = made.__enter__()
        cls.addClassCleanup(made.__exit__, None, None, None)
        cls.swarm.start()

    def setUp(self):
        self.store = self.open()
        self.addCleanup(self.store.close)

    def open(self, **options):
        options.setdefault("partition", self.id().rsplit(".", 1)[-1])
        return swarmstore.open(str(self.swarm.client_config), timeout=WAIT_S, **options)


class AsyncSwarmCase(SwarmCase, unittest.IsolatedAsyncioTestCase):
    """The same for tests that await."""


def installed():
    """The package under test is that of a wheel, not that of the source tree."""
    return pathlib.Path(__file__).resolve().parents[1] not in \
        pathlib.Path(swarmstore.__file__).resolve().parents


assert installed() or "SWARM_TEST_SOURCE" in os.environ
