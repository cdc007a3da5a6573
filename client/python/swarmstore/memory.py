"""What agents learned: remembered in a vector index, recalled by meaning, use and age."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from swarmstore import errors
from swarmstore._reply import Header, Reply, slice_bytes
from swarmstore._request import Buffer, Kept
from swarmstore._steps import InThread, Steps, arun, run
from swarmstore._swarm import ffi, lib
from swarmstore.vectors import NotNovelError, Vector, hits_of, vector_buffer

if TYPE_CHECKING:
    from swarmstore.client import Client

WHY_SIZE = 256


class Memory(NamedTuple):
    """One that was recalled; `score` in thousandths."""

    key: bytes
    agent: str  #: empty, as is `task`: somebody put it there who did not remember
    task: str
    success: bool
    utility: int
    tags: list[str]
    content: bytes
    distance: float
    score: int
    revision: int
    time_ms: int


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


class Memories:
    """An index of memories; made by `client.memories`, which sends nothing. The index is created as
    any other: `client.index(name).create(...)`."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self.name = name

    def _remember(self, agent: str, task: str, content: Buffer, vector: Vector, success: bool,
                  utility: int, tags: Sequence[str], novelty: float, lease: int) -> Header:
        kept, memory = Kept(), ffi.new("struct swarm_memory *")
        memory.index, memory.agent, memory.task = map(kept.text, (self.name, agent, task))
        memory.success, memory.utility = success, utility
        memory.novelty, memory.lease = novelty, lease
        names = ffi.new("char *[]", [kept.text(tag) for tag in tags] or [ffi.NULL])
        memory.tags, memory.tag_count = names, len(tags)
        kept.point(memory.vector, vector_buffer(vector))
        kept.point(memory.content, content)
        made, why = ffi.new("struct swarm_result **"), ffi.new("char[]", WHY_SIZE)
        status = lib.swarm_remember(self._client.native.handle, self._client.scope.cdata[0],
                                    memory, made, why, WHY_SIZE)
        if made[0] == ffi.NULL:
            errors.check(status, ffi.string(why).decode(errors="replace"))
        reply = Reply(made[0])
        if status == errors.Status.EXISTS:
            refused = NotNovelError(reply.detail, header=reply.header)
            refused.hit = hits_of(reply)[0]
            raise refused
        return reply.checked().header

    def _steps(self, *words: Any) -> Steps[Header]:
        header: Header = yield InThread(
            lambda: self._client.native.call(lambda: self._remember(*words)))
        return header

    def remember(self, agent: str, task: str, content: Buffer, vector: Vector, *,
                 success: bool = True, utility: int = 0, tags: Sequence[str] = (),
                 novelty: float = 0.0, lease: int = 0) -> Header:
        """One write. The same content of the same agent about the same task is the same memory.
        `utility` in thousandths, 0 = 700 of a success and 200 of a failure; `novelty`: only if
        nothing is that near, else NotNovelError has what is."""
        return run(self._client.native, self._steps(agent, task, content, vector, success, utility,
                                                    tags, novelty, lease))

    async def aremember(self, agent: str, task: str, content: Buffer, vector: Vector, *,
                        success: bool = True, utility: int = 0, tags: Sequence[str] = (),
                        novelty: float = 0.0, lease: int = 0) -> Header:
        return await arun(self._client.native,
                          self._steps(agent, task, content, vector, success, utility, tags,
                                      novelty, lease))

    def _recall(self, vector: Vector, k: int, what: Recall) -> list[Memory]:
        kept, wanted = Kept(), ffi.new("struct swarm_recollection *")
        wanted.index, wanted.agent = kept.text(self.name), kept.text(what.agent)
        wanted.task, wanted.tag = kept.text(what.task), kept.text(what.tag)
        kept.point(wanted.vector, vector_buffer(vector))
        wanted.k, wanted.utility_min = k, what.utility_min
        wanted.successes_only = what.successes_only
        wanted.weight_similarity, wanted.weight_utility, wanted.weight_recency = what.weights
        wanted.half_life_ms = int(what.half_life * 1000)
        wanted.recall_permille = round(what.recall * 1000)
        made, why = ffi.new("struct swarm_memories **"), ffi.new("char[]", WHY_SIZE)
        status = lib.swarm_recall(self._client.native.handle, self._client.scope.cdata[0], wanted,
                                  made, why, WHY_SIZE)
        errors.check(status, ffi.string(why).decode(errors="replace"))
        try:
            return [_memory(lib.swarm_memories_at(made[0], at))
                    for at in range(lib.swarm_memories_count(made[0]))]
        finally:
            lib.swarm_memories_free(made[0])

    def _recall_steps(self, vector: Vector, k: int, what: Recall) -> Steps[list[Memory]]:
        found: list[Memory] = yield InThread(
            lambda: self._client.native.call(lambda: self._recall(vector, k, what)))
        return found

    def recall(self, vector: Vector, k: int = 10, what: Recall = Recall()) -> list[Memory]:
        """Memories near the vector, the best score first."""
        return run(self._client.native, self._recall_steps(vector, k, what))

    async def arecall(self, vector: Vector, k: int = 10, what: Recall = Recall()) -> list[Memory]:
        return await arun(self._client.native, self._recall_steps(vector, k, what))


def _memory(raw: Any) -> Memory:
    def text(part: Any) -> str:
        return slice_bytes(part).decode(errors="replace")

    return Memory(slice_bytes(raw.key), text(raw.agent), text(raw.task), bool(raw.success),
                  raw.utility, [text(raw.tags[i]) for i in range(raw.tag_count)],
                  slice_bytes(raw.content), raw.distance, raw.score, raw.revision, raw.time_ms)
