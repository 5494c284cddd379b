"""The parameters of a simulated world: `world.yaml`, read strictly, each value with its source."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from features.bounded_yaml.document import parse_yaml, read_bounded
from features.suggestions import did_you_mean

WORLD = Path(__file__).with_name("world.yaml")
"""The default parameters."""
SPREAD = 0.25
"""Sigma of the log-normal factor by which `draw_parameters` changes each share and rate."""


def _sum_to_one(shares: tuple[float, ...]) -> tuple[float, ...]:
    if abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"the shares sum to {sum(shares):g}")
    return shares


# The description completes "must be ..." in the message of a refused value. Numbers have an upper bound so that a
# misplaced unit, infinity or NaN is refused before anything is drawn.
_LARGEST = 1_000_000_000
Share = Annotated[float, Field(ge=0, le=1, description="a number from 0 to 1")]
PositiveShare = Annotated[float, Field(gt=0, le=1, description="a number above 0, up to 1")]
Count = Annotated[int, Field(ge=1, le=_LARGEST, description="a whole number of 1 or more (up to 1,000,000,000)")]
Whole = Annotated[int, Field(ge=0, le=_LARGEST, description="a whole number from 0 to 1,000,000,000")]
Number = Annotated[float, Field(ge=0, le=_LARGEST, description="a number from 0 to 1,000,000,000")]
TwoNumbers = Annotated[tuple[Number, Number], Field(description="a list of 2 numbers from 0 to 1,000,000,000")]
TwoShares = Annotated[tuple[Share, Share], Field(description="a list of 2 numbers from 0 to 1")]
Mixture = Annotated[
    tuple[Share, Share, Share, Share],
    AfterValidator(_sum_to_one),
    Field(description="a list of 4 numbers from 0 to 1 that sum to 1"),
]
Four = Annotated[
    tuple[Number, Number, Number, Number], Field(description="a list of 4 numbers from 0 to 1,000,000,000")
]
WholeNumbers = Annotated[
    tuple[Whole, ...], Field(min_length=1, description="a list of whole numbers from 0 to 1,000,000,000")
]


@dataclass(frozen=True, config=ConfigDict(strict=True, extra="forbid"))
class WorldParameters:
    """The parameters of one world; `world.yaml` says what each means and where it comes from.

    Raises a ValueError (pydantic's ValidationError) for a value of the wrong type or an impossible one.
    """

    identities: Count
    identities_per_shard: Count
    days: Count
    identities_per_deployment: Count
    identity_types: Mixture
    log_kinds: Mixture
    reduced_logs: Share
    wide_vocabularies: Share
    own_variants: TwoNumbers
    novelty: TwoShares
    acting_for_people: Share
    guessed_identities: Share
    sprays_per_deployment: Whole
    background_guessing: Share
    background_campaigns: Number
    newcomers: Share
    sporadic: Share
    sessions_per_day: Four
    actions_per_session: Four
    console_share: Share
    failing_actions: Share
    mistyped_sign_ins: Share
    missed_prompts: Share
    new_device_per_day: PositiveShare
    trip_per_day: Share
    vpn_share: Share
    unmanaged_share: Share
    exploration: Share
    rare_actions_per_identity: Whole
    rare_action_share: Share
    rotation_days: WholeNumbers
    exposed_share: Share
    compromised_sessions: Share
    hard_negatives: Share
    address_lease_days: Count
    gateway_addresses: Count
    browser_changes: Share
    client_version_spread: Count
    console_user_agents: Share
    lapsed_devices: TwoShares
    broken_actions: Share
    tasks_per_agent: Count
    resources_per_deployment: Count
    sensitivity: Mixture
    whole_second_logs: Share
    cloudtrail_unnamed_instances: Share
    cloudtrail_without_authentication: Share
    cloudtrail_without_resource: Share
    label_delay_days: Number
    label_delay_spread: Number
    labels_found: Share
    labels_missed: Share
    labels_false_alarms: Share


_NAMES = tuple(field.name for field in fields(WorldParameters))
_NAMES_UNTIL_0_1 = {
    "identities_per_town": "identities_per_shard",
    "shares": "identity_types",
    "knowledge": "log_kinds",
    "own_rarities": "rare_actions_per_identity",
    "rarities": "rare_action_share",
    "lost_sessions": "compromised_sessions",
    "situations": "hard_negatives",
}
"""Former names of parameters, which files written for version 0.1 hold: still read."""
_NEVER_DRAWN = frozenset(
    {
        "browser_changes",
        "console_user_agents",
        "broken_actions",
        "whole_second_logs",
        "cloudtrail_unnamed_instances",
        "cloudtrail_without_authentication",
        "cloudtrail_without_resource",
        "reduced_logs",
        "wide_vocabularies",
        "acting_for_people",
        "guessed_identities",
        "background_guessing",
        "background_campaigns",
    }
)
"""Shares that `draw_parameters` keeps: they became parameters after the first comparisons over drawn worlds, which must
stay reproducible."""


def world_parameters(file: Path | None = None) -> WorldParameters:
    """The parameters of `world.yaml`, with those that `file` names replaced.

    Raises ValueError naming the file, the parameter and what it must be.
    """
    if file is None:
        return _defaults()
    values = {name: entry.value for name, entry in _read(file).items()}
    try:
        return change_parameters(_defaults(), **values)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


@cache
def _defaults() -> WorldParameters:
    return WorldParameters(**{name: entry.value for name, entry in _read(WORLD).items()})


def change_parameters(parameters: WorldParameters, **values: Any) -> WorldParameters:
    """A copy with these values; raises ValueError saying in one sentence which value is refused and what it must be."""
    try:
        return replace(parameters, **values)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        expected = TypeAdapter(WorldParameters).json_schema()["properties"][name]["description"]
        raise ValueError(f"{name!r} is {_as_written(values[name])}, but must be {expected}") from None


def _as_written(value: Any) -> str:
    return str(list(value)) if isinstance(value, tuple) else repr(value)


def draw_parameters(seed: int, identities: int, days: int) -> WorldParameters:
    """Parameters of another company: every share and rate is drawn anew around its default; shares stay below 1."""
    rng, defaults = np.random.default_rng(seed), _defaults()
    drawn: dict[str, Any] = {}
    for name in _NAMES:
        value = getattr(defaults, name)
        if isinstance(value, float) and name not in _NEVER_DRAWN:
            drawn[name] = min(value * float(rng.lognormal(0.0, SPREAD)), 0.95 if value <= 1.0 else np.inf)
    return replace(defaults, identities=identities, days=days, **drawn)


def parameter_sources(file: Path = WORLD) -> dict[str, str]:
    """The source of each value of a file, by the parameter's name."""
    return {name: entry.source for name, entry in _read(file).items()}


class _Entry(BaseModel):
    """One parameter in a file."""

    model_config = ConfigDict(strict=True, extra="forbid", str_strip_whitespace=True)

    value: Any
    source: Annotated[str, Field(min_length=1)]


def _read(file: Path) -> dict[str, _Entry]:
    """The entries of a file by parameter, lists as tuples; raises ValueError naming what is unknown or malformed."""
    content = parse_yaml(read_bounded(file), str(file)).value or {}
    if not isinstance(content, dict):
        raise ValueError(f"{file} must name parameters, each with `value:` and `source:`")
    return dict(_parse_entry(file, name, entry) for name, entry in content.items())


def _parse_entry(file: Path, name: Any, content: Any) -> tuple[str, _Entry]:
    name = _NAMES_UNTIL_0_1.get(name, name)
    if name not in _NAMES:
        raise ValueError(f"{file}: unknown parameter {name!r}; {did_you_mean(name, _NAMES)}")
    try:
        entry = _Entry.model_validate(content)
    except ValidationError:
        raise ValueError(
            f"{file}: {name!r} needs a `value:` and its `source:` (or 'assumption: why'), nothing else"
        ) from None
    value = tuple(entry.value) if isinstance(entry.value, list) else entry.value
    return name, _Entry(value=value, source=entry.source)
