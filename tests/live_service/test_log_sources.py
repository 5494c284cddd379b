"""Every log source is read by a running service as an import reads it, and its identities are then known."""

from __future__ import annotations

import httpx
import pytest
from support.live_server import Server, an_event
from support.source_samples import DATA, SAMPLES, Sample, read
from support.step_ups import history_version

KINDS = {".gz": "application/gzip", ".csv": "text/csv", ".log": "text/plain"}


def shipped(server: Server, sample: Sample) -> httpx.Response:
    """The answer to the file as it is."""
    file = DATA / sample.file
    headers = {"Content-Type": KINDS.get(file.suffix, "application/x-ndjson")}
    return server.request("POST", f"/events?source={sample.source}", content=file.read_bytes(), headers=headers)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_a_file_is_shipped_as_it_is(small: Server, sample: Sample) -> None:
    """The counts are those of the file: events, what is left out, and what is broken."""
    response = shipped(small, sample)

    assert response.status_code == 200, response.text
    result = response.json()
    assert result["folded"] + result["duplicates"] == sample.events
    assert sum(result["left_out"].values()) == sample.nobody + sample.other
    assert len(result["broken"]) == sample.unreadable


@pytest.mark.parametrize("source", sorted({sample.source for sample in SAMPLES}))
def test_an_identity_of_a_log_is_scored(small: Server, source: str) -> None:
    """With the history that the log gave it."""
    sample = next(sample for sample in SAMPLES if sample.source == source and sample.events)
    shipped(small, sample)
    _, event = read(sample)[0][0]

    decision = small.score(an_event(event.identity.id, identity={"type": event.identity.type}))

    assert decision["ruling"] in ("allow", "step_up", "deny")
    assert history_version(small, event.identity.id) > 1
