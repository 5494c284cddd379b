"""Guessing at sign-ins: at one identity, at many from one address, and from the internet at names that mostly do not
exist. It fails, or it succeeds and goes on.

It is added only where a log shows sign-ins. Guesses share a session of their own where the log names sessions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from training.data.labels import LABELS, SIMULATED, World, events_to_frame, frame_to_events
from training.scenarios.actions import Frame, Rng, as_logged, perform_steps, sample_own_steps, similar_identifier
from training.scenarios.attacker import Attacker, draw_attacker
from training.scenarios.context_changes import change_device, change_network
from training.scenarios.event_batch import EventBatch, concatenate_batches, repeat_event, times_after

GUESSED, SPRAYED, BACKGROUND = "guessed_password", "sprayed_sign_ins", "background_guessing"
"""Scenarios, by what a row's label says."""
GUESSING = (GUESSED, SPRAYED, BACKGROUND)
OWN_OLD_PASSWORD = "old_password_kept"
"""The hard negative beside them: a client of the identity's own goes on trying a password that was changed."""
_FOREIGN = ("same_country", "hosting", "abroad")
_OLD_PASSWORDS = 0.3
_SUCCEEDS, _SPRAY_SUCCEEDS, _BACKGROUND_SUCCEEDS = 0.6, 0.15, 0.04
_NEW_NAMES = 0.3
_NAMES_GUESSED_AT = 400
"""Names that the internet guesses at; the first are tried most."""
_EXISTING_NAMES = 0.2
_SECRET = ("credential.", "authentication.", "resource.")

Guesses = tuple[str, bool, str, Frame]
"""Scenario or situation, whether it is malicious, the deployment, and the events."""


@dataclass(frozen=True)
class GuessingRates:
    """How often somebody guesses; `world.yaml` says where the defaults come from."""

    guessed_identities: float
    """Share of the identities with sign-ins."""
    sprays_per_deployment: int
    background_guessing: float
    """Share of deployments."""
    background_campaigns: float
    """In each of them, for each identity and day."""


def add_guessing(world: World, rates: GuessingRates, rng: Rng) -> World:
    """Append guessing to the deployments of a world whose log shows sign-ins."""
    frame = events_to_frame(world.events)
    benign = world.labels["compromised"].fill_null(1).to_numpy() == 0
    deployment = world.labels["deployment"].to_pandas()
    parts: list[Guesses] = []
    for name, rows in frame[benign].groupby(deployment[benign], sort=True):
        log = _Log(str(name), rows.sort_values("time", kind="stable"))
        if log.sign_ins:
            parts += _guesses(log, rates, rng)
    start, end = frame["time"].min(), frame["time"].max()
    kept = [(name, bad, where, events[events["time"].between(start, end)]) for name, bad, where, events in parts]
    kept = [part for part in kept if len(part[-1])]
    if not kept:
        return world
    events = frame_to_events(pd.concat([part[-1] for part in kept], ignore_index=True))
    labels = [_label(name, bad, where) for name, bad, where, rows in kept for _ in range(len(rows))]
    added = World(events, pa.Table.from_pylist(labels, schema=LABELS))
    return World(pa.concat_tables([world.events, added.events]), pa.concat_tables([world.labels, added.labels]))


class _Log:
    """A deployment's benign events by identity, and who of them signs in."""

    def __init__(self, name: str, events: Frame) -> None:
        self.name, self.start, self.end = name, events["time"].min(), events["time"].max()
        self.histories = {str(key): rows.reset_index(drop=True) for key, rows in events.groupby("identity.id")}
        signs_in = events["action.category"].eq("authenticate")
        self.sign_ins: list[str] = sorted(events["identity.id"][signs_in].unique())

    def any_history(self, rng: Rng) -> Frame:
        """The history of somebody who signs in."""
        return self.histories[self.sign_ins[int(rng.integers(len(self.sign_ins)))]]

    def any_time(self, rng: Rng) -> pd.Timestamp:
        """A moment within the log."""
        moment: pd.Timestamp = self.start + (self.end - self.start) * float(rng.random())
        return moment


def _guesses(log: _Log, rates: GuessingRates, rng: Rng) -> Iterator[Guesses]:
    for identity in log.sign_ins:
        if rng.random() < rates.guessed_identities:
            yield _guess_at_one(log, log.histories[identity], rng)
    for _ in range(rates.sprays_per_deployment):
        yield from _spray(log, rng)
    if rng.random() < rates.background_guessing:
        days = (log.end - log.start) / pd.Timedelta(days=1)
        for _ in range(rng.poisson(rates.background_campaigns * days * len(log.histories))):
            yield from _campaign(log, rng)


def _guess_at_one(log: _Log, history: Frame, rng: Rng) -> Guesses:
    """From 4 to 300 tries from elsewhere, six in ten of which end with success and go on; or an old password that the
    identity's own client keeps trying."""
    tries = int(np.exp(rng.uniform(np.log(4), np.log(300))))
    own = rng.random() < _OLD_PASSWORDS
    gaps = np.exp(rng.normal(1.5, 1.0, tries))
    batch = _attempts(history, log.any_time(rng), np.cumsum(gaps), rng)
    if own:
        return OWN_OLD_PASSWORD, False, log.name, as_logged(batch, history)
    batch = _from_elsewhere(batch, history, rng, draw_attacker(rng))
    if rng.random() < _SUCCEEDS:
        batch = _let_in(batch, history, rng)
    return GUESSED, True, log.name, as_logged(batch, history)


