"""Junk in cells that are no cells: rows past N, epochs past E, blocks past B, weights past K.

A matrix row is a power of two long, so such cells exist and the prover may fill them. `JunkProver` does, and
computes everything from what it filled in, as a real attacker would: the proof holds, and proves the same model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address, Axis, Tiling
from zkunlearn.circuits.language.relation import Indicator, LookupBox, PublicVector
from zkunlearn.circuits.language.tables import ACTIVATION_COUNTS, RANGE_COUNTS, limb_addresses
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.descent_columns import PREDICTIONS, Q, Z
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.parameters import BIAS, WEIGHTS, ParameterColumns
from zkunlearn.circuits.relations.standardized_descent import GRADIENTS, RESIDUALS
from zkunlearn.models.live import Live
from zkunlearn.models.methods.schedule import Schedule
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.prover.matrices.values import Columns as ProverColumns
from zkunlearn.prover.protocol import lookup as prover_lookup
from zkunlearn.prover.protocol.cubes import Forest
from zkunlearn.prover.protocol.fractions import Tree, build_tree
from zkunlearn.prover.protocol.lookup import build_trees
from zkunlearn.verifier.protocol.proof import ProofShape

from ..cheating import CheatingProver
from ..leaves import written_out
from .harness import (
    CLASSES,
    Columns,
    Declared,
    assert_caught,
    assert_valid,
    columns_of,
    commitments,
    data_columns,
    descend_all,
    prove,
    recount,
    training_columns,
)

ROWS, FEATURES, EPOCHS, BATCH = 11, 3, 3, 2  # 16, 4, 4 and 8 blocks for 6, when padded; and 4 outputs for 3
REAL: dict[str, Any] = {"label_kind": "real", "label_bits": 14}


BIASES: dict[str, dict[str, Any]] = {"bias": {}, "no bias": {"bias": False}}
SEVERAL: dict[str, dict[str, Any]] = {
    "classes": {},
    "classes, no bias": {"bias": False},
    "weighted classes": {"class_weight": {"a": 1, "b": 5, "c": 2}},
}


@pytest.fixture(scope="module", params=[*BIASES, *SEVERAL])
def run(request: pytest.FixtureRequest) -> Declared:
    changes: dict[str, Any] = (BIASES | SEVERAL)[request.param]
    several = request.param in SEVERAL
    kind: dict[str, Any] = {"label_kind": "categorical", "label_bits": 0, "classes": CLASSES} if several else REAL
    shape = DatasetShape(rows=ROWS, features=FEATURES, x_bits=10, **kind)
    method: Any = {"epochs": EPOCHS, "learning_rate": 0.5, "batch_size": BATCH, "l2": 0.01} | changes
    return Declared(TrainingSpec(model="logistic" if several else "linear", **method), shape, (2, 5))


@pytest.fixture(scope="module")
def rows(run: Declared) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    X, y = rng.integers(-900, 901, (ROWS, FEATURES)), rng.integers(-(2**14), 2**14, ROWS)
    return X, y if run.data.outputs == 1 else y % run.data.outputs


@pytest.fixture(scope="module")
def true_columns(run: Declared, rows: tuple[Any, Any]) -> Columns:
    return columns_of(run, rows, *descend_all(run, rows))


# A prover whose columns fill whole tiles ---------------------------------------------------------------------------


def existing(tiling: Tiling) -> tuple[Axis, ...]:
    """The column's axes, as long as its matrix rows are."""
    sizes = [tiles << low for tiles, low in zip(tiling.tiles, tiling.low_bits, strict=True)]
    return tuple(replace(a, size=n, spare=0) for a, n in zip(tiling.column.axes, sizes, strict=True))


