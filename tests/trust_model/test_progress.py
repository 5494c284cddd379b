"""Where the time of a long piece of work goes."""

from __future__ import annotations

from training.progress import Stages


def test_seconds_belong_to_what_was_being_done() -> None:
    """From a stage's first word to the next one's; a stage that is told again adds to its own."""
    clock, told = iter([0.0, 1.0, 3.0, 6.0, 10.0]), []
    stages = Stages(lambda what, share: told.append((what, share)), lambda: next(clock))
    for what, share in (("reading", 0.0), ("fitting", 0.4), ("reading", 0.6), ("done", 1.0)):
        stages(what, share)

    assert stages.seconds == {"reading": 2.0 + 4.0, "fitting": 3.0}
    assert told == [("reading", 0.0), ("fitting", 0.4), ("reading", 0.6), ("done", 1.0)]
