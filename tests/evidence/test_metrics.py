"""What is measured of a model is what its name says, on cases small enough to count by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import average_precision_score
from support.made_up_test import HOUR, a_hundred_sessions, case_of, outcomes_of, scored, with_scenario

from features.event.arrow import conform
from features.model.trust_curve import HORIZONS, TrustCurve
from training.data.labels import LABELS, World, benign_labels
from training.evaluation.studies.ablations import labels_of_others, skill
from training.evaluation.targets import GOALS, Goal, exactly, table
from training.metrics.bootstrap import Estimate, bootstrap_weights
from training.metrics.calibration import ahead, average_precision, calibration_error
from training.metrics.friction import RECALLS, friction
from training.metrics.session_expiry import expired, oracle, pairs, spent, whole_horizon
from training.metrics.slices import Slice, slices
from training.metrics.time_to_detect import detection
from training.model.baselines import every_hour


def test_step_ups_are_counted_where_the_recall_is_reached() -> None:
    """With compromised sessions at 9, 8, 7 and 1, a recall of .8 needs a fifth of the lowest's tie, and .98 nearly all."""
    tested = a_hundred_sessions()
    score = np.r_[np.full(48, 0.0), np.full(48, 1.0), 9.0, 8.0, 7.0, 1.0]
    mine = tested.sessions(score)
    everything = Slice("", "", np.ones(100, bool), np.ones(100, bool))

    found = friction(tested, score, mine, everything, bootstrap_weights(tested.targets.identity, 1))

    asked = [*(found[recall].per_1000.value for recall in RECALLS), found[0.8].per_identity_day.value]
    assert asked == pytest.approx([*(1_000 * 48 / 96 * (4 * recall - 3) for recall in RECALLS), 0.1])


def test_the_interval_holds_the_figure() -> None:
    """Of a mean over resampled identities."""
    tested = a_hundred_sessions()
    found = bootstrap_weights(tested.targets.identity, 1).mean(scored(tested), tested.targets.identity)

    assert found.low < found.value < found.high


def test_average_precision_is_the_usual_one() -> None:
    """Ties taken together, as scikit-learn does."""
    tested = a_hundred_sessions()
    score = np.round(scored(tested))
    found = average_precision(
        tested.targets.malicious, score, tested.targets.identity, bootstrap_weights(tested.targets.identity, 1)
    )

    assert found.value == pytest.approx(average_precision_score(tested.targets.malicious, score))


def test_a_risk_that_comes_true_has_no_calibration_error() -> None:
    """Said 4 %, was 4 %; said twice that, the error is the difference."""
    tested = a_hundred_sessions()
    drawn = bootstrap_weights(tested.targets.identity, 1)
    errors = [
        calibration_error(tested.targets.malicious, np.full(100, said), tested.targets.identity, drawn).value
        for said in (0.04, 0.08)
    ]

    assert errors == pytest.approx([0.0, 0.04])


def test_harm_is_stopped_from_the_first_challenge_on() -> None:
    """Of four acts a minute apart, all harmful, the second is challenged: it and the two after it do not happen."""
    malicious = np.array([False, True, True, True, True])
    of = outcomes_of(np.zeros(5, np.int64), malicious, np.arange(5) * 60.0)
    tested = case_of(of, power=np.full(5, 2.0))

    found = detection(tested, np.array([0.0, 0.0, 1.0, 0.0, 0.0]), bootstrap_weights(of.identity, 1))

    assert (found.events, found.minutes, found.stopped.value) == (2.0, 1.0, 0.75)


def test_what_is_spent_over_a_gap_is_what_the_curve_says() -> None:
    """Many at once as one by one, within horizons and beyond them."""
    rng = np.random.default_rng(1)
    hazards, gaps = rng.random((50, 4)) * 0.3, rng.random(50) * 60_000
    curves = [
        TrustCurve(0.0, tuple(row)).cumulative_hazard(gap) for row, gap in zip(hazards.tolist(), gaps, strict=True)
    ]

    assert spent(hazards, gaps) == pytest.approx(curves)


def test_a_lifetime_is_judged_where_as_many_of_the_owners_gaps_expire() -> None:
    """One who knows the takeovers catches all of them; one who knows nothing, as many as owners."""
    session = np.repeat(np.arange(400), 2)
    of = outcomes_of(session, (np.arange(800) % 2 == 1) & (session >= 360), np.arange(800) * 60.0)
    these, drawn = pairs(of, np.arange(800)), bootstrap_weights(of.identity, 1)

    knows, guesses = these.malicious.astype(float), np.zeros(len(these.gap))

    shares = [expired(these, score, of, drawn).value for score in (knows, guesses)]
    assert [len(these.gap), *shares] == pytest.approx([400, 1.0, 0.03])


