"""What the replicated state does, said a second time: small, sequential, and slow.

A command is a dict with the words of apply_lines.c. `Model.apply` executes one entry and gives the
answers that the real state must give; `Model.ask` reads. Nothing here was taken from node/: it was
written from docs/PROTOCOL.md, swarm.h and the headers.
"""
import re
from typing import NamedTuple

PUT, GET, DELETE, CAS, SCAN, APPEND, EXPERIENCES, OPEN, CLOSE = 1, 2, 3, 4, 5, 6, 7, 8, 9
TXN, GRANT, KEEP_ALIVE, REVOKE, LEASES, WATCH, TICK = 13, 15, 16, 17, 18, 19, 26
COMPACT, HISTORY = 31, 32

OK, INVALID, NOT_FOUND, CONFLICT, WRONG_TYPE, OUT_OF_RANGE, LEASE_GONE, RESYNC = (
    0, 3101, 3102, 3103, 3107, 3108, 3109, 3110)
COMPACTED, FUTURE_REVISION = 3115, 3111
SESSION_EXPIRED, SESSION_STALE = 6005, 6006

REVERSE, KEYS_ONLY, PREVIOUS = 1, 2, 4
TXN_PUT, TXN_GET, TXN_DELETE, TXN_MERGE = 1, 2, 3, 4
TXN_PREVIOUS = 1
REPLACE, MERGE_APPEND, UNION, ADD, MAX, MIN = 1, 2, 3, 4, 5, 6
NUMBER = re.compile(rb"(0|-?[1-9][0-9]{0,18})\Z")
SWEEP = 64  # sessions, and leases, that one entry ends for their time
SESSION_TTL_MS = 600 * 1000


class Record(NamedTuple):
    key: bytes
    value: bytes = b""
    create: int = 0
    mod: int = 0
    version: int = 0
    time: int = 0
    lease: int = 0


class Answer(NamedTuple):
    err: int = OK
    revision: int = 0
    value: int = 0
    records: tuple = ()


class Lease:
    def __init__(self, number, part, ttl, clock):
        self.number, self.part, self.ttl, self.end = number, part, ttl, clock + ttl
        self.keys = set()


class Session:
    def __init__(self, number, nonce, ttl, now):
        self.number, self.nonce, self.ttl, self.active = number, nonce, ttl, now
        self.acked = 0
        self.replies = {}

    def overdue(self, now):
        return self.active + self.ttl <= now


class Cannot(Exception):
    """An operation of a transaction cannot be done."""


def number_of(text):
    """None unless it is a 64-bit number in its one form."""
    if not NUMBER.match(text):
        return None
    number = int(text)
    return number if -2**63 <= number < 2**63 else None


def lines_of(text):
    """The lines of a set; None if the stored form is another one."""
    if text and not text.endswith(b"\n"):
        return None
    lines = text.split(b"\n")[:-1]
    return lines if b"" not in lines and lines == sorted(set(lines)) else None


def merged(how, old, operand):
    """`old` is None for no such key."""
    if how == REPLACE:
        return operand
    if how == MERGE_APPEND:
        return (old or b"") + operand
    if how == UNION:
        lines = lines_of(old or b"")
        if lines is None:
            raise Cannot(WRONG_TYPE)
        lines = sorted({*lines, *(line for line in operand.split(b"\n") if line)})
        return b"".join(line + b"\n" for line in lines)
    have = None if old is None else number_of(old)
    if old is not None and have is None:
        raise Cannot(WRONG_TYPE)
    given = int(operand)
    if how == ADD:
        given += have or 0
        if not -2**63 <= given < 2**63:
            raise Cannot(OUT_OF_RANGE)
    elif have is not None:
        given = max(have, given) if how == MAX else min(have, given)
    return b"%d" % given


RELATIONS = {1: lambda a, b: a == b, 2: lambda a, b: a != b, 3: lambda a, b: a < b,
             4: lambda a, b: a <= b, 5: lambda a, b: a > b, 6: lambda a, b: a >= b}


def holds(compare, record):
    relation = RELATIONS[compare["relation"]]
    target = compare["target"]
    if target == 4:
        return record.version > 0 and relation(record.value, compare.get("value", b""))
    have = {1: record.version, 2: record.mod, 3: record.create, 5: record.lease}[target]
    return relation(have, compare.get("number", 0))


