"""Contexts: long texts in blocks of tokens, whose order the swarm gives.

    story = store.context("story")
    story.create(index="notes", window_blocks=64)
    story.append(b"Once upon a time", tokens=4, vector=vector)
    print(story.locate(2).text)

What a read finds is not copied: `content` is a memoryview of libswarm's memory, which lives as long
as anyone looks at it; numpy.frombuffer(block.content, numpy.uint32) are its tokens.
"""
from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from swarmstore import errors
from swarmstore._calls import Calls
from swarmstore._reply import Header, slice_bytes, slice_view
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
    like: bytes  #: the key of a block that it is like; empty: nobody said
    likeness: int  #: permille of what they have in common
    uses: int  #: how often it was touched
    used_ms: int  #: and when last; 0 = never

    @property
    def text(self) -> str:
        """The content as UTF-8."""
        return str(self.content, "utf-8")


class Blocks(list[Block]):
    """Blocks in order, and what to compare when they are kept."""

    revision: int  #: of the state that was read
    epoch: int  #: at which searches last lost blocks of the context, or got some back: answers of
    #: before are out of date
    window_token: int  #: blocks that begin before it are outside of the window


class Appended(int):
    """The first token of a block that was appended."""

    like: bytes = b""  #: the key of a block that it is like, if the policy asks; else empty
    likeness: int = 0  #: permille of what they have in common


class DuplicateBlockError(errors.DuplicateError):
    """By its policy the context refuses what is like a block that is there."""

    like: bytes
    likeness: int


class Dedupe(enum.IntEnum):
    """What to do about a block that is like one that is there."""

    NONE = lib.SWARM_DEDUPE_NONE
    FLAG = lib.SWARM_DEDUPE_FLAG  #: append it and say so
    REFUSE = lib.SWARM_DEDUPE_REFUSE  #: DuplicateBlockError
    LINK = lib.SWARM_DEDUPE_LINK  #: append it, and the block names the other, too


class Pruning(NamedTuple):
    """Which blocks go, oldest first."""

    threshold: int | None = None  #: those whose score is at most this; None: whatever the score
    high: bool = False  #: at least this
    age: float = 0.0  #: only those so many seconds old
    idle: float = 0.0  #: only those that were not touched for so many seconds
    keep: int = 0  #: none that has one of the last so many tokens
    size_max: int = 0  #: only while the content has more bytes; 0 = all that fit the rest


class Policy(NamedTuple):
    """What appends to a context do beside appending."""

    pruning: Pruning | None = None
    dedupe: Dedupe = Dedupe.NONE
    similar: int = 0  #: permille of shingles that two contents share; 800 is usual
    ids: bool = False  #: contents are token numbers of four bytes; else text


class Gone(NamedTuple):
    """A block that a pruning took and that can still come back."""

    token: int
    number: int
    tokens: int
    by_policy: bool  #: a stored one; else somebody asked for it
    reason: str  #: "score", "age", "idle" or "budget"
    score: int | None
    size: int
    revision: int
    time_ms: int


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
    window_similar: int
    epoch: int  #: see Blocks; 0 = nothing has left yet
    pruned: int  #: blocks, ever
    gone: int  #: of these, that can still come back
    duplicates: int  #: blocks that were like others when they came
    precision: int
    is_dying: bool  #: it is being deleted

    @property
    def number(self) -> int:
        """What an index knows it by: `context` of a search."""
        return self.created & 0xFFFFFFFF


class Pruned(NamedTuple):
    """What went, would go, or came back."""

    blocks: int
    bytes: int


def _ms(seconds: float) -> int:
    return max(1, int(seconds * 1000)) if seconds > 0 else 0


def _fill_pruning(policy: Any, pruning: Pruning) -> None:
    policy.any, policy.threshold = pruning.threshold is None, pruning.threshold or 0
    policy.high, policy.keep, policy.size_max = pruning.high, pruning.keep, pruning.size_max
    policy.age_ms, policy.idle_ms = _ms(pruning.age), _ms(pruning.idle)


def _policy(raw: Any) -> Policy:
    rules = raw.prune
    pruning = Pruning(None if rules.any else rules.threshold, bool(rules.high),
                      rules.age_ms / 1000, rules.idle_ms / 1000, rules.keep, rules.size_max)
    return Policy(pruning if raw.prunes else None, Dedupe(raw.dedupe), raw.similar, bool(raw.ids))


