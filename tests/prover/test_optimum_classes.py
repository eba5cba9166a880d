"""Certified optima of several classes: as near as is said all together, found and rounded as each alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.errors import TrainingError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.link_certificate import OptimumCertificate
from zkunlearn.models.methods.optimum_reference import certify, settle, shortest_distance
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.witnesses.optimum import find_optimum, optimum_model
from zkunlearn.prover.witnesses.rows import Rows

from .certified import X_BITS, compiled, located, rows_of

ROWS, CLASSES = 48, 4


def certificate(rows: int, features: int, forgotten: tuple[int, ...] = (), **fields: Any) -> OptimumCertificate:
    choices: dict[str, Any] = {"model": "logistic", "method": "optimum", "l2": 0.01}
    names = tuple(map(str, range(CLASSES)))
    shape = DatasetShape(
        rows=rows, features=features, label_kind="categorical", label_bits=0, x_bits=X_BITS, classes=names
    )
    found: Any = TrainingSpec(**(choices | fields)).compile(shape, Live(rows, forgotten))
    return found


def drawn(seed: int, features: int = 2, rows: int = ROWS) -> tuple[Any, Any]:
    """Features in the whole range, and the numbers of classes that depend on them."""
    rng = np.random.default_rng(seed)
    X = rng.integers(-(1 << X_BITS), (1 << X_BITS) + 1, (rows, features))
    scores = X @ rng.normal(size=(features, CLASSES)) / (1 << X_BITS) + rng.gumbel(size=(rows, CLASSES)) / 2
    return X, scores.argmax(axis=1)


def classed(X: Any, y: Any) -> Rows:
    own = rows_of(X, y)
    return Rows(own.ids, own.by_feature, own.labels, own.blinds, own.salts, CLASSES)


@pytest.mark.parametrize("seed", range(4))
def test_no_certificate_is_further_from_all_minima_together_than_it_says(seed: int) -> None:
    X, y = drawn(seed)
    schedule = certificate(ROWS, 2, (3,), bias=bool(seed % 2), l2=0.03)
    alone = compiled(ROWS, 2, (3,), bias=bool(seed % 2), l2=0.03)
    found = find_optimum(classed(X, y), schedule).settled
    whole = np.hstack([X, np.full((ROWS, int(schedule.bias)), 1 << X_BITS)])
    squares, off = 0.0, 0.0
    for output in range(CLASSES):
        start, radius = found.weights[output], 1.0 + 2 * schedule.distances[0]
        optimum, error = located(whole, (y == output).astype(np.int64), alone, start, radius)
        squares += float(np.sum((start - optimum) ** 2))
        off += error
        half = 1 << (schedule.grid - 1)
        assert np.array_equal(np.floor((optimum + half) / (1 << schedule.grid)), found.model[output])
    assert squares**0.5 <= shortest_distance(found.gradient, schedule) + off
    assert squares**0.5 <= schedule.at_distance(found.number).distance + off


@pytest.mark.parametrize("fields", [{}, {"bias": False, "model": "probit"}], ids=str)
def test_the_prover_s_integers_are_those_of_plain_python(fields: dict[str, Any]) -> None:
    X, y = drawn(6, 3)
    schedule = certificate(ROWS, 3, (0, 7), **fields)
    found = find_optimum(classed(X, y), schedule)
    assert found.settled.weights.shape == (CLASSES, schedule.width)
    rows, settled = certify(X, y, found.settled.weights, schedule)
    for mine, plain in ((found.rows, rows), (found.settled, settled)):
        for name, value in vars(plain).items():
            assert np.array_equal(getattr(mine, name), value), name


def test_each_class_has_the_optimum_that_it_has_alone() -> None:
    """Against all others, as of two classes; the certificate is of all of them."""
    X, y = drawn(3)
    together = certificate(ROWS, 2)
    found = find_optimum(classed(X, y), together)
    model = optimum_model(together, found)
    for output in range(CLASSES):
        alone = compiled(ROWS, 2)
        own = find_optimum(rows_of(X, (y == output).astype(np.int64)), alone)
        assert np.array_equal(optimum_model(alone, own)[0], model[output])
    assert together.penalty == alone.penalty and together.raised == alone.raised
    assert together.distances[0] > alone.distances[0] and together.radius < 1 << 23


def test_one_class_that_is_far_from_its_optimum_leaves_no_certificate() -> None:
    X, y = drawn(3)
    schedule = certificate(ROWS, 2)
    settled = find_optimum(classed(X, y), schedule).settled
    for output in range(CLASSES):
        moved = settled.weights.copy()
        moved[output, 0] += 1 << 16
        with pytest.raises(TrainingError, match="no declared distance"):
            certify(X, y, moved, schedule)
    gradient = np.zeros_like(settled.gradient)
    gradient[0, 0] = gradient[-1, -1] = schedule.radius << schedule.shift
    assert settle(settled.weights, gradient, schedule, 0) is None  # of either alone there is one
    gradient[0, 0] = 0
    assert settle(settled.weights, gradient, schedule, 0) is not None


@pytest.mark.parametrize("forgotten", [(0,), (3, 7, 39)])
def test_a_removal_gives_what_a_data_set_without_the_rows_gives(forgotten: tuple[int, ...]) -> None:
    X, y = drawn(5)
    kept = [i for i in range(ROWS) if i not in forgotten]
    one = find_optimum(classed(X, y), certificate(ROWS, 2, forgotten)).settled
    other = find_optimum(classed(X[kept], y[kept]), certificate(len(kept), 2)).settled
    assert np.array_equal(one.model, other.model)


@pytest.mark.parametrize("off", [0, 1 << 20, 1 << 33])
def test_weights_that_are_near_lead_to_the_same_model(off: int) -> None:
    X, y = drawn(5)
    schedule = certificate(ROWS, 2)
    cold = find_optimum(classed(X, y), schedule)
    warm = find_optimum(classed(X, y), schedule, cold.settled.weights + off)
    assert np.array_equal(warm.settled.model, cold.settled.model)
