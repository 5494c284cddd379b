"""`docs/reference/policy-file.md`: every key of a policy file, and what the shipped one asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from scripts.docgen.markdown import table
from serving.policy.schema import BUILT_IN, Condition, Policy, Requirement
from serving.policy.tables import policy_tables


def floors() -> str:
    """Every floor of the shipped policy: when it applies and what it asks for."""
    rows = []
    for floor in Policy.load().floors:
        name = f"`{floor.id}`" + (" (shadow)" if floor.mode == "shadow" else "")
        when = "; ".join(map(_condition, floor.when))
        rows.append((name, floor.kind, when, _requirement(floor.requires), ", ".join(floor.references)))
    return table(("floor", "guards", "applies when", "asks for", "reference"), rows)


def _condition(condition: Condition) -> str:
    if condition.in_ is not None:
        return f"`{condition.fact}` is {' or '.join(condition.in_)}"
    if condition.is_ is not None:
        return f"`{condition.fact}` is {'true' if condition.is_ else 'false'}"
    return f"`{condition.fact}` > {condition.above:g}"


def _requirement(requirement: Requirement) -> str:
    any_kind = requirement.accepts == Requirement.model_fields["accepts"].default
    machine = "any fresh proof of its own" if any_kind else " or ".join(requirement.accepts).replace("_", " ")
    person = f"AAL{requirement.aal}{', phishing-resistant' if requirement.phishing_resistant else ''}"
    return f"{person}, {requirement.max_age_seconds // 60} min old at most; from a machine {machine}"


def remedies() -> str:
    """What each kind of identity can do, and how long it counts."""
    section = next(each for each in policy_tables(Policy.load()) if each.columns[:2] == ("identity", "remedy"))
    return table(section.columns, section.rows)


def shipped_file() -> str:
    """The shipped policy file as it is."""
    return BUILT_IN.read_text()


MEANINGS = {
    "version": "The format of the file.",
    "thresholds": "For each identity type, the trust that a request needs, by sensitivity of the resource.",
    "thresholds.*.*.budget": "The share of legitimate requests that may be challenged.",
    "thresholds.*.*.trust": "The trust itself, instead of a budget.",
    "thresholds.*.mode": "`shadow` records what the thresholds of this type would demand, and demands nothing.",
    "threshold_mode": "The same for all identity types.",
    "deny_below": "For each identity type, the trust below which the answer is `deny`, whatever was proven.",
    "phishing_resistant_below": "Below this trust only phishing-resistant factors count.",
    "phishing_resistant_sensitivities": "For these sensitivities only phishing-resistant factors count.",
    "new_evidence_margin": "A completed step-up stops counting when trust falls this far below what it was then.",
    "lifetime.risk": "The probability of becoming compromised that an `allow` may spend before it must be renewed.",
    "lifetime.longest_seconds": "The longest an `allow` lasts.",
    "lifetime.shortest_seconds": "The shortest an `allow` lasts, whatever the risk.",
    "lifetime.high_risk_below": "A session trusted less than this at its step-up is a high risk.",
    "lifetime.after_high_risk_seconds": "How long such a session lasts after the step-up.",
    "lifetime.elevation_seconds": "How long a completed step-up counts.",
    "lifetime.assurance": "For AAL 1, 2 and 3, the limits of NIST SP 800-63B-4 on people's sessions.",
    "lifetime.assurance.*.overall_seconds": "How long after authentication.",
    "lifetime.assurance.*.inactivity_seconds": "How long without activity.",
    "storm.prompts": "How many prompts an automation may get within the window for the same thing.",
    "storm.window_seconds": "The window.",
    "thin_context.below": "The share of known facts below which the context is thin.",
    "thin_context.allow": "The action categories that may pass with thin context.",
    "cache_seconds": "How long a caller may reuse an `allow` of a read that is at most internal.",
    "privileged_roles": "Roles whose credentials count as privileged.",
    "bad_reputation": "From this reputation on, an address counts as bad.",
    "clock_tolerance_seconds": "How far another clock may be ahead before its proofs count as made in the future.",
    "acr_levels": "What each `acr` value is worth where no factors are named.",
    "remedies": "For each identity type, what it can do, best first. Only proofs of these kinds count for it.",
    "remedies.*[].type": "The remedy.",
    "irreversible_needs": "For each identity type, what an action that cannot be undone needs instead.",
    "floors": "The rules that demand proof whatever the trust is.",
    "floors[].id": "Its name in answers, pages and metrics.",
    "floors[].kind": "`action` guards a privileged action; `signal` reacts to a fact.",
    "floors[].when": "Conditions that must all hold.",
    "floors[].when[].fact": "An event field, a feature or a named fact.",
    "floors[].when[].in": "It is one of these.",
    "floors[].when[].is": "It is true, or false.",
    "floors[].when[].above": "It is greater than this.",
    "floors[].requires.aal": "The assurance level of a person's proof.",
    "floors[].requires.phishing_resistant": "Whether a person's factor must resist phishing.",
    "floors[].requires.max_age_seconds": "How old the proof may be.",
    "floors[].requires.accepts": "The kinds of proof that a machine may give.",
    "floors[].sentence": "What people read. It may quote facts in braces.",
    "floors[].references": "The framework controls it implements.",
    "floors[].mode": "`shadow` records it as `would_apply`, and demands nothing.",
    "floors[].unknown": "What an unknown fact means; by default `applied` for actions, `undecided` for signals.",
}
"""The meaning of keys whose schema does not carry one. `*` stands for any name."""


def keys() -> str:
    """Every key a policy file may hold, with its type, from the schema that validates it."""
    return table(("key", "type", "meaning"), [(f"`{path}`", kind, note) for path, kind, note in key_rows()])


def key_rows() -> list[tuple[str, str, str]]:
    """Path, type and meaning of every key."""
    schema = Policy.model_json_schema()
    return [(path, kind, _meaning(path) or note) for path, kind, note in _walk(schema, schema["$defs"], "")]


def _meaning(path: str) -> str:
    by_sensitivity = re.sub(r"(thresholds\.\*)\.(?:public|internal|confidential|restricted)\.", r"\1.*.", path)
    return MEANINGS.get(by_sensitivity, "")


def _walk(node: Mapping[str, Any], defs: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str, str]]:
    required = set(node.get("required", ()))
    for name, field in node.get("properties", {}).items():
        inner, kind = _resolved(field, defs)
        path = f"{prefix}{name}"
        optional = "" if name in required else f"; default `{_default(field)}`"
        yield path, kind + optional, field.get("description") or inner.get("description", "").partition("\n")[0]
        child, suffix = _child(inner, defs)
        if child.get("properties"):
            yield from _walk(child, defs, f"{path}{suffix}.")


def _default(field: Mapping[str, Any]) -> str:
    default = field.get("default")
    return "none" if default in (None, [], ()) else str(default)


def _child(node: Mapping[str, Any], defs: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """What is inside a list or a mapping, and how its path says so."""
    if node.get("type") == "array":
        child, suffix = _child(_resolved(node.get("items", {}), defs)[0], defs)
        return child, "[]" + suffix
    if isinstance(node.get("additionalProperties"), dict) and not node.get("properties"):
        child, suffix = _child(_resolved(node["additionalProperties"], defs)[0], defs)
        return child, ".*" + suffix
    return node, ""


def _resolved(field: Mapping[str, Any], defs: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """The schema behind references and optional types, and the type in words."""
    for option in field.get("anyOf", ()):
        if option.get("type") != "null":
            return _resolved(option, defs)
    if "$ref" in field:
        target = defs[field["$ref"].rpartition("/")[2]]
        return target, type_in_words(target, defs)
    return field, type_in_words(field, defs)


def type_in_words(node: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    """The type of a JSON Schema node as people say it."""
    if "$ref" in node:
        words = type_in_words(defs[node["$ref"].rpartition("/")[2]], defs)
    elif "anyOf" in node:
        options = [option for option in node["anyOf"] if option.get("type") != "null"]
        words = " or ".join(type_in_words(option, defs) for option in options)
        words += " or null" if len(options) < len(node["anyOf"]) else ""
    elif "const" in node:
        words = f"`{node['const']}`"
    elif "enum" in node:
        words = "one of " + ", ".join(f"`{value}`" for value in node["enum"])
    elif node.get("type") == "array":
        words = f"list of {type_in_words(node.get('items', {}), defs)}"
    elif node.get("type") == "object" and isinstance(node.get("additionalProperties"), dict):
        words = f"mapping to {type_in_words(node['additionalProperties'], defs)}"
    else:
        words = _bounds(node)
    return words


PLAIN = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false"}


def _bounds(node: Mapping[str, Any]) -> str:
    name = str(node.get("type", "any value"))
    word = "time, ISO 8601 with an offset" if node.get("format") == "date-time" else PLAIN.get(name, name)
    low, high = node.get("minimum", node.get("exclusiveMinimum")), node.get("maximum", node.get("exclusiveMaximum"))
    above = f" above {low:,}" if "exclusiveMinimum" in node else f" from {low:,}" if low is not None else ""
    upto = f" below {high:,}" if "exclusiveMaximum" in node else f" to {high:,}" if high is not None else ""
    return word + above + upto
