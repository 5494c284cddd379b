"""The investigator's pages show what was decided and why, need a key, and run nothing that callers sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.html_pages import Page, page, sign_in
from support.live_server import Server, an_event

HOSTILE = "<script>alert(1)</script>\"'&"


def decision_page(small: Server, identity_id: str, **groups: Any) -> Page:
    """The page of a decision made now."""
    return page(small, f"/investigate/decisions/{small.score(an_event(identity_id, **groups))['decision_id']}")


def test_a_decision_page_states_the_ruling(small: Server) -> None:
    """As one sentence, with its reason."""
    text = decision_page(small, "page-ruling", category="manage_access").text

    assert "page-ruling was asked for fresh proof before files:Get (floor manage-access)." in text


def test_a_decision_page_shows_floors_bars_and_curve(small: Server) -> None:
    """Each floor by id and status, the strongest reasons as bars, the trust curve as a line."""
    shown = decision_page(small, "page-parts", category="manage_access")

    assert "manage-access applied" in shown.text
    assert "exposed-credential undecided" in shown.text
    assert shown.classes.count("bar") == 13
    assert shown.tags.count("polyline") == 1


@pytest.mark.parametrize("ruling, groups", [("allow", {}), ("step_up", {"category": "approve_payment"})])
def test_every_ruling_has_its_page(small: Server, ruling: str, groups: dict[str, Any]) -> None:
    """With and without remedies."""
    assert ruling in decision_page(small, f"page-{ruling}", **groups).classes


def test_a_denial_has_its_page(small: Server) -> None:
    """Here of a revoked session."""
    small.post("/revocations", {"identity": "page-deny", "reason": "test"})

    assert "page-deny was denied files:Get (the session is revoked)." in decision_page(small, "page-deny").text


def test_a_page_says_when_the_request_carried_its_history(small: Server) -> None:
    """The reader must know what it was decided by."""
    decision = small.score(an_event("page-inline"), history=[])
    text = page(small, f"/investigate/decisions/{decision['decision_id']}").text

    assert "Decided by the history the caller sent along" in text


def test_a_page_says_when_the_model_was_trained_on_simulated_abuse(small: Server) -> None:
    """By the registered model's tag."""
    assert "simulated abuse" in decision_page(small, "page-simulated").text


def test_a_decision_page_runs_nothing_that_callers_sent(small: Server) -> None:
    """Hostile ids, names and user agents are text; no element comes from them."""
    hostile = {"resource": {"id": HOSTILE}, "device": {"user_agent": HOSTILE}, "action": {"name": HOSTILE}}
    shown = decision_page(small, HOSTILE, **hostile)

    assert "script" not in shown.tags
    assert shown.text.count("<script>alert(1)</script>") >= 4


def test_the_search_page_runs_nothing_that_callers_sent(small: Server) -> None:
    """Neither in its rows nor in its form."""
    small.score(an_event(HOSTILE))
    shown = Page(small.request("GET", "/investigate", params={"identity": HOSTILE}).text)

    assert "script" not in shown.tags
    assert "<script>alert(1)</script>" in shown.text


def test_a_page_loads_nothing(small: Server) -> None:
    """By its headers: no script, no frame around it, and no copy kept."""
    headers = small.request("GET", "/investigate").headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


@pytest.fixture
def browser(small: Server) -> Iterator[httpx.Client]:
    """A client with a cookie jar and no key."""
    with httpx.Client(base_url=small.url, timeout=30) as client:
        yield client


@pytest.mark.parametrize("path", ["/investigate", "/investigate/decisions/x"])
def test_a_browser_without_a_key_is_sent_to_the_form(browser: httpx.Client, path: str) -> None:
    """From every page."""
    response = browser.get(path)

    assert response.status_code == 303
    assert response.headers["location"] == "/investigate/login"


def test_the_form_opens_the_pages(small: Server, browser: httpx.Client) -> None:
    """Form, cookie, search page."""
    form = browser.get("/investigate/login")
    signed_in = sign_in(browser, small.key("investigate"))
    search = browser.get(signed_in.headers["location"])

    assert [response.status_code for response in (form, signed_in, search)] == [200, 303, 200]


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(small: Server, browser: httpx.Client) -> None:
    """By its attributes."""
    signed_in = sign_in(browser, small.key("investigate"))
    cookie = signed_in.headers["set-cookie"].lower()

    assert "httponly" in cookie
    assert "samesite=strict" in cookie


@pytest.mark.parametrize("scopes", [(), ("score", "events", "assure", "admin")])
def test_a_key_without_the_scope_gets_the_form_again(
    small: Server, browser: httpx.Client, scopes: tuple[str, ...]
) -> None:
    """With a 403, and no cookie."""
    response = sign_in(browser, small.key(*scopes) if scopes else "wrong.key")

    assert response.status_code == 403
    assert "set-cookie" not in response.headers
    assert "This key is not valid, or does not have scope investigate." in response.text


@pytest.mark.parametrize(
    "content, media_type", [(b"", ""), (b"\xff", "multipart/form-data"), (b"{}", "application/json")]
)
def test_a_body_that_is_not_the_form_is_refused(browser: httpx.Client, content: bytes, media_type: str) -> None:
    """By its media type, and never with a 500."""
    response = browser.post("/investigate/login", content=content, headers={"content-type": media_type})

    assert response.status_code == 415


def test_a_form_over_the_limit_is_refused(browser: httpx.Client) -> None:
    """The form is open to everyone, so it reads little."""
    response = browser.post("/investigate/login", data={"key": "x" * 2_000_000})

    assert response.status_code == 413


def test_the_cookie_opens_pages_only(small: Server, browser: httpx.Client) -> None:
    """The API needs the header, so another site's form gets nowhere with the cookie."""
    sign_in(browser, small.full_key)
    cookies = {"session_trust_session": browser.cookies["session_trust_session"]}

    assert httpx.get(f"{small.url}/decisions", cookies=cookies).status_code == 401
    assert httpx.get(f"{small.url}/investigate", cookies=cookies).status_code == 200
