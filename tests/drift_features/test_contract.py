"""What every feature promises, checked for each of them over the same random histories."""

import doctest
import math
from typing import Any

import numba
import numpy as np
import pytest
from support.feature_reading import reading
from support.random_events import random_events

from features.arrays import Array
from features.catalogue.all import FEATURES, feature_names
from features.catalogue.registration import Feature, FeatureError, feature
from features.engine.batch import replay, time_order
from features.event.arrow import table_of
from features.event.numpy_row import rows_of
from features.event.schema import Event
from features.history.evidence import fields
from features.history.population import empty_population, measure_population

MODULES = {
    "network",
    "device",
    "travel",
    "action",
    "privilege",
    "credential",
    "rhythm",
    "automation",
    "context",
    "evidence",
    "session_evidence",
    "intent",
}
COUNT = 300 if numba.config.DISABLE_JIT else 3_000  # type: ignore[attr-defined]  # numba makes its settings at run time
EVENTS = random_events(COUNT, seed=11, identities=COUNT // 75 + 4)


@pytest.fixture(scope="module")
def population() -> Array:
    return measure_population(table_of(EVENTS))


@pytest.fixture(scope="module")
def matrix(population: Array) -> Array:
    return replay(table_of(EVENTS), population)


every_feature = pytest.mark.parametrize("index", range(len(FEATURES)), ids=feature_names())


def test_the_catalogue_covers_all_ways_of_drifting() -> None:
    """At least 45 features, over all modules, no name twice."""
    covered = {f.module for f in FEATURES}

    assert (covered, len(set(feature_names())) == len(FEATURES) >= 45) == (MODULES, True)


@every_feature
def test_it_is_a_finite_number_or_unknown(index: int, matrix: Array) -> None:
    """Never infinite, and known at least sometimes."""
    column = matrix[:, index]

    assert (bool(np.isinf(column).any()), bool(np.isfinite(column).any())) == (False, True)


@every_feature
def test_it_is_unknown_only_where_it_is_declared_to_be(index: int, matrix: Array) -> None:
    """What is always known is; what may be unknown sometimes is, or it should be declared as always known."""
    blind = replay(table_of(EVENTS[:50]), empty_population())
    unknown = bool(np.isnan(matrix[:, index]).any() or np.isnan(blind[:, index]).any())

    assert unknown is not FEATURES[index].always


@every_feature
def test_it_says_nothing_certain_of_somebody_never_seen(index: int, population: Array) -> None:
    """The first event of an identity is read without an error, whatever is unknown in it."""
    bare = Event.model_validate(
        {"time": "2026-01-01T00:00:00Z", "identity": {"id": "new", "type": "human"}, "action": {"name": "x"}}
    )

    value = replay(table_of([bare]), population)[0, index]

    assert math.isnan(value) or math.isfinite(value)


def test_no_feature_sees_what_comes_after(matrix: Array, population: Array) -> None:
    """Cutting the log at any place leaves everything before the cut as it was, bit for bit."""
    order = time_order(rows_of(table_of(EVENTS)))
    kept = order[: COUNT // 2]

    before = replay(table_of([EVENTS[i] for i in kept]), population)

    assert before.tobytes() == matrix[kept].tobytes()


def test_no_feature_sees_other_identities(matrix: Array, population: Array) -> None:
    """An identity's features are the same when nobody else is in the log."""
    mine = [i for i, event in enumerate(EVENTS) if event.identity.id == "identity-7"]

    alone = replay(table_of([EVENTS[i] for i in mine]), population)

    assert alone.tobytes() == matrix[mine].tobytes()


def test_no_feature_reads_its_own_outcome(population: Array) -> None:
    """The last event of each identity reads the same whatever came of it."""
    last = {event.identity.id: event for event in sorted(EVENTS, key=lambda e: e.time)}
    changed = [
        event.model_copy(update={"action": event.action.model_copy(update={"outcome": "denied"})})
        if event is last[event.identity.id]
        else event
        for event in EVENTS
    ]
    places = [i for i, event in enumerate(EVENTS) if event is last[event.identity.id]]

    told = replay(table_of(changed), population)[places]

    assert told.tobytes() == replay(table_of(EVENTS), population)[places].tobytes()


@pytest.mark.parametrize("it", FEATURES, ids=feature_names())
def test_it_is_documented_by_a_worked_example(it: Feature) -> None:
    """The docstring's example prints what the function gives."""
    globals_: dict[str, Any] = {**vars(fields), "reading": reading, it.name: it, "math": math}
    example = doctest.DocTestParser().get_doctest(it.function.__doc__, globals_, it.name, None, None)
    failures: list[str] = []

    doctest.DocTestRunner().run(example, out=failures.append)

    assert failures == []


def _misspelt(event: Any) -> float:
    """The field does not exist.

    >>> 1
    1
    """
    return float(event.contry)


def _writing(identity: Any) -> float:
    """It changes what it should only read.

    >>> 1
    1
    """
    identity.events = 3
    return 1.0


def _unwitnessed(event: Any) -> float:
    """It has no example."""
    return float(event.time)


def _greedy(event: Any, everything: Any) -> float:
    """It asks for what is not there.

    >>> 1
    1
    """
    return float(event.time)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (_misspelt, "event has no field 'contry'"),
        (_writing, "must not change identity"),
        (_unwitnessed, "must show a worked example"),
        (_greedy, "its parameters must be among"),
    ],
)
def test_what_is_no_feature_is_refused_with_its_place(function: Any, reason: str) -> None:
    """Registration says which file, line and function, and what is wrong."""
    with pytest.raises(FeatureError, match=rf"test_contract\.py:\d+ {function.__name__}: .*{reason}"):
        feature(unit="yes or no", direction=1, tells="one from another")(function)
