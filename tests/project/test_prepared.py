"""What tests prepare is made once, and anew when it is made from something else."""

from __future__ import annotations

from functools import partial
from itertools import count
from pathlib import Path

import pytest
from support import prepared as cache
from support.prepared import prepared


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of this test's own; its sources are the repository's."""
    monkeypatch.setattr(cache, "_digest_of_sources", lambda: "sources")
    monkeypatch.setattr(cache, "ROOT", tmp_path)


def test_the_second_call_makes_nothing() -> None:
    """The result is the first one's, read from the file."""
    counter = count()

    results = [prepared("numbers", lambda: next(counter), 7) for _ in range(2)]

    assert results == [0, 0]


def test_other_settings_are_made_anew() -> None:
    """A seed is part of the name."""
    assert [prepared("numbers", partial(int, seed), seed) for seed in (1, 2, 1)] == [1, 2, 1]


def test_other_sources_are_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit of a package makes everything stale."""
    prepared("numbers", lambda: 1, 7)
    monkeypatch.setattr(cache, "_digest_of_sources", lambda: "edited")

    assert prepared("numbers", lambda: 2, 7) == 2
