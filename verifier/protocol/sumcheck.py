"""The sumcheck (Lund, Fortnow, Karloff, Nisan 1992), on hidden values.

Claim: sum over the cube of weight(x) * prod_f factor_f(x). In each round the prover sends the round polynomial's
values at 0, 2, 3, .., degree, masked; its value at 1 is what the claim leaves. At the end come the values of all terms,
masked, and of three factors the product of the first two, so that the constraints on them are quadratic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from math import factorial

from ...circuits.field.goldilocks import ONE, K, P
from ...circuits.field.multilinear import Point
from ...circuits.language.hidden import Hidden, Product, linear, public
from ...circuits.language.relation import MAX_FACTORS, PublicVector, Sum, SumResult, Term
from .channel import Channel, Side


def verify_rounds(
    channel: Channel, label: str, variables: int, degree: int, claim: Hidden, *, in_clear: bool = False
) -> tuple[Point, Hidden]:
    """All rounds of one sumcheck: the point, and the claim about the summand there.

    in_clear: nothing is masked, and all expressions are constants.
    """
    point: list[K] = []
    for _ in range(variables):
        if in_clear:
            values = [public(value) for value in channel.elements(degree, f"a round of {label}")]  # P -> V
        else:
            values = channel.hidden(degree)  # P -> V
        point.append(channel.challenge(label, degree))  # V -> P
        claim = channel.program.name(next_claim(values, claim, point[-1]))
    return tuple(point), claim


def verify_sum(channel: Channel, statement: Sum, claim: Hidden) -> SumResult:
    """A sum over columns, down to the hidden value of each term of each factor."""
    point, claim = verify_rounds(channel, statement.name, statement.variables, statement.degree, claim)
    values = tuple(tuple(channel.hidden(len(factor.terms))) for factor in statement.factors)  # P -> V
    half = channel.hidden(1)[0] if len(statement.factors) == MAX_FACTORS else None  # P -> V
    require_summand(channel, statement, claim, point, values, half)
    return SumResult(point, values)


def next_claim(values: Sequence[Hidden], claim: Hidden, challenge: K) -> Hidden:
    """The round polynomial at the challenge, from its values at 0, 2, .., degree and value(0) + value(1) = claim."""
    at_zero, *others = values
    first, second, *rest = _lagrange(len(values), challenge)
    return linear([(first - second, at_zero), (second, claim), *zip(rest, others, strict=True)])


def require_summand(
    channel: Side,
    statement: Sum,
    claim: Hidden,
    point: Point,
    values: Sequence[Sequence[Hidden]],
    half: Hidden | None = None,
) -> None:
    """Constraint `statement.name`: claim = weight(point) * product of the factors there.

    half: of three factors, the product of the first two, by a constraint of the same name.
    """
    weight = channel.public(lambda: statement.weight.evaluate(point))
    factors = []
    for factor, terms in zip(statement.factors, values, strict=True):
        value = linear((term.coefficient, hidden) for term, hidden in zip(factor.terms, terms, strict=True))
        if factor.constant is not None:
            value = value + _evaluate(channel, factor.constant, point)
        factors.append(channel.program.name(value))
    if half is not None:
        first, second, third = factors
        channel.program.require_zero(statement.name, half, [Product(-ONE, first, second)])
        factors = [half, third]
    right = factors[1] if len(factors) == 2 else public(ONE)
    channel.program.require_zero(statement.name, claim, [Product(-weight, factors[0], right)])


def _evaluate(channel: Side, vector: PublicVector, point: Point) -> K:
    return channel.public(lambda: vector.evaluate(point))


def bound_point(term: Term, point: Point) -> Mapping[str, Point] | None:
    """Where a term ends, per axis; None if it has weighted axes and so is no evaluation of its column."""
    bound: dict[str, Point] = {}
    for axis, coordinates in term.at.items():
        if isinstance(coordinates, PublicVector):
            return None
        bound[axis] = tuple(c if isinstance(c, K) else point[c.index] for c in coordinates)
    return bound


@lru_cache(maxsize=16)
def _lagrange(degree: int, x: K) -> tuple[K, ...]:
    """The Lagrange basis polynomials over 0, 1, .., degree, at x, which is the same in all rounds of a plan."""
    below, above = [ONE], [ONE]  # products of x - node: of the nodes before one, and of those after one, the last first
    for node in range(degree):
        below.append(below[-1] * (x - node))
        above.append(above[-1] * (x - (degree - node)))
    above.reverse()
    return tuple(before * after * scale for before, after, scale in zip(below, above, _scales(degree), strict=True))


@cache
def _scales(degree: int) -> tuple[int, ...]:
    """Of each node, the inverse of the product of its differences to all others."""
    others = ((node, degree - node) for node in range(degree + 1))  # how many are below, and above
    return tuple(pow((-1) ** above * factorial(below) * factorial(above), -1, P) for below, above in others)
