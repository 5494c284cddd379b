"""A home folder that was copied or renamed reads and writes its own files, never those of the old place."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from support.old_home import WRITTEN_AT, settings_of, unpack
from support.small_champion import small_model

from features.catalogue.all import feature_names
from features.model.bundle import ModelMismatch, fetch
from features.model.registered_version import NoSuchVersion, RegisteredVersion, find_version, has_version
from features.settings import Settings
from training.promotion.registry import promote, register

ROWS = np.random.default_rng(3).normal(size=(20, len(feature_names())))


def paths_of(found: RegisteredVersion) -> list[Path]:
    """Where a version's files are looked for."""
    return [found.now, found.folder]


@pytest.fixture
def old(tmp_path: Path) -> Settings:
    """A home folder whose registry holds absolute paths of its own place."""
    settings = settings_of(tmp_path / "old")
    register(small_model(), settings, tags={"data": "simulated", "gate": "passed"}, parameters={}, figures={})
    promote(settings, "1")
    return settings


def test_a_renamed_home_is_read_at_its_new_place(old: Settings, tmp_path: Path) -> None:
    """The old path is gone, and nothing asks for it."""
    before = fetch(old, "champion").now_log_odds(ROWS)
    old.home.rename(tmp_path / "new")
    moved = settings_of(tmp_path / "new")

    assert fetch(moved, "champion").now_log_odds(ROWS).tobytes() == before.tobytes()
    assert all(path.is_relative_to(moved.home) for path in paths_of(find_version(moved, "champion")))


def test_a_copied_home_never_reads_the_original(old: Settings, tmp_path: Path) -> None:
    """A change to the original's files is nothing to the copy; one to the copy's files is found."""
    copy = settings_of(Path(shutil.copytree(old.home, tmp_path / "copy")))
    for file in old.home.rglob("hazard.skops"):
        file.write_bytes(b"another model")

    assert fetch(copy, "champion").version == "1"

    next(copy.home.rglob("hazard.skops")).write_bytes(b"another model")
    with pytest.raises(ModelMismatch, match=r"hazard\.skops is sha256"):
        fetch(copy, "champion")


def test_a_missing_file_is_named_with_what_to_do(old: Settings, tmp_path: Path) -> None:
    """The path is the one in the new place, although the registry still names the old one."""
    copy = settings_of(Path(shutil.copytree(old.home, tmp_path / "copy")))
    shutil.rmtree(copy.home / "artifacts")

    with pytest.raises(ModelMismatch, match=rf"{copy.home}/artifacts/.* is missing\. .*register-model"):
        fetch(copy, "champion")


def test_whatever_is_registered_after_a_move_goes_to_the_new_place(old: Settings, tmp_path: Path) -> None:
    """The old folder, which still exists, gets nothing."""
    copy = settings_of(Path(shutil.copytree(old.home, tmp_path / "copy")))
    before = sorted(old.home.rglob("*"))
    version = register(small_model(), copy, tags={"data": "simulated", "gate": "passed"}, parameters={}, figures={})

    assert all(path.is_relative_to(copy.home) for path in paths_of(find_version(copy, version)))
    assert find_version(copy, version).now.exists()
    assert sorted(old.home.rglob("*")) == before


def test_the_paths_of_0_1_are_those_of_a_moved_home(tmp_path: Path) -> None:
    """Its registry names a folder of another machine."""
    settings = unpack(tmp_path / "home")

    assert not Path(WRITTEN_AT, "artifacts").is_relative_to(settings.home)
    assert all(path.exists() for path in paths_of(find_version(settings, "champion")))


def test_artefacts_that_were_never_in_a_home_stay_where_they_are(tmp_path: Path) -> None:
    """A deployment that keeps them elsewhere may move its home folder without them."""
    elsewhere = {"SESSION_TRUST_HOME": str(tmp_path / "old"), "SESSION_TRUST_ARTIFACTS": str(tmp_path / "store")}
    settings = Settings.from_environment(elsewhere)
    register(small_model(), settings, tags={}, parameters={}, figures={})
    settings.home.rename(tmp_path / "new")
    moved = Settings.from_environment(elsewhere | {"SESSION_TRUST_HOME": str(tmp_path / "new")})

    assert find_version(moved, "1").now.is_relative_to(tmp_path / "store")


def test_a_registry_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Looking for a model makes no file."""
    settings = settings_of(tmp_path / "none")

    with pytest.raises(NoSuchVersion, match=rf"no model registry at {settings.home}/mlflow\.db"):
        find_version(settings, "champion")
    assert not has_version(settings, "champion")
    assert not settings.home.exists()
