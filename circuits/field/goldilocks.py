"""The Goldilocks field F_p, p = 2^64 - 2^32 + 1, and its quadratic extension K = F_p[u] / (u^2 - 7).

Scalars of F are Python integers in [0, p), scalars of K are instances of `K`. Vectors are numpy `uint64`
arrays of canonical residues: shape `(..., n)` over F, and `(2, ..., n)` over K, the constant coefficient first
(structure of arrays). This module is the slow, plain path that the verifier uses; the prover's compiled kernels
compute the same values.

The reduction of a 128-bit product uses 2^64 = 2^32 - 1 and 2^96 = -1 (mod p).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.uint64]

P = 2**64 - 2**32 + 1
GENERATOR = 7
NON_RESIDUE = 7  # K = F_p[u] / (u^2 - 7): the generator is not a square
TWO_ADICITY = 32
ROOT_OF_UNITY = pow(GENERATOR, (P - 1) >> TWO_ADICITY, P)  # of order 2^32

_P64 = np.uint64(P)
_EPSILON = np.uint64(2**32 - 1)  # 2^64 mod p
_LOW32 = np.uint64(2**32 - 1)
_32 = np.uint64(32)
SCALAR_ENTRIES = 16  # of K: so few are multiplied faster as Python's integers than in numpy's many passes


def root_of_unity(log_order: int) -> int:
    """The chosen primitive root of unity of order 2^log_order in F."""
    if not 0 <= log_order <= TWO_ADICITY:
        raise ValueError(f"F has no subgroup of order 2^{log_order}")
    return pow(ROOT_OF_UNITY, 1 << (TWO_ADICITY - log_order), P)


class K:
    """An element a + b*u of the extension field; never changed once made. Mixes with Python integers, read modulo p."""

    __slots__ = ("a", "b")

    def __init__(self, a: int, b: int = 0) -> None:
        self.a = a % P
        self.b = b % P

    @property
    def pair(self) -> tuple[int, int]:
        """Both coefficients."""
        return self.a, self.b

    def __add__(self, other: K | int) -> K:
        if isinstance(other, int):
            return K(self.a + other, self.b)
        return K(self.a + other.a, self.b + other.b)

    def __sub__(self, other: K | int) -> K:
        if isinstance(other, int):
            return K(self.a - other, self.b)
        return K(self.a - other.a, self.b - other.b)

    def __mul__(self, other: K | int) -> K:
        if isinstance(other, int):
            return K(self.a * other, self.b * other)
        a, b, c, d = self.a, self.b, other.a, other.b
        return K(a * c + NON_RESIDUE * b * d, a * d + b * c)

    def __rsub__(self, other: int) -> K:
        return K(other - self.a, -self.b)

    def __neg__(self) -> K:
        return K(-self.a, -self.b)

    __radd__ = __add__
    __rmul__ = __mul__

    def inverse(self) -> K:
        """The multiplicative inverse; raises ZeroDivisionError for zero."""
        norm = (self.a * self.a - NON_RESIDUE * self.b * self.b) % P
        if norm == 0:
            raise ZeroDivisionError("zero has no inverse")
        scale = pow(norm, -1, P)
        return K(self.a * scale, -self.b * scale)

    def __pow__(self, exponent: int) -> K:
        base, result = (self, ONE) if exponent >= 0 else (self.inverse(), ONE)
        for bit in bin(abs(exponent))[2:]:
            result = result * result
            if bit == "1":
                result = result * base
        return result

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int):
            return self.a == other % P and self.b == 0
        return isinstance(other, K) and self.a == other.a and self.b == other.b

    def __hash__(self) -> int:
        return hash((self.a, self.b))

    def __bool__(self) -> bool:
        return bool(self.a or self.b)

    def __repr__(self) -> str:
        return f"K({self.a}, {self.b})"


ZERO = K(0)
ONE = K(1)


# Vectors over F ------------------------------------------------------------------------------------------------


def to_field(values: npt.NDArray[np.integer]) -> Vector:
    """Signed integers, any shape, as canonical residues: negative v becomes p + v. TypeError for uint64, and floats."""
    signed = np.asarray(values).astype(np.int64, casting="safe", copy=False)
    unsigned = signed.astype(np.uint64)
    return np.where(signed < 0, unsigned + _P64, unsigned)


def is_canonical(values: Vector) -> bool:
    """Whether every entry is below p; decoders refuse x and x + p as the same element."""
    return bool((values < _P64).all())


def same(x: Vector, y: Vector) -> bool:
    """Whether two arrays are equal. Not np.array_equal, which says no when it runs out of memory."""
    return x.shape == y.shape and bool((x == y).all())


def add(x: Vector, y: Vector) -> Vector:
    """Entry-wise sum in F."""
    result = x + y
    result += np.where(result < x, _EPSILON, np.uint64(0))  # the wrapped 2^64 is worth 2^32 - 1
    return np.where(result >= _P64, result - _P64, result)


def sub(x: Vector, y: Vector) -> Vector:
    """Entry-wise difference in F."""
    return np.where(x >= y, x - y, x + (_P64 - y))


def mul(x: Vector, y: Vector | np.uint64) -> Vector:
    """Entry-wise product in F."""
    x0, x1 = x & _LOW32, x >> _32
    y0, y1 = y & _LOW32, y >> _32
    low, cross, other, high = x0 * y0, x0 * y1, x1 * y0, x1 * y1
    middle = (low >> _32) + (cross & _LOW32) + (other & _LOW32)
    low = (low & _LOW32) | (middle << _32)
    high = high + (cross >> _32) + (other >> _32) + (middle >> _32)
    # low + 2^64 * (2^32 * high1 + high0) = low - high1 + (2^32 - 1) * high0
    high1 = high >> _32
    reduced = low - high1
    reduced -= np.where(low < high1, _EPSILON, np.uint64(0))
    folded = (high & _LOW32) * _EPSILON
    result: Vector = reduced + folded
    result += np.where(result < folded, _EPSILON, np.uint64(0))
    return np.where(result >= _P64, result - _P64, result)


def total(x: Vector, axis: int = -1) -> Vector:
    """Sum in F along one axis of fewer than 2^31 entries: 32-bit halves cannot overflow 64 bits."""
    low = (x & _LOW32).sum(axis=axis, dtype=np.uint64)
    high = (x >> _32).sum(axis=axis, dtype=np.uint64)
    high_low, high_high = high & _LOW32, high >> _32  # high * 2^32 = high_low * 2^32 + high_high * 2^64
    with np.errstate(over="ignore"):  # numpy warns of wrapping where the sum is a single number
        return add(add(low % _P64, (high_low << _32) % _P64), high_high * _EPSILON)


# Products of matrices over F, by floating point ---------------------------------------------------------------------

MATRIX_LIMB_BITS = 16
BLOCK_COLUMNS, BLOCK_PRODUCTS = 64, 1 << 18  # blocks so small that BLAS wakes no threads: they cost more than they do
MAX_INNER = 1 << 19  # sums of 4 * MAX_INNER products of two limbs stay below 2^53, where float64 is exact


def matmul(x: Vector, y: Vector) -> Vector:
    """Product of matrices (m, k) and (k, n), k <= MAX_INNER: one float64 product of their 16-bit limbs."""
    rows, inner, columns = x.shape[0], x.shape[1], y.shape[1]
    if inner > MAX_INNER:
        raise ValueError(f"sums of {inner} products would not be exact, {MAX_INNER} are")
    left, right = _limbs(x), _limbs(y)
    stacked = _blockwise(left.reshape(-1, inner), right.transpose(1, 0, 2).reshape(inner, -1))
    products = stacked.reshape(len(left), rows, len(right), columns)
    result = np.zeros((rows, columns), dtype=np.uint64)
    for weight in reversed(range(len(left) + len(right) - 1)):
        pairs = [(i, weight - i) for i in range(len(left)) if 0 <= weight - i < len(right)]
        summed = sum(products[i, :, j] for i, j in pairs)
        result = add(mul(result, np.uint64(1 << MATRIX_LIMB_BITS)), np.asarray(summed).astype(np.uint64))
    return result


def _blockwise(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """x @ y, in blocks."""
    result = np.empty((x.shape[0], y.shape[1]))
    step = max(1, BLOCK_PRODUCTS // (max(1, x.shape[1]) * BLOCK_COLUMNS))
    for column in range(0, y.shape[1], BLOCK_COLUMNS):
        columns = np.ascontiguousarray(y[:, column : column + BLOCK_COLUMNS])
        for row in range(0, x.shape[0], step):
            np.matmul(x[row : row + step], columns, out=result[row : row + step, column : column + BLOCK_COLUMNS])
    return result


def _limbs(values: Vector) -> npt.NDArray[np.float64]:
    """As many 16-bit limbs as the largest entry has, the lowest first: float64 (limbs, *shape)."""
    count = max(1, -(-int(values.max(initial=0)).bit_length() // MATRIX_LIMB_BITS))
    shifts = np.arange(count, dtype=np.uint64) * np.uint64(MATRIX_LIMB_BITS)
    limbs = values[None] >> shifts.reshape(-1, *(1,) * values.ndim)
    return (limbs & np.uint64((1 << MATRIX_LIMB_BITS) - 1)).astype(np.float64)


# Vectors over K ------------------------------------------------------------------------------------------------


def kscalar(values: Vector) -> K:
    """The K vector of shape (2,) as a scalar."""
    return K(int(values[0]), int(values[1]))


def kvector(elements: Iterable[K]) -> Vector:
    """Scalars as a K vector of shape (2, n)."""
    items = list(elements)
    return np.array([[e.a for e in items], [e.b for e in items]], dtype=np.uint64).reshape(2, len(items))


def _scalars(values: Vector) -> list[K]:
    """The entries of a K vector of shape (2, ...)."""
    first, second = values.reshape(2, values[0].size).tolist()
    return [K(a, b) for a, b in zip(first, second, strict=True)]


def kadd(x: Vector, y: Vector) -> Vector:
    """Entry-wise sum in K."""
    return add(x, y)


def ksub(x: Vector, y: Vector) -> Vector:
    """Entry-wise difference in K."""
    return sub(x, y)


def kmul(x: Vector, y: Vector) -> Vector:
    """Entry-wise product in K of arrays of shape (2, ...)."""
    products = mul(x[:, None], y[None])  # [coefficient of x, coefficient of y]
    turned = mul(products[1, 1], np.uint64(NON_RESIDUE))
    return add(np.stack([products[0, 0], products[0, 1]]), np.stack([turned, products[1, 0]]))


def kscale(x: Vector, scalar: K) -> Vector:
    """A K vector of shape (2, ...) times a scalar of K."""
    if x[0].size <= SCALAR_ENTRIES:
        return kvector(element * scalar for element in _scalars(x)).reshape(x.shape)
    factor = np.array([scalar.a, scalar.b], dtype=np.uint64).reshape((2,) + (1,) * (x.ndim - 1))
    return kmul(x, factor)


def kmul_base(x: Vector, y: Vector) -> Vector:
    """Entry-wise product of a K array (2, ...) and an F array (...)."""
    return mul(x, y[None])


def ksum(x: Vector) -> K:
    """Sum of all entries of a K array (2, ...)."""
    return kscalar(total(x.reshape(2, -1)))


def kdot(x: Vector, y: Vector) -> K:
    """Inner product of two K vectors (2, n)."""
    if x.shape == y.shape and x.shape[1] <= SCALAR_ENTRIES:
        return dot(_scalars(x), _scalars(y))
    return ksum(kmul(x, y))


def dot(coefficients: Sequence[K], elements: Sequence[K]) -> K:
    """Inner product of two sequences of scalars of the same length."""
    a = b = 0
    for c, e in zip(coefficients, elements, strict=True):  # reduced once, at the end
        a += c.a * e.a + NON_RESIDUE * c.b * e.b
        b += c.a * e.b + c.b * e.a
    return K(a, b)
