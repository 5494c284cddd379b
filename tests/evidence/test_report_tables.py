"""The report is made of what commands measured, and says of every figure what data it was."""

from __future__ import annotations

from pathlib import Path

from training.evaluation.tables import FOLDER, Part, Table, read_parts, whole_report, write_part

TABLE = Table("Recall", ("group", "figure"), (("all", "0.5"),), "A note.")


def part(order: int, source: str = "simulated") -> Part:
    return Part(order, "A model", "python -m training evaluate --report --seed 2", source, {"measuring": 3.0}, (TABLE,))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Parts come back as they were, in their order."""
    write_part(part(2), "later", tmp_path / "report")
    write_part(part(1), "first", tmp_path / "report")

    assert read_parts(tmp_path / "report") == [part(1), part(2)]


def test_every_table_says_what_data_it_is_of() -> None:
    """Beside command, seed and time."""
    text = whole_report([part(1)])

    assert [line for line in text.splitlines() if line][-8:] == [
        "## A model (simulated)",
        "`python -m training evaluate --report --seed 2`",
        "Took: measuring 3 s.",
        "### Recall (simulated)",
        "A note.",
        "| group | figure |",
        "| --- | --- |",
        "| all | 0.5 |",
    ]


def test_the_report_in_the_repository_is_what_its_parts_make() -> None:
    """Nothing in it is written by hand."""
    folder = Path(__file__).resolve().parents[2] / "training"

    assert (folder / "REPORT.md").read_text() == whole_report(read_parts(folder / FOLDER.name))
