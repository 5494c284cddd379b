"""The HTTP interface: responses are what was recorded, and invalid input is refused by field."""

from __future__ import annotations

import math
from typing import Any

import pytest
from support.live_server import Server, ago, an_event

from serving.contracts.requests import INLINE_LIMIT

PROBLEM = "application/problem+json"
MINIMAL = {"time": ago(0), "identity": {"id": "x", "type": "human"}, "action": {"name": "a:B"}}


def event(**groups: Any) -> dict[str, Any]:
    """A minimal event of this moment, with groups of it replaced."""
    return MINIMAL | {"time": ago(0)} | groups


def body(**groups: Any) -> dict[str, Any]:
    """A score request about a minimal event."""
    return {"event": event(**groups)}


def test_the_response_is_the_recorded_decision(small: Server) -> None:
    """The decision log holds the response word for word."""
    decision = small.score(an_event("recorded"))
    record = small.get(f"/decisions/{decision['decision_id']}")

    assert record["body"]["answer"] == decision


@pytest.mark.parametrize("category", ["read", "export", "manage_access", None])
@pytest.mark.parametrize("identity_type", ["human", "agent"])
def test_the_explanation_sums_to_the_trust(small: Server, identity_type: str, category: str | None) -> None:
    """base + Σ contributions = margin, and trust is 1 minus the probability that the margin stands for."""
    decision = small.score(an_event("sums", category=category, identity={"type": identity_type}))
    explanation = decision["explanation"]
    total = math.fsum([explanation["base"], *(each["contribution"] for each in explanation["contributions"])])

    assert total == pytest.approx(explanation["margin"], rel=0, abs=1e-9)
    assert decision["trust"]["now"] == pytest.approx(1 - 1 / (1 + math.exp(-explanation["margin"])), abs=1e-12)


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown member": (body() | {"observe": True}, "observe"),
    "an unknown member of the event": (body(colour="red"), "event.colour"),
    "an unknown member deep inside": (body(identity={"id": "x", "type": "human", "age": 3}), "event.identity.age"),
    "a wrong type": (body(network={"asn": "64496"}), "event.network.asn"),
    "a number out of range": (body(network={"latitude": 91.0}), "event.network.latitude"),
    "an unknown category": (body(action={"name": "a", "category": "steal"}), "event.action.category"),
    "an empty identity": (body(identity={"id": "", "type": "human"}), "event.identity.id"),
    "no event": ({}, "event"),
    "a time without offset": (body(time="2026-03-02T09:00:00"), "event.time"),
    "a time that is not one": (body(time="yesterday"), "event.time"),
    "a time long ago": (body(time="2026-03-02T09:00:00Z"), "event.time"),
    "a time in the future": (body(time="2090-03-02T09:00:00Z"), "event.time"),
    "a history of another identity": (
        body() | {"history": [event(time=ago(60), identity={"id": "y", "type": "human"})]},
        "history.0.identity.id",
    ),
    "a history after the event": (body() | {"history": [event(time="2090-03-02T09:00:00Z")]}, "history.0.time"),
    "too long a history": (body() | {"history": [event(time=ago(60))] * (INLINE_LIMIT + 1)}, "history"),
    "a space without a replay": (body() | {"space": "mine"}, "space"),
    "an unknown mode": (body() | {"mode": "try"}, "mode"),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_input_is_refused_by_field(small: Server, name: str) -> None:
    """A 400 whose errors name the field that is wrong."""
    request, field = INVALID[name]
    if "time" not in name and "event" in request:
        request = request | {"event": request["event"] | {"time": ago(0)}}
    response = small.request("POST", "/score", request)

    assert response.status_code == 400
    assert response.headers["content-type"] == PROBLEM
    assert response.json()["errors"][0]["field"] == field


def test_a_callers_mistakes_leave_no_traceback_in_the_log(small: Server) -> None:
    """A traceback would hold what the caller sent, and callers could fill the log with them."""
    for mistake in ("colour of nobody", None):
        response = small.request("POST", "/score", {"event": {"colour": mistake}})
        assert response.status_code == 400

    log = (small.home / "server.log").read_text()
    assert "colour of nobody" not in log
    assert "Exception on /score" not in log


