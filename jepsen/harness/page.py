"""What the report's pages share: one style for light and dark, tables, and no outside resource."""
import html

STYLE = """
:root { color-scheme: light dark; --back: #fcfcfb; --text: #1c1b19; --soft: #62605a;
  --line: #dcdad4; --panel: #f3f2ee; --ok: #3a78b8; --fail: #c98a1a; --info: #b0466e;
  --good: #2f7d4f; --bad: #b3382c; --fault: #8a5a9e; --none: #b3382c; --down: #b3382c;
  --paused: #c98a1a; --silent: #9a978f; --up: #9cc5a8; --ink: #ffffff;
  --n0: #4c6ea8; --n1: #3a78b8; --n2: #3f8a66; --n3: #9a6a2c; --n4: #8a5a9e; --n5: #b0466e;
  --n6: #5f7d8a; }
@media (prefers-color-scheme: dark) { :root { --back: #161614; --text: #e9e7e1; --soft: #a29f96;
  --line: #3a3934; --panel: #201f1c; --ok: #6fa8dc; --fail: #e0ab4e; --info: #e07fa3;
  --good: #6cc28d; --bad: #f07a6c; --fault: #c097d4; --none: #f07a6c; --down: #f07a6c;
  --paused: #e0ab4e; --silent: #7d7a72; --up: #3f6b4e; --ink: #161614;
  --n0: #8aa6d8; --n1: #6fa8dc; --n2: #74c29c; --n3: #d8a765; --n4: #c097d4; --n5: #e07fa3;
  --n6: #9bb8c4; } }
body { margin: 2rem auto; max-width: 1200px; padding: 0 1rem; background: var(--back);
  color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .4rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
.soft, .tick, .label { color: var(--soft); fill: var(--soft); }
.verdict { font-weight: 700; } .good { color: var(--good); } .bad { color: var(--bad); }
.open { color: var(--fail); }
pre { background: var(--panel); padding: .7rem 1rem; overflow-x: auto; border-radius: 6px;
  white-space: pre-wrap; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .7rem .3rem 0;
  border-bottom: 1px solid var(--line); } th { color: var(--soft); font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
svg { width: 100%; min-width: 760px; height: auto; } svg text { font: 11px system-ui, sans-serif;
  fill: var(--text); } svg text.tick, svg text.label { fill: var(--soft); }
svg text.title { font-weight: 600; } svg text.inside { fill: var(--ink); font-size: 10px; }
.grid { stroke: var(--line); } .phase { stroke: var(--soft); stroke-dasharray: 2 4; }
.ok { fill: var(--ok); } .fail { fill: var(--fail); } .info { fill: var(--info); }
.p50 { stroke: var(--ok); fill: none; stroke-width: 1.6; }
.p99 { stroke: var(--info); fill: none; stroke-width: 1.6; }
.fault { fill: var(--fault); } .none { fill: var(--none); opacity: .55; } .up { fill: var(--up); }
.down { fill: var(--down); } .paused { fill: var(--paused); } .silent { fill: var(--silent); }
.node0 { fill: var(--n0); } .node1 { fill: var(--n1); } .node2 { fill: var(--n2); }
.node3 { fill: var(--n3); } .node4 { fill: var(--n4); } .node5 { fill: var(--n5); }
.node6 { fill: var(--n6); }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 1em; border-radius: 2px; }
.k-ok { background: var(--ok); } .k-fail { background: var(--fail); }
.k-info { background: var(--info); }
.k-fault { background: var(--fault); } .k-down { background: var(--down); }
.k-paused { background: var(--paused); } .k-silent { background: var(--silent); }
.k-up { background: var(--up); }
"""


def escape(text):
    return html.escape(str(text), quote=True)


def verdict_word(valid):
    """What a verdict is called, and the class of its colour."""
    if valid is True:
        return "valid", "good"
    return ("NOT VALID", "bad") if valid is False else ("unknown", "open")


def verdict(valid):
    word, kind = verdict_word(valid)
    return f'<span class="verdict {kind}">{word}</span>'


class Raw(str):
    """Markup that is put into a table as it is."""


def cell(value, tag="td"):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    text = value if isinstance(value, Raw) else escape("" if value is None else value)
    return f'<{tag}{" class=number" if number else ""}>{text}</{tag}>'


def table(head, rows):
    """Rows of plain values or Raw markup."""
    body = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    first = rows[0] if rows else [""] * len(head)
    numbers = [isinstance(value, (int, float)) and not isinstance(value, bool) for value in first]
    top = "".join(f'<th{" class=number" if number else ""}>{escape(name)}</th>'
                  for name, number in zip(head, numbers))
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'


def document(title, parts):
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<style>{STYLE}</style><body>{''.join(parts)}</body></html>\n")
