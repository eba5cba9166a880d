"""Owners whose one-pass training is another than the declared one.

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
from zkunlearn.circuits.relations.dataset import LABELS
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.one_pass import (
    BIASES,
    PRODUCT_REST,
    PRODUCTS,
    ROUNDED,
    WEIGHTS,
)
from zkunlearn.circuits.relations.standardization import OFFSET, POWER
from zkunlearn.circuits.relations.standardized_one_pass import SCALED
from zkunlearn.models.methods.one_pass_reference import Solution, in_python, solution
from zkunlearn.models.runs import Runs

from .harness import Columns, assert_caught, assert_valid, prove, recount
from .one_pass_runs import (
    EPOCHS,
    FEATURES,
    FORGOTTEN,
    ROWS,
    Data,
    OnePassDeclared,
    declare_one_pass,
    moved_by,
    off,
    resolved,
    solved,
    sums,
    told,
    values,
)

FEATURE = 1
SLOW = pytest.mark.slow  # more of a kind that others are of
STANDARDIZED: dict[str, Any] = {"standardize": True}


@pytest.fixture(scope="module")
def own() -> OnePassDeclared:
    return declare_one_pass()


@pytest.fixture(scope="module")
def scaled() -> OnePassDeclared:
    """On standardised features."""
    return declare_one_pass(**STANDARDIZED)


@pytest.fixture(scope="module")
def data() -> Data:
    return values()


@pytest.fixture(scope="module", params=[{}, STANDARDIZED], ids=["raw", "standardized"])
def either(request: Any) -> OnePassDeclared:
    return declare_one_pass(**request.param)


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bias": False},
        {"momentum": "increasing"},
        {"learning_rate": (0.5, 0.25, 0.5, 0.375, 0.3), "momentum": (0.0, 0.5, 0.25, 0.125, 0.75)},
        {"l2": 0.0},
        {"penalize_intercept": True},
        {"epochs": 1},
        {"epochs": 8, "features": 4, "rows": 16, "forgotten": ()},
        {"features": 1},
        {"kind": "count"},
        {"forgotten": tuple(range(12))},
        {"forgotten": tuple(range(5))},
        STANDARDIZED,
        {**STANDARDIZED, "l2": 0.0, "momentum": 0.0},
        {**STANDARDIZED, "penalize_intercept": True, "forgotten": ()},
        {**STANDARDIZED, "forgotten": tuple(range(12)), "features": 1},
        {**STANDARDIZED, "features": 4, "rows": 16, "forgotten": (0,), "epochs": 1},
    ],
    ids=str,
)
def test_the_declared_training_is_accepted(changes: dict[str, Any]) -> None:
    own = declare_one_pass(**changes)
    data = values(own.data.rows, own.data.features)
    if own.data.label_kind == "count":
        data = data[0], data[1] % 50
    assert_valid(prove(own.shape, told(own, data, solved(own, data))))


def test_a_constant_feature_is_accepted_and_has_no_weight(scaled: OnePassDeclared, data: Data) -> None:
    X = data[0].copy()
    X[:, FEATURE] = 17
    found = solved(scaled, (X, data[1]))
    assert not found.weights[:, FEATURE].any() and found.products[FEATURE, FEATURE] == 0
    assert_valid(prove(scaled.shape, told(scaled, (X, data[1]), found)))


# The sums ------------------------------------------------------------------------------------------------------------


def with_penalties(own: OnePassDeclared, lie: Solution) -> Solution:
    """With those that follow from its products, where they do."""
    s = own.schedule
    if not s.penalised:
        return lie
    penalties = s.penalty_factor * lie.products.diagonal()[:FEATURES] + (1 << s.penalty_shift >> 1)
    rest = penalties & ((1 << s.penalty_shift) - 1)
    return replace(lie, penalties=penalties >> s.penalty_shift, penalty_rest=rest)


@pytest.mark.parametrize(
    ("place", "by"),
    [((0, 0), 1), ((FEATURE, 3), -1), *(pytest.param(*one, marks=SLOW) for one in (((0, 2), -1), ((FEATURE, 3), 1)))],
    ids=str,
)
def test_a_product_off_by_one_is_rejected_for_the_range_of_what_is_left(
    either: OnePassDeclared, data: Data, place: tuple[int, int], by: int
) -> None:
    """Its equation holds: the remainder is 2^s more or less, and all steps follow from the lie."""
    honest, s = solved(either, data), either.schedule
    places = {place, place[::-1]}
    products, rests = honest.products, honest.product_rest
    for own in places:
        products, rests = off(products, own, by), off(rests, own, -by << s.product_shift)
    lie = with_penalties(either, replace(honest, products=products, product_rest=rests))
    assert_caught(prove(either.shape, told(either, data, resolved(either, lie))), "lookup sum")


def test_products_that_are_not_symmetric_are_rejected(either: OnePassDeclared, data: Data) -> None:
    """In range, and a fraction of a unit only: another value on one side of the diagonal."""
    honest = solved(either, data)
    rest = int(honest.product_rest[0, 2])
    lie = replace(honest, product_rest=off(honest.product_rest, (0, 2), -1 if rest else 1))
    reason = "moments of products" if either.schedule.standardization is None else "centred sums"
    assert_caught(prove(either.shape, told(either, data, lie)), reason)


@pytest.mark.parametrize(
    ("place", "reasons"),
    [
        ((FEATURE, 3), ("moments of products", "means of products")),
        ((0, 2), ("moments of products", "centred sums")),
        ((FEATURE, FEATURE), ("moments of products", "centred sums")),
    ],
    ids=["with the constant", "of two features", "with itself"],
)
def test_another_product_in_its_range_is_rejected(
    either: OnePassDeclared, data: Data, place: tuple[int, int], reasons: tuple[str, str]
) -> None:
    """All steps follow from it, and the penalty; its remainder stays as it was."""
    honest, s = solved(either, data), either.schedule
    products = honest.products
    for own in {place, place[::-1]}:
        products = off(products, own, 5)
    lie = with_penalties(either, replace(honest, products=products))
    raw, standardized = reasons
    reason = raw if s.standardization is None else standardized
    assert_caught(prove(either.shape, told(either, data, resolved(either, lie))), reason)


@pytest.mark.parametrize("place", [0, 3], ids=["of a feature", "of the bias"])
def test_another_target_in_its_range_is_rejected(either: OnePassDeclared, data: Data, place: int) -> None:
    honest = solved(either, data)
    lie = replace(honest, targets=off(honest.targets, place, 5))
    reason = "moments of products" if either.schedule.standardization is None else "centred sums"
    assert_caught(prove(either.shape, told(either, data, resolved(either, lie))), reason)


@pytest.mark.parametrize(("place", "by"), [(0, 1), (3, -1)])
def test_a_target_off_by_one_is_rejected_for_the_range_of_what_is_left(
    either: OnePassDeclared, data: Data, place: int, by: int
) -> None:
    honest, shift = solved(either, data), either.schedule.target_shift
    assert shift
    lie = replace(
        honest, targets=off(honest.targets, place, by), target_rest=off(honest.target_rest, place, -by << shift)
    )
    assert_caught(prove(either.shape, told(either, data, resolved(either, lie))), "lookup sum")


def reason_of_sums(own: OnePassDeclared) -> tuple[str, ...]:
    """Where sums over other rows are found out."""
    return ("moments of products",) if own.schedule.standardization is None else ("means of products", "centred sums")


@pytest.mark.parametrize("row", [FORGOTTEN[0], ROWS - 1])
def test_a_row_that_is_forgotten_or_not_cannot_change_places(either: OnePassDeclared, data: Data, row: int) -> None:
    counted = either.schedule.live.mask()
    counted[row] ^= True
    lie = solved(either, data, counted=counted)
    assert_caught(prove(either.shape, told(either, data, lie)), *reason_of_sums(either))


def test_the_sums_of_all_rows_are_rejected(either: OnePassDeclared, data: Data) -> None:
    """Those of the training that came before."""
    lie = solved(either, data, counted=np.ones(ROWS, dtype=bool))
    assert_caught(prove(either.shape, told(either, data, lie)), *reason_of_sums(either))


def test_a_factor_of_another_number_of_rows_is_rejected(either: OnePassDeclared, data: Data) -> None:
    """As if nobody was forgotten: all products are a little too small."""
    whole = replace(either, forgotten=())
    factor = whole.schedule.factor
    assert factor < either.schedule.factor
    lie = resolved(either, solved(either, data, schedule=replace(either.schedule, factor=factor)))
    assert_caught(prove(either.shape, told(either, data, lie)), *reason_of_sums(either))


def test_labels_of_others_are_rejected(either: OnePassDeclared, data: Data) -> None:
    X, y = data
    lie = solved(either, (X, np.roll(y, 1)))
    reason = "moments of products" if either.schedule.standardization is None else "centred sums"
    assert_caught(prove(either.shape, told(either, data, lie)), reason)
    columns = told(either, (X, np.roll(y, 1)), lie)
    assert_valid(prove(either.shape, columns))  # which is another data set, with other commitments
    assert LABELS in columns


# The steps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        {"penalize_bias": True},
        {"m_epoch": Runs.of([(0, EPOCHS)])},
        {"c_epoch": Runs.of([(2, EPOCHS)])},
    ],
    ids=["ridge on the bias", "no momentum", "twice the rate"],
)
def test_other_steps_than_the_declared_ones_are_rejected(
    either: OnePassDeclared, data: Data, other: dict[str, Any]
) -> None:
    lie = solved(either, data, schedule=replace(either.schedule, **other))
    assert_caught(prove(either.shape, told(either, data, lie)), "parts")


@pytest.mark.parametrize("penalty", [0, 1], ids=["none", "one less"])
def test_another_penalty_than_the_declared_one_is_rejected(own: OnePassDeclared, data: Data, penalty: int) -> None:
    lie = solved(own, data, schedule=replace(own.schedule, penalty=penalty * (own.schedule.penalty - 1)))
    assert_caught(prove(own.shape, told(own, data, lie)), "parts")


def test_a_penalty_on_the_bias_cannot_be_left_out(data: Data) -> None:
    for more in ({}, STANDARDIZED):
        own = declare_one_pass(penalize_intercept=True, **more)
        lie = solved(own, data, schedule=replace(own.schedule, penalize_bias=False))
        assert_caught(prove(own.shape, told(own, data, lie)), "parts")


def test_the_product_of_the_step_before_is_rejected(either: OnePassDeclared, data: Data) -> None:
    """As if the gradient came one step late."""
    seen: list[Any] = []

    def late(matrix: Any) -> Any:
        def multiplied(weights: Any) -> Any:
            seen.append(weights.copy())
            return in_python(matrix)(seen[max(0, len(seen) - 2)])

        return multiplied

    lie = solution(either.schedule, sums(either, data), late)
    assert_caught(prove(either.shape, told(either, data, lie)), "parts")


@pytest.mark.parametrize("first", [[0, 1, 0, 0], [0, 0, 0, 1]], ids=["a weight", "the bias"])
def test_other_first_weights_are_rejected(either: OnePassDeclared, data: Data, first: list[int]) -> None:
    lie = resolved(either, solved(either, data), first=first)
    assert_caught(prove(either.shape, told(either, data, lie)), "initial weights")


@pytest.mark.parametrize(
    "off_by",
    [
        (0, FEATURE, 1),
        pytest.param((2, FEATURE, -1), marks=SLOW),
        (2, 3, 1),
        pytest.param((EPOCHS - 1, FEATURE, 1), marks=SLOW),
        (EPOCHS - 1, 3, -1),
    ],
    ids=str,
)
def test_a_weight_rounded_the_other_way_is_rejected_for_the_range_of_what_is_left(
    either: OnePassDeclared, data: Data, off_by: tuple[int, int, int]
) -> None:
    """One step is off by one, its remainder by 2^h; those after it follow."""
    lie = resolved(either, solved(either, data), off_by=off_by)
    step, place, by = off_by
    assert lie.u[step, place] >> either.schedule.shift == by
    assert_caught(prove(either.shape, told(either, data, lie)), "lookup sum")


# The model -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [-1, 1])
def test_a_model_weight_off_by_one_is_rejected(either: OnePassDeclared, data: Data, by: int) -> None:
    """In the commitment only, and as another rounding of the last weight."""
    columns = told(either, data, solved(either, data))
    lie = moved_by(columns, COEFFICIENTS, FEATURE, by)
    assert_caught(prove(either.shape, lie), "powers" if either.schedule.standardization is not None else "model")


@pytest.mark.parametrize("by", [-1, 1])
def test_a_last_weight_rounded_the_other_way_is_rejected(own: OnePassDeclared, data: Data, by: int) -> None:
    """The model's weight, its limbs and the remainder say the same last weight; the remainder is out of range."""
    columns, f = told(own, data, solved(own, data)), own.schedule.fine_bits
    lowest, *_ = limb_addresses(ROUNDED, own.schedule.model_bits)
    (rest,) = limb_addresses(Address("witness", "model weight remainder"), f)
    lie = moved_by(columns, COEFFICIENTS, FEATURE, by)
    lie = moved_by(moved_by(lie, lowest, FEATURE, by), rest, FEATURE, -by << f)
    assert_caught(prove(own.shape, recount(own.relation, lie)), "lookup sum")


