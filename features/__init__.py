"""Events, histories, drift features and registered models.

Each name is imported at its first use (PEP 562): importing the compiler takes half a second, and a command that only
prints its help or reads settings does not need it.
"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from features.catalogue.all import FEATURES, feature_names
    from features.catalogue.describe import digest, feature_catalogue, sentence_for
    from features.catalogue.registration import Feature, FeatureError
    from features.engine.batch import replay
    from features.engine.online import fold, vector
    from features.event.arrow import EVENT_SCHEMA, events_of, table_of
    from features.event.numpy_row import row_of, rows_of
    from features.event.schema import Event
    from features.history.layout import History
    from features.model.bundle import Calibration, ModelMismatch, TrustModel
    from features.model.trust_curve import HORIZONS, TrustCurve
    from features.settings import Settings, SettingsError, get_settings

__all__ = [
    "EVENT_SCHEMA",
    "FEATURES",
    "HORIZONS",
    "Calibration",
    "Event",
    "Feature",
    "FeatureError",
    "History",
    "ModelMismatch",
    "Settings",
    "SettingsError",
    "TrustCurve",
    "TrustModel",
    "digest",
    "events_of",
    "feature_catalogue",
    "feature_names",
    "fold",
    "get_settings",
    "replay",
    "row_of",
    "rows_of",
    "sentence_for",
    "table_of",
    "vector",
]

_MODULE_OF = {
    "FEATURES": "features.catalogue.all",
    "feature_names": "features.catalogue.all",
    "digest": "features.catalogue.describe",
    "feature_catalogue": "features.catalogue.describe",
    "sentence_for": "features.catalogue.describe",
    "Feature": "features.catalogue.registration",
    "FeatureError": "features.catalogue.registration",
    "replay": "features.engine.batch",
    "fold": "features.engine.online",
    "vector": "features.engine.online",
    "EVENT_SCHEMA": "features.event.arrow",
    "events_of": "features.event.arrow",
    "table_of": "features.event.arrow",
    "row_of": "features.event.numpy_row",
    "rows_of": "features.event.numpy_row",
    "Event": "features.event.schema",
    "History": "features.history.layout",
    "Calibration": "features.model.bundle",
    "ModelMismatch": "features.model.bundle",
    "TrustModel": "features.model.bundle",
    "HORIZONS": "features.model.trust_curve",
    "TrustCurve": "features.model.trust_curve",
    "Settings": "features.settings",
    "SettingsError": "features.settings",
    "get_settings": "features.settings",
}


def __getattr__(name: str) -> typing.Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULE_OF})
