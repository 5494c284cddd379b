"""The registry of hard negatives: legitimate events that look like attacks. To add one:

1. Write a function `(history, rng) -> events` in `everyday.py`, or in `attack_lookalikes.py` if it resembles one attack
   in particular. Its name is what labels call the situation; its docstring's first line describes it.
2. Add it to `HARD_NEGATIVES` below.

The tests in `tests/simulated_worlds/test_hard_negatives.py` run on every entry. Simulated worlds then change
(`test_golden_digests.py` says how to accept that), so fit a model again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from features.event.schema import IdentityType
from training.scenarios.actions import Frame, Rng
from training.scenarios.hard_negatives import attack_lookalikes, everyday

HardNegativeFunction = Callable[[Frame, Rng], Frame]


@dataclass(frozen=True)
class HardNegative:
    """One legitimate situation that looks like an attack.

    `function` takes an identity's events (the Event's flat columns, in order of time, at least one row) and a random
    generator; it returns new events of the identity in the same columns and changes nothing. `legitimate_escalation`
    marks situations that rightly use more than usual (another place, right or volume), so that challenging them is
    counted separately. `by_outsider` marks attempts of somebody else that came to nothing: they stay unlabelled.
    `prefers` names what makes an identity likelier to be chosen (`victims.py`).
    """

    function: HardNegativeFunction
    identity_types: tuple[IdentityType, ...]
    legitimate_escalation: bool = False
    by_outsider: bool = False
    prefers: str | None = None

    @property
    def name(self) -> str:
        """The function's name: what labels (column `situation`) and reports call it."""
        return self.function.__name__


HARD_NEGATIVES: tuple[HardNegative, ...] = (
    HardNegative(everyday.new_laptop, ("human",)),
    HardNegative(everyday.conference_travel, ("human",), legitimate_escalation=True),
    HardNegative(everyday.vpn_switched_on, ("human",)),
    HardNegative(everyday.break_glass_at_night, ("human",), legitimate_escalation=True),
    HardNegative(everyday.planned_key_rotation, ("service_account", "workload"), legitimate_escalation=True),
    HardNegative(everyday.deploy_burst, ("human", "service_account", "workload"), legitimate_escalation=True),
    HardNegative(
        everyday.first_week,
        ("human", "service_account", "workload", "agent"),
        legitimate_escalation=True,
        prefers="newcomer",
    ),
    HardNegative(everyday.quarter_end_export, ("human", "service_account"), legitimate_escalation=True),
    HardNegative(everyday.autoscaled, ("workload",)),
    HardNegative(everyday.moved_provider, ("service_account", "workload")),
    HardNegative(everyday.job_run_by_hand, ("service_account", "workload", "agent")),
    HardNegative(everyday.browser_upgrade, ("human",)),
    HardNegative(everyday.forgotten_password, ("human",)),
    HardNegative(everyday.stranger_sprays, ("human",), by_outsider=True),
    HardNegative(everyday.new_task, ("agent",), legitimate_escalation=True),
    HardNegative(everyday.access_review, ("human", "service_account", "workload")),
    HardNegative(attack_lookalikes.migration_script, ("human", "service_account"), legitimate_escalation=True),
    HardNegative(attack_lookalikes.consented_application, ("human",)),
    HardNegative(attack_lookalikes.handover_before_leaving, ("human",)),
    HardNegative(
        attack_lookalikes.role_for_an_incident, ("human", "service_account", "workload"), legitimate_escalation=True
    ),
    HardNegative(attack_lookalikes.capacity_for_the_sale, ("service_account", "workload"), legitimate_escalation=True),
    HardNegative(attack_lookalikes.rescheduled_job, ("service_account",)),
    HardNegative(attack_lookalikes.factor_replaced, ("human",)),
    HardNegative(attack_lookalikes.long_research, ("agent",)),
)
"""Every hard negative, in the order in which they take turns."""
