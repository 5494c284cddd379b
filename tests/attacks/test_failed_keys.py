"""Wrong keys without end, in headers and in the sign-in form.

The aim: guess a key, fill the log, or get the honest callers behind the same address locked out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.html_pages import sign_in
from support.live_server import Server, an_event, new_home, served

from serving.api.admission.failed_attempts import LIMIT, client_network


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of these tests' own: they use up what an address may do wrong."""
    with served(new_home(tmp_path_factory.mktemp("failed") / "home")) as server:
        yield server


def log_lines(server: Server) -> list[dict[str, Any]]:
    """The structured lines about failed authentication."""
    lines = Path(server.home / "server.log").read_text().splitlines()
    decoder = json.JSONDecoder()
    return [decoder.raw_decode(line, line.index("{"))[0] for line in lines if '"event": "authentication' in line]


def test_an_address_with_too_many_wrong_keys_is_told_to_wait(own: Server) -> None:
    """By a 429 with Retry-After, in the header and in the form; a valid key passes all the while, in both."""
    wrong = {"Authorization": "Bearer 0123456789abcdef.secret-of-nobody"}
    before = [own.client.get("/decisions", headers=wrong).status_code for _ in range(LIMIT.amount)]
    limited = own.client.get("/decisions", headers=wrong)
    with httpx.Client(base_url=own.url) as browser:
        form = sign_in(browser, "wrong.key")
        valid_form = sign_in(browser, own.key("investigate"))

    assert set(before) == {401}
    assert (limited.status_code, form.status_code) == (429, 429)
    assert 0 < int(limited.headers["retry-after"]) <= 60
    assert limited.headers["content-type"] == "application/problem+json"
    assert own.request("GET", "/decisions").status_code == 200
    assert own.score(an_event("behind the same address"))["ruling"] == "allow"
    assert valid_form.status_code == 303


def test_forwarded_addresses_of_strangers_are_not_believed(own: Server) -> None:
    """Or each wrong key would come from another address."""
    for number in range(LIMIT.amount + 1):
        headers = {"Authorization": "Bearer a.b", "X-Forwarded-For": f"198.51.100.{number}"}
        status = own.client.get("/decisions", headers=headers).status_code

    assert status == 429


def test_failures_are_logged_without_the_key(own: Server) -> None:
    """As JSON, with the client's address; one that is limited writes no more lines."""
    lines = log_lines(own)

    assert lines[0] == {"event": "authentication_failed", "kind": "key", "client": "127.0.0.1"}
    assert lines[LIMIT.amount]["event"] == "authentication_limited"
    assert "secret-of-nobody" not in (own.home / "server.log").read_text()


@pytest.mark.parametrize(
    "address, network",
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
    ],
)
def test_an_ipv6_client_is_its_network(address: str, network: str) -> None:
    """One client has more addresses than could be counted."""
    assert client_network({"type": "http", "client": (address, 1)}) == network
