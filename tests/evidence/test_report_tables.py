"""The report is rendered from what commands measured, and says what data every figure shows."""

from __future__ import annotations

from pathlib import Path

from training.evaluation.tables import FIGURES_FOLDER, Chapter, Table, read_chapters, render_report, write_chapter

TABLE = Table("Recall", ("group", "figure"), (("all", "0.5"),), "A note.")


def chapter(order: int) -> Chapter:
    command = "session-trust training evaluate --report --seed 2"
    return Chapter(order, "A model", command, "simulated", {"measuring": 3.0}, (TABLE,))


def test_chapters_are_read_as_they_were_written(tmp_path: Path) -> None:
    """In their order, whatever the order of writing."""
    write_chapter(chapter(2), "later", tmp_path / "report")
    write_chapter(chapter(1), "first", tmp_path / "report")

    assert read_chapters(tmp_path / "report") == [chapter(1), chapter(2)]


def test_every_table_says_what_data_it_shows() -> None:
    """Beside the command with its seed, and the time it took."""
    text = render_report([chapter(1)])

    assert [line for line in text.splitlines() if line][-8:] == [
        "## A model (simulated)",
        "`session-trust training evaluate --report --seed 2`",
        "Took: measuring 3 s.",
        "### Recall (simulated)",
        "A note.",
        "| group | figure |",
        "| --- | --- |",
        "| all | 0.5 |",
    ]


def test_the_report_in_the_repository_is_rendered_from_its_chapters() -> None:
    """Nothing in it is written by hand."""
    folder = Path(__file__).resolve().parents[2] / "training"

    assert (folder / "REPORT.md").read_text() == render_report(read_chapters(folder / FIGURES_FOLDER.name))
