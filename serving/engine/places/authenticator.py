"""Where a reported proof was made: with the request that asked for it, unless an earlier sign-in or the report itself
says otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from features.enrichment.ip_lookup import fill_event
from features.event.schema import Device, Event, Network
from serving.contracts.requests import StepUpProof
from serving.decision.places.comparison import MADE, describe_part, merged_place
from serving.decision.places.place import Place, place_of
from serving.engine.score_context import INLINE
from serving.errors import InvalidField
from serving.model.active import ActiveConfiguration
from serving.store.decision_log import DecisionRecord
from serving.store.schema import LIVE
from serving.store.store import Transaction


def reported_place(
    tx: Transaction, reported: StepUpProof, challenge: DecisionRecord, event: Event, active: ActiveConfiguration
) -> Place:
    """The place of a proof that is reported for a challenge; what the request did not say is filled in from the report.

    Raises InvalidField when the report names another place than the request came from.

    A sign-in from before the request stays where it was made, as far as that was recorded.
    """
    asked_from = place_of(event)
    named = _named_place(reported, event, active)
    for part, field in _conflicts(named, asked_from):
        there, here = describe_part(part, named), describe_part(part, asked_from)
        reason = f"does not count: it was {MADE[part]} {there}, and the request that asked for it says {here}"
        raise InvalidField(f"proof.{field}", reason)
    return merged_place(_earlier_sign_in(tx, reported, challenge) or asked_from, named)


def _earlier_sign_in(tx: Transaction, reported: StepUpProof, challenge: DecisionRecord) -> Place | None:
    if reported.kind != "interactive_mfa" or reported.made_at >= challenge.at:
        return None
    namespaces = (LIVE, INLINE) if challenge.space == INLINE else (challenge.space,)
    places = (tx.claim_places.sign_in_place(each, challenge.identity, reported.made_at) for each in namespaces)
    return next((place for place in places if place is not None), None)


def _named_place(reported: StepUpProof, event: Event, active: ActiveConfiguration) -> Place:
    groups = {"network": reported.network or Network(), "device": reported.device or Device()}
    return place_of(fill_event(event.model_copy(update=groups), active.networks))


def _conflicts(named: Place, asked_from: Place) -> Iterator[tuple[str, str]]:
    """The parts that differ where both sides say them, each with the field of the report."""

    def differ(*names: str) -> bool:
        pairs = [(getattr(named, name), getattr(asked_from, name)) for name in names]
        return any(None not in pair and pair[0] != pair[1] for pair in pairs)

    operators = None not in (named.asn, asked_from.asn)
    if differ("asn", "country") or (not operators and differ("prefix")):
        yield "network", "network"
    if differ("device"):
        yield "device", "device"
    if differ("client"):
        yield "client", "device"
