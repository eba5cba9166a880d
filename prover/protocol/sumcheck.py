"""The prover's half of verifier/protocol/sumcheck.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...circuits.field.goldilocks import ONE, K, Vector, kscalar
from ...circuits.field.multilinear import Point
from ...circuits.language.hidden import Hidden, public
from ...circuits.language.relation import MAX_FACTORS, PublicVector, Sum, SumResult
from ...verifier.protocol.sumcheck import next_claim, require_summand
from .. import kernels
from ..matrices.values import Columns, eq_table, filled
from .channel import ProverChannel
from .squares import is_square, prove_leading


def prove_rounds(
    channel: ProverChannel, label: str, factors: Vector, claim: Hidden, *, in_clear: bool = False
) -> tuple[Point, Hidden, Vector]:
    """All rounds of a sumcheck of a sum of products of factors over the same variables.

    Args:
        factors: K array (products, f, 2, n), n a power of two; overwritten.
        in_clear: nothing is masked.

    Returns:
        The point, the claim about the summand there, and the factors' values there, (products, f, 2, 1).
    """
    degree, live = factors.shape[1], factors.shape[3]
    point: list[K] = []
    while live > 1:
        sums = [K(*value) for value in kernels.product_round(factors, live)]
        if in_clear:
            channel.send_elements(sums)  # P -> V
            values = [public(value) for value in sums]
        else:
            values = channel.send(sums)  # P -> V
        point.append(channel.challenge(label, degree))  # V -> P
        claim = channel.program.name(next_claim(values, claim, point[-1]))
        kernels.fold_factors(factors, live, point[-1].pair)
        live //= 2
    return tuple(point), claim, factors[..., :1]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class WrittenOut:
    """A sum on its cube: K vectors (2, 2^variables).

    Attributes:
        factors: the weight, and the factors.
        terms: of each factor, without their coefficients.
    """

    factors: list[Vector]
    terms: list[list[Vector]]


def written_out(statement: Sum, columns: Columns) -> WrittenOut:
    """What is summed."""
    terms = [[columns.term(term, statement.variables) for term in factor.terms] for factor in statement.factors]
    weight = cube_table(statement.groups, statement.weight)
    return WrittenOut([weight, *(sum_table(statement, i, own) for i, own in enumerate(terms))], terms)


def prove_sum(
    channel: ProverChannel, statement: Sum, claim: Hidden, columns: Columns, known: WrittenOut | None = None
) -> SumResult:
    """A sum over columns, down to the hidden value of each term of each factor; known: what is summed, if it is."""
    if is_square(statement, columns):
        return _prove_square(channel, statement, claim, columns)
    own = known or written_out(statement, columns)
    point, claim, (ended,) = prove_rounds(channel, statement.name, np.stack(own.factors)[None], claim)
    at = eq_table(point)
    values = tuple(tuple(channel.send([K(*kernels.kdot(t, at)) for t in tables])) for tables in own.terms)  # P -> V
    half = None
    if len(statement.factors) == MAX_FACTORS:
        (half,) = channel.send([kscalar(ended[1, :, 0]) * kscalar(ended[2, :, 0])])  # P -> V
    require_summand(channel, statement, claim, point, values, half)
    return SumResult(point, values)


def _prove_square(channel: ProverChannel, statement: Sum, claim: Hidden, columns: Columns) -> SumResult:
    """A sum of squares over a column, without writing it out."""
    leading, claim, factors = prove_leading(channel, statement, claim, columns)
    rest, claim, (ended,) = prove_rounds(channel, statement.name, np.stack(factors)[None], claim)
    point, value = (*leading, *rest), kscalar(ended[1, :, 0])
    values = tuple(tuple(channel.send([value])) for _ in statement.factors)  # P -> V
    require_summand(channel, statement, claim, point, values)
    return SumResult(point, values)


def sum_value(statement: Sum, columns: Columns) -> K:
    """The value of a sum."""
    factors = (
        sum_table(statement, i, [columns.term(term, statement.variables) for term in factor.terms])
        for i, factor in enumerate(statement.factors)
    )
    return summed([cube_table(statement.groups, statement.weight), *factors])


def summed(factors: Sequence[Vector]) -> K:
    """The sum of the products of K vectors (2, n), two at least."""
    product, *others, last = factors
    for table in others:
        product = kernels.kmul(product, table)
    return K(*kernels.kdot(product, last))


def sum_table(statement: Sum, index: int, terms: Sequence[Vector]) -> Vector:
    """One factor of a sum on the cube, from its terms' tables. K vector (2, 2^variables)."""
    factor = statement.factors[index]
    pairs = zip((term.coefficient for term in factor.terms), terms, strict=True)
    parts = [table if scale == ONE else kernels.kscale(table, scale.pair) for scale, table in pairs]
    if factor.constant is not None:
        parts.append(cube_table(statement.groups, factor.constant))
    result = parts[0]
    for part in parts[1:]:
        result = kernels.kadd(result, part)
    return result


def cube_table(groups: Sequence[int], vector: PublicVector) -> Vector:
    """A public vector on the whole cube, zeros past its real box. K vector (2, 2^variables)."""
    return filled(vector.table(), [1 << bits for bits in groups]).reshape(2, -1)
