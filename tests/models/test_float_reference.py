"""Integers beside float64 beside torch: the same algorithm, on real data sets."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from zkunlearn.errors import ParameterError
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.models.families import FAMILIES, family_named
from zkunlearn.models.float_reference import accuracy, objective, r2, train_float, train_torch
from zkunlearn.models.live import Live
from zkunlearn.models.methods.one_pass_reference import exported_solution, solve
from zkunlearn.models.methods.reference import exported, train
from zkunlearn.models.scales import FixedPoint
from zkunlearn.models.spec import TrainingSpec

WEIGHT_DISTANCE = 2e-3  # of integer from float weights, relative, by norm
RUNS = {
    "full batch": {"epochs": 64, "learning_rate": 0.5},
    "l2, forgotten rows": {"epochs": 64, "learning_rate": 0.5, "l2": 1e-3, "forgotten": [0, 9, 200]},
    "mini-batches": {
        "epochs": 33,
        "learning_rate": 0.25,
        "batch_size": 32,
        "l2": 1e-3,
        "forgotten": [1, 2, 300],
    },
    "rate per epoch": {"epochs": 41, "learning_rate": tuple(0.5 / (1 + e / 40) for e in range(41))},
    "no bias": {"epochs": 31, "learning_rate": 0.3, "bias": False},
    "momentum": {"epochs": 32, "learning_rate": 0.25, "momentum": 0.5, "l2": 1e-2},
    "increasing momentum, mini-batches": {
        "epochs": 12,
        "learning_rate": tuple(0.1 / (1 + e / 10) for e in range(12)),
        "batch_size": 64,
        "momentum": "increasing",
        "l2": 1e-2,
        "penalize_intercept": True,
    },
}
WEIGHTED = {
    "weighted classes": {"epochs": 20, "learning_rate": 0.2, "class_weight": {"0": 3, "1": 1}, "l2": 1e-2},
}
ONCE_DISTANCE = 4e-4  # what rounds the model off is multiplied by powers of two where features are standardised
STANDARDIZED_DISTANCE = 6e-3  # V0 takes up to 0.8 % of a rate away, and weights have three bits less
STANDARDIZED = {
    "full batch": {"epochs": 64, "learning_rate": 0.1},
    "mini-batches, momentum, forgotten rows": {
        "epochs": 12,
        "learning_rate": 0.05,
        "batch_size": 32,
        "l2": 1e-2,
        "momentum": "increasing",
        "forgotten": [1, 2, 300],
    },
    "rate per epoch": {
        "epochs": 16,
        "learning_rate": tuple(0.1 / (1 + e / 8) for e in range(16)),
        "momentum": 0.5,
        "l2": 1e-3,
        "penalize_intercept": True,
        "forgotten": [0, 9, 200],
    },
}
MODELS = {
    "logistic": load_breast_cancer,
    "probit": load_breast_cancer,
    "linear": load_diabetes,
    "poisson": load_diabetes,
}
FINE = FixedPoint(x_bits=13, p_bits=8)


ONCE: dict[str, dict[str, Any]] = {
    "plain": {"epochs": 64, "learning_rate": 0.5, "l2": 1e-3, "forgotten": [0, 9, 200]},
    "no bias, rate per step": {
        "epochs": 30,
        "learning_rate": tuple(0.5 / (1 + t / 10) for t in range(30)),
        "bias": False,
    },
    "standardised": {"epochs": 64, "learning_rate": 0.2, "momentum": 0.7, "l2": 0.5, "standardize": True},
    "standardised, all penalised": {
        "epochs": 20,
        "learning_rate": 0.3,
        "l2": 0.1,
        "momentum": "increasing",
        "standardize": True,
        "penalize_intercept": True,
        "forgotten": [1, 2, 300],
    },
}


def run(model, forgotten=(), fixed=None, method="gradient descent", **options):
    """Train one model in integers; its weights, and what the float algorithms take."""
    X, y = MODELS[model](return_X_y=True)
    fixed, kind = fixed or FixedPoint(), None
    if model == "poisson":  # a few events for each row, and the scales that exp needs
        fixed, kind = FINE, "count"
        y = np.floor(y / 100)
        options = {**options, "learning_rate": np.asarray(options["learning_rate"]) / 2}
    names = [f"x{k}" for k in range(X.shape[1])]
    encoding = DatasetEncoding.from_data(X, y, names, label_kind=kind, x_bits=fixed.x_bits)
    rate = options.pop("learning_rate")
    spec = TrainingSpec(
        model=model,
        method=method,
        learning_rate=tuple(rate) if np.ndim(rate) else float(rate),
        fixed_point=fixed,
        **options,
    )
    schedule: Any = spec.compile(encoding.shape(len(X)), Live(len(X), tuple(forgotten)))
    X_int, y_int = encoding.encode_features(X), encoding.encode_labels(y)
    if method == "one-pass":
        integers = exported_solution(schedule, solve(X_int, y_int, schedule))
    else:
        trace = train(X_int, y_int, schedule)
        integers = exported(schedule, trace.weights[-1], trace.scaler)
    weights = integers / 2.0**fixed.w_bits
    weights[schedule.features :] /= 2.0**fixed.x_bits  # an intercept is at the scale of scores
    reals = (X_int / 2.0**fixed.x_bits, y_int / 2.0**encoding.label.label_bits)
    return weights, (*reals, spec, schedule)


@pytest.mark.parametrize("options", RUNS.values(), ids=RUNS.keys())
@pytest.mark.parametrize("model", MODELS)
def test_integer_weights_follow_the_float_ones(model, options):
    weights, arguments = run(model, **options)
    reference = train_float(*arguments)
    assert np.linalg.norm(weights - reference) <= WEIGHT_DISTANCE * np.linalg.norm(reference)
    X, y, spec, schedule = arguments
    live = schedule.live.mask()
    assert objective(X, y, live, weights, spec) == pytest.approx(objective(X, y, live, reference, spec), rel=1e-3)
    assert objective(X, y, live, weights, spec) < objective(X, y, live, np.zeros_like(weights), spec)
    if model in ("logistic", "probit"):
        assert abs(accuracy(X, y, weights, spec) - accuracy(X, y, reference, spec)) <= 1.001 / len(y)
        assert accuracy(X, y, weights, spec) > 0.9
    else:
        assert abs(r2(X, y, weights, spec) - r2(X, y, reference, spec)) <= 0.002


@pytest.mark.parametrize("options", STANDARDIZED.values(), ids=STANDARDIZED.keys())
@pytest.mark.parametrize("model", ["logistic", "probit", "linear"])
def test_integer_weights_follow_the_float_ones_on_standardised_features(model, options):
    weights, arguments = run(model, fixed=FixedPoint(x_bits=12, w_bits=13, p_bits=14), standardize=True, **options)
    reference = train_float(*arguments)
    assert np.linalg.norm(weights - reference) <= STANDARDIZED_DISTANCE * np.linalg.norm(reference)
    assert np.allclose(train_torch(*arguments), reference, rtol=0, atol=1e-12)
    X, y, spec, schedule = arguments
    plain = train_float(X, y, replace(spec, method=replace(spec.method, standardize=False)), schedule)
    assert np.linalg.norm(weights - plain) > 0.1 * np.linalg.norm(reference), "another algorithm"


@pytest.mark.parametrize("options", ONCE.values(), ids=ONCE.keys())
def test_integer_weights_of_one_pass_follow_the_float_ones(options):
    weights, arguments = run("linear", method="one-pass", **options)
    reference = train_float(*arguments)
    assert np.linalg.norm(weights - reference) <= ONCE_DISTANCE * np.linalg.norm(reference)
    assert np.allclose(train_torch(*arguments), reference, rtol=0, atol=1e-12)
    X, y, spec, schedule = arguments
    start = objective(X, y, schedule.live.mask(), np.zeros_like(weights), spec)
    assert objective(X, y, schedule.live.mask(), weights, spec) < start


def test_one_pass_on_features_as_they_are_is_gradient_descent():
    _, once = run("linear", method="one-pass", **ONCE["plain"])
    _, descent = run("linear", **ONCE["plain"])
    assert np.allclose(train_float(*once), train_float(*descent), rtol=0, atol=1e-12)


def test_features_are_standardised_by_the_rows_that_count():
    """One step from zero on two features, one of them constant; the forgotten row is far from the others."""
    X, y = np.array([[0.1, 0.5], [0.3, 0.5], [0.2, 0.5], [-1.0, 0.5]]), np.array([1.0, 0.0, 0.0, 1.0])
    spec = TrainingSpec(model="linear", method="gradient descent", epochs=1, learning_rate=0.5, standardize=True)
    encoding = DatasetEncoding.from_data(X + np.arange(4)[:, None], np.arange(4.0), ["a", "b"])
    schedule: Any = spec.compile(encoding.shape(4), Live(4, (3,)))
    deviation = np.sqrt(0.02 / 3)
    slope = -0.5 * (0.1 / deviation) / 3 / deviation  # the first row alone has a residual, and is 0.1 below the mean
    expected = [slope, 0.0, 0.5 / 3 - slope * 0.2]
    for found in (train_float(X, y, spec, schedule), train_torch(X, y, spec, schedule)):
        assert np.allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("model", ["logistic", "probit"])
def test_integer_weights_follow_the_float_ones_where_classes_are_weighted(model):
    weights, arguments = run(model, **WEIGHTED["weighted classes"])
    reference = train_float(*arguments)
    assert np.linalg.norm(weights - reference) <= WEIGHT_DISTANCE * np.linalg.norm(reference)
    _, unweighted = run(model, **{**WEIGHTED["weighted classes"], "class_weight": None})
    assert np.linalg.norm(reference - train_float(*unweighted)) > 0.05 * np.linalg.norm(reference)
    assert np.allclose(train_torch(*arguments), reference, rtol=0, atol=1e-12)


@pytest.mark.parametrize("changes", [{}, {"momentum": "increasing"}, {"momentum": (0.5, 0.9, 0.1)}], ids=str)
def test_momentum_is_torchs_where_rates_change_too(changes):
    run_of = {"epochs": 3, "learning_rate": (0.3, 0.1, 0.2), "batch_size": 64, "momentum": 0.9, "l2": 0.01}
    _, arguments = run("logistic", **{**run_of, **changes})
    assert np.allclose(train_torch(*arguments), train_float(*arguments), rtol=0, atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_autograd_finds_the_same_weights_as_numpy(model):
    _, arguments = run(model, epochs=5, learning_rate=0.3, batch_size=64, l2=0.01, forgotten=[4, 70])
    assert np.allclose(train_torch(*arguments), train_float(*arguments), rtol=0, atol=1e-12)


def test_an_empty_batch_decays_weights_only():
    X, y = np.ones((4, 1)), np.array([1.0, 1.0, 1.0, 1.0])
    spec = TrainingSpec(model="linear", epochs=1, learning_rate=0.5, batch_size=2, l2=0.5, bias=False)
    encoding = DatasetEncoding.from_data(np.arange(4.0)[:, None], np.arange(4.0), ["x"])
    schedule: Any = spec.compile(encoding.shape(4), Live(4, (2, 3)))
    assert train_float(X, y, spec, schedule).tolist() == [0.5 * 0.75]
    assert train_torch(X, y, spec, schedule).tolist() == [0.5 * 0.75]


def test_helpers_on_a_case_done_by_hand():
    X, y, live = np.array([[1.0], [-1.0]]), np.array([1.0, 0.0]), np.array([True, True])
    logistic = TrainingSpec(model="logistic", epochs=1, learning_rate=1, bias=False, l2=2.0)
    linear = TrainingSpec(model="linear", epochs=1, learning_rate=1)
    assert objective(X, y, live, [0.0], logistic) == pytest.approx(np.log(2))
    assert objective(X, y, live, [1.0], logistic) == pytest.approx(np.log1p(np.exp(-1)) + 1)
    assert accuracy(X, y, [1.0], logistic) == 1.0
    assert accuracy(X, y, [-1.0], logistic) == 0.0
    assert r2(X, y, [0.5, 0.5], linear) == 1.0
    assert r2(X, y, [0.0, 0.5], linear) == 0.0


def test_inverse_links_do_not_overflow_and_unknown_families_are_refused():
    assert FAMILIES["logistic"].inverse_link(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0.0, 0.5, 1.0]
    assert FAMILIES["probit"].inverse_link(np.array([-40.0, 0.0, 40.0])).tolist() == [0.0, 0.5, 1.0]
    with pytest.raises(ParameterError, match="model = 'forest'"):
        family_named("forest")


def test_importing_the_models_loads_neither_torch_nor_numba():
    code = (
        "import sys; import zkunlearn.models.float_reference, zkunlearn.models.methods.gradient_descent, "
        "zkunlearn.models.encoding.dataset; print({'torch', 'numba', 'sklearn'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
