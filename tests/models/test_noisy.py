"""Noisy optima as they are declared: what a spec says, which integers follow, what is refused by name."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2, norm
from zkunlearn.circuits.statements.noise import pads_of
from zkunlearn.errors import FormatError, ParameterError, TrainingError
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.live import Live
from zkunlearn.models.methods.noisy import Noisy
from zkunlearn.models.methods.noisy_certificate import NoisyCertificate
from zkunlearn.models.methods.noisy_reference import noised, noisy, noisy_model
from zkunlearn.models.noise import SIGMA_BITS, noise_edges
from zkunlearn.models.scales import FineScales
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec


def shape_of(rows: int = 1000, features: int = 30, kind: str = "binary") -> DatasetShape:
    classes = ("a", "b", "c") if kind == "categorical" else ()
    return DatasetShape(rows=rows, features=features, label_kind=kind, label_bits=0, x_bits=10, classes=classes)


def compiled(
    shape: DatasetShape, forgotten: tuple[int, ...] = (), model: str = "logistic", **fields: Any
) -> NoisyCertificate:
    family = FAMILIES[model]
    method = Noisy(**({"l2": 0.001} | fields))
    return method.compile(family, method.default_scales(family), shape, Live(shape.rows, forgotten))  # type: ignore[arg-type]


def test_a_method_reads_what_it_wrote() -> None:
    own = Noisy(l2=0.001, epsilon=0.5, delta=1e-6, grid=9, distance=700, bias=False)
    assert own == Noisy.from_mapping(own.to_mapping(), "method")
    assert Noisy(l2=0.001) == Noisy(l2=0.001, epsilon=1.0, delta=1e-5, grid=8)
    with pytest.raises(FormatError, match="lacks the field 'delta'"):
        Noisy.from_mapping({name: value for name, value in own.to_mapping().items() if name != "delta"}, "method")


@pytest.mark.parametrize(("l2", "epsilon", "grid"), [(1.0, 1.0, 0), (0.01, 1.0, 5), (0.001, 1.0, 8), (0.001, 0.1, 11)])
def test_the_default_grid_follows_from_the_penalty_and_what_is_to_be_hidden(
    l2: float, epsilon: float, grid: int
) -> None:
    assert Noisy(l2=l2, epsilon=epsilon).grid_bits == grid


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"l2": 0.0}, "l2 = 0.0: must be positive"),
        ({"standardize": True}, "standardize: means and spreads change with the rows"),
        ({"penalize_intercept": False}, "penalize_intercept: must be true, or bias false"),
        ({"grid": 31}, "grid = 31: must be between 0 and 30"),
        ({"distance": -1}, "distance = -1"),
        ({"epsilon": 0.0}, "epsilon = 0.0: must be between 0.01 and 16"),
        ({"delta": 0.0}, "delta = 0.0: must be between 1e-09 and 0.1"),
        ({"delta": 1.0}, "delta = 1.0: must be between"),
        ({"epsilon": "much"}, "epsilon"),
    ],
)
def test_what_the_theorem_needs_is_asked_for_by_name(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ParameterError, match=reason):
        Noisy(**({"l2": 0.001} | changes))


@pytest.mark.parametrize("field", ["sigma", "mu"])
def test_how_large_the_noise_is_is_nobody_s_choice(field: str) -> None:
    """So it cannot be none: it is 2^11 steps of the grid, which has to be coarse enough for what it is to hide."""
    of: dict[str, Any] = {"l2": 0.001, field: 0}
    with pytest.raises(ParameterError, match=rf"unknown field {field}; fields of noisy are l2, grid, .*, distance"):
        TrainingSpec(model="logistic", method="noisy", **of)


@pytest.mark.parametrize("rows", [40, 1000, 16384, 1 << 18])
@pytest.mark.parametrize("features", [1, 30, 64])
@pytest.mark.parametrize("model", ["logistic", "probit"])
def test_the_default_hides_what_is_declared_whatever_the_numbers_are(rows: int, features: int, model: str) -> None:
    own = compiled(shape_of(rows, features), model=model)
    assert own.hidden.delta(Fraction(1)) <= Fraction(1e-5)
    assert own.hidden.mu >= Fraction(2 * own.distance, (1 << own.grid) << SIGMA_BITS)
    assert all(bound >= 0 for _, bound in own.bounds)


def test_public_integers_depend_on_rows_that_count_only() -> None:
    grown, own = compiled(shape_of(1000), tuple(range(500, 1000))), compiled(shape_of(500))
    names = ("raised", "penalty", "distances", "grid", "shift", "radius")
    assert [getattr(grown, name) for name in names] == [getattr(own, name) for name in names]
    assert grown.hidden == own.hidden


@pytest.mark.parametrize(
    ("shape", "changes", "reason"),
    [
        (shape_of(), {"grid": 2}, r"grid = 2: too fine for 31 weights and 1000 rows: .* use 4 or more"),
        (shape_of(1 << 16, 700), {"epsilon": 0.03, "delta": 1e-9}, "epsilon = 0.03: too small for 701 weights"),
        (shape_of(features=32767), {}, "32768 weights: scores of more than 32767 could pass"),
        (shape_of(kind="categorical"), {"grid": 2}, r"grid = 2: too fine for 93 weights and 1000 rows: .* use 5 or"),
        (
            shape_of(1 << 16, 700, "categorical"),
            {"epsilon": 0.06, "delta": 1e-9},
            "epsilon = 0.06: too small for 2103 weights: .* an epsilon of at least 0.12, or use at most 206 features$",
        ),
        (shape_of(kind="real"), {}, "method = 'noisy': needs labels of two classes"),
        (
            shape_of(),
            {"distance": 1 << 40},
            r"does not hide a distance of 1099511627776 to \(1.0, 1e-05\); declare a distance of at most 69555$",
        ),
        (shape_of(), {"distance": 1 << 37}, r"hide a distance of 137438953472 to \(1.0, 1e-05\); use 29 or more"),
        (
            shape_of(kind="real"),
            {"model": "linear"},
            "'noisy': not of a linear regression, .*; method = 'optimum' cert",
        ),
    ],
)
def test_what_cannot_be_hidden_or_proved_is_refused_by_name(
    shape: DatasetShape, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ParameterError, match=reason):
        compiled(shape, **changes)


def test_the_grid_that_is_advised_is_the_finest() -> None:
    compiled(shape_of(), grid=4)
    with pytest.raises(ParameterError, match="use 4 or more"):
        compiled(shape_of(), grid=3)


def test_two_floors_are_as_far_apart_as_the_sensitivity_at_most() -> None:
    rng, own = np.random.default_rng(3), compiled(shape_of(features=3), bias=False)
    for _ in range(200):
        direction = rng.normal(size=(2, 3))
        direction *= own.distance / np.linalg.norm(direction, axis=1, keepdims=True)
        near = np.trunc(direction).astype(np.int64) + rng.integers(-(1 << 30), 1 << 30)
        floors = near + own.half >> own.grid
        assert np.linalg.norm(floors[0] - floors[1]) <= float(own.hidden.mu) * (1 << SIGMA_BITS)


def test_several_classes_hide_as_one_model_of_as_many_weights() -> None:
    """What is told of any class tells of all of them: the distance is that of all weights, and so is rounding."""
    own, alone = compiled(shape_of(features=30, kind="categorical")), compiled(shape_of(features=3 * 31 - 1))
    assert (own.hidden, own.distances, own.radius) == (alone.hidden, alone.distances, alone.radius)
    one = compiled(shape_of(features=30))
    assert own.hidden.cells == 93 and own.hidden.mu > one.hidden.mu and own.distance > one.distance
    assert own.hidden.delta(Fraction(1)) <= Fraction(1e-5)


def test_two_floors_of_all_classes_are_as_far_apart_as_the_sensitivity_at_most() -> None:
    """Also where all of the distance is one class's, and where every weight is at an edge."""
    rng, own = np.random.default_rng(4), compiled(shape_of(features=2, kind="categorical"))
    reached = 0.0
    for trial in range(200):
        direction = rng.normal(size=(2, 3, 3)) * (rng.random(size=(1, 3, 1)) < 0.7 if trial % 2 else 1)
        direction *= own.distance / np.maximum(np.linalg.norm(direction.reshape(2, -1), axis=1), 1)[:, None, None]
        at = rng.integers(-(1 << 20), 1 << 20, (3, 3)) << own.grid
        floors = np.trunc(direction).astype(np.int64) + at + rng.integers(-1, 2, (3, 3)) + own.half >> own.grid
        reached = max(reached, float(np.linalg.norm(floors[0] - floors[1])))
    assert reached <= float(own.hidden.mu) * (1 << SIGMA_BITS)
    assert reached > 2 * own.distance / (1 << own.grid)  # that of rounding is needed


