"""All nemeses by name, and which of them this machine and build permit."""
from .nemesis import PROCESS_NEMESES
from .nemesis_disk import DISK_NEMESES
from .nemesis_link import LINK_NEMESES
from .nemesis_member import MEMBER_NEMESES
from .nemesis_message import MESSAGE_NEMESES
from .nemesis_shim import SHIM_NEMESES

ALL = [*PROCESS_NEMESES, *LINK_NEMESES, *MESSAGE_NEMESES, *DISK_NEMESES, *SHIM_NEMESES,
       *MEMBER_NEMESES]
BY_NAME = {nemesis.name: nemesis for nemesis in ALL}


def missing(nemesis, tools):
    """Why a nemesis cannot be used with what the probe found; "" if it can."""
    for need in nemesis.needs:
        if need == "partition":
            if not tools["partition"]:
                return "nothing here can cut a path"
        elif tools[need]:
            return tools[need]
    return ""


def conflict(names):
    """Two of these nemeses that would undo each other's work, as text; "" if none would.

    A cut by the shim goes back over the writes that the shim has seen: files that another hand
    changed meanwhile, or a file system that was cut itself, are not what it remembers."""
    behind = [name for name in names
              if name in ("fs-shutdown", "bit-flip", "lost-files", "cut-file")]
    return f"{behind[0]} and power-cut" if behind and "power-cut" in names else ""
