"""Every log in `data/`, from its file to a decision on each of its requests: live and imported alike."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.live_server import ROOT, Server, new_home, served, variables
from support.source_samples import DATA, SAMPLES, Sample

from features import Event, events_of
from features.enrichment.ip_lookup import fill_event, lookup
from features.sources.file_import import import_files
from serving.demo.any_log import with_ids_of_their_own
from serving.demo.result import score_events
from serving.launch.client import Service
from serving.store.schema import events

KINDS = {".gz": "application/gzip", ".csv": "text/csv", ".log": "text/plain"}
WITH_EVENTS = [sample for sample in SAMPLES if sample.events]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has stored nothing yet."""
    with served(new_home(tmp_path_factory.mktemp("sources") / "home")) as server:
        yield server


@cache
def imported(sample: Sample) -> tuple[Event, ...]:
    """The events of a file, with what is known of their addresses."""
    return tuple(
        fill_event(event, lookup("")) for event in events_of(import_files(sample.source, [DATA / sample.file]).table)
    )


def stored(server: Server, after: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The events that are stored since a place, as their columns hold them; and the last place."""
    query = sa.select(events.c.place, events.c.body).where(events.c.space == "live", events.c.place > after)
    with sa.create_engine(f"sqlite:///{server.home / 'session-trust.db'}").connect() as connection:
        rows = connection.execute(query.order_by(events.c.place)).all()
    return [json.loads(body) for _, body in rows], max((place for place, _ in rows), default=after)


def as_json(event: Event) -> dict[str, Any]:
    """An event as the store holds it."""
    return dict(json.loads(event.model_dump_json(exclude_none=True)))


def texts(found: list[dict[str, Any]]) -> list[str]:
    """Events in an order that does not depend on how they came."""
    return sorted(json.dumps(event, sort_keys=True) for event in found)


@pytest.mark.parametrize("sample", WITH_EVENTS, ids=lambda sample: sample.file)
def test_shipped_live_and_imported_from_the_file_are_the_same_events(server: Server, sample: Sample) -> None:
    """Each field of each event; what came twice is stored once."""
    file = DATA / sample.file
    _, before = stored(server)
    headers = {"Content-Type": KINDS.get(file.suffix, "application/x-ndjson")}
    answer = server.request(
        "POST", f"/events?source={sample.source}", content=file.read_bytes(), headers=headers
    ).json()
    live, _ = stored(server, before)

    assert texts(live) == texts([as_json(event) for event in imported(sample)])
    assert answer["folded"] + answer["duplicates"] == sample.events


@pytest.mark.parametrize("sample", WITH_EVENTS, ids=lambda sample: sample.file)
def test_each_request_of_a_log_is_decided(server: Server, sample: Sample) -> None:
    """In time order, each with the history of those before it; who is named in the log is who is decided on."""
    service = Service(server.url, server.home / "key")
    in_order = with_ids_of_their_own(sorted(imported(sample), key=lambda event: event.time))
    scored = list(score_events(service, in_order, f"end-to-end-{sample.file}"))
    trusts = [each.trust for each in scored]

    assert [each.event for each in scored] == in_order
    assert all(trust is not None and 0 <= trust <= 1 for trust in trusts)
    assert {each.ruling for each in scored} <= {"allow", "step_up", "deny"}
    assert not any(each.decision["degraded"] for each in scored)
    assert all(each.reason for each in scored if each.ruling != "allow")


def demo(server: Server, *options: str) -> subprocess.CompletedProcess[str]:
    """The command, which finds the running server."""
    environment: Mapping[str, str] = variables(server.home, SESSION_TRUST_PORT=server.url.rpartition(":")[2])
    command = [str(ROOT / "scripts/demo"), *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("source", ["okta", "linux", "google-workspace"])
def test_the_demo_plays_any_log(server: Server, source: str) -> None:
    """And prints where it turns, with a line for each request."""
    sample = next(sample for sample in WITH_EVENTS if sample.source == source)
    done = demo(server, "--log", str(DATA / sample.file), "--source", source)

    assert done.returncode == 0, done.stderr
    assert "the turn is request" in done.stdout or "nothing turns" in done.stdout
    assert f"of {len(imported(sample))} requests are allowed" in done.stdout


def test_the_demo_plays_a_log_by_a_map(server: Server, tmp_path: Path) -> None:
    """And says when a log holds no event."""
    (map_file := tmp_path / "badge.yaml").write_text(
        "title: Badges\nrequires: [badge]\nfields:\n  time: when\n  identity.id: badge\n  identity.type: {is: human}\n"
        "  action.name: verb\n"
    )
    (log := tmp_path / "badge.ndjson").write_text('{"badge": "ada", "when": "2026-01-05T09:00:00Z", "verb": "open"}\n')
    (empty := tmp_path / "empty.ndjson").write_text('{"colour": "red"}\n')
    options = ("--source", "generic", "--map", str(map_file), "--turn")
    played, nothing = demo(server, "--log", str(log), *options), demo(server, "--log", str(empty), *options)

    assert (played.returncode, "of 1 requests are allowed" in played.stdout) == (0, True), played.stderr
    assert (nothing.returncode, "1 unreadable records of 1" in nothing.stdout) == (2, True)
