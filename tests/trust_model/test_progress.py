"""Progress callbacks, and where the time of a long job goes."""

from __future__ import annotations

import pytest

from training.progress import StageTimer, share_of, stage_counter


def test_seconds_are_added_up_by_stage() -> None:
    """A stage lasts until the next one begins; one that begins again adds to its own time."""
    clock = iter([0.0, 1.0, 3.0, 6.0, 10.0])
    reported: list[tuple[str, float]] = []
    calls = [("reading", 0.0), ("fitting", 0.4), ("reading", 0.6)]

    timer = StageTimer(lambda stage, share: reported.append((stage, share)), lambda: next(clock))
    for stage, share in calls:
        timer(stage, share)
    timer.finish()

    assert timer.seconds == {"reading": 2.0 + 4.0, "fitting": 3.0}
    assert reported == [*calls, ("reading", 1.0)]


def test_a_part_of_a_job_reports_its_share_of_the_whole() -> None:
    """Half of a part that is the last fifth of the job is nine tenths of the job."""
    reported: list[tuple[str, float]] = []

    share_of(lambda stage, share: reported.append((stage, share)), 0.8, 1.0)("fitting", 0.5)

    ((stage, share),) = reported
    assert stage == "fitting"
    assert share == pytest.approx(0.9)


def test_a_count_is_reported_as_a_share() -> None:
    """Nothing to do is no error."""
    reported: list[tuple[str, float]] = []
    count = stage_counter(lambda stage, share: reported.append((stage, share)), "reading", 0.0, 0.5)

    count(1, 2)
    count(0, 0)

    assert reported == [("reading", 0.25), ("reading", 0.0)]
