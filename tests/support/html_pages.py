"""Reading the investigator's pages in tests: their text, and the elements and classes they are made of."""

from __future__ import annotations

from html.parser import HTMLParser

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
