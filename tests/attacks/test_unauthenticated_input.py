"""Malformed and oversized requests of someone without a key.

The aim: make the service hang, fail, or store what was sent. Every one is refused at once, by name, and the service
answers as before.
"""

from __future__ import annotations

import pytest
from support.live_server import Server, an_event
from support.raw_http import FORM, JSON, connect, request, send

AT_ONCE_SECONDS = 5.0
"""Well below any timeout of the service, and well above what a busy machine needs."""

MALFORMED: dict[str, bytes] = {
    "a cookie that is no pair": request("GET", "/investigate", "Cookie: session_trust_session"),
    "a cookie whose name is no token": request("GET", "/investigate", "Cookie: a,b=1; session_trust_session=x"),
    "a cookie of brackets": request("GET", "/investigate", "Cookie: a[b=1"),
    "a cookie without a name": request("GET", "/investigate", "Cookie: =;="),
    "a cookie of control characters": request("GET", "/investigate", b"Cookie: \x01=\x02"),
    "a cookie on an open route": request("GET", "/livez", "Cookie: {}=1"),
    "a header without a colon": request("GET", "/livez", "Nonsense"),
    "a header of control characters": request("GET", "/livez", b"X-A: \x00"),
    "a header whose name is empty": request("GET", "/livez", ": x"),
    "two hosts": request("GET", "/docs/", "Host: evil.example"),
    "two keys": request("GET", "/decisions", "Authorization: Bearer a.b", "Authorization: Bearer c.d"),
    "two media types": request("POST", "/investigate/login", FORM, FORM, body=b"key=a"),
    "a header of a megabyte": request("GET", "/livez", "X-A: " + "a" * 1_000_000),
    "ten thousand headers": request("GET", "/livez", *["X-A: b"] * 10_000),
    "a query with half an escape": request("GET", "/decisions?identity=%f"),
    "a query that is not UTF-8": request("GET", "/decisions?identity=%ff"),
    "a query of half a character": request("GET", "/decisions?identity=%ed%a0%80"),
    "a query with a null": request("GET", "/decisions?identity=%00"),
    "a query of raw bytes": request("GET", b"/decisions?identity=\xff"),
    "a query of a thousand parameters": request("GET", "/docs?" + "&".join(f"a{n}=1" for n in range(1_000))),
    "a parameter twice": request("GET", "/docs?a=1&a=2"),
    "a parameter that does not exist": request("GET", "/docs?a=1"),
    "a path with half an escape": request("GET", "/docs/%zz"),
    "a path that is not UTF-8": request("GET", "/docs/%ff"),
    "a path with a null": request("GET", "/docs/%00"),
    "a path without a slash": request("GET", "docs"),
    "a path of another host": request("GET", "http://evil.example/docs/"),
    "no path": request("GET", "?a=b"),
    "the path of OPTIONS": request("OPTIONS", "*"),
    "a negative length": request("POST", "/investigate/login", FORM, "Content-Length: -1"),
    "a length that is no number": request("POST", "/investigate/login", FORM, "Content-Length: five"),
    "two lengths": request("POST", "/investigate/login", FORM, "Content-Length: 1", "Content-Length: 2"),
    "a length of fifty digits": request("POST", "/investigate/login", FORM, "Content-Length: " + "9" * 50),
    "an unknown transfer encoding": request("POST", "/investigate/login", FORM, "Transfer-Encoding: rot13"),
    "a chunk that is no number": request("POST", "/investigate/login", FORM, "Transfer-Encoding: chunked") + b"zz\r\n",
    "an unknown charset": request("POST", "/investigate/login", f"{FORM}; charset=klingon", body=b"key=a"),
    "another charset": request("POST", "/investigate/login", f"{FORM}; charset=utf-16", body=b"key=a"),
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "another protocol": b"EHLO localhost\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_input_is_refused_at_once(small: Server, name: str) -> None:
    """With a 400, or a 413 for what is only too much of it; never a hang, never a fault of the server."""
    answer = send(small, MALFORMED[name])

    assert answer.status in (400, 413)
    assert answer.seconds < AT_ONCE_SECONDS


TOO_LARGE: dict[str, bytes] = {
    "the form": request("POST", "/investigate/login", FORM, "Content-Length: 200000000"),
    "the form with a slash too many": request("POST", "/investigate/login/", FORM, "Content-Length: 200000000"),
    "a page": request("GET", "/investigate/login", "Content-Length: 200000000"),
    "a health check": request("GET", "/livez", "Content-Length: 200000000"),
    "the documentation": request("GET", "/docs.json", "Content-Length: 200000000"),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_every_open_route_has_a_body_limit(small: Server, name: str) -> None:
    """By the route table; a route that takes no body has the limit zero. Nobody has to send it to be told."""
    answer = send(small, TOO_LARGE[name])

    assert answer.status == 413
    assert answer.seconds < AT_ONCE_SECONDS + 5  # until the connection is closed, not until the answer


@pytest.mark.parametrize("path", ["/score", "/events", "/step-ups", "/nothing", "/decisions"])
def test_without_a_key_a_body_is_not_read(small: Server, path: str) -> None:
    """The answer comes before the body."""
    with connect(small) as connection:
        connection.sendall(request("POST", path, JSON, "Content-Length: 1000000"))

        assert connection.recv(65_536).startswith(b"HTTP/1.1 401")


def memory_of(server: Server) -> int:
    """Resident bytes of the server's processes."""
    from support.live_server import descendants

    pages = 0
    for pid in descendants(server.process.pid):
        with open(f"/proc/{pid}/statm") as statm:
            pages += int(statm.read().split()[1])
    return pages * 4096


def test_a_form_of_200_megabytes_is_not_stored(small: Server) -> None:
    """Sent in chunks, without a length: it is refused after the limit, and the rest is thrown away."""
    before, part = memory_of(small), b"a" * 1_000_000
    chunk = b"f4240\r\n" + part + b"\r\n"
    with connect(small) as connection:
        connection.sendall(request("POST", "/investigate/login", FORM, "Transfer-Encoding: chunked"))
        sent = 0
        try:
            for _ in range(200):
                connection.sendall(chunk)
                sent += len(part)
        except OSError:
            pass
        grown = memory_of(small) - before

    assert grown < 50_000_000
    assert small.score(an_event("after the flood"))["ruling"] == "allow"


def test_no_redirect_repeats_a_foreign_host(small: Server) -> None:
    """A cache or a browser would be led to the host that the attacker put into the request."""
    paths = ("/docs/", "/investigate/login/", "/", "/investigate", "/investigate/", "//evil.example/docs/")
    answers = [send(small, request("GET", path, host="evil.example")) for path in paths]
    locations = [answer.header("location") for answer in answers]

    assert locations == ["/docs", "/investigate/login", "/docs", "/investigate/login", "/investigate/login", None]
    assert not any(b"evil.example/docs" in answer.data.partition(b"\r\n\r\n")[0] for answer in answers)


def test_an_expected_continue_is_not_promised_in_vain(small: Server) -> None:
    """Whoever asks before sending a body that is too large is refused, and not asked for it."""
    with connect(small) as connection:
        headers = (FORM, "Content-Length: 200000000", "Expect: 100-continue")
        connection.sendall(request("POST", "/investigate/login", *headers))

        assert connection.recv(65_536).startswith(b"HTTP/1.1 413")
