"""Chooses thresholds for a friction budget, by identity type and sensitivity, and measures what they achieve.

Thresholds are chosen on half of the identities and measured on the other half. Each sensitivity gets its share of an
identity type's budget by WEIGHTS, and a more sensitive resource never needs less trust.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from features.arrays import Array
from features.event.schema import Event, IdentityType, Sensitivity
from features.hashing import key_of
from serving.decision.inputs import SessionState
from serving.deployment.catalogue_files import NO_CATALOGUES, Catalogues
from serving.errors import AnalysisError
from serving.policy.rules import IDENTITY_TYPES, SENSITIVITIES
from serving.policy.schema import Policy, Thresholds
from serving.policy_analysis.intervals import Estimate, rate, resample_totals
from serving.policy_analysis.past.past_requests import PastRequest, SkippedRequest
from serving.policy_analysis.replays.replay import decide_again, read_past_request

WEIGHTS: Mapping[Sensitivity, float] = {"public": 1.0, "internal": 2.0, "confidential": 4.0, "restricted": 10.0}
"""How much more likely a legitimate request may be challenged, the more sensitive its resource is."""
MIN_CELL = 200
"""The fewest legitimate requests a cell needs for a quantile of its own; a smaller one uses its whole type's."""
CURVE = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
"""The budgets of the trade-off curve."""
_BISECTIONS = 40
SAMPLE_DTYPE = np.dtype(
    [
        ("identity", "i8"),
        ("identity_type", "i1"),
        ("sensitivity", "i1"),
        ("trust", "f8"),
        ("stopped", "?"),
        ("malicious", "?"),
    ]
)
"""A request as tuning needs it; types and sensitivities are indices, `stopped` is without any threshold."""

ThresholdTable = dict[IdentityType, dict[Sensitivity, float]]
"""The trust required, by identity type and sensitivity."""


@dataclass(frozen=True)
class TradeOff:
    """What thresholds cost and achieve at a budget.

    `friction` is the share of legitimate requests that the model challenges, `harm_stopped` the share of malicious
    requests that are stopped, `harm_stopped_without` the share that is stopped without thresholds.
    """

    budget: float
    friction: Estimate
    harm_stopped: Estimate
    harm_stopped_without: Estimate


@dataclass(frozen=True)
class TuningResult:
    """Thresholds for a budget, what they achieve on identities they were not chosen on, and the trade-off curve.

    `kept` are the identity types with too few requests, whose thresholds stay as they are.
    """

    trusts: ThresholdTable
    counts: dict[IdentityType, dict[Sensitivity, int]]
    chosen: TradeOff
    by_identity_type: dict[IdentityType, TradeOff]
    curve: tuple[TradeOff, ...]
    kept: tuple[IdentityType, ...]
    source: str


def tuning_sample(
    requests: Iterable[PastRequest | SkippedRequest], policy: Policy, catalogues: Catalogues = NO_CATALOGUES
) -> tuple[Array, str]:
    """The requests as an array of SAMPLE_DTYPE, some twenty bytes each, and the source of their labels.

    A request without a label counts as legitimate.
    """
    sources: set[str] = set()

    def rows() -> Iterator[tuple[int, int, int, float, bool, bool]]:
        for request in requests:
            if isinstance(request, SkippedRequest) or request.trust is None:
                continue
            readings = read_past_request(request, policy, catalogues)
            event = readings.event
            identity_type = event.identity.type
            sensitivity = SENSITIVITIES.index(_threshold_name(policy.thresholds[identity_type], event))
            decision = decide_again(request, readings, policy, 0.0, SessionState(), ())
            if decision.counted_trust is None:
                continue
            if request.label.source:
                sources.add(request.label.source)
            identity, type_index = key_of(request.event.identity.id), IDENTITY_TYPES.index(identity_type)
            malicious = request.label.compromised is True
            stopped = decision.ruling != "allow"
            yield identity, type_index, sensitivity, decision.counted_trust, stopped, malicious

    sample = np.fromiter(rows(), SAMPLE_DTYPE)
    return sample, ", ".join(sorted(sources)) or "none, all counted as legitimate"


def _threshold_name(thresholds: Thresholds, event: Event) -> Sensitivity:
    """The sensitivity whose threshold applies to an event; an unknown sensitivity has no threshold of its own."""
    threshold = thresholds.for_sensitivity(event.resource.sensitivity)
    return next(name for name in SENSITIVITIES if getattr(thresholds, name) is threshold)


