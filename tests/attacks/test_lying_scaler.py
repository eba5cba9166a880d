"""Owners who standardise features by other integers than those of the rows that count.

A lie goes through all that follows from it: what is rejected is rejected for the one step that is false.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import standardization
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.standardization import (
    ABOVE,
    BELOW,
    CENTRED_RATE,
    EXPONENT,
    FRACTION_LACK,
    MEAN_LACK,
    MEAN_REST,
    OFFSET,
    POWER,
    RATE_LACK,
    SCALED_RATE,
    SPREAD,
    SQUARE,
    VARIANCE,
    ScalerRelation,
)
from zkunlearn.circuits.relations.standardized_descent import GRADIENTS, RESIDUALS
from zkunlearn.models.methods.standardization import Scaler, Standardization, sums_of

from .harness import (
    FORGOTTEN,
    ROWS,
    Columns,
    Declared,
    assert_caught,
    assert_valid,
    changed,
    columns_of,
    data_columns,
    declare,
    descend,
    people,
    prove,
    recount,
    training_columns,
)
from .scalers import FEATURE, lying_scaler, scaler_columns, scaler_integers, solved_modulo

Data = tuple[Any, Any]


def standardized(**changes: Any) -> Declared:
    return declare(**({"standardize": True, "learning_rate": 1.0, "l2": 0.1} | changes))


@pytest.fixture(scope="module")
def own() -> Declared:
    return standardized()


@pytest.fixture(scope="module")
def data() -> Data:
    """With a feature of which an exponent less or more is one, too."""
    X, y = people()
    X[:, FEATURE] //= 16
    return X, y


def public_of(own: Declared) -> Standardization:
    found: Any = own.schedule.standardization
    return found


@pytest.fixture(scope="module")
def sums(own: Declared, data: Data) -> tuple[Any, Any]:
    """S and Q of the rows that count."""
    return sums_of(data[0].T, own.schedule.live.mask())


def scaler(own: Declared, sums: tuple[Any, Any], **lies: int) -> Scaler:
    """The integers of the standardisation, one of which is `lies` too large."""
    return lying_scaler(public_of(own), sums, **lies)


def columns_of_scaler(own: Declared, lie: Scaler) -> Columns:
    """What `prover.witnesses.standardization` commits to, for integers that may be out of range."""
    relation: ScalerRelation = own.relation.scaler  # type: ignore[attr-defined]
    return scaler_columns(relation, scaler_integers(relation.public, lie))


def told(own: Declared, data: Data, lie: Scaler, **changes: Any) -> Columns:
    """A whole run with these integers."""
    trace = descend(own, data, scaler=lie, **changes)
    columns = data_columns(data) | training_columns(own.relation, trace) | columns_of_scaler(own, lie)
    return recount(own.relation, columns)


@pytest.fixture(scope="module")
def true_columns(own: Declared, data: Data) -> Columns:
    return columns_of(own, data, descend(own, data))


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"batch_size": None},
        {"batch_size": 8, "momentum": "increasing"},
        {"penalize_intercept": True},
        {"class_weight": {"no": 1, "yes": 5}},
        {"l2": 0.0, "epochs": 1},
        {"forgotten": ()},
        {"forgotten": tuple(range(12)), "batch_size": None},
        {"forgotten": tuple(range(5))},
    ],
    ids=str,
)
def test_training_on_standardised_features_is_accepted(data: Data, changes: dict[str, Any]) -> None:
    """One row that counts, a number of them that is a power of two, a block without any, among others."""
    own = standardized(**changes)
    assert_valid(prove(own.shape, columns_of(own, data, descend(own, data))))


def test_the_columns_of_the_tests_are_those_of_the_prover(
    own: Declared, data: Data, sums: tuple[Any, Any], true_columns: Columns
) -> None:
    columns = told(own, data, scaler(own, sums))
    names = [name for name in columns if name.matrix != "dataset"]  # blinds are fresh
    assert all(np.array_equal(columns[name], true_columns[name]) for name in names)
    assert any("spread from above" in name.name for name in names)


def test_a_constant_feature_is_accepted_and_has_no_weight(data: Data) -> None:
    X, y = data[0].copy(), data[1]
    X[:, FEATURE] = 17
    own = standardized()
    columns = columns_of(own, (X, y), descend(own, (X, y)))
    assert columns[COEFFICIENTS][0, FEATURE] == 0 and columns[SPREAD][FEATURE] == columns[VARIANCE][FEATURE] == 0
    assert columns[EXPONENT][public_of(own).cap, FEATURE] == 1
    assert_valid(prove(own.shape, columns))


# Another mean, spread or rate ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lies", [{name: by} for name in ("mu", "nu", "e", "D") for by in (-1, 1)], ids=str)
def test_an_integer_off_by_one_is_rejected_for_the_range_of_what_is_left(
    own: Declared, data: Data, sums: tuple[Any, Any], lies: dict[str, int]
) -> None:
    """All equations hold: the mean with a remainder of n more, the exponent with a negative slack, and so on."""
    assert_caught(prove(own.shape, told(own, data, scaler(own, sums, **lies))), "lookup sum")


def test_a_remainder_of_as_many_bits_is_not_yet_one_below_the_count(own: Declared, data: Data) -> None:
    """Of 11 rows a remainder of up to 15 has four bits, too: what it lacks of 10 is what refuses it."""
    public = public_of(own)
    assert public.count == 11 and public.remainder_bits == 4
    X = data[0].copy()
    live = own.schedule.live.mask()
    X[live, FEATURE] = np.arange(11)
    X[live.nonzero()[0][-1], FEATURE] += (1 - int(X[live, FEATURE].sum()) - public.half) % public.count
    lie = scaler(own, sums_of(X.T, live), mu=-1)
    assert lie.rho[FEATURE] == 12, "a remainder of 1, and 11"
    columns = told(own, (X, data[1]), lie)
    (rest,), (lack,) = limb_addresses(MEAN_REST, 4), limb_addresses(MEAN_LACK, 4)
    assert columns[rest][FEATURE] < 16 and columns[lack][FEATURE] == MODULUS - 2
    assert_caught(prove(own.shape, columns), "lookup sum")


@pytest.mark.parametrize("by", [-1, 1])
def test_another_spread_is_rejected(own: Declared, data: Data, sums: tuple[Any, Any], by: int) -> None:
    assert_caught(prove(own.shape, told(own, data, scaler(own, sums, C=by))), "moments")


@pytest.mark.parametrize("by", [-1, 1])
def test_another_variance_is_rejected(own: Declared, data: Data, sums: tuple[Any, Any], by: int) -> None:
    assert_caught(prove(own.shape, told(own, data, scaler(own, sums, V=by))), "variances")


def test_the_moments_of_all_rows_are_rejected(own: Declared, data: Data) -> None:
    """Those of the training that came before: the scaler would remember who is forgotten."""
    lie = scaler(own, sums_of(data[0].T, np.ones(ROWS, dtype=bool)))
    assert_caught(prove(own.shape, told(own, data, lie)), "moments")


@pytest.mark.parametrize("row", [FORGOTTEN[0], 0])
def test_the_moments_of_one_row_more_or_less_are_rejected(own: Declared, data: Data, row: int) -> None:
    counted = own.schedule.live.mask()
    counted[row] ^= True
    assert_caught(prove(own.shape, told(own, data, scaler(own, sums_of(data[0].T, counted)))), "moments")


def test_the_moments_of_another_feature_are_rejected(own: Declared, data: Data, sums: tuple[Any, Any]) -> None:
    swapped: Any = tuple(values[[2, 1, 0]] for values in sums)
    assert_caught(prove(own.shape, told(own, data, scaler(own, swapped))), "moments")


def test_the_moments_of_one_block_are_rejected(own: Declared, data: Data) -> None:
    first = own.schedule.live.mask() & (np.arange(ROWS) < 4)
    assert_caught(prove(own.shape, told(own, data, scaler(own, sums_of(data[0].T, first)))), "moments")


def test_a_rate_with_another_s_remainder_is_rejected(own: Declared, data: Data, sums: tuple[Any, Any]) -> None:
    """One more, with what is left of the true one."""
    honest = scaler(own, sums)
    D = honest.D.copy()
    D[FEATURE] += 1
    assert_caught(prove(own.shape, told(own, data, replace(honest, D=D))), "rates")


def test_a_rate_that_wraps_around_the_field_is_rejected(own: Declared, data: Data, sums: tuple[Any, Any]) -> None:
    """2 D (V + V0) + rem = 2 A + V + V0 + p has a solution: the bits of D are what refuse it."""
    public, honest = public_of(own), scaler(own, sums)
    divisor = 2 * int(honest.V[FEATURE] + public.floor)
    whole = 2 * public.amplitude + divisor // 2 + MODULUS
    wrapped = whole // divisor
    assert wrapped >> public.rate_bits and wrapped < 1 << 62
    D, rem = honest.D.copy(), honest.rem.copy()
    D[FEATURE], rem[FEATURE] = wrapped, whole - wrapped * divisor
    lie = columns_of_scaler(own, replace(honest, D=D, rem=rem))
    for column, factor in ((SCALED_RATE, honest.power), (CENTRED_RATE, honest.shift)):
        lie[column][FEATURE] = wrapped * int(factor[FEATURE]) % MODULUS
    trace = descend(own, data)
    columns = data_columns(data) | training_columns(own.relation, trace) | lie
    assert_caught(prove(own.shape, recount(own.relation, columns)), "lookup sum", "parts")


@pytest.mark.parametrize(("e", "spread"), [(15, 1 << 34), (14, 1 << 36)])
def test_an_exponent_whose_power_wraps_around_the_field_has_no_slack(e: int, spread: int) -> None:
    """4^e C < n 4^x_bits holds modulo p; C itself is compared with public thresholds, and 3 or 2 is what fits."""
    public = Standardization(rows=65_536, count=65_536, x_bits=12, cap=15, amplitude=1)
    assert 4**e * spread % MODULUS < public.count << (2 * public.x_bits)
    assert (public.upper[e] - spread) % MODULUS >> public.slack_bits
    (true,) = [j for j in range(16) if public.lower[j] <= spread <= public.upper[j]]
    assert true < 4


# Exponents -----------------------------------------------------------------------------------------------------------


def with_exponents(columns: Columns, own: Declared, cells: dict[int, int]) -> Columns:
    """Other entries of h for a feature, and the powers that follow."""
    size = columns[EXPONENT].shape[0]
    for j in range(size):
        columns = changed(columns, EXPONENT, (j, FEATURE), cells.get(j, 0))
    power = sum(value << j for j, value in cells.items())
    square = sum(value << (2 * j) for j, value in cells.items())
    return changed(changed(columns, POWER, FEATURE, power), SQUARE, FEATURE, square)


@pytest.mark.parametrize("cells", [{0: 1, 1: 1}, {}, {0: 2}], ids=["two ones", "none", "a two"])
def test_another_number_of_exponents_than_one_is_rejected(
    own: Declared, true_columns: Columns, cells: dict[int, int]
) -> None:
    outcome = prove(own.shape, with_exponents(true_columns, own, cells))
    assert outcome.verdict() == "constraints" and "exponents" in outcome.prover.lies


def test_exponents_that_add_up_to_one_but_are_not_zero_or_one_are_rejected(
    own: Declared, data: Data, sums: tuple[Any, Any], true_columns: Columns
) -> None:
    """3 h(j) - 2 h(j') is one in sum, and no power of two; both slacks follow."""
    public, honest = public_of(own), scaler(own, sums)
    e = int(honest.e[FEATURE])
    outcome = prove(own.shape, with_exponents(true_columns, own, {e: 3, e + 1: -2}))
    assert outcome.verdict() == "constraints" and "exponents are one" in outcome.prover.lies
    assert public.cap > e + 1


def test_exponents_that_are_not_zero_or_one_are_rejected_where_all_follows_from_them(
    own: Declared, data: Data, sums: tuple[Any, Any]
) -> None:
    """Five of them add up to one, to the power and the square of an exponent more, and to the true one's thresholds."""
    public, e = public_of(own), int(scaler(own, sums).e[FEATURE])
    lie, used = scaler(own, sums, e=1), range(5)
    found = solved_modulo([
        [*(1 for _ in used), 1],
        [*(2**j for j in used), 2 ** (e + 1)],
        [*(4**j for j in used), 4 ** (e + 1)],
        [*(public.upper[j] for j in used), public.upper[e]],
        [*(public.lower[j] for j in used), public.lower[e]],
    ])  # fmt: skip
    columns = told(own, data, lie)
    for j in range(public.cap + 1):
        columns = changed(columns, EXPONENT, (j, FEATURE), 0)
    h = columns[EXPONENT].copy()
    h[list(used), FEATURE] = found
    true = columns_of_scaler(own, scaler(own, sums))
    slacks = [limb for name in (ABOVE, BELOW) for limb in limb_addresses(name, public.slack_bits)]
    columns |= {EXPONENT: h, **{limb: true[limb] for limb in slacks}}
    assert_caught(prove(own.shape, recount(own.relation, columns)), "exponents are one")


# What follows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "reasons"),
    [
        (POWER, {"exponents", "powers", "product"}),
        (SQUARE, {"exponents", "variances"}),
        (OFFSET, {"powers", "rates", "product", "intercept"}),
        (SCALED_RATE, {"powers", "parts"}),
        (CENTRED_RATE, {"rates", "parts"}),
        (GRADIENTS, {"parts", "gradient"}),
        (RESIDUALS, {"parts", "gradient"}),
        (COEFFICIENTS, {"powers"}),
        (INTERCEPT, {"intercept"}),
    ],
    ids=lambda value: value.name if isinstance(value, Address) else "",
)
def test_what_follows_from_the_integers_cannot_be_another(
    own: Declared, true_columns: Columns, column: Address, reasons: set[str]
) -> None:
    places = {GRADIENTS: (0, 0, 0, FEATURE), RESIDUALS: (0, 0, 0), COEFFICIENTS: (0, FEATURE), INTERCEPT: (0,)}
    cells, place = true_columns[column].copy(), places.get(column, (FEATURE,))
    cells[place] = (int(cells[place]) + 1) % MODULUS
    assert_caught(prove(own.shape, true_columns | {column: cells}), *reasons)


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (MEAN_LACK, "remainders"),
        (FRACTION_LACK, "remainders"),
        (RATE_LACK, "remainders"),
        (ABOVE, "exponents"),
        (BELOW, "exponents"),
    ],
    ids=lambda value: value.name if isinstance(value, Address) else "",
)
def test_what_bounds_an_integer_cannot_be_of_another(
    own: Declared, true_columns: Columns, column: Address, reason: str
) -> None:
    """In range itself, but not what the remainder lacks, or the spread of its threshold: these could be anything."""
    bits = own.relation.scaler.limbs[column]  # type: ignore[attr-defined]
    lowest, *_ = limb_addresses(column, bits)
    value = int(true_columns[lowest][FEATURE])
    lie = changed(true_columns, lowest, FEATURE, value - 1 if value else 1)
    assert_caught(prove(own.shape, recount(own.relation, lie)), reason)


