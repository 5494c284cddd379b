"""A sentence of an explanation says what the value is, and never the opposite of what its number does to the risk."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest

from features.catalogue.all import FEATURES, feature_names
from features.catalogue.describe import feature_catalogue, sentence_for
from features.catalogue.registration import Feature
from features.catalogue.sentences.amounts import trust_percent
from features.catalogue.sentences.by_feature import WORDINGS

RANGES: dict[str, tuple[float, ...]] = {
    "yes or no": (0.0, 1.0),
    "share": (0.0, 1e-6, 0.02, 0.1, 0.25, 0.3, 0.5, 0.75, 0.9, 0.99995, 1.0),
    "0 clean to 1 known bad": (0.0, 0.01, 0.2, 0.3, 0.5, 0.8, 1.0),
    "cosine distance, 0 to 1": (0.0, 1e-9, 0.1, 0.2, 0.3, 0.9, 1.0),
    "steps, 0 to 3": (0.0, 1.0, 2.0, 3.0),
    "steps, -3 to 3": (-3.0, -0.5, 0.0, 0.2, 0.5, 3.0),
    "0 none to 3 phishing-resistant": (0.0, 1.0, 2.0, 3.0),
}
ANY = (-0.0, 0.0, 0.002, 0.05, 0.3, 0.7, 1.0, 1.5, 2.0, 2.4, 3.0, 4.5, 9.0, 14.0, 60.0, 101.0, 500.0, 5e3, 1e6, 1e9)
RATIO = (-1e3, -5.0, -1.0, -0.1, *ANY)
UNREADABLE = re.compile(r"\b(nats|log|odds|inf|nan|None)\b|\d[eE][+-]?\d|--|Not so")
"""The model's own units, numbers nobody reads, and the form of older releases."""
SIGNS = (None, -3.0, -0.002, -0.0, 0.0, 0.002, 3.0)


def values_of(feature: Feature) -> tuple[float, ...]:
    """Values over a feature's range, with those on both sides of its limits, and unknown."""
    wording = WORDINGS[feature.name]
    usual = RATIO if feature.unit in ("log ratio", "nats") and "above_usual" in feature.name else ANY
    values = RANGES.get(feature.unit, usual)
    if feature.name == "write_share_above_usual":
        values = (-0.9, -0.1, -1e-9, *values)
    if feature.unit == "yes or no":
        return (*values, math.nan)
    edges = [edge + change for edge in (wording.concerning_from, wording.usual_to) for change in (-1e-12, 0.0, 1e-12)]
    return (*values, *(edge for edge in edges if min(values) <= edge <= max(values)), math.nan)


every_feature = pytest.mark.parametrize("feature", FEATURES, ids=feature_names())


@every_feature
@pytest.mark.parametrize("contribution", SIGNS)
def test_a_sentence_never_contradicts_the_sign_of_its_number(feature: Feature, contribution: float | None) -> None:
    """What speaks for an attack never stands beside "lowers the risk", what is harmless never beside "raises"."""
    wording = WORDINGS[feature.name]
    alarm, harmless = (wording.concerning or feature.sentence)[:-1], wording.usual[:-1] or "\0"
    for value in values_of(feature):
        sentence = sentence_for(feature, value, contribution)
        alarms, calms = sentence.startswith(alarm), sentence.startswith(harmless)
        if contribution is not None:
            assert not (alarms and contribution <= 0.0), sentence
            assert not (calms and contribution >= 0.0), sentence
        assert not (alarms and calms), sentence
        assert not (alarms or calms) or not math.isnan(value), sentence


@every_feature
def test_riskier_values_are_said_as_such(feature: Feature) -> None:
    """From the harmless end of the range to the other the sentence turns once, and never back."""
    order = {"usual": 0, "neutral": 1, "concerning": 2}
    values = sorted((value for value in values_of(feature) if not math.isnan(value)), reverse=feature.direction < 0)
    cases = [order[WORDINGS[feature.name].case(value, None)] for value in values]

    assert all(before <= after for before, after in pairwise(cases))
    assert set(cases) == {1} if feature.direction == 0 else {0, 2} <= set(cases)


@every_feature
def test_a_sentence_reads_well(feature: Feature) -> None:
    """One sentence, an amount people know, and nothing of the model's own units."""
    for value in values_of(feature):
        for contribution in SIGNS:
            sentence = sentence_for(feature, value, contribution)

            assert sentence[0].isupper()
            assert sentence.endswith(".")
            assert not UNREADABLE.search(sentence), sentence
            assert "100 %" not in sentence or feature.name == "network_reputation" or value in (0.0, 1.0), sentence


@every_feature
def test_unknown_is_said_as_unknown(feature: Feature) -> None:
    """Whatever it contributes."""
    sentences = {sentence_for(feature, math.nan, contribution) for contribution in SIGNS}

    assert sentences == {f"Not known: {WORDINGS[feature.name].about}."}
    assert not any("Not known" in sentence_for(feature, value) for value in values_of(feature) if not math.isnan(value))


def test_the_country_seldom_acted_from_lowers_no_risk() -> None:
    """The report that began this: 0.002 nats is nearly every request."""
    feature = next(each for each in FEATURES if each.name == "country_rarity")

    assert sentence_for(feature, 0.002, -0.3) == (
        "The country is one this identity mostly acts from (an estimated 99.8 % of its requests)."
    )


@pytest.mark.parametrize("trust", [0.0, 1e-12, 0.0004, 0.001, 0.5, 0.9989, 0.999, 0.99949, 0.9999999, 1.0])
def test_trust_is_never_certain(trust: float) -> None:
    """Neither 0 nor 100 per cent, however it is rounded."""
    assert not re.search(r"^(100(\.0+)?|0(\.0+)?) %$", trust_percent(trust))


def test_the_catalogue_has_the_same_sentences() -> None:
    """One definition for the answer, the pages, the documentation and the catalogue."""
    assert {each["name"]: (each["usual"], each["about"]) for each in feature_catalogue()} == {
        name: (wording.usual, wording.about) for name, wording in WORDINGS.items()
    }
