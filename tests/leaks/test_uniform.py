"""Proofs are uniform, whatever they are about, and like simulated ones: every component of 200 proofs, and of others.

Four families of each of three shapes of proofs: of two data sets, one of them all zeros; of the first one under
challenges from tapes; and simulated ones under such challenges. What a statistic means and how rarely it is wrong is
in uniformity.py; that each sees what it is there for, in test_power.py.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from ..attacks.harness import ROWS, people
from .families import (
    NONCES,
    ROOTS,
    SHAPES,
    VECTORS,
    Family,
    programmed,
    questions,
    quiet,
    real,
    simulated,
    type_of,
    witness_of,
)
from .uniformity import ALPHA, TESTS, without_repeats

FEW, MANY = 5, 100
ASKED: Counter[str] = Counter()


@dataclass
class Families:
    """Of one shape: two data sets, the first one under tapes, and simulated ones."""

    loud: Family
    quiet: Family
    taped: Family
    simulated: Family


@pytest.fixture(
    scope="module",
    params=[
        *[pytest.param((name, FEW), id=f"{name}-few") for name in SHAPES],
        *[pytest.param((name, MANY), id=f"{name}-many", marks=pytest.mark.slow) for name in SHAPES],
    ],
)
def families(request: pytest.FixtureRequest) -> Families:
    name, count = request.param
    shape, columns = witness_of(name, people(seed=11))
    loud = real(shape, columns, count)
    other = real(shape, witness_of(name, quiet(ROWS))[1], count)
    taped = programmed(loud, columns, (b"real %d" % i for i in range(count)))
    return Families(loud, other, taped, simulated(loud, (b"simulated %d" % i for i in range(count))))


def assert_uniform(found: dict[str, dict[str, float]]) -> None:
    """No p-value by kind and statistic is below ALPHA."""
    ASKED["p-values"] += sum(map(len, found.values()))
    assert ASKED["p-values"] <= TESTS, "more tests than ALPHA is made for"
    low = {(kind, name): p for kind, asked in found.items() for name, p in asked.items() if not p >= ALPHA}
    assert low == {}


@pytest.mark.parametrize(
    "which", ["loud", "simulated", *(pytest.param(name, marks=pytest.mark.slow) for name in ("quiet", "taped"))]
)
def test_every_component_is_uniform(families: Families, which: str) -> None:
    family: Family = getattr(families, which)
    assert_uniform({kind: questions(family, kind) for kind in family.kinds})


@pytest.mark.parametrize("pair", ["loud quiet", "taped simulated", "loud taped"])
def test_two_families_have_one_distribution(families: Families, pair: str) -> None:
    """Data sets differ, or one family is of real proofs and the other of simulated ones."""
    first, second = (getattr(families, which) for which in pair.split())
    kinds = [kind for kind in first.kinds if kind in second.kinds]
    assert set(first.kinds) - set(kinds) <= {VECTORS}
    assert_uniform({kind: questions(first, kind, second) for kind in kinds})


def test_every_byte_is_in_a_component(families: Families) -> None:
    """The kinds make up the proof, and each has statistics of its own, and one or more of two samples."""
    family, other = families.loud, families.quiet
    sizes = {kind: sum(s.end - s.start for s in family.where if s.what == kind) for kind in family.kinds}
    assert sum(sizes.values()) == len(family.proofs[0])
    for kind in family.kinds:
        assert questions(family, kind) and questions(family, kind, other), kind


def test_a_section_without_a_statistic_is_noticed() -> None:
    with pytest.raises(AssertionError, match="no statistic for 'the weights'"):
        type_of("the weights")


def test_nothing_drawn_is_drawn_again(families: Families) -> None:
    """Pads, masks, salts and tails of all proofs, one word of each: all different, and different from any other."""
    drawn = np.concatenate([words for family in (families.loud, families.quiet) for words in family.drawn])
    ASKED["p-values"] += 1
    assert without_repeats(drawn[None]) >= ALPHA


def test_no_word_is_in_two_proofs_or_two_components(families: Families) -> None:
    """All proofs of a family with fresh commitments. (With one commitment: test_budget.py.)"""
    family = families.loud
    kinds = [kind for kind in family.kinds if kind != VECTORS and (kind == ROOTS or type_of(kind) != NONCES)]
    words = np.concatenate([family.words(kind).reshape(-1) for kind in kinds])
    ASKED["p-values"] += 1
    assert without_repeats(words[None]) >= ALPHA
