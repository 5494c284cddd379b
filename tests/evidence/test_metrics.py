"""Metrics measure what their names say, on cases small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import average_precision_score
from support.synthetic_dataset import (
    HOUR,
    hundred_sessions,
    informative_score,
    make_targets,
    make_test_set,
    with_scenario,
)

from features.event.arrow import conform
from features.model.trust_curve import HORIZONS, TrustCurve
from training.data.labels import LABELS, World, benign_labels
from training.evaluation.studies.ablations import labels_of_others, ranking_skill
from training.evaluation.targets import TARGETS, Target, targets_table
from training.metrics.bootstrap import Estimate, bootstrap_weights
from training.metrics.calibration import average_precision, calibration_error, outcomes_within
from training.metrics.evaluation import friction_by_identity
from training.metrics.friction import RECALL_LEVELS, step_up_rates
from training.metrics.session_expiry import (
    EXPIRY_FRICTION,
    cumulative_hazard,
    hypothetical_pairs,
    oracle_scorer,
    request_pairs,
    takeovers_expired,
)
from training.metrics.slices import Slice, slices_with_abuse
from training.metrics.time_to_detect import measure_detection
from training.model.baselines import prompt_every_hour


def test_step_ups_are_counted_where_the_recall_is_reached() -> None:
    """Compromised sessions score 9, 8, 7 and 1: recall .8 challenges a fifth of the ties at 1, .98 nearly all."""
    test_set = hundred_sessions()
    score = np.r_[np.full(48, 0.0), np.full(48, 1.0), 9.0, 8.0, 7.0, 1.0]
    sessions = test_set.sessions(score)
    bootstrap = bootstrap_weights(test_set.identity, 1)

    rates = step_up_rates(test_set, score, sessions, Slice.everything(test_set, sessions), bootstrap)

    expected = [1_000 * 48 / 96 * (4 * recall - 3) for recall in RECALL_LEVELS]
    assert [rates[recall].per_1000.value for recall in RECALL_LEVELS] == pytest.approx(expected)
    assert rates[0.8].per_identity_day.value == pytest.approx(0.1)


def test_an_interval_contains_its_figure() -> None:
    """The bootstrap interval of a mean lies around the mean."""
    test_set = hundred_sessions()

    mean = bootstrap_weights(test_set.identity, 1).mean(informative_score(test_set), test_set.identity)

    assert mean.low < mean.value < mean.high


@pytest.mark.parametrize(
    ("spec", "text"),
    [("", "0.512 [0.4, 0.612] of 80"), (".2f", "0.51 [0.40, 0.61] of 80"), ("+.1f", "+0.5 [+0.4, +0.6] of 80")],
)
def test_an_estimate_is_formatted_number_by_number(spec: str, text: str) -> None:
    """One spec formats the figure and both ends of its interval."""
    assert format(Estimate(0.51234, 0.4, 0.6123, 80), spec) == text


def test_an_unknown_estimate_is_a_dash() -> None:
    """Whatever the format."""
    assert str(Estimate.unknown(3)) == "-"
    assert f"{Estimate.unknown(3):.2f}" == "-"


def test_average_precision_equals_scikit_learns() -> None:
    """Ties are taken together."""
    test_set = hundred_sessions()
    score = np.round(informative_score(test_set))
    bootstrap = bootstrap_weights(test_set.identity, 1)

    precision = average_precision(test_set.malicious, score, test_set.identity, bootstrap)

    assert precision.value == pytest.approx(average_precision_score(test_set.malicious, score))


@pytest.mark.parametrize(("predicted", "error"), [(0.04, 0.0), (0.08, 0.04)])
def test_calibration_error_is_the_distance_of_predicted_and_actual(predicted: float, error: float) -> None:
    """Four of a hundred requests are malicious."""
    test_set = hundred_sessions()
    bootstrap = bootstrap_weights(test_set.identity, 1)

    measured = calibration_error(test_set.malicious, np.full(100, predicted), test_set.identity, bootstrap)

    assert measured.value == pytest.approx(error)


def test_harm_is_stopped_from_the_first_challenge_on() -> None:
    """Of four harmful actions a minute apart the second is challenged: it and the two after it are stopped."""
    malicious = np.array([False, True, True, True, True])
    targets = make_targets(np.zeros(5, np.int64), malicious, np.arange(5) * 60.0)
    test_set = make_test_set(targets, privilege=np.full(5, 2.0))
    challenged = np.array([0.0, 0.0, 1.0, 0.0, 0.0])

    detection = measure_detection(test_set, challenged, bootstrap_weights(targets.identity, 1))

    assert detection.events == 2.0
    assert detection.minutes == 1.0
    assert detection.stopped.value == 0.75


def test_cumulative_hazards_equal_the_trust_curves() -> None:
    """Many at once equal one at a time, within horizons and beyond the last."""
    rng = np.random.default_rng(1)
    hazards, gaps = rng.random((50, 4)) * 0.3, rng.random(50) * 60_000

    one_by_one = [
        TrustCurve(0.0, tuple(row)).cumulative_hazard(gap) for row, gap in zip(hazards.tolist(), gaps, strict=True)
    ]

    assert cumulative_hazard(hazards, gaps) == pytest.approx(one_by_one)


def test_session_expiry_is_measured_at_equal_friction() -> None:
    """A score that knows the takeovers catches all of them; one that knows nothing catches the share of friction."""
    session = np.repeat(np.arange(400), 2)
    malicious = (np.arange(800) % 2 == 1) & (session >= 360)
    targets = make_targets(session, malicious, np.arange(800) * 60.0)
    pairs, bootstrap = request_pairs(targets, np.arange(800)), bootstrap_weights(targets.identity, 1)
    perfect, uninformed = pairs.malicious.astype(float), np.zeros(len(pairs.gap))

    caught, caught_by_chance = (
        takeovers_expired(pairs, score, targets, bootstrap).value for score in (perfect, uninformed)
    )

    assert len(pairs.gap) == 400
    assert caught == pytest.approx(1.0)
    assert caught_by_chance == pytest.approx(EXPIRY_FRICTION)


def test_the_oracle_knows_which_victims_attackers_prefer() -> None:
    """A cookie is more likely stolen from an unmanaged device, once the wait of the only theft is over."""
    session = np.repeat(np.arange(4), 3)
    malicious = np.arange(12) == 2
    targets = with_scenario(make_targets(session, malicious, np.arange(12) * 60.0), "stolen_session_cookie")
    identity = np.array(["ada", "bob"])[targets.identity]
    columns = {
        "time": pa.array(targets.time, pa.timestamp("us", tz="UTC")),
        "identity.id": identity,
        "identity.type": ["human"] * 12,
        "device.managed": identity == "bob",
    }
    events = conform(pa.table(columns))
    world = World(events, benign_labels(events).set_column(0, LABELS.field(0), [malicious.astype(np.int8)]))
    rows = np.array([0, 6])

    before, after = (oracle_scorer(world, targets)(hypothetical_pairs(rows, seconds)) for seconds in (30.0, 90.0))

    assert before.tolist() == [0.0, 0.0]
    assert after[0] > after[1] > 0.0


def test_outcomes_leave_out_rows_from_the_loss_on() -> None:
    """Rows before the loss count, with whether it falls within the horizon."""
    seconds = np.array([0.0, 600.0, 700.0, 800.0])
    targets = make_targets(np.zeros(4, np.int64), np.array([False, False, True, False]), seconds)

    outcomes = outcomes_within(make_test_set(targets), HORIZONS[0])

    assert outcomes.rows.tolist() == [0, 1]
    assert outcomes.compromised.tolist() == [False, True]


def test_hourly_prompts_come_once_in_each_further_hour() -> None:
    """At the first request of an hour, and never in the first hour of a session."""
    seconds = np.array([0.0, 10.0, 1.5 * HOUR, 1.6 * HOUR, 3.1 * HOUR])
    targets = make_targets(np.zeros(5, np.int64), np.zeros(5, bool), seconds)

    assert prompt_every_hour(targets, np.arange(5)).tolist() == [0.0, 0.0, 1.0, 0.0, 1.0]


def test_slices_without_a_compromised_session_are_left_out() -> None:
    """All compromised sessions are human, of one scenario, with short histories and rich context."""
    test_set = hundred_sessions()

    slices = slices_with_abuse(test_set, test_set.sessions(informative_score(test_set)))

    assert [(part.group, part.name) for part in slices] == [
        ("overall", "all"),
        ("identity type", "human"),
        ("scenario", "theft"),
        ("history", "new"),
        ("history", "1 to 11 sessions"),
        ("context", "rich"),
    ]


def test_labels_of_others_stay_as_many_and_as_clustered() -> None:
    """They are given to other identities, in runs as long as before."""
    identity, malicious = np.repeat(np.arange(50), 4), np.repeat(np.arange(50) < 5, 4)

    labels = labels_of_others(identity, malicious, 1)

    assert labels.sum() == 20
    assert np.abs(np.diff(labels.astype(int))).sum() <= 2 * 5
    assert (labels != malicious).any()


def test_one_victim_with_many_malicious_requests_is_no_skill() -> None:
    """One of ten victims has 91 of them and ranks on top by chance: with victims weighted equally, little remains."""
    identity = np.r_[np.zeros(91, np.int64), np.arange(1, 10), np.full(1_000, 10)]
    malicious, score = np.arange(1_100) < 100, np.r_[np.full(91, 2.0), np.zeros(9), np.ones(1_000)]

    skill = ranking_skill(malicious, score, identity)

    assert skill.times > 9.0
    assert skill.by_victim < 2.5
    assert skill.area == pytest.approx(0.91)


@pytest.mark.parametrize(
    ("figures", "met"),
    [
        pytest.param({"x": Estimate(0.6, 0.5, 0.7, 9)}, True, id="interval within the bound"),
        pytest.param({"x": Estimate(0.6, 0.4, 0.7, 9)}, False, id="interval across the bound"),
        pytest.param({}, None, id="not measured"),
    ],
)
def test_the_end_of_the_interval_decides_whether_a_target_is_met(
    figures: dict[str, Estimate], met: bool | None
) -> None:
    """The figure itself may be on the right side of the bound."""
    assert Target("at least a half", "x", at_least=0.5).is_met(figures) is met


def test_every_target_is_in_the_table() -> None:
    """Beside its figure, where there is one."""
    rows = targets_table({TARGETS[0].key: Estimate.exact(0.9)}).rows

    assert len(rows) == len(TARGETS)
    assert rows[0][1:] == ("0.9 [0.9, 0.9] of 1", "yes")
    assert {row[2] for row in rows[1:]} == {"not measured"}


def test_one_identity_can_be_all_the_friction() -> None:
    """Friction is given by identity as well: here one of fifty has the only two challenged sessions."""
    session = np.arange(600)
    test_set = make_test_set(make_targets(session, session < 0, session * 3_600.0))
    score = np.where(session // 2 == 7, 9.0, 0.0) + session / 1e6

    friction = friction_by_identity(test_set.sessions(score))

    assert friction["identities_challenged"] == pytest.approx(2 / 300)
    assert friction["largest_identity_share_of_challenges"] == pytest.approx(2 / 3)