def boxes(shape: ProofShape) -> dict[Address, tuple[Axis, ...]]:
    places = {column: tiling for group in shape.groups for column, (_, tiling) in group.places.items()}
    axes = {column: existing(tiling) for column, tiling in places.items()}
    if not shape.relation.virtual:
        return axes
    steps = next(own for column, own in axes.items() if column.name.startswith(WEIGHTS.steps.name))
    virtual = {Z: axes[Q], GRADIENTS: steps, RESIDUALS: steps[:-1]}
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
        return super().sum_axes(name, {axis: longer(at[axis], size) for axis, size in sizes.items()})


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
        built: list[Tree] = []
        for instance in trees:
            if not isinstance(instance.source, LookupBox):
                built += build_trees(section, [instance], keys, columns, looked_up).trees
                continue
            box = instance.source
            axes = self.columns.axes[box.columns[0]]
            wide = replace(box, indicator=FilledIndicator(axes, real=box.indicator))
            whole = replace(instance, source=wide, axes=(instance.axes[0], *axes))
            real = np.zeros([axis.size for axis in axes], dtype=bool)
            real[tuple(slice(axis.size) for axis in box.axes)] = True
            built.append(build_tree(instance, written_out(keys, section, whole, columns.values, real)))
        return Forest(built)


def scores(run: Declared, columns: Columns) -> Any:
    """z on its whole box, from whatever features and weights are there."""
    s, z = run.schedule, np.zeros(columns[Q].shape, dtype=object)
    count, epochs, rows = z.shape
    weights = signed(run, columns, WEIGHTS.steps, s.features)[:count, :epochs]
    features = columns[data_set.FEATURES].astype(object)
    biases = signed(run, columns, BIAS.steps)[:count, :epochs] if s.bias else None
    for n in range(rows):
        block = n // s.block_size
        z[:, :, n] = weights[:, :, block, : s.features] @ features[: s.features, n]
        if biases is not None and not (block == s.blocks - 1 and n >= s.rows):
            z[:, :, n] += biases[:, :, block] << s.scales.x_bits
    return (z % MODULUS).astype(np.uint64)


def signed(run: Declared, columns: Columns, integer: Address, *count: int) -> Any:
    """Weights, or biases, before each step on their whole box, of whatever limbs are there."""
    s = run.schedule
    return offset_from(integers_of(columns, integer, s.weight_bits), s, s.epochs, s.blocks, *count)


def last_of(run: Declared, columns: Columns, integer: Address, *count: int) -> Any:
    """The same after the last step."""
    return offset_from(integers_of(columns, integer, run.schedule.weight_bits), run.schedule, *count)


def integers_of(columns: Columns, integer: Address, bits: int) -> Any:
    return sum(columns[name].astype(object) << 16 * i for i, name in enumerate(limb_addresses(integer, bits)))


def offset_from(values: Any, schedule: Schedule, *sizes: int) -> Any:
    """Less 2^(weight_bits - 1) on real cells."""
    values[tuple(slice(size) for size in (schedule.outputs, *sizes))] -= 1 << (schedule.weight_bits - 1)
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
        mask = outside(box[name], len(box[name]), s.epochs, s.rows)
        mask[:, :, list(run.forgotten)] = True
        put(name, mask)
    put(data_set.FEATURES, outside(box[data_set.FEATURES], s.features, s.rows))
    put(data_set.LABELS, outside(box[data_set.LABELS], len(box[data_set.LABELS]), s.rows))
    for parameter in run.relation.parameters:
        for name in limb_addresses(parameter.steps, s.weight_bits):
            put(name, outside(box[name], len(box[name]), s.epochs, s.blocks))
    return box


def put_outputs(run: Declared, box: Columns) -> None:
    """Uniform junk in all columns of outputs that there are not: runs of them that start at zero."""
    s = run.schedule
    spare = slice(s.outputs, None)
    names = [Q, PREDICTIONS, data_set.LABELS]
    for parameter in run.relation.parameters:
        for integer in (parameter.steps, parameter.last):
            names += limb_addresses(integer, s.weight_bits)
        names += limb_addresses(parameter.remainder, s.shift)
    for name in names:
        box[name][spare] = random_field(*box[name][spare].shape)
    for parameter in run.relation.parameters:
        balance(box, limb_addresses(parameter.steps, s.weight_bits), (spare, 0, 0))
        for name in limb_addresses(parameter.remainder, s.shift):  # no step, no remainder
            box[name][outside(box[name], len(box[name]), s.epochs, s.blocks)] = 0


