"""Features of privilege: what the session and the identity do compared with what they did before."""

from __future__ import annotations

import math

from features.arrays import NAN, Record
from features.catalogue.registration import feature
from features.history.category_codes import privilege_of
from features.kernels.decayed_counts import above_usual


@feature(unit="steps, 0 to 3", direction=1, tells="escalation within a session from power used since its start")
def privilege_above_session(event: Record, session: Record) -> float:
    """The action wields more power than anything done earlier in this session.

    >>> reading(privilege_above_session, event={"category": 3}, session={"events": 4, "privilege_max": 0.0})
    1.0
    """
    power = privilege_of(event.category)
    if math.isnan(power) or session.events == 0:
        return NAN
    return max(power - session.privilege_max, 0.0)


@feature(unit="steps, 0 to 3", direction=1, tells="a first use of administrator's power from an administrator's")
def privilege_above_identity(event: Record, identity: Record) -> float:
    """The action wields more power than anything this identity is known to have done.

    >>> reading(privilege_above_identity, event={"category": 3}, identity={"events": 4, "privilege_max": 2.0})
    0.0
    """
    power = privilege_of(event.category)
    if math.isnan(power) or identity.events == 0:
        return NAN
    return max(power - identity.privilege_max, 0.0)


@feature(unit="steps, 0 to 3", direction=1, tells="an action that can do harm from one that cannot")
def privilege_of_action(event: Record) -> float:
    """The action wields power: it changes things, takes them away, or changes who may.

    >>> reading(privilege_of_action, event={"category": 2})
    0.0
    """
    return privilege_of(event.category)


@feature(unit="share", direction=1, tells="an overprivileged identity worth stealing from a lean one (NHI5)")
def entitlements_unused_share(event: Record) -> float:
    """Most of what this identity may do it has not done for 90 days.

    >>> reading(entitlements_unused_share, event={"entitlements_granted": 40.0, "entitlements_used": 10.0})
    0.75
    """
    if math.isnan(event.entitlements_used) or not event.entitlements_granted > 0.0:
        return NAN
    return 1.0 - min(event.entitlements_used / event.entitlements_granted, 1.0)


@feature(unit="steps, -3 to 3", direction=1, tells="access to secrets from work on the usual resources")
def sensitivity_above_usual(event: Record, identity: Record) -> float:
    """The resource is more sensitive than what this identity usually touches.

    >>> reading(
    ...     sensitivity_above_usual,
    ...     event={"sensitivity": 4}, identity={"sensitivity_sum": 6.0, "sensitivity_known": 3.0},
    ... )
    2.0
    """
    if event.sensitivity == 0:
        return NAN
    return above_usual(float(event.sensitivity), identity.sensitivity_sum, identity.sensitivity_known)


@feature(unit="steps, 0 to 3", direction=1, always=True, tells="reads that follow an escalation from any other reads")
def privilege_gained_in_session(session: Record) -> float:
    """The session has wielded more power than this identity was known to have done until then.

    >>> reading(privilege_gained_in_session, session={"privilege_above_max": 2.0})
    2.0
    """
    return session.privilege_above_max


@feature(unit="bits, weighted 1 to 4", direction=1, tells="defences switched off oddly from the same by routine")
def tactic_weighted_rarity(event: Record, evidence: Record) -> float:
    """The action is one that attackers use, late in an attack, and is not to be expected of this identity.

    >>> reading(tactic_weighted_rarity, event={"tactic_weight": 4.0}, evidence={"rarity": 6.0})
    24.0
    """
    return event.tactic_weight * evidence.rarity
