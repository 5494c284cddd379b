"""Abuse, as functions from a victim's ordinary events to the intruder's: for simulated worlds and your own logs alike.

To add one, write its function in the module of its kind and name it here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from features.event import IdentityType
from training import scenarios_machines as machines
from training import scenarios_people as people
from training import scenarios_unseen as unseen
from training.deeds import Rng

Function = Callable[[pd.DataFrame, Rng], pd.DataFrame]


@dataclass(frozen=True)
class Scenario:
    """One abuse. `function` takes the victim's events (an Event's flat columns, by time, at least one) and a
    generator, and returns the intruder's, in the same columns; it changes nothing. `prefers` names what draws
    intruders to a victim (see `targets.py`); `held_out` ones are kept from training."""

    name: str
    identity_types: tuple[IdentityType, ...]
    attack: tuple[str, ...]
    nhi: tuple[str, ...]
    function: Function
    prefers: str | None = None
    held_out: bool = False


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "stolen_session_cookie", ("human",), ("T1539", "T1550.004"), (), people.stolen_session_cookie, "unmanaged"
    ),
    Scenario("mfa_fatigue", ("human",), ("T1621", "T1078"), (), people.mfa_fatigue, "weak_factor"),
    Scenario("password_spray", ("human",), ("T1110.003", "T1078"), (), people.password_spray, "weak_factor"),
    Scenario("insider_escalation", ("human",), ("T1078", "T1098"), (), people.insider_escalation),
    Scenario(
        "stolen_service_key",
        ("service_account",),
        ("T1552.001", "T1078.004"),
        ("NHI2:2025", "NHI7:2025"),
        machines.stolen_service_key,
        "old_key",
    ),
    Scenario(
        "secret_in_repository",
        ("service_account", "workload"),
        ("T1552.001", "T1213.003"),
        ("NHI2:2025",),
        machines.secret_in_repository,
        "exposed",
    ),
    Scenario(
        "instance_role_theft",
        ("workload",),
        ("T1552.005", "T1078.004"),
        ("NHI5:2025", "NHI6:2025"),
        machines.instance_role_theft,
    ),
    Scenario("agent_redirected", ("agent",), ("AML.T0051", "T1204"), ("NHI5:2025",), machines.agent_redirected),
    Scenario("phished_device_code", ("human",), ("T1528", "T1566.002"), (), unseen.phished_device_code, held_out=True),
    Scenario(
        "key_of_somebody_gone",
        ("service_account",),
        ("T1078.004",),
        ("NHI1:2025", "NHI10:2025"),
        unseen.key_of_somebody_gone,
        "dormant",
        held_out=True,
    ),
    Scenario(
        "poisoned_build",
        ("service_account", "workload"),
        ("T1195.001", "T1552.001"),
        ("NHI3:2025",),
        unseen.poisoned_build,
        held_out=True,
    ),
    Scenario(
        "replayed_agent_token",
        ("agent",),
        ("T1528", "T1550.001"),
        ("NHI2:2025", "NHI10:2025"),
        unseen.replayed_agent_token,
        held_out=True,
    ),
)
