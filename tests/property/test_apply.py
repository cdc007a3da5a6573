"""Random entries through the real encoders and the real apply, and through model.py: every answer
and every read must be the same, after crashes and restarts, too; and the known bugs are found.

    tests/property/test_apply.py --program build/dev/bin/apply_lines [--seed N] [--steps N]
"""
import argparse
import random
import subprocess
import sys
import time

import model
from model import Answer, Model, Record

PARTS = (b"p", b"q")
KEYS = (b"a", b"a\0", b"b", b"c", b"\xff", b"d" * 256)
SESSIONS_MAX = 4
SEEDS = 60
STEPS = 1500
SEEDS_OF_A_BUG = 20
STEPS_OF_A_BUG = 400
# What the state of one node can show of base/planted.h.
BUGS = ("RETRY_RUNS_AGAIN", "ANSWER_NOT_KEPT", "EXPERIENCE_TWICE", "CAS_DOES_NOT_COMPARE",
        "DELETE_LEAVES_RECORD", "TIME_GOES_BACK", "PAGE_SKIPS_ONE", "FULL_PAGE_IS_LAST",
        "REVISION_GOES_BACK", "SESSIONS_LOST_ON_RESTART", "LEASE_LEAVES_KEYS",
        "LEASE_ID_USED_AGAIN", "FENCE_NOT_COMPARED", "WATCH_GOES_BACK")


# What the runs together must have met.
WANTED = {
    "a lease ended with keys", "a lease ended without keys", "a session expired",
    "a session was evicted", "a session was opened", "a session was opened again", "a retry",
    "a retry with records",
    *((op, model.OK) for op in (model.PUT, model.DELETE, model.CAS, model.APPEND, model.OPEN,
                                model.CLOSE, model.TXN, model.GRANT, model.KEEP_ALIVE,
                                model.REVOKE, model.TICK, model.COMPACT)),
    (model.COMPACT, model.FUTURE_REVISION),
    (model.CAS, model.CONFLICT), (model.CAS, model.LEASE_GONE), (model.PUT, model.LEASE_GONE),
    (model.KEEP_ALIVE, model.LEASE_GONE), (model.REVOKE, model.LEASE_GONE),
    *((model.TXN, err) for err in (model.INVALID, model.WRONG_TYPE, model.OUT_OF_RANGE,
                                   model.LEASE_GONE, model.SESSION_EXPIRED,
                                   model.SESSION_STALE)),
}


class Differs(Exception):
    """The state did not do what the model says."""


def words_of(command):
    return "".join(f" {name}={text.hex() if isinstance(text, bytes) else text}"
                   for name, text in command.items()
                   if name not in ("compares", "then", "else") and text not in (b"", 0))


def lines_of(command):
    """What apply_lines reads for one command of an entry."""
    lines = ["compare" + words_of(compare) for compare in command.get("compares", ())]
    for branch in ("then", "else"):
        lines += [branch + words_of(op) for op in command.get(branch, ())]
    return [*lines, "do" + words_of(command)]


def record_of(words):
    key, value = (b"" if text == "-" else bytes.fromhex(text) for text in words[1:3])
    create, mod, version, when, lease = map(int, words[3:])
    return Record(key, value, create, mod, version, when, lease)


