"""The investigator's pages say what was decided and why, open with a key, and run nothing that callers sent."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from support.live_server import Server, an_event

HOSTILE = "<script>alert(1)</script>\"'&"
ELSEWHERE = {"ip": "198.51.100.9", "asn": 64499, "country": "BR"}


class Page(HTMLParser):
    """The text, the names of the elements, and their classes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.classes: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.classes += (dict(attrs).get("class") or "").split()

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page(small: Server, path: str) -> Page:
    """A page, opened with a key."""
    answer = small.request("GET", path)
    assert answer.status_code == 200, answer.text
    return Page(answer.text)


def decided(small: Server, who: str, **groups: Any) -> Page:
    """The page of a decision made now."""
    return page(small, f"/investigate/decisions/{small.score(an_event(who, **groups))['decision_id']}")


def test_a_decision_page_says_the_ruling(small: Server) -> None:
    """As one sentence, with its reason."""
    said = decided(small, "page-ruling", category="manage_access").text

    assert "page-ruling was asked for fresh proof before files:Get (floor manage-access)." in said


def test_a_decision_page_shows_floors_bars_and_curve(small: Server) -> None:
    """Each floor by name and status, the strongest reasons as bars, trust's decay as a curve."""
    shown = decided(small, "page-parts", category="manage_access")

    assert (
        "manage-access applied" in shown.text,
        "exposed-credential undecided" in shown.text,
        shown.classes.count("bar"),
        shown.tags.count("polyline"),
    ) == (True, True, 13, 1)


@pytest.mark.parametrize("ruling, groups", [("allow", {}), ("step_up", {"category": "approve_payment"})])
def test_every_ruling_has_its_page(small: Server, ruling: str, groups: dict[str, Any]) -> None:
    """With and without remedies."""
    assert ruling in decided(small, f"page-{ruling}", **groups).classes


def test_a_page_of_a_denial(small: Server) -> None:
    """A revoked session has its page as well."""
    small.post("/revocations", {"identity": "page-deny", "reason": "test"})

    assert "page-deny was denied files:Get (the session is revoked)." in decided(small, "page-deny").text


def test_a_page_with_an_inline_history_says_so(small: Server) -> None:
    """Whoever reads it must know what it was judged by."""
    answer = small.score(an_event("page-inline"), history=[])
    said = page(small, f"/investigate/decisions/{answer['decision_id']}").text

    assert "Judged by the history the caller sent along" in said


def test_a_page_says_when_the_model_knows_simulated_abuse_only(small: Server) -> None:
    """The registered model's tag is shown."""
    assert "simulated abuse" in decided(small, "page-simulated").text


def test_a_page_runs_nothing_callers_sent(small: Server) -> None:
    """Hostile ids, names and agents are text; no element of theirs is there."""
    hostile = {"resource": {"id": HOSTILE}, "device": {"user_agent": HOSTILE}, "action": {"name": HOSTILE}}
    shown = decided(small, HOSTILE, **hostile)

    assert ("script" in shown.tags, shown.text.count("<script>alert(1)</script>") >= 4) == (False, True)


def test_the_list_runs_nothing_callers_sent(small: Server) -> None:
    """Neither in its rows nor in its form."""
    small.score(an_event(HOSTILE))
    answer = small.request("GET", "/investigate", params={"identity": HOSTILE})
    shown = Page(answer.text)

    assert ("script" in shown.tags, "<script>alert(1)</script>" in shown.text) == (False, True)


def test_a_page_loads_nothing_from_anywhere(small: Server) -> None:
    """Policy in its headers: no script at all, no frame around it, nothing kept."""
    headers = small.request("GET", "/investigate").headers

    assert ("default-src 'none'" in headers["content-security-policy"], headers["cache-control"]) == (True, "no-store")


@pytest.fixture
def browser(small: Server) -> Iterator[httpx.Client]:
    """A client with a cookie jar and no key."""
    with httpx.Client(base_url=small.url, timeout=30) as client:
        yield client


@pytest.mark.parametrize("path", ["/investigate", "/investigate/decisions/x"])
def test_without_a_key_one_is_asked_for_it(browser: httpx.Client, path: str) -> None:
    """A page sends a browser to the form."""
    answer = browser.get(path)

    assert (answer.status_code, answer.headers["location"]) == (303, "/investigate/login")


def test_the_form_opens_the_pages(small: Server, browser: httpx.Client) -> None:
    """Form, cookie, list; the cookie is out of reach of scripts and other sites."""
    form = browser.get("/investigate/login")
    entered = browser.post("/investigate/login", data={"key": small.key("investigate")})
    listed = browser.get(entered.headers["location"])
    cookie = entered.headers["set-cookie"].lower()

    assert (
        form.status_code,
        entered.status_code,
        listed.status_code,
        "httponly" in cookie,
        "samesite=strict" in cookie,
    ) == (
        200,
        303,
        200,
        True,
        True,
    )


@pytest.mark.parametrize("scopes", [(), ("score", "events", "assure", "admin")])
def test_a_key_that_is_not_good_for_it_is_refused(
    small: Server, browser: httpx.Client, scopes: tuple[str, ...]
) -> None:
    """A 403 and the form again, no cookie."""
    answer = browser.post("/investigate/login", data={"key": small.key(*scopes) if scopes else "wrong.key"})

    assert (answer.status_code, "set-cookie" in answer.headers, "Which key?" in answer.text) == (403, False, True)


@pytest.mark.parametrize("content, media", [(b"", ""), (b"\xff", "multipart/form-data"), (b"{}", "application/json")])
def test_a_form_that_is_none_is_refused(browser: httpx.Client, content: bytes, media: str) -> None:
    """Never a 500."""
    answer = browser.post("/investigate/login", content=content, headers={"content-type": media})

    assert answer.status_code in (400, 403, 415)


def test_a_form_too_large_is_refused(browser: httpx.Client) -> None:
    """The log-in is open to everyone, so it reads little."""
    answer = browser.post("/investigate/login", data={"key": "x" * 2_000_000})

    assert answer.status_code in (400, 413)


def test_the_cookie_opens_pages_only(small: Server, browser: httpx.Client) -> None:
    """What programs ask takes the header: another site's form gets nowhere with the cookie."""
    browser.post("/investigate/login", data={"key": small.full_key})
    cookies = {"session_trust_key": small.full_key}

    assert httpx.get(f"{small.url}/decisions", cookies=cookies).status_code == 401