def balance(box: Columns, limbs: Sequence[Address], cells: Any) -> None:
    """Limbs add up to zero, and may do so as 2^16 x - 2^16 x."""
    first, *others = limbs
    junk = sum(box[name][cells].astype(object) << 16 * i for i, name in enumerate(others, 1))
    box[first][cells] = (-junk % MODULUS).astype(np.uint64)


def with_junk(run: Declared, columns: Columns) -> Columns:
    """Uniform junk in every cell that the equations leave free, and z recomputed."""
    s, box = run.schedule, with_inert_junk(run, columns)
    put_outputs(run, box)
    steps = slice(s.epochs), slice(s.blocks)
    spare = slice(s.features, None)
    for integer, cells in (WEIGHTS.steps, (slice(s.outputs), *steps, spare)), (WEIGHTS.last, (slice(s.outputs), spare)):
        limbs = limb_addresses(integer, s.weight_bits)
        for name in limbs:
            box[name][cells] = random_field(*box[name][cells].shape)
        balance(box, limbs, cells)  # past the last weight of real outputs
    for column, values in models_of_junk(run, box).items():
        box[column][s.outputs :] = values[s.outputs :]
    put_remainders(run, box, gradients(run, box))
    return box | {Z: scores(run, box)}


def models_of_junk(run: Declared, box: Columns) -> Columns:
    """The model that the last weights say."""
    s, found = run.schedule, {COEFFICIENTS: last_of(run, box, WEIGHTS.last, run.schedule.features)}
    if s.bias:
        found[INTERCEPT] = last_of(run, box, BIAS.last) << s.scales.x_bits
    return {column: (values % MODULUS).astype(np.uint64) for column, values in found.items()}


def gradients(run: Declared, box: Columns) -> dict[ParameterColumns, Any]:
    """Without c_e c_b, of weights and biases: (outputs, epochs, blocks, weights) and (outputs, epochs, blocks)."""
    sums, residuals = sums_of(run, box)
    return {WEIGHTS: sums, BIAS: residuals << run.schedule.scales.x_bits}


