"""Owners whose model is not the rounding of the optimum that is declared.

A lie goes through all that follows from it: what is rejected is rejected for the one step that is false.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.relations import residual as names
from zkunlearn.circuits.relations.certified import BIAS, SLACK, WEIGHTS, Parameter
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.models.families import FAMILIES
from zkunlearn.models.live import Live
from zkunlearn.models.methods.link_certificate import OptimumCertificate
from zkunlearn.models.methods.optimum_reference import Settled, row_values
from zkunlearn.models.scales import FineScales

from .harness import assert_valid, caught, changed, prove
from .optimum_runs import (
    FEATURES,
    FORGOTTEN,
    MODULUS,
    ROWS,
    Data,
    Found,
    Integers,
    OptimumDeclared,
    committed,
    declare_optimum,
    found,
    integers,
    inverse,
    off,
    settled_at,
    told,
    values,
)

ROW, FEATURE = 4, 1
SUM = "lookup sum"
SLOW = pytest.mark.slow


@pytest.fixture(scope="module")
def own() -> OptimumDeclared:
    return declare_optimum()


@pytest.fixture(scope="module")
def data() -> Data:
    return values()


@pytest.fixture(scope="module")
def true(own: OptimumDeclared, data: Data) -> Found:
    return found(data, own.schedule)


@pytest.fixture(scope="module")
def said(own: OptimumDeclared, true: Found) -> Integers:
    return integers(own, true)


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bias": False},
        {"model": "probit"},
        {"features": 4, "rows": 16, "forgotten": ()},
        pytest.param({"features": 1, "bias": False}, marks=SLOW),
        {"forgotten": tuple(range(12)), "l2": 0.5},
        {"l2": 0.5, "distances": (1 << 12, 3000)},
        pytest.param({"l2": 0.001, "grid": 30}, marks=SLOW),
        {"grid": 32, "fixed_point": FineScales(w_bits=32, p_bits=20)},
    ],
    ids=str,
)
def test_a_certified_optimum_is_accepted(changes: dict[str, Any]) -> None:
    own = declare_optimum(**changes)
    data = values(own.data.rows, own.data.features)
    assert_valid(prove(own.shape, told(own, data, found(data, own.schedule))))


def test_any_weights_within_the_distance_are_accepted_and_give_the_same_model(
    own: OptimumDeclared, data: Data, true: Found
) -> None:
    moved = found_at(own, data, true.settled.weights + 1)
    assert not np.array_equal(moved.settled.weights, true.settled.weights)
    assert np.array_equal(moved.settled.model, true.settled.model)
    assert_valid(prove(own.shape, told(own, data, moved)))


def found_at(own: OptimumDeclared, data: Data, weights: Any, schedule: OptimumCertificate | None = None) -> Found:
    """What follows from weights, whether it is a certificate or not, at the declared distance."""
    s, (X, y) = schedule or own.schedule, data
    whole = np.hstack([X, np.full((len(X), int(s.bias)), s.one)])
    rows = row_values(weights @ whole.T, s)
    labels = y if s.outputs == 1 else y == np.arange(s.outputs)[:, None]
    gradient = ((rows.residuals(labels, s) @ whole) << s.raised) + s.penalty * weights
    return concluded(own, rows, weights, gradient, s)


def concluded(own: OptimumDeclared, rows: Any, weights: Any, gradient: Any, s: OptimumCertificate) -> Found:
    """What follows from a gradient, in integers that may be out of range."""
    moved, raised = gradient + ((1 << s.shift) >> 1), weights + (1 << (s.grid - 1))
    cut, model = moved >> s.shift, raised >> s.grid
    below = raised - (model << s.grid) - s.distance
    slack = s.radius**2 - sum(int(value) ** 2 for value in cut.ravel())
    rest, above = moved - (cut << s.shift), s.room - below
    return Found(rows, Settled(weights, gradient, cut, rest, slack, 0, below, above, model))


# Other rows, labels, public integers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "forgotten", [(2,), (2, 4), (2, 5, 7), pytest.param((), marks=SLOW), pytest.param((3, 6), marks=SLOW)], ids=str
)
def test_the_optimum_of_other_rows_is_rejected(own: OptimumDeclared, data: Data, forgotten: tuple[int, ...]) -> None:
    """One row too many, a neighbour's in its place, one too few; with what the declared rows' count implies."""
    other = found(data, replace(own.schedule, live=Live(ROWS, forgotten)))
    rows = row_values(other.rows.z, own.schedule)
    caught(own, told(own, data, Found(rows, other.settled)), "gradient")


def test_a_row_that_is_counted_twice_is_rejected(own: OptimumDeclared, data: Data) -> None:
    """The optimum that it has where a forgotten row is a copy of it, with the gradient that then is short."""
    (X, y), s = data, own.schedule
    again = X.copy(), y.copy()
    for values_ in again:
        values_[2] = values_[ROW]
    twice = found(again, replace(s, live=Live(ROWS, (5,))))
    honest = found_at(own, data, twice.settled.weights)
    assert honest.settled.slack < 0 <= twice.settled.slack
    lie = Found(honest.rows, replace(twice.settled, slack=twice.settled.slack))
    caught(own, told(own, data, lie), "gradient")


@pytest.mark.parametrize("place", [0, pytest.param(12, marks=SLOW)])
def test_the_optimum_of_another_label_is_rejected(own: OptimumDeclared, data: Data, place: int) -> None:
    X, y = data
    labels = y.copy()
    labels[place] = 1 - labels[place]
    caught(own, told(own, data, found((X, labels), own.schedule)), "gradient")


@pytest.mark.parametrize(
    "changes",
    [{"penalty": 1}, {"raised": 1}, *(pytest.param(one, marks=SLOW) for one in ({"raised": -1}, {"penalty": -1}))],
    ids=str,
)
def test_another_penalty_or_number_of_rows_is_rejected(
    own: OptimumDeclared, data: Data, changes: dict[str, int]
) -> None:
    """c of another l2, or of n - 1; e of another n."""
    other = replace(own.schedule, **{name: getattr(own.schedule, name) + by for name, by in changes.items()})
    caught(own, told(own, data, concluded_found(own, data, other)), "gradient")


def concluded_found(own: OptimumDeclared, data: Data, schedule: OptimumCertificate) -> Found:
    """The optimum of other integers, and what the declared ones make of its gradient."""
    lie = found(data, schedule)
    return concluded(own, lie.rows, lie.settled.weights, lie.settled.gradient, own.schedule)


def test_the_link_of_another_family_is_rejected(own: OptimumDeclared, data: Data) -> None:
    other = replace(own.schedule, family=replace(FAMILIES["logistic"], edges=FAMILIES["probit"].edges))
    lie = found_at(own, data, found(data, own.schedule).settled.weights, other)
    outcome = prove(own.shape, told(own, data, lie))
    assert outcome.verdict() == "constraints" and SUM in outcome.prover.lies


def test_a_distance_that_is_not_the_declared_one_is_rejected(own: OptimumDeclared, data: Data, true: Found) -> None:
    """A shorter one, that leaves more room beside edges: of A and B, and of the radius."""
    lie = settled_at(true, own.schedule, 1)
    caught(own, told(own, data, lie), "rounding", "edges", "norm")
    assert_valid(prove(declared_at(own, 1).shape, told(declared_at(own, 1), data, lie)))


def declared_at(own: OptimumDeclared, number: int) -> OptimumDeclared:
    other = OptimumDeclared(own.spec, own.data, own.forgotten)
    vars(other)["schedule"] = own.schedule.at_distance(number)
    return other


# Rows ----------------------------------------------------------------------------------------------------------------


def test_a_cell_higher_with_a_negative_middle_is_rejected(own: OptimumDeclared, data: Data, said: Integers) -> None:
    s, q = own.schedule, int(said[names.Q][ROW]) + 1
    edge, step = int(s.edges[q + 32768]), int(s.edges[q + 32769] - s.edges[q + 32768])
    middle = int(said[names.MIDDLE][ROW]) - 65536
    lie = {
        **said,
        names.Q: off(said[names.Q], ROW, 1),
        names.EDGE: off(said[names.EDGE], ROW, edge - said[names.EDGE][ROW]),
        names.STEP: off(said[names.STEP], ROW, step - said[names.STEP][ROW]),
        names.MIDDLE: off(said[names.MIDDLE], ROW, -65536),
        names.PRODUCT: off(said[names.PRODUCT], ROW, step * middle - said[names.PRODUCT][ROW]),
    }
    risen = step * middle + 32768 >> 16
    total = edge + risen - said[names.EDGE][ROW]
    lie[names.RISEN] = off(said[names.RISEN], ROW, risen - said[names.RISEN][ROW])
    lies = (SUM,) if total == said[names.RISEN][ROW] else (SUM, "gradient")
    caught(own, committed(own, data, lie), *lies)


def test_a_cell_lower_with_a_middle_of_more_bits_is_rejected(own: OptimumDeclared, data: Data, said: Integers) -> None:
    """The same score; the prediction is that of a straight line beyond its cell."""
    s, q = own.schedule, int(said[names.Q][ROW]) - 1
    edge, step = int(s.edges[q + 32768]), int(s.edges[q + 32769] - s.edges[q + 32768])
    middle = int(said[names.MIDDLE][ROW]) + 65536
    changes = {
        names.Q: q, names.EDGE: edge, names.STEP: step, names.MIDDLE: middle, names.PRODUCT: step * middle,
        names.RISEN: step * middle + 32768 >> 16,
    }  # fmt: skip
    lie = {**said, **{name: off(said[name], ROW, value - said[name][ROW]) for name, value in changes.items()}}
    total = changes[names.EDGE] + changes[names.RISEN] - said[names.EDGE][ROW]
    lies = (SUM,) if total == said[names.RISEN][ROW] else (SUM, "gradient")
    caught(own, committed(own, data, lie), *lies)


def test_predictions_at_another_scale_are_rejected(own: OptimumDeclared, data: Data) -> None:
    """Of a table whose numbers have a bit less, with labels of that scale: as short a gradient, of other numbers."""
    coarse = replace(own.schedule, scales=replace(own.schedule.scales, p_bits=own.schedule.scales.p_bits - 1))
    lie = found_at(own, data, found(data, own.schedule).settled.weights, coarse)
    outcome = prove(own.shape, told(own, data, lie))
    assert outcome.verdict() == "constraints" and {"gradient", SUM} <= outcome.prover.lies


@pytest.mark.parametrize(
    ("column", "by", "lies"),
    [
        (names.STEP, 1, ("step", SUM)),  # the step of another cell: no such tuple, and another product
        (names.EDGE, 1, ("gradient", SUM)),
        (names.Q, 1, (SUM,)),
        (names.MIDDLE, 1, ("step", SUM)),  # the low part of z is then out of range
        (names.RISEN, 1, ("gradient", SUM)),
        (names.Z, 1 << 16, ("product", SUM)),
        (names.PRODUCT, 1 << 16, ("step", SUM)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_cell_of_a_row_that_is_off_is_rejected(
    own: OptimumDeclared, data: Data, said: Integers, column: Any, by: int, lies: tuple[str, ...]
) -> None:
    caught(own, committed(own, data, {**said, column: off(said[column], ROW, by)}), *lies)


def test_a_prediction_that_is_no_step_times_a_middle_is_rejected(
    own: OptimumDeclared, data: Data, true: Found, said: Integers
) -> None:
    """A unit more than it is, with the gradient that follows, which is still short enough."""
    s, (X, _) = own.schedule, data
    gradient = true.settled.gradient + (np.append(X[ROW], s.one) << s.raised)
    lie = integers(own, concluded(own, true.rows, true.settled.weights, gradient, s))
    assert lie[SLACK][0] >= 0
    lie |= {names.RISEN: off(said[names.RISEN], ROW, 1), names.PRODUCT: off(said[names.PRODUCT], ROW, 1 << 16)}
    caught(own, committed(own, data, lie), "step")


def test_scores_cut_without_half_a_unit_are_rejected(own: OptimumDeclared, data: Data, said: Integers) -> None:
    """Where the low part of a score is in its upper half, the middle is one less."""
    low = said[names.Z] + 32768 - (said[names.Q] << 32) - (said[names.MIDDLE] << 16)
    rows = [n for n in range(ROWS) if n not in FORGOTTEN and low[n] < 32768 and said[names.MIDDLE][n] > 0]
    place = rows[0]
    step = said[names.STEP][place]
    lie = {
        **said,
        names.MIDDLE: off(said[names.MIDDLE], place, -1),
        names.PRODUCT: off(said[names.PRODUCT], place, -step),
    }
    risen = lie[names.PRODUCT][place] + 32768 >> 16
    lie[names.RISEN] = off(said[names.RISEN], place, risen - said[names.RISEN][place])
    lies = (SUM,) if risen == said[names.RISEN][place] else (SUM, "gradient")
    caught(own, committed(own, data, lie), *lies)


def test_another_cell_s_step_is_no_tuple(own: OptimumDeclared, data: Data, said: Integers) -> None:
    """Edge and cell belong together, step and cell of another row do: two pairs of the table, and no triple."""
    steps = said[names.STEP]
    others = [n for n in range(ROWS) if n not in FORGOTTEN and steps[n] != steps[ROW]]
    step, middle = steps[others[0]], said[names.MIDDLE][ROW]
    risen = step * middle + 32768 >> 16
    lie = {
        **said,
        names.STEP: off(steps, ROW, step - steps[ROW]),
        names.PRODUCT: off(said[names.PRODUCT], ROW, step * middle - said[names.PRODUCT][ROW]),
        names.RISEN: off(said[names.RISEN], ROW, risen - said[names.RISEN][ROW]),
    }
    caught(own, committed(own, data, lie), "gradient", SUM)


def test_a_prediction_that_any_remainder_would_leave_is_rejected(
    own: OptimumDeclared, data: Data, said: Integers
) -> None:
    """P' = (D M + 2^15 - 77) / 2^16 modulo p has 77 as its rest, and is no number of 16 bits."""
    risen = (said[names.PRODUCT][ROW] + 32768 - 77) * inverse(1 << 16) % MODULUS
    assert risen >= 1 << 16
    lie = {**said, names.RISEN: off(said[names.RISEN], ROW, risen - said[names.RISEN][ROW])}
    caught(own, committed(own, data, lie), "gradient", SUM)


