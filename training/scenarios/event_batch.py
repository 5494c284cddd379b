"""A few events that resemble each other: what they share is said once, what differs is a list.

Several times quicker than cutting and changing frames, of which a world needs thousands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Acts:
    """`count` events: a list holds one value each, anything else is the same for all (a tuple too)."""

    count: int
    columns: Mapping[str, Any]

    def but(self, changed: Mapping[str, Any]) -> Acts:
        """The same with other values in some columns."""
        return Acts(self.count, {**self.columns, **changed})

    def first(self, name: str) -> Any:
        """The value of the first act; None if unknown."""
        value = self.columns[name]
        value = value[0] if isinstance(value, list) else value
        return None if not isinstance(value, tuple) and pd.isna(value) else value

    def last_after(self, start: pd.Timestamp) -> float:
        """Seconds from `start` to the last act."""
        return float((self.columns["time"][-1] - start).total_seconds())

    def later(self, seconds: float) -> Acts:
        """The same, done later."""
        return self.but({"time": [time + _seconds(seconds) for time in self.columns["time"]]})

    def frame(self) -> pd.DataFrame:
        """One row an act."""
        values = np.empty((self.count, len(self.columns)), dtype=object)
        for place, value in enumerate(self.columns.values()):
            for row in range(self.count):
                values[row, place] = value[row] if isinstance(value, list) else value
        frame = pd.DataFrame(values, columns=pd.Index(self.columns, dtype=object), dtype=object)
        frame["time"] = pd.DatetimeIndex(self.columns["time"])
        return frame


def copies(event: pd.Series, count: int) -> Acts:
    """The same event several times."""
    said = {str(name): tuple(v) if isinstance(v, list | np.ndarray) else v for name, v in event.items()}
    return Acts(count, said | {"time": [said["time"]] * count})


def joined(*parts: Acts) -> Acts:
    """All acts, one part after another."""
    names = parts[0].columns
    columns = {name: [value for part in parts for value in _all(part, name)] for name in names}
    return Acts(sum(part.count for part in parts), columns)


def _all(part: Acts, name: str) -> list[Any]:
    value = part.columns[name]
    return value if isinstance(value, list) else [value] * part.count


def after(start: pd.Timestamp, seconds: Any) -> list[pd.Timestamp]:
    """The times so many seconds after the start, in whole microseconds."""
    return [start + _seconds(passed) for passed in seconds]


def _seconds(count: float) -> Any:
    return np.timedelta64(int(count * 1e6), "us")
