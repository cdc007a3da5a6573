"""Changes of membership under all other faults. Members that clients were configured with stay but
for a minority of them: clients must find the swarm whoever joins and goes."""
import random
import threading

from local_swarm import Failure

from .nemesis import Nemesis, minority
from .schedule import order_of, round_s

JOIN_S = 240
VOTERS_MAX = 7
SPARES = 6


class Membership(Nemesis):
    name = "membership"
    claim = "nodes join, are replaced, removed, demoted and promoted, one change at a time"
    needs = ("member",)

    def __init__(self, run):
        super().__init__(run)
        self.thread = None

    def plan(self, draw, nodes, seconds):
        rows, at = [], draw.uniform(1.0, 3.0)
        while at < seconds - 1:
            rows.append((round_s(at), None, {"how": draw.choice(
                ["grow", "replace", "replace", "shrink", "demote"]), "pick": draw.random()}))
            at += draw.uniform(3.0, 8.0)
        return rows

    def prepare_swarm(self):
        self.run.members.prepare(SPARES)

    def start(self, params, key):
        """In a thread of its own: a change takes as long as the other faults let it."""
        if self.thread is not None and self.thread.is_alive():
            return {"how": params["how"], "skipped": "the change before is still under way"}
        self.thread = threading.Thread(target=self.carry_out, args=(dict(params),), daemon=True)
        self.thread.start()
        return {"how": params["how"]}

    def carry_out(self, params):
        members, how = self.run.members, params["how"]
        voters = members.voters()
        loose = self.loose(voters)
        try:
            if how in ("grow", "replace") and not members.spares:
                how = "demote"
            if how == "grow" and len(voters) < VOTERS_MAX:
                number, code = members.grow()
            elif how == "replace" and loose:
                number, code = members.replace(pick(loose, params))
            elif how == "shrink" and loose and len(voters) > 3:
                number, code = members.shrink(pick(loose, params))
            elif how == "demote" and len(voters) > 2:
                number = pick(voters, params)
                code = members.change("demote", number) or members.change("promote", number)
            else:
                self.run.nemesis_log.write("member-none", {"how": how, "voters": voters})
                return
            self.done += code == 0
            self.run.nemesis_log.write("member-done", {"how": how, "node": number, "code": code})
            self.run.say(f"      {how} of node {number} ended with {code}")
        except (Failure, OSError, ValueError) as error:
            self.run.nemesis_log.write("member-failed", {"how": how, "why": str(error)})
            self.run.say(f"      {how}: {error}")

    def loose(self, voters):
        """Who may go: all who have joined, and the same minority of the first ones always."""
        first = list(range(1, self.run.spec["nodes"] + 1))
        order = order_of(random.Random(f"victims:{self.run.spec['seed']}"), first)
        stay = set(order[minority(len(first)):])
        return [n for n in voters if n not in stay]

    def effect(self):
        return self.done

    def converge(self):
        if self.thread is not None:
            self.thread.join(JOIN_S)
            if self.thread.is_alive():
                raise Failure(f"a change of membership is not done after {JOIN_S} s")
        self.run.members.converge()


def pick(numbers, params):
    return numbers[int(params["pick"] * len(numbers))]


MEMBER_NEMESES = [Membership]
