"""A log of your own: what it can teach is said first, and a log that is too small ends in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support.random_events import random_events
from typer.testing import CliRunner

from features.event.arrow import table_of
from features.settings import Settings
from training import World, retrain
from training.cli.main import app
from training.data.labels import benign_labels
from training.pipeline.doctor import IDENTITIES, examine_log
from training.scenarios.injection import inject_abuse

RATE = 0.0095


@pytest.fixture(scope="module")
def small_log() -> pa.Table:
    """Twenty identities of four types over twenty days."""
    return table_of(random_events(3_000, seed=5, identities=20))


def benign(world: World) -> pa.Table:
    """The benign events of a simulated world, as a log that nobody labelled."""
    return world.events.filter(pc.equal(world.labels["compromised"], 0))


def test_the_doctor_counts_by_identity_type(small_log: pa.Table) -> None:
    """Identities, sessions and days of each, and which fields are known."""
    found = examine_log(small_log, RATE)

    assert [(each.name, each.identities) for each in found.types] == [
        ("agent", 5),
        ("human", 5),
        ("service_account", 5),
        ("workload", 5),
    ]
    assert found.events == 3_000
    assert found.days == pytest.approx(20.0, abs=0.5)
    assert 0.5 < found.known["session.id"] < 1.0


def test_a_small_log_is_refused_with_what_to_do_instead(small_log: pa.Table) -> None:
    """The sentence names what is missing, and the shipped model."""
    found = examine_log(small_log, RATE)

    assert found.obstacle is not None
    assert f"20 identities (at least {IDENTITIES})" in found.obstacle
    assert "shipped model" in found.obstacle
    assert found.learnt == ()
    assert len([sentence for sentence in found.not_learnt if "shipped model's threshold stays" in sentence]) == 4


def test_a_larger_log_says_what_will_be_learnt(simulated_world: World) -> None:
    """By identity type with its simulated attacks, and what the log is blind to."""
    log = benign(simulated_world)
    blind = log.drop_columns([name for name in log.column_names if name.startswith("network.")])

    found = examine_log(blind, RATE)

    assert found.obstacle is None
    assert {sentence.partition(":")[0] for sentence in found.learnt} >= {
        "human",
        "service_account",
        "workload",
        "agent",
    }
    assert any(sentence.startswith("network.ip is known of 0%") for sentence in found.not_learnt)
    assert sum(each.attacks for each in found.types) == pytest.approx(RATE * found.sessions, abs=1)


def test_a_log_whose_test_would_hold_no_attack_is_refused_unless_it_has_labels(simulated_world: World) -> None:
    """A model that met no attack could not be promoted; the labels of a log may hold attacks of its own."""
    log = benign(simulated_world)
    part = log.slice(0, len(log) // 4)

    assert "its test would hold about" in str(examine_log(part, RATE).obstacle)
    assert examine_log(part, 0.0).obstacle is None


@pytest.mark.parametrize("command", [["doctor"], ["retrain", "--promote"]])
def test_twenty_identities_end_in_a_sentence(
    command: list[str], small_log: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within seconds, without a traceback, and with nothing registered."""
    monkeypatch.setenv("SESSION_TRUST_HOME", str(tmp_path / "home"))
    file = tmp_path / "log.parquet"
    pq.write_table(small_log, file)

    result = CliRunner().invoke(app, [command[0], str(file), *command[1:]])

    said = " ".join(result.output.split())
    assert result.exit_code == (1 if command == ["doctor"] else 2)
    assert "this log is too small to train and test a model: 20 identities" in said
    assert isinstance(result.exception, SystemExit)
    assert "will not be learnt: agent" in said


def test_the_library_refuses_it_as_well(small_log: pa.Table, tmp_path: Path) -> None:
    """A notebook ends in the same sentence, not in a division by zero."""
    world = inject_abuse(small_log, benign_labels(small_log, "yours"), rate=RATE, seed=1).sorted()

    with pytest.raises(ValueError, match="too small to train and test a model: 20 identities"):
        retrain(world, Settings(home=tmp_path / "registry"))


def test_an_empty_log_is_refused(small_log: pa.Table) -> None:
    """There is nothing to examine."""
    with pytest.raises(ValueError, match="the log holds no events"):
        examine_log(small_log.slice(0, 0), RATE)


def test_attacks_fall_on_machines_as_well(simulated_world: World) -> None:
    """In a log of your own every identity type has its share of the attacks that are injected."""
    log = benign(simulated_world)
    world = inject_abuse(log, benign_labels(log, "yours"), rate=RATE, seed=1)
    attacked = world.events.slice(len(log))

    names, counts = np.unique(attacked["identity.type"].to_numpy().astype(str), return_counts=True)
    assert names.tolist() == ["agent", "human", "service_account", "workload"]
    assert counts.min() >= 10
