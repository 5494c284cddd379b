"""A small simulated world and its dataset, made once for all tests of the folder."""

from __future__ import annotations

import pytest
from support.prepared import prepared

from training import World, prepare, simulate
from training.model.recipe import Recipe
from training.pipeline.dataset import Dataset

SEED = 3


@pytest.fixture(scope="session")
def simulated_world() -> World:
    """Five hundred identities over thirty days."""
    return prepared("world", lambda: simulate(SEED, identities=500, days=30), SEED, 500, 30)


@pytest.fixture(scope="session")
def simulated_dataset(simulated_world: World) -> Dataset:
    return prepared("dataset", lambda: prepare(simulated_world, SEED), SEED, 500, 30)


@pytest.fixture(scope="session")
def small_recipe() -> Recipe:
    """A model of forty trees, augmented once."""
    return Recipe(trees=40, augmentation=1)
