"""Evidence that somebody else acts in an identity's name: in bits, for each field of an event whose values compare.

The bits of a value are log2 of its likelihood among the others of the type over its likelihood for the identity:
positive where others are likelier. What the identity never used has the escape probability of Witten and Bell (1991):
new values are expected where they were frequent before. The step, an action after another, backs off to the action.
"""

from __future__ import annotations

from features.arrays import NAN, Array, Record
from features.history.event_values import combine_keys
from features.history.evidence.fields import ACTION, AGENT, ASN, FIRST, INSTANCE, NETWORK, RESOURCE, START, STEP, VERB
from features.history.evidence.frequencies import FEWEST, count_of_others, member_of, total_of_others
from features.history.evidence.sums import add_evidence, previous_action, read_sums
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
    evidence.step = combine_keys(before, event.action)
    evidence.known = 0.0
    new = _field(
        ACTION, event.action, identity.action_key, identity.action_count, event, identity, population, evidence
    )
    new += _field(VERB, event.verb, identity.verb_key, identity.verb_count, event, identity, population, evidence)
    new += _field(
        RESOURCE, event.resource, identity.resource_key, identity.resource_count, event, identity, population, evidence
    )
    new += _field(
        INSTANCE, event.instance, identity.instance_key, identity.instance_count, event, identity, population, evidence
    )
    new += _field(AGENT, event.agent, identity.agent_key, identity.agent_count, event, identity, population, evidence)
    new += _field(
        NETWORK, event.network, identity.network_key, identity.network_count, event, identity, population, evidence
    )
    new += _field(ASN, event.asn, identity.asn_key, identity.asn_count, event, identity, population, evidence)
    _step(before, event, identity, population, evidence)
    add_evidence(evidence, 1.0 if new > 0.0 else 0.0)


@jit
def _field(
    field: int,
    value: int,
    keys: Array,
    counts: Array,
    event: Record,
    identity: Record,
    population: Record,
    evidence: Record,
) -> float:
    """Compare one value with the others' and the identity's own; returns 1 if it is new to an identity with a past."""
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
    if total >= FEWEST and field != VERB and field != INSTANCE:  # noqa: PLR1714  (see seconds_between)
        rarer = -log2(share) - population.usual_bits[kind, field]
        evidence.against_all[field] = _within(rarer, LEAST_BITS, MOST_BITS)
    own = identity.compared_count[field] / identity.weight
    if not own > 0.0:
        evidence.bits[field] = 0.0
        return 0.0
    firsts = identity.first_count[field] / identity.weight
    escape = (firsts + 0.5) / (own + firsts + 1.0)
    count = count_of(keys, counts, value) / identity.weight
    if count > 0.0:
        bits = log2(share * own / ((1.0 - escape) * count)) if total >= FEWEST else WITHOUT_OTHERS
        evidence.bits[field] = _within(bits * own / (own + 3.0), LEAST_BITS, MOST_BITS)
        return 0.0
    evidence.bits[field] = _within(log2(0.5 / escape), 0.0, MOST_BITS)
    return 1.0


@jit
def _step(before: int, event: Record, identity: Record, population: Record, evidence: Record) -> None:
    """Compare the action after the one before it, backing off to the action alone."""
    evidence.against_all[STEP] = NAN
    if event.action == 0:
        evidence.bits[STEP] = NAN
        evidence.rarity = NAN
        return
    kind, who = event.identity_type, event.identity_key
    own = identity.mass / identity.weight
    action = count_of(identity.action_key, identity.action_count, event.action) / identity.weight
    total = total_of_others(population, kind, ACTION, evidence.member)
    share = (count_of_others(population, kind, ACTION, event.action, who) + 0.5) / (total + 0.5 * VOCABULARY)
    shared = 1.0 - 0.8 * own / (own + 8.0)
    usual = (action + PRIOR * (shared * share + (1.0 - shared) / VOCABULARY)) / (own + PRIOR)
    evidence.rarity = _within(-log2(usual), 0.0, RAREST_BITS)
    step = count_of(identity.step_key, identity.step_count, evidence.step) / identity.weight
    context = identity.starts / identity.weight
    if before != FIRST:
        context = count_of(identity.action_key, identity.action_count, before) / identity.weight
    itself = (step + PRIOR * usual) / (max(context, step) + PRIOR)
    if total < FEWEST:
        bits = _within(log2(0.05 / itself), -2.0, 4.0)
        evidence.bits[STEP] = 0.0 if own == 0.0 else bits
        return
    others = count_of_others(population, kind, STEP, evidence.step, who)
    if before != FIRST:
        place = count_of_others(population, kind, ACTION, before, who)
    else:
        place = total_of_others(population, kind, START, evidence.member)
    somebody = (others + PRIOR * share) / (max(place, others) + PRIOR)
    evidence.bits[STEP] = _within(log2(somebody / itself), -MOST_STEP_BITS, MOST_STEP_BITS)
