"""Read log files from disk: plain or gzip-compressed text.

Gzip is recognised by its content, not by the file's name. A damaged file gives everything before the damage.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_GZIP_MAGIC = b"\x1f\x8b"
_PIECE = 4 * 1024 * 1024
"""Bytes read, or decompressed, at a time."""
_CHUNK = 65_536
_FIRST_CHUNK = 256
"""Of a member, so that a file of very many small members is not copied again for each."""


class TooLarge(ValueError):
    """Decompressed, the data would be larger than the caller wants to hold."""


class Damaged(ValueError):
    """The rest of a file cannot be decompressed."""


@dataclass
class BytesRead:
    """How many bytes were read, counted while reading."""

    bytes: int = 0


def text_chunks(file: Path, count: BytesRead | None = None) -> Iterator[str]:
    """Yield a file's text piece by piece as UTF-8, decompressed if needed.

    A byte order mark is removed and bytes that are not UTF-8 are replaced. Raises OSError if the file cannot be read,
    and Damaged after everything before the damage.
    """
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
    with file.open("rb") as stream:
        start = stream.read(len(_GZIP_MAGIC))
        stream.seek(0)
        pieces = _pieces(stream, count or BytesRead())
        try:
            for piece in decompressed(pieces) if is_gzip(start) else pieces:
                yield decoder.decode(piece)
        finally:
            rest = decoder.decode(b"", final=True)
        if rest:
            yield rest


def _pieces(stream: BinaryIO, count: BytesRead) -> Iterator[bytes]:
    while piece := stream.read(_PIECE):
        count.bytes += len(piece)
        yield piece


def decompressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress gzip data of one or more members piece by piece; raises Damaged where it is damaged."""
    member, taken = None, 0
    for piece in pieces:
        position = 0
        while position < len(piece):
            if member is None:
                if piece[position] == 0:  # padding that some writers leave
                    position += 1
                    continue
                member, taken = zlib.decompressobj(wbits=31), _FIRST_CHUNK
            pending = piece[position : position + taken]
            position, taken = position + len(pending), _CHUNK
            try:
                while pending:
                    yield member.decompress(pending, _CHUNK * 16)
                    pending = member.unconsumed_tail
            except zlib.error as error:
                raise Damaged(f"gzip is damaged: {error}") from None
            if member.eof:
                position -= len(member.unused_data)
                member = None
    if member is not None:
        raise Damaged("gzip ends too early")


def is_gzip(data: bytes) -> bool:
    """Whether data is gzip-compressed, by how it begins."""
    return data.startswith(_GZIP_MAGIC)


def decompress(data: bytes, limit: int | None = None) -> tuple[bytes, str | None]:
    """Decompress gzip data of one or more members, up to the first damage; the second value says what is damaged.

    Raises TooLarge as soon as more than `limit` bytes have come out.
    """
    chunks: list[bytes] = []
    size = 0
    try:
        for chunk in decompressed([data]):
            chunks.append(chunk)
            size += len(chunk)
            if limit is not None and size > limit:
                raise TooLarge(f"decompressed, it has more than {limit:,} bytes")
    except Damaged as damage:
        return b"".join(chunks), str(damage)
    return b"".join(chunks), None
