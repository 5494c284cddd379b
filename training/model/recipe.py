"""The hyper-parameters of a model, and their YAML file: what `search --out` writes and `retrain --recipe` reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from features.bounded_yaml.document import parse_yaml, read_bounded
from features.suggestions import did_you_mean

Count = Annotated[int, Field(strict=True, gt=0)]
Positive = Annotated[float, Field(strict=True, gt=0)]
Fraction = Annotated[float, Field(strict=True, gt=0, le=1)]
FORMER_KEYS = {"again": "augmentation"}
"""Keys of recipe files written before version 0.2, with their names today."""


@dataclass(frozen=True)
class Recipe:
    """How both models are fitted."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    trees: Count = 300
    leaves: Count = 31
    depth: Count = 5
    learning_rate: Positive = 0.08
    smallest_leaf: Count = 40
    l2: Positive = 2.0
    negatives_kept: Fraction = 0.1
    """Share of the unsuspicious negatives that is fitted."""
    suspicious: Fraction = 0.03
    """Share of the negatives, the riskiest, that is fitted in full."""
    patience: Count = 30
    """Trees without improvement after which the now-model stops growing."""
    augmentation: Annotated[int, Field(strict=True, ge=0)] = 8
    """How many more times hard negatives and abuse are injected into the fitted histories; 0 for none."""
    cold_copies: Annotated[float, Field(strict=True, ge=0, le=1)] = 0.15
    """Share of the fitted sessions that are fitted once more as the first of a new identity; 0 for none."""
    agent_runs: Annotated[float, Field(strict=True, ge=0, le=1)] = 0.5
    """How much agents' calls with arguments and outputs count, against the agents' requests fitted; 0 for none."""
    transplants: Annotated[float, Field(strict=True, ge=0, le=1)] = 0.06
    """Share of the fitted sessions into which another identity's session is moved; 0 for none."""


def write_recipe(recipe: Recipe, file: Path, comment: str) -> None:
    """Write a recipe as YAML, below a comment that says how it was found."""
    file.write_text(f"# {comment}\n{yaml.safe_dump(asdict(recipe), sort_keys=False)}")


def read_recipe(file: Path) -> Recipe:
    """Read a recipe; keys that the file lacks keep their defaults.

    Raises ValueError naming the file, the key, and what is allowed.
    """
    content = parse_yaml(read_bounded(file), str(file)).value
    if not isinstance(content, dict):
        raise ValueError(f"{file} must hold one setting a line, such as `leaves: 15`")
    try:
        return TypeAdapter(Recipe).validate_python({FORMER_KEYS.get(key, key): value for key, value in content.items()})
    except ValidationError as error:
        raise ValueError(f"{file}: {_first_problem(error)}") from None


def _first_problem(error: ValidationError) -> str:
    """The first of the problems found, as one sentence."""
    problem: Any = error.errors()[0]
    key = str(problem["loc"][0])
    if problem["type"] == "unexpected_keyword_argument":
        return f"unknown key {key!r}; {did_you_mean(key, asdict(Recipe()))}"
    return f"{key!r} is {problem['input']!r}: {problem['msg'].replace('Input should', 'it must')}"
