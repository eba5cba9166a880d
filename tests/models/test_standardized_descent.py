"""Training on standardised features: equal to a plain-Python twin bit for bit, and blind to forgotten rows."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.errors import ParameterError, TrainingError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.reference import exported, train
from zkunlearn.models.scales import FixedPoint
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec

from .standardization_twin import SCALES, nearest, twin


def train_twin(X, y, live, spec, schedule):
    """Gradient descent on x' with D in every step, in plain Python; None if it leaves a declared range."""
    public, fixed, table = schedule.standardization, spec.fixed_point, spec.family.table(spec.fixed_point).tolist()
    scalers = [twin(public, [int(x) for x in column[live]]) for column in X.T]
    offsets = [2 ** s["e"] * s["mu"] + s["nu"] for s in scalers]
    bias = 1 << fixed.x_bits
    rows = [
        [*(2 ** s["e"] * int(x) - m for s, x, m in zip(scalers, row, offsets, strict=True)), bias]
        for row in X
    ]  # fmt: skip
    D = [*(s["D"] for s in scalers), nearest(public.amplitude, public.count * bias * bias)]
    h, limit = schedule.shift, 1 << (schedule.weight_bits - 1)
    weights, remainders = [[0] * len(D)], []
    for e in range(spec.method.epochs):
        for b in range(schedule.blocks):
            w, before = weights[-1], weights[max(len(weights) - 2, 0)]
            g = [0] * len(D)
            for i in range(b * schedule.block_size, min((b + 1) * schedule.block_size, len(rows))):
                if live[i]:
                    q = sum(x * v for x, v in zip(rows[i], w, strict=True)) // 65536
                    if not -32768 <= q < 32768:
                        return None
                    r = table[q + 32768] - int(y[i]) * schedule.label_multiplier
                    r *= schedule.class_weights[int(y[i])] if schedule.weighted else 1
                    g = [a + r * x for a, x in zip(g, rows[i], strict=True)]
            decay = [schedule.l_epoch[e]] * (len(D) - 1) + [schedule.l_epoch[e] * spec.method.penalize_intercept]
            c, m = schedule.c_epoch[e] * schedule.c_block[b], schedule.m_epoch[e]
            parts = zip(D, g, decay, w, before, strict=True)
            v = [c * d * a + l * k - m * (k - last) + 2 ** (h - 1) for d, a, l, k, last in parts]
            weights.append([k - a // 2**h for k, a in zip(w, v, strict=True)])
            if not all(-limit <= k < limit for k in weights[-1]):
                return None
            remainders.append([a % 2**h for a in v])
    last = weights[-1]
    model = [2 ** s["e"] * w for s, w in zip(scalers, last, strict=False)]
    return weights, remainders, [*model, bias * last[-1] - sum(m * w for m, w in zip(offsets, last, strict=False))]


@st.composite
def trainings(draw):
    model = draw(st.sampled_from(["logistic", "linear"]))
    n, d, epochs = draw(st.integers(1, 17)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    x_bits = draw(st.sampled_from(list(SCALES)))
    one = 1 << x_bits
    column = st.one_of(
        st.integers(-one, one).map(lambda v: [v] * n),
        st.lists(st.integers(-one, one), min_size=n, max_size=n),
        st.lists(st.integers(3, 6), min_size=n, max_size=n),
    )
    rate = st.floats(0.05, 0.6)
    spec = TrainingSpec(
        model=model,
        epochs=epochs,
        learning_rate=draw(rate | st.lists(rate, min_size=epochs, max_size=epochs).map(tuple)),
        batch_size=draw(st.sampled_from([None, 1, 4])),
        l2=draw(st.sampled_from([0.0, 0.1])),
        momentum=draw(st.sampled_from([0.0, 0.5, "increasing"])),
        penalize_intercept=draw(st.booleans()),
        class_weight=draw(st.sampled_from([None, {"no": 3, "yes": 1}])) if model == "logistic" else None,
        standardize=True,
        fixed_point=FixedPoint(x_bits=x_bits, w_bits=SCALES[x_bits], p_bits=14),
    )
    X = np.array(draw(st.lists(column, min_size=d, max_size=d))).T
    label = st.integers(0, 1) if model == "logistic" else st.integers(-(1 << 14), 1 << 14)
    y = np.array(draw(st.lists(label, min_size=n, max_size=n)))
    return spec, X, y, sorted(draw(st.lists(st.integers(0, n - 1), unique=True, max_size=n - 1)))


def schedule_of(spec, X, forgotten):
    binary = spec.model == "logistic"
    shape = DatasetShape(
        rows=len(X), features=X.shape[1], label_kind="binary" if binary else "real", label_bits=0 if binary else 14,
        x_bits=spec.fixed_point.x_bits, classes=("no", "yes") if binary else (),
    )  # fmt: skip
    schedule: Any = spec.compile(shape, Live(len(X), tuple(forgotten)))
    return schedule


@settings(max_examples=150, deadline=None)
@given(trainings())
def test_a_standardised_training_equals_the_plain_python_twin(problem):
    spec, X, y, forgotten = problem
    try:
        schedule = schedule_of(spec, X, forgotten)
    except ParameterError:
        return
    live = schedule.live.mask()
    expected = train_twin(X, y, live, spec, schedule)
    if expected is None:
        with pytest.raises(TrainingError):
            train(X, y, schedule)
        return
    trace = train(X, y, schedule)
    model = exported(schedule, trace.weights[-1], trace.scaler)
    assert (trace.weights.tolist(), trace.u.tolist(), model.tolist()) == expected


def usual(rows=40, forgotten=(), **changes):
    rng = np.random.default_rng(5)
    X = np.column_stack([rng.integers(-4096, 4097, rows), rng.integers(100, 120, rows), np.full(rows, -7)])
    y = (X[:, 0] + 300 * (X[:, 1] - 110) > 0).astype(np.int64)
    options: dict[str, Any] = {"model": "logistic", "epochs": 6, "learning_rate": 0.5, "batch_size": 8}
    scales = FixedPoint(x_bits=12, w_bits=13, p_bits=14)
    spec = TrainingSpec(**{**options, **changes}, standardize=True, fixed_point=scales)
    return X, y, schedule_of(spec, X, forgotten)


def test_the_model_scores_features_as_they_are():
    X, y, schedule = usual()
    trace = train(X, y, schedule)
    model = exported(schedule, trace.weights[-1], trace.scaler)
    again = train(X, y, usual(epochs=7)[2])  # whose seventh epoch begins with the weights of the sixth
    z = (again.Q[6] << 16) + again.rem[6]
    assert np.array_equal(again.weights[len(trace.weights) - 1], trace.weights[-1])
    assert np.array_equal((X @ model[:-1] + model[-1])[:8], z[:8])
    assert model[2] == 0 and trace.scaler is not None and trace.scaler.e.tolist() == [0, 9, 15]


def test_the_content_of_a_forgotten_row_changes_no_mean_and_no_weight():
    forgotten = (0, 13, 39)
    X, y, schedule = usual(forgotten=forgotten)
    before = train(X, y, schedule)
    X[list(forgotten)], y[list(forgotten)] = 4096, 1 - y[list(forgotten)]
    after = train(X, y, schedule)
    assert np.array_equal(before.weights, after.weights) and np.array_equal(before.u, after.u)
    assert before.scaler is not None and after.scaler is not None
    assert all(np.array_equal(vars(before.scaler)[name], vars(after.scaler)[name]) for name in vars(before.scaler))


def test_a_feature_in_other_units_gets_the_same_predictions():
    """What standardising is for: a quarter of the spread, and another mean, change weights but no prediction much."""
    X, y, schedule = usual(batch_size=None, epochs=20)
    other = X.copy()
    other[:, 0] = X[:, 0] // 4 + 1000
    first, second = (train(values, y, schedule) for values in (X, other))
    distance = np.abs(first.P[-1] - second.P[-1]).max() / (1 << 14)
    assert distance < 0.01