def _spray(log: _Log, rng: Rng) -> Iterator[Guesses]:
    """One address tries 5 to 29 identities within half an hour, some of which the log has never seen."""
    victims = rng.permutation(log.sign_ins)[: int(rng.integers(5, 30))].tolist()
    attacker, start = draw_attacker(rng), log.any_time(rng)
    place: dict[str, Any] = {}
    for victim in victims:
        history = log.histories[victim]
        batch = _attempts(history, start, np.sort(rng.uniform(0, 1_800, int(rng.integers(1, 6)))), rng)
        batch = _from_elsewhere(batch, history, rng, attacker)
        place = place or _place_of(batch)
        batch = batch.with_columns(place)
        if rng.random() < _NEW_NAMES:
            batch = batch.with_columns({"identity.id": _unknown_name(log, int(rng.integers(1_000, 9_999)))})
        elif rng.random() < _SPRAY_SUCCEEDS:
            batch = _let_in(batch, history, rng)
        yield SPRAYED, True, log.name, as_logged(batch, history)


def _campaign(log: _Log, rng: Rng) -> Iterator[Guesses]:
    """One address of the internet tries a few names, up to 150 times each; hardly ever it gets in."""
    start = log.any_time(rng)
    place: dict[str, Any] = {}
    for _ in range(int(rng.geometric(0.4))):
        history = log.any_history(rng)
        gaps = np.exp(rng.normal(1.0, 1.0, int(np.exp(rng.uniform(0, 5)))))
        batch = _attempts(history, start, np.cumsum(gaps), rng)
        batch = change_device(change_network(batch, rng, _FOREIGN[int(rng.integers(3))]), history, rng, "other")
        place = place or _place_of(batch)
        batch = batch.with_columns(place)
        start = batch.columns["time"][-1]
        if rng.random() >= _EXISTING_NAMES:
            batch = batch.with_columns({"identity.id": _unknown_name(log, int(rng.zipf(1.5)) % _NAMES_GUESSED_AT)})
        if rng.random() < _BACKGROUND_SUCCEEDS:
            batch = _let_in(batch, history, rng)
        yield BACKGROUND, True, log.name, as_logged(batch, history)


def _attempts(history: Frame, start: pd.Timestamp, seconds: Any, rng: Rng) -> EventBatch:
    """Failed sign-ins in the identity's name at these seconds after the start, in a session of their own."""
    own = np.flatnonzero(history["action.category"].eq("authenticate").to_numpy(bool, na_value=False))
    batch = repeat_event(history.iloc[int(own[rng.integers(len(own))])], len(seconds))
    unknown = dict.fromkeys(name for name in batch.columns if name.startswith(_SECRET))
    session = history["session.id"].dropna()
    changes = {
        "id": [f"{int.from_bytes(rng.bytes(16)):032x}" for _ in range(len(seconds))],
        "time": times_after(start, np.asarray(seconds)),
        "action.outcome": "failure",
        "session.id": similar_identifier(session.iloc[0], rng) if len(session) else None,
        "session.started_at": None,
    }
    return batch.with_columns(unknown | changes)


def _from_elsewhere(batch: EventBatch, history: Frame, rng: Rng, attacker: Attacker) -> EventBatch:
    """The same from another address and client: nobody guesses from the identity's own machine."""
    network = attacker.network if attacker.network in ("same_operator", *_FOREIGN) else "hosting"
    device = "other" if attacker.device == "same" else attacker.device
    return change_device(change_network(batch, rng, network), history, rng, device)


def _place_of(batch: EventBatch) -> dict[str, Any]:
    """Where a batch comes from: its network and its client."""
    return {name: value for name, value in batch.columns.items() if name.startswith(("network.", "device."))}


def _let_in(batch: EventBatch, history: Frame, rng: Rng) -> EventBatch:
    """The same, followed by a sign-in that succeeds and by some of what the identity does."""
    last = batch.columns["time"][-1]
    entry = EventBatch(1, {name: batch.first(name) for name in batch.columns}).with_columns(
        {
            "id": [f"{int.from_bytes(rng.bytes(16)):032x}"],
            "time": times_after(last, [float(rng.exponential(8.0)) + 1.0]),
            "action.outcome": "success",
        }
    )
    steps = sample_own_steps(history, rng, int(rng.integers(3, 15)))
    if not steps:
        return concatenate_batches(batch, entry)
    acts = perform_steps(history, len(history) - 1, steps, rng, after_seconds=0.0, tempo="scripted")
    delay = (entry.columns["time"][0] - acts.columns["time"][0]).total_seconds() + float(rng.exponential(20.0))
    kept = ("identity.", "session.", "network.", "device.")
    shared = {name: value for name, value in entry.columns.items() if name.startswith(kept)}
    return concatenate_batches(batch, entry, acts.delayed(delay).with_columns(shared))


def _unknown_name(log: _Log, number: int) -> str:
    """A name that nobody in the deployment has; the same number is the same name."""
    return f"guest-{log.name}-{number:04d}"


def _label(scenario: str, malicious: bool, deployment: str | None) -> dict[str, Any]:
    return dict.fromkeys(LABELS.names) | {
        "compromised": int(malicious),
        "scenario": scenario if malicious else None,
        "situation": None if malicious else scenario,
        "legitimate_escalation": False,
        "label_source": SIMULATED,
        "strength": "naive" if malicious else None,
        "deployment": deployment,
    }
