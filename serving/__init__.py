"""Turns one request into one recorded, explained decision, and tries policies on past requests.

Each name is imported at its first use (PEP 562), so that a command that only prints its help needs no numba, no
SQLAlchemy and no scikit-learn.
"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from serving.decision.decision import Decision, decide
    from serving.decision.inputs import Explanation, Proof, SessionState
    from serving.policy.schema import Policy, PolicyError
    from serving.policy_analysis.past.from_event_file import past_requests_from_events
    from serving.policy_analysis.replays.replay import replay_policy
    from serving.policy_analysis.replays.replay_counts import ReplayCounts
    from serving.policy_analysis.tuning.tune import tune_thresholds, tuning_sample
    from serving.store.store import Store

__all__ = [
    "Decision",
    "Explanation",
    "Policy",
    "PolicyError",
    "Proof",
    "ReplayCounts",
    "SessionState",
    "Store",
    "decide",
    "past_requests_from_events",
    "replay_policy",
    "tune_thresholds",
    "tuning_sample",
]

_HOME = {
    "Decision": "serving.decision.decision",
    "decide": "serving.decision.decision",
    "Explanation": "serving.decision.inputs",
    "Proof": "serving.decision.inputs",
    "SessionState": "serving.decision.inputs",
    "Policy": "serving.policy.schema",
    "PolicyError": "serving.policy.schema",
    "past_requests_from_events": "serving.policy_analysis.past.from_event_file",
    "replay_policy": "serving.policy_analysis.replays.replay",
    "ReplayCounts": "serving.policy_analysis.replays.replay_counts",
    "tune_thresholds": "serving.policy_analysis.tuning.tune",
    "tuning_sample": "serving.policy_analysis.tuning.tune",
    "Store": "serving.store.store",
}


def __getattr__(name: str) -> typing.Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