def test_scores_of_other_weights_are_rejected(own: OptimumDeclared, data: Data, true: Found) -> None:
    """Predictions of weights that are not those whose rounding is published."""
    other = found_at(own, data, true.settled.weights + (1 << 20))
    gradient = other.settled.gradient - own.schedule.penalty * (1 << 20)  # with the penalty of the published ones
    lie = concluded(own, other.rows, true.settled.weights, gradient, own.schedule)
    outcome = prove(own.shape, told(own, data, lie))
    assert outcome.verdict() == "constraints" and {"product"} <= outcome.prover.lies <= {"product", SUM}


def test_a_score_beyond_the_table_is_rejected(own: OptimumDeclared, data: Data, said: Integers) -> None:
    """The cell after the last, with its edge and no step."""
    last = int(own.schedule.edges[-1])
    lie = {
        **said,
        names.Q: off(said[names.Q], ROW, 32768 - said[names.Q][ROW]),
        names.EDGE: off(said[names.EDGE], ROW, last - said[names.EDGE][ROW]),
        names.STEP: off(said[names.STEP], ROW, -said[names.STEP][ROW]),
        names.PRODUCT: off(said[names.PRODUCT], ROW, -said[names.PRODUCT][ROW]),
        names.RISEN: off(said[names.RISEN], ROW, -said[names.RISEN][ROW]),
    }
    caught(own, committed(own, data, lie), "gradient", SUM)


