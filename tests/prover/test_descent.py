"""The compiled training is that of models/: the same integers, in narrow columns."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.errors import TrainingError
from zkunlearn.models.float_reference import train_float
from zkunlearn.models.live import Live
from zkunlearn.models.methods.reference import exported, train
from zkunlearn.models.scales import FixedPoint
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover import kernels as fast
from zkunlearn.prover.witnesses import run as prover_run
from zkunlearn.prover.witnesses.rows import Rows, blind_rows
from zkunlearn.prover.witnesses.run import descend, model_of

pytestmark = pytest.mark.usefixtures("threads")
KINDS = {"logistic": "binary", "linear": "real", "poisson": "count"}


def people(seed: int, rows: int, features: int, kind: str, x_bits: int, outputs: int = 1) -> Rows:
    """Rows as the prover holds them, the ends of the range among the features."""
    rng = np.random.default_rng(seed)
    one = 1 << x_bits
    X = rng.integers(-one, one + 1, (features, rows)).astype(np.int16)
    X[rng.random(X.shape) < 0.1] = rng.choice([-one, one])
    high = {"binary": 2, "categorical": outputs, "real": 2**15, "count": 5}[kind]
    labels = rng.integers(-(2**15) if kind == "real" else 0, high, rows)
    return blind_rows(tuple(map(str, range(rows))), X, labels.astype(np.int32), outputs)


Ranges = tuple[tuple[int, int], ...]


def schedule_of(
    spec: TrainingSpec, rows: Rows, holes: tuple[int, ...], label_bits: int = 0, ranges: Ranges = ()
) -> Any:
    features, count = rows.by_feature.shape
    kind, x_bits = KINDS[spec.model], spec.fixed_point.x_bits
    classes: tuple[str, ...] = ("no", "yes") if kind == "binary" else ()
    if rows.outputs > 1:
        kind, classes = "categorical", classes_of(rows.outputs)
    shape = DatasetShape(
        rows=count, features=features, label_kind=kind, label_bits=label_bits, x_bits=x_bits, classes=classes
    )
    return spec.compile(shape, Live(count, holes, ranges))


def classes_of(outputs: int) -> tuple[str, ...]:
    return tuple(f"class {i:03}" for i in range(outputs))


def assert_same(
    spec: TrainingSpec, rows: Rows, holes: tuple[int, ...], label_bits: int = 0, ranges: Ranges = ()
) -> None:
    schedule = schedule_of(spec, rows, holes, label_bits, ranges)
    live = schedule.live.mask()
    traces = descend(rows, schedule)
    assert len(traces) == schedule.outputs == rows.outputs
    for output, found in enumerate(traces):
        expected = train(rows.features, rows.labels, schedule, output=output)
        assert np.array_equal(found.weights, expected.weights) and np.array_equal(found.u, expected.u)
        assert np.array_equal(found.Q, expected.Q) and np.array_equal(found.P, expected.P)
        assert np.array_equal(found.rem[:, live], expected.rem[:, live]) and not found.rem[:, ~live].any()
        assert np.array_equal(found.forgotten_scores, expected.rem[:, ~live])
        assert np.array_equal(found.gradients, expected.gradients)
        assert np.array_equal(found.residuals, expected.residuals)
        assert found.Q.dtype == np.int16 and found.rem.dtype == np.uint16
        last = exported(schedule, expected.weights[-1], expected.scaler)
        assert np.array_equal(model_of(schedule, traces)[output], last)


def compiled_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def reference(*_: Any) -> Any:
        raise AssertionError("the reference was called")

    monkeypatch.setattr(prover_run, "_by_reference", reference)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    rows=st.sampled_from([fast.ROWS, 67, 80, 513, 1100]),
    features=st.sampled_from([1, 2, 3, 7, 33, 70]),
    epochs=st.sampled_from([1, 3, 8]),
    batch=st.sampled_from([None, 4, 32, 256]),
    bias=st.booleans(),
    forgotten=st.integers(0, 12),
)
def test_logistic_training_is_that_of_the_reference(
    seed: int, rows: int, features: int, epochs: int, batch: int | None, bias: bool, forgotten: int
) -> None:
    """One pass and many, blocks that do not fill lanes, partial last ones, forgotten rows, with a bias and without."""
    spec = TrainingSpec(model="logistic", epochs=epochs, learning_rate=0.5, batch_size=batch, l2=0.01, bias=bias)
    holes = tuple(sorted(np.random.default_rng(seed).permutation(rows)[:forgotten].tolist()))
    with pytest.MonkeyPatch.context() as patch:
        compiled_only(patch)
        assert_same(spec, people(seed, rows, features, "binary", spec.fixed_point.x_bits), holes)


def test_training_on_ranges_is_that_of_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled_only(monkeypatch)
    spec = TrainingSpec(model="logistic", epochs=8, learning_rate=0.5, batch_size=64)
    rows = people(8, 300, 5, "binary", spec.fixed_point.x_bits)
    assert_same(spec, rows, (3, 130), ranges=((0, 70), (128, 200), (299, 300)))


def test_linear_training_is_that_of_the_reference() -> None:
    spec = TrainingSpec(model="linear", epochs=9, learning_rate=0.05, l2=0.01, batch_size=64)
    assert_same(spec, people(3, 300, 5, "real", spec.fixed_point.x_bits), (0, 7, 299), label_bits=14)


def test_wide_blocks_are_cut_to_fit_the_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of so many features that a block of all 512 rows would leave the second cache."""
    compiled_only(monkeypatch)
    spec = TrainingSpec(model="logistic", epochs=8, learning_rate=0.5)
    assert_same(spec, people(4, 300, 3000, "binary", spec.fixed_point.x_bits), (5,))


