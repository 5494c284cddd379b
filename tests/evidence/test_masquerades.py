"""Masquerades follow a fixed protocol, and are measured as the report says."""

from __future__ import annotations

import gzip
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from support.synthetic_dataset import make_dataset

from features.model.bundle import TrustModel
from training.evaluation.real.masquerade_suites import ScoredLog, measure_suite, score_log
from training.metrics.bootstrap import bootstrap_weights
from training.metrics.evaluation import YARDSTICK_BUDGET
from training.metrics.ranking import auc_draws
from training.metrics.session_recall import ScoredSessions
from training.model.recipe import Recipe
from training.pipeline.train import fit
from training.real_records.masquerades import (
    GAP,
    Protocol,
    RecordedSession,
    UserSessions,
    move_own_sessions,
    move_sessions,
)
from training.real_records.shared_logs import (
    LOGON_PROTOCOL,
    SHELL_PROTOCOL,
    logon_sessions,
    shell_sessions,
)

HERE = Path(__file__).resolve().parents[2]
CANDIDATES = (os.environ.get("SESSION_TRUST_REAL_LOGS", ""), HERE.parent / "shared/data")
LOGS = next((Path(folder) for folder in CANDIDATES if folder and Path(folder).is_dir()), None)
real_logs = pytest.mark.skipif(LOGS is None, reason="real logs are not distributed: set SESSION_TRUST_REAL_LOGS")
FREQUENT = Protocol(share=0.5)


@pytest.fixture(scope="module")
def model() -> TrustModel:
    return fit(make_dataset(), Recipe(trees=8, smallest_leaf=5), 1)


def users(count: int = 4, sessions: int = 20) -> UserSessions:
    """Users whose every action carries their name, in sessions of ten events an hour apart."""
    return {
        f"u{number}": [
            RecordedSession(
                (number + 3_600 * place) * 1_000_000,
                [
                    {"action.name": f"u{number}:{place}:{event}", "device.id": f"d{number}", GAP: 1.0}
                    for event in range(10)
                ],
            )
            for place in range(sessions)
        ]
        for number in range(count)
    }


def owners(log_names: list[str]) -> list[str]:
    return [name.split(":")[0] for name in log_names]


def test_moved_events_are_another_users_and_come_late() -> None:
    """Nothing moves into the deployment's own window."""
    log = move_sessions(users(), FREQUENT, np.random.default_rng(1))
    actor, owner = owners(log.events["action.name"].to_pylist()), log.events["identity.id"].to_pylist()

    assert log.moved.tolist() == [one != other for one, other in zip(actor, owner, strict=True)]
    assert log.moved.any()
    assert not log.moved[~log.late].any()
    assert np.mean(~log.late) == pytest.approx(0.25, abs=0.05)


def test_outsiders_only_donate() -> None:
    """They have no session of their own, and all that moves is theirs."""
    log = move_sessions(users(), FREQUENT, np.random.default_rng(1), donors=("u2", "u3"))
    actor = np.array(owners(log.events["action.name"].to_pylist()))

    assert set(log.events["identity.id"].to_pylist()) == {"u0", "u1"}
    assert set(actor[log.moved]) == {"u2", "u3"}


def test_the_null_control_moves_own_sessions_and_leaves_no_copy() -> None:
    """Every event is its user's, and none occurs twice."""
    log = move_own_sessions(users(), FREQUENT, np.random.default_rng(1))
    names = log.events["action.name"].to_pylist()

    assert log.moved.any()
    assert owners(names) == log.events["identity.id"].to_pylist()
    assert len(set(names)) == len(names)


def test_moved_events_may_keep_the_victims_device() -> None:
    """As an attacker does who works through the victim's machine."""
    log = move_sessions(users(), replace(FREQUENT, through_victim=1.0), np.random.default_rng(1))
    mixed = [
        (owner[1:], device[1:])
        for owner, device in zip(
            log.events["identity.id"].to_pylist(), log.events["device.id"].to_pylist(), strict=True
        )
    ]

    assert all(owner == device for owner, device in mixed)


def test_abuse_in_the_window_leaves_what_comes_later_as_it_is() -> None:
    """The same later sessions are measured with and without it."""
    clean = move_sessions(users(), FREQUENT, np.random.default_rng(1))
    abused = move_sessions(users(), replace(FREQUENT, window_share=0.9), np.random.default_rng(1))

    assert abused.moved[~abused.late].any()
    assert clean.events.filter(clean.late).equals(abused.events.filter(abused.late))


