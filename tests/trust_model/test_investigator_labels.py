"""Investigators' verdicts become labels: the last on each event, at most so many for each identity."""

from __future__ import annotations

import json
import re
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
from training.data.verdicts import (
    MAX_VERDICTS_PER_IDENTITY,
    VERDICT_SOURCE,
    apply_verdicts,
    has_verdict,
    read_verdicts,
    verdict_weights,
)


def make_log(count: int = 8) -> World:
    """Events of ada, and a last one of bob."""
    identities = ["ada"] * (count - 1) + ["bob"]
    events = pa.table({"id": [f"e{number}" for number in range(count)], "identity.id": identities})
    return World(events, benign_labels(events, "yours")).conformed()


def write_verdicts(path: Path, *verdicts: dict[str, Any]) -> str:
    """Verdicts of an intruder on ada's events, with what the arguments change, as an exported file."""
    usual = {"identity": "ada", "verdict": "intruder", "at": "2026-10-01T09:00:00Z", "by": "kim"}
    path.write_text("\n".join(json.dumps(usual | verdict) for verdict in verdicts))
    return str(path)


def test_a_verdict_becomes_a_label_with_its_source(tmp_path: Path) -> None:
    """An unsure verdict makes the label unknown; other labels stay."""
    source = write_verdicts(tmp_path / "v", {"event_id": "e1"}, {"event_id": "e2", "verdict": "unsure"})

    labels = apply_verdicts(make_log(), read_verdicts(source)).world.labels

    assert labels["compromised"].to_pylist()[:4] == [0, 1, None, 0]
    assert labels["label_source"].to_pylist()[:2] == ["yours", VERDICT_SOURCE]


def test_the_last_verdict_on_an_event_counts(tmp_path: Path) -> None:
    """The time of the verdict decides, not the order of lines."""
    later = {"event_id": "e1", "verdict": "owner", "at": "2026-10-02T09:00:00Z"}
    source = write_verdicts(tmp_path / "v", later, {"event_id": "e1"})

    labels = apply_verdicts(make_log(), read_verdicts(source)).world.labels

    assert labels["compromised"].to_pylist()[1] == 0


def test_verdicts_on_one_identity_are_capped(tmp_path: Path) -> None:
    """The newest are taken, and the others are counted."""
    verdicts = [{"event_id": f"e{number}", "at": f"2026-10-0{number + 1}T09:00:00Z"} for number in range(6)]

    applied = apply_verdicts(make_log(), read_verdicts(write_verdicts(tmp_path / "v", *verdicts)), limit=2)

    assert applied.taken == 2
    assert applied.capped == 4
    assert applied.world.labels["compromised"].to_pylist() == [0, 0, 0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize("event", [pytest.param("e7", id="another identity's"), pytest.param("gone", id="unknown")])
def test_verdicts_that_match_no_event_are_left_out(event: str, tmp_path: Path) -> None:
    """They are counted."""
    applied = apply_verdicts(make_log(), read_verdicts(write_verdicts(tmp_path / "v", {"event_id": event})))

    assert applied.taken == 0
    assert applied.unknown == 1


@pytest.mark.parametrize(
    ("verdict", "message"),
    [
        (
            {"event_id": "e1", "verdict": "guilty"},
            "line 1: verdict is 'guilty'; it must be one of intruder, owner, unsure",
        ),
        ({"verdict": "owner"}, r"line 1 is not a verdict: KeyError\('event_id'\)"),
        ({"event_id": "e1", "at": "2026-10-01T09:00:00"}, "has no time zone"),
    ],
)
def test_a_malformed_verdict_is_refused_by_line(verdict: dict[str, Any], message: str, tmp_path: Path) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=message):
        read_verdicts(write_verdicts(tmp_path / "v", verdict))


def test_the_command_writes_labels(tmp_path: Path) -> None:
    """`labels pull` takes verdicts and events, and writes labels."""
    source = write_verdicts(tmp_path / "v", {"event_id": "e1"})
    events, labels = tmp_path / "events.parquet", tmp_path / "labels.parquet"
    pq.write_table(make_log().events, events)

    result = CliRunner().invoke(app, ["labels", "pull", source, str(events), "--out", str(labels)])

    assert result.exit_code == 0
    assert sum(pq.read_table(labels)["compromised"].to_pylist()) == 1


def test_verdicts_are_fetched_over_http_with_the_bearer_key(tmp_path: Path) -> None:
    """The key is read from a file."""
    authorization: list[str | None] = []
    exported = write_verdicts(tmp_path / "v", {"event_id": "e1"})

    class Export(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            authorization.append(self.headers["Authorization"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(Path(exported).read_bytes())

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    (tmp_path / "key").write_text("abc.def\n")
    with HTTPServer(("127.0.0.1", 0), Export) as server:
        Thread(target=server.handle_request, daemon=True).start()
        verdicts = read_verdicts(f"http://127.0.0.1:{server.server_port}/verdicts", tmp_path / "key")

    assert authorization == ["Bearer abc.def"]
    assert [verdict.event_id for verdict in verdicts] == ["e1"]


def test_verdicts_on_one_identity_weigh_as_much_as_one_request() -> None:
    """However many there are; requests without a verdict keep their weight."""
    identity = np.array([0, 0, 0, 0, 1, 1, 2])
    from_verdict = np.array([True, True, True, True, True, False, False])

    assert verdict_weights(from_verdict, identity).tolist() == [0.25] * 4 + [1.0] * 3


def test_labels_say_which_of_them_come_from_verdicts(tmp_path: Path) -> None:
    """Those of investigators, and no others."""
    source = write_verdicts(tmp_path / "v", {"event_id": "e1"}, {"event_id": "e2", "verdict": "owner"})

    applied = apply_verdicts(make_log(4), read_verdicts(source))

    assert has_verdict(applied.world).tolist() == [False, True, True, False]


def test_the_command_says_how_many_verdicts_count_by_default() -> None:
    """The help text repeats the constant, which the command imports only when it runs."""
    result = CliRunner().invoke(app, ["labels", "pull", "--help"])

    assert f"[default: {MAX_VERDICTS_PER_IDENTITY}]" in re.sub(r"[\s│]+", " ", result.output)
