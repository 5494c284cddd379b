"""Copies of identities without a past: attacked as often as the others, and features that know nothing before them."""

from __future__ import annotations

import numpy as np
import pytest

from features.catalogue.all import feature_names
from features.kernels.decayed_counts import RAREST
from training import prepare, simulate
from training.pipeline.cold_copies import LENGTH, NO_COPIES, ColdCopies
from training.pipeline.dataset import Dataset


@pytest.fixture(scope="module")
def data() -> Dataset:
    return prepare(simulate(4, identities=240, days=30), 4)


@pytest.fixture(scope="module")
def copies(data: Dataset) -> ColdCopies:
    return data.cold_copies(data.rows(data.split.fit), 0.3, 1)


def column(copies: ColdCopies, name: str) -> np.ndarray:
    values: np.ndarray = copies.matrix[:, feature_names().index(name)]
    return values


def test_the_first_event_of_a_copy_knows_no_past(copies: ColdCopies) -> None:
    """Nor its session; the second knows one event at most."""
    first = copies.position == 0

    assert (column(copies, "known_events")[first] == 0.0).all()
    assert np.isnan(column(copies, "network_is_new")[first]).all()
    assert np.isnan(column(copies, "network_changed_in_session")[first]).all()
    assert column(copies, "known_events")[copies.position == 1].max() <= np.log(2.0)
    assert copies.position.max() == LENGTH - 1


def test_half_of_the_copies_find_a_vocabulary_foreign(data: Dataset, copies: ColdCopies) -> None:
    """Attacked or not: everything in it is as rare as can be; what is unknown stays unknown."""
    found = column(copies, "agent_population_rarity")
    own = data.matrix[copies.row, feature_names().index("agent_population_rarity")]
    rarest = found == RAREST

    assert np.isnan(found).tolist() == np.isnan(own).tolist()
    for attacked in (True, False):
        chosen = (copies.malicious == attacked) & ~np.isnan(found) & (own < RAREST)
        assert 0.3 < rarest[chosen].mean() < 0.7
    assert (found[~rarest & ~np.isnan(found)] == own[~rarest & ~np.isnan(found)]).all()


def test_every_attacked_session_is_copied_and_a_share_of_the_others(data: Dataset, copies: ColdCopies) -> None:
    """Half of the attacked ones begin with the attack."""
    rows = data.rows(data.split.fit)
    attacked = np.unique(data.targets.session[rows[data.targets.malicious[rows]]])
    first = copies.row[copies.position == 0]
    sessions = len(np.unique(data.targets.session[rows]))
    begun = data.targets.session[first]

    assert set(attacked) <= set(data.targets.session[copies.row])
    assert 0.2 < (len(first) - len(attacked)) / sessions < 0.4
    assert data.targets.malicious[first][np.isin(begun, attacked)].mean() > 0.25


def test_weights_keep_the_odds_of_an_attack(data: Dataset, copies: ColdCopies) -> None:
    """As if every session had been copied: as many malicious requests for each benign one, within sampling error."""
    everything = data.cold_copies(data.rows(data.split.fit), 1.0, 1)

    def odds(part: ColdCopies) -> float:
        return float(part.weight[part.malicious].sum() / part.weight[~part.malicious].sum())

    assert odds(copies) == pytest.approx(odds(everything), rel=0.25)


def test_a_copy_is_its_identitys_next_events(data: Dataset, copies: ColdCopies) -> None:
    """In their order, of one identity, and of rows that are fitted alone."""
    fitted = set(data.rows(data.split.fit).tolist())
    identity, time = data.targets.identity[copies.row], data.targets.time[copies.row]
    same = np.diff(copies.copy) == 0

    assert set(copies.row.tolist()) <= fitted
    assert (np.diff(identity)[same] == 0).all()
    assert (np.diff(time)[same] >= 0).all()
    assert len(np.unique(copies.copy[copies.position == 0])) == (copies.position == 0).sum()


def test_examples_count_for_the_share(data: Dataset, copies: ColdCopies) -> None:
    """They follow the own ones, and a share of 0 adds none."""
    rows = data.rows(data.split.fit)
    own = data.examples(rows)
    both = copies.append_to(own, 0.3)

    assert both.weight[: len(rows)].tobytes() == own.weight.tobytes()
    assert both.weight[len(rows) :] == pytest.approx(0.3 * copies.weight)
    assert both.inputs(np.array([len(rows)])).tobytes() == copies.matrix[:1].tobytes()
    assert data.cold_copies(rows, 0.0, 1) is NO_COPIES


def test_the_same_seed_gives_the_same_copies(data: Dataset, copies: ColdCopies) -> None:
    """And another seed others."""
    rows = data.rows(data.split.fit)

    assert data.cold_copies(rows, 0.3, 1).matrix.tobytes() == copies.matrix.tobytes()
    assert data.cold_copies(rows, 0.3, 2).row.tobytes() != copies.row.tobytes()
