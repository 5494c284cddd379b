"""How one event changes the histories of its identity, session and credential, in constant time.

Nothing else changes a history. Only a successful event updates habits. A failed or denied event updates failure
counters. An event that policy challenged, or whose outcome is unknown, moves the clock and nothing else, so a blocked
attacker cannot make an attack look usual. Late events are applied in arrival order with a gap of 0, and so are events
of the same time.
"""

from __future__ import annotations

from features.arrays import Record
from features.history import half_lives
from features.history.evidence.sums import keep_sums
from features.history.identity_update import learn_habits, record_failure
from features.history.recent_values import remember
from features.history.session_update import learn_pace, learn_session, record_rarities
from features.kernels.compilation import jit
from features.kernels.decayed_counts import decay_factor, seconds_between

UNKNOWN, SUCCESS, FAILURE, DENIED, CHALLENGED = range(5)
"""The outcome an event is applied with. The first four are the codes of `action.outcome`; policy sets the last."""


@jit
def decay_to(event: Record, identity: Record) -> None:
    """Decay the identity's history up to the event's time; a late event decays nothing."""
    gap = seconds_between(event.time, identity.clock)
    identity.clock = max(identity.clock, event.time)
    if not gap > 0.0:
        return
    grown = 1.0 / decay_factor(gap / 2.0, half_lives.HABIT)  # in two steps, or the 130 years an event may span overflow
    identity.weight *= grown
    identity.weight *= grown
    identity.rate *= decay_factor(gap, half_lives.RATE)
    identity.pace *= decay_factor(gap, half_lives.PACE)
    if identity.failures > 0.0:
        identity.failures *= decay_factor(gap, half_lives.FAILURE)
    if identity.recent_failures > 0.0:
        hours = decay_factor(gap, half_lives.SIGN_IN_FAILURE)
        identity.recent_failures *= hours
        identity.sign_in_failures *= hours
    if identity.guesses > 0.0:
        identity.guesses *= decay_factor(gap, half_lives.GUESSES)
    if identity.prompts > 0.0:
        prompt = decay_factor(gap, half_lives.PROMPT)
        identity.prompts *= prompt
        identity.step_ups *= prompt


@jit
def _learn_credential(event: Record, credential: Record) -> None:
    """Record where the credential is used and by which clients."""
    if credential.environment == 0:
        credential.environment = event.resource_environment
    remember(credential.instance_key, credential.instance_time, event.instance, event.time)
    remember(credential.network_key, credential.network_time, event.asn, event.time)
    remember(credential.agent_key, credential.agent_time, event.agent, event.time)


@jit
def update_histories(
    event: Record,
    values: Record,
    evidence: Record,
    identity: Record,
    session: Record,
    credential: Record,
    outcome: int,
) -> None:
    """Apply one event to the histories of its identity, session and credential; call `decay_to` first.

    `values` holds the event's feature values by name, and `evidence` what `weigh_event` wrote, both before this call.
    Only the sums of evidence may depend on a population: histories are folded again with the one that was used.
    """
    if event.exposed == 1.0 and credential.exposed == 0.0:
        credential.exposed = 1.0
        identity.exposures += identity.weight
    if outcome == UNKNOWN or outcome == CHALLENGED:  # noqa: PLR1714, SIM109  (see seconds_between)
        return
    record_rarities(values, session)
    keep_sums(event, evidence, identity, session, 0.0 if outcome == SUCCESS else 1.0)
    if outcome == SUCCESS:
        learn_pace(event, identity, session)
        learn_habits(event, evidence, identity, session)
        learn_session(event, session)
        _learn_credential(event, credential)
    else:
        record_failure(event, identity)
