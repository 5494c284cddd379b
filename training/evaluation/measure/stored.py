"""What a section measured, as a file: a run that was interrupted goes on, and one section can be run again."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from features.hashing import digest_of
from features.model.bundle import TrustModel
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate


@dataclass(frozen=True)
class StoredSection:
    """One section's tables and figures."""

    measured: str
    """A digest of the models and the inputs that it was measured with."""
    seconds: float
    tables: tuple[Table, ...]
    figures: dict[str, Estimate]

    def write(self, path: Path) -> None:
        """Write it as JSON; unknown numbers are null."""
        path.parent.mkdir(parents=True, exist_ok=True)
        figures = {key: [_number(value) for value in _numbers(each)] for key, each in self.figures.items()}
        content = asdict(self) | {"figures": figures}
        path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def read_section(path: Path) -> StoredSection | None:
    """What a file holds; None where there is no such file."""
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    tables = tuple(
        Table(**table | {"columns": tuple(table["columns"]), "rows": tuple(tuple(row) for row in table["rows"])})
        for table in content["tables"]
    )
    figures = {}
    for key, (*numbers, count) in content["figures"].items():
        value, low, high = (math.nan if each is None else float(each) for each in numbers)
        figures[key] = Estimate(value, low, high, int(count))
    return StoredSection(content["measured"], content["seconds"], tables, figures)


def digest_of_inputs(models: Sequence[TrustModel], *inputs: object) -> str:
    """A digest of registered models, by the digests of their files, and of whatever else a section is measured with."""
    files = [sorted((name, value) for name, value in model.tags.items() if "sha256" in name) for model in models]
    return digest_of(json.dumps([files, [str(each) for each in inputs]]).encode())


def _numbers(figure: Estimate) -> tuple[float, float, float, int]:
    return figure.value, figure.low, figure.high, figure.count


def _number(value: float) -> float | int | None:
    return value if math.isfinite(value) else None
