"""Whether a proof that was made at one place counts for a request, and whether the request has moved since."""

from __future__ import annotations

from serving.decision.inputs import DecisionContext, Proof
from serving.decision.places.comparison import Difference, is_attested, place_differences, withheld_parts
from serving.decision.places.place import Place

_CHANGES = {
    "asn_changed_in_session": "network",
    "device_changed_in_session": "device",
    "agent_changed_in_session": "client",
}


def made_elsewhere(proof: Proof, context: DecisionContext) -> str | None:
    """Why a proof does not count at the place of this request, in words; None if it does.

    Of a claim whose place nobody recorded, only the changes of its session are known.
    """
    if proof.source == "claim" and proof.place is None:
        changed = changes_in_session(context)
        words = f"the session changed its {changed}, so only a step-up that is reported to POST /step-ups settles it"
        return words if changed else None
    return next((each.words for each in _differences(proof.place or Place(), proof.request, context)), None)


def has_moved(context: DecisionContext) -> bool:
    """Whether a proof from before the request may be another's: the session has changed its place, a claim was made
    elsewhere, or the request does not say where it comes from."""
    claims = (context.places.claims or {}).values()
    return (
        changes_in_session(context) is not None
        or any(_differences(place, None, context) for place in claims)
        or bool(withheld_parts(context.event, context.places.habits))
    )


def changes_in_session(context: DecisionContext) -> str | None:
    """What of its place the session has changed, in words; None if nothing."""
    return " and ".join(words for name, words in _CHANGES.items() if context.features.get(name) == 1.0) or None


def _differences(place: Place, request: str | None, context: DecisionContext) -> tuple[Difference, ...]:
    return place_differences(
        place,
        context.place,
        context.places,
        same_request=request is not None and request == context.request_name,
        attested=is_attested(context.event, context.at),
    )
