"""What teaches a habit, and what cannot."""

import itertools
from typing import Any

import numpy as np
import pytest

from features.catalogue.all import feature_names
from features.engine.batch import replay
from features.engine.online import fold, vector
from features.event.arrow import table_of
from features.event.numpy_row import row_of
from features.event.schema import Event
from features.history.layout import History
from features.history.population import empty_population
from features.history.update import CHALLENGED, DENIED, FAILURE, SUCCESS, UNKNOWN

NOBODY = empty_population()


def an_event(minute: int = 0, **groups: Any) -> Event:
    return Event.model_validate(
        {
            "time": f"2026-03-02T{9 + minute // 60:02}:{minute % 60:02}:00Z",
            "identity": {"id": "ada", "type": "human"},
            "action": {"name": "s3:GetObject", "category": "read"},
            "network": {"ip": "203.0.113.7", "asn": 64496},
        }
        | groups
    )


def read(event: Event, history: History) -> dict[str, float]:
    return dict(zip(feature_names(), vector(row_of(event), history, NOBODY).tolist(), strict=True))


def mass(history: History) -> float:
    """How many successes are remembered, one of now counting 1."""
    return float(history.identity["mass"][0] / history.identity["weight"][0])


@pytest.mark.parametrize("outcome", [UNKNOWN, FAILURE, DENIED, CHALLENGED])
def test_only_success_teaches_a_habit(outcome: int) -> None:
    """A blocked attacker cannot teach the engine that he is normal."""
    history = History.empty()
    fold(row_of(an_event()), history, NOBODY, SUCCESS)
    stranger = {"network": {"ip": "198.51.100.9", "asn": 64511}}
    for minute in range(1, 30):
        fold(row_of(an_event(minute, **stranger)), history, NOBODY, outcome)

    now = read(an_event(30, **stranger), history)

    assert (now["network_is_new"], now["network_changed_in_session"]) == (1.0, 1.0)


@pytest.mark.parametrize(("outcome", "pressure"), [(FAILURE, 1.0), (DENIED, 1.0), (CHALLENGED, 0.0), (UNKNOWN, 0.0)])
def test_failures_press_and_what_policy_did_does_not(outcome: int, pressure: float) -> None:
    """Counters that policy makes never feed the model."""
    history = History.empty()
    fold(row_of(an_event()), history, NOBODY, outcome)

    assert read(an_event(), history)["failures_recently"] == pressure


def test_a_late_event_folds_as_it_arrives_and_lets_nothing_fade() -> None:
    """The gap of an event older than the clock counts as zero, and the clock stays."""
    history = History.empty()
    fold(row_of(an_event(59)), history, NOBODY, SUCCESS)
    fold(row_of(an_event(0)), history, NOBODY, SUCCESS)

    assert (mass(history), history.identity["clock"][0]) == (2.0, row_of(an_event(59))["time"][0])


def test_reading_changes_nothing() -> None:
    """A vector may be read any number of times."""
    history = History.empty()
    fold(row_of(an_event()), history, NOBODY, SUCCESS)
    before = [record.tobytes() for record in (history.identity, history.session, history.credential)]
    read(an_event(45), history)

    assert [record.tobytes() for record in (history.identity, history.session, history.credential)] == before


def test_a_flood_of_new_networks_does_not_push_out_the_owners() -> None:
    """A full table gives up what is used least, so strangers seen once push out each other."""
    history = History.empty()
    for minute in range(50):
        fold(row_of(an_event(minute)), history, NOBODY, SUCCESS)
    for minute, third in itertools.product([51], range(200)):
        fold(
            row_of(an_event(minute, network={"ip": f"198.18.{third}.1", "asn": 70_000 + third})),
            history,
            NOBODY,
            SUCCESS,
        )

    assert read(an_event(52), history)["network_is_new"] == 0.0


def test_habits_halve_in_thirty_days() -> None:
    """The half-life is what the constant says."""
    history = History.empty()
    fold(row_of(an_event()), history, NOBODY, SUCCESS)
    later = an_event().model_copy(update={"time": an_event().time.replace(month=4, day=1)})
    fold(row_of(later), history, NOBODY, UNKNOWN)

    assert mass(history) == pytest.approx(0.5)


def test_an_exposed_credential_stays_exposed() -> None:
    """Once seen where it must not be, a credential is dangerous whatever came of that event."""
    history = History.empty()
    fold(row_of(an_event(credential={"id": "k", "exposed": True})), history, NOBODY, DENIED)

    assert read(an_event(1, credential={"id": "k"}), history)["credential_exposed"] == 1.0


def test_unknown_is_not_a_number() -> None:
    """Of an empty history nothing is said to be new."""
    now = read(an_event(), History.empty())

    assert [bool(np.isnan(now[name])) for name in ("network_is_new", "asn_rarity", "travel_km_per_hour")] == [True] * 3


def test_a_batch_folds_what_its_file_holds_and_the_future_is_merely_the_last() -> None:
    """The same event twice counts twice, the second reading the first; one of 2100 changes nothing before it."""
    done: dict[str, Any] = {"action": {"name": "s3:GetObject", "outcome": "success"}}
    events = [an_event(0, **done), an_event(0, **done), an_event(1, **done)]
    future = an_event(**done).model_copy(update={"time": an_event().time.replace(year=2100)})

    values = replay(table_of([*events, future]), NOBODY)
    alone = replay(table_of(events), NOBODY)
    known = values[:, feature_names().index("known_events")]

    assert (np.expm1(known).round().tolist(), values[:3].tobytes()) == ([0, 1, 2, 3], alone.tobytes())
