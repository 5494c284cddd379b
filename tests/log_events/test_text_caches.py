"""Encoded texts are cached within a bound of bytes, not of entries alone."""

from __future__ import annotations

from typing import Any

from features.event.row_fields import LONGEST_CACHED, bounded_cache


def test_long_texts_are_not_kept() -> None:
    """Sixty-five thousand scopes of 16 KiB would take a gigabyte; short texts are encoded once."""
    encoded = list[Any]()

    def encode(text: str) -> float:
        encoded.append(text)
        return float(len(text))

    cached, long, short = bounded_cache(encode), "s" * (LONGEST_CACHED + 1), "s" * LONGEST_CACHED
    values = [cached(text) for text in (short, long, short, long)]

    assert values == [len(short), len(long)] * 2
    assert encoded == [short, long, long]
