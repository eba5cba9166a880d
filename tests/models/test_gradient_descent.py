"""The integer trace: equal to a plain-Python twin bit for bit, and blind to forgotten rows."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.errors import DataError, ParameterError, TrainingError
from zkunlearn.models.live import Live
from zkunlearn.models.methods import reference
from zkunlearn.models.methods.reference import train
from zkunlearn.models.scales import FixedPoint
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec

SPEC: dict[str, Any] = {"model": "logistic", "epochs": 3, "learning_rate": 0.5}
KINDS = {"logistic": "binary", "probit": "binary", "linear": "real", "poisson": "count"}
FINE = FixedPoint(x_bits=13, w_bits=16, p_bits=12)  # exp fits 62 bits here


def twin(X, y_int, live, spec, schedule):
    """The update rule in plain Python, straight from the design; None if it leaves a declared range."""
    fixed = spec.fixed_point
    table = spec.family.table(fixed).tolist()
    rows = [[*map(int, x), 1 << fixed.x_bits] if spec.method.bias else [*map(int, x)] for x in X]
    y = [int(v) * schedule.label_multiplier for v in y_int]
    h, limit = schedule.shift, 1 << (schedule.weight_bits - 1)
    w = before = [0] * schedule.width
    weights, remainders = [w], []
    Q, P, rem = ([[0] * len(rows) for _ in range(spec.method.epochs)] for _ in range(3))
    for e in range(spec.method.epochs):
        for b in range(schedule.blocks):
            g = [0] * schedule.width
            for i in range(b * schedule.block_size, min((b + 1) * schedule.block_size, len(rows))):
                z = sum(x * v for x, v in zip(rows[i], w, strict=True))
                rem[e][i] = z
                if not live[i]:
                    continue
                Q[e][i] = q = z // 65536
                rem[e][i] = z - 65536 * q
                if not -32768 <= q < 32768:
                    return None
                P[e][i] = table[q + 32768]
                r = (P[e][i] - y[i]) * (schedule.class_weights[int(y_int[i])] if schedule.weighted else 1)
                g = [a + r * x for a, x in zip(g, rows[i], strict=True)]
            c, l = schedule.c_epoch[e] * schedule.c_block[b], schedule.l_epoch[e]
            decay = [l] * len(X[0]) + [l if spec.method.penalize_intercept else 0] * spec.method.bias
            m = schedule.m_epoch[e]
            parts = zip(g, decay, w, before, strict=True)
            v = [c * a + l * k - m * (k - last) + 2 ** (h - 1) for a, l, k, last in parts]
            w, before = [k - a // 2**h for k, a in zip(w, v, strict=True)], w
            if not all(-limit <= k < limit for k in w):
                return None
            weights.append(w)
            remainders.append([a % 2**h for a in v])
    return weights, Q, P, rem, remainders


def ends(bound, last=None):
    return st.sampled_from([-bound, bound if last is None else last, 0, 1, -1])


@st.composite
def problems(draw):
    model = draw(st.sampled_from(list(KINDS)))
    n, d, epochs = draw(st.integers(2, 9)), draw(st.integers(1, 3)), draw(st.integers(1, 4))
    fixed = FINE if model == "poisson" else FixedPoint()
    one = 1 << fixed.x_bits
    feature = draw(st.sampled_from([st.integers(-one // 8, one // 8), ends(one) | st.integers(-one, one)]))
    label = {
        "binary": st.integers(0, 1),
        "real": ends(1 << 15, 32767) | st.integers(-(1 << 14), 1 << 14),
        "count": st.sampled_from([0, 1, 65535]) | st.integers(0, 30),
    }[KINDS[model]]
    rate = st.floats(0.01, 1.0)
    share = st.floats(0.0, 0.99, allow_subnormal=False).filter(lambda v: v == 0 or v > 1e-9)
    bias = draw(st.booleans())
    weighted = st.sampled_from([None, {"no": 1, "yes": 5}, {"no": 255, "yes": 2}])
    spec = TrainingSpec(
        model=model,
        epochs=epochs,
        learning_rate=draw(rate | st.lists(rate, min_size=epochs, max_size=epochs).map(tuple)),
        batch_size=draw(st.sampled_from([None, 1, 2, 4])),
        l2=draw(st.sampled_from([0.0, 0.01, 0.5])),
        momentum=draw(share | st.lists(share, min_size=epochs, max_size=epochs).map(tuple) | st.just("increasing")),
        bias=bias,
        penalize_intercept=bias and draw(st.booleans()),
        class_weight=draw(weighted) if KINDS[model] == "binary" else None,
        fixed_point=fixed,
    )
    forgotten = draw(st.lists(st.integers(0, n - 1), unique=True, max_size=n - 1))
    X = np.array(draw(st.lists(st.lists(feature, min_size=d, max_size=d), min_size=n, max_size=n)))
    y = np.array(draw(st.lists(label, min_size=n, max_size=n)))
    return spec, X, y, forgotten


def prepare(spec, X, y, forgotten):
    kind = KINDS[spec.model]
    bits = 14 if kind == "real" else 0
    n, d = X.shape
    x_bits, classes = spec.fixed_point.x_bits, ("no", "yes") if kind == "binary" else ()
    shape = DatasetShape(rows=n, features=d, label_kind=kind, label_bits=bits, x_bits=x_bits, classes=classes)
    live = np.ones(n, dtype=bool)
    live[list(forgotten)] = False
    return live, spec.compile(shape, Live(n, tuple(sorted(forgotten))))


def assert_equals_twin(spec, X, y, live, schedule):
    expected = twin(X, y, live, spec, schedule)
    if expected is None:
        with pytest.raises(TrainingError):
            train(X, y, schedule)
        return
    trace = train(X, y, schedule)
    for found, wanted in zip((trace.weights, trace.Q, trace.P, trace.rem, trace.u), expected, strict=True):
        assert found.dtype == np.int64 and not found.flags.writeable
        assert found.tolist() == wanted


@settings(max_examples=150, deadline=None)
@given(problems())
def test_trace_equals_the_plain_python_twin(problem):
    spec, X, y, forgotten = problem
    try:
        live, schedule = prepare(spec, X, y, forgotten)
    except ParameterError:
        return
    assert_equals_twin(spec, X, y, live, schedule)


@settings(max_examples=60, deadline=None)
@given(problems())
def test_limbs_give_the_same_trace_as_one_product(problem):
    spec, X, y, forgotten = problem
    try:
        live, schedule = prepare(spec, X, y, forgotten)
    except ParameterError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "EXACT_FLOAT", 0)
        patch.setattr(reference, "_LIMB_ROWS", 2)
        assert_equals_twin(spec, X, y, live, schedule)


@given(
    st.lists(st.integers(-(2**31), 2**31 - 1), min_size=3, max_size=3),
    st.lists(st.integers(-(2**46), 2**46), min_size=4, max_size=4),
    st.lists(st.lists(ends(1 << 14), min_size=3, max_size=3), min_size=4, max_size=4),
)
def test_products_are_exact_beyond_float64(weights, residuals, rows):
    matrix = np.array(rows, dtype=np.float64)
    bounds = np.abs(matrix).max(axis=0).astype(np.int64)
    scores = reference._scores(matrix, bounds, np.array(weights))
    assert scores.tolist() == [sum(x * w for x, w in zip(row, weights, strict=True)) for row in rows]
    gradient = reference._gradient(matrix, int(bounds.max()), np.array(residuals))
    columns = zip(*rows, strict=True)
    assert gradient.tolist() == [sum(r * x for r, x in zip(residuals, c, strict=True)) for c in columns]


def random_problem(rows=41, features=4, forgotten=(), **changes):
    rng = np.random.default_rng(7)
    X = rng.integers(-1024, 1025, (rows, features))
    y = (X[:, 0] + rng.integers(-500, 500, rows) > 0).astype(np.int64)
    spec = TrainingSpec(**{**SPEC, **changes})
    live, schedule = prepare(spec, X, y, forgotten)
    return X, y, live, spec, schedule


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([None, 8]), st.integers(0, 2**32 - 1))
def test_the_content_of_a_forgotten_row_changes_no_weight(batch_size, seed):
    forgotten = [0, 13, 40]
    X, y, live, spec, schedule = random_problem(forgotten=forgotten, batch_size=batch_size, epochs=5)
    before = train(X, y, schedule)
    rng = np.random.default_rng(seed)
    X[forgotten], y[forgotten] = rng.integers(-1024, 1025, (3, 4)), 1 - y[forgotten]
    after = train(X, y, schedule)
    assert np.array_equal(before.weights, after.weights) and np.array_equal(before.u, after.u)
    assert np.array_equal(before.P, after.P) and np.array_equal(before.Q, after.Q)
    assert not after.P[:, forgotten].any() and not after.Q[:, forgotten].any()


def test_forgetting_rows_of_one_batch_is_training_without_them():
    X, y, live, spec, schedule = random_problem(forgotten=[3, 5, 17])
    kept = np.flatnonzero(live)
    alone, shorter = prepare(spec, X[kept], y[kept], [])
    assert np.array_equal(train(X, y, schedule).weights, train(X[kept], y[kept], shorter).weights)


def test_remainders_and_indices_are_in_range():
    X, y, live, spec, schedule = random_problem(epochs=9, batch_size=8, l2=0.01, forgotten=[2])
    trace = train(X, y, schedule)
    assert trace.weights.shape == (9 * 6 + 1, 5) and trace.u.shape == (9 * 6, 5)
    assert trace.Q.shape == trace.P.shape == trace.rem.shape == (9, 41)
    assert not trace.weights[0].any()
    assert trace.u.min() >= 0 and trace.u.max() < 1 << schedule.shift
    assert trace.rem[:, live].min() >= 0 and trace.rem[:, live].max() < 65536


def test_floats_that_hold_integers_are_taken():
    X, y, live, spec, schedule = random_problem()
    one, other = train(X, y, schedule), train(X.astype(float), y, schedule)
    assert np.array_equal(one.weights, other.weights)


def test_progress_is_reported_after_every_step():
    X, y, live, spec, schedule = random_problem(batch_size=16)
    calls = []
    train(X, y, schedule, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(i, 9) for i in range(1, 10)]


def test_divergence_is_reported_with_step_row_and_remedy():
    X = np.array([[1024], [-1024], [1024], [0]])
    y = np.array([16384, -16384, 16384, 0])
    spec = TrainingSpec(model="linear", method="gradient descent", epochs=40, learning_rate=4.0)
    live, schedule = prepare(spec, X, y, [])
    message = r"^diverged at step 3 \(epoch 3, batch 0\): \|z\| = \d+\.\d > 32 at row [012]; "
    message += "lower learning_rate or scale the features; fewer w_bits leave more room$"
    with pytest.raises(TrainingError, match=message):
        train(X, y, schedule)


def test_weights_outside_their_range_are_reported_with_step_and_column():
    X, y, live, spec, schedule = random_problem(epochs=64)
    narrow = dataclasses.replace(schedule, weight_bits=14)
    with pytest.raises(TrainingError, match=r"weights left the declared range at step \d+, column 0: \|w\| = 0.\d"):
        train(X, y, narrow)


@pytest.mark.parametrize(
    ("argument", "value", "error", "message"),
    [
        (0, np.zeros((41, 3), int), DataError, r"X: shape \(41, 3\), expected \(41, 4\)"),
        (0, np.full((41, 4), 0.5), DataError, "X: a value is not an integer"),
        (0, np.full((41, 4), np.nan), DataError, "X: a value is not an integer"),
        (0, np.full((41, 4), 1025), DataError, r"X: 1025 at row 0, column 0 is not in \[-1024, 1024\]"),
        (0, np.full((41, 4), "a"), DataError, "X: expected integers"),
        (1, np.full(41, 2), DataError, r"y_int: 2 at row 0 is not in \[0, 1\]"),
        (1, np.zeros(40, int), DataError, r"y_int: shape \(40,\)"),
    ],
)
def test_unusable_arguments_are_refused(argument, value, error, message):
    X, y, _, _, schedule = random_problem()
    arguments = [X, y, schedule]
    arguments[argument] = value
    with pytest.raises(error, match=message):
        train(*arguments)
