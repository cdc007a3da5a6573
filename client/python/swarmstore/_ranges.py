"""Neighbours in the order of keys, which are 1 to 256 bytes, compared bytewise."""
from __future__ import annotations

from swarmstore._request import KEY_SIZE_MAX, Key, key_copy


def after(key: bytes) -> bytes | None:
    """The least key above; None if there is none."""
    return key + b"\0" if len(key) < KEY_SIZE_MAX else prefix_end(key)


def before(key: bytes) -> bytes | None:
    """The greatest key below; None if there is none."""
    if not key or key == b"\0":
        return None
    if key[-1] == 0:
        return key[:-1]
    return (key[:-1] + bytes([key[-1] - 1])).ljust(KEY_SIZE_MAX, b"\xff")


def prefix_end(prefix: bytes) -> bytes | None:
    """The least key above all that begin with it; None if there is none."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes([stem[-1] + 1]) if stem else None


def bounds(prefix: Key | None, start: Key | None, end: Key | None) -> tuple[bytes, bytes]:
    """From the first key (included; empty = from the first) to the last (excluded; empty = all)."""
    if prefix is None:
        return key_copy(start or b""), key_copy(end or b"")
    if start is not None or end is not None:
        raise ValueError("prefix excludes start and end")
    return key_copy(prefix), prefix_end(key_copy(prefix)) or b""
