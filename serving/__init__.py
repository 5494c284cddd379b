"""Turns one request into one recorded, explained decision.

Each name is imported at its first use (PEP 562), so a command that needs one of them does not wait for all.
"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from serving.decision.decide import Decision, Explanation, Proof, Standing, decide
    from serving.policy.schema import Policy, PolicyError
    from serving.policy_analysis.from_event_file import imported_cases
    from serving.policy_analysis.replay import tried
    from serving.policy_analysis.replay_counts import Tally
    from serving.policy_analysis.tune import sampled, tune
    from serving.store.store import Store

__all__ = [
    "Decision",
    "Explanation",
    "Policy",
    "PolicyError",
    "Proof",
    "Standing",
    "Store",
    "Tally",
    "decide",
    "imported_cases",
    "sampled",
    "tried",
    "tune",
]

_MODULES = {
    "Decision": "serving.decision.decide",
    "Explanation": "serving.decision.decide",
    "Policy": "serving.policy.schema",
    "PolicyError": "serving.policy.schema",
    "Proof": "serving.decision.decide",
    "Standing": "serving.decision.decide",
    "Store": "serving.store.store",
    "Tally": "serving.policy_analysis.replay_counts",
    "decide": "serving.decision.decide",
    "imported_cases": "serving.policy_analysis.from_event_file",
    "sampled": "serving.policy_analysis.tune",
    "tried": "serving.policy_analysis.replay",
    "tune": "serving.policy_analysis.tune",
}


def __getattr__(name: str) -> typing.Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