@pytest.mark.parametrize("by", [-1, 1])
def test_an_intercept_off_by_one_is_rejected(either: OnePassDeclared, data: Data, by: int) -> None:
    columns = told(either, data, solved(either, data))
    assert_caught(prove(either.shape, moved_by(columns, INTERCEPT, 0, by)), "intercept")


# Standardised --------------------------------------------------------------------------------------------------------


def test_products_of_features_without_their_means_taken_off_are_rejected(scaled: OnePassDeclared, data: Data) -> None:
    lie = solved(scaled, data, centred=False)
    assert_caught(prove(scaled.shape, told(scaled, data, lie)), "means of products", "centred sums")


@pytest.mark.parametrize("by", [-1, 1])
def test_a_penalty_off_by_one_is_rejected_for_the_range_of_what_is_left(
    scaled: OnePassDeclared, data: Data, by: int
) -> None:
    honest, shift = solved(scaled, data), scaled.schedule.penalty_shift
    assert shift
    lie = replace(
        honest,
        penalties=off(honest.penalties, FEATURE, by),
        penalty_rest=off(honest.penalty_rest, FEATURE, -by << shift),
    )
    assert_caught(prove(scaled.shape, told(scaled, data, resolved(scaled, lie))), "lookup sum")


@pytest.mark.parametrize("factor", [0, 0.5], ids=["none", "half"])
def test_penalties_of_another_l2_are_rejected(scaled: OnePassDeclared, data: Data, factor: float) -> None:
    other = replace(scaled.schedule, penalty_factor=max(1, int(scaled.schedule.penalty_factor * factor)))
    assert_caught(prove(scaled.shape, told(scaled, data, solved(scaled, data, schedule=other))), "diagonal")


