"""The proof that a model's explanation is SHAP's is kept, checked at every start, and never of another model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.small_champion import small_model

from features.model import proven
from features.model.bundle import Calibration, ModelMismatch, TrustModel, fetch
from features.model.proven import ProvenForests, error_of, proven_forests, read_proof, take_apart, write_proof
from features.settings import Settings
from training.promotion.registry import promote, register


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home folder whose registry has one promoted model."""
    settings = Settings.from_environment({"SESSION_TRUST_HOME": str(tmp_path_factory.mktemp("proven") / "home")})
    register(small_model(), settings, tags={"data": "simulated", "gate": "passed"}, parameters={}, figures={})
    promote(settings, "1")
    return settings


@pytest.fixture
def model(settings: Settings) -> TrustModel:
    """That model."""
    return fetch(settings, "champion")


def proof_of(settings: Settings) -> Path:
    """The file that holds its proof."""
    return next((settings.home / "compiled").glob("forests_*.npz"))


def same(one: ProvenForests, other: ProvenForests) -> bool:
    """Whether two proofs hold the same arrays."""
    pairs = [(vars(one.hazard), vars(other.hazard)), (vars(one.now.paths), vars(other.now.paths))]
    pairs.append((vars(one.reference), vars(other.reference)))
    return all(np.array_equal(left[name], right[name], equal_nan=True) for left, right in pairs for name in left)


def test_a_promotion_leaves_the_proof_for_the_next_start(
    settings: Settings, model: TrustModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which then needs neither scikit-learn nor SHAP."""
    monkeypatch.setattr(proven, "take_apart", None)

    assert error_of(model, proven_forests(model, settings)) < 1e-9


def test_a_proof_reads_back_as_it_was_written(model: TrustModel, tmp_path: Path) -> None:
    """Every array, and the same bytes each time."""
    forests = take_apart(model)
    for name in ("one.npz", "other.npz"):
        write_proof(tmp_path / name, forests)
    kept = read_proof(tmp_path / "one.npz")

    assert kept is not None
    assert same(kept, forests)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()


@pytest.mark.parametrize("content", [b"", b"no archive"], ids=["empty", "not an archive"])
def test_a_proof_that_cannot_be_read_is_made_again(settings: Settings, model: TrustModel, content: bytes) -> None:
    """A disk that was full is no reason to refuse a model."""
    proof_of(settings).write_bytes(content)

    assert error_of(model, proven_forests(model, settings)) < 1e-9
    assert read_proof(proof_of(settings)) is not None


def test_a_proof_of_another_model_is_made_again(settings: Settings, model: TrustModel) -> None:
    """What it compares with is not what this model gives."""
    other = small_model(seed=2)
    write_proof(proof_of(settings), replace(take_apart(model), reference=take_apart(other).reference))

    assert error_of(model, proven_forests(model, settings)) < 1e-9


def test_a_model_that_is_explained_wrongly_is_refused(
    settings: Settings, model: TrustModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At promotion, and at a start without a proof."""
    wrong = take_apart(model)
    wrong.reference.shares[3, 5] += 1e-6
    proof_of(settings).unlink()
    monkeypatch.setattr(proven, "take_apart", lambda _: wrong)

    with pytest.raises(ModelMismatch, match=r"model version 1: its explanation is off by 1e-06"):
        promote(settings, "1")


def test_another_calibration_is_another_model(settings: Settings, model: TrustModel) -> None:
    """The comparison is of calibrated results."""
    moved = replace(model, calibration=Calibration(0.9, -0.5, 0.8, model.calibration.hazard_intercepts))

    assert error_of(moved, proven_forests(model, settings)) > 0.01
