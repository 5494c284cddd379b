"""One registered version of the model: what training writes, and serving and comparisons read.

The now-model is logged as MLflow's own model (skops); everything else lies beside it as artefacts of the same run,
each file's SHA-256 in a tag of the version. A file that was swapped, or a model made for other features, is refused.
The two estimators are verified at once and built at their first use, since a service scores without them.
"""

from __future__ import annotations

import importlib
import json
import math
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from features.arrays import Array
from features.catalogue.all import feature_names
from features.catalogue.describe import contract, difference
from features.event.schema import IdentityType
from features.hashing import digest_of, digest_of_file
from features.history import population
from features.model.registry import NOW_FILE, find_version
from features.model.trust_curve import HORIZONS, TrustCurve, probability
from features.settings import Settings

TRUSTED = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]
"""The one type beyond skops' own that these models hold."""
FILES = ("hazard.skops", "calibration.json", "population.npy", "thresholds.json", "catalogue.json")
TYPES: tuple[str, ...] = typing.get_args(IdentityType)
_FLAGS = [feature_names().index(f"identity_is_{kind}") for kind in TYPES[:-1]]
"""The features that say of which type an identity is; of the last, where none of them does."""
AT_ONCE = 50_000
"""Rows whose inputs to the hazard model are in memory together."""
DIGEST_TAG = "sha256."
"""Prefix of the version's tags that hold the digests of NOW_FILE and FILES."""


class ModelMismatch(Exception):
    """A model that must not be used with this build; the message names the difference."""


@dataclass(frozen=True)
class Calibration:
    """Straight lines from margins to calibrated log-odds, so that contributions stay additive."""

    slope: float = 1.0
    intercept: float = 0.0
    hazard_slope: float = 1.0
    hazard_intercepts: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """By identity type, one for each interval; of a type that is not named, none."""

    def hazard_log_odds(self, margins: Array, matrix: Array) -> Array:
        """From the hazard model's margins of rows, shape (n, intervals), and their features."""
        beside = [self.hazard_intercepts.get(kind, (0.0,) * len(HORIZONS)) for kind in TYPES]
        log_odds: Array = self.hazard_slope * margins + np.array(beside)[types_of(matrix)]
        return log_odds


def types_of(matrix: Array) -> Array:
    """The place in TYPES of each row's identity, as its features say, shape (n,)."""
    flags = matrix[:, _FLAGS] == 1.0
    return np.where(flags.any(axis=1), flags.argmax(axis=1), len(_FLAGS))


@dataclass(frozen=True)
class _Stored:
    """The verified bytes of a skops file whose estimator nobody has used yet."""

    data: bytes


