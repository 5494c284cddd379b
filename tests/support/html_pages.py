"""The investigator's pages in tests: their text, the elements and classes they are made of, and signing in."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import httpx
from support.live_server import Server


class Page(HTMLParser):
    """A parsed page: the text, the names of its elements, and their classes."""

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
        """The text, with every run of white space as one space."""
        return " ".join(" ".join(self.words).split())


def page(server: Server, path: str) -> Page:
    """A page of a server, opened with a key of every scope."""
    response = server.request("GET", path)
    assert response.status_code == 200, response.text
    return Page(response.text)


def form_token(html: str) -> str:
    """The hidden field of a page's form."""
    found = re.search(r'name="form_token" value="([^"]+)"', html)
    assert found, html
    return found[1]


def sign_in(browser: httpx.Client, key: str) -> httpx.Response:
    """Open the sign-in form and send it with a key."""
    token = form_token(browser.get("/investigate/login").text)
    return browser.post("/investigate/login", data={"key": key, "form_token": token})
