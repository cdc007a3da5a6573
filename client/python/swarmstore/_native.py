"""One client of libswarm and the two ways to wait for its answers: a thread's, and an event loop's.

Every request goes out with `swarm_inbox_submit`, which never blocks, and its answer waits in an
inbox: one for each thread that calls the sync functions, one for each event loop. So no callback
ever needs the interpreter, waiting releases the GIL, and a waiting thread can be interrupted.
"""
from __future__ import annotations

import asyncio
import atexit
import itertools
import os
import select
import threading
import time
import weakref
from collections.abc import Callable, Container, Iterable
from typing import Any, TypeVar

from swarmstore import errors
from swarmstore._reply import Reply
from swarmstore._request import Request
from swarmstore._swarm import ffi, lib

T = TypeVar("T")

WHY_SIZE = 256
PAUSE_S = 0.005
MANY = 256  # requests of one call that are under way at a time


class ClosedError(RuntimeError):
    """The client was closed."""


class SyncInLoopError(RuntimeError):
    """A call that waits was made on the thread of a running event loop."""


def check_not_in_loop(name: str = "this call") -> None:
    """A sync call on a loop's thread would stop everything that the loop serves."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise SyncInLoopError(f"{name} would block the event loop: await its twin whose name begins "
                          "with 'a'")


class Inbox:
    """Where answers wait; freed with the object."""

    def __init__(self) -> None:
        made = ffi.new("struct swarm_inbox **")
        errors.check(lib.swarm_inbox_new(made), "no inbox could be made")
        self.native = made[0]
        self.fd: int = lib.swarm_inbox_fd(self.native)
        self._pid = os.getpid()
        self._arg = ffi.new("void **")

    def take(self) -> tuple[int, Reply] | None:
        """The tag and the answer of the oldest request that was answered."""
        result = lib.swarm_inbox_take(self.native, self._arg)
        if result == ffi.NULL:
            return None
        return int(ffi.cast("uintptr_t", self._arg[0])), Reply(result)

    def __del__(self) -> None:
        # In a child after fork() the descriptor and the locks are those of the parent.
        if hasattr(self, "native") and os.getpid() == self._pid:
            lib.swarm_inbox_free(self.native)


class ThreadPort:
    """The inbox of one thread that waits for each of its requests."""

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.poll = select.poll()
        self.poll.register(self.inbox.fd, select.POLLIN)

    def wait(self, tags: Container[int]) -> tuple[int, Reply]:
        """The next answer to one of these."""
        while True:
            found = self.inbox.take()
            if found is None:
                self.poll.poll()
            elif found[0] in tags:  # others are of calls that were interrupted
                return found


class Batch:
    """Answers to many requests: their places, and the first failure."""

    def __init__(self, each: Callable[[Reply], Any]) -> None:
        self.pending: dict[int, int] = {}  # tag -> place
        self.failed: errors.SwarmError | None = None
        self._each = each
        self._made: dict[int, Any] = {}

    def take(self, at: int, reply: Reply) -> None:
        try:
            self._made[at] = self._each(reply.checked())
        except errors.SwarmError as error:
            self.fail(at, error)

    def fail(self, at: int, error: errors.SwarmError) -> None:
        if self.failed is None:
            error.add_note(f"it was number {at} of several, counted from 0")
            self.failed = error

    def result(self) -> list[Any]:
        if self.failed is not None:
            self.failed.add_note(f"{len(self._made)} of the others were done")
            raise self.failed
        return [self._made[at] for at in range(len(self._made))]


class LoopPort:
    """The inbox of one event loop, with a future for each request under way."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.inbox = Inbox()
        self.futures: dict[int, asyncio.Future[Reply]] = {}
        self.waiters: list[asyncio.Future[None]] = []
        loop.add_reader(self.inbox.fd, self.drain)

    def drain(self) -> None:
        while (found := self.inbox.take()) is not None:
            tag, reply = found
            future = self.futures.pop(tag, None)
            if future is not None and not future.done():
                future.set_result(reply)
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def room(self) -> None:
        """Returns when a request of this loop was answered: there may be room for one more."""
        if not self.futures:
            await asyncio.sleep(PAUSE_S)  # others fill the client
            return
        waiter: asyncio.Future[None] = self.loop.create_future()
        self.waiters.append(waiter)
        await waiter

    def finish(self) -> None:
        self.drain()
        self.loop.remove_reader(self.inbox.fd)


