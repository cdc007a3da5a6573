"""Vector indexes of a partition: keys that are found by a vector that was put with them.

    facts = store.index("facts")
    facts.create(dim=384)
    facts.put("fact/1", vector, b"water is wet", {"year": 2026, "tag": ["water", "wet"]})
    for hit in facts.search(question, k=5, where=[field("year").between(2020, 2030)]):
        print(hit.distance, hit.record.key)

A vector is a sequence of Python numbers, or anything with the buffer protocol that has the numbers
of the index: array("f"), a NumPy array of float32, float16 or int8, which is not copied, or their
bytes.
"""
from __future__ import annotations

import array
import enum
import itertools
import json
import secrets
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from swarmstore import _request, errors
from swarmstore._reply import Header, Record, Reply, record_of
from swarmstore._request import Buffer, Key, Request
from swarmstore._steps import AskAll, Steps, arun, ask, run
from swarmstore._swarm import ffi, lib
from swarmstore.watch import Watch

if TYPE_CHECKING:
    from swarmstore.client import Client

Number = Union[int, float]
Vector = Union[Buffer, Sequence[Number]]
Value = Union[int, str]
Attributes = Mapping[str, Union[Value, Sequence[Value]]]
Where = Union["Condition", Iterable[Union["Condition", Sequence["Condition"]]]]


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


#: The code of a number in the buffer protocol; an index of unknown numbers is taken for one of F32.
_CODES = {DType.F32: "f", DType.F16: "e", DType.I8: "b"}


def _packed(vector: Vector, code: str) -> bytes:
    try:
        numbers = list(vector)
        return struct.pack(f"<{len(numbers)}{code}", *numbers)
    except (TypeError, struct.error) as error:
        raise TypeError("a vector is a buffer or a sequence of numbers, not "
                        f"{type(vector).__name__}: {error}") from None


def vector_buffer(vector: Vector, dtype: DType | None = None) -> Any:
    """What libswarm reads the vector from. Of a buffer whose numbers stand side by side: itself;
    other numbers than an index can have are refused, since their bytes would be taken for some."""
    try:
        view = memoryview(vector)  # type: ignore[arg-type]
    except TypeError:
        return _packed(vector, _CODES[dtype or DType.F32])
    code = view.format.lstrip("@=<")
    if code != "B" and code not in ([_CODES[dtype]] if dtype is not None else _CODES.values()):
        wanted = dtype.name if dtype is not None else "F32, F16 or I8"
        raise TypeError(f"a vector of this index has numbers of {wanted}, these are {code!r}: "
                        "convert them first; NumPy: astype(np.float32)")
    return vector if view.c_contiguous else view.tobytes()


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


def _clauses(where: Where) -> list[list[Condition]]:
    """All must hold, and of each one; checked, since they are easily written in another way."""
    clauses = [[one] if isinstance(one, Condition) else list(one)
               for one in ([where] if isinstance(where, Condition) else where)]
    if not all(isinstance(one, Condition) for clause in clauses for one in clause):
        raise TypeError('where has conditions: field("year") == 2024, field("n").between(1, 5)')
    return clauses


class Found(list[Hit]):
    """Hits, nearest first, and how they were found."""

    def __init__(self, hits: Iterable[Hit], certificate: dict[str, Any], header: Header) -> None:
        super().__init__(hits)
        self.certificate = certificate  #: what was looked at, and what was not
        self.header = header

    @property
    def distances(self) -> array.array[float]:
        """As one buffer: numpy.asarray(found.distances) copies nothing."""
        return array.array("d", (hit.distance for hit in self))


class Search(NamedTuple):
    """How to search: see Index.search."""

    k: int = 10
    where: Where = ()
    within: float | None = None
    context: int | None = None
    recall: float | None = None
    stale: bool = False
    keys_only: bool = False
    #: Only what was put from the first of these revisions up to the second; 0 = no bound.
    revisions: tuple[int, int] = (0, 0)
    probe: int = 0  #: buckets to look into; 0 = what `recall` asks for
    rerank: int = 0  #: candidates that are compared exactly; 0 = the same


