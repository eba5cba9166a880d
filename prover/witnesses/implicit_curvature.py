"""How a gradient changes with very many weights, without a matrix: its products with vectors, from those of features.

A matrix that shows the largest eigenvalues of it in few numbers (Nystrom's approximation, from products with vectors
of signs) lets conjugate gradients end early, and says which weights to move by a unit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..kernels import Products
from .curve import Integers, Reals
from .unit_moves import unit_moves

FIGURES = 27  # bits of whole numbers that stand for real ones in a product: as many as are multiplied in one go
RANK = 24  # eigenvalues that are taken out
DIRECTIONS = b"directions in which a curvature is looked at"  # of signs: any would do
NEAR = 1 / 32  # of a gradient is left by a step
SHORTER = 1 / 4  # is left at most where weights are rounded to the nearest whole numbers
MOST_PRODUCTS = 2000  # of a step; some tens are usual
SMALL = 1e-6  # beside eigenvalues
POLISHES = 256  # weights that are moved by a unit before it is seen what is left,
FEWEST = 4  # or a share of them, where it is more than before,
CORRECTIONS = 24  # so often
Product = Callable[[Reals], Reals]


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Rounded:
    """A symmetric matrix with few large eigenvalues: V (values - rest) V^T + rest.

    Attributes:
        vectors: V, float64 (K, r), orthonormal.
        values: float64 (r,), none below `rest`.
        rest: the smallest of those that were found, in place of all others.
        spread: the root of the mean of squares of all others.
    """

    vectors: Reals
    values: Reals
    rest: float
    spread: float

    def inverse_times(self, vector: Reals) -> Reals:
        """Its inverse times (K,)."""
        along = self.vectors.T @ vector
        return np.asarray(vector / self.rest + self.vectors @ (along * (1 / self.values - 1 / self.rest)))

    def moves(self, along: Reals, most: int) -> Integers:
        """By how many units each weight is to be moved so that a gradient becomes short: so many, one at a time.

        Args:
            along: the matrix times the gradient, (K,).
            most: how often one is moved.
        """
        turned = self.vectors * (self.values**2 - self.spread**2)
        squares = np.einsum("kr,kr->k", turned, self.vectors) + self.spread**2

        def square_of(k: int) -> Reals:
            column = turned @ self.vectors[k]
            column[k] += self.spread**2
            return np.asarray(column)

        return unit_moves(along, squares, square_of, most)


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class ImplicitCurvature:
    """scale X^T diag(slopes) X + penalty, for features X with the constants of a bias.

    Attributes:
        products: of features with whole numbers.
        slopes: float64 (N,), 0 of rows that do not count.
        constants: float64 (K - d,), what a bias is multiplied with.
        unused: features that are left out.
        shortcut: an approximation of another such matrix that is not far away.
    """

    products: Products
    slopes: Reals
    scale: float
    penalty: float
    constants: Reals
    width: int
    unused: tuple[int, ...] = ()
    shortcut: Rounded | None = None

    def times(self, vector: Reals) -> Reals:
        """The matrix times (K,), to some 2^-FIGURES of it."""
        d = self.width - len(self.constants)
        of_features = vector[:d].copy()
        of_features[list(self.unused)] = 0.0
        scores = _in_whole(self.products.scores, of_features) + float(self.constants @ vector[d:])
        changes, found = self.slopes * scores, np.empty(self.width)
        found[:d] = _in_whole(self.products.sums, changes)
        found[list(self.unused)] = 0.0
        found[d:] = self.constants * changes.sum()
        return np.asarray(self.scale * found + self.penalty * vector)

    @cached_property
    def rounded(self) -> Rounded:
        """Its largest eigenvalues, nearly."""
        rank = min(RANK, self.width)
        *directions, other = _signs(rank + 1, self.width)
        start = np.linalg.qr(np.stack(directions, axis=1))[0]
        images = np.stack([self.times(vector) for vector in start.T], axis=1) - self.penalty * start
        between = start.T @ images
        between = (between + between.T) / 2
        # products are not exact, and Cholesky's roots ask for a positive matrix
        off = SMALL * (float(np.trace(between)) + self.penalty)
        root = np.linalg.cholesky(between + off * np.eye(len(between)))
        left, singular, _ = np.linalg.svd(np.linalg.solve(root, (images + off * start).T).T, full_matrices=False)
        values = np.maximum(singular**2 - off, 0.0) + self.penalty
        # what is left of such a vector's image is as long as all other eigenvalues are together
        image = self.times(other)
        others = float(np.linalg.norm(image - left @ (left.T @ image))) / self.width**0.5
        return Rounded(left, values, float(values[-1]), max(others, self.penalty))

    def step(self, gradient: NDArray[Any]) -> Integers:
        """By how many units weights are above where the gradient is zero, nearly to first order.

        Rounding them can leave more of the gradient, along the largest eigenvalues, than there was: then some are
        rounded the other way.
        """
        own, right = self.shortcut or self.rounded, gradient.astype(np.float64)
        whole = np.rint(solved(self.times, right, own.inverse_times)).astype(np.int64)
        left = right - self.times(whole.astype(np.float64))
        if float(np.linalg.norm(left)) <= SHORTER * float(np.linalg.norm(right)):
            return whole
        return whole - self.moves(left)

    def moves(self, gradient: NDArray[Any]) -> Integers:
        """By how many units each is to be moved so that it becomes short, some at a time.

        What is known of eigenvalues says which; the matrix itself, whether the gradient is shorter then.
        """
        moves, rest, most = np.zeros(self.width, dtype=np.int64), gradient.astype(np.float64), POLISHES
        for _ in range(CORRECTIONS):
            found = self.rounded.moves(self.times(rest), most)
            left = rest + self.times(found.astype(np.float64))
            if float(np.linalg.norm(left)) < float(np.linalg.norm(rest)):
                moves, rest = moves + found, left
            elif most > FEWEST and found.any():
                most //= FEWEST
            else:
                break
        return moves


def solved(times: Product, right: Reals, nearly: Product, near: float = NEAR) -> Reals:
    """The solution of a positive definite system by conjugate gradients, up to a residual of so much of `right`.

    nearly: the inverse of a matrix like it, times a vector.
    """
    found, rest = np.zeros_like(right), right.copy()
    target = near * float(np.linalg.norm(right))
    turned = nearly(rest)
    direction, size = turned, float(rest @ turned)
    for _ in range(MOST_PRODUCTS):
        if float(np.linalg.norm(rest)) <= target:
            break
        image = times(direction)
        length = size / float(direction @ image)
        found = found + length * direction
        rest = rest - length * image
        turned = nearly(rest)
        size, before = float(rest @ turned), size
        direction = turned + size / before * direction
    return found


def _signs(count: int, size: int) -> Reals:
    """Vectors of 1 and -1, float64 (count, size), always the same, that have nothing to do with any data."""
    found = np.frombuffer(hashlib.shake_128(DIRECTIONS).digest(-(-count * size // 8)), dtype=np.uint8)
    bits = np.unpackbits(found)[: count * size].reshape(count, size)
    return np.asarray(1.0 - 2.0 * bits, dtype=np.float64)


def _in_whole(product: Callable[[Integers], Integers], values: Reals) -> NDArray[np.float64]:
    """A product of whole numbers with real ones, by the whole ones that these nearly are."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0.0:
        return product(np.zeros(len(values), dtype=np.int64)).astype(np.float64)
    scale = 2.0**FIGURES / largest
    return np.asarray(product(np.rint(values * scale).astype(np.int64)) / scale, dtype=np.float64)
