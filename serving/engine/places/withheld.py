"""A request that lacks what its caller habitually sends is read as if each missing part were one never seen before.

So hiding a network, device, client or credential gains nothing over showing a new one. Defends against subjects that
make fields disappear on their way through a gateway.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cached_property

from features.arrays import Array
from features.event.numpy_row import row_of
from features.event.schema import Event
from serving.decision.places.comparison import withheld_parts
from serving.decision.places.place import Habits
from serving.store.places.field_presence import groups_present

_TOKEN = secrets.token_hex(8)
"""Part of every stand-in: nobody knows it outside this process, so none of them is ever seen in a request."""
_NETWORK = {
    "ip": f"fd{_TOKEN[:2]}:{_TOKEN[2:6]}:{_TOKEN[6:10]}::1",
    "asn": 4_200_000_000 + int(_TOKEN[:6], 16),
    "country": "ZZ",
    "hosting": False,
    "anonymizer": False,
    "reputation": 0.0,
}
"""An otherwise clean network: a private address, an operator number for private use, a country code of nobody."""


def withheld_groups(event: Event, habits: Habits) -> tuple[str, ...]:
    """Which groups a request lacks that are habitual."""
    credential = ("credential",) if habits.credential and event.credential.id is None else ()
    return (*withheld_parts(event, habits), *credential)


@dataclass(frozen=True)
class RequestRows:
    """A request as the model reads it: as it was sent, and with stand-ins for what is missing."""

    event: Event

    @cached_property
    def sent(self) -> Array:
        """The event's own row."""
        return row_of(self.event)

    @cached_property
    def with_stand_ins(self) -> Array:
        """The row with stand-ins; as little counts as known as in its own row."""
        stood_in = row_of(with_stand_ins(self.event))
        stood_in["known"] = self.sent["known"]
        return stood_in


def with_stand_ins(event: Event) -> Event:
    """The event with a never-seen value in place of each missing network, device, client and credential."""
    network, device, credential = event.network, event.device, event.credential
    has_network, has_device, has_client, has_credential = groups_present(event)
    if not has_network:
        network = network.model_copy(update=_NETWORK)
    if not has_device:
        device = device.model_copy(update={"id": f"unseen-{_TOKEN}"})
    if not has_client:
        device = device.model_copy(update={"user_agent": f"unseen{_TOKEN}/1.0"})
    if not has_credential:
        credential = credential.model_copy(update={"id": f"unseen-{_TOKEN}"})
    return event.model_copy(update={"network": network, "device": device, "credential": credential})
