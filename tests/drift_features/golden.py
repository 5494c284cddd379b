"""What every feature reads over sample data, written down: a feature whose meaning changes gets a new name.

    PYTHONPATH=.:tests .venv/bin/python -m drift_features.golden

adds features that are new and drops those that are gone; it never changes the figures of a name that stays.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
from support.random_events import random_events

from features.arrays import Array
from features.catalogue.all import feature_names
from features.engine.batch import replay
from features.engine.population_window import measure_window
from features.enrichment.ip_lookup import fill, lookup
from features.event.arrow import table_of
from features.sources.file_import import import_files

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/drift_features/golden.json"
QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)

Figures = dict[str, list[float]]


def sample() -> pa.Table:
    """A real incident, and made-up events that know more than a CloudTrail does."""
    incident = import_files("cloudtrail", sorted((ROOT / "data/otrf").glob("*.json.gz"))).table
    return pa.concat_tables([fill(incident, lookup()), table_of(random_events(4_000, seed=77))])


def figures() -> Figures:
    """Of each feature: in how many events it is known, its mean, deviation and quantiles where it is."""
    table = sample()
    return dict(zip(feature_names(), map(_figures, replay(table, measure_window(table)).T), strict=True))


def _figures(column: Array) -> list[float]:
    known = column[~np.isnan(column)]
    if len(known) == 0:
        return [0.0]
    return [float(len(known)), float(known.mean()), float(known.std()), *np.quantile(known, QUANTILES).tolist()]


def main() -> None:
    """Write the figures of names that have none."""
    before: Figures = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    after = {name: before.get(name, now) for name, now in figures().items()}
    GOLDEN.write_text("{\n" + ",\n".join(f" {json.dumps(n)}: {json.dumps(v)}" for n, v in after.items()) + "\n}\n")


if __name__ == "__main__":
    main()
