"""Junk in cells that are no cells: rows past N, epochs past E, blocks past B, weights past K.

A matrix row is a power of two long, so such cells exist and the prover may fill them. `JunkProver` does, and
computes everything from what it filled in, as a real attacker would: the proof holds, and proves the same model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address, Axis, Tiling
from zkunlearn.circuits.language.relation import Indicator, LookupBox, PublicVector
from zkunlearn.circuits.language.tables import ACTIVATION_COUNTS, RANGE_COUNTS, limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.gradient_descent import PREDICTIONS, Q, Z
from zkunlearn.circuits.relations.model import COEFFICIENTS
from zkunlearn.circuits.relations.parameters import BIAS, WEIGHTS
from zkunlearn.circuits.relations.standardized_descent import GRADIENTS, RESIDUALS
from zkunlearn.models.live import Live
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.prover.matrices.values import Columns as ProverColumns
from zkunlearn.prover.protocol import lookup as prover_lookup
from zkunlearn.prover.protocol.fractions import build_tree
from zkunlearn.prover.protocol.lookup import build_trees
from zkunlearn.verifier.protocol.proof import ProofShape

from ..cheating import CheatingProver
from ..leaves import written_out
from .harness import (
    Columns,
    Declared,
    assert_caught,
    columns_of,
    commitments,
    data_columns,
    descend,
    prove,
    recount,
    training_columns,
)

ROWS, FEATURES, EPOCHS, BATCH = 11, 3, 3, 2  # 16, 4, 4 and 8 blocks for 6, when padded


@pytest.fixture(scope="module", params=[True, False], ids=["bias", "no bias"])
def run(request: pytest.FixtureRequest) -> Declared:
    bias: bool = request.param
    spec = TrainingSpec(model="linear", epochs=EPOCHS, learning_rate=0.5, batch_size=BATCH, l2=0.01, bias=bias)
    shape = DatasetShape(rows=ROWS, features=FEATURES, label_kind="real", label_bits=14, x_bits=10)
    return Declared(spec, shape, (2, 5))


@pytest.fixture(scope="module")
def rows() -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    return rng.integers(-900, 901, (ROWS, FEATURES)), rng.integers(-(2**14), 2**14, ROWS)


@pytest.fixture(scope="module")
def true_columns(run: Declared, rows: tuple[Any, Any]) -> Columns:
    return columns_of(run, rows, descend(run, rows))


# A prover whose columns fill whole tiles ---------------------------------------------------------------------------


def existing(tiling: Tiling) -> tuple[Axis, ...]:
    """The column's axes, as long as its matrix rows are."""
    sizes = [tiles << low for tiles, low in zip(tiling.tiles, tiling.low_bits, strict=True)]
    return tuple(replace(a, size=n, spare=0) for a, n in zip(tiling.column.axes, sizes, strict=True))


def boxes(shape: ProofShape) -> dict[Address, tuple[Axis, ...]]:
    places = {column: tiling for group in shape.groups for column, (_, tiling) in group.places.items()}
    axes = {column: existing(tiling) for column, tiling in places.items()}
    steps = next(own for column, own in axes.items() if column.name.startswith(WEIGHTS.steps.name))
    virtual = {Z: axes[Q], GRADIENTS: steps, RESIDUALS: steps[:2]}
    return axes | {column: virtual[column] for column in shape.relation.virtual}


def filled(shape: ProofShape, columns: Columns) -> Columns:
    """The columns as whole boxes, zeros beside the real cells."""
    result = {}
    for name, axes in boxes(shape).items():
        sizes = [axis.size for axis in axes]
        padding = [(0, size - have) for size, have in zip(sizes, columns[name].shape, strict=True)]
        result[name] = np.pad(columns[name], padding)
    return result


class FilledColumns(ProverColumns):
    """Weights along an axis are zero beside its real cells."""

    def sum_axes(self, name: Address, at: Any) -> Any:
        sizes = {axis.name: axis.size for axis in self.axes[name]}
        return super().sum_axes(name, {axis: longer(where, sizes[axis]) for axis, where in at.items()})


def longer(where: Any, size: int) -> Any:
    if not isinstance(where, PublicVector):
        return where
    return PublicVector(lambda: np.pad(where.table(), [(0, 0), (0, size - where.table().shape[1])]), where.evaluate)


@dataclass(frozen=True)
class FilledIndicator(Indicator):
    """The indicator on a larger box."""

    real: Indicator | None = None

    def table(self) -> Any:
        cells = self.real.table()
        return np.pad(cells, [(0, a.size - n) for a, n in zip(self.axes, cells.shape, strict=True)])


