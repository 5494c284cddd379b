"""Maps of logs: a map says where an event's fields come from, and is refused with a sentence when it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from features.event.schema import Event
from features.sources.formats.records import NobodyKnown, NotAnEvent
from features.sources.mapping.log_map import LogMap, ready_map
from features.sources.mapping.map_file import MapError, read_map
from features.sources.mapping.mapped_source import source_of_map

MAP = """
title: Badge reader
requires: [badge, when]
not_events: {kind: {heartbeat: a heartbeat}}
nobody: {badge: [Redacted, unknown]}
fields:
  id: number
  time: when
  identity.id: badge.id | badge
  identity.type: {from: holder, values: {Employee: human, robot: workload}, else: service_account}
  session.id: shift
  action.name: ["{verb} {object}", verb]
  action.outcome: {from: result, values: {ok: success, refused: denied}, default: success}
  network.ip: address
  device.managed: managed
  credential.kind: {is: api_token}
actions:
  categories: {read: [look *], delete: [erase record], authenticate: [enter*]}
  views: {list: "^list "}
  impact: {high: [erase record]}
  irreversible: [erase record]
"""
RECORD: dict[str, Any] = {
    "number": 7,
    "when": "2026-01-05 09:00:00",
    "badge": "ada",
    "holder": "EMPLOYEE",
    "verb": "erase",
    "object": "record",
    "address": "192.0.2.1:443",
    "managed": "yes",
}


def written(folder: Path, text: str = MAP) -> Path:
    """A map file."""
    (file := folder / "map.yaml").write_text(text)
    return file


def read(folder: Path, **changes: Any) -> Event:
    """The event of the record, with changes."""
    badge_reader: LogMap = ready_map(read_map(written(folder)))
    return badge_reader.event_of(RECORD | changes)


def test_a_map_fills_the_fields_of_an_event(tmp_path: Path) -> None:
    """Paths, value maps, constants, and the table of actions."""
    event = read(tmp_path)

    assert (event.id, event.time.isoformat(), event.identity.id) == ("7", "2026-01-05T09:00:00+00:00", "ada")
    assert (event.identity.type, event.action.name, event.action.category) == ("human", "erase record", "delete")
    assert (event.action.impact, event.action.reversible, event.action.outcome) == ("high", False, "success")
    assert (event.network.ip, event.device.managed, event.credential.kind) == ("192.0.2.1", True, "api_token")


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"holder": "robot"}, "identity.type", "workload"),
        ({"holder": "visitor"}, "identity.type", "service_account"),
        ({"badge": {"id": "bo"}}, "identity.id", "bo"),
        ({"BADGE": "bo"}, "identity.id", "ada"),
        ({"result": "refused"}, "action.outcome", "denied"),
        ({"result": "something new"}, "action.outcome", None),
        ({"verb": "enter", "object": None}, "action.outcome", None),
        ({"verb": "enter failed", "object": None}, "action.outcome", "failure"),
        ({"verb": "fail to look", "object": "up"}, "action.outcome", "failure"),
        ({"verb": "list", "object": "look-ups"}, "action.category", "list"),
        ({"verb": "ERASE", "object": "Record"}, "action.category", "delete"),
        ({"verb": "polish"}, "action.category", None),
        ({"address": "the basement"}, "network.ip", None),
        ({"managed": "perhaps"}, "device.managed", None),
        ({"shift": "s" * 300}, "session.id", f"{'s' * 180}#"),
    ],
)
def test_a_value_is_read_or_unknown(tmp_path: Path, changes: dict[str, Any], field: str, value: object) -> None:
    """Unknown is None: nothing is guessed, and a sign-in is never a success by default."""
    group, _, name = field.partition(".")

    found = getattr(getattr(read(tmp_path, **changes), group), name)

    assert found == value or (field == "session.id" and found.startswith(value) and len(found) <= 256)


def test_nobody_known_is_nobody(tmp_path: Path) -> None:
    """A request without an identity is counted, and given to no one."""
    badges: tuple[Any, ...] = ({}, "redacted", "UNKNOWN")
    for badge in badges:
        with pytest.raises(NobodyKnown):
            read(tmp_path, badge=badge)


def test_a_record_of_no_act_is_named_for_what_it_is(tmp_path: Path) -> None:
    """By the value of a field."""
    with pytest.raises(NotAnEvent, match="a heartbeat"):
        read(tmp_path, kind="Heartbeat")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [("when", "noon", "time is missing or cannot be read"), ("badge", "", "this is no record of Badge reader")],
)
def test_a_record_that_cannot_be_read_says_why(tmp_path: Path, name: str, value: str, reason: str) -> None:
    """A ValueError with the field's name."""
    with pytest.raises(ValueError, match=reason):
        read(tmp_path, **{name: value})


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("  time: when\n", "", "`fields` does not say where time come"),
        ("session.id: shift", "session.idd: shift", "no field 'session.idd'; did you mean 'session.id'?"),
        ("{Employee: human", "{Employee: person", "'person' cannot be the value of identity.type; choose one of human"),
        ("{is: api_token}", "{is: 7}", "7 cannot be the value of credential.kind"),
        ("badge.id | badge", "badge[ | badge", "cannot be read from character"),
        ("{is: api_token}", "{values: {a: api_token}}", "needs either `from` or `is`"),
        ('"^list "', '"("', "is not a regular expression"),
        ("{read: [look *]", "{reed: [look *]", "reed"),
        ("title: Badge reader", "title: Badge reader\ntitle: again", "title"),
    ],
)
def test_a_wrong_map_is_refused_with_what_to_write(tmp_path: Path, old: str, new: str, reason: str) -> None:
    """When it is read, before any record."""
    with pytest.raises(MapError) as refused:
        read_map(written(tmp_path, MAP.replace(old, new)))

    assert reason in str(refused.value)


def test_a_map_is_a_source(tmp_path: Path) -> None:
    """It recognises its records and says the type that its rules give."""
    source = source_of_map(written(tmp_path))

    assert (source.recognises(RECORD), source.recognises({}), source.title) == (True, False, "Badge reader")
    assert (source.identity_type(RECORD), source.identity_type({})) == ("human", None)
