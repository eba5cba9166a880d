"""Junk in cells that are no cells, of proved distances: inert, or not to be had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations import residual as names
from zkunlearn.circuits.relations.certified import WEIGHTS
from zkunlearn.circuits.relations.model import COEFFICIENTS
from zkunlearn.prover.matrices.entropy import random_field

from .distance_runs import Said, declare_distance, told
from .harness import ROWS, Columns, assert_valid, commitments, prove
from .test_padding_optimum import JUNK, SPARE, OptimumJunkProver, filled, joined, put


@pytest.fixture(scope="module")
def said() -> Said:
    return declare_distance(bias=False)


def with_junk(said: Said) -> Columns:
    """Uniform junk in the weight past the last and in rows past the last, and what follows in other cells."""
    own: Any = said.own
    s, box = said.own.schedule, filled(said.own.shape, told(said))
    junk = random_field(box[data_set.FEATURES].size).reshape(box[data_set.FEATURES].shape)
    box[data_set.FEATURES][SPARE], box[data_set.FEATURES][:, ROWS:] = junk[SPARE], junk[:, ROWS:]
    for column in (names.Q, names.EDGE, names.STEP, names.MIDDLE, names.RISEN):
        box[column][ROWS:] = random_field(box[column].size - ROWS)
    for integer in (WEIGHTS.weight, WEIGHTS.cut):
        put(own, box, integer, int(random_field(1)[0]))
    weight = joined(own, box, WEIGHTS.weight)
    live = np.flatnonzero(s.live.mask())
    risen = box[names.EDGE].astype(object) + box[names.RISEN].astype(object)
    r = (risen[live] - s.label_multiplier * box[data_set.LABELS].astype(object)[0, live]) % MODULUS
    loss = (1 << s.raised) * int(box[data_set.FEATURES].astype(object)[SPARE, live] @ r)
    whole = loss + (s.penalty << s.unit_bits) * weight
    put(own, box, WEIGHTS.cut_rest, whole - (joined(own, box, WEIGHTS.cut) << s.shift))
    box[COEFFICIENTS][0, SPARE] = weight
    offset = 1 << (own.relation.bits_of(WEIGHTS.weight) - 1)
    X = box[data_set.FEATURES].astype(object)
    weights = [(joined(own, box, WEIGHTS.weight, k) - offset) << s.unit_bits for k in range(s.features)]
    z = sum(X[k] * weights[k] for k in range(s.features)) % MODULUS
    box[names.Z][ROWS:] = z[ROWS:].astype(np.uint64)
    return box


def test_consistent_junk_proves_the_same_distance(said: Said) -> None:
    """A long gradient past the last weight among it, which no norm counts."""
    box, untouched = with_junk(said), filled(said.own.shape, told(said))
    assert sum(not np.array_equal(box[name], untouched[name]) for name in box) > 8
    shape = said.own.shape
    assert_valid(prove(shape, box, commitments(shape, box), prover=OptimumJunkProver))


@pytest.mark.parametrize(
    ("column", "reasons"),
    [(WEIGHTS.weight, {"gradient", "model"}), (WEIGHTS.cut, {"gradient"}), (WEIGHTS.cut_rest, {"gradient"})],
    ids=["weight", "gradient", "remainder"],
)
def test_junk_that_nothing_explains_is_rejected(said: Said, column: Any, reasons: set[str]) -> None:
    own: Any = said.own
    box = filled(said.own.shape, told(said))
    put(own, box, column, JUNK)
    outcome = prove(own.shape, box, commitments(own.shape, box), prover=OptimumJunkProver)
    assert outcome.verdict() == "constraints" and set(outcome.prover.lies) == reasons
