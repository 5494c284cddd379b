"""Legitimate surprises: made like abuse, labelled as what they are."""

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

each_situation = pytest.mark.parametrize("situation", HARD_NEGATIVES, ids=lambda s: s.name)


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """A benign table the simulator did not make."""
    return table_of(random_events(1_500, seed=12, identities=12))


@each_situation
def test_a_situation_applies_to_foreign_histories(situation: HardNegative, table: pa.Table) -> None:
    """Valid events of the same identity; its own events stay as they are; the same generator, the same acts."""
    frame = events_to_frame(table).sort_values("time", kind="stable")
    frame = frame[frame["identity.type"].isin(situation.identity_types)]

    for seed, (name, part) in enumerate(frame.groupby("identity.id")):
        history = part.reset_index(drop=True)
        before = history.copy(deep=True)
        once, again = (situation.function(history, np.random.default_rng(seed)) for _ in range(2))
        assert {event.identity.id for event in events_of(frame_to_events(once))} == {name}
        pd.testing.assert_frame_equal(once, again)
        pd.testing.assert_frame_equal(history, before)


def test_surprises_are_nobodys_abuse(table: pa.Table) -> None:
    """Compromised is 0; only a stranger's failed attempts, which came to nothing, are left unlabelled."""
    world = inject_hard_negatives(World(table, benign_labels(table)), rate=1.0, seed=4)
    added = world.labels.slice(len(table)).to_pandas()

    strangers = added["situation"].eq("stranger_sprays")
    assert world.events.slice(0, len(table)).equals(table)
    assert added["scenario"].isna().all()
    assert (added["compromised"].isna() == strangers).all() and added.loc[~strangers, "compromised"].eq(0).all()


def test_strangers_never_succeed(table: pa.Table) -> None:
    """What is left unlabelled did no harm."""
    sprays = tuple(s for s in HARD_NEGATIVES if s.strangers)
    world = inject_hard_negatives(World(table, benign_labels(table)), rate=1.0, seed=4, situations=sprays)

    assert set(world.events.slice(len(table))["action.outcome"].to_pylist()) == {"failure"}


def test_legitimate_escalations_are_marked(table: pa.Table) -> None:
    """Where privilege is rightly used in an unusual way, blocking it is counted separately; nobody is new here."""
    world = inject_hard_negatives(World(table, benign_labels(table)), rate=1.0, seed=4)
    marked = world.labels.filter(world.labels["legitimate_escalation"])["situation"].unique().to_pylist()

    escalations = {s.name for s in HARD_NEGATIVES if s.legitimate_escalation}
    assert set(marked) == escalations - {"first_week"}


def test_there_are_at_least_sixteen_for_every_abuse_to_hide_among() -> None:
    """Each kind of identity has several, every one has a sentence, and the known escalations are marked."""
    kinds = [kind for situation in HARD_NEGATIVES for kind in situation.identity_types]
    marked = {situation.name for situation in HARD_NEGATIVES if situation.legitimate_escalation}

    assert len(HARD_NEGATIVES) >= 16 and all(kinds.count(kind) >= 3 for kind in set(kinds)) and len(set(kinds)) == 4
    assert all(situation.function.__doc__ for situation in HARD_NEGATIVES)
    assert marked >= {
        "break_glass_at_night",
        "quarter_end_export",
        "planned_key_rotation",
        "first_week",
        "conference_travel",
        "migration_script",
    }
