"""The optimum as it is found and proved: Newton's method in float64, exact gradients by BLAS, and the columns of
circuits/relations/optimum.py.

Nothing of how it is found is proved. Newton's method ends where float64 does; then steps by the exact gradient of
integer weights go on to their grid, and single weights are moved by a unit while the gradient becomes shorter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import to_field
from ...circuits.language.layout import Address
from ...circuits.language.tables import split_limbs
from ...circuits.relations import optimum as columns
from ...circuits.relations.optimum import Optimum, Parameter
from ...models.convergence import ONE_LABEL, Curve, measured
from ...models.methods import Optimum as OptimumMethod
from ...models.methods.certificate import Certificate
from ...models.methods.optimum_reference import RowValues, Settled, exported_model, first_settled, row_values
from ...models.optimum import Objective, minimum
from ..kernels import run_blas_tasks
from ..kernels.storage import empty
from ..matrices.commitment import Cells
from ..matrices.multiplicities import LookedUpRows, limb_rows, multiplicities, signed_rows
from ..matrices.values import Witness
from .curve import Integers, Reals, Units, real_rows
from .model import model_cells
from .rows import Rows

EXACT_BITS = 53  # integers of so many bits are float64 numbers
LIMB_BITS = 14  # of residuals, which have 29: times a feature, over PIECE_ROWS of them, exact
PIECE_ROWS = 1 << 22
REFINEMENTS = 12  # steps by exact gradients; three are usual
POLISHES = 400  # weights that are moved by a unit before the exact gradient is looked at
ROUNDS = 6


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Found:
    """A certified optimum: what is committed of rows and of weights."""

    rows: RowValues
    settled: Settled


# Finding it ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class _Problem:
    """The rows as BLAS takes them.

    Attributes:
        matrix: float64 (K, N), features in units of 2^-x_bits and the bias's ones, 0 of what is left out.
        labels: int64 (N,).
    """

    matrix: Reals
    labels: Integers
    schedule: Certificate

    def values(self, weights: Integers) -> RowValues:
        """Of integer weights (K,), exactly. Raises TrainingError."""
        return row_values(self._scores(weights), self.schedule)

    def _scores(self, weights: Integers) -> Integers:
        """z, by limbs of weights whose products add up exactly."""
        bits = EXACT_BITS - self.schedule.scales.x_bits - len(weights).bit_length() - 1
        count = -(-self.schedule.weight_bits // bits)
        limbs, rest = np.empty((count, len(weights))), weights
        for i in range(count):
            low = rest & ((1 << bits) - 1) if i + 1 < count else rest
            limbs[i], rest = low, rest >> bits
        parts = (limbs @ self.matrix).astype(np.int64)
        return np.asarray(sum(part << (bits * i) for i, part in enumerate(parts)), dtype=np.int64)

    def gradient(self, weights: Integers, rows: RowValues) -> Integers:
        """G, exactly."""
        own = self.schedule
        r, sums = rows.residuals(self.labels, own), np.zeros(len(weights), dtype=np.int64)
        for start in range(0, len(r), PIECE_ROWS):
            piece, high = slice(start, start + PIECE_ROWS), r[start : start + PIECE_ROWS] >> LIMB_BITS
            for limb, bits in ((r[piece] - (high << LIMB_BITS), 0), (high, LIMB_BITS)):
                sums += (self.matrix[:, piece] @ limb.astype(np.float64)).astype(np.int64) << bits
        return (sums << own.raised) + own.penalty * weights


def find_optimum(rows: Rows, schedule: Certificate) -> Found:
    """The certified optimum on the rows that count.

    Raises:
        TrainingError: no declared distance has a certificate, or a score or weight is out of range.
    """
    (found,) = run_blas_tasks([partial(_found, rows, schedule)])
    return found


def _found(rows: Rows, schedule: Certificate) -> Found:
    problem = _problem_of(rows, schedule)
    live = schedule.live.mask()
    features = problem.matrix.T if live.all() else problem.matrix[:, live].T
    labels = problem.labels[live].astype(np.float64)[:, None]
    l2 = float(schedule.penalty) / float(schedule.live.count) * 2.0 ** -_loss_bits(schedule)
    unit = float(schedule.one)  # of features, which are as large as their integers here: weights are as much smaller
    objective = _Curved(schedule.family, features, labels, np.full(schedule.width, l2 * unit**2))
    weights, _ = minimum(objective)
    best = _refined(problem, weights * unit, objective.second(weights) / unit**2)
    return Found(best.rows, first_settled(best.weights, best.gradient, schedule))


class _Curved(Objective):
    """An objective whose second derivative is found in single precision, twice as fast: it only says where to go."""

    def alone(self, output: int) -> Objective:
        """See Objective: there is one output."""
        return self

    def second(self, weights: Reals) -> Reals:
        """f'' at weights (K,), float64 (K, K)."""
        roots = np.sqrt(self.family.slope(self.X @ weights) / len(self.y)).astype(np.float32)
        scaled = self.X.astype(np.float32) * roots[:, None]
        found = (scaled.T @ scaled).astype(np.float64)  # of one matrix with itself, a half of it is computed
        found[np.diag_indices_from(found)] += self.penalties
        return found

    def newton_step(self, weights: Reals, gradient: Reals) -> Reals:
        """See Objective."""
        return np.asarray(np.linalg.solve(self.second(weights), gradient), dtype=np.float64)


def _loss_bits(schedule: Certificate) -> int:
    """G is n 2^this times the gradient of the mean loss and penalty, at scale w_bits of weights."""
    fixed = schedule.scales
    return fixed.p_bits + fixed.x_bits + schedule.raised - fixed.w_bits


def _problem_of(rows: Rows, schedule: Certificate) -> _Problem:
    matrix = empty((schedule.width, schedule.rows), np.float64)
    matrix[: schedule.features] = rows.by_feature
    matrix[list(schedule.unused)] = 0
    matrix[schedule.features :] = schedule.one
    return _Problem(matrix, rows.labels.astype(np.int64), schedule)


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class _Point:
    """Integer weights with what they imply.

    Attributes:
        size: |G|, as float64 has it.
    """

    weights: Integers
    rows: RowValues
    gradient: Integers
    size: float


def _at(problem: _Problem, weights: Integers) -> _Point:
    rows = problem.values(weights)
    gradient = problem.gradient(weights, rows)
    return _Point(weights, rows, gradient, float(np.linalg.norm(gradient.astype(np.float64))))


def _refined(problem: _Problem, weights: Reals, curvature: Reals) -> _Point:
    """Integer weights near the optimum: steps by exact gradients while these become shorter, then polished."""
    own = problem.schedule
    scale = float(own.live.count) * 2.0 ** _loss_bits(own)  # of G, for weights in units
    inverse = np.linalg.inv(curvature)
    best = _at(problem, np.rint(weights * 2.0**own.scales.w_bits).astype(np.int64))
    for _ in range(REFINEMENTS):
        step = np.rint(inverse @ (best.gradient / scale)).astype(np.int64)
        trial = _at(problem, best.weights - step) if step.any() else best
        if trial.size >= best.size:
            break
        best = trial
    for _ in range(ROUNDS):
        moves = _moves(best.gradient / scale, curvature)
        trial = _at(problem, best.weights + moves) if moves.any() else best
        if trial.size >= best.size:
            break
        best = trial
    return best


def _moves(gradient: Reals, curvature: Reals) -> Integers:
    """By how many units each weight is to be moved, so that gradient + curvature moves is short: one at a time."""
    moves, squares, left = np.zeros(len(gradient), dtype=np.int64), (curvature**2).sum(axis=0), gradient.copy()
    for _ in range(POLISHES):
        along = curvature @ left
        gains = 2 * np.abs(along) - squares
        k = int(np.argmax(gains))
        if gains[k] <= 0:
            break
        sign = -1 if along[k] > 0 else 1
        moves[k] += sign
        left = left + sign * curvature[k]
    return moves


# What is made of it -------------------------------------------------------------------------------------------------


def optimum_model(schedule: Certificate, found: Found) -> Integers:
    """The integers of the model, int64 (1, K)."""
    return exported_model(found.settled, schedule)[None]


def found_distance(found: Found) -> int:
    """Which of the declared distances has a certificate."""
    return found.settled.number


def optimum_notes(schedule: Certificate, found: Found) -> tuple[str, ...]:
    """At which distance, where it is not the first that is declared."""
    number = found.settled.number
    if not number:
        return ()
    return (f"an edge of the grid is near: certified at distance number {number + 1}, {schedule.distances[number]}",)


def optimum_curve(rows: Rows, method: OptimumMethod, schedule: Certificate, found: Found) -> Curve:
    """Zero weights, and after what counts as one epoch the model. There are no steps that notes could be on."""
    unit = 2.0 ** -method.weight_bits(schedule.scales)
    weights = np.stack([np.zeros(schedule.width), found.settled.model * unit])[:, None]
    factor = np.full(schedule.features, 1 / schedule.one)
    factor[list(schedule.unused)] = 0.0
    units = Units(factor, np.zeros(schedule.features), np.full(schedule.width, unit))

    def learnt(labels: Integers) -> tuple[Reals, Reals]:
        return labels[:, None].astype(np.float64), np.ones(len(labels))

    pieces = real_rows(rows, schedule, units, 2, learnt)
    penalties = np.full(schedule.width, method.l2)
    (curve,) = run_blas_tasks([partial(measured, schedule.family, pieces, (0, 1), weights, penalties)])
    return replace(curve, notes=tuple(note for note in curve.notes if note == ONE_LABEL), stepped=False)


def optimum_witness(relation: Optimum, found: Found) -> Witness:
    """Columns of the model and the witness, z and step times middle."""
    schedule, rows = relation.schedule, found.rows
    limbs: dict[Address, npt.NDArray[np.uint16]] = {}
    middle, risen = rows.middle.astype(np.uint16), rows.risen.astype(np.uint16)
    looked_up: dict[str, LookedUpRows] = {
        "link": signed_rows(rows.Q),
        "middle": middle,
        "low": rows.low.astype(np.uint16),
        "risen": risen,
        "rest": rows.rest.astype(np.uint16),
    }
    for integer, values in integer_columns(relation, found.settled).items():
        limbs |= split_limbs(values, integer, relation.bits_of(integer))
        looked_up |= limb_rows(limbs, integer, relation.bits_of(integer))
    cells: dict[Address, Cells] = {
        columns.Q: rows.Q.astype(np.int16),
        columns.EDGE: rows.edge.astype(np.int32),
        columns.STEP: rows.step.astype(np.int32),
        columns.MIDDLE: middle,
        columns.RISEN: risen,
        columns.Z: to_field(rows.z),
        columns.PRODUCT: to_field(rows.product),
        **model_cells(schedule.features, optimum_model(schedule, found)),
        **limbs,
    }
    return Witness({**cells, **multiplicities(relation.sections, looked_up)}, looked_up)


def integer_columns(relation: Optimum, settled: Settled) -> dict[Address, Integers]:
    """What is committed in limbs, shaped as there; signed integers above the least of their range."""
    features = relation.schedule.features
    found = {columns.SLACK: np.array([settled.slack], dtype=np.int64)}
    parts: list[tuple[Parameter, slice]] = [(columns.WEIGHTS, slice(0, features))]
    if relation.schedule.bias:
        parts.append((columns.BIAS, slice(features, None)))
    for parameter, cut in parts:
        signed = {parameter.weight: settled.weights, parameter.cut: settled.cut, parameter.model: settled.model}
        found |= {name: own[cut] + (1 << (relation.bits_of(name) - 1)) for name, own in signed.items()}
        unsigned = {
            parameter.cut_rest: settled.cut_rest,
            parameter.below: settled.below,
            parameter.above: settled.above,
        }
        found |= {name: own[cut] for name, own in unsigned.items()}
    return found
