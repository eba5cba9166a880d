"""Optima of very many weights: what is found without a matrix of any two weights is what is found with one."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.errors import TrainingError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.link_certificate import OptimumCertificate
from zkunlearn.models.methods.newton_inverse import STEP_BITS
from zkunlearn.models.methods.optimum_reference import certify, settle
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.prover.witnesses import gram_search, linear_optimum, noisy, optimum, optimum_search, wide_search
from zkunlearn.prover.witnesses.implicit_curvature import ImplicitCurvature, solved
from zkunlearn.prover.witnesses.linear_optimum import find_linear_optimum
from zkunlearn.prover.witnesses.newton_search import second_derivative
from zkunlearn.prover.witnesses.noisy import find_noisy
from zkunlearn.prover.witnesses.optimum import find_optimum
from zkunlearn.prover.witnesses.rows import Rows
from zkunlearn.prover.witnesses.wide_search import MOST_DENSE, are_enough, found_from, nearest_wide, nearest_wide_linear

from .certified import X_BITS, compiled, drawn, rows_of

WIDE = MOST_DENSE + 50


@pytest.fixture(name="matrix_free")
def _matrix_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a single weight were very many."""
    for module in (optimum, noisy, linear_optimum):
        monkeypatch.setattr(module, "MOST_DENSE", 0)


def certificate(
    rows: int, features: int, forgotten: tuple[int, ...] = (), classes: int = 0, kind: str = "binary", **fields: Any
) -> Any:
    choices: dict[str, Any] = {"model": "logistic", "method": "optimum", "l2": 0.01}
    names = tuple(map(str, range(classes)))
    shape = DatasetShape(
        rows=rows,
        features=features,
        label_kind="categorical" if classes else kind,
        label_bits=14 if kind == "real" else 0,
        x_bits=X_BITS,
        classes=names,
    )
    return zu.TrainingSpec(**(choices | fields)).compile(shape, Live(rows, forgotten))


def curvature_of(schedule: OptimumCertificate, X: Any, y: Any) -> tuple[ImplicitCurvature, Any]:
    """Without a matrix, and the matrix."""
    problem = optimum_search.problem_of(rows_of(X, y), schedule)
    point = optimum_search.at(problem, np.arange(1, schedule.width + 1) << 27)
    return wide_search._curvature(problem, point), second_derivative(problem, point.rows) / 2.0**STEP_BITS


@pytest.mark.parametrize("bias", [True, False])
def test_products_are_those_of_the_second_derivative(bias: bool) -> None:
    """Of rows that count; what is left out has the penalty alone. Also of nothing but zeros."""
    X, y = drawn(np.random.default_rng(1), 70, 6)
    schedule = replace(compiled(70, 6, (2, 31), bias=bias), unused=(1,))
    own, matrix = curvature_of(schedule, X, y)
    for size in (0.0, 1e-9, 1.0, 1e12):
        vector = size * np.random.default_rng(2).normal(size=schedule.width)
        expected = matrix @ vector
        np.testing.assert_allclose(
            own.times(vector), expected, rtol=0, atol=1e-300 + 1e-5 * float(np.linalg.norm(expected))
        )


def spiked(size: int = 200, large: int = 5) -> Any:
    """A positive definite matrix with some large eigenvalues, as those of features that are not centred."""
    rng = np.random.default_rng(3)
    turned = np.linalg.qr(rng.normal(size=(size, size)))[0]
    values = np.concatenate([10.0 ** np.linspace(6, 3, large), rng.uniform(1, 4, size - large)])
    return (turned * values) @ turned.T


def implicit(matrix: Any) -> ImplicitCurvature:
    """With products by a matrix."""

    class Known(ImplicitCurvature):
        def times(self, vector: Any) -> Any:
            return matrix @ vector

    nothing: Any = None
    return Known(nothing, nothing, 1.0, 1.0, np.zeros(0), len(matrix))


