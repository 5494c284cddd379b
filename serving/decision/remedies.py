"""What this kind of identity can do to satisfy a ruling. A machine is never asked for a person's factor.

Only what would settle everything that asks is offered: done, it turns the same request into an allow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.decision import authorization_details, jit_scopes
from serving.decision.proofs import Circumstances, longest_age, must_resist, of_the_model, that_count
from serving.policy.schema import RemedyRule, RemedyType, Requirement

RESISTANT = ("hwk", "pop", "sc")
ANY_SECOND = (*RESISTANT, "swk", "otp", "mfa")
STRONGEST = 3


@dataclass(frozen=True)
class Remedy:
    """One way to satisfy the ruling, with what it needs."""

    type: RemedyType
    sentence: str
    details: dict[str, Any]

    def wire(self) -> dict[str, Any]:
        """As the answer shows it."""
        return {"type": self.type, **self.details, "sentence": self.sentence}


@dataclass(frozen=True)
class Asked:
    """What a remedy must settle at once: every floor that applies, and the level of a session that has ended."""

    floors: Sequence[Requirement]
    aal: int
    storm: bool
    spent: frozenset[str] = frozenset()
    """Remedies that were asked for as often as they may be."""


@dataclass(frozen=True)
class _Terms:
    """What makes one remedy concrete: the requirements it must meet, its policy rule, and where."""

    requirements: Sequence[Requirement]
    aal: int
    storm: bool
    rule: RemedyRule
    case: Circumstances

    @property
    def fresh_seconds(self) -> int:
        """How old the proof may be at most, where it should be made now."""
        return min(self.rule.fresh_seconds, *(longest_age(self.rule, each) for each in self.requirements))


def remedies_for(asked: Asked, case: Circumstances) -> tuple[Remedy, ...]:
    """The remedies for a step-up, best first; none where nothing this identity can do would settle it."""
    requirements = (of_the_model(case.policy), *asked.floors)
    common = [
        rule
        for rule in that_count(requirements[0], case)
        if all(rule in that_count(each, case) for each in requirements[1:])
    ]
    unfit = "calm" if asked.storm else "storm"
    fit = [rule for rule in common if rule.offered != unfit] or common
    offered = [rule for rule in fit if rule.type not in asked.spent]
    return tuple(_MADE[rule.type](_Terms(requirements, asked.aal, asked.storm, rule, case)) for rule in offered)


def _mfa(terms: _Terms) -> Remedy:
    policy = terms.case.policy
    level = max(terms.aal, *(each.aal for each in terms.requirements))
    resistant = level == STRONGEST or any(must_resist(each, terms.case) for each in terms.requirements)
    unrelayed = any(must_resist(each, terms.case) for each in terms.requirements)
    worth = sorted(policy.acr_levels.items(), key=lambda item: item[1].aal)
    acrs = [acr for acr, value in worth if value.aal >= level and (value.phishing_resistant or not unrelayed)]
    age = min(longest_age(terms.rule, each) for each in terms.requirements)
    kind = "a phishing-resistant factor" if resistant else "a second factor"
    return Remedy(
        "interactive_mfa",
        f"Sign in again with {kind}, within the next {max(1, age // 60)} minutes.",
        {"acr_values": acrs, "amr_values": list(RESISTANT if resistant else ANY_SECOND), "max_age_seconds": age},
    )


def _attest(terms: _Terms) -> Remedy:
    sentence = "Attest the workload's identity anew (an SVID issued now)."
    return Remedy("attest_workload_identity", sentence, {"max_age_seconds": terms.fresh_seconds})


def _refresh(terms: _Terms) -> Remedy:
    sentence = "Exchange the credential for one issued now."
    return Remedy("refresh_token", sentence, {"max_age_seconds": terms.fresh_seconds})


def _jit(terms: _Terms) -> Remedy:
    scope, seconds = [jit_scopes.wanted(terms.case.event)], terms.rule.ttl_seconds or 0
    sentence = f"Ask for a credential for this task alone, for {max(1, seconds // 60)} minutes."
    return Remedy("jit_credential", sentence, {"scope": scope, "ttl_seconds": seconds})


def _intent(terms: _Terms) -> Remedy:
    why = "It is asked too often: state" if terms.storm else "State"
    sentence = f"{why} the task as authorization details (RFC 9396) and have it authorised."
    task = authorization_details.task_of(terms.case.event, terms.case.policy.intent_types)
    return Remedy("intent_authorization", sentence, {"authorization_details": [task]})


def _owner(terms: _Terms) -> Remedy:
    irreversible = terms.case.event.action.reversible is False
    why = "This cannot be undone: its" if irreversible else "Its"
    return Remedy("owner_approval", f"{why} owner must approve it (CIBA).", {})


_MADE: Mapping[RemedyType, Callable[[_Terms], Remedy]] = {
    "interactive_mfa": _mfa,
    "attest_workload_identity": _attest,
    "refresh_token": _refresh,
    "jit_credential": _jit,
    "intent_authorization": _intent,
    "owner_approval": _owner,
}


def challenge_of(remedies: Sequence[Remedy]) -> str | None:
    """The RFC 9470 challenge for a person's remedy, for a WWW-Authenticate header; None where no person is asked."""
    mfa = next((remedy for remedy in remedies if remedy.type == "interactive_mfa"), None)
    if mfa is None:
        return None
    acr = " ".join(mfa.details["acr_values"])
    return (
        'Bearer error="insufficient_user_authentication", '
        'error_description="A different authentication level is required", '
        + (f'acr_values="{acr}", ' if acr else "")
        + f'max_age="{mfa.details["max_age_seconds"]}"'
    )
