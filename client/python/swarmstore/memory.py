"""What agents learned: remembered in a vector index, recalled by meaning, use and age; and where it
comes from.

    notes = store.memories("notes")
    first = notes.remember("planner", "route", b"The bridge is closed on Sundays.", vector)
    for memory in notes.recall(question, k=3, tag="city"):
        print(memory.score, memory.agent, memory.content)
    notes.use(first.key, Use.SUCCEEDED)
"""
from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from swarmstore import errors
from swarmstore._calls import Calls
from swarmstore._reply import Header, Reply, slice_bytes
from swarmstore._request import Buffer, Kept, Key, key_bytes
from swarmstore._swarm import ffi, lib
from swarmstore.vectors import NotNovelError, Vector, hits_of, vector_buffer

if TYPE_CHECKING:
    from swarmstore.client import Client


class Tier(enum.IntEnum):
    """How fast a memory fades: by 10, 5 or 1 % of its importance a day."""

    SHORT = lib.SWARM_TIER_SHORT
    WORKING = lib.SWARM_TIER_WORKING
    LONG = lib.SWARM_TIER_LONG


class Use(enum.IntEnum):
    """What came of a memory."""

    USED = lib.SWARM_MEMORY_USED  #: importance a fifth higher, and it fades from now on
    SUCCEEDED = lib.SWARM_MEMORY_SUCCEEDED  #: utility 200 thousandths higher
    FAILED = lib.SWARM_MEMORY_FAILED  #: utility 300 thousandths lower
    ARCHIVE = lib.SWARM_MEMORY_ARCHIVE  #: out of its index; say it again to have it back


class Source(NamedTuple):
    """What a memory is derived from, as it was then."""

    key: bytes
    revision: int


class Memory(NamedTuple):
    """One that was recalled, read or explained; scores and the like in thousandths."""

    key: bytes
    agent: str  #: empty, as is `task`: somebody put it there who did not remember
    task: str
    success: bool
    utility: int
    tags: list[str]
    content: bytes
    distance: float  #: recalled: from the vector
    score: int
    revision: int  #: of its last change
    time_ms: int
    importance: int  #: what is left of it, as is `tier`
    tier: Tier
    is_archived: bool
    is_gone: bool  #: explained: there is no such key (any more)
    is_cut: bool  #: explained, followed: what is behind it was not looked at
    uses: int
    born_ms: int
    touched_ms: int  #: when it was last said or used
    created: int  #: the revision that made it
    author: str  #: who wrote it last: BLAKE2b-128 of its public key, in hex
    session: int
    meta: str
    sources: list[Source]
    partition: str  #: of a recall over several; else empty
    depth: int  #: 0 = itself; explained: below 0 a source, above it derived
    via: bytes  #: of another depth: the key whose link led here
    link_score: int  #: of that link


class Remembered(NamedTuple):
    """How remembering went."""

    key: bytes
    left: int  #: how many others left the agent's ring
    header: Header


class Part(NamedTuple):
    """A partition that was asked."""

    partition: str
    status: errors.Status  #: OK: it answered
    revision: int
    candidates: int
    detail: str


class Recalled(list[Memory]):
    """Memories, the best first, and who was asked."""

    more: bool  #: there are more behind these
    time_ms: int  #: of which importance and tier are told, on the swarm's clock
    parts: list[Part]  #: each at a revision of its own

    @property
    def asked(self) -> int:
        return len(self.parts)

    @property
    def answered(self) -> int:
        return sum(part.status == errors.Status.OK for part in self.parts)


class Recall(NamedTuple):
    """What to recall: of whom, about what, and what counts how much."""

    agent: str | None = None
    task: str | None = None
    tag: str | None = None
    utility_min: int = 0
    successes_only: bool = False
    #: Of similarity, utility and recency; all 0 = 700, 200, 100.
    weights: tuple[int, int, int] = (0, 0, 0)
    half_life: float = 0.0  #: seconds; 0 = seven days
    recall: float = 0.0  #: see Index.search
    importance_min: int = 0  #: of what is left of it
    follow: str | None = None  #: also what links of this type lead to from what is found
    follow_depth: int = 0  #: 0 = 1; at most 8
    partitions: Sequence[str] = ()  #: instead of the client's one
    all_partitions: bool = False  #: all of the namespace that have such an index


