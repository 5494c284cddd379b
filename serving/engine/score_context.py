"""The first step of `POST /score`: whether the caller may ask this, and about what exactly."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from features.enrichment.ip_lookup import fill_event
from features.event.schema import Event
from features.hashing import digest_of
from serving.contracts.requests import ScoreRequest
from serving.decision.untrusted_claims import believed
from serving.errors import InvalidField, ScopeRequired
from serving.model.active import ActiveConfiguration
from serving.store.api_keys import Caller
from serving.store.schema import LIVE
from serving.times import now

INLINE = "inline"
"""The namespace of decisions on requests that carry their own history."""


@dataclass(frozen=True)
class ScoreContext:
    """A request that may be decided: who asks, about which event, in which namespace, as of when."""

    request: ScoreRequest
    caller: Caller
    event: Event
    """The event without claims this caller may not make, enriched from its address."""
    ignored_claims: tuple[str, ...]
    namespace: str
    at: datetime
    """The server's time at which a request came; the event's own of a replay."""
    body_digest: str

    @property
    def inline(self) -> bool:
        """Whether the request carries its own history."""
        return self.request.history is not None

    @property
    def assured(self) -> bool:
        """Whether the caller may assert facts about authentication, device and network."""
        return "assure" in self.caller.scopes

    @property
    def beside_live(self) -> bool:
        """Whether what is known of the live session counts although the history is another: for a request of this
        moment that carries its own. A replay knows its own namespace only, or a revocation of today would rule on the
        past."""
        return self.inline and not self.replay

    @property
    def known_in(self) -> str:
        """The namespace that knows the identity."""
        return LIVE if self.beside_live else self.namespace

    @property
    def replay(self) -> bool:
        """Whether a past request is replayed."""
        return self.request.mode == "replay"


def check_score_request(request: ScoreRequest, caller: Caller, active: ActiveConfiguration) -> ScoreContext:
    """Check that the caller may ask this, and prepare the event. Raises ScopeRequired or InvalidField."""
    if request.mode == "replay" and "investigate" not in caller.scopes:
        raise ScopeRequired("Mode replay needs a key of scope investigate.")
    if request.history is not None and "assure" not in caller.scopes:
        raise ScopeRequired("An inline history needs a key of scope assure.")
    if request.space is not None and request.mode != "replay":
        raise InvalidField("space", "names the namespace of a replay: send it with mode replay only")
    if request.population is not None and request.mode != "replay":
        raise InvalidField("population", "names the population of a replay: send it with mode replay only")
    at = _decision_time(request, active)
    event, ignored = believed(request.event, caller.scopes)
    event = event.model_copy(update={"time": min(event.time, at)})  # a future would let everything fade
    return ScoreContext(
        request=request,
        caller=caller,
        event=fill_event(event, active.networks),
        ignored_claims=ignored,
        namespace=_namespace(request),
        at=at,
        body_digest=_body_digest(request, active),
    )


def _body_digest(request: ScoreRequest, active: ActiveConfiguration) -> str:
    """The digest by which another body is known: of the request, and of the texts it brought, which are not in it.

    Those are hashed under a secret that is not in the database, or whoever reads the digest could guess them.
    """
    texts = b"".join(event.task_fit.texts for event in (request.event, *(request.history or ())))
    body = request.model_dump_json().encode()
    if texts:
        secret = Path(active.settings.signing_key).read_bytes()
        body += hmac.digest(secret, texts, "sha256")
    return digest_of(body)


def _decision_time(request: ScoreRequest, active: ActiveConfiguration) -> datetime:
    """A replay is decided as of the event's time. An enforced event must be of this moment, which counts."""
    event_time, present, skew = request.event.time, now(), active.settings.allowed_skew_seconds
    if request.mode == "replay":
        return event_time
    if abs((event_time - present).total_seconds()) > skew:
        reason = f"lies more than {skew} s from the server's clock: past events need mode replay"
        raise InvalidField("event.time", reason)
    return present


def _namespace(request: ScoreRequest) -> str:
    if request.history is not None:
        return INLINE
    if request.mode == "replay":
        return f"replay:{request.space or secrets.token_hex(8)}"
    return LIVE
