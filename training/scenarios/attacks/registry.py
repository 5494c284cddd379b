"""The registry of attack scenarios. To add one:

1. Write a function `(history, rng, attacker) -> events` in the module of its subject in this folder: `people.py`,
   `machines.py`, `agents.py` or `insiders.py`. Its name is the scenario's name; its docstring's first line describes
   the attack.
2. Add it to `SCENARIOS` below.

The tests in `tests/simulated_worlds/test_attack_scenarios.py` run on every entry. Simulated worlds then change
(`test_golden_digests.py` says how to accept that), so fit a model again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from features.event.schema import IdentityType
from features.suggestions import did_you_mean
from training.scenarios.actions import Rng
from training.scenarios.attacker import IN_PLACE, MIXED, Attacker, Odds
from training.scenarios.attacks import agents, held_out, insiders, machines, people

AttackFunction = Callable[[pd.DataFrame, Rng, Attacker], pd.DataFrame]


@dataclass(frozen=True)
class AttackScenario:
    """One attack.

    `function` takes the victim's events (the Event's flat columns, in order of time, at least one row), a random
    generator and an attacker drawn by `odds`; it returns the attacker's events in the same columns and changes nothing.
    `attack` are MITRE ATT&CK or ATLAS techniques, `nhi` the risks of OWASP's list for non-human identities (none for
    scenarios of people alone). `prefers` names what makes a victim likelier (`victims.py`). `held_out` scenarios are
    never trained on.
    """

    function: AttackFunction
    identity_types: tuple[IdentityType, ...]
    attack: tuple[str, ...]
    nhi: tuple[str, ...] = ()
    odds: Odds = MIXED
    prefers: str | None = None
    held_out: bool = False

    @property
    def name(self) -> str:
        """The function's name: what labels and reports call this scenario."""
        return self.function.__name__


# Odds of network match, device match and pace by kind of attacker, in the order of `attacker.py`; all are assumptions.
_PHISHER = Odds(network=(0.0, 0.12, 0.33, 0.35, 0.2), device=(0.0, 0.45, 0.55))
_SPRAYER = Odds(network=(0.0, 0.05, 0.25, 0.5, 0.2), device=(0.0, 0.35, 0.65))
_RESIDENTIAL_PROXY = Odds(network=(0.0, 0.1, 0.6, 0.1, 0.2), device=(0.0, 0.45, 0.55))
_HELPDESK_CALLER = Odds(network=(0.0, 0.1, 0.45, 0.35, 0.1), device=(0.0, 0.4, 0.6))
_APPLICATION = Odds(network=(0.0, 0.0, 0.1, 0.85, 0.05), device=(0.0, 0.0, 1.0), tempo=(0.7, 0.0, 0.3))
_KEY_HOLDER = Odds(network=(0.05, 0.2, 0.2, 0.4, 0.15), device=(0.1, 0.35, 0.55), tempo=(0.5, 0.4, 0.1))
_ROLE_HOLDER = Odds(network=(0.12, 0.28, 0.15, 0.35, 0.1), device=(0.2, 0.35, 0.45), tempo=(0.5, 0.4, 0.1))
_BUILD_LOG_READER = Odds(network=(0.03, 0.07, 0.2, 0.55, 0.15), device=(0.05, 0.25, 0.7), tempo=(0.7, 0.25, 0.05))
_INSIDE_COMPANY = Odds(network=(0.35, 0.25, 0.1, 0.25, 0.05), device=(0.35, 0.3, 0.35), tempo=(0.5, 0.35, 0.15))
_SAME_CLUSTER = Odds(network=(0.5, 0.5, 0.0, 0.0, 0.0), device=(0.3, 0.4, 0.3), tempo=(0.6, 0.3, 0.1))
_MINER = Odds(network=(0.05, 0.1, 0.1, 0.5, 0.25), device=(0.05, 0.35, 0.6), tempo=(0.8, 0.2, 0.0))
_HIJACKED_AGENT = Odds(network=IN_PLACE.network, device=IN_PLACE.device, tempo=(0.9, 0.0, 0.1))
_DEVICE_CODE = Odds(network=(0.0, 0.1, 0.3, 0.45, 0.15), device=(0.0, 0.5, 0.5), tempo=(0.2, 0.3, 0.5))
_FORMER_MAINTAINER = Odds(network=(0.0, 0.1, 0.7, 0.1, 0.1), device=(0.0, 0.3, 0.7), tempo=(0.1, 0.6, 0.3))
_DEPENDENCY = Odds(network=IN_PLACE.network, device=(0.25, 0.0, 0.75), tempo=(1.0, 0.0, 0.0))
_TRANSCRIPT_READER = Odds(network=(0.0, 0.15, 0.4, 0.3, 0.15), device=(0.0, 0.0, 1.0), tempo=(0.0, 1.0, 0.0))

