"""How the network, device and client of a request are named while they are new."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support.recorded_decisions import START

from features.event.schema import Event
from serving.decision.places.comparison import parts_known_to, parts_said
from serving.decision.places.named_values import kind_of, value_names
from serving.decision.places.place import UNKNOWN_PLACE, place_of


def device_event(user_agent: str | None = None, **groups: Any) -> Event:
    event = {"time": START.isoformat(), "identity": {"id": "ada", "type": "human"}, "action": {"name": "x"}}
    return Event.model_validate(event | {"device": {"id": "d1", "user_agent": user_agent}} | groups)


ATTESTED = {"attested_at": START.isoformat()}


@pytest.mark.parametrize(
    ("event", "names"),
    [
        (device_event("curl/8.4.0"), ("device d1", "client curl")),
        (device_event("curl/7.0"), ("device d1", "client curl")),
        (device_event(network={"asn": 64500}), ("network AS64500 ?", "device d1")),
        (device_event(network={"country": "DE"}), ("network AS? DE", "device d1")),
        (device_event("curl/7.0", credential=ATTESTED, network={"asn": 64500}), ("client curl",)),
        (device_event(credential=ATTESTED, network={"ip": "192.0.2.1"}), ()),
        (device_event(network={"ip": "gmail-ui"}, device={}), ("network gmail-ui",)),
        (device_event(network={"asn": 64500, "country": "DE"}, device={}), ("network AS64500 DE",)),
    ],
)
def test_how_values_are_named(event: Event, names: tuple[str, ...]) -> None:
    """Operator and country, id, family and system; an attested workload may run anywhere."""
    assert value_names(event, START) == names


def test_addresses_of_one_range_are_one_network() -> None:
    """Where nobody knows operator and country."""
    ranges = [value_names(device_event(network={"ip": ip}), START)[0] for ip in ("192.0.2.1", "192.0.2.9", "192.0.3.1")]

    assert (ranges[0] == ranges[1], ranges[0] == ranges[2]) == (True, False)


def test_an_attestation_that_is_over_says_nothing_of_where_a_workload_runs() -> None:
    """A day after it, its network and instance are named again."""
    event = device_event(credential=ATTESTED, network={"asn": 64500})
    names = [value_names(event, START + timedelta(seconds=seconds)) for seconds in (86_400, 86_401)]

    assert names == [(), ("network AS64500 ?", "device d1")]


def test_the_kind_of_a_value_is_its_first_word() -> None:
    """Whatever follows."""
    assert [kind_of(value) for value in ("device a b", "network AS1 DE")] == ["device", "network"]


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ({"device": {}}, (False, False, False)),
        ({"network": {"ip": "192.0.2.1"}, "device": {}}, (True, False, False)),
        ({"network": {"asn": 64500}, "device": {}}, (True, False, False)),
        ({"network": {"country": "DE"}, "device": {}}, (True, False, False)),
        ({"network": {"hosting": True}, "device": {"managed": True}}, (False, False, False)),
        ({"device": {"id": "d1"}}, (False, True, False)),
        ({"device": {"user_agent": "?"}}, (False, False, True)),
    ],
)
def test_what_a_request_says_is_what_its_place_has(groups: dict[str, Any], said: tuple[bool, ...]) -> None:
    """Two ways to say the same: by the event, and by the place that is worked out of it."""
    event = device_event(**groups)
    place = place_of(event)

    assert parts_said(event) == said
    assert parts_said(event) == tuple(part is not None for part in (place.network, place.device, place.client))


def test_a_proof_knows_the_parts_that_are_the_same() -> None:
    """What either side does not say it does not know, also where neither does."""
    here = place_of(device_event("curl/8.0", network={"asn": 64500, "country": "DE"}))
    without_client = place_of(device_event(network={"asn": 64500, "country": "DE"}))
    abroad = place_of(device_event("curl/8.0", network={"asn": 64500, "country": "FR"}))

    assert parts_known_to(here, here) == {"network", "device", "client"}
    assert parts_known_to(without_client, here) == parts_known_to(here, without_client) == {"network", "device"}
    assert parts_known_to(abroad, here) == {"device", "client"}
    assert parts_known_to(UNKNOWN_PLACE, UNKNOWN_PLACE) == set()