class JunkProver(CheatingProver):
    """Columns are whole boxes, and so are the trees over them."""

    def __init__(self, shape: ProofShape, *args: Any) -> None:
        super().__init__(shape, *args)
        self.columns = FilledColumns(boxes(shape), self.columns.values)

    def walk(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prover_lookup, "build_trees", self.trees)
            super().walk()

    def trees(self, section: Any, trees: Any, keys: Any, columns: ProverColumns, looked_up: Any) -> Any:
        built = []
        for instance in trees:
            if not isinstance(instance.source, LookupBox):
                built += build_trees(section, [instance], keys, columns, looked_up)
                continue
            box = instance.source
            axes = self.columns.axes[box.columns[0]]
            wide = replace(box, indicator=FilledIndicator(axes, real=box.indicator))
            whole = replace(instance, source=wide, axes=(instance.axes[0], *axes))
            real = np.zeros([axis.size for axis in axes], dtype=bool)
            real[tuple(slice(axis.size) for axis in box.axes)] = True
            built.append(build_tree(instance, written_out(keys, section, whole, columns.values, real)))
        return built


def scores(run: Declared, columns: Columns) -> Any:
    """z on its whole box, from whatever features and weights are there."""
    s = run.schedule
    box = columns[Q].shape
    weights, z = signed(run, columns, WEIGHTS.steps, s.features), np.zeros(box, dtype=object)
    for n in range(box[1]):
        block, features = n // s.block_size, columns[data_set.FEATURES].astype(object)[:, n]
        z[:, n] = weights[: box[0], block, : s.features] @ features[: s.features]
        if s.bias and not (block == s.blocks - 1 and n >= s.rows):
            z[:, n] += signed(run, columns, BIAS.steps, 1)[: box[0], block, 0] << s.scales.x_bits
    return (z % MODULUS).astype(np.uint64)


def signed(run: Declared, columns: Columns, integer: Address, count: int) -> Any:
    """Weights, or biases, on their whole box, of whatever limbs are there."""
    s = run.schedule
    low, high = (columns[name].astype(object) for name in limb_addresses(integer, s.weight_bits))
    values = low + (high << 16)
    values[: s.epochs, : s.blocks, :count] -= 1 << (s.weight_bits - 1)
    return values


def outside(array: Any, *sizes: int) -> Any:
    """Mask of the cells beside the real ones."""
    mask = np.ones(array.shape, dtype=bool)
    mask[tuple(slice(size) for size in sizes)] = False
    return mask


def with_inert_junk(run: Declared, columns: Columns) -> Columns:
    """Whole boxes, with uniform junk beside rows, epochs and blocks, and in rows that do not count; z is as it was."""
    s, box = run.schedule, filled(run.shape, columns)

    def put(name: Address, mask: Any) -> None:
        box[name] = np.where(mask, random_field(*box[name].shape), box[name])

    for name in (Q, PREDICTIONS):
        mask = outside(box[name], s.epochs, s.rows)
        mask[:, list(run.forgotten)] = True
        put(name, mask)
    put(data_set.FEATURES, outside(box[data_set.FEATURES], s.features, s.rows))
    put(data_set.LABELS, outside(box[data_set.LABELS], s.rows))
    for parameter in run.relation.parameters:
        for name in limb_addresses(parameter.steps, s.weight_bits):
            put(name, outside(box[name], s.epochs, s.blocks))
    return box


def with_junk(run: Declared, columns: Columns) -> Columns:
    """Uniform junk in every cell that the equations leave free, and z recomputed."""
    s, box = run.schedule, with_inert_junk(run, columns)
    steps = slice(s.epochs), slice(s.blocks)
    for integer, spare in (WEIGHTS.steps, (*steps, slice(s.features, None))), (WEIGHTS.last, slice(s.features, None)):
        # Past the last weight the limbs have to add up to zero, and may do so as 2^16 x - 2^16 x.
        first, second = limb_addresses(integer, s.weight_bits)
        junk = random_field(*box[second][spare].shape)
        box[second][spare] = junk
        box[first][spare] = ((-(junk.astype(object) << 16)) % MODULUS).astype(np.uint64)
    box[limb_addresses(WEIGHTS.remainder, s.shift)[0]][(*steps, FEATURES)] = gradients(run, box) % MODULUS
    return box | {Z: scores(run, box)}


