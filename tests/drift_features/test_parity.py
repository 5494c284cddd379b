"""The same bits everywhere: from JSON through pydantic and stored bytes, in the Arrow batch, and with the JIT off."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.random_events import random_events

from features.arrays import Array
from features.catalogue.all import FEATURES, feature_names
from features.engine.batch import replay, time_order
from features.engine.online import fold, vector
from features.event.arrow import table_of
from features.event.numpy_row import row_of, rows_of
from features.event.schema import Event
from features.history.layout import CREDENTIAL, IDENTITY, SESSION, History, empty
from features.history.population import measure_population

ROOT = Path(__file__).parents[2]


def one_by_one(events: list[Event], population: Array) -> Array:
    """Every event as the service sees it: parsed from JSON, with histories that are only bytes in between."""
    stored: dict[tuple[str, ...], bytes] = {}

    def remembered(key: tuple[str | None, ...], dtype: np.dtype[np.void]) -> Array:
        found = None if None in key else stored.get(key)  # type: ignore[arg-type]
        return empty(dtype) if found is None else np.frombuffer(found, dtype).copy()

    values = np.empty((len(events), len(FEATURES)))
    for place in time_order(rows_of(table_of(events))):
        event = Event.model_validate_json(events[place].model_dump_json())
        who, session, credential = event.identity.id, event.session.id, event.credential.id
        keys = (who,), (who, "session", session), (who, "credential", credential)
        history = History(remembered(keys[0], IDENTITY), remembered(keys[1], SESSION), remembered(keys[2], CREDENTIAL))
        row = row_of(event)
        values[place] = vector(row, history, population)
        fold(row, history, population, int(row["outcome"][0]))
        for key, record in zip(keys, (history.identity, history.session, history.credential), strict=True):
            if None not in key:
                stored[key] = record.tobytes()  # type: ignore[index]
    return values


def test_one_by_one_and_batch_give_the_same_bits() -> None:
    """Over 20,000 events, NaN included, no cell differs."""
    events = random_events(20_000, seed=5)
    population = measure_population(table_of(events))

    batch, online = replay(table_of(events), population), one_by_one(events, population)

    assert [n for i, n in enumerate(feature_names()) if batch[:, i].tobytes() != online[:, i].tobytes()] == []


def test_the_jit_changes_no_bit(tmp_path: Path) -> None:
    """Plain Python and compiled code agree, so a feature can be debugged with NUMBA_DISABLE_JIT=1."""
    program = (
        "import sys; sys.path[:0] = ['tests', '.']\n"
        "from support.random_events import random_events\n"
        "from features.event.arrow import table_of\n"
        "from features.history.population import measure_population\n"
        "from features.engine.batch import replay\n"
        "table = table_of(random_events(600, seed=6))\n"
        "sys.stdout.buffer.write(replay(table, measure_population(table)).tobytes())\n"
    )

    def run(**environment: str) -> bytes:
        return subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            check=True,
            capture_output=True,
            cwd=ROOT,
            env=os.environ | {"SESSION_TRUST_HOME": str(tmp_path)} | environment,
        ).stdout

    assert run(NUMBA_DISABLE_JIT="1") == run()


def test_the_order_of_the_input_does_not_matter_where_events_have_ids() -> None:
    """Ties in time are broken by the event's id, so shuffling the log changes nothing."""
    events = [e.model_copy(update={"id": e.id or f"own-{i}"}) for i, e in enumerate(random_events(2_000, seed=7))]
    population = measure_population(table_of(events))
    shuffled = np.random.default_rng(8).permutation(len(events))

    again = replay(table_of([events[i] for i in shuffled]), population)

    assert again.tobytes() == replay(table_of(events), population)[shuffled].tobytes()


@pytest.mark.slow
def test_features_can_be_debugged_as_plain_python(tmp_path: Path) -> None:
    """With NUMBA_DISABLE_JIT=1 the tests of features and fold pass as well."""
    files = ["tests/drift_features/test_contract.py", "tests/drift_features/test_history_update.py"]

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env=os.environ | {"SESSION_TRUST_HOME": str(tmp_path), "NUMBA_DISABLE_JIT": "1"},
    )

    assert run.returncode == 0, run.stdout[-3_000:]