class Policies(Calls):
    """The policy of one context, or of those of a partition that have none of their own."""

    _id: Any = ffi.NULL

    def _set_policy(self, wanted: Policy | None) -> Header:
        policy = ffi.NULL
        if wanted is not None:
            policy = ffi.new("struct swarm_context_policy *")
            policy.prunes = wanted.pruning is not None
            if wanted.pruning is not None:
                _fill_pruning(policy.prune, wanted.pruning)
            policy.dedupe, policy.similar, policy.ids = wanted[1:]
        return self._write(lib.swarm_context_set_policy, self._id, policy).header

    def set_policy(self, wanted: Policy | None) -> Header:
        """What appends do beside appending; None: nothing."""
        return self._run(lambda: self._set_policy(wanted))

    async def aset_policy(self, wanted: Policy | None) -> Header:
        return await self._arun(lambda: self._set_policy(wanted))

    def _get_policy(self) -> Policy | None:
        found = ffi.new("struct swarm_context_policy *")
        try:
            self._call(lib.swarm_context_get_policy, self._id, found)
        except errors.NotFoundError:
            return None
        return _policy(found)

    def policy(self) -> Policy | None:
        """The one that was set here; None: none was."""
        return self._run(self._get_policy)

    async def apolicy(self) -> Policy | None:
        return await self._arun(self._get_policy)


