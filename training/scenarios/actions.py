"""Turns a plan (a list of steps) into events of one identity that never happened.

Attacks and hard negatives use the same functions, so neither can be recognised by how it was made. Every event starts
as a copy of one of the identity's own events, changes what the step changes, and never holds a field that the
identity's log does not record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from features.sources.aws.action_categories import category_of
from training.reference.attack_sequences import Step, sequences_for
from training.reference.job_profiles import APPLICATION_ATTACKS, IMPACT_BY_CATEGORY, parse_steps
from training.scenarios.event_batch import EventBatch, repeat_event, times_after

Rng = np.random.Generator
Frame = pd.DataFrame
"""A history or new events: the Event's flat columns, in order of time."""
_SENSITIVITIES = ("public", "internal", "confidential", "restricted")
_RESOURCE = ["resource.id", "resource.type", "resource.sensitivity", "resource.environment"]
TEMPOS: dict[str, tuple[float, float]] = {"scripted": (0.7, 0.8), "by_hand": (18.0, 1.2), "patient": (900.0, 1.0)}
"""By pace: the median pause between two actions in seconds, and its log-normal sigma."""


def choose_start(history: Frame, rng: Rng, eligible: Any = None) -> int:
    """The row after which the new events begin: within a session, not a sign-in, and not the very first if possible.

    Every such row is equally likely, or every `eligible` one (a boolean Series) where there is any: how often sessions
    are compromised must not depend on when they happen.
    """
    in_session = history["session.id"].notna().to_numpy()
    usual = (history["action.category"].to_numpy(object) != "authenticate") & in_session
    preferred = usual if eligible is None else usual & eligible.to_numpy(bool, na_value=False)
    for candidates in (preferred, usual):
        rows = np.flatnonzero(candidates)
        if len(rows):
            return int(rows[rng.integers(min(1, len(rows) - 1), len(rows))])
    return int(rng.integers(len(history)))


def uses_cloud_actions(history: Frame) -> bool:
    """Whether most of the identity's distinct actions are AWS API names rather than an application's own."""
    names = history["action.name"].dropna().unique()
    by_cloud = [":" in name and category_of(name) is not None for name in names]
    return bool(by_cloud) and bool(np.mean(by_cloud) > 0.5)


def sample_own_steps(history: Frame, rng: Rng, count: int) -> list[Step]:
    """Actions from the identity's own history, as often as it does them; sign-ins are left out."""
    drawn = rng.integers(0, len(history), count)
    columns = (history[name].to_numpy()[drawn] for name in ("action.name", "action.category", "resource.type"))
    rows = ([None if pd.isna(part) else part for part in row] for row in zip(*columns, strict=True))
    return [Step(str(name), category, kind) for name, category, kind in rows if category != "authenticate"]


def sample_reading_steps(history: Frame, rng: Rng, count: int) -> list[Step]:
    """The identity's own reads, lists and exports, as often as it does them: what collects a lot of data."""
    reading = history["action.category"].isin(("read", "list", "export")).to_numpy(bool)
    return sample_own_steps(history[reading] if reading.any() else history, rng, count)


def technique_steps(history: Frame, rng: Rng, tactic: str) -> list[Step]:
    """One way to serve an ATT&CK tactic (or a technique by its name): a recorded sequence where the identity acts on a
    cloud, else actions of an application; empty where neither is known."""
    on_cloud = uses_cloud_actions(history)
    sequences = sequences_for(tactic) if on_cloud else ()
    if sequences:
        return [*sequences[int(rng.integers(len(sequences)))].steps]
    steps = parse_steps(APPLICATION_ATTACKS[tactic]) if tactic in APPLICATION_ATTACKS and not on_cloud else ()
    return [*steps[: int(rng.integers(1, len(steps) + 1))]] if steps else []


def plan_steps(history: Frame, rng: Rng, *tactics: str, own: float = 4.0) -> list[Step]:
    """Some of the identity's own actions (`own` on average), then one technique of each tactic."""
    steps = sample_own_steps(history, rng, int(rng.poisson(own)))
    steps += [step for tactic in tactics for step in technique_steps(history, rng, tactic)]
    return steps or sample_own_steps(history, rng, 6)


