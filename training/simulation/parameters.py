"""How the simulated world is set: `world.yaml`, read strictly, each number with its source."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import yaml

WORLD = Path(__file__).with_name("world.yaml")
"""The values in force where nothing else is said."""
SPREAD = 0.25
"""Sigma of the log-normal factor on every share and rate, where they are drawn anew."""


@dataclass(frozen=True)
class WorldParameters:
    """The numbers of one world; what each means and where it comes from stands in `world.yaml`."""

    identities: int
    identities_per_town: int
    days: int
    identities_per_deployment: int
    shares: tuple[float, float, float, float]
    knowledge: tuple[float, float, float, float]
    newcomers: float
    sporadic: float
    sessions_per_day: tuple[float, float, float, float]
    actions_per_session: tuple[float, float, float, float]
    console_share: float
    failing_actions: float
    mistyped_sign_ins: float
    missed_prompts: float
    new_device_per_day: float
    trip_per_day: float
    vpn_share: float
    unmanaged_share: float
    exploration: float
    own_rarities: int
    rarities: float
    rotation_days: tuple[int, ...]
    exposed_share: float
    compromised_sessions: float
    situations: float
    label_delay_days: float
    label_delay_spread: float
    labels_found: float
    labels_missed: float
    labels_false_alarms: float

    def __post_init__(self) -> None:
        for field in fields(self):
            _check(field.name, getattr(self, field.name))


_SUM_TO_ONE = ("shares", "knowledge")
_ABOVE_ONE = ("identities", "identities_per_town", "days", "identities_per_deployment")
_ANY_SIZE = (
    *_ABOVE_ONE,
    *("own_rarities", "rotation_days", "sessions_per_day", "actions_per_session"),
    *("label_delay_days", "label_delay_spread"),
)
_KINDS: dict[str, Any] = get_type_hints(WorldParameters)


def world_parameters(file: Path | None = None) -> WorldParameters:
    """The parameters of `world.yaml`, with those that a file of yours names instead.

    Raises ValueError naming the file, the parameter and what to write instead.
    """
    if file is None:
        return _usual()
    said = _read(file)
    try:
        return replace(_usual(), **said)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


@cache
def _usual() -> WorldParameters:
    return WorldParameters(**_read(WORLD))


def drawn_parameters(seed: int, identities: int, days: int) -> WorldParameters:
    """Every share and rate of the world drawn anew around its documented value; what was a share stays one."""
    rng, standard = np.random.default_rng(seed), _usual()
    values = {f.name: getattr(standard, f.name) for f in fields(standard)}
    drawn: dict[str, Any] = {
        name: min(value * float(rng.lognormal(0.0, SPREAD)), 0.95 if value <= 1.0 else np.inf)
        for name, value in values.items()
        if isinstance(value, float)
    }
    return replace(standard, identities=identities, days=days, **drawn)


def sources(file: Path = WORLD) -> dict[str, str]:
    """Where each number of a file comes from, by its name."""
    return {name: str(entry["source"]).strip() for name, entry in _entries(file).items()}


def _read(file: Path) -> dict[str, Any]:
    return {name: _typed(file, name, entry["value"]) for name, entry in _entries(file).items()}


def _entries(file: Path) -> dict[str, dict[str, Any]]:
    """What the file says by name, each a value with its source; anything else is refused."""
    try:
        said = yaml.safe_load(file.read_text()) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"{file} is no YAML: {error}") from None
    if not isinstance(said, dict):
        raise ValueError(f"{file} must name parameters, each with `value:` and `source:`")
    for name, entry in said.items():
        if name not in _KINDS:
            near = get_close_matches(str(name), _KINDS, 1)
            meant = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(_KINDS)}"
            raise ValueError(f"{file}: unknown parameter {name!r}{meant}")
        if not isinstance(entry, dict) or set(entry) != {"value", "source"} or not str(entry["source"] or "").strip():
            raise ValueError(
                f"{file}: {name!r} needs a `value:` and its `source:` (or 'assumption: why'), nothing else"
            )
    return said


def _typed(file: Path, name: str, value: Any) -> Any:
    """The value as its parameter's type: whole numbers stay whole, lists have as many entries as asked for."""
    usual = str(_KINDS[name])
    whole, many = "int" in usual, isinstance(value, list)
    parts = value if many else [value]
    numbers = all(isinstance(part, int if whole else int | float) and not isinstance(part, bool) for part in parts)
    asked = 4 if "float, float" in usual else len(parts)
    if not numbers or many != ("tuple" in usual) or len(parts) != asked or not parts:
        wanted = "whole number" if whole else "number"
        raise ValueError(
            f"{file}: {name!r} is {value!r}, but must be "
            + (
                f"a list of {'4 ' if asked == 4 and not whole else ''}{wanted}s"
                if "tuple" in usual
                else f"one {wanted}"
            )
        )
    return tuple(part if whole else float(part) for part in parts) if many else value if whole else float(value)


def _check(name: str, value: Any) -> None:
    """Refuse what no world can be: shares outside 0 to 1, mixtures that do not sum to 1, a world of nobody."""
    parts = value if isinstance(value, tuple) else (value,)
    highest = 1e9 if name in _ANY_SIZE else 1.0
    if not all(0 <= part <= highest for part in parts):
        raise ValueError(f"{name!r} is {value!r}, but must lie in 0 to {highest:,.0f}")
    if name in _ABOVE_ONE and value < 1:
        raise ValueError(f"{name!r} is {value!r}, but must be 1 or more")
    if name in _SUM_TO_ONE and abs(sum(parts) - 1) > 1e-6:
        raise ValueError(f"{name!r} sums to {sum(parts):g}, but its shares must sum to 1")