SCENARIOS: tuple[AttackScenario, ...] = (
    AttackScenario(people.stolen_session_cookie, ("human",), attack=("T1539", "T1550.004"), prefers="unmanaged"),
    AttackScenario(
        people.cookie_through_victim, ("human",), attack=("T1185", "T1539"), odds=IN_PLACE, prefers="unmanaged"
    ),
    AttackScenario(people.mfa_fatigue, ("human",), attack=("T1621", "T1078"), odds=_PHISHER, prefers="weak_factor"),
    AttackScenario(
        people.password_spray, ("human",), attack=("T1110.003", "T1078"), odds=_SPRAYER, prefers="weak_factor"
    ),
    AttackScenario(
        people.credential_stuffing,
        ("human",),
        attack=("T1110.004", "T1090.002"),
        odds=_RESIDENTIAL_PROXY,
        prefers="weak_factor",
    ),
    AttackScenario(people.helpdesk_reset, ("human",), attack=("T1656", "T1556.006"), odds=_HELPDESK_CALLER),
    AttackScenario(
        people.oauth_consent_grant,
        ("human",),
        attack=("T1528", "T1550.001"),
        nhi=("NHI3:2025", "NHI5:2025"),
        odds=_APPLICATION,
    ),
    AttackScenario(insiders.insider_escalation, ("human",), attack=("T1078", "T1098"), odds=IN_PLACE),
    AttackScenario(insiders.insider_hoarding, ("human",), attack=("T1530", "T1213"), odds=IN_PLACE),
    AttackScenario(
        machines.stolen_service_key,
        ("service_account",),
        attack=("T1552.001", "T1078.004"),
        nhi=("NHI2:2025", "NHI7:2025"),
        odds=_KEY_HOLDER,
        prefers="old_key",
    ),
    AttackScenario(
        machines.secret_in_repository,
        ("service_account", "workload"),
        attack=("T1552.001", "T1213.003"),
        nhi=("NHI2:2025",),
        odds=_KEY_HOLDER,
        prefers="exposed",
    ),
    AttackScenario(
        machines.instance_role_theft,
        ("workload",),
        attack=("T1552.005", "T1078.004"),
        nhi=("NHI5:2025", "NHI6:2025"),
        odds=_ROLE_HOLDER,
    ),
    AttackScenario(
        machines.leaked_ci_token,
        ("service_account", "workload"),
        attack=("T1552.001", "T1528"),
        nhi=("NHI2:2025", "NHI6:2025"),
        odds=_BUILD_LOG_READER,
    ),
    AttackScenario(
        machines.cron_key_off_schedule,
        ("service_account",),
        attack=("T1078.004", "T1552.001"),
        nhi=("NHI7:2025", "NHI9:2025"),
        odds=_INSIDE_COMPANY,
        prefers="old_key",
    ),
    AttackScenario(
        machines.assumed_role_chain,
        ("service_account", "workload"),
        attack=("T1550.001", "T1021.007"),
        nhi=("NHI5:2025", "NHI8:2025"),
        odds=_INSIDE_COMPANY,
    ),
    AttackScenario(
        machines.token_from_another_pod,
        ("workload",),
        attack=("T1611", "T1552.007"),
        nhi=("NHI6:2025", "NHI8:2025"),
        odds=_SAME_CLUSTER,
    ),
    AttackScenario(
        machines.cryptomining,
        ("service_account", "workload"),
        attack=("T1496", "T1578.002"),
        nhi=("NHI2:2025", "NHI5:2025"),
        odds=_MINER,
        prefers="exposed",
    ),
    AttackScenario(
        agents.agent_redirected, ("agent",), attack=("AML.T0051", "T1204"), nhi=("NHI5:2025",), odds=_HIJACKED_AGENT
    ),
    AttackScenario(
        agents.poisoned_tool, ("agent",), attack=("AML.T0053", "AML.T0086"), nhi=("NHI3:2025",), odds=_HIJACKED_AGENT
    ),
    AttackScenario(
        held_out.phished_device_code, ("human",), attack=("T1528", "T1566.002"), odds=_DEVICE_CODE, held_out=True
    ),
    AttackScenario(
        held_out.key_of_somebody_gone,
        ("service_account",),
        attack=("T1078.004",),
        nhi=("NHI1:2025", "NHI10:2025"),
        odds=_FORMER_MAINTAINER,
        prefers="dormant",
        held_out=True,
    ),
    AttackScenario(
        held_out.poisoned_build,
        ("service_account", "workload"),
        attack=("T1195.001", "T1552.001"),
        nhi=("NHI3:2025",),
        odds=_DEPENDENCY,
        held_out=True,
    ),
    AttackScenario(
        held_out.replayed_agent_token,
        ("agent",),
        attack=("T1528", "T1550.001"),
        nhi=("NHI2:2025", "NHI10:2025"),
        odds=_TRANSCRIPT_READER,
        held_out=True,
    ),
)
"""Every attack scenario, in the order in which they take turns."""


def scenarios_named(names: str) -> tuple[AttackScenario, ...]:
    """The scenarios of a comma-separated list, in its order; raises ValueError for an unknown name or an empty list."""
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in by_name:
            raise ValueError(f"unknown scenario {name!r}; {did_you_mean(name, by_name)}")
    if not wanted:
        raise ValueError(f"no scenario is named; choose one of {', '.join(by_name)}")
    return tuple(by_name[name] for name in wanted)
