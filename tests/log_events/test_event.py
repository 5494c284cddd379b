"""Validation of the Event, and its JSON Schema."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from features.cli.main import event_schema
from features.event.schema import Event

ROOT = Path(__file__).parents[2]


def an_event(**groups: Any) -> dict[str, Any]:
    return {
        "time": "2026-03-02T09:00:00Z",
        "identity": {"id": "ada", "type": "human"},
        "action": {"name": "s3:GetObject"},
    } | groups


BAD = [
    ("time", {"time": "2026-03-02T09:00:00"}),
    ("time", {"time": "yesterday"}),
    ("time", {"time": 1_772_442_000}),
    ("time", {"time": "1969-12-31T23:59:59Z"}),
    ("identity.id", {"identity": {"id": "", "type": "human"}}),
    ("identity.id", {"identity": {"id": "é" * 129, "type": "human"}}),
    ("identity.type", {"identity": {"id": "ada", "type": "robot"}}),
    ("action.category", {"action": {"name": "x", "category": "peek"}}),
    ("network.latitude", {"network": {"latitude": 90.1}}),
    ("network.reputation", {"network": {"reputation": float("nan")}}),
    ("network.reputation", {"network": {"reputation": float("inf")}}),
    ("network.reputation", {"network": {"reputation": "0.5"}}),
    ("network.hosting", {"network": {"hosting": 1}}),
    ("network.asn", {"network": {"asn": 0}}),
    ("network.country", {"network": {"country": "de"}}),
    ("authentication.amr", {"authentication": {"amr": "mfa"}}),
    ("authentication.aal", {"authentication": {"aal": 4}}),
    ("credential.scope", {"credential": {"scope": ["s"] * 65}}),
    ("labels", {"labels": {"compromised": 1}}),
    ("device.colour", {"device": {"colour": "red"}}),
]


@pytest.mark.parametrize(("field", "groups"), BAD, ids=[f"{field}-{i}" for i, (field, _) in enumerate(BAD)])
def test_a_bad_field_is_refused_by_name(field: str, groups: dict[str, Any]) -> None:
    """The location of the error is the invalid field."""
    with pytest.raises(ValidationError) as refusal:
        Event.model_validate(an_event(**groups))

    assert field in {".".join(str(part) for part in error["loc"][:2]) for error in refusal.value.errors()} | {
        str(error["loc"][0]) for error in refusal.value.errors()
    }


def test_an_event_reads_the_same_from_text_and_from_parsed_json() -> None:
    """The service parses JSON before validation and files do not; both give the same event."""
    given = an_event(authentication={"amr": ["pwd", "otp"], "time": "2026-03-02T10:00:00+02:00"})

    assert Event.model_validate_json(json.dumps(given)) == Event.model_validate(given)


def test_the_published_schema_is_current() -> None:
    """`data/event.schema.json` equals the JSON Schema of the Event."""
    assert (ROOT / "data" / "event.schema.json").read_text() == event_schema() + "\n"
