"""What this machine permits. Kernels differ, so every tool is tried out once, not looked up.

A probe answers "" when the tool works, else the reason why not; both go into run.json and report.
"""
import os
import pathlib
import shutil
import subprocess
import tempfile

from .belongings import new_run_id, quiet
from .powerfail import shutdown_filesystem


def said(*command):
    """"" if the command works, else the last line of what it said."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=20, check=False)
    except FileNotFoundError:
        return f"{command[0]} is not installed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    lines = (done.stderr or done.stdout).strip().splitlines()
    return lines[-1] if lines else f"{command[0]} ended with {done.returncode}"


def network_tools(found):
    """Namespaces with veth pairs and a bridge, and what can cut a path inside them."""
    name = f"sw{new_run_id()}-p"
    inside = ["ip", "netns", "exec", name]
    try:
        found["netns"] = said("ip", "netns", "add", name)
        if found["netns"]:
            return
        found["netns"] = (
            said(*inside, "ip", "link", "add", "va", "type", "veth", "peer", "name", "vb")
            or said(*inside, "ip", "link", "add", "bridge0", "type", "bridge")
            or said(*inside, "ip", "link", "set", "vb", "master", "bridge0"))
        found["nft"] = said(*inside, "nft", "add table inet chaos { chain in { type filter hook "
                                            "input priority 0; ip saddr 10.77.0.1 drop; }; }")
        found["iptables"] = said(*inside, "iptables", "-A", "INPUT", "-s", "10.77.0.1", "-j",
                                 "DROP")
        found["blackhole"] = said(*inside, "ip", "route", "add", "blackhole", "10.77.0.1")
        found["ethtool"] = said(*inside, "ethtool", "-K", "va", "tx", "off")
    finally:
        quiet("ip", "netns", "del", name)


def disk_tools(found):
    """An ext4 on a loop device, and whether it can be told to stop like a disk without power."""
    with tempfile.TemporaryDirectory(prefix="swarm-probe-") as folder:
        image, mount = pathlib.Path(folder) / "image", pathlib.Path(folder) / "mount"
        mount.mkdir()
        with open(image, "wb") as out:
            out.truncate(8 << 20)
        found["loop"] = (said("mkfs.ext4", "-q", "-F", str(image))
                         or said("mount", "-o", "loop", str(image), str(mount)))
        if found["loop"]:
            return
        try:
            shutdown_filesystem(mount)
            found["fs-shutdown"] = ""
        except OSError as error:
            found["fs-shutdown"] = f"the kernel refuses FS_IOC_SHUTDOWN: {error.strerror}"
        finally:
            quiet("umount", str(mount))


def build_tools(found, build):
    """Which parts of the fault machinery the build directory holds."""
    for name, path in (("shim", "bin/libswarm-fault.so"), ("relay", "bin/swarm-relay"),
                       ("cut", "bin/swarm-fault-cut"), ("client", "bin/swarm-chaos-client"),
                       ("check", "bin/swarm-check"), ("inspect", "bin/swarm-inspect")):
        found[name] = "" if (build / path).exists() else f"{path} is not in the build directory"
    flags = subprocess.run([str(build / "bin/swarmd"), "--help"], capture_output=True, text=True,
                           timeout=20, check=False).stdout
    for name, flag in (("messages", "--fault-control"), ("points", "--buggify")):
        found[name] = "" if flag in flags else f"swarmd has no {flag}: not a chaos build"
    commands = subprocess.run([str(build / "bin/swarmctl"), "--help"], capture_output=True,
                              text=True, timeout=20, check=False).stdout
    found["member"] = "" if "  member " in commands else "swarmctl has no member commands"
    exported = subprocess.run([str(build / "bin/swarm-inspect"), "wal"], capture_output=True,
                              text=True, timeout=20, check=False)
    found["entries"] = "" if "--entries" in exported.stdout + exported.stderr else \
        "swarm-inspect cannot export entries"
    if not found["check"]:
        judge = subprocess.run([str(build / "bin/swarm-check"), "--help"], capture_output=True,
                               text=True, timeout=20, check=False)
        if "entries" not in judge.stdout + judge.stderr:
            found["entries"] = "swarm-check cannot replay entries"


def probe(build):
    """{tool: "" or why not} for everything that a run might use."""
    found = {"root": "" if os.geteuid() == 0 else "not root"}
    for name in ("netns", "nft", "iptables", "blackhole", "ethtool", "loop", "fs-shutdown"):
        found[name] = found["root"]
    if not found["root"]:
        network_tools(found)
        disk_tools(found)
    found["fuse"] = "" if os.access("/dev/fuse", os.R_OK | os.W_OK) else "no /dev/fuse"
    found["lazyfs"] = "" if shutil.which("lazyfs") else "lazyfs is not installed"
    found["time-namespace"] = "" if pathlib.Path("/proc/self/ns/time").exists() else \
        "the kernel has no time namespaces"
    found["faketime"] = "" if shutil.which("faketime") else "faketime is not installed"
    build_tools(found, pathlib.Path(build))
    return found


def partition_tool(found, network):
    """The first that works; the order is from the most to the least like a real network."""
    if network == "netns":
        for name in ("nft", "iptables", "blackhole"):
            if not found[name]:
                return name
    return "messages" if not found["messages"] else None
