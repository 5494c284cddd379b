"""Batches of log records in every form, whole and broken, honest and hostile.

The aim: let one bad record keep the others from being read for ever, or take the memory or the engine of the service
with a small body.
"""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import httpx
import pytest
from support.live_server import Server, an_event

from serving.api.reports import DECOMPRESSED_LIMIT
from serving.contracts.log_records import MOST_NAMED, MOST_RECORDS

AT_ONCE_SECONDS = 20.0


def record(number: int, **changes: Any) -> dict[str, Any]:
    """A CloudTrail record of an account that reads an object."""
    return {
        "eventVersion": "1.11",
        "userIdentity": {"type": "AWSAccount", "principalId": f"AROAEXAMPLE:{number}", "accountId": "444455556666"},
        "eventTime": "2026-03-02T09:01:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "sourceIPAddress": "203.0.113.10",
        "userAgent": "[Boto3/1.34.0 os/linux#5.10 lang/python#3.11]",
        "requestParameters": {"bucketName": "example-bucket", "key": "a.txt"},
    } | changes


def ship(
    server: Server,
    body: bytes | str,
    media_type: str = "application/json",
    *,
    source: str = "cloudtrail",
    **headers: str,
) -> httpx.Response:
    """Send a body as it is."""
    content = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    sent = {"Content-Type": media_type} | {name.replace("_", "-"): value for name, value in headers.items()}
    query = f"?source={source}" if source else ""
    return server.request("POST", f"/events{query}", content=content, headers=sent)


RECORDS = [record(number) for number in range(3)]
LINES = "".join(json.dumps(each) + "\n" for each in RECORDS)
LIST, FILE = json.dumps(RECORDS), json.dumps({"Records": RECORDS})
WHOLE: dict[str, tuple[bytes | str, str, dict[str, str]]] = {
    "a list": (LIST, "application/json", {}),
    "a log file": (FILE, "application/json", {}),
    "a log file with a byte order mark": ("\ufeff" + FILE, "application/json; charset=utf-8", {}),
    "a log file in gzip encoding": (gzip.compress(FILE.encode()), "application/json", {"Content_Encoding": "gzip"}),
    "a compressed log file": (gzip.compress(FILE.encode()), "application/gzip", {}),
    "a compressed log file, its type unsaid": (gzip.compress(FILE.encode()), "application/json", {}),
    "a compressed log file in gzip encoding": (
        gzip.compress(gzip.compress(FILE.encode())), "application/x-gzip", {"Content_Encoding": "x-gzip"},
    ),
    "a compressed file of two members": (
        gzip.compress(LINES[:50].encode()) + gzip.compress(LINES[50:].encode()), "application/gzip", {},
    ),
    "lines": (LINES, "application/x-ndjson", {}),
    "lines sent as JSON": (LINES, "application/json", {}),
    "lines of another system": (LINES.replace("\n", "\r\n"), "application/ndjson", {}),
    "compressed lines": (gzip.compress(LINES.encode()), "application/x-ndjson", {"Content_Encoding": "gzip"}),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLE)
def test_a_log_is_taken_as_it_is(small: Server, name: str) -> None:
    """In every form in which logs are kept; all three records are folded."""
    body, media_type, headers = WHOLE[name]
    response = ship(small, body, media_type, **headers)

    assert (response.status_code, response.json()) == (
        200,
        {"folded": 3, "duplicates": 0, "broken": [], "left_out": {}},
    )


def test_one_record_is_taken_as_an_object(small: Server) -> None:
    """Without a list around it."""
    assert ship(small, json.dumps(record(7))).json()["folded"] == 1


def test_a_body_in_our_own_form_is_taken_in_every_form(small: Server) -> None:
    """The forms are those of a log, not of a vendor."""
    event = json.dumps(an_event("forms"))
    bodies = [f"[{event}]", event, f"{event}\n{event}", f'{{"Records": [{event}]}}']

    assert [ship(small, body, source="").json()["folded"] for body in bodies] == [1, 1, 2, 1]


