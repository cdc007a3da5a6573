"""Locks: a key that one client at a time has written with a lease of its own. The same keys as
`swarm_lock` of libswarm and `swarmctl lock`, so that all of them exclude each other."""
from __future__ import annotations

import time
from typing import TYPE_CHECKING

from swarmstore import errors
from swarmstore._request import Buffer, Key, key_copy
from swarmstore._steps import Pause, Steps, arun, run
from swarmstore.lease import Lease, Lost
from swarmstore.txn import Compare, key

if TYPE_CHECKING:
    from swarmstore.client import Client

PAUSE_MIN_S = 0.01
PAUSE_MAX_S = 0.2


class Lock:
    """A lock that is held; made by `client.lock` and `client.alock`. Leaving its `with` gives it
    back. Its holder may lose it without knowing it, so what is written names `held()` as a
    condition, and what is written outside of the swarm names `revision`."""

    def __init__(self, client: Client, name: bytes, lease: Lease, revision: int) -> None:
        self._client = client
        self.key = name
        self.lease = lease
        #: At which it was taken: higher than that of each holder before.
        self.revision = revision

    @property
    def token(self) -> int:
        """Says who holds it: the key's lease equals it."""
        return self.lease.id

    @property
    def holds(self) -> bool:
        """False once it is lost or may be."""
        return self.lease.alive

    def held(self) -> Compare:
        """The condition for a transaction that only the holder may make."""
        return key(self.key).held_by(self.token)

    @classmethod
    def make(cls, client: Client, name: Key, owner: Buffer, ttl: float, wait: float | None,
             lost: Lost | None) -> Steps[Lock]:
        """Waits until nobody has it."""
        ends = None if wait is None else time.monotonic() + wait
        lease = yield from Lease.make(client, ttl, True, lost)
        try:
            revision = yield from _take(client, key_copy(name), owner, lease, ends)
        except BaseException:
            yield from lease.end()
            raise
        return cls(client, key_copy(name), lease, revision)

    def release(self) -> None:
        self.lease.revoke()

    async def arelease(self) -> None:
        await self.lease.arevoke()

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    async def __aenter__(self) -> Lock:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.arelease()


def _take(client: Client, name: bytes, owner: Buffer, lease: Lease,
          ends: float | None) -> Steps[int]:
    """The revision at which the key became ours. DeadlineError names who has it."""
    pause = PAUSE_MIN_S
    while True:
        done = yield from (client.txn().when(key(name).missing())
                           .put(name, owner, lease=lease.id).otherwise().get(name)._steps(None))
        found = done.records[0]
        if done.succeeded or (found is not None and found.lease == lease.id):
            assert found is not None
            return found.create_revision
        if ends is not None and time.monotonic() + pause >= ends:
            holder = found.value[:100].decode(errors="replace") if found is not None else "nobody"
            raise errors.DeadlineError(f"held by {holder}", header=done.header)
        yield Pause(pause)
        pause = min(pause * 2, PAUSE_MAX_S)


def lock(client: Client, name: Key, owner: Buffer, ttl: float, wait: float | None,
         lost: Lost | None) -> Lock:
    return run(client.native, Lock.make(client, name, owner, ttl, wait, lost))


async def alock(client: Client, name: Key, owner: Buffer, ttl: float, wait: float | None,
                lost: Lost | None) -> Lock:
    return await arun(client.native, Lock.make(client, name, owner, ttl, wait, lost))
