"""What the index has to reach, as rules over the measured lines: one row a goal and data set.

A result is {set: {program: [line, ...]}}, lines as tests/bench/index_bench.c prints them and their
recall. A rate at a recall is the best of all settings that reach it, for everybody alike. A goal
whose figures were not measured in a run is a row that says so, never one that passes.
"""
import dataclasses
import typing

TARGETS = (0.95, 0.98)
NOT_MEASURED = "not measured"


@dataclasses.dataclass
class Row:
    """One line of the table: our figure, the peer's, their ratio and the verdict."""
    goal: str
    what: str
    ours: typing.Optional[float] = None
    peer: typing.Optional[float] = None
    ratio: typing.Optional[float] = None
    wanted: str = ""
    met: typing.Optional[bool] = None
    unit: str = ""

    def verdict(self):
        if self.met is None:
            return f"{self.wanted}: {NOT_MEASURED}" if self.wanted else ""
        return f"{self.wanted}: {'met' if self.met else 'NOT MET'}"


def lines(result, name, program, task, **equal):
    """The lines of a task, of those whose fields are as given."""
    found = result.get(name, {}).get(program, [])
    return [line for line in found if line.get("task") == task
            and all(line.get(key) == value for key, value in equal.items())]


def one(result, name, program, task, **equal):
    return next(iter(lines(result, name, program, task, **equal)), None)


def best(found, target, key="qps"):
    """The fastest rate among settings that reach the recall."""
    return max((line[key] for line in found if line.get("recall", -1) >= target), default=None)


def at_least(goal, what, ours, peer, bound, unit="/s"):
    """A row that is met when ours is `bound` times the peer's."""
    row = Row(goal, what, ours, peer, wanted=f">= {bound:g} x", unit=unit)
    if ours is not None and peer:
        row.ratio = ours / peer
        row.met = row.ratio >= bound
    return row


def bounded(goal, what, value, bound, unit="", least=False):
    """A row that is met when the figure itself keeps to a bound."""
    row = Row(goal, what, value, wanted=f"{'>=' if least else '<='} {bound:,g} {unit}".strip(),
              unit=unit)
    if value is not None:
        row.met = value >= bound if least else value <= bound
    return row


def g1(result, names):
    """Beside hnswlib, in memory and out of LMDB; beside the other graphs, too."""
    for name in names:
        graph = lines(result, name, "hnswlib", "search")
        for task, bound in (("search", 2), ("lmdb", 1.5)):
            for target in TARGETS:
                where = "in memory" if task == "search" else "from LMDB"
                yield at_least("G1", f"{name} queries at recall {target}, {where}, beside hnswlib",
                               best(lines(result, name, "ours", task), target),
                               best(graph, target), bound)
        for peer in ("usearch", "hannoy"):
            found = lines(result, name, peer, "search")
            if found:
                task = "lmdb" if peer == "hannoy" else "search"
                row = at_least("", f"{name} queries at recall 0.95 beside {peer}",
                               best(lines(result, name, "ours", task), 0.95),
                               best(found, 0.95), 0)
                row.wanted, row.met = "", None
                yield row


def g2(result, names):
    for name in names:
        ours = best(lines(result, name, "ours", "search"), 0.95)
        found = lines(result, name, "faiss", "search")
        if not found:
            continue
        refined = [line for line in found if not line["kind"].startswith(("LSH", "Flat"))]
        hashed = [line for line in found if line["kind"].startswith("LSH")]
        for target in TARGETS:
            ours = best(lines(result, name, "ours", "search"), target)
            yield at_least("G2", f"{name} at {target} beside the best of FAISS, its batches",
                           ours, best(refined, target, "batch_qps"), 1.3)
            yield at_least("G2", f"{name} at {target} beside the best of FAISS, a query a call",
                           ours, best(refined, target), 2.5)
        yield at_least("G2", f"{name} at 0.95 beside IndexLSH + refine",
                       best(lines(result, name, "ours", "search"), 0.95), best(hashed, 0.95), 15)


def g3(result, names):
    for name in names:
        flat = one(result, name, "faiss", "search", kind="Flat")
        dim = (one(result, name, "ours", "build") or {}).get("dim", 0)
        if flat is None or dim < 256:
            continue
        yield at_least("G3", f"{name} at 0.95 beside brute force in fp32",
                       best(lines(result, name, "ours", "search"), 0.95), flat["qps"], 300)
        yield at_least("G3", f"{name} all codes, at 0.99, beside brute force in fp32",
                       best(lines(result, name, "ours", "flat"), 0.99), flat["qps"], 20)


def g4(result, names):
    for name in names:
        build, moved = (one(result, name, "ours", task) for task in ("build", "move"))
        graph = one(result, name, "hnswlib", "build")
        if build is None or moved is None or build["dim"] < 700:
            continue
        size = moved["pages"] / build["entries"]
        yield bounded("G4", f"{name} bytes a vector in LMDB over those of fp32",
                      size / (4 * build["dim"]), 0.35)
        if graph:
            yield bounded("G4", f"{name} bytes a vector in LMDB over those of hnswlib",
                          moved["pages"] / graph["bytes"], 0.33)


def g5(result, names):
    for name in names:
        build, graph = (one(result, name, who, "build") for who in ("ours", "hnswlib"))
        if build is None:
            continue
        rate = build["entries"] / build["build_s"]
        if build["dim"] in (128, 768):
            yield bounded("G5", f"{name} inserts, training and splits in", rate,
                          50000 if build["dim"] == 768 else 150000, "/s", least=True)
        if graph:
            yield at_least("G5", f"{name} inserts beside hnswlib", rate,
                           graph["entries"] / graph["build_s"], 15)
        yield bounded("", f"{name} longest step of the writer", build["step_max_us"], 1000, "us")