# The reference -------------------------------------------------------------------------------------------------------


def with_pads(shape: DatasetShape) -> NoisyCertificate:
    """Pads with most of which coins have a carry."""
    own = compiled(shape)
    return own.with_pads(tuple((1 << 62) - 1 - 7 * k for k in range(own.width)))


def balanced() -> tuple[Any, Any]:
    """Features that say nothing of labels: each row twice, under both."""
    X = np.repeat(np.random.default_rng(4).integers(-1024, 1025, (20, 3)), 2, axis=0)
    return X, np.tile([0, 1], 20)


def test_what_is_committed_satisfies_the_equations() -> None:
    X, y = balanced()
    own = with_pads(shape_of(40, 3))
    coins, edges = np.random.default_rng(5).integers(0, 1 << 62, 4), noise_edges()
    _, found = noisy(X, y, np.zeros(4, dtype=np.int64), coins, own)
    for k in range(4):
        U = (int(coins[k]) + own.pads[k]) % (1 << 62)
        assert int(coins[k]) + own.pads[k] - (int(found.carry[k]) << 62) == U == int(found.low[k] + found.above[k])
        assert edges[found.noise[k] + (1 << 15)] == found.low[k] <= U < found.high[k]
        assert found.high[k] - 1 - U == found.below[k] >= 0
        assert (found.rounded[k], found.rest[k]) == (0, own.half)
    assert noisy_model(found, own).tolist() == [[*found.noise[:3], found.noise[3] << 10]]
    assert 0 < found.carry.sum() < 5 and found.slack >= 0


