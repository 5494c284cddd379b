"""Every log source reads its real samples: who acts, of which type, what was done, and what came of it."""

from __future__ import annotations

import pytest
from support.source_samples import DATA, SAMPLES, Sample, read

from features.sources.file_import import import_files
from features.sources.registry import SOURCES
from scripts.docgen.sources_reference import SAMPLES as MEASURED


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_every_record_is_an_event_or_counted_as_what_it_is(sample: Sample) -> None:
    """No record is dropped silently."""
    events, others = read(sample)

    assert (len(events), others["nobody"], others["other"], others["unreadable"]) == sample[2:]


@pytest.mark.parametrize("source", sorted({sample.source for sample in SAMPLES}))
def test_what_an_event_says_is_known_for_nearly_all(source: str) -> None:
    """The type follows from a rule, the category from the vendor's table, and the outcome from the log."""
    events = [pair for sample in SAMPLES if sample.source == source for pair in read(sample)[0]]
    typed = sum(SOURCES[source].identity_type(record) is not None for record, _ in events)
    listed = sum(event.action.category is not None for _, event in events)
    known = sum(event.action.outcome is not None for _, event in events)

    shares = {"type": typed, "category": listed, "outcome": known}
    assert {name: share / len(events) for name, share in shares.items() if share / len(events) < 0.95} == {}
    assert known / len(events) >= 0.98


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.source != "cloudtrail"], ids=lambda sample: sample.file)
def test_the_type_of_an_identity_never_changes(sample: Sample) -> None:
    """The rules read it from what the identity is, and not from what it does.

    In CloudTrail alone each record is typed by the credential that it shows: a user may have a key and a password.
    """
    types: dict[str, set[str]] = {}
    for _, event in read(sample)[0]:
        types.setdefault(event.identity.id, set()).add(event.identity.type)

    assert {name: kinds for name, kinds in types.items() if len(kinds) > 1} == {}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.file)
def test_records_are_recognised_by_their_own_source(sample: Sample) -> None:
    """So that a file of another source can be named for what it is."""
    records = [record for record, _ in read(sample)[0]]
    recognised = [SOURCES[sample.source].recognises(record) for record in records]

    assert sum(recognised) >= 0.98 * len(records)


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.events], ids=lambda sample: sample.file)
def test_a_sample_is_imported_as_a_file(sample: Sample) -> None:
    """The import reads the same file to a table of events, each with a category."""
    imported = import_files(sample.source, [DATA / sample.file])
    report = imported.report

    assert report.events + report.duplicates == sample.events
    assert report.unreadable_count == sample.unreadable
    assert imported.table["action.category"].null_count <= 0.05 * sample.events


def test_the_pages_measure_the_same_samples() -> None:
    """The figures in the documentation are those of the files that the tests read; `test_cloudtrail` reads a folder."""
    tested: dict[str, set[str]] = {}
    for sample in SAMPLES:
        tested.setdefault(sample.source, set()).add(sample.file)

    measured = {name: {file for file in files if "*" not in file} for name, files in MEASURED.items()}
    assert {name: files for name, files in measured.items() if name in tested} == tested
