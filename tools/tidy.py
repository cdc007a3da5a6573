#!/usr/bin/env python3
"""The small rules of docs/STYLE.md, kept by a machine so that review can be about design.

Each check is a function from a tree to a list of complaints; tools/test_tidy.py shows for each that
it bites. Run by ctest as `tidy`:  tools/tidy.py [ROOT] [--cc COMPILER] [--accept-errors]
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

# An arrow is "may include"; the picture is in docs/ARCHITECTURE.md.
LAYERS = {
    "base": set(),
    "index": {"base"},
    "storage": {"base"},
    "transport": {"base"},
    "raft": {"base", "storage", "transport"},
    "client": {"base", "transport"},
    "node": {"base", "index", "storage", "transport", "raft"},
    "tools": {"base", "client", "transport", "storage"},
    "jepsen": set(),  # drives programs; its clients stand on <swarm.h> alone
}
SOURCE_FOLDERS = tuple(LAYERS)
# Files that may include one folder more, with the reason.
EXTRA_ARROWS = {
    "client/embedded_posix.c": ("node", "embedded mode is a node inside of the client: ADR 13"),
}

# A third-party header appears only in files named for what they adapt.
ADAPTERS = {
    "lmdb.h": "_lmdb.c",
    "uv.h": "_uv.c",
    "zmq.h": "_zmq.c",
    "sodium.h": "_sodium.c",
    "microhttpd.h": "_mhd.c",
    "ini.h": "_inih.c",
    "cjson/cJSON.h": "_cjson.c",
    "libsmartcols/libsmartcols.h": "_smartcols.c",
    "editline/readline.h": "_edit.c",
}
THIRD_PARTY = re.compile(
    r"(lmdb|uv|zmq\w*|sodium\w*|microhttpd|ini|cJSON|libsmartcols)\.h$|"
    r"^(uv|sodium|cjson|raft|editline)/")
WORLD_HEADERS = re.compile(
    r"^(time|unistd|fcntl|pthread|threads|signal|poll|dirent|netdb|termios|syslog|dlfcn|sched|"
    r"semaphore|spawn|sys/\w+|arpa/\w+|netinet/\w+|linux/\w+)\.h$")
WORLD_CALLS = (
    "fopen fdopen freopen printf fprintf vprintf vfprintf puts fputs putchar fwrite fread fgets "
    "perror getenv setenv rand_r clock time clock_gettime gettimeofday").split()
BANNED_CALLS = (
    "strcpy strcat strncpy strncat stpcpy sprintf vsprintf gets strtok atoi atol atoll atof alloca "
    "rand srand random srandom drand48 system popen tmpnam tempnam mktemp sscanf scanf fscanf "
    "gmtime localtime ctime asctime setjmp longjmp").split()

# Shells may touch the world in any file: talking to people and files is what they are for.
SHELLS = {"tools", "jepsen"}
# Pure folders' files that may touch the world although their name does not say so, with the reason.
WORLD_ALLOWED = {
    "base/assert.c": "the last words of a failing process go to stderr",
    "client/example.c": "a program on the library, not a part of it",
    "client/example_uv.c": "another one",
}

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 1000
COLUMNS_MAX = 100
SKIP_FOLDERS = {".git", "build", "demo-swarm", "bench-out", "chaos-out", "__pycache__", ".cache"}
TEXT_SUFFIXES = {".c", ".h", ".py", ".md", ".txt", ".cmake", ".json", ".sh", ".go", ".map", ""}
UNTESTED = "tools/untested.txt"
ERR_NUMBERS = "tools/err_numbers.txt"


class Tree:
    """The files of a project tree, each read once."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.paths = sorted(self._walk(self.root))
        self._texts = {}

    def _walk(self, folder):
        for path in folder.iterdir():
            if path.is_symlink():
                continue
            if path.is_dir():
                if path.name not in SKIP_FOLDERS and not path.name.startswith("build-"):
                    yield from self._walk(path)
            elif path.name != ".git":  # of a worktree: a file that names its repository
                yield path.relative_to(self.root).as_posix()

    def text(self, path):
        if path not in self._texts:
            self._texts[path] = (self.root / path).read_text(encoding="utf-8", errors="replace")
        return self._texts[path]

    def exists(self, path):
        return (self.root / path).is_file()

    def sources(self, suffixes=(".c", ".h"), folders=SOURCE_FOLDERS):
        for path in self.paths:
            if path.split("/")[0] in folders and path.endswith(suffixes):
                yield path


def bare_code(text):
    """C text with comments and the insides of literals blanked out; line numbers stay the same."""
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))

    return re.sub(pattern, blank, text, flags=re.S)