def g6(result, names):
    for name in names:
        done = one(result, name, "ours", "delete")
        if done is not None:
            yield bounded("G6", f"{name} deletes by id", done["count"] / done["delete_s"], 150000,
                          "/s", least=True)
            yield bounded("G6", f"{name} deleted ids in answers", done["stale"], 0)
        churned = [line for line in lines(result, name, "ours", "churn") if line["target"]]
        fresh = {line["target"]: line for line in lines(result, name, "ours", "fresh")}
        if churned:
            worst = min(100 * (line["recall"] - fresh[line["target"]]["recall"])
                        for line in churned)
            yield bounded("G6", f"{name} recall after 100 generations of 2 % less that of a fresh "
                          "index, points", worst, -0.3, least=True)


def g7(result, names):
    for name in names:
        done = one(result, name, "ours", "expire")
        if done is None:
            continue
        yield bounded("G7", f"{name} {done['entries']:,} entries stale after one watermark",
                      done["watermark_all_us"], 1000, "us")
        yield bounded("G7", f"{name} stale or dropped entries in answers", done["stale"], 0)
        bound = 50 * max(1, done["entries"] / 1e6)
        yield bounded("G7", f"{name} all of them reclaimed", done["reclaim_ms"], bound, "ms")


def g8(result, names):
    for name in names:
        for truth, part, bound in ((1, 10, 3), (2, 50, 5), (3, 1000, 50)):
            found = lines(result, name, "ours", "filter", truth=truth)
            if found:
                yield at_least("G8", f"{name} filter of 1 in {part:,} at 0.99 beside hnswlib",
                               best(found, 0.99),
                               best(lines(result, name, "hnswlib", "filter", truth=truth), 0.99),
                               bound)


def g10(result, names):
    for name in names:
        for task in ("targets", "drift"):
            for line in lines(result, name, "ours", task):
                if not line["target"]:
                    continue
                off = 100 * (line["recall"] - line["target"] / 1000)
                row = Row("G10", f"{name} recall less the target {line['target'] / 1000:g}"
                          + (", drifted" if task == "drift" else "") + ", points", off,
                          wanted="-0.5 to +2")
                row.met = -0.5 <= off <= 2
                yield row
        yield from g10_cost(result, name)


def g10_cost(result, name):
    """What drift costs, by entries looked at for one target."""
    still = {line["target"]: line for line in lines(result, name, "ours", "targets")}
    for line in lines(result, name, "ours", "drift"):
        if line["target"] == 950 and 950 in still:
            yield bounded("G10", f"{name} entries scanned after drift over those without",
                          line["scanned"] / still[950]["scanned"], 1.5)


def g11(result, names):
    for name in names:
        moved = one(result, name, "ours", "move")
        if moved is not None:
            yield bounded("G11", f"{name} bytes copied by a move over those of the index",
                          moved["copied"] / moved["bytes"], 1.1)
            yield Row("G11", f"{name} from the end of the copy to a reader", moved["open_us"],
                      unit="us")
            yield Row("", f"{name} from a restart to a writer", moved["load_us"], unit="us")


def g12(result, names):
    for name in names:
        ours, peer = (one(result, name, who, "minhash") for who in ("ours", "datasketch"))
        if ours is None:
            continue
        yield bounded("G12", f"{name} MinHash-128 of a chunk, words found and hashed", ours["us"],
                      4, "us")
        yield at_least("G12", f"{name} chunks beside datasketch, which gets its words for nothing",
                       1e6 / ours["us"], 1e6 / peer["us"] if peer else None, 100)
        yield bounded("G12", f"{name} RMSE of Jaccard, {ours['pairs']:,} pairs in [.5, 1)",
                      ours["square"] ** 0.5, 0.04)
        yield bounded("G12", f"{name} RMSE of stored codes", ours["square_code"] ** 0.5, 0.04)
        yield bounded("G12", f"{name} pairs of J >= .8 that meet in 16 bands",
                      ours["met_16"] / ours["near"], 0.95, least=True)


def g13(result, names):
    """What is left of a recall with fewer bits: published, whatever it is."""
    for name in names:
        build = one(result, name, "ours", "build")
        for line in lines(result, name, "ours", "bits"):
            level = one(result, name, "ours", "level", bits=line["target"])
            yield Row("G13", f"{name} recall with {line['target']} bits a coordinate, "
                      f"{level['bytes'] / build['entries']:.0f} bytes a vector in all, error "
                      f"{level['error_ppm'] / 1e4:.2g} %", line["recall"])


def g14(result, names):
    for name in names:
        build = one(result, name, "ours", "build")
        for line in lines(result, name, "ours", "bounded"):
            yield Row("G14", f"recall of {build['entries']:,} x {build['dim']}, at most "
                      f"{line['probe']} buckets, {line['scan_max']:,} entries, "
                      f"{line['rerank']} exact", line["recall"])


def elsewhere(_, __):
    """Goals that this program does not measure."""
    yield Row("G9", "equal bytes from every kernel, compiler and machine", wanted="equal",
              met=None)


ALL = (g1, g2, g3, g4, g5, g6, g7, g8, elsewhere, g10, g11, g12, g13, g14)


def rows(result):
    names = list(result)
    return [row for rule in ALL for row in rule(result, names)]


def number(value, unit=""):
    if value is None:
        return ""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {unit}".strip()


def table(result):
    out = ["| goal | figure | ours | peer | ratio | wanted |", "|---|---|---:|---:|---:|---|"]
    for row in rows(result):
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        out.append(f"| {row.goal} | {row.what} | {number(row.ours, row.unit)} | "
                   f"{number(row.peer, row.unit)} | {ratio} | {row.verdict()} |")
    return "\n".join(out)
