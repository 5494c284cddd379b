"""actions.yaml, assets.yaml and identities.yaml change while the service runs, all or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.engines import CALLER, score_request
from support.live_server import active_configuration
from support.recorded_decisions import open_store

from serving.engine.writer import Engine
from serving.workers.catalogue_watcher import CatalogueWatcher

EXPORT = "version: 1\nactions: [{match: ['files:*'], category: export}]\n"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = Engine(open_store(tmp_path), active_configuration(tmp_path))
    yield engine
    engine.close()


def counted_as(engine: Engine, identity: str) -> tuple[str, Any]:
    """What a read of a file counts as, and the digest the decision names."""
    decision = engine.score(score_request(identity), CALLER)
    return decision["action"]["category"], decision["versions"]["catalogues"]


def test_new_entries_count_from_the_next_decision_on(engine: Engine, tmp_path: Path) -> None:
    """And the decision names their digest; taken away, they count no more."""
    watcher, before = CatalogueWatcher(engine, tmp_path), counted_as(engine, "before")
    (tmp_path / "actions.yaml").write_text(EXPORT)
    watcher.check()
    during = counted_as(engine, "during")
    (tmp_path / "actions.yaml").unlink()
    watcher.check()

    assert before[1] is None
    assert during == ("export", engine_digest := during[1])
    assert engine_digest.startswith("sha256:")
    assert counted_as(engine, "after") == before


@pytest.mark.parametrize(
    "text", ["&a [*a]", "version: 1\nactions: [{match: ['x'], category: reed}]", "\0", "actions: 7"]
)
def test_an_invalid_file_leaves_the_entries_in_force_and_is_shown(engine: Engine, tmp_path: Path, text: str) -> None:
    """As often as it is checked; a corrected one ends the refusal."""
    watcher = CatalogueWatcher(engine, tmp_path)
    (tmp_path / "actions.yaml").write_text(EXPORT)
    watcher.check()
    (tmp_path / "actions.yaml").write_text(text)
    watcher.check()
    watcher.check()
    refused = engine.active.refused_files

    assert counted_as(engine, "meanwhile")[0] == "export"
    assert [str(tmp_path / "actions.yaml") in each.reason for each in refused] == [True]
    (tmp_path / "actions.yaml").write_text(EXPORT)
    watcher.check()
    assert engine.active.refused_files == ()
