"""Histories in Jepsen's EDN: writing the nemesis's own, and merging it with the clients'."""
import re
import threading
import time

TIME = re.compile(r":time (-?\d+)")


class Keyword(str):
    """Printed as :name, not as a string."""


def edn(value):
    """A Python value as EDN text; keys of maps become keywords."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Keyword):
        return f":{value}"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f":{key} {edn(item)}" for key, item in value.items()) + "}"
    return "[" + " ".join(edn(item) for item in value) + "]"


class NemesisLog:
    """nemesis.edn: one line a fault that begins and one when it ends, on the run's clock."""

    def __init__(self, path, epoch_ns):
        self.epoch_ns = epoch_ns
        self.out = open(path, "w", encoding="utf-8")
        self.lock = threading.Lock()

    def now(self):
        return time.monotonic_ns() - self.epoch_ns

    def write(self, name, value):
        now = self.now()
        row = {"process": Keyword("nemesis"), "type": Keyword("info"), "f": Keyword(name),
               "value": value, "time": now}
        with self.lock:
            self.out.write(edn(row) + "\n")
            self.out.flush()
        return now

    def close(self):
        self.out.close()


def merge(sources, target):
    """Sorts the lines of all sources by :time, numbers them with :index; returns their count.

    Lines of one source keep their order at equal times. A line without a time is an error of
    whoever wrote it, except for a last line that a killed writer left unfinished."""
    rows = []
    for rank, path in enumerate(sources):
        if not path.exists():
            continue
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        if lines and not text.endswith("\n"):
            lines.pop()
        for number, line in enumerate(lines):
            if not line.strip():
                continue
            found = TIME.search(line)
            if not found:
                raise ValueError(f"{path.name}:{number + 1}: no :time: {line[:80]}")
            rows.append((int(found[1]), rank, number, line.strip()))
    rows.sort()
    with open(target, "w", encoding="utf-8") as out:
        for index, (_, _, _, line) in enumerate(rows):
            out.write(f"{{:index {index}, {line[1:]}\n")
    return len(rows)
