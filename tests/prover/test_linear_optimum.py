"""Certified optima of linear models: no further from the exact minimum than is said, and its rounding."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.errors import DataError, TrainingError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.gram_certificate import LinearOptimumCertificate
from zkunlearn.models.methods.gram_reference import certify_linear
from zkunlearn.models.methods.optimum_reference import shortest_distance
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.prover.witnesses.gram_search import nearest_linear
from zkunlearn.prover.witnesses.linear_optimum import find_linear_optimum

from .certified import X_BITS, rows_of

RANGES = {"real": (-(1 << 15), 1 << 15), "binary": (0, 2), "count": (0, 1 << 16)}


def compiled(
    rows: int, features: int, forgotten: tuple[int, ...] = (), kind: str = "real", bits: int = 14, **fields: Any
) -> LinearOptimumCertificate:
    spec = zu.TrainingSpec(model="linear", method="optimum", **({"l2": 0.01} | fields))
    own = bits if kind == "real" else 0
    names = tuple(f"x{i + 1}" for i in range(features))
    shape = DatasetShape(rows=rows, features=features, label_kind=kind, label_bits=own, x_bits=X_BITS, names=names)
    found: Any = spec.compile(shape, Live(rows, forgotten))
    return found


def drawn(rng: np.random.Generator, rows: int, features: int, kind: str = "real") -> tuple[Any, Any]:
    """Features and labels in the whole range; features that say nearly the same among them."""
    X = rng.integers(-(1 << X_BITS), (1 << X_BITS) + 1, (rows, features))
    if features > 1 and rng.random() < 0.3:
        X[:, 1] = np.clip(X[:, 0] + rng.integers(-2, 3, rows), -(1 << X_BITS), 1 << X_BITS)
    low, high = RANGES[kind]
    scores = (X @ rng.normal(size=features) / (1 << X_BITS) / 4 + 0.5 + rng.normal(size=rows) / 8) * (high - low) + low
    return X, np.clip(scores, low, high - 1).astype(np.int64)


def case(seed: int) -> tuple[Any, Any, LinearOptimumCertificate]:
    """Features, labels and public integers, of all kinds."""
    rng = np.random.default_rng(seed)
    rows, features = int(rng.integers(3, 60)), int(rng.integers(1, 5))
    kind = ("real", "real", "count", "binary")[seed % 4]
    X, y = drawn(rng, rows, features, kind)
    forgotten = tuple(sorted(rng.choice(rows, size=int(rng.integers(0, 3)), replace=False).tolist()))
    fields: dict[str, Any] = {
        "bias": bool(rng.integers(2)),
        "l2": float(10 ** rng.uniform(-3 if kind == "count" else -4, 1)),
    }
    if kind == "count":
        fields["fixed_point"] = zu.FineScales(w_bits=28)  # weights up to 2^19
    if features > 2 and rng.random() < 0.3:
        fields["without"] = ["x2"]
    return X, y, compiled(rows, features, forgotten, kind, int(rng.integers(8, 16)), **fields)


def exact_optimum(X: Any, y: Any, own: LinearOptimumCertificate) -> list[Fraction]:
    """The minimum in rationals, in units of 2^-w: Gauss's elimination on the declared sums."""
    features = np.asarray(X).astype(object).copy()
    features[:, list(own.unused)] = 0
    if own.bias:
        features = np.hstack([features, np.full((len(features), 1), 1 << X_BITS, dtype=object)])
    features, labels = features[own.live.mask()], np.asarray(y).astype(object)[own.live.mask()]
    k, power = features.shape[1], 1 << own.raised
    system = [[Fraction(int(v)) for v in row] for row in power * (features.T @ features)]
    right = [Fraction(int(v)) for v in (power << own.label_shift) * (features.T @ labels)]
    for i in range(k):
        system[i][i] += own.penalty
    for i in range(k):  # the matrix is positive definite: no pivots
        for j in range(i + 1, k):
            share = system[j][i] / system[i][i]
            system[j] = [a - share * b for a, b in zip(system[j], system[i], strict=True)]
            right[j] -= share * right[i]
    found = [Fraction(0)] * k
    for i in reversed(range(k)):
        found[i] = (right[i] - sum(system[i][j] * found[j] for j in range(i + 1, k))) / system[i][i]
    return found


