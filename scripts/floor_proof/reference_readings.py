"""A second, independent reading of a request: its action, identity and asset as the stricter of said and known."""

import re
import unicodedata
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import pairwise, product
from typing import Any

from scripts.floor_proof.known_names import CATALOGUES, NAMES
from scripts.floor_proof.random_requests import Request

Text = dict[str, Any]
Reading = tuple[Request, list[str] | None]
"""A request as it may be read, and the only floors it meets when read so; None stands for all."""
SENSITIVITY = ("public", "internal", "confidential", "restricted")
ENVIRONMENT = ("development", "staging", "production")
HARMLESS, ORDINARY = {"read", "list", "authenticate"}, {"write", "delete"}
PROVISIONAL = {
    "credential_kinds": [
        "access_key",
        "api_token",
        "oauth_token",
        "ssh_key",
        "x509_svid",
        "jwt_svid",
        "client_certificate",
        "jit_credential",
    ],
    "floors": ["high-impact-workflow", "over-age-secret", "standing-over-privilege"],
}
AWS = (
    "*AdministratorAccess*",
    "*PowerUserAccess*",
    "*IAMFullAccess*",
    "*OrganizationAccountAccessRole*",
    "*AWSControlTowerExecution*",
)
"""Policies and roles of AWS for administrators."""
LOOKALIKES = str.maketrans("\u0430\u0435\u043e\u0440\u0441\u0445\u0456\u03bf", "aeopcxio")
"""Cyrillic and Greek letters that the random roles hold in place of Latin ones."""


def reference_readings(policy: Text, request: Request) -> tuple[Request, list[Reading]]:
    """The first reading, with which proofs are compared, and all readings, of which each brings its floors."""
    categories, event = categories_of(request), known_event(policy, request)
    types, intents = types_of(policy, request), [event["session"]["intent"]]
    intents += [request.session_intent] if request.session_intent is not None else []
    readings = [
        (
            replace(request, event=changed(event, category, kind) | {"session": event["session"] | {"intent": intent}}),
            only,
        )
        for intent, (kind, only), category in product(intents, types, categories)
    ]
    return readings[0][0], readings


def harm(category: str) -> int:
    """How much harm an action of a category does by itself."""
    return 0 if category in HARMLESS else 1 if category in ORDINARY else 2


def categories_of(request: Request) -> list[str]:
    """Every category the request is decided as, the strictest first."""
    declared = request.event["action"]["category"]
    derived, source = NAMES[request.event["action"]["name"]]
    if source == "actions.yaml" or declared is None:
        return [derived]
    ties_to = derived if harm(derived) == harm(declared) == 2 else declared
    return sorted({declared, derived}, key=lambda each: (-harm(each), each != ties_to))


def known_event(policy: Text, request: Request) -> Text:
    """The event with what the deployment knows of its action, asset and identity."""
    event = {name: dict(group) if isinstance(group, dict) else group for name, group in request.event.items()}
    for entry in CATALOGUES["actions"]:
        if any(fnmatchcase(event["action"]["name"].lower(), pattern) for pattern in entry["match"]):
            event["action"] |= {name: entry[name] for name in ("impact", "reversible") if name in entry}
    for entry in CATALOGUES["identities"]:
        if event["identity"]["id"] in entry["match"]:
            event["identity"]["role"] = event["identity"]["role"] or entry.get("role")
            if entry.get("privileged") or is_privileged(policy, entry.get("role")):
                event["credential"]["privileged"] = True
    event["resource"] = known_resource(policy, request)
    return event


def known_resource(policy: Text, request: Request) -> Text:
    """The stricter sensitivity and environment; a low sensitivity of an export counts only where it may be trusted."""
    resource = request.event["resource"]
    entries = [
        entry
        for entry in CATALOGUES["assets"]
        if all(resource[field] in entry[field] for field in ("id", "type") if field in entry)
    ]
    known, declared = [entry["sensitivity"] for entry in entries], resource["sensitivity"]
    trusted = request.assured or policy.get("trust_declared_sensitivity") or "export" not in categories_of(request)
    if not known and not trusted and declared in ("public", "internal"):
        declared = None
    environments = [resource["environment"], *(entry.get("environment") for entry in entries)]
    known_values: Text = resource | {
        "sensitivity": highest(SENSITIVITY, [declared, *known]),
        "environment": highest(ENVIRONMENT, environments),
    }
    return known_values


def highest(order: tuple[str, ...], values: list[str | None]) -> str | None:
    """The last in an order; None if none is known."""
    known = [value for value in values if value]
    return max(known, key=order.index) if known else None


def types_of(policy: Text, request: Request) -> list[tuple[str, list[str] | None]]:
    """Every type the identity is decided as, the fixed one first, and the only floors that a type brings."""
    identity, rules = request.event["identity"], policy.get("provisional_type", PROVISIONAL)
    stated = [
        entry["type"] for entry in CATALOGUES["identities"] if identity["id"] in entry["match"] and "type" in entry
    ]
    fixed = stated[0] if stated else request.fixed_type
    if fixed:
        return [(kind, None) for kind in dict.fromkeys([fixed, identity["type"]])]
    types: list[tuple[str, list[str] | None]] = [
        (kind, None) for kind in dict.fromkeys([identity["type"], *request.declared_types])
    ]
    people = {kind for kind, _ in types} == {"human"}
    machine = request.event["credential"]["kind"] in rules["credential_kinds"]
    return [*types, ("workload", rules["floors"])] if people and machine else types


def is_privileged(policy: Text, role: str | None) -> bool:
    """Whether a role is on the policy's list, in any spelling, or a word of its name is an administrator's."""
    whole = spelling(role or "")
    last = whole.replace("\\", "/").replace(":", "/").rpartition("/")[2]
    patterns = [spelling(pattern) for pattern in [*policy["privileged_roles"], *AWS]]
    listed = any(fnmatchcase(name, pattern) for name in (whole, last) for pattern in patterns)
    words = policy.get("privileged_role_words", ["admin", "administrator", "superuser"])
    apart = [piece.lower() for piece in re.split(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])", spelled_out(role or ""))]
    ends = {*apart, *(one + two for one, two in pairwise(apart))}
    return listed or any(end.endswith((word, f"{word}s")) for end in ends for word in words)


def spelling(role: str) -> str:
    """A role without what spellings of it differ in: letter case, width, space around it, invisible characters."""
    return unicodedata.normalize("NFKC", spelled_out(role).casefold()).strip()


def spelled_out(role: str) -> str:
    """A role in plain letters, without what cannot be seen."""
    wide = unicodedata.normalize("NFKC", role)
    return "".join(letter for letter in wide if letter.isprintable() or letter == "\t").translate(LOOKALIKES)


def changed(event: Text, category: str, kind: str) -> Text:
    """The event with another category and type."""
    return event | {"action": event["action"] | {"category": category}, "identity": event["identity"] | {"type": kind}}
