"""Read log files from disk: plain or gzip-compressed text.

Gzip is recognised by its content, not by the file's name. A damaged file gives everything before the damage.
"""

from __future__ import annotations

import zlib
from pathlib import Path

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 65_536


def read_text(file: Path) -> tuple[str, str | None]:
    """Read a file as UTF-8 and decompress it if needed; returns the text, and what is damaged or None.

    A byte order mark is removed and bytes that are not UTF-8 are replaced. Raises OSError if the file cannot be read.
    """
    data, damage = file.read_bytes(), None
    if data.startswith(_GZIP_MAGIC):
        data, damage = _decompress(data)
    return data.decode("utf-8-sig", errors="replace"), damage


def _decompress(data: bytes) -> tuple[bytes, str | None]:
    """Decompress gzip data of one or more members, up to the first damage; the second value says what is damaged."""
    chunks = []
    while data:
        member = zlib.decompressobj(wbits=31)
        try:
            for start in range(0, len(data), _CHUNK):
                chunks.append(member.decompress(data[start : start + _CHUNK]))
                if member.eof:
                    break
        except zlib.error as error:
            return b"".join(chunks), f"gzip is damaged: {error}"
        if not member.eof:
            return b"".join(chunks), "gzip ends too early"
        data = member.unused_data + data[start + _CHUNK :]
        data = data.lstrip(b"\0")  # padding that some writers leave
    return b"".join(chunks), None