SOUND = json.dumps(RECORDS[0])
BROKEN: dict[str, str] = {
    "a member twice": SOUND.replace('"key": "a.txt"', '"key": "a.txt", "key": "b.txt"'),
    "half a character": json.dumps(record(1, userAgent="cut \ud800 pair")),
    "NaN": json.dumps(record(1, requestParameters={"size": float("nan")})),
    "an infinite number": json.dumps(record(1, requestParameters={"size": float("inf")})),
    "a number of 10,000 digits": SOUND.replace('"1.11"', "1" * 10_000),
    "a deep nest": SOUND.replace('"a.txt"', "[" * 100_000 + "]" * 100_000),
    "year 1": json.dumps(record(1, eventTime="0001-01-01T00:00:00+14:00")),
    "year 9999": json.dumps(record(1, eventTime="9999-12-31T23:59:59-14:00")),
    "before nanoseconds": json.dumps(record(1, eventTime="1677-09-21T00:12:43Z")),
    "after nanoseconds": json.dumps(record(1, eventTime="2262-04-11T23:47:17Z")),
    "no time": json.dumps(record(1, eventTime=None)),
    "a future time": json.dumps(record(1, eventTime="2090-01-01T00:00:00Z")),
    "lists for texts": json.dumps(record(1, userIdentity=[1], eventName=["a"])),
    "objects for texts": json.dumps(record(1, userIdentity={"type": {}, "principalId": {}}, sourceIPAddress={})),
    "a word": '"GetObject"',
    "a number": "17",
    "null": "null",
    "a list": "[]",
    "an empty object": "{}",
    "not JSON, in brackets": "{eventName: GetObject}",
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("form", ["list", "file", "lines"])
def test_one_broken_record_is_named_and_the_others_are_folded(small: Server, name: str, form: str) -> None:
    """By its place, in every form; never a refusal of all, which a shipper would send again for ever."""
    texts = [SOUND, BROKEN[name], SOUND]
    joined = {
        "list": f"[{', '.join(texts)}]",
        "file": f'{{"Records": [{", ".join(texts)}]}}',
        "lines": "\n".join(texts),
    }
    response = ship(small, joined[form], "application/x-ndjson" if form == "lines" else "application/json")
    result = response.json()
    if (name, form) == ("a list", "lines"):  # a line may hold several records, or none
        assert (response.status_code, result["folded"], result["broken"]) == (200, 2, [])
        return

    assert response.status_code == 200
    assert result["folded"] == 2
    assert len(result["broken"]) == 1
    assert result["broken"][0].startswith("line 2" if form == "lines" else "record 1: ")


def test_bytes_that_are_not_utf_8_break_their_record_only(small: Server) -> None:
    """Here in the name of a client."""
    broken = SOUND.encode().replace(b"Boto3", b"Bot\xff")
    result = ship(small, b"[" + b",".join([SOUND.encode(), broken, SOUND.encode()]) + b"]").json()

    assert (result["folded"], [each.partition(":")[0] for each in result["broken"]]) == (2, ["record 1"])


def test_broken_records_are_counted(small: Server) -> None:
    """In the metric."""
    name = 'session_trust_events_total{result="broken"}'

    def count() -> float:
        lines = small.request("GET", "/metrics").text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    before = count()
    ship(small, "[1, 2, {}]")

    assert count() - before == 3


REFUSED: dict[str, tuple[bytes | str, str, dict[str, str], int]] = {
    "words": ("who goes there", "application/json", {}, 400),
    "nothing": ("", "application/json", {}, 400),
    "nothing, compressed": (gzip.compress(b""), "application/gzip", {}, 400),
    "a number": ("1", "application/json", {}, 400),
    "UTF-16": (LIST.encode("utf-16"), "application/json", {}, 400),
    "half a gzip": (gzip.compress(LIST.encode())[:100], "application/gzip", {}, 400),
    "damaged gzip": (gzip.compress(LIST.encode())[:60] + b"\0" * 60, "application/gzip", {}, 400),
    "an unknown encoding": (LIST, "application/json", {"Content_Encoding": "br"}, 415),
    "two encodings": (LIST, "application/json", {"Content_Encoding": "gzip, br"}, 415),
    "an unknown type": (LIST, "application/zip", {}, 415),
    "another charset": (LIST, "application/json; charset=utf-16", {}, 400),
    "deflate": (zlib.compress(LIST.encode()), "application/json", {"Content_Encoding": "deflate"}, 415),
}


@pytest.mark.parametrize("name", REFUSED)
def test_another_form_is_refused_with_what_is_wanted(small: Server, name: str) -> None:
    """In words, not as a decoder's complaint."""
    body, media_type, headers, status = REFUSED[name]
    response = ship(small, body, media_type, **headers)
    detail = response.json()["detail"]

    assert response.status_code == status
    assert "codec" not in detail
    assert any(word in detail for word in ("send", "Send", "gzip"))


BOMB = gzip.compress(b"[" + b" " * (DECOMPRESSED_LIMIT + 1) + b"]", 9)


BOMBS: dict[str, tuple[bytes, int]] = {
    "one layer": (BOMB, 413),
    "two layers": (gzip.compress(BOMB), 413),
    "three layers": (gzip.compress(gzip.compress(BOMB)), 400),
    "many large members": (BOMB * 50, 413),
    "very many empty members": (gzip.compress(b"") * 400_000, 400),
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_zip_bomb_is_refused(small: Server, name: str, encoding: str) -> None:
    """Before it has unfolded; of more layers than anyone has reason for, the inner ones are not looked at."""
    bomb, status = BOMBS[name]
    response = ship(small, bomb, "application/gzip", Content_Encoding=encoding)

    assert response.status_code == status
    assert response.elapsed.total_seconds() < AT_ONCE_SECONDS


LARGE: dict[str, tuple[str, int]] = {
    "a million numbers": ("[" + "1," * 999_999 + "1]", 400),
    "a million empty objects": ("[" + "{}," * 999_999 + "{}]", 400),
    "a million lines": ("{}\n" * 1_000_000, 400),
    "records to the limit": ("[" + "1," * (MOST_RECORDS - 1) + "1]", 200),
    "brackets": ("[" * 4_000_000, 400),
    "a text of seven megabytes": ('["' + "a" * 7_000_000 + '"]', 200),
    "brackets in records": ("[" + "{," * 1_000_000, 400),
    "quotation marks in records": ('[{"a": }, {' + '"\\' * 3_000_000, 400),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_body_of_nonsense_is_answered_shortly(small: Server, name: str) -> None:
    """Its size is bounded, and so is the size of the answer."""
    body, status = LARGE[name]
    response = ship(small, body)

    assert response.status_code == status
    assert len(response.content) < 400 * (MOST_NAMED + 2)
    assert response.elapsed.total_seconds() < AT_ONCE_SECONDS
