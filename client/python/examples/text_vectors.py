"""Vectors of texts without a model: good enough to find paragraphs that share words with a
question, and the same on every machine, so that what is found can be compared byte by byte.

Each word, the word and its neighbour, and the trigrams of a word (so that "locks" is near
"locking") are hashed to a few of the vector's numbers and to signs: what two texts do not share
cancels out.
"""
import array
import collections
import functools
import hashlib
import math
import re
import struct

DIM = 512
PLACES = 4
COMMON = frozenset(
    "a all an and any are as at be been but by can do does for from had has have how if in into is "
    "it its may no not of on one only or so such than that the their then there these they this to "
    "was what when where which while who why will with you your".split())
WORD, PAIR, TRIGRAM = 1.0, 0.7, 0.25  # what each kind of feature counts


@functools.lru_cache(maxsize=1 << 16)
def places(feature):
    """Which numbers of the vector a feature counts for, and whether it adds or subtracts: several,
    so that two features seldom have all of them in common."""
    numbers = struct.unpack(f"<{PLACES}I", hashlib.blake2b(feature.encode(),
                                                           digest_size=4 * PLACES).digest())
    return [(number % DIM, 1 if number >> 31 else -1) for number in numbers]


def features(text):
    words = [word for word in re.findall(r"[a-z0-9]+", text.lower()) if word not in COMMON]
    for word in words:
        yield word, WORD
        for i in range(len(word) - 2):
            yield "~" + word[i:i + 3], TRIGRAM
    for first, second in zip(words, words[1:]):
        yield first + " " + second, PAIR


def embed(text):
    """The text's vector, of length 1; a text without words is no vector, but a small one."""
    counts = collections.Counter(features(text))
    vector = [0.0] * DIM
    for (feature, weight), count in sorted(counts.items()):
        for at, sign in places(feature):
            vector[at] += sign * weight * (1 + math.log(count))
    length = math.sqrt(sum(x * x for x in vector))
    if length == 0:
        vector[0] = length = 1.0
    return array.array("f", (x / length for x in vector))