def test_training_on_other_rows_is_rejected_with_the_right_scaler(
    own: Declared, data: Data, sums: tuple[Any, Any]
) -> None:
    counted = np.ones(ROWS, dtype=bool)
    assert_caught(prove(own.shape, told(own, data, scaler(own, sums), counted=counted)), "gradient")


def test_a_weight_of_a_constant_feature_is_rejected(data: Data) -> None:
    X, y = data[0].copy(), data[1]
    X[:, FEATURE] = 17
    own = standardized(momentum=0.0, l2=0.0)

    def give(step: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        if step == 0:
            moved = moved.copy()
            moved[FEATURE] += 1
        return moved, u

    assert_caught(prove(own.shape, columns_of(own, (X, y), descend(own, (X, y), after_step=give))), "parts")


def test_another_block_s_gradient_is_rejected(own: Declared, data: Data) -> None:
    trace = descend(own, data, block_of=lambda block: {0: 1, 1: 0}.get(block, block))
    assert_caught(prove(own.shape, columns_of(own, data, trace)), "gradient")


def test_every_column_of_the_scaler_is_lied_about() -> None:
    """A column that is added has to come here too; those of n times another are of shards (test_lying_stages.py)."""
    names = {name for name, value in vars(standardization).items() if isinstance(value, Address)}
    lied = {
        "MEAN",
        "MEAN_REST",
        "MEAN_LACK",
        "FRACTION",
        "FRACTION_REST",
        "FRACTION_LACK",
        "EXPONENT",
        "POWER",
        "SQUARE",
    }
    lied |= {"SPREAD", "VARIANCE", "ABOVE", "BELOW", "OFFSET", "RATE", "RATE_REST", "RATE_LACK"}
    lied |= {"SCALED_RATE", "CENTRED_RATE"}
    of_shards = {"COUNTED_MEAN", "COUNTED_FRACTION", "COUNTED_RATE"}
    assert names - {"FEATURES", "COEFFICIENTS"} == lied | of_shards
