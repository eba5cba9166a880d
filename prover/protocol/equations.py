"""A program of hidden values as arrays, so that a kernel evaluates it (circuits/language/hidden.py evaluates one)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from ...circuits.field.goldilocks import K, Vector, kvector
from ...circuits.language.hidden import HiddenProgram
from .. import kernels


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Evaluated:
    """The parts of all constraints: K vectors, `linear` of each, `left` and `right` of all products."""

    linear: Vector
    left: Vector
    right: Vector


class Equations:
    """All constraints of a program.

    Attributes:
        coefficients: of all products, K vector.
        owners: int64, the number of the constraint that each of them belongs to.
    """

    def __init__(self, program: HiddenProgram) -> None:
        products = [(i, p) for i, constraint in enumerate(program.constraints) for p in constraint.products]
        self.coefficients = kvector(p.coefficient for _, p in products)
        self.owners = np.array([i for i, _ in products], dtype=np.int64)
        self._counts = len(program.constraints), len(products), len(products)
        self._entries = [i for i, node in enumerate(program.nodes) if node is None]
        named = [(i, node) for i, node in enumerate(program.nodes) if node is not None]
        parts = [constraint.linear for constraint in program.constraints]
        parts += [p.left for _, p in products] + [p.right for _, p in products]
        expressions = [*(node for _, node in named), *parts]
        self._nodes = len(program.nodes)
        terms = [term for expression in expressions for term in expression.terms]
        self._terms = (
            kvector(coefficient for coefficient, _ in terms),
            np.array([node for _, node in terms], dtype=np.uint64),
            np.array(list(accumulate(len(expression.terms) for expression in expressions)), dtype=np.uint64),
            kvector(expression.constant for expression in expressions),
            np.array([*(i for i, _ in named), *range(self._nodes, self._nodes + len(parts))], dtype=np.uint64),
        )

    def evaluated(self, entries: Sequence[K], one: K) -> Evaluated:
        """When the ledger's entries are `entries` and constants are multiplied by `one`."""
        values = np.zeros((2, self._nodes + sum(self._counts)), dtype=np.uint64)
        values[:, self._entries] = kvector(entries)
        kernels.evaluate_expressions(*self._terms, values, one.pair)
        constraints, products, _ = self._counts
        return Evaluated(*np.split(values[:, self._nodes :], [constraints, constraints + products], axis=1))