class Settings(NamedTuple):
    """Of the memories of a partition."""

    count_max: int = 1000  #: memories of an agent
    size_max: int = 64 << 20  #: bytes of their keys and values
    floor: int = 0  #: those whose importance has faded below are let go; 0 = none


class AgentInfo(NamedTuple):
    """An agent that has memories."""

    agent: str
    memories: int
    size: int  #: bytes of their keys and values


class Memories(Calls):
    """An index of memories; made by `client.memories`, which sends nothing. The index is created as
    any other: `client.index(name).create(...)`."""

    def __init__(self, client: Client, name: str) -> None:
        super().__init__(client)
        self.name = name

    def __repr__(self) -> str:
        return f"<memories in {self.name}>"

    # ---- writing

    def _remember(self, agent: str, task: str, content: Buffer, vector: Vector | None,
                  success: bool, utility: int, tags: Sequence[str], novelty: float, lease: int,
                  importance: int, meta: str, sources: Sequence[Key],
                  archive_sources: bool) -> Remembered:
        kept, memory = Kept(), ffi.new("struct swarm_memory *")
        memory.agent, memory.task = kept.text(agent), kept.text(task)
        memory.success, memory.utility, memory.importance = success, utility, importance
        memory.novelty, memory.lease = novelty, lease
        words = [tags] if isinstance(tags, str) else list(tags)
        names = ffi.new("char *[]", [kept.text(tag) for tag in words] or [ffi.NULL])
        memory.tags, memory.tag_count = names, len(words)
        if vector is not None:
            memory.index = kept.text(self.name)
            kept.point(memory.vector, vector_buffer(vector))
        kept.point(memory.content, content)
        kept.point(memory.meta, meta.encode())
        slices = ffi.new("struct swarm_slice[]", max(1, len(sources)))
        for slot, source in zip(slices, sources):
            kept.point(slot, key_bytes(source))
        memory.sources, memory.source_count = slices, len(sources)
        memory.archive_sources = archive_sources
        reply = self._write(lib.swarm_remember, memory, accept=(errors.Status.EXISTS,))
        if reply.raw.status == errors.Status.EXISTS:
            refused = NotNovelError(reply.detail, header=reply.header)
            refused.hit = hits_of(reply)[0]
            raise refused
        return Remembered(slice_bytes(reply.raw.records[0].key), reply.raw.value, reply.header)

    def remember(self, agent: str, task: str, content: Buffer, vector: Vector | None = None, *,
                 success: bool = True, utility: int = 0, tags: Sequence[str] = (),
                 novelty: float = 0.0, lease: int = 0, importance: int = 0, meta: str = "",
                 sources: Sequence[Key] = (), archive_sources: bool = False) -> Remembered:
        """One write. The same content of the same agent about the same task is the same memory.
        Without a vector no search finds it. In thousandths: `utility`, 0 = 700 of a success and 200
        of a failure; `importance`, 0 = 500, or 700 of what has sources. `novelty`: only if nothing
        is that near, else NotNovelError has what is. `meta`: a line of yours. `sources`: keys that
        it is derived from; `archive_sources`: no search finds those any more."""
        return self._run(lambda: self._remember(
            agent, task, content, vector, success, utility, tags, novelty, lease, importance, meta,
            sources, archive_sources))

    async def aremember(self, agent: str, task: str, content: Buffer,
                        vector: Vector | None = None, *, success: bool = True, utility: int = 0,
                        tags: Sequence[str] = (), novelty: float = 0.0, lease: int = 0,
                        importance: int = 0, meta: str = "", sources: Sequence[Key] = (),
                        archive_sources: bool = False) -> Remembered:
        return await self._arun(lambda: self._remember(
            agent, task, content, vector, success, utility, tags, novelty, lease, importance, meta,
            sources, archive_sources))

    def _at(self, function: Any, key: Key, *words: Any) -> Reply:
        kept, name = Kept(), ffi.new("struct swarm_slice *")
        kept.point(name, key_bytes(key))
        return self._write(function, name[0], *words)

    def use(self, key: Key, how: Use = Use.USED) -> Header:
        """Says what came of a memory; that decides what is recalled, and what leaves first."""
        return self._run(lambda: self._at(lib.swarm_memory_use, key, int(how)).header)

    async def ause(self, key: Key, how: Use = Use.USED) -> Header:
        return await self._arun(lambda: self._at(lib.swarm_memory_use, key, int(how)).header)

    def forget(self, key: Key, *, cascade: bool = False) -> Header:
        """Deletes it; `cascade`: and whatever derives from it, at any depth. After an error:
        again."""
        return self._run(lambda: self._at(lib.swarm_memory_forget, key, cascade).header)

    async def aforget(self, key: Key, *, cascade: bool = False) -> Header:
        return await self._arun(lambda: self._at(lib.swarm_memory_forget, key, cascade).header)

    # ---- reading

    def _recall(self, vector: Vector, k: int, what: Recall) -> Recalled:
        kept, wanted = Kept(), ffi.new("struct swarm_recollection *")
        wanted.index, wanted.agent = kept.text(self.name), kept.text(what.agent)
        wanted.task, wanted.tag = kept.text(what.task), kept.text(what.tag)
        kept.point(wanted.vector, vector_buffer(vector))
        wanted.k, wanted.utility_min = k, what.utility_min
        wanted.successes_only = what.successes_only
        wanted.weight_similarity, wanted.weight_utility, wanted.weight_recency = what.weights
        wanted.half_life_ms = int(what.half_life * 1000)
        wanted.recall_permille = round(what.recall * 1000)
        wanted.importance_min = what.importance_min
        wanted.follow, wanted.follow_depth = kept.text(what.follow), what.follow_depth
        names = ffi.new("char *[]", [kept.text(name) for name in what.partitions] or [ffi.NULL])
        wanted.partitions, wanted.partition_count = names, len(what.partitions)
        wanted.all_partitions = what.all_partitions
        return self._memories(lib.swarm_recall, wanted)

    def recall(self, vector: Vector, k: int = 10, what: Recall = Recall(),
               **more: Any) -> Recalled:
        """Memories near the vector, the best score first. What of, and what counts, is said by a
        Recall or by its fields: recall(vector, 5, agent="planner", successes_only=True)."""
        return self._run(lambda: self._recall(vector, k, what._replace(**more)))

    async def arecall(self, vector: Vector, k: int = 10, what: Recall = Recall(),
                      **more: Any) -> Recalled:
        return await self._arun(lambda: self._recall(vector, k, what._replace(**more)))

    def _memories(self, function: Any, *words: Any) -> Recalled:
        made = self._made(function, "swarm_memories", lib.swarm_memories_free, *words)
        found = Recalled(_memory(lib.swarm_memories_at(made, at))
                         for at in range(lib.swarm_memories_count(made)))
        found.more = bool(lib.swarm_memories_more(made))
        found.time_ms = lib.swarm_memories_time(made)
        found.parts = [_part(lib.swarm_memories_part(made, at))
                       for at in range(lib.swarm_memories_asked(made))]
        return found

    def _keyed(self, function: Any, key: Key, *words: Any) -> Recalled:
        kept, name = Kept(), ffi.new("struct swarm_slice *")
        kept.point(name, key_bytes(key))
        return self._memories(function, name[0], *words)

    def _get(self, key: Key) -> Memory | None:
        try:
            return self._keyed(lib.swarm_memory_get, key)[0]
        except errors.NotFoundError:
            return None

    def get(self, key: Key) -> Memory | None:
        """One memory; None if there is no such key."""
        return self._run(lambda: self._get(key))

    async def aget(self, key: Key) -> Memory | None:
        return await self._arun(lambda: self._get(key))

    def _page(self, agent: str | None, after: bytes) -> Recalled:
        kept, name = Kept(), ffi.new("struct swarm_slice *")
        kept.point(name, after)
        return self._memories(lib.swarm_memory_list, kept.text(agent), name[0], 0)

    def all(self, agent: str | None = None) -> Iterator[Memory]:
        """Every memory of the partition, or of one agent, in the order of their keys."""
        after, more = b"", True
        while more:
            page = self._run(lambda at=after: self._page(agent, at))  # type: ignore[misc]
            yield from page
            after, more = page[-1].key if page else b"", page.more

    async def aall(self, agent: str | None = None) -> AsyncIterator[Memory]:
        after, more = b"", True
        while more:
            page = await self._arun(lambda at=after: self._page(agent, at))  # type: ignore[misc]
            for memory in page:
                yield memory
            after, more = page[-1].key if page else b"", page.more

    def explain(self, key: Key, limit: int = 0) -> Recalled:
        """Where a key comes from and what came of it: itself, its sources (of depths below 0), then
        what is derived from it; nearest first, at most `limit`, 0 = 1000."""
        return self._run(lambda: self._keyed(lib.swarm_memory_explain, key, limit))

    async def aexplain(self, key: Key, limit: int = 0) -> Recalled:
        return await self._arun(lambda: self._keyed(lib.swarm_memory_explain, key, limit))

    # ---- the partition

    def _settings(self) -> Settings:
        found = ffi.new("struct swarm_memory_settings *")
        self._call(lib.swarm_memory_settings_get, found)
        return Settings(found.count_max, found.size_max, found.floor)

    def settings(self) -> Settings:
        """Of all memories of the partition."""
        return self._run(self._settings)

    async def asettings(self) -> Settings:
        return await self._arun(self._settings)

    def _configure(self, wanted: Settings) -> Header:
        settings = ffi.new("struct swarm_memory_settings *", tuple(wanted))
        return self._write(lib.swarm_memory_settings_put, settings).header

    def configure(self, wanted: Settings) -> Header:
        """Settings(count_max=100) leaves the rest at what it is by default."""
        return self._run(lambda: self._configure(wanted))

    async def aconfigure(self, wanted: Settings) -> Header:
        return await self._arun(lambda: self._configure(wanted))

    def _tend(self) -> int:
        gone = ffi.new("uint64_t *")
        self._call(lib.swarm_memory_tend, gone)
        return int(gone[0])

    def tend(self) -> int:
        """Lets go what faded below the floor or is too much for its ring; how many keys."""
        return self._run(self._tend)

    async def atend(self) -> int:
        return await self._arun(self._tend)

    def _agents(self) -> list[AgentInfo]:
        made, count = ffi.new("struct swarm_memory_agent **"), ffi.new("size_t *")
        self._call(lib.swarm_memory_agents, made, count)
        try:
            return [AgentInfo(ffi.string(row.agent).decode(), row.count, row.size)
                    for row in (made[0][at] for at in range(count[0]))]
        finally:
            lib.free(made[0])

    def agents(self) -> list[AgentInfo]:
        """Those that have memories, in order."""
        return self._run(self._agents)

    async def aagents(self) -> list[AgentInfo]:
        return await self._arun(self._agents)