def test_a_handful_of_rows_is_left_to_the_reference() -> None:
    spec = TrainingSpec(model="logistic", epochs=3, learning_rate=0.5)
    rows = people(5, 5, 2, "binary", spec.fixed_point.x_bits)
    assert_same(spec, rows, (2,))
    with pytest.MonkeyPatch.context() as patch, pytest.raises(AssertionError, match="reference"):
        compiled_only(patch)
        descend(rows, schedule_of(spec, rows, (2,)))


def test_features_of_many_bits_are_left_to_the_reference() -> None:
    """Beyond 2^12 the sums of 16 products would not fit 32 bits."""
    spec = TrainingSpec(model="logistic", epochs=3, learning_rate=0.5, fixed_point=FixedPoint(x_bits=14))
    rows = people(6, 70, 3, "binary", 14)
    assert int(np.abs(rows.by_feature).max()) > fast.LARGEST_FEATURE
    assert_same(spec, rows, (3,))


@pytest.mark.parametrize("largest", [1 << 11, fast.LARGEST_FEATURE])
def test_the_largest_sums_do_not_overflow(largest: int) -> None:
    """All features at their largest, residuals and weights with limbs at theirs."""
    rows, width = 512, 64
    X = np.full((width, rows), -largest, dtype=np.int16)
    for sign in (1, -1):
        table = np.full(1 << 16, sign * (2**28 + 2**14), dtype=np.int32)
        targets, holes = np.zeros(rows, dtype=np.int32), np.zeros(0, dtype=np.int64)
        once = np.ones(rows, dtype=np.int32)
        descent = fast.Descent(X, table, targets, once, holes, epochs=1, block_size=1 << 20)
        weights = np.full(width, sign * (2**28 + 2**14), dtype=np.int64)
        (gradient,), residuals, low, high = descent.step(weights[None], np.zeros(1, dtype=np.int64), 0, 0)
        assert set(gradient.tolist()) == {-rows * largest * int(table[0])} and residuals == [rows * int(table[0])]
        z = -width * largest * int(weights[0])
        assert (low if z < 0 else high) == z >> 16


