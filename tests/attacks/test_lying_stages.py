"""Owners of sharded trainings on standardised features who standardise a shard by other integers than its rows say.

Lies about where a stage begins are in test_lying_starts.py.
"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.field.goldilocks import to_field
from zkunlearn.circuits.language.layout import WITNESS, Address
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import shard_scaler, standardization, standardized_stage
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.shard_scaler import RATE_ROOM
from zkunlearn.circuits.relations.standardization import (
    ABOVE,
    BELOW,
    CENTRED_RATE,
    COUNTED,
    COUNTED_FRACTION,
    COUNTED_MEAN,
    COUNTED_RATE,
    EXPONENT,
    FRACTION_LACK,
    MEAN_LACK,
    OFFSET,
    POWER,
    RATE_LACK,
    SCALED_RATE,
    SQUARE,
)
from zkunlearn.circuits.relations.standardized_descent import GRADIENTS, RESIDUALS
from zkunlearn.circuits.relations.standardized_stage import BIAS_REST, START_LACK, START_REST, StandardizedStage
from zkunlearn.models.methods.standardization import Scaler, Standardization, sums_of
from zkunlearn.prover.matrices.values import in_field
from zkunlearn.prover.witnesses.run import each_array
from zkunlearn.prover.witnesses.standardization import scaler_columns
from zkunlearn.prover.witnesses.standardized_stage import starting_columns

from .harness import Columns, assert_caught, assert_valid, prove, recount
from .one_pass_runs import moved_by
from .scalers import FEATURE, lying_scaler
from .sisa_runs import (
    FEATURES,
    SEVERAL,
    Data,
    Place,
    SisaDeclared,
    alone,
    assert_false,
    column,
    declare_standardized,
    lasts,
    lying,
    models_of,
    of_part,
    told,
    trained,
    values,
    with_narrow_feature,
)

SLOW = pytest.mark.slow  # more of a kind that others are of
PLACE = (1, 1)  # whose scaler is lied about, of seven rows; that of shard 0 is of as many, that of shard 2 of five


@pytest.fixture(scope="module")
def own() -> SisaDeclared:
    """One stage of all shards."""
    return declare_standardized(slices=1)


@pytest.fixture(scope="module")
def data() -> Data:
    return with_narrow_feature(values())


@pytest.fixture(scope="module")
def true_columns(own: SisaDeclared, data: Data) -> Columns:
    return told(own, data, trained(own, data))


def public_of(own: SisaDeclared, place: Place) -> Standardization:
    found: Any = alone(own, place).standardization_of(0)
    return found


def sums(own: SisaDeclared, data: Data, place: Place, rows: Any = None) -> tuple[Any, Any]:
    """S and Q of the rows that count, or of others."""
    stage: Any = alone(own, place).stage
    chosen = stage.positions[alone(own, place).live.mask()] if rows is None else list(rows)
    return sums_of(data[0][chosen].T, np.ones(len(chosen), dtype=bool))


def scaled(
    own: SisaDeclared, data: Data, place: Place = PLACE, rows: Any = None, lies: dict[str, int] | None = None
) -> Columns:
    """A whole run with a scaler that is another one: of other rows, or with lies as of `lying_scaler`."""
    lie = lying_scaler(public_of(own, place), sums(own, data, place, rows), **(lies or {}))
    return lying(own, data, {place: {"scaler": lie}})


def by(columns: Columns, own: SisaDeclared, name: Address, cell: Any, value: int) -> Columns:
    """A cell of a column of the stage with an integer more."""
    return moved_by(columns, column(own, PLACE, name), cell, value)


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"slices": 3, "forgotten": (1, *range(16, 21))},
        {"slices": 1, "epochs": 1, "forgotten": (*range(8), 20), "momentum": "increasing"},
        pytest.param({"penalize_intercept": True, "rows": 17, "forgotten": (16,)}, marks=SLOW),
        {**SEVERAL, "class_weight": {"a": 1, "b": 7, "c": 3}},
        pytest.param({"shard_rows": 4, "slices": 4, "rows": 3, "forgotten": (1,), "epochs": 1}, marks=SLOW),
    ],
    ids=str,
)
def test_the_declared_training_is_accepted(changes: dict[str, Any]) -> None:
    """Shards of which no row counts, a last shard of one row, a shard with fewer rows than slices."""
    own = declare_standardized(**changes)
    data = with_narrow_feature(values(own.data.rows, own.data.outputs))
    outcome = prove(own.shape, told(own, data, trained(own, data)))
    assert_valid(outcome)


def test_the_columns_of_the_tests_are_those_of_the_prover(data: Data) -> None:
    own = declare_standardized()
    found = trained(own, data)
    columns = told(own, data, found)
    for number, (naming, relation) in enumerate(own.relation.parts, 1):
        assert isinstance(relation, StandardizedStage)
        (traces,) = zip(*(found[shard, number] for shard in range(3)), strict=True)
        scaler = each_array(lambda *one: np.stack(one), *(trace.scaler for trace in traces if trace.scaler is not None))
        made: dict[Any, Any] = dict(scaler_columns(relation.scaler, scaler)[0])
        if number > 1:
            joined: Any = SimpleNamespace(scaler=scaler, weights=np.stack([trace.weights for trace in traces], axis=1))
            before = np.stack([models_of(own, found[shard, 1]) for shard in range(3)], axis=1)
            made |= starting_columns(relation, [joined], before).columns
        assert len(made) == len(relation.besides)
        for name, cells in made.items():
            assert np.array_equal(in_field(cells), columns[naming.address(name)]), name


def test_each_shard_has_a_scaler_of_its_own(own: SisaDeclared, data: Data) -> None:
    scalers = [found[0].scaler for found in trained(own, data).values()]
    assert len({tuple(one.mu) for one in scalers if one}) == len({tuple(one.D) for one in scalers if one}) == 3


# Another mean, spread or rate ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lies", [{name: off} for name in ("mu", "nu", "e", "D") for off in (-1, 1)], ids=str)
def test_an_integer_off_by_one_is_rejected_for_the_range_of_what_is_left(
    own: SisaDeclared, data: Data, lies: dict[str, int]
) -> None:
    """All equations hold: the mean with a remainder of n more, D with one of 2 (V + V0) more, and so on."""
    assert_false(own, scaled(own, data, lies=lies), "lookup sum")


@pytest.mark.parametrize(("name", "reason"), [("C", "moments"), ("V", "variances")])
def test_another_spread_or_variance_is_rejected(own: SisaDeclared, data: Data, name: str, reason: str) -> None:
    assert_false(own, scaled(own, data, lies={name: 1}), *of_part(own, 1, reason))


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([0, *range(2, 8)], id="of another shard"),
        pytest.param([*range(0, 21, 3)], id="of all shards"),
        pytest.param(range(9, 16), id="with a forgotten one"),
        pytest.param([8, 9, 10, 11, 13, 14], id="without one that counts", marks=SLOW),
    ],
)
def test_the_moments_of_other_rows_are_rejected(own: SisaDeclared, data: Data, rows: Any) -> None:
    assert_false(own, scaled(own, data, rows=rows), *of_part(own, 1, "moments"))


def test_the_moments_of_the_stage_before_are_rejected(data: Data) -> None:
    """Of fewer rows, by which the models that are begun from were standardised."""
    own = declare_standardized()
    assert_false(own, scaled(own, data, (1, 2), range(8, 12)), *of_part(own, 2, "moments"))


def test_the_moments_of_shards_under_each_others_names_are_rejected(own: SisaDeclared, data: Data) -> None:
    scalers = [lying_scaler(public_of(own, (b, 1)), sums(own, data, (1 - b, 1))) for b in range(2)]
    lie = lying(own, data, {(b, 1): {"scaler": scaler} for b, scaler in enumerate(scalers)})
    assert_caught(prove(own.shape, lie), *of_part(own, 1, "moments"))


def test_a_whole_standardisation_by_another_count_is_rejected(own: SisaDeclared, data: Data) -> None:
    """Wherever n is a factor it is that of another shard; every integer is in its range, and all follows from them."""
    public, other, (S, Q) = public_of(own, PLACE), public_of(own, (2, 1)).count, sums(own, data, PLACE)
    assert other < public.count
    f, share = public.half, public.floor // public.count
    mu = (S + f) // other
    B = S - other * mu
    C = Q - mu * (other * mu + 2 * B)
    e = np.array([next(j for j, low in enumerate(public.lower) if low <= one) for one in C])
    power = np.left_shift(np.int64(1), e)
    nu = (power * B + f) // other
    B2 = power * B - other * nu
    V = power * power * C - nu * (other * nu + 2 * B2)
    divided, divisor = 2 * public.amplitude + V + public.floor, 2 * (V + other * share)
    D = divided // divisor
    lie = Scaler(mu, B + f, C, e, nu, B2 + f, V, D, divided - D * divisor)
    columns = lying(own, data, {PLACE: {"scaler": lie}})
    for name, integers in (COUNTED_MEAN, mu), (COUNTED_FRACTION, nu), (COUNTED_RATE, D):
        cells = columns[column(own, PLACE, name)].copy()
        cells[1] = to_field(other * integers)
        columns = columns | {column(own, PLACE, name): cells}
    assert_caught(prove(own.shape, columns), *of_part(own, 1, "counted"))


# Rates ---------------------------------------------------------------------------------------------------------------


def wrapped_rate(public: Standardization, honest: Scaler) -> Scaler:
    """With the D of a feature for which 2 D (V + V0) + rem = 2 A + V + V0 + p."""
    divisor = 2 * int(honest.V[FEATURE] + public.floor)
    whole = 2 * public.amplitude + divisor // 2 + MODULUS
    D, rem = honest.D.copy(), honest.rem.copy()
    D[FEATURE] = whole // divisor
    rem[FEATURE] = whole - int(D[FEATURE]) * divisor
    return replace(honest, D=D, rem=rem)


def test_a_rate_that_wraps_around_the_field_is_rejected(own: SisaDeclared, data: Data) -> None:
    """The bits of D refuse it here: they are no more than any shard needs."""
    public = public_of(own, PLACE)
    lie = wrapped_rate(public, lying_scaler(public, sums(own, data, PLACE)))
    assert int(lie.D[FEATURE]) >> public.of(1).rate_bits
    found = trained(own, data)
    columns = told(own, data, found | {PLACE: [replace(found[PLACE][0], scaler=lie)]})
    assert_caught(prove(own.shape, columns), "lookup sum", *of_part(own, 1, "parts"))


def few_and_many() -> tuple[SisaDeclared, Data]:
    """One row of shard 0 counts, and all eight of shard 1, where gradients of a feature of large spread are small."""
    own = declare_standardized(tuple(range(7)), rows=16, slices=1, epochs=1, learning_rate=600.0, l2=0.0, momentum=0.0)
    X, y = values(16)
    X[8:, FEATURE] = [-1024, 1024, 1024, -1024, -1024, 1024, 1023, -1024]
    y[8:] = [0, 0, 1, 1, 0, 0, 1, 1]
    return own, (X, y)


def test_a_rate_that_wraps_in_its_shard_only_is_rejected_for_what_it_lacks_of_the_largest() -> None:
    """D has the bits of the shard of which the fewest rows count. In one of more rows a D of as many bits solves the
    equation of the division modulo p, and nothing else is false: steps that are thousands of times too large.
    """
    own, data = few_and_many()
    public = public_of(own, PLACE)
    lie = wrapped_rate(public, lying_scaler(public, sums(own, data, PLACE)))
    honest, found = trained(own, data), trained(own, data, lies={PLACE: {"scaler": lie}})
    few = public_of(own, (0, 1))
    assert public.largest_rate < lie.D[FEATURE] <= few.largest_rate and 0 <= lie.rem[FEATURE]
    assert abs(lasts(found[PLACE])[0, FEATURE]) > 1000 * abs(lasts(honest[PLACE])[0, FEATURE]) > 0
    columns = told(own, data, found)
    assert_false(own, columns, "lookup sum")  # what D lacks is negative
    bits = public.of(1).rate_bits
    for limb in limb_addresses(RATE_ROOM, bits):
        cells = columns[column(own, PLACE, limb)].copy()
        cells[1, FEATURE] = 0
        columns = columns | {column(own, PLACE, limb): cells}
    assert_caught(prove(own.shape, recount(own.relation, columns)), *of_part(own, 1, "rates in range"))


# Exponents -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cells", [{0: 1, 1: 1}, {}, {0: 2}], ids=["two ones", "none", "a two"])
def test_another_number_of_exponents_than_one_is_rejected(
    own: SisaDeclared, true_columns: Columns, cells: dict[int, int]
) -> None:
    """Of one shard; powers follow."""
    columns = dict(true_columns)
    powers = {POWER: sum(v << j for j, v in cells.items()), SQUARE: sum(v << (2 * j) for j, v in cells.items())}
    for name, value in powers.items():
        address = column(own, PLACE, name)
        columns[address] = columns[address].copy()
        columns[address][1, FEATURE] = value
    h = column(own, PLACE, EXPONENT)
    columns[h] = columns[h].copy()
    columns[h][:, 1, FEATURE] = [cells.get(j, 0) for j in range(len(columns[h]))]
    reasons = {"exponents", "variances", "powers", "product"} | ({"exponents are one"} if cells == {0: 2} else set())
    assert_false(own, columns, *of_part(own, 1, *reasons))


def test_exponents_that_add_up_to_one_over_shards_are_rejected(own: SisaDeclared, true_columns: Columns) -> None:
    """One shard has two, the other none."""
    h = column(own, PLACE, EXPONENT)
    cells = true_columns[h].copy()
    (mine,), (other,) = np.flatnonzero(cells[:, 1, FEATURE]), np.flatnonzero(cells[:, 0, FEATURE])
    cells[mine, 1, FEATURE], cells[other - 1, 0, FEATURE] = 0, 1
    assert_false(own, true_columns | {h: cells}, *of_part(own, 1, "exponents"))


# What follows --------------------------------------------------------------------------------------------------------

CELL = (1, FEATURE)
FOLLOWS: dict[Address, tuple[Any, set[str]]] = {
    POWER: (CELL, {"exponents", "powers", "product"}),
    SQUARE: (CELL, {"exponents", "variances"}),
    OFFSET: (CELL, {"powers", "rates", "product", "intercept"}),
    SCALED_RATE: (CELL, {"powers", "parts"}),
    CENTRED_RATE: (CELL, {"rates", "parts"}),
    COUNTED_MEAN: (CELL, {"counted", "moments"}),
    COUNTED_FRACTION: (CELL, {"counted", "variances", "powers"}),
    COUNTED_RATE: (CELL, {"counted", "rates"}),
    GRADIENTS: ((0, 0, 1, FEATURE), {"parts", "gradient"}),
    RESIDUALS: ((0, 0, 1), {"parts", "gradient"}),
    COEFFICIENTS: ((0, 1, FEATURE), {"powers"}),
    INTERCEPT: ((0, 1), {"intercept"}),
}
BOUNDS = {
    MEAN_LACK: "remainders", FRACTION_LACK: "remainders", RATE_LACK: "remainders",
    ABOVE: "exponents", BELOW: "exponents", RATE_ROOM: "rates in range",
}  # fmt: skip


@pytest.mark.parametrize("name", FOLLOWS, ids=lambda name: name.name)
def test_what_follows_from_the_integers_cannot_be_another(
    own: SisaDeclared, true_columns: Columns, name: Address
) -> None:
    cell, reasons = FOLLOWS[name]
    assert_false(own, by(true_columns, own, name, cell, 1), *of_part(own, 1, *reasons))


@pytest.mark.parametrize("name", BOUNDS, ids=lambda name: name.name)
def test_what_bounds_an_integer_cannot_be_of_another(own: SisaDeclared, true_columns: Columns, name: Address) -> None:
    """In range itself, but not what the remainder lacks, or the rate, or the spread of its threshold."""
    relation: Any = own.relation.parts[0][1]
    lowest, *_ = limb_addresses(name, relation.scaler.limbs[name])
    more = 1 if not true_columns[column(own, PLACE, lowest)][CELL] else -1
    lie = by(true_columns, own, lowest, CELL, more)
    assert_false(own, recount(own.relation, lie), *of_part(own, 1, BOUNDS[name]))


@pytest.mark.parametrize(("name", "axis"), [(GRADIENTS, 2), (RESIDUALS, 2)], ids=["of features", "alone"])
def test_gradients_of_another_shard_are_rejected(
    own: SisaDeclared, true_columns: Columns, name: Address, axis: int
) -> None:
    """Those of shards 0 and 1 under each other's names, where all else is as it was."""
    address = column(own, PLACE, name)
    lie = true_columns | {address: np.take(true_columns[address], [1, 0, 2], axis=axis)}
    assert_caught(prove(own.shape, lie), *of_part(own, 1, "parts", "gradient"))


