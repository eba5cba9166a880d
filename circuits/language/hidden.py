"""Values the verifier only sees masked, and the equations it checks on them.

A `Hidden` value is an affine expression in masked entries of the ledger (docs/protocol.md, "The ledger of pads").
Prover and verifier build the same expressions while they walk a protocol; nothing is computed. At the end each
side assigns the entries and evaluates every equation once: the verifier on k = eps*h - kappa', where `ONE` of an
affine expression counts as eps; the prover on the two coefficients of the same line in eps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..field.goldilocks import ONE, ZERO, K, dot


@dataclass(frozen=True)
class Hidden:
    """An affine expression: constant + sum of coefficient * node, nodes being numbers in a `HiddenProgram`."""

    terms: tuple[tuple[K, int], ...] = ()
    constant: K = ZERO

    def __add__(self, other: Hidden | K) -> Hidden:
        if isinstance(other, K):
            return Hidden(self.terms, self.constant + other)
        return Hidden(self.terms + other.terms, self.constant + other.constant)

    def __sub__(self, other: Hidden | K) -> Hidden:
        return self + -other

    def __mul__(self, scalar: K | int) -> Hidden:
        return Hidden(tuple((c * scalar, node) for c, node in self.terms), self.constant * scalar)

    def __neg__(self) -> Hidden:
        return Hidden(tuple((-c, node) for c, node in self.terms), -self.constant)

    __rmul__ = __mul__


def public(value: K) -> Hidden:
    """A value both sides know, as a hidden expression."""
    return Hidden(constant=value)


def linear(pairs: Iterable[tuple[K | int, Hidden]]) -> Hidden:
    """sum of coefficient * expression."""
    terms: list[tuple[K, int]] = []
    constant = ZERO
    for factor, expression in pairs:
        coefficient = factor if isinstance(factor, K) else K(factor)
        terms.extend((coefficient if c is ONE else c * coefficient, node) for c, node in expression.terms)
        if expression.constant is not ZERO:  # most have none, and are one node
            constant = constant + expression.constant * coefficient
    return Hidden(tuple(terms), constant)


class Product(NamedTuple):
    """coefficient * left * right."""

    coefficient: K
    left: Hidden
    right: Hidden


@dataclass(frozen=True)
class Constraint:
    """`linear` + sum of `products` = 0, under the name of the check it stands for."""

    check: str
    linear: Hidden
    products: tuple[Product, ...] = ()


@dataclass
class HiddenProgram:
    """The nodes (ledger entries, and named sub-expressions of earlier nodes) and the constraints, in order."""

    nodes: list[Hidden | None] = field(default_factory=list)
    entries: int = 0
    constraints: list[Constraint] = field(default_factory=list)

    def entry(self) -> Hidden:
        """The next ledger entry."""
        self.nodes.append(None)
        self.entries += 1
        return Hidden(((ONE, len(self.nodes) - 1),))

    def name(self, expression: Hidden) -> Hidden:
        """The same value as a single node, so that expressions built on it stay short."""
        if len(expression.terms) <= 1:
            return expression
        self.nodes.append(expression)
        return Hidden(((ONE, len(self.nodes) - 1),))

    def require_zero(self, check: str, expression: Hidden, products: Sequence[Product] = ()) -> None:
        """Add the constraint `expression` + sum of `products` = 0."""
        self.constraints.append(Constraint(check, expression, tuple(products)))

    def assign(self, entries: Sequence[K], one: K) -> list[K]:
        """The value of every node when the ledger entries are `entries` and constants are multiplied by `one`."""
        values: list[K] = []
        remaining = iter(entries)
        for node in self.nodes:
            values.append(next(remaining) if node is None else evaluate(node, values, one))
        return values


def evaluate(expression: Hidden, values: Sequence[K], one: K) -> K:
    """An affine expression on assigned nodes."""
    coefficients = [coefficient for coefficient, _ in expression.terms]
    elements = [values[node] for _, node in expression.terms]
    return dot([*coefficients, expression.constant], [*elements, one])


def evaluate_constraint(constraint: Constraint, values: Sequence[K], one: K) -> K:
    """`products + one * linear`, made homogeneous of degree two in (values, one)."""
    result = one * evaluate(constraint.linear, values, one)
    for p in constraint.products:
        left, right = evaluate(p.left, values, one), evaluate(p.right, values, one)
        result = result + p.coefficient * left * right
    return result
