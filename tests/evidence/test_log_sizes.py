"""How much log gives how much: every size is trained and tested on the same other identities."""

from __future__ import annotations

import pytest
from support.small_champion import small_model

from training import Recipe, World, simulate
from training.evaluation.studies.log_sizes import COLUMNS, LogSize, log_sizes_table
from training.promotion.default_thresholds import shipped_thresholds


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(8, identities=260, days=50)


def test_each_size_is_a_row_for_the_shipped_model_and_one_for_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that is too small says so in place of a recall; the shipped model is measured beside it."""
    monkeypatch.setattr("training.pipeline.doctor.TESTED", 0.0)
    stages: list[tuple[str, float]] = []
    sizes = [LogSize(20, 14), LogSize(140, 30)]
    recipe = Recipe(trees=10, leaves=7, augmentation=0)

    table = log_sizes_table(world, sizes, small_model(), recipe, 1, lambda stage, share: stages.append((stage, share)))

    assert table.columns == COLUMNS
    assert [row[:2] + row[3:4] for row in table.rows] == [
        ("20", "14", "shipped"),
        ("20", "14", "own"),
        ("140", "30", "shipped"),
        ("140", "30", "own"),
    ]
    assert "20 identities (at least 100)" in table.rows[1][4]
    assert all(" of " in table.rows[number][4] for number in (0, 2, 3))
    assert [stage for stage, _ in stages] == ["20 identities, 14 days", "140 identities, 30 days", "done"]


def test_the_shipped_model_has_thresholds_for_every_identity_type() -> None:
    """They stand in where an own log has too few of a type."""
    assert sorted(shipped_thresholds()) == ["agent", "human", "service_account", "workload"]
