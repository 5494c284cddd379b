"""How far an identity has come at least: a looked-up place is never exact, and two tables never agree."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from features.catalogue.all import feature_names
from features.engine.online import fold, vector
from features.event.countries import UNKNOWN_KM, country_code, read_distances
from features.event.numpy_row import row_of
from features.event.schema import Event
from features.history.layout import History
from features.history.population import empty_population
from features.history.update import CHALLENGED, SUCCESS

HOUSTON, SAN_ANTONIO = {"latitude": 29.76, "longitude": -95.37}, {"latitude": 29.42, "longitude": -98.49}
MIDDLE_OF_THE_US = {"latitude": 38.0, "longitude": -97.0}
FASTEST_KM_PER_HOUR = 1_000.0
"""What the floor impossible-travel calls travel of nobody."""


def an_event(minutes: float, network: dict[str, Any]) -> Event:
    """A read of Kim's from this network."""
    return Event.model_validate(
        {
            "time": datetime(2026, 3, 3, 9, tzinfo=UTC) + timedelta(minutes=minutes),
            "identity": {"id": "kim", "type": "human"},
            "action": {"name": "crm:GetContact", "category": "read"},
            "network": {"hosting": False, "anonymizer": False} | network,
        }
    )


def travel(*networks: dict[str, Any], minutes: float = 6.0) -> tuple[float, float]:
    """km and km/h of a request from the last network, after successful ones from the others."""
    history = History.empty()
    for number, network in enumerate(networks[:-1]):
        fold(row_of(an_event(number * minutes, network)), history, empty_population(), SUCCESS)
    last = row_of(an_event((len(networks) - 1) * minutes, networks[-1]))
    values = dict(zip(feature_names(), vector(last, history, empty_population()).tolist(), strict=True))
    return values["km_from_last_place"], values["travel_km_per_hour"]


@pytest.mark.parametrize("place", [SAN_ANTONIO, MIDDLE_OF_THE_US], ids=["case 31", "case 32"])
def test_two_guesses_within_a_country_are_no_travel(place: dict[str, float]) -> None:
    """Without a radius, all that a table knows of an address is its country."""
    assert travel(HOUSTON | {"country": "US"}, place | {"country": "US"}) == (0.0, 0.0)


def test_a_radius_makes_a_place_a_place() -> None:
    """The same two towns, each known to 50 km, are 206 km apart at least, which nobody travels in six minutes."""
    near, far = travel(HOUSTON | {"accuracy_km": 50}, SAN_ANTONIO | {"accuracy_km": 50})

    assert near == pytest.approx(204.0, abs=3.0)
    assert far == pytest.approx(near * 10)
    assert far > FASTEST_KM_PER_HOUR
    assert travel(HOUSTON | {"accuracy_km": 50}, SAN_ANTONIO | {"accuracy_km": 500}) == (0.0, 0.0)


@pytest.mark.parametrize(("one", "other"), [("GB", "US"), ("DE", "BR"), ("JP", "AU"), ("US", "IN")])
def test_two_distant_countries_at_once_are_impossible(one: str, other: str) -> None:
    """Whether or not a table knows more than the country."""
    for more in ({}, MIDDLE_OF_THE_US):
        assert travel({"country": one}, {"country": other} | more, minutes=1)[1] > FASTEST_KM_PER_HOUR


@pytest.mark.parametrize(("one", "other"), [("DE", "FR"), ("NL", "BE"), ("US", "CA"), ("SG", "MY"), ("CH", "AT")])
def test_two_neighbouring_countries_are_an_hour_apart(one: str, other: str) -> None:
    """A train over a border, and an address registered in the next country."""
    assert travel({"country": one}, {"country": other}, minutes=60)[1] < FASTEST_KM_PER_HOUR


def test_to_a_network_used_before_it_is_no_journey() -> None:
    """Two gateways of one company; the first time at each it was one."""
    here, there = {"country": "DE", "ip": "203.0.113.1"}, {"country": "US", "ip": "198.51.100.1"}

    assert travel(here, there)[1] > FASTEST_KM_PER_HOUR
    assert travel(here, there, here, there)[1] == 0.0
    assert travel(here, there, here, there | {"ip": "192.0.2.1"})[1] > FASTEST_KM_PER_HOUR


def test_a_challenged_request_makes_no_place_known() -> None:
    """Trying again does not help."""
    history, abroad = History.empty(), row_of(an_event(6, {"country": "US", "ip": "198.51.100.1"}))
    fold(row_of(an_event(0, {"country": "DE", "ip": "203.0.113.1"})), history, empty_population(), SUCCESS)
    for _ in range(5):
        fold(abroad, history, empty_population(), CHALLENGED)
    values = dict(zip(feature_names(), vector(abroad, history, empty_population()).tolist(), strict=True))

    assert values["travel_km_per_hour"] > FASTEST_KM_PER_HOUR


@pytest.mark.parametrize("second", [{}, {"country": "ZZ"}, MIDDLE_OF_THE_US, {"country": "US", "hosting": True}])
def test_unknown_stays_unknown(second: dict[str, Any]) -> None:
    """No country, none that the table has, a point without a radius, or a data centre."""
    assert np.isnan(travel({"country": "US"}, second)).all()


def test_the_table_is_symmetric_and_knows_its_countries() -> None:
    """Nothing between a country and itself; every pair of the table is known."""
    rows, distances = read_distances()
    known = distances[1:, 1:]

    assert (distances == distances.T).all()
    assert (np.diag(known) == 0).all()
    assert known[known < UNKNOWN_KM].size == known.size
    assert known.max() < 20_040
    assert rows[country_code("US")] != rows[country_code("GB")] != 0
