"""The service over HTTP: what is answered is recorded, bad input is refused by name, keys open what they should."""

from __future__ import annotations

import math
from typing import Any

import pytest
from support.live_server import Server, ago, an_event

from serving.contracts.decision import ScoreResponse
from serving.contracts.requests import INLINE_LIMIT

PROBLEM = "application/problem+json"
PLAIN = {"time": ago(0), "identity": {"id": "x", "type": "human"}, "action": {"name": "a:B"}}


def event(**groups: Any) -> dict[str, Any]:
    """A minimal event of this moment, with groups of it replaced."""
    return PLAIN | {"time": ago(0)} | groups


def body(**groups: Any) -> dict[str, Any]:
    """A request about a minimal event."""
    return {"event": event(**groups)}


def test_what_is_answered_is_what_was_recorded(small: Server) -> None:
    """The log holds the answer word for word."""
    answer = small.score(an_event("recorded"))
    kept = small.get(f"/decisions/{answer['decision_id']}")

    assert kept["body"]["answer"] == answer


def test_the_answer_has_the_shape_that_is_published(small: Server) -> None:
    """A strict model of the answer, the one in the OpenAPI document, takes it."""
    answer = small.score(an_event("shape", category="manage_access"))

    assert ScoreResponse.model_validate(answer).model_dump(exclude_unset=True) == answer


