"""`POST /events` and `POST /revocations` on a running service."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.live_server import Server, ago, an_event
from support.step_ups import history_version


@pytest.mark.parametrize("session, other_session", [("s1", "step_up"), (None, "deny")])
def test_a_revocation_denies(small: Server, session: str | None, other_session: str) -> None:
    """One session or, without one, all of the identity; the revoked session is to be ended.

    A session that was never seen may be the revoked one under a new name: it needs a later proof.
    """
    identity_id = f"revoked {session}"
    status, _ = small.post("/revocations", {"identity": identity_id, "session": session, "reason": "stolen"})
    decision = small.score(an_event(identity_id))

    assert status == 200
    assert decision["ruling"] == "deny"
    assert decision["session"]["action"] == "end"
    assert small.score(an_event(identity_id, session="s2"))["ruling"] == other_session


def test_a_shipped_event_is_folded_once(small: Server) -> None:
    """One whose id is known is counted as a duplicate."""
    shipped = [an_event("shipped", id=f"e{n}", time=ago(90 - n)) for n in (1, 2, 1)]
    status, result = small.post("/events", shipped)

    assert status == 200
    assert result == {"folded": 2, "duplicates": 1, "broken": [], "left_out": {}}
    assert history_version(small, "shipped") == 2


def test_an_event_that_was_scored_is_a_duplicate(small: Server) -> None:
    """Where the same traffic is shipped as well, nothing is folded twice."""
    event = an_event("both ways", id="e1")
    small.score(event)
    _, result = small.post("/events", [event])

    assert result["duplicates"] == 1
    assert history_version(small, "both ways") == 1


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "in the future": (an_event("batch", time="2090-01-01T00:00:00Z"), "time: lies in the future"),
    "without an identity": ({"time": ago(0), "action": {"name": "a"}}, "identity: Field required"),
    "before the calendar": (an_event("batch", time="0001-01-01T00:00:00+23:59"), "time: Value error, must lie between"),
    "after the calendar": (an_event("batch", time="9999-12-31T23:59:59-23:59"), "time: Value error, must lie between"),
    "before nanoseconds": (an_event("batch", time="1677-09-21T00:12:43Z"), "time: Input should be greater than"),
    "after nanoseconds": (an_event("batch", time="2262-04-11T23:47:17Z"), "time: Input should be less than"),
    "an edge inside": (
        an_event("batch", credential={"issued_at": "9999-12-31T23:59:59-01:00"}),
        "credential.issued_at: Value error, must lie between",
    ),
    "half a character": (an_event("batch", action={"name": "\ud800"}), "action.name: Input should be a valid string"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_broken_record_never_fails_a_batch(small: Server, name: str) -> None:
    """It is named by its place and field, and the sound records before and after it are folded."""
    record, reason = BROKEN[name]
    identity_id = f"batch {name}"
    status, result = small.post("/events", [an_event(identity_id), record, an_event(identity_id)])

    assert status == 200
    assert (result["folded"], len(result["broken"])) == (2, 1)
    assert result["broken"][0].startswith(f"record 1: {reason}")
    assert history_version(small, identity_id) == 2


CLOUDTRAIL = {
    "eventVersion": "1.08",
    "eventID": "7c6b5a49-0000-4000-8000-000000000001",
    "eventTime": "2026-03-02T09:00:00Z",
    "eventSource": "s3.amazonaws.com",
    "eventName": "GetObject",
    "awsRegion": "eu-central-1",
    "sourceIPAddress": "203.0.113.7",
    "userAgent": "aws-cli/2.15.30",
    "userIdentity": {
        "type": "IAMUser",
        "principalId": "AIDAEXAMPLE",
        "arn": "arn:aws:iam::123456789012:user/trail",
        "accountId": "123456789012",
        "accessKeyId": "AKIAEXAMPLE",
    },
}


def test_a_native_log_is_read_as_far_as_possible(small: Server) -> None:
    """Records that are not events are named by position; the others are folded."""
    broken: list[Any] = [{}, {"eventTime": 7}, CLOUDTRAIL | {"userIdentity": 3}]
    status, result = small.post("/events?source=cloudtrail", [CLOUDTRAIL, *broken])

    assert status == 200
    assert result["folded"] == 1
    assert [each.split(":")[0] for each in result["broken"]] == ["record 1", "record 2", "record 3"]


def test_an_unknown_source_is_refused(small: Server) -> None:
    """The refusal names the sources there are."""
    status, problem = small.post("/events?source=carrier-pigeon", [])

    assert status == 400
    assert "cloudtrail" in problem["detail"]


def shipped_text(server: Server, source: str, content: bytes, kind: str) -> httpx.Response:
    """POST /events with a body as it is."""
    headers = {"Content-Type": kind, "Authorization": f"Bearer {server.full_key}"}
    return server.client.post(f"/events?source={source}", content=content, headers=headers)


CASES = Path(__file__).parents[1] / "log_events" / "cases"


@pytest.mark.parametrize(
    ("case", "folded", "left_out"),
    [
        ("05-insight-event", 1, {"an Insight event, which is no request of anybody": 1}),
        ("07-eventbridge-wrapper", 1, {}),
        ("08-cloudwatch-subscription", 3, {}),
        ("10-firehose-concatenated", 5, {}),
        ("16-hidden-user-name", 0, {"a request that names no principal": 3}),
    ],
)
def test_native_records_are_taken_as_an_import_takes_them(
    small: Server, case: str, folded: int, left_out: dict[str, int]
) -> None:
    """Wrapped or in a row; what is no act of a known identity is counted by what it is."""
    text = (CASES / f"{case}.json").read_text()
    ours = text.replace("00000000-0000-4000-8000-", f"{case[:2]}000000-0000-4000-8000-")
    response = shipped_text(small, "cloudtrail", gzip.compress(ours.encode()), "application/gzip")

    result = response.json()
    assert (response.status_code, result["folded"] + result["duplicates"], result["broken"]) == (200, folded, [])
    assert result["left_out"] == left_out


def test_lines_of_text_are_taken_of_a_source_that_has_them(small: Server) -> None:
    """A sign-in over SSH is an event."""
    line = b"2026-03-02T09:01:00Z host sshd[7]: Accepted publickey for lines-ada from 203.0.113.7 port 22 ssh2"
    response = shipped_text(small, "linux", line, "text/plain")

    assert (response.status_code, response.json()["folded"]) == (200, 1)
