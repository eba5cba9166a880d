"""That a matrix is the inverse of the second derivative: what a spec says, which integers follow, what is refused."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt
from typing import Any

import numpy as np
import pytest
from zkunlearn.errors import DataError, FormatError, ParameterError, TrainingError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.newton_inverse import Inverse
from zkunlearn.models.methods.newton_reference import inverse_values, rounded_curvature, run_steps, second_derivative
from zkunlearn.models.methods.newton_steps import NewtonCertificate
from zkunlearn.models.methods.optimum_reference import gradient_of, row_values
from zkunlearn.models.scales import FineScales
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec

ROWS, FEATURES = 40, 2


def spec_of(**fields: Any) -> TrainingSpec:
    choices: dict[str, Any] = {"model": "logistic", "method": "newton", "l2": 0.01, "inverse": 12}
    return TrainingSpec(**(choices | fields))


def compiled(rows: int = ROWS, features: int = FEATURES, x_bits: int = 10, **fields: Any) -> NewtonCertificate:
    shape = DatasetShape(rows=rows, features=features, label_kind="binary", label_bits=0, x_bits=x_bits)
    found: Any = spec_of(**fields).compile(shape, Live(rows, (1, 3)))
    return found


def inverse_in(schedule: NewtonCertificate) -> Inverse:
    assert schedule.inverse is not None
    return schedule.inverse


def drawn(seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.integers(-1024, 1025, (ROWS, FEATURES)), rng.integers(0, 2, ROWS)


def nearest_inverse(curvature: Any, own: Inverse) -> Any:
    return np.rint(np.linalg.inv(curvature.astype(np.float64)) * 2.0**own.scale).astype(np.int64)


def test_the_field_stands_where_it_is_declared_and_only_there() -> None:
    spec = spec_of(steps=3)
    assert spec == TrainingSpec.from_toml(spec.to_toml()) == TrainingSpec.from_mapping(spec.to_mapping())
    method: Any = spec.to_mapping()["method"]
    assert method["inverse"] == 12 and "inverse = 12" in spec.to_toml()
    any_matrix = spec_of(inverse=None, steps=3)
    assert any_matrix != spec and "inverse" not in any_matrix.to_toml()
    assert any_matrix.to_mapping()["method"] == {name: own for name, own in method.items() if name != "inverse"}
    assert any("inverse" in change for change in spec.differences(any_matrix))
    assert "the inverse of the second derivative where they begin, to 12 bits," in spec.method.describe()
    with pytest.raises(FormatError):
        TrainingSpec.from_mapping({**spec.to_mapping(), "method": {**method, "inverse": None}})


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"inverse": 3}, "inverse = 3: must be between 4 and 24"),
        ({"inverse": 25}, "inverse = 25: must be between 4 and 24"),
        ({"inverse": True}, "inverse"),
        ({"features": 64}, "inverse: 65 weights: .* at most 64; without `inverse` steps have up to 256"),
        (
            {"features": 63, "inverse": 6},
            "inverse = 6: of 64 weights .* .*; declare at least 8 bits, or use at most 30 feat",
        ),
        (
            {"x_bits": 14, "fixed_point": FineScales(x_bits=14, w_bits=22, p_bits=20), "grid": 20},
            r"inverse = 12: second derivatives could pass 2\^62 at fixed_point.x_bits = 14",
        ),
    ],
    ids=str,
)
def test_what_is_no_inverse_is_refused_by_name(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ParameterError, match=reason):
        compiled(**changes)


@pytest.mark.parametrize("l2", [4e-5, 1e-4, 0.001, 1 / 32, 0.5, 8.0])
@pytest.mark.parametrize("features", [1, 63])
@pytest.mark.parametrize(("x_bits", "w_bits", "p_bits"), [(10, 32, 28), (12, 30, 27), (8, 34, 26)])
def test_no_expression_can_wrap_and_scales_follow_from_the_spec(
    l2: float, features: int, x_bits: int, w_bits: int, p_bits: int
) -> None:
    scales, modulus = set(), (1 << 64) - (1 << 32) + 1
    fixed = FineScales(x_bits=x_bits, w_bits=w_bits, p_bits=p_bits)
    for rows in (258, 259, 702):
        own = compiled(
            rows, features, x_bits, l2=l2, grid=w_bits, steps=8, distances=(1 << 20,), fixed_point=fixed, inverse=10
        )
        inverse = inverse_in(own)
        step = int(np.diff(own.edges).max())
        largest = (own.live.count * step << (own.raised + 2 * x_bits)) + (own.penalty << 32)
        assert largest <= inverse.largest < 1 << 62
        assert largest + (1 << (inverse.shift - 1)) < 1 << (inverse.shift + 31)
        assert inverse.scale == own.inverse_scale + 32 - inverse.shift <= 55
        sums = own.width * (1 << 25) * (1 << 31)
        assert sums <= 1 << 62 and sums + (1 << inverse.scale) + (1 << inverse.error_bits) < modulus
        for each in own.steps:
            assert each.cut_bits + each.update_bits == own.inverse_scale and each.gradient_bits == 32
            assert each.cut_bits <= 31 and each.update_bits + own.weight_bits <= 62
            assert sums + (1 << (each.update_bits + own.weight_bits)) + (2 << each.update_bits) < modulus
        assert 0 < inverse.relative_error(own.width) <= Fraction(1, 2)
        scales.add((own.inverse_scale, inverse.shift, inverse.scale, inverse.error_bits))
    assert len(scales) == 1


def test_a_steps_first_gradient_has_32_bits_and_default_distances_are_those_of_rounding_alone() -> None:
    own, other = compiled(features=63, steps=2), compiled(features=63, steps=2, inverse=None)
    assert [(step.cut_bits, step.gradient_bits) for step in own.steps] == [(31, 32), (21, 32)]
    assert [(step.cut_bits, step.gradient_bits) for step in other.steps] == [(39, 24), (27, 24)]
    assert own.distances[0] == -(-(8 + 16 * isqrt(64 << 20) / isqrt(38 << 20)) // 0.01) + 4
    assert other.distances[0] < own.distances[0] and compiled(distances=(9,)).distances == (9,)


def test_the_second_derivative_is_how_the_gradient_changes() -> None:
    """Over a part of a cell, up to the rounding of predictions."""
    X, y = drawn(0)
    own = compiled(l2=0.25)
    weights = np.array([1 << 30, -(1 << 29), 3 << 28])
    found = second_derivative(X, row_values(whole(X, own) @ weights, own), own)
    move = np.array([1 << 16, 1 << 15, -(1 << 16)])
    (_, before), (_, after) = (gradient_of(X, y, at, own) for at in (weights, weights + move))
    expected = found.astype(object) @ move.astype(object) / 2**32
    rounding = 2 * ROWS * (1 << (own.raised + 10))
    assert np.abs((after - before).astype(float) - expected.astype(float)).max() < rounding
    assert np.abs(expected.astype(float)).min() > 4 * rounding


def whole(X: Any, own: NewtonCertificate) -> Any:
    return np.hstack([X, np.full((len(X), int(own.bias)), own.one)])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("far", [False, True])
def test_a_step_is_newton_s_up_to_the_error_that_is_stated(seed: int, far: bool) -> None:
    """In rationals; also by a matrix that is as far from the inverse as is declared."""
    rng, (X, y) = np.random.default_rng(seed), drawn(seed)
    own = compiled(l2=0.01, inverse=6 if far else 16)
    inverse, start = inverse_in(own), rng.integers(-(1 << 32), 1 << 32, 3)
    rows, gradient = gradient_of(X, y, start, own)
    second = second_derivative(X, rows, own)
    curvature, _ = rounded_curvature(second, inverse)
    matrix = nearest_inverse(curvature, inverse)
    if far:
        wanted = rng.choice([-1, 1], (3, 3)) * (0.99 * 2.0 ** (inverse.scale - inverse.bits))
        matrix = np.rint((np.eye(3) * 2.0**inverse.scale + wanted) @ np.linalg.inv(curvature)).astype(np.int64)
    error = inverse_values(second, matrix, inverse).error
    assert bool(np.abs(error).max() > 2 ** (inverse.scale - 7)) == far
    (step,) = run_steps(X, y, start, matrix, own)
    exact = solved([[Fraction(int(v), 2**32) for v in line] for line in second], [int(v) for v in gradient])
    off = [a - b for a, b in zip((step.weights - step.after).tolist(), exact, strict=True)]
    allowed = inverse.relative_error(3) * root_up(exact) + inverse.rounding_of(own.steps[0].cut_bits, 3)
    assert sum(v * v for v in off) <= allowed**2
    assert sum(v * v for v in off) > (inverse.relative_error(3) * root_up(exact) / 100) ** 2 or not far


def test_steps_of_several_classes_are_off_by_the_same_share_and_rounded_in_all_of_their_weights() -> None:
    """Blocks that are each as near the identity are so together: the share is that of one class."""
    names = ("a", "b", "c", "d")
    shape = DatasetShape(rows=ROWS, features=3, label_kind="categorical", label_bits=0, x_bits=10, classes=names)
    own: Any = spec_of(l2=0.25).compile(shape, Live(ROWS, (1, 3)))
    alone = compiled(features=3, l2=0.25)
    assert own.inverse == alone.inverse and own.inverse_scale == alone.inverse_scale
    assert own.step_error is not None and alone.step_error is not None
    assert own.step_error.relative == alone.step_error.relative
    assert own.step_error.rounding == 2 * alone.step_error.rounding  # the root of 16 weights, not of 4
    assert own.distances[0] > alone.distances[0]
    X, _ = drawn(5)
    X = np.hstack([X, X[:, :1]])
    y, start = np.arange(ROWS) % 4, np.random.default_rng(6).integers(-(1 << 32), 1 << 32, (4, 4))
    off, exact = [], []
    for output in range(4):
        rows, gradient = gradient_of(X, y == output, start[output], alone)
        second = second_derivative(X, rows, alone)
        matrix = nearest_inverse(rounded_curvature(second, inverse_in(alone))[0], inverse_in(alone))
        (step,) = run_steps(X, y == output, start[output], matrix, alone)
        moved = solved([[Fraction(int(v), 2**32) for v in line] for line in second], [int(v) for v in gradient])
        exact += moved
        off += [a - b for a, b in zip((step.weights - step.after).tolist(), moved, strict=True)]
    allowed = own.step_error.relative * root_up(exact) + own.step_error.rounding * (1 << 32)
    assert sum(v * v for v in off) <= allowed**2


def root_up(values: list[Fraction]) -> int:
    return isqrt(sum(v * v for v in values).__ceil__()) + 1


def solved(matrix: list[list[Fraction]], right: list[int]) -> list[Fraction]:
    """By elimination."""
    lines = [[*line, Fraction(value)] for line, value in zip(matrix, right, strict=True)]
    for i in range(len(lines)):
        lines[i] = [v / lines[i][i] for v in lines[i]]
        for j in range(len(lines)):
            if j != i:
                lines[j] = [a - lines[j][i] * b for a, b in zip(lines[j], lines[i], strict=True)]
    return [line[-1] for line in lines]


def test_a_matrix_that_is_not_near_the_inverse_is_refused_with_the_bits_it_has() -> None:
    X, y = drawn(4)
    own = compiled()
    inverse, start = inverse_in(own), np.zeros(3, dtype=np.int64)
    second = second_derivative(X, gradient_of(X, y, start, own)[0], own)
    matrix = nearest_inverse(rounded_curvature(second, inverse)[0], inverse)
    assert np.abs(inverse_values(second, matrix, inverse).error).max() < 1 << (inverse.error_bits - 1)
    with pytest.raises(TrainingError, match=r"inverse = 12: .* has 2 bits .* declare a larger l2"):
        inverse_values(second, matrix + (1 << 16), inverse)
    with pytest.raises(DataError, match="at most 26 bits"):
        run_steps(X, y, start, np.full((3, 3), 1 << 25), own)
