"""The client: a scope of a swarm, with a sync function and an awaitable twin for each operation."""
from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, NamedTuple

from swarmstore import _ranges, _request, errors
from swarmstore._native import Native
from swarmstore._reply import Header, Record, Reply, existing, slice_view
from swarmstore._request import Buffer, Fresh, Key, Scope, key_copy
from swarmstore._steps import Pause, Steps, arun, ask, run
from swarmstore._swarm import ffi, lib
from swarmstore.context import Context, ContextInfo, Contexts, Policy
from swarmstore.election import Election
from swarmstore.lease import Ephemeral, Lease, LeaseInfo, Lost
from swarmstore.link import Links
from swarmstore.lock import Lock, alock, lock
from swarmstore.memory import Memories
from swarmstore.queue import Queue
from swarmstore.txn import Merge, Txn, key
from swarmstore.vectors import DType, Index
from swarmstore.watch import Change, Watch

UPDATE_PAUSE_S = 0.002
UPDATE_PAUSE_MAX_S = 0.1


class Written(NamedTuple):
    """How a write went."""

    existed: bool  #: of a delete, and of a write with `previous`: there was such a key
    previous: Record | None  #: as it was, if that was asked for
    header: Header

    @property
    def revision(self) -> int:
        return self.header.revision


class Snapshot(NamedTuple):
    """Keys read at one revision; None = no such key."""

    records: list[Record | None]
    header: Header

    @property
    def revision(self) -> int:
        return self.header.revision


class Fate(NamedTuple):
    """What has become of a write; it stays true."""

    committed: bool  #: if not, it was not and never will be
    status: errors.Status  #: of a committed one: its answer; CONFLICT, say, changed nothing
    revision: int


def _ms(seconds: float | None) -> int:
    return 0 if seconds is None else max(1, int(seconds * 1000))


