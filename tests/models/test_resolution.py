"""Updates that rounding takes away are told, and refused where nothing else is left."""

import re
from typing import Any

import numpy as np
import pytest
from zkunlearn.errors import ParameterError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.reference import train
from zkunlearn.models.methods.resolution import require_resolution, smallest_gradient
from zkunlearn.models.scales import FixedPoint
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec


def run(**changes):
    rng = np.random.default_rng(5)
    X = rng.integers(-1024, 1025, (40, 2))
    y = (X.sum(axis=1) > 0).astype(np.int64)
    declared = TrainingSpec(**{"model": "logistic", "epochs": 9, "learning_rate": 0.5, **changes})
    shape = DatasetShape(rows=40, features=2, label_kind="binary", label_bits=0, x_bits=10)
    schedule: Any = declared.compile(shape, Live(40))
    return schedule, train(X, y, schedule)


def notes(**changes):
    schedule, trace = run(**changes)
    return require_resolution(schedule, trace.weights, trace.u)


def test_updates_that_are_not_lost_are_nothing_to_tell():
    assert notes() == () and notes(batch_size=8, l2=0.01) == ()


def test_a_run_of_which_nothing_is_left_is_refused_with_what_would_do():
    with pytest.raises(ParameterError, match=r"learning_rate: all 9 updates .* w_bits = 16") as refused:
        notes(learning_rate=2.0**-18)
    rate, bits = re.search(r"learning_rate of ([\d.e-]+), or w_bits of (\d+)", str(refused.value)).groups()
    for remedy in ({"learning_rate": float(rate)}, {"fixed_point": FixedPoint(w_bits=int(bits))}):
        schedule, trace = run(**{"learning_rate": 2.0**-18, **remedy})
        assert trace.weights[-1].any(), remedy


def test_a_rate_that_no_scale_can_carry_is_refused_with_the_rate_only():
    with pytest.raises(ParameterError, match=r"learning_rate of [\d.e-]+$"):
        notes(learning_rate=1e-6)


def test_epochs_that_change_nothing_at_the_end_are_told_and_can_be_left_out():
    rates = [2.0 ** -(11 + epoch) for epoch in range(9)]
    schedule, trace = run(learning_rate=rates)
    (note,) = require_resolution(schedule, trace.weights, trace.u)
    last, kept = map(int, re.search(r"the last (\d+) of 9 epochs .*; (\d+) epochs give", note).groups())
    assert last + kept == 9
    _, shorter = run(learning_rate=rates[:kept], epochs=kept)
    assert np.array_equal(shorter.weights[-1], trace.weights[-1])
    _, shortest = run(learning_rate=rates[: kept - 1], epochs=kept - 1)
    assert not np.array_equal(shortest.weights[-1], trace.weights[-1])


def test_epochs_that_change_nothing_in_between_are_told():
    (note,) = notes(learning_rate=[0.5, 2.0**-19, 2.0**-19, *[0.5] * 6])
    assert note.startswith("2 of the first 9 epochs change no weight")


def test_where_there_is_nothing_to_learn_nothing_is_told():
    schedule, _ = run(bias=False)
    trace = train(np.zeros((40, 2)), np.zeros(40), schedule)
    assert not trace.weights.any() and require_resolution(schedule, trace.weights, trace.u) == ()


@pytest.mark.parametrize("batch_size", [None, 8])
def test_the_smallest_gradient_is_where_updates_begin(batch_size):
    schedule, _ = run(learning_rate=0.25, batch_size=batch_size)
    assert smallest_gradient(schedule) == pytest.approx(2.0**-17 / 0.25, rel=1e-2)
    fixed = schedule.scales
    units = smallest_gradient(schedule) * schedule.live_counts[0] * 2.0 ** (fixed.p_bits + fixed.x_bits)
    factor, half = schedule.c_epoch[0] * schedule.c_block[0], 1 << (schedule.shift - 1)
    assert (factor * int(units * 1.01) + half) >> schedule.shift == 1
    assert (factor * int(units * 0.99) + half) >> schedule.shift == 0
