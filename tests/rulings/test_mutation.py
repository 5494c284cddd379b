"""The score of scripts/mutate: what nobody noticed counts against it, and so does what was never tried."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from scripts.floor_proof.mutation import LEAST, score, verdicts

STATUS = {0: "survived", 1: "killed", 33: "no tests", 36: "timeout", None: "not checked"}


def test_each_file_has_its_mutants_verdicts(tmp_path: Path) -> None:
    """A file without mutants is left out; an exit code nobody knows is said as it is."""
    (tmp_path / "serving/decision").mkdir(parents=True)
    codes = {"a": 1, "b": 0, "c": 33, "d": 36, "e": None, "f": 99}
    (tmp_path / "serving/decision/floors.py.meta").write_text(json.dumps({"exit_code_by_key": codes}))
    (tmp_path / "serving/empty.py.meta").write_text(json.dumps({"exit_code_by_key": {}}))

    assert verdicts(tmp_path, STATUS) == {
        "serving/decision/floors.py": {
            "a": "killed",
            "b": "survived",
            "c": "no tests",
            "d": "timeout",
            "e": "not checked",
            "f": "exit code 99",
        }
    }


def test_only_what_was_noticed_counts_for_it() -> None:
    """Survivors, mutants without tests and those that were not tried all lower the score; of none it is 0."""
    assert score(Counter({"killed": 8, "timeout": 1, "survived": 1})) == LEAST
    assert score(Counter({"killed": 1, "no tests": 1})) == score(Counter({"killed": 1, "not checked": 1})) == 0.5
    assert score(Counter()) == 0.0
