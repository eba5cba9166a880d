"""A one-pass training as it is proved: exact sums by BLAS, the columns of circuits/relations/one_pass.py, its curve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from ...circuits.language.layout import Address
from ...circuits.language.tables import split_limbs
from ...circuits.relations import one_pass as columns
from ...circuits.relations.one_pass import OnePass
from ...circuits.relations.standardized_one_pass import PENALTIES, PENALTY_REST, SCALED, StandardizedOnePass
from ...errors import ParameterError
from ...models.convergence import Curve, Piece, measured, shown_epochs
from ...models.methods import OnePass as OnePassMethod
from ...models.methods.normal_equations import NormalEquations
from ...models.methods.one_pass_reference import Solution, Sums, exported_solution, model_weights, solution
from ...models.methods.standardization import Scaler, scaler_of
from ..kernels import run_blas_tasks
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows, multiplicities
from ..matrices.values import Witness
from .model import model_cells
from .rows import Rows
from .standardization import scaler_columns

Integers = npt.NDArray[np.int64]
EXACT = 1 << 53  # integers up to here are float64 numbers
PIECE_ROWS = 1 << 14  # that are multiplied at a time: 64 features of them take 8 MB
LIMB_BITS = 16  # of weights, where a product with a matrix is made of two
PIECE_CELLS = 1 << 16  # of features and scores of the curve that are worked on at a time
LEAST_ROWS = 64  # however wide they are


# The run ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Solved:
    """One training run, and the rows it was on."""

    rows: Rows
    solution: Solution
    unused: tuple[int, ...]

    def scaled_features(self, scaler: Scaler) -> Cells:
        """2^e X of all rows, int32 (d, N): at most 2^29; 0 of features that are left out."""
        scaled = np.left_shift(self.rows.by_feature.astype(np.int32), scaler.e[:, None].astype(np.int32))
        scaled[list(self.unused)] = 0
        return scaled


def solve_rows(rows: Rows, schedule: NormalEquations) -> Solved:
    """Run the declared training on the rows that count. Raises TrainingError: a weight left its range."""
    (found,) = run_blas_tasks([partial(_solve, rows, schedule)])
    return Solved(rows, found, schedule.unused)


def _solve(rows: Rows, schedule: NormalEquations) -> Solution:
    return solution(schedule, sums_of_rows(rows, schedule), multiplied)


def sums_of_rows(rows: Rows, schedule: NormalEquations) -> Sums:
    """Of products over the rows that count: int64."""
    gram, sums, with_labels, labels = _raw_sums(rows, schedule)
    unused = list(schedule.unused)
    gram[unused] = gram[:, unused] = sums[unused] = with_labels[unused] = 0
    count, scaler = schedule.live.count, None
    if schedule.standardization is not None:
        scaler = scaler_of(schedule.standardization, sums, gram.diagonal())
        gram, sums, with_labels = _standardized(scaler, count, gram, sums, with_labels, labels)
    if not schedule.bias:
        return Sums(gram, with_labels, scaler)
    one = schedule.one
    products = np.block([[gram, one * sums[:, None]], [one * sums[None], np.array([[count * one * one]])]])
    return Sums(products, np.append(with_labels, one * labels), scaler)


def _raw_sums(rows: Rows, schedule: NormalEquations) -> tuple[Integers, Integers, Integers, int]:
    """Of products of features (d, d), of features (d,), of features times labels (d,), and of labels."""
    width, live = schedule.features, schedule.live.mask()
    gram, sums, with_labels = (np.zeros(shape, dtype=np.int64) for shape in ((width, width), (width,), (width,)))
    labels = 0
    step = min(PIECE_ROWS, EXACT >> (schedule.scales.x_bits + max(schedule.scales.x_bits, 16)))
    for start in range(0, schedule.rows, step):
        part = slice(start, min(start + step, schedule.rows))
        mine = live[part]
        own, targets = rows.by_feature[:, part].astype(np.float64), rows.labels[part].astype(np.float64)
        if not mine.all():
            own, targets = own[:, mine], targets[mine]
        gram += (own @ own.T).astype(np.int64)
        sums += own.sum(axis=1).astype(np.int64)
        with_labels += (own @ targets).astype(np.int64)
        labels += int(targets.sum())
    return gram, sums, with_labels, labels


def _standardized(
    scaler: Scaler, count: int, gram: Integers, sums: Integers, with_labels: Integers, labels: int
) -> tuple[Integers, Integers, Integers]:
    """The same of x' = 2^e x - m; what is added may wrap on the way: the results are small."""
    power, shift = scaler.power, scaler.shift
    centred = power * sums - count * shift
    across = shift[:, None] * centred
    raised = power[:, None] * power * gram
    products = raised - count * shift[:, None] * shift - across - across.T
    return products, centred, power * with_labels - shift * labels


def multiplied(matrix: Integers, weights: Integers) -> Integers:
    """matrix @ weights, exactly: (K, K), below 2^25 as the static analysis says or more, and (K,) of 32 bits."""
    if int(np.abs(matrix).max()) * len(weights) << LIMB_BITS >= EXACT:
        return np.asarray(matrix @ weights, dtype=np.int64)
    high = weights >> LIMB_BITS
    limbs = np.stack([weights - (high << LIMB_BITS), high], axis=1).astype(np.float64)
    low_sums, high_sums = (matrix.astype(np.float64) @ limbs).astype(np.int64).T
    return np.asarray(low_sums + (high_sums << LIMB_BITS), dtype=np.int64)


