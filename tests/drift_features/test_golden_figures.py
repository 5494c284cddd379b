"""A name keeps its meaning: models and decisions of years ago go on saying what they said."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from drift_features.golden import GOLDEN, ROOT, figures

from features.catalogue.all import feature_names

WRITTEN = json.loads(GOLDEN.read_text())


def test_every_feature_has_its_figures() -> None:
    """`PYTHONPATH=.:tests .venv/bin/python -m drift_features.golden` adds a new one; one that is gone loses them."""
    assert list(WRITTEN) == list(feature_names())


@pytest.fixture(scope="module")
def now() -> dict[str, list[float]]:
    return figures()


@pytest.mark.parametrize("name", WRITTEN)
def test_it_reads_what_it_has_always_read(name: str, now: dict[str, list[float]]) -> None:
    """Over a real incident and 4,000 made-up events. If the change is meant, the feature needs another name."""
    assert now.get(name) == pytest.approx(WRITTEN[name], rel=1e-9, abs=1e-12)


def test_every_feature_is_known_somewhere_in_the_sample() -> None:
    """A figure that is never known would hold nothing."""
    assert [name for name, written in WRITTEN.items() if written[0] == 0.0] == []


def test_the_command_of_the_guide_changes_no_figure_of_a_name_that_stays() -> None:
    """docs/how-to/add-a-feature.md says how it is called: as it stands there it must run."""
    guide = (ROOT / "docs/how-to/add-a-feature.md").read_text()
    command = next(line.strip() for line in guide.splitlines() if line.endswith("-m drift_features.golden"))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment, check=True)

    assert json.loads(GOLDEN.read_text()) == WRITTEN
