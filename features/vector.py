"""All features in their order, and the one compiled step that reads them and folds the event.

To add a feature, write its function in the module named for what drifts; it is found there.
"""

from __future__ import annotations

from functools import cache

from features import action, automation, context, credential, device, network, privilege, rhythm, travel
from features.compiled import Step, compiled
from features.history import History
from features.measures import Array
from features.population import unmeasured
from features.registry import Feature, features_in

FEATURES: tuple[Feature, ...] = features_in(
    network, device, travel, action, privilege, credential, rhythm, automation, context
)
"""Every feature, in the order of the columns."""

_NOBODY = unmeasured()


def names() -> tuple[str, ...]:
    """The names of the columns, in order."""
    return tuple(feature.name for feature in FEATURES)


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
    """Take one event into a history, in place; `outcome` is one of the codes in `features.fold`."""
    step().turn(row, history.identity, history.session, history.credential, _NOBODY, outcome)


def turn(row: Array, history: History, population: Array, outcome: int) -> Array:
    """Both at once, for streams that do not decide in between: what the features read, and the event taken in."""
    return step().turn(row, history.identity, history.session, history.credential, population, outcome)
