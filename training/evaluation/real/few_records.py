"""The few real records that ship with the project: one incident, a day of sign-ins, and test cases of rules."""

from __future__ import annotations

from features.enrichment.ip_lookup import NetworkTables
from features.model.bundle import TrustModel
from training.evaluation.context import SectionResult
from training.evaluation.real.entra_sign_ins import sign_ins_section
from training.evaluation.real.otrf_incident import incident_section
from training.evaluation.real.panther_rules import rule_tests_section


def few_records_section(model: TrustModel, tables: NetworkTables, seed: int) -> SectionResult:
    """Every source in turn, none pooled with another; the keys of figures begin with `real/`."""
    sections = [
        incident_section(model, tables, seed),
        sign_ins_section(model, tables, seed),
        rule_tests_section(model, tables, seed),
    ]
    all_tables = [table for section_tables, _ in sections for table in section_tables]
    return all_tables, {f"real/{key}": figure for _, figures in sections for key, figure in figures.items()}
