"""The Reed-Solomon code of a committed matrix (Ligero; docs/protocol.md, "Commitment").

A matrix row of C = 2^c values and a tail of m random values is the polynomial
`sum_j v_j X^j + X^C * sum_(j < m) rho_j X^j`; a shorter row is the same with zeros at its end. Its codeword is its
first n values on cosets of the subgroup of order H = 2^h, the largest power of two not above C + m. Position j*H + i
is the point s^j * w^(bitrev(i)), w of order H, s of order H * 2^ceil(log2(number of cosets)): bit-reversed so that a
fast transform needs no permutation. The last coset may be used in part, in eighths, so that n stays near what the
rate asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import ceil, log2

import numpy as np

from ...circuits.field.goldilocks import P, Vector, matmul, mul, root_of_unity, total
from ...circuits.field.multilinear import log2_ceil

SECURITY_BITS = 100
WORK_BITS = 20  # of proof of work before columns are drawn (work.py): a prover pays 2^20 hashes for each try
HIDING_RATE = 4  # inverse rate of committed matrices: low rates cost the prover most here
PART_BITS = 3  # cosets are used in eighths
PLAIN_RATE = 8  # inverse rate of what is much shorter: models, and vectors that are folded


def query_count(inverse_rate: int) -> int:
    """Queries that, with the proof of work, stop a word outside the unique-decoding radius.

    ((1 + rate) / 2)^t <= 2^-80.
    """
    return ceil((SECURITY_BITS - WORK_BITS) / -log2((1 + 1 / inverse_rate) / 2))


@dataclass(frozen=True)
class ReedSolomonCode:
    """The code of one matrix.

    Attributes:
        row_bits: c, a row carries C = 2^c values.
        openings: number of proofs the random tail hides: m = queries * openings, the count of distinct columns
            that may ever be opened. Zero: nothing is hidden.
        inverse_rate: at least so many times longer is a codeword than a row.
    """

    row_bits: int
    openings: int
    inverse_rate: int = HIDING_RATE

    @cached_property
    def queries(self) -> int:
        """t, the number of columns opened in a proof: 118 at rate 1/4, 97 at 1/8, 88 at 1/16."""
        return query_count(self.inverse_rate)

    @property
    def tail(self) -> int:
        """m, the number of random coefficients of a row."""
        return self.queries * self.openings

    @cached_property
    def dimension(self) -> int:
        """C + m, the number of coefficients of a row."""
        return (1 << self.row_bits) + self.tail

    @cached_property
    def subgroup_bits(self) -> int:
        """h."""
        return self.dimension.bit_length() - 1

    @property
    def part_bits(self) -> int:
        """log2 of the eighth of a coset; of a coset, if that has no eighths."""
        return max(0, self.subgroup_bits - PART_BITS)

    @cached_property
    def length(self) -> int:
        """n, the number of positions: as few eighths of cosets as (C + m) / n <= 1 / inverse_rate allows."""
        return -(-self.dimension * self.inverse_rate >> self.part_bits) << self.part_bits

    @property
    def cosets(self) -> int:
        """Number of cosets, the last one perhaps not whole."""
        return -(-self.length >> self.subgroup_bits)

    @cached_property
    def shifts(self) -> list[int]:
        """s^j for all cosets j."""
        generator = root_of_unity(self.subgroup_bits + log2_ceil(self.cosets))
        return [pow(generator, j, P) for j in range(self.cosets)]

    @property
    def rate(self) -> float:
        """(C + m) / n."""
        return self.dimension / self.length

    def points(self, positions: Sequence[int]) -> Vector:
        """The points at some positions of a codeword, F array (t,)."""
        root, size, shifts = root_of_unity(self.subgroup_bits), 1 << self.subgroup_bits, self.shifts
        reverse = [int(format(i % size, f"0{self.subgroup_bits}b")[::-1], 2) for i in positions]
        points = [shifts[i // size] * pow(root, power, P) % P for i, power in zip(positions, reverse, strict=True)]
        return np.array(points, dtype=np.uint64)


def evaluate_rows(rows: Vector, points: Vector) -> Vector:
    """The polynomials with coefficients rows (r, n) over F at points (t,), shape (r, t).

    A row is cut into pieces of S coefficients: sum over a of x^(S a) * (sum over j < S of v_(S a + j) x^j).
    """
    count, length = rows.shape
    size = 1 << (log2_ceil(length) // 2 + 1)
    pieces = np.pad(rows, [(0, 0), (0, -length % size)]).reshape(-1, size)
    inner = matmul(pieces, powers(points, size)).reshape(count, -1, len(points))
    last = powers(points, size + 1)[size]
    return total(mul(inner, powers(last, inner.shape[1])), axis=1)


def powers(points: Vector, count: int) -> Vector:
    """Powers 0 .. count - 1 of every point, F array (count, t), by doubling."""
    table, square = np.ones((1, len(points)), dtype=np.uint64), points
    while len(table) < count:
        table, square = np.concatenate([table, mul(table, square)]), mul(square, square)
    return table[:count]
