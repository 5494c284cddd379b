"""Read log files from disk: plain or gzip-compressed text.

Gzip is recognised by its content, not by the file's name. A damaged file gives everything before the damage.
"""

from __future__ import annotations

import zlib
from pathlib import Path

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 65_536
_FIRST_CHUNK = 256
"""Of a member, so that a file of very many small members is not copied again for each."""


class TooLarge(ValueError):
    """Decompressed, the data would be larger than the caller wants to hold."""


def read_text(file: Path) -> tuple[str, str | None]:
    """Read a file as UTF-8 and decompress it if needed; returns the text, and what is damaged or None.

    A byte order mark is removed and bytes that are not UTF-8 are replaced. Raises OSError if the file cannot be read.
    """
    data, damage = file.read_bytes(), None
    if is_gzip(data):
        data, damage = decompress(data)
    return data.decode("utf-8-sig", errors="replace"), damage


def is_gzip(data: bytes) -> bool:
    """Whether data is gzip-compressed, by how it begins."""
    return data.startswith(_GZIP_MAGIC)


def decompress(data: bytes, limit: int | None = None) -> tuple[bytes, str | None]:
    """Decompress gzip data of one or more members, up to the first damage; the second value says what is damaged.

    Raises TooLarge as soon as more than `limit` bytes have come out.
    """
    chunks: list[bytes] = []
    size = position = 0
    while position < len(data):
        member, taken = zlib.decompressobj(wbits=31), _FIRST_CHUNK
        try:
            while not member.eof and position < len(data):
                pending = data[position : position + taken]
                position, taken = position + len(pending), _CHUNK
                while pending:
                    chunks.append(member.decompress(pending, _CHUNK * 16))
                    size += len(chunks[-1])
                    if limit is not None and size > limit:
                        raise TooLarge(f"decompressed, it has more than {limit:,} bytes")
                    pending = member.unconsumed_tail
        except zlib.error as error:
            return b"".join(chunks), f"gzip is damaged: {error}"
        if not member.eof:
            return b"".join(chunks), "gzip ends too early"
        position -= len(member.unused_data)
        while data[position : position + 1] == b"\0":  # padding that some writers leave
            position += 1
    return b"".join(chunks), None
