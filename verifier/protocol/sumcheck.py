"""The sumcheck (Lund, Fortnow, Karloff, Nisan 1992), on hidden values.

Claim: sum over the cube of weight(x) * prod_f factor_f(x). In each round the prover sends the round polynomial's
values at 0, 2, 3, .., degree, masked; its value at 1 is what the claim leaves. At the end come the values of all terms,
masked, and of three factors the product of the first two, so that the constraints on them are quadratic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
    nodes = [0, *range(2, len(values) + 1)]
    at_one = claim - values[0]
    basis = {node: _lagrange([1, *nodes], node, challenge) for node in [1, *nodes]}
    return linear([(basis[1], at_one), *((basis[node], value) for node, value in zip(nodes, values, strict=True))])


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


def _lagrange(nodes: Sequence[int], node: int, x: K) -> K:
    """The Lagrange basis polynomial of `node` over `nodes`, at x."""
    numerator, denominator = ONE, 1
    for other in nodes:
        if other != node:
            numerator, denominator = numerator * (x - other), denominator * (node - other)
    return numerator * pow(denominator, -1, P)