class Context(Policies):
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

    def _create(self, block_size: int, overlap: int, window: tuple[int, float, int],
                index: str | None, precision: int) -> None:
        kept, options = Kept(), ffi.new("struct swarm_context_options *")
        options.block_size, options.overlap, options.precision = block_size, overlap, precision
        options.window = _window(*window)[0]
        options.index = kept.text(index)
        self._value(lib.swarm_context_create, options)

    def create(self, *, block_size: int = 0, overlap: int = 0, window_blocks: int = 0,
               window: float = 0.0, similar: int = 0, index: str | None = None,
               precision: int = 0) -> None:
        """`block_size`: tokens of a block at most, 0 = 1024; `overlap`: tokens that each repeats of
        the one before. Searches of `index` find only the last `window_blocks` blocks, none that is
        older than `window` seconds, and none that is less like the newest than `similar` permille;
        0 = all. `precision`: bits of a number of the content, for readers. ConflictError: there is
        one."""
        bounds = (window_blocks, window, similar)
        self._run(lambda: self._create(block_size, overlap, bounds, index, precision))

    async def acreate(self, *, block_size: int = 0, overlap: int = 0, window_blocks: int = 0,
                      window: float = 0.0, similar: int = 0, index: str | None = None,
                      precision: int = 0) -> None:
        bounds = (window_blocks, window, similar)
        await self._arun(lambda: self._create(block_size, overlap, bounds, index, precision))

    def _append(self, content: Buffer, tokens: int, vector: Vector | None,
                score: int | None) -> Appended:
        kept, block = Kept(), ffi.new("struct swarm_block *")
        block.tokens = tokens
        kept.point(block.content, content)
        if vector is not None:
            kept.point(block.vector, vector_buffer(vector))
        block.has_score, block.score = score is not None, score or 0
        reply = self._write(lib.swarm_context_append, self._id, block,
                            accept=(errors.Status.DUPLICATE,))
        like = reply.rows()[:1]
        told = (slice_bytes(like[0].key), like[0].lease) if like else (b"", 0)
        if reply.raw.status == errors.Status.DUPLICATE:
            refused = DuplicateBlockError(reply.detail, header=reply.header)
            refused.like, refused.likeness = told
            raise refused
        appended = Appended(reply.raw.value)
        appended.like, appended.likeness = told
        return appended

    def append(self, content: Buffer, tokens: int, *, vector: Vector | None = None,
               score: int | None = None) -> Appended:
        """A block of so many tokens; its first token. `vector`: by which the context's index finds
        it; `score`: of what use it is, for pruning and conditions. DuplicateBlockError: see
        set_policy."""
        return self._run(lambda: self._append(content, tokens, vector, score))

    async def aappend(self, content: Buffer, tokens: int, *, vector: Vector | None = None,
                      score: int | None = None) -> Appended:
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

    def window(self, blocks: int = 0, seconds: float = 0.0, similar: int = 0) -> int:
        """Sets the window, as `create` does, and moves it to the present; it never moves back. The
        first token of the first block inside."""
        bounds = _window(blocks, seconds, similar)
        return self._run(lambda: self._value(lib.swarm_context_window, bounds))

    async def awindow(self, blocks: int = 0, seconds: float = 0.0, similar: int = 0) -> int:
        bounds = _window(blocks, seconds, similar)
        return await self._arun(lambda: self._value(lib.swarm_context_window, bounds))

    def _touch(self, tokens: Iterable[int]) -> int:
        numbers, count = ffi.new("uint64_t[]", list(tokens)), ffi.new("uint64_t *")
        self._call(lib.swarm_context_touch, self._id, numbers, len(numbers), count)
        return int(count[0])

    def touch(self, tokens: Iterable[int]) -> int:
        """Notes that the blocks that begin with these tokens were used: reads note nothing. How
        many of them there are."""
        return self._run(lambda: self._touch(tokens))

    async def atouch(self, tokens: Iterable[int]) -> int:
        return await self._arun(lambda: self._touch(tokens))

    def delete(self) -> None:
        """In steps; from the first on there is no such context. After an error: again."""
        self._run(lambda: self._value(lib.swarm_context_delete))

    async def adelete(self) -> None:
        await self._arun(lambda: self._value(lib.swarm_context_delete))

    def _prune(self, pruning: Pruning | None, dry: bool) -> Pruned:
        policy = ffi.new("struct swarm_policy *")
        policy.stored, policy.dry = pruning is None, dry
        if pruning is not None:
            _fill_pruning(policy, pruning)
        blocks, size = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        self._call(lib.swarm_context_prune, self._id, policy, blocks, size)
        return Pruned(int(blocks[0]), int(size[0]))

    def prune(self, threshold: int | None = None, *, high: bool = False, dry: bool = False,
              age: float = 0.0, idle: float = 0.0, keep: int = 0, size_max: int = 0) -> Pruned:
        """Deletes blocks whose score is at most the threshold (`high`: at least; None: whatever it
        is), oldest first; `dry` only counts them. `age`: only those so many seconds old; `idle`:
        only those not touched for so long; `keep`: none that has one of the last so many tokens;
        `size_max`: only while the content has more bytes."""
        pruning = Pruning(threshold, high, age, idle, keep, size_max)
        return self._run(lambda: self._prune(pruning, dry))

    async def aprune(self, threshold: int | None = None, *, high: bool = False, dry: bool = False,
                     age: float = 0.0, idle: float = 0.0, keep: int = 0,
                     size_max: int = 0) -> Pruned:
        pruning = Pruning(threshold, high, age, idle, keep, size_max)
        return await self._arun(lambda: self._prune(pruning, dry))

    def prune_by_policy(self, *, dry: bool = False) -> Pruned:
        """By the stored policy, which appends follow by themselves."""
        return self._run(lambda: self._prune(None, dry))

    async def aprune_by_policy(self, *, dry: bool = False) -> Pruned:
        return await self._arun(lambda: self._prune(None, dry))

    def _restore(self, start: int, end: int | None, since: int) -> Pruned:
        blocks, size = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        self._call(lib.swarm_context_restore, self._id, start, TOKEN_MAX if end is None else end,
                   since, blocks, size)
        return Pruned(int(blocks[0]), int(size[0]))

    def restore(self, start: int = 0, end: int | None = None, *, since: int = 0) -> Pruned:
        """Brings back blocks that begin from `start` up to `end` (excluded) and that prunings took
        at revision `since` or later, with their vectors, as long as changes are kept."""
        return self._run(lambda: self._restore(start, end, since))

    async def arestore(self, start: int = 0, end: int | None = None, *,
                       since: int = 0) -> Pruned:
        return await self._arun(lambda: self._restore(start, end, since))

    def _gone(self) -> list[Gone]:
        made, count = ffi.new("struct swarm_gone **"), ffi.new("size_t *")
        self._call(lib.swarm_context_gone, self._id, made, count)
        try:
            return [_gone(made[0][at]) for at in range(count[0])]
        finally:
            lib.free(made[0])

    def gone(self) -> list[Gone]:
        """What prunings took and can still come back, in the order of tokens."""
        return self._run(self._gone)

    async def agone(self) -> list[Gone]:
        return await self._arun(self._gone)

    # ---- reading

    def _blocks(self, function: Callable[..., int], *words: Any) -> Blocks:
        owner = self._made(function, "swarm_blocks", lib.swarm_blocks_free, self._id, *words)
        found = Blocks(_block(lib.swarm_blocks_at(owner, at), owner)
                       for at in range(lib.swarm_blocks_count(owner)))
        place = lib.swarm_blocks_place(owner)
        found.revision, found.epoch = place.revision, place.epoch
        found.window_token = place.window_token
        return found

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

    def _read(self, start: int, end: int | None) -> Blocks:
        return self._blocks(lib.swarm_context_read, start, TOKEN_MAX if end is None else end)

    def read(self, start: int = 0, end: int | None = None) -> Blocks:
        """All blocks that have a token from `start` up to `end` (excluded), in order."""
        return self._run(lambda: self._read(start, end))

    async def aread(self, start: int = 0, end: int | None = None) -> Blocks:
        return await self._arun(lambda: self._read(start, end))


def _block(raw: Any, owner: object) -> Block:
    return Block(raw.token, raw.end, raw.number, raw.score if raw.has_score else None,
                 slice_view(raw.content, owner), raw.revision, raw.time_ms,
                 slice_bytes(raw.like), raw.likeness, raw.uses, raw.used_ms)


def _gone(raw: Any) -> Gone:
    return Gone(raw.token, raw.number, raw.tokens, bool(raw.by_policy),
                ffi.string(raw.reason).decode(), raw.score if raw.has_score else None, raw.size,
                raw.revision, raw.time_ms)


def _window(blocks: int, seconds: float, similar: int) -> Any:
    return ffi.new("struct swarm_window *", (blocks, _ms(seconds), similar))


class Contexts(Policies):
    """Those of a partition, and the policy of those that have none of their own."""

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
