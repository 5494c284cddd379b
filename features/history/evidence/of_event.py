"""Evidence that somebody else acts in an identity's name: in bits, for each field of an event whose values compare.

The bits of a value are log2 of its likelihood among the others of the type over its likelihood for the identity:
positive where others are likelier. What the identity never used has the escape probability of Witten and Bell (1991):
new values are expected where they were frequent before. The step, an action after another, backs off to the action.
"""

from __future__ import annotations

from features.arrays import NAN, Record
from features.history.event_values import combine_keys
from features.history.evidence.fields import ACTION, AGENT, ASN, FIRST, INSTANCE, NETWORK, RESOURCE, START, STEP, VERB
from features.history.evidence.frequencies import FEWEST, count_of_others, member_of, total_of_others
from features.history.evidence.sums import add_evidence, previous_action, read_sums
from features.history.evidence.usual_units import scale_sums
from features.kernels.compilation import jit
from features.kernels.decayed_counts import count_of, log2

LEAST_BITS, MOST_BITS, MOST_STEP_BITS = -5.0, 8.0, 8.0
WITHOUT_OTHERS = -1.0
"""The bits of a known value where nothing can be said of the others."""
PRIOR = 2.0
"""How many events a step's back-off weighs."""
VOCABULARY = 500.0
"""Actions that anybody might take, each as likely."""
RAREST_BITS = 12.0


@jit
def _within(bits: float, least: float, most: float) -> float:
    return least if bits < least else most if bits > most else bits


@jit
def weigh_event(event: Record, identity: Record, session: Record, population: Record, evidence: Record) -> None:
    """Write the event's evidence, and the session's sums with it, into one record of EVIDENCE.

    It depends on what was before the event, and not on its outcome.
    """
    read_sums(event, identity, session, evidence)
    evidence.member = member_of(population, event.identity_type, event.identity_key)
    before = previous_action(event, identity, session)
    evidence.is_first = 1.0 if before == FIRST else 0.0
    _read_values(before, event, identity, evidence)
    evidence.known = 0.0
    new = 0.0
    for field in range(STEP):
        new += _compare(field, event, identity, population, evidence)
    _step(before, event, identity, population, evidence)
    add_evidence(evidence, 1.0 if new > 0.0 else 0.0)
    scale_sums(event, identity, population, evidence)


@jit
def _read_values(before: int, event: Record, identity: Record, evidence: Record) -> None:
    """The values to compare, and the identity's own count of each."""
    evidence.value[ACTION] = event.action
    evidence.value[VERB] = event.verb
    evidence.value[RESOURCE] = event.resource
    evidence.value[INSTANCE] = event.instance
    evidence.value[AGENT] = event.agent
    evidence.value[NETWORK] = event.network
    evidence.value[ASN] = event.asn
    evidence.value[STEP] = combine_keys(before, event.action)
    evidence.own[ACTION] = count_of(identity.action_key, identity.action_count, event.action)
    evidence.own[VERB] = count_of(identity.verb_key, identity.verb_count, event.verb)
    evidence.own[RESOURCE] = count_of(identity.resource_key, identity.resource_count, event.resource)
    evidence.own[INSTANCE] = count_of(identity.instance_key, identity.instance_count, event.instance)
    evidence.own[AGENT] = count_of(identity.agent_key, identity.agent_count, event.agent)
    evidence.own[NETWORK] = count_of(identity.network_key, identity.network_count, event.network)
    evidence.own[ASN] = count_of(identity.asn_key, identity.asn_count, event.asn)
    evidence.own[STEP] = count_of(identity.step_key, identity.step_count, evidence.value[STEP])
    evidence.an_event = 1.0 / identity.weight
    for field in range(STEP + 1):
        evidence.own[field] *= evidence.an_event


@jit
def _compare(field: int, event: Record, identity: Record, population: Record, evidence: Record) -> float:
    """Compare one value with the others' and the identity's own; returns 1 if it is new to an identity with a past."""
    value = evidence.value[field]
    if value == 0:
        evidence.bits[field] = NAN
        evidence.against_all[field] = NAN
        return 0.0
    evidence.known += 1.0
    kind = event.identity_type
    total = total_of_others(population, kind, field, evidence.member)
    share = 0.5
    evidence.against_all[field] = 0.0
    if total >= FEWEST:
        others = count_of_others(population, kind, field, value, event.identity_key)
        share = (others + 0.5) / (total + 0.5 * population.distinct[kind, field] + 1.0)
        if field != VERB and field != INSTANCE and (field != NETWORK or event.asn == 0):  # noqa: PLR1714
            rarer = -log2(share) - population.usual_bits[kind, field]
            evidence.against_all[field] = _within(rarer, LEAST_BITS, MOST_BITS)
    own, firsts = identity.compared_count[field] * evidence.an_event, identity.first_count[field] * evidence.an_event
    if not own > 0.0:
        evidence.bits[field] = 0.0
        return 0.0
    count = evidence.own[field]
    if count == 0.0:  # half over the escape probability, (firsts + 0.5) / (own + firsts + 1)
        evidence.bits[field] = _within(log2(0.5 * (own + firsts + 1.0) / (firsts + 0.5)), 0.0, MOST_BITS)
        return 1.0
    bits = WITHOUT_OTHERS
    if total >= FEWEST:  # the share of others over the own one, which is what the escape leaves
        bits = log2(share * own * (own + firsts + 1.0) / ((own + 0.5) * count))
    evidence.bits[field] = _within(bits * own / (own + 3.0), LEAST_BITS, MOST_BITS)
    return 0.0


@jit
def _step(before: int, event: Record, identity: Record, population: Record, evidence: Record) -> None:
    """Compare the action after the one before it, backing off to the action alone."""
    evidence.against_all[STEP] = NAN
    if event.action == 0:
        evidence.bits[STEP] = NAN
        evidence.rarity = NAN
        return
    kind, who = event.identity_type, event.identity_key
    own = identity.mass * evidence.an_event
    action = evidence.own[ACTION]
    total = total_of_others(population, kind, ACTION, evidence.member)
    share = (count_of_others(population, kind, ACTION, event.action, who) + 0.5) / (total + 0.5 * VOCABULARY)
    shared = 1.0 - 0.8 * own / (own + 8.0)
    usual = (action + PRIOR * (shared * share + (1.0 - shared) / VOCABULARY)) / (own + PRIOR)
    evidence.rarity = _within(-log2(usual), 0.0, RAREST_BITS)
    step = evidence.own[STEP]
    context = identity.starts
    if before != FIRST:
        context = count_of(identity.action_key, identity.action_count, before)
    context *= evidence.an_event
    itself = (step + PRIOR * usual) / (max(context, step) + PRIOR)
    if total < FEWEST:
        bits = _within(log2(0.05 / itself), -2.0, 4.0)
        evidence.bits[STEP] = 0.0 if own == 0.0 else bits
        return
    others = count_of_others(population, kind, STEP, evidence.value[STEP], who)
    if before != FIRST:
        place = count_of_others(population, kind, ACTION, before, who)
    else:
        place = total_of_others(population, kind, START, evidence.member)
    somebody = (others + PRIOR * share) / (max(place, others) + PRIOR)
    evidence.bits[STEP] = _within(log2(somebody / itself), -MOST_STEP_BITS, MOST_STEP_BITS)