def check_distance(seed: int) -> bool:
    """Whether there was a certificate."""
    X, y, schedule = case(seed)
    try:
        found = find_linear_optimum(rows_of(X, y), schedule).settled
    except TrainingError as error:  # an edge of the grid is near, which is said
        assert "no declared distance" in str(error)
        return False
    optimum = exact_optimum(X, y, schedule)
    squared = sum((int(w) - best) ** 2 for w, best in zip(found.weights, optimum, strict=True))
    assert squared <= shortest_distance(found.gradient, schedule) ** 2
    assert squared <= schedule.at_distance(found.number).distance ** 2
    half, unit = 1 << (schedule.grid - 1), 1 << schedule.grid
    assert [(best + half) // unit for best in optimum] == found.model.tolist()
    return True


@pytest.mark.parametrize("seed", range(24))
def test_no_certificate_is_further_from_the_minimum_than_it_says(seed: int) -> None:
    """And the model is the rounding of the exact one."""
    check_distance(seed)


@pytest.mark.slow
def test_none_of_a_thousand_is() -> None:
    assert sum(check_distance(seed) for seed in range(1000, 2000)) > 950


@pytest.mark.parametrize("seed", range(4))
def test_the_prover_s_integers_are_those_of_plain_python(seed: int) -> None:
    X, y, schedule = case(seed)
    found = find_linear_optimum(rows_of(X, y), schedule)
    values, settled = certify_linear(X, y, found.settled.weights, schedule)
    for mine, plain in ((found.rows, values), (found.settled, settled)):
        for name, value in vars(plain).items():
            assert np.array_equal(getattr(mine, name), value), name


@pytest.mark.parametrize("seed", range(4))
def test_weights_from_elsewhere_are_rounded_alike_or_have_no_certificate(seed: int) -> None:
    X, y, schedule = case(seed)
    found = find_linear_optimum(rows_of(X, y), schedule)
    rng, same = np.random.default_rng(seed), 0
    for spread in (1, 64, 512, 1 << 40):
        moved = found.settled.weights + rng.integers(-spread, spread + 1, schedule.width)
        try:
            other = certify_linear(X, y, moved, schedule)[1]
        except TrainingError:
            continue
        same += 1
        assert np.array_equal(other.model, found.settled.model)
    assert 0 < same < 4


@pytest.mark.parametrize("forgotten", [(), (0,), (3, 7, 39)])
def test_a_removal_gives_what_a_data_set_without_the_rows_gives(forgotten: tuple[int, ...]) -> None:
    """Also a recommitment of the rows that are left, which are fewer."""
    X, y = drawn(np.random.default_rng(5), 40, 2)
    kept = [i for i in range(40) if i not in forgotten]
    one = find_linear_optimum(rows_of(X, y), compiled(40, 2, forgotten)).settled
    other = find_linear_optimum(rows_of(X[kept], y[kept]), compiled(len(kept), 2)).settled
    assert np.array_equal(one.weights, other.weights) and np.array_equal(one.model, other.model)


@pytest.mark.parametrize("features", [1, 8, 64])
def test_polished_weights_are_well_within_the_default_distance(features: int) -> None:
    """Of features of which nothing is to be gained: -1 and 1, independent; and of others."""
    rng = np.random.default_rng(features)
    for X in (rng.integers(0, 2, (300, features)) * 2 - 1) << X_BITS, rng.integers(0, 1025, (300, features)):
        for l2 in (1e-3, 0.1, 10.0):
            schedule = compiled(300, features, l2=l2, grid=36)
            point, _ = nearest_linear(rows_of(X, rng.integers(-8000, 8000, 300)), schedule)
            assert point.size < 0.75 * schedule.penalty * schedule.distances[0]


def test_weights_without_room_are_refused_by_name() -> None:
    """A label of 60,000 for a feature of a thousandth."""
    X, y = np.full((4, 1), 1), np.full(4, 60_000)
    schedule = compiled(4, 1, kind="count", bias=False, l2=1e-6, grid=36)
    with pytest.raises(TrainingError, match=r"a weight of the optimum is 2048 or more; use a larger l2$"):
        find_linear_optimum(rows_of(X, y), schedule)
    with pytest.raises(TrainingError, match="a weight of the optimum is 2048 or more"):
        certify_linear(X, y, [1 << 47], schedule)
    with pytest.raises(TrainingError, match="no declared distance"):
        certify_linear(X, y, [(1 << 47) - 1], schedule)


def test_arrays_of_other_shapes_are_refused() -> None:
    with pytest.raises(DataError, match="shapes"):
        certify_linear(np.zeros((3, 2)), np.zeros(4), [0, 0, 0], compiled(3, 2))


# On data that people know --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def diabetes() -> zu.Dataset:
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True)
    return zu.commit(X, y, openings=2)


def test_diabetes_is_predicted_as_by_ridge(diabetes: zu.Dataset) -> None:
    """R^2 at one l2, the intercept in the penalty of both."""
    from sklearn.linear_model import Ridge

    curve = zu.train(diabetes, zu.TrainingSpec(model="linear", method="optimum", l2=0.01)).curve
    features, labels = diabetes.rows.features / 2.0**X_BITS, diabetes.rows.labels / 2.0**14
    ones = np.hstack([features, np.ones((len(labels), 1))])
    theirs = Ridge(alpha=0.01 * len(labels), fit_intercept=False).fit(ones, labels).score(ones, labels)
    assert curve is not None and abs(curve.last.score - theirs) < 0.002 and theirs > 0.45


@pytest.mark.slow
def test_of_a_hundred_requests_nearly_all_are_certified_at_the_first_distance(diabetes: zu.Dataset) -> None:
    """One to fifty rows of diabetes: docs/exactness.md has the number."""
    spec = zu.TrainingSpec(model="linear", method="optimum", l2=0.01)
    rng, first, rows = np.random.default_rng(0), 0, diabetes.rows
    shape = diabetes.statement.encoding.shape(len(rows.labels))
    for size in rng.integers(1, 51, size=100):
        gone = np.sort(rng.choice(len(rows.labels), size=size, replace=False))
        schedule: Any = spec.compile(shape, Live(len(rows.labels), tuple(gone.tolist())))
        found = find_linear_optimum(rows, schedule).settled
        first += found.number == 0
        optimum = exact_optimum(rows.features, rows.labels, schedule)
        half, unit = 1 << (schedule.grid - 1), 1 << schedule.grid
        assert [(best + half) // unit for best in optimum] == found.model.tolist()
    assert first >= 98
