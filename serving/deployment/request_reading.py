"""Reads a request with what is known beside it: the stricter of what the caller says and what the deployment knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from features.event.schema import Event, IdentityType, Sensitivity
from features.inventory.entries import ActionEntry, AssetEntry, IdentityEntry
from features.inventory.matching import (
    larger_count,
    matching_action,
    matching_assets,
    matching_identity,
    stricter_environment,
    stricter_sensitivity,
)
from features.sources.actions.derivation import derived_category
from serving.decision.readings import NO_TYPES, ActionReading, KnownTypes, Reading, Readings
from serving.deployment.catalogue_files import NO_CATALOGUES, Catalogues
from serving.policy.rules import SENSITIVITIES
from serving.policy.schema import Policy


@dataclass(frozen=True)
class Listed:
    """What the deployment's files say of a request."""

    action: ActionEntry | None
    identity: IdentityEntry | None
    assets: tuple[AssetEntry, ...]

    @classmethod
    def of(cls, event: Event, catalogues: Catalogues) -> Listed:
        """Every entry that matches a request."""
        return cls(
            matching_action(catalogues, event.action.name),
            matching_identity(catalogues, event.identity.id),
            matching_assets(catalogues, event.resource.id, event.resource.type),
        )

    @property
    def identity_type(self) -> IdentityType | None:
        """The type that the identity is listed with, which stands above any other."""
        return self.identity.type if self.identity else None


def read_request(
    event: Event,
    policy: Policy,
    catalogues: Catalogues = NO_CATALOGUES,
    types: KnownTypes = NO_TYPES,
    *,
    assured: bool,
) -> Readings:
    """The readings of a request. `assured` says that its caller may assert facts (scope `assure`)."""
    return read_listed(event, policy, Listed.of(event, catalogues), types, assured=assured)


def read_listed(event: Event, policy: Policy, listed: Listed, types: KnownTypes, *, assured: bool) -> Readings:
    """The same with the entries that match the request."""
    action = _action_reading(event, listed.action)
    event = _with_known_action(event, listed.action)
    event = _with_known_identity(event, listed.identity, policy)
    trusted = assured or policy.trust_declared_sensitivity
    event = _with_known_asset(event, listed.assets, trusted_sensitivity=trusted or "export" not in action.all)
    fixed = listed.identity_type or types.fixed
    first, *others = _typed(event, KnownTypes(fixed, types.declared), policy)
    readings = [
        Reading(_with(_with(reading.event, "action", category=category), "session", intent=intent), reading.floors)
        for intent in _intents(event, types)
        for reading in (first, *others)
        for category in action.all
    ]
    return Readings(readings[0].event, tuple(readings[1:]), action, event.identity.type != first.event.identity.type)


def _intents(event: Event, types: KnownTypes) -> tuple[str | None, ...]:
    """The intent that a request declares, and the one its session has: both must cover it."""
    return tuple(dict.fromkeys((event.session.intent, types.intent or event.session.intent)))


def _action_reading(event: Event, entry: ActionEntry | None) -> ActionReading:
    """The declared category of an event's action, and the one that its name has."""
    if entry is not None:
        return ActionReading(event.action.category, entry.category, "actions.yaml")
    derived = derived_category(event.action.name)
    return ActionReading(event.action.category, derived.category, derived.source)


def _with_known_action(event: Event, entry: ActionEntry | None) -> Event:
    """The impact and reversibility that `actions.yaml` states replace the declared ones."""
    if entry is None:
        return event
    stated = {"impact": entry.impact, "reversible": entry.reversible}
    return _with(event, "action", **{name: value for name, value in stated.items() if value is not None})


def _with_known_identity(event: Event, entry: IdentityEntry | None, policy: Policy) -> Event:
    """A privileged entry makes the credential privileged; of two numbers of entitlements the larger one counts."""
    if entry is None:
        return event
    if entry.privileged or (entry.role is not None and policy.is_privileged_role(entry.role)):
        event = _with(event, "credential", privileged=True)
    granted = larger_count((event.identity.entitlements_granted, entry.entitlements))
    return _with(event, "identity", role=event.identity.role or entry.role, entitlements_granted=granted)


def _with_known_asset(event: Event, assets: tuple[AssetEntry, ...], *, trusted_sensitivity: bool) -> Event:
    """The stricter sensitivity and environment. A declared sensitivity that is not trusted counts from confidential on;
    below that it is unknown."""
    resource = event.resource
    known = stricter_sensitivity(asset.sensitivity for asset in assets)
    declared: Sensitivity | None = resource.sensitivity
    if known is None and not trusted_sensitivity and declared is not None and _is_low(declared):
        declared = None
    environment = stricter_environment([resource.environment, *(asset.environment for asset in assets)])
    return _with(event, "resource", sensitivity=stricter_sensitivity([declared, known]), environment=environment)


def _is_low(sensitivity: Sensitivity) -> bool:
    return SENSITIVITIES.index(sensitivity) < SENSITIVITIES.index("confidential")


def _typed(event: Event, types: KnownTypes, policy: Policy) -> list[Reading]:
    """The event under its fixed type, or the declared one until a type is fixed, and under every other type whose
    floors it meets as well."""
    first = types.fixed or event.identity.type
    others = {event.identity.type, *(() if types.fixed else types.declared)} - {first}
    readings = [Reading(_with(event, "identity", type=kind)) for kind in (first, *sorted(others))]
    provisional = types.fixed is None and first == "human" and others <= {"human"}
    if provisional and event.credential.kind in policy.provisional_type.credential_kinds:
        readings.append(Reading(_with(event, "identity", type="workload"), frozenset(policy.provisional_type.floors)))
    return readings


def _with(event: Event, group: str, **values: Any) -> Event:
    """The event with other values in one of its groups; the same event where nothing differs."""
    part = getattr(event, group)
    changed = {name: value for name, value in values.items() if getattr(part, name) != value}
    return event.model_copy(update={group: part.model_copy(update=changed)}) if changed else event
