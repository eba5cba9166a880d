"""How a data set is cut into shards and stages, and the integers of these, against plain Python."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.errors import ParameterError, ZkUnlearnError
from zkunlearn.models.live import Live
from zkunlearn.models.methods.sisa import MAX_PARTS, Stages, stages_of
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.shards import Run, Shards
from zkunlearn.models.spec import TrainingSpec

BINARY = DatasetShape(rows=21, features=2, label_kind="binary", label_bits=0, x_bits=10, classes=("no", "yes"))
quick = settings(max_examples=40, deadline=None)


def spec_of(**changes: Any) -> TrainingSpec:
    choices: dict[str, Any] = {"epochs": 2, "learning_rate": 0.5, "momentum": 0.5, "shard_rows": 8, "slices": 3}
    return TrainingSpec(model=changes.pop("model", "logistic"), method="sisa", **(choices | changes))


def compiled(rows: int = 21, forgotten: tuple[int, ...] = (), **changes: Any) -> Stages:
    return stages_of(spec_of(**changes).compile(replace(BINARY, rows=rows), Live(rows, forgotten)))


@st.composite
def cuts(draw: st.DrawFn) -> Shards:
    """A shard has at most twice as many rows as the data set."""
    size = draw(st.sampled_from([1, 2, 4, 8, 16]))
    rows = draw(st.integers(size // 2 + 1, 70))
    batch = draw(st.sampled_from([None, *(1 << i for i in range(size.bit_length() - 1))]))
    return Shards(rows, size, draw(st.integers(1, min(size, 6))), batch)


@st.composite
def parts(draw: st.DrawFn) -> tuple[Shards, Run]:
    """Neighbouring shards that can be trained together."""
    shards = draw(cuts())
    first = draw(st.integers(0, shards.count - 1))
    fits = [n for n in range(1, shards.count - first + 1) if first % (1 << (n - 1).bit_length()) == 0]
    return shards, Run(first, draw(st.sampled_from(fits)))


def rows_of(shards: Shards, shard: int, stage: int) -> list[int]:
    """Positions of a shard that a stage trains on, by what the document says."""
    prefix = -(-stage * shards.shard_rows // shards.slices)
    own = range(shard * shards.shard_rows, min((shard + 1) * shards.shard_rows, shards.rows))
    return [position for position in own if position % shards.shard_rows < prefix]


def batch_of(shards: Shards, shard: int, stage: int, number: int) -> list[int]:
    """Positions of a mini-batch of a stage, or of all of it where there are none."""
    size = shards.batch_size or shards.shard_rows
    return [row for row in rows_of(shards, shard, stage) if row % shards.shard_rows // size == number]


# Places --------------------------------------------------------------------------------------------------------------


@given(cuts())
def test_stages_are_more_and_more_of_each_shard_and_the_last_one_all_of_it(shards: Shards) -> None:
    for shard in range(shards.count):
        seen: list[int] = []
        for stage in range(1, shards.slices + 1):
            rows = rows_of(shards, shard, stage)
            assert rows[: len(seen)] == seen and shards.prefix(stage) > (shards.prefix(stage - 1) if stage > 1 else 0)
            seen = rows
        assert seen == [n for n in range(shards.rows) if n // shards.shard_rows == shard]


@quick
@given(parts(), st.data())
def test_rows_of_a_part_are_those_of_its_shards_and_count_where_they_should(
    part: tuple[Shards, Run], data: st.DataObject
) -> None:
    shards, run = part
    forgotten = tuple(sorted(data.draw(st.sets(st.integers(0, shards.rows - 1)))))
    for number in range(1, shards.slices + 1):
        stage = shards.stage(number).of(run.first, run.count)
        live = stage.live(forgotten)
        counted = stage.positions[live.mask()].tolist()
        wanted = [rows_of(shards, shard, number) for shard in run.shards]
        assert counted == [n for rows in wanted for n in rows if n not in forgotten]
        assert stage.positions[Live(stage.rows, (), stage.ranges).mask()].tolist() == [
            n for rows in wanted for n in rows
        ]
        counts = list(live.counts(stage.shard_places))
        assert counts == [len(set(rows) - set(forgotten)) for rows in wanted]
        slots = stage.shard_places // stage.block_size
        by_batch = [list(live.counts(stage.block_size))[s * slots : (s + 1) * slots] for s in range(run.count)]
        assert by_batch == [
            [len(set(batch_of(shards, shard, number, a)) - set(forgotten)) for a in range(slots)]
            for shard in run.shards
        ]
        assert stage.batches == len([a for a in range(slots) if batch_of(replace(shards, rows=10**6), 0, number, a)])
        assert len(stage.positions) == stage.rows
        assert stage.positions.max() < shards.rows or stage.batches > 1
        assert stage.block_size & (stage.block_size - 1) == 0 and -(-stage.rows // stage.shard_places) == run.count


@given(parts(), parts())
def test_a_run_is_begun_from_one_whose_shards_are_the_same_padding_apart(
    one: tuple[Shards, Run], other: tuple[Shards, Run]
) -> None:
    """Whatever number stands for no shard of the later run, stands for none of the earlier one."""
    earlier, later = one[1], replace(other[1], stage=2, start=0)
    padded = range(later.first, later.first + (1 << later.bits))
    within = set(later.shards) <= set(earlier.shards)
    same = within and not (set(padded) - set(later.shards)) & set(earlier.shards)
    assert earlier.trains(later) == same
    assert not replace(earlier, stage=2, start=0).trains(later)


# Integers ------------------------------------------------------------------------------------------------------------

INTEGERS = "shift weight_bits c_epoch l_epoch m_epoch bounds epochs penalize_bias class_weights".split()


@quick
@given(parts(), st.data(), st.booleans())
def test_the_integers_of_a_shard_are_the_same_in_any_part(
    part: tuple[Shards, Run], data: st.DataObject, standardize: bool
) -> None:
    """Alone, among some, among all, and in a data set of this shard and those before it only."""
    shards, run = part
    forgotten = tuple(sorted(data.draw(st.sets(st.integers(0, shards.rows - 1), max_size=shards.rows - 1))))
    sizes = {"shard_rows": shards.shard_rows, "slices": shards.slices, "standardize": standardize}
    sizes |= {"batch_size": shards.batch_size}
    whole = compiled(shards.rows, forgotten, **sizes)
    for number, schedule in enumerate(whole.stages, 1):
        among = schedule.of_shards(run.first, run.count)
        for index, shard in enumerate(run.shards):
            alone = schedule.of_shards(shard, 1)
            assert among.of_shards(index, 1) == alone
            assert {name: getattr(alone, name) for name in INTEGERS} == {n: getattr(schedule, n) for n in INTEGERS}
            count = len(set(rows_of(shards, shard, number)) - set(forgotten))
            batches = [len(set(batch_of(shards, shard, number, a)) - set(forgotten)) for a in range(alone.batches)]
            assert alone.shard_counts[0] == count == alone.live.count == sum(batches)
            assert list(alone.live_counts)[: alone.batches] == batches
            factors = list(alone.c_block)[: alone.batches]
            assert [bool(factor) for factor in factors] == list(map(bool, batches)) or standardize
            own = alone.standardization_of(0)
            assert own == schedule.standardization_of(shard) and (own is not None) == standardize
            if own is not None:
                assert (own.count, own.rows) == (max(count, 1), shards.shard_rows)
                assert factors == [1] or shards.batch_size


@pytest.mark.parametrize("batch", [None, 2])
@pytest.mark.parametrize("standardize", [False, True])
def test_the_integers_of_a_shard_do_not_depend_on_how_many_there_are(standardize: bool, batch: int | None) -> None:
    few, many = (compiled(rows, (1, 9), standardize=standardize, batch_size=batch) for rows in (21, 700))
    for one, other in zip(few.stages, many.stages, strict=True):
        for shard in (0, 1):
            mine, theirs = one.of_shards(shard, 1), other.of_shards(shard, 1)
            assert replace(mine, live=theirs.live, stage=theirs.stage) == theirs
            assert mine.live == theirs.live


@quick
@given(cuts(), st.data(), st.sampled_from(["logistic", "linear"]), st.floats(0.01, 8))
def test_bounds_of_standardised_shards_hold_whichever_rows_are_forgotten(
    shards: Shards, data: st.DataObject, model: str, rate: float
) -> None:
    """Public integers do not depend on who is forgotten but for n, and with any n all of them are in their bits."""
    forgotten = tuple(sorted(data.draw(st.sets(st.integers(0, shards.rows - 1), max_size=shards.rows - 1))))
    real = model == "linear"
    kind = {"label_kind": "real", "label_bits": 14, "classes": ()} if real else {}
    shape = replace(BINARY, rows=shards.rows, **kind)  # type: ignore[arg-type]
    spec = spec_of(
        model=model, shard_rows=shards.shard_rows, slices=shards.slices, standardize=True, learning_rate=rate,
        batch_size=shards.batch_size,
    )  # fmt: skip
    try:
        whole, some = (stages_of(spec.compile(shape, Live(shards.rows, own))) for own in ((), forgotten))
    except ParameterError:
        return
    spread = (shards.shard_rows << (2 * BINARY.x_bits)) + shards.shard_rows
    for all_count, stage in zip(whole.stages, some.stages, strict=True):
        same = {name: getattr(stage, name) for name in INTEGERS}
        assert same == {name: getattr(all_count, name) for name in INTEGERS}
        fewest: Any = stage.standardization_of(min(range(stage.blocks), key=lambda b: stage.shard_counts[b]))
        for block in range(stage.blocks):
            own: Any = stage.standardization_of(block)
            assert own.of(shards.shard_rows) == stage.standardization
            assert own.each is None or own.amplitude == own.each * own.count
            assert own.largest_rate <= fewest.largest_rate < 1 << fewest.rate_bits
            highest = (own.count << (2 * BINARY.x_bits)) + own.count + own.floor  # V + V0
            assert 2 * own.largest_rate * highest + 2 * highest < MODULUS and highest <= spread + own.floor
            assert own.count - 1 < 1 << own.remainder_bits and 2 * highest - 1 < 1 << own.division_bits
            assert own.amplitude // (own.count << (2 * BINARY.x_bits)) <= own.bias_rate


def test_a_divisor_is_that_of_the_rows_that_count_even_if_all_are_the_same() -> None:
    all_count, one_less = (compiled(16, forgotten, slices=1).stages[0] for forgotten in ((), (0,)))
    assert list(all_count.live_counts) == [8, 8] and len(set(all_count.c_block)) == 1
    whole = all_count.c_block[0] * 8
    assert whole > 8 and whole & (whole - 1) == 0, "2^k"
    assert abs(one_less.c_block[0] * 7 - whole) <= 3 and one_less.c_block[1] == all_count.c_block[1]


@pytest.mark.parametrize("changes", [{}, {"l2": 0.1, "momentum": "increasing"}, {"bias": False}], ids=str)
def test_batches_of_a_shard_are_those_of_gradient_descent_on_its_rows_alone(changes: dict[str, Any]) -> None:
    """Where not all batches have as many rows that count: those of other shards are no matter. The same integers."""
    chosen = {"epochs": 3, "learning_rate": (0.5, 0.25, 0.125), "momentum": 0.5, "batch_size": 2, **changes}
    sharded = compiled(24, (1, 8, 9, 20), slices=1, **chosen).stages[0]
    for shard, forgotten in enumerate(((1,), (0, 1), (4,))):
        alone = sharded.of_shards(shard, 1)
        plain: Any = TrainingSpec(model="logistic", method="gradient descent", **chosen).compile(
            replace(BINARY, rows=8), Live(8, forgotten)
        )
        for name in (*INTEGERS, "c_block", "live_counts", "rows", "block_size", "batches", "steps"):
            assert getattr(alone, name) == getattr(plain, name), name
        assert alone.live.mask().tolist() == plain.live.mask().tolist()
        ranges = alone.effective_learning_rate_range(), plain.effective_learning_rate_range()
        assert ranges[0] == ranges[1]


# What is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shard_rows": 12}, "shard_rows = 12: must be a power of two, as 8 or 16"),
        ({"shard_rows": 0}, "shard_rows"),
        ({"shard_rows": 1 << 29}, "shard_rows"),
        ({"shard_rows": True}, "shard_rows"),
        ({"slices": 9}, "slices = 9: a shard has 8 rows, and each slice needs one"),
        ({"slices": 0}, "slices"),
        ({"slices": 65, "shard_rows": 128}, "slices"),
        ({"aggregate": "mean"}, "aggregate = 'mean': must be one of probability, score, vote"),
        ({"batch_size": 3}, "batch_size = 3: must be a power of two"),
        ({"batch_size": 8}, "batch_size = 8: must be below shard_rows; all of a shard is a full batch"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": True}, "batch_size"),
        ({"standardize": True, "bias": False}, "standardize"),
        ({"epochs": 0}, "epochs"),
    ],
    ids=str,
)
def test_a_spec_that_means_nothing_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ZkUnlearnError, match=message):
        spec_of(**changes)


@pytest.mark.parametrize(
    ("rows", "changes", "message"),
    [
        (4, {}, "shard_rows = 8: the data set has 4 rows, fewer than half; use at most 4"),
        (4097, {"shard_rows": 1, "slices": 1}, "makes 4097 shards, more than 4096; use at least 2"),
        (1 << 20, {"shard_rows": 1 << 20, "epochs": 1 << 12, "slices": 1}, "more than one proof can carry"),
        (1 << 12, {"shard_rows": 1, "slices": 1, "epochs": 1 << 15}, "more than one proof can carry"),
    ],
)
def test_a_training_that_no_proof_can_carry_is_refused(rows: int, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        spec_of(**changes).method.require_provable(replace(BINARY, rows=rows))
    with pytest.raises(ParameterError, match=message):  # who compiles it need not have asked
        compiled(rows, **changes)


def test_more_features_of_all_shards_than_one_proof_can_standardise_are_refused() -> None:
    """2^17 of them, whatever the epochs."""
    method = spec_of(shard_rows=4, slices=1, epochs=1, standardize=True).method
    most = replace(BINARY, rows=4096, features=128)
    method.require_provable(most)
    with pytest.raises(ParameterError, match="standardize: 129 features of 1024 shards are more than one proof can"):
        method.require_provable(replace(most, features=129))
    spec_of(shard_rows=4, slices=1, epochs=1).method.require_provable(replace(most, features=129))


@pytest.mark.parametrize(("model", "kind", "bits"), [("linear", "real", 14), ("poisson", "count", 0)])
def test_a_vote_needs_classes(model: str, kind: str, bits: int) -> None:
    spec = spec_of(model=model, aggregate="vote", learning_rate=0.01)
    shape = replace(BINARY, label_kind=kind, label_bits=bits, classes=())
    with pytest.raises(ParameterError, match='aggregate = "vote"'):
        spec.compile(shape, Live(21))


SCOPES: dict[str, tuple[tuple[Run, ...], tuple[tuple[Run, ...], ...], str]] = {
    "everything written out": ((Run(0, 3),), (), "where nothing is said"),
    "out of order": ((Run(2, 1), Run(0, 1)), (), "no run of 3"),
    "overlapping": ((Run(0, 2), Run(1, 1)), (), "no run of 3"),
    "not where that many can begin": ((Run(1, 2),), (), "no run of 3"),
    "past the last": ((Run(2, 2),), (), "no run of 3"),
    "no shard": ((Run(0, 0),), (), "no run of 3"),
    "a stage past the last": ((Run(0, 1, 4, 0),), ((),), "begins where it cannot"),
    "a later stage from zero": ((Run(0, 1, 2),), (), "begins where it cannot"),
    "a first stage from models": ((Run(0, 1, 1, 0),), ((),), "begins where it cannot"),
    "a start that nobody names": ((Run(0, 1),), ((),), "begins from statements"),
    "a start that is not there": ((Run(0, 1, 2, 1),), ((),), "begins from statements"),
    "a start without the stage before": ((Run(0, 1, 2, 0),), ((Run(0, 1, 2, 0),),), "no models of stage 1"),
    "a start without the shard": ((Run(0, 1, 2, 0),), ((Run(1, 1),),), "no models of stage 1"),
    "a start of what is no run": ((Run(0, 1, 2, 0),), ((Run(0, 3, 2),),), "begins where it cannot"),
    "a start of runs out of order": ((Run(0, 1, 2, 0),), ((Run(2, 1), Run(0, 1)),), "no run of 3"),
    "a start of parts of it": ((Run(0, 2, 2, 0),), ((Run(0, 1), Run(1, 1)),), "no models of stage 1"),
}


@pytest.mark.parametrize("what", SCOPES)
def test_a_scope_that_cannot_be_trained_is_refused(what: str) -> None:
    runs, starts, message = SCOPES[what]
    with pytest.raises(ParameterError, match=message):
        compiled().scoped(runs, starts)


def test_other_methods_have_no_shards() -> None:
    other = TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)
    schedule = other.compile(BINARY, Live(21))
    with pytest.raises(ParameterError, match="sharded trainings only"):
        schedule.scoped((Run(0, 1),), ())
    with pytest.raises(ParameterError, match="sharded trainings only"):
        stages_of(schedule)
    with pytest.raises(ParameterError, match="sharded trainings only"):
        other.method.model_shape(BINARY, (Run(0, 1),))


@pytest.mark.parametrize(
    ("rows", "forgotten", "empty"),
    [(17, (16,), (2,)), (17, (), ()), (21, tuple(range(8)), (0,)), (21, (0, 1, 2), ()), (21, tuple(range(20)), (0, 1))],
    ids=["a last shard of one row, forgotten", "of one row", "a whole shard", "a whole first slice", "all but one row"],
)
def test_shards_without_rows_have_no_say_and_those_without_a_first_slice_do(
    rows: int, forgotten: tuple[int, ...], empty: tuple[int, ...]
) -> None:
    found = compiled(rows, forgotten)
    assert found.empty_shards == empty
    assert [i for i, c in enumerate(found.stages[-1].c_block) if not c] == list(empty)
    with pytest.raises(ParameterError, match="every row is forgotten"):
        compiled(rows, tuple(range(rows)))


def test_parts_are_in_the_order_in_which_they_begin_from_each_other() -> None:
    found = compiled().scoped((Run(0, 1, 2, 0), Run(2, 1)), ((),))
    assert [(part.run.first, part.number, part.source, part.start) for part in found.parts] == [
        (0, 2, Run(0, 3), 0),
        (0, 3, Run(0, 1, 2, 0), None),
        (2, 1, None, None),
        (2, 2, Run(2, 1), None),
        (2, 3, Run(2, 1), None),
    ]
    shape = spec_of().method.model_shape(BINARY, found.runs)
    assert shape == (5, 3)
    assert np.prod(spec_of().method.model_shape(BINARY)) == 9 * 3


def test_a_scope_of_more_stages_than_a_proof_should_have_is_refused() -> None:
    spec = TrainingSpec(model="logistic", method="sisa", shard_rows=64, slices=64, epochs=1, learning_rate=0.5)
    shape = DatasetShape(rows=64 * 20, features=1, label_kind="binary", label_bits=0, x_bits=10, classes=("no", "yes"))
    whole: Any = spec.compile(shape, Live(shape.rows))
    runs = tuple(Run(shard, 1) for shard in range(8))
    assert len(whole.scoped(runs, ()).parts) == MAX_PARTS
    with pytest.raises(ParameterError, match=f"576 stages of runs are more than {MAX_PARTS}"):
        whole.scoped((*runs, Run(8, 1)), ())
