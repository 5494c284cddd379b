"""Injection of attacks into a log that the simulator did not make."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.cloud_history import cloud_history
from support.random_events import random_events
from typer.testing import CliRunner

from features.event.arrow import table_of
from training.cli.main import app
from training.data.labels import LABELS, benign_labels, events_to_frame, frame_to_events
from training.data.sessions import count_sessions
from training.scenarios.attacker import STRENGTHS
from training.scenarios.attacks.registry import SCENARIOS
from training.scenarios.injection import apportion_sessions, inject_abuse, summarize_injection


@pytest.fixture(scope="module")
def log() -> pa.Table:
    """Events of all identity types with unknown fields everywhere."""
    return table_of(random_events(1_500, seed=11, identities=12))


def test_the_log_itself_stays_unchanged(log: pa.Table) -> None:
    """Its rows come first and benign; what follows is malicious."""
    world = inject_abuse(log, rate=0.2, seed=1)

    own, added = world.labels.slice(0, len(log)), world.labels.slice(len(log))
    assert world.events.slice(0, len(log)).equals(log)
    assert set(own["compromised"].to_pylist()) == {0}
    assert set(added["compromised"].to_pylist()) == {1}


def test_a_log_may_lack_columns(log: pa.Table) -> None:
    """Five columns are enough; fields that the log never records stay unknown."""
    names = {"time", "identity.id", "identity.type", "session.id", "action.name"}
    world = inject_abuse(log.select(sorted(names)), rate=0.2, seed=6)

    added = world.events.slice(len(log))
    assert len(added) > 0
    assert {name for name in added.column_names if added[name].null_count < len(added)} <= names


def test_injection_is_repeatable_and_keeps_to_its_rate(log: pa.Table) -> None:
    """The same seed gives the same world; at most `rate` of the sessions are touched."""
    first, second = (inject_abuse(log, rate=0.1, seed=3) for _ in range(2))

    added = first.events.slice(len(log))
    assert first.events.equals(second.events)
    assert first.labels.equals(second.labels)
    assert 0 < count_sessions(added) <= 0.1 * count_sessions(log)


def test_an_identity_is_a_victim_once_and_never_after_the_end(log: pa.Table) -> None:
    """Two attacks on one history, or events after the log's last, would never be seen in practice."""
    world = inject_abuse(log, rate=1.0, seed=2)
    added = events_to_frame(world.events.slice(len(log)))
    added["scenario"] = world.labels["scenario"].to_numpy()[len(log) :]

    assert (added.groupby("identity.id")["scenario"].nunique() == 1).all()
    assert added["time"].max() <= events_to_frame(log)["time"].max()


def test_attackers_prefer_what_is_known_to_be_weak() -> None:
    """One exposed key among twenty is chosen far more often than in one of twenty cases."""
    parts = [cloud_history("service_account").assign(**{"identity.id": f"id-{number}"}) for number in range(20)]
    parts[7]["credential.exposed"] = True
    table = frame_to_events(pd.concat(parts, ignore_index=True))
    leak = tuple(s for s in SCENARIOS if s.name == "secret_in_repository")

    worlds = [inject_abuse(table, rate=0.003, seed=seed, scenarios=leak) for seed in range(40)]
    victims = [world.events["identity.id"][-1].as_py() for world in worlds]
    assert 6 <= victims.count("id-7") <= 30


def test_the_strength_of_every_attacker_is_recorded(log: pa.Table) -> None:
    """On malicious rows, and on no others."""
    labels = inject_abuse(log, rate=0.5, seed=1).labels.to_pandas()

    assert labels["strength"].notna().equals(labels["compromised"].eq(1))
    assert set(labels["strength"].dropna()) <= {*STRENGTHS}
    assert labels["strength"].nunique() >= 3


def test_labels_of_an_older_version_are_accepted(log: pa.Table) -> None:
    """Labels without strengths get the column, unknown in their rows."""
    old = benign_labels(log).drop_columns(["strength"])
    world = inject_abuse(log, old, rate=0.1, seed=3)

    assert world.labels.schema == LABELS
    assert world.labels["strength"].slice(0, len(log)).null_count == len(old)


