"""What version 0.1 wrote is migrated and used, or refused with the command that helps."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from support.old_home import retag, unpack

from features.catalogue.describe import difference, digest
from features.hashing import digest_of_file
from features.model.bundle import DIGEST_TAG, ModelMismatch, fetch
from serving.errors import StoreUnavailable
from serving.store.chain.verify import verify_log
from serving.store.store import Store

CATALOGUE = "sha256:9b0dc647a73fc8b7005944b803571d16de689c2d86c4aada2ec20d719cbe0958"
"""The digest of the catalogue that model was made for, as its file has it."""
LOG_ODDS = ["0x1.46e7efcc297c4p-4"] * 4 + ["-0x1.1c69268d90862p+0"]
"""What version 0.1 gave for `rows()`."""
HAZARD_MARGINS = ["0x1.10f58bf8ccdf8p-1"] * 4 + ["-0x1.9477e3e5412a1p-1"]
"""The same of its hazard model, for the first interval."""


def rows(width: int) -> np.ndarray:
    """The rows version 0.1 scored."""
    return np.random.default_rng(19).normal(0, 2, (5, width))


def test_a_model_of_0_1_gives_the_same_scores_to_the_last_bit(tmp_path: Path) -> None:
    """It loads from wherever its home folder is now, as long as the catalogue of features is the same."""
    settings = unpack(tmp_path / "home")
    if digest_of_file(next(settings.home.rglob("catalogue.json"))) != CATALOGUE or not _is_current(settings.home):
        pytest.skip(f"the catalogue of features is {digest()} now: models of 0.1 are refused, see below")
    model = fetch(settings, "champion")
    matrix = rows(model.now.n_features_in_)

    assert [value.hex() for value in model.now_log_odds(matrix).tolist()] == LOG_ODDS
    hazard = np.hstack([matrix, np.tile([1.0, 0.0, 0.0, 0.0], (len(matrix), 1))])
    assert [value.hex() for value in model.hazard.decision_function(hazard).tolist()] == HAZARD_MARGINS


def _is_current(home: Path) -> bool:
    return not difference(json.loads(next(home.rglob("catalogue.json")).read_text()))


def test_a_model_for_other_features_is_refused_with_the_command_that_helps(tmp_path: Path) -> None:
    """The sentence names the difference, and how to get a model that fits."""
    settings = unpack(tmp_path / "home")
    file = next(settings.home.rglob("catalogue.json"))
    contract = json.loads(file.read_text())
    contract["features"][0][0] = "shoe_size"
    file.write_text(json.dumps(contract))
    retag(settings, f"{DIGEST_TAG}catalogue.json", digest_of_file(file))

    with pytest.raises(ModelMismatch, match=r"made for other features: .*shoe_size.*training retrain --promote"):
        fetch(settings, "champion")


def test_a_database_of_0_1_is_migrated_and_its_log_still_proves_itself(tmp_path: Path) -> None:
    """Both decisions are there, and the chain that holds them is whole."""
    store = Store(unpack(tmp_path / "home").database_url)

    store.migrate()

    with closing(sqlite3.connect(tmp_path / "home/session-trust.db")) as database:
        ids = [row[0] for row in database.execute("SELECT id FROM decisions ORDER BY id")]
    report = verify_log(store)
    assert len(ids) == 2
    assert report.ok
    assert report.rows >= 2


def test_a_database_of_a_later_version_is_refused(tmp_path: Path) -> None:
    """Nothing is written to it, and the sentence says what to do."""
    settings = unpack(tmp_path / "home")
    with closing(sqlite3.connect(tmp_path / "home/session-trust.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StoreUnavailable, match=r"later version.*SESSION_TRUST_DATABASE_URL"):
        Store(settings.database_url).migrate()
