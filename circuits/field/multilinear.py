"""Multilinear polynomials over the Boolean cube, and the few whose value at a point has a closed form.

A function f on {0, .., 2^m - 1} is read as a function of the m bits of its argument, and extends to the unique
polynomial of degree one in each variable, its multilinear extension. Variables are ordered, and bound, from the
most significant bit on, everywhere in this package. Points are tuples of `K`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .goldilocks import ONE, SCALAR_ENTRIES, ZERO, K, Vector, kdot, kmul, kscale, ksub, kvector, matmul

Point = tuple[K, ...]

SCALAR_VARIABLES = 4  # up to 16 entries, Python's integers are faster than numpy's many passes


def log2_ceil(size: int) -> int:
    """Number of bits that index `size` >= 1 things."""
    return (size - 1).bit_length()


def bits_of(index: int, count: int) -> Point:
    """The corner of the cube that is `index`, most significant bit first."""
    return tuple(K(index >> (count - 1 - i) & 1) for i in range(count))


def eq(x: Sequence[K], y: Sequence[K]) -> K:
    """eq(x, y) = prod_i (x_i y_i + (1 - x_i)(1 - y_i)): one where two corners agree, else zero."""
    result = ONE
    for a, b in zip(x, y, strict=True):
        product = a * b
        result = result * (product + product + ONE - a - b)
    return result


def eq_index(x: Sequence[K], index: int) -> K:
    """eq(x, index) with the corner given as an integer."""
    result = ONE
    for i, a in enumerate(x):
        result = result * (a if index >> (len(x) - 1 - i) & 1 else ONE - a)
    return result


def eq_table(x: Sequence[K]) -> Vector:
    """All values eq(x, i), i = 0 .. 2^m - 1. Shape (2, 2^m)."""
    corners = [ONE]
    for a in x[:SCALAR_VARIABLES]:
        corners = [part for corner in corners for part in (corner - corner * a, corner * a)]
    table = kvector(corners)
    for a in x[SCALAR_VARIABLES:]:
        high = kscale(table, a)
        low = ksub(table, high)
        table = np.stack([low, high], axis=-1).reshape(2, -1)
    return table


def eq_at(x: Sequence[K], indices: Sequence[int]) -> Vector:
    """The values eq(x, i) at some corners, in O(2^(m / 2) + number of corners). Shape (2, n)."""
    if len(indices) <= SCALAR_ENTRIES:
        return kvector(eq_index(x, index) for index in indices)
    columns = len(x) // 2
    places = np.array(indices, dtype=np.int64)
    at_rows, at_columns = eq_table(x[: len(x) - columns]), eq_table(x[len(x) - columns :])
    return kmul(at_rows[:, places >> columns], at_columns[:, places & ((1 << columns) - 1)])


def prefix(x: Sequence[K], size: int) -> K:
    """sum of eq(x, i) over i < size, for 0 <= size <= 2^m: the extension of the indicator of a prefix."""
    if size == 1 << len(x):
        return ONE
    result, agree = ZERO, ONE
    for i, a in enumerate(x):
        if size >> (len(x) - 1 - i) & 1:
            result = result + agree * (ONE - a)  # every index that is smaller at this bit
            agree = agree * a
        else:
            agree = agree * (ONE - a)
    return result


def prefix_eq(x: Sequence[K], y: Sequence[K], size: int) -> K:
    """sum of eq(x, i) eq(y, i) over i < size, for 0 <= size <= 2^m, in O(m) steps.

    A polynomial in both points that is eq(x, y) if `size` is 2^m.
    """
    both = [(a * b, (ONE - a) * (ONE - b)) for a, b in zip(x, y, strict=True)]
    if size == 1 << len(both):
        return eq(x, y)
    rest, result = ONE, ZERO  # of the bits read so far, the lowest first: eq of x and y, and the sum below their size
    for bit, (one, zero) in enumerate(reversed(both)):
        result = one * result + zero * rest if size >> bit & 1 else zero * result
        rest = rest * (one + zero)
    return result


def successor(x: Sequence[K], y: Sequence[K], size: int) -> K:
    """sum of eq(x, i) eq(y, i + 1) over i + 1 < size, for 0 <= size <= 2^m, in O(m^2) steps.

    Where i ends in a zero and j ones, i + 1 ends in a one and j zeros, and the leading bits of both are equal.
    """
    result, carry, bits = ZERO, ONE, len(x)
    for j in range(bits):
        top = bits - 1 - j
        below = (size - 1 - (1 << j)) // (1 << (j + 1)) + 1 if size > 1 << j else 0  # leading bits with i + 1 < size
        result = result + prefix_eq(x[:top], y[:top], below) * (ONE - x[top]) * y[top] * carry
        carry = carry * x[top] * (ONE - y[top])
    return result


def identity(x: Sequence[K]) -> K:
    """The extension of i -> i."""
    result = ZERO
    for a in x:
        result = result + result + a
    return result


def bounded_identity(x: Sequence[K], bits: int) -> K:
    """The extension of i -> min(i, 2^bits), for 0 <= bits <= m: 2^bits where a variable before the last `bits` is 1."""
    leading = len(x) - bits
    small = prefix(x[:leading], 1)
    return small * identity(x[leading:]) + (ONE - small) * (1 << bits)


def evaluate(values: Vector, x: Sequence[K]) -> K:
    """The extension of a vector over F of shape (n,), n <= 2^m, zeros after its end, at a point."""
    columns = len(x) // 2
    at_rows, at_columns = eq_table(x[: len(x) - columns]), eq_table(x[len(x) - columns :])
    matrix = np.pad(values, (0, -len(values) % (1 << columns))).reshape(-1, 1 << columns)
    by_row = matmul(matrix, at_columns.T).T
    return kdot(at_rows[:, : len(matrix)], by_row)


def kevaluate(values: Vector, x: Sequence[K]) -> K:
    """The extension of a vector over K of shape (2, n), n <= 2^m, zeros after its end, at a point."""
    return evaluate(values[0], x) + evaluate(values[1], x) * K(0, 1)