class _BuiltAtFirstUse:
    """A field of a dataclass that takes an estimator, or one as it is stored, and always gives the estimator."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, model: object | None, owner: type) -> Any:
        if model is None:
            return self
        value = vars(model)[self._name]
        if isinstance(value, _Stored):
            value = vars(model)[self._name] = _skops().loads(value.data, trusted=TRUSTED)
        return value

    def __set__(self, model: object, value: Any) -> None:
        vars(model)[self._name] = value


@dataclass(frozen=True)
class TrustModel:
    """The pair of models with all that turns their margins into trust."""

    now: Any
    hazard: Any
    calibration: Calibration
    population: Array
    thresholds: Mapping[str, list[list[float]]]
    version: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def now_log_odds(self, matrix: Array) -> Array:
        """Calibrated log-odds that each request is not the owner's, shape (n,)."""
        margins = self.now.decision_function(matrix)
        calibrated: Array = self.calibration.slope * margins + self.calibration.intercept
        return calibrated

    def hazards(self, matrix: Array) -> Array:
        """q_k for each row and interval, shape (n, 4)."""
        parts = [self._hazards(matrix[start : start + AT_ONCE]) for start in range(0, len(matrix), AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros((0, len(HORIZONS)))

    def _hazards(self, matrix: Array) -> Array:
        intervals = len(HORIZONS)
        inputs = np.hstack([np.repeat(matrix, intervals, axis=0), np.tile(np.eye(intervals), (len(matrix), 1))])
        margins = self.hazard.decision_function(inputs).reshape(-1, intervals)
        return probability(self.calibration.hazard_log_odds(margins, matrix))

    def curve(self, vector: Array) -> TrustCurve:
        """How trust decays after one event, given its features, shape (F,)."""
        matrix = vector.reshape(1, -1)
        return TrustCurve(float(self.now_log_odds(matrix)[0]), tuple(self.hazards(matrix)[0].tolist()))

    def threshold(self, identity_type: str, budget: float) -> float:
        """The trust below which a share `budget` of this type's benign requests fell when the model was made.

        Between the measured budgets it is linear in their logarithm; outside them the nearest stands. Raises KeyError
        for a type the model has not seen.
        """
        budgets, trusts = zip(*self.thresholds[identity_type], strict=True)
        return float(np.interp(math.log(budget), np.log(budgets), trusts))


for _field in ("now", "hazard"):
    setattr(TrustModel, _field, _BuiltAtFirstUse(_field))


def save(model: TrustModel, folder: Path) -> dict[str, str]:
    """Write FILES into a folder, all but the now-model, which MLflow logs; returns the tags that hold their digests."""
    _skops().dump(model.hazard, folder / "hazard.skops")
    _write(folder / "calibration.json", asdict(model.calibration))
    population.save(model.population, folder / "population.npy")
    _write(folder / "thresholds.json", dict(model.thresholds))
    _write(folder / "catalogue.json", contract())
    return {DIGEST_TAG + name: digest_of_file(folder / name) for name in FILES}


def load(folder: Path, now: Path, tags: Mapping[str, str], version: str = "") -> TrustModel:
    """Read a version from its FILES in a folder and its now-model.

    Raises ModelMismatch when a file is missing, or a file or the features are not what was registered.
    """
    files = {path.name: _registered_bytes(path, tags, version) for path in (now, *(folder / name for name in FILES))}
    differs = difference(json.loads(files["catalogue.json"]))
    if differs:
        raise ModelMismatch(
            f"model version {version} was made for other features: {differs}. "
            "Train one for these: python -m training retrain --promote"
        )
    calibration = json.loads(files["calibration.json"])
    calibration["hazard_intercepts"] = _by_type(calibration["hazard_intercepts"])
    return TrustModel(
        now=_Stored(files[NOW_FILE]),
        hazard=_Stored(files["hazard.skops"]),
        calibration=Calibration(**calibration),
        population=population.load(folder / "population.npy"),
        thresholds=json.loads(files["thresholds.json"]),
        version=version,
        tags=dict(tags),
    )


def fetch(settings: Settings, alias_or_version: str) -> TrustModel:
    """Load a registered version by its alias or number.

    Raises ModelMismatch as `load` does, and NoSuchVersion when there is none.
    """
    found = find_version(settings, alias_or_version)
    return load(found.folder, found.now, found.tags, found.number)


def _by_type(intercepts: Any) -> dict[str, tuple[float, ...]]:
    """Models made before intercepts were told apart by type have one for each interval alone."""
    told = intercepts if isinstance(intercepts, dict) else dict.fromkeys(TYPES, intercepts)
    return {kind: tuple(values) for kind, values in told.items()}


def _skops() -> Any:
    """Imported late: it brings scikit-learn, five seconds that reading features does not need."""
    return importlib.import_module("skops.io")


def _registered_bytes(path: Path, tags: Mapping[str, str], version: str) -> bytes:
    """The file's content, unless it is not what was registered."""
    if not path.exists():
        raise ModelMismatch(
            f"model version {version}: {path} is missing. Put the artefacts of the registry back there, or register "
            "the model that ships with session-trust: session-trust training register-model"
        )
    data, registered = path.read_bytes(), tags.get(DIGEST_TAG + path.name)
    if digest_of(data) != registered:
        raise ModelMismatch(f"model version {version}: {path.name} is {digest_of(data)}, registered was {registered}")
    return data


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")