class NotNovelError(errors.ExistsError):
    """What was put as novel is there already, or something near it: `hit`."""

    hit: Hit


def hits_of(reply: Reply) -> list[Hit]:
    hits = []
    for raw in reply.rows():
        hits.append(Hit(record_of(raw)._replace(lease=0), lib.swarm_distance(ffi.addressof(raw))))
    return hits


def _fill(request: Request, slot: Any, name: str, value: Value) -> None:
    slot.name = request.text(name)
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
        values = list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]
        for one in values:
            if not isinstance(one, (int, str)):
                raise TypeError(f"attribute {name} is an int, a str or several of them, not "
                                f"{type(one).__name__}")
            rows.append((name, one))
    return rows


class Index:
    """An index; made by `client.index`, which sends nothing. `dtype` says what numbers it has, if
    it was told or the index was created here: sequences become such, other buffers are refused."""

    def __init__(self, client: Client, name: str, dtype: DType | None = None) -> None:
        self._client = client
        self.name = name
        self.dtype = dtype

    # ---- the index itself

    def _create(self, dim: int, metric: Metric, dtype: DType, model: str | None, version: int,
                exponent: int, seed: int | None, exist_ok: bool,
                timeout: float | None) -> Steps[None]:
        request = _request.make(self._client.scope, lib.SWARM_INDEX_CREATE, key=self.name)
        space = ffi.new("struct swarm_space *")
        space.metric, space.dtype, space.exponent = int(metric), int(dtype), exponent
        space.dim, space.version = dim, version
        space.seed = secrets.randbits(64) if seed is None else seed
        space.model = request.text(model)
        request.keep.append(space)
        request.cdata.space = space
        try:
            yield from ask(request, timeout)
        except errors.ConflictError as error:
            row = yield from self._row(timeout)
            same = row is not None and (row["dim"], row["metric"], row["dtype"]) == (
                dim, metric.name.lower().replace("_", "-"), dtype.name.lower())
            if not (exist_ok and same):
                what = "another one" if row is None else f"one of {row['dim']} numbers, " \
                    f"{row['dtype']}, {row['metric']}"
                raise errors.ConflictError(f"there is an index {self.name}: {what}",
                                           header=error.header) from None
        self.dtype = dtype

    def _row(self, timeout: float | None) -> Steps[dict[str, Any] | None]:
        """What the partition's list says of it."""
        reply = yield from ask(_request.make(self._client.scope, lib.SWARM_INDEX_LIST), timeout)
        rows = [row for row in json.loads(reply.detail)["indexes"] if row["name"] == self.name]
        return rows[0] if rows else None

    def __repr__(self) -> str:
        return f"<index {self.name}>"

    def create(self, dim: int, *, metric: Metric = Metric.COSINE, dtype: DType = DType.F32,
               model: str | None = None, version: int = 0, exponent: int = 0,
               seed: int | None = None, exist_ok: bool = False,
               timeout: float | None = None) -> None:
        """`dim`: 16 to 4096 numbers; `exponent`: no vector is longer than 2 to this power, 0 for
        COSINE; `model` is what made the vectors. ConflictError: there is one already, unless
        `exist_ok` and it has the same numbers and metric."""
        run(self._client.native,
            self._create(dim, metric, dtype, model, version, exponent, seed, exist_ok,
                         timeout))

    async def acreate(self, dim: int, *, metric: Metric = Metric.COSINE, dtype: DType = DType.F32,
                      model: str | None = None, version: int = 0, exponent: int = 0,
                      seed: int | None = None, exist_ok: bool = False,
                      timeout: float | None = None) -> None:
        await arun(self._client.native,
                   self._create(dim, metric, dtype, model, version, exponent, seed, exist_ok,
                         timeout))

    def _drop(self, timeout: float | None) -> Steps[None]:
        yield from ask(_request.make(self._client.scope, lib.SWARM_INDEX_DROP, key=self.name),
                       timeout)

    def drop(self, *, timeout: float | None = None) -> None:
        """The keys that it finds stay."""
        run(self._client.native, self._drop(timeout))

    async def adrop(self, *, timeout: float | None = None) -> None:
        await arun(self._client.native, self._drop(timeout))

    # ---- putting

    def _put_request(self, name: Key, vector: Vector, content: Buffer, attributes: Attributes,
                     context: int = 0, novel: float | None = None, lease: int = 0) -> Request:
        request = _request.make(self._client.scope, lib.SWARM_VECTOR_PUT, key=name, lease=lease)
        item = ffi.new("struct swarm_item *")
        rows = _flat(attributes)
        slots = ffi.new("struct swarm_attribute[]", max(1, len(rows)))
        for slot, (attribute, value) in zip(slots, rows):
            _fill(request, slot, attribute, value)
        item.index = request.text(self.name)
        request.point(item.vector, vector_buffer(vector, self.dtype))
        request.point(item.content, content)
        item.context, item.novel = context, novel is not None
        item.distance_max = novel or 0.0
        item.attributes, item.attribute_count = slots, len(rows)
        request.keep += [item, slots]
        request.cdata.item = item
        return request

    def _put(self, request: Request, timeout: float | None) -> Steps[Header]:
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
        NotNovelError has what is. `context`: 0, or the number of the context whose window it
        belongs to."""
        request = self._put_request(name, vector, content, attributes or {}, context, novel, lease)
        return run(self._client.native, self._put(request, timeout))

    async def aput(self, name: Key, vector: Vector, content: Buffer = b"",
                   attributes: Attributes | None = None, *, context: int = 0,
                   novel: float | None = None, lease: int = 0,
                   timeout: float | None = None) -> Header:
        request = self._put_request(name, vector, content, attributes or {}, context, novel, lease)
        return await arun(self._client.native, self._put(request, timeout))

    def _put_many(self, names: Iterable[Key], vectors: Iterable[Vector],
                  contents: Iterable[Buffer] | None, attributes: Iterable[Attributes] | None,
                  timeout: float | None) -> Steps[list[Header]]:
        rows = zip(names, vectors, contents or itertools.repeat(b""),
                   attributes or itertools.repeat({}))
        requests = (self._put_request(*row) for row in rows)
        made: list[Header] = yield AskAll(requests, timeout, lambda reply: reply.header)
        return made

    def put_many(self, names: Iterable[Key], vectors: Iterable[Vector],
                 contents: Iterable[Buffer] | None = None,
                 attributes: Iterable[Attributes] | None = None, *,
                 timeout: float | None = None) -> list[Header]:
        """Many at once, the rows of a matrix, say: as fast as the swarm takes them, each a write of
        its own. The first that fails is raised when those under way have ended: its notes say which
        one it was, and how many others were done."""
        return run(self._client.native,
                   self._put_many(names, vectors, contents, attributes, timeout))

    async def aput_many(self, names: Iterable[Key], vectors: Iterable[Vector],
                        contents: Iterable[Buffer] | None = None,
                        attributes: Iterable[Attributes] | None = None, *,
                        timeout: float | None = None) -> list[Header]:
        return await arun(self._client.native,
                          self._put_many(names, vectors, contents, attributes, timeout))

    # ---- searching

    def _question(self, request: Request, vector: Vector, how: Search) -> Any:
        question = ffi.new("struct swarm_question *")
        question.index = request.text(self.name)
        request.point(question.vector, vector_buffer(vector, self.dtype))
        question.flags = ((lib.SWARM_SEARCH_STALE if how.stale else 0)
                          | (lib.SWARM_SEARCH_CONTEXT if how.context is not None else 0)
                          | (lib.SWARM_SEARCH_BOUNDED if how.within is not None else 0)
                          | (lib.SWARM_SEARCH_KEYS_ONLY if how.keys_only else 0))
        question.k, question.probe, question.rerank = how.k, how.probe, how.rerank
        question.context, question.distance_max = how.context or 0, how.within or 0.0
        question.recall_permille = 0 if how.recall is None else round(how.recall * 1000)
        question.revision_min, question.revision_max = how.revisions
        rows = [(clause, one) for clause, some in enumerate(_clauses(how.where)) for one in some]
        slots = ffi.new("struct swarm_condition[]", max(1, len(rows)))
        for slot, (clause, condition) in zip(slots, rows):
            slot.kind, slot.clause = condition.kind, clause
            slot.low, slot.high = condition.low, condition.high
            _fill(request, slot.attribute, condition.name, condition.value)
        question.conditions, question.condition_count = slots, len(rows)
        request.keep += [question, slots]
        return question

    def _search_request(self, vector: Vector, how: Search) -> Request:
        request = _request.make(self._client.scope, lib.SWARM_VECTOR_SEARCH)
        request.cdata.question = self._question(request, vector, how)
        return request

    def _search(self, vector: Vector, how: Search, timeout: float | None) -> Steps[Found]:
        return _found((yield from ask(self._search_request(vector, how), timeout)))

    def search(self, vector: Vector, k: int = 10, *,
               where: Where = (), within: float | None = None,
               context: int | None = None, recall: float | None = None, stale: bool = False,
               keys_only: bool = False, revisions: tuple[int, int] = (0, 0),
               timeout: float | None = None) -> Found:
        """The nearest, at most `k`, and within that distance. `where`: all must hold; of a list
        inside of it, one. `recall`: 0.5 to 1.0, which compares all exactly; default 0.95.
        `context`: only what belongs to that window. `revisions`: only what was put from the first
        up to the second; 0 = no bound."""
        how = Search(k, where, within, context, recall, stale, keys_only, revisions)
        return run(self._client.native, self._search(vector, how, timeout))

    async def asearch(self, vector: Vector, k: int = 10, *,
                      where: Where = (),
                      within: float | None = None, context: int | None = None,
                      recall: float | None = None, stale: bool = False, keys_only: bool = False,
                      revisions: tuple[int, int] = (0, 0),
                      timeout: float | None = None) -> Found:
        how = Search(k, where, within, context, recall, stale, keys_only, revisions)
        return await arun(self._client.native, self._search(vector, how, timeout))

    def watch(self, vector: Vector, within: float, *, where: Where = (),
              context: int | None = None, after: int | None = None, keys_only: bool = False,
              idle: float | None = None) -> Watch:
        """Puts of vectors within that distance, which meet the conditions, as they happen; above
        revision `after`, None: from now on. Each vector counts as it was put, also if it was
        replaced or deleted since. For `for` and for `async for`; `change.distance`."""
        how = Search(1, where, within, context)
        return Watch(self._client, b"", b"", after, keys_only, False, idle,
                     lambda request: self._question(request, vector, how))

    def _search_many(self, vectors: Iterable[Vector], how: Search,
                     timeout: float | None) -> Steps[list[Found]]:
        how = how._replace(where=_clauses(how.where))  # gone through for each question
        requests = (self._search_request(vector, how) for vector in vectors)
        found: list[Found] = yield AskAll(requests, timeout, _found)
        return found

    def search_many(self, vectors: Iterable[Vector], how: Search = Search(), *,
                    timeout: float | None = None) -> list[Found]:
        """A question for each vector, the rows of a matrix, say; many under way at a time, so each
        answer is of a state of its own."""
        return run(self._client.native, self._search_many(vectors, how, timeout))

    async def asearch_many(self, vectors: Iterable[Vector], how: Search = Search(), *,
                           timeout: float | None = None) -> list[Found]:
        return await arun(self._client.native, self._search_many(vectors, how, timeout))


def _found(reply: Reply) -> Found:
    return Found(hits_of(reply), json.loads(reply.detail), reply.header)
