"""report.html and report.json of a run, campaign.html and campaign.json of many.

Both pages are one file each, without anything from outside: they can be mailed and opened in years.
"""
import json
import pathlib
import statistics

from . import facts as facts_of
from . import timeline
from .page import Raw, document, escape, table, verdict

RUNS_SHOWN_MAX = 500
SETTINGS = ("flags", "processes", "rate", "keys", "timeout_ms", "whole_log", "plant")


def save(path, text):
    """Whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


# --- one run ------------------------------------------------------------------------------------

def headline(facts):
    run, total = facts["run"], facts["totals"]
    nemeses = ", ".join(run.get("nemeses") or []) or "no faults"
    figures = (f"{total['operations']} operations: {total['ok']} ok, {total['fail']} failed, "
               f"{total['info']} unknown")
    if total["p50_ms"] is not None:
        figures += (f"; acknowledged after {total['p50_ms']:g} ms (median), {total['p99_ms']:g} ms "
                    f"(99 %), {total['max_ms']:g} ms (slowest)")
    trouble = f"<p class=bad>{escape(run['trouble'])}</p>" if run.get("trouble") else ""
    return (f"<h1>{escape(run.get('workload'))} under {escape(nemeses)}: "
            f"{verdict(run.get('valid'))}</h1>"
            f"<p class=soft>{escape(run.get('nodes'))} nodes, {escape(run.get('seconds'))} s under "
            f"faults, seed {escape(run.get('seed'))}, {escape(run.get('version') or '')}, "
            f"{escape(run.get('started') or '')}</p>{trouble}<p>{escape(figures)}</p>"
            f"<p>The same run again:</p><pre>{escape(run.get('replay') or 'not recorded')}</pre>")


def legend():
    keys = (("ok", "ok, median"), ("info", "unknown, 99 %"), ("fail", "failed"), ("fault", "fault"),
            ("up", "up"), ("down", "down, no leader"), ("paused", "paused"),
            ("silent", "does not answer"))
    return "<p class=soft>" + "".join(
        f'<span class="key k-{kind}"></span>{word}' for kind, word in keys) + "</p>"


def evidence(check):
    """Why, and the operations that speak against it."""
    text = escape(check.get("why", ""))
    if check.get("operations"):
        listed = "\n".join(check["operations"])
        text += f"<details open><summary>operations</summary><pre>{escape(listed)}</pre></details>"
    return Raw(text)


def checks_table(facts):
    rows = [(Raw(verdict(check["valid"])), check["name"], check["claim"], evidence(check))
            for check in sorted(facts["checks"], key=lambda check: check["valid"] is True)]
    text = "<h2>Checks</h2>" + table(("", "check", "claim", "what was found"), rows)
    if facts["skipped"]:
        text += "<h2>Checks that could not be made</h2>" + table(
            ("check", "claim", "why not"),
            [(row["name"], row["claim"], row["why"]) for row in facts["skipped"]])
    if facts["pictures"]:
        links = " ".join(f'<a href="{escape(name)}">{escape(name)}</a>'
                         for name in facts["pictures"])
        text += f"<p>Histories without a linear order, beside this page: {links}</p>"
    return text


def faults_table(facts):
    if not facts["faults"]:
        return ""
    rows = [(row["nemesis"], row["words"], round(row["start_s"], 2),
             round(row["end_s"], 2) if row["end_s"] is not None else "at once",
             row["unavailable_ms"]) for row in facts["faults"]]
    return ("<h2>Faults</h2>"
            + table(("nemesis", "what", "from, s", "to, s", "nobody answered for, ms"), rows)
            + "<p class=soft>The longest time without an acknowledged operation from the start of "
              f"a fault to {facts_of.AFTER_S} s after its end; other faults at the same time "
              "count too.</p>")


def machine_table(facts):
    run, tools = facts["run"], facts["run"]["tools"]
    rows = [(name, value) for name, value in tools["chosen"].items()]
    rows.append(("usable here", ", ".join(tools["usable"]) or "nothing"))
    rows += [(f"not usable: {name}", why) for name, why in tools["not"].items()]
    settings = [(name.replace("_", " "), " ".join(map(str, value)) if isinstance(value, list)
                 else str(value)) for name, value in run.items()
                if name in SETTINGS]
    return ("<h2>Tools of this machine</h2>" + table(("tool", ""), rows)
            + "<h2>Settings</h2>" + table(("setting", "value"), settings))


def effects_table(effects):
    """What was counted where each nemesis strikes; a fault without effect has tested nothing."""
    rows = [(name, "not counted" if count is None else str(count) if count else
             Raw("<span class=bad>no effect was seen</span>")) for name, count in effects.items()]
    return "<h2>Effects of the faults</h2>" + table(("nemesis", "seen"), rows) if rows else ""


def effects_of(runs):
    """{nemesis: sum over all runs, None where nothing counts}"""
    total = {}
    for _, facts in runs:
        for name, count in (facts["run"].get("effects") or {}).items():
            total[name] = count if count is None else (total.get(name) or 0) + count
    return dict(sorted(total.items()))


def ends_table(facts):
    rows = [(f"node {end['node']}", str(end["code"]), round(end["time"] / 1e9, 2),
             end.get("excuse") or "nothing") for end in facts["run"].get("ends") or []]
    rows += [(f"node {row['node']}", "left out at the end", "", row["why"])
             for row in facts["run"].get("excluded") or []]
    if not rows:
        return ""
    return "<h2>Nodes that ended by themselves</h2>" + table(
        ("node", "exit code", "at, s", "explained by"), rows)


def write_report(folder):
    """Makes both files of one run from what the run left in its folder; returns the facts."""
    folder = pathlib.Path(folder)
    facts = facts_of.collect(folder)
    save(folder / "report.json", json.dumps(facts, indent=1) + "\n")
    run = facts["run"]
    save(folder / "report.html", document(
        f"{run.get('workload')} {run.get('seed')}",
        [headline(facts), '<div class="wide">', timeline.draw(facts), "</div>", legend(),
         checks_table(facts), faults_table(facts), effects_table(run.get("effects") or {}),
         ends_table(facts), machine_table(facts)]))
    return facts


write = write_report


# --- many runs ----------------------------------------------------------------------------------

def runs_of(out):
    """(folder, report.json) of each run at or below a folder, made first where it is missing."""
    rows = []
    for spec in sorted([*out.glob("run.json"), *out.glob("*/run.json")]):
        made = spec.parent / "report.json"
        facts = json.loads(made.read_text(encoding="utf-8")) if made.exists() \
            else write_report(spec.parent)
        rows.append((spec.parent, facts))
    return rows


def add_counts(counts, facts):
    counts["runs"] += 1
    counts["operations"] += facts["totals"]["operations"]
    valid = facts["run"].get("valid")
    counts["valid" if valid is True else "not_valid" if valid is False else "unknown"] += 1


def empty_counts():
    return {"runs": 0, "operations": 0, "valid": 0, "not_valid": 0, "unknown": 0}


def matrix(runs):
    """{workload: {nemesis: counts}}; a run under several nemeses counts for each of them."""
    cells = {}
    for _, facts in runs:
        row = cells.setdefault(facts["run"].get("workload"), {})
        for name in facts["run"].get("nemeses") or ["none"]:
            add_counts(row.setdefault(name, empty_counts()), facts)
    return cells


def unavailability(runs):
    """{nemesis: {faults, median_ms, max_ms, alone}} over runs with that nemesis alone if there are
    any, else over all: only alone a fault's own effect is seen."""
    found = {}
    for _, facts in runs:
        alone = len(facts["run"].get("nemeses") or []) == 1
        for row in facts["faults"]:
            if row["unavailable_ms"] is None:
                continue
            found.setdefault((row["nemesis"], alone), []).append(row["unavailable_ms"])
    table_of = {}
    for name in sorted({name for name, _ in found}):
        alone = (name, True) in found
        values = found[name, alone]
        table_of[name] = {"faults": len(values), "median_ms": round(statistics.median(values), 1),
                          "max_ms": round(max(values), 1), "alone": alone}
    return table_of


