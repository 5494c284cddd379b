"""Hashes: 63-bit keys of strings in numpy rows and tables, and SHA-256 digests of files and payloads.

Identities, sessions and credentials are looked up by their full strings. A 63-bit key is only the content of a table
slot, where a collision (probability 2^-63 per pair) would affect a single lookup.
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
"""The key of an unknown value; no string hashes to it."""


def key_of(text: str) -> int:
    """The 63-bit key of a string: XXH3-64 of its UTF-8 bytes, shifted once so that it is a positive int64, never 0.

    >>> key_of("203.0.113.7") == key_of("203.0.113.7") != key_of("203.0.113.8")
    True
    >>> key_of("") > UNKNOWN
    True
    """
    return (xxhash.xxh3_64_intdigest(text.encode("utf-8")) >> 1) or 1


def keys_of(texts: Sequence[bytes]) -> np.ndarray:
    """The keys of many strings, given as UTF-8 bytes.

    >>> keys_of([b"203.0.113.7", b""]).tolist() == [key_of("203.0.113.7"), key_of("")]
    True
    """
    digests = np.fromiter(map(xxhash.xxh3_64_intdigest, texts), np.uint64, len(texts))
    return np.maximum(digests >> np.uint64(1), 1).astype(np.int64)


def digest_of(data: bytes) -> str:
    """The SHA-256 digest of bytes, as `sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


class DigestWriter(io.RawIOBase):
    """A writable file that keeps only the SHA-256 digest of what is written, for data too large to hold twice."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def writable(self) -> bool:
        """Always True."""
        return True

    def write(self, data: Any) -> int:
        """Add bytes to the digest; returns their number."""
        self._hash.update(data)
        return len(data)

    def digest(self) -> str:
        """The digest of everything written so far, in the form of `digest_of`."""
        return "sha256:" + self._hash.hexdigest()


def digest_of_file(path: Path) -> str:
    """The digest of a file's bytes."""
    return digest_of(path.read_bytes())


def sha256(data: bytes) -> str:
    """SHA-256 of bytes, as 64 hexadecimal digits without a prefix."""
    return hashlib.sha256(data).hexdigest()