def sums_of_spare(run: Declared, box: Columns) -> Any:
    """Over the rows that count, residuals times the feature past the last: objects (epochs, blocks)."""
    s, live = run.schedule, run.schedule.live.mask()
    feature, labels = box[data_set.FEATURES].astype(object)[FEATURES], box[data_set.LABELS].astype(object)
    found = np.zeros((s.epochs, s.blocks), dtype=object)
    for n in np.flatnonzero(live).tolist():
        residuals = box[PREDICTIONS].astype(object)[: s.epochs, n] - labels[n] * s.label_multiplier
        found[:, n // s.block_size] += residuals * feature[n]
    return found


def gradients(run: Declared, box: Columns) -> Any:
    """What the update of a weight past the last has to come to, with such a feature, where the weight is zero."""
    epochs, blocks = (factors.array().astype(object) for factors in (run.schedule.c_epoch, run.schedule.c_block))
    return epochs[:, None] * blocks * sums_of_spare(run, box)


def test_there_is_room_for_junk(run: Declared, true_columns: Columns) -> None:
    box = filled(run.shape, true_columns)
    assert box[Q].shape == (4, 16) and box[limb_addresses(WEIGHTS.steps, 16)[0]].shape == (4, 8, 4)
    assert box[data_set.FEATURES].shape == (FEATURES + 1, 16)
    assert box[COEFFICIENTS].shape == (4,)
    if run.schedule.bias:
        assert box[limb_addresses(BIAS.steps, 16)[0]].shape == (4, 8, 1)


def test_consistent_junk_proves_the_same_model(run: Declared, true_columns: Columns) -> None:
    """Every free cell uniform; the model's commitment has the same real weights, so nothing was influenced."""
    box = with_junk(run, true_columns)
    assert not np.array_equal(box[Q], filled(run.shape, true_columns)[Q])
    outcome = prove(run.shape, box, commitments(run.shape, box), prover=JunkProver)
    assert outcome.prover.lies == frozenset()
    assert outcome.verdict() == "valid"
    for column in run.relation.columns["model"]:
        real = true_columns[Address("model", column.name)]
        assert np.array_equal(box[Address("model", column.name)][: len(real)], real)


def test_training_on_a_row_past_the_last_is_rejected(run: Declared, rows: tuple[Any, Any]) -> None:
    """The twelfth row exists in the padding of a data set of eleven. It is looked up by nobody, and weighs nothing."""
    X, y = np.vstack([rows[0], rows[0][:1] + 1]), np.append(rows[1], 77)
    longer_schedule = replace(run.schedule, live=Live(ROWS + 1, run.forgotten))
    counted = ~np.isin(np.arange(ROWS + 1), run.forgotten)
    trace = descend(run, (X, y), schedule=longer_schedule, counted=counted)
    wide = replace(run.relation, schedule=longer_schedule)
    columns = data_columns((X, y)) | training_columns(wide, trace)
    live = replace(trace, Q=trace.Q[:, :ROWS], P=trace.P[:, :ROWS], rem=trace.rem[:, :ROWS])
    counts = recount(run.relation, data_columns((X[:ROWS], y[:ROWS])) | training_columns(run.relation, live))
    columns |= {name: counts[name] for name in (RANGE_COUNTS, ACTIVATION_COUNTS)}
    box = filled(run.shape, columns)
    box[Z] = scores(run, box)
    assert_caught(prove(run.shape, box, commitments(run.shape, box), prover=JunkProver), "gradient")


@pytest.mark.parametrize("cell", [(3, 0, 0), (0, 7, 0)], ids=["epoch past the last", "block past the last"])
def test_an_update_remainder_outside_the_run_is_rejected(
    run: Declared, true_columns: Columns, cell: tuple[int, int, int]
) -> None:
    """Where there is no step the update says u = 0."""
    box = filled(run.shape, true_columns)
    box[limb_addresses(WEIGHTS.remainder, run.schedule.shift)[0]][cell] = 2  # one would be a denominator of zero
    assert_caught(prove(run.shape, box, commitments(run.shape, box), prover=JunkProver), "gradient")


def test_a_feature_past_the_last_is_not_learnt(run: Declared, true_columns: Columns) -> None:
    """Nothing says what it is; but then the gradient of a weight that is none does not vanish."""
    box = filled(run.shape, true_columns)
    box[data_set.FEATURES][FEATURES, 0] += np.uint64(1)
    assert_caught(prove(run.shape, box, commitments(run.shape, box), prover=JunkProver), "gradient")


def test_a_weight_past_the_last_starts_at_zero(run: Declared, true_columns: Columns) -> None:
    box = filled(run.shape, true_columns)
    box[limb_addresses(WEIGHTS.steps, 16)[0]][0, 0, 3] = 2
    assert_caught(prove(run.shape, box, commitments(run.shape, box), prover=JunkProver), "initial weights", "gradient")


def test_junk_that_the_prover_does_not_answer_for_is_rejected(run: Declared, true_columns: Columns) -> None:
    """Committed junk, and claims as if it were not there."""
    box = with_junk(run, true_columns)
    assert_caught(prove(run.shape, true_columns, commitments(run.shape, box)), "batching")