class Model:
    def __init__(self, sessions_max):
        self.revision = self.time = self.clock = 0
        self.floor = 0  # changes up to here need not be kept
        self.sessions_max = sessions_max
        self.keys = {}  # (part, key) -> Record
        self.experiences = {}  # part -> [Record]
        self.leases = {}
        self.sessions = {}
        self.changes = []  # (revision, part, Record), a deleted key with version 0
        self.met = set()  # what happened at least once: a run that never meets it proves nothing

    # ---- keys

    def now(self, part, key):
        return self.keys.get((part, key), Record(key))

    def store(self, part, old, value, lease, revision):
        """Returns the record as it is now."""
        record = Record(old.key, value, old.create or revision, revision, old.version + 1,
                        self.time, lease)
        if old.lease in self.leases:
            self.leases[old.lease].keys.discard(old.key)
        if lease:
            self.leases[lease].keys.add(old.key)
        self.keys[part, old.key] = record
        self.changes.append((revision, part, record))
        return record

    def remove(self, part, old, revision):
        if old.lease in self.leases:
            self.leases[old.lease].keys.discard(old.key)
        del self.keys[part, old.key]
        self.changes.append((revision, part, Record(old.key, mod=revision, time=self.time)))

    def lease_lives(self, number, part):
        lease = self.leases.get(number)
        return lease is not None and lease.part == part and lease.end > self.clock

    def put(self, command):
        part, lease = command["part"], command.get("lease", 0)
        old = self.now(part, command["key"])
        shown = (old,) if command.get("flags", 0) & PREVIOUS else ()
        if command["op"] == CAS and old.mod != command.get("expected", 0):
            return Answer(CONFLICT, self.revision, old.mod, shown)
        if lease and not self.lease_lives(lease, part):
            return Answer(LEASE_GONE, self.revision, 0, shown)
        self.revision += 1
        self.store(part, old, command.get("value", b""), lease, self.revision)
        return Answer(OK, self.revision, 0, shown)

    def delete(self, command):
        old = self.now(command["part"], command["key"])
        shown = (old,) if command.get("flags", 0) & PREVIOUS else ()
        if old.version:
            self.revision += 1
            self.remove(command["part"], old, self.revision)
        return Answer(OK, self.revision, 1 if old.version else 0, shown)

    def append(self, command):
        self.revision += 1
        record = Record(b"", command.get("value", b""), self.revision, self.revision, 1, self.time)
        self.experiences.setdefault(command["part"], []).append(record)
        return Answer(OK, self.revision)

    # ---- transactions

    def txn(self, command):
        part = command["part"]
        failed = 0
        for number, compare in enumerate(command["compares"], 1):
            if not holds(compare, self.now(part, compare["key"])):
                failed = number
                break
        plan, shown = {}, []
        for number, op in enumerate(command["else" if failed else "then"], 1):
            try:
                shown.append(self.plan(part, op, plan))
            except Cannot as why:
                return Answer(why.args[0], self.revision, number)
        writes = {key: write for key, write in plan.items() if write is not None}
        self.revision += 1 if writes else 0
        for key, (value, lease) in writes.items():
            if value is None:
                self.remove(part, self.now(part, key), self.revision)
            else:
                self.store(part, self.now(part, key), value, lease, self.revision)
        return Answer(OK, self.revision, failed, tuple(shown))

    def plan(self, part, op, plan):
        """Puts into the plan what the operation will write; what it shows."""
        key, kind = op["key"], op["kind"]
        old = self.now(part, key)
        previous = op.get("flags", 0) & TXN_PREVIOUS
        if kind == TXN_GET:
            return self.planned(part, key, plan)
        if kind == TXN_DELETE:
            plan[key] = (None, 0) if old.version else None
            return old if previous else old._replace(value=b"")
        if kind == TXN_PUT:
            lease, value = op.get("lease", 0), op.get("value", b"")
            if lease and not self.lease_lives(lease, part):
                raise Cannot(LEASE_GONE)
        else:
            lease = old.lease
            value = merged(op["merge"], old.value if old.version else None, op.get("value", b""))
        plan[key] = (value, lease)
        if previous:
            return old
        new = self.planned(part, key, plan)
        return new if kind == TXN_MERGE else new._replace(value=b"")

    def planned(self, part, key, plan):
        old = self.now(part, key)
        if plan.get(key) is None:
            return old
        value, lease = plan[key]
        if value is None:
            return Record(key)
        return Record(key, value, old.create or self.revision + 1, self.revision + 1,
                      old.version + 1, self.time, lease)

    # ---- leases

    def grant(self, command):
        self.revision += 1
        self.leases[self.revision] = Lease(self.revision, command["part"], command["limit"],
                                           self.clock)
        return Answer(OK, self.revision, self.revision)

    def end_lease(self, lease):
        """As one change; how many keys."""
        self.revision += 1
        names = sorted(lease.keys)
        self.met.add("a lease ended with keys" if names else "a lease ended without keys")
        for name in names:
            self.remove(lease.part, self.now(lease.part, name), self.revision)
        del self.leases[lease.number]
        return len(names)

    def of_lease(self, command):
        if not self.lease_lives(command["lease"], command["part"]):
            return Answer(LEASE_GONE, self.revision)
        lease = self.leases[command["lease"]]
        if command["op"] == REVOKE:
            count = self.end_lease(lease)
            return Answer(OK, self.revision, count)
        lease.end = self.clock + lease.ttl
        return Answer(OK, self.revision, lease.ttl)

    def tick(self, command):
        self.clock = max(self.clock, command["expected"])
        due = sorted((lease.end, lease.number) for lease in self.leases.values()
                     if lease.end <= self.clock)
        for _, number in due[:SWEEP]:
            self.end_lease(self.leases[number])
        return Answer(OK, self.revision, self.clock)

    def compact(self, command):
        if command["expected"] > self.revision:
            return Answer(FUTURE_REVISION, self.revision)
        self.floor = max(self.floor, command["expected"])
        return Answer(OK, self.revision, self.floor)

    # ---- sessions

    def sweep(self):
        due = sorted((s.active + s.ttl, s.number) for s in self.sessions.values()
                     if s.overdue(self.time))
        for _, number in due[:SWEEP]:
            del self.sessions[number]
            self.met.add("a session expired")

    def live(self, session):
        if session is not None and session.overdue(self.time):
            del self.sessions[session.number]
            return None
        return session

    def open(self, command):
        session = self.live(next((s for s in self.sessions.values()
                                  if s.nonce == command["value"]), None))
        self.met.add("a session was opened" if session is None else "a session was opened again")
        if session is None:
            if len(self.sessions) == self.sessions_max:
                idle = min(self.sessions.values(), key=lambda s: (s.active, s.number))
                del self.sessions[idle.number]
                self.met.add("a session was evicted")
            self.revision += 1
            session = Session(self.revision, command["value"],
                              command.get("limit", 0) or SESSION_TTL_MS, self.time)
            self.sessions[session.number] = session
        session.active = self.time
        return Answer(OK, session.number, session.number)

    def close(self, command):
        session = self.live(self.sessions.get(command["session"]))
        if session is not None:
            self.revision += 1
            del self.sessions[session.number]
        return Answer(OK, self.revision, 1 if session is not None else 0)

    def once(self, command):
        session = self.live(self.sessions.get(command["session"]))
        if session is None:
            return Answer(SESSION_EXPIRED)
        session.active = self.time
        if command["seq"] <= session.acked:
            return Answer(SESSION_STALE)
        session.acked = max(session.acked, command.get("acked", 0))
        session.replies = {seq: reply for seq, reply in session.replies.items()
                           if seq > session.acked}
        if command["seq"] in session.replies:
            again = session.replies[command["seq"]]
            self.met.add("a retry with records" if again.records else "a retry")
        else:
            session.replies[command["seq"]] = self.write(command)
        return session.replies[command["seq"]]

    # ---- entries

    def write(self, command):
        return {PUT: self.put, CAS: self.put, DELETE: self.delete, APPEND: self.append,
                TXN: self.txn, GRANT: self.grant, KEEP_ALIVE: self.of_lease,
                REVOKE: self.of_lease, TICK: self.tick,
                COMPACT: self.compact}[command["op"]](command)

    def run(self, command):
        if command["op"] == OPEN:
            return self.open(command)
        if command["op"] == CLOSE:
            return self.close(command)
        if command["op"] == TXN and self.txn_is_invalid(command):
            return Answer(INVALID)
        return self.once(command) if command.get("session") else self.write(command)

    @staticmethod
    def txn_is_invalid(command):
        """There is something to do, and a branch writes a key at most once: judged before the
        session is asked."""
        if not (command["compares"] or command["then"] or command["else"]):
            return True
        for branch in ("then", "else"):
            written = [op["key"] for op in command[branch] if op["kind"] != TXN_GET]
            if len(written) != len(set(written)):
                return True
        return False

    def apply(self, time, commands):
        if not commands:
            return []
        self.time = max(self.time, time)
        self.sweep()
        answers = [self.run(command) for command in commands]
        self.met.update((command["op"], answer.err) for command, answer in zip(commands, answers))
        return answers

    # ---- reads: (err, revision, value, more, records)

    def ask(self, command):
        at = command.get("expected", 0)
        if command["op"] in (GET, SCAN) and at:
            if at > self.revision:
                return FUTURE_REVISION, self.revision, 0, 0, ()
            if command["op"] == SCAN and at < self.floor:
                return COMPACTED, self.revision, self.floor, 0, ()
            err, _, value, more, records = self.past(at).ask({**command, "expected": 0})
            return err, at, value, more, records
        return {GET: self.get, SCAN: self.scan, EXPERIENCES: self.list_experiences,
                LEASES: self.list_leases, WATCH: self.watch,
                HISTORY: self.history}[command["op"]](command)

    def past(self, revision):
        """The keys as they were then: each as its last change by then left it."""
        past = Model(self.sessions_max)
        past.revision = revision
        for changed, part, record in self.changes:
            if changed > revision:
                break
            past.keys[part, record.key] = record
        past.keys = {place: record for place, record in past.keys.items() if record.version}
        return past

    def history(self, command):
        below = command.get("expected", 0)
        found = [record for revision, part, record in self.changes
                 if part == command["part"] and record.key == command["key"] and
                 (not below or revision < below)]
        return self.page(found, command, reverse=True)

    def page(self, records, command, reverse=False):
        records = list(reversed(records)) if reverse else records
        limit = command.get("limit", 0) or len(records)
        shown = records[:limit]
        if command.get("flags", 0) & KEYS_ONLY:
            shown = [record._replace(value=b"") for record in shown]
        return OK, self.revision, 0, int(len(records) > limit), tuple(shown)

    def get(self, command):
        record = self.keys.get((command["part"], command["key"]))
        if record is None:
            return NOT_FOUND, self.revision, 0, 0, ()
        return OK, self.revision, 0, 0, (record,)

    def scan(self, command):
        first, end = command.get("key", b""), command.get("end", b"")
        reverse = bool(command.get("flags", 0) & REVERSE)

        def inside(key):
            if reverse:
                return (not first or key <= first) and (not end or key > end)
            return key >= first and (not end or key < end)

        found = [record for (part, key), record in sorted(self.keys.items())
                 if part == command["part"] and inside(key)]
        return self.page(found, command, reverse)

    def list_experiences(self, command):
        after = command.get("expected", 0)
        found = [record for record in self.experiences.get(command["part"], [])
                 if record.mod > after]
        return self.page(found, command)

    def list_leases(self, command):
        found = [Record(b"", b"", number, lease.ttl, len(lease.keys), lease.end, number)
                 for number, lease in sorted(self.leases.items())
                 if lease.part == command["part"] and number > command.get("lease", 0)]
        return self.page(found, command)

    def watch(self, command):
        after, limit = command.get("expected", 0), command.get("limit", 0)
        if after > self.revision or after < self.floor:
            return RESYNC, self.revision, 0, 0, ()
        end, shown, upto = command.get("end", b""), [], after
        for revision, part, record in self.changes:
            if revision <= after:
                continue
            if revision != upto and limit and len(shown) >= limit:
                return OK, upto, 0, 1, tuple(shown)
            upto = revision
            if part == command["part"] and record.key >= command.get("key", b"") and \
                    (not end or record.key < end):
                shown.append(record)
        return OK, self.revision, 0, 0, tuple(shown)