def tune_thresholds(sample: Array, friction: float, source: str, seed: int = 1) -> TuningResult:
    """Thresholds that challenge at most a share `friction` of the legitimate requests of each identity type.

    `sample` is an array of SAMPLE_DTYPE, `source` says where its labels come from. A type with too few requests keeps
    its thresholds; raises AnalysisError when every type has too few.
    """
    half = sample["identity"] % 2 == 0
    choosing, measuring = sample[half], sample[~half]
    trusts, kept = _choose(choosing, friction)
    if not trusts:
        least = int(np.ceil(1 / friction))
        raise AnalysisError(f"no identity type has {least} legitimate requests to choose by: a share of {friction:.2%}")
    counts = {each: {name: _count_legitimate(choosing, each, name) for name in SENSITIVITIES} for each in trusts}
    return TuningResult(
        trusts=trusts,
        counts=counts,
        chosen=_measure(measuring, trusts, friction, seed),
        by_identity_type={each: _measure(_of_type(measuring, each), trusts, friction, seed) for each in trusts},
        curve=tuple(_measure(measuring, _choose(choosing, budget)[0], budget, seed) for budget in CURVE),
        kept=kept,
        source=source,
    )


def _of_type(sample: Array, identity_type: IdentityType) -> Array:
    rows: Array = sample[sample["identity_type"] == IDENTITY_TYPES.index(identity_type)]
    return rows


def _count_legitimate(sample: Array, identity_type: IdentityType, sensitivity: Sensitivity) -> int:
    rows = _of_type(sample, identity_type)
    return int(np.sum((rows["sensitivity"] == SENSITIVITIES.index(sensitivity)) & ~rows["malicious"]))


def _choose(sample: Array, friction: float) -> tuple[ThresholdTable, tuple[IdentityType, ...]]:
    """Thresholds by type, and the types that have too few legitimate requests for this budget."""
    trusts, kept = ThresholdTable(), []
    for identity_type in IDENTITY_TYPES:
        rows = _of_type(sample, identity_type)
        legitimate = rows[~rows["malicious"]]
        if len(legitimate) * friction < 1:
            kept.append(identity_type)
        else:
            trusts[identity_type] = _choose_for_type(legitimate, friction)
    return trusts, tuple(kept)


def _choose_for_type(legitimate: Array, friction: float) -> dict[Sensitivity, float]:
    """The largest thresholds within the budget, found by bisection: the friction grows with the scale."""
    by_sensitivity = [
        np.sort(legitimate["trust"][legitimate["sensitivity"] == index]) for index in range(len(SENSITIVITIES))
    ]
    all_trusts = np.sort(legitimate["trust"])
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        spent = np.mean(_challenged(legitimate, _scaled_quantiles(by_sensitivity, all_trusts, middle)))
        low, high = (middle, high) if spent <= friction else (low, middle)
    return dict(zip(SENSITIVITIES, _scaled_quantiles(by_sensitivity, all_trusts, low).tolist(), strict=True))


def _scaled_quantiles(by_sensitivity: list[Array], all_trusts: Array, scale: float) -> Array:
    """Quantiles at the scale times each weight, lowered where a less sensitive cell would need more trust."""
    largest = max(WEIGHTS.values())
    quantiles = [
        _quantile(trusts if len(trusts) >= MIN_CELL else all_trusts, scale * WEIGHTS[name] / largest)
        for name, trusts in zip(SENSITIVITIES, by_sensitivity, strict=True)
    ]
    return np.minimum.accumulate(quantiles[::-1])[::-1]


def _quantile(ordered: Array, share: float) -> float:
    return float(ordered[min(int(share * len(ordered)), len(ordered) - 1)])


def _challenged(sample: Array, trusts: Array) -> Array:
    """Whether the model, and nothing else, challenges each request: the cost of the thresholds."""
    challenged: Array = (sample["trust"] < trusts[sample["sensitivity"]]) & ~sample["stopped"]
    return challenged


def _measure(sample: Array, trusts: ThresholdTable, budget: float, seed: int) -> TradeOff:
    """The cost and effect of thresholds on a sample, with intervals over identities."""
    required = np.zeros((len(IDENTITY_TYPES), len(SENSITIVITIES)))
    for identity_type, cells in trusts.items():
        required[IDENTITY_TYPES.index(identity_type)] = list(cells.values())
    challenged = (sample["trust"] < required[sample["identity_type"], sample["sensitivity"]]) & ~sample["stopped"]
    malicious, stopped = sample["malicious"], sample["stopped"]
    flags = np.column_stack(
        [
            ~malicious,
            ~malicious & challenged,
            malicious,
            malicious & (challenged | stopped),
            malicious & stopped,
        ]
    )
    identities, row_of = np.unique(sample["identity"], return_inverse=True)
    sums = np.zeros((len(identities), flags.shape[1]))
    np.add.at(sums, row_of, flags)
    totals = resample_totals(sums, seed)
    return TradeOff(budget, rate(totals, 1, 0), rate(totals, 3, 2), rate(totals, 4, 2))
