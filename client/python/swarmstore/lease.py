"""Leases: how long keys live that nobody may have to delete. A thread of libswarm keeps one alive,
outside of the interpreter: neither the GIL nor a busy event loop costs anyone a lease."""
from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from swarmstore import _request, errors
from swarmstore._native import Native
from swarmstore._request import Buffer, Key, key_copy
from swarmstore._steps import InThread, Steps, arun, ask, run
from swarmstore._swarm import ffi, lib

if TYPE_CHECKING:
    from swarmstore.client import Client

Lost = Callable[[errors.Status], None]


class LeaseInfo(NamedTuple):
    """A lease as the swarm lists it."""

    lease: int
    ttl_ms: int
    left_ms: int
    key_count: int


@ffi.def_extern()  # type: ignore
def swarmstore_lost(arg: Any, why: int) -> None:
    """On the keeper's thread, once."""
    ffi.from_handle(arg).ended(errors.Status(why))


class Keeper:
    """The thread that keeps one lease alive."""

    def __init__(self, client: Client, lease: int, ttl_ms: int, lost: Lost | None) -> None:
        self._native: Native = client.native
        self._lost = lost
        self._handle = ffi.new_handle(self)
        self._lock = threading.Lock()
        made = ffi.new("struct swarm_keeper **")
        status = lib.swarm_keeper_new(self._native.handle, client.scope.cdata[0], lease, ttl_ms,
                                      lib.swarmstore_lost, self._handle, made)
        errors.check(status, f"lease {lease} cannot be kept alive")
        self._keeper = made[0]
        self._native.before_close(self, self.stop)

    def ended(self, why: errors.Status) -> None:
        if self._lost is not None:
            self._lost(why)

    def holds(self) -> bool:
        with self._lock:
            return self._keeper is not None and bool(lib.swarm_keeper_holds(self._keeper))

    def stop(self) -> None:
        """The lease then lives on for its time."""
        with self._lock:
            keeper, self._keeper = self._keeper, None
        if keeper is not None:
            self._native.forget(self)
            lib.swarm_keeper_free(keeper)


def grant(client: Client, ttl_ms: int, timeout: float | None = None) -> Steps[int]:
    request = _request.make(client.scope, lib.SWARM_LEASE_GRANT, limit=ttl_ms)
    return int((yield from ask(request, timeout)).raw.value)


def revoke(client: Client, lease: int) -> Steps[int]:
    """How many keys ended with it; one that is gone already had none."""
    request = _request.make(client.scope, lib.SWARM_LEASE_REVOKE, lease=lease)
    try:
        return int((yield from ask(request)).raw.value)
    except errors.LeaseGoneError:
        return 0


class Lease:
    """A lease that is kept alive; made by `client.lease` and `client.alease`. Leaving its `with`
    revokes it: all keys that were written with it are deleted at once."""

    def __init__(self, client: Client, lease: int, ttl_ms: int, keeper: Keeper | None) -> None:
        self._client = client
        self.id = lease  #: a later lease of the swarm has a higher number
        self.ttl_ms = ttl_ms
        self._keeper = keeper

    def __repr__(self) -> str:
        return f"<Lease {self.id} of {self.ttl_ms} ms>"

    @classmethod
    def make(cls, client: Client, ttl: float, keep: bool, lost: Lost | None,
             timeout: float | None = None) -> Steps[Lease]:
        ttl_ms = int(ttl * 1000)
        number = yield from grant(client, ttl_ms, timeout)
        try:
            keeper = None
            if keep:
                keeper = yield InThread(lambda: client.native.call(
                    lambda: Keeper(client, number, ttl_ms, lost)))
        except BaseException:
            yield from revoke(client, number)
            raise
        return cls(client, number, ttl_ms, keeper)

    @property
    def alive(self) -> bool:
        """False once it is gone or may be; without a keeper nobody here knows: False."""
        return self._keeper is not None and self._keeper.holds()

    def end(self) -> Steps[int]:
        if self._keeper is not None:
            yield InThread(self._keeper.stop)
        return (yield from revoke(self._client, self.id))

    def revoke(self) -> int:
        """Deletes what it holds; how many keys that were."""
        return run(self._client.native, self.end())

    async def arevoke(self) -> int:
        return await arun(self._client.native, self.end())

    def _keep_alive(self) -> Steps[None]:
        yield from ask(_request.make(self._client.scope, lib.SWARM_LEASE_KEEP_ALIVE,
                                     lease=self.id))

    def keep_alive(self) -> None:
        """Its whole time to live again; LeaseGoneError if it has ended."""
        run(self._client.native, self._keep_alive())

    async def akeep_alive(self) -> None:
        await arun(self._client.native, self._keep_alive())

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *_: object) -> None:
        self.revoke()

    async def __aenter__(self) -> Lease:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.arevoke()


class Ephemeral:
    """A key that lives as long as its writer: made by `client.ephemeral`."""

    def __init__(self, client: Client, name: Key, lease: Lease) -> None:
        self._client = client
        self.key = key_copy(name)
        self.lease = lease

    def put(self, value: Buffer) -> Steps[None]:
        yield from ask(_request.make(self._client.scope, lib.SWARM_PUT, key=self.key, value=value,
                                     lease=self.lease.id))

    @classmethod
    def make(cls, client: Client, name: Key, value: Buffer, ttl: float,
             lost: Lost | None) -> Steps[Ephemeral]:
        made = cls(client, name, (yield from Lease.make(client, ttl, True, lost)))
        try:
            yield from made.put(value)
        except BaseException:
            yield from made.lease.end()
            raise
        return made

    @property
    def alive(self) -> bool:
        return self.lease.alive

    def set(self, value: Buffer) -> None:
        """Writes it anew; LeaseGoneError if it has ended."""
        run(self._client.native, self.put(value))

    async def aset(self, value: Buffer) -> None:
        await arun(self._client.native, self.put(value))

    def __enter__(self) -> Ephemeral:
        return self

    def __exit__(self, *_: object) -> None:
        self.lease.revoke()

    async def __aenter__(self) -> Ephemeral:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.lease.arevoke()
