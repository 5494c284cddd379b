"""The operator asks the past on the command line: what is printed, written and drawn, and what exit codes say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.operator_commands import run_command as run
from support.live_server import new_home
from support.past_requests import SPACE, events, lived, versioned
from support.small_champion import register

from features import get_settings
from features.event.arrow import table_of
from serving.policy.schema import BUILT_IN, Policy


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a registered model, a log of what it ruled, and a file of events with labels."""
    home = new_home(tmp_path_factory.mktemp("past") / "home", champion=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SESSION_TRUST_HOME", str(home))
        get_settings.cache_clear()
        assert register(versioned(), get_settings()) == "1"
        lived(home, 130)
    table = table_of(events(1_200, seed=9))
    pq.write_table(table, home / "events.parquet")
    labels = {"compromised": [n % 40 == 0 for n in range(1_200)], "label_source": ["simulated"] * 1_200}
    pq.write_table(pa.table(labels), home / "labels.parquet")
    return home


@pytest.fixture(autouse=True)
def home(past: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SESSION_TRUST_HOME", str(past))
    monkeypatch.setenv("COLUMNS", "200")
    get_settings.cache_clear()
    yield past
    get_settings.cache_clear()


def test_what_was_in_force_replays_as_it_was(home: Path, tmp_path: Path) -> None:
    """The model is found by the version each decision names; nothing is added, nothing removed, a picture drawn."""
    out = tmp_path / "p.png"
    code, said, _ = run("policy", "replay", "--policy", str(BUILT_IN), "--space", SPACE, "--json", "--out", str(out))
    found = json.loads(said)
    figures = found["overall"]

    assert (code, found["coverage"]["judged"], found["coverage"]["not_judged"]) == (0, 130, {})
    assert (figures["step_ups_added"]["value"], figures["step_ups_removed"]["value"], found["changed_most"]) == (
        0,
        0,
        [],
    )
    assert out.read_bytes().startswith(b"\x89PNG")


def test_tuned_thresholds_are_a_policy_that_replays(home: Path, tmp_path: Path) -> None:
    """`tune` writes a sound file; `replay` tries it on the same events; what is simulated is said to be."""
    tuned, files = tmp_path / "tuned.yaml", ("--events", str(home / "events.parquet"))
    labels = ("--labels", str(home / "labels.parquet"))
    code, table, _ = run("policy", "tune", "--friction", "5%", "--write", str(tuned), *files, *labels)
    replayed, tables, said = run("policy", "replay", "--policy", str(tuned), *files, *labels)

    assert (code, replayed, "labels: simulated" in table, "labels: simulated" in tables) == (0, 0, True, True)
    assert Policy.load(tuned).thresholds["human"].internal.trust is not None
    assert "1,200 requests judged, 0 not" in said


def test_without_labels_every_request_counts_as_legitimate(home: Path, tmp_path: Path) -> None:
    """And harm is then unknown, not nothing."""
    code, table, _ = run(
        "policy",
        "tune",
        "--friction",
        "0.05",
        "--write",
        str(tmp_path / "t.yaml"),
        "--events",
        str(home / "events.parquet"),
        "--json",
    )
    found = json.loads(table)

    assert (code, found["labels"], found["chosen"]["harm_stopped"]["value"]) == (
        0,
        "none, all counted as legitimate",
        None,
    )


def test_a_review_compares_windows_of_the_log(home: Path) -> None:
    """A window against itself needs none: exit code 0."""
    day = "2026-03-02..2026-03-03"
    code, table, _ = run("policy", "review", "--before", day, "--after", day, "--space", SPACE)

    assert (code, "No review is due" in table) == (0, True)


WRONG = {
    "a window that is none": ("review --before 2026-03-02 --after 2026-03-02..2026-03-03", "is no window"),
    "a window that ends too early": (
        "review --before 2026-03-02..2026-03-01 --after 2026-03-02..2026-03-03",
        "ends before",
    ),
    "a window without decisions": ("review --before 2025-03-02..2025-03-03 --after 2026-03-02..2026-03-03", "holds 0"),
    "a time that is none": ("replay --policy {policy} --since yesterday", "is no time"),
    "a share that is none": ("tune --friction much", "is no share"),
    "a model that is not there": ("replay --policy {policy} --model 9", "session-trust 9 cannot be used"),
    "an unsound policy": ("replay --policy {broken}", "is not YAML"),
    "labels of other events": ("replay --policy {policy} --events {labels}", "holds no events"),
    "labels without decisions": ("replay --policy {policy} --labels {labels}", "lacks the column decision_id"),
    "too few to choose by": ("tune --friction 0.1% --write {out} --space replay:none", "no identity type has 1000"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_done_is_said(home: Path, tmp_path: Path, name: str) -> None:
    """Exit code 2, and a sentence that names it."""
    (tmp_path / "broken.yaml").write_text("a: [")
    command, sentence = WRONG[name]
    places = {
        "policy": BUILT_IN,
        "broken": tmp_path / "broken.yaml",
        "labels": home / "labels.parquet",
        "out": tmp_path / "t",
    }
    code, _, said = run("policy", *(word.format_map(places) for word in command.split()))

    assert (code, sentence in said.replace("\n", " ")) == (2, True)
