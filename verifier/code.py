"""The Reed-Solomon code of a committed matrix (Ligero; docs/protocol.md, "Commitment").

A matrix row of C = 2^c values and a tail of m random values is the polynomial
`sum_j v_j X^j + X^C * sum_(j < m) rho_j X^j`. Its codeword is its values on k cosets of the subgroup of order
H = 2^h, the largest power of two not above C + m. Position j*H + i is the point s^j * w^(bitrev(i)), w of order H,
s of order H * 2^ceil(log2 k): bit-reversed so that a decimation-in-frequency transform needs no permutation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, log2

import numpy as np

from ..circuits.goldilocks import P, Vector, add, mul, root_of_unity, sub
from ..circuits.multilinear import log2_ceil

SECURITY_BITS = 100
INVERSE_RATE = 4


def query_count(inverse_rate: int) -> int:
    """Queries that catch a word outside the unique-decoding radius: ((1 + rate) / 2)^t <= 2^-100."""
    return ceil(SECURITY_BITS / -log2((1 + 1 / inverse_rate) / 2))


QUERIES = query_count(INVERSE_RATE)  # 148


@dataclass(frozen=True)
class ReedSolomonCode:
    """The code of one matrix.

    Attributes:
        row_bits: c, a row carries C = 2^c values.
        openings: number of proofs the random tail hides: m = QUERIES * openings, the count of distinct columns
            that may ever be opened.
    """

    row_bits: int
    openings: int

    @property
    def tail(self) -> int:
        """m, the number of random coefficients of a row."""
        return QUERIES * self.openings

    @property
    def dimension(self) -> int:
        """C + m, the number of coefficients of a row."""
        return (1 << self.row_bits) + self.tail

    @property
    def subgroup_bits(self) -> int:
        """h."""
        return self.dimension.bit_length() - 1

    @property
    def cosets(self) -> int:
        """k, the least number of cosets with (C + m) / (k H) <= 1 / INVERSE_RATE."""
        return -(-self.dimension * INVERSE_RATE >> self.subgroup_bits)

    @property
    def length(self) -> int:
        """n = k H, the number of positions."""
        return self.cosets << self.subgroup_bits

    @property
    def rate(self) -> float:
        """(C + m) / n."""
        return self.dimension / self.length

    @cached_property
    def coset_shifts(self) -> tuple[int, ...]:
        """s^j for every coset j."""
        shift = root_of_unity(self.subgroup_bits + log2_ceil(self.cosets))
        return tuple(pow(shift, j, P) for j in range(self.cosets))

    def encode(self, coefficients: Vector) -> Vector:
        """Codewords of rows (..., C + m) over F, shape (..., n)."""
        return np.concatenate([self._on_coset(coefficients, shift) for shift in self.coset_shifts], axis=-1)

    def _on_coset(self, coefficients: Vector, shift: int) -> Vector:
        size = 1 << self.subgroup_bits
        folded = coefficients[..., :size].copy()
        excess = coefficients[..., size:]  # X^(H + j) = shift^H X^j on the coset
        scale = np.uint64(pow(shift, size, P))
        folded[..., : excess.shape[-1]] = add(folded[..., : excess.shape[-1]], mul(excess, scale))
        return _transform(mul(folded, _powers(shift, size)), self.subgroup_bits)


def _powers(base: int, count: int) -> Vector:
    """base^0 .. base^(count - 1), by doubling."""
    powers = np.ones(1, dtype=np.uint64)
    while len(powers) < count:
        powers = np.concatenate([powers, mul(powers, np.uint64(pow(base, len(powers), P)))])
    return powers[:count]


def _transform(values: Vector, bits: int) -> Vector:
    """Values of polynomials (..., 2^bits) on the subgroup, in bit-reversed order (decimation in frequency)."""
    size = 1 << bits
    shape = values.shape
    twiddles = _powers(root_of_unity(bits), size // 2)
    blocks = values.reshape(*shape[:-1], 1, size)
    for level in range(bits):
        half = size >> (level + 1)
        low, high = blocks[..., :half], blocks[..., half:]
        halves = np.stack([add(low, high), mul(sub(low, high), twiddles[:: 1 << level])], axis=-2)
        blocks = halves.reshape(*shape[:-1], 2 << level, half)
    return blocks.reshape(shape)
