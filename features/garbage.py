"""When Python looks for cyclic garbage.

A full collection looks through all objects while every other thread waits: measured, 200 ms for each decision that was
asked for while a batch of events was read. Young objects are collected as always.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_NEVER = 1_000_000_000


def keep_what_is_loaded() -> None:
    """Leave everything that was loaded at the start, model and libraries, out of all later collections."""
    gc.collect()
    gc.freeze()


@contextmanager
def no_full_collection() -> Iterator[None]:
    """Put full collections off while very many objects are made that all go away together; then there is one."""
    before = gc.get_threshold()
    gc.set_threshold(*before[:2], _NEVER)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.collect()
