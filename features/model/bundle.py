"""One registered model version: training saves it, serving and evaluation load it.

The now-model is logged as an MLflow model (skops). The other files are artefacts of the same run, with the SHA-256 of
each in a tag of the version. A file that was replaced, or a model made for other features, is refused. The estimators
are verified at once and built at their first use, because a service scores without them.
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
from features.model.registered_version import NOW_FILE, find_version
from features.model.trust_curve import HORIZONS, TrustCurve, probability
from features.settings import Settings

TRUSTED = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]
"""The only type in these models that skops does not trust by default."""
FILES = ("hazard.skops", "calibration.json", "population.npy", "thresholds.json", "catalogue.json")
TYPES: tuple[str, ...] = typing.get_args(IdentityType)
_FLAGS = [feature_names().index(f"identity_is_{kind}") for kind in TYPES[:-1]]
"""The columns of the features that encode the identity type; if none is set, it is the last of TYPES."""
KNOWN_EVENTS = feature_names().index("known_events")
"""The column of the feature that is 0 for an identity without history."""
HAZARD_BATCH = 50_000
"""Rows passed to the hazard model at once, to bound memory."""
DIGEST_TAG = "sha256."
"""Prefix of the version's tags that hold the digests of NOW_FILE and FILES."""


class ModelMismatch(Exception):
    """A model version cannot be used with this build; the message names the difference."""


@dataclass(frozen=True)
class Calibration:
    """Linear maps from margins to calibrated log-odds. Linear, so that feature contributions stay additive."""

    slope: float = 1.0
    intercept: float = 0.0
    hazard_slope: float = 1.0
    hazard_intercepts: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """For each identity type, one intercept per interval; a type that is missing has intercepts of 0."""
    base_log_odds: Mapping[str, float] = field(default_factory=dict)
    """For each identity type, the log-odds that any of its requests is malicious; models before 0.3 have none."""

    def least_log_odds(self, matrix: Array) -> Array:
        """The lowest log-odds that each row may have, shape (n,): an identity without history is not trusted more than
        its type is on average. -inf where something is known."""
        base = np.array([self.base_log_odds.get(kind, -np.inf) for kind in TYPES])[types_of(matrix)]
        return np.where(matrix[:, KNOWN_EVENTS] == 0.0, base, -np.inf)

    def raise_to_least(self, base: float, contributions: Array, matrix: Array) -> None:
        """Let contributions, shape (n, F), sum to the least log-odds where they would sum to less, in place: the rest
        is contributed by how little is known."""
        for row in np.flatnonzero(matrix[:, KNOWN_EVENTS] == 0.0):
            least = self.least_log_odds(matrix[row : row + 1])[0]
            contributions[row, KNOWN_EVENTS] += max(0.0, least - math.fsum([base, *contributions[row]]))

    def hazard_log_odds(self, margins: Array, matrix: Array) -> Array:
        """Calibrate the hazard model's margins, shape (n, intervals); `matrix` holds the features of the same rows."""
        intercepts = [self.hazard_intercepts.get(kind, (0.0,) * len(HORIZONS)) for kind in TYPES]
        log_odds: Array = self.hazard_slope * margins + np.array(intercepts)[types_of(matrix)]
        return log_odds


def types_of(matrix: Array) -> Array:
    """The index in TYPES of each row's identity type, read from its features, shape (n,)."""
    flags = matrix[:, _FLAGS] == 1.0
    return np.where(flags.any(axis=1), flags.argmax(axis=1), len(_FLAGS))


