"""Shards that take their steps together: each trains as the reference trains it alone, to the same integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from zkunlearn.errors import TrainingError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.reference import Trace, exported, started, train
from zkunlearn.models.methods.schedule import Schedule
from zkunlearn.models.methods.sisa import Stages, stages_of
from zkunlearn.models.methods.standardization import Scaler, scaler_of, sums_of
from zkunlearn.models.runs import Runs
from zkunlearn.models.scales import FixedPoint
from zkunlearn.models.shards import Run, Shards
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover import kernels
from zkunlearn.prover.witnesses import run as prover_run
from zkunlearn.prover.witnesses import sisa as prover_sisa
from zkunlearn.prover.witnesses.rows import Rows
from zkunlearn.prover.witnesses.run import NarrowTrace, Scaling, descend, descend_together, each_array, model_of
from zkunlearn.prover.witnesses.sisa import models_of, train_shards

from .test_descent import compiled_only, people, schedule_of

pytestmark = pytest.mark.usefixtures("threads")
Models = dict[tuple[int, int, int], Any]  # integers (K,) of an output of a shard at a stage


def sharded(rows: Rows, holes: Sequence[int] = (), **options: Any) -> Stages:
    """By default two stages of logistic regression."""
    chosen: dict[str, Any] = {"model": "logistic", "epochs": 8, "learning_rate": 0.5, "shard_rows": 64, "slices": 2}
    label_bits = 14 if options.get("model") == "linear" else 0
    spec = TrainingSpec(method="sisa", **{**chosen, **options})
    return stages_of(schedule_of(spec, rows, tuple(holes), label_bits))


def assert_same(rows: Rows, schedule: Stages, earlier: Sequence[tuple[Any, Models]] = ()) -> Models:
    """All that is traced of all parts, in the layout of the witness; the models of all stages by the reference.

    Args:
        earlier: of each earlier statement the integers of its models, and these models.
    """
    models: Models = {}
    for part, run in zip(schedule.parts, train_shards(rows, schedule, [own for own, _ in earlier]), strict=True):
        known = models if part.start is None else earlier[part.start][1]
        assert len(run.traces) == part.schedule.outputs == rows.outputs
        for output, found in enumerate(run.traces):
            alone = []
            for shard in part.run.shards:
                own = part.schedule.of_shards(shard - part.run.first, 1)
                assert own.stage is not None
                places, before = own.stage.positions, known.get((shard, part.number - 1, output))
                mine = rows.part(int(places[0]), int(places[-1]) + 1)
                scaler = scaler_of_rows(mine.by_feature, own)
                start = None if before is None else started(own, before, scaler)
                alone.append(train(mine.features, mine.labels, own, output=output, start=start))
                models[shard, part.number, output] = exported(own, alone[-1].weights[-1], scaler)
            assert_joined(found, alone, part.schedule)
    return models


def scaler_of_rows(features: Any, schedule: Schedule) -> Scaler | None:
    """Of one shard."""
    public = schedule.standardization_of(0)
    return None if public is None else scaler_of(public, *sums_of(features, schedule.live.mask()))


def assert_joined(found: NarrowTrace, alone: Sequence[Trace], schedule: Schedule) -> None:
    """The traces of shards beside one another: steps on an axis of their own, rows one after another."""
    for name in ("weights", "u", "gradients", "residuals"):
        assert np.array_equal(getattr(found, name), np.stack([getattr(own, name) for own in alone], axis=1)), name
    live = schedule.live.mask()
    for name in ("Q", "P"):
        assert np.array_equal(getattr(found, name), np.concatenate([getattr(own, name) for own in alone], axis=1)), name
    rem = np.concatenate([own.rem for own in alone], axis=1)
    assert np.array_equal(found.rem, np.where(live, rem, 0)) and np.array_equal(found.forgotten_scores, rem[:, ~live])
    assert np.array_equal(found.forgotten, np.flatnonzero(~live))
    assert found.Q.dtype == np.int16 and found.rem.dtype == np.uint16
    if found.scaler is not None:
        for name, stacked in vars(found.scaler).items():
            assert np.array_equal(stacked, np.stack([getattr(own.scaler, name) for own in alone])), name


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    rows=st.sampled_from([kernels.ROWS, 67, 150, 300, 1100]),
    shard_rows=st.sampled_from([8, 32, 64, 128, 1024]),
    slices=st.sampled_from([1, 2, 3, 5]),
    features=st.sampled_from([1, 2, 7, 33]),
    epochs=st.sampled_from([1, 3, 8]),
    bias=st.booleans(),
    outputs=st.sampled_from([1, 3]),
    forgotten=st.integers(0, 12),
    standardize=st.booleans(),
    batch=st.sampled_from([None, 1, 16, 64]),
)
def test_shards_that_step_together_train_as_the_reference_trains_each(
    seed: int, rows: int, shard_rows: int, slices: int, features: int, epochs: int, bias: bool, outputs: int,
    forgotten: int, standardize: bool, batch: int | None,
) -> None:  # fmt: skip
    """Shards of a few rows and of more than a block, partial last ones, stages of a few places, with classes."""
    shard_rows = min(shard_rows, 1 << (rows - 1).bit_length())
    data = people(seed, rows, features, "binary" if outputs == 1 else "categorical", 10, outputs)
    holes = sorted(np.random.default_rng(seed).permutation(rows)[:forgotten].tolist())
    options: dict[str, Any] = {
        "shard_rows": shard_rows,
        "slices": slices,
        "epochs": epochs,
        "bias": bias or standardize,
    }
    if batch is not None and batch < shard_rows <= 64 * batch:
        options |= {"batch_size": batch, "learning_rate": 0.125}
    schedule = sharded(data, holes, l2=0.01, momentum=0.25, standardize=standardize, **options)
    try:
        assert_same(data, schedule)
    except TrainingError:  # of few rows that are nearly alike, scaled up, later ones may be far away
        assume(not standardize)
        raise


CASES: dict[str, dict[str, Any]] = {
    "full blocks": {"learning_rate": (0.5,) * 4 + (0.25,) * 4},
    "momentum, weights of classes, a penalised intercept": {
        "learning_rate": 0.1, "momentum": "increasing", "l2": 0.05, "penalize_intercept": True,
        "class_weight": {"no": 3, "yes": 20},
    },
    "a linear model": {"model": "linear", "learning_rate": 0.05, "l2": 0.01},
    "shards of several blocks": {"shard_rows": 1024},
    "many small shards": {"shard_rows": 4, "slices": 1},
    "batches": {"batch_size": 8, "slices": 3, "learning_rate": 0.125, "momentum": "increasing"},
    "batches, of which some stages have one": {"batch_size": 64, "shard_rows": 256, "slices": 8},
    "standardised batches": {"standardize": True, "batch_size": 16, "slices": 3, "learning_rate": 0.25, "l2": 0.01},
    "standardised features": {"standardize": True, "momentum": 0.5, "l2": 0.01, "slices": 3},
}  # fmt: skip


@pytest.mark.parametrize("options", CASES.values(), ids=CASES)
def test_every_option_is_that_of_the_reference(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """By kernels alone, with a shard without rows that count and a short last one."""
    compiled_only(monkeypatch)
    rows = people(9, 1500, 5, "real" if options.get("model") == "linear" else "binary", 10)
    holes = (*range(64, 128), 200, 1499)
    assert_same(rows, sharded(rows, holes, **options))


def test_runs_that_begin_from_models_go_on_as_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the models of other statements, with one shard and with several, beside a shard that begins from zero."""
    compiled_only(monkeypatch)
    rows = people(2, 1900, 5, "categorical", 10, 3)
    before = sharded(rows, (3,), shard_rows=256, slices=3)
    begun = [(models_of(before, train_shards(rows, before, ())), assert_same(rows, before))]
    after = sharded(rows, (3, 280, 720, 1000, 1897), shard_rows=256, slices=3)
    scoped = after.scoped((Run(1, 1), Run(2, 2, 3, 0), Run(7, 1, 2, 0)), ((),))
    found = assert_same(rows, scoped, begun)
    assert {(shard, stage) for shard, stage, _ in found} == {
        (1, 1), (1, 2), (1, 3), (2, 3), (3, 3), (7, 2), (7, 3)
    }  # fmt: skip


