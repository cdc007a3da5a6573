"""Vector indexes of a partition: keys that are found by a vector that was put with them.

    facts = store.index("facts")
    facts.create(dim=384)
    facts.put("fact/1", vector, b"water is wet", {"year": 2026, "tag": ["water", "wet"]})
    for hit in facts.search(question, k=5, where=[field("year").between(2020, 2030)]):
        print(hit.distance, hit.record.key)

A vector is bytes, or anything with the buffer protocol, of the index's numbers (array("f"), a NumPy
array), or a sequence of Python numbers.
"""
from __future__ import annotations

import array
import enum
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from swarmstore import _request, errors
from swarmstore._reply import Header, Record, Reply, record_of
from swarmstore._request import Buffer, Key, Request
from swarmstore._steps import Steps, arun, ask, run
from swarmstore._swarm import ffi, lib

if TYPE_CHECKING:
    from swarmstore.client import Client

Number = Union[int, float]
Vector = Union[Buffer, Sequence[Number]]
Value = Union[int, str]
Attributes = Mapping[str, Union[Value, Sequence[Value]]]


class Metric(enum.IntEnum):
    """What near means; distances are 1 - cosine, minus the inner product, and L2 squared."""

    COSINE = lib.SWARM_COSINE
    INNER_PRODUCT = lib.SWARM_INNER_PRODUCT
    L2 = lib.SWARM_L2


class DType(enum.IntEnum):
    """The numbers of a vector, little-endian."""

    F32 = lib.SWARM_F32
    F16 = lib.SWARM_F16
    I8 = lib.SWARM_I8


def vector_bytes(vector: Vector) -> Buffer:
    """Python numbers become f32; buffers stay what they are."""
    try:
        return memoryview(vector).cast("B")  # type: ignore[arg-type]
    except TypeError:
        return array.array("f", vector).tobytes()


@dataclass(frozen=True)
class Condition:
    """What an attribute has to be; made by `field(...)`."""

    kind: int
    name: str
    value: Value = 0
    low: int = 0
    high: int = 0


