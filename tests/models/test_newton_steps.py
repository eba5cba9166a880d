"""Newton's steps as they are declared: what a spec says, which integers follow, what is refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.errors import DataError, ParameterError, TrainingError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.newton_reference import run_steps, starting_weights
from zkunlearn.models.methods.newton_steps import NewtonCertificate
from zkunlearn.models.scales import FineScales
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec

FIVE_LINES = """
[model]
kind = "logistic"
[method]
kind = "newton"
l2 = 0.001
"""


def spec_of(**fields: Any) -> TrainingSpec:
    choices: dict[str, Any] = {"model": "logistic", "method": "newton", "l2": 0.001}
    return TrainingSpec(**(choices | fields))


def shape_of(rows: int = 1000, features: int = 30, kind: str = "binary") -> DatasetShape:
    classes = ("a", "b", "c") if kind == "categorical" else ()
    bits = 14 if kind == "real" else 0
    return DatasetShape(rows=rows, features=features, label_kind=kind, label_bits=bits, x_bits=10, classes=classes)


def compiled(spec: TrainingSpec, shape: DatasetShape, forgotten: tuple[int, ...] = ()) -> NewtonCertificate:
    found: Any = spec.compile(shape, Live(shape.rows, forgotten))
    return found


def test_five_lines_are_a_spec() -> None:
    spec = TrainingSpec.from_toml(FIVE_LINES)
    assert spec == spec_of() == TrainingSpec.from_toml(spec.to_toml()) == TrainingSpec.from_mapping(spec.to_mapping())
    assert spec.fixed_point == FineScales() and spec.weight_bits == 32 - 26
    listed = spec_of(distances=(500, 20), grid=24, bias=False, steps=3)
    assert listed == TrainingSpec.from_toml(listed.to_toml()) == TrainingSpec.from_mapping(listed.to_mapping())
    assert listed != spec_of(distances=(500, 20), grid=24, bias=False)


@pytest.mark.parametrize(
    ("changes", "shape", "reason"),
    [
        ({"steps": 0}, {}, "steps = 0: must be between 1 and 8"),
        ({"steps": 9}, {}, "steps = 9: must be between 1 and 8"),
        ({"l2": 0.0}, {}, "l2 = 0.0: must be positive"),
        ({}, {"features": 256}, "257 weights: the matrix of steps .* at most 256; method = 'optimum'"),
        ({"l2": 3e-6, "grid": 32}, {}, "l2 = 3e-06: too small for steps"),
        ({"model": "linear"}, {"kind": "real"}, "'newton': not of a linear regression, .*; method = 'optimum' cert"),
        ({"model": "poisson"}, {"kind": "count"}, "'poisson': the optimum of a Poisson regression cannot"),
        (
            {},
            {"kind": "categorical", "features": 85},
            "258 weights of 3 classes: .* proved of at most 256; method = 'opt",
        ),
        ({"inverse": 12}, {"kind": "categorical", "features": 21}, "inverse: 66 weights of 3 classes: .* at most 64"),
        ({}, {"kind": "real"}, "method = 'newton': needs labels of two classes"),
    ],
)
def test_what_has_no_steps_is_refused_by_name(changes: Any, shape: Any, reason: str) -> None:
    with pytest.raises(ParameterError, match=reason):
        compiled(spec_of(**changes), shape_of(**shape))


@pytest.mark.parametrize("l2", [5e-6, 1e-4, 0.001, 1 / 32, 0.5, 8.0])
@pytest.mark.parametrize("features", [1, 255])
def test_no_expression_of_a_step_can_wrap_and_scales_follow_from_the_spec(l2: float, features: int) -> None:
    scales = set()
    for count in (255, 256, 257, 700):
        own = compiled(spec_of(l2=l2, grid=32, steps=8, distances=(1 << 20,)), shape_of(count, features))
        scales.add(own.inverse_scale)
        assert 1 << own.inverse_scale < own.penalty << 31  # the inverse's largest entry is below 2^31
        for t, step in enumerate(own.steps):
            assert step.cut_bits + step.update_bits == own.inverse_scale and 1 <= step.update_bits <= 24
            assert step.shift == max(39 - 12 * t, own.inverse_scale - 24)
            sums = own.width * (1 << 31) * (1 << 23)
            assert sums + (1 << (step.update_bits + 38)) + (1 << (step.update_bits + 1)) < (1 << 64) - (1 << 32) + 1
            assert own.largest_gradient < 1 << 62
        assert len(own.bounds) == 25
    assert len(scales) == 1


def test_steps_begin_from_weights_that_are_coarse_enough() -> None:
    own = compiled(spec_of(), shape_of())
    assert own.steps[0].bits_of_weights == (38, 38) and own.steps[0].units == (1, 1)
    begun = own.begun((6,))
    assert begun.steps[0].bits_of_weights == (12, 22) and begun.steps[0].units == (1 << 26, 1 << 16)
    assert own.begun((22,)).steps[0].units == (1 << 10, 1)
    for scale in (33, -1):
        with pytest.raises(ParameterError, match=f"multiples of 2\\^-{scale}; steps begin from multiples of 2\\^-32"):
            own.begun((scale,))
    with pytest.raises(ParameterError, match="2 models; steps begin from one"):
        own.begun((6, 6))
    other = TrainingSpec(model="logistic", method="optimum", l2=0.001).compile(shape_of(), Live(1000))
    with pytest.raises(ParameterError, match="start: a model at a scale"):
        other.begun((6,))


@pytest.mark.parametrize(("scale", "bits", "unit"), [(22, 38, 1), (24, 38, 4), (29, 38, 128), (32, 38, 1024)])
def test_an_intercept_of_a_finer_scale_is_taken_in_whole_units(scale: int, bits: int, unit: int) -> None:
    own = compiled(spec_of(), shape_of(features=1)).begun((scale,))
    first = own.steps[0]
    assert first.bits_of_weights == (6 + scale, bits) and first.units == (1 << (32 - scale), 1)
    assert first.intercept_unit == unit and own.begun((6,)).steps[0].intercept_unit == 1
    assert starting_weights(np.array([3, -5 * unit]), own).tolist() == [3 << (32 - scale), -5]
    if unit > 1:
        with pytest.raises(TrainingError, match=r"intercept of the superseded model, .* is no multiple of 2\^-32"):
            starting_weights(np.array([3, -5 * unit + unit // 2]), own)


def test_a_model_is_taken_at_its_scale_and_refused_beyond_the_range() -> None:
    own = compiled(spec_of(), shape_of(features=1)).begun((6,))
    assert starting_weights(np.array([3, -5 << 10]), own).tolist() == [3 << 26, -5 << 26]
    assert starting_weights(np.array([-(1 << 11), 0]), own).tolist() == [-(1 << 37), 0]
    for weights in ([1 << 11, 0], [0, 1 << 21]):
        with pytest.raises(TrainingError, match=r"of the superseded model, .* is 32 or more"):
            starting_weights(np.array(weights), own)


def test_a_step_is_the_rounded_product_of_matrix_and_gradient() -> None:
    """On one row of zeros, where a gradient is that of the penalty and of the bias."""
    own = compiled(spec_of(l2=0.5), shape_of(1, 1))
    start, matrix = np.array([1 << 33, 0]), [[1 << 20, 5], [-7, 1 << 30]]
    (found,) = run_steps([[0]], [1], start, matrix, own)
    gradient, g, h = [own.penalty << 33, -(1 << (own.raised + 10 + 27))], own.steps[0].shift, own.steps[0].update_bits
    assert found.cut.tolist() == [(value + (1 << (g - 1))) >> g for value in gradient]
    assert ((found.cut << g) + found.cut_rest - (1 << (g - 1))).tolist() == gradient
    moved = [sum(p * int(cut) for p, cut in zip(line, found.cut, strict=True)) + (1 << (h - 1)) for line in matrix]
    assert (found.weights - found.after).tolist() == [value >> h for value in moved]
    assert found.remainder.tolist() == [value % (1 << h) for value in moved]
    with pytest.raises(DataError, match="at most 32 bits"):
        run_steps([[0]], [1], start, [[1 << 31, 0], [0, 0]], own)
    with pytest.raises(DataError, match="shapes"):
        run_steps([[0]], [1], start, [[1]], own)
    with pytest.raises(TrainingError, match="a weight after step 1 is 32 or more"):
        run_steps([[0]], [1], [1 << 36, 0], [[-(1 << 31), 0], [0, 0]], own)


def test_steps_of_several_classes_are_those_of_each_with_a_matrix_of_its_own() -> None:
    rng, shape = np.random.default_rng(5), shape_of(40, 2, "categorical")
    own = compiled(spec_of(l2=0.5), shape)
    assert compiled(spec_of(), shape_of(features=84, kind="categorical")).weight_count == 255  # all that there can be
    X, y = rng.integers(-1024, 1025, (40, 2)), np.arange(40) % 3
    start = rng.integers(-(1 << 33), 1 << 33, (3, 3))
    matrix = rng.integers(-(1 << 12), 1 << 12, (3, 3, 3)) + np.eye(3, dtype=np.int64) * (1 << 28)
    found = run_steps(X, y, start, matrix, own)
    alone: Any = replace(own, outputs=1)
    for output in range(3):
        each = run_steps(X, y == output, start[output], matrix[output], alone)
        for step, other in zip(found, each, strict=True):
            for name in ("weights", "cut", "cut_rest", "remainder", "after"):
                assert np.array_equal(getattr(step, name)[output], getattr(other, name)), name
            assert np.array_equal(step.rows.z[output], other.rows.z)
    begun = own.begun((6,))
    model = np.array([[3, -4, 5 << 10], [1, 0, -2 << 10], [7, 7, 0]])
    weights = starting_weights(model, begun)
    assert weights[1].tolist() == [1 << 26, 0, -2 << 26]
    model[2, 0] = 1 << 11
    with pytest.raises(TrainingError, match=r"of the superseded model, .* is 32 or more"):
        starting_weights(model, begun)


def test_later_gradients_have_to_be_shorter() -> None:
    own = compiled(spec_of(l2=0.5, steps=2), shape_of(1, 1))
    with pytest.raises(TrainingError, match="step 2: a gradient as long as this"):
        run_steps([[0]], [1], [1 << 36, 0], [[0, 0], [0, 0]], own)
