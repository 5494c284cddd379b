"""The features written out one after another in one function read what each of them reads by itself."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from support.random_events import random_events

from features.catalogue.all import FEATURES
from features.catalogue.registration import RECORDS, Feature, features_in
from features.engine.codegen import functions_of
from features.engine.online import fold, vector
from features.event.arrow import table_of
from features.event.numpy_row import row_of
from features.history.evidence.fields import EVIDENCE
from features.history.evidence.of_event import weigh_event
from features.history.layout import History, empty
from features.history.population import measure_population
from features.history.update import decay_to


def test_written_out_a_feature_reads_what_it_reads_by_itself() -> None:
    """Over a history of 200 events, each of the features called as the plain function it is."""
    events = random_events(200, seed=11)
    population, history = measure_population(table_of(events)), History.empty()
    together, apart = [], []
    for row in map(row_of, events):
        together.append(vector(row, history, population))
        aged = history.copy()
        arrays = (row, aged.identity, aged.session, aged.credential, population, empty(EVIDENCE))
        records = {name: array.view(np.recarray)[0] for name, array in zip(RECORDS, arrays, strict=True)}
        decay_to(records["event"], records["identity"])
        with np.errstate(over="ignore"):  # keys wrap, as compiled ones do silently
            weigh_event(*(records[name] for name in ("event", "identity", "session", "population", "evidence")))
        apart.append([f.function(*(records[need] for need in f.needs)) for f in FEATURES])
        fold(row, history, population, int(row["outcome"][0]))

    differ = [i for i, f in enumerate(FEATURES) if not same(together, apart, i)]

    assert [FEATURES[i].name for i in differ] == []


def same(some: list[np.ndarray], others: list[list[float]], column: int) -> bool:
    return bool(np.array_equal([each[column] for each in some], [each[column] for each in others], equal_nan=True))


HEAD = """
from features.arrays import NAN, Record
from features.catalogue.registration import feature

SOME = 2
abs = None
"""
FEATURE = '''
@feature(unit="u", direction=0, tells="one from another")
def it(event: Record) -> float:
    """It is read.

    >>> reading(it)
    """
'''


def a_feature(folder: Path, body: str) -> Feature:
    """A feature of a module of its own."""
    path = folder / "own.py"
    path.write_text(HEAD + FEATURE + "".join(f"    {line}\n" for line in body.splitlines()))
    spec = spec_from_file_location("features.own", path)
    assert spec and spec.loader
    module = module_from_spec(spec)
    sys.modules.pop(module.__name__, None)
    spec.loader.exec_module(module)
    return features_in(module)[0]


@pytest.mark.parametrize(
    ("body", "written"),
    [
        ("return event.known", "read.it = event.known"),
        ("x = event.known\nreturn max(x, SOME)", "it_x = event.known\nread.it = max(it_x, own_SOME)"),
        ("return abs(event.known)", "read.it = own_abs(event.known)"),
        (
            "if event.known == 0.0:\n    return NAN\nread = 1.0\nreturn read",
            "if event.known == 0.0:\n    read.it = own_NAN\nelse:\n    it_read = 1.0\n    read.it = it_read",
        ),
        ("for i in range(3):\n    if i == event.asn:\n        return 1.0\nreturn 0.0", "read.it = own_it(event)"),
        ("if event.asn:\n    if event.action:\n        return 1.0\nreturn 0.0", "read.it = own_it(event)"),
    ],
)
def test_what_is_written(tmp_path: Path, body: str, written: str) -> None:
    """Its names are its own or its module's, and what leaves from elsewhere is called."""
    (source,) = functions_of((a_feature(tmp_path, body),)).values()
    inside = source.partition("read):\n")[2].rstrip()

    assert inside == "\n".join(f"    {line}" for line in written.splitlines())