@pytest.mark.parametrize("category", ["read", "export", "manage_access", None])
@pytest.mark.parametrize("kind", ["human", "agent"])
def test_the_explanation_sums_to_the_trust(small: Server, kind: str, category: str | None) -> None:
    """base + Σ contributions = margin, and trust is one less the probability it stands for."""
    answer = small.score(an_event("sums", category=category, identity={"type": kind}))
    said = answer["explanation"]
    total = math.fsum([said["base"], *(each["contribution"] for each in said["contributions"])])

    assert (abs(total - said["margin"]) < 1e-9, answer["trust"]["now"]) == (
        True,
        pytest.approx(1 - 1 / (1 + math.exp(-said["margin"])), abs=1e-12),
    )


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown member": (body() | {"observe": True}, "observe"),
    "an unknown member of the event": (body(colour="red"), "event.colour"),
    "an unknown member deep inside": (body(identity={"id": "x", "type": "human", "age": 3}), "event.identity.age"),
    "a wrong type": (body(network={"asn": "64496"}), "event.network.asn"),
    "a number out of range": (body(network={"latitude": 91.0}), "event.network.latitude"),
    "a word that is none of ours": (body(action={"name": "a", "category": "steal"}), "event.action.category"),
    "nobody's identity": (body(identity={"id": "", "type": "human"}), "event.identity.id"),
    "no event": ({}, "event"),
    "a time without offset": (body(time="2026-03-02T09:00:00"), "event.time"),
    "a time that is none": (body(time="yesterday"), "event.time"),
    "a time long ago": (body(time="2026-03-02T09:00:00Z"), "event.time"),
    "a time to come": (body(time="2090-03-02T09:00:00Z"), "event.time"),
    "a history of another": (
        body() | {"history": [event(time=ago(60), identity={"id": "y", "type": "human"})]},
        "history.0.identity.id",
    ),
    "a history of what comes after": (body() | {"history": [event(time="2090-03-02T09:00:00Z")]}, "history.0.time"),
    "too long a history": (body() | {"history": [event(time=ago(60))] * (INLINE_LIMIT + 1)}, "history"),
    "a space without a replay": (body() | {"space": "mine"}, "space"),
    "a mode that is none": (body() | {"mode": "try"}, "mode"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_by_the_field(small: Server, name: str) -> None:
    """A 400 whose errors name the field that is wrong."""
    request, field = BAD[name]
    if "time" not in name:
        request = request | ({"event": request["event"] | {"time": ago(0)}} if "event" in request else {})
    answer = small.ask("POST", "/score", request)

    assert (answer.status_code, answer.headers["content-type"], answer.json()["errors"][0]["field"]) == (
        400,
        PROBLEM,
        field,
    )


def test_a_callers_mistakes_leave_no_trace_in_the_log(small: Server) -> None:
    """A trace would hold what he sent, and fill the log at his will."""
    for mistake in ("colour of nobody", None):
        answer = small.ask("POST", "/score", {"event": {"colour": mistake}})
        assert answer.status_code == 400

    log = (small.home / "server.log").read_text()
    assert "colour of nobody" not in log and "Exception on /score" not in log


NO_JSON = {
    "NaN": b'{"event": {"network": {"latitude": NaN}}}',
    "infinity": b'{"event": {"network": {"latitude": -Infinity}}}',
    "no JSON": b"who goes there",
    "nothing": b"",
    "an array": b"[]",
    "a number": b"1",
    "null": b"null",
    "not UTF-8": b'{"event": "\xff"}',
    "a lone surrogate": b'{"event": "\\ud800"}',
    "an identity of a lone surrogate": b'{"event": {"time": "2026-03-02T09:00:00Z", "action": {"name": "a"}, '
    b'"identity": {"id": "\\ud800", "type": "human"}}}',
    "a member twice": b'{"event": {}, "event": {}}',
    "a deep nest": b"[" * 100_000,
    "a long number": b'{"event": {"network": {"asn": 1' + b"0" * 5_000 + b"}}}",
}


@pytest.mark.parametrize("path", ["/score", "/step-ups", "/revocations", "/events"])
@pytest.mark.parametrize("name", NO_JSON)
def test_what_is_no_object_is_refused(small: Server, name: str, path: str) -> None:
    """A 400 that names what was wrong, never a 500; an empty array of events alone is nothing to complain of."""
    headers = {"Content-Type": "application/json"}
    answer = small.ask("POST", path, content=NO_JSON[name], headers=headers)
    expected = 200 if (name, path) == ("an array", "/events") else 400

    assert (answer.status_code, expected == 200 or bool(answer.json()["errors"])) == (expected, True)


LONE = "\ud800"


@pytest.mark.parametrize(
    "groups",
    [
        {"device": {"user_agent": LONE}},
        {"session": {"intent": LONE}},
        {"identity": {"id": LONE}},
        {"action": {"name": LONE}},
        {"network": {"ip": LONE}},
    ],
)
def test_half_a_character_is_refused(small: Server, groups: dict[str, Any]) -> None:
    """A lone surrogate is legal JSON and no text that could be kept."""
    assert small.post("/score", {"event": an_event("half", **groups)})[0] == 400


@pytest.mark.parametrize("cookie", ["a[b=1", "session_trust_key=", "=;=", "session_trust_key=x.é"])
def test_an_odd_cookie_opens_nothing(small: Server, cookie: str) -> None:
    """And breaks nothing."""
    answer = small.client.get("/investigate", headers={b"Cookie": cookie.encode()})

    assert answer.status_code == 303


@pytest.mark.parametrize("key", ["é.é", ".", "a.", ".b", "a.b.c", "\x7f.x"])
def test_an_odd_key_opens_nothing(small: Server, key: str) -> None:
    """And breaks nothing."""
    answer = small.client.get("/decisions", headers={b"Authorization": f"Bearer {key}".encode()})

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "media", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonl"]
)
@pytest.mark.parametrize("path", ["/score", "/events", "/step-ups", "/revocations"])
def test_other_media_are_refused(small: Server, path: str, media: str) -> None:
    """A 415, also for a multipart body without boundary."""
    answer = small.ask("POST", path, content=b"{}", headers={"Content-Type": media})

    assert (answer.status_code, answer.headers["content-type"]) == (415, PROBLEM)


