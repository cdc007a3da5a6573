#!/usr/bin/env python3
"""`./run bench index`: the vector index beside hnswlib, FAISS, usearch and hannoy, in one run.

This part installs the peers into build/index-bench/venv, compiles the driver of hnswlib, and hands
over to bench_index_run.py under the Python that has them. bench_index_peers.txt has the versions; a
change there makes a new environment.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "index-bench"
PINS = ROOT / "tools" / "bench_index_peers.txt"
DRIVER = ROOT / "tools" / "hnswlib_bench" / "hnswlib_bench.cpp"
PIP_TIMEOUT_S = 900


def say(text):
    print(f"==> {text}", flush=True)


def run(command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    if done.returncode != 0:
        sys.exit(f"bench index: {' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")


def pip(*words):
    run([WORK / "venv" / "bin" / "python", "-m", "pip", "--disable-pip-version-check", *words],
        timeout=PIP_TIMEOUT_S)


def pins():
    return [line for line in PINS.read_text().split("\n") if "==" in line]


def hnswlib_pin():
    return next(pin for pin in pins() if pin.startswith("hnswlib=="))


def prepare_python():
    """The environment of the peers; made anew when a pin has changed."""
    mark = WORK / "venv" / "pins"
    wanted = hashlib.sha256(PINS.read_bytes()).hexdigest()
    if mark.exists() and mark.read_text() == wanted:
        return
    say("installing the peers into build/index-bench/venv (once)")
    shutil.rmtree(WORK / "venv", ignore_errors=True)
    run([sys.executable, "-m", "venv", WORK / "venv"])
    pip("install", *(pin for pin in pins() if pin != hnswlib_pin()))  # of that, only the headers
    mark.write_text(wanted)


def prepare_hnswlib():
    """Its headers are in the source package; the driver is compiled for this very processor."""
    program = WORK / "hnswlib-bench"
    if program.exists() and program.stat().st_mtime > max(DRIVER.stat().st_mtime,
                                                          PINS.stat().st_mtime):
        return
    say("compiling the driver of hnswlib")
    name = hnswlib_pin().replace("==", "-")
    pip("download", "--no-deps", hnswlib_pin(), "-d", str(WORK / "source"))
    with tarfile.open(WORK / "source" / f"{name}.tar.gz") as archive:
        archive.extractall(WORK / "source", filter="data")
    run(["g++", "-std=c++17", "-O3", "-march=native", "-I", WORK / "source" / name, DRIVER,
         "-o", program])


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    prepare_python()
    prepare_hnswlib()
    python = str(WORK / "venv" / "bin" / "python")
    os.execv(python, [python, str(ROOT / "tools" / "bench_index_run.py"), *sys.argv[1:]])


if __name__ == "__main__":
    main()