def sums_of(run: Declared, box: Columns) -> tuple[Any, Any]:
    """Over the rows that count, residuals times each feature, and residuals; of all outputs and features, objects."""
    s, live = run.schedule, run.schedule.live.mask()
    features, labels = box[data_set.FEATURES].astype(object), box[data_set.LABELS].astype(object)
    predictions = box[PREDICTIONS].astype(object)[:, : s.epochs]
    found = np.zeros((len(labels), s.epochs, s.blocks, len(features)), dtype=object)
    total = np.zeros(found.shape[:-1], dtype=object)
    for n in np.flatnonzero(live).tolist():
        weight = sum(v * labels[c, n] for c, v in enumerate(s.class_weights)) if s.weighted else 1
        residuals = weight * (predictions[:, :, n] - labels[:, None, n] * s.label_multiplier)
        found[:, :, n // s.block_size] += residuals[..., None] * features[:, n]
        total[:, :, n // s.block_size] += residuals
    return found, total


def put_remainders(run: Declared, box: Columns, gradients: Mapping[ParameterColumns, Any]) -> None:
    """What the updates of outputs and weights that there are not have to come to, in the lowest limb."""
    s = run.schedule
    rates = s.c_epoch.array().astype(object)[:, None] * s.c_block.array().astype(object)
    for parameter, count in ((WEIGHTS, (s.features,)), (BIAS, ()))[: len(run.relation.parameters)]:
        run_of = signed(run, box, parameter.steps, *count)[:, : s.epochs, : s.blocks]
        after = last_of(run, box, parameter.last, *count)
        decays = s.l_epoch.array().astype(object) * (parameter == WEIGHTS or s.penalize_bias)
        extra = (None,) * len(count)
        needed = rates[(..., *extra)] * gradients[parameter]
        flat = np.concatenate([run_of.reshape(len(run_of), s.steps, *run_of.shape[3:]), after[:, None]], axis=1)
        moved = (flat[:, :-1] - flat[:, 1:]).reshape(run_of.shape) << s.shift
        needed = needed - moved + decays[:, None][(..., *extra)] * run_of
        low, *others = limb_addresses(parameter.remainder, s.shift)
        real = (slice(None), slice(s.epochs), slice(s.blocks))
        mask = outside(needed, s.outputs, s.epochs, s.blocks, *count)
        needed = needed - sum(box[name][real].astype(object) << 16 * i for i, name in enumerate(others, 1))
        box[low][real] = np.where(mask, (needed % MODULUS).astype(np.uint64), box[low][real])


def test_there_is_room_for_junk(run: Declared, true_columns: Columns) -> None:
    box, outputs = filled(run.shape, true_columns), 1 if run.data.outputs == 1 else 4
    assert box[Q].shape == (outputs, 4, 16) and box[limb_addresses(WEIGHTS.steps, 16)[0]].shape == (outputs, 4, 8, 4)
    assert box[data_set.FEATURES].shape == (FEATURES + 1, 16) and box[data_set.LABELS].shape == (outputs, 16)
    assert box[COEFFICIENTS].shape == (outputs, 4)
    if run.schedule.bias:
        assert box[limb_addresses(BIAS.steps, 16)[0]].shape == (outputs, 4, 8) and box[INTERCEPT].shape == (outputs,)


def test_consistent_junk_proves_the_same_model(run: Declared, true_columns: Columns) -> None:
    """Every free cell uniform; the model's commitment has the same real weights, so nothing was influenced."""
    box = with_junk(run, true_columns)
    assert not np.array_equal(box[Q], filled(run.shape, true_columns)[Q])
    outcome = prove(run.shape, box, commitments(run.shape, box), prover=JunkProver)
    assert_valid(outcome)
    for column in run.relation.columns["model"]:
        real, whole = true_columns[Address("model", column.name)], box[Address("model", column.name)]
        assert np.array_equal(whole[tuple(map(slice, real.shape))], real)
        assert whole[run.data.outputs :].all(), "of a class that there is not: any integers"


def test_training_on_a_row_past_the_last_is_rejected(run: Declared, rows: tuple[Any, Any]) -> None:
    """The twelfth row exists in the padding of a data set of eleven. It is looked up by nobody, and weighs nothing."""
    X, y = np.vstack([rows[0], rows[0][:1] + 1]), np.append(rows[1], 77 if run.data.outputs == 1 else 1)
    longer_schedule = replace(run.schedule, live=Live(ROWS + 1, run.forgotten))
    counted = ~np.isin(np.arange(ROWS + 1), run.forgotten)
    traces = descend_all(run, (X, y), schedule=longer_schedule, counted=counted)
    wide, outputs = replace(run.relation, schedule=longer_schedule), run.data.outputs
    columns = data_columns((X, y), outputs) | training_columns(wide, *traces)
    live = [replace(t, Q=t.Q[:, :ROWS], P=t.P[:, :ROWS], rem=t.rem[:, :ROWS]) for t in traces]
    own = data_columns((X[:ROWS], y[:ROWS]), outputs) | training_columns(run.relation, *live)
    counts = recount(run.relation, own)
    columns |= {name: counts[name] for name in (RANGE_COUNTS, ACTIVATION_COUNTS)}
    box = filled(run.shape, columns)
    box[Z] = scores(run, box)
    assert_caught(prove(run.shape, box, commitments(run.shape, box), prover=JunkProver), "gradient")


@pytest.mark.parametrize("cell", [(0, 3, 0, 0), (0, 0, 7, 0)], ids=["epoch past the last", "block past the last"])
def test_an_update_remainder_outside_the_run_is_rejected(
    run: Declared, true_columns: Columns, cell: tuple[int, int, int, int]
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
    box[limb_addresses(WEIGHTS.steps, 16)[0]][0, 0, 0, 3] = 2
    assert_caught(prove(run.shape, box, commitments(run.shape, box), prover=JunkProver), "initial weights", "gradient")


def test_junk_that_the_prover_does_not_answer_for_is_rejected(run: Declared, true_columns: Columns) -> None:
    """Committed junk, and claims as if it were not there."""
    box = with_junk(run, true_columns)
    assert_caught(prove(run.shape, true_columns, commitments(run.shape, box)), "batching")


# Outputs past the last: nothing else reads what is there, but it has to be a run of its own -----------------------


def spare_outputs(run: Declared) -> dict[str, tuple[Address, set[str]]]:
    """Columns of an output past the last, and which equations a single cell of each alone fails."""
    bits = run.schedule.weight_bits
    found: dict[str, tuple[Address, set[str]]] = {
        "Q": (Q, set()),  # which is looked up only, and not there
        "P": (PREDICTIONS, {"gradient"}),
        "labels": (data_set.LABELS, {"gradient"}),
        "first weights": (limb_addresses(WEIGHTS.steps, bits)[0], {"initial weights", "gradient"}),
        "remainders": (limb_addresses(WEIGHTS.remainder, run.schedule.shift)[0], {"gradient"}),
        "last weights": (limb_addresses(WEIGHTS.last, bits)[0], {"model"}),
        "model": (COEFFICIENTS, {"model", "gradient"}),
    }
    if run.schedule.bias:
        found |= {
            "first biases": (limb_addresses(BIAS.steps, bits)[0], {"initial weights", "gradient"}),
            "last biases": (limb_addresses(BIAS.last, bits)[0], {"intercept", "gradient"}),
            "intercept": (INTERCEPT, {"intercept"}),
        }
    return found


@pytest.mark.parametrize(
    "run", ["classes", "classes, no bias", pytest.param("weighted classes", marks=pytest.mark.slow)], indirect=True
)
def test_junk_in_one_column_of_an_output_past_the_last_is_rejected_but_for_quotients(
    run: Declared, true_columns: Columns
) -> None:
    for what, (column, reasons) in spare_outputs(run).items():
        box = filled(run.shape, true_columns)
        box[column][(run.data.outputs, *[0] * (box[column].ndim - 1))] = 2
        box[Z] = scores(run, box)
        outcome = prove(run.shape, box, commitments(run.shape, box), prover=JunkProver)
        assert set(outcome.prover.lies) == reasons, what
        assert outcome.verdict() == ("constraints" if reasons else "valid"), what


@pytest.mark.parametrize("run", SEVERAL, indirect=True)
def test_scores_of_an_output_past_the_last_are_those_of_its_weights(run: Declared, true_columns: Columns) -> None:
    box = with_junk(run, true_columns)
    box[Z][run.data.outputs, 0, 0] ^= np.uint64(1)
    assert_caught(prove(run.shape, box, commitments(run.shape, box), prover=JunkProver), "product")


@pytest.mark.parametrize("run", ["weighted classes"], indirect=True)
def test_a_class_past_the_last_has_no_weight(run: Declared, true_columns: Columns) -> None:
    """Rows of a class that there is not count by those that there are: a one more in its column changes no row."""
    box = with_junk(run, true_columns)
    assert box[data_set.LABELS][run.data.outputs].any()
    wrong = box[data_set.LABELS].copy()
    wrong[0, 0] ^= np.uint64(1)
    outcome = prove(run.shape, box | {data_set.LABELS: wrong}, prover=JunkProver)
    assert_caught(outcome, "gradient")
