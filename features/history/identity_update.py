"""How one event changes the history of its identity.

A successful event updates habits: rhythm, usual values, means, credential rotation. A failed or denied one only counts
as pressure that decays within hours.
"""

from __future__ import annotations

import math

from features.arrays import DAY, NEVER, Array, Record
from features.history.category_codes import AUTHENTICATE, is_write, privilege_of
from features.history.event_values import (
    combine_keys,
    hour_bin,
    interactive_client_of,
    is_exit,
    is_located,
    loop_rounds,
    request_of,
    strong_time,
)
from features.history.evidence.fields import (
    ACTION,
    AGENT,
    ASN,
    INSTANCE,
    NETWORK,
    RESOURCE,
    STEP,
    STEP_CUSUM,
    TOTAL_CUSUM,
    VERB,
)
from features.kernels.compilation import jit
from features.kernels.decayed_counts import HELD, REPLACING, add, log_of_one_more, seconds_between


@jit
def _add_if_known(keys: Array, counts: Array, key: int, weight: float) -> None:
    if key != 0:
        add(keys, counts, key, weight)


@jit
def _learn_rhythm(event: Record, identity: Record) -> None:
    """Update mean and variance of log(1 + seconds) between successes; each new gap has a weight of 1/20."""
    gap = seconds_between(event.time, identity.last_success)
    if not math.isnan(gap):
        if identity.gap_variance == 0.0:
            identity.gap_mean = log_of_one_more(gap)
            identity.gap_variance = 1.0
        deviation = log_of_one_more(gap) - identity.gap_mean
        identity.gap_mean += 0.05 * deviation
        identity.gap_variance += 0.05 * (deviation * deviation - identity.gap_variance)
    identity.last_success = max(identity.last_success, event.time)


@jit
def _learn_compared(field: int, keys: Array, counts: Array, key: int, identity: Record) -> None:
    """Count a value of a field that is compared with the others', and whether it was new."""
    if key == 0:
        return
    did = add(keys, counts, key, identity.weight)
    identity.compared_count[field] += identity.weight
    if did != HELD:
        identity.first_count[field] += identity.weight
    if did == REPLACING and (field == ACTION or field == STEP):  # noqa: PLR1714, SIM109  (see seconds_between)
        identity.forgotten += identity.weight


@jit
def _learn_values(event: Record, evidence: Record, identity: Record) -> None:
    """Count the values of the event in each table of the identity."""
    weight = identity.weight
    _learn_compared(NETWORK, identity.network_key, identity.network_count, event.network, identity)
    _learn_compared(ASN, identity.asn_key, identity.asn_count, event.asn, identity)
    _learn_compared(INSTANCE, identity.instance_key, identity.instance_count, event.instance, identity)
    _learn_compared(AGENT, identity.agent_key, identity.agent_count, event.agent, identity)
    _learn_compared(ACTION, identity.action_key, identity.action_count, event.action, identity)
    _learn_compared(VERB, identity.verb_key, identity.verb_count, event.verb, identity)
    _learn_compared(STEP, identity.step_key, identity.step_count, evidence.value[STEP], identity)
    _learn_compared(RESOURCE, identity.resource_key, identity.resource_count, event.resource, identity)
    _add_if_known(identity.country_key, identity.country_count, event.country, weight)
    _add_if_known(identity.credential_key, identity.credential_count, event.credential_key, weight)
    _add_if_known(identity.intended_key, identity.intended_count, combine_keys(event.intent, event.action), weight)
    identity.category_count[event.category] += weight
    identity.hour_count[hour_bin(event.time)] += weight


@jit
def _learn_person_client(event: Record, identity: Record) -> None:
    """Count how often the last client that people use was used, today apart from the days before."""
    client = interactive_client_of(event)
    if client == 0:
        return
    day = event.time // DAY
    if client != identity.person_client:
        identity.person_client = client
        identity.person_day = day
        identity.person_before = 0.0
        identity.person_today = 0.0
    if day > identity.person_day:
        identity.person_before += identity.person_today
        identity.person_today = 0.0
        identity.person_day = day
    identity.person_today += identity.weight


