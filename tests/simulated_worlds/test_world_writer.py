"""Worlds larger than memory: written shard by shard, and the same however they are cut."""

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
def parameters() -> WorldParameters:
    """Three small shards, the last smaller still."""
    return replace(world_parameters(), identities=140, identities_per_shard=60, days=12)


@pytest.fixture(scope="module")
def shards(parameters: WorldParameters) -> list[World]:
    return list(simulate_shards(5, parameters))


def test_a_shard_is_the_same_in_a_smaller_world(shards: list[World], parameters: WorldParameters) -> None:
    """The first two shards of a larger world are the world of two shards."""
    two = list(simulate_shards(5, replace(parameters, identities=120)))

    assert len(two) == 2
    assert [shard.events.equals(same.events) for shard, same in zip(shards, two, strict=False)] == [True, True]


def test_a_shard_is_the_same_whichever_process_makes_it(shards: list[World], parameters: WorldParameters) -> None:
    """Two processes give the same shards in the same order, and report progress."""
    progress: list[tuple[int, int]] = []
    parallel = list(simulate_shards(5, parameters, lambda done, of: progress.append((done, of)), processes=2))

    assert [a.events.equals(b.events) for a, b in zip(shards, parallel, strict=True)] == [True] * 3
    assert [a.labels.equals(b.labels) for a, b in zip(shards, parallel, strict=True)] == [True] * 3
    assert progress == [(1, 3), (2, 3), (3, 3)]


def test_shards_share_no_identity_resource_or_event(shards: list[World]) -> None:
    """Every shard has names of its own, and its share of attacks."""
    for column in ("id", "identity.id", "resource.id"):
        names = [set(shard.events[column].drop_null().to_pylist()) for shard in shards]
        assert sum(map(len, names)) == len(set.union(*names)), column
    assert all(shard.summary()["malicious_events"] for shard in shards)


def test_a_world_in_memory_has_the_rows_of_its_shards_in_order_of_time(
    shards: list[World], parameters: WorldParameters
) -> None:
    """`simulate` and `simulate_shards` give the same rows."""
    world = simulate(5, parameters=parameters)

    ids = [name for shard in shards for name in shard.events["id"].to_pylist()]
    assert sorted(world.events["id"].to_pylist()) == sorted(ids)
    assert world.events["time"].to_pylist() == sorted(world.events["time"].to_pylist())


def test_files_hold_the_same_rows_whatever_the_row_groups(shards: list[World], tmp_path: Path) -> None:
    """The size of a row group decides how much a reader holds at a time, and nothing else."""
    tables = []
    for rows in (500, 100_000):
        summary = write_worlds(shards, tmp_path / "e.parquet", tmp_path / "l.parquet", rows_per_group=rows)
        tables.append([pq.read_table(tmp_path / name) for name in ("e.parquet", "l.parquet")])

    assert all(small.equals(large) for small, large in zip(*tables, strict=True))
    assert summary["events"] == tables[0][0].num_rows == sum(shard.events.num_rows for shard in shards)
    assert summary["identities"] == sum(shard.summary()["identities"] for shard in shards)
    assert sum(summary["compromised_by_scenario"].values()) == summary["compromised_sessions"]


def test_a_failure_leaves_the_former_files(shards: list[World], tmp_path: Path) -> None:
    """Nothing is left that could be mistaken for a world, and what was there before stays."""
    (tmp_path / "e.parquet").write_text("before")

    def failing() -> Iterator[World]:
        yield shards[0]
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        write_worlds(failing(), tmp_path / "e.parquet", tmp_path / "l.parquet")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("e.parquet", "before")]


def test_the_command_writes_labels_beside_their_events(tmp_path: Path) -> None:
    """Without `--labels` they go to NAME.labels.parquet, row by row."""
    out = tmp_path / "world.parquet"
    result = CliRunner().invoke(app, ["simulate", "--identities", "40", "--days", "7", "--out", str(out)])

    assert result.exit_code == 0, result.output
    counts = [pq.ParquetFile(tmp_path / n).metadata.num_rows for n in ("world.parquet", "world.labels.parquet")]
    assert counts[0] == counts[1] > 0
