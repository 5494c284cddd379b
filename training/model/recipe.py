"""A recipe as a file: what a search found, for `retrain --recipe`."""

from __future__ import annotations

from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path

import yaml

from training.model.fit import Recipe

MAY_BE_NONE = ("again",)
"""Entries of which 0 says that it is not done."""


def write_recipe(recipe: Recipe, file: Path, how: str) -> None:
    """Write it, with how it was found as a comment."""
    file.write_text(f"# {how}\n{yaml.safe_dump(asdict(recipe), sort_keys=False)}")


def read_recipe(file: Path) -> Recipe:
    """Read one; what it does not name is as usual. Raises ValueError naming the file, the entry and what to write."""
    try:
        said = yaml.safe_load(file.read_text())
    except yaml.YAMLError as error:
        raise ValueError(f"{file} is no YAML: {error}") from None
    if not isinstance(said, dict):
        raise ValueError(f"{file} must name what it sets, one a line, such as `leaves: 15`")
    usual = {name: type(value) for name, value in asdict(Recipe()).items()}
    for name, value in said.items():
        if name not in usual:
            near = get_close_matches(str(name), usual, 1)
            meant = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(usual)}"
            raise ValueError(f"{file}: unknown entry {name!r}{meant}")
        wanted = "a whole number" if usual[name] is int else "a number"
        bound = "of 0 or above" if name in MAY_BE_NONE else "above 0"
        right = isinstance(value, int) or (usual[name] is float and isinstance(value, float))
        if not right or isinstance(value, bool) or value < 0 or (value == 0 and name not in MAY_BE_NONE):
            raise ValueError(f"{file}: {name!r} is {value!r}, but must be {wanted} {bound}")
    recipe = Recipe(**{name: usual[name](value) for name, value in said.items()})
    for share in ("negatives_kept", "suspicious"):
        if said.get(share, 0) > 1:
            raise ValueError(f"{file}: {share!r} is {said[share]}, but is a share: at most 1")
    return recipe