def similar_identifier(text: Any, rng: Rng) -> Any:
    """Another opaque identifier of the same shape: digits, and letters that look like hexadecimal, are drawn anew."""
    if not isinstance(text, str):
        return text
    fresh = re.sub(r"[0-9]", lambda _: str(rng.integers(10)), text)
    return re.sub(r"(?<=[0-9a-f])[a-f](?=[0-9a-f])", lambda _: "abcdef"[rng.integers(6)], fresh)


def perform_steps(
    history: Frame,
    start: int,
    steps: Sequence[Step],
    rng: Rng,
    *,
    after_seconds: float,
    tempo: str,
    unfamiliar: float = 0.5,
) -> EventBatch:
    """The steps as events, in the session, network and device of the history's event `start`; some are denied.

    They begin `after_seconds` later and follow each other at a pace of `TEMPOS`. A step that the identity does itself
    goes to an unfamiliar resource with probability `unfamiliar`, else to one it has used for that.
    """
    fallback = Step(str(history["action.name"].iloc[start]), None)
    steps = steps or sample_own_steps(history, rng, 1) or [fallback]
    median, sigma = TEMPOS[tempo]
    pauses = np.array([step.pause_seconds for step in steps]) + rng.lognormal(np.log(median), sigma, len(steps))
    pauses[0] = 0.0
    batch = repeat_event(history.iloc[start], len(steps))
    changes = {
        "id": [f"{number:032x}" for number in _random_numbers(rng, len(steps))],
        "time": times_after(batch.first("time"), after_seconds + np.cumsum(pauses)),
        "action.name": [step.action for step in steps],
        "action.category": [step.category for step in steps],
        "action.impact": [IMPACT_BY_CATEGORY[step.category][0] for step in steps],
        "action.reversible": [IMPACT_BY_CATEGORY[step.category][1] for step in steps],
        "action.outcome": _outcomes(history, steps, rng),
    }
    return batch.with_columns(changes | _resources(history, steps, rng, unfamiliar))


def as_logged(batch: EventBatch, history: Frame) -> Frame:
    """The events as the identity's log would record them: fields it never records are unknown, whole seconds stay
    whole."""
    events = batch.with_columns(dict.fromkeys(_columns_never_recorded(history))).to_frame()
    if (history["time"].dt.microsecond == 0).all():
        events["time"] = events["time"].dt.floor("s")
    return events


def _columns_never_recorded(history: Frame) -> list[str]:
    empty = np.flatnonzero(history.isna().to_numpy().all(axis=0)).tolist()
    return [str(history.columns[number]) for number in empty]


def _random_numbers(rng: Rng, count: int) -> list[int]:
    return [int.from_bytes(rng.bytes(16)) for _ in range(count)]


def _outcomes(history: Frame, steps: Sequence[Step], rng: Rng) -> list[str]:
    usual, denial_rate = set(history["action.name"]), rng.beta(1, 4)
    denied = [rng.random() < (0.03 if step.action in usual else denial_rate) for step in steps]
    return ["denied" if each else "success" for each in denied]


def _resources(history: Frame, steps: Sequence[Step], rng: Rng, unfamiliar: float) -> dict[str, list[Any]]:
    """By column: the resource of each step, one the identity knows or a new one of the same kind."""
    known = np.stack([history[name].to_numpy(object) for name in _RESOURCE], axis=1)
    names = history["action.name"].to_numpy(object)
    rows = [_resource(known, names, step, rng, unfamiliar) for step in steps]
    return {name: [row[number] for row in rows] for number, name in enumerate(_RESOURCE)}


def _resource(known: Any, names: Any, step: Step, rng: Rng, unfamiliar: float) -> tuple[Any, ...]:
    same_action = np.flatnonzero(names == step.action)
    if len(same_action) and rng.random() >= unfamiliar:
        return tuple(known[rng.choice(same_action)])
    identifier, kind, level, environment = known[rng.integers(len(known))]
    other = known[rng.integers(len(known)), 2]
    level = max(level, other, key=_SENSITIVITIES.index) if {level, other} <= set(_SENSITIVITIES) else level
    return similar_identifier(identifier, rng), step.resource_type or kind, level, environment
