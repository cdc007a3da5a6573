"""The programs of README.md run as they stand there, one after the other, in an empty directory."""
import asyncio
import contextlib
import io
import os
import pathlib
import re
import tempfile
import textwrap
import unittest

import kit  # noqa: F401 - the package is that of a wheel

README = pathlib.Path(__file__).resolve().parent.parent / "README.md"
DIM = 384


def programs():
    return re.findall(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.S | re.M)


class Readme(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="swarm-test-")
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)

    def test_programs(self):
        names = {"asyncio": asyncio, "vector": [1.0] * DIM, "question": [1.0] * DIM,
                 "names": ["a", "b"], "matrix": [[1.0] * DIM, [2.0] * DIM], "texts": [b"1", b"2"]}
        first, second, third = programs()
        with contextlib.redirect_stdout(io.StringIO()) as said:
            exec(first, names)  # pylint: disable=exec-used
            exec("async def main():\n" + textwrap.indent(second, "    "), names)
            asyncio.run(names["main"]())
            exec(third, names)
        self.assertTrue(names["done"].succeeded)
        for words in ("water is wet", "k999", "doc/7", "Once upon a time", "planner"):
            self.assertIn(words, said.getvalue())
        names["store"].close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
