"""`docs/reference/features.md`: every feature, and what the engine remembers to compute them."""

from __future__ import annotations

from itertools import groupby

from features.catalogue.all import FEATURES
from features.catalogue.describe import digest, feature_catalogue
from features.history.layout import CREDENTIAL, IDENTITY, SESSION
from scripts.docgen.markdown import table

NAMED = 4
"""How many features of each group the overview names."""
DIRECTION = {1: "larger", -1: "smaller", 0: "either"}


def overview() -> str:
    """What can drift, and how many features measure it."""
    rows = []
    for group, members in groupby(FEATURES, key=lambda feature: feature.module):
        names = [feature.name for feature in members]
        rows.append((group, len(names), ", ".join(f"`{name}`" for name in names[:NAMED])))
    return table(("what drifts", "features", "among them"), [*rows, ("all", len(FEATURES), f"catalogue `{digest()}`")])


def catalogue() -> str:
    """Every feature, grouped by what drifts."""
    blocks = []
    for group, members in groupby(feature_catalogue(), key=lambda feature: feature["module"]):
        rows = [
            (f"`{f['name']}`", f["unit"], DIRECTION[f["direction"]], f["sentence"], f["usual"], f["about"], f["tells"])
            for f in members
        ]
        columns = ("feature", "unit", "riskier when", "if it speaks for an attack", "if usual", "else", "tells apart")
        blocks.append(f"### {group.capitalize()}\n\n{table(columns, rows)}")
    return "\n\n".join(blocks)


def histories() -> str:
    """Bytes and tables of each history; they are the same after one event and after a million."""
    rows = []
    for name, dtype in (("identity", IDENTITY), ("session", SESSION), ("credential", CREDENTIAL)):
        sizes = [f"{field} {dtype[field].shape[0]}" for field in dtype.names or () if dtype[field].shape]
        keys = [size.replace("_key", "") for size in sizes if "_key" in size]
        rows.append((name, dtype.itemsize, ", ".join(keys)))
    return table(("history of each", "bytes", "tables, with their places"), rows)
