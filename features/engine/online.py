"""The compiled step for one event: reads all features, and takes the event into its history."""

from __future__ import annotations

from functools import cache

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.engine.fused_step import Step, compiled
from features.history.layout import History
from features.history.population import unmeasured

_NOBODY = unmeasured()


@cache
def step() -> Step:
    """The compiled step over FEATURES; the first call of a process compiles it or reads it from the cache."""
    return compiled(FEATURES)


def vector(row: Array, history: History, population: Array) -> Array:
    """What the features read for one event, shape (F,) float64, NaN where it cannot be known. Changes nothing.

    `row` has shape (1,) of ROW, `population` shape (1,) of POPULATION.
    """
    return step().read(row, history.identity, history.session, history.credential, population)


def fold(row: Array, history: History, outcome: int) -> None:
    """Take one event into a history, in place; `outcome` is one of the codes in `features.history.update`."""
    step().turn(row, history.identity, history.session, history.credential, _NOBODY, outcome)


def turn(row: Array, history: History, population: Array, outcome: int) -> Array:
    """Both at once, for streams that do not decide in between: what the features read, and the event taken in."""
    return step().turn(row, history.identity, history.session, history.credential, population, outcome)