def test_the_oracle_knows_whom_intruders_prefer() -> None:
    """A cookie is likelier stolen from a device nobody manages, once the wait of the only theft there was is over."""
    session = np.repeat(np.arange(4), 3)
    malicious = np.arange(12) == 2
    of = with_scenario(outcomes_of(session, malicious, np.arange(12) * 60.0), "stolen_session_cookie")
    who = np.array(["ada", "bob"])[of.identity]
    columns = {
        "time": pa.array(of.time, pa.timestamp("us", tz="UTC")),
        "identity.id": who,
        "identity.type": ["human"] * 12,
        "device.managed": who == "bob",
    }
    events = conform(pa.table(columns))
    world = World(events, benign_labels(events).set_column(0, LABELS.field(0), [malicious.astype(np.int8)]))

    rows = np.array([0, 6])
    soon, later = (oracle(world, of)(whole_horizon(rows, seconds)) for seconds in (30.0, 90.0))

    assert (soon.tolist(), later[0] > later[1] > 0.0) == ([0.0, 0.0], True)


def test_nothing_is_ahead_of_a_session_that_is_compromised() -> None:
    """Rows before the loss count, with whether it falls within the horizon; rows from it on do not."""
    of = outcomes_of(np.zeros(4, np.int64), np.array([False, False, True, False]), np.array([0.0, 600.0, 700.0, 800.0]))
    seen = ahead(case_of(of), HORIZONS[0])

    assert (seen.rows.tolist(), seen.compromised.tolist()) == ([0, 1], [False, True])


def test_a_prompt_every_hour_asks_once_in_each_further_hour() -> None:
    """In the session's second hour at its first request, and so on; in the first never."""
    of = outcomes_of(
        np.zeros(5, np.int64), np.zeros(5, bool), np.array([0.0, 10.0, 1.5 * HOUR, 1.6 * HOUR, 3.1 * HOUR])
    )

    assert every_hour(of, np.arange(5)).tolist() == [0.0, 0.0, 1.0, 0.0, 1.0]


def test_slices_by_history_and_abuse() -> None:
    """Each with a compromised session in it, and nothing else."""
    tested = a_hundred_sessions()
    found = [(part.group, part.name) for part in slices(tested, tested.sessions(scored(tested)))]

    assert found == [
        ("overall", "all"),
        ("identity type", "human"),
        ("scenario", "theft"),
        ("history", "new"),
        ("history", "1 to 11 sessions"),
        ("context", "rich"),
    ]


def test_labels_of_others_are_as_many_and_as_clustered() -> None:
    """Given to other identities, in the same runs."""
    identity, malicious = np.repeat(np.arange(50), 4), np.repeat(np.arange(50) < 5, 4)
    given = labels_of_others(identity, malicious, 1)

    assert (given.sum(), np.abs(np.diff(given.astype(int))).sum() <= 2 * 5, (given == malicious).all()) == (
        20,
        True,
        False,
    )


def test_one_victim_of_many_acts_is_no_skill() -> None:
    """Of ten victims one has 91 acts and lies on top by lot, the others at the bottom: counted alike it is chance."""
    identity = np.r_[np.zeros(91, np.int64), np.arange(1, 10), np.full(1_000, 10)]
    malicious, score = np.arange(1_100) < 100, np.r_[np.full(91, 2.0), np.zeros(9), np.ones(1_000)]
    found = skill(malicious, score, identity)

    assert (found.times > 9.0, found.by_victim < 2.5, found.area == pytest.approx(0.91)) == (True, True, True)


def test_a_target_is_reached_by_the_end_of_the_interval() -> None:
    """Not by the figure; what was not measured is neither."""
    goal = Goal("at least a half", "x", least=0.5)
    found = [
        goal.reached(figures) for figures in ({"x": Estimate(0.6, 0.5, 0.7, 9)}, {"x": Estimate(0.6, 0.4, 0.7, 9)}, {})
    ]

    assert found == [True, False, None]


def test_every_target_is_in_the_table() -> None:
    """With its figure where there is one."""
    rows = table({GOALS[0].key: exactly(0.9)}).rows

    assert (len(rows), rows[0][1:], {row[2] for row in rows[1:]}) == (
        len(GOALS),
        ("0.9 [0.9, 0.9] of 1", "yes"),
        {"not measured"},
    )
