#!/usr/bin/env python3
"""The index gives the same bytes from every compiler, processor, kernel, order and thread count.

Compiles tests/determinism/index_digest.c with the index itself in several ways, among them for
aarch64 and for s390x, which has the other order of bytes; their programs run under an emulator.
Compares what all of them print. Needs the packages of
group `test` in tools/deps.txt; a missing one is a failure, not a reason to prove less. A kernel
that this processor does not run is left out and named.

    test_index.py ROOT
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

# name, compiler, flags, how its programs are run
BUILDS = (
    ("gcc -O0", "gcc", ("-O0",), ()),
    ("gcc -O3", "gcc", ("-O3",), ()),
    ("gcc -O3 for this processor", "gcc", ("-O3", "-march=native"), ()),
    ("clang -O0", "clang-14", ("-O0",), ()),
    ("clang -O3", "clang-14", ("-O3",), ()),
    ("aarch64 gcc -O2", "aarch64-linux-gnu-gcc", ("-O2", "-static"), ("qemu-aarch64-static",)),
    ("s390x gcc -O2", "s390x-linux-gnu-gcc", ("-O2", "-static"), ("qemu-s390x-static",)),
)
# kernel, order, threads: the first of them is what all others are compared with.
RUNS = (
    ("scalar", 0, 1), ("avx2", 0, 2), ("avx512", 0, 4), ("scalar", 1, 3), ("avx512", 2, 1))
BASE = ("assert", "prng", "rw", "text")
NOT_RUN = 3  # the program's answer when the processor lacks the kernel


def sources(root):
    """All of the index, what it needs of base/, and the program."""
    files = sorted((root / "index").glob("*.c"))
    files += [root / "base" / f"{name}.c" for name in BASE]
    return files + [root / "tests/determinism/index_digest.c"]


def compile_all(root, folder):
    """One program a build, two compilers at a time."""
    started = []
    programs = {}
    for number, (name, compiler, flags, _) in enumerate(BUILDS):
        programs[name] = folder / f"digest-{number}"
        command = [compiler, "-std=c17", "-D_GNU_SOURCE", "-DXXH_INLINE_ALL=", "-Werror",
                   "-ffp-contract=off",
                   "-fno-strict-aliasing", "-pthread", f"-I{root}", "-idirafter", "/usr/include",
                   *flags, "-o", programs[name], *sources(root), "-lm"]
        started.append((name, subprocess.Popen(command, stderr=subprocess.PIPE, text=True)))
        if len(started) == 2:
            wait_for(started.pop(0))
    for one in started:
        wait_for(one)
    return programs


def wait_for(one):
    """Ends the test if a compiler complained."""
    name, process = one
    _, err = process.communicate()
    if process.returncode != 0:
        sys.exit(f"{name} does not compile:\n{err[-3000:]}")


def printed(program, runner, run):
    """The lines of one run, or None if the processor has no such kernel."""
    command = [*runner, program, *map(str, run)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == NOT_RUN:
        return None
    if done.returncode != 0:
        sys.exit(f"{command} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout.splitlines()


def differences(want, got, same_order):
    """Lines that differ; records may, once entries came in another order."""
    if len(want) != len(got):
        return [f"{len(got)} lines instead of {len(want)}"]
    return [f"{b} instead of {a}" for a, b in zip(want, got)
            if a != b and (same_order or not a.startswith("records "))]


def runs_of(name, runner):
    """Kernels of x86 are not tried in the slow build and on the other processor."""
    if runner:
        return [run for run in RUNS if run[0] == "scalar"]
    return [run for run in RUNS if run[0] == "scalar" or "-O0" not in name]


def compare(programs):
    """Complaints, and how many runs agreed."""
    want = None
    by_order = {}
    bad = []
    count = 0
    for name, _, _, runner in BUILDS:
        for run in runs_of(name, runner):
            got = printed(programs[name], runner, run)
            if got is None:
                print(f"left out: {run[0]}, which this processor does not run")
                continue
            want = want or got
            # With another order the records differ, but for every build in the same way.
            first = by_order.setdefault(run[1], got)
            bad += [f"{name}, {run}: {line}" for line in differences(want, got, run[1] == 0)]
            bad += [f"{name}, {run}: {line}" for line in differences(first, got, True)]
            count += 1
    return bad, count


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    missing = [tool for _, tool, _, runner in BUILDS for tool in (tool, *runner)
               if shutil.which(tool) is None]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}; `./run deps test` installs them")
    with tempfile.TemporaryDirectory() as folder:
        bad, count = compare(compile_all(root, pathlib.Path(folder)))
    print("\n".join(bad) if bad else f"{count} runs of {len(BUILDS)} builds printed the same")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
