"""What a session's history means: events, histories, drift features and the shape of a registered model.

Each name is imported at its first use (PEP 562): the compiler alone takes half a second, and a command that only prints
its help, or reads settings, needs none of it.
"""

import importlib
import sys
import types
import typing

if typing.TYPE_CHECKING:
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

_HOME = {
    "Calibration": "bundle",
    "ModelMismatch": "bundle",
    "TrustModel": "bundle",
    "catalogue": "catalogue",
    "digest": "catalogue",
    "said": "catalogue",
    "EVENT_SCHEMA": "columns",
    "events_of": "columns",
    "table_of": "columns",
    "HORIZONS": "decay",
    "TrustCurve": "decay",
    "Event": "event",
    "History": "history",
    "Feature": "registry",
    "FeatureError": "registry",
    "replay": "replay",
    "row_of": "rows",
    "rows_of": "rows",
    "FEATURES": "vector",
    "fold": "vector",
    "names": "vector",
    "vector": "vector",
    "Settings": "settings",
    "SettingsError": "settings",
    "settings": "settings",
}


class _Package(types.ModuleType):
    """A package that keeps its names: importing `features.replay` would put the module where the function is meant."""

    def __getattr__(self, name: str) -> typing.Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        vars(self)[name] = value
        return value

    def __setattr__(self, name: str, value: typing.Any) -> None:
        if not (name in _HOME and isinstance(value, types.ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *_HOME})


sys.modules[__name__].__class__ = _Package
