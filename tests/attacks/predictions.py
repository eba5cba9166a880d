"""Models of one output and of several, what they say of public inputs, and what is committed of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from zkunlearn.circuits.field.goldilocks import to_field
from zkunlearn.circuits.language.layout import Axis, Column
from zkunlearn.circuits.language.tables import split_limbs
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT, MODEL
from zkunlearn.circuits.relations.prediction import (
    CELL,
    CLASS,
    INTERCEPTS,
    PROBABILITY,
    REST,
    SAID,
    SCORE,
    WEIGHTS,
    Asked,
    Prediction,
)
from zkunlearn.models.families import family_named
from zkunlearn.prover.matrices.values import in_field
from zkunlearn.prover.witnesses.prediction import answers_of, scores_of
from zkunlearn.verifier.protocol.code import PLAIN_RATE
from zkunlearn.verifier.protocol.proof import ProofShape

from .harness import FEATURES, X_BITS, Columns, matrix_shape, recount

WEIGHT_BITS, SHIFT, Q_BITS = 18, 13, 10  # remainders of one limb, which is cut
INTERCEPT_BITS = WEIGHT_BITS + X_BITS
OUTPUTS, KEPT = 4, (0, 2, 3)  # one class is forgotten; axes of outputs and of answers are padded
ZERO, BELOW, ABOVE = 1, 2, 3  # inputs whose score by the model of one output is 0, -1 and 1
TIED = 4  # the input whose scores by two classes are equal, by KEPT[0] and KEPT[1]
INTERCEPT_OF_ONE = 5


@dataclass(frozen=True, eq=False)
class Told:
    """What is public."""

    what: str
    inputs: Any
    answers: Any


@cache
def inputs() -> Any:
    """int64 (5, FEATURES); by the last feature, whose weight is 1, scores of some are near zero."""
    rng = np.random.default_rng(7)
    found = rng.integers(-(1 << X_BITS), 1 << X_BITS, (5, FEATURES))
    for row, score in ((ZERO, 0), (BELOW, -1), (ABOVE, 1)):
        found[row] = (0, 0, score - INTERCEPT_OF_ONE)
    found[TIED] = (0, 0, 300)
    return found


@cache
def model(outputs: int = 1) -> Any:
    """The integers, int64 (outputs, FEATURES + 1)."""
    rng = np.random.default_rng(11)
    found = rng.integers(-(1 << 15), 1 << 15, (outputs, FEATURES + 1))
    if outputs == 1:
        found[0, FEATURES - 1 :] = 1, INTERCEPT_OF_ONE
    else:
        found[1] = 1 << 16  # what is forgotten would win
        found[KEPT[1], FEATURES - 1 :] = found[KEPT[0], FEATURES - 1 :] = (1 << 15, 77)
        found[KEPT[2], FEATURES - 1 :] = -3, -3
    return found


def asked(outputs: int = 1, family: str = "logistic") -> Asked:
    output = Axis("output", outputs)
    columns = (Column(COEFFICIENTS.name, (output, Axis("weight", FEATURES))), Column(INTERCEPT.name, (output,)))
    kept = (0,) if outputs == 1 else KEPT
    return Asked(columns, kept, X_BITS, SHIFT, WEIGHT_BITS, INTERCEPT_BITS, family_named(family), Q_BITS)


@cache
def relation(what: str, outputs: int = 1) -> Prediction:
    """What is true."""
    width = len(asked(outputs).kept)
    draft = np.zeros(len(inputs()) if what == CLASS else (len(inputs()), width), dtype=np.int64)
    own = Prediction(asked(outputs), Told(what, inputs(), draft))
    return replace(own, given=Told(what, inputs(), answers_of(own, model(outputs))))


def stating(own: Prediction, answers: Any = None, inputs: Any = None) -> Prediction:
    """The same with other answers, or inputs."""
    given: Any = own.given
    changes = {name: value for name, value in (("answers", answers), ("inputs", inputs)) if value is not None}
    return replace(own, given=replace(given, **changes))


def with_answer(own: Prediction, place: Any, value: int) -> Prediction:
    """The same with one other answer."""
    answers = own.given.answers.copy()
    answers[place] = value
    return stating(own, answers)


def shape_of(own: Prediction) -> ProofShape:
    """With short rows."""
    return ProofShape(own, {MODEL: matrix_shape(MODEL, own.columns[MODEL], 4, PLAIN_RATE)})


def model_cells(integers: Any) -> Columns:
    """What a model's matrix holds."""
    return {COEFFICIENTS: to_field(integers[:, :FEATURES]), INTERCEPT: to_field(integers[:, FEATURES])}


def limbs_of(integers: Any) -> Columns:
    """What is looked up of a model."""
    parts = ((WEIGHTS, integers[:, :FEATURES], WEIGHT_BITS), (INTERCEPTS, integers[:, FEATURES], INTERCEPT_BITS))
    found = [split_limbs(values + (1 << (bits - 1)), own, bits) for own, values, bits in parts]
    return {name: in_field(cells) for each in found for name, cells in each.items()}


def rest_of(own: Prediction, integers: Any) -> Any:
    """R, negative too where answers are lies."""
    z, answers = scores_of(own, integers), own.given.answers
    if not own.by_class:
        return z - (answers << SHIFT if own.given.what == SCORE else z >> SHIFT << SHIFT)
    if not own.several:
        return (2 * answers[:, None] - 1) * z - answers[:, None]
    kept = np.array(KEPT)
    best = np.stack([row[KEPT.index(winner)] for row, winner in zip(z, answers.tolist(), strict=True)])
    return best[:, None] - z - (kept < answers[:, None])


def rest_limbs(own: Prediction, rest: Any) -> Columns:
    """R in limbs, the lowest one whatever is left: negative ones have that alone."""
    first, *more = split_limbs(np.where(rest < 0, 0, rest), REST, own.rest_bits).items()
    columns = {name: in_field(cells) for name, cells in (first, *more)}
    columns[first[0]] = np.where(rest < 0, to_field(rest), columns[first[0]].astype(np.uint64))
    return columns


def columns_of(own: Prediction, *changes: Columns, integers: Any = None, rest: Any = None) -> Columns:
    """All columns, with some replaced; and the multiplicities that these deserve."""
    integers = model(own.model.output.size) if integers is None else integers
    columns = model_cells(integers) | limbs_of(integers)
    columns |= rest_limbs(own, rest_of(own, integers) if rest is None else rest)
    if own.by_table:
        columns |= {CELL: to_field(scores_of(own, integers) >> SHIFT), SAID: to_field(own.given.answers)}
    for change in changes:
        columns |= change
    return recount(own, columns)


CASES = ((CLASS, 1), (CLASS, OUTPUTS), (PROBABILITY, 1), (PROBABILITY, OUTPUTS), (SCORE, 1), (SCORE, OUTPUTS))
