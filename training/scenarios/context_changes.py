"""Changes the context of an event batch: another network, device, session or proof of identity."""

from __future__ import annotations

from typing import Any

import numpy as np

from training.reference.attack_sequences import Step
from training.reference.job_profiles import ATTACK_TOOLS, BROWSERS, LIBRARIES
from training.reference.networks import network_columns, networks_of_kind
from training.scenarios.actions import Frame, Rng, perform_steps, similar_identifier, uses_cloud_actions
from training.scenarios.attacker import Attacker
from training.scenarios.event_batch import EventBatch


def disguise(batch: EventBatch, history: Frame, rng: Rng, attacker: Attacker) -> EventBatch:
    """The same events from the attacker's network and device."""
    return change_device(change_network(batch, rng, attacker.network), history, rng, attacker.device)


def change_network(batch: EventBatch, rng: Rng, match: str) -> EventBatch:
    """The same events from one other network, as close to the present one as `match` (of NETWORK_MATCHES) says.

    Where the operator is unknown or the country has no known network, the new network may be in any country.
    """
    if match == "same":
        return batch
    country = batch.first("network.country")
    if match == "same_operator" and batch.first("network.asn") is not None:
        address = _nearby_address(batch.first("network.ip"), rng)
        return batch.with_columns({"network.ip": address, "network.reputation": round(float(rng.beta(1, 6)), 2)})
    choices = {
        "hosting": networks_of_kind("hosting", "vpn", "gateway"),
        "abroad": networks_of_kind("home", "mobile"),
    }
    same_country = networks_of_kind("home", "mobile", country=country)
    return batch.with_columns(_random_address(rng, choices.get(match) or same_country or choices["abroad"]))


def _random_address(rng: Rng, networks: tuple[int, ...]) -> dict[str, Any]:
    columns = network_columns(np.array([rng.choice(networks)]), rng.integers(0, 1 << 16, 1))
    return {name: value.tolist()[0] for name, value in columns.items()}


def _nearby_address(ip: Any, rng: Rng) -> Any:
    parts = str(ip).split(".")
    if len(parts) != 4:
        return similar_identifier(ip, rng)
    return f"{parts[0]}.{parts[1]}.{rng.integers(256)}.{rng.integers(1, 255)}"


def change_device(batch: EventBatch, history: Frame, rng: Rng, match: str) -> EventBatch:
    """The same events from another device (`match` is one of DEVICE_MATCHES): not managed, or not known at all."""
    if match == "same":
        return batch
    known = rng.random() < 0.65
    device = {
        "device.id": similar_identifier(batch.first("device.id"), rng) if known else None,
        "device.managed": False if known else None,
        "device.compliant": bool(rng.random() < 0.3) if known else None,
    }
    if match != "cloned":
        device["device.user_agent"] = _other_user_agent(history, rng)
    return batch.with_columns(device)


def _other_user_agent(history: Frame, rng: Rng) -> str:
    person = history["identity.type"].iloc[0] == "human"
    programs = ATTACK_TOOLS if uses_cloud_actions(history) else LIBRARIES
    clients = BROWSERS if person and rng.random() < 0.7 else programs
    return random_user_agent(clients, rng)


def random_user_agent(clients: tuple[str, ...], rng: Rng) -> str:
    """One of these user-agent templates, with a random recent version filled in."""
    return clients[rng.integers(len(clients))].format(v=rng.integers(126, 136), m=rng.integers(8, 31))


def random_service_user_agent(rng: Rng) -> str:
    """The user agent of an application's own servers: an HTTP library that is no cloud SDK."""
    return LIBRARIES[rng.integers(5, len(LIBRARIES))].format(v=rng.integers(126, 136), m=rng.integers(8, 31))


def start_new_session(batch: EventBatch, rng: Rng, *, credential: bool = False) -> EventBatch:
    """The same events in a session of their own, with a fresh credential if asked for, else with the present one.

    Where the session is named after its long-lived key, it keeps that name unless the credential is fresh.
    """
    session, key, start = batch.first("session.id"), batch.first("credential.id"), batch.first("time")
    changes: dict[str, Any] = {}
    if session != key or credential:
        changes = {"session.id": similar_identifier(session, rng), "session.started_at": start}
    if credential:
        expires, issued = batch.first("credential.expires_at"), batch.first("credential.issued_at")
        lifetime = expires - issued if expires is not None and issued is not None else None
        changes |= {"credential.id": similar_identifier(key, rng), "credential.issued_at": start}
        changes |= {"credential.expires_at": start + lifetime} if lifetime is not None else {}
        changes |= {"session.id": changes["credential.id"]} if session == key else {}
    return batch.with_columns(changes)


def authenticated_with(batch: EventBatch, amr: tuple[str, ...], aal: int) -> EventBatch:
    """The same events after a sign-in with these factors (RFC 8176) at the time of the first event."""
    proof = {"authentication.amr": amr, "authentication.aal": aal, "authentication.time": batch.first("time")}
    return batch.with_columns(proof)


def sign_in_attempts(
    history: Frame, start: int, rng: Rng, *, outcomes: list[str], after_seconds: float, tempo: str
) -> EventBatch:
    """Sign-ins in the identity's name by password or prompt, one per outcome, outside any session."""
    own = history["action.name"][history["action.category"].eq("authenticate").to_numpy(bool, na_value=False)]
    default = "signin:ConsoleLogin" if uses_cloud_actions(history) else "session.sign_in"
    name = own.iloc[0] if len(own) else default
    steps = [Step(name, "authenticate")] * len(outcomes)
    batch = perform_steps(history, start, steps, rng, after_seconds=after_seconds, tempo=tempo)
    outside = ("session.", "credential.", "authentication.", "resource.")
    unknown = dict.fromkeys(name for name in batch.columns if name.startswith(outside))
    return batch.with_columns({**unknown, "action.outcome": outcomes})
