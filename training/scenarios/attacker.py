"""How an intruder looks to the log: from where, with what, in which session; from clumsy to careful."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from training.reference.attack_sequences import Step
from training.reference.job_profiles import BROWSERS, LIBRARIES, TOOLS
from training.reference.networks import facts, places
from training.scenarios.actions import TEMPOS, Frame, Rng, act, in_cloud, like
from training.scenarios.event_batch import Acts

NEARNESS = ("same", "neighbour", "countryman", "rented", "abroad")
"""The owner's own address (a proxy on the machine), his operator, his country, a hosting or VPN range, elsewhere."""
LIKENESS = ("same", "cloned", "other")
"""The owner's own device, another that says it is the same client, another client."""


STRENGTHS = ("naive", "same_country", "same_network", "same_device", "patient")
"""How much of the owner an intruder matches; each rung includes those before it."""


@dataclass(frozen=True)
class Attacker:
    """What one of them can and bothers to do."""

    nearness: str
    likeness: str
    tempo: str

    @property
    def strength(self) -> str:
        """The highest rung of STRENGTHS he reaches: his country, his operator, his client, his pace."""
        rungs = (
            self.nearness not in ("rented", "abroad"),
            self.nearness in ("same", "neighbour"),
            self.likeness in ("same", "cloned"),
            self.tempo == "patient",
        )
        return STRENGTHS[sum(all(rungs[: place + 1]) for place in range(len(rungs)))]


@dataclass(frozen=True)
class Odds:
    """How likely each nearness, likeness and tempo is among the intruders of one kind (assumptions, all of them)."""

    near: tuple[float, ...] = (0.1, 0.17, 0.23, 0.32, 0.18)
    alike: tuple[float, ...] = (0.15, 0.4, 0.45)
    tempo: tuple[float, ...] = (0.35, 0.5, 0.15)


MIXED = Odds()
"""Of every strength: most of them clumsy, as in life."""
IN_PLACE = Odds(near=(1.0, 0.0, 0.0, 0.0, 0.0), alike=(1.0, 0.0, 0.0), tempo=(0.0, 0.65, 0.35))
"""Who acts from the owner's own desk and with what he has: the owner himself, or what runs on his machine."""
_CAREFUL = 0.3
"""Assumption: of those who match country, operator and client, so many take their time as well."""


def intruder(rng: Rng, odds: Odds = MIXED) -> Attacker:
    """One of mixed strength; who comes from the owner's own address mostly has his device as well."""
    nearness, likeness = str(rng.choice(NEARNESS, p=odds.near)), str(rng.choice(LIKENESS, p=odds.alike))
    likeness = "same" if nearness == "same" and rng.random() < 0.6 else likeness
    who = Attacker(nearness, likeness, str(rng.choice(tuple(TEMPOS), p=odds.tempo)))
    careful = who.strength == "same_device" and odds.tempo[-1] > 0 and rng.random() < _CAREFUL
    return replace(who, tempo="patient") if careful else who


def disguised(acts: Acts, history: Frame, rng: Rng, who: Attacker) -> Acts:
    """The same acts, from the intruder's network and device."""
    return reclothed(moved(acts, rng, who.nearness), history, rng, who.likeness)


def moved(acts: Acts, rng: Rng, nearness: str) -> Acts:
    """From another network, the same for all acts; unknown countries and operators are treated as abroad."""
    if nearness == "same":
        return acts
    country = acts.first("network.country")
    if nearness == "neighbour" and acts.first("network.asn") is not None:
        address = _neighbour(acts.first("network.ip"), rng)
        return acts.but({"network.ip": address, "network.reputation": round(float(rng.beta(1, 6)), 2)})
    choices = {"rented": places("hosting", "vpn", "gateway"), "abroad": places("home", "mobile")}
    near = places("home", "mobile", country=country)
    return acts.but(_somewhere(rng, choices.get(nearness) or near or choices["abroad"]))


def _somewhere(rng: Rng, choices: tuple[int, ...]) -> dict[str, Any]:
    found = facts(np.array([rng.choice(choices)]), rng.integers(0, 1 << 16, 1))
    return {name: value.tolist()[0] for name, value in found.items()}


def _neighbour(ip: Any, rng: Rng) -> Any:
    parts = str(ip).split(".")
    return f"{parts[0]}.{parts[1]}.{rng.integers(256)}.{rng.integers(1, 255)}" if len(parts) == 4 else like(ip, rng)


def reclothed(acts: Acts, history: Frame, rng: Rng, likeness: str) -> Acts:
    """From another device: unknown to whoever manages them, or known to be nobody's."""
    if likeness == "same":
        return acts
    known = rng.random() < 0.65
    device = {
        "device.id": like(acts.first("device.id"), rng) if known else None,
        "device.managed": False if known else None,
        "device.compliant": bool(rng.random() < 0.3) if known else None,
    }
    return acts.but(device if likeness == "cloned" else device | {"device.user_agent": _client(history, rng)})


def _client(history: Frame, rng: Rng) -> str:
    person = history["identity.type"].iloc[0] == "human"
    clients = BROWSERS if person and rng.random() < 0.7 else TOOLS if in_cloud(history) else LIBRARIES
    return clients[rng.integers(len(clients))].format(v=rng.integers(126, 136), m=rng.integers(8, 31))


def new_session(acts: Acts, rng: Rng, *, credential: bool = False) -> Acts:
    """In a session of its own; with a fresh credential, or with the owner's. A key that is its own session stays it."""
    session, key, start = acts.first("session.id"), acts.first("credential.id"), acts.first("time")
    fresh = {"session.id": like(session, rng), "session.started_at": start} if session != key or credential else {}
    if credential:
        expires, issued = acts.first("credential.expires_at"), acts.first("credential.issued_at")
        lasts = expires - issued if expires is not None and issued is not None else None
        fresh |= {"credential.id": like(key, rng), "credential.issued_at": start}
        fresh |= {"credential.expires_at": start + lasts} if lasts is not None else {}
        fresh |= {"session.id": fresh["credential.id"]} if session == key else {}
    return acts.but(fresh)


def proven(acts: Acts, amr: tuple[str, ...], aal: int) -> Acts:
    """After a sign-in at the first of the acts, with these factors."""
    proof = {"authentication.amr": amr, "authentication.aal": aal, "authentication.time": acts.first("time")}
    return acts.but(proof)


def attempts(history: Frame, at: int, rng: Rng, *, outcomes: list[str], after_seconds: float, tempo: str) -> Acts:
    """Sign-ins in the owner's name, outside any session, by password or prompt."""
    own = history["action.name"][history["action.category"].eq("authenticate").to_numpy(bool, na_value=False)]
    name = own.iloc[0] if len(own) else "signin:ConsoleLogin" if in_cloud(history) else "session.sign_in"
    steps = [Step(name, "authenticate")] * len(outcomes)
    tried = act(history, at, steps, rng, after_seconds=after_seconds, tempo=tempo)
    outside = ("session.", "credential.", "authentication.", "resource.")
    unknown = dict.fromkeys(name for name in tried.columns if name.startswith(outside))
    return tried.but({**unknown, "action.outcome": outcomes})