@pytest.mark.parametrize(
    ("column", "reasons"),
    [
        (SCALED, {"scaled features", "moments of products", "centred sums"}),
        (POWER, {"scaled features", "exponents", "powers"}),
        (OFFSET, {"powers", "rates", "centred sums", "intercept"}),
    ],
    ids=["scaled features", "power", "offset"],
)
def test_what_follows_from_the_integers_cannot_be_another(
    scaled: OnePassDeclared, data: Data, column: Address, reasons: set[str]
) -> None:
    columns = told(scaled, data, solved(scaled, data))
    cells = columns[column].copy()
    cells[(FEATURE, 0) if column == SCALED else (FEATURE,)] += np.uint64(1)
    outcome = prove(scaled.shape, columns | {column: cells})
    assert outcome.verdict() == "constraints"
    assert outcome.prover.lies and set(outcome.prover.lies) <= reasons


def test_an_intercept_without_its_means_is_rejected(scaled: OnePassDeclared, data: Data) -> None:
    found = solved(scaled, data)
    columns = told(scaled, data, found)
    raw = int(found.weights[-1, -1]) << scaled.schedule.intercept_shift
    taken = (raw - int(columns[INTERCEPT][0])) % MODULUS
    assert taken
    assert_caught(prove(scaled.shape, moved_by(columns, INTERCEPT, 0, taken)), "intercept")


