"""What only a simulated world can show: identities without a past, Stratus in a user's session, floods, expiry."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from features.model.bundle import TYPES, TrustModel
from training.data.split import COMPARISON_SHARES
from training.evaluation.context import EvaluationContext, SectionResult, evaluation_context
from training.evaluation.report.calibration import expiry_figures, takeovers_by_lifetime
from training.evaluation.report.cold_identities import POSITIONS, cold_identities_section
from training.evaluation.report.detection import recall_section
from training.evaluation.studies.flooding import PLACES, READS, measure_flooding
from training.evaluation.studies.techniques import inject_techniques, share_over_victims
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate, mean_of
from training.metrics.evaluation import YARDSTICK_BUDGET as BUDGET
from training.metrics.session_recall import thresholds_at_budget
from training.pipeline.dataset import prepare
from training.progress import ProgressCallback, stage_counter
from training.simulation.world import simulate

IDENTITIES, DAYS, SEED = 3_600, 42, 2
"""The world: of another seed than the shipped model's."""
VICTIMS = 36
"""Identities that each Stratus technique is injected into."""
SIMULATED = "simulated"


def simulated_section(models: Sequence[TrustModel], seed: int, progress: ProgressCallback) -> SectionResult:
    """Every figure is the mean over the models, of the same world with each model's own features."""
    counter = stage_counter(progress, "simulating", 0.0, 0.3)
    world = simulate(SEED, identities=IDENTITIES, days=DAYS, progress=counter)
    by_model: list[dict[str, Estimate]] = []
    for number, model in enumerate(models):
        start, share = 0.3 + 0.7 * number / len(models), 0.7 / len(models)
        counter = stage_counter(progress, f"features of model {model.version}", start, start + 0.3 * share)
        data = prepare(world, seed, counter, population=model.population, parts=COMPARISON_SHARES)
        context = evaluation_context(model, data, seed)
        figures: dict[str, Estimate] = {}
        for place, (name, measure) in enumerate(PARTS.items()):
            progress(name, start + (0.3 + 0.7 * place / len(PARTS)) * share)
            figures |= measure(context)
        by_model.append(figures)
    figures = {key: mean_of([each[key] for each in by_model if key in each]) for key in by_model[0]}
    return _tables(figures, len(models)), figures


def _cold(context: EvaluationContext) -> dict[str, Estimate]:
    return cold_identities_section(context)[1]


def _recall(context: EvaluationContext) -> dict[str, Estimate]:
    figures = recall_section(context)[1]
    return {key: figure for key, figure in figures.items() if key.endswith("/all")}


def _expiry(context: EvaluationContext) -> dict[str, Estimate]:
    return expiry_figures(takeovers_by_lifetime(context), {})


def _stratus(context: EvaluationContext) -> dict[str, Estimate]:
    """The share of techniques that the model finds in the victim's own session."""
    injected = inject_techniques(context.data, context.seed, VICTIMS)
    if injected is None:
        return {}
    once = np.ones((1, len(context.sessions.compromised)))
    thresholds = thresholds_at_budget(context.sessions, BUDGET, once)
    caught = injected.caught(context.model.now_log_odds(injected.matrix), thresholds)
    settings = {"own session": caught[:, 0], "rented server": caught[:, 1]}
    return {f"stratus/{name}/{BUDGET:g}": share_over_victims(each, context.seed) for name, each in settings.items()}


def _flooding(context: EvaluationContext) -> dict[str, Estimate]:
    rise = measure_flooding(context.model, context.data, context.seed).rise
    figures = {}
    for place, name in enumerate(PLACES):
        for number, reads in enumerate(READS[1:], start=1):
            each = rise[place, number]
            low, high = float(each.min()), float(each.max())
            figures[f"flooding/{name}/{reads}"] = Estimate(float(each.mean()), low, high, len(each))
    highest = max(figure.high for figure in figures.values())
    return figures | {"flooding/highest": Estimate.exact(highest, rise.shape[-1])}


PARTS: dict[str, Callable[[EvaluationContext], dict[str, Estimate]]] = {
    "identities without a past": _cold,
    "recall": _recall,
    "session expiry": _expiry,
    "Stratus in the user's session": _stratus,
    "floods of reads": _flooding,
}
"""What is measured in each model's world, by what is shown as progress."""


def _tables(figures: dict[str, Estimate], models: int) -> list[Table]:
    world = f"One world of {IDENTITIES:,} identities and {DAYS} days, seed {SEED}; {_means(models)}"
    return [
        _cold_table(figures, world),
        _plain_table(
            "Stratus techniques",
            {
                "in the legitimate user's session": f"stratus/own session/{BUDGET:g}",
                "from a rented server, another client": f"stratus/rented server/{BUDGET:g}",
            },
            figures,
            world + f"Shares of (technique, victim) with a request challenged where {BUDGET:.0%} of benign sessions "
            "are. Recorded are actions, order and pauses; victims and everything else are simulated.",
            "recorded actions, simulated histories",
        ),
        _flooding_table(figures, world),
        _plain_table(
            "Recall and session expiry in the same world",
            {
                "compromised sessions caught at 0.1 % of benign sessions": "recall/0.001/all",
                "compromised sessions caught at 1 % of benign sessions": "recall/0.01/all",
                "takeovers that meet an expired session, `valid_until` over a fixed lifetime": "expiry/over_fixed",
                "the same, over an oracle": "expiry/over_oracle",
            },
            figures,
            world,
            SIMULATED,
        ),
    ]


def _means(models: int) -> str:
    return f"means over {models} models. " if models > 1 else "one model. "


def _cold_table(figures: dict[str, Estimate], world: str) -> Table:
    note = (
        world + "Sessions of the test, copied to identities of their own without a past, 20 events each; half begin "
        "with the session, half within it. Cells are predicted over actual malicious requests. The area under the ROC "
        f"is {figures.get('cold/auc', Estimate.unknown(0))}."
    )
    rows = tuple(
        (kind, *(str(figures.get(f"cold/{kind}/{label}", "-")) for label in POSITIONS)) for kind in ("all", *TYPES)
    )
    return Table("Identities without a past", ("identity type", *POSITIONS), rows, note, SIMULATED)


def _flooding_table(figures: dict[str, Estimate], world: str) -> Table:
    note = (
        world + "From a new place, reads that the victim also makes, then an export. Cells: how many log-odds more the "
        "export is trusted after the reads than at once, mean [lowest, highest] over victims."
    )
    rows = tuple((name, *(str(figures.get(f"flooding/{name}/{reads}", "-")) for reads in READS[1:])) for name in PLACES)
    columns = ("from", *(f"{reads} reads" for reads in READS[1:]))
    return Table("Floods of reads before an export", columns, rows, note, SIMULATED)


def _plain_table(title: str, keys: dict[str, str], figures: dict[str, Estimate], note: str, source: str) -> Table:
    rows = tuple((name, str(figures.get(key, "-"))) for name, key in keys.items())
    return Table(title, ("", "figure"), rows, note.strip(), source)
