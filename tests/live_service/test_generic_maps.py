"""`POST /events?source=generic&map=NAME`: a log without a source, read by a map of the service's operator."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from support.consumers import consume, stored
from support.live_server import Server, ago

MAP = """
title: Badge reader
requires: [badge, when]
not_events: {verb: {heartbeat: a heartbeat}}
fields:
  id: number
  time: when
  identity.id: badge
  identity.type: {from: holder, values: {employee: human, robot: workload}}
  action.name: "{verb} {what}"
  action.outcome: {from: result, values: {ok: success, refused: denied}, else: failure}
actions:
  categories: {write: [open *]}
"""


def records(badge: str) -> bytes:
    """Two openings, a heartbeat, and a record of another log."""
    opened = {"when": ago(60), "badge": badge, "holder": "robot", "verb": "open", "what": "vault", "result": "ok"}
    made = [opened | {"number": 1}, opened | {"number": 2}, opened | {"verb": "heartbeat"}, {"colour": "red"}]
    return "\n".join(map(json.dumps, made)).encode()


def with_map(server: Server, text: str = MAP, name: str = "badge") -> Path:
    """The map in the server's folder of maps."""
    (folder := server.home / "maps").mkdir(exist_ok=True)
    (file := folder / f"{name}.yaml").write_text(text)
    return file


def shipped(server: Server, query: str, body: bytes) -> tuple[int, dict[str, object]]:
    """The answer to records that are shipped."""
    headers = {"Content-Type": "application/x-ndjson"}
    response = server.request("POST", f"/events?{query}", content=body, headers=headers)
    return response.status_code, response.json()


def test_records_are_read_by_the_map_and_its_types_are_fixed(small: Server) -> None:
    """As by any other source: a request that then declares another type meets the floors of both."""
    with_map(small)
    status, result = shipped(small, "source=generic&map=badge", records("badge-live"))
    decision = small.score({"time": ago(0), "identity": {"id": "badge-live", "type": "human"}, "action": {"name": "x"}})

    assert status == 200
    assert (result["folded"], result["left_out"]) == (2, {"a heartbeat": 1})
    assert result["broken"] == ["line 4: badge is missing: this is no record of Badge reader"]
    assert [finding["kind"] for finding in decision["findings"]] == ["other_identity_type"]


def test_live_and_from_a_file_alike(small: Server) -> None:
    """A consumer with the same map stores the same events."""
    file = with_map(small)
    done = consume(small, "--follow", "-", "--source", "generic", "--map", str(file), stdin=records("badge-pipe"))
    shipped(small, "source=generic&map=badge", records("badge-wire"))

    assert stored(small, "badge-pipe") == stored(small, "badge-wire") == ["1", "2"]
    assert "2 events stored" in done.stderr.splitlines()[-1]


def test_a_changed_map_counts_from_the_next_request_on(small: Server) -> None:
    """Without a restart."""
    file = with_map(small, name="changing")
    shipped(small, "source=generic&map=changing", records("badge-before"))
    file.write_text(MAP.replace("from: holder", "from: nobody"))
    os.utime(file, ns=(1, 1))
    _, result = shipped(small, "source=generic&map=changing", records("badge-after"))

    assert stored(small, "badge-before") == ["1", "2"]
    assert result["folded"] == 0


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("source=generic", "map: is needed"),
        ("source=generic&map=bagde", "did you mean"),
        ("source=generic&map=../maps/badge", "there is no map"),
        ("source=generic&map=/etc/passwd", "there is no map"),
        ("source=generic&map=badge.yaml", "there is no map"),
        ("source=generic&map=", "there is no map"),
        ("source=okta&map=badge", "map: is for the source generic alone"),
        ("map=badge", "map: is for the source generic alone"),
        ("source=generic&map=wrong", "an event has no field"),
        ("source=okta&importer=okta", "importer: is for events that another program made"),
        ("importer=bagde", "importer: is not one of"),
    ],
)
def test_what_cannot_be_meant_is_refused(small: Server, query: str, said: str) -> None:
    """With 400 and a sentence; a name is never a path."""
    with_map(small)
    with_map(small, MAP.replace("identity.id", "identity.name"), "wrong")
    status, problem = shipped(small, query, records("badge-refused"))

    assert (status, said in str(problem["detail"])) == (400, True), problem