def test_a_constant_where_no_bias_is_declared_is_rejected(data: Data) -> None:
    own, other = declare_optimum(bias=False), declare_optimum()
    biased = found(data, other.schedule)
    d = own.schedule.features
    gradient = biased.settled.gradient[:d]
    lie = concluded(own, biased.rows, biased.settled.weights[:d], gradient, own.schedule)
    outcome = prove(own.shape, told(own, data, lie))
    assert outcome.verdict() == "constraints" and "product" in outcome.prover.lies


# Gradient and norm ---------------------------------------------------------------------------------------------------

BOTH = pytest.mark.parametrize("parameter", [WEIGHTS, BIAS], ids=["weight", "bias"])


def place_of(parameter: Parameter) -> int:
    return FEATURE if parameter is WEIGHTS else 0


@BOTH
@pytest.mark.parametrize("by", [1, pytest.param(-1, marks=SLOW)])
def test_a_gradient_that_is_rounded_differently_is_rejected(
    own: OptimumDeclared, data: Data, said: Integers, parameter: Parameter, by: int
) -> None:
    """Its remainder says so, and is out of range; the squares are those of what is committed."""
    place, shift = place_of(parameter), own.schedule.shift
    before = said[parameter.cut][place]
    lie = {
        **said,
        parameter.cut: off(said[parameter.cut], place, by),
        parameter.cut_rest: off(said[parameter.cut_rest], place, -by << shift),
        SLACK: said[SLACK] + before**2 - (before + by) ** 2,
    }
    caught(own, committed(own, data, lie), SUM)


