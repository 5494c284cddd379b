"""`docs/reference/policy-file.md`: every key of a policy file, and what the shipped one asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from features.event.authentication_methods import RFC_8176
from scripts.docgen.markdown import table
from serving.policy.assurance import identity_providers
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


def factors() -> str:
    """What every amr value of RFC 8176 proves."""
    rows = []
    for value, method in RFC_8176.items():
        proves = " and ".join(method.factors) or ("several factors" if method.multi_factor else "no factor")
        marks = ("yes" if mark else "" for mark in (method.phishing_resistant, method.hardware))
        rows.append((f"`{value}`", method.meaning, proves, *marks))
    return table(("`amr`", "meaning", "proves", "phishing-resistant", "in hardware"), rows)


def identity_provider_templates() -> str:
    """What is known of each identity provider, and what a deployment has to map itself."""
    rows = []
    for name, each in identity_providers().items():
        acr = ", ".join(f"`{value}`: AAL{level.aal}" for value, level in each.acr_levels.items()) or "none"
        rows.append((f"`{name}`", each.title, each.amr_lists, acr, each.not_listed))
    header = ("`identity_provider`", "name", "`amr_lists`", "acr values", "what is left to you")
    pages = [
        f"- {each.title}: {' '.join(f'<{page}>' for page in each.sources)}" for each in identity_providers().values()
    ]
    return "\n".join((table(header, rows), "", "Their values are those that these pages state:", "", *pages))


def shipped_file() -> str:
    """The shipped policy file as it is."""
    return BUILT_IN.read_text()


def keys() -> str:
    """Every key a policy file may hold, with its type, from the schema that validates it."""
    return table(("key", "type", "meaning"), [(f"`{path}`", kind, note) for path, kind, note in key_rows()])


def key_rows() -> list[tuple[str, str, str]]:
    """Path, type and meaning of every key."""
    schema = Policy.model_json_schema()
    return list(_walk(schema, schema["$defs"], ""))


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
