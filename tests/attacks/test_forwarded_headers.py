"""Headers by which a client says who it is and how it came here.

The aim: hide behind other addresses, or have the cookie of an investigator sent in the clear. A proxy is believed only
where the operator has named it.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from support.html_pages import sign_in
from support.live_server import Server, new_home, served

from serving.api.admission.failed_attempts import LIMIT


@pytest.fixture(scope="module")
def behind_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose operator named this machine as a proxy."""
    home = new_home(tmp_path_factory.mktemp("proxy") / "home")
    with served(home, SESSION_TRUST_TRUSTED_PROXIES="127.0.0.1, 198.51.100.0/24") as server:
        yield server


def test_without_tls_the_cookie_is_not_for_tls_only(behind_proxy: Server) -> None:
    """A browser would not send such a cookie back, and nobody could sign in."""
    with httpx.Client(base_url=behind_proxy.url) as browser:
        cookie = sign_in(browser, behind_proxy.key("investigate")).headers["set-cookie"]

    assert "session_trust_session=" in cookie
    assert "; Secure" not in cookie


def test_a_stranger_cannot_say_that_there_is_tls(small: Server) -> None:
    """The header of a client that is no proxy changes nothing."""
    response = small.client.get("/investigate/login", headers={"X-Forwarded-Proto": "https"})

    assert "; Secure" not in response.headers["set-cookie"]


def test_a_named_proxy_says_that_there_is_tls(behind_proxy: Server) -> None:
    """Then the cookies are for TLS only."""
    response = behind_proxy.client.get("/investigate/login", headers={"X-Forwarded-Proto": "https"})

    assert "; Secure" in response.headers["set-cookie"]


def test_behind_a_proxy_each_client_is_counted_by_itself(behind_proxy: Server) -> None:
    """One that sends wrong keys is limited, another is not; what a client adds before its own address is not read."""

    def status(forwarded: str) -> int:
        headers = {"Authorization": "Bearer a.b", "X-Forwarded-For": forwarded}
        return behind_proxy.client.get("/decisions", headers=headers).status_code

    attacker = [status(f"192.0.2.{number % 250}, 203.0.113.66, 198.51.100.7") for number in range(LIMIT.amount + 1)]

    assert (attacker[0], attacker[-1]) == (401, 429)
    assert status("203.0.113.77") == 401