def test_a_step_that_no_gradient_explains_is_rejected(own: SisaDeclared, data: Data) -> None:
    """A weight that is a unit more after it, in one shard."""

    def more(step: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        return (moved + (np.arange(FEATURES + 1) == FEATURE), u) if step == 0 else (moved, u)

    outcome = prove(own.shape, lying(own, data, {PLACE: {"after_step": more}}))
    assert_caught(outcome, *of_part(own, 1, "parts"))


@pytest.mark.parametrize("of", [None, 0], ids=["no means", "the means of another shard"])
def test_an_intercept_with_other_means_is_rejected(own: SisaDeclared, data: Data, of: int | None) -> None:
    found = trained(own, data)
    (mine,), other = found[PLACE], found[of or 0, 1][0]
    assert mine.scaler and other.scaler
    own_weights = mine.weights[-1, :FEATURES]
    more = mine.scaler.shift @ own_weights - (0 if of is None else other.scaler.shift @ own_weights)
    lie = by(told(own, data, found), own, INTERCEPT, (0, 1), int(more))
    assert_false(own, lie, *of_part(own, 1, "intercept"))


def test_training_on_other_rows_is_rejected_with_the_right_scaler(own: SisaDeclared, data: Data) -> None:
    counted = np.ones(alone(own, PLACE).rows, dtype=bool)
    assert_false(own, lying(own, data, {PLACE: {"counted": counted}}), *of_part(own, 1, "gradient"))


def test_a_feature_that_is_left_out_is_standardised_as_if_it_were_zero(data: Data) -> None:
    """In every shard; its own moments are another feature's, and it learns nothing."""
    declared = declare_standardized()
    own = replace(
        declared,
        data=replace(declared.data, names=("a", "b", "c"), unused=(FEATURE,)),
        spec=replace(declared.spec, without=("b",)),
    )
    assert_false(own, told(own, data, trained(own, data)))
    lie = lying_scaler(replace(public_of(own, (1, 2)), unused=()), sums(own, data, (1, 2)))
    assert lie.D[FEATURE]
    assert_false(own, lying(own, data, {(1, 2): {"scaler": lie}}), *of_part(own, 2, "moments", "rates", "parts"))


# A shard of which no row counts --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def empty() -> SisaDeclared:
    return declare_standardized((1, *range(16, 21)), slices=1)


def test_a_shard_without_rows_is_not_standardised_by_forgotten_ones(empty: SisaDeclared, data: Data) -> None:
    """Its sums are zero, and one is what divides them."""
    own, place = empty, (2, 1)
    (honest,) = trained(own, data)[place]
    assert honest.scaler and not honest.scaler.mu.any() and not honest.weights.any()
    assert public_of(own, place).count == 1
    assert_false(own, scaled(own, data, place, rows=[17]), *of_part(own, 1, "moments"))


@pytest.mark.parametrize("weight", [FEATURE, FEATURES], ids=["weight", "bias"])
def test_a_model_of_a_shard_without_rows_that_is_not_zero_is_rejected(
    empty: SisaDeclared, data: Data, weight: int
) -> None:
    def moved(step: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        return (moved + (np.arange(FEATURES + 1) == weight), u) if step == 0 else (moved, u)

    assert_false(empty, lying(empty, data, {(2, 1): {"after_step": moved}}), *of_part(empty, 1, "parts"))


def test_every_column_that_only_shards_have_is_lied_about() -> None:
    """A column that is added has to come here too, or to test_lying_starts.py."""
    names = {v for m in (shard_scaler, standardized_stage) for v in vars(m).values() if isinstance(v, Address)}
    own = {name for name in names if name.matrix == WITNESS} - {
        v for v in vars(standardization).values() if isinstance(v, Address)
    }
    assert own == {RATE_ROOM, START_REST, START_LACK, BIAS_REST} and set(COUNTED) < set(FOLLOWS)