def test_weights_without_room_in_two_limbs_are_refused() -> None:
    X, narrow = np.zeros((2, 64), dtype=np.int16), np.zeros(1 << 16, dtype=np.int32)
    holes = np.zeros(0, dtype=np.int64)
    descent = fast.Descent(X, narrow, narrow[:64], narrow[:64], holes, epochs=1, block_size=64)
    with pytest.raises(ValueError, match="not below"):
        descent.step(np.array([[0, -fast.LARGEST]]), np.zeros(1, dtype=np.int64), 0, 0)


AT_A_WALL = """
import ctypes, mmap, sys
import numpy as np
from zkunlearn.prover import kernels as fast

rows, width, page = int(sys.argv[1]), 3, mmap.PAGESIZE
memory = mmap.mmap(-1, 2 * page)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(address + page), page, 0) == 0
X = np.frombuffer(memory, np.int16, width * rows, page - 2 * width * rows).reshape(width, rows)
X[:] = np.arange(width * rows).reshape(width, rows)
table, holes = np.arange(1 << 16, dtype=np.int32), np.zeros(0, dtype=np.int64)
targets, once = np.zeros(rows, dtype=np.int32), np.ones(rows, dtype=np.int32)
descent = fast.Descent(X, table, targets, once, holes, epochs=1, block_size=32)
for block in range(-(-rows // 32)):
    own = slice(32 * block, 32 * block + 32)
    (gradient,), *_ = descent.step(np.full((1, width), 999), np.zeros(1, dtype=np.int64), 0, block)
    scores = 999 * X[:, own].astype(np.int64).sum(axis=0)
    assert (descent.rem[0, own] == scores % 2**16).all() and (descent.P[0, own] == 2**15 + (scores >> 16)).all()
    assert (gradient == X[:, own].astype(np.int64) @ descent.P[0, own]).all()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no mprotect")
@pytest.mark.parametrize("rows", [67, 96])
def test_lanes_do_not_run_on_beyond_the_last_row(rows: int) -> None:
    """What follows in memory may be read by nobody: a file that holds the features may end with a page."""
    if fast.thread_count() > 1:
        pytest.skip("once is enough")
    run = subprocess.run([sys.executable, "-c", AT_A_WALL, str(rows)], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("x_bits", [10, 12])
def test_momentum_and_weights_of_classes_are_those_of_the_reference(
    monkeypatch: pytest.MonkeyPatch, x_bits: int
) -> None:
    compiled_only(monkeypatch)
    scales = FixedPoint(x_bits=x_bits, w_bits=25 - x_bits)
    spec = TrainingSpec(
        model="logistic", epochs=9, learning_rate=0.5, batch_size=128, l2=0.05, momentum="increasing",
        class_weight={"no": 3, "yes": 250}, penalize_intercept=True, fixed_point=scales,
    )  # fmt: skip
    assert_same(spec, people(9, 300, 5, "binary", x_bits), (0, 7, 299))


def test_a_run_that_diverges_is_refused_as_by_the_reference() -> None:
    spec = TrainingSpec(model="linear", method="gradient descent", epochs=40, learning_rate=100.0)
    rows = people(7, 64, 3, "real", spec.fixed_point.x_bits)
    with pytest.raises(TrainingError) as failure:
        descend(rows, schedule_of(spec, rows, (), 14))
    with pytest.raises(TrainingError) as expected:
        train(rows.features, rows.labels, schedule_of(spec, rows, (), 14))
    assert str(failure.value) == str(expected.value)


# Several classes -----------------------------------------------------------------------------------------------------

CLASSES: dict[str, dict[str, Any]] = {
    "full batch": {"epochs": 5, "learning_rate": 0.5},
    "mini-batches": {"epochs": 8, "learning_rate": 0.5, "batch_size": 64, "l2": 0.01},
    "no bias, momentum": {"epochs": 8, "learning_rate": 0.5, "bias": False, "momentum": "increasing"},
    "weighted": {"epochs": 8, "learning_rate": 0.1, "batch_size": 128, "class_weight": (3, 250, 1)},
    "standardised": {"epochs": 8, "learning_rate": 0.5, "l2": 0.01, "batch_size": 128, "standardize": True},
    "standardised, weighted": {
        "epochs": 8, "learning_rate": 0.1, "l2": 0.01, "standardize": True, "class_weight": (3, 7, 1)
    },
}  # fmt: skip


def spec_of(outputs: int, model: str = "logistic", **options: Any) -> TrainingSpec:
    """Class weights in the order of classes, over and over."""
    weights = options.pop("class_weight", ())
    named = {name: weights[i % len(weights)] for i, name in enumerate(classes_of(outputs))} if weights else None
    return TrainingSpec(model=model, class_weight=named, **options)


@pytest.mark.parametrize("options", CLASSES.values(), ids=CLASSES)
@pytest.mark.parametrize("outputs", [3, 5])
def test_each_of_several_classes_is_trained_as_by_the_reference(
    outputs: int, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kernels, every output, with rows that are forgotten."""
    compiled_only(monkeypatch)
    spec = spec_of(outputs, **options)
    assert_same(spec, people(outputs, 300, 5, "categorical", spec.fixed_point.x_bits, outputs), (0, 7, 299))


