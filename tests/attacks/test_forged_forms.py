"""Forms that another site sends through a signed-in investigator's browser, and cookies that were stolen or made up.

The aim: give verdicts in the investigator's name, or go on reading after the investigator has left.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator

import httpx
import pytest
from support.html_pages import form_token, sign_in
from support.live_server import Server, an_event

from serving.api.browser.sessions import BrowserSessions
from serving.store.api_keys import Caller, revoke_key

FORM_PATHS = ("/investigate/decisions/{id}/feedback", "/investigate/logout")


@pytest.fixture
def browser(small: Server) -> Iterator[httpx.Client]:
    """A browser in which an investigator is signed in."""
    with httpx.Client(base_url=small.url, timeout=30) as client:
        assert sign_in(client, small.key("investigate", "admin")).status_code == 303
        yield client


@pytest.fixture
def decision(small: Server) -> str:
    """A decision to give a verdict on."""
    return str(small.score(an_event("forged"))["decision_id"])


def token_of(browser: httpx.Client, decision: str) -> str:
    """The token of the form on a decision's page."""
    return form_token(browser.get(f"/investigate/decisions/{decision}").text)


def test_the_forms_of_the_page_work(browser: httpx.Client, decision: str) -> None:
    """With the token on it, from its own origin."""
    data = {"verdict": "owner", "note": "", "form_token": token_of(browser, decision)}
    headers = {"Origin": str(browser.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin"}
    response = browser.post(f"/investigate/decisions/{decision}/feedback", data=data, headers=headers)

    assert response.status_code == 303
    assert "legitimate" in browser.get(response.headers["location"]).text


FOREIGN = {
    "no token": ({"form_token": ""}, {}),
    "a made-up token": ({"form_token": "Ind4Ig.aaaaaa.bbbb"}, {}),
    "another origin": ({}, {"Origin": "https://evil.example"}),
    "no origin at all": ({}, {"Origin": "null"}),
    "an origin that is none": ({}, {"Origin": "http://[::1"}),
    "another port": ({}, {"Origin": "http://127.0.0.1:1"}),
    "another site, by the browser": ({}, {"Sec-Fetch-Site": "cross-site"}),
    "a sister site, by the browser": ({}, {"Sec-Fetch-Site": "same-site"}),
}


@pytest.mark.parametrize("path", [*FORM_PATHS, "/investigate/login"])
@pytest.mark.parametrize("name", FOREIGN)
def test_another_sites_form_is_refused(
    small: Server, browser: httpx.Client, decision: str, name: str, path: str
) -> None:
    """With a 403, whatever the cookie says, and nothing is done."""
    fields, headers = FOREIGN[name]
    page = "/investigate/login" if path == "/investigate/login" else f"/investigate/decisions/{decision}"
    token = form_token(browser.get(page).text)
    data = {"verdict": "intruder", "form_token": token} | fields
    if path != FORM_PATHS[0]:
        del data["verdict"]
    if path == "/investigate/login":
        data["key"] = small.key("investigate")
    response = browser.post(path.format(id=decision), data=data, headers=headers)

    assert response.status_code == 403
    assert "There is none yet." in browser.get(f"/investigate/decisions/{decision}").text


def test_the_token_of_another_session_is_refused(small: Server, browser: httpx.Client, decision: str) -> None:
    """An attacker with a key of its own has tokens, but not this browser's."""
    with httpx.Client(base_url=small.url) as other:
        sign_in(other, small.key("investigate"))
        token = token_of(other, decision)
    response = browser.post(
        f"/investigate/decisions/{decision}/feedback", data={"verdict": "intruder", "form_token": token}
    )

    assert response.status_code == 403


def test_signing_out_ends_the_session_at_the_server(small: Server, browser: httpx.Client, decision: str) -> None:
    """A copy of the cookie is worth nothing afterwards."""
    stolen = {"session_trust_session": browser.cookies["session_trust_session"]}
    before = httpx.get(f"{small.url}/investigate", cookies=stolen).status_code
    response = browser.post("/investigate/logout", data={"form_token": token_of(browser, decision)})

    assert before == 200
    assert (response.status_code, response.headers["location"]) == (303, "/investigate/login")
    assert httpx.get(f"{small.url}/investigate", cookies=stolen).status_code == 303
    assert "session_trust_session" not in browser.cookies


def test_revoking_the_key_ends_its_sessions(small: Server) -> None:
    """At the next request."""
    key = small.key("investigate")
    with httpx.Client(base_url=small.url) as client:
        sign_in(client, key)
        before = client.get("/investigate").status_code
        revoke_key(small.store, key.partition(".")[0])

        assert (before, client.get("/investigate").status_code) == (200, 303)


def test_the_cookie_is_not_the_key(small: Server) -> None:
    """Nor does it hold the key's secret."""
    key = small.key("investigate")
    with httpx.Client(base_url=small.url) as client:
        sign_in(client, key)
        cookie = client.cookies["session_trust_session"]
    payload = cookie.split(".")[0]
    decoded = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode("latin-1")

    assert key.partition(".")[2] not in cookie + decoded
    assert small.client.get("/decisions", headers={"Authorization": f"Bearer {cookie}"}).status_code == 401


def test_a_made_up_cookie_opens_nothing() -> None:
    """Another process's, one signed for a form, one that was changed, and one that has expired."""
    sessions = BrowserSessions()
    token = sessions.begin(Caller("k", frozenset({"investigate"})))
    made_up = [
        BrowserSessions().begin(Caller("k", frozenset())),
        sessions.form_token("k"),
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        "",
        "a.b.c",
    ]

    assert sessions.read(token) is not None
    assert [sessions.read(each) for each in made_up] == [None] * len(made_up)


def test_a_session_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the server's clock, whatever the cookie says."""
    sessions = BrowserSessions()
    token = sessions.begin(Caller("k", frozenset({"investigate"})))
    monkeypatch.setattr("serving.api.browser.sessions.SECONDS", -1)

    assert sessions.read(token) is None