# Every column --------------------------------------------------------------------------------------------------------


def test_every_committed_integer_has_a_range_of_its_own(either: OnePassDeclared) -> None:
    """All limbs are looked up; and no single cell of any of them can be another."""
    looked_up = {column for section in either.relation.sections for box in section.boxes for column in box.columns}
    committed = {
        limb
        for own in either.relation.integers
        for integer, bits in own.bits.items()
        for limb in limb_addresses(integer, bits)
    }
    assert committed <= looked_up
    assert {BIASES, WEIGHTS, PRODUCTS, PRODUCT_REST} <= set(either.relation._bits)


@pytest.mark.slow
def test_no_single_limb_can_be_another(either: OnePassDeclared, data: Data) -> None:
    """Within its range: some equation says otherwise."""
    columns: Columns = told(either, data, solved(either, data))
    for own in either.relation.integers:
        for integer, bits in own.bits.items():
            lowest, *_ = limb_addresses(integer, bits) or (None,)
            if lowest is None:
                continue
            place = tuple(0 for _ in columns[lowest].shape)
            by = -1 if columns[lowest][place] else 1
            lie = recount(either.relation, moved_by(columns, lowest, place, by))
            outcome = prove(either.shape, lie)
            assert outcome.verdict() == "constraints", integer
            assert outcome.prover.lies and "lookup sum" not in outcome.prover.lies, integer
