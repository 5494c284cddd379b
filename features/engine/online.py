"""The compiled step for one event: computes all features, and updates the event's histories."""

from __future__ import annotations

from functools import cache

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.engine.fused_step import Step, compile_step
from features.history.layout import History


@cache
def step() -> Step:
    """The compiled step over FEATURES; the first call of a process compiles it or loads it from the cache."""
    return compile_step(FEATURES)


def vector(row: Array, history: History, population: Array) -> Array:
    """The features of one event, shape (F,) float64, NaN where one cannot be known. Changes nothing.

    `row` has shape (1,) of ROW, `population` shape (1,) of POPULATION.
    """
    return step().read(row, history.identity, history.session, history.credential, population)


def fold(row: Array, history: History, population: Array, outcome: int) -> None:
    """Update a history with one event, in place; `outcome` is one of the codes in `features.history.update`.

    A session's sums of evidence compare with the population, so it must be the one its features were read with.
    """
    step().read_and_update(row, history.identity, history.session, history.credential, population, outcome)


def read_and_update(row: Array, history: History, population: Array, outcome: int) -> Array:
    """Both at once, where nothing is decided in between: the event's features, then the update with it."""
    return step().read_and_update(row, history.identity, history.session, history.credential, population, outcome)
