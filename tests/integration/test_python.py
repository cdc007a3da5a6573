"""The Python package as its users get it: a wheel is built, installed into a fresh environment, and
its tests run from there, against real swarms. Needs cffi; the rest is the standard library."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["SW_TEST_BUILD"])
SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
PACKAGE = SOURCE / "client" / "python"
SANITIZE = os.environ.get("SW_TEST_SANITIZE", "")
LIMIT_S = 280


def run(*words, env=None, where=None):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          timeout=LIMIT_S, check=False, cwd=where,
                          env={**os.environ, **(env or {})})
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def python_with(module):
    """This one, or the one whose packages Debian has (tools/deps.txt)."""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", f"import {module}"], capture_output=True,
                          check=False).returncode == 0:
            return python
    raise AssertionError(f"no Python here has {module}: ./run deps test")


def sanitizer_env():
    """A library with AddressSanitizer needs its runtime first in the process. What the interpreter
    itself leaks at its end is not ours."""
    if "address" not in SANITIZE:
        return {}
    runtimes = [run("cc", f"-print-file-name={name}").strip()
                for name in ("libasan.so", "libubsan.so", "libstdc++.so.6")]
    return {"LD_PRELOAD": ":".join(runtimes), "ASAN_OPTIONS": "detect_leaks=0"}


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="swarm-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        python = python_with("cffi, numpy")
        flags = [f"--flag=-fsanitize={SANITIZE}"] if SANITIZE else []
        out = run(python, PACKAGE / "build_wheel.py", "--build", BUILD, "--out", cls.folder,
                  *flags)
        cls.wheel = pathlib.Path(out.splitlines()[-1])
        run(python, "-m", "venv", "--system-site-packages", cls.folder / "venv")
        cls.python = cls.folder / "venv" / "bin" / "python"
        run(cls.python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", cls.wheel)

    def run_tests(self, name, **more):
        env = {"LD_LIBRARY_PATH": "", **sanitizer_env(), **more}
        print(run(self.python, PACKAGE / "tests" / f"{name}.py", env=env, where=self.folder))

    def test_offline(self):
        self.run_tests("test_offline")

    def test_readme(self):
        self.run_tests("test_readme")

    def test_sync(self):
        self.run_tests("test_sync")

    def test_async(self):
        self.run_tests("test_async")

    def test_embedded(self):
        self.run_tests("test_sync", SWARM_TEST_EMBEDDED="1")
        self.run_tests("test_async", SWARM_TEST_EMBEDDED="1")
        for name in ("test_vectors", "test_contexts", "test_memory", "test_numpy"):
            self.run_tests(name, SWARM_TEST_EMBEDDED="1")

    def test_vectors(self):
        self.run_tests("test_vectors")

    def test_contexts(self):
        self.run_tests("test_contexts")

    def test_memory(self):
        self.run_tests("test_memory")

    def test_numpy(self):
        self.run_tests("test_numpy")

    def test_swarm(self):
        self.run_tests("test_swarm")

    def test_recipes(self):
        self.run_tests("test_recipes")

    def test_examples(self):
        said = {"hello": "written at revision", "agents": "sum of squares: 20540 expected: 20540",
                "careful": "TOO_LARGE", "docs": "asyncio.tasks.wait"}
        for name, words in said.items():
            out = run(self.python, PACKAGE / "examples" / f"{name}.py", env=sanitizer_env(),
                      where=self.folder)
            self.assertIn(words, out)

    def test_example_docs(self):
        """Questions to a swarm have the same bytes as answers after its leader was killed."""
        out = run(sys.executable, SOURCE / "tools" / "example.py", "docs", "--python", self.python,
                  env={"SWARM_BIN": os.environ["SW_TEST_BIN"], **sanitizer_env()},
                  where=self.folder)
        self.assertEqual(out.count("asyncio.tasks.wait:"), 2, out)
        self.assertIn("byte for byte", out)

    def test_what_is_in_the_wheel(self):
        names = run(self.python, "-m", "zipfile", "-l", self.wheel)
        for part in ("swarmstore/py.typed", "swarmstore/errors.py", "swarmstore.libs/libswarm.so.1",
                     "swarmstore.libs/libzmq.so.5"):
            self.assertIn(part, names)
        self.assertIn("cp311-abi3-manylinux_2_", self.wheel.name)

    def test_libraries_come_from_the_wheel(self):
        code = ("import swarmstore; "
                "print(*{l.split()[-1] for l in open('/proc/self/maps') if '.so' in l})")
        loaded = run(self.python, "-c", code, env=sanitizer_env()).split()
        ours = [path for path in loaded if "swarmstore.libs" in path]
        names = {pathlib.Path(path).name for path in ours}
        self.assertLessEqual({"libswarm.so.1", "libzmq.so.5", "libsodium.so.23"}, names)
        self.assertEqual([path for path in loaded if path not in ours and
                          pathlib.Path(path).name in names], [])

    def test_types(self):
        """Every function says its types, and mypy agrees."""
        site = run(self.python, "-c", "import swarmstore; print(swarmstore.__path__[0])",
                   env=sanitizer_env()).strip()
        print(run(python_with("mypy"), "-m", "mypy", "--strict", "--cache-dir",
                  self.folder / "mypy", site))


if __name__ == "__main__":
    unittest.main(verbosity=2)
