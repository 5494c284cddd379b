"""Parsed address tables are kept in the home folder, say the same from there, and are never stale."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from features.data_files import data_folder
from features.enrichment.ip_ranges import Ranges, read_networks, read_ranges
from features.enrichment.table_cache import cached_ranges

FOLDER = data_folder() / "reference"
FILES = [FOLDER / "ip-location-db/asn-country-ipv6.csv.gz", FOLDER / "x4bnet/vpn_ipv6.txt.gz"]


def parse() -> dict[str, Ranges]:
    """Texts and flags of the smaller bundled tables."""
    return {"country": read_ranges(FILES[0], 6, np.str_), "vpn": read_networks(FILES[1], 6)}


def never() -> Mapping[str, Ranges]:
    """What must not be called."""
    raise AssertionError("parsed, although it was kept")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def kept_in(home: Path) -> list[Path]:
    """The files that hold parsed tables."""
    return list((home / "compiled").glob("addresses_*.npz"))


def test_kept_tables_are_the_parsed_ones(home: Path) -> None:
    """Each array with its type and all its bytes; the second time nothing is parsed."""
    parsed = cached_ranges(FILES, parse, home)
    kept = cached_ranges(FILES, never, home)

    assert list(kept) == list(parsed)
    for name, table in parsed.items():
        for part, values in vars(table).items():
            found = vars(kept[name])[part]
            assert found.dtype == values.dtype, f"{name}.{part}"
            assert found.tobytes() == values.tobytes(), f"{name}.{part}"


def test_another_file_is_parsed_anew(home: Path, tmp_path: Path) -> None:
    """The name of what is kept holds the digest of what it was parsed from."""
    cached_ranges(FILES, parse, home)
    (changed := tmp_path / "changed.txt.gz").write_bytes(FILES[1].read_bytes() + b" ")

    with pytest.raises(AssertionError, match="parsed"):
        cached_ranges([FILES[0], changed], never, home)


def test_a_file_that_cannot_be_read_is_parsed_again(home: Path) -> None:
    """And replaced by a whole one."""
    cached_ranges(FILES, parse, home)
    kept_in(home)[0].write_bytes(b"")

    cached_ranges(FILES, parse, home)

    assert cached_ranges(FILES, never, home).keys() == {"country", "vpn"}


def test_without_a_home_folder_nothing_is_kept(tmp_path: Path) -> None:
    """Reading a log makes no folder."""
    cached_ranges(FILES, parse, tmp_path / "none")

    assert list(tmp_path.iterdir()) == []