def solution_model(schedule: NormalEquations, solved: Solved) -> Integers:
    """The integers of the trained model, int64 (1, K)."""
    return exported_solution(schedule, solved.solution)[None]


def solution_notes(schedule: NormalEquations, solved: Solved) -> tuple[str, ...]:
    """None. Raises ParameterError where there was something to learn, and every update was rounded to zero."""
    found = solved.solution
    if found.targets.any() and not found.weights.any():
        unit = schedule.scales.w_bits + schedule.fine_bits
        raise ParameterError(
            f"learning_rate: every update is below half a unit of the weights, 2^-{unit + 1}, and none is made; use a "
            "larger one, or more w_bits"
        )
    return ()


# The witness --------------------------------------------------------------------------------------------------------


def one_pass_witness(relation: OnePass, solved: Solved) -> Witness:
    """Columns of the model and the witness, and 2^e X."""
    found = solved.solution
    limbs: dict[Address, npt.NDArray[np.uint16]] = {}
    looked_up: dict[str, LookedUpRows] = {}
    for integer, values in integer_columns(relation, found).items():
        limbs |= split_limbs(values, integer, relation.bits_of(integer))
        looked_up |= limb_rows(limbs, integer, relation.bits_of(integer))
    model = solution_model(relation.schedule, solved)
    cells: dict[Address, Cells] = {**model_cells(relation.schedule.features, model), **limbs}
    if isinstance(relation, StandardizedOnePass) and found.scaler is not None:
        scaler, rows = scaler_columns(relation.scaler, found.scaler)
        cells |= {**scaler, SCALED: solved.scaled_features(found.scaler)}
        looked_up |= rows
    cells |= multiplicities(relation.sections, looked_up)
    return Witness(cells, looked_up)


def integer_columns(relation: OnePass, found: Solution) -> dict[Address, Integers]:
    """What is committed in limbs, shaped as there; signed integers above the least of their range."""
    schedule, features = relation.schedule, relation.schedule.features
    model, model_rest = model_weights(schedule, found.weights[-1])
    signed = {
        columns.WEIGHTS: found.weights[:-1, :features],
        columns.PRODUCTS: found.products[:features, :features],
        columns.TARGETS: found.targets[:features],
        columns.ROUNDED: model,
    }
    unsigned = {
        columns.WEIGHT_REST: found.u[:, :features],
        columns.PRODUCT_REST: found.product_rest[:features, :features],
        columns.TARGET_REST: found.target_rest[:features],
        columns.ROUNDED_REST: model_rest,
    }
    if schedule.bias:
        signed |= {
            columns.BIASES: found.weights[:-1, features:],
            columns.MEANS: found.products[:features, features],
            columns.LAST_BIAS: found.weights[-1, features:],
            columns.BIAS_TARGET: found.targets[features:],
        }
        unsigned |= {
            columns.BIAS_REST: found.u[:, features:],
            columns.MEAN_REST: found.product_rest[:features, features],
            columns.BIAS_TARGET_REST: found.target_rest[features:],
        }
    if schedule.penalised:
        unsigned |= {PENALTIES: found.penalties, PENALTY_REST: found.penalty_rest}
    raised = {integer: values + (1 << (relation.bits_of(integer) - 1)) for integer, values in signed.items()}
    return raised | unsigned


# The curve ----------------------------------------------------------------------------------------------------------


def one_pass_curve(rows: Rows, method: OnePassMethod, schedule: NormalEquations, solved: Solved) -> Curve:
    """The curve of a run, and the notes on it: models/convergence.py."""
    found = solved.solution
    epochs = shown_epochs(schedule.epochs)
    unit = 2.0 ** -(schedule.scales.w_bits + schedule.fine_bits)
    weights = np.asarray(found.weights[list(epochs), None] * unit, dtype=np.float64)
    penalties = np.full(schedule.width, method.l2)
    penalties[schedule.features :] *= method.penalize_intercept
    if found.scaler is not None:
        own = found.products.diagonal()[: schedule.features] / found.products[-1, -1]
        penalties[: schedule.features] *= own
    pieces = _real_rows(rows, schedule, found.scaler, len(epochs))
    (curve,) = run_blas_tasks([partial(measured, schedule.family, pieces, epochs, weights, penalties)])
    return curve


def _real_rows(rows: Rows, schedule: NormalEquations, scaler: Scaler | None, models: int) -> Iterator[Piece]:
    """The rows that count, some at a time, as they are trained on; a bias is the last feature."""
    live, step = schedule.live.mask(), max(LEAST_ROWS, PIECE_CELLS // (schedule.width + models))
    for start in range(0, schedule.rows, step):
        part = slice(start, min(start + step, schedule.rows))
        mine = live[part]
        if not mine.any():
            continue
        own = rows.by_feature[:, part][:, mine].astype(np.float64)
        if scaler is not None:
            own = own * scaler.power[:, None] - scaler.shift[:, None]
        own[list(schedule.unused)] = 0.0
        matrix = np.ones((schedule.width, own.shape[1]))
        matrix[: schedule.features] = own / schedule.one
        labels = rows.labels[part][mine] / 2.0**schedule.label_bits
        yield matrix.T, np.asarray(labels[:, None], dtype=np.float64), np.ones(own.shape[1])
