"""Fingerprints are uniform, whatever rows are: public ones of two data sets, one of them all zeros."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from zkunlearn.circuits.statements.fingerprints import coefficients
from zkunlearn.prover.owner.registration import packed_fingerprints
from zkunlearn.prover.witnesses.rows import Rows, blind_rows

from .uniformity import ALPHA, Words, bits_uniform, byte_counts, bytes_uniform, elements_uniform, without_repeats

ROWS, FEATURES = 20_000, 3
OWN = coefficients(bytes(range(32)), FEATURES, 1)


def rows(loud: bool) -> Rows:
    rng = np.random.default_rng(1)
    by_feature = rng.integers(-1024, 1025, size=(FEATURES, ROWS), dtype=np.int16) * np.int16(loud)
    labels = rng.integers(0, 2, size=ROWS).astype(np.int32) * loud
    return blind_rows(tuple(map(str, range(ROWS))), by_feature, labels.astype(np.int32))


def words(own: Rows) -> Words:
    """Both coefficients of each fingerprint, uint64 (rows, 2)."""
    return np.frombuffer(packed_fingerprints(OWN, own), "<u8").reshape(-1, 2)


@pytest.fixture(scope="module")
def families() -> tuple[Words, Words]:
    return words(rows(loud=True)), words(rows(loud=False))


@pytest.mark.parametrize("which", [0, 1], ids=["loud", "quiet"])
@pytest.mark.parametrize("asked", [bytes_uniform, bits_uniform, elements_uniform, without_repeats])
def test_fingerprints_are_uniform(families: tuple[Words, Words], which: int, asked: Callable[[Words], float]) -> None:
    assert asked(families[which]) >= ALPHA


def test_fingerprints_of_two_data_sets_have_one_distribution(families: tuple[Words, Words]) -> None:
    assert stats.chi2_contingency(np.stack([byte_counts(own) for own in families])).pvalue >= ALPHA


@pytest.mark.parametrize("asked", [bytes_uniform, bits_uniform, elements_uniform, without_repeats])
def test_without_blinds_they_would_not_be(asked: Callable[[Words], float]) -> None:
    """Or the tests above would see nothing."""
    bare = rows(loud=False)
    assert asked(words(replace(bare, blinds=np.zeros_like(bare.blinds)))) < ALPHA


def test_a_second_vector_over_the_same_blinds_would_show_the_rows() -> None:
    """Why it follows from birth alone: the difference of two fingerprints has no blinds in it; a guess is checked."""
    own = rows(loud=True)
    other = coefficients(b"\1" * 32, FEATURES, 1)
    first, second = (c.fingerprint(own.by_feature[:, 0].tolist(), [int(own.labels[0])], (5, 7)) for c in (OWN, other))
    bare = [c.fingerprint(own.by_feature[:, 0].tolist(), [int(own.labels[0])], (0, 0)) for c in (OWN, other)]
    assert (first - second).pair == (bare[0] - bare[1]).pair
