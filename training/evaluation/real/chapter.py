"""The chapter on real records: what a model makes of the few there are, source by source."""

from __future__ import annotations

from pathlib import Path

from features.enrichment.ip_lookup import NetworkTables
from features.model.bundle import TrustModel
from training.evaluation.context import SectionResult
from training.evaluation.real.agentdojo import TITLE, agents_section
from training.evaluation.real.entra_sign_ins import sign_ins_section
from training.evaluation.real.otrf_incident import incident_section
from training.evaluation.real.panther_rules import rule_tests_section
from training.evaluation.real.stratus_techniques import techniques_section
from training.evaluation.tables import Table
from training.model.recipe import Recipe
from training.pipeline.dataset import Dataset
from training.progress import ProgressCallback, share_of
from training.real_records.scoring import SOURCE

NOT_MEASURED = (
    "Not measured: the runs state no licence, so they are not part of this project. To measure, get the workspace "
    "suite with one run a line, and name the file with `--agentdojo FILE` or in `SESSION_TRUST_AGENTDOJO`."
)


def real_records_report(
    model: TrustModel,
    data: Dataset,
    tables: NetworkTables,
    recipe: Recipe,
    seed: int,
    progress: ProgressCallback,
    agentdojo: Path | None = None,
) -> SectionResult:
    """Run every source in turn, none pooled with another; the keys of figures begin with `real/`."""
    progress("scoring real records", 0.0)
    sections = [
        incident_section(model, tables, seed),
        sign_ins_section(model, tables, seed),
        rule_tests_section(model, tables, seed),
    ]
    progress("scoring agents' runs", 0.1)
    sections.append(agents_section(model, tables, agentdojo, seed) if agentdojo else ([_not_measured()], {}))
    progress("leaving techniques out", 0.2)
    sections.append(techniques_section(data, recipe, seed, share_of(progress, 0.2, 1.0)))
    all_tables = [table for section_tables, _ in sections for table in section_tables]
    return all_tables, {f"real/{key}": figure for _, figures in sections for key, figure in figures.items()}


def _not_measured() -> Table:
    return Table(TITLE, ("", "figure"), (("all", "not measured"),), NOT_MEASURED, SOURCE)
