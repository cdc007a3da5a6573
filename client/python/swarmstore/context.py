"""Contexts: long texts in blocks of tokens, whose order the swarm gives.

    story = store.context("story")
    story.create(index="notes", window_blocks=64)
    story.append(b"Once upon a time", tokens=4, vector=vector)
    print(story.locate(2).text)

What a read finds is not copied: `content` is a memoryview of libswarm's memory, which lives as long
as anyone looks at it; numpy.frombuffer(block.content, numpy.uint32) are its tokens.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from swarmstore import errors
from swarmstore._calls import Calls
from swarmstore._reply import slice_view
from swarmstore._request import Buffer, Kept
from swarmstore._swarm import ffi, lib
from swarmstore.vectors import Vector, vector_buffer

if TYPE_CHECKING:
    from swarmstore.client import Client

TOKEN_MAX = 2**64 - 1


class Block(NamedTuple):
    """A block where it stands in its context."""

    token: int  #: its first
    end: int  #: the one behind its last
    number: int
    score: int | None
    content: memoryview
    revision: int
    time_ms: int  #: the swarm's time when it was appended, since 1970

    @property
    def text(self) -> str:
        """The content as UTF-8."""
        return str(self.content, "utf-8")


class ContextInfo(NamedTuple):
    """A context as the swarm lists it."""

    id: str
    index_name: str  #: empty: none
    block_size: int
    overlap: int
    blocks: int  #: that were ever appended
    next: int  #: the token behind the last
    size: int  #: bytes of content
    window_blocks: int
    window_ms: int
    window_token: int  #: the first inside the window
    watermark: int  #: blocks of lower revisions are outside
    created: int  #: the revision
    is_dying: bool  #: it is being deleted

    @property
    def number(self) -> int:
        """What an index knows it by: `context` of a search."""
        return self.created & 0xFFFFFFFF


class Pruned(NamedTuple):
    """What went, or would go."""

    blocks: int
    bytes: int


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000)) if seconds > 0 else 0


class Context(Calls):
    """A context of the partition; made by `client.context`, which sends nothing."""

    def __init__(self, client: Client, name: str) -> None:
        super().__init__(client)
        self.id = name
        self._id = ffi.new("char[]", name.encode())

    def __repr__(self) -> str:
        return f"<context {self.id}>"

    def _value(self, function: Callable[..., int], *words: Any) -> int:
        """The value of what a write answers."""
        return int(self._write(function, self._id, *words).raw.value)

    # ---- writing

    def _create(self, block_size: int, overlap: int, window_blocks: int, window: float,
                index: str | None) -> None:
        kept, options = Kept(), ffi.new("struct swarm_context_options *")
        options.block_size, options.overlap = block_size, overlap
        options.window.blocks, options.window.ms = window_blocks, _ms(window)
        options.index = kept.text(index)
        self._value(lib.swarm_context_create, options)

    def create(self, *, block_size: int = 0, overlap: int = 0, window_blocks: int = 0,
               window: float = 0.0, index: str | None = None) -> None:
        """`block_size`: tokens of a block at most, 0 = 1024; `overlap`: tokens that each repeats of
        the one before. Searches of `index` find only the last `window_blocks` blocks, and none that
        is older than `window` seconds; 0 = all. ConflictError: there is one."""
        self._run(lambda: self._create(block_size, overlap, window_blocks, window, index))

    async def acreate(self, *, block_size: int = 0, overlap: int = 0, window_blocks: int = 0,
                      window: float = 0.0, index: str | None = None) -> None:
        await self._arun(lambda: self._create(block_size, overlap, window_blocks, window, index))

    def _append(self, content: Buffer, tokens: int, vector: Vector | None,
                score: int | None) -> int:
        kept, block = Kept(), ffi.new("struct swarm_block *")
        block.tokens = tokens
        kept.point(block.content, content)
        if vector is not None:
            kept.point(block.vector, vector_buffer(vector))
        block.has_score, block.score = score is not None, score or 0
        return self._value(lib.swarm_context_append, block)

    def append(self, content: Buffer, tokens: int, *, vector: Vector | None = None,
               score: int | None = None) -> int:
        """A block of so many tokens; its first token. `vector`: by which the context's index finds
        it; `score`: of what use it is, for pruning and conditions."""
        return self._run(lambda: self._append(content, tokens, vector, score))

    async def aappend(self, content: Buffer, tokens: int, *, vector: Vector | None = None,
                      score: int | None = None) -> int:
        return await self._arun(lambda: self._append(content, tokens, vector, score))

    def _append_tokens(self, tokens: Buffer, token_size: int | None, block_size: int) -> int:
        if not lib.swarm_is_ordered(self._client.native.handle):
            raise ValueError("append_tokens wants a client that was opened with ordered=True")
        kept, span = Kept(), ffi.new("struct swarm_slice *")
        kept.point(span, tokens)
        size = token_size or memoryview(tokens).itemsize
        blocks = ffi.new("uint64_t *")
        try:
            self._call(lib.swarm_context_append_tokens, self._id, span[0], size, block_size, blocks)
        except errors.SwarmError as error:
            if blocks[0] > 0:
                error.add_note(f"{blocks[0]} blocks before it are in the context")
            raise
        return int(blocks[0])

    def append_tokens(self, tokens: Buffer, *, token_size: int | None = None,
                      block_size: int = 0) -> int:
        """Cuts tokens into blocks and appends them in order, many under way at a time; how many
        blocks. A token has `token_size` bytes, or is one item of the buffer: an array("I"), a NumPy
        array of uint32. The client was opened with ordered=True."""
        return self._run(lambda: self._append_tokens(tokens, token_size, block_size))

    async def aappend_tokens(self, tokens: Buffer, *, token_size: int | None = None,
                             block_size: int = 0) -> int:
        return await self._arun(lambda: self._append_tokens(tokens, token_size, block_size))

    def _window(self, blocks: int, seconds: float) -> int:
        wanted = ffi.new("struct swarm_window *")
        wanted.blocks, wanted.ms = blocks, _ms(seconds)
        return self._value(lib.swarm_context_window, wanted)

    def window(self, blocks: int = 0, seconds: float = 0.0) -> int:
        """Sets the window and moves it to the present; it never moves back. The first token of the
        first block inside."""
        return self._run(lambda: self._window(blocks, seconds))

    async def awindow(self, blocks: int = 0, seconds: float = 0.0) -> int:
        return await self._arun(lambda: self._window(blocks, seconds))

    def delete(self) -> None:
        """In steps; from the first on there is no such context. After an error: again."""
        self._run(lambda: self._value(lib.swarm_context_delete))

    async def adelete(self) -> None:
        await self._arun(lambda: self._value(lib.swarm_context_delete))

    def _prune(self, threshold: int, high: bool, dry: bool, age: float, keep: int,
               size_max: int) -> Pruned:
        policy = ffi.new("struct swarm_policy *")
        policy.threshold, policy.high, policy.dry = threshold, high, dry
        policy.age_ms, policy.keep, policy.size_max = _ms(age), keep, size_max
        blocks, size = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        self._call(lib.swarm_context_prune, self._id, policy, blocks, size)
        return Pruned(int(blocks[0]), int(size[0]))

    def prune(self, threshold: int, *, high: bool = False, dry: bool = False, age: float = 0.0,
              keep: int = 0, size_max: int = 0) -> Pruned:
        """Deletes blocks whose score is at most the threshold (`high`: at least), oldest first;
        `dry` only counts them. `age`: only those so many seconds old; `keep`: none that has one of
        the last so many tokens; `size_max`: only while the content has more bytes."""
        return self._run(lambda: self._prune(threshold, high, dry, age, keep, size_max))

    async def aprune(self, threshold: int, *, high: bool = False, dry: bool = False,
                     age: float = 0.0, keep: int = 0, size_max: int = 0) -> Pruned:
        return await self._arun(lambda: self._prune(threshold, high, dry, age, keep, size_max))

    # ---- reading

    def _blocks(self, function: Callable[..., int], *words: Any) -> list[Block]:
        owner = self._made(function, "swarm_blocks", lib.swarm_blocks_free, self._id, *words)
        return [_block(lib.swarm_blocks_at(owner, at), owner)
                for at in range(lib.swarm_blocks_count(owner))]

    def _locate(self, token: int) -> Block | None:
        try:
            return self._blocks(lib.swarm_context_locate, token)[0]
        except errors.NotFoundError:
            return None

    def locate(self, token: int) -> Block | None:
        """The block that has this token, found by one request however long the context is."""
        return self._run(lambda: self._locate(token))

    async def alocate(self, token: int) -> Block | None:
        return await self._arun(lambda: self._locate(token))

    def _read(self, start: int, end: int | None) -> list[Block]:
        return self._blocks(lib.swarm_context_read, start, TOKEN_MAX if end is None else end)

    def read(self, start: int = 0, end: int | None = None) -> list[Block]:
        """All blocks that have a token from `start` up to `end` (excluded), in order."""
        return self._run(lambda: self._read(start, end))

    async def aread(self, start: int = 0, end: int | None = None) -> list[Block]:
        return await self._arun(lambda: self._read(start, end))


def _block(raw: Any, owner: object) -> Block:
    return Block(raw.token, raw.end, raw.number, raw.score if raw.has_score else None,
                 slice_view(raw.content, owner), raw.revision, raw.time_ms)


class Contexts(Calls):
    """Those of a partition."""

    def _read(self) -> list[ContextInfo]:
        made, count = ffi.new("struct swarm_context_info **"), ffi.new("size_t *")
        self._call(lib.swarm_context_list, made, count)
        try:
            return [_info(made[0][at]) for at in range(count[0])]
        finally:
            lib.free(made[0])

    def all(self) -> list[ContextInfo]:
        return self._run(self._read)

    async def aall(self) -> list[ContextInfo]:
        return await self._arun(self._read)


def _info(raw: Any) -> ContextInfo:
    numbers = {name: getattr(raw, name) for name in ContextInfo._fields[2:-1]}
    return ContextInfo(id=ffi.string(raw.id).decode(), index_name=ffi.string(raw.index).decode(),
                       is_dying=bool(raw.is_dying), **numbers)
