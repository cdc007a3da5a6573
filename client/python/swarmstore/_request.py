"""Requests as libswarm wants them: a struct, and the Python objects whose bytes it points to."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Union

from swarmstore import _cause
from swarmstore._swarm import ffi, lib

Buffer = Union[bytes, bytearray, memoryview]
Key = Union[str, Buffer]

KEY_SIZE_MAX = 256

#: What makes changes that watches tell; a read has no consequences.
CHANGES = frozenset((lib.SWARM_PUT, lib.SWARM_DELETE, lib.SWARM_CAS, lib.SWARM_TXN,
                     lib.SWARM_EXPERIENCE_APPEND, lib.SWARM_VECTOR_PUT, lib.SWARM_LEASE_REVOKE))


def key_bytes(key: Key) -> Buffer:
    """A key as bytes; text is UTF-8."""
    return key.encode() if isinstance(key, str) else key


def key_copy(key: Key) -> bytes:
    return bytes(key_bytes(key))


class Fresh(NamedTuple):
    """How new the state has to be that a read sees; without it: the present one."""

    revision: int = 0  #: waits until the state has this one at least
    max_age: float = 0.0  #: seconds: any replica may answer whose state is no older

    def fill(self, cdata: Any) -> None:
        cdata.min_revision = self.revision
        cdata.max_age_ms = int(self.max_age * 1000)


class Scope:
    """Where keys live: tenant, namespace, partition; and how deep in a cascade of changes requests
    are that are made here."""

    __slots__ = ("names", "cdata", "depth", "_keep")

    def __init__(self, tenant: str | None, namespace: str | None, partition: str | None) -> None:
        self.names = (tenant, namespace, partition)
        self.depth = 0
        self._keep = [ffi.NULL if name is None else ffi.new("char[]", name.encode())
                      for name in self.names]
        self.cdata = ffi.new("struct swarm_scope *", self._keep)

    def with_names(self, *names: str | None) -> Scope:
        made = Scope(*(new if new is not None else old for new, old in zip(names, self.names)))
        made.depth = self.depth
        return made

    def with_depth(self, depth: int) -> Scope:
        made = Scope(*self.names)
        made.depth = depth
        return made


def buffer_of(data: Any) -> Any:
    """The bytes behind `data`; whoever gives text or a number is told so, not how cffi failed."""
    try:
        return ffi.from_buffer(data)
    except TypeError:
        raise TypeError(f"values are bytes or another buffer, not {type(data).__name__}: "
                        "text has encode()") from None


class Kept:
    """The texts and bytes that structs of libswarm point to, as long as those are used."""

    __slots__ = ("keep",)

    def __init__(self, *keep: Any) -> None:
        self.keep: list[Any] = list(keep)

    def text(self, text: str | None) -> Any:
        if text is None:
            return ffi.NULL
        self.keep.append(ffi.new("char[]", text.encode()))
        return self.keep[-1]

    def point(self, slot: Any, data: Any) -> None:
        """Lets a swarm_slice point to the bytes of a buffer; they are not copied here."""
        view = buffer_of(data)
        self.keep.append(view)
        slot.data = view
        slot.size = len(view)


class Request(Kept):
    """One request."""

    __slots__ = ("cdata",)

    def __init__(self, scope: Scope, op: int) -> None:
        super().__init__(scope)
        self.cdata: Any = ffi.new("struct swarm_request *")
        self.cdata.size = ffi.sizeof("struct swarm_request")
        self.cdata.op = op
        self.cdata.scope = scope.cdata[0]
        self.cdata.depth = scope.depth
        if scope.depth == 0 and op in CHANGES:
            self.cdata.depth = _cause.depth()

    def set_deadline(self, timeout: float | None) -> None:
        if timeout is not None:
            self.cdata.deadline_ms = lib.swarm_now_ms() + max(1, int(timeout * 1000))


def make(scope: Scope, op: int, *, key: Key = b"", end_key: Key = b"", value: Buffer = b"",
         expected: int = 0, limit: int = 0, flags: int = 0, lease: int = 0, node: int = 0,
         session: int = 0, seq: int = 0, fresh: Fresh | None = None) -> Request:
    request = Request(scope, op)
    cdata = request.cdata
    if key:
        request.point(cdata.key, key_bytes(key))
    if end_key:
        request.point(cdata.end_key, key_bytes(end_key))
    if len(buffer_of(value)) > 0:
        request.point(cdata.value, value)
    cdata.expected = expected
    cdata.limit = limit
    cdata.flags = flags
    cdata.lease = lease
    cdata.node = node
    cdata.session = session
    cdata.seq = seq
    if fresh is not None:
        fresh.fill(cdata)
    return request


def make_multi_get(scope: Scope, keys: Iterable[Key], flags: int = 0) -> Request:
    request = Request(scope, lib.SWARM_MULTI_GET)
    names = [key_bytes(key) for key in keys]
    slices = ffi.new("struct swarm_slice[]", len(names))
    for slot, name in zip(slices, names):
        request.point(slot, name)
    request.keep.append(slices)
    request.cdata.keys = slices
    request.cdata.key_count = len(names)
    request.cdata.flags = flags
    return request


def make_txn(scope: Scope, compares: Sequence[Any], then_ops: Sequence[Any],
             else_ops: Sequence[Any]) -> Request:
    """Of swarmstore.txn.Compare and swarmstore.txn.Op."""
    request = Request(scope, lib.SWARM_TXN)
    tests = ffi.new("struct swarm_compare[]", max(1, len(compares)))
    for slot, compare in zip(tests, compares):
        slot.target = compare.target
        slot.relation = compare.relation
        request.point(slot.key, key_bytes(compare.key))
        request.point(slot.value, compare.value)
        slot.number = compare.number
    txn = ffi.new("struct swarm_txn *")
    txn.compares = tests
    txn.compare_count = len(compares)
    txn.then_ops = _ops(request, then_ops)
    txn.then_count = len(then_ops)
    txn.else_ops = _ops(request, else_ops)
    txn.else_count = len(else_ops)
    request.keep += [tests, txn]
    request.cdata.txn = txn
    return request


def _ops(request: Request, ops: Sequence[Any]) -> Any:
    made = ffi.new("struct swarm_txn_op[]", max(1, len(ops)))
    for slot, op in zip(made, ops):
        slot.kind = op.kind
        slot.flags = op.flags
        slot.merge = op.merge
        request.point(slot.key, key_bytes(op.key))
        request.point(slot.value, op.value)
        slot.lease = op.lease
    request.keep.append(made)
    return made
