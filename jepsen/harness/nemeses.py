"""All nemeses by name, and which of them this machine and build permit."""
from .nemesis import PROCESS_NEMESES
from .nemesis_disk import DISK_NEMESES

ALL = [*PROCESS_NEMESES, *DISK_NEMESES]
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
