"""Worlds larger than memory: town by town into files, the same however they are cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from training import WorldParameters, simulate, world_parameters
from training.cli.main import app
from training.data.labels import World
from training.simulation.world import simulate_shards
from training.simulation.writer import write_worlds


@pytest.fixture(scope="module")
def numbers() -> WorldParameters:
    """Three small towns, the last smaller still."""
    return replace(world_parameters(), identities=140, identities_per_town=60, days=12)


@pytest.fixture(scope="module")
def made(numbers: WorldParameters) -> list[World]:
    return list(simulate_shards(5, numbers))


def test_a_town_is_the_same_whatever_stands_around_it(made: list[World], numbers: WorldParameters) -> None:
    """The first two towns of a larger world are the world of two towns."""
    two = list(simulate_shards(5, replace(numbers, identities=120)))

    assert [town.events.equals(same.events) for town, same in zip(made, two, strict=False)] == [True, True]


def test_a_town_is_the_same_whichever_process_makes_it(made: list[World], numbers: WorldParameters) -> None:
    """Two processes give the towns of one, in their order, and say how far they are."""
    told: list[tuple[int, int]] = []
    again = list(simulate_shards(5, numbers, lambda done, of: told.append((done, of)), processes=2))

    assert [(a.events.equals(b.events), a.labels.equals(b.labels)) for a, b in zip(made, again, strict=True)] == [
        (True, True)
    ] * 3
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_towns_share_nothing_that_belongs_to_somebody(made: list[World]) -> None:
    """No identity, resource or event is in two towns, and every one has its share of abuse."""
    for column in ("id", "identity.id", "resource.id"):
        names = [set(town.events[column].drop_null().to_pylist()) for town in made]
        assert sum(map(len, names)) == len(set.union(*names)), column
    assert all(town.summary()["intruders_events"] for town in made)


def test_the_world_in_memory_is_the_towns_in_order_of_time(made: list[World], numbers: WorldParameters) -> None:
    """`simulate` gives the same rows."""
    whole = simulate(5, parameters=numbers)

    assert sorted(whole.events["id"].to_pylist()) == sorted(name for t in made for name in t.events["id"].to_pylist())
    assert whole.events["time"].to_pylist() == sorted(whole.events["time"].to_pylist())


def test_files_are_the_same_however_they_are_cut(made: list[World], tmp_path: Path) -> None:
    """Rows a group decide how much a reader holds at a time, and nothing else."""
    tables = []
    for rows in (500, 100_000):
        summary = write_worlds(made, tmp_path / "e.parquet", tmp_path / "l.parquet", rows_a_group=rows)
        tables.append([pq.read_table(tmp_path / name) for name in ("e.parquet", "l.parquet")])

    assert all(one.equals(other) for one, other in zip(*tables, strict=True))
    assert summary["events"] == tables[0][0].num_rows == sum(town.events.num_rows for town in made)
    assert summary["identities"] == sum(town.summary()["identities"] for town in made)
    assert sum(summary["compromised_by_scenario"].values()) == summary["compromised_sessions"]


def test_a_file_that_is_not_whole_is_none(made: list[World], tmp_path: Path) -> None:
    """What breaks on the way leaves nothing that could be taken for a world, and what stood there before."""
    (tmp_path / "e.parquet").write_text("before")

    def broken() -> Iterator[World]:
        yield made[0]
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        write_worlds(broken(), tmp_path / "e.parquet", tmp_path / "l.parquet")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("e.parquet", "before")]


def test_the_command_writes_labels_beside_their_events(tmp_path: Path) -> None:
    """Row beside row, without being told where."""
    out = tmp_path / "world.parquet"
    came = CliRunner().invoke(app, ["simulate", "--identities", "40", "--days", "7", "--out", str(out)])

    assert came.exit_code == 0, came.output
    counts = [pq.ParquetFile(tmp_path / n).metadata.num_rows for n in ("world.parquet", "world.labels.parquet")]
    assert counts[0] == counts[1] > 0