class Native:
    """A client of libswarm, shared by all the scopes that were made of it."""

    def __init__(self, options: Any) -> None:
        made = ffi.new("struct swarm_client **")
        why = ffi.new("char[]", WHY_SIZE)
        status = lib.swarm_open(options, made, why, WHY_SIZE)
        errors.check(status, ffi.string(why).decode(errors="replace"))
        self.handle = made[0]
        self.closed = False
        self._pid = os.getpid()
        # A request is never submitted to a client that was freed, nor a call of libswarm made.
        self._lock = threading.Condition()
        self._calls = 0
        self._tags = itertools.count(1)
        self._threads = threading.local()
        self._loops: dict[asyncio.AbstractEventLoop, LoopPort] = {}
        self._closers: dict[int, Callable[[], None]] = {}
        _live.add(self)

    def _submit(self, inbox: Inbox, request: Request, tag: int, timeout: float | None) -> int:
        why = ffi.new("char[]", WHY_SIZE)
        request.set_deadline(timeout)
        with self._lock:
            if self.closed:
                raise ClosedError("the client was closed")
            status: int = lib.swarm_inbox_submit(inbox.native, self.handle, request.cdata,
                                                 ffi.cast("void *", tag), why, WHY_SIZE)
        if status not in (lib.SWARM_OK, lib.SWARM_BUSY):
            errors.check(status, ffi.string(why).decode(errors="replace"))
        return status

    def _thread_port(self) -> ThreadPort:
        port = getattr(self._threads, "port", None)
        if port is None:
            port = self._threads.port = ThreadPort()
        return port

    def run(self, request: Request, timeout: float | None) -> Reply:
        """Sends it and waits; other threads run meanwhile."""
        check_not_in_loop()
        port = self._thread_port()
        tag = next(self._tags)
        errors.check(self._submit(port.inbox, request, tag, timeout), "too many requests at once")
        return port.wait((tag,))[1]

    def run_all(self, requests: Iterable[Request], timeout: float | None,
                each: Callable[[Reply], Any]) -> list[Any]:
        """What `each` makes of the answers, in order; see _steps.AskAll."""
        check_not_in_loop()
        port = self._thread_port()
        batch = Batch(each)

        def take_one() -> None:
            tag, reply = port.wait(batch.pending)
            batch.take(batch.pending.pop(tag), reply)

        def send(at: int, request: Request) -> None:
            tag = next(self._tags)
            while self._submit(port.inbox, request, tag, timeout) == lib.SWARM_BUSY:
                if batch.pending:
                    take_one()
                else:
                    time.sleep(PAUSE_S)  # others fill the client
            batch.pending[tag] = at

        for at, request in enumerate(requests):
            if len(batch.pending) >= MANY:
                take_one()
            if batch.failed is not None:
                break
            try:
                send(at, request)
            except errors.SwarmError as error:
                batch.fail(at, error)
        while batch.pending:
            take_one()
        return batch.result()

    def _loop_port(self) -> LoopPort:
        loop = asyncio.get_running_loop()
        port = self._loops.get(loop)
        if port is None:
            for old in [old for old in self._loops if old.is_closed()]:
                del self._loops[old]
            port = self._loops[loop] = LoopPort(loop)
        return port

    async def _answer(self, port: LoopPort, request: Request,
                      timeout: float | None) -> Reply | None:
        """None: the client itself has no room for it, nobody was asked."""
        tag = next(self._tags)
        if self._submit(port.inbox, request, tag, timeout) == lib.SWARM_BUSY:
            return None
        future: asyncio.Future[Reply] = port.loop.create_future()
        port.futures[tag] = future
        try:
            reply = await future
        finally:
            port.futures.pop(tag, None)
        refused = reply.raw.status == lib.SWARM_BUSY and reply.raw.node == 0
        return None if refused else reply

    async def arun(self, request: Request, timeout: float | None) -> Reply:
        """Sends it; waits in the loop, also for room when very many are under way. The timeout
        begins when there is room."""
        port = self._loop_port()
        while (reply := await self._answer(port, request, timeout)) is None:
            await port.room()
        return reply

    async def arun_all(self, requests: Iterable[Request], timeout: float | None,
                       each: Callable[[Reply], Any]) -> list[Any]:
        """What `each` makes of the answers, in order; see _steps.AskAll."""
        batch = Batch(each)
        under_way: set[asyncio.Task[None]] = set()

        async def one(at: int, request: Request) -> None:
            try:
                reply = await self.arun(request, timeout)
            except errors.SwarmError as error:
                batch.fail(at, error)
            else:
                batch.take(at, reply)

        try:
            for at, request in enumerate(requests):
                if len(under_way) >= MANY:
                    _, under_way = await asyncio.wait(under_way,
                                                      return_when=asyncio.FIRST_COMPLETED)
                if batch.failed is not None:
                    break
                under_way.add(asyncio.ensure_future(one(at, request)))
            await asyncio.gather(*under_way)
        finally:
            for task in under_way:
                task.cancel()
        return batch.result()

    def call(self, function: Callable[[], T]) -> T:
        """For functions of libswarm that wait by themselves: the client lives until they end."""
        with self._lock:
            if self.closed:
                raise ClosedError("the client was closed")
            self._calls += 1
        try:
            return function()
        finally:
            with self._lock:
                self._calls -= 1
                self._lock.notify_all()

    def before_close(self, owner: object, close: Callable[[], None]) -> None:
        """Whoever borrows the native client ends before it does."""
        self._closers[id(owner)] = close

    def forget(self, owner: object) -> None:
        self._closers.pop(id(owner), None)

    def close(self) -> None:
        """Ends what is under way with CancelledError; again: does nothing."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            closing, self.closed = not self.closed, True
            self._lock.wait_for(lambda: self._calls == 0)
        if not closing:
            return
        for close in list(self._closers.values()):
            close()
        lib.swarm_close(self.handle)
        _live.discard(self)
        for loop, port in list(self._loops.items()):
            if not loop.is_closed():
                loop.call_soon_threadsafe(port.finish)
        self._loops.clear()


# The threads of libswarm must have ended before the interpreter does.
_live: weakref.WeakSet[Native] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for native in list(_live):
        native.close()