def test_as_many_classes_as_there_may_be_are_trained_as_by_the_reference() -> None:
    """Most of them of a row or two."""
    spec = spec_of(256, epochs=1, learning_rate=0.5)
    assert_same(spec, people(1, 300, 2, "categorical", spec.fixed_point.x_bits, 256), (4,))


@pytest.mark.parametrize("options", [CLASSES["mini-batches"], CLASSES["standardised, weighted"]], ids=str)
def test_classes_of_a_handful_of_rows_are_left_to_the_reference(options: dict[str, Any]) -> None:
    spec = spec_of(3, **options)
    assert_same(spec, people(2, 9, 2, "categorical", spec.fixed_point.x_bits, 3), (2,))


@pytest.mark.parametrize("options", CLASSES.values(), ids=CLASSES)
def test_the_output_of_a_class_is_the_training_of_it_against_the_rest(options: dict[str, Any]) -> None:
    """Without weights that tell the other classes apart: the same integers as of binary labels."""
    weights = options.get("class_weight")
    rows = people(6, 200, 4, "categorical", 10, 3)
    for output in range(3):
        own = options | ({"class_weight": tuple(9 if c == output else 2 for c in range(3))} if weights else {})
        trained = descend(rows, schedule_of(spec_of(3, **own), rows, (1,)))[output]
        alone = replace(rows, labels=(rows.labels == output).astype(np.int32), outputs=1)
        of_two = own | ({"class_weight": {"no": 2, "yes": 9}} if weights else {})
        binary = TrainingSpec(model="logistic", **of_two)
        (expected,) = descend(alone, schedule_of(binary, alone, (1,)))
        assert np.array_equal(trained.weights, expected.weights) and np.array_equal(trained.u, expected.u)
        assert np.array_equal(trained.Q, expected.Q) and trained.weights[-1].any()


@pytest.mark.parametrize("options", CLASSES.values(), ids=CLASSES)
def test_integer_weights_of_each_class_follow_the_float_ones(options: dict[str, Any]) -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, 400).astype(np.int32)
    centres = rng.normal(0, 0.4, (3, 4))
    X = np.clip((centres[labels] + rng.normal(0, 0.2, (400, 4))) * 1024, -1024, 1024).astype(np.int16)
    rows = blind_rows(tuple(map(str, range(400))), np.ascontiguousarray(X.T), labels, 3)
    spec = spec_of(3, **options | {"epochs": 24, "learning_rate": 0.1 if "class_weight" not in options else 0.02})
    schedule = schedule_of(spec, rows, (3, 77))
    found = model_of(schedule, descend(rows, schedule)) / 2.0**spec.fixed_point.w_bits
    found[:, schedule.features :] /= 2.0**spec.fixed_point.x_bits
    for output in range(3):
        twin = train_float(rows.features / 1024, rows.labels, spec, schedule, output=output)
        assert np.linalg.norm(found[output] - twin) <= 1e-2 * np.linalg.norm(twin)
        others = np.delete(found, output, axis=0)
        assert (np.linalg.norm(others - twin, axis=1) > 0.1 * np.linalg.norm(twin)).all()
