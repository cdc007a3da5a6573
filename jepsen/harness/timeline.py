"""The picture of a run as one SVG: load, latency, faults, leaders and nodes over the same seconds.

Colours are CSS classes of the page (page.py), so that one picture is readable in light and dark;
what a colour says is also said by a word or a tooltip.
"""
import html
import math

WIDTH, LEFT, RIGHT = 1180, 118, 14
CHART, ROW, GAP = 110, 16, 26
LATENCY_LOW_MS = 0.1


def escape(text):
    return html.escape(str(text), quote=True)


def step_of(length, most):
    """A round step (1, 2, 5 times a power of ten) that cuts `length` into at most `most`."""
    step = 10 ** math.floor(math.log10(max(length, 1e-9) / most))
    for factor in (1, 2, 5, 10):
        if length / (step * factor) <= most:
            return step * factor
    return step * 10


class Picture:
    """Collects shapes from top to bottom; `y` is where the next band begins."""

    def __init__(self, length_s):
        self.length_s = max(length_s, 1.0)
        self.parts = []
        self.y = 8

    def x(self, second):
        share = min(max(second / self.length_s, 0.0), 1.0)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)

    def add(self, text):
        self.parts.append(text)

    def text(self, x, y, words, kind="", anchor="start"):
        self.add(f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(words)}'
                 "</text>")

    def label(self, y, words):
        self.text(LEFT - 8, y, words, "label", "end")

    def bar(self, begin, end, y, height, kind, tip):
        """A bar is never so thin that it cannot be seen."""
        left = self.x(begin)
        width = max(self.x(end) - left, 2)
        self.add(f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{height}" class="{kind}">'
                 f"<title>{escape(tip)}</title></rect>")
        return width

    def svg(self):
        return (f'<svg viewBox="0 0 {WIDTH} {self.y + 8}" role="img" '
                f'aria-label="timeline of the run">{"".join(self.parts)}</svg>')


# --- bands --------------------------------------------------------------------------------------

def phases(picture, rows, bottom):
    """Lines where a phase begins, named at the top."""
    for row in rows or []:
        at = picture.x(row["start_ns"] / 1e9)
        picture.add(f'<line x1="{at}" x2="{at}" y1="{picture.y}" y2="{bottom}" class="phase">'
                    f"<title>{escape(row['name'])}</title></line>")


def scale(picture, top, height, ticks):
    """Lines and words of a vertical scale: ticks are (share of the height, words)."""
    for share, words in ticks:
        y = round(top + height * (1 - share), 1)
        picture.add(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}" class="grid"/>')
        picture.text(LEFT - 8, y + 4, words, "tick", "end")


def load(picture, seconds):
    """Operations a second: stacked bars of ok, unknown and failed."""
    most = max([row["ok"] + row["fail"] + row["info"] for row in seconds] + [1])
    top = picture.y + 20
    picture.text(LEFT, top - 9, "operations per second", "title")
    step = step_of(most, 4)
    scale(picture, top, CHART, [(n * step / most, f"{n * step:g}")
                                for n in range(int(most / step) + 1)])
    for row in seconds:
        y = top + CHART
        tip = f"second {row['second']}: {row['ok']} ok, {row['fail']} failed, {row['info']} unknown"
        for kind in ("ok", "info", "fail"):
            height = round(row[kind] / most * CHART, 1)
            if height > 0:
                y -= height
                picture.bar(row["second"], row["second"] + 0.94, round(y, 1), height, kind, tip)
    picture.y = top + CHART + GAP


def line_of(picture, seconds, name, y_of):
    """The pieces of a line, broken where a second has no value."""
    pieces, piece = [], []
    for row in seconds:
        if row[name] is None:
            pieces, piece = pieces + [piece], []
        else:
            piece.append((picture.x(row["second"] + 0.5), y_of(row[name])))
    for piece in pieces + [piece]:
        if len(piece) == 1:
            picture.add(f'<circle cx="{piece[0][0]}" cy="{piece[0][1]}" r="2" class="{name[:3]}"/>')
        elif piece:
            points = " ".join(f"{x},{y}" for x, y in piece)
            picture.add(f'<polyline points="{points}" class="{name[:3]}"/>')


