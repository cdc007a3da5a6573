"""Watches: the changes of a range of keys in the order of their revisions, none left out, none
twice. One request after another, each from where the last one's answer ended: so a slow reader
costs the swarm nothing, and whoever leads meanwhile does not matter."""
from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from swarmstore import _cause, _request, errors
from swarmstore._reply import Record, Reply, existing, slice_bytes
from swarmstore._steps import Pause, Steps, arun, ask, run
from swarmstore._swarm import ffi, lib

if TYPE_CHECKING:
    from swarmstore.client import Client

POLL_S = 10.0
RETRY_S = 0.02


class Change(NamedTuple):
    """A key as a change left it."""

    key: bytes
    value: bytes
    revision: int  #: at which it changed
    version: int  #: 0 = it was deleted
    create_revision: int
    time_ms: int
    lease: int
    depth: int = 0  #: changes that led to it, one because of the other: see Client.caused_by
    previous: Record | None = None  #: the key before, if that was asked for and it existed
    distance: float | None = None  #: of a watch by meaning: how far the vector is that was put

    @property
    def deleted(self) -> bool:
        return self.version == 0


def _change(raw: Any, before: Any = None) -> Change:
    return Change(slice_bytes(raw.key), slice_bytes(raw.value), raw.mod_revision, raw.version,
                  raw.create_revision, raw.time_ms, raw.lease, raw.depth,
                  None if before is None else existing(before))


def _changes(reply: Reply, previous: bool) -> list[Change]:
    rows = reply.rows()
    if previous:  # each is followed by what it replaced
        return [_change(raw, before) for raw, before in zip(rows[::2], rows[1::2])]
    return [_change(raw) for raw in rows]


def _near(reply: Reply) -> list[Change]:
    """Of a watch by meaning: a distance stands in the place of each lease."""
    return [_change(raw)._replace(lease=0, distance=lib.swarm_distance(ffi.addressof(raw)))
            for raw in reply.rows()]


class Watch:
    """An endless iterator, sync and async, over changes; `idle` ends it when none came for so many
    seconds. Until the next change is asked for, or the watch is closed or gone, what this thread or
    task writes has the change told as its cause (see Client.caused_by). ResyncError: the oldest of
    them are not kept any more; read anew and watch from the revision of that read."""

    def __init__(self, client: Client, start: bytes, end: bytes, after: int | None,
                 keys_only: bool, previous: bool, idle: float | None,
                 near: Callable[[_request.Request], Any] | None = None) -> None:
        self._client = client
        self._near = near  # makes the question of a watch by meaning
        self._range = (start, end)
        #: Everything up to this revision was told; None: not begun.
        self.revision = after
        self._previous = previous
        self._flags = ((int(lib.SWARM_KEYS_ONLY) if keys_only else 0)
                       | (int(lib.SWARM_PREVIOUS) if previous else 0))
        self._idle = idle
        self._ready: deque[Change] = deque()
        self._closed = False
        #: What the caller deals with now: its writes have that as their cause.
        self.told: Change | None = None

    def close(self) -> None:
        """The iteration ends when the request under way does, 10 s at most."""
        self._closed = True
        self.told = None

    def _begin(self) -> Steps[None]:
        """From now on: above the revision of a read."""
        request = _request.make(self._client.scope, lib.SWARM_SCAN, key=self._range[0],
                                end_key=self._range[1], limit=1, flags=lib.SWARM_KEYS_ONLY)
        self.revision = (yield from ask(request)).revision

    def _poll(self, timeout: float) -> Steps[list[Change]]:
        """The next changes; none if there is no news for so long."""
        request = _request.make(self._client.scope, lib.SWARM_WATCH, key=self._range[0],
                                end_key=self._range[1], expected=self.revision or 0,
                                flags=self._flags)
        if self._near is not None:
            request.cdata.question = self._near(request)
        try:
            reply = yield from ask(request, timeout)
        except errors.SwarmError as error:
            # Nobody leads for a while: where the watch stands it still stands.
            if not error.retryable or isinstance(error, errors.CancelledError):
                raise
            yield Pause(RETRY_S)
            return []
        self.revision = reply.revision
        return _changes(reply, self._previous) if self._near is None else _near(reply)

    def _next(self) -> Steps[Change | None]:
        if self.revision is None:
            yield from self._begin()
        ends = None if self._idle is None else time.monotonic() + self._idle
        while not self._ready and not self._closed:
            left = POLL_S if ends is None else min(POLL_S, ends - time.monotonic())
            if left <= 0:
                break
            self._ready.extend((yield from self._poll(left)))
        return self._ready.popleft() if self._ready else None

    def __iter__(self) -> Iterator[Change]:
        return self

    def _tell(self, change: Change) -> Change:
        self.told = change
        _cause.begin(self, change)
        return change

    def __next__(self) -> Change:
        self.told = None
        change = run(self._client.native, self._next())
        if change is None:
            raise StopIteration
        return self._tell(change)

    def __aiter__(self) -> AsyncIterator[Change]:
        return self

    async def __anext__(self) -> Change:
        self.told = None
        if self._ready:
            await asyncio.sleep(0)  # others have a turn between any two changes
        change = await arun(self._client.native, self._next())
        if change is None:
            raise StopAsyncIteration
        return self._tell(change)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Watch:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