@pytest.mark.parametrize(
    "path, size", [("/score", 1 << 20), ("/step-ups", 1 << 20), ("/revocations", 1 << 20), ("/events", 8 << 20)]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_too_large_is_refused(small: Server, path: str, size: int, chunked: bool) -> None:
    """A 413, whether its length was said or not."""
    large = b" " * (size + 1)
    content = iter([large[: size // 2], large[size // 2 :]]) if chunked else large
    answer = small.ask("POST", path, content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code == 413


ROUTES = [
    ("POST", "/score", "score"),
    ("POST", "/events", "events"),
    ("POST", "/step-ups", "assure"),
    ("POST", "/revocations", "investigate"),
    ("GET", "/decisions", "investigate"),
    ("GET", "/decisions/x", "investigate"),
    ("POST", "/decisions/x/feedback", "investigate"),
    ("GET", "/feedback", "investigate"),
    ("GET", "/findings", "investigate"),
    ("GET", "/policy", "investigate"),
    ("GET", "/model", "investigate"),
    ("GET", "/metrics", "admin"),
]


@pytest.mark.parametrize("method, path, scope", ROUTES)
@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x.y"}, {"Authorization": "Basic eDp5"}])
def test_nothing_opens_without_a_key(small: Server, method: str, path: str, scope: str, header: dict[str, str]) -> None:
    """A 401 that says how to come in."""
    answer = small.client.request(method, path, headers=header)

    assert (answer.status_code, "Bearer" in answer.headers["www-authenticate"]) == (401, True)


@pytest.mark.parametrize("method, path, scope", ROUTES)
def test_a_key_opens_its_own_routes_only(small: Server, method: str, path: str, scope: str) -> None:
    """Every other scope together is not enough; the one it needs alone is."""
    others = small.key(*({"score", "events", "assure", "investigate", "admin"} - {scope}))
    refused = small.ask(method, path, key=others).status_code
    admitted = small.ask(method, path, key=small.key(scope)).status_code

    assert (refused, admitted in (200, 404, 415)) == (403, True)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/docs", "/docs.json", "/docs/start.js", "/docs/swagger-ui-bundle.js"])
def test_health_is_open(small: Server, path: str) -> None:
    """A load balancer has no key."""
    assert small.client.get(path).status_code == 200


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/nothing", 404),
        ("GET", "/scores", 404),
        ("GET", "/decisions/x", 404),
        ("GET", "/decisions/x/y", 404),
        ("GET", "/score/x", 404),
        ("GET", "/.well-known/x", 404),
        ("GET", "/score", 405),
        ("GET", "/events", 405),
        ("DELETE", "/decisions", 405),
        ("GET", "/step-ups", 405),
        ("GET", "/revocations", 405),
    ],
)
def test_what_is_not_there_and_what_cannot_be_done(small: Server, method: str, path: str, status: int) -> None:
    """A problem of the right status, and never BentoML's own page."""
    answer = small.ask(method, path)

    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)


def test_a_search_takes_known_conditions_only(small: Server) -> None:
    """A misspelt condition must not find everything."""
    answer = small.ask("GET", "/decisions?identitty=ada")

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "identitty")


def test_decisions_are_found_by_whom_they_are_about(small: Server) -> None:
    """Newest first, and nobody else's."""
    made = [small.score(an_event("found/é"))["decision_id"] for _ in range(3)]
    listed = small.ask("GET", "/decisions", params={"identity": "found/é"}).json()["decisions"]

    assert [row["decision_id"] for row in listed] == made[::-1]


@pytest.mark.parametrize("path", ["/policy", "/model", "/docs.json"])
def test_what_is_in_force_can_be_read(small: Server, path: str) -> None:
    """Policy, model and the merged API document are JSON objects with something in them."""
    assert small.get(path)


def test_metrics_count_decisions(small: Server) -> None:
    """By ruling and kind of identity, for whoever watches."""
    small.score(an_event("metrics"))

    assert 'ruling="allow"' in small.ask("GET", "/metrics").text