class Client:
    """Keys, experiences, leases and watches of one scope. Any thread and any number of event loops
    may use it; `at` makes another scope of the same connection. Times are in seconds; a `timeout`
    is how long one request may take. `with` and `async with` close it."""

    def __init__(self, native: Native, scope: Scope) -> None:
        self.native = native
        self.scope = scope

    # ---- the client itself

    @classmethod
    def open(cls, where: str | None = None, *, endpoints: str | None = None,
             tenant: str | None = None, namespace: str | None = None,
             partition: str | None = None, timeout: float | None = None,
             dial_timeout: float | None = None, session_ttl: float | None = None,
             session: bool = True, ordered: bool = False, fail_when_down: bool = False,
             fixed_nodes: bool = False,
             in_flight_max: int = 0, attempts_max: int = 0) -> Client:
        """`where` is a URL, "swarm://HOST:PORT,.../NAMESPACE?config=FILE" or "file:DIR" (one
        durable replica in this process, no server), or the path of a settings file; None:
        $SWARM_URL, $SWARM_CLIENT_CONFIG, ~/.config/swarm/client.conf. Begins to connect; does not
        wait for a node. Without `session` a write whose answer is lost is not sent again. With
        `ordered` requests take effect in the order in which they were begun. With `fixed_nodes`
        only the nodes of the settings are asked, else all that the swarm says are members."""
        is_url = where is not None and where.startswith(("swarm:", "file:"))
        texts = [ffi.NULL if text is None else ffi.new("char[]", text.encode())
                 for text in (where if is_url else None, None if is_url else where, endpoints)]
        options = ffi.new("struct swarm_options *")
        options.size = ffi.sizeof("struct swarm_options")
        options.url, options.config_path, options.endpoints = texts
        options.flags = ((0 if session else lib.SWARM_WITHOUT_SESSION)
                         | (lib.SWARM_ORDERED if ordered else 0)
                         | (lib.SWARM_FIXED_NODES if fixed_nodes else 0)
                         | (lib.SWARM_FAIL_WHEN_DOWN if fail_when_down else 0))
        options.timeout_ms = _ms(timeout)
        options.dial_timeout_ms = _ms(dial_timeout)
        options.session_ttl_ms = _ms(session_ttl)
        options.in_flight_max = in_flight_max
        options.attempts_max = attempts_max
        try:
            return cls(Native(options), Scope(tenant, namespace, partition))
        except errors.ConfigError as error:
            if where is not None and os.path.isdir(where):
                error.add_note(f'a directory with data is opened as "file:{where}"')
            raise

    def __repr__(self) -> str:
        names = "/".join("" if name is None else name for name in self.scope.names)
        return f"<swarmstore client of {names}{', closed' if self.native.closed else ''}>"

    def at(self, partition: str | None = None, *, namespace: str | None = None,
           tenant: str | None = None) -> Client:
        """Another scope over the same connection; what is not named stays."""
        return Client(self.native, self.scope.with_names(tenant, namespace, partition))

    def caused_by(self, change: Change) -> Client:
        """The same scope for writes that answer a change that a watch told, wherever they are made.
        While a loop over a watch deals with a change, its thread or task need not say so: what
        it puts, deletes, appends or does in a transaction has that change as its cause anyway.
        Watchers that answer each other come to an end: at a depth of 10 writes are refused with
        DepthError."""
        return Client(self.native, self.scope.with_depth(change.depth + 1))

    def close(self) -> None:
        """Ends what is under way with CancelledError."""
        self.native.close()

    async def aclose(self) -> None:
        self.native.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _ask(self, op: int, timeout: float | None, **fields: Any) -> Steps[Reply]:
        return ask(_request.make(self.scope, op, **fields), timeout)

    # ---- keys

    def _written(self, op: int, timeout: float | None, previous: bool,
                 **fields: Any) -> Steps[Written]:
        flags = lib.SWARM_PREVIOUS if previous else 0
        reply = yield from self._ask(op, timeout, flags=flags, **fields)
        before = existing(reply.raw.records[0]) if reply.raw.record_count > 0 else None
        existed = before is not None or (op == lib.SWARM_DELETE and reply.raw.value == 1)
        return Written(existed, before, reply.header)

    def put(self, name: Key, value: Buffer, *, lease: int = 0, previous: bool = False,
            timeout: float | None = None) -> Written:
        """Writes a key; with a lease it ends with that."""
        return run(self.native, self._written(lib.SWARM_PUT, timeout, previous, key=name,
                                              value=value, lease=lease))

    async def aput(self, name: Key, value: Buffer, *, lease: int = 0, previous: bool = False,
                   timeout: float | None = None) -> Written:
        return await arun(self.native, self._written(lib.SWARM_PUT, timeout, previous, key=name,
                                                     value=value, lease=lease))

    def delete(self, name: Key, *, previous: bool = False,
               timeout: float | None = None) -> Written:
        """No error if there is no such key: see `existed`."""
        return run(self.native, self._written(lib.SWARM_DELETE, timeout, previous, key=name))

    async def adelete(self, name: Key, *, previous: bool = False,
                      timeout: float | None = None) -> Written:
        return await arun(self.native, self._written(lib.SWARM_DELETE, timeout, previous,
                                                     key=name))

    def _cas(self, name: Key, expected: int, value: Buffer, lease: int, previous: bool,
             timeout: float | None) -> Steps[Written]:
        try:
            return (yield from self._written(lib.SWARM_CAS, timeout, previous, key=name,
                                             value=value, lease=lease, expected=expected))
        except errors.ConflictError as error:
            why = f"the key's mod revision is {error.value}" if error.value else "no such key"
            raise errors.ConflictError(f"{why}, not {expected}", header=error.header,
                                       value=error.value) from None

    def cas(self, name: Key, expected: int, value: Buffer, *, lease: int = 0,
            previous: bool = False, timeout: float | None = None) -> Written:
        """Writes if the key's mod revision is `expected`; 0: if there is no such key. ConflictError
        has the present one as `value`."""
        return run(self.native, self._cas(name, expected, value, lease, previous, timeout))

    async def acas(self, name: Key, expected: int, value: Buffer, *, lease: int = 0,
                   previous: bool = False, timeout: float | None = None) -> Written:
        return await arun(self.native, self._cas(name, expected, value, lease, previous, timeout))

    def _get(self, name: Key, timeout: float | None, revision: int = 0,
             fresh: Fresh | None = None) -> Steps[Record | None]:
        try:
            reply = yield from self._ask(lib.SWARM_GET, timeout, key=name, expected=revision,
                                         fresh=fresh)
        except errors.NotFoundError:
            return None
        return existing(reply.raw.records[0])

    def get(self, name: Key, *, revision: int = 0, fresh: Fresh | None = None,
            timeout: float | None = None) -> Record | None:
        """The newest committed record, or the one of a past revision; None if there is no such key.
        CompactedError: what was then is not kept any more."""
        return run(self.native, self._get(name, timeout, revision, fresh))

    async def aget(self, name: Key, *, revision: int = 0, fresh: Fresh | None = None,
                   timeout: float | None = None) -> Record | None:
        return await arun(self.native, self._get(name, timeout, revision, fresh))

    def _get_into(self, name: Key, buffer: bytearray | memoryview,
                  timeout: float | None) -> Steps[int | None]:
        try:
            reply = yield from self._ask(lib.SWARM_GET, timeout, key=name)
        except errors.NotFoundError:
            return None
        value = reply.raw.records[0].value
        size = int(value.size)
        room = ffi.from_buffer(buffer, require_writable=True)
        if size > len(room):
            raise ValueError(f"the value has {size} bytes, the buffer {len(room)}")
        ffi.memmove(room, value.data, size)
        return size

    def get_into(self, name: Key, buffer: bytearray | memoryview, *,
                 timeout: float | None = None) -> int | None:
        """Copies the value into the buffer, once; its size, or None if there is no such key."""
        return run(self.native, self._get_into(name, buffer, timeout))

    async def aget_into(self, name: Key, buffer: bytearray | memoryview, *,
                        timeout: float | None = None) -> int | None:
        return await arun(self.native, self._get_into(name, buffer, timeout))

    def _get_view(self, name: Key, timeout: float | None) -> Steps[memoryview | None]:
        try:
            reply = yield from self._ask(lib.SWARM_GET, timeout, key=name)
        except errors.NotFoundError:
            return None
        return slice_view(reply.raw.records[0].value, reply)

    def get_view(self, name: Key, *, timeout: float | None = None) -> memoryview | None:
        """The value where libswarm received it, without a copy, for numpy.frombuffer, say; None if
        there is no such key."""
        return run(self.native, self._get_view(name, timeout))

    async def aget_view(self, name: Key, *, timeout: float | None = None) -> memoryview | None:
        return await arun(self.native, self._get_view(name, timeout))

    def _multi_get(self, names: Iterable[Key], revision: int, fresh: Fresh | None,
                   timeout: float | None) -> Steps[Snapshot]:
        request = _request.make_multi_get(self.scope, names)
        request.cdata.expected = revision
        if fresh is not None:
            fresh.fill(request.cdata)
        reply = yield from ask(request, timeout)
        if reply.more:
            raise errors.TooLargeError("the values do not fit into one answer: ask for fewer keys",
                                       header=reply.header)
        return Snapshot([existing(raw) for raw in reply.rows()], reply.header)

    def multi_get(self, names: Iterable[Key], *, revision: int = 0, fresh: Fresh | None = None,
                  timeout: float | None = None) -> Snapshot:
        """All of them at one revision, the present or a past one; 1 MiB of values at most."""
        return run(self.native, self._multi_get(names, revision, fresh, timeout))

    async def amulti_get(self, names: Iterable[Key], *, revision: int = 0,
                         fresh: Fresh | None = None,
                         timeout: float | None = None) -> Snapshot:
        return await arun(self.native, self._multi_get(names, revision, fresh, timeout))

    def _history(self, name: Key, before: int) -> Steps[tuple[list[Record], bool]]:
        reply = yield from self._ask(lib.SWARM_HISTORY, None, key=name, expected=before)
        return reply.records(), reply.more

    def history(self, name: Key, before: int = 0) -> Iterator[Record]:
        """What the key was, newest first, as far as that is kept; version 0: it was deleted at its
        mod revision. `before`: only what is older than that revision."""
        more = True
        while more:
            records, more = run(self.native, self._history(name, before))
            yield from records
            before = records[-1].mod_revision if records else before

    async def ahistory(self, name: Key, before: int = 0) -> AsyncIterator[Record]:
        more = True
        while more:
            records, more = await arun(self.native, self._history(name, before))
            for record in records:
                yield record
            before = records[-1].mod_revision if records else before

    def _compact(self, revision: int, timeout: float | None) -> Steps[int]:
        reply = yield from self._ask(lib.SWARM_COMPACT, timeout, expected=revision)
        return int(reply.raw.value)

    def compact(self, revision: int, *, timeout: float | None = None) -> int:
        """What keys were before this revision need not be kept any more, in the whole swarm; an
        administrator's. From where on it is kept now."""
        return run(self.native, self._compact(revision, timeout))

    async def acompact(self, revision: int, *, timeout: float | None = None) -> int:
        return await arun(self.native, self._compact(revision, timeout))

    # ---- scans

    def _page(self, start: bytes, end: bytes, reverse: bool, keys_only: bool, limit: int,
              revision: int) -> Steps[tuple[list[Record], bytes | None]]:
        """A page, and where the next one starts; None if there is none."""
        flags = ((lib.SWARM_REVERSE if reverse else 0)
                 | (lib.SWARM_KEYS_ONLY if keys_only else 0))
        reply = yield from self._ask(lib.SWARM_SCAN, None, key=start, end_key=end, flags=flags,
                                     limit=limit, expected=revision)
        records = reply.records()
        if not reply.more or not records:
            return records, None
        step = _ranges.before if reverse else _ranges.after
        return records, step(records[-1].key)

    def _scan(self, prefix: Key | None, start: Key | None, end: Key | None, reverse: bool,
              keys_only: bool, page: int, revision: int) -> Callable[[bytes | None], Steps[Any]]:
        low, high = _ranges.bounds(prefix, start, end)
        first, last = low, high
        if reverse:
            # The swarm walks from the first key, included, down to the last one, excluded.
            first = _ranges.before(high) or b"" if high else b""
            last = _ranges.before(low) or b"" if low else b""

        def steps(at: bytes | None) -> Steps[Any]:
            start = first if at is None else at
            return self._page(start, last, reverse, keys_only, page, revision)

        return steps

    def scan(self, prefix: Key | None = None, *, start: Key | None = None, end: Key | None = None,
             reverse: bool = False, keys_only: bool = False, limit: int | None = None,
             page: int = 0, revision: int = 0) -> Iterator[Record]:
        """Keys with a prefix, or from `start` (included) to `end` (excluded), in order. Of a past
        `revision` all is consistent; else each page is, the walk is not: writes between two pages
        are seen or not."""
        steps = self._scan(prefix, start, end, reverse, keys_only, page, revision)
        return _first(self._walk(steps), limit)

    def _walk(self, steps: Callable[[bytes | None], Steps[Any]]) -> Iterator[Record]:
        at: bytes | None = None
        while True:
            records, at = run(self.native, steps(at))
            yield from records
            if at is None:
                return

    async def ascan(self, prefix: Key | None = None, *, start: Key | None = None,
                    end: Key | None = None, reverse: bool = False, keys_only: bool = False,
                    limit: int | None = None, page: int = 0,
                    revision: int = 0) -> AsyncIterator[Record]:
        """async for record in client.ascan(...)"""
        steps = self._scan(prefix, start, end, reverse, keys_only, page, revision)
        at: bytes | None = None
        given = 0
        while True:
            records, at = await arun(self.native, steps(at))
            for record in records:
                if given == limit:
                    return
                given += 1
                yield record
            if at is None:
                return

    # ---- transactions and merges

    def txn(self) -> Txn:
        """A transaction to be put together: see swarmstore.txn."""
        return Txn(self)

    def _merge(self, name: Key, merge: Merge, operand: Buffer,
               timeout: float | None) -> Steps[Record]:
        done = yield from self.txn().merge(name, merge, operand)._steps(timeout)
        assert done.records[0] is not None
        return done.records[0]

    def merge(self, name: Key, merge: Merge, operand: Buffer, *,
              timeout: float | None = None) -> Record:
        """The key as it is now."""
        return run(self.native, self._merge(name, merge, operand, timeout))

    async def amerge(self, name: Key, merge: Merge, operand: Buffer, *,
                     timeout: float | None = None) -> Record:
        return await arun(self.native, self._merge(name, merge, operand, timeout))

    def add(self, name: Key, number: int = 1, *, timeout: float | None = None) -> int:
        """Adds to a counter; what it is now."""
        return int(self.merge(name, Merge.ADD, b"%d" % number, timeout=timeout).value)

    async def aadd(self, name: Key, number: int = 1, *, timeout: float | None = None) -> int:
        return int((await self.amerge(name, Merge.ADD, b"%d" % number, timeout=timeout)).value)

    def _update(self, name: Key, change: Callable[[bytes | None], Buffer | None],
                timeout: float | None) -> Steps[Record | None]:
        pause = UPDATE_PAUSE_S
        while True:
            old = yield from self._get(name, timeout)
            value = change(None if old is None else old.value)
            seen = 0 if old is None else old.mod_revision
            txn = self.txn().when(key(name).mod_revision == seen)
            if value is None:
                done = yield from txn.delete(name)._steps(timeout)
            else:
                done = yield from txn.put(name, value).get(name)._steps(timeout)
            if done.succeeded:
                return None if value is None else done.records[1]
            yield Pause(pause)
            pause = min(pause * 2, UPDATE_PAUSE_MAX_S)

    def update(self, name: Key, change: Callable[[bytes | None], Buffer | None], *,
               timeout: float | None = None) -> Record | None:
        """Read, change, write, again until nobody wrote in between. `change` gets the value or
        None, gives the new one or None to delete, and may be called several times."""
        return run(self.native, self._update(name, change, timeout))

    async def aupdate(self, name: Key, change: Callable[[bytes | None], Buffer | None], *,
                      timeout: float | None = None) -> Record | None:
        return await arun(self.native, self._update(name, change, timeout))

    # ---- experiences

    def _append(self, data: Buffer, timeout: float | None) -> Steps[int]:
        reply = yield from self._ask(lib.SWARM_EXPERIENCE_APPEND, timeout, value=data)
        return reply.revision

    def append(self, data: Buffer, *, timeout: float | None = None) -> int:
        """Appends an experience; its revision."""
        return run(self.native, self._append(data, timeout))

    async def aappend(self, data: Buffer, *, timeout: float | None = None) -> int:
        return await arun(self.native, self._append(data, timeout))

    def _experiences(self, after: int) -> Steps[tuple[list[Record], bool]]:
        reply = yield from self._ask(lib.SWARM_EXPERIENCE_SCAN, None, expected=after)
        return reply.records(), reply.more

    def experiences(self, after: int = 0) -> Iterator[Record]:
        """Those above a revision, in order."""
        more = True
        while more:
            records, more = run(self.native, self._experiences(after))
            yield from records
            after = records[-1].mod_revision if records else after

    async def aexperiences(self, after: int = 0) -> AsyncIterator[Record]:
        more = True
        while more:
            records, more = await arun(self.native, self._experiences(after))
            for record in records:
                yield record
            after = records[-1].mod_revision if records else after

    # ---- watches

    def watch(self, prefix: Key | None = None, *, name: Key | None = None,
              start: Key | None = None, end: Key | None = None, after: int | None = None,
              keys_only: bool = False, previous: bool = False,
              idle: float | None = None) -> Watch:
        """Changes of one key (`name`), a prefix or a range, above revision `after`; None: from now
        on. For `for` and for `async for`. `previous`: each has the key as it was before."""
        if name is not None:
            start, end = name, key_copy(name) + b"\0"
        low, high = _ranges.bounds(prefix, start, end)
        return Watch(self, low, high, after, keys_only, previous, idle)

    # ---- leases, locks and recipes

    def lease(self, ttl: float, *, keep: bool = True, lost: Lost | None = None) -> Lease:
        """A lease that lives so long after its last keep-alive; `keep`: a thread keeps it alive and
        calls `lost` once if it could not."""
        return run(self.native, Lease.make(self, ttl, keep, lost))

    async def alease(self, ttl: float, *, keep: bool = True, lost: Lost | None = None) -> Lease:
        return await arun(self.native, Lease.make(self, ttl, keep, lost))

    def _leases(self) -> Steps[list[LeaseInfo]]:
        found: list[LeaseInfo] = []
        while True:
            reply = yield from self._ask(lib.SWARM_LEASE_LIST, None,
                                         lease=found[-1].lease if found else 0)
            found += [LeaseInfo(raw.lease, raw.mod_revision, raw.time_ms, raw.version)
                      for raw in reply.rows()]
            if not reply.more:
                return found

    def leases(self) -> list[LeaseInfo]:
        """Those of the partition."""
        return run(self.native, self._leases())

    async def aleases(self) -> list[LeaseInfo]:
        return await arun(self.native, self._leases())

    def ephemeral(self, name: Key, value: Buffer, ttl: float, *,
                  lost: Lost | None = None) -> Ephemeral:
        """A key that is deleted when its writer is gone for `ttl`, or leaves its `with`."""
        return run(self.native, Ephemeral.make(self, name, value, ttl, lost))

    async def aephemeral(self, name: Key, value: Buffer, ttl: float, *,
                         lost: Lost | None = None) -> Ephemeral:
        return await arun(self.native, Ephemeral.make(self, name, value, ttl, lost))

    def lock(self, name: Key, *, owner: Buffer = b"python", ttl: float = 10.0,
             wait: float | None = None, lost: Lost | None = None) -> Lock:
        """Waits until nobody holds it; DeadlineError after `wait` names who does."""
        return lock(self, name, owner, ttl, wait, lost)

    async def alock(self, name: Key, *, owner: Buffer = b"python", ttl: float = 10.0,
                    wait: float | None = None, lost: Lost | None = None) -> Lock:
        return await alock(self, name, owner, ttl, wait, lost)

    def queue(self, name: str, *, owner: Buffer = b"python", ttl: float = 10.0) -> Queue:
        """A queue of the partition; nothing is sent yet."""
        return Queue(self, name, owner, ttl)

    def election(self, name: Key) -> Election:
        """An office that one candidate at a time has; nothing is sent yet."""
        return Election(self, name)

    def index(self, name: str, dtype: DType | None = None) -> Index:
        """A vector index of the partition; nothing is sent yet. `dtype`: what numbers it has, if
        that is known here, so that others are refused or converted."""
        return Index(self, name, dtype)

    def context(self, name: str) -> Context:
        """A context of the partition; nothing is sent yet."""
        return Context(self, name)

    def set_context_policy(self, wanted: Policy | None) -> Header:
        """Of the contexts of the partition that have none of their own; these then also look for
        duplicates among each other's blocks. None: nothing."""
        return Contexts(self).set_policy(wanted)

    async def aset_context_policy(self, wanted: Policy | None) -> Header:
        return await Contexts(self).aset_policy(wanted)

    def contexts(self) -> list[ContextInfo]:
        """Those of the partition, in the order of their ids."""
        return Contexts(self).all()

    async def acontexts(self) -> list[ContextInfo]:
        return await Contexts(self).aall()

    def memories(self, name: str) -> Memories:
        """What agents remember in a vector index, and recall; nothing is sent yet."""
        return Memories(self, name)

    def links(self) -> Links:
        """The links between keys of the partition; nothing is sent yet."""
        return Links(self)

    def _indexes(self, timeout: float | None) -> Steps[Any]:
        return json.loads((yield from self._ask(lib.SWARM_INDEX_LIST, timeout)).detail)

    def indexes(self, *, timeout: float | None = None) -> Any:
        """What is known of the partition's vector indexes."""
        return run(self.native, self._indexes(timeout))

    async def aindexes(self, *, timeout: float | None = None) -> Any:
        return await arun(self.native, self._indexes(timeout))

    # ---- the swarm

    def _outcome(self, write: errors.SwarmError | Header, timeout: float | None) -> Steps[Fate]:
        header = write.header if isinstance(write, errors.SwarmError) else write
        if header is None or header.seq == 0:
            raise ValueError("it was given no number in a session: see its `outcome`")
        try:
            reply = yield from self._ask(lib.SWARM_OUTCOME, timeout, session=header.session,
                                         seq=header.seq)
        except errors.NotCommittedError:
            return Fate(False, errors.Status.NOT_COMMITTED, 0)
        return Fate(True, errors.Status(reply.raw.value), reply.revision)

    def outcome(self, write: errors.SwarmError | Header, *,
                timeout: float | None = None) -> Fate:
        """What has become of a write that ended with this error, or had this header. As long as its
        session lives; SessionExpiredError: nobody knows any more."""
        return run(self.native, self._outcome(write, timeout))

    async def aoutcome(self, write: errors.SwarmError | Header, *,
                       timeout: float | None = None) -> Fate:
        return await arun(self.native, self._outcome(write, timeout))

    def _status(self, node: int, timeout: float | None) -> Steps[dict[str, Any]]:
        reply = yield from self._ask(lib.SWARM_STATUS_OF, timeout, node=node)
        found: dict[str, Any] = json.loads(reply.detail)
        return found

    def status(self, node: int = 0, *, timeout: float | None = None) -> dict[str, Any]:
        """What a node says about itself; 0 = the leader."""
        return run(self.native, self._status(node, timeout))

    async def astatus(self, node: int = 0, *, timeout: float | None = None) -> dict[str, Any]:
        return await arun(self.native, self._status(node, timeout))

    def nodes(self) -> dict[int, str]:
        """Ids and addresses of the configured nodes."""
        count = lib.swarm_nodes(self.native.handle, ffi.NULL, 0)
        ids = ffi.new("uint64_t[]", count)
        lib.swarm_nodes(self.native.handle, ids, count)
        return {int(i): ffi.string(lib.swarm_node_address(self.native.handle, i)).decode()
                for i in ids}


def _first(records: Iterator[Record], limit: int | None) -> Iterator[Record]:
    for given, record in enumerate(records):
        if given == limit:
            return
        yield record
