"""OCSF events are read as the schema defines them."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
from support.source_samples import DATA

from features.sources.formats.records import NotAnEvent, Record
from features.sources.ocsf.events import event_of

EVENTS: list[Record] = [json.loads(line) for line in (DATA / "invented" / "ocsf.ndjson").read_text().splitlines()]


@pytest.mark.parametrize("record", EVENTS, ids=lambda record: f"{record['class_uid']} {record['metadata']['version']}")
def test_the_sample_holds_events_of_the_schema(record: Record) -> None:
    """Each is valid by the version of OCSF that it names."""
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(record["metadata"]["version"]))
    valid = schema.get_class_schema(schema.lookup_class_name_from_uid(record["class_uid"]))

    assert [error.message for error in Draft202012Validator(valid).iter_errors(record)] == []


@pytest.mark.parametrize(
    ("number", "name", "category", "outcome"),
    [
        (0, "authentication:logon", "authenticate", "success"),
        (1, "authentication:logon", "authenticate", "failure"),
        (2, "authorize session:assign privileges", "assume_privilege", "success"),
        (3, "ec2.amazonaws.com:DeleteSnapshot", "delete", "success"),
        (4, "s3.amazonaws.com:GetObject", "read", "denied"),
    ],
)
def test_an_event_says_what_was_done_and_what_came_of_it(number: int, name: str, category: str, outcome: str) -> None:
    """By class and activity, and a refusal is no mere failure."""
    action = event_of(EVENTS[number]).action

    assert (action.name, action.category, action.outcome) == (name, category, outcome)


def test_a_sign_in_shows_its_factors() -> None:
    """A password and a security key."""
    assert event_of(EVENTS[0]).authentication.amr == ("pwd", "hwk", "mfa")


def test_another_class_is_no_event() -> None:
    """It is counted as what it is."""
    with pytest.raises(NotAnEvent, match="another class"):
        event_of(EVENTS[0] | {"class_uid": 4001})
