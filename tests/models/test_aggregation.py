"""What models of shards say together, in integers: against plain Python, and against the proof's own integers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zkunlearn.models.aggregation import (
    AGGREGATES,
    CELL_BITS,
    LARGEST_SCORE,
    PROBABILITY_BITS,
    predicted,
    probability_table,
    said,
    together,
    whole_of,
)
from zkunlearn.models.families import FAMILIES

from ..reference.arithmetic import activation_table

SCALE = 26
CLASSIFIERS = ("logistic", "probit")


def plain(aggregate: str, family: str, z: list[list[int]]) -> int:
    """The class of one row, from the scores of each output's speakers, by the document alone."""
    table = activation_table(family, CELL_BITS, PROBABILITY_BITS)

    def says(score: int) -> int:
        if aggregate == "score":
            return score
        if aggregate == "vote":
            return int(score > 0)
        cell = min(max(score // 2 ** (SCALE - CELL_BITS), -(1 << 15)), (1 << 15) - 1)
        return table[cell + (1 << 15)]

    sums = [sum(map(says, own)) for own in z]
    if len(sums) > 1:
        return max(range(len(sums)), key=lambda c: (sums[c], -c))
    half = {"score": Fraction(0), "vote": Fraction(len(z[0]), 2)}.get(aggregate, Fraction(len(z[0]) << 16, 2))
    return int(sums[0] > half)


SCORES = st.one_of(
    st.integers(-(1 << 61) // 64, (1 << 61) // 64),
    st.integers(-3, 3),
    st.integers(-70, 70).map(lambda unit: unit << SCALE),
)


@given(st.sampled_from(CLASSIFIERS), st.sampled_from(AGGREGATES), st.sampled_from([1, 3]), st.integers(1, 5), st.data())
def test_classes_are_those_of_plain_integers(
    family: str, aggregate: str, outputs: int, shards: int, data: st.DataObject
) -> None:
    if aggregate == "vote":
        outputs = 1
    rows = [[data.draw(st.lists(SCORES, min_size=shards, max_size=shards)) for _ in range(outputs)] for _ in range(3)]
    z = np.array(rows, dtype=np.int64).transpose(1, 2, 0)
    found = predicted(together(aggregate, FAMILIES[family], z, SCALE))
    assert found.tolist() == [plain(aggregate, family, row) for row in rows]


@pytest.mark.parametrize("family", CLASSIFIERS)
def test_probabilities_of_both_classes_are_each_others_complement(family: str) -> None:
    """So that class 1 is predicted exactly where the probability of it is the larger of both."""
    table = probability_table(FAMILIES[family]).tolist()
    whole = whole_of("probability")
    assert all(entry + other == whole for entry, other in zip(table, table[::-1], strict=True))
    assert table == sorted(table) and table[0] == 0 and table[-1] == whole


@pytest.mark.parametrize("family", CLASSIFIERS)
def test_a_probability_is_near_that_of_the_score(family: str) -> None:
    z = np.random.default_rng(1).uniform(-LARGEST_SCORE, LARGEST_SCORE, 4000)
    scaled = np.rint(z * 2.0**SCALE).astype(np.int64)
    found: Any = said("probability", FAMILIES[family], scaled, SCALE) / 2.0**PROBABILITY_BITS
    assert np.abs(found - FAMILIES[family].inverse_link(z)).max() < 2.0**-11


def test_a_score_of_zero_is_no_vote_and_a_tie_is_the_first_class() -> None:
    assert said("vote", FAMILIES["logistic"], np.array([0, 1, -1]), SCALE).tolist() == [0, 1, 0]
    tie = np.array([[[5], [-5]]])
    assert predicted(together("vote", FAMILIES["logistic"], tie, SCALE)).tolist() == [0]
    assert predicted(together("score", FAMILIES["logistic"], tie, SCALE)).tolist() == [0]