def test_large_eigenvalues_are_found_and_taken_out() -> None:
    """Then conjugate gradients take a fraction of the products, to the same end."""
    matrix = spiked()
    rounded = implicit(matrix).rounded
    np.testing.assert_allclose(np.sort(rounded.values)[::-1][:5], np.linalg.eigvalsh(matrix)[::-1][:5], rtol=0.05)
    right, products = np.random.default_rng(4).normal(size=len(matrix)), [0, 0]

    def counted(which: int) -> Callable[[Any], Any]:
        def times(vector: Any) -> Any:
            products[which] += 1
            return matrix @ vector

        return times

    plain = solved(counted(0), right, lambda vector: vector, near=1e-6)
    found = solved(counted(1), right, rounded.inverse_times, near=1e-6)
    for own in (plain, found):
        assert np.linalg.norm(matrix @ own - right) <= 1.1e-6 * np.linalg.norm(right)
    assert 2 * products[1] < products[0]


def test_weights_are_moved_by_units_until_a_gradient_is_short() -> None:
    """What rounding them leaves along the largest eigenvalues is most of it."""
    matrix = spiked()
    off = np.random.default_rng(5).uniform(-0.5, 0.5, len(matrix))
    gradient = np.rint(matrix @ off).astype(np.int64)
    own = implicit(matrix)
    moves = own.moves(gradient)
    assert np.linalg.norm(gradient + matrix @ moves) < np.linalg.norm(gradient) / 20
    assert 0 < np.abs(moves).sum() < len(matrix)
    assert not own.moves(np.zeros(len(matrix), dtype=np.int64)).any()


@pytest.mark.parametrize(
    "fields", [{}, {"bias": False, "model": "probit"}, {"l2": 0.3}, {"forgotten": (0, 7, 39)}], ids=str
)
def test_a_model_without_a_matrix_is_the_one_with_it(matrix_free: None, fields: dict[str, Any]) -> None:
    """And its integers are those of plain Python."""
    X, y = drawn(np.random.default_rng(6), 90, 7)
    schedule = compiled(90, 7, **fields)
    (dense,) = optimum_search.nearest_optima(rows_of(X, y), schedule)
    found = find_optimum(rows_of(X, y), schedule)
    assert np.array_equal(found.settled.model, settle(dense.weights, dense.gradient, schedule, 0).model)
    rows, settled = certify(X, y, found.settled.weights, schedule)
    for mine, plain in ((found.rows, rows), (found.settled, settled)):
        for name, value in vars(plain).items():
            assert np.array_equal(getattr(mine, name), value), name


def test_so_is_that_of_several_classes(matrix_free: None) -> None:
    rng = np.random.default_rng(7)
    X, y = drawn(rng, 80, 4)[0], rng.integers(0, 3, 80)
    own = rows_of(X, y)
    rows = Rows(own.ids, own.by_feature, own.labels, own.blinds, own.salts, 3)
    schedule = certificate(80, 4, (3,), classes=3)
    found = find_optimum(rows, schedule).settled
    dense = optimum_search.nearest_optima(rows, schedule)
    half = 1 << (schedule.grid - 1)
    assert np.array_equal(found.model, np.stack([point.weights for point in dense]) + half >> schedule.grid)
    again = find_optimum(rows, schedule, found.model << schedule.grid).settled
    assert np.array_equal(again.model, found.model)


