"""The tree installed into a temporary prefix: a user's program builds against it with pkg-config,
and the shared library shows nothing but swarm_*. Standard library only."""
import os
import pathlib
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["SW_TEST_BUILD"])
SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
SANITIZE = os.environ.get("SW_TEST_SANITIZE", "")
LIMIT_S = 120


def run(*words, env=None, code=0):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=LIMIT_S,
                          check=False, env={**os.environ, **(env or {})})
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="swarm-test-")
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.prefix = pathlib.Path(cls.temporary.name)
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)

    def only(self, pattern):
        found = list(self.prefix.rglob(pattern))
        self.assertEqual(len(found), 1, f"{pattern}: {found}")
        return found[0]

    def test_files(self):
        for name in ("swarmd", "swarmctl", "swarm-bench", "swarm-inspect", "swarm.h",
                     "swarm_status.h", "swarm_memory.h",
                     "swarm.3", "swarmctl.1", "swarmctl-chaos.1", "swarm-bench.1",
                     "swarm-inspect.1", "swarmd.8", "libswarm.pc"):
            self.only(name)
        self.assertIn("health", run(self.only("swarmctl"), "help"))

    def test_a_user_s_program_builds(self):
        # The prefix is the one of the installation, not of the configuration.
        config = {"PKG_CONFIG_PATH": str(self.only("libswarm.pc").parent)}
        flags = run("pkg-config", "--cflags", "--libs", "libswarm",
                    env=config).split()
        program = self.prefix / "example"
        sanitize = [f"-fsanitize={SANITIZE}"] if SANITIZE else []
        run("cc", "-std=c17", "-Wall", "-Werror", *sanitize, SOURCE / "client" / "example.c",
            *flags, "-o", program)
        env = {"LD_LIBRARY_PATH": str(self.only("libswarm.so").parent)}
        done = subprocess.run([program, "/nowhere/client.conf"], capture_output=True, text=True,
                              timeout=LIMIT_S, check=False, env={**os.environ, **env})
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("/nowhere/client.conf", done.stderr)

    def test_nothing_else_is_visible(self):
        rows = run("nm", "-D", "--defined-only", self.only("libswarm.so").resolve()).splitlines()
        names = {row.split()[-1].split("@")[0] for row in rows}
        names -= {"SWARM_1"}
        self.assertIn("swarm_open", names)
        self.assertEqual({n for n in names if not n.startswith("swarm_")}, set())


if __name__ == "__main__":
    unittest.main(verbosity=2)
