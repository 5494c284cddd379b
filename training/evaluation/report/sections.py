"""The full report: every section, in order. To add one, write its function and list it in SECTIONS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from features.model.bundle import TrustModel
from training.evaluation.context import EvaluationContext, SectionResult, evaluation_context
from training.evaluation.report.baselines import baselines_section
from training.evaluation.report.calibration import calibration_section, session_expiry_section
from training.evaluation.report.cold_identities import cold_identities_section
from training.evaluation.report.detection import (
    fairness_section,
    recall_by_world_section,
    recall_section,
    step_ups_section,
    time_to_detect_section,
)
from training.evaluation.report.refits import (
    ablations_section,
    leaks_section,
    login_baseline_section,
    poisoning_section,
    techniques_left_out_section,
)
from training.evaluation.studies.closed_loop import closed_loop_section
from training.evaluation.tables import Table
from training.evaluation.targets import targets_table
from training.metrics.bootstrap import Estimate
from training.model.recipe import Recipe
from training.pipeline.dataset import Dataset
from training.progress import ProgressCallback, share_of


@dataclass(frozen=True)
class Section:
    """One section of the report."""

    name: str
    """Shown as progress."""
    run: Callable[[EvaluationContext], SectionResult]
    weight: float
    """How long the section takes, relative to the others."""


SECTIONS = (
    Section("recall", recall_section, 1),
    Section("recall by world", recall_by_world_section, 1),
    Section("step-ups", step_ups_section, 1),
    Section("fairness", fairness_section, 1),
    Section("time to detect", time_to_detect_section, 2),
    Section("calibration", calibration_section, 4),
    Section("cold identities", cold_identities_section, 4),
    Section("session expiry", session_expiry_section, 4),
    Section("baselines", baselines_section, 4),
    Section("closed loop", closed_loop_section, 2),
    Section("login baseline", login_baseline_section, 6),
    Section("poisoning", poisoning_section, 12),
    Section("ablations", ablations_section, 30),
    Section("leaks", leaks_section, 30),
    Section("techniques", techniques_left_out_section, 15),
)


def full_report(
    model: TrustModel, data: Dataset, recipe: Recipe, seed: int, progress: ProgressCallback
) -> tuple[list[Table], dict[str, Estimate]]:
    """Run every section; returns the tables, the evaluation targets first, and all figures by key."""
    progress("scoring", 0.0)
    context = evaluation_context(model, data, seed, recipe)
    tables: list[Table] = []
    figures: dict[str, Estimate] = {}
    scoring = 2.0
    total, done = scoring + sum(section.weight for section in SECTIONS), scoring
    for section in SECTIONS:
        start, end = done / total, (done + section.weight) / total
        progress(section.name, start)
        section_tables, section_figures = section.run(replace(context, progress=share_of(progress, start, end)))
        tables += section_tables
        figures |= section_figures
        done += section.weight
    return [targets_table(figures), *tables], figures
