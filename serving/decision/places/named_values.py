"""How the store names the network, device and client that a request uses, while they are new and after."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from features.event.ip_network import prefix_of
from features.event.schema import Event
from serving.decision.places.comparison import is_attested
from serving.decision.places.place import client_of


def value_names(event: Event, at: datetime) -> tuple[str, ...]:
    """Network by operator and country, device by id, client by family and system. An attested workload's network and
    instance are left out: it is known by its credential wherever it runs."""
    return tuple(_names(event, at))


def _names(event: Event, at: datetime) -> Iterator[str]:
    network, device = event.network, event.device
    attested = is_attested(event, at)
    if not attested and (network.asn is not None or network.country is not None):
        yield f"network AS{network.asn or '?'} {network.country or '?'}"
    elif not attested and network.ip is not None:
        yield f"network {prefix_of(network.ip) or network.ip}"
    if not attested and device.id is not None:
        yield f"device {device.id}"
    if device.user_agent is not None:
        yield f"client {client_of(device.user_agent)}"


def kind_of(value: str) -> str:
    """The kind of a value: the word its name begins with.

    >>> kind_of("device laptop 7")
    'device'
    """
    return value.partition(" ")[0]
