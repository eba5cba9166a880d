"""Owners who choose their noise, or publish what has none.

A lie goes through all that follows from it: what is rejected is rejected for the one step that is false. That weights
are near the optimum is said by the part that a certified optimum has, too (test_lying_optimum.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations.certified import SLACK
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.noise import NOISE, NOISY_BIAS, NOISY_WEIGHTS, NoisyParameter
from zkunlearn.models.live import Live
from zkunlearn.models.methods.optimum_reference import row_values
from zkunlearn.models.noise import HALF_NOISE, noise_edges
from zkunlearn.models.scales import FineScales

from .harness import assert_valid, caught, changed, prove
from .noisy_runs import Found, NoisyDeclared, committed, declare_noisy, drawn, found, integers, told
from .optimum_runs import FEATURES, ROWS, Data, Integers, inverse, off, values

FEATURE = 1
SUM = "lookup sum"
SLOW = pytest.mark.slow
BOTH = pytest.mark.parametrize("parameter", [NOISY_WEIGHTS, NOISY_BIAS], ids=["weight", "bias"])
WEIGHT = pytest.mark.parametrize(
    "parameter", [NOISY_WEIGHTS, pytest.param(NOISY_BIAS, marks=SLOW)], ids=["weight", "bias"]
)
COINS = 1 << 62


@pytest.fixture(scope="module")
def own() -> NoisyDeclared:
    return declare_noisy()


@pytest.fixture(scope="module")
def data() -> Data:
    return values()


@pytest.fixture(scope="module")
def true(own: NoisyDeclared, data: Data) -> Found:
    """With coins in the middle of cells, and a carry."""
    pads = np.array(own.schedule.pads, dtype=object)
    U = noise_edges()[np.array([1000, -700, 20, -3000]) + HALF_NOISE].astype(object) + (1 << 46)
    return found(data, own.schedule, ((U - pads) % COINS).astype(np.int64))


@pytest.fixture(scope="module")
def said(own: NoisyDeclared, true: Found) -> Integers:
    return integers(own, true)


def place_of(parameter: NoisyParameter) -> int:
    return FEATURE if parameter is NOISY_WEIGHTS else 0


def pad_of(own: NoisyDeclared, parameter: NoisyParameter) -> int:
    return own.schedule.pads[FEATURE if parameter is NOISY_WEIGHTS else FEATURES]


def with_noise(own: NoisyDeclared, said: Integers, parameter: NoisyParameter, drawn_coin: Any, noise: int) -> Integers:
    """Any noise for any U, and all that then follows: edges of its cell, distances to them, the model."""
    place, edges = place_of(parameter), noise_edges()
    low, high = (int(edges[noise + HALF_NOISE + i]) for i in (0, 1))
    return replaced(
        said,
        place,
        {
            parameter.noise: noise,
            parameter.low: low,
            parameter.high: high,
            parameter.above: drawn_coin - low,
            parameter.below: high - 1 - drawn_coin,
        },
    )


def replaced(said: Integers, place: int, changes: dict[Any, Any]) -> Integers:
    return {**said, **{name: off(said[name], place, value - said[name][place]) for name, value in changes.items()}}


# What is true --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bias": False},
        {"model": "probit"},
        {"features": 4, "rows": 16, "forgotten": ()},
        pytest.param({"features": 1, "bias": False}, marks=SLOW),
        {"l2": 1.0, "grid": 0},
        pytest.param({"l2": 0.001, "grid": 20}, marks=SLOW),
        pytest.param({"grid": 30, "fixed_point": FineScales(w_bits=32, p_bits=20)}, marks=SLOW),
    ],
    ids=str,
)
def test_a_noisy_optimum_is_accepted(changes: dict[str, Any]) -> None:
    own = declare_noisy(**changes)
    data = values(own.data.rows, own.data.features)
    assert_valid(prove(own.shape, told(own, data, found(data, own.schedule))))


@pytest.mark.parametrize("at", ["first", "last"])
def test_coins_at_the_ends_of_a_cell_are_accepted(own: NoisyDeclared, data: Data, true: Found, at: str) -> None:
    edges, noise = noise_edges(), true.noised.noise + HALF_NOISE
    U = (edges[noise] if at == "first" else edges[noise + 1] - 1).astype(object)
    coins = ((U - np.array(own.schedule.pads, dtype=object)) % COINS).astype(np.int64)
    there = found(data, own.schedule, coins)
    assert np.array_equal(there.noised.noise, true.noised.noise)
    assert not (there.noised.above if at == "first" else there.noised.below).any()
    assert_valid(prove(own.shape, told(own, data, there)))


def test_there_is_a_carry(true: Found) -> None:
    assert 0 < true.noised.carry.sum() < len(true.noised.carry)


# Coins ---------------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("by", [1, -1])
def test_noise_of_the_next_cell_is_rejected_for_its_range(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter, by: int
) -> None:
    """Then U is before or after the cell: one of its distances from the edges is negative."""
    place = place_of(parameter)
    U = said[parameter.low][place] + said[parameter.above][place]
    lie = with_noise(own, said, parameter, U, said[parameter.noise][place] + by)
    caught(own, committed(own, data, lie), SUM)


@BOTH
@pytest.mark.parametrize("noise", [0, pytest.param(30000, marks=SLOW)])
def test_noise_of_the_owner_s_choice_is_rejected(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter, noise: int
) -> None:
    """With a U in its cell, if it has any, which is none of the coins and the pad."""
    middle = int(noise_edges()[noise + HALF_NOISE])
    lie = with_noise(own, said, parameter, middle, noise)
    caught(own, committed(own, data, lie), "coins", *([SUM] if noise > 20000 else []))


@BOTH
@pytest.mark.parametrize(
    "carry",
    [2, -1, inverse(4), inverse(COINS), pytest.param(4, marks=SLOW)],
    ids=["2", "-1", "1/4", "a unit of U", "4"],
)
def test_a_carry_that_is_no_bit_is_rejected_for_its_range(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter, carry: int
) -> None:
    """It moves U by any multiple of 2^62, modulo p: by 2^32 - 1 with four of them, by 1 with 2^-62. Noise follows."""
    place = place_of(parameter)
    U = (said[parameter.coins][place] + pad_of(own, parameter) - (carry << 62)) % MODULUS
    noise = int(np.searchsorted(noise_edges(), min(U, COINS - 1), side="right")) - 1 - HALF_NOISE
    lie = replaced(with_noise(own, said, parameter, U, noise), place, {parameter.carry: carry})
    caught(own, committed(own, data, lie), SUM)


@WEIGHT
def test_a_carry_of_another_sum_is_rejected(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter
) -> None:
    place = place_of(parameter)
    lie = replaced(said, place, {parameter.carry: 1 - said[parameter.carry][place]})
    caught(own, committed(own, data, lie), "coins")


@BOTH
@pytest.mark.parametrize("noise", [0, 4000])
def test_coins_of_more_bits_are_rejected_for_their_range(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter, noise: int
) -> None:
    """R that would make U what the owner likes, modulo p: R = U - pub + 2^62 carry, below 0."""
    place = place_of(parameter)
    U = int(noise_edges()[noise + HALF_NOISE])
    lie = with_noise(own, said, parameter, U, noise)
    carry = 0 if U < pad_of(own, parameter) else 1
    R = U - pad_of(own, parameter) + (carry << 62)
    assert not 0 <= R < COINS
    caught(own, committed(own, data, replaced(lie, place, {parameter.coins: R, parameter.carry: carry})), SUM)


def test_the_upper_edge_belongs_to_the_next_cell(own: NoisyDeclared, data: Data, said: Integers) -> None:
    """U = C[eta] exactly: there is no room for it below."""
    place, pad = FEATURE, pad_of(own, NOISY_WEIGHTS)
    U = said[NOISY_WEIGHTS.high][place]
    lie = with_noise(own, said, NOISY_WEIGHTS, U, said[NOISY_WEIGHTS.noise][place])
    changes = {NOISY_WEIGHTS.coins: (U - pad) % COINS, NOISY_WEIGHTS.carry: (pad + (U - pad) % COINS) >> 62}
    caught(own, committed(own, data, replaced(lie, place, changes)), SUM)


def test_a_cell_with_the_upper_edge_of_another_is_no_tuple(own: NoisyDeclared, data: Data, said: Integers) -> None:
    """Two pairs that are in the table, and no triple: a cell wide enough for the noise one likes."""
    place, edges = FEATURE, noise_edges()
    U = said[NOISY_WEIGHTS.low][place] + said[NOISY_WEIGHTS.above][place]
    noise = said[NOISY_WEIGHTS.noise][place] - 1
    low = int(edges[noise + HALF_NOISE])
    lie = replaced(said, place, {NOISY_WEIGHTS.noise: noise, NOISY_WEIGHTS.low: low, NOISY_WEIGHTS.above: U - low})
    caught(own, committed(own, data, lie), SUM)


@WEIGHT
@pytest.mark.parametrize("by", [1, -1])
def test_a_cell_that_is_wider_than_it_is_is_rejected(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter, by: int
) -> None:
    lie = {**said, parameter.below: off(said[parameter.below], place_of(parameter), by)}
    caught(own, committed(own, data, lie), "cell")


def test_pads_of_another_weight_are_rejected(own: NoisyDeclared, data: Data, true: Found) -> None:
    """Of the next one: everything follows from them."""
    pads = own.schedule.pads
    lie = found(data, own.schedule.with_pads((*pads[1:], pads[0])), true.noised.coins)
    same = replace(lie.noised, weights=true.noised.weights)
    caught(own, told(own, data, replace(lie, noised=same)), "coins")


def test_pads_of_another_nonce_are_rejected(own: NoisyDeclared, data: Data, true: Found) -> None:
    lie = found(data, own.schedule.with_pads(drawn(4, 12)), true.noised.coins)
    caught(own, told(own, data, lie), "coins")


def test_without_pads_nothing_is_drawn(own: NoisyDeclared, data: Data, true: Found) -> None:
    """U = R, which the owner chose."""
    lie = found(data, own.schedule.with_pads(()), true.noised.coins)
    caught(own, told(own, data, lie), "coins")


def test_coins_that_are_chosen_after_the_nonce_are_rejected(own: NoisyDeclared, data: Data, true: Found) -> None:
    """R for which there is no noise at all, with all that follows: valid, but of another matrix than the stated one."""
    middle = int(noise_edges()[HALF_NOISE]) + 1
    chosen = np.array([(middle - pad) % COINS for pad in own.schedule.pads])
    noiseless = found(data, own.schedule, chosen)
    assert true.noised.noise.any() and not noiseless.noised.noise.any()
    honest, other = (prove(own.shape, told(own, data, each)) for each in (true, noiseless))
    assert_valid(other)
    assert replace(other, roots={**other.roots, NOISE: honest.roots[NOISE]}).verdict() == "merkle cap"


# Weights -------------------------------------------------------------------------------------------------------------


def test_other_weights_than_those_committed_to_are_rejected(own: NoisyDeclared, data: Data, true: Found) -> None:
    """They are as near to the optimum as is declared: but the matrix of noise, whose root is stated, has others."""
    honest = prove(own.shape, told(own, data, true))
    weights = true.noised.weights + 1
    moved = found_at(own, data, true, weights)
    other = prove(own.shape, told(own, data, moved))
    assert_valid(honest)
    assert_valid(other)
    swapped = replace(other, roots={**other.roots, NOISE: honest.roots[NOISE]})
    assert swapped.verdict() == "merkle cap"


def found_at(own: NoisyDeclared, data: Data, true: Found, weights: Any) -> Found:
    from zkunlearn.models.methods.noisy_reference import noisy

    X, y = data
    return Found(*noisy(X, y, weights, true.noised.coins, own.schedule))


def test_the_noisy_optimum_of_other_rows_is_rejected(own: NoisyDeclared, data: Data, true: Found) -> None:
    other = found(data, replace(own.schedule, live=Live(ROWS, (2,))), true.noised.coins)
    rows = row_values(other.rows.z, own.schedule)
    caught(own, told(own, data, Found(rows, other.noised)), "gradient")


def test_weights_too_far_from_the_optimum_are_rejected(own: NoisyDeclared, data: Data, true: Found) -> None:
    """All that follows from them is true, but for what is left of the radius, which is negative."""
    X, y = data
    s, weights = own.schedule, true.noised.weights.copy()
    weights[FEATURE] += 16 * s.distance
    whole = np.hstack([X, np.full((len(X), 1), s.one)])
    rows = row_values(whole @ weights, s)
    gradient = ((whole.T @ rows.residuals(y, s)) << s.raised) + s.penalty * weights
    moved, raised = gradient + ((1 << s.shift) >> 1), weights + s.half
    cut = moved >> s.shift
    slack = s.radius**2 - sum(int(value) ** 2 for value in cut)
    rounded = raised >> s.grid
    noised = replace(
        true.noised,
        weights=weights,
        gradient=gradient,
        cut=cut,
        cut_rest=moved - (cut << s.shift),
        slack=slack,
        rounded=rounded,
        rest=raised - (rounded << s.grid),
    )
    assert slack < 0
    caught(own, told(own, data, Found(rows, noised)), SUM)


def test_a_radius_of_the_owner_s_is_rejected(own: NoisyDeclared, data: Data, said: Integers) -> None:
    caught(own, committed(own, data, {**said, SLACK: said[SLACK] + 1}), "norm")


@WEIGHT
@pytest.mark.parametrize("by", [1, -1])
def test_another_rounding_is_rejected_for_its_range(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter, by: int
) -> None:
    place, grid = place_of(parameter), own.schedule.grid
    changes = {
        parameter.model: said[parameter.model][place] + by,
        parameter.rest: said[parameter.rest][place] - (by << grid),
    }
    caught(own, committed(own, data, replaced(said, place, changes)), SUM)


@WEIGHT
def test_any_remainder_has_a_rounding_modulo_p_and_that_is_out_of_range(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter
) -> None:
    place, grid = place_of(parameter), own.schedule.grid
    rest = (said[parameter.rest][place] + 1) % (1 << grid)
    moved = (said[parameter.model][place] << grid) + said[parameter.rest][place] - rest
    changes = {parameter.rest: rest, parameter.model: moved * inverse(1 << grid) % MODULUS}
    caught(own, committed(own, data, replaced(said, place, changes)), SUM)


@WEIGHT
def test_a_weight_out_of_range_is_rejected(
    own: NoisyDeclared, data: Data, said: Integers, parameter: NoisyParameter
) -> None:
    """2^37 is one too many, whatever else is said."""
    lie = replaced(said, place_of(parameter), {parameter.weight: 1 << 37})
    outcome = prove(own.shape, committed(own, data, lie))
    assert outcome.verdict() == "constraints" and {SUM, "product", "rounding"} <= outcome.prover.lies


# The model -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lie", ["no noise", "the other way", "before rounding", "twice as fine"])
def test_a_model_without_its_noise_is_rejected(own: NoisyDeclared, data: Data, said: Integers, lie: str) -> None:
    rounded, noise = said[NOISY_WEIGHTS.model], said[NOISY_WEIGHTS.noise]
    models = {
        "no noise": rounded,
        "the other way": rounded - noise,
        "before rounding": said[NOISY_WEIGHTS.weight],
        "twice as fine": 2 * (rounded + noise),
    }
    columns = committed(own, data, said)
    caught(own, columns | {COEFFICIENTS: (models[lie] % MODULUS).astype(np.uint64)[None]}, "model")


@pytest.mark.parametrize("lie", ["no noise", "scale of weights", "noise unscaled"])
def test_an_intercept_without_its_noise_is_rejected(own: NoisyDeclared, data: Data, said: Integers, lie: str) -> None:
    rounded, noise = int(said[NOISY_BIAS.model][0]), int(said[NOISY_BIAS.noise][0])
    one = own.schedule.one
    intercepts = {
        "no noise": rounded * one,
        "scale of weights": rounded + noise,
        "noise unscaled": rounded * one + noise,
    }
    caught(own, changed(committed(own, data, said), INTERCEPT, 0, intercepts[lie]), "intercept")


def test_weights_and_coins_lie_in_the_matrix_of_noise_and_nowhere_else(own: NoisyDeclared) -> None:
    """So that what is proved of them is proved of what was committed to before the nonce."""
    relation = own.relation
    wanted = {
        limb
        for parameter in (NOISY_WEIGHTS, NOISY_BIAS)
        for integer in (parameter.weight, parameter.coins)
        for limb in limb_addresses(integer, relation.bits_of(integer))
    }
    assert {limb.matrix for limb in wanted} == {NOISE}
    assert {column.name for column in relation.columns[NOISE]} == {limb.name for limb in wanted}


@pytest.mark.parametrize("lie", ["its noise", "a weight", "noise of another"])
def test_a_feature_that_is_left_out_has_no_weight_not_even_noise(own: NoisyDeclared, data: Data, lie: str) -> None:
    """Scores would hang on it: by little, and on what was to be forgotten."""
    shape = replace(own.data, names=("a", "b", "c"))
    fewer = NoisyDeclared(own.spec.leaving_out(["b"]), shape, own.forgotten)
    assert fewer.schedule.unused == (FEATURE,)
    honest = found(data, fewer.schedule)
    assert honest.noised.noise[FEATURE] and not honest.noised.rounded[FEATURE]
    columns = told(fewer, data, honest)
    assert not columns[COEFFICIENTS][0, FEATURE] and columns[COEFFICIENTS][0, 0]
    assert_valid(prove(fewer.shape, columns))
    told_ = {"its noise": int(honest.noised.noise[FEATURE]), "a weight": 1 << 20, "noise of another": 0}
    place = 0 if lie == "noise of another" else FEATURE
    caught(fewer, changed(columns, COEFFICIENTS, place, told_[lie]), "model")