def test_a_model_of_those_that_stepped_together_is_the_trace_of_a_training_alone() -> None:
    rows = people(4, 150, 3, "binary", 10)
    schedule = sharded(rows, (3, 40, 70, 149))
    first, ((joined,), *_) = schedule.parts[0], [run.traces for run in train_shards(rows, schedule, ())]
    for shard in range(first.run.count):
        own, places = first.schedule.of_shards(shard, 1), first.schedule.block_rows(shard)
        start = shard * 64
        (alone,) = descend(rows.part(start, start + own.rows), own)
        found = joined.of_model(shard, places)
        for name in vars(alone):
            assert np.array_equal(getattr(found, name), getattr(alone, name)), name


# What kernels have no room for ---------------------------------------------------------------------------------------


def references(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of each run that is left to the reference, from now on."""
    rows: list[int] = []
    reference = prover_run._by_reference
    monkeypatch.setattr(
        prover_run, "_by_reference", lambda own, *rest: rows.append(len(own.ids)) or reference(own, *rest)
    )
    return rows


@pytest.mark.parametrize(
    ("count", "x_bits", "options"),
    [(40, 10, {"shard_rows": 8}), (150, 14, {"fixed_point": FixedPoint(x_bits=14)})],
    ids=["a handful of rows", "features of many bits"],
)
def test_what_kernels_have_no_room_for_is_trained_by_the_reference(
    count: int, x_bits: int, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    left = references(monkeypatch)
    rows = people(5, count, 3, "binary", x_bits)
    assert_same(rows, sharded(rows, (2, 17), **options))
    assert len(left) == 2 * -(-count // int(options.get("shard_rows", 64)))


def test_one_shard_without_room_in_kernels_leaves_only_itself_to_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are trained apart from it, by kernels."""
    rows = people(5, 320, 3, "categorical", 10, 3)
    steps = prover_run._descend

    def refuses(descent: Any, schedule: Schedule, *rest: Any) -> NarrowTrace | None:
        shards = schedule.stage
        taken = shards is None or 1 not in range(shards.first, shards.first + shards.count)
        return steps(descent, schedule, *rest) if taken else None

    monkeypatch.setattr(prover_run, "_descend", refuses)
    left = references(monkeypatch)
    assert_same(rows, sharded(rows, (2, 17, 99), slices=1))
    assert left == [64] * 3, "the three outputs of one shard"


def test_the_first_shard_that_diverges_is_named_with_the_words_of_the_reference() -> None:
    """Of several that do, after two without a row."""
    rows = people(7, 300, 3, "real", 10)
    schedule = sharded(rows, range(128), model="linear", learning_rate=100.0, epochs=40)
    own = schedule.stages[0].of_shards(2, 1)
    with pytest.raises(TrainingError) as expected:
        train(rows.features[128 : 128 + own.rows], rows.labels[128 : 128 + own.rows], own)
    with pytest.raises(TrainingError) as failure:
        train_shards(rows, schedule, ())
    assert str(failure.value) == f"shard 2, stage 1: {expected.value.at(None)}"


def test_a_step_of_a_stage_is_one_call_of_a_kernel_for_each_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many shards there are: no step is left to Python shard by shard."""
    calls: list[int] = []
    step = kernels.Descent.step
    monkeypatch.setattr(
        kernels.Descent, "step", lambda own, weights, *rest: calls.append(len(weights)) or step(own, weights, *rest)
    )
    monkeypatch.setattr(prover_sisa, "descend", lambda *_: pytest.fail("a shard was trained alone"))
    rows = people(7, 1024, 3, "categorical", 10, 3)
    train_shards(rows, sharded(rows, slices=4, epochs=5), ())
    assert calls == [16] * (4 * 5 * 3)
    calls.clear()
    train_shards(rows, sharded(rows, slices=4, epochs=5, batch_size=16), ())
    assert calls == [16] * ((1 + 2 + 3 + 4) * 5 * 3)


# Standardised --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_shards_that_are_standardised_apart_train_as_the_reference_trains_each(outputs: int, momentum: float) -> None:
    """Each by its own rows that count, of which each has another number; one feature is the same in all rows."""
    size, shards = 128, 3
    spec = TrainingSpec(model="logistic", epochs=8, learning_rate=0.5, l2=0.01, momentum=momentum, standardize=True)
    rows = people(3, size * shards, 5, "binary" if outputs == 1 else "categorical", 10, outputs)
    rows.by_feature[0] //= 7
    rows.by_feature[1] = 300
    holes = [(), (5, 60), tuple(range(90, 128))]
    parts = [rows.part(shard * size, (shard + 1) * size) for shard in range(shards)]
    alone: list[Schedule] = [schedule_of(spec, part, own) for part, own in zip(parts, holes, strict=True)]
    assert {own.c_epoch for own in alone} == {alone[0].c_epoch} and len({own.shift for own in alone}) == 1
    forgotten = tuple(shard * size + place for shard, own in enumerate(holes) for place in own)
    stage = Shards(size * shards, size, 1).stage(1)
    together = replace(
        alone[0], live=Live(size * shards, forgotten), block_size=size, c_block=Runs.of([(1, shards)]), stage=stage
    )
    expected = [
        [train(part.features, part.labels, own, output=output) for part, own in zip(parts, alone, strict=True)]
        for output in range(outputs)
    ]
    scalers: list[Scaler] = [trace.scaler for trace in expected[0] if trace.scaler is not None]
    rates = [own.standardization.bias_rate for own in alone if own.standardization is not None]
    scaling = Scaling(each_array(lambda *own: np.stack(own), *scalers), np.array(rates))
    starts = np.zeros((outputs, shards, together.width), dtype=np.int64)
    traces = descend_together(rows.by_feature, rows.labels, together, starts, scaling)
    assert traces is not None and len(set(rates)) == shards
    for found, own in zip(traces, expected, strict=True):
        assert_joined(found, own, together)
    models = model_of(together, traces)
    for output, shard in np.ndindex(outputs, shards):
        trace = expected[output][shard]
        assert np.array_equal(models[output, shard], exported(alone[shard], trace.weights[-1], trace.scaler))
        assert models[output, shard].any()
