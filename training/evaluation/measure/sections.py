"""The sections that `docs/evaluation.md` begins with: each is measured, stored as a file, and shown from its file."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from features.enrichment.ip_lookup import NetworkTables
from features.model.bundle import TrustModel
from training.evaluation.context import SectionResult
from training.evaluation.measure.sign_ins import sign_ins_section
from training.evaluation.measure.simulated import simulated_section
from training.evaluation.measure.stored import StoredSection, digest_of_inputs, read_section
from training.evaluation.real.agents import agents_section
from training.evaluation.real.few_records import few_records_section
from training.evaluation.real.masquerade_sections import suites_section, window_section
from training.evaluation.tables import Chapter, Table, write_chapter
from training.evaluation.yardsticks import YARDSTICKS_TITLE, yardsticks_table
from training.metrics.bootstrap import Estimate
from training.progress import ProgressCallback, share_of
from training.promotion.shipping import SHIPPED_TAG
from training.real_records.masquerades import SEEDS
from training.real_records.scoring import SOURCE

STORE = "measured"
"""The folder of stored sections, beside the chapters."""
MOSTLY = f"{SOURCE}; simulated where a row says so"


@dataclass(frozen=True)
class Inputs:
    """What sections are measured with."""

    models: tuple[TrustModel, ...]
    logs: Path
    """The folder of real logs: see `training.real_records.shared_logs`."""
    networks: NetworkTables
    seed: int = 1


@dataclass(frozen=True)
class MeasuredSection:
    """One section."""

    name: str
    run: Callable[[Inputs, ProgressCallback], SectionResult]
    weight: float
    """How long it takes, relative to the others."""
    simulated: bool = False


def _suites(inputs: Inputs, progress: ProgressCallback) -> SectionResult:
    return suites_section(inputs.models, inputs.logs, inputs.seed, progress)


def _window(inputs: Inputs, progress: ProgressCallback) -> SectionResult:
    return window_section(inputs.models, inputs.logs, inputs.seed, progress)


def _agents(inputs: Inputs, progress: ProgressCallback) -> SectionResult:
    progress("agents' runs", 0.0)
    return agents_section(inputs.models, inputs.logs, inputs.seed)


def _few_records(inputs: Inputs, progress: ProgressCallback) -> SectionResult:
    progress("incident, sign-ins and rule tests", 0.0)
    return few_records_section(inputs.models[0], inputs.networks, inputs.seed)


def _simulated(inputs: Inputs, progress: ProgressCallback) -> SectionResult:
    return simulated_section(inputs.models, inputs.seed, progress)


def _sign_ins(inputs: Inputs, progress: ProgressCallback) -> SectionResult:
    return sign_ins_section(inputs.models, inputs.seed, progress)


SECTIONS = (
    MeasuredSection("masquerades", _suites, 6),
    MeasuredSection("window", _window, 3),
    MeasuredSection("agents", _agents, 1),
    MeasuredSection("few-records", _few_records, 1),
    MeasuredSection("sign-ins", _sign_ins, 3, simulated=True),
    MeasuredSection("worlds", _simulated, 10, simulated=True),
)
"""In the order in which they are shown."""


def measure_sections(
    inputs: Inputs, folder: Path, command: str, progress: ProgressCallback, again: Collection[str] = ()
) -> dict[str, Estimate]:
    """Measure what is not stored for these models, or is named in `again`; write both chapters; returns all figures.

    `folder` holds the chapters. A run that was interrupted goes on after the last whole section.
    """
    stored: dict[str, StoredSection] = {}
    total, done = sum(section.weight for section in SECTIONS), 0.0
    for section in SECTIONS:
        path = folder / STORE / f"{section.name}.json"
        key = digest_of_inputs(inputs.models, section.name, SEEDS, inputs.seed)
        found = read_section(path)
        if found is None or found.measured != key or section.name in again:
            began = time.monotonic()
            part = share_of(progress, done / total, (done + section.weight) / total)
            part(section.name, 0.0)
            tables, figures = section.run(inputs, part)
            found = StoredSection(key, time.monotonic() - began, tuple(tables), figures)
            found.write(path)
        stored[section.name] = found
        done += section.weight
    return write_chapters(stored, inputs.models, folder, command)


def _title(models: Sequence[TrustModel]) -> str:
    if len(models) == 1 and SHIPPED_TAG in models[0].tags:
        return "The shipped model"
    return f"Model version{'s' if len(models) > 1 else ''} {', '.join(model.version for model in models)}"


def yardsticks_of(chapters: Sequence[Chapter]) -> list[Table]:
    """The table of yardsticks among chapters that were read."""
    return [table for chapter in chapters for table in chapter.tables if table.title == YARDSTICKS_TITLE]


def write_chapters(
    stored: dict[str, StoredSection], models: Sequence[TrustModel], folder: Path, command: str
) -> dict[str, Estimate]:
    """Write the chapter on real records, yardsticks first, and the one on simulated worlds; returns all figures."""
    figures = {key: figure for section in stored.values() for key, figure in section.figures.items()}
    title = _title(models)
    first = yardsticks_table(figures, f"{len(models)} model{'s' if len(models) > 1 else ''}")
    first = Table(first.title, first.columns, first.rows, first.note, MOSTLY)
    for order, simulated, name in ((1, False, "real"), (2, True, "worlds")):
        parts = {section.name: stored[section.name] for section in SECTIONS if section.simulated == simulated}
        tables = [table for part in parts.values() for table in part.tables]
        heading = f"{title}, beside real records" if simulated else f"{title}, on real records"
        seconds = {part: section.seconds for part, section in parts.items()}
        source = "simulated" if simulated else SOURCE
        shown = tuple(tables if simulated else [first, *tables])
        write_chapter(Chapter(order, heading, command, source, seconds, shown), name, folder)
    return figures
