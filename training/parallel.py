"""Process pools that keep results in order and memory bounded."""

from __future__ import annotations

import ctypes
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import pyarrow as pa

Item = TypeVar("Item")
Result = TypeVar("Result")


def available_cores() -> int:
    """The number of processors this process may use."""
    return len(os.sched_getaffinity(0))


def release_memory() -> None:
    """Return freed memory to the operating system.

    glibc keeps the buffers that worker processes sent: about a gigabyte for five million events.
    """
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def map_in_processes(function: Callable[[Item], Result], items: Iterable[Item], processes: int) -> Iterator[Result]:
    """Yield `function(item)` for each item, in order; in this process when `processes` is 1.

    At most `processes` + 1 items are in flight at a time. Workers are forked from a server process, because this one
    may hold threads.
    """
    if processes <= 1:
        yield from map(function, items)
        return
    pending: deque[Future[Result]] = deque()
    with ProcessPoolExecutor(processes, mp_context=get_context("forkserver")) as pool:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > processes:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
