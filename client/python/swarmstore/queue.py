"""A queue: items wait in the order of priority and number; who takes one claims it with a lease, so
that the item of a taker who dies comes back. At least once: an item is delivered again if its taker
was away for longer than the lease. The same keys as `swarm_queue` of libswarm:

    NAME/n                the number of the last item, decimal
    NAME/i/PPNNNN...      an item: priority, 2 hex digits, and number, 16
    NAME/c/PPNNNN...      its claim, with the taker's lease: while it exists the item is taken
    NAME/d/PPNNNN...      how often it was delivered
"""
from __future__ import annotations

import time
from typing import TYPE_CHECKING

from swarmstore import _ranges, _request, errors
from swarmstore._request import Buffer
from swarmstore._steps import Pause, Steps, arun, ask, run
from swarmstore._swarm import lib
from swarmstore.lease import Lease
from swarmstore.txn import Compare, Txn, key

if TYPE_CHECKING:
    from swarmstore.client import Client

NAME_SIZE_MAX = 200
PRIORITY_MAX = 255
LOOK_COUNT = 64
WAIT_S = 1.0
PAUSE_S = 0.02


class Item:
    """An item that was taken; leaving its `with` acknowledges it, an exception gives it back."""

    def __init__(self, queue: Queue, suffix: bytes, value: bytes, deliveries: int,
                 lease: int) -> None:
        self._queue = queue
        self._suffix = suffix
        self.value = value
        self.priority = int(suffix[:2], 16)
        self.number = int(suffix[2:], 16)  #: unique in its queue
        self.deliveries = deliveries  #: this one included
        self.token = lease  #: the claim's lease: says who may acknowledge

    def held(self) -> Compare:
        """The item is still this taker's."""
        return key(self._queue.key(b"c", self._suffix)).held_by(self.token)

    def done_in(self, txn: Txn) -> Txn:
        """Makes the acknowledgement a part of the caller's transaction: what it writes happens if
        and only if the item is done, so exactly once."""
        return self._finish(txn.when(self.held()))

    def _finish(self, txn: Txn) -> Txn:
        return (txn.then().delete(self._queue.key(b"i", self._suffix))
                .delete(self._queue.key(b"c", self._suffix))
                .delete(self._queue.key(b"d", self._suffix)))

    def _end(self, txn: Txn) -> Steps[None]:
        done = yield from txn._steps(None)
        if not done.succeeded:
            raise errors.ConflictError("the item is not this taker's any more", header=done.header)

    def _ack(self) -> Steps[None]:
        return self._end(self.done_in(self._queue.client.txn()))

    def _release(self) -> Steps[None]:
        claim = self._queue.key(b"c", self._suffix)
        return self._end(self._queue.client.txn().when(self.held()).delete(claim))

    def ack(self) -> None:
        """It is done and gone; ConflictError if it came back to the queue meanwhile."""
        run(self._queue.client.native, self._ack())

    async def aack(self) -> None:
        await arun(self._queue.client.native, self._ack())

    def release(self) -> None:
        """Back to the queue, for anybody."""
        run(self._queue.client.native, self._release())

    async def arelease(self) -> None:
        await arun(self._queue.client.native, self._release())

    def __enter__(self) -> Item:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.ack() if kind is None else self.release()

    async def __aenter__(self) -> Item:
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        await (self.aack() if kind is None else self.arelease())


