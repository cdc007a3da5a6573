"""What a function does, written once for both worlds: a generator that yields the requests it needs
answered and the pauses it needs made. `run` drives it by waiting, `arun` by awaiting."""
from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, Union

from swarmstore._native import Native, check_not_in_loop
from swarmstore._reply import Reply
from swarmstore._request import Request

T = TypeVar("T")


@dataclass(frozen=True)
class Ask:
    """A request to be answered; the answer is what the yield returns."""

    request: Request
    timeout: float | None = None
    accept: tuple[int, ...] = ()  # statuses that are answers, too


@dataclass(frozen=True)
class Pause:
    """Seconds to wait."""

    seconds: float


@dataclass(frozen=True)
class InThread:
    """A function of libswarm that waits by itself; its result is what the yield returns."""

    call: Any


@dataclass(frozen=True)
class AskAll:
    """Requests to be answered, many under way at a time and in no order; what the yield returns is
    what `each` made of the answers, in the order of the requests. The first that fails ends it when
    those under way are answered."""

    requests: Iterable[Request]
    timeout: float | None
    each: Callable[[Reply], Any]


Steps = Generator[Union[Ask, AskAll, Pause, InThread], Any, T]


def ask(request: Request, timeout: float | None = None,
        accept: tuple[int, ...] = ()) -> Generator[Ask, Reply, Reply]:
    """reply = yield from ask(request)"""
    return (yield Ask(request, timeout, accept))


def run(native: Native, steps: Steps[T]) -> T:
    check_not_in_loop()
    answer: Any = None
    failed: BaseException | None = None
    while True:
        try:
            step = steps.send(answer) if failed is None else steps.throw(failed)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        answer = failed = None
        try:
            if isinstance(step, Ask):
                answer = native.run(step.request, step.timeout).checked(step.accept)
            elif isinstance(step, AskAll):
                answer = native.run_all(step.requests, step.timeout, step.each)
            elif isinstance(step, Pause):
                time.sleep(step.seconds)
            else:
                answer = step.call()
        except BaseException as error:  # the steps decide what it means
            failed = error


async def arun(native: Native, steps: Steps[T]) -> T:
    answer: Any = None
    failed: BaseException | None = None
    while True:
        try:
            step = steps.send(answer) if failed is None else steps.throw(failed)
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]
        answer = failed = None
        try:
            if isinstance(step, Ask):
                answer = (await native.arun(step.request, step.timeout)).checked(step.accept)
            elif isinstance(step, AskAll):
                answer = await native.arun_all(step.requests, step.timeout, step.each)
            elif isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            else:
                loop = asyncio.get_running_loop()
                answer = await loop.run_in_executor(None, step.call)
        except BaseException as error:  # cancellation too: what was begun is undone
            failed = error
