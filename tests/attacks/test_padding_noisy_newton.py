"""Junk in cells that are no cells, of Newton's steps to a model with noise: inert, or not to be had.

That of the steps is as in test_padding_newton.py, that of noise as in test_padding_noisy.py: the weights where steps
end, and noise begins, are in the matrix of noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations import residual as names
from zkunlearn.circuits.relations.certified import WEIGHTS
from zkunlearn.circuits.relations.model import COEFFICIENTS
from zkunlearn.circuits.relations.newton import FROM_BIAS, MATRIX, OF_BIAS
from zkunlearn.circuits.relations.newton_step import update_remainder
from zkunlearn.circuits.relations.noise import NOISY_WEIGHTS
from zkunlearn.prover.matrices.entropy import random_field

from .harness import Columns, assert_valid, commitments, prove
from .newton_runs import address
from .noisy_newton_runs import Found, NoisyNewtonDeclared, declare_noisy_newton, found, told
from .optimum_runs import FEATURES, MODULUS, ROWS, values
from .test_padding_newton import START_WEIGHTS, joined, junk, loss, put
from .test_padding_noisy import with_junk as with_junk_at_the_end
from .test_padding_optimum import JUNK, SPARE, OptimumJunkProver, filled


@pytest.fixture(scope="module")
def own() -> NoisyNewtonDeclared:
    return declare_noisy_newton(steps=1)


@pytest.fixture(scope="module")
def true(own: NoisyNewtonDeclared) -> Found:
    return found(own, values())


@pytest.fixture(scope="module")
def true_columns(own: NoisyNewtonDeclared, true: Found) -> Columns:
    return told(own, values(), true)


def with_junk(own: NoisyNewtonDeclared, columns: Columns, true: Found) -> Columns:
    """Uniform junk in every cell that the equations leave free, and what follows in the others."""
    box, s = with_junk_at_the_end(own, columns), own.schedule
    step = s.steps[0]
    for column in (names.Q, names.EDGE, names.STEP, names.MIDDLE, names.RISEN):
        name = address(own, 0, column)
        box[name][ROWS:] = random_field(box[name].size - ROWS)
    weight, cut, rest = (address(own, 0, name) for name in (WEIGHTS.weight, WEIGHTS.cut, WEIGHTS.cut_rest))
    begun, gamma, unit = junk(), junk(), step.units[0]
    put(own, box, weight, begun)
    box[START_WEIGHTS][0, SPARE] = begun
    put(own, box, cut, gamma)
    put(own, box, rest, loss(own, box) + s.penalty * unit * begun - (gamma << step.shift))
    for place in range(SPARE + 1):
        put(own, box, MATRIX, junk(), (SPARE, place))
        put(own, box, MATRIX, junk(), (place, SPARE))
    put(own, box, OF_BIAS, junk())
    put(own, box, FROM_BIAS, junk())
    moved = joined(own, box, FROM_BIAS) * int(true.steps[0].cut[FEATURES])
    moved += sum(joined(own, box, MATRIX, (SPARE, k)) * int(true.steps[0].cut[k]) for k in range(FEATURES))
    change = unit * begun - joined(own, box, NOISY_WEIGHTS.weight)
    put(own, box, address(own, 0, update_remainder(WEIGHTS)), moved - (change << step.update_bits))
    X = box[data_set.FEATURES].astype(object)
    z = sum(X[k] * int(true.steps[0].weights[k]) for k in range(FEATURES)) % MODULUS
    box[address(own, 0, names.Z)][ROWS:] = z[ROWS:].astype(np.uint64)
    return box


def test_consistent_junk_proves_the_same_model(own: NoisyNewtonDeclared, true_columns: Columns, true: Found) -> None:
    box = with_junk(own, true_columns, true)
    untouched = filled(own.shape, true_columns)
    assert sum(not np.array_equal(box[name], untouched[name]) for name in box) > 25
    assert_valid(prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver))
    assert np.array_equal(box[COEFFICIENTS][:, :FEATURES], true_columns[COEFFICIENTS])


@pytest.mark.parametrize(
    ("column", "place", "reasons"),
    [
        (NOISY_WEIGHTS.weight, SPARE, {"gradient", "rounding", "step 1: update"}),
        (NOISY_WEIGHTS.coins, SPARE, {"coins"}),
        (NOISY_WEIGHTS.model, SPARE, {"model", "rounding"}),
        (MATRIX, (SPARE, 0), {"step 1: update"}),
        (MATRIX, (0, SPARE), set()),
    ],
    ids=lambda value: value.name if isinstance(value, Address) else "",
)
def test_junk_that_nothing_explains_is_rejected(
    own: NoisyNewtonDeclared, true_columns: Columns, column: Address, place: Any, reasons: set[str]
) -> None:
    box = filled(own.shape, true_columns)
    put(own, box, column, JUNK, place)
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert set(outcome.prover.lies) == reasons
    assert outcome.verdict() == ("constraints" if reasons else "valid")