@BOTH
def test_a_gradient_that_is_made_shorter_is_rejected(
    own: OptimumDeclared, data: Data, said: Integers, parameter: Parameter
) -> None:
    place = place_of(parameter)
    before = said[parameter.cut][place]
    lie = {**said, parameter.cut: off(said[parameter.cut], place, -before), SLACK: said[SLACK] + before**2}
    caught(own, committed(own, data, lie), *(("gradient",) if before else ()))


@BOTH
@pytest.mark.parametrize("by", [1, pytest.param(-1, marks=SLOW)])
def test_a_gradient_that_is_cut_at_another_place_is_rejected(
    own: OptimumDeclared, data: Data, true: Found, parameter: Parameter, by: int
) -> None:
    """g of another penalty or distance: half as many units, or twice, and what is left of the radius follows."""
    shift, place = own.schedule.shift + by, place_of(parameter)
    at = place if parameter is WEIGHTS else own.schedule.features
    moved = int(true.settled.gradient[at]) + (1 << (shift - 1))
    said = integers(own, true)
    cut, rest = moved >> shift, moved % (1 << shift)
    before = said[parameter.cut][place]
    assert cut != before
    lie = {
        **said,
        parameter.cut: off(said[parameter.cut], place, cut - before),
        parameter.cut_rest: off(said[parameter.cut_rest], place, rest - said[parameter.cut_rest][place]),
        SLACK: said[SLACK] + before**2 - cut**2,
    }
    outcome = prove(own.shape, committed(own, data, lie))
    assert outcome.verdict() == "constraints" and {"gradient"} <= outcome.prover.lies <= {"gradient", SUM}


