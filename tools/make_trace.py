#!/usr/bin/env python3
"""Writes the trace that the demo plays: what four agents learn while they read a real handbook.

Input is the language reference that ships with Debian's Python (pydoc_data.topics). Each paragraph
becomes one experience of the agent whose topic it is. The output depends on the input only, so

    /usr/bin/python3 tools/make_trace.py data/trace.jsonl

writes the same bytes on every Debian 12.
"""
import json
import pydoc_data.topics
import re
import sys

AGENTS = 4
SIZE_MAX = 240  # bytes of one observation; a longer paragraph is cut between sentences
SIZE_MIN = 24


def paragraphs(text):
    """Blocks between blank lines, each on one line, without titles and rulers."""
    for block in re.split(r"\n\s*\n", text):
        line = " ".join(block.split())
        if not re.search(r"\*{4}|={4}|-{4}|~{4}", line):
            yield line


def pieces(line):
    """The line cut between sentences (or words, if a sentence is too long)."""
    piece = ""
    for part in re.split(r"(?<=[.;:]) ", line):
        if piece and len(piece) + 1 + len(part) > SIZE_MAX:
            yield piece
            piece = ""
        piece = f"{piece} {part}".strip()
        while len(piece) > SIZE_MAX:
            cut = piece.rfind(" ", 0, SIZE_MAX)
            cut = cut if cut > 0 else SIZE_MAX
            yield piece[:cut]
            piece = piece[cut:].strip()
    if piece:
        yield piece


def experiences():
    """One stream an agent; each topic goes to the agent that has least so far."""
    streams = [[] for _ in range(AGENTS)]
    for topic, text in sorted(pydoc_data.topics.topics.items()):
        mine = min(range(AGENTS), key=lambda agent: len(streams[agent]))
        step = 0
        for line in paragraphs(text):
            for piece in pieces(line):
                if len(piece) < SIZE_MIN:
                    continue
                step += 1
                streams[mine].append({"agent": f"agent-{mine + 1}", "topic": topic, "step": step,
                                      "observation": piece})
    return streams


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: make_trace.py FILE")
    streams = experiences()
    with open(sys.argv[1], "w", encoding="ascii") as out:
        for turn in range(max(map(len, streams))):
            for stream in streams:
                if turn < len(stream):
                    out.write(json.dumps(stream[turn], separators=(",", ":")) + "\n")
    print(f"{sum(map(len, streams))} experiences, per agent: {list(map(len, streams))}")


if __name__ == "__main__":
    main()
