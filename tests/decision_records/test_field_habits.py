"""What a caller habitually says of an identity, and that an identity alone cannot make silence usual."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.recorded_decisions import open_store

from features.event.schema import Event
from serving.decision.places.place import Habits
from serving.store.store import Transaction

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EVERYTHING = {
    "network": {"ip": "203.0.113.7"},
    "device": {"id": "d1", "user_agent": "curl/8.4.0"},
    "credential": {"id": "c1"},
}
NOTHING: dict[str, Any] = {}
ALL, UNUSUAL, UNKNOWN = Habits(True, True, True, True), Habits(False, False, False, False), Habits()


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Transaction]:
    with open_store(tmp_path).transaction() as transaction:
        yield transaction


def observe(
    tx: Transaction, groups: dict[str, Any], times: int = 1, *, identity: str = "ada", day: int = 0, key: str = "key"
) -> Habits:
    """Send the same request some times on a day; what was habitual before the last."""
    at, habits = START + timedelta(days=day), UNKNOWN
    event = Event.model_validate(
        {"time": at, "identity": {"id": identity, "type": "human"}, "action": {"name": "x"}} | groups
    )
    for _ in range(times):
        habits = tx.field_presence.observe("live", key, event, at)
    return habits


def test_below_twenty_requests_of_the_key_nobody_knows(tx: Transaction) -> None:
    """From the twentieth on, what was sent is habitual."""
    assert observe(tx, EVERYTHING, 20) == UNKNOWN
    assert observe(tx, NOTHING) == ALL


def test_below_twenty_requests_of_an_identity_its_key_decides(tx: Transaction) -> None:
    """A new identity of a key that sends everything."""
    observe(tx, EVERYTHING, 20)

    assert observe(tx, NOTHING, identity="newcomer") == ALL
    assert observe(tx, NOTHING, identity="newcomer", key="another") == UNKNOWN


def test_no_flood_of_an_identity_makes_silence_usual_for_it(tx: Transaction) -> None:
    """Not on its first day, neither through a new key nor through one that sends everything of the others."""
    observe(tx, EVERYTHING, 20, identity="other")

    assert observe(tx, NOTHING, 100) == ALL
    assert observe(tx, NOTHING, 100, key="new") == UNKNOWN


def test_no_flood_of_an_identity_makes_silence_usual_for_another(tx: Transaction) -> None:
    """It counts once a day: nineteen days of it are too few to show anything."""
    for day in range(19):
        observe(tx, NOTHING, 50, identity="attacker", day=day)

    assert observe(tx, NOTHING, identity="victim", day=19) == UNKNOWN


def test_silence_after_midnight_is_not_usual_yet(tx: Transaction) -> None:
    """One active day of an identity does not show it; a second one does."""
    assert observe(tx, NOTHING, 30) == UNKNOWN
    assert observe(tx, NOTHING, day=1) == UNKNOWN
    assert observe(tx, NOTHING, day=2) == UNUSUAL


def test_what_most_days_had_is_habitual(tx: Transaction) -> None:
    """However often a day lacks it, and whatever is sent today."""
    for day in range(5):
        observe(tx, EVERYTHING, 10, day=day)
    for day in range(5, 9):
        observe(tx, NOTHING, 100, day=day)

    assert observe(tx, NOTHING, 50, day=9) == ALL


def test_a_day_that_had_it_once_counts(tx: Transaction) -> None:
    """So an attacker who acts on the days of the legitimate identity unsettles nothing."""
    for day in range(10):
        observe(tx, EVERYTHING, 2, day=day)
        observe(tx, NOTHING, 50, day=day)

    assert observe(tx, NOTHING, day=10) == ALL


def test_what_the_key_no_longer_receives_of_most_others_is_not_habitual(tx: Transaction) -> None:
    """A gateway was changed: shown by twenty days of other identities."""
    for day in range(3):
        observe(tx, EVERYTHING, 10, day=day)
    for number in range(19):
        observe(tx, NOTHING, identity=f"other {number}", day=3)

    assert observe(tx, NOTHING, day=3) == ALL

    for number in range(19, 23):
        observe(tx, NOTHING, identity=f"other {number}", day=3)

    assert observe(tx, NOTHING, day=3) == UNUSUAL


def test_the_identity_itself_is_none_of_the_others(tx: Transaction) -> None:
    """However many days it was active."""
    for day in range(40):
        observe(tx, EVERYTHING, 2, day=day)
    for day in range(40, 60):
        observe(tx, NOTHING, 2, day=day)

    assert observe(tx, NOTHING, identity="newcomer", day=60) != UNKNOWN
    assert observe(tx, NOTHING, day=60) == UNUSUAL


def test_others_send_it_but_this_identity_does_not(tx: Transaction) -> None:
    """A telephone app that never names a device, behind a gateway that passes on those of browsers."""
    for day in range(4):
        for number in range(10):
            observe(tx, EVERYTHING, identity=f"other {number}", day=day)
        observe(tx, NOTHING, 10, day=day)

    assert observe(tx, NOTHING, day=4) == UNUSUAL


def test_each_group_is_told_by_itself(tx: Transaction) -> None:
    """A gateway that never sends a device."""
    without_device = EVERYTHING | {"device": {"user_agent": "curl/8.4.0"}}
    for day in range(3):
        observe(tx, without_device, 10, day=day)

    assert observe(tx, NOTHING, day=3) == Habits(network=True, device=False, client=True, credential=True)
