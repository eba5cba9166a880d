"""Weighted products of features are those of numpy's float64, nearly, and what is scaled has room where it is added."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.prover import kernels as fast
from zkunlearn.prover.kernels import squares

pytestmark = pytest.mark.usefixtures("threads")


def plain(X: Any, weights: Any) -> Any:
    """The definition."""
    whole = X.astype(np.float64)
    return (whole * weights) @ whole.T


def nearly(X: Any, weights: Any) -> Any:
    """By the kernels."""
    found = np.full((len(X), len(X)), np.nan)
    return fast.Products(X).squares(weights, found) * found


@pytest.mark.parametrize("rows", [1, 31, 32, 33, 500])
@pytest.mark.parametrize("width", [1, 4, 5, 12, 13, 30])
def test_products_of_features_are_near_those_of_real_numbers(rows: int, width: int) -> None:
    rng = np.random.default_rng(rows + width)
    for largest in (1, 1 << 10, (1 << 15) - 1):
        X = rng.integers(-largest, largest + 1, (width, rows)).astype(np.int16)
        weights = rng.random(rows) * 1e5
        expected = plain(X, weights)
        np.testing.assert_allclose(nearly(X, weights), expected, rtol=0, atol=1e-3 * expected.max(initial=1.0))


@pytest.mark.parametrize(("steps", "cells"), [(1, 1), (5, 1), (63, 1), (63, 1 << 15), (1, 1 << 19)])
def test_rows_and_features_are_taken_a_piece_at_a_time(monkeypatch: pytest.MonkeyPatch, steps: int, cells: int) -> None:
    monkeypatch.setattr(squares, "STEPS", steps)
    monkeypatch.setattr(squares, "BLOCK_CELLS", cells)
    rng = np.random.default_rng(steps)
    X, weights = rng.integers(-1024, 1025, (29, 3000)).astype(np.int16), rng.random(3000)
    np.testing.assert_allclose(nearly(X, weights), plain(X, weights), rtol=0, atol=1e-3 * plain(X, weights).max())


def test_the_largest_features_leave_room_in_sums() -> None:
    """All of a piece as large as can be: what a lane adds up is nearly as much as it has room for."""
    for largest in (1, 1000, 1 << 12, (1 << 15) - 1):
        X = np.full((7, 3 * squares.STEPS * squares.WIDE), -largest, dtype=np.int16)
        weights = np.full(X.shape[1], 3.0)
        np.testing.assert_allclose(nearly(X, weights), plain(X, weights), rtol=1e-3)


def test_rows_without_weight_count_as_nothing() -> None:
    rng = np.random.default_rng(3)
    X, weights = rng.integers(-50, 51, (6, 200)).astype(np.int16), rng.random(200)
    weights[::3] = 0
    changed = X.copy()
    changed[:, ::3] = 50
    assert np.array_equal(nearly(X, weights), nearly(changed, weights))
    assert not nearly(X, np.zeros(200)).any() and not nearly(np.zeros_like(X), weights).any()


def test_what_is_beside_the_features_stays_as_it_is() -> None:
    """The place has room for a bias, and rows need not lie together."""
    X = np.random.default_rng(4).integers(-9, 10, (5, 80)).astype(np.int16)
    found = np.full((6, 6), -1.0)
    scale = fast.Products(X[:, ::2]).squares(np.ones(40), found)
    assert (found[5] == -1).all() and (found[:, 5] == -1).all()
    np.testing.assert_allclose(scale * found[:5, :5], plain(X[:, ::2], np.ones(40)), rtol=0, atol=5)