class field:  # noqa: N801 - reads as a word in conditions
    """An attribute in a condition: field("year").between(2020, 2030)."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: str) -> None:
        self._name = name

    def __eq__(self, value: object) -> Condition:  # type: ignore[override]
        if not isinstance(value, (int, str)):
            raise TypeError("an attribute is an int or a str")
        return Condition(lib.SWARM_CONDITION_EQUAL, self._name, value)

    def between(self, low: int, high: int) -> Condition:
        """Both included."""
        return Condition(lib.SWARM_CONDITION_RANGE, self._name, 0, low, high)

    def startswith(self, prefix: str) -> Condition:
        return Condition(lib.SWARM_CONDITION_PREFIX, self._name, prefix)


class Hit(NamedTuple):
    """A key that was found, and how far it is."""

    record: Record
    distance: float


class Found(NamedTuple):
    """Hits, nearest first."""

    hits: list[Hit]
    certificate: dict[str, Any]  #: how they were found
    header: Header


class NotNovelError(errors.ExistsError):
    """What was put as novel is there already, or something near it: `hit`."""

    hit: Hit


def hits_of(reply: Reply) -> list[Hit]:
    hits = []
    for raw in reply.rows():
        hits.append(Hit(record_of(raw)._replace(lease=0), lib.swarm_distance(ffi.addressof(raw))))
    return hits


def _text(request: Request, text: str) -> Any:
    kept = ffi.new("char[]", text.encode())
    request.keep.append(kept)
    return kept


def _fill(request: Request, slot: Any, name: str, value: Value) -> None:
    slot.name = _text(request, name)
    if isinstance(value, str):
        slot.kind = lib.SWARM_ATTRIBUTE_TEXT
        request.point(slot.text, value.encode())
    else:
        slot.kind = lib.SWARM_ATTRIBUTE_NUMBER
        slot.number = value


def _flat(attributes: Attributes) -> list[tuple[str, Value]]:
    """Several values of one name are a set."""
    rows: list[tuple[str, Value]] = []
    for name, value in attributes.items():
        values = [value] if isinstance(value, (int, str)) else list(value)
        rows += [(name, one) for one in values]
    return rows


class Index:
    """An index; made by `client.index`, which sends nothing."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self.name = name

    def _ask(self, request: Request, timeout: float | None) -> Steps[Reply]:
        return ask(request, timeout)

    # ---- the index itself

    def _create(self, dim: int, metric: Metric, dtype: DType, model: str | None, version: int,
                exponent: int, seed: int | None, timeout: float | None) -> Steps[None]:
        request = _request.make(self._client.scope, lib.SWARM_INDEX_CREATE, key=self.name)
        space = ffi.new("struct swarm_space *")
        space.metric, space.dtype, space.exponent = int(metric), int(dtype), exponent
        space.dim, space.version = dim, version
        space.seed = secrets.randbits(64) if seed is None else seed
        if model is not None:
            space.model = _text(request, model)
        request.keep.append(space)
        request.cdata.space = space
        yield from self._ask(request, timeout)

    def create(self, dim: int, *, metric: Metric = Metric.COSINE, dtype: DType = DType.F32,
               model: str | None = None, version: int = 0, exponent: int = 0,
               seed: int | None = None, timeout: float | None = None) -> None:
        """`dim`: 16 to 4096 numbers; `exponent`: no vector is longer than 2 to this power, 0 for
        COSINE; `model` is what made the vectors."""
        run(self._client.native,
            self._create(dim, metric, dtype, model, version, exponent, seed, timeout))

    async def acreate(self, dim: int, *, metric: Metric = Metric.COSINE, dtype: DType = DType.F32,
                      model: str | None = None, version: int = 0, exponent: int = 0,
                      seed: int | None = None, timeout: float | None = None) -> None:
        await arun(self._client.native,
                   self._create(dim, metric, dtype, model, version, exponent, seed, timeout))

    def _drop(self, timeout: float | None) -> Steps[None]:
        yield from self._ask(_request.make(self._client.scope, lib.SWARM_INDEX_DROP,
                                           key=self.name), timeout)

    def drop(self, *, timeout: float | None = None) -> None:
        """The keys that it finds stay."""
        run(self._client.native, self._drop(timeout))

    async def adrop(self, *, timeout: float | None = None) -> None:
        await arun(self._client.native, self._drop(timeout))

    # ---- putting

    def _put(self, name: Key, vector: Vector, content: Buffer, attributes: Attributes,
             context: int, novel: float | None, lease: int,
             timeout: float | None) -> Steps[Header]:
        request = _request.make(self._client.scope, lib.SWARM_VECTOR_PUT, key=name, lease=lease)
        item = ffi.new("struct swarm_item *")
        rows = _flat(attributes)
        slots = ffi.new("struct swarm_attribute[]", max(1, len(rows)))
        for slot, (attribute, value) in zip(slots, rows):
            _fill(request, slot, attribute, value)
        item.index = _text(request, self.name)
        request.point(item.vector, vector_bytes(vector))
        request.point(item.content, content)
        item.context, item.novel = context, novel is not None
        item.distance_max = novel or 0.0
        item.attributes, item.attribute_count = slots, len(rows)
        request.keep += [item, slots]
        request.cdata.item = item
        reply = yield from ask(request, timeout, (errors.Status.EXISTS,))
        if reply.raw.status == errors.Status.EXISTS:
            refused = NotNovelError(reply.detail, header=reply.header)
            refused.hit = hits_of(reply)[0]
            raise refused
        return reply.header

    def put(self, name: Key, vector: Vector, content: Buffer = b"",
            attributes: Attributes | None = None, *, context: int = 0, novel: float | None = None,
            lease: int = 0, timeout: float | None = None) -> Header:
        """Writes the key and its vector. `novel`: only if nothing is within that distance, else
        NotNovelError has what is. `context`: 0, or whose window it belongs to."""
        return run(self._client.native, self._put(name, vector, content, attributes or {}, context,
                                                  novel, lease, timeout))

    async def aput(self, name: Key, vector: Vector, content: Buffer = b"",
                   attributes: Attributes | None = None, *, context: int = 0,
                   novel: float | None = None, lease: int = 0,
                   timeout: float | None = None) -> Header:
        return await arun(self._client.native, self._put(name, vector, content, attributes or {},
                                                         context, novel, lease, timeout))

    # ---- searching

    def _question(self, request: Request, vector: Vector, k: int, where: list[list[Condition]],
                  within: float | None, context: int | None, recall: float | None, stale: bool,
                  keys_only: bool) -> Any:
        question = ffi.new("struct swarm_question *")
        question.index = _text(request, self.name)
        request.point(question.vector, vector_bytes(vector))
        question.flags = ((lib.SWARM_SEARCH_STALE if stale else 0)
                          | (lib.SWARM_SEARCH_CONTEXT if context is not None else 0)
                          | (lib.SWARM_SEARCH_BOUNDED if within is not None else 0)
                          | (lib.SWARM_SEARCH_KEYS_ONLY if keys_only else 0))
        question.k, question.context = k, context or 0
        question.distance_max = within or 0.0
        question.recall_permille = 0 if recall is None else round(recall * 1000)
        rows = [(clause, one) for clause, alternatives in enumerate(where) for one in alternatives]
        slots = ffi.new("struct swarm_condition[]", max(1, len(rows)))
        for slot, (clause, condition) in zip(slots, rows):
            slot.kind, slot.clause = condition.kind, clause
            slot.low, slot.high = condition.low, condition.high
            _fill(request, slot.attribute, condition.name, condition.value)
        question.conditions, question.condition_count = slots, len(rows)
        request.keep += [question, slots]
        return question

    def _search(self, vector: Vector, k: int, where: Iterable[Condition | Sequence[Condition]],
                within: float | None, context: int | None, recall: float | None, stale: bool,
                keys_only: bool, timeout: float | None) -> Steps[Found]:
        clauses = [[one] if isinstance(one, Condition) else list(one) for one in where]
        request = _request.make(self._client.scope, lib.SWARM_VECTOR_SEARCH)
        request.cdata.question = self._question(request, vector, k, clauses, within, context,
                                                recall, stale, keys_only)
        reply = yield from self._ask(request, timeout)
        return Found(hits_of(reply), json.loads(reply.detail), reply.header)

    def search(self, vector: Vector, k: int = 10, *,
               where: Iterable[Condition | Sequence[Condition]] = (), within: float | None = None,
               context: int | None = None, recall: float | None = None, stale: bool = False,
               keys_only: bool = False, timeout: float | None = None) -> list[Hit]:
        """The nearest, at most `k`, and within that distance. `where`: all must hold; of a list
        inside of it, one. `recall`: 0.5 to 1.0, which compares all exactly; default 0.95."""
        return run(self._client.native, self._search(vector, k, where, within, context, recall,
                                                     stale, keys_only, timeout)).hits

    async def asearch(self, vector: Vector, k: int = 10, *,
                      where: Iterable[Condition | Sequence[Condition]] = (),
                      within: float | None = None, context: int | None = None,
                      recall: float | None = None, stale: bool = False, keys_only: bool = False,
                      timeout: float | None = None) -> list[Hit]:
        return (await arun(self._client.native,
                           self._search(vector, k, where, within, context, recall, stale,
                                        keys_only, timeout))).hits
