"""A one-pass training as it is proved: exact sums by BLAS, the columns of circuits/relations/one_pass.py, its curve."""

from __future__ import annotations

from collections.abc import Callable
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
from ...models.convergence import Curve, measured, shown_epochs
from ...models.methods import Compiled
from ...models.methods import OnePass as OnePassMethod
from ...models.methods.normal_equations import NormalEquations
from ...models.methods.one_pass_reference import Solution, Sums, exported_solution, model_weights, solution
from ...models.methods.standardization import Scaler, scaler_of
from ..kernels import run_blas_tasks, run_tasks, spans
from ..kernels.storage import empty
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows, multiplicities
from ..matrices.values import Witness
from .curve import Integers, Reals, Units, real_rows
from .model import model_cells
from .rows import Rows
from .standardization import scaler_columns

EXACT = 1 << 53  # integers up to here are float64 numbers
GRAM_CELLS = 1 << 20  # of features that are multiplied with each other at a time: 8 MB
LIMB_BITS = 16  # of weights, where a product with a matrix is made of two
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
        scaled = empty(self.rows.by_feature.shape, np.int32)

        def raise_some(first: int, last: int) -> None:
            for k in range(first, last):
                np.left_shift(self.rows.by_feature[k], scaler.e[k], out=scaled[k], casting="unsafe")

        run_tasks([partial(raise_some, *cut) for cut in spans(len(scaled), cost=scaled.shape[1], grain=1)])
        scaled[list(self.unused)] = 0
        return scaled


def solve_rows(rows: Rows, schedule: NormalEquations) -> Solved:
    """Run the declared training on the rows that count. Raises TrainingError: a weight left its range."""
    sums = sums_of_rows(rows, schedule)
    (found,) = run_blas_tasks([partial(solution, schedule, sums, in_limbs)])
    return Solved(rows, found, schedule.unused)


def sums_of_rows(rows: Rows, schedule: NormalEquations) -> Sums:
    """Of products over the rows that count: int64."""
    raw, count, scaler = raw_sums(rows, schedule), schedule.live.count, None
    _leave_out(raw, schedule)
    gram, sums, with_labels = raw.gram, raw.features, raw.with_labels
    if schedule.standardization is not None:
        scaler = scaler_of(schedule.standardization, sums, gram.diagonal())
        gram, sums, with_labels = _standardized(scaler, count, raw)
    return Sums(*_with_constant(schedule, gram, sums, with_labels, raw.labels), scaler)


def plain_sums(rows: Rows, schedule: Compiled) -> tuple[Integers, Integers]:
    """Of products of features, the constant 2^x_bits of a bias among them, (K, K), and of these times labels, (K,)."""
    raw = raw_sums(rows, schedule)
    _leave_out(raw, schedule)
    return _with_constant(schedule, raw.gram, raw.features, raw.with_labels, raw.labels)


def _leave_out(raw: RawSums, schedule: Compiled) -> None:
    """Features that are left out are zeros."""
    unused = list(schedule.unused)
    raw.gram[unused] = raw.gram[:, unused] = raw.features[unused] = raw.with_labels[unused] = 0


def _with_constant(
    schedule: Compiled, gram: Integers, sums: Integers, with_labels: Integers, labels: int
) -> tuple[Integers, Integers]:
    """Sums of products and of labels, with those of the constant, if there is a bias."""
    if not schedule.bias:
        return gram, with_labels
    one, count = 1 << schedule.scales.x_bits, schedule.live.count
    products = np.block([[gram, one * sums[:, None]], [one * sums[None], np.array([[count * one * one]])]])
    return products, np.append(with_labels, one * labels)


@dataclass(repr=False, eq=False)  # secrets stay out of logs
class RawSums:
    """Over rows that count: of products of features (d, d), of features (d,), of features times labels, of labels."""

    gram: Integers
    features: Integers
    with_labels: Integers
    labels: int

    def add(self, own: Reals, labels: Reals) -> None:
        """Rows (d, n) with labels (n,), so few that all sums are exact."""
        self.gram += (own @ own.T).astype(np.int64)
        self.features += own.sum(axis=1).astype(np.int64)
        self.with_labels += (own @ labels).astype(np.int64)
        self.labels += int(labels.sum())