def test_weights_too_far_from_the_optimum_are_rejected(own: OptimumDeclared, data: Data, true: Found) -> None:
    """Which are rounded to another model: what is left of the radius is negative."""
    weights = true.settled.weights.copy()
    weights[FEATURE] += 1 << own.schedule.grid
    lie = found_at(own, data, weights)
    assert lie.settled.slack < 0 and not np.array_equal(lie.settled.model, true.settled.model)
    outcome = prove(own.shape, told(own, data, lie))
    assert outcome.verdict() == "constraints" and outcome.prover.lies == {SUM}


@pytest.mark.parametrize("by", [1, pytest.param(-1, marks=SLOW), 1 << 46])
def test_a_radius_of_the_owner_s_is_rejected(own: OptimumDeclared, data: Data, said: Integers, by: int) -> None:
    lies = ("norm",) if 0 <= said[SLACK][0] + by < 1 << 46 else ("norm", SUM)
    caught(own, committed(own, data, {**said, SLACK: said[SLACK] + by}), *lies)


@BOTH
def test_a_weight_out_of_range_is_rejected(
    own: OptimumDeclared, data: Data, said: Integers, parameter: Parameter
) -> None:
    """2^37 is one too many, whatever else is said."""
    place = place_of(parameter)
    lie = {**said, parameter.weight: off(said[parameter.weight], place, (1 << 37) - said[parameter.weight][place])}
    outcome = prove(own.shape, committed(own, data, lie))
    assert outcome.verdict() == "constraints" and {SUM, "product", "rounding"} <= outcome.prover.lies


@BOTH
def test_a_weight_and_p_more_is_the_same_weight_and_has_no_limbs(
    own: OptimumDeclared, data: Data, said: Integers, parameter: Parameter
) -> None:
    """W + p: every equation holds, and the last limb is above its range."""
    lie = {**said, parameter.weight: off(said[parameter.weight], place_of(parameter), MODULUS)}
    caught(own, committed(own, data, lie), SUM)


# Rounding ------------------------------------------------------------------------------------------------------------


def rounded(said: Integers, parameter: Parameter, below: Any, room: int, grid: int) -> Integers:
    """With an A and the B, the model and all that then follows; modulo p where it has to be."""
    place = place_of(parameter)
    moved = said[parameter.below][place] - below
    model = moved * inverse(1 << grid) if moved % (1 << grid) else moved >> grid
    return {
        **said,
        parameter.below: off(said[parameter.below], place, -moved),
        parameter.above: off(said[parameter.above], place, room - below - said[parameter.above][place]),
        parameter.model: off(said[parameter.model], place, model % MODULUS if moved % (1 << grid) else model),
    }