def test_sessions_are_counted_by_identity_and_session(log: pa.Table) -> None:
    """Each pair counts once; events without a session do not count."""
    frame = events_to_frame(log).dropna(subset="session.id")

    assert count_sessions(log) == frame.groupby(["identity.id", "session.id"]).ngroups


def test_a_rate_that_cannot_be_reached_is_reported(log: pa.Table) -> None:
    """Each of twelve identities is a victim at most once, so half of all sessions cannot be compromised."""
    high, low, tiny = (summarize_injection(log, inject_abuse(log, rate=r, seed=2), r) for r in (0.9, 0.02, 1e-6))

    assert high.shortfall is not None
    for kind, sessions, requested, touched in high.by_type:
        assert f"{kind}: {requested} of {sessions} sessions were requested, but only {touched}" in high.shortfall
    assert high.touched < high.requested
    assert sum(victims for _, victims, _ in high.rows) <= 12
    assert low.shortfall is None
    assert tiny.shortfall is not None
    assert "less than one of" in tiny.shortfall


def test_the_command_injects_the_named_scenarios_only(log: pa.Table, tmp_path: Path) -> None:
    """The file it reads stays as it is, and its rows come first in the new one."""
    file, out = tmp_path / "log.parquet", tmp_path / "labelled.parquet"
    pq.write_table(log, file)
    before = file.read_bytes()
    options = ["--scenarios", "agent_redirected,mfa_fatigue", "--rate", "0.05"]
    result = CliRunner().invoke(app, ["graft", str(file), *options, "--out", str(out)])

    assert result.exit_code == 0, result.output
    labels = pq.read_table(tmp_path / "labelled.labels.parquet")
    assert set(labels["scenario"].drop_null().to_pylist()) == {"agent_redirected", "mfa_fatigue"}
    assert file.read_bytes() == before
    assert pq.read_table(out).slice(0, len(log)).equals(log)
    assert "agent_redirected" in result.output
    assert "unchanged" in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scenarios", "agent_redirect"], "did you mean 'agent_redirected'"),
        (["--scenarios", "zebra"], "unknown scenario 'zebra'; choose one of stolen_session_cookie"),
        (["--scenarios", " , "], "no scenario is named"),
        (["--out", "log.parquet"], "would be overwritten"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(
    options: list[str], message: str, log: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown scenario, or the log's own name for its output: exit code 2, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    pq.write_table(log, "log.parquet")
    result = CliRunner().invoke(app, ["graft", "log.parquet", "--out", "new.parquet", *options])

    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert not Path("new.parquet").exists()


def test_every_identity_type_gets_its_share() -> None:
    """Also the one with few sessions: attacks on people alone teach nothing about machines."""
    assert apportion_sessions({"human": 960, "agent": 30, "workload": 10}, 0.01) == {
        "human": 8,
        "agent": 1,
        "workload": 1,
    }
    assert apportion_sessions({"human": 50, "agent": 50}, 0.01) == {"human": 1, "agent": 0}


def test_attacks_fall_on_every_identity_type(log: pa.Table) -> None:
    """As many sessions of each type as were requested, where they are enough."""
    summary = summarize_injection(log, inject_abuse(log, rate=0.1, seed=3), 0.1)

    assert [kind for kind, *_ in summary.by_type] == ["agent", "human", "service_account", "workload"]
    assert all(0 < touched <= requested for _, _, requested, touched in summary.by_type)


def test_a_log_without_sessions_is_attacked_on_days(log: pa.Table) -> None:
    """Logs of sign-ins often name no session: their identities' days stand for sessions."""
    bare = log.select(["time", "identity.id", "identity.type", "action.name"])

    summary = summarize_injection(bare, inject_abuse(bare, rate=0.02, seed=4), 0.02)

    assert summary.sessions > 100
    assert summary.requested > 0
    assert summary.touched > 0
