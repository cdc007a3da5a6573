"""Writes swarmstore/errors.py from the error table of base/err.h: an exception for each row."""
import pathlib
import re
import sys

ROW = re.compile(r'^\s*X\((\w+), (\d+), (\w+), (\w+), (\d+),\s*"((?:\\.|[^"\\])*)",'
                 r'\s*"((?:\\.|[^"\\])*)"\)', re.M)

FAMILIES = {
    1: ("InfrastructureError", "Disks, memory, addresses: PA-1xxx."),
    2: ("LoadError", "There is too much to do: PA-2xxx."),
    3: ("RequestError", "What was asked for cannot be done: PA-3xxx."),
    4: ("SecurityError", "Who asks may not, or could not prove who it is: PA-4xxx."),
    5: ("ConfigurationError", "Settings and keys: PA-5xxx."),
    6: ("ConsensusError", "Leaders, sessions, deadlines: PA-6xxx."),
}

HEAD = '''"""The exceptions of Swarmstore: one for each row of the error table, made of it.

Do not edit: client/python/make_errors.py writes this file when the package is built.
"""
from __future__ import annotations

import enum
from typing import Any, NoReturn


class Status(enum.IntEnum):
    """The codes of swarm_status.h; printed as PA-nnnn."""

{members}


class Outcome(enum.Enum):
    """What may be concluded about a write that ended with an error."""

    DONE = "done"
    NOT_DONE = "not done"
    UNKNOWN = "unknown"


class SwarmError(Exception):
    """Base of all: str() is a sentence; the rest says what may be done about it."""

    status: Status
    text: str = "an error"  #: of the table
    hint: str = ""  #: what to do; may be empty
    outcome: Outcome = Outcome.UNKNOWN
    #: Trying again may succeed; for a write see the next two.
    retryable: bool = False

    def __init__(self, detail: str = "", *, header: Any = None, value: int = 0,
                 retry_after: float = 0.0) -> None:
        self.detail = detail or self.text  #: what this very answer said
        self.header = header  #: of the answer; None if there was none
        #: ConflictError: the present mod revision. An operation of a transaction that cannot be
        #: done: its number, from 1.
        self.value = value
        self.retry_after = retry_after  #: seconds that should pass before one tries again
        super().__init__(f"PA-{{self.status:d}} {{self.status.name}}: {{self.detail}}")

    def __reduce__(self) -> Any:  # for a pickle that another process reads
        return type(self), (self.detail,), dict(self.__dict__)

    @property
    def maybe_committed(self) -> bool:
        """A write that ended so may have taken effect, or may yet."""
        return self.outcome is Outcome.UNKNOWN

    @property
    def retryable_not_committed(self) -> bool:
        """Trying again may succeed, and cannot do the same thing twice."""
        return self.retryable and self.outcome is Outcome.NOT_DONE
'''

TAIL = '''

_BY_STATUS: dict[int, type[SwarmError]] = {{
{rows}
}}


def error_of(status: int, detail: str = "", *, header: Any = None, value: int = 0,
             retry_after: float = 0.0) -> SwarmError:
    """The exception of a status; one of a newer library is an UnknownOutcomeError."""
    kind = _BY_STATUS.get(int(status), UnknownOutcomeError)
    return kind(detail, header=header, value=value, retry_after=retry_after)


def check(status: int, detail: str = "") -> None:
    """Raises unless the status is OK."""
    if status != 0:
        _fail(status, detail)


def _fail(status: int, detail: str) -> NoReturn:
    raise error_of(status, detail)
'''

CLASS = '''

class {name}({family}):
    """{sentence}."""

    status = Status.{code}
    text = {text}
    hint = {hint}
    outcome = Outcome.{outcome}
    retryable = {retryable}
'''


def literal(text):
    """Python's, within the columns of the project."""
    words, lines, line = text.split(" "), [], ""
    for word in words:
        if len(line) + len(word) > 70:
            lines.append(line + " ")
            line = word
        else:
            line = f"{line} {word}" if line else word
    lines.append(line)
    quoted = ['"' + part.replace('"', '\\"') + '"' for part in lines]
    return quoted[0] if len(quoted) == 1 else "(" + "\n            ".join(quoted) + ")"


def class_name(code):
    return "".join(word.capitalize() for word in code.split("_")) + "Error"


def rows_of(header):
    """(code, number, outcome, retry, text, hint) of each row."""
    rows = [(code, int(number), outcome, retry, text.replace('\\"', '"'), hint.replace('\\"', '"'))
            for code, number, outcome, retry, _, text, hint in ROW.findall(header)]
    expected = len(re.findall(r"^\s*X\(\w+, \d+,", header, re.M))
    if not rows or len(rows) != expected:
        raise SystemExit(f"{len(rows)} of {expected} rows of the error table were understood")
    return rows


def source(header):
    rows = rows_of(header)
    errors = [row for row in rows if row[1] != 0]
    parts = [HEAD.format(members="\n".join(f"    {row[0]} = {row[1]}" for row in rows))]
    for family, sentence in FAMILIES.values():
        parts.append(f'\n\nclass {family}(SwarmError):\n    """{sentence}"""\n')
    for code, number, outcome, retry, text, hint in errors:
        parts.append(CLASS.format(name=class_name(code), family=FAMILIES[number // 1000][0],
                                  sentence=text[0].upper() + text[1:], code=code,
                                  text=literal(text), hint=literal(hint), outcome=outcome,
                                  retryable=retry != "NEVER"))
    table = "\n".join(f"    {number}: {class_name(code)}," for code, number, *_ in errors)
    parts.append(TAIL.format(rows=table))
    return "".join(parts)


if __name__ == "__main__":
    TOP = pathlib.Path(__file__).resolve().parent.parent.parent
    sys.stdout.write(source((TOP / "base" / "err.h").read_text(encoding="utf-8")))