def includes(tree, path):
    """(line, name, True if in quotes) of each include."""
    for number, line in enumerate(tree.text(path).splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', line)
        if match:
            yield number, match.group(1) or match.group(2), match.group(1) is not None


def calls(tree, path, names):
    pattern = re.compile(r"(?<![\w.>])(" + "|".join(names) + r")\s*\(")
    for number, line in enumerate(bare_code(tree.text(path)).splitlines(), 1):
        for match in pattern.finditer(line):
            yield number, match.group(1)


def is_adapter(path):
    return path.endswith(tuple(ADAPTERS.values()) + ("_posix.c",))


def check_layers(tree):
    """A folder includes only the folders below it, and no private header of another."""
    bad = []
    for path in tree.sources():
        top = path.split("/")[0]
        for number, name, quoted in includes(tree, path):
            other = name.split("/")[0]
            if not quoted or other == top:
                continue
            if other == EXTRA_ARROWS.get(path, ("",))[0]:
                continue
            if other in LAYERS and other not in LAYERS[top]:
                bad.append(f"{path}:{number}: {top}/ must not include {other}/")
            elif other not in LAYERS and (other == "tests" or "/" not in name):
                bad.append(f"{path}:{number}: \"{name}\": includes are rooted at the project's top")
            elif name.endswith("_private.h"):
                bad.append(f"{path}:{number}: {name} is private to {other}/")
    return bad


def check_adapters(tree):
    """Third-party headers stay in files named for them; libraft's in raft/ and tests/."""
    bad = []
    for path in tree.sources(folders=SOURCE_FOLDERS + ("tests",)):
        top = path.split("/")[0]
        for number, name, quoted in includes(tree, path):
            if quoted:
                continue
            if name == "raft.h":
                if top not in ("raft", "tests"):
                    bad.append(f"{path}:{number}: <raft.h> belongs in raft/ and tests/ only")
            elif name in ADAPTERS:
                if top != "tests" and not path.endswith(ADAPTERS[name]):
                    bad.append(f"{path}:{number}: <{name}> belongs in *{ADAPTERS[name]}")
            elif name == "cmocka.h":
                if top != "tests":
                    bad.append(f"{path}:{number}: <cmocka.h> belongs in tests/")
            elif THIRD_PARTY.search(name):
                bad.append(f"{path}:{number}: <{name}> has no adapter name in tools/tidy.py")
    return bad


def check_pure(tree):
    """A file whose name does not say what it adapts has no clock, randomness, I/O or threads."""
    bad = []
    for path in tree.sources():
        if path.split("/")[0] in SHELLS or is_adapter(path) or path in WORLD_ALLOWED:
            continue
        for number, name, quoted in includes(tree, path):
            if not quoted and WORLD_HEADERS.match(name):
                bad.append(f"{path}:{number}: <{name}> belongs in an adapter, such as *_posix.c")
        for number, name in calls(tree, path, WORLD_CALLS):
            bad.append(f"{path}:{number}: {name}() belongs in an adapter, such as *_posix.c")
    return bad


def check_banned(tree):
    """Calls that overflow, hide state or have a better twin are not made, not even in tests."""
    bad = []
    for path in tree.sources(folders=SOURCE_FOLDERS + ("tests",)):
        for number, name in calls(tree, path, BANNED_CALLS):
            bad.append(f"{path}:{number}: {name}() is banned")
    return bad


def check_headers(tree, compiler="cc"):
    """Each header compiles alone and has the guard that its path gives."""
    bad = []
    for path in tree.sources(suffixes=(".h",)):
        stem = re.sub(r"\W", "_", path.upper())
        public = re.sub(r"\W", "_", path.split("/")[-1].upper())
        match = re.search(r"^#ifndef (\w+)\n#define (\w+)\n", tree.text(path), flags=re.M)
        if not match or match.group(1) != match.group(2):
            bad.append(f"{path}: no include guard")
        elif match.group(1) not in ("SW_" + stem, public):
            bad.append(f"{path}: the guard {match.group(1)} should be SW_{stem}")
        with tempfile.NamedTemporaryFile("w", suffix=".c") as unit:
            unit.write(f'#include "{path}"\n#include "{path}"\n')
            unit.flush()
            done = subprocess.run(
                [compiler, "-std=c17", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Wextra",
                 "-I", str(tree.root), "-I", str(tree.root / "client/include"), unit.name],
                capture_output=True, text=True, check=False)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["?"]
            first = next((line for line in lines if "error:" in line), lines[0])
            bad.append(f"{path}: does not compile alone: {first}")
    return bad


def unrolled(text):
    """CMake text with foreach(name a b) ... ${name} ... endforeach() written out."""
    def turns(match):
        name, *items = match[1].split()
        return "\n".join(match[2].replace("${" + name + "}", item) for item in items)

    return re.sub(r"foreach\s*\(([^)]*)\)(.*?)endforeach", turns, text, flags=re.S)


def check_orphans(tree):
    """Each .c file is named in the CMakeLists.txt of its folder or of one above."""
    bad = []
    lists = {path: unrolled(tree.text(path)) for path in tree.paths
             if path.split("/")[-1] == "CMakeLists.txt"}
    for path, text in lists.items():
        if re.search(r"file\s*\(\s*GLOB", text):
            bad.append(f"{path}: sources are listed by name, not globbed")
    everything = "\n".join(lists.values())
    for path in tree.sources(suffixes=(".c",), folders=SOURCE_FOLDERS + ("tests",)):
        parts = path.split("/")
        above = ["/".join(parts[:depth] + ["CMakeLists.txt"]) for depth in range(len(parts))]
        named = any(re.search(r"(?<![\w])" + re.escape(parts[-1]) + r"(?![\w])", lists[name])
                    for name in above if name in lists)
        unit = re.fullmatch(r"tests/unit/(.+)/test_(\w+)\.c", path)
        fuzz = re.fullmatch(r"tests/fuzz/fuzz_(\w+)\.c", path)
        if unit:
            named = named or re.search(rf"sw_unit_test\(\s*{unit[1]}/{unit[2]}[\s)]", everything)
        if fuzz:
            named = named or re.search(rf"sw_fuzz_target\(\s*{fuzz[1]}[\s)]", everything)
        named = named or path in everything
        sweep = re.fullmatch(r"tests/(model|fault)/test_(\w+)\.c", path)
        if sweep:
            named = named or re.search(rf"sw_{sweep[1]}_test\(\s*{sweep[2]}[\s)]", everything)
        if not named:
            bad.append(f"{path}: no CMakeLists.txt builds it")
    return bad


def untested_list(tree):
    """{path: reason} of the sources that have no test of their own."""
    rows = {}
    if tree.exists(UNTESTED):
        for line in tree.text(UNTESTED).splitlines():
            if line.strip() and not line.startswith("#"):
                path, _, reason = line.partition(":")
                rows[path.strip()] = reason.strip()
    return rows


def check_tests(tree):
    """folder/file.c has tests/unit/folder/test_file.c, or a reason why it has not."""
    bad = []
    allowed = untested_list(tree)
    for path in tree.sources(suffixes=(".c",)):
        parts = path.split("/")
        test = f"tests/unit/{parts[0]}/test_{parts[-1]}"
        if tree.exists(test):
            if path in allowed:
                bad.append(f"{UNTESTED}: {path} has a test now, take its line out")
        elif not allowed.get(path):
            bad.append(f"{path}: no {test} and no reason in {UNTESTED}")
    for path in allowed:
        if not tree.exists(path):
            bad.append(f"{UNTESTED}: {path} does not exist")
    return bad


def err_rows(tree):
    """[(name, number)] of the error table."""
    return [(match[1], int(match[2])) for match in
            re.finditer(r"^\s*X\((\w+), (\d+),", tree.text("base/err.h"), flags=re.M)]


def check_err_numbers(tree):
    """Error numbers are forever: none changes, none is used twice, new ones are recorded."""
    if not tree.exists("base/err.h"):
        return []
    bad = []
    rows = err_rows(tree)
    kept = dict(line.split("=") for line in tree.text(ERR_NUMBERS).split()) \
        if tree.exists(ERR_NUMBERS) else {}
    now = dict(rows)
    for name, number in kept.items():
        if name not in now:
            bad.append(f"base/err.h: {name}={number} is gone; numbers are forever")
        elif now[name] != int(number):
            bad.append(f"base/err.h: {name} was {number} and is {now[name]}; numbers are forever")
    for name in now:
        if name not in kept:
            bad.append(f"base/err.h: {name} is new: run tools/tidy.py --accept-errors")
    numbers = [number for _, number in rows]
    for number in sorted({n for n in numbers if numbers.count(n) > 1}):
        bad.append(f"base/err.h: {number} is used twice")
    return bad


def check_readmes(tree):
    """Each folder's README.md names what stands in it."""
    bad = []
    folders = sorted({path.split("/")[0] for path in tree.paths if "/" in path})
    for folder in folders:
        if folder.startswith(".") or folder in ("cmake", "docs", "data"):
            continue
        readme = f"{folder}/README.md"
        if not tree.exists(readme):
            bad.append(f"{readme}: missing")
            continue
        # A folder inside with a README of its own speaks for its files itself.
        inner = [path for path in tree.paths if re.fullmatch(rf"{folder}/\w+/README.md", path)]
        words = set(re.findall(r"[\w./-]+", " ".join(map(tree.text, [readme, *inner]))))
        words |= {word.rstrip("./") for word in words} | {word.split("/")[-1] for word in words}
        names = set()
        for path in tree.paths:
            parts = path.split("/")
            if parts[0] == folder and parts[-1] not in ("README.md", "CMakeLists.txt"):
                if folder == "tests" or path.endswith((".c", ".h", ".py", ".sh", ".txt", ".go")):
                    names.add(parts[1] if folder in ("tests", "jepsen", "tools") else parts[-1])
        for name in sorted(names):
            stem = name.rsplit(".", 1)[0]
            if not words & {name, stem, f"{stem}.c", f"{stem}.h"}:
                bad.append(f"{readme}: does not name {name}")
    return bad


def check_sizes(tree):
    """Functions, files and lines keep to a size that can be read."""
    bad = []
    for path in tree.sources(folders=SOURCE_FOLDERS + ("tests",)):
        code = bare_code(tree.text(path)).splitlines()
        start = None
        for number, line in enumerate(code, 1):
            if line == "{":
                start = number
            elif line.startswith("}") and start is not None:
                if number - start - 1 > FUNCTION_LINES_MAX:
                    bad.append(f"{path}:{start}: a function of {number - start - 1} lines, "
                               f"at most {FUNCTION_LINES_MAX}")
                start = None
        if len(code) > FILE_LINES_MAX:
            bad.append(f"{path}: {len(code)} lines, at most {FILE_LINES_MAX}")
    for path in tree.paths:
        if not path.endswith((".c", ".h", ".py")) and path != "run":
            continue
        exempt = False
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            if "clang-format o" in line:
                exempt = "clang-format off" in line
            if len(line) > COLUMNS_MAX and not exempt:
                bad.append(f"{path}:{number}: {len(line)} columns, at most {COLUMNS_MAX}")
    return bad


def check_first_comment(tree):
    """The first comment of a C file says its one idea."""
    return [f"{path}: does not start with a comment that says its one idea"
            for path in tree.sources(folders=SOURCE_FOLDERS + ("tests",))
            if not tree.text(path).startswith("/*")]


def check_places(tree):
    """No text names a place on the machine where it was written."""
    bad = []
    pattern = re.compile(r"(?<![\w.~}])/(?:" + "home|root|Users|work|workspace" + r")/")
    for path in tree.paths:
        if pathlib.PurePath(path).suffix not in TEXT_SUFFIXES or path.startswith("data/"):
            continue
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            if pattern.search(line):
                bad.append(f"{path}:{number}: names a place outside the tree: {line.strip()[:60]}")
    return bad


def check_example(tree):
    """README.md shows client/example.c as it is, so that what people copy was compiled."""
    if not tree.exists("client/example.c"):
        return []
    if tree.exists("README.md") and f"```c\n{tree.text('client/example.c')}```" in \
            tree.text("README.md"):
        return []
    return ["README.md: its program is not client/example.c"]


CHECKS = [check_layers, check_adapters, check_pure, check_banned, check_headers, check_orphans,
          check_tests, check_err_numbers, check_readmes, check_sizes, check_first_comment,
          check_places, check_example]


def accept_errors(tree):
    """Adds the new rows of the error table to the record; never changes one."""
    kept = tree.text(ERR_NUMBERS) if tree.exists(ERR_NUMBERS) else ""
    known = {line.split("=")[0] for line in kept.split()}
    with open(tree.root / ERR_NUMBERS, "a", encoding="utf-8") as out:
        for name, number in err_rows(tree):
            if name not in known:
                out.write(f"{name}={number}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", nargs="?", default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--cc", default="cc", help="compiler for the headers")
    parser.add_argument("--accept-errors", action="store_true", help="record new error numbers")
    args = parser.parse_args()
    tree = Tree(args.root)
    if args.accept_errors:
        accept_errors(tree)
        tree = Tree(args.root)
    total = 0
    for check in CHECKS:
        bad = check(tree, args.cc) if check is check_headers else check(tree)
        total += len(bad)
        print(f"{'ok  ' if not bad else 'FAIL'} {check.__name__[6:]}: {check.__doc__}")
        for line in bad:
            print(f"       {line}")
    for path, reason in untested_list(tree).items():
        print(f"note: {path} has no test of its own: {reason}")
    print(f"tidy: {total} complaints about {len(tree.paths)} files")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