def latency(picture, seconds):
    """Median and 99th percentile of acknowledged operations, on a logarithmic scale."""
    values = [row[name] for row in seconds for name in ("p50_ms", "p99_ms") if row[name]]
    decades = max(1, math.ceil(math.log10(max(values + [1]) / LATENCY_LOW_MS)))
    top = picture.y + 20

    def y_of(value):
        share = math.log10(max(value, LATENCY_LOW_MS) / LATENCY_LOW_MS) / decades
        return round(top + CHART * (1 - share), 1)
    picture.text(LEFT, top - 9, "latency of acknowledged operations: median and 99 %", "title")
    scale(picture, top, CHART, [(n / decades, f"{LATENCY_LOW_MS * 10 ** n:g} ms")
                                for n in range(decades + 1)])
    for name in ("p99_ms", "p50_ms"):
        line_of(picture, seconds, name, y_of)
    picture.y = top + CHART + GAP


def fault_bars(picture, rows):
    """One row a nemesis; a fault that needs no healing is a mark."""
    names = list(dict.fromkeys(row["nemesis"] for row in rows))
    if not names:
        return
    picture.text(LEFT, picture.y + 11, "faults", "title")
    picture.y += 16
    for name in names:
        picture.label(picture.y + 12, name)
        for row in rows:
            if row["nemesis"] != name:
                continue
            end = row["end_s"] if row["end_s"] is not None else row["start_s"]
            tip = f"{name} {row['words']}, {row['start_s']:.1f} to {end:.1f} s"
            if row["unavailable_ms"] is not None:
                tip += f", nobody answered for {row['unavailable_ms']:g} ms"
            picture.bar(row["start_s"], end, picture.y + 2, ROW - 4, "fault", tip)
        picture.y += ROW
    picture.y += 12


def leader_band(picture, rows):
    """Who led, and in which term."""
    picture.label(picture.y + 12, "leader")
    for row in rows:
        if row["value"] is None:
            picture.bar(row["from"], row["to"], picture.y + 1, ROW - 2, "none",
                        "no leader is known")
            continue
        node, term = row["value"]
        tip = f"node {node} leads term {term}, {row['from']:.1f} to {row['to']:.1f} s"
        width = picture.bar(row["from"], row["to"], picture.y + 1, ROW - 2, f"node{node % 7}", tip)
        if width > 44:
            picture.text(picture.x(row["from"]) + 4, picture.y + 12, f"{node} · t{term}", "inside")
    picture.y += ROW + 4


def node_bands(picture, nodes):
    for number, rows in nodes.items():
        picture.label(picture.y + 12, f"node {number}")
        for row in rows:
            tip = f"node {number} {row['value']}, {row['from']:.1f} to {row['to']:.1f} s"
            picture.bar(row["from"], row["to"], picture.y + 3, ROW - 6, row["value"], tip)
        picture.y += ROW
    picture.y += 6


def axis(picture):
    """Seconds, at the bottom."""
    step = step_of(picture.length_s, 12)
    for n in range(int(picture.length_s / step) + 1):
        at = picture.x(n * step)
        picture.add(f'<line x1="{at}" x2="{at}" y1="{picture.y}" y2="{picture.y + 4}" '
                    'class="grid"/>')
        picture.text(at, picture.y + 16, f"{n * step:g} s", "tick", "middle")
    picture.y += 20


def draw(facts):
    """The whole picture of one run (facts.collect)."""
    picture = Picture(facts["length_s"])
    top = picture.y
    load(picture, facts["seconds"])
    latency(picture, facts["seconds"])
    fault_bars(picture, facts["faults"])
    if facts["leaders"]:
        leader_band(picture, facts["leaders"])
    node_bands(picture, facts["nodes"])
    bottom, picture.y = picture.y, top
    phases(picture, facts["run"].get("phases"), bottom)
    picture.y = bottom
    axis(picture)
    return picture.svg()
