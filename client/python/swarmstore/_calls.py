"""Functions of libswarm that wait by themselves, for what is more than one request: each is run in
the calling thread, or awaited in one of asyncio's."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from swarmstore import errors
from swarmstore._reply import Reply
from swarmstore._steps import InThread, Steps, T, arun, run
from swarmstore._swarm import ffi

if TYPE_CHECKING:
    from swarmstore.client import Client

WHY_SIZE = 256


class Calls:
    """What makes such calls, in the scope of a client. All functions of libswarm that are called
    here begin with client and scope, and end with `ret_why` and its size."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def _call(self, function: Callable[..., int], *words: Any) -> None:
        """Raises what the status says."""
        why = ffi.new("char[]", WHY_SIZE)
        status = function(self._client.native.handle, self._client.scope.cdata[0], *words, why,
                          WHY_SIZE)
        errors.check(status, ffi.string(why).decode(errors="replace"))

    def _write(self, function: Callable[..., int], *words: Any,
               accept: tuple[int, ...] = ()) -> Reply:
        """The same of a function that has a result before its `ret_why`."""
        why, made = ffi.new("char[]", WHY_SIZE), ffi.new("struct swarm_result **")
        status = function(self._client.native.handle, self._client.scope.cdata[0], *words, made,
                          why, WHY_SIZE)
        if made[0] == ffi.NULL:
            errors.check(status, ffi.string(why).decode(errors="replace"))
        return Reply(made[0]).checked(accept)

    def _made(self, function: Callable[..., int], kind: str, free: Any, *words: Any) -> Any:
        """The same of a function that makes a `kind`, freed with the object that this is."""
        made = ffi.new(f"struct {kind} **")
        self._call(function, *words, made)
        return ffi.gc(made[0], free)

    def _steps(self, call: Callable[[], T]) -> Steps[T]:
        made: T = yield InThread(lambda: self._client.native.call(call))
        return made

    def _run(self, call: Callable[[], T]) -> T:
        return run(self._client.native, self._steps(call))

    async def _arun(self, call: Callable[[], T]) -> T:
        return await arun(self._client.native, self._steps(call))
