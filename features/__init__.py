"""What a session's history means: events, histories, drift features and the shape of a registered model."""

from features.bundle import Calibration, ModelMismatch, TrustModel
from features.catalogue import catalogue, digest, said
from features.columns import EVENT_SCHEMA, events_of, table_of
from features.decay import HORIZONS, TrustCurve
from features.event import Event
from features.history import History
from features.registry import Feature, FeatureError
from features.replay import replay
from features.rows import row_of, rows_of
from features.settings import Settings, SettingsError, settings
from features.vector import FEATURES, fold, names, vector

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
    "catalogue",
    "digest",
    "events_of",
    "fold",
    "names",
    "replay",
    "row_of",
    "rows_of",
    "said",
    "settings",
    "table_of",
    "vector",
]
