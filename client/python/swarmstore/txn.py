"""Transactions: compares, the operations to run if all hold, and those to run if one does not.

    done = (store.txn()
            .when(key("stock").value == b"5", key("lock").held_by(token))
            .put("stock", b"4").add("sold", 1)
            .otherwise().get("stock")
            .run())                                  # or: await ... .arun()
"""
from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from swarmstore import _request
from swarmstore._reply import Header, Record, Reply, existing
from swarmstore._request import Buffer, Key, key_copy
from swarmstore._steps import Steps, arun, ask, run
from swarmstore._swarm import lib

if TYPE_CHECKING:
    from swarmstore.client import Client


class Merge(enum.IntEnum):
    """How a merge makes the new value of the stored one and the operand. Numbers are decimal text
    of signed 64-bit integers; sets are lines, each ended by a newline, ascending."""

    REPLACE = lib.SWARM_MERGE_REPLACE
    APPEND = lib.SWARM_MERGE_APPEND
    SET_UNION = lib.SWARM_MERGE_SET_UNION
    ADD = lib.SWARM_MERGE_ADD
    MAX = lib.SWARM_MERGE_MAX
    MIN = lib.SWARM_MERGE_MIN


@dataclass(frozen=True)
class Compare:
    """One condition; made by comparing a field of `key(...)` with a number or value."""

    target: int
    relation: int
    key: bytes
    number: int = 0
    value: bytes = b""


class Field:
    """A property of a key; comparing it makes a Compare."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, target: int, name: bytes) -> None:
        self._target = target
        self._name = name

    def _compare(self, relation: int, wanted: object) -> Compare:
        if self._target == lib.SWARM_COMPARE_VALUE:
            if not isinstance(wanted, (bytes, bytearray, memoryview)):
                raise TypeError("a value is compared with bytes")
            return Compare(self._target, relation, self._name, value=bytes(wanted))
        if not isinstance(wanted, int):
            raise TypeError("this field is compared with a number")
        return Compare(self._target, relation, self._name, number=wanted)

    def __eq__(self, wanted: object) -> Compare:  # type: ignore[override]
        return self._compare(lib.SWARM_EQUAL, wanted)

    def __ne__(self, wanted: object) -> Compare:  # type: ignore[override]
        return self._compare(lib.SWARM_NOT_EQUAL, wanted)

    def __lt__(self, wanted: object) -> Compare:
        return self._compare(lib.SWARM_LESS, wanted)

    def __le__(self, wanted: object) -> Compare:
        return self._compare(lib.SWARM_LESS_EQUAL, wanted)

    def __gt__(self, wanted: object) -> Compare:
        return self._compare(lib.SWARM_GREATER, wanted)

    def __ge__(self, wanted: object) -> Compare:
        return self._compare(lib.SWARM_GREATER_EQUAL, wanted)


class key:  # noqa: N801 - reads as a word in conditions
    """What a transaction may ask of a key: key("a").version == 0."""

    def __init__(self, name: Key) -> None:
        self.name = key_copy(name)

    @property
    def version(self) -> Field:
        """Writes since it was created; 0 = it does not exist."""
        return Field(lib.SWARM_COMPARE_VERSION, self.name)

    @property
    def mod_revision(self) -> Field:
        return Field(lib.SWARM_COMPARE_MOD_REVISION, self.name)

    @property
    def create_revision(self) -> Field:
        return Field(lib.SWARM_COMPARE_CREATE_REVISION, self.name)

    @property
    def value(self) -> Field:
        """Bytewise; never holds if the key does not exist."""
        return Field(lib.SWARM_COMPARE_VALUE, self.name)

    @property
    def lease(self) -> Field:
        return Field(lib.SWARM_COMPARE_LEASE, self.name)

    def exists(self) -> Compare:
        return self.version > 0

    def missing(self) -> Compare:
        return self.version == 0

    def held_by(self, token: int) -> Compare:
        """The key is a lock, an office or a claim, and this token still has it."""
        return self.lease == token


@dataclass(frozen=True)
class Op:
    """One operation of a branch."""

    kind: int
    key: bytes
    value: Buffer = b""
    merge: int = lib.SWARM_MERGE_REPLACE
    lease: int = 0
    flags: int = 0


class TxnResult(NamedTuple):
    """How a transaction went; one record, or None for no such key, for each operation that ran."""

    succeeded: bool  #: all compares held, and the then-branch ran
    failed_compare: int | None  #: which one did not hold, from 0
    records: list[Record | None]
    header: Header

    @property
    def revision(self) -> int:
        return self.header.revision

    @classmethod
    def of(cls, reply: Reply) -> TxnResult:
        raw = reply.raw
        failed = None if raw.succeeded else int(raw.value) - 1
        return cls(bool(raw.succeeded), failed, [existing(row) for row in reply.rows()],
                   reply.header)


def _flags(previous: bool) -> int:
    return int(lib.SWARM_TXN_PREVIOUS) if previous else 0


class Txn:
    """A transaction being put together; every method but the last returns it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._compares: list[Compare] = []
        self._then: list[Op] = []
        self._else: list[Op] = []
        self._branch = self._then

    def when(self, *compares: Compare) -> Txn:
        """All of these must hold."""
        self._compares += compares
        return self

    def then(self) -> Txn:
        """What follows runs if all compares hold; so it is from the beginning."""
        self._branch = self._then
        return self

    def otherwise(self) -> Txn:
        """What follows runs if one does not."""
        self._branch = self._else
        return self

    def _add(self, kind: int, name: Key, value: Buffer = b"", **more: Any) -> Txn:
        self._branch.append(Op(kind, key_copy(name), value, **more))
        return self

    def put(self, name: Key, value: Buffer, *, lease: int = 0, previous: bool = False) -> Txn:
        return self._add(lib.SWARM_TXN_PUT, name, value, lease=lease, flags=_flags(previous))

    def get(self, name: Key) -> Txn:
        """Sees what the operations before it did."""
        return self._add(lib.SWARM_TXN_GET, name)

    def delete(self, name: Key, *, previous: bool = False) -> Txn:
        return self._add(lib.SWARM_TXN_DELETE, name, flags=_flags(previous))

    def merge(self, name: Key, merge: Merge, operand: Buffer, *, previous: bool = False) -> Txn:
        return self._add(lib.SWARM_TXN_MERGE, name, operand, merge=int(merge),
                         flags=_flags(previous))

    def add(self, name: Key, number: int) -> Txn:
        """Of decimal text; no such key is 0."""
        return self.merge(name, Merge.ADD, b"%d" % number)

    def _steps(self, timeout: float | None) -> Steps[TxnResult]:
        request = _request.make_txn(self._client.scope, self._compares, self._then, self._else)
        return TxnResult.of((yield from ask(request, timeout)))

    def run(self, *, timeout: float | None = None) -> TxnResult:
        """One change with one revision, or none: all of a branch runs, or nothing does."""
        return run(self._client.native, self._steps(timeout))

    async def arun(self, *, timeout: float | None = None) -> TxnResult:
        return await arun(self._client.native, self._steps(timeout))
