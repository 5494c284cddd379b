"""Abuse, as functions from a victim's ordinary events to the intruder's: for simulated worlds and your own logs alike.

To add one, write its function in the module of its kind and name it here with the odds of who does it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

import pandas as pd

from features.event.schema import IdentityType
from training.scenarios.actions import Rng
from training.scenarios.attacker import IN_PLACE, MIXED, Attacker, Odds
from training.scenarios.attacks import agents, held_out, insiders, machines, people
from training.scenarios.hard_negatives.everyday import AGENT, HUMAN, SERVICE, WORKLOAD

Function = Callable[[pd.DataFrame, Rng, Attacker], pd.DataFrame]


@dataclass(frozen=True)
class Scenario:
    """One abuse. `function` takes the victim's events (an Event's flat columns, by time, at least one), a generator
    and an intruder drawn by `odds`, and returns the intruder's events in the same columns; it changes nothing.
    `attack` are MITRE ATT&CK or ATLAS techniques, `nhi` OWASP's risks of non-human identities (none for people alone);
    `prefers` names what draws intruders to a victim (see `targets.py`); `held_out` ones are kept from training."""

    name: str
    identity_types: tuple[IdentityType, ...]
    attack: tuple[str, ...]
    nhi: tuple[str, ...]
    function: Function
    odds: Odds = MIXED
    prefers: str | None = None
    held_out: bool = False


_PHISHER = Odds(near=(0.0, 0.12, 0.33, 0.35, 0.2), alike=(0.0, 0.45, 0.55))
_SPRAYER = Odds(near=(0.0, 0.05, 0.25, 0.5, 0.2), alike=(0.0, 0.35, 0.65))
_RESIDENTIAL = Odds(near=(0.0, 0.1, 0.6, 0.1, 0.2), alike=(0.0, 0.45, 0.55))
_CALLER = Odds(near=(0.0, 0.1, 0.45, 0.35, 0.1), alike=(0.0, 0.4, 0.6))
_APPLICATION = Odds(near=(0.0, 0.0, 0.1, 0.85, 0.05), alike=(0.0, 0.0, 1.0), tempo=(0.7, 0.0, 0.3))
_KEY_THIEF = Odds(near=(0.05, 0.2, 0.2, 0.4, 0.15), alike=(0.1, 0.35, 0.55), tempo=(0.5, 0.4, 0.1))
_ROLE_THIEF = Odds(near=(0.12, 0.28, 0.15, 0.35, 0.1), alike=(0.2, 0.35, 0.45), tempo=(0.5, 0.4, 0.1))
_LOG_READER = Odds(near=(0.03, 0.07, 0.2, 0.55, 0.15), alike=(0.05, 0.25, 0.7), tempo=(0.7, 0.25, 0.05))
_IN_THE_HOUSE = Odds(near=(0.35, 0.25, 0.1, 0.25, 0.05), alike=(0.35, 0.3, 0.35), tempo=(0.5, 0.35, 0.15))
_NEIGHBOUR = Odds(near=(0.5, 0.5, 0.0, 0.0, 0.0), alike=(0.3, 0.4, 0.3), tempo=(0.6, 0.3, 0.1))
_MINER = Odds(near=(0.05, 0.1, 0.1, 0.5, 0.25), alike=(0.05, 0.35, 0.6), tempo=(0.8, 0.2, 0.0))
_HIJACKED = Odds(near=IN_PLACE.near, alike=IN_PLACE.alike, tempo=(0.9, 0.0, 0.1))
_DEVICE_CODE = Odds(near=(0.0, 0.1, 0.3, 0.45, 0.15), alike=(0.0, 0.5, 0.5), tempo=(0.2, 0.3, 0.5))
_GONE = Odds(near=(0.0, 0.1, 0.7, 0.1, 0.1), alike=(0.0, 0.3, 0.7), tempo=(0.1, 0.6, 0.3))
_DEPENDENCY = Odds(near=IN_PLACE.near, alike=(0.25, 0.0, 0.75), tempo=(1.0, 0.0, 0.0))
_READER = Odds(near=(0.0, 0.15, 0.4, 0.3, 0.15), alike=(0.0, 0.0, 1.0), tempo=(0.0, 1.0, 0.0))

SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "stolen_session_cookie", (HUMAN,), ("T1539", "T1550.004"), (), people.stolen_session_cookie, prefers="unmanaged"
    ),
    Scenario(
        "cookie_through_victim",
        (HUMAN,),
        ("T1185", "T1539"),
        (),
        people.cookie_through_victim,
        IN_PLACE,
        prefers="unmanaged",
    ),
    Scenario("mfa_fatigue", (HUMAN,), ("T1621", "T1078"), (), people.mfa_fatigue, _PHISHER, "weak_factor"),
    Scenario("password_spray", (HUMAN,), ("T1110.003", "T1078"), (), people.password_spray, _SPRAYER, "weak_factor"),
    Scenario(
        "credential_stuffing",
        (HUMAN,),
        ("T1110.004", "T1090.002"),
        (),
        people.credential_stuffing,
        _RESIDENTIAL,
        "weak_factor",
    ),
    Scenario("helpdesk_reset", (HUMAN,), ("T1656", "T1556.006"), (), people.helpdesk_reset, _CALLER),
    Scenario(
        "oauth_consent_grant",
        (HUMAN,),
        ("T1528", "T1550.001"),
        ("NHI3:2025", "NHI5:2025"),
        people.oauth_consent_grant,
        _APPLICATION,
    ),
    Scenario("insider_escalation", (HUMAN,), ("T1078", "T1098"), (), insiders.insider_escalation, IN_PLACE),
    Scenario("insider_hoarding", (HUMAN,), ("T1530", "T1213"), (), insiders.insider_hoarding, IN_PLACE),
    Scenario(
        "stolen_service_key",
        (SERVICE,),
        ("T1552.001", "T1078.004"),
        ("NHI2:2025", "NHI7:2025"),
        machines.stolen_service_key,
        _KEY_THIEF,
        "old_key",
    ),
    Scenario(
        "secret_in_repository",
        (SERVICE, WORKLOAD),
        ("T1552.001", "T1213.003"),
        ("NHI2:2025",),
        machines.secret_in_repository,
        _KEY_THIEF,
        "exposed",
    ),
    Scenario(
        "instance_role_theft",
        (WORKLOAD,),
        ("T1552.005", "T1078.004"),
        ("NHI5:2025", "NHI6:2025"),
        machines.instance_role_theft,
        _ROLE_THIEF,
    ),
    Scenario(
        "leaked_ci_token",
        (SERVICE, WORKLOAD),
        ("T1552.001", "T1528"),
        ("NHI2:2025", "NHI6:2025"),
        machines.leaked_ci_token,
        _LOG_READER,
    ),
    Scenario(
        "cron_key_off_schedule",
        (SERVICE,),
        ("T1078.004", "T1552.001"),
        ("NHI7:2025", "NHI9:2025"),
        machines.cron_key_off_schedule,
        _IN_THE_HOUSE,
        "old_key",
    ),
    Scenario(
        "assumed_role_chain",
        (SERVICE, WORKLOAD),
        ("T1550.001", "T1021.007"),
        ("NHI5:2025", "NHI8:2025"),
        machines.assumed_role_chain,
        _IN_THE_HOUSE,
    ),
    Scenario(
        "token_from_another_pod",
        (WORKLOAD,),
        ("T1611", "T1552.007"),
        ("NHI6:2025", "NHI8:2025"),
        machines.token_from_another_pod,
        _NEIGHBOUR,
    ),
    Scenario(
        "cryptomining",
        (SERVICE, WORKLOAD),
        ("T1496", "T1578.002"),
        ("NHI2:2025", "NHI5:2025"),
        machines.cryptomining,
        _MINER,
        "exposed",
    ),
    Scenario("agent_redirected", (AGENT,), ("AML.T0051", "T1204"), ("NHI5:2025",), agents.agent_redirected, _HIJACKED),
    Scenario("poisoned_tool", (AGENT,), ("AML.T0053", "AML.T0086"), ("NHI3:2025",), agents.poisoned_tool, _HIJACKED),
    Scenario(
        "phished_device_code",
        (HUMAN,),
        ("T1528", "T1566.002"),
        (),
        held_out.phished_device_code,
        _DEVICE_CODE,
        held_out=True,
    ),
    Scenario(
        "key_of_somebody_gone",
        (SERVICE,),
        ("T1078.004",),
        ("NHI1:2025", "NHI10:2025"),
        held_out.key_of_somebody_gone,
        _GONE,
        "dormant",
        held_out=True,
    ),
    Scenario(
        "poisoned_build",
        (SERVICE, WORKLOAD),
        ("T1195.001", "T1552.001"),
        ("NHI3:2025",),
        held_out.poisoned_build,
        _DEPENDENCY,
        held_out=True,
    ),
    Scenario(
        "replayed_agent_token",
        (AGENT,),
        ("T1528", "T1550.001"),
        ("NHI2:2025", "NHI10:2025"),
        held_out.replayed_agent_token,
        _READER,
        held_out=True,
    ),
)


def named(names: str) -> tuple[Scenario, ...]:
    """The scenarios of a comma-separated list, in its order; raises ValueError for a name that is none."""
    known = {scenario.name: scenario for scenario in SCENARIOS}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            near = get_close_matches(name, known, 1)
            meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise ValueError(f"no scenario is called {name!r}; {meant}")
    if not wanted:
        raise ValueError(f"no scenario is named; there are {', '.join(known)}")
    return tuple(known[name] for name in wanted)
