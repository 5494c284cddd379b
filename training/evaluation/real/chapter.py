"""What a model makes of the few real records there are, source by source: a chapter of `evaluate --report`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from features.enrichment.ip_lookup import NetworkTables
from features.model.bundle import TrustModel
from training.evaluation.real.agentdojo import agents
from training.evaluation.real.entra_sign_ins import sign_ins
from training.evaluation.real.otrf_incident import incident
from training.evaluation.real.panther_rules import rule_tests
from training.evaluation.real.stratus_techniques import techniques
from training.evaluation.tables import Table
from training.metrics.bootstrap import Estimate
from training.model.fit import Recipe
from training.pipeline.dataset import Dataset
from training.real_records.scoring import REAL

AGENTDOJO = "SESSION_TRUST_AGENTDOJO"
"""Names the file of AgentDojo's runs, which nobody may hand on."""
SKIPPED = (
    "Not measured: the runs state no licence, so they are not part of this project. With the workspace suite, one run "
    f"a line, name the file with `--agentdojo FILE` or in `{AGENTDOJO}`."
)


def real_evidence(
    model: TrustModel,
    data: Dataset,
    tables: NetworkTables,
    recipe: Recipe,
    seed: int,
    told: Callable[[str, float], None],
    agentdojo: Path | None = None,
) -> tuple[list[Table], dict[str, Estimate]]:
    """Every source in turn, none pooled with another; a figure's name begins with `real`, the techniques' apart."""
    told("real records", 0.0)
    found = [incident(model, tables, seed), sign_ins(model, tables, seed), rule_tests(model, tables, seed)]
    told("agents' runs", 0.1)
    found.append(agents(model, tables, agentdojo, seed) if agentdojo else ([_skipped()], {}))
    told("techniques", 0.2)
    found.append(techniques(data, recipe, seed, lambda what: told(what, 0.3)))
    told("done", 1.0)
    sections, figures = zip(*found, strict=True)
    return [table for each in sections for table in each], {
        f"real/{name}": figure for each in figures for name, figure in each.items()
    }


def _skipped() -> Table:
    return Table("Agents talked into it (AgentDojo)", ("", "figure"), (("all", "not measured"),), SKIPPED, REAL)
