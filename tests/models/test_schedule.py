"""Schedules: the integers of the update rule, the bound analysis, and what it refuses."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zkunlearn.errors import ParameterError
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.live import Live
from zkunlearn.models.methods.geometry import FIELD_MODULUS
from zkunlearn.models.scales import FixedPoint
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec


def shape(rows=100, features=5, label_kind="binary", label_bits=0, x_bits=10, classes=()):
    return DatasetShape(
        rows=rows, features=features, label_kind=label_kind, label_bits=label_bits, x_bits=x_bits, classes=classes
    )


def spec(**changes):
    return TrainingSpec(
        **{"model": "logistic", "method": "gradient descent", "epochs": 3, "learning_rate": 0.5, **changes}
    )


def compile_schedule(declared, its, forgotten):
    return declared.compile(its, Live(its.rows, tuple(forgotten)))


def test_full_batch_is_one_block_of_the_next_power_of_two():
    schedule = compile_schedule(spec(), shape(), [])
    assert (schedule.blocks, schedule.block_size, schedule.width, schedule.steps) == (1, 128, 6, 3)
    assert (list(schedule.c_block), list(schedule.live_counts), schedule.label_multiplier) == ([1], [100], 1 << 16)
    assert schedule.block_rows(0) == slice(0, 100)


def test_the_last_block_may_be_short():
    schedule = compile_schedule(spec(batch_size=32, bias=False), shape(), [0, 96, 97, 98, 99])
    assert (schedule.blocks, schedule.width) == (4, 5)
    assert list(schedule.live_counts) == [31, 32, 32, 0]
    assert schedule.c_block[3] == 0
    assert schedule.effective_learning_rate(0, 3) == 0.0
    assert schedule.block_rows(3) == slice(96, 100)


def test_equal_blocks_leave_all_precision_to_the_epoch_factor():
    schedule = compile_schedule(spec(batch_size=32), shape(rows=96), [0, 40, 70])
    assert list(schedule.c_block) == [1, 1, 1]
    h = schedule.shift
    assert schedule.c_epoch[0] == round(Fraction(1, 2) / 31 * 2 ** (h + 16 - 16 - 10))


def test_learning_rates_follow_the_epochs():
    schedule = compile_schedule(spec(learning_rate=(0.5, 0.25, 0.125), l2=0.01), shape(), [3])
    for epoch, rate in enumerate((0.5, 0.25, 0.125)):
        assert schedule.effective_learning_rate(epoch, 0) == pytest.approx(rate, rel=1e-3)
        assert schedule.effective_weight_decay(epoch) == pytest.approx(rate * 0.01, rel=1e-3)


problems = st.fixed_dictionaries(
    {
        "rows": st.integers(2, 5000),
        "features": st.integers(1, 300),
        "batch": st.none() | st.integers(0, 10).map(lambda b: 1 << b),
        "rate": st.floats(1e-3, 4),
        "l2": st.just(0.0) | st.floats(1e-4, 0.1),
        "model": st.sampled_from(["logistic", "linear", "probit"]),
    }
)


@settings(max_examples=60, deadline=None)
@given(problems, st.data())
def test_what_is_accepted_is_accepted_for_every_forget_list_with_the_same_shift(problem, data):
    declared = spec(
        model=problem["model"], learning_rate=problem["rate"], l2=problem["l2"], batch_size=problem["batch"]
    )
    real = problem["model"] == "linear"
    its = shape(problem["rows"], problem["features"], "real" if real else "binary", 14 if real else 0)
    try:
        trained = compile_schedule(declared, its, [])
    except ParameterError:
        return
    rows = st.integers(0, problem["rows"] - 1)
    forgotten = sorted(data.draw(st.lists(rows, unique=True, max_size=problem["rows"] - 1)))
    unlearnt = compile_schedule(declared, its, forgotten)
    assert (unlearnt.shift, unlearnt.weight_bits, unlearnt.bounds) == (
        trained.shift,
        trained.weight_bits,
        trained.bounds,
    )
    for schedule in (trained, unlearnt):
        low, high = schedule.effective_learning_rate_range()
        assert abs(low / problem["rate"] - 1) <= 0.01 and abs(high / problem["rate"] - 1) <= 0.01
        bounds = dict(schedule.bounds)
        weight = 1 << (schedule.weight_bits - 1)
        # The actual integers stay within the analysis.
        for c, n in zip(schedule.c_block, schedule.live_counts, strict=True):
            step = max(schedule.c_epoch) * c * n * bounds["residual |r|"] * bounds["feature |x|"]
            step += max(schedule.l_epoch) * weight + (1 << (schedule.shift - 1))
            assert step <= bounds["step |c g + l w + 2^(h-1) - u|"] < 1 << 62
        assert bounds["update |2^h (w_t - w_(t+1))| + |step|"] < FIELD_MODULUS


def test_the_shift_is_the_largest_that_fits():
    # Logistic, 100 rows: the move 2^h * (2^32 - 1) is what limits, and 2^32 * 2^32 exceeds p.
    assert (
        compile_schedule(spec(), shape(), []).shift,
        compile_schedule(spec(), shape(), []).weight_bits,
    ) == (31, 32)


@pytest.mark.parametrize("x_bits", [4, 10, 14])
def test_features_are_bounded_by_their_scale(x_bits):
    declared = spec(fixed_point=FixedPoint(x_bits=x_bits, w_bits=26 - x_bits))
    schedule = compile_schedule(declared, shape(x_bits=x_bits), [])
    bounds, one = dict(schedule.bounds), 1 << x_bits
    assert bounds["feature |x|"] == one
    assert bounds["score |z|"] == schedule.width * one << (schedule.weight_bits - 1)
    assert bounds["gradient |g|"] == 100 * bounds["residual |r|"] * one


def test_a_bound_of_features_that_is_tight_gives_a_larger_shift():
    """For these reals 16-bit features would stop at 36: 2^15 in place of 2^10 takes what five bits leave."""
    schedule = compile_schedule(
        spec(model="linear"), shape(rows=16_384, features=64, label_kind="real", label_bits=14), []
    )
    assert (schedule.shift, schedule.weight_bits) == (39, 24)


def test_momenta_stay_below_one_and_leave_the_step_its_room():
    plain = compile_schedule(spec(), shape(), [])
    for share in (0.5, 1 - 2**-50):
        schedule = compile_schedule(spec(momentum=share), shape(), [])
        (factor,) = schedule.m_epoch.values
        assert factor == min(round(share * 2**schedule.shift), 2**schedule.shift - 1)
        assert schedule.effective_momentum(0) == pytest.approx(share, abs=2.0**-schedule.shift)
        bounds, width = dict(schedule.bounds), 2**schedule.weight_bits - 1
        assert bounds["step with momentum"] >= bounds["step |c g + l w + 2^(h-1) - u|"] + factor * width - width
        assert bounds["step with momentum"] < 2**63 and schedule.shift <= plain.shift


def test_weights_of_classes_widen_residuals():
    its = shape(classes=("no", "yes"))
    schedule = compile_schedule(spec(class_weight={"no": 3, "yes": 200}), its, [])
    assert schedule.class_weights == (3, 200)
    plain = dict(compile_schedule(spec(), its, []).bounds)
    assert dict(schedule.bounds)["residual |r|"] == 200 * plain["residual |r|"]
    assert schedule.row_weights(np.array([0, 1, 1])).tolist() == [3, 200, 200]


def test_many_rows_narrow_the_weights_to_keep_the_rate_precise():
    schedule = compile_schedule(spec(learning_rate=0.3), shape(rows=4096), [])
    assert schedule.weight_bits == 24
    assert schedule.effective_learning_rate(0, 0) == pytest.approx(0.3, rel=1e-4)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_every_family_fits_a_default_commitment_by_default(family):
    for kind in family.label_kinds:
        classes = ("a", "b", "c") if kind == "categorical" else ()
        its = shape(rows=20_000, features=64, label_kind=kind, label_bits=14 if kind == "real" else 0, classes=classes)
        if (family.name, kind) == ("linear", "count"):  # labels up to 2^16 leave a rate of 0.1 too few bits
            its = shape(rows=40, label_kind=kind)
        assert compile_schedule(spec(model=family.name, learning_rate=0.1), its, [])


def test_poisson_fits_with_a_finer_feature_scale():
    declared = spec(model="poisson", fixed_point=FixedPoint(x_bits=13, p_bits=12), learning_rate=0.1)
    schedule = compile_schedule(declared, shape(label_kind="count", x_bits=13), [])
    assert schedule.label_multiplier == 1 << 12
    assert schedule.effective_learning_rate(0, 0) == pytest.approx(0.1, rel=1e-2)


@pytest.mark.parametrize(
    ("changes", "its", "forgotten", "message"),
    [
        ({}, {"x_bits": 11}, [], "fixed_point.x_bits = 10: the data set has 11"),
        (
            {},
            {"label_kind": "count"},
            [],
            "model = 'logistic': needs binary or categorical labels, the data set has count",
        ),
        (
            {},
            {"label_kind": "real", "label_bits": 14},
            [],
            'the data set has real; for classes that are numbers ask when committing: label_kind="categorical"',
        ),
        ({"model": "poisson"}, {}, [], "model = 'poisson': needs count labels"),
        (
            {"model": "linear", "fixed_point": FixedPoint(p_bits=12)},
            {"label_kind": "real", "label_bits": 14},
            [],
            "fixed_point.p_bits = 12: must be at least the 14 bits of the labels",
        ),
        ({"model": "poisson", "fixed_point": FixedPoint()}, {"label_kind": "count"}, [], "use more w_bits or x_bits"),
        (
            {"learning_rate": 1e-9},
            {},
            [],
            r"learning_rate: rounding .* more than 1%; use a larger learning_rate",
        ),
        ({"l2": 1e-12}, {}, [], "or l2 = 0 or larger"),
        (
            {"learning_rate": 1e30},
            {},
            [],
            r"step \|c g \+ l w \+ 2\^\(h-1\) - u\| can reach \d+, which must stay below 4611686018427387904",
        ),
        (
            {"class_weight": {"yes": 2, "nay": 1}},
            {"classes": ("no", "yes")},
            [],
            "class_weight: names 'nay', 'yes', where the labels are 'no', 'yes'",
        ),
        (
            {"model": "linear", "class_weight": {"0": 2, "1": 1}},
            {"label_kind": "real", "label_bits": 14},
            [],
            "class_weight: needs labels of classes, the data set has real",
        ),
        ({}, {}, [100], "forgotten row 100: the data set has rows 0 to 99"),
        ({}, {}, [-1], "forgotten row -1"),
        ({}, {}, [4, 4], "positions must increase strictly"),
        ({}, {}, range(100), "every row is forgotten"),
    ],
)
def test_what_cannot_be_proved_is_refused_by_name(changes, its, forgotten, message):
    with pytest.raises(ParameterError, match=message):
        compile_schedule(spec(**changes), shape(**its), forgotten)


@pytest.mark.parametrize(
    ("its", "message"),
    [
        ({"rows": 0}, "rows = 0"),
        ({"features": 1 << 20}, "features = 1048576"),
        ({"label_kind": "ordinal"}, "label_kind = 'ordinal'"),
        ({"label_bits": 3}, "label_bits = 3: not possible for binary labels"),
    ],
)
def test_impossible_shapes_are_refused(its, message):
    with pytest.raises(ParameterError, match=message):
        shape(**its)