def summary_of(out):
    runs = runs_of(out)
    total = empty_counts()
    for _, facts in runs:
        add_counts(total, facts)
    bad = [{"folder": folder.name if folder != out else ".", "valid": facts["run"].get("valid"),
            "workload": facts["run"].get("workload"), "nemeses": facts["run"].get("nemeses"),
            "trouble": facts["run"].get("trouble"), "replay": facts["run"].get("replay"),
            "failed": [{"name": check["name"], "why": check.get("why", "")}
                       for check in facts["checks"] if check["valid"] is not True]}
           for folder, facts in runs if facts["run"].get("valid") is not True]
    listed = [{"folder": folder.name if folder != out else ".", "seed": facts["run"].get("seed"),
               "workload": facts["run"].get("workload"), "nemeses": facts["run"].get("nemeses"),
               "nodes": facts["run"].get("nodes"), "seconds": facts["run"].get("seconds"),
               "valid": facts["run"].get("valid"), "skipped": [s["name"] for s in facts["skipped"]],
               **facts["totals"]} for folder, facts in runs]
    minutes = sum(facts["run"].get("seconds") or 0 for _, facts in runs) / 60
    return {"format": 1, **total, "minutes_under_faults": round(minutes, 1),
            "faults": sum(len(facts["faults"]) for _, facts in runs), "matrix": matrix(runs),
            "unavailability": unavailability(runs), "effects": effects_of(runs),
            "not_valid_runs": bad, "list": listed}


