"""Junk in cells that are no cells, and false totals, of noisy optima: inert, or not to be had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations import residual as names
from zkunlearn.circuits.relations.model import COEFFICIENTS
from zkunlearn.circuits.relations.noise import NOISY_WEIGHTS as OWN
from zkunlearn.prover.matrices.entropy import random_field

from .harness import Columns, assert_caught, assert_valid, commitments, prove
from .noisy_runs import NoisyDeclared, declare_noisy, found, told
from .optimum_runs import FEATURES, MODULUS, ROWS, inverse, values
from .test_false_totals import totals
from .test_padding_optimum import JUNK, SPARE, OptimumJunkProver, filled, joined, put

CELLS = (OWN.noise, OWN.low, OWN.high)


@pytest.fixture(scope="module")
def own() -> Any:
    """What the tools of certified optima take, too."""
    return declare_noisy()


@pytest.fixture(scope="module")
def true_columns(own: NoisyDeclared) -> Columns:
    return told(own, values(), found(values(), own.schedule))


def with_junk(own: Any, columns: Columns) -> Columns:
    """Uniform junk in every cell that the equations leave free, and what follows in the others."""
    s, box = own.schedule, filled(own.shape, columns)
    shape = box[data_set.FEATURES].shape
    junk = random_field(shape[0] * shape[1]).reshape(shape)
    box[data_set.FEATURES][SPARE], box[data_set.FEATURES][:, ROWS:] = junk[SPARE], junk[:, ROWS:]
    for integer in (OWN.weight, OWN.cut, OWN.coins, OWN.carry, OWN.below, OWN.rest):
        put(own, box, integer, int(random_field(1)[0]))
    box[OWN.noise][SPARE], box[OWN.low][SPARE] = random_field(2)
    free = {integer: joined(own, box, integer) for integer in (OWN.weight, OWN.cut, OWN.coins, OWN.carry, OWN.rest)}
    drawn = free[OWN.coins] - (free[OWN.carry] << 62)
    put(own, box, OWN.above, drawn - int(box[OWN.low][SPARE]))
    box[OWN.high][SPARE] = (drawn + joined(own, box, OWN.below)) % MODULUS
    put(own, box, OWN.model, (free[OWN.weight] - free[OWN.rest]) * inverse(1 << s.grid))
    box[COEFFICIENTS][0, SPARE] = (joined(own, box, OWN.model) + int(box[OWN.noise][SPARE])) % MODULUS
    live = np.flatnonzero(s.live.mask())
    risen = box[names.EDGE].astype(object) + box[names.RISEN].astype(object)
    r = (risen[live] - s.label_multiplier * box[data_set.LABELS].astype(object)[0, live]) % MODULUS
    loss = (1 << s.raised) * int(box[data_set.FEATURES].astype(object)[SPARE, live] @ r)
    put(own, box, OWN.cut_rest, loss + s.penalty * free[OWN.weight] - (free[OWN.cut] << s.shift))
    X, offset = box[data_set.FEATURES].astype(object), 1 << (s.weight_bits - 1)
    z = sum(X[k] * (joined(own, box, OWN.weight, k) - offset) for k in range(FEATURES)) % MODULUS
    box[names.Z][ROWS:] = z[ROWS:].astype(np.uint64)
    return box


def test_consistent_junk_proves_the_same_model(own: NoisyDeclared, true_columns: Columns) -> None:
    """A wide cell and a long gradient past the last weight among it, which nothing counts."""
    box = with_junk(own, true_columns)
    untouched = filled(own.shape, true_columns)
    assert sum(not np.array_equal(box[name], untouched[name]) for name in box) > 12
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert_valid(outcome)
    assert np.array_equal(box[COEFFICIENTS][:, :FEATURES], true_columns[COEFFICIENTS])


@pytest.mark.parametrize(
    ("column", "reasons"),
    [
        (OWN.weight, {"gradient", "rounding"}),
        (OWN.coins, {"coins"}),
        (OWN.carry, {"coins"}),
        (OWN.above, {"coins", "cell"}),
        (OWN.below, {"cell"}),
        (OWN.rest, {"rounding"}),
        (OWN.model, {"model", "rounding"}),
        (OWN.noise, {"model"}),
        (OWN.low, {"coins", "cell"}),
        (OWN.high, {"cell"}),
    ],
    ids=lambda value: value.name if isinstance(value, Address) else "",
)
def test_junk_that_nothing_explains_is_rejected(
    own: Any, true_columns: Columns, column: Address, reasons: set[str]
) -> None:
    box = filled(own.shape, true_columns)
    if column in CELLS:
        box[column][SPARE] = JUNK
    else:
        put(own, box, column, JUNK)
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert outcome.verdict() == "constraints"
    assert set(outcome.prover.lies) == reasons


def test_every_false_total_is_rejected(own: Any, true_columns: Columns, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, names_of_totals = totals(own, true_columns, monkeypatch)
    assert outcome.prover.lies == frozenset() and set(names_of_totals) == {"norm"}
    outcome, _ = totals(own, true_columns, monkeypatch, "norm")
    assert_caught(outcome, "norm")