def test_what_is_committed_of_several_classes_is_what_each_says_alone() -> None:
    """Coins, pads and cells output by output, in plain Python; gradients are short together."""
    rng, names = np.random.default_rng(6), tuple("abc")
    shape = shape_of(40, 3, "categorical")
    X, y = rng.integers(-1024, 1025, (40, 3)), np.arange(40) % 3
    own = compiled(shape, l2=1.0, grid=4).with_pads(tuple(rng.integers(0, 1 << 62, 12).tolist()))
    assert shape.outputs == len(names) and own.weight_count == 12
    weights, coins = np.zeros((3, 4), dtype=np.int64), rng.integers(0, 1 << 62, (3, 4))
    wide = replace(own, distances=(1 << 40,))  # near enough, wherever they are
    rows, found = noisy(X, y, weights, coins, wide)
    edges = noise_edges()
    for output in range(3):
        alone = replace(wide, outputs=1, pads=own.pads[4 * output : 4 * output + 4])
        of_rows, other = noisy(X, (y == output).astype(int), weights[output], coins[output], alone)
        assert np.array_equal(rows.z[output], of_rows.z) and np.array_equal(found.gradient[output], other.gradient)
        assert np.array_equal(found.noise[output], other.noise) and np.array_equal(found.carry[output], other.carry)
        for k in range(4):
            U = (int(coins[output, k]) + own.pads[4 * output + k]) % (1 << 62)
            noise = next(i for i in range(-(1 << 15), 1 << 15) if edges[i + (1 << 15)] <= U < edges[i + (1 << 15) + 1])
            assert noise == found.noise[output, k]
    assert found.slack == wide.radius**2 - sum(int(value) ** 2 for value in found.cut.ravel())
    published = noisy_model(found, own)
    assert published.shape == (3, 4) and published[1, 3] == found.model[1, 3] << 10


def test_noise_of_several_classes_is_a_gaussian_in_each_and_none_is_anothers() -> None:
    """Of 12 classes of 400 weights, of these coins, always the same: moments, cells, and any two classes together."""
    classes = tuple(f"c{i:02}" for i in range(12))
    shape = DatasetShape(rows=40, features=399, label_kind="categorical", label_bits=0, x_bits=10, classes=classes)
    own = compiled(shape, l2=1.0, grid=12)
    own = own.with_pads(pads_of(bytes(32), bytes(range(32)), own.weight_count))
    assert len(set(own.pads)) == own.weight_count == 4800
    coins = np.random.default_rng(8).integers(0, 1 << 62, (12, 400))
    none = np.zeros((12, 400), dtype=np.int64)
    eta = noised(none, none, coins, own).noise / (1 << SIGMA_BITS)
    assert np.abs(eta.mean(axis=1)).max() < 5 / 20 and np.abs(eta.std(axis=1) - 1).max() < 5 / 28.2
    assert abs(eta.mean()) < 5 / 4800**0.5 and abs((eta**4).mean() - 3) < 5 * (96 / 4800) ** 0.5
    together = np.asarray(np.corrcoef(eta))[np.triu_indices(12, 1)]
    assert np.abs(together).max() < 5 / 20
    counts = np.histogram(eta, [-9, *np.linspace(-2, 2, 17), 9])[0]
    cells = np.diff([0, *norm.cdf(np.linspace(-2, 2, 17)), 1]) * eta.size
    assert chi2.sf(((counts - cells) ** 2 / cells).sum(), len(counts) - 1) > 1e-3
    zero = noised(none, none, none, own).noise  # coins of zero: what the nonce draws is no other class's either
    assert len({tuple(each) for each in zero.tolist()}) == 12


def test_weights_far_from_the_optimum_have_no_certificate() -> None:
    X, y = balanced()
    own = with_pads(shape_of(40, 3))
    with pytest.raises(TrainingError, match=r"does not certify these weights, which are at most \d+ units"):
        noisy(X, y, np.full(4, 10 * own.distance), np.zeros(4), own)
    with pytest.raises(TrainingError, match="32 or more"):
        noisy(X, y, np.array([1 << 37, 0, 0, 0]), np.zeros(4), own)


def test_committed_bits_hold_every_model_there_can_be() -> None:
    for grid in (6, 20, 29):
        own = compiled(shape_of(40, 3), grid=grid)
        most = (own.largest_weight >> grid) + (1 << 15)
        bits, of_intercept = own.committed_bits
        assert most <= (1 << (bits - 1)) and most << 10 <= 1 << (of_intercept - 1)
        assert own.scales == FineScales()
