"""Typed links between keys of a partition, found from both ends.

    links = store.links()
    links.put("plot/7", "memory/ann/1", "shows")
    for link in links.follow("plot/7", depth=2):
        print(link.depth, link.type, link.to)
"""
from __future__ import annotations

from typing import Any, NamedTuple

from swarmstore._calls import Calls
from swarmstore._reply import Header, Reply, slice_bytes
from swarmstore._request import Kept, Key, key_bytes
from swarmstore._swarm import ffi, lib


class Link(NamedTuple):
    """A link; it is there as long as both of its keys are."""

    source: bytes
    target: bytes
    type: str
    score: int  #: thousandths
    depth: int  #: 1 = at the key that was asked for
    revision: int


class Linked(list[Link]):
    """Links, nearest first."""

    more: bool  #: than the limit


class Links(Calls):
    """The links of a partition; made by `client.links`, which sends nothing."""

    def _write_link(self, function: Any, source: Key, target: Key, kind: str,
                    score: int = 0) -> Reply:
        kept, link = Kept(), ffi.new("struct swarm_link *")
        kept.point(getattr(link, "from"), key_bytes(source))
        kept.point(link.to, key_bytes(target))
        kept.point(link.type, kind.encode())
        link.score = score
        return self._write(function, link)

    def put(self, source: Key, target: Key, kind: str, *, score: int = 0) -> Header:
        """`kind`: 1 to 32 letters, digits, "_", "-" and "."; `score` in thousandths.
        NotFoundError: one of the keys does not exist."""
        return self._run(lambda: self._write_link(lib.swarm_link_put, source, target, kind,
                                                  score).header)

    async def aput(self, source: Key, target: Key, kind: str, *, score: int = 0) -> Header:
        return await self._arun(lambda: self._write_link(lib.swarm_link_put, source, target, kind,
                                                         score).header)

    def _delete(self, source: Key, target: Key, kind: str) -> bool:
        return bool(self._write_link(lib.swarm_link_delete, source, target, kind).raw.value)

    def delete(self, source: Key, target: Key, kind: str) -> bool:
        """Whether there was one."""
        return self._run(lambda: self._delete(source, target, kind))

    async def adelete(self, source: Key, target: Key, kind: str) -> bool:
        return await self._arun(lambda: self._delete(source, target, kind))

    def _follow(self, key: Key, kind: str | None, backward: bool, depth: int,
                limit: int) -> Linked:
        kept, query = Kept(), ffi.new("struct swarm_link_query *")
        kept.point(query.key, key_bytes(key))
        query.type, query.backward = kept.text(kind), backward
        query.depth, query.limit = depth, limit
        made = self._made(lib.swarm_link_follow, "swarm_links", lib.swarm_links_free, query)
        found = Linked(_link(lib.swarm_links_at(made, at))
                       for at in range(lib.swarm_links_count(made)))
        found.more = bool(lib.swarm_links_more(made))
        return found

    def follow(self, key: Key, kind: str | None = None, *, backward: bool = False, depth: int = 1,
               limit: int = 0) -> Linked:
        """Links that begin at the key (`backward`: end there), and so on up to `depth`, at most 8;
        `limit`: 0 = 1000."""
        return self._run(lambda: self._follow(key, kind, backward, depth, limit))

    async def afollow(self, key: Key, kind: str | None = None, *, backward: bool = False,
                      depth: int = 1, limit: int = 0) -> Linked:
        return await self._arun(lambda: self._follow(key, kind, backward, depth, limit))


def _link(raw: Any) -> Link:
    return Link(slice_bytes(getattr(raw, "from")), slice_bytes(raw.to),
                slice_bytes(raw.type).decode(), raw.score, raw.depth, raw.revision)
