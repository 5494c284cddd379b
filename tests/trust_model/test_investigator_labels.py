"""Investigators' verdicts become labels: the last on each event, so many of each identity, and of nobody else's."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from training.cli.main import app
from training.data.labels import World, benign_labels
from training.data.verdicts import VERDICT_SOURCE, apply_verdicts, has_verdict, read_verdicts, verdict_weights


def log_of(count: int = 8) -> World:
    events = pa.table({"id": [f"e{n}" for n in range(count)], "identity.id": ["ada"] * (count - 1) + ["bob"]})
    world = World(events, benign_labels(events, "yours"))
    return world.conformed()


def said(path: Path, *lines: dict[str, Any]) -> str:
    whole = [
        {"identity": "ada", "verdict": "intruder", "at": "2026-10-01T09:00:00Z", "by": "kim"} | line for line in lines
    ]
    path.write_text("\n".join(map(json.dumps, whole)))
    return str(path)


def test_a_verdict_becomes_the_label_and_says_where_it_came_from(tmp_path: Path) -> None:
    """An unsure one makes it unknown; the rest stays."""
    source = said(tmp_path / "v", {"event_id": "e1"}, {"event_id": "e2", "verdict": "unsure"})
    labels = apply_verdicts(log_of(), read_verdicts(source)).world.labels

    assert (labels["compromised"].to_pylist()[:4], labels["label_source"].to_pylist()[:2]) == (
        [0, 1, None, 0],
        ["yours", VERDICT_SOURCE],
    )


def test_the_last_verdict_counts(tmp_path: Path) -> None:
    """In order of when they were given, not of lines."""
    later = {"event_id": "e1", "verdict": "owner", "at": "2026-10-02T09:00:00Z"}
    labels = apply_verdicts(log_of(), read_verdicts(said(tmp_path / "v", later, {"event_id": "e1"}))).world.labels

    assert labels["compromised"].to_pylist()[1] == 0


def test_so_many_of_an_identity_count_and_no_more(tmp_path: Path) -> None:
    """The newest; the rest is told."""
    lines = [{"event_id": f"e{n}", "at": f"2026-10-0{n + 1}T09:00:00Z"} for n in range(6)]
    pulled = apply_verdicts(log_of(), read_verdicts(said(tmp_path / "v", *lines)), limit=2)

    assert (pulled.taken, pulled.capped, pulled.world.labels["compromised"].to_pylist()) == (
        2,
        4,
        [0, 0, 0, 0, 1, 1, 0, 0],
    )


def test_nobody_speaks_for_anothers_events(tmp_path: Path) -> None:
    """A verdict on another identity's event, or on one that is not there, is left out and counted."""
    pulled = apply_verdicts(log_of(), read_verdicts(said(tmp_path / "v", {"event_id": "e7"}, {"event_id": "gone"})))

    assert (pulled.taken, pulled.unknown) == (0, 2)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            {"event_id": "e1", "verdict": "guilty"},
            "line 1: verdict is 'guilty'; it must be one of intruder, owner, unsure",
        ),
        ({"verdict": "owner"}, "line 1 is not a verdict: KeyError\\('event_id'\\)"),
        ({"event_id": "e1", "at": "2026-10-01T09:00:00"}, "has no time zone"),
    ],
)
def test_what_is_no_verdict_is_refused_by_line(line: dict[str, Any], says: str, tmp_path: Path) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=says):
        read_verdicts(said(tmp_path / "v", line))


def test_the_command_writes_labels(tmp_path: Path) -> None:
    """Beside the events, and says what became of the verdicts."""
    world, source = log_of(), said(tmp_path / "v", {"event_id": "e1"})
    pq.write_table(world.events, tmp_path / "events.parquet")

    ran = CliRunner().invoke(
        app, ["labels", "pull", source, str(tmp_path / "events.parquet"), "--out", str(tmp_path / "labels.parquet")]
    )

    labels = pq.read_table(tmp_path / "labels.parquet")["compromised"].to_pylist()
    assert (ran.exit_code, sum(labels)) == (0, 1)


def test_verdicts_come_over_http_for_who_has_the_key(tmp_path: Path) -> None:
    """The bearer key of a file is sent along."""
    asked: list[str | None] = []

    class Export(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Authorization"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(Path(said(tmp_path / "v", {"event_id": "e1"})).read_bytes())

        def log_message(self, format: str, *args: object) -> None:
            """Quietly."""

    (tmp_path / "key").write_text("abc.def\n")
    with HTTPServer(("127.0.0.1", 0), Export) as server:
        Thread(target=server.handle_request, daemon=True).start()
        verdicts = read_verdicts(f"http://127.0.0.1:{server.server_port}/verdicts", tmp_path / "key")

    assert (asked, [each.event_id for each in verdicts]) == (["Bearer abc.def"], ["e1"])


def test_what_is_said_of_one_identity_counts_together_for_one() -> None:
    """However many verdicts; requests of which nobody spoke count as ever."""
    identity, spoken = np.array([0, 0, 0, 0, 1, 1, 2]), np.array([True, True, True, True, True, False, False])

    assert verdict_weights(spoken, identity).tolist() == [0.25] * 4 + [1.0] * 3


def test_what_verdicts_speak_of_is_told_by_the_labels(tmp_path: Path) -> None:
    """Those of investigators, and no others."""
    pulled = apply_verdicts(
        log_of(4), read_verdicts(said(tmp_path / "v", {"event_id": "e1"}, {"event_id": "e2", "verdict": "owner"}))
    )

    assert has_verdict(pulled.world).tolist() == [False, True, True, False]
