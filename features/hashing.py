"""The one hash by which opaque strings enter numpy rows and table slots.

Full strings stay the keys of identities, sessions and credentials; a hash is only ever a slot's content, where two
strings meeting by chance (one in 2^63 a pair) would cost a single look-up and nothing else.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xxhash

UNKNOWN = 0
"""The key that stands for "not known"; no string hashes to it."""


def key_of(text: str) -> int:
    """The 63-bit key of a string: XXH3-64 of its UTF-8 bytes, shifted once so that it is a positive int64, never 0.

    >>> key_of("203.0.113.7") == key_of("203.0.113.7") != key_of("203.0.113.8")
    True
    >>> key_of("") > UNKNOWN
    True
    """
    return (xxhash.xxh3_64_intdigest(text.encode("utf-8")) >> 1) or 1


def keys_of(texts: Sequence[bytes]) -> np.ndarray:
    """The same of many texts, given as their UTF-8 bytes.

    >>> keys_of([b"203.0.113.7", b""]).tolist() == [key_of("203.0.113.7"), key_of("")]
    True
    """
    digests = np.fromiter(map(xxhash.xxh3_64_intdigest, texts), np.uint64, len(texts))
    return np.maximum(digests >> np.uint64(1), 1).astype(np.int64)


def digest_of(data: bytes) -> str:
    """The digest by which catalogues, policies, files and payloads are named: `sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Digested(io.RawIOBase):
    """A file that keeps nothing of what is written but its digest: for data that is large already."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, data: Any) -> int:
        """Take in bytes."""
        self._hash.update(data)
        return len(data)

    def digest(self) -> str:
        """As `digest_of` of everything written so far."""
        return "sha256:" + self._hash.hexdigest()


def digest_of_file(path: Path) -> str:
    """The digest of a file's bytes."""
    return digest_of(path.read_bytes())


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256."""
    return hashlib.sha256(data).hexdigest()
