"""What is asked of the bytes of many proofs, each question a p-value.

Null hypothesis: all elements of F that anyone sees are independent and uniform, likewise all salts, and all hashes of
what holds an unknown salt. Every function here returns a p-value of it, or of the weaker one that two families of
proofs have one distribution. A test fails below ALPHA. There are at most TESTS of these p-values in a run of the
suite (test_uniform.py counts them), so that by the union bound, however they depend on each other, honest proofs
fail less than once in 10^4 runs. Chi-square and Kolmogorov-Smirnov tests are approximate; classes expect so many
counts (EXPECTED), and samples are so large, that this does not matter. All others are exact or upper bounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats
from scipy.special import gammaln
from zkunlearn.circuits.field.goldilocks import sub
from zkunlearn.verifier.protocol.code import WORK_BITS

TESTS = 8000
ALPHA = 1e-4 / TESTS
EXPECTED = 40  # a class of a chi-square test should expect that many
Words = Any  # uint64 (proofs, width): the same place of all proofs in a column


# One family against uniform ------------------------------------------------------------------------------------------


def byte_counts(words: Words) -> Any:
    """How often each byte occurs; where there are few, each half or quarter of one."""
    data = np.ascontiguousarray(words, dtype="<u8").view(np.uint8).reshape(-1)
    width = next((w for w in (8, 4) if data.size * (8 // w) >= EXPECTED << w), 2)
    parts = [data >> shift & (1 << width) - 1 for shift in range(0, 8, width)]
    return sum(np.bincount(part, minlength=1 << width) for part in parts)


def bytes_uniform(words: Words) -> float:
    """Chi-square over byte values. (p is 2^64 less 2^-32 of it: no byte notices.)"""
    return float(stats.chisquare(byte_counts(words)).pvalue)


def bits_uniform(words: Words) -> float:
    """Each of 64 bits is as often 0 as 1: exact binomial tests."""
    return _binomial(_ones(words).sum(axis=1), words.size)


def elements_uniform(words: Words, classes: int = 1) -> float:
    """Kolmogorov-Smirnov on v / p, in each class of places: every classes-th one."""
    lowest = min(stats.kstest(part, "uniform").pvalue for part in _classes(words, classes))
    return min(1.0, classes * float(lowest))


def differences_uniform(words: Words) -> float:
    """The same for v[i + 1] - v[i]: what neighbours have in common shows there."""
    if words.shape[1] < 2:
        return 1.0
    return elements_uniform(sub(words[:, 1:], words[:, :-1]))


def without_repeats(words: Words) -> float:
    """Words that occur again, in one proof or in two: k of n do with a chance of at most (n^2 / 2^65)^k / k!.

    Each of the k takes a pair of equal words, 1 of p; there are fewer than (n^2 / 2)^k / k! sets of k pairs. In a large
    family one repeat can be chance, and more cannot: the bound has to fall with k, or it would never fail there.
    """
    ordered = np.sort(words, axis=None)
    repeats = int((ordered[1:] == ordered[:-1]).sum())
    return float(min(1.0, np.exp(repeats * np.log(words.size**2 / 2.0**65) - gammaln(repeats + 1))))


def places_uniform(words: Words) -> float:
    """Each bit of each place, over proofs: what is constant or nearly so at one place shows nowhere else."""
    return _binomial(_ones(words).reshape(-1), len(words))


def nonces_geometric(nonces: Any) -> float:
    """A first nonce is the n-th with probability 2^-20 (1 - 2^-20)^n, whatever the seed."""
    return float(stats.kstest(nonces, lambda n: 1 - np.exp(-(n + 1) / 2.0**WORK_BITS)).pvalue)


# Two families against each other -------------------------------------------------------------------------------------


def same_bytes(first: Words, second: Words) -> float:
    """Chi-square of a contingency table."""
    size = min(first.size, second.size)
    counts = [byte_counts(words.reshape(-1)[:size]) for words in (first, second)]
    return float(stats.chi2_contingency(counts).pvalue)


def same_elements(first: Words, second: Words) -> float:
    """Kolmogorov-Smirnov of two samples."""
    return float(stats.ks_2samp(_unit(first).reshape(-1), _unit(second).reshape(-1), method="asymp").pvalue)


def same_places(first: Words, second: Words) -> float:
    """The mean at each place. A uniform number is sub-Gaussian of variance 1/12: P(|z| > x) <= 2 exp(-x^2 / 2)."""
    difference = _unit(first).mean(axis=0) - _unit(second).mean(axis=0)
    z = np.abs(difference) / np.sqrt((1 / len(first) + 1 / len(second)) / 12)
    return min(1.0, 2 * len(z) * float(np.exp(-(z.max() ** 2) / 2)))


def same_nonces(first: Any, second: Any) -> float:
    """Kolmogorov-Smirnov of two samples."""
    return float(stats.ks_2samp(first, second, method="asymp").pvalue)


# -------------------------------------------------------------------------------------------------------------------


def _unit(words: Words) -> Any:
    return words.astype(np.float64) / 2.0**64


def _classes(words: Words, classes: int) -> list[Any]:
    return [_unit(words[:, i::classes]).reshape(-1) for i in range(classes)]


def _ones(words: Words) -> Any:
    """How often each of 64 bits is 1 at each place, (64, width)."""
    return np.stack([(words >> np.uint64(bit) & np.uint64(1)).sum(axis=0) for bit in range(64)])


def _binomial(ones: Any, count: int) -> float:
    """Bonferroni over exact two-sided tests of fair coins."""
    extreme = int(np.abs(2 * ones.astype(np.int64) - count).max())
    tail = float(stats.binom.sf((count + extreme) // 2 - 1, count, 0.5))  # at least so many of one side
    return min(1.0, 2 * tail * len(ones))


ONE_SAMPLE = {
    "bytes": bytes_uniform,
    "bits": bits_uniform,
    "elements": elements_uniform,
    "differences": differences_uniform,
    "repeats": without_repeats,
    "places": places_uniform,
}
TWO_SAMPLES = {"bytes": same_bytes, "elements": same_elements, "places": same_places}
