"""Whether an identity has proven itself where a request comes from."""

from __future__ import annotations

from collections.abc import Sequence

from serving.decision.inputs import DecisionContext, Proof
from serving.decision.places.proof_place import made_elsewhere
from serving.decision.proofs import assurance, model_requirement


def is_proven_place(
    context: DecisionContext, proofs: Sequence[Proof], proven: Sequence[tuple[str | None, Proof]]
) -> bool:
    """Whether the identity has proven itself where a request comes from, however long ago.

    `proofs` are those of the request and its session, `proven` the newest proofs of the identity, each with the session
    it was given in. A proof of another session counts on the same known device and network, so that a new session id
    proves nothing.
    """
    event = context.event
    claims = [each for each in proofs if each.source == "claim" and each.kind == "interactive_mfa"]
    needed = model_requirement(context.policy).aal
    signed_in = (each for each in claims if assurance(each, context.policy).level >= needed)
    here = context.place.network_on_device
    given = (
        proof
        for session, proof in proven
        if (session is not None and session == event.session.id)
        or (here is not None and proof.place is not None and proof.place.network_on_device == here)
    )
    return any(made_elsewhere(proof, context) is None for proof in (*signed_in, *given))