def matrix_table(summary):
    names = sorted({name for row in summary["matrix"].values() for name in row})

    def text(counts):
        if not counts:
            return Raw("<span class=soft>–</span>")
        words = [f"<span class=good>{counts['valid']}</span>"]
        if counts["unknown"]:
            words.append(f"<span class=open>{counts['unknown']} unknown</span>")
        if counts["not_valid"]:
            words.append(f"<span class=bad>{counts['not_valid']} not valid</span>")
        return Raw(f'<span title="{counts["operations"]} operations">{", ".join(words)}</span>')
    rows = [(workload, *(text(row.get(name)) for name in names))
            for workload, row in sorted(summary["matrix"].items())]
    return "<h2>Runs by workload and nemesis</h2>" + table(("", *names), rows) + \
        "<p class=soft>A run under several nemeses counts for each of them.</p>"


def bad_table(summary):
    if not summary["not_valid_runs"]:
        return "<p class=good>No run was other than valid.</p>"
    rows = [(Raw(f'{verdict(row["valid"])}<br><a href="{escape(row["folder"])}/report.html">'
                 f'{escape(row["folder"])}</a>'),
             "; ".join(f"{check['name']}: {check['why'][:300]}" for check in row["failed"])
             or row["trouble"], Raw(f"<code>{escape(row['replay'])}</code>"))
            for row in summary["not_valid_runs"]]
    return "<h2>Runs that were not valid</h2>" + table(("run", "what", "again"), rows)


def runs_table(summary):
    rows = [(Raw(f'<a href="{escape(row["folder"])}/report.html">{escape(row["folder"])}</a>'),
             Raw(verdict(row["valid"])), row["workload"], ", ".join(row["nemeses"] or []),
             row["nodes"], row["seconds"], row["seed"], row["ok"], row["fail"], row["info"],
             row["p50_ms"], row["p99_ms"]) for row in summary["list"][:RUNS_SHOWN_MAX]]
    text = "<h2>All runs</h2>" + table(
        ("run", "", "workload", "nemeses", "nodes", "s", "seed", "ok", "failed", "unknown",
         "p50 ms", "p99 ms"), rows)
    left = len(summary["list"]) - RUNS_SHOWN_MAX
    return text + (f"<p>{left} more are in campaign.json.</p>" if left > 0 else "")


def write_campaign(out):
    """Makes campaign.html and campaign.json from all runs at or below a folder."""
    out = pathlib.Path(out)
    summary = summary_of(out)
    save(out / "campaign.json", json.dumps(summary, indent=1) + "\n")
    valid = False if summary["not_valid"] else True if summary["runs"] == summary["valid"] else None
    gaps = [(name, row["faults"], row["median_ms"], row["max_ms"],
             "alone" if row["alone"] else "with others") for name, row in
            summary["unavailability"].items()]
    save(out / "campaign.html", document("campaign", [
        f"<h1>{summary['runs']} runs: {verdict(valid)}</h1>",
        f"<p>{summary['minutes_under_faults']} minutes under faults, {summary['faults']} faults, "
        f"{summary['operations']} operations; {summary['valid']} runs valid, "
        f"{summary['not_valid']} not, {summary['unknown']} unknown</p>",
        matrix_table(summary), bad_table(summary),
        "<h2>Nobody answered for</h2>" + table(
            ("nemesis", "faults", "median, ms", "longest, ms", "struck"), gaps),
        effects_table(summary["effects"]),
        runs_table(summary)]))
    return summary
