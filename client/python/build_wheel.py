"""Builds the wheel of the package: the extension over libswarm, libswarm itself, and the libraries
that it needs, in one file that installs without a compiler and without system packages.

    client/python/build_wheel.py --build BUILD_FOLDER --out FOLDER

Needs cffi and a C compiler. The extension has a DT_RPATH, which its libraries inherit when they
look for theirs: so nothing has to be patched, and no tool beyond the compiler is needed. Which
glibc the wheel asks for is read from the libraries and said in its name.
"""
import argparse
import base64
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile

import cffi

import make_errors

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
NAME = "swarmstore"
PYTHON_MIN = (3, 11)
# Every Linux that a manylinux wheel may be installed on has these (PEP 600), or the sanitizers do.
NOT_BUNDLED = re.compile(r"^(linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|resolv|gcc_s|stdc\+\+|asan|"
                         r"ubsan|tsan)\.so)")


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise SystemExit(f"{words[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def version():
    text = (TOP / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(r"project\(\s*\w+\s+VERSION\s+([\d.]+)", text)[1]


def cdef():
    """swarm.h as cffi reads it: declarations alone."""
    include = TOP / "client" / "include"
    first = [include / "swarm_status.h", include / "swarm.h"]  # the others build upon these
    headers = first + sorted(set(include.glob("*.h")) - set(first))
    text = "".join(header.read_text(encoding="utf-8") for header in headers)
    text = re.sub(r"#ifdef __cplusplus\n.*?#endif", "", text, flags=re.S)
    text = re.sub(r"^#.*$", "", text, flags=re.M)
    return text.replace("SWARM_API ", "") + """
void free(void *of_swarm_context_list);
extern "Python" void swarmstore_lost(void *arg, enum swarm_status why);
"""


def compile_extension(package, build, flags):
    maker = cffi.FFI()
    maker.cdef(cdef())
    maker.set_source(f"{NAME}._swarm", "#include <stdlib.h>\n#include <swarm.h>\n")
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "_swarm.c"
        maker.emit_c_code(str(source))
        run("cc", "-O2", "-fPIC", "-shared", *flags, f"-I{sysconfig.get_paths()['include']}",
            f"-I{TOP / 'client' / 'include'}", source, "-o", package / "_swarm.abi3.so",
            f"-L{build / 'client'}", "-lswarm", "-Wl,--disable-new-dtags",
            f"-Wl,-rpath,$ORIGIN/../{NAME}.libs")


def needed(library):
    """(name, file) of every library that it loads, and they load."""
    for line in run("ldd", library).splitlines():
        match = re.match(r"\s*(\S+) => (\S+) \(", line)
        if match and not NOT_BUNDLED.match(match[1]):
            yield match[1], pathlib.Path(match[2])


def bundle(stage, build):
    """Copies libswarm and what it needs beside the package."""
    libs = stage / f"{NAME}.libs"
    libs.mkdir()
    main = (build / "client" / "libswarm.so.1").resolve()
    shutil.copy(main, libs / "libswarm.so.1")
    for name, path in needed(main):
        shutil.copy(path, libs / name)


def check_bundled(stage):
    """What the extension loads comes from the stage, or from every Linux."""
    stage = stage.resolve()
    for name, path in needed(stage / NAME / "_swarm.abi3.so"):
        if stage not in path.resolve().parents:
            raise SystemExit(f"{name} would be loaded from {path}, not from the wheel")


def check_complete(stage):
    """The library has all that its header declares: it was built after it."""
    def names(flag, path):
        return {line.split()[-1].split("@")[0] for line in run("nm", "-D", flag, path).splitlines()}

    wanted = names("--undefined-only", stage / NAME / "_swarm.abi3.so")
    there = names("--defined-only", stage / f"{NAME}.libs" / "libswarm.so.1")
    missing = sorted(name for name in wanted - there if name.startswith("swarm_"))
    if missing:
        raise SystemExit(f"libswarm has no {', '.join(missing)}: build it anew")


def platform_tag(stage):
    """manylinux_X_Y of the newest glibc that any file asks for."""
    newest = (2, 17)
    for path in stage.rglob("*.so*"):
        for major, minor in re.findall(r"\bGLIBC_(\d+)\.(\d+)", run("objdump", "-T", path)):
            newest = max(newest, (int(major), int(minor)))
    return f"manylinux_{newest[0]}_{newest[1]}_{sysconfig.get_platform().split('-')[-1]}"


def write_metadata(stage, tag):
    info = stage / f"{NAME}-{version()}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("\n".join([
        "Metadata-Version: 2.1", f"Name: {NAME}", f"Version: {version()}",
        "Summary: Client of Swarmstore, a consensus-replicated state store for fleets of agents",
        f"Requires-Python: >={PYTHON_MIN[0]}.{PYTHON_MIN[1]}", "Requires-Dist: cffi>=1.15",
        "Description-Content-Type: text/markdown", "",
        (HERE / "README.md").read_text(encoding="utf-8")]), encoding="utf-8")
    (info / "WHEEL").write_text("\n".join([
        "Wheel-Version: 1.0", "Generator: swarmstore", "Root-Is-Purelib: false", f"Tag: {tag}",
        ""]))
    shutil.copy(TOP / "LICENSE", info / "LICENSE")
    return info


def pack(stage, info, wheel):
    """Files in a fixed order with a fixed date: equal contents are equal wheels."""
    record = info / "RECORD"
    rows = []
    for path in sorted(p for p in stage.rglob("*") if p.is_file()):
        digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest())
        rows.append(f"{path.relative_to(stage)},sha256={digest.rstrip(b'=').decode()},"
                    f"{path.stat().st_size}")
    record.write_text("\n".join([*rows, f"{record.relative_to(stage)},,", ""]))
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as out:
        for path in sorted(p for p in stage.rglob("*") if p.is_file()):
            row = zipfile.ZipInfo(str(path.relative_to(stage)))
            row.external_attr = (0o755 if ".so" in path.name else 0o644) << 16
            row.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(row, path.read_bytes())


def stage_package(stage, build, flags):
    package = stage / NAME
    shutil.copytree(HERE / NAME, package, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    table = (TOP / "base" / "err.h").read_text(encoding="utf-8")
    (package / "errors.py").write_text(make_errors.source(table), encoding="utf-8")
    bundle(stage, build)
    compile_extension(package, build, flags)
    check_bundled(stage)
    check_complete(stage)


def build_wheel(build, out, flags=()):
    """Returns the path of the wheel."""
    with tempfile.TemporaryDirectory() as folder:
        stage = pathlib.Path(folder) / "stage"
        stage.mkdir()
        stage_package(stage, build, flags)
        python = f"cp{PYTHON_MIN[0]}{PYTHON_MIN[1]}"
        tag = f"{python}-abi3-{platform_tag(stage)}"
        info = write_metadata(stage, tag)
        out.mkdir(parents=True, exist_ok=True)
        wheel = out / f"{NAME}-{version()}-{tag}.whl"
        pack(stage, info, wheel)
    return wheel


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True, help="where libswarm.so is")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="where the wheel goes")
    parser.add_argument("--flag", action="append", default=[], help="for the C compiler")
    args = parser.parse_args()
    print(build_wheel(args.build.resolve(), args.out, args.flag))


if __name__ == "__main__":
    sys.exit(main())