class Program:
    """apply_lines at the other end of two pipes."""

    def __init__(self, path, bug=None):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.tell([f"sessions max={SESSIONS_MAX}"])
        if bug is not None:
            self.tell([f"plant bug={bug}"])

    def tell(self, lines):
        """Sends lines whose last one is answered; the words of the answer's lines."""
        try:
            self.process.stdin.write("\n".join(lines) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise Differs("the state ended its process") from error
        found = []
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise Differs("the state ended its process\n  " + "\n  ".join(lines))
            if line == ".\n":
                return found
            found.append(line.split())

    def where(self):
        return self.tell(["where"])[0]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait()


def answers_of(rows):
    answers = []
    for row in rows:
        if row[0] == "record":
            answers[-1] = answers[-1]._replace(records=(*answers[-1].records, record_of(row)))
        else:
            err, revision, value, _ = map(int, row[1:])
            answers.append(Answer(err, revision, value))
    return answers


# ---- chance -------------------------------------------------------------------------------------

class Chance:
    """Commands that are likely to meet: few keys, and numbers that the state really has."""

    def __init__(self, seed, state):
        self.dice = random.Random(seed)
        self.state = state
        self.time = 1000
        self.clients = []  # [session, next seq, [unanswered or answered commands]]

    def maybe(self, percent):
        return self.dice.randrange(100) < percent

    def value(self):
        dice = self.dice
        return dice.choice((
            b"", b"%d" % dice.randint(-5, 5), b"%d" % dice.choice((2**63 - 1, -2**63)),
            b"x\ny\n", b"y\nx\n", bytes(dice.randrange(256) for _ in range(dice.randrange(9)))))

    def lease(self):
        """One that lives, or did, or is somebody else's; often none."""
        if self.maybe(60):
            return 0
        known = [*self.state.leases, self.dice.randint(1, self.state.revision + 1)]
        return self.dice.choice(known)

    def mod(self, part, key):
        return self.state.now(part, key).mod if self.maybe(70) else self.dice.randrange(4)

    def operand(self, how):
        if how in (model.ADD, model.MAX, model.MIN):
            return b"%d" % self.dice.choice((0, 1, -3, 2**62, -2**62, 2**63 - 1))
        if how == model.UNION:
            return self.dice.choice((b"x\n", b"z", b"y\nx\n", b"y\ny\n"))
        return self.value()

    def op(self):
        kind = self.dice.randint(1, 4)
        op = {"kind": kind, "key": self.dice.choice(KEYS)}
        if kind != model.TXN_GET and self.maybe(30):
            op["flags"] = model.TXN_PREVIOUS
        if kind == model.TXN_PUT:
            op.update(value=self.value(), lease=self.lease())
        elif kind == model.TXN_MERGE:
            op["merge"] = self.dice.randint(1, 6)
            op["value"] = self.operand(op["merge"])
        return op

    def compare(self, part):
        key = self.dice.choice(KEYS)
        record = self.state.now(part, key)
        target = self.dice.randint(1, 5)
        compare = {"target": target, "relation": self.dice.choice((1, 1, 1, 2, 3, 4, 5, 6)),
                   "key": key}
        if target == 4:
            compare["value"] = record.value if self.maybe(70) else self.value()
        else:
            have = {1: record.version, 2: record.mod, 3: record.create, 5: record.lease}[target]
            compare["number"] = have if self.maybe(70) else self.dice.randrange(9)
        return compare

    def branch(self):
        ops, written = [], set()
        for _ in range(self.dice.randrange(5)):
            op = self.op()
            if op["kind"] != model.TXN_GET:
                if op["key"] in written and self.maybe(98):
                    continue  # seldom it stays: then the whole is refused
                written.add(op["key"])
            ops.append(op)
        return ops

    def write(self):
        part = self.dice.choice(PARTS)
        key = self.dice.choice(KEYS)
        command = {"op": self.dice.choice((1, 1, 3, 4, 4, 6, 13, 13, 13, 15, 16, 17)), "part": part}
        kind = command["op"]
        if kind in (model.PUT, model.CAS, model.DELETE):
            command.update(key=key, flags=model.PREVIOUS if self.maybe(30) else 0)
        if kind in (model.PUT, model.CAS):
            command.update(value=self.value(), lease=self.lease())
        if kind == model.CAS:
            command["expected"] = self.mod(part, key)
        elif kind == model.APPEND:
            command["value"] = self.value() or b"-"
        elif kind == model.GRANT:
            command["limit"] = self.dice.choice((100, 500, 3000))
        elif kind in (model.KEEP_ALIVE, model.REVOKE):
            command["lease"] = self.dice.choice([*self.state.leases, 1])
        elif kind == model.TXN:
            command.update(compares=[self.compare(part) for _ in range(self.dice.randrange(3))])
            command.update({"then": self.branch(), "else": self.branch()})
        return command

    def session(self):
        """Opens, closes, and the nonce of a session that is there already."""
        if self.clients and self.maybe(30):
            return {"op": model.CLOSE, "session": self.dice.choice(self.clients)[0]}
        nonce = bytes([self.dice.randrange(6)]) * 16
        return {"op": model.OPEN, "value": nonce, "limit": self.dice.choice((0, 1000, 4000))}

    def in_session(self):
        client = self.dice.choice(self.clients)
        if client[2] and self.maybe(40):
            return self.dice.choice(client[2])  # again, old or new
        seq = client[1]
        client[1] += 1
        command = self.write()
        command.update(session=client[0], seq=seq)
        if self.maybe(30):
            command["acked"] = self.dice.randrange(seq)
        client[2] = [*client[2][-5:], command]
        return command

    def command(self):
        roll = self.dice.randrange(100)
        if roll < 10:
            return self.session()
        if roll < 11 and self.maybe(10):
            known = self.state.revision
            return {"op": model.COMPACT,
                    "expected": self.dice.choice((self.dice.randint(1, known + 1), known + 9))}
        if roll < 18:
            ahead = self.dice.choice((0, 50, 400, 1000))
            return {"op": model.TICK, "expected": max(1, self.state.clock + ahead - 20)}
        if roll < 60 and self.clients:
            return self.in_session()
        return self.write()

    def learn(self, commands, answers):
        """Sessions that were opened are used from now on."""
        for command, answer in zip(commands, answers):
            if command["op"] == model.OPEN and \
                    answer.value not in [client[0] for client in self.clients]:
                self.clients = [*self.clients[-5:], [answer.value, 1, []]]

    def entry(self):
        self.time += self.dice.choice((0, 1, 100, 900, -500))
        return max(1, self.time), [self.command() for _ in range(self.dice.choice((0, 1, 1, 2, 6)))]

    def read(self):
        dice, part = self.dice, self.dice.choice(PARTS)
        kind = dice.choice((model.GET, model.SCAN, model.SCAN, model.EXPERIENCES, model.LEASES,
                            model.WATCH, model.WATCH, model.HISTORY))
        command = {"op": kind, "part": part}
        if kind in (model.GET, model.HISTORY):
            command["key"] = dice.choice(KEYS)
        if kind in (model.GET, model.SCAN, model.HISTORY) and self.maybe(50):
            command["expected"] = dice.randint(0, self.state.revision + 1)
        if kind in (model.SCAN, model.WATCH):
            command.update(key=dice.choice((b"", *KEYS)), end=dice.choice((b"", *KEYS)),
                           flags=model.KEYS_ONLY if self.maybe(20) else 0)
        if kind == model.SCAN and self.maybe(40):
            command["flags"] |= model.REVERSE
        if kind == model.EXPERIENCES:
            command["expected"] = dice.randint(0, self.state.revision)
        if kind == model.WATCH:
            command["expected"] = max(0, self.state.revision + 1 - dice.randrange(40))
        if kind == model.LEASES:
            command["lease"] = dice.choice((0, *self.state.leases))
        if kind != model.GET:
            command["limit"] = dice.choice((0, 1, 2, 3))
        return command


# ---- a run --------------------------------------------------------------------------------------

def same(what, wanted, found, lines):
    if wanted != found:
        raise Differs(f"{what}\n  model {wanted}\n  state {found}\n  " + "\n  ".join(lines))


class Run:
    def __init__(self, program, seed):
        self.program = program
        self.model = Model(SESSIONS_MAX)
        self.chance = Chance(seed, self.model)
        self.uncommitted = []  # (lines, answers)

    def entry(self):
        when, commands = self.chance.entry()
        lines = [line for command in commands for line in lines_of(command)]
        lines.append(f"apply time={when}")
        found = answers_of(self.program.tell(lines))
        wanted = self.model.apply(when, commands)
        same("an entry", wanted, found, lines)
        self.chance.learn(commands, wanted)
        self.uncommitted.append((lines, found))

    def read(self):
        command = self.chance.read()
        if command["op"] == model.WATCH and command["flags"]:
            command["flags"] = model.KEYS_ONLY
        line = "ask" + words_of(command)
        rows = self.program.tell([line])
        head = tuple(map(int, rows[0][1:5]))
        records = tuple(record_of(row) for row in rows[1:])
        err, revision, value, more, shown = self.model.ask(command)
        if command["op"] == model.WATCH and command["flags"] & model.KEYS_ONLY:
            shown = tuple(record._replace(value=b"") for record in shown)
        wanted, found = (err, revision, value, more, shown), (*head, records)
        if self.forgot(command, wanted, found):
            return
        same("a read", wanted, found, [line])

    def forgot(self, command, wanted, found):
        """Below the floor the state may know what was, or say that it does not any more."""
        floor, at = self.model.floor, command.get("expected", 0)
        if command["op"] == model.GET and 0 < at < floor:
            return found == (model.COMPACTED, self.model.revision, floor, 0, ())
        if command["op"] == model.HISTORY and floor > 0:
            kept = [record for record in wanted[4] if record.mod > floor]
            shown = wanted[4][:len(found[4])]
            return len(shown) >= len(kept) and (*wanted[:3], found[3], shown) == found
        return False

    def crash(self):
        """What was not committed is replayed, with the same answers and to the same digest."""
        before = self.program.where()
        self.program.tell(["crash"])
        for lines, answers in self.uncommitted:
            same("a replay", answers, answers_of(self.program.tell(lines)), lines)
        same("the state after a replay", before, self.program.where(), [])

    def step(self):
        roll = self.chance.dice.randrange(100)
        if roll < 60:
            self.entry()
        elif roll < 92:
            self.read()
        elif roll < 95:
            self.crash()
        elif roll < 98:
            self.program.tell(["commit"])
            self.uncommitted = []
        else:
            before = self.program.where()
            self.program.tell(["restart"])
            self.uncommitted = []
            same("the state after a restart", before, self.program.where(), [])


def check(path, seed, steps, bug=None):
    """What was met; raises Differs."""
    program = Program(path, bug)
    ended = None
    try:
        run = Run(program, seed)
        for _ in range(steps):
            run.step()
    finally:
        ended = program.close()
    if ended != 0:
        raise Differs(f"the program ended with {ended}")
    return run.model.met


def bug_is_found(path, bug):
    for seed in range(1, SEEDS_OF_A_BUG + 1):
        try:
            check(path, seed, STEPS_OF_A_BUG, bug)
        except Differs:
            print(f"found {bug} with seed {seed}", flush=True)
            return True
    print(f"NOT FOUND: {bug}", flush=True)
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--points", default="0", help="1: the program has the known bugs in it")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--steps", type=int, default=STEPS)
    args = parser.parse_args()
    seeds = [args.seed] if args.seed else range(1, SEEDS + 1)
    started = time.monotonic()
    met = set()
    for seed in seeds:
        try:
            met |= check(args.program, seed, args.steps)
        except Differs as why:
            print(f"seed {seed}: {why}")
            return 1
    print(f"{len(seeds)} seeds, {args.steps} steps each: the state does what the model says "
          f"({time.monotonic() - started:.1f} s)", flush=True)
    if args.seed:
        return 0
    print(f"never met: {WANTED - met or 'nothing of what was wanted'}")
    missed = [] if args.points not in ("1", "ON") else \
        [bug for bug in BUGS if not bug_is_found(args.program, bug)]
    return 1 if missed or WANTED - met else 0


if __name__ == "__main__":
    sys.exit(main())
