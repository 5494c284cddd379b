"""Values of a log as an event wants them; what cannot be read is None, which means unknown."""

from __future__ import annotations

import hashlib
import re
from ipaddress import ip_address
from typing import Any

_LONGEST_ID = 256
_WITH_PORT = re.compile(r"\[([^\]]+)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+")


def short_text(value: Any) -> str | None:
    """Text of at most 256 bytes, as ids are; a longer one is cut and gets the digest of the whole."""
    if not isinstance(value, str) or not value:
        return None
    if len(value) * 4 <= _LONGEST_ID or len(value.encode(errors="surrogatepass")) <= _LONGEST_ID:
        return value
    data = value.encode(errors="surrogatepass")
    return f"{data[:180].decode(errors='ignore')}#{hashlib.sha256(data).hexdigest()}"


def address(value: Any) -> str | None:
    """An IP address without port or brackets, the first of a list; None for anything else.

    >>> address("1.2.3.4:10736"), address("[2001:db8::1]:443"), address("::ffff:1.2.3.4"), address("ec2.amazonaws.com")
    ('1.2.3.4', '2001:db8::1', '1.2.3.4', None)
    """
    if not isinstance(value, str):
        return None
    text = value.partition(",")[0].strip()
    match = _WITH_PORT.fullmatch(text)
    try:
        read = ip_address((match[1] or match[2]) if match else text)
    except ValueError:
        return None
    return str(getattr(read, "ipv4_mapped", None) or read)