@dataclass(frozen=True)
class _Stored:
    """The verified bytes of a skops file that nobody has used yet."""

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
    """The now-model and the hazard model, with everything needed to turn their margins into trust."""

    now: Any
    hazard: Any
    calibration: Calibration
    population: Array
    thresholds: Mapping[str, list[list[float]]]
    version: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def now_log_odds(self, matrix: Array) -> Array:
        """Calibrated log-odds that each request is malicious, shape (n,)."""
        margins = self.now.decision_function(matrix)
        calibrated = self.calibration.slope * margins + self.calibration.intercept
        log_odds: Array = np.maximum(calibrated, self.calibration.least_log_odds(matrix))
        return log_odds

    def hazards(self, matrix: Array) -> Array:
        """q_k for each row and interval, shape (n, 4)."""
        parts = [self._hazards(matrix[start : start + HAZARD_BATCH]) for start in range(0, len(matrix), HAZARD_BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, len(HORIZONS)))

    def _hazards(self, matrix: Array) -> Array:
        intervals = len(HORIZONS)
        inputs = np.hstack([np.repeat(matrix, intervals, axis=0), np.tile(np.eye(intervals), (len(matrix), 1))])
        margins = self.hazard.decision_function(inputs).reshape(-1, intervals)
        return probability(self.calibration.hazard_log_odds(margins, matrix))

    def curve(self, vector: Array) -> TrustCurve:
        """The trust curve after one event, from its features, shape (F,)."""
        matrix = vector.reshape(1, -1)
        return TrustCurve(float(self.now_log_odds(matrix)[0]), tuple(self.hazards(matrix)[0].tolist()))

    def threshold(self, identity_type: str, budget: float) -> float:
        """The trust below which a share `budget` of this type's benign requests fell when the model was trained.

        Interpolates linearly in the logarithm of the budget; outside the measured budgets it uses the nearest. Raises
        KeyError for a type the model was not trained on.
        """
        budgets, trusts = zip(*self.thresholds[identity_type], strict=True)
        return float(np.interp(math.log(budget), np.log(budgets), trusts))


for _field in ("now", "hazard"):
    setattr(TrustModel, _field, _BuiltAtFirstUse(_field))


def save(model: TrustModel, folder: Path) -> dict[str, str]:
    """Write FILES to a folder (MLflow logs the now-model); returns the tags with their digests."""
    _skops().dump(model.hazard, folder / "hazard.skops")
    _write(folder / "calibration.json", asdict(model.calibration))
    population.save_population(model.population, folder / "population.npy")
    _write(folder / "thresholds.json", dict(model.thresholds))
    _write(folder / "catalogue.json", contract())
    return {DIGEST_TAG + name: digest_of_file(folder / name) for name in FILES}


def load(folder: Path, now: Path, tags: Mapping[str, str], version: str = "") -> TrustModel:
    """Load a version from the folder with its FILES and the path of its now-model.

    Raises ModelMismatch if a file is missing, or a file or the feature catalogue differs from what was registered.
    """
    files = {path.name: _registered_bytes(path, tags, version) for path in (now, *(folder / name for name in FILES))}
    differences = difference(json.loads(files["catalogue.json"]))
    if differences:
        raise ModelMismatch(
            f"model version {version} was made for other features: {differences}. "
            "Train one for these: session-trust training retrain --promote"
        )
    calibration = json.loads(files["calibration.json"])
    calibration["hazard_intercepts"] = _by_type(calibration["hazard_intercepts"])
    return TrustModel(
        now=_Stored(files[NOW_FILE]),
        hazard=_Stored(files["hazard.skops"]),
        calibration=Calibration(**calibration),
        population=population.load_population(folder / "population.npy"),
        thresholds=json.loads(files["thresholds.json"]),
        version=version,
        tags=dict(tags),
    )


def fetch(settings: Settings, alias_or_version: str) -> TrustModel:
    """Load a registered version by its alias or number.

    Raises ModelMismatch as `load` does, and NoSuchVersion if there is no such version.
    """
    found = find_version(settings, alias_or_version)
    return load(found.folder, found.now, found.tags, found.number)


def _by_type(intercepts: Any) -> dict[str, tuple[float, ...]]:
    """Intercepts by identity type; older models have one set for all types."""
    by_type = intercepts if isinstance(intercepts, dict) else dict.fromkeys(TYPES, intercepts)
    return {kind: tuple(values) for kind, values in by_type.items()}


def _skops() -> Any:
    """Import skops at its first use: it imports scikit-learn, which takes five seconds."""
    return importlib.import_module("skops.io")


def _registered_bytes(path: Path, tags: Mapping[str, str], version: str) -> bytes:
    """The content of a file, which must be what was registered."""
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
