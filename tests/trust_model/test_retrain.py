"""From a small world to a registered model: properties, not scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.catalogue.all import FEATURES, feature_names
from features.engine.batch import replay
from features.event.arrow import EVENT_SCHEMA
from features.history.population import unmeasured
from features.model.bundle import fetch
from features.model.trust_curve import HORIZONS
from features.settings import Settings
from training import (
    Forced,
    NotPromoted,
    Outcome,
    Recipe,
    World,
    assess,
    champion,
    fit,
    gate,
    prepare,
    promote,
    record,
    retrain,
    simulate,
)
from training.data.labels import benign_labels
from training.data.targets import at_risk_intervals, prediction_targets
from training.metrics.session_recall import Sessions, caught, limits, recalls, resampled
from training.model.baselines import TRIGGERS
from training.pipeline.dataset import HELD_OUT, Dataset
from training.pipeline.retrain import data_digest
from training.pipeline.train import more_examples
from training.promotion.checks import (
    Check,
    Rival,
    hazard_monotone,
    monotone,
    never_rising,
    not_worse,
    rising,
    shortfalls,
)

RECIPE = Recipe(trees=40, again=1)


def small_world() -> World:
    return simulate(3, identities=500, days=30)


@pytest.fixture(scope="module")
def world() -> World:
    return small_world()


@pytest.fixture(scope="module")
def data(world: World) -> Dataset:
    return prepare(world, 3)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    yield Settings(home=tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def first(world: World, here: Settings) -> Outcome:
    return retrain(world, here, seed=3, recipe=RECIPE)


def test_no_identity_plays_two_parts_and_the_test_comes_last(data: Dataset) -> None:
    """Split by identity and time: whom the test judges was never fitted, and lies after."""
    split, of = data.split, data.targets
    parts = [set(of.identity[mask].tolist()) for mask in (split.fit, split.stop, split.calibrate, split.test)]
    shared = sum(len(a & b) for i, a in enumerate(parts) for b in parts[:i])

    assert (shared, of.time[split.fit].max() < of.time[split.test].min()) == (0, True)


def test_the_population_is_measured_before_anything_is_fitted(data: Dataset) -> None:
    """And on identities the test does not know."""
    split, of = data.split, data.targets
    known = set(of.identity[split.population].tolist()) & set(of.identity[split.test].tolist())

    assert (known, of.time[split.population].max() < of.time[split.fit].min()) == (set(), True)


def test_held_out_abuse_is_in_the_test_alone(data: Dataset) -> None:
    """No fitted, stopping or calibrating row belongs to a scenario that is held out."""
    split = data.split
    seen = {
        name for part in (split.fit, split.stop, split.calibrate) for name in data.targets.scenario[data.rows(part)]
    }

    assert (seen & HELD_OUT, bool(HELD_OUT)) == (set(), True)


def test_an_interval_that_the_data_cut_off_says_nothing(data: Dataset) -> None:
    """Of a row in the last five minutes, only losses that were seen count."""
    rows = np.flatnonzero(data.targets.known)
    pairs = at_risk_intervals(data.targets, rows, data.split.end)
    watched = (data.split.end - data.targets.time[pairs.rows]) / 1e6
    cut_off = watched < np.array(HORIZONS)[pairs.interval]

    assert bool(pairs.compromised[cut_off].all())


def test_no_row_is_at_risk_after_the_loss(data: Dataset) -> None:
    """The hazard is that of the first malicious act, if none came before."""
    pairs = at_risk_intervals(data.targets, np.flatnonzero(data.targets.known), data.split.end)

    assert (bool((data.targets.seconds[pairs.rows] > 0).all()), int(pairs.compromised.sum()) > 0) == (True, True)


def test_the_same_seed_and_data_give_the_same_model_twice(data: Dataset) -> None:
    """Margins, hazards, calibration and thresholds, to the last bit."""
    one, two = (fit(data, RECIPE, 3) for _ in range(2))
    rows = data.matrix[data.rows(data.split.test)[:500]]

    same = one.now_log_odds(rows).tobytes() == two.now_log_odds(rows).tobytes()
    assert (same, one.calibration, one.thresholds) == (True, two.calibration, two.thresholds)


def test_the_same_seed_gives_the_same_world_twice(world: World) -> None:
    """Events and labels, by their digest."""
    assert data_digest(small_world()) == data_digest(world)


def test_raising_a_suspicion_never_lowers_the_risk(data: Dataset) -> None:
    """Of now where it is a fact, of later in every direction a feature declares; and no curve rises."""
    model = fit(data, RECIPE, 3)
    checks = monotone(model, data.matrix, 1), hazard_monotone(model, data.matrix, 1), never_rising(model, data.matrix)

    assert [check.passed for check in checks] == [True, True, True]


def test_a_model_free_to_forgive_a_suspicion_is_found_out(data: Dataset) -> None:
    """What lowers the risk, or a hazard, fails its check."""
    model = fit(data, RECIPE, 3)
    turned = replace(model.calibration, slope=-1.0, hazard_slope=-1.0)
    upside_down = replace(model, calibration=turned)
    checks = monotone(upside_down, data.matrix, 1), hazard_monotone(upside_down, data.matrix, 1)

    assert [check.passed for check in checks] == [False, False]


def test_a_curve_that_rises_is_counted() -> None:
    """A hazard below nought would give trust back."""
    assert rising(np.zeros(2), np.array([[0.1, 0.2, 0.0, 0.1], [0.1, -0.2, 0.1, 0.1]])) == 1


def test_a_model_is_judged_by_features_of_its_own_population(data: Dataset) -> None:
    """Who was made on another population sees the test as a replay against that one gives it."""
    other = replace(fit(data, RECIPE, 3), population=unmeasured())
    seen = data.seen_by(other)

    whole = replay(data.world.events, unmeasured())[seen.rows].tobytes()
    assert (seen.matrix.tobytes() == whole, data.test_set.matrix.tobytes() == whole) == (True, False)


def test_a_champion_this_build_cannot_load_is_no_rival_and_that_is_said(data: Dataset) -> None:
    """The check passes, and names what differs."""
    evaluation = assess(fit(data, RECIPE, 3), data, RECIPE, 3)

    check = not_worse(data.test_set, evaluation, Rival("", None, "this build lacks shoe_size"))

    assert (check.passed, check.found) == (True, "no rival: this build lacks shoe_size")


def test_columns_nobody_logs_may_be_missing(world: World) -> None:
    """A log without any column that may be null is trained on like any other; so are labels of one column."""
    needed = ["time", "identity.id", "identity.type", "session.id", "action.name"]
    bare = World(world.events.select(needed), world.labels.select(["compromised"]))

    ready = prepare(bare, 3)

    assert (ready.world.events.schema, len(ready.matrix)) == (EVENT_SCHEMA, world.events.num_rows)


def test_labels_without_a_verdict_are_refused_by_name(world: World) -> None:
    """The message says which column is asked for."""
    with pytest.raises(ValueError, match="labels need a column 'compromised'"):
        prepare(World(world.events, world.labels.select(["scenario"])), 3)


def test_it_is_said_whose_events_and_whose_abuse(world: World) -> None:
    """Simulated throughout, abuse simulated onto one's own log, or one's own."""
    some = World(world.events[:100], world.labels[:100])
    own = World(some.events, benign_labels(some.events, "yours"))
    mixed = World(pa.concat_tables([own.events, some.events]), pa.concat_tables([own.labels, some.labels]))

    assert [w.source for w in (some, mixed, own)] == ["simulated", "your benign events, simulated abuse", "yours"]


def test_sessions_are_those_the_features_know(world: World) -> None:
    """One number for each pair of identity and session, and each event without a session one of its own."""
    named = world.events.select(["identity.id", "session.id"]).to_pandas()
    pairs = named.dropna().drop_duplicates()

    assert len(np.unique(prediction_targets(world).session)) == len(pairs) + named["session.id"].isna().sum()


def test_thresholds_never_fall_as_the_budget_grows(data: Dataset) -> None:
    """Who may challenge more asks for more trust."""
    for pairs in fit(data, RECIPE, 3).thresholds.values():
        trusts = [trust for _, trust in pairs]

        assert trusts == sorted(trusts)


def test_a_model_of_shuffled_labels_does_not_pass_for_one(data: Dataset) -> None:
    """Its recall is what chance gives."""
    model = fit(data, RECIPE, 3)
    shuffled = replace(
        data, targets=replace(data.targets, malicious=np.random.default_rng(1).permutation(data.targets.malicious))
    )
    found = {check.name: check for check in gate(model, shuffled, assess(model, data, RECIPE, 3), RECIPE, None, 3)}

    assert found["no leak"].passed


def test_the_gate_names_what_is_missing() -> None:
    """A refusal says what was found and what was asked for."""
    checks = [Check("monotone", True, "0", "none"), Check("no leak", False, "9.0 times", "at most 3")]

    assert shortfalls(checks) == ("no leak: 9.0 times (at most 3 asked for)",)


def test_a_retraining_registers_a_version_that_loads_as_it_was(first: Outcome, here: Settings, data: Dataset) -> None:
    """What the registry gives back answers like what was fitted, on the same further examples."""
    loaded = fetch(here.tracking_uri, here.model_name, first.version)
    rows = data.matrix[data.rows(data.split.test)[:200]]
    fitted = fit(data, RECIPE, 3, more_examples(data, RECIPE, 3))

    assert loaded.now_log_odds(rows).tobytes() == fitted.now_log_odds(rows).tobytes()


def test_a_refused_model_is_registered_and_does_not_answer(world: World, here: Settings, first: Outcome) -> None:
    """With labels that mean nothing, the gate finds the model no better than rules, and the alias stays."""
    promote(here, first.version, Forced("a test", "it needs a champion, however good"))
    before = champion(here)
    rng = np.random.default_rng(4)
    shuffled = rng.permutation(world.labels["compromised"].fill_null(0).to_numpy().astype(np.int8))
    labels = world.labels.set_column(0, world.labels.schema.field(0), [shuffled])
    came = retrain(World(world.events, labels), here, seed=3, recipe=RECIPE)
    after = champion(here)

    assert (came.promoted, before and before.version) == (False, after and after.version)


def test_who_did_not_pass_is_promoted_only_by_somebody_who_says_why(
    world: World, here: Settings, data: Dataset, first: Outcome
) -> None:
    """The reasons are given; forced, who and why and against what stay with the version."""
    missing = Check("no leak", False, "9.0 times", "at most 3")
    evaluation = first.evaluation
    version = record(fit(data, RECIPE, 3), data, evaluation, [missing], here, RECIPE, 3)

    with pytest.raises(NotPromoted, match=f"version {version} did not pass the gate: no leak: 9.0 times"):
        promote(here, version)
    promote(here, version, Forced("R. Ito", "a drill"))

    tags = fetch(here.tracking_uri, here.model_name, "champion").tags
    assert [tags[f"forced.{name}"] for name in ("who", "why", "against")] == ["R. Ito", "a drill", str(missing)]


def test_forcing_needs_a_name_and_a_reason() -> None:
    """An empty one is none."""
    with pytest.raises(ValueError, match="say who decides it and why"):
        Forced("R. Ito", " ")


def test_without_abuse_there_is_nothing_to_learn(world: World, here: Settings) -> None:
    """A log without labels is refused in words, before anything is registered."""
    benign = World(
        world.events, world.labels.set_column(0, world.labels.schema.field(0), [np.zeros(len(world.labels), np.int8)])
    )

    with pytest.raises(ValueError, match="nothing to tell apart"):
        retrain(benign, here, seed=3, recipe=RECIPE)


def test_static_rules_are_rules_about_features_there_are() -> None:
    """A feature that is renamed must not silently disarm a baseline."""
    assert {name for name, _ in TRIGGERS} <= set(feature_names())


def test_the_features_that_train_are_those_that_serve(data: Dataset) -> None:
    """One column a feature."""
    assert data.matrix.shape == (data.world.events.num_rows, len(FEATURES))


def made_up() -> Sessions:
    """A hundred benign sessions scored 0 to 99 and four compromised ones, of two identities each."""
    score = np.r_[np.arange(100.0), 98.5, 97.5, 50.0, 200.0]
    compromised = np.r_[np.zeros(100, bool), np.ones(4, bool)]
    kind = np.full(104, "human")
    nothing = np.full(104, "", dtype=object)
    return Sessions(score, compromised, np.arange(104) // 2, kind, nothing, nothing, np.arange(104))


def test_a_budget_is_spent_on_benign_sessions_alone() -> None:
    """One in a hundred may be challenged: the limit is the second highest benign score."""
    limit = limits(made_up(), 0.01, np.ones((1, 104)))["human"]

    assert (limit.score.tolist(), limit.of_ties.tolist()) == ([98.0], [0.0])


def test_ties_are_drawn_by_lot() -> None:
    """Of benign sessions that all score alike, a budget of 1 % challenges one in a hundred, and so of compromised ones."""
    these = replace(made_up(), score=np.full(104, 3.0))

    assert caught(these, 0.01, np.ones((1, 104)))[0].round(12).tolist() == [0.01] * 4


def test_recall_counts_what_scores_above_the_limit() -> None:
    """Two of the four compromised sessions score above 98."""
    these = made_up()
    weights = resampled(these, 1)
    share = recalls(these, 0.01, weights, {"all": np.ones(104, bool)})["all"]

    assert (share.value, share.count, share.low <= 0.5 <= share.high) == (0.5, 4, True)


def test_a_model_is_compared_with_the_champion_it_would_replace(data: Dataset, here: Settings, first: Outcome) -> None:
    """The check is there when there is a champion, and passes for its equal."""
    model = fit(data, RECIPE, 3)
    rival = replace(model, version="6")
    found = [c for c in gate(model, data, assess(model, data, RECIPE, 3), RECIPE, rival, 3) if "champion" in c.name]

    assert [(check.passed, "+0.000" in check.found) for check in found] == [(True, True)]


def test_the_run_holds_card_table_and_plots(first: Outcome, here: Settings) -> None:
    """And says of its figures that they are simulated."""
    import mlflow

    version = mlflow.MlflowClient(here.tracking_uri).get_model_version(here.model_name, first.version)
    folder = Path(mlflow.artifacts.download_artifacts(run_id=version.run_id, artifact_path="report"))
    card = (folder / "MODEL_CARD.md").read_text()

    assert ({f.name for f in folder.iterdir()}, "(simulated)" in card) == (
        {"MODEL_CARD.md", "recall.json", "slices.json"}
        | {f"{plot}.png" for plot in ("reliability", "friction_recall", "decay_calibration")}
        | {"shap_summary.png", "shap_dependence.png"},
        True,
    )