@BOTH
@pytest.mark.parametrize(
    "below",
    [
        lambda a, s: a - (1 << s.grid),  # the next multiple of 2^a: A is negative
        lambda a, s: a + (1 << s.grid),  # the one before: A has more bits, B is negative
        lambda a, s: a + 1,  # any A has a model modulo p
        lambda a, s: s.room + 1,
    ],
    ids=["model + 1", "model - 1", "modulo p", "B = -1"],
)
def test_another_rounding_is_rejected_for_its_range(
    own: OptimumDeclared, data: Data, said: Integers, parameter: Parameter, below: Callable[[Any, Any], Any]
) -> None:
    s = own.schedule
    other = below(said[parameter.below][place_of(parameter)], s)
    caught(own, committed(own, data, rounded(said, parameter, other, s.room, s.grid)), SUM)


@pytest.mark.parametrize("off_edge", [-1, 0], ids=["one too near", "at the distance"])
@pytest.mark.parametrize("upper", [False, True], ids=["lower", "upper"])
def test_an_edge_nearer_than_the_distance_is_rejected(
    own: OptimumDeclared, data: Data, true: Found, off_edge: int, upper: bool
) -> None:
    """Weights are put there, and lie about everything before the rounding: that alone is looked at."""
    s = own.schedule
    edge = s.distance + off_edge
    within = (1 << s.grid) - 1 - edge if upper else edge
    weights = true.settled.weights.copy()
    weights[FEATURE] = (weights[FEATURE] >> s.grid << s.grid) + (1 << (s.grid - 1)) + within
    lie = concluded(own, true.rows, weights, true.settled.gradient, s)
    outcome = prove(own.shape, told(own, data, lie))
    assert outcome.prover.lies == ({"product", "gradient", SUM} if off_edge else {"product", "gradient"})
    assert outcome.verdict() == "constraints"


@BOTH
@pytest.mark.parametrize("by", [1, -1])
def test_a_model_that_is_no_rounding_is_rejected(
    own: OptimumDeclared, data: Data, said: Integers, parameter: Parameter, by: int
) -> None:
    """Beside the true places between edges."""
    lie = {**said, parameter.model: off(said[parameter.model], place_of(parameter), by)}
    caught(own, committed(own, data, lie), "rounding")


@BOTH
def test_room_for_another_distance_is_rejected(
    own: OptimumDeclared, data: Data, said: Integers, parameter: Parameter
) -> None:
    lie = {**said, parameter.above: off(said[parameter.above], place_of(parameter), 1)}
    caught(own, committed(own, data, lie), "edges")


# The model -----------------------------------------------------------------------------------------------------------


def test_another_weight_is_rejected(own: OptimumDeclared, data: Data, said: Integers) -> None:
    columns = committed(own, data, said)
    caught(own, changed(columns, COEFFICIENTS, FEATURE, int(said[WEIGHTS.model][FEATURE]) + 1), "model")


def test_a_model_at_another_scale_is_rejected(own: OptimumDeclared, data: Data, said: Integers) -> None:
    """Weights of twice as many units: whoever reads them halves all scores."""
    columns = committed(own, data, said)
    doubled = (2 * said[WEIGHTS.model] % MODULUS).astype(np.uint64)[None]
    caught(own, columns | {COEFFICIENTS: doubled}, "model")


def test_an_intercept_at_the_scale_of_weights_is_rejected(own: OptimumDeclared, data: Data, said: Integers) -> None:
    columns = committed(own, data, said)
    caught(own, changed(columns, INTERCEPT, 0, int(said[BIAS.model][0])), "intercept")


def test_weights_before_rounding_are_no_model(own: OptimumDeclared, data: Data, said: Integers) -> None:
    columns = committed(own, data, said)
    whole = (said[WEIGHTS.weight] % MODULUS).astype(np.uint64)[None]
    caught(own, columns | {COEFFICIENTS: whole}, "model")


def test_a_feature_that_is_left_out_counts_nowhere(data: Data) -> None:
    """The optimum with all features is none of a spec that leaves one out."""
    own = declare_optimum()
    shape = replace(own.data, names=("a", "b", "c"))
    fewer = OptimumDeclared(own.spec.leaving_out(["b"]), shape, own.forgotten)
    assert fewer.schedule.unused == (1,)
    lie = found(data, replace(fewer.schedule, unused=()))
    outcome = prove(fewer.shape, told(fewer, data, lie))
    assert outcome.verdict() == "constraints" and "product" in outcome.prover.lies
    honest = found(data, fewer.schedule)
    assert honest.settled.model[1] == 0
    assert_valid(prove(fewer.shape, told(fewer, data, honest)))


def test_features_are_three(own: OptimumDeclared) -> None:
    """So that the axis of weights is padded, and the bias is no part of it."""
    assert own.relation.weight.size == FEATURES and own.relation.weight.bits == 2
