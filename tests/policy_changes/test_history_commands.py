"""The commands `policy replay`, `tune` and `review`: what they print, write and draw, and their exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.live_server import new_home
from support.operator_commands import operator_home
from support.operator_commands import run_command as run
from support.past_requests import NAMESPACE, record_requests, registered_model, some_events
from support.small_champion import register

from features import get_settings
from features.event.arrow import table_of
from serving.policy.schema import BUILT_IN, Policy

pytestmark = pytest.mark.training  # it registers a model in MLflow


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a registered model, a decision log, and a file of simulated events with labels."""
    home = new_home(tmp_path_factory.mktemp("past") / "home", champion=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SESSION_TRUST_HOME", str(home))
        get_settings.cache_clear()
        assert register(registered_model(), get_settings()) == "1"
        record_requests(home, 130)
    table = table_of(some_events(1_200, seed=9))
    pq.write_table(table, home / "events.parquet")
    labels = {"compromised": [n % 40 == 0 for n in range(1_200)], "label_source": ["simulated"] * 1_200}
    pq.write_table(pa.table(labels), home / "labels.parquet")
    return home


@pytest.fixture(autouse=True)
def home(past: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with operator_home(past, monkeypatch) as home:
        yield home


def test_the_policy_in_force_replays_without_changes(home: Path, tmp_path: Path) -> None:
    """The model is found by the version each decision names; a chart is drawn."""
    out = tmp_path / "p.png"
    arguments = ("--policy", str(BUILT_IN), "--space", NAMESPACE, "--json", "--out", str(out))
    code, output, _ = run("policy", "replay", *arguments)
    result = json.loads(output)

    assert code == 0
    assert result["coverage"]["judged"] == 130
    assert result["coverage"]["not_judged"] == {}
    assert result["overall"]["step_ups_added"]["value"] == 0
    assert result["overall"]["step_ups_removed"]["value"] == 0
    assert result["changed_most"] == []
    assert out.read_bytes().startswith(b"\x89PNG")


def test_a_tuned_policy_can_be_replayed(home: Path, tmp_path: Path) -> None:
    """`tune` writes a valid file, `replay` tries it on the same events, and both say that labels are simulated."""
    tuned, files = tmp_path / "tuned.yaml", ("--events", str(home / "events.parquet"))
    labels = ("--labels", str(home / "labels.parquet"))
    code, table, _ = run("policy", "tune", "--friction", "5%", "--write", str(tuned), *files, *labels)
    replayed, tables, messages = run("policy", "replay", "--policy", str(tuned), *files, *labels)

    assert code == 0
    assert replayed == 0
    assert "labels: simulated" in table
    assert "labels: simulated" in tables
    assert Policy.load(tuned).thresholds["human"].internal.trust is not None
    assert "1,200 requests decided, 0 not" in messages


def test_without_labels_every_request_counts_as_legitimate(home: Path, tmp_path: Path) -> None:
    """The harm that is stopped is then unknown, and not zero."""
    arguments = ("--write", str(tmp_path / "t.yaml"), "--events", str(home / "events.parquet"), "--json")
    code, output, _ = run("policy", "tune", "--friction", "0.05", *arguments)
    result = json.loads(output)

    assert code == 0
    assert result["labels"] == "none, all counted as legitimate"
    assert result["chosen"]["harm_stopped"]["value"] is None


def test_a_review_compares_windows_of_the_log(home: Path) -> None:
    """Compared with itself, a window needs no review: exit code 0."""
    day = "2026-03-02..2026-03-03"
    code, table, _ = run("policy", "review", "--before", day, "--after", day, "--space", NAMESPACE)

    assert code == 0
    assert "No review is due" in table


WRONG = {
    "not a window": ("review --before 2026-03-02 --after 2026-03-02..2026-03-03", "is not a window"),
    "a window that ends too early": (
        "review --before 2026-03-02..2026-03-01 --after 2026-03-02..2026-03-03",
        "ends before",
    ),
    "a window without decisions": ("review --before 2025-03-02..2025-03-03 --after 2026-03-02..2026-03-03", "holds 0"),
    "not a time": ("replay --policy {policy} --since yesterday", "is not a time"),
    "not a share": ("tune --friction much", "is not a share"),
    "a model that does not exist": ("replay --policy {policy} --model 9", "session-trust 9 cannot be used"),
    "an invalid policy": ("replay --policy {broken}", "not YAML"),
    "labels of other events": ("replay --policy {policy} --events {labels}", "holds no events"),
    "labels without decisions": ("replay --policy {policy} --labels {labels}", "lacks the column decision_id"),
    "too few to choose by": ("tune --friction 0.1% --write {out} --space replay:none", "no identity type has 1000"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_command_that_cannot_run_says_why(home: Path, tmp_path: Path, name: str) -> None:
    """In one sentence, with exit code 2."""
    (tmp_path / "broken.yaml").write_text("a: [")
    command, sentence = WRONG[name]
    files = {
        "policy": BUILT_IN,
        "broken": tmp_path / "broken.yaml",
        "labels": home / "labels.parquet",
        "out": tmp_path / "t",
    }
    code, _, message = run("policy", *(word.format_map(files) for word in command.split()))

    assert code == 2
    assert sentence in message.replace("\n", " ")
