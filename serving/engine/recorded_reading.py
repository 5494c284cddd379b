"""Reads a recorded request again, with what its record says was known of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from features.event.schema import Event
from serving.decision.readings import KnownTypes, Readings
from serving.deployment.request_reading import read_request
from serving.model.active import ActiveConfiguration


def read_recorded(body: Mapping[str, Any], event: Event, active: ActiveConfiguration) -> Readings:
    """The readings of a recorded request under the policy and catalogues in force."""
    types = KnownTypes.from_record(body.get("types", {}))
    return read_request(event, active.policy, active.catalogues, types, assured=body.get("assured", True))
