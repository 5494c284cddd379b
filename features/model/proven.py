"""The two forests of a model in the form a service scores with, proven equal to scikit-learn's and SHAP's results.

The proof needs scikit-learn and SHAP, which take seconds to import. It is made when a version is promoted or exported
(or else at its first start) and kept with the results it compared with. Every start compares with those results again,
so forests that explain another model are refused without either library.
"""

from __future__ import annotations

import importlib
import math
import os
import shutil
import zipfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from features.arrays import Array
from features.catalogue.all import feature_names
from features.hashing import digest_of
from features.model.bundle import DIGEST_TAG, ModelMismatch, TrustModel
from features.model.forest import Forest, forest_of
from features.model.registered_version import NOW_FILE
from features.model.tree_shap import Paths, TreeShap, explain_forest
from features.model.trust_curve import HORIZONS, probability
from features.settings import Settings

TOLERANCE = 1e-9
"""How far a result may lie from scikit-learn's or SHAP's, in log-odds or as a probability."""
LIBRARIES = ("numpy", "scikit-learn", "shap")
"""What the reference results depend on beside the model."""
TRIALS = 64
"""How many random rows are compared, a third of whose values are unknown."""


@dataclass(frozen=True)
class Reference:
    """What scikit-learn and SHAP give for the rows of `trial_rows()`."""

    log_odds: Array
    """Calibrated log-odds of the now-model, shape (TRIALS,)."""
    hazards: Array
    """Shape (TRIALS, intervals)."""
    shares: Array
    """SHAP values of the now-model, shape (TRIALS, F)."""


@dataclass(frozen=True)
class ProvenForests:
    """The now-model taken apart for its explanation, the hazard model for its margins, and what they must give."""

    now: TreeShap
    hazard: Forest
    reference: Reference

    def hazards(self, model: TrustModel, values: Array) -> Array:
        """The calibrated hazard of each interval, shape (intervals,), for features of shape (F,)."""
        intervals = len(HORIZONS)
        inputs = np.hstack([np.tile(values, (intervals, 1)), np.eye(intervals)])
        margins = self.hazard.margins(inputs).reshape(1, -1)
        return probability(model.calibration.hazard_log_odds(margins, values.reshape(1, -1))[0])


def trial_rows() -> Array:
    """The rows a model is proven on, shape (TRIALS, F): always the same."""
    rng = np.random.default_rng(0)
    rows = rng.normal(0.0, 3.0, (TRIALS, len(feature_names())))
    rows[rng.random(rows.shape) < 0.3] = math.nan
    return rows


def take_apart(model: TrustModel) -> ProvenForests:
    """Copy both forests, and let scikit-learn and SHAP say what they must give."""
    shap = importlib.import_module("shap")
    rows = trial_rows()
    shares = shap.TreeExplainer(model.now).shap_values(rows, check_additivity=False)
    reference = Reference(model.now_log_odds(rows), model.hazards(rows), np.asarray(shares))
    return ProvenForests(explain_forest(model.now), forest_of(model.hazard), reference)


def proven_forests(model: TrustModel, settings: Settings) -> ProvenForests:
    """The forests of a registered version, kept in the home folder; made and proven when it has none of them.

    Raises ModelMismatch when what they give is not what scikit-learn and SHAP gave.
    """
    path = settings.ensure_home() / "compiled" / f"forests_{_fingerprint(model)}.npz"
    forests = read_proof(path)
    if forests is None or error_of(model, forests) > TOLERANCE:
        forests = prove(model)
        write_proof(path, forests)
    return forests


def prove(model: TrustModel) -> ProvenForests:
    """Take a model apart and compare it with scikit-learn and SHAP. Raises ModelMismatch when it differs."""
    forests = take_apart(model)
    wrong = error_of(model, forests)
    if not wrong <= TOLERANCE:
        raise ModelMismatch(f"model version {model.version}: its explanation is off by {wrong:.2g}")
    return forests


def keep_proof(file: Path, model: TrustModel, settings: Settings) -> None:
    """Copy a proof that was written elsewhere into the home folder, for this model's next start to compare with."""
    folder = settings.ensure_home() / "compiled"
    folder.mkdir(exist_ok=True)
    shutil.copyfile(file, folder / f"forests_{_fingerprint(model)}.npz")


def error_of(model: TrustModel, forests: ProvenForests) -> float:
    """The largest difference from the reference, over all trial rows; infinite where something is no number."""
    line, wrong, reference = model.calibration, 0.0, forests.reference
    for row, values in enumerate(trial_rows()):
        shares = forests.now.shap_values(values)
        log_odds = math.fsum([forests.now.base * line.slope + line.intercept, *(shares * line.slope)])
        off = (
            log_odds - reference.log_odds[row],
            forests.hazards(model, values) - reference.hazards[row],
            shares - reference.shares[row],
        )
        wrong = max(wrong, *(float(np.max(np.abs(np.nan_to_num(each, nan=math.inf)))) for each in off))
    return wrong


def _fingerprint(model: TrustModel) -> str:
    """A digest of the model's files and of the libraries the proof compared with."""
    files = [model.tags[DIGEST_TAG + name] for name in (NOW_FILE, "hazard.skops", "calibration.json")]
    return digest_of("\0".join([*files, *(version(name) for name in LIBRARIES)]).encode())[7:27]


def write_proof(path: Path, forests: ProvenForests) -> None:
    """Write forests and reference as one file of plain arrays."""
    now = {f"now.{name}": value for name, value in vars(forests.now.paths).items()}
    hazard = {f"hazard.{name}": value for name, value in vars(forests.hazard).items()}
    reference = {f"reference.{name}": value for name, value in vars(forests.reference).items()}
    path.parent.mkdir(exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    parts = {"base": forests.now.base, "width": forests.now.width, **now, **hazard, **reference}
    with zipfile.ZipFile(draft, "w") as archive:
        for name, value in parts.items():
            entry = zipfile.ZipInfo(f"{name}.npy")  # of no time of its own, so that the same proof is the same bytes
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, np.asanyarray(value), allow_pickle=False)
    draft.replace(path)


def read_proof(path: Path) -> ProvenForests | None:
    """What `write_proof` wrote; None where there is nothing, or nothing that can be read."""
    try:
        with np.load(path, allow_pickle=False) as file:
            parts = dict(file)
        paths = Paths(**_named(parts, "now."))
        nodes = _named(parts, "hazard.")
        hazard = Forest(float(nodes.pop("base")), **nodes)
        now = TreeShap(float(parts["base"]), int(parts["width"]), paths)
        return ProvenForests(now, hazard, Reference(**_named(parts, "reference.")))
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def _named(parts: dict[str, Array], prefix: str) -> dict[str, Array]:
    return {name.removeprefix(prefix): value for name, value in parts.items() if name.startswith(prefix)}
