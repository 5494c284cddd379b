"""The score of scripts/mutate: mutants that no test noticed count against it, and so do mutants that were not tried."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from scripts.floor_proof.mutation import MIN_SCORE, mutant_results, score

MEANINGS = {0: "survived", 1: "killed", 33: "no tests", 36: "timeout", None: "not checked"}


def test_results_are_read_for_each_file(tmp_path: Path) -> None:
    """A file without mutants is left out, and an unknown exit code is given as it is."""
    (tmp_path / "serving/decision").mkdir(parents=True)
    codes = {"a": 1, "b": 0, "c": 33, "d": 36, "e": None, "f": 99}
    (tmp_path / "serving/decision/floor_evaluation.py.meta").write_text(json.dumps({"exit_code_by_key": codes}))
    (tmp_path / "serving/empty.py.meta").write_text(json.dumps({"exit_code_by_key": {}}))

    assert mutant_results(tmp_path, MEANINGS) == {
        "serving/decision/floor_evaluation.py": {
            "a": "killed",
            "b": "survived",
            "c": "no tests",
            "d": "timeout",
            "e": "not checked",
            "f": "exit code 99",
        }
    }


def test_only_noticed_mutants_raise_the_score() -> None:
    """Survivors, mutants without tests and mutants that were not tried lower it; without mutants it is 0."""
    assert score(Counter({"killed": 8, "timeout": 1, "survived": 1})) == MIN_SCORE
    assert score(Counter({"killed": 1, "no tests": 1})) == score(Counter({"killed": 1, "not checked": 1})) == 0.5
    assert score(Counter()) == 0.0
