#!/usr/bin/env python3
"""Shows that each check of tidy.py bites: a tiny bad tree is refused, its good twin is not."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tidy  # noqa: E402  (the path must be set first)

GUARDED = "/* One idea. */\n#ifndef SW_{0}\n#define SW_{0}\n{1}\n#endif\n"


class TidyTest(unittest.TestCase):
    """Every test writes a good tree and a bad one and runs one check over both."""

    def run_check(self, check, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            return check(tidy.Tree(folder))

    def assert_bites(self, check, good, bad, word):
        self.assertEqual(self.run_check(check, good), [])
        complaints = self.run_check(check, bad)
        self.assertEqual(len(complaints), 1, complaints)
        self.assertIn(word, complaints[0])

    def test_layers(self):
        self.assert_bites(tidy.check_layers,
                          {"raft/a.c": '#include "storage/wal.h"\n'},
                          {"storage/a.c": '#include "raft/group.h"\n'}, "must not include raft/")
        self.assert_bites(tidy.check_layers,
                          {"raft/a.c": '#include "raft/b_private.h"\n'},
                          {"node/a.c": '#include "raft/b_private.h"\n'}, "private")
        self.assert_bites(tidy.check_layers,
                          {"raft/a.c": '#include "raft/b.h"\n'},
                          {"raft/a.c": '#include "b.h"\n'}, "rooted")
        self.assert_bites(tidy.check_layers,
                          {"tools/a.c": '#include "client/include/swarm.h"\n'},
                          {"tools/a.c": '#include "node/apply.h"\n'}, "must not include node/")
        self.assert_bites(tidy.check_layers,
                          {"client/embedded_posix.c": '#include "node/local_posix.h"\n'},
                          {"client/core.c": '#include "node/local_posix.h"\n'},
                          "must not include node/")

    def test_adapters(self):
        self.assert_bites(tidy.check_adapters,
                          {"storage/store_lmdb.c": "#include <lmdb.h>\n"},
                          {"storage/store.c": "#include <lmdb.h>\n"}, "*_lmdb.c")
        self.assert_bites(tidy.check_adapters,
                          {"raft/group.c": "#include <raft.h>\n"},
                          {"node/node.c": "#include <raft.h>\n"}, "raft/")
        self.assert_bites(tidy.check_adapters,
                          {"node/loop_uv.c": "#include <uv.h>\n"},
                          {"node/loop_uv.c": "#include <uv/unix.h>\n"}, "no adapter name")
        self.assert_bites(tidy.check_adapters,
                          {"tests/unit/a.c": "#include <cmocka.h>\n"},
                          {"node/a.c": "#include <cmocka.h>\n"}, "tests/")

    def test_pure(self):
        self.assert_bites(tidy.check_pure,
                          {"node/main_posix.c": "#include <unistd.h>\n"},
                          {"node/apply.c": "#include <unistd.h>\n"}, "unistd.h")
        self.assert_bites(tidy.check_pure,
                          {"node/apply.c": "/* printf( */ x->time(y);\n"},
                          {"node/apply.c": "    time(NULL);\n"}, "time()")

    def test_banned(self):
        self.assert_bites(tidy.check_banned,
                          {"node/a.c": 'snprintf(a, 1, "strcpy(");\n'},
                          {"node/a.c": "strcpy(a, b);\n"}, "strcpy")
        self.assert_bites(tidy.check_banned,
                          {"tests/unit/a.c": "int x; // rand()\n"},
                          {"tests/unit/a.c": "int x = rand();\n"}, "rand")

    def test_headers(self):
        good = GUARDED.format("BASE_A_H", "#include <stdint.h>\nuint32_t sw_a(void);")
        self.assert_bites(tidy.check_headers, {"base/a.h": good},
                          {"base/a.h": good.replace("#include <stdint.h>\n", "")}, "compile alone")
        self.assert_bites(tidy.check_headers, {"base/a.h": good},
                          {"base/a.h": good.replace("BASE_A", "BASE_B")}, "should be SW_BASE_A_H")
        self.assert_bites(tidy.check_headers, {"base/a.h": good},
                          {"base/a.h": "int sw_a(void);\n"}, "no include guard")

    def test_orphans(self):
        self.assert_bites(tidy.check_orphans,
                          {"base/a.c": "", "base/CMakeLists.txt": "add_library(base a.c)"},
                          {"base/a.c": "", "base/CMakeLists.txt": "add_library(base aa.c)"},
                          "base/a.c")
        self.assert_bites(tidy.check_orphans,
                          {"tests/unit/base/test_a.c": "", "base/CMakeLists.txt":
                           "sw_unit_test(base/a x)"},
                          {"tests/unit/base/test_a.c": "", "base/CMakeLists.txt":
                           "sw_unit_test(base/ab x)"}, "test_a.c")
        loop = "foreach(name a b)\n  sw_unit_test(base/${name} x)\nendforeach()"
        self.assert_bites(tidy.check_orphans,
                          {"tests/unit/base/test_b.c": "", "base/CMakeLists.txt": loop},
                          {"tests/unit/base/test_c.c": "", "base/CMakeLists.txt": loop},
                          "test_c.c")
        self.assert_bites(tidy.check_orphans,
                          {"tests/fuzz/fuzz_a.c": "", "tests/fuzz/CMakeLists.txt":
                           "sw_fuzz_target(a x)"},
                          {"tests/fuzz/fuzz_a.c": ""}, "fuzz_a.c")
        self.assert_bites(tidy.check_orphans, {"base/CMakeLists.txt": ""},
                          {"base/CMakeLists.txt": "file(GLOB sources *.c)"}, "globbed")

    def test_tests(self):
        self.assert_bites(tidy.check_tests,
                          {"base/a.c": "", "tests/unit/base/test_a.c": ""},
                          {"base/a.c": ""}, "no tests/unit/base/test_a.c")
        self.assert_bites(tidy.check_tests,
                          {"base/a.c": "", tidy.UNTESTED: "base/a.c: it only wires others\n"},
                          {"base/a.c": "", tidy.UNTESTED: "base/a.c:\n"}, "no reason")
        self.assert_bites(tidy.check_tests,
                          {"base/a.c": "", tidy.UNTESTED: "base/a.c: wires\n"},
                          {"base/a.c": "", "tests/unit/base/test_a.c": "",
                           tidy.UNTESTED: "base/a.c: wires\n"}, "has a test now")
        self.assert_bites(tidy.check_tests, {}, {tidy.UNTESTED: "base/b.c: gone\n"},
                          "does not exist")

    def test_err_numbers(self):
        def tree(table, kept):
            return {"base/err.h": table, tidy.ERR_NUMBERS: kept}

        good = tree("    X(OK, 0, DONE)\n    X(IO, 1001, X)\n", "OK=0\nIO=1001\n")
        for table, kept, word in (
                ("    X(OK, 0, DONE)\n    X(IO, 1002, X)\n", "OK=0\nIO=1001\n", "was 1001"),
                ("    X(OK, 0, DONE)\n", "OK=0\nIO=1001\n", "is gone"),
                ("    X(OK, 0, DONE)\n    X(IO, 1001, X)\n", "OK=0\n", "is new"),
                ("    X(OK, 7, D)\n    X(IO, 7, X)\n", "OK=7\nIO=7\n", "used twice")):
            self.assert_bites(tidy.check_err_numbers, good, tree(table, kept), word)

    def test_readmes(self):
        self.assert_bites(tidy.check_readmes,
                          {"base/a.c": "", "base/README.md": "- `a`: the first letter"},
                          {"base/a.c": "", "base/README.md": "- `aa`: two letters"},
                          "does not name a.c")
        self.assert_bites(tidy.check_readmes,
                          {"tests/unit/x.c": "", "tests/README.md": "`unit/` mirrors"},
                          {"tests/unit/x.c": "", "tests/README.md": "nothing"}, "unit")
        self.assert_bites(tidy.check_readmes, {"base/README.md": ""}, {"base/a.c": ""}, "missing")

    def test_sizes(self):
        body = "/* x */\nvoid f(void)\n{\n" + "    g();\n" * 70 + "}\n"
        self.assert_bites(tidy.check_sizes, {"base/a.c": body},
                          {"base/a.c": body.replace("{\n", "{\n    g();\n")}, "71 lines")
        self.assert_bites(tidy.check_sizes, {"base/a.c": "\n" * 1000},
                          {"base/a.c": "\n" * 1001}, "1001 lines")
        self.assert_bites(tidy.check_sizes, {"base/a.c": "x" * 100 + "\n"},
                          {"base/a.c": "x" * 101 + "\n"}, "101 columns")
        off = "/* clang-format off */\n" + "x" * 200 + "\n/* clang-format on */\n"
        self.assert_bites(tidy.check_sizes, {"base/a.h": off},
                          {"base/a.h": off + "x" * 101 + "\n"}, "101 columns")

    def test_first_comment(self):
        self.assert_bites(tidy.check_first_comment, {"base/a.c": "/* One idea. */\n"},
                          {"base/a.c": "int a;\n"}, "one idea")

    def test_places(self):
        self.assert_bites(tidy.check_places, {"docs/a.md": "see ./docs/home/x and https://a/b/"},
                          {"docs/a.md": "see /" + "home/someone/x"}, "outside the tree")

    def test_example(self):
        self.assert_bites(tidy.check_example,
                          {"client/example.c": "int a;\n", "README.md": "x\n```c\nint a;\n```\n"},
                          {"client/example.c": "int a;\n", "README.md": "x\n```c\nint b;\n```\n"},
                          "README.md")

    def test_every_check_has_a_test(self):
        for check in tidy.CHECKS:
            self.assertTrue(hasattr(self, "test_" + check.__name__[6:]), check.__name__)


if __name__ == "__main__":
    unittest.main(verbosity=1)
