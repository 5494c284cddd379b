"""Events that did not happen, made from those that did: somebody acts in an identity's name.

Used by intruders and by legitimate surprises alike, so that neither can be told from the way it was made. Every event
starts as a copy of one of the identity's own, keeps what the doer cannot or need not change, and in the end says no
more than the identity's log ever does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from features.sources.aws.action_categories import category_of
from training.reference.attack_sequences import Step, serving
from training.reference.job_profiles import APP_GOALS, IMPACTS, steps
from training.scenarios.event_batch import Acts, after, copies

Rng = np.random.Generator
Frame = pd.DataFrame
_LEVELS = ("public", "internal", "confidential", "restricted")
_RESOURCE = ["resource.id", "resource.type", "resource.sensitivity", "resource.environment"]
TEMPOS: dict[str, tuple[float, float]] = {"scripted": (0.7, 0.8), "by_hand": (18.0, 1.2), "patient": (900.0, 1.0)}
"""Median pause in seconds and its log-normal sigma."""


def moment(history: Frame, rng: Rng, eligible: Any = None) -> int:
    """The place of an ordinary event after which it begins: one within a session and past the very first, if any.

    Each as likely as any other, early or late: how often sessions are compromised must not depend on when.
    """
    ordinary = (history["action.category"].to_numpy(object) != "authenticate") & history[
        "session.id"
    ].notna().to_numpy()
    asked = ordinary if eligible is None else ordinary & eligible.to_numpy(bool, na_value=False)
    for wanted in (asked, ordinary):
        found = np.flatnonzero(wanted)
        if len(found):
            return int(found[rng.integers(min(1, len(found) - 1), len(found))])
    return int(rng.integers(len(history)))


def in_cloud(history: Frame) -> bool:
    """Whether the identity speaks a cloud's vocabulary rather than some application's."""
    names = history["action.name"]
    return bool(np.mean([":" in name and category_of(name) is not None for name in names.unique()]) > 0.5)


def own_steps(history: Frame, rng: Rng, count: int) -> list[Step]:
    """Things the identity itself does, as often as it does them."""
    drawn = rng.integers(0, len(history), count)
    columns = (history[name].to_numpy()[drawn] for name in ("action.name", "action.category", "resource.type"))
    rows = ([None if pd.isna(part) else part for part in row] for row in zip(*columns, strict=True))
    return [Step(str(name), category, kind) for name, category, kind in rows if category != "authenticate"]


def gathered(history: Frame, rng: Rng, count: int) -> list[Step]:
    """What the identity itself reads, lists and exports with, as often as it does: the means to take a lot away."""
    taking = history["action.category"].isin(("read", "list", "export")).to_numpy(bool)
    return own_steps(history[taking] if taking.any() else history, rng, count)


def technique(history: Frame, rng: Rng, tactic: str) -> list[Step]:
    """One way to serve a tactic (or a technique by its name): a recorded one where the identity acts on a cloud."""
    known = serving(tactic) if in_cloud(history) else ()
    if known:
        return [*known[int(rng.integers(len(known)))].steps]
    wanted = steps(APP_GOALS[tactic]) if tactic in APP_GOALS and not in_cloud(history) else ()
    return [*wanted[: int(rng.integers(1, len(wanted) + 1))]] if wanted else []


def plan(history: Frame, rng: Rng, *tactics: str, own: float = 4.0) -> list[Step]:
    """Some of the identity's own actions, then a technique of each tactic."""
    done = own_steps(history, rng, int(rng.poisson(own)))
    done += [step for tactic in tactics for step in technique(history, rng, tactic)]
    return done or own_steps(history, rng, 6)


def like(text: Any, rng: Rng) -> Any:
    """Another opaque text of the same shape: its digits, and letters that look like digits, are drawn anew."""
    if not isinstance(text, str):
        return text
    fresh = re.sub(r"[0-9]", lambda _: str(rng.integers(10)), text)
    return re.sub(r"(?<=[0-9a-f])[a-f](?=[0-9a-f])", lambda _: "abcdef"[rng.integers(6)], fresh)


def act(
    history: Frame,
    at: int,
    done: Sequence[Step],
    rng: Rng,
    *,
    after_seconds: float,
    tempo: str,
    elsewhere: float = 0.5,
) -> Acts:
    """The steps, done in the session of event `at` from where and with what its owner acted; some are refused.

    `elsewhere` is the share done to resources that the identity does not know.
    """
    done = done or own_steps(history, rng, 1) or [Step(str(history["action.name"].iloc[at]), None)]
    median, sigma = TEMPOS[tempo]
    pauses = np.array([step.pause_seconds for step in done]) + rng.lognormal(np.log(median), sigma, len(done))
    pauses[0] = 0.0
    acts = copies(history.iloc[at], len(done))
    changed = {
        "id": [f"{number:032x}" for number in _numbers(rng, len(done))],
        "time": after(acts.first("time"), after_seconds + np.cumsum(pauses)),
        "action.name": [step.action for step in done],
        "action.category": [step.category for step in done],
        "action.impact": [IMPACTS[step.category][0] for step in done],
        "action.reversible": [IMPACTS[step.category][1] for step in done],
        "action.outcome": _outcomes(history, done, rng),
    }
    return acts.but(changed | _resources(history, done, rng, elsewhere))


def hidden(acts: Acts, history: Frame) -> Frame:
    """The events as the identity's log would hold them: what it never says stays unknown, whole seconds stay whole."""
    events = acts.but(dict.fromkeys(_never_said(history))).frame()
    if (history["time"].dt.microsecond == 0).all():
        events["time"] = events["time"].dt.floor("s")
    return events


def _never_said(history: Frame) -> list[str]:
    """Columns that are unknown throughout."""
    silent = np.flatnonzero(history.isna().to_numpy().all(axis=0)).tolist()
    return [str(history.columns[place]) for place in silent]


def _numbers(rng: Rng, count: int) -> list[int]:
    return [int.from_bytes(rng.bytes(16)) for _ in range(count)]


def _outcomes(history: Frame, done: Sequence[Step], rng: Rng) -> list[str]:
    usual, refused = set(history["action.name"]), rng.beta(1, 4)
    denied = [rng.random() < (0.03 if step.action in usual else refused) for step in done]
    return ["denied" if each else "success" for each in denied]


def _resources(history: Frame, done: Sequence[Step], rng: Rng, elsewhere: float) -> dict[str, list[Any]]:
    """Some of them known to the identity where it does the same itself; the rest new ones of its kind."""
    known = np.stack([history[name].to_numpy(object) for name in _RESOURCE], axis=1)
    names = history["action.name"].to_numpy(object)
    rows = [_resource(known, names, step, rng, elsewhere) for step in done]
    return {name: [row[place] for row in rows] for place, name in enumerate(_RESOURCE)}


def _resource(known: Any, names: Any, step: Step, rng: Rng, elsewhere: float) -> tuple[Any, ...]:
    same = np.flatnonzero(names == step.action)
    if len(same) and rng.random() >= elsewhere:
        return tuple(known[rng.choice(same)])
    identifier, kind, level, environment = known[rng.integers(len(known))]
    other = known[rng.integers(len(known)), 2]
    level = max(level, other, key=_LEVELS.index) if {level, other} <= set(_LEVELS) else level
    return like(identifier, rng), step.resource_type or kind, level, environment
