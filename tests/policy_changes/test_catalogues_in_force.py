"""actions.yaml, assets.yaml and identities.yaml change while the service runs, each that is sound."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.decisions import NOW
from support.engines import CALLER, score_request
from support.live_server import active_configuration
from support.recorded_decisions import open_store

from serving import metrics
from serving.deployment import catalogue_files
from serving.deployment.catalogue_files import load_catalogues
from serving.engine.writer import Engine
from serving.model.active import ActiveConfiguration
from serving.policy.loader import PolicyError
from serving.workers import catalogue_watcher
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


TROUBLE: dict[str, Callable[[Path], object]] = {
    "a link to nothing": lambda path: path.symlink_to("missing"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a directory": Path.mkdir,
    "a named pipe": os.mkfifo,
}


@pytest.mark.parametrize("name", TROUBLE)
def test_what_cannot_be_read_leaves_the_entries_in_force(engine: Engine, tmp_path: Path, name: str) -> None:
    """Nothing becomes less strict because a file is no file; the file itself is named, and the metric says so."""
    watcher, file = CatalogueWatcher(engine, tmp_path), tmp_path / "actions.yaml"
    file.write_text(EXPORT)
    watcher.check()
    file.unlink()
    TROUBLE[name](file)
    watcher.check()

    assert counted_as(engine, "meanwhile")[0] == "export"
    assert [each.file for each in engine.active.refused_files] == [str(file)]
    assert metrics.REGISTRY.get_sample_value("session_trust_policy_refused") == 1.0


def test_one_wrong_file_keeps_no_other_back(engine: Engine, tmp_path: Path) -> None:
    """The sound ones count, the wrong one says what it said before, and both are told; a file that is gone counts no
    more, whatever is wrong beside it."""
    watcher = CatalogueWatcher(engine, tmp_path)
    (tmp_path / "actions.yaml").write_text(EXPORT)
    watcher.check()
    (tmp_path / "actions.yaml").write_text("version: 1\nactions: 7")
    (tmp_path / "assets.yaml").write_text("version: 1\nassets: [{id: ['a'], sensitivity: restricted}]")
    (tmp_path / "identities.yaml").write_text("version: one")
    watcher.check()
    active = engine.active

    assert [each.sensitivity for each in active.catalogues.assets] == ["restricted"]
    assert [each.category for each in active.catalogues.actions] == ["export"]
    assert sorted(active.catalogues.files) == ["actions.yaml", "assets.yaml"]
    assert [Path(each.file).name for each in active.refused_files] == ["actions.yaml", "identities.yaml"]
    (tmp_path / "assets.yaml").unlink()
    watcher.check()
    assert sorted(engine.active.catalogues.files) == ["actions.yaml"]
    assert engine.active.refused_files == active.refused_files


@pytest.mark.parametrize("name", ["assets.yml", "Assets.yaml", "actions.json", "IDENTITIES.YML"])
def test_a_file_that_nothing_reads_is_refused_by_its_name(engine: Engine, tmp_path: Path, name: str) -> None:
    """While the service runs, until it has the right name; and at the start."""
    watcher = CatalogueWatcher(engine, tmp_path)
    (tmp_path / "actions.yaml").write_text(EXPORT)
    (tmp_path / name).write_text("version: 1\n")
    watcher.check()
    (refused,) = engine.active.refused_files
    with pytest.raises(PolicyError, match="is not read: name it"):
        load_catalogues(tmp_path)
    (tmp_path / name).unlink()
    watcher.check()

    assert refused.file == str(tmp_path / name)
    assert refused.reason == f"{tmp_path / name} is not read: name it {name.lower().partition('.')[0]}.yaml"
    assert counted_as(engine, "meanwhile")[0] == "export"
    assert engine.active.refused_files == ()


def test_a_refused_file_is_parsed_once(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is checked; the refusal keeps its time."""
    parsed: list[Path] = []
    real = catalogue_files.parse_catalogue

    def counting(data: bytes, path: Path) -> tuple[Any, ...]:
        parsed.append(path)
        return real(data, path)

    monkeypatch.setattr(catalogue_watcher, "parse_catalogue", counting)
    times = iter((NOW, NOW + timedelta(seconds=2), NOW + timedelta(seconds=4)))
    watcher = CatalogueWatcher(engine, tmp_path, lambda: next(times))
    (tmp_path / "actions.yaml").write_text("actions: 7")
    for _ in range(3):
        watcher.check()

    assert len(parsed) == 1
    assert [each.since for each in engine.active.refused_files] == [NOW]


def test_changes_of_two_watchers_are_both_kept(engine: Engine) -> None:
    """Policy and catalogues are watched by two threads; neither takes back what the other changed."""
    reading, read = threading.Event(), threading.Event()

    def slowly(active: ActiveConfiguration) -> ActiveConfiguration:
        reading.set()
        read.wait(0.2)
        return replace(active, missing="one")

    first = threading.Thread(target=engine.change, args=(slowly,))
    first.start()
    reading.wait(10)
    engine.change(lambda active: active.refusing(Path("other"), {"other": "why"}, NOW))
    read.set()
    first.join()

    assert (engine.active.missing, [each.reason for each in engine.active.refused_files]) == ("one", ["why"])


def test_an_answer_from_before_a_change_is_not_repeated(engine: Engine, tmp_path: Path) -> None:
    """The same event again is decided by the entries in force."""
    request = score_request("repeated", id="e1")
    before = engine.score(request, CALLER)
    same = engine.score(request, CALLER)
    (tmp_path / "actions.yaml").write_text(EXPORT)
    CatalogueWatcher(engine, tmp_path).check()
    after = engine.score(request, CALLER)

    assert same == before
    assert after["action"]["category"] == "export"
