"""The Okta System Log: events of `/api/v1/logs`, as its API, log streams and collectors write them."""

from __future__ import annotations

from pathlib import Path

from features.event.schema import Event
from features.sources.formats.records import Record
from features.sources.log_source import LogSource
from features.sources.mapping.log_map import LogMap, vendor_map
from features.sources.okta.principal import credential, identity_type, refuse_policy_steps, set_actor


def _map() -> LogMap:
    return vendor_map(Path(__file__).with_suffix(".yaml"))


def event_of(record: Record) -> Event:
    """The Event of one record; raises NotAnEvent, or ValueError naming the problem."""
    return _map().event_of(record, refuse_policy_steps, set_actor, credential)


def _recognises(record: Record) -> bool:
    return _map().recognises(record) and "actor" in {key.lower() for key in record}


SOURCE = LogSource("okta", "Okta System Log", event_of, _recognises, identity_type)