def test_so_is_that_of_linear_models(matrix_free: None) -> None:
    rng = np.random.default_rng(8)
    X = rng.integers(-(1 << X_BITS), (1 << X_BITS) + 1, (120, 9))
    y = np.clip(X @ rng.normal(size=9) * 2 + rng.normal(size=120) * 2000, -30000, 30000).astype(np.int64)
    choices: tuple[dict[str, Any], ...] = ({}, {"bias": False, "l2": 1e-4})
    for fields in choices:
        schedule = certificate(120, 9, (5, 17), kind="real", model="linear", **fields)
        found = find_linear_optimum(rows_of(X, y), schedule)
        dense, values = gram_search.nearest_linear(rows_of(X, y), schedule)
        half = 1 << (schedule.grid - 1)
        assert np.array_equal(found.settled.model, dense.weights + half >> schedule.grid)
        assert found.rows.z.shape == values.z.shape
        assert np.array_equal(gram_search.joined_gradient(problem_sums(X, y, found, schedule)), found.settled.gradient)


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_it_gets_as_near_as_with_a_matrix(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Also where features are far from centred, and rounding leaves more along one eigenvalue than all others."""
    monkeypatch.setattr(wide_search, "are_enough", lambda *_: False)
    rng = np.random.default_rng(seed)
    X = rng.integers(0, (1 << X_BITS) + 1, (96, 600))
    y = (X @ rng.normal(size=600) > 0).astype(np.int64)
    schedule = certificate(96, 600, model="linear", l2=0.05)
    wide, _ = nearest_wide_linear(rows_of(X, y), schedule)
    dense, _ = gram_search.nearest_linear(rows_of(X, y), schedule)
    assert wide.size < 2 * dense.size


def problem_sums(X: Any, y: Any, found: Any, schedule: Any) -> Any:
    """G_i by the way of fewer weights."""
    own = gram_search._Problem(*gram_search.plain_sums(rows_of(X, y), schedule), schedule)
    return own.sums(found.settled.weights)


def test_a_linear_weight_out_of_range_is_refused_by_name(matrix_free: None) -> None:
    X = np.ones((8, 1), dtype=np.int64)
    fields: dict[str, Any] = {"model": "linear", "bias": False, "l2": 1e-8, "grid": 36}
    with pytest.raises(TrainingError, match=r"a weight of the optimum is 2048 or more; use a larger l2$"):
        find_linear_optimum(rows_of(X, np.full(8, (1 << 15) - 1)), certificate(8, 1, kind="count", **fields))


def test_it_is_begun_from_weights_that_are_near_and_from_zeros_where_they_are_not(matrix_free: None) -> None:
    X, y = drawn(np.random.default_rng(9), 90, 7)
    schedule, before = compiled(90, 7, (3, 5)), find_optimum(rows_of(X, y), compiled(90, 7)).settled
    cold = find_optimum(rows_of(X, y), schedule).settled
    passes, plain = [], wide_search.at
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wide_search, "at", lambda *own: passes.append(1) or plain(*own))
        for near in (None, before.model << schedule.grid, before.weights + (1 << 36)):  # of the last scores are beyond
            passes.append(0)
            found = find_optimum(rows_of(X, y), schedule, near).settled
            assert np.array_equal(found.model, cold.model)
    cuts = np.flatnonzero(np.array(passes) == 0)
    alone, warm, far = (len(own) - 1 for own in np.split(passes, cuts)[1:])
    assert warm < alone <= far


def test_a_search_ends_where_a_certificate_is_sure_and_not_before() -> None:
    """At any of the distances, as an edge is nearer to one of many weights than the longest."""
    X, y = drawn(np.random.default_rng(10), 90, 7)
    plain, rng, seen = compiled(90, 7), np.random.default_rng(1), set()
    (point,) = nearest_wide(rows_of(X, y), plain)
    problem = optimum_search.problem_of(rows_of(X, y), plain)
    for grid in range(9, 16):
        for spread in (0, 1, 8, 32, 128, 1 << 10, 1 << 24):
            moved = optimum_search.at(problem, point.weights + rng.integers(-spread, spread + 1, plain.width))
            own = replace(plain, grid=grid)
            settles = [settle(moved.weights, moved.gradient, own, i) is not None for i in range(len(own.distances))]
            assert not are_enough([moved], own) or any(settles)
            seen.add(settles.index(True) if are_enough([moved], own) else -1)
    assert {-1, 0} < seen


def test_a_step_too_far_is_halved_and_one_that_stays_beyond_is_said() -> None:
    """Scores are out of the table where a step leads: nearer ones are tried."""
    schedule, tried = compiled(40, 1, bias=False), []

    def through(weights: Any) -> Any:
        tried.append(int(weights[0]))
        if abs(weights[0]) > limit:
            raise TrainingError("a score is beyond the table")
        gradient = np.abs(weights - (1 << 20)) * schedule.penalty
        return wide_search.Point(weights, None, gradient, float(gradient[0]))  # type: ignore[arg-type]

    limit = 1 << 22
    start = through(np.zeros(1, dtype=np.int64))
    found = wide_search._stepped(through, start, np.array([-(1 << 25)]))
    assert found is not None and found.weights[0] == 1 << 20 and tried[1] == 1 << 25
    assert wide_search._stepped(through, start, np.array([1 << 21])) is None  # the wrong way: never shorter
    limit = -1
    with pytest.raises(TrainingError, match="beyond the table"):
        wide_search._stepped(through, start, np.array([-(1 << 25)]))


def test_a_search_that_gets_no_nearer_ends() -> None:
    """What it found is polished, and whoever certifies says what is missing."""
    schedule, points = replace(compiled(40, 1, bias=False), distances=(1,)), []

    def through(weights: Any) -> Any:
        points.append(weights)
        gradient = np.full(1, 1 << 40)
        return wide_search.Point(weights, None, gradient, float(gradient[0]))  # type: ignore[arg-type]

    start = through(np.zeros(1, dtype=np.int64))
    assert (
        found_from(through, start, lambda _: implicit(np.eye(1)), schedule, lambda _: False) is start
        and len(points) < 30
    )


# In fact wide ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", name="table")
def _table() -> tuple[Any, Any]:
    rng = np.random.default_rng(11)
    X = rng.integers(0, (1 << X_BITS) + 1, (96, WIDE))
    return X, (X @ rng.normal(size=WIDE) > 0).astype(np.int64)


@pytest.fixture(name="traced")
def _traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def test_no_matrix_of_any_two_weights_is_made_and_a_removal_is_as_if_rows_had_never_been(
    table: tuple[Any, Any], traced: None
) -> None:
    """Bit for bit: also from the model before."""
    X, y = table
    kept = [i for i in range(96) if i not in (4, 50)]
    whole, part = (compiled(96, WIDE, own, l2=0.05, grid=28) for own in ((), (4, 50)))
    before = find_optimum(rows_of(X, y), whole).settled
    after = find_optimum(rows_of(X, y), part, before.model << part.grid).settled
    scratch = find_optimum(rows_of(X[kept], y[kept]), compiled(94, WIDE, l2=0.05, grid=28)).settled
    assert tracemalloc.get_traced_memory()[1] < WIDE * WIDE  # a byte for any two
    assert np.array_equal(after.model, scratch.model) and not np.array_equal(after.model, before.model)


def test_noise_hides_very_many_weights(table: tuple[Any, Any]) -> None:
    X, y = table
    hidden = certificate(96, WIDE, method="noisy", l2=0.05)
    found = find_noisy(rows_of(X, y), hidden).noised
    assert found.slack >= 0 and len(found.weights) == WIDE + 1


def test_linear_models_have_optima_of_very_many_weights(table: tuple[Any, Any], traced: None) -> None:
    X, y = table
    schedule = certificate(96, WIDE, (9,), kind="binary", model="linear", l2=0.05, grid=30)
    settled = find_linear_optimum(rows_of(X, y), schedule).settled
    assert settled.slack >= 0 and np.abs(settled.model).max() > 1
    assert tracemalloc.get_traced_memory()[1] < WIDE * WIDE


def test_the_proof_of_a_wide_model_is_verified(table: tuple[Any, Any]) -> None:
    X, y = table
    names = [f"c{k}" for k in range(WIDE)]
    dataset = zu.commit(X / (1 << X_BITS), y, names=names, bounds=dict.fromkeys(names, (-1.0, 1.0)), openings=2)
    spec = zu.TrainingSpec(model="logistic", method="optimum", l2=0.05, grid=28)
    trained = zu.prove(dataset, spec)
    report = zu.verify(trained.proof, dataset.commitment, spec=spec)
    assert report.security_bits > 100 and trained.model.score(X / (1 << X_BITS), y) > 0.9
