"""Affine expressions over K, each of the values of those before it, evaluated one after the other."""

# Kernels are typed by their signatures, which mypy cannot read:
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np

from .compiled import IN, INT, OUT, U64, kernel
from .field import add, mul2, seven
from .values import Array, Scalar, extension, flat, in_place, scalar


@kernel(IN, IN, IN, IN, IN, OUT, INT, INT, INT, U64, U64)
def _evaluate(coefficients, nodes, ends, constants, targets, values, terms, count, size, one0, one1):
    """values[targets[e]] = constants[e] one + sum of coefficients[t] values[nodes[t]], ends[e - 1] <= t < ends[e]."""
    at, one7 = np.int64(0), seven(one1)
    for e in range(count):
        c0, c1 = constants[e], constants[count + e]
        x0, x1 = mul2(c0, one0, c1, one7), mul2(c0, one1, c1, one0)
        end = np.int64(ends[e])
        for t in range(at, end):
            node = np.int64(nodes[t])
            v0, v1 = values[node], values[size + node]
            c0, c1 = coefficients[t], coefficients[terms + t]
            x0 = add(x0, mul2(c0, v0, c1, seven(v1)))
            x1 = add(x1, mul2(c0, v1, c1, v0))
        at, target = end, np.int64(targets[e])
        values[target], values[size + target] = x0, x1


def evaluate_expressions(
    coefficients: Array, nodes: Array, ends: Array, constants: Array, targets: Array, values: Array, one: Scalar
) -> None:
    """Fill in values, K (2, n), in place.

    Args:
        coefficients, nodes: of all terms, K (2, t) and (t,): nodes are places in `values`.
        ends: for each expression, in order, where its terms end. constants, targets: of each, K (2, e) and (e,).
        one: what constants are multiplied with.
    """
    terms, count, size = (extension(array, 2).shape[1] for array in (coefficients, constants, values))
    if (
        nodes.shape != (terms,)
        or ends.shape != (count,)
        or targets.shape != (count,)
        or int(ends.max(initial=0)) > terms
    ):
        raise ValueError(f"{terms} terms of {count} expressions: nodes {nodes.shape}, ends {ends.shape}")
    if max(int(nodes.max(initial=0)), int(targets.max(initial=0))) >= size > 0:
        raise ValueError(f"expressions speak of more than {size} values")
    arrays = flat(coefficients), flat(nodes), flat(ends), flat(constants), flat(targets), in_place(values)
    _evaluate(*arrays, terms, count, size, *scalar(one))
