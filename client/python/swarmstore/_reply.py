"""Answers as Python sees them: a header that every answer has, and records."""
from __future__ import annotations

import enum
from typing import Any, NamedTuple

from swarmstore import errors
from swarmstore._swarm import ffi, lib


class Durability(enum.IntEnum):
    """What would have to break for the data of an answer to be lost."""

    NONE = lib.SWARM_DURABILITY_NONE  #: it shows no data and acknowledges none
    MAJORITY = lib.SWARM_DURABILITY_MAJORITY  #: the disks of a majority of the voters
    LOCAL = lib.SWARM_DURABILITY_LOCAL  #: the one disk of embedded mode


class Header(NamedTuple):
    """Who answered, and of which state."""

    node: int  #: who answered; 0 = nobody
    leader: int  #: 0 = unknown
    shard: int
    term: int
    revision: int  #: of the write, or of the state that was read
    durability: Durability
    age_ms: int  #: how old the state that was read may be at most; 0 = present
    session: int  #: of a write: with `seq`, what `Client.outcome` wants; else 0
    seq: int
    swarm: bytes  #: its id; zeros: nobody answered


class Record(NamedTuple):
    """One key or experience as it was at the revision of the answer."""

    key: bytes  #: empty for experiences
    value: bytes
    mod_revision: int  #: of its last write
    create_revision: int
    version: int  #: writes since it was created
    time_ms: int  #: the swarm's time of the last write, since 1970
    lease: int  #: with which the key ends; 0 = none

    @property
    def text(self) -> str:
        """The value as UTF-8."""
        return self.value.decode()


def slice_bytes(part: Any) -> bytes:
    return bytes(ffi.buffer(part.data, part.size)) if part.size > 0 else b""


def slice_view(part: Any, owner: object) -> memoryview:
    """The bytes where libswarm has them: not copied, and there as long as anyone looks at them."""
    if part.size == 0:
        return memoryview(b"")
    start = ffi.gc(ffi.cast("char *", part.data), lambda _: owner)  # which it holds until then
    return memoryview(ffi.buffer(start, part.size)).toreadonly()


def record_of(raw: Any) -> Record:
    return Record(slice_bytes(raw.key), slice_bytes(raw.value), raw.mod_revision,
                  raw.create_revision, raw.version, raw.time_ms, raw.lease)


def existing(raw: Any) -> Record | None:
    """Version 0 says that there is, or was, no such key."""
    return record_of(raw) if raw.version > 0 else None


class Reply:
    """A result of libswarm, freed with the object."""

    __slots__ = ("raw",)

    def __init__(self, raw: Any) -> None:
        self.raw = ffi.gc(raw, lib.swarm_result_free)

    def checked(self, accept: tuple[int, ...] = ()) -> Reply:
        """Itself; raises what the status says, unless it is OK or one of `accept`."""
        if self.raw.status != lib.SWARM_OK and self.raw.status not in accept:
            raise errors.error_of(self.raw.status, self.detail, header=self.header,
                                  value=self.raw.value,
                                  retry_after=self.raw.retry_after_ms / 1000)
        return self

    @property
    def header(self) -> Header:
        raw = self.raw
        return Header(raw.node, raw.leader, raw.shard, raw.term, raw.revision,
                      Durability(raw.durability), raw.age_ms, raw.session, raw.seq,
                      bytes(ffi.buffer(raw.swarm)))

    @property
    def detail(self) -> str:
        return str(ffi.string(self.raw.detail).decode(errors="replace"))

    @property
    def revision(self) -> int:
        return int(self.raw.revision)

    @property
    def more(self) -> bool:
        return bool(self.raw.more)

    def rows(self) -> list[Any]:
        return [self.raw.records[i] for i in range(self.raw.record_count)]

    def records(self) -> list[Record]:
        return [record_of(raw) for raw in self.rows()]