def raw_sums(rows: Rows, schedule: Compiled) -> RawSums:
    """Of all rows that count, on several threads, and of features that are left out as well."""
    cuts = spans(schedule.rows, cost=schedule.features, grain=LEAST_ROWS)
    first, *others = run_blas_tasks([partial(_sums_between, rows, schedule, *cut) for cut in cuts])
    for other in others:
        first.gram += other.gram
        first.features += other.features
        first.with_labels += other.with_labels
        first.labels += other.labels
    return first


def _sums_between(rows: Rows, schedule: Compiled, first: int, last: int) -> RawSums:
    width, live = schedule.features, schedule.live.mask()
    gram, features, with_labels = (np.zeros(shape, dtype=np.int64) for shape in ((width, width), (width,), (width,)))
    found = RawSums(gram, features, with_labels, 0)
    exact = EXACT >> (schedule.scales.x_bits + max(schedule.scales.x_bits, 16))
    step = min(max(LEAST_ROWS, GRAM_CELLS // width), exact)
    for start in range(first, last, step):
        part = slice(start, min(start + step, last))
        mine = live[part]
        own, labels = rows.by_feature[:, part].astype(np.float64), rows.labels[part].astype(np.float64)
        found.add(*((own, labels) if mine.all() else (own[:, mine], labels[mine])))
    return found


def _standardized(scaler: Scaler, count: int, raw: RawSums) -> tuple[Integers, Integers, Integers]:
    """The same of x' = 2^e x - m; what is added may wrap on the way: the results are small."""
    power, shift = scaler.power, scaler.shift
    centred = power * raw.features - count * shift
    across = shift[:, None] * centred
    raised = power[:, None] * power * raw.gram
    products = raised - count * shift[:, None] * shift - across - across.T
    return products, centred, power * raw.with_labels - shift * raw.labels


def in_limbs(matrix: Integers) -> Callable[[Integers], Integers]:
    """Products of a matrix (K, K), below 2^25 as the static analysis says or more, with weights (K,) of 32 bits."""
    if int(np.abs(matrix).max()) * len(matrix) << LIMB_BITS >= EXACT:
        return lambda weights: np.asarray(matrix @ weights, dtype=np.int64)
    own = matrix.astype(np.float64)

    def multiplied(weights: Integers) -> Integers:
        high = weights >> LIMB_BITS
        limbs = np.stack([weights - (high << LIMB_BITS), high], axis=1).astype(np.float64)
        low_sums, high_sums = (own @ limbs).astype(np.int64).T
        return np.asarray(low_sums + (high_sums << LIMB_BITS), dtype=np.int64)

    return multiplied


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
    found, units = solved.solution, _units(schedule, solved.solution.scaler)
    epochs = shown_epochs(schedule.epochs)
    weights = np.asarray(found.weights[list(epochs), None] * units.weight, dtype=np.float64)
    penalties = np.full(schedule.width, method.l2)
    penalties[schedule.features :] *= method.penalize_intercept
    if found.scaler is not None:
        own = found.products.diagonal()[: schedule.features] / found.products[-1, -1]
        penalties[: schedule.features] *= own

    def learnt(labels: Integers) -> tuple[Reals, Reals]:
        return labels[:, None] / 2.0**schedule.label_bits, np.ones(len(labels))

    pieces = real_rows(rows, schedule, units, len(epochs), learnt)
    (curve,) = run_blas_tasks([partial(measured, schedule.family, pieces, epochs, weights, penalties)])
    return curve


def _units(schedule: NormalEquations, scaler: Scaler | None) -> Units:
    """Of features as they are, or with mean zero; those that are left out are zero."""
    factor, offset = np.full(schedule.features, 1 / schedule.one), np.zeros(schedule.features)
    if scaler is not None:
        factor, offset = scaler.power / schedule.one, scaler.shift / schedule.one
    factor[list(schedule.unused)] = offset[list(schedule.unused)] = 0.0
    unit = 2.0 ** -(schedule.scales.w_bits + schedule.fine_bits)
    return Units(factor, offset, np.full(schedule.width, unit))
