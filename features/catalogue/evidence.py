"""Features of evidence that somebody else acts: what is likelier for others of the same type than for the identity.

In bits: 3 bits are a likelihood ratio of 8.
"""

from __future__ import annotations

from features.arrays import NAN, Record
from features.catalogue.registration import feature
from features.history.evidence.fields import ACTION, AGENT, ASN, COMPARED, INSTANCE, NETWORK, RESOURCE, STEP, VERB

FIELDS_COMPARED = float(len(COMPARED) - 1)
"""Of an event's own; a step is of two."""


@feature(
    unit="bits", direction=1, always=True, tells="a taken-over session in another's order of work from the usual order"
)
def step_evidence(evidence: Record) -> float:
    """This action after the one before it is likelier for others of this type than for this identity.

    >>> reading(step_evidence, evidence={"bits": {STEP: 2.5}})
    2.5
    """
    return evidence.bits[STEP]


@feature(unit="bits", direction=1, always=True, tells="another's daily work from the identity's own")
def action_evidence(evidence: Record) -> float:
    """The action is likelier for others of this type than for this identity.

    >>> reading(action_evidence, evidence={"bits": {ACTION: 2.5}})
    2.5
    """
    return evidence.bits[ACTION]


@feature(unit="bits", direction=1, always=True, tells="a reader who begins to create from one who reads something new")
def verb_evidence(evidence: Record) -> float:
    """What is done, whatever it is done to, is likelier for others of this type than for this identity.

    >>> reading(verb_evidence, evidence={"bits": {VERB: 2.5}})
    2.5
    """
    return evidence.bits[VERB]


@feature(unit="bits", direction=1, tells="another's files from the identity's own")
def resource_evidence(evidence: Record) -> float:
    """The resource is likelier for others of this type than for this identity.

    >>> reading(resource_evidence, evidence={"bits": {RESOURCE: 2.5}})
    2.5
    """
    return evidence.bits[RESOURCE]


@feature(unit="bits", direction=1, tells="another's machine from one of its own")
def device_evidence(evidence: Record) -> float:
    """The device (or instance) is likelier for others of this type than for this identity.

    >>> reading(device_evidence, evidence={"bits": {INSTANCE: 2.5}})
    2.5
    """
    return evidence.bits[INSTANCE]


@feature(unit="bits", direction=1, tells="another's client from the usual one")
def client_evidence(evidence: Record) -> float:
    """The client program is likelier for others of this type than for this identity.

    >>> reading(client_evidence, evidence={"bits": {AGENT: 2.5}})
    2.5
    """
    return evidence.bits[AGENT]


@feature(unit="bits", direction=1, tells="another's desk from the usual desk")
def network_evidence(evidence: Record) -> float:
    """The network is likelier for others of this type than for this identity.

    >>> reading(network_evidence, evidence={"bits": {NETWORK: 2.5}})
    2.5
    """
    return evidence.bits[NETWORK]


@feature(unit="bits", direction=1, tells="another's provider from the usual two or three")
def operator_evidence(evidence: Record) -> float:
    """The network operator is likelier for others of this type than for this identity.

    >>> reading(operator_evidence, evidence={"bits": {ASN: 2.5}})
    2.5
    """
    return evidence.bits[ASN]


@feature(unit="bits", direction=1, always=True, tells="an attacker's call from everybody's work")
def action_against_all(evidence: Record) -> float:
    """The action is rarer among events of this type than actions usually are.

    >>> reading(action_against_all, evidence={"against_all": {ACTION: 2.5}})
    2.5
    """
    return evidence.against_all[ACTION]


@feature(unit="bits", direction=1, tells="a corner nobody visits from a shared folder")
def resource_against_all(evidence: Record) -> float:
    """The resource is rarer among events of this type than resources usually are.

    >>> reading(resource_against_all, evidence={"against_all": {RESOURCE: 2.5}})
    2.5
    """
    return evidence.against_all[RESOURCE]


@feature(unit="bits", direction=1, tells="an attacker's tool from everybody's client")
def client_against_all(evidence: Record) -> float:
    """The client program is rarer among events of this type than clients usually are.

    >>> reading(client_against_all, evidence={"against_all": {AGENT: 2.5}})
    2.5
    """
    return evidence.against_all[AGENT]


@feature(unit="bits", direction=1, tells="an attacker's provider from everybody's office")
def operator_against_all(evidence: Record) -> float:
    """The network operator is rarer among events of this type than operators usually are.

    >>> reading(operator_against_all, evidence={"against_all": {ASN: 2.5}})
    2.5
    """
    return evidence.against_all[ASN]


@feature(unit="share", direction=0, always=True, tells="nothing to compare from nothing to see")
def evidence_known_fraction(evidence: Record) -> float:
    """So much of this request can be compared with what others do.

    >>> reading(evidence_known_fraction, evidence={"known": 7.0})
    1.0
    """
    return evidence.known / FIELDS_COMPARED


@feature(unit="share", direction=0, tells="what is new from what was forgotten")
def habits_forgotten_share(identity: Record) -> float:
    """This identity does more different things than can be remembered of it.

    >>> reading(habits_forgotten_share, identity={"mass": 8.0, "forgotten": 2.0})
    0.25
    """
    if identity.mass <= 0.0:
        return NAN
    return identity.forgotten / identity.mass
