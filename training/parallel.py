"""Work shared among processes, in order and without more of it in memory than they can do at once; and memory."""

from __future__ import annotations

import ctypes
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import pyarrow as pa

Given = TypeVar("Given")
Made = TypeVar("Made")


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def give_back() -> None:
    """To the machine, what was freed: glibc keeps the pieces that processes sent, a gigabyte of five million events."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def in_processes(function: Callable[[Given], Made], given: Iterable[Given], processes: int) -> Iterator[Made]:
    """What a function makes of each, in order; in this process where one is enough.

    A server forks the others, since this one may hold threads.
    """
    if processes <= 1:
        yield from map(function, given)
        return
    made: deque[Future[Made]] = deque()
    with ProcessPoolExecutor(processes, mp_context=get_context("forkserver")) as pool:
        for each in given:
            made.append(pool.submit(function, each))
            if len(made) > processes:
                yield made.popleft().result()
        while made:
            yield made.popleft().result()