def _text(part: Any) -> str:
    return slice_bytes(part).decode(errors="replace")


def _name(text: Any) -> str:
    return "" if text == ffi.NULL else str(ffi.string(text).decode(errors="replace"))


def _part(raw: Any) -> Part:
    return Part(_name(raw.partition), errors.Status(raw.status), raw.revision, raw.count,
                _name(raw.detail))


def _memory(raw: Any) -> Memory:
    return Memory(
        key=slice_bytes(raw.key), agent=_text(raw.agent), task=_text(raw.task),
        success=bool(raw.success), utility=raw.utility,
        tags=[_text(raw.tags[i]) for i in range(raw.tag_count)], content=slice_bytes(raw.content),
        distance=raw.distance, score=raw.score, revision=raw.revision, time_ms=raw.time_ms,
        importance=raw.importance, tier=Tier(raw.tier), is_archived=bool(raw.is_archived),
        is_gone=bool(raw.is_gone), is_cut=bool(raw.is_cut), uses=raw.uses, born_ms=raw.born_ms,
        touched_ms=raw.touched_ms, created=raw.created, author=_text(raw.author),
        session=raw.session, meta=_text(raw.meta),
        sources=[Source(slice_bytes(source.key), source.revision)
                 for source in (raw.sources[i] for i in range(raw.source_count))],
        partition=_name(raw.partition), depth=raw.depth, via=slice_bytes(getattr(raw, "from")),
        link_score=raw.link_score)