class Queue:
    """A queue as one taker or putter sees it; leaving its `with` gives back what it has taken."""

    def __init__(self, client: Client, name: str, owner: Buffer, ttl: float) -> None:
        self.client = client
        self.name = name.encode()
        if not 0 < len(self.name) <= NAME_SIZE_MAX:
            raise ValueError(f"a queue's name has 1 to {NAME_SIZE_MAX} bytes")
        self._owner = owner
        self._ttl = ttl
        self._lease: Lease | None = None

    def key(self, kind: bytes, suffix: bytes = b"") -> bytes:
        return self.name + b"/" + kind + (b"/" + suffix if kind != b"n" else b"")

    # ---- putting

    def _put(self, value: Buffer, priority: int) -> Steps[int]:
        if not 0 <= priority <= PRIORITY_MAX:
            raise ValueError(f"a priority is 0 to {PRIORITY_MAX}")
        counted = yield from self.client.txn().add(self.key(b"n"), 1)._steps(None)
        assert counted.records[0] is not None
        number = int(counted.records[0].value)
        suffix = b"%02x%016x" % (priority, number)
        yield from ask(_request.make(self.client.scope, lib.SWARM_PUT, key=self.key(b"i", suffix),
                                     value=value))
        return number

    def put(self, value: Buffer, *, priority: int = 128) -> int:
        """Adds an item, the lower its priority the sooner; its number."""
        return run(self.client.native, self._put(value, priority))

    async def aput(self, value: Buffer, *, priority: int = 128) -> int:
        return await arun(self.client.native, self._put(value, priority))

    # ---- taking

    def _my_lease(self) -> Steps[Lease]:
        """One for all that this taker takes; a new one if the last is gone."""
        if self._lease is None or not self._lease.alive:
            old, self._lease = self._lease, None
            if old is not None:
                yield from old.end()
            self._lease = yield from Lease.make(self.client, self._ttl, True, None)
        return self._lease

    def _suffixes(self, kind: bytes, start: bytes) -> Steps[tuple[list[bytes], bool, int]]:
        prefix = self.key(kind)
        reply = yield from ask(_request.make(
            self.client.scope, lib.SWARM_SCAN, key=prefix + start,
            end_key=_ranges.prefix_end(prefix) or b"", limit=LOOK_COUNT,
            flags=lib.SWARM_KEYS_ONLY))
        return [record.key[len(prefix):] for record in reply.records()], reply.more, reply.revision

    def _claim(self, suffix: bytes, lease: Lease) -> Steps[Item | None]:
        """None if somebody else was faster."""
        item, claim = self.key(b"i", suffix), self.key(b"c", suffix)
        done = yield from (self.client.txn().when(key(item).exists(), key(claim).missing())
                           .put(claim, self._owner, lease=lease.id).get(item)
                           .add(self.key(b"d", suffix), 1).otherwise().get(claim)._steps(None))
        if not done.succeeded:
            return None
        found, times = done.records[1], done.records[2]
        assert found is not None and times is not None
        return Item(self, suffix, found.value, int(times.value), lease.id)

    def _take_now(self, lease: Lease) -> Steps[tuple[Item | None, int]]:
        """The first item that nobody has, and the revision at which the look began."""
        start, more, seen = b"", True, 0
        while more:
            items, more, revision = yield from self._suffixes(b"i", start)
            seen = seen or revision
            taken: set[bytes] = set()
            at, more_claims = items[0] if items else b"", bool(items)
            while more_claims and at <= items[-1]:
                claims, more_claims, _ = yield from self._suffixes(b"c", at)
                taken.update(claims)
                at = claims[-1] + b"\0" if claims else at
            for suffix in items:
                if suffix not in taken:
                    item = yield from self._claim(suffix, lease)
                    if item is not None:
                        return item, seen
            start = items[-1] + b"\0" if items else b""
        return None, seen

    def _wait_for_news(self, after: int, seconds: float) -> Steps[None]:
        """Until an item comes, or a claim goes."""
        prefix = self.name + b"/"
        try:
            yield from ask(_request.make(
                self.client.scope, lib.SWARM_WATCH, key=prefix + b"c/",
                end_key=prefix + b"j", expected=after, limit=1, flags=lib.SWARM_KEYS_ONLY), seconds)
        except errors.SwarmError as error:
            if not isinstance(error, errors.ResyncError) and not error.retryable:
                raise
            yield Pause(PAUSE_S)

    def _take(self, wait: float | None) -> Steps[Item | None]:
        ends = None if wait is None else time.monotonic() + wait
        while True:
            lease = yield from self._my_lease()
            try:
                item, seen = yield from self._take_now(lease)
            except errors.LeaseGoneError:
                continue  # it ended between the look and the claim
            left = WAIT_S if ends is None else min(WAIT_S, ends - time.monotonic())
            if item is not None or left <= 0:
                return item
            yield from self._wait_for_news(seen, left)

    def take(self, *, wait: float | None = None) -> Item | None:
        """Claims the first item that nobody has, waiting for one; None after `wait`."""
        return run(self.client.native, self._take(wait))

    async def atake(self, *, wait: float | None = None) -> Item | None:
        return await arun(self.client.native, self._take(wait))

    # ---- the end

    def _close(self) -> Steps[None]:
        lease, self._lease = self._lease, None
        if lease is not None:
            yield from lease.end()

    def close(self) -> None:
        """What was taken and not acknowledged is there for others at once."""
        run(self.client.native, self._close())

    async def aclose(self) -> None:
        await arun(self.client.native, self._close())

    def __enter__(self) -> Queue:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Queue:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
