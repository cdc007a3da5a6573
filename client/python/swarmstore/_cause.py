"""What the code that runs now does because of a change that a watch told: as in a callback of the
C library, a write that names no depth of its own gets that of the change, plus 1."""
from __future__ import annotations

import weakref
from contextvars import ContextVar
from typing import Any

_telling: ContextVar[tuple[weakref.ref[Any], Any] | None] = ContextVar("telling", default=None)


def begin(watch: Any, change: Any) -> None:
    """In this thread or task. The watch is not kept alive: a loop that was left has no effects."""
    _telling.set((weakref.ref(watch), change))


def depth() -> int:
    """Of a write that is made now; 0: nobody deals with a change here."""
    telling = _telling.get()
    if telling is None:
        return 0
    watch, change = telling[0](), telling[1]
    if watch is None or watch.told is not change:
        return 0
    return int(change.depth) + 1