def test_the_area_in_each_resample_is_the_weighted_one() -> None:
    """As scikit-learn computes it row by row."""
    rng = np.random.default_rng(1)
    identity, score = rng.integers(0, 5, 300), rng.integers(0, 40, 300).astype(float)
    positive = rng.random(300) < 0.3
    bootstrap = bootstrap_weights(identity, 1)
    draws = auc_draws(score, positive, identity, bootstrap)
    expected = [
        roc_auc_score(positive, score, sample_weight=weights[bootstrap.columns(identity)])
        for weights in bootstrap.weights[:5]
    ]

    assert draws[:5].tolist() == pytest.approx(expected)


def scored_log() -> ScoredLog:
    """A hundred benign sessions of two users, scored 0 to 99, and two hit ones; one is caught at its third event."""
    benign = np.arange(100)
    score = np.r_[benign, [1.0, 2.0, 200.0, 300.0], [5.0, 6.0]]
    moved = np.r_[np.zeros(100, bool), np.ones(6, bool)]
    session = np.r_[benign, [100] * 4, [101] * 2]
    sessions = ScoredSessions(
        np.r_[benign, [300.0, 6.0]],
        np.r_[np.zeros(100, bool), [True, True]],
        np.r_[benign % 2, [0, 1]],
        np.full(102, "human"),
        np.full(102, ""),
        np.full(102, ""),
        np.arange(102),
    )
    challenged = np.r_[benign == 98, [True, False]]
    return ScoredLog(score, moved, np.r_[benign % 2, [0] * 4, [1] * 2], session, sessions, challenged)


def test_figures_of_a_suite() -> None:
    """Half is caught at 1 %, after two events; one benign session of a hundred is challenged, all of it one user's."""
    measured = measure_suite([scored_log(), scored_log()], 1)

    assert measured.recall.value == 0.5
    assert measured.delay == 2.0
    assert measured.friction.value == YARDSTICK_BUDGET
    assert measured.caught.value == 0.5
    assert measured.highest_friction == 0.02
    assert measured.session_auc.value == (100 + 6.5) / 200


def test_sessions_that_several_models_score_count_once() -> None:
    """Figures are means over models; what they are measured on stays what it is."""
    measured = measure_suite([scored_log(), scored_log()], 1, models=2)

    assert (measured.recall.count, measured.auc.count, measured.friction.count) == (2, 6, 100)


def test_a_log_is_scored_by_its_own_population(model: TrustModel) -> None:
    """Only late events count, each session once, hit ones by what moved."""
    log = move_sessions(users(), FREQUENT, np.random.default_rng(1))
    scored = score_log(model, log)

    assert len(scored.score) == int(log.late.sum())
    assert len(scored.sessions.score) == len(np.unique(log.session[log.late]))
    assert int(scored.sessions.compromised.sum()) == len(np.unique(log.session[log.moved]))


def test_a_folder_without_logs_is_refused_by_name(tmp_path: Path) -> None:
    """The message names what is missing."""
    with pytest.raises(FileNotFoundError, match="unix_commands holds no USER"):
        shell_sessions(tmp_path, np.random.default_rng(1))
    with pytest.raises(FileNotFoundError, match="lanl_auth_sample holds no"):
        logon_sessions(tmp_path)


def test_commands_are_cut_into_sessions(tmp_path: Path) -> None:
    """Blank lines are none, and what does not fill a session is left out."""
    (tmp_path / "unix_commands").mkdir()
    text = "\n".join(["", *(f"ls {number}" for number in range(120))])
    (tmp_path / "unix_commands/USER1.gz").write_bytes(gzip.compress(text.encode()))
    sessions = shell_sessions(tmp_path, np.random.default_rng(1))["u1"]

    assert [len(session.events) for session in sessions] == [50, 50]
    assert sessions[1].events[0]["action.name"] == "sh:ls 50"


@real_logs
@pytest.mark.parametrize(("seed", "events", "moved"), [(11, 47_564, 1_772), (31, 47_572, 1_461)])
def test_shells_are_the_protocols(seed: int, events: int, moved: int) -> None:
    """As many events and moved ones as the sketch that fixed the protocol drew."""
    assert LOGS
    rng = np.random.default_rng(seed)
    log = move_sessions(shell_sessions(LOGS, rng), SHELL_PROTOCOL, rng)

    assert (len(log.events), int(log.moved.sum())) == (events, moved)


@real_logs
@pytest.mark.parametrize(("seed", "events", "moved"), [(11, 7_100, 340), (31, 7_095, 270)])
def test_logons_are_the_protocols(seed: int, events: int, moved: int) -> None:
    """The same of 99 people's logons."""
    assert LOGS
    log = move_sessions(logon_sessions(LOGS), LOGON_PROTOCOL, np.random.default_rng(seed))

    assert (len(log.events), int(log.moved.sum()), len(np.unique(log.user))) == (events, moved, 99)
