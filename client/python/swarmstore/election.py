"""Leader election: candidates campaign for an office, one at a time has it, everybody may observe.

An office is a lock (see swarmstore.lock) whose value is what its holder proclaims; the same keys as
`swarm_election` of libswarm. Who campaigns first is not sure to win first.
"""
from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from swarmstore import errors
from swarmstore._reply import Record
from swarmstore._request import Buffer, Key, key_copy
from swarmstore._steps import Steps, arun, run
from swarmstore.lease import Lost
from swarmstore.lock import Lock
from swarmstore.txn import Compare

if TYPE_CHECKING:
    from swarmstore.client import Client


class Leadership:
    """An office that is held; leaving its `with` resigns."""

    def __init__(self, client: Client, lock: Lock) -> None:
        self._client = client
        self._lock = lock

    @property
    def token(self) -> int:
        """Says who leads: the office's lease equals it."""
        return self._lock.token

    @property
    def revision(self) -> int:
        """At which it was won: higher than that of each leader before."""
        return self._lock.revision

    @property
    def leads(self) -> bool:
        """False once the office is lost or may be."""
        return self._lock.holds

    def held(self) -> Compare:
        """The condition for a transaction that only the leader may make."""
        return self._lock.held()

    def _proclaim(self, value: Buffer) -> Steps[None]:
        done = yield from (self._client.txn().when(self.held())
                           .put(self._lock.key, value, lease=self.token)._steps(None))
        if not done.succeeded:
            raise errors.LeaseGoneError("the office was lost", header=done.header)

    def proclaim(self, value: Buffer) -> None:
        """Says something new to observers; LeaseGoneError if the office was lost."""
        run(self._client.native, self._proclaim(value))

    async def aproclaim(self, value: Buffer) -> None:
        await arun(self._client.native, self._proclaim(value))

    def resign(self) -> None:
        """The next candidate has its chance at once."""
        self._lock.release()

    async def aresign(self) -> None:
        await self._lock.arelease()

    def __enter__(self) -> Leadership:
        return self

    def __exit__(self, *_: object) -> None:
        self.resign()

    async def __aenter__(self) -> Leadership:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aresign()


class Election:
    """An office; made by `client.election`."""

    def __init__(self, client: Client, name: Key) -> None:
        self._client = client
        self.key = key_copy(name)

    def campaign(self, value: Buffer, *, ttl: float = 10.0, wait: float | None = None,
                 lost: Lost | None = None) -> Leadership:
        """Waits until the office is free; `value` is what observers see. DeadlineError after
        `wait` names who has it."""
        return Leadership(self._client, self._client.lock(self.key, owner=value, ttl=ttl,
                                                          wait=wait, lost=lost))

    async def acampaign(self, value: Buffer, *, ttl: float = 10.0, wait: float | None = None,
                        lost: Lost | None = None) -> Leadership:
        return Leadership(self._client, await self._client.alock(self.key, owner=value, ttl=ttl,
                                                                 wait=wait, lost=lost))

    def leader(self) -> Record | None:
        """Who leads: what it proclaims is the value, its token the lease; None: nobody."""
        return self._client.get(self.key)

    async def aleader(self) -> Record | None:
        return await self._client.aget(self.key)

    def observe(self, *, idle: float | None = None) -> Iterator[bytes | None]:
        """What leaders proclaim, from the present one on; None: nobody leads."""
        now = self._client.multi_get([self.key])
        yield now.records[0].value if now.records[0] is not None else None
        for change in self._client.watch(name=self.key, after=now.revision, idle=idle):
            yield None if change.deleted else change.value

    async def aobserve(self, *, idle: float | None = None) -> AsyncIterator[bytes | None]:
        now = await self._client.amulti_get([self.key])
        yield now.records[0].value if now.records[0] is not None else None
        async for change in self._client.watch(name=self.key, after=now.revision, idle=idle):
            yield None if change.deleted else change.value
