"""A policy as a few readable tables, for the terminal, the policy page and the documentation."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

import yaml

from features.event.authentication_methods import AuthenticationMethod
from serving.policy.assurance import AmrLists, AssuranceMap, IdentityProvider, ProviderName
from serving.policy.rules import SENSITIVITIES
from serving.policy.schema import Condition, Floor, Policy, RemedyRule, Requirement, Threshold, Thresholds
from serving.times import duration


@dataclass(frozen=True)
class PolicyTable:
    """One table: its title, columns and rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def policy_tables(policy: Policy) -> tuple[PolicyTable, ...]:
    """Thresholds, floors, remedies, sign-ins and limits of a policy."""
    return (
        PolicyTable("Trust required", ("identity", *SENSITIVITIES, "denied below", "mode"), _thresholds(policy)),
        PolicyTable(
            "Floors: proof required whatever the trust",
            ("floor", "guards", "when", "a person shows", "a machine shows", "mode"),
            tuple(_floor(floor) for floor in policy.floors),
        ),
        PolicyTable("Remedies, best first", ("identity", "remedy", "counts for", "offered"), _remedies(policy)),
        PolicyTable("What a person's sign-in proves", ("claim", "value", "proves"), _assurance(policy.assurance)),
        PolicyTable("Limits", ("what", "how much"), _limits(policy)),
    )


def provider_table(providers: Mapping[ProviderName, IdentityProvider]) -> PolicyTable:
    """The policy templates for identity providers."""
    return PolicyTable(
        "Identity providers whose acr and amr values are known",
        ("identity_provider", "name", "amr lists", "acr values", "amr values"),
        tuple(
            (
                name,
                each.title,
                _LISTS[each.amr_lists],
                ", ".join(each.acr_levels) or "-",
                ", ".join(each.amr_values) or "-",
            )
            for name, each in providers.items()
        ),
    )


def provider_lines(name: str, provider: IdentityProvider) -> str:
    """The lines of a policy file that name an identity provider, with what they stand for as comments."""
    data = provider.model_dump(mode="json", exclude_defaults=True)
    values = {key: data[key] for key in ("amr_lists", "acr_levels", "amr_values")}
    stands_for = yaml.safe_dump(values, sort_keys=False, default_flow_style=None, width=112)
    notes = textwrap.wrap(provider.not_listed, 112)
    return (
        f"# People sign in with {provider.title}. Its documentation:\n"
        + "".join(f"#   {source}\n" for source in provider.sources)
        + f"identity_provider: {name}\n"
        + "# This line stands for the ones below. To change a value, state it in your policy.\n"
        + "".join(f"# {line}\n" for line in stands_for.splitlines())
        + "# To be mapped by yourself:\n"
        + "".join(f"#   {line}\n" for line in notes)
    )


_LISTS: Mapping[AmrLists, str] = {"all": "all factors", "last": "the last factor", "some": "some factors"}


def _assurance(known: AssuranceMap) -> tuple[tuple[str, ...], ...]:
    """Every acr and amr value that a policy knows."""
    return (
        *(
            ("acr", value, _worth(f"AAL{each.aal}", each.phishing_resistant))
            for value, each in known.acr_levels.items()
        ),
        *(("amr", value, _worth(_factors(each), each.phishing_resistant)) for value, each in known.methods.items()),
    )


def _factors(method: AuthenticationMethod) -> str:
    return " and ".join(method.factors) or ("several factors" if method.multi_factor else "no factor")


def _worth(what: str, phishing_resistant: bool) -> str:
    return what + (", phishing-resistant" if phishing_resistant else "")


def _thresholds(policy: Policy) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (kind, *_required(thresholds), f"{policy.deny_below[kind]:g}", _mode(policy, thresholds))
        for kind, thresholds in policy.thresholds.items()
    )


def _required(thresholds: Thresholds) -> list[str]:
    return [_threshold(getattr(thresholds, name)) for name in SENSITIVITIES]


def _threshold(threshold: Threshold) -> str:
    if threshold.trust is not None:
        return f"trust {threshold.trust:g}"
    return f"asks {threshold.budget:.2%} of requests"


def _mode(policy: Policy, thresholds: Thresholds) -> str:
    return "shadow" if "shadow" in (policy.threshold_mode, thresholds.mode) else "enforce"


def _floor(floor: Floor) -> tuple[str, ...]:
    requires = floor.requires
    resistant = ", phishing-resistant" if requires.phishing_resistant else ""
    person = f"AAL{requires.aal}{resistant}, {duration(requires.max_age_seconds)}"
    anything = requires.accepts == Requirement.model_fields["accepts"].default
    machine = "any proof of its own" if anything else " or ".join(requires.accepts).replace("_", " ")
    return (floor.id, floor.kind, "; ".join(map(condition_words, floor.when)), person, machine, floor.mode)


def condition_words(condition: Condition) -> str:
    """A condition in words.

    >>> condition_words(Condition.model_validate({"fact": "travel_km_per_hour", "above": 1000}))
    'travel_km_per_hour above 1000'
    """
    if condition.in_ is not None:
        return f"{condition.fact} is {' or '.join(condition.in_)}"
    if condition.is_ is not None:
        return f"{condition.fact} is {'true' if condition.is_ else 'false'}"
    return f"{condition.fact} above {condition.above:g}"


def _remedies(policy: Policy) -> tuple[tuple[str, ...], ...]:
    return tuple(
        (kind, rule.type.replace("_", " "), _counts_for(rule), _offered(policy, kind, rule))
        for kind, rules in policy.remedies.items()
        for rule in rules
    )


def _counts_for(rule: RemedyRule) -> str:
    age = duration(rule.max_age_seconds) if rule.max_age_seconds else "as long as the floor says"
    return age + ("" if rule.when_doubted else "; never on a doubted session")


def _offered(policy: Policy, kind: str, rule: RemedyRule) -> str:
    words = {"always": "always", "calm": "unless asked too often", "storm": "when asked too often"}[rule.offered]
    needed = {str(name): types for name, types in policy.irreversible_needs.items()}.get(kind, ())
    return words + ("; the only one for what cannot be undone" if rule.type in needed else "")


def _limits(policy: Policy) -> tuple[tuple[str, ...], ...]:
    life, storm = policy.lifetime, policy.storm
    rows = [
        ("in force from", policy.effective_from.isoformat() if policy.effective_from else "always"),
        ("in force until", policy.expires.isoformat() if policy.expires else "it is replaced"),
        ("a session lasts at most", duration(life.longest_seconds)),
        ("a step-up counts for", duration(life.elevation_seconds)),
        ("after a step-up on a doubted session", duration(life.after_high_risk_seconds)),
        ("only phishing-resistant factors below trust", f"{policy.phishing_resistant_below:g}"),
        ("and always for", ", ".join(policy.phishing_resistant_sensitivities) or "nothing"),
        ("a challenge may be answered for", duration(policy.step_ups.challenge_seconds)),
        ("failed step-ups count for", duration(policy.step_ups.failures_within_seconds)),
        ("an automation is prompted at most", f"{storm.prompts} times in {duration(storm.window_seconds)}"),
        ("prompts that nobody answers are put off after", f"{storm.unanswered} in {duration(storm.window_seconds)}"),
    ]
    for aal, ceiling in sorted(life.assurance.items()):
        idle = f", {duration(ceiling.inactivity_seconds)} without activity" if ceiling.inactivity_seconds else ""
        rows.append((f"AAL{aal} ends", f"{duration(ceiling.overall_seconds)} after authentication{idle}"))
    return tuple(rows)
