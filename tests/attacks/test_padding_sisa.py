"""Junk in cells that are no cells, of sharded training: inert, or not to be had.

Shards past the last, whose models are a run of their own; places past the slices of a stage, or past the rows of the
last shard; epochs past the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.field.goldilocks import to_field
from zkunlearn.circuits.language.layout import Address, Axis
from zkunlearn.circuits.language.parts import Naming
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.descent_columns import PREDICTIONS, Q, Z
from zkunlearn.circuits.relations.gradient_descent import GradientDescent
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.parameters import BIAS, WEIGHTS, ParameterColumns
from zkunlearn.circuits.relations.shards import STARTING_INTERCEPT, STARTING_WEIGHTS
from zkunlearn.circuits.relations.standardized_descent import GRADIENTS, RESIDUALS
from zkunlearn.models.shards import Run
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.verifier.protocol.proof import ProofShape

from ..cheating import CheatingProver
from .harness import Columns, Outcome, assert_caught, assert_valid, commitments, prove
from .sisa_runs import FEATURES, ROWS, Data, SisaDeclared, alone, declare_sisa, stage_of, told, trained, values
from .test_padding import FilledColumns, JunkProver, existing

JUNK = 5  # a one would only spoil its author's own proof: docs/protocol.md, "What does not count weighs nothing"
SPARE, SHARDS, EPOCHS = 3, 3, 3  # the shard past the last, in the padding; three epochs, padded to four


@dataclass(frozen=True)
class Part:
    """One stage of a run: its relation, and where its columns are in the whole boxes."""

    naming: Naming
    relation: GradientDescent
    box: Columns

    def __getitem__(self, column: Address) -> Any:
        return self.box[self.naming.address(column)]

    def limbs(self, integer: Address, bits: int) -> list[Any]:
        return [self[limb] for limb in limb_addresses(integer, bits)]

    def joined(self, integer: Address, bits: int) -> Any:
        """What limbs add up to, as they are read in padding: nothing is taken off."""
        return sum(limb.astype(object) << (16 * i) for i, limb in enumerate(self.limbs(integer, bits)))

    def signed(self, parameter: ParameterColumns) -> Any:
        """Weights, or biases, before each step: on real cells without what makes them positive."""
        s = self.relation.schedule
        found = self.joined(parameter.steps, s.weight_bits)
        real = (slice(s.outputs), slice(s.epochs), slice(s.blocks), slice(s.features))[: found.ndim]
        found[real] -= 1 << (s.weight_bits - 1)
        return found

    @property
    def parameters(self) -> Iterator[tuple[ParameterColumns, Address, Address, int]]:
        """With the columns of the model and of what is begun from, and by how much these are more."""
        for parameter in self.relation.parameters:
            if parameter == WEIGHTS:
                yield parameter, COEFFICIENTS, STARTING_WEIGHTS, 1
            else:
                yield parameter, INTERCEPT, STARTING_INTERCEPT, 1 << self.relation.schedule.scales.x_bits


def parts(own: SisaDeclared, box: Columns) -> list[Part]:
    return [Part(naming, relation, box) for naming, relation in own.relation.parts]


def boxes(shape: ProofShape) -> dict[Address, tuple[Axis, ...]]:
    """Of each column, the axes as long as its matrix rows are."""
    relation: Any = shape.relation
    axes = {column: existing(tiling) for group in shape.groups for column, (_, tiling) in group.places.items()}
    for naming, part in relation.parts:
        steps = axes[naming.address(limb_addresses(WEIGHTS.steps, 16)[0])]
        virtual = {Z: axes[naming.address(Q)], GRADIENTS: steps, RESIDUALS: steps[:-1]}
        axes |= {naming.address(column): virtual[column] for column in part.virtual}
    return axes


def filled(shape: ProofShape, columns: Columns) -> Columns:
    """The columns as whole boxes, zeros beside the real cells."""
    axes = boxes(shape)
    return {
        name: np.pad(cells, [(0, axis.size - have) for axis, have in zip(axes[name], cells.shape, strict=True)])
        for name, cells in columns.items()
    }


class SisaJunkProver(JunkProver):
    def __init__(self, shape: ProofShape, *args: Any) -> None:
        CheatingProver.__init__(self, shape, *args)
        self.columns = FilledColumns(boxes(shape), self.columns.values)


def of_junk(own: SisaDeclared, box: Columns) -> Outcome:
    return prove(own.shape, box, commitments(own.shape, box), prover=SisaJunkProver)


# Junk ----------------------------------------------------------------------------------------------------------------


def put(cells: Any, mask: Any) -> None:
    cells[mask] = random_field(*cells.shape)[mask]


def outside(cells: Any, *sizes: int) -> Any:
    """Mask of the cells beside the real ones."""
    mask = np.ones(cells.shape, dtype=bool)
    mask[tuple(map(slice, sizes))[: cells.ndim]] = False
    return mask


def with_junk(own: SisaDeclared, columns: Columns) -> Columns:
    """Uniform junk in every cell that the equations leave free, and what follows in the others."""
    box = filled(own.shape, columns)
    for cells in (box[data_set.FEATURES][:FEATURES], box[data_set.LABELS][:1]):
        put(cells, outside(cells, len(cells), ROWS))
    for part in parts(own, box):
        s = part.relation.schedule
        for cells in (part[Q], part[PREDICTIONS]):
            mask = outside(cells, 1, s.epochs, s.rows)
            mask[:, :, np.flatnonzero(~s.live.mask())] = True
            put(cells, mask)
        for parameter, model, start, scale in part.parameters:
            _put_run(part, parameter, model, start, scale)
        part[Z][...] = scores(part)
    return box


def _put_run(part: Part, parameter: ParameterColumns, model: Address, start: Address, scale: int) -> None:
    """A run of its own past the last shard, which begins where it has to, and ends in a model like any other."""
    s = part.relation.schedule
    for limb in part.limbs(parameter.steps, s.weight_bits):
        put(limb, outside(limb, 1, s.epochs, s.blocks, FEATURES))
    first, *others = part.limbs(parameter.steps, s.weight_bits)
    wanted: Any = 0
    if part.relation.start is not None:
        begun = part[start].astype(object)[:, SPARE]
        wanted = begun * pow(scale, -1, MODULUS)
    rest = sum(limb[:, 0, SPARE].astype(object) << (16 * i) for i, limb in enumerate(others, 1))
    first[:, 0, SPARE] = ((wanted - rest) % MODULUS).astype(np.uint64)
    if parameter == WEIGHTS:  # a weight past the last: not even of a shard past the last
        for limb in part.limbs(parameter.steps, s.weight_bits):
            limb[..., FEATURES] = 0
    last = part.limbs(parameter.last, s.weight_bits)
    for limb in last:
        limb[:, SPARE] = random_field(*limb[:, SPARE].shape)
        if parameter == WEIGHTS:
            limb[..., FEATURES] = 0
    ended = part.joined(parameter.last, s.weight_bits)[:, SPARE]
    part[model][:, SPARE] = (ended * scale % MODULUS).astype(np.uint64)
    lowest, *_ = part.limbs(parameter.remainder, s.shift)
    lowest[:, s.epochs - 1, SPARE] = ((ended << s.shift) % MODULUS).astype(np.uint64)


def scores(part: Part) -> Any:
    """z on its whole box, from whatever features and weights are there."""
    s, box = part.relation.schedule, part.box
    assert s.stage is not None
    weights, z = part.signed(WEIGHTS)[..., :FEATURES], np.zeros(part[Z].shape, dtype=object)
    features, biases = box[data_set.FEATURES].astype(object), part.signed(BIAS) if s.bias else None
    for n in range(z.shape[-1]):
        shard, place = divmod(n, s.block_size)
        row = (s.stage.first + shard) * s.stage.shards.shard_rows + place
        z[..., n] = weights[:, :, shard] @ features[:FEATURES, row]
        if biases is not None and not (shard == s.blocks - 1 and n >= s.rows):
            z[..., n] += biases[:, :, shard] << s.scales.x_bits
    return (z % MODULUS).astype(np.uint64)


# What is inert -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data() -> Data:
    return values()


@pytest.fixture(
    scope="module", params=[{}, {"bias": False}, pytest.param({"slices": 3}, marks=pytest.mark.slow)], ids=str
)
def own(request: pytest.FixtureRequest) -> SisaDeclared:
    return declare_sisa(epochs=EPOCHS, **request.param)


@pytest.fixture(scope="module")
def true_columns(own: SisaDeclared, data: Data) -> Columns:
    return told(own, data, trained(own, data))


def assert_same_models(own: SisaDeclared, box: Columns, columns: Columns) -> None:
    for part in parts(own, box):
        for _, model, _, _ in part.parameters:
            real = columns[part.naming.address(model)]
            assert np.array_equal(part[model][tuple(map(slice, real.shape))], real)
            assert part[model][:, SPARE, ...].any(), "of a shard that there is not: any integers"


def test_consistent_junk_proves_the_same_models(own: SisaDeclared, true_columns: Columns) -> None:
    box = with_junk(own, true_columns)
    untouched = filled(own.shape, true_columns)
    assert sum(not np.array_equal(box[name], untouched[name]) for name in box) > len(box) // 2
    outcome = of_junk(own, box)
    assert_valid(outcome)
    assert_same_models(own, box, true_columns)


@pytest.fixture(scope="module")
def request_(data: Data) -> tuple[SisaDeclared, Columns]:
    """What begins from the models of a first statement, of all shards."""
    before = trained(declare_sisa(epochs=EPOCHS), data)
    whole = (Run(0, SHARDS),)
    own = declare_sisa((1, 7, 12, 20), epochs=EPOCHS, runs=(Run(0, SHARDS, 2, 0),), starts=(whole,))
    return own, told(own, data, trained(own, data, [before]), [before])


def test_junk_in_earlier_models_begins_junk(request_: tuple[SisaDeclared, Columns]) -> None:
    """Of shards past the last, in the matrix that is begun from: it leads to other models of such shards only."""
    own, columns = request_
    (part,) = parts(own, filled(own.shape, columns))
    for _, _, start, _ in part.parameters:
        junk = random_field(*part[start].shape)
        part[start][:, SPARE, ...] = junk[:, SPARE, ...]
    part[STARTING_WEIGHTS][..., FEATURES] = 0
    box = with_junk(own, part.box)
    outcome = of_junk(own, box)
    assert_valid(outcome)
    assert_same_models(own, box, columns)


# What is not to be had -----------------------------------------------------------------------------------------------


def edited(own: SisaDeclared, columns: Columns, stage: int, column: Address, place: tuple[int, ...]) -> Outcome:
    """Junk in one cell of a part, which nothing explains."""
    part = parts(own, filled(own.shape, columns))[stage - 1]
    part[column][place] = JUNK
    part[Z][...] = scores(part)
    return of_junk(own, part.box)


CELLS: dict[str, tuple[int, Address, tuple[int, ...], set[str]]] = {
    "a model that no limbs say": (2, COEFFICIENTS, (0, SPARE, 1), {"stage 2: model", "stage 2: gradient"}),
    "an intercept that no limbs say": (2, INTERCEPT, (0, SPARE), {"stage 2: intercept"}),
    "limbs of a model that is not there": (2, limb_addresses(WEIGHTS.last, 32)[0], (0, SPARE, 1), {"stage 2: model"}),
    "limbs of an intercept that is not there": (
        2, limb_addresses(BIAS.last, 32)[0], (0, SPARE), {"stage 2: intercept", "stage 2: gradient"}
    ),
    "first weights that are not zero": (
        1, limb_addresses(WEIGHTS.steps, 32)[0], (0, 0, SPARE, 1), {"stage 1: initial weights"}
    ),
    "first biases that nothing ended in": (
        2, limb_addresses(BIAS.steps, 32)[0], (0, 0, SPARE), {"stage 2: starting intercept"}
    ),
    "a remainder of a shard past the last": (
        1, limb_addresses(WEIGHTS.remainder, 32)[0], (0, 0, SPARE, 1), {"stage 1: gradient"}
    ),
    "a remainder of an epoch past the last": (
        1, limb_addresses(BIAS.remainder, 32)[0], (0, EPOCHS, 0), {"stage 1: gradient"}
    ),
    "a model of stage 1 that stage 2 does not begin from": (
        1, COEFFICIENTS, (0, SPARE, 1), {"stage 1: model", "stage 1: gradient", "stage 2: starting weights"}
    ),
}  # fmt: skip


MORE = "a model that no limbs say", "an intercept that no limbs say", "a remainder of an epoch past the last"
SOME = [pytest.param(what, marks=pytest.mark.slow) if what in MORE else what for what in CELLS]


@pytest.mark.parametrize("what", SOME)
def test_junk_that_nothing_explains_is_rejected(what: str, data: Data) -> None:
    own = declare_sisa(epochs=EPOCHS)
    stage, column, place, reasons = CELLS[what]
    outcome = edited(own, told(own, data, trained(own, data)), stage, column, place)
    assert_caught(outcome, *(f"shards 0 to 2, {reason}" for reason in reasons))


def test_an_earlier_model_past_the_last_shard_that_nothing_begins_from_is_rejected(
    request_: tuple[SisaDeclared, Columns],
) -> None:
    outcome = edited(*request_, 1, STARTING_WEIGHTS, (0, SPARE, 1))
    assert_caught(outcome, "shards 0 to 2, stage 2: starting weights")


def test_junk_that_the_prover_does_not_answer_for_is_rejected(data: Data) -> None:
    """Committed junk, and claims as if it were not there."""
    own = declare_sisa(epochs=EPOCHS)
    columns = told(own, data, trained(own, data))
    assert_caught(prove(own.shape, columns, commitments(own.shape, with_junk(own, columns))), "batching")


def test_a_row_past_the_last_in_the_last_shard_is_not_trained_on(data: Data) -> None:
    """The place exists in the padding of the data set, of the stage, and of the shard. It weighs nothing."""
    own, longer = declare_sisa(epochs=EPOCHS), declare_sisa(rows=ROWS + 1, epochs=EPOCHS)
    X, y = values(ROWS + 1)
    X[:ROWS], y[:ROWS] = data
    place, found = (2, 2), trained(own, data)
    start, wide = found[2, 1][0].weights[-1:], alone(longer, place)
    mine = replace(wide, c_block=alone(own, place).c_block)
    (trace,) = stage_of(longer, (X, y), longer.schedule.stages[1], 2, start, schedule=mine)
    own_rows = {name: getattr(trace, name)[:, :-1] for name in ("Q", "P", "rem")}
    box = filled(own.shape, told(own, data, found | {place: [replace(trace, **own_rows)]}))
    box[data_set.FEATURES][:FEATURES, ROWS], box[data_set.LABELS][0, ROWS] = to_field(X[ROWS]), y[ROWS]
    part = parts(own, box)[1]
    part[Q][0, :EPOCHS, ROWS], part[PREDICTIONS][0, :EPOCHS, ROWS] = to_field(trace.Q[:, -1]), to_field(trace.P[:, -1])
    part[Z][...] = scores(part)
    assert_caught(of_junk(own, box), "shards 0 to 2, stage 2: gradient")
