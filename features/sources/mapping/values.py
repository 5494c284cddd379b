"""Values of a log as an event wants them; what cannot be read is None, which means unknown."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from features.event.ip_network import packed_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = ((1e11, 1), (1e14, 1_000), (1e17, 1_000_000), (float("inf"), 1_000_000_000))
"""Below which size a number is seconds, milliseconds, microseconds or nanoseconds since 1970."""
_OFFSET = re.compile(r"(Z|[+-]\d\d:?\d\d)$", re.IGNORECASE)
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_OTHER_FORMS = (
    "%m/%d/%Y, %I:%M:%S %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%Y %H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%a, %d %b %Y %H:%M:%S",
)
"""Forms of time that exports to CSV use, all read as UTC."""
_LONGEST_ID = 256
_LONGEST_TEXT = 2048


def text_value(value: Any) -> str | None:
    """Text without space around it; a number as its digits; None for empty text and for what is neither.

    >>> text_value(" a "), text_value(7), text_value("-"), text_value({})
    ('a', '7', None, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return str(value).lower() if isinstance(value, bool) else None
    text = str(value).strip()
    return text if text and text not in ("-", "null", "None") else None


def short_text(value: Any) -> str | None:
    """Text of at most 256 bytes, as ids are; a longer one is cut and gets the digest of the whole."""
    text = text_value(value)
    if text is None or len(text.encode(errors="surrogatepass")) <= _LONGEST_ID:
        return text
    data = text.encode(errors="surrogatepass")
    return f"{data[:180].decode(errors='ignore')}#{hashlib.sha256(data).hexdigest()}"


def long_text(value: Any) -> str | None:
    """Text of at most 2,048 characters; a longer one is cut."""
    text = text_value(value)
    return text[:_LONGEST_TEXT] if text else None


def boolean(value: Any) -> bool | None:
    """True, false, or unknown.

    >>> boolean("True"), boolean(0), boolean("perhaps")
    (True, False, None)
    """
    return _BOOLEANS.get(str(value).strip().lower())


def time_value(value: Any) -> str | None:
    """A time as ISO 8601 with its offset: a time without one is UTC, a number counts from 1970 in the unit of its size.

    >>> time_value("2022-12-12 15:57:57"), time_value(1621305118553), time_value("1/15/2025, 2:20:35 PM")
    ('2022-12-12T15:57:57Z', '2021-05-18T02:31:58.553000+00:00', '2025-01-15T14:20:35+00:00')
    >>> time_value("redacted") is None
    True
    """
    text = text_value(value)
    if text is None or len(text) > 64 or isinstance(value, bool):
        return None
    if re.fullmatch(r"\d{9,20}(\.\d+)?", text):
        return _since_1970(float(text), text)
    written = f"{text[:10]}T{text[11:]}" if text[10:11] == " " else text
    written = written.removesuffix(" UTC").replace(" ", "") if "T" in written[:11] else written
    try:
        datetime.fromisoformat(written)
    except ValueError:
        return _in_another_form(text)
    if len(written) == len("2022-12-12"):
        written += "T00:00:00"
    return written if _OFFSET.search(written) and "T" in written else f"{written}Z"


def _since_1970(number: float, text: str) -> str | None:
    per_second = next(unit for most, unit in _UNITS if number < most)
    whole = int(text) if "." not in text else None
    microseconds = whole * 1_000_000 // per_second if whole is not None else round(number / per_second * 1e6)
    try:
        return (_EPOCH + timedelta(microseconds=microseconds)).isoformat()
    except OverflowError:
        return None


def _in_another_form(text: str) -> str | None:
    for form in _OTHER_FORMS:
        try:
            return (
                datetime.strptime(text.removesuffix(" GMT").removesuffix(" UTC"), form).replace(tzinfo=UTC).isoformat()
            )
        except ValueError:
            continue
    return None


def address(value: Any) -> str | None:
    """An IP address, without port, brackets or zone, of IPv4 where it is one within IPv6; None for anything else.

    >>> address("1.2.3.4:10736"), address("[2001:db8::1]:443"), address("64:ff9b::1.2.3.4"), address("gmail-ui")
    ('1.2.3.4', '2001:db8::1', '1.2.3.4', None)
    """
    text = text_value(value)
    if text is None:
        return None
    text = text.split(",")[0].strip()
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::\d+)?", text)
    with_port = re.fullmatch(r"(\d+\.\d+\.\d+\.\d+):\d+", text)
    match = bracketed or with_port
    packed = packed_of(match[1] if match else text)
    return str(ip_address(packed)) if packed else None


def country(value: Any) -> str | None:
    """An ISO 3166-1 alpha-2 code; None for a country's name, which sources spell as they like."""
    text = (text_value(value) or "").upper()
    return text if re.fullmatch("[A-Z]{2}", text) and text != "XX" else None


def number_within(least: float, most: float, whole: bool) -> Callable[[Any], float | int | None]:
    """What reads a number within bounds, and a whole one only where `whole`."""

    def number(value: Any) -> float | int | None:
        try:
            read = float("nan") if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            return None
        if not least <= read <= most or (whole and read != int(read)):
            return None
        return int(read) if whole else read

    return number


def texts(value: Any) -> list[str] | None:
    """A list of texts; one text is cut at blanks and commas."""
    items = re.split(r"[\s,]+", value) if isinstance(value, str) else value if isinstance(value, list) else []
    kept = [text for item in items if (text := short_text(item))]
    return kept[:64] or None