NOT_AN_OBJECT = {
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
@pytest.mark.parametrize("name", NOT_AN_OBJECT)
def test_a_body_that_is_not_strict_json_is_refused(small: Server, name: str, path: str) -> None:
    """A 400 that names what is wrong, never a 500. An empty array is valid for /events alone."""
    response = small.request("POST", path, content=NOT_AN_OBJECT[name], headers={"Content-Type": "application/json"})
    if (name, path) == ("an array", "/events"):
        assert response.status_code == 200
        return

    assert response.status_code == 400
    assert response.json()["errors"]


LONE_SURROGATE = "\ud800"


@pytest.mark.parametrize(
    "groups",
    [
        {"device": {"user_agent": LONE_SURROGATE}},
        {"session": {"intent": LONE_SURROGATE}},
        {"identity": {"id": LONE_SURROGATE}},
        {"action": {"name": LONE_SURROGATE}},
        {"network": {"ip": LONE_SURROGATE}},
    ],
)
def test_a_lone_surrogate_is_refused(small: Server, groups: dict[str, Any]) -> None:
    """It is legal in JSON, and no text that could be stored."""
    assert small.post("/score", {"event": an_event("half", **groups)})[0] == 400


@pytest.mark.parametrize("cookie", ["session_trust_session=", "session_trust_session=x.é", "other={a: 1}; x=a b"])
def test_another_cookie_opens_nothing(small: Server, cookie: str) -> None:
    """And breaks nothing: the browser is sent to the sign-in form."""
    response = small.client.get("/investigate", headers={b"Cookie": cookie.encode()})

    assert response.status_code == 303


@pytest.mark.parametrize("key", ["é.é", ".", "a.", ".b", "a.b.c", "\x7f.x"])
def test_a_malformed_key_opens_nothing(small: Server, key: str) -> None:
    """And breaks nothing."""
    response = small.client.get("/decisions", headers={b"Authorization": f"Bearer {key}".encode()})

    assert response.status_code == 401


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        (path, media_type)
        for path in ("/score", "/events", "/step-ups", "/revocations")
        for media_type in ("", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonl")
    ]
    + [(path, "text/plain") for path in ("/score", "/step-ups", "/revocations")],
)
def test_other_media_types_are_refused(small: Server, path: str, media_type: str) -> None:
    """A 415, also for a multipart body without a boundary. Lines of text are a log, which /events takes."""
    response = small.request("POST", path, content=b"{}", headers={"Content-Type": media_type})

    assert response.status_code == 415
    assert response.headers["content-type"] == PROBLEM


@pytest.mark.parametrize(
    "path, limit", [("/score", 1 << 20), ("/step-ups", 1 << 20), ("/revocations", 1 << 20), ("/events", 8 << 20)]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused(small: Server, path: str, limit: int, chunked: bool) -> None:
    """A 413, whether the length was announced or not."""
    large = b" " * (limit + 1)
    content = iter([large[: limit // 2], large[limit // 2 :]]) if chunked else large
    response = small.request("POST", path, content=content, headers={"Content-Type": "application/json"})

    assert response.status_code == 413


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_needs_no_key(small: Server, path: str) -> None:
    """A load balancer has none."""
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
def test_unknown_paths_and_methods_are_problems(small: Server, method: str, path: str, status: int) -> None:
    """A 404 or 405 in our own form, and never BentoML's page."""
    response = small.request(method, path)

    assert response.status_code == status
    assert response.headers["content-type"] == PROBLEM


def test_a_wrong_method_is_told_the_right_ones(small: Server) -> None:
    """RFC 9110 wants `Allow` in every 405."""
    assert small.request("DELETE", "/score").headers["allow"] == "POST"


TITLES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "Bad Request": ("POST", "/score", {"json": {}}),
    "Unauthorized": ("GET", "/decisions", {"headers": {"Authorization": "Bearer x.y"}}),
    "Not Found": ("GET", "/nothing", {}),
    "Method Not Allowed": ("GET", "/score", {}),
    "Content Too Large": ("POST", "/score", {"json": " " * (1 << 20)}),
    "Unsupported Media Type": ("POST", "/score", {"data": {"a": "b"}}),
}


@pytest.mark.parametrize("title", TITLES)
def test_a_problem_has_the_title_of_its_status(small: Server, title: str) -> None:
    """The reason phrase of RFC 9110; the detail says what went wrong here."""
    method, path, options = TITLES[title]
    problem = small.request(method, path, **options).json()

    assert problem["title"] == title
    assert problem["type"] == "about:blank"
    assert problem["detail"] not in ("", title)


def test_a_search_takes_known_criteria_only(small: Server) -> None:
    """A misspelt criterion must not match everything."""
    response = small.request("GET", "/decisions?identitty=ada")

    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "identitty"


def test_decisions_are_found_by_identity(small: Server) -> None:
    """Newest first, and of no other identity."""
    made = [small.score(an_event("found/é"))["decision_id"] for _ in range(3)]
    listed = small.request("GET", "/decisions", params={"identity": "found/é"}).json()["decisions"]

    assert [row["decision_id"] for row in listed] == made[::-1]


@pytest.mark.parametrize("path", ["/policy", "/model"])
def test_the_policy_and_the_model_in_force_can_be_read(small: Server, path: str) -> None:
    """As JSON objects that are not empty."""
    assert small.get(path)


def test_metrics_count_decisions(small: Server) -> None:
    """By ruling and identity type."""
    small.score(an_event("metrics"))

    assert 'ruling="allow"' in small.request("GET", "/metrics").text
