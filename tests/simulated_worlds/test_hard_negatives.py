"""Hard negatives: built like attacks, and labelled as what they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support.random_events import random_events

from features.event.arrow import events_of, table_of
from training.data.labels import World, benign_labels, events_to_frame, frame_to_events
from training.scenarios.hard_negatives.registry import HARD_NEGATIVES, HardNegative
from training.scenarios.injection import inject_hard_negatives
from training.scenarios.victims import PREFERENCES

each_hard_negative = pytest.mark.parametrize("hard_negative", HARD_NEGATIVES, ids=lambda each: each.name)


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """A benign table that the simulator did not make."""
    return table_of(random_events(1_500, seed=12, identities=12))


def inject_all(table: pa.Table) -> World:
    return inject_hard_negatives(World(table, benign_labels(table)), rate=1.0, seed=4)


@each_hard_negative
def test_a_hard_negative_applies_to_any_history(hard_negative: HardNegative, table: pa.Table) -> None:
    """It gives valid events of the same identity, leaves the history alone, and depends on the generator only."""
    frame = events_to_frame(table).sort_values("time", kind="stable")
    frame = frame[frame["identity.type"].isin(hard_negative.identity_types)]

    for seed, (name, rows) in enumerate(frame.groupby("identity.id")):
        history = rows.reset_index(drop=True)
        before = history.copy(deep=True)
        first, second = (hard_negative.function(history, np.random.default_rng(seed)) for _ in range(2))
        assert {event.identity.id for event in events_of(frame_to_events(first))} == {name}
        pd.testing.assert_frame_equal(first, second)
        pd.testing.assert_frame_equal(history, before)


@each_hard_negative
def test_a_hard_negative_is_described(hard_negative: HardNegative) -> None:
    """It has a sentence, and a preference that victims can have."""
    assert hard_negative.function.__doc__
    assert hard_negative.prefers in {None, *PREFERENCES}


def test_hard_negatives_are_labelled_benign(table: pa.Table) -> None:
    """Compromised is 0; only an outsider's failed attempts stay unlabelled."""
    world = inject_all(table)
    added = world.labels.slice(len(table)).to_pandas()

    by_outsider = added["situation"].eq("stranger_sprays")
    assert world.events.slice(0, len(table)).equals(table)
    assert added["scenario"].isna().all()
    assert (added["compromised"].isna() == by_outsider).all()
    assert added.loc[~by_outsider, "compromised"].eq(0).all()


def test_outsiders_never_succeed(table: pa.Table) -> None:
    """What stays unlabelled did no harm."""
    by_outsider = tuple(each for each in HARD_NEGATIVES if each.by_outsider)
    world = World(table, benign_labels(table))
    world = inject_hard_negatives(world, rate=1.0, seed=4, hard_negatives=by_outsider)

    assert set(world.events.slice(len(table))["action.outcome"].to_pylist()) == {"failure"}


def test_legitimate_escalations_are_marked(table: pa.Table) -> None:
    """Every such situation is found in the labels but the newcomer's: no identity of this table is new."""
    labels = inject_all(table).labels
    marked = labels.filter(labels["legitimate_escalation"])["situation"].unique().to_pylist()

    escalations = {each.name for each in HARD_NEGATIVES if each.legitimate_escalation}
    assert set(marked) == escalations - {"first_week"}


def test_every_identity_type_has_at_least_three_hard_negatives() -> None:
    """And there are at least sixteen in all."""
    types = [kind for each in HARD_NEGATIVES for kind in each.identity_types]

    assert len(HARD_NEGATIVES) >= 16
    assert len(set(types)) == 4
    assert all(types.count(kind) >= 3 for kind in set(types))


def test_known_escalations_count_as_such() -> None:
    """Challenging them is counted separately from other friction."""
    assert {each.name for each in HARD_NEGATIVES if each.legitimate_escalation} >= {
        "break_glass_at_night",
        "quarter_end_export",
        "planned_key_rotation",
        "first_week",
        "conference_travel",
        "migration_script",
    }