@jit
def _learn_evidence(evidence: Record, identity: Record) -> None:
    """Update how high the sums of evidence usually stand, and what the identity's attempts come to."""
    weight = identity.weight
    identity.step_cusum_sum += weight * evidence.after[STEP_CUSUM]
    identity.total_cusum_sum += weight * evidence.after[TOTAL_CUSUM]
    identity.guesses = max(identity.guesses, identity.sign_in_failures)
    identity.attempts += weight
    if evidence.is_first == 1.0:
        identity.starts += weight


@jit
def _learn_means(event: Record, identity: Record, session: Record) -> None:
    """Add the event to the means of the identity; each mean covers the events in which the value was known."""
    weight = identity.weight
    identity.context_sum += weight * event.known
    identity.session_events_sum += weight * log_of_one_more(session.events)
    identity.session_resources_sum += weight * log_of_one_more(session.resources)
    identity.loop_sum += weight * log_of_one_more(loop_rounds(request_of(event), session))
    if is_write(event.category) == 1.0:
        identity.writes += weight
    if not math.isnan(event.hosting):
        identity.hosting_sum += weight * event.hosting
        identity.hosting_known += weight
    if not math.isnan(event.reputation):
        identity.reputation_sum += weight * event.reputation
        identity.reputation_known += weight
    if event.sensitivity > 0:
        identity.sensitivity_sum += weight * event.sensitivity
        identity.sensitivity_known += weight
    if not math.isnan(event.breadth):
        identity.breadth_sum += weight * log_of_one_more(event.breadth)
        identity.breadth_known += weight


@jit
def _learn_rotation(event: Record, identity: Record) -> None:
    """Update how long this identity keeps a credential before the next one is issued."""
    if event.issued_at <= identity.last_issued:
        return
    if identity.last_issued != NEVER:
        lifetime = log_of_one_more(seconds_between(event.issued_at, identity.last_issued))
        identity.rotation += (
            (lifetime - identity.rotation) if identity.rotations == 0 else 0.2 * (lifetime - identity.rotation)
        )
        identity.rotations += 1
    identity.last_issued = event.issued_at


@jit
def learn_habits(event: Record, evidence: Record, identity: Record, session: Record) -> None:
    """Add a successful event to what this identity usually does, from where, when and with what."""
    _learn_rhythm(event, identity)
    _learn_values(event, evidence, identity)
    _learn_evidence(evidence, identity)
    _learn_person_client(event, identity)
    _learn_means(event, identity, session)
    _learn_rotation(event, identity)
    identity.events += 1
    identity.mass += identity.weight
    identity.rate += 1.0
    identity.pace += 1.0
    identity.failure_streak = 0.0
    identity.strong_at = max(identity.strong_at, strong_time(event))
    privilege = privilege_of(event.category)
    if not math.isnan(privilege):
        identity.privilege_max = max(identity.privilege_max, privilege)
    if is_located(event) and not is_exit(event):
        identity.latitude = event.latitude
        identity.longitude = event.longitude
        identity.accuracy = event.accuracy
        identity.located_country = event.country_code
        identity.located_at = event.time
    if event.category == AUTHENTICATE:
        identity.prompts += 1.0
        identity.step_ups += 1.0


@jit
def record_failure(event: Record, identity: Record) -> None:
    """Count a failed or denied attempt; it decays within hours and changes no habit."""
    identity.failures += 1.0
    identity.failure_streak += 1.0
    identity.recent_failures += 1.0
    identity.attempts += identity.weight
    identity.failed_attempts += identity.weight
    if event.category == AUTHENTICATE:
        identity.sign_in_failures += 1.0
        identity.prompts += 1.0
