"""A small training run, and a prover that can be told to lie about it.

Everything is consistent but the lie: multiplicities are counted from the columns at hand, z is what the columns
say. `CheatingProver` notes which of its own equations do not hold, and goes on where an honest prover stops.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import add, mul, sub, to_field
from zkunlearn.circuits.field.multilinear import log2_ceil
from zkunlearn.circuits.language.layout import WITNESS, Address, MatrixLayout
from zkunlearn.circuits.language.relation import LIMB, Entry
from zkunlearn.circuits.language.tables import HALF, split_limbs
from zkunlearn.circuits.relations import dataset as data_set
from zkunlearn.circuits.relations.descent_columns import PREDICTIONS, Q, Z
from zkunlearn.circuits.relations.gradient_descent import GradientDescent
from zkunlearn.circuits.relations.methods import descent
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.parameters import BIAS, WEIGHTS, ParameterColumns
from zkunlearn.circuits.relations.standardized_descent import GRADIENTS, RESIDUALS, StandardizedDescent
from zkunlearn.circuits.relations.validity import Validity
from zkunlearn.errors import InvalidProof
from zkunlearn.models.live import Live
from zkunlearn.models.methods.reference import Trace, exported, whole_gradient
from zkunlearn.models.methods.schedule import Schedule
from zkunlearn.models.methods.standardization import Scaler, scaler_of, sums_of
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.matrices.commitment import Commitment, commit_columns, fresh_secret
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.prover.matrices.values import in_field
from zkunlearn.prover.witnesses.standardization import scaler_columns
from zkunlearn.verifier.protocol.code import HIDING_RATE, PLAIN_RATE, ReedSolomonCode
from zkunlearn.verifier.protocol.group import Group, MatrixShape, groups_of
from zkunlearn.verifier.protocol.proof import ProofShape, verify_protocol
from zkunlearn.verifier.protocol.transcript import Transcript

from ..cheating import CheatingProver

ROWS, FEATURES, EPOCHS, BATCH = 13, 3, 3, 4
X_BITS = 10
FORGOTTEN = (2, 5)
OPENINGS = 2  # opening budget of the test commitments: short tails make short proofs
ROW_BITS, SHORT_ROW_BITS = 12, 8  # rows with room for the ledger, long enough to be folded; and neither
Columns = dict[Address, Any]
PROOFS = (
    "honest",
    "honest_standardized",
    "honest_classes",
    "honest_one_pass",
    "honest_optimum",
    "honest_optimum_classes",
    "honest_linear_optimum",
    "honest_newton",
    "honest_newton_classes",
    "honest_inverse",
    "honest_inverses",
    "honest_noisy",
    "honest_noisy_classes",
    "honest_noisy_newton",
    "honest_sisa",
    "honest_stages",
    "honest_batches",
    "honest_model_link",
    "honest_validity",
    "honest_one_class",
    "honest_keys",
    "honest_alone",
    "honest_registration",
    "honest_extension",
    "honest_growth",
    "honest_evaluation",
    "honest_distance",
    "honest_linear_distance",
    "honest_count_distance",
    "honest_distances",
    "honest_prediction",
    "honest_probability",
    "honest_argmax",
    "honest_class_losses",
    "honest_residuals",
    "honest_counts",
    "honest_opinions",
    "honest_shard_classes",
    "honest_means",
    "honest_shard_losses",
    "honest_shard_class_losses",
    "honest_shard_counts",
)
TELLING = ("honest", "honest_stages", "honest_alone", "honest_growth")  # have a message of each sort that there is
TELLING_PROOFS = [*TELLING, *(pytest.param(name, marks=pytest.mark.slow) for name in PROOFS if name not in TELLING)]


def transcript(instance: bytes = b"instance") -> Transcript:
    return Transcript(b"zkunlearn attacks", b"session", instance)


@dataclass(frozen=True)
class Declared:
    """What the owner declares to the world, and what follows from it."""

    spec: TrainingSpec
    data: DatasetShape
    forgotten: tuple[int, ...]
    ranges: tuple[tuple[int, int], ...] = ()

    @cached_property
    def schedule(self) -> Schedule:
        schedule: Any = self.spec.compile(self.data, Live(self.data.rows, self.forgotten, self.ranges))
        return schedule

    @cached_property
    def relation(self) -> GradientDescent:
        relation: Any = descent(self.schedule)
        return relation

    @property
    def committed(self) -> dict[str, MatrixShape]:
        columns = self.relation.columns
        weights = 1 + log2_ceil(self.data.features)  # the intercept shares their row
        return {
            "dataset": matrix_shape("dataset", columns["dataset"], ROW_BITS),
            "model": matrix_shape("model", columns["model"], weights, PLAIN_RATE),
        }

    @cached_property
    def shape(self) -> ProofShape:
        return ProofShape(self.relation, self.committed)


def matrix_shape(name: str, columns: Any, row_bits: int, inverse_rate: int = HIDING_RATE) -> MatrixShape:
    return MatrixShape(MatrixLayout(name, columns, row_bits), ReedSolomonCode(row_bits, OPENINGS, inverse_rate))


BINARY = DatasetShape(
    rows=ROWS, features=FEATURES, label_kind="binary", label_bits=0, x_bits=X_BITS, classes=("no", "yes")
)
CLASSES = ("a", "b", "c")  # an axis of outputs that is padded
CATEGORICAL = replace(BINARY, label_kind="categorical", classes=CLASSES)


def declare(forgotten: tuple[int, ...] = FORGOTTEN, shape: DatasetShape = BINARY, **changes: Any) -> Declared:
    """Logistic regression, three epochs of four mini-batches, the last one partial."""
    choices: dict[str, Any] = {
        "model": "logistic", "epochs": EPOCHS, "learning_rate": 0.5, "batch_size": BATCH, "l2": 0.01, "momentum": 0.25
    }  # fmt: skip
    return Declared(TrainingSpec(**(choices | changes)), shape, forgotten)


def people(seed: int = 0) -> tuple[Any, Any]:
    """Features (N, d) and binary labels."""
    rng = np.random.default_rng(seed)
    return rng.integers(-(1 << X_BITS), (1 << X_BITS) + 1, (ROWS, FEATURES)), rng.integers(0, 2, ROWS)


def classed(seed: int = 0) -> tuple[Any, Any]:
    """Features (N, d) and numbers of classes, each of several rows that count."""
    return people(seed)[0], np.arange(ROWS) * 5 % 7 % len(CLASSES)


# Training, with a way to cheat at every place ------------------------------------------------------------------------

Weights = Any
StepHook = Callable[[int, Weights, Weights, Weights], tuple[Weights, Weights]]


def descend(
    declared: Declared,
    data: tuple[Any, Any],
    *,
    counted: Any = None,
    schedule: Schedule | None = None,
    start: Any = None,
    block_of: Callable[[int], int] = lambda block: block,
    after_step: StepHook | None = None,
    scaler: Scaler | None = None,
    output: int = 0,
) -> Trace:
    """The declared training of one output, or one that differs from it.

    Args:
        counted: rows that enter gradients; by default those that count.
        schedule: other public integers than the declared ones.
        start: the first weights.
        block_of: which block's gradient is used in a step of a block.
        after_step: (step, weights, next weights, u) to the pair (next weights, u).
        scaler: of standardised features, another one than what the rows say.
    """
    s, (X, y) = schedule or declared.schedule, data
    if counted is None:
        counted = s.live.mask()
    table = declared.schedule.activation_table
    public = s.standardization_of(0)
    if scaler is None and public is not None:
        scaler = scaler_of(public, *sums_of(X.T, counted))
    targets = s.targets(y, output) * s.label_multiplier
    gradients, residuals = np.zeros((s.steps, s.features), dtype=np.int64), np.zeros(s.steps, dtype=np.int64)
    weights = np.zeros((s.steps + 1, s.width), dtype=np.int64)
    weights[0] = 0 if start is None else start
    Q = np.zeros((s.epochs, s.rows), dtype=np.int64)
    rem, P, u = np.zeros_like(Q), np.zeros_like(Q), np.zeros((s.steps, s.width), dtype=np.int64)
    for step in range(s.steps):
        epoch, block = divmod(step, s.batches)
        own = exported(s, weights[step], scaler)
        z = X @ own[: s.features] + own[s.features :].sum()
        rows = s.block_rows(block)
        Q[epoch, rows], rem[epoch, rows] = z[rows] >> 16, z[rows] & (LIMB - 1)
        P[epoch, rows] = table[Q[epoch, rows] + HALF]
        used = s.block_rows(block_of(block))
        residual = (s.row_weights(y) * np.where(counted, table[(z >> 16) + HALF] - targets, 0))[used]
        rate = s.c_epoch[epoch] * s.c_block[block]
        gradients[step], residuals[step] = residual @ X[used], residual.sum()
        gradient = whole_gradient(s, scaler, gradients[step], int(residuals[step]))
        v = rate * gradient + s.decays(epoch) * weights[step] + (1 << (s.shift - 1))
        v -= s.m_epoch[epoch] * (weights[step] - weights[max(step - 1, 0)])
        moved, rest = weights[step] - (v >> s.shift), v & ((1 << s.shift) - 1)
        if after_step is not None:
            moved, rest = after_step(step, weights[step], moved, rest)
        weights[step + 1], u[step] = moved, rest
    return Trace(weights, Q, P, rem, u, gradients, residuals, scaler)


def descend_all(declared: Declared, data: tuple[Any, Any], **changes: Any) -> list[Trace]:
    """The training of every output."""
    return [descend(declared, data, output=output, **changes) for output in range(declared.data.outputs)]


# Columns -------------------------------------------------------------------------------------------------------------


def data_columns(data: tuple[Any, Any], outputs: int = 1) -> Columns:
    """Features, labels and blinds."""
    X, y = data
    labels = y[None] if outputs == 1 else (y == np.arange(outputs)[:, None]).astype(np.int64)
    blinds = {blind: random_field(len(y)) for blind in data_set.BLINDS}
    return {data_set.FEATURES: to_field(X.T), data_set.LABELS: to_field(labels), **blinds}


def training_columns(relation: GradientDescent, *traces: Trace) -> Columns:
    """Columns of the model and the witness, and virtual ones, from the trace of each output; F arrays.

    What is looked up, and how often, the prover finds out.
    """
    outputs = [output_columns(relation, trace) for trace in traces]
    columns = {name: np.concatenate([output[name] for output in outputs]) for name in outputs[0]}
    if isinstance(relation, StandardizedDescent):
        columns |= scaler_columns(relation.scaler, traces[0].scaler)[0]
    return {name: in_field(cells) for name, cells in columns.items()}


def output_columns(relation: GradientDescent, trace: Trace) -> Columns:
    """Those that have an axis of outputs, of one of these."""
    schedule = relation.schedule
    model = exported(schedule, trace.weights[-1], trace.scaler)
    columns: Columns = {
        Q: trace.Q[None],
        PREDICTIONS: trace.P[None],
        Z: (trace.rem + (trace.Q << 16))[None],
        COEFFICIENTS: model[None, : schedule.features],
        **limb_columns_of(schedule, trace.weights, trace.u),
    }
    if schedule.bias:
        columns[INTERCEPT] = model[schedule.features :]  # one for each output
    if isinstance(relation, StandardizedDescent):
        steps = (1, schedule.epochs, schedule.blocks)
        columns[GRADIENTS] = trace.gradients.reshape(*steps, schedule.features)
        columns[RESIDUALS] = trace.residuals.reshape(steps)
    return columns


def limb_columns_of(schedule: Schedule, weights: Weights, u: Any) -> Columns:
    """All limbs of weights (T + 1, K) and remainders (T, K), the bias last."""
    offset, columns = 1 << (schedule.weight_bits - 1), {}
    trained: list[tuple[ParameterColumns, Any]] = [(WEIGHTS, slice(0, schedule.features))]
    for parameter, own in [*trained, (BIAS, schedule.features)] if schedule.bias else trained:
        box = (1, schedule.epochs, schedule.blocks, *weights[0, own].shape)
        columns |= split_limbs(weights[:-1, own].reshape(box) + offset, parameter.steps, schedule.weight_bits)
        columns |= split_limbs(u[:, own].reshape(box), parameter.remainder, schedule.shift)
        columns |= split_limbs(weights[-1, own][None] + offset, parameter.last, schedule.weight_bits)
    return columns


def columns_of(declared: Declared, data: tuple[Any, Any], *traces: Trace) -> Columns:
    """All columns of a proof, for a trace of each output whose integers are in range."""
    columns = data_columns(data, declared.data.outputs) | training_columns(declared.relation, *traces)
    return recount(declared.relation, columns)


def looked_up(entry: Entry, columns: Columns) -> Any:
    """A component of a looked-up tuple, in F."""
    value: Any = to_field(np.array(entry.constant))
    for coefficient, name in entry.terms:
        value = add(value, mul(columns[name], to_field(np.array(coefficient))))
    return value


def recount(relation: Any, columns: Columns) -> Columns:
    """The columns with the multiplicities they deserve; a tuple that is in no table is counted nowhere."""
    counts = {
        Address(WITNESS, column.name): np.zeros(column.shape, dtype=np.uint64)
        for column in relation.columns[WITNESS]
        if column.axes[0].name == "section"
    }
    for section in relation.sections:
        tables = {table.name: table for table in section.tables}
        for box in section.boxes:
            live, cut = box.indicator.table().astype(bool), tuple(axis.cut() for axis in box.axes)
            for lookup in box.lookups:
                if lookup.table not in tables:  # but of a permutation
                    continue
                table = tables[lookup.table]
                tuples = [looked_up(entry, columns)[cut][live] for entry in lookup.entries]
                first = table.components[0].table()[0][0]  # of its first row; then they count up
                index = sub(tuples[0], np.broadcast_to(first, tuples[0].shape))
                inside = index < LIMB
                for component, values in zip(table.components, tuples, strict=True):
                    inside &= component.table()[0][np.where(inside, index, 0)] == values
                own = counts[table.multiplicity][table.section.cut()].reshape(-1)
                own += np.bincount(index[inside].astype(np.int64), minlength=LIMB).astype(np.uint64)
    return columns | counts


def commitments(shape: ProofShape, columns: Columns) -> dict[str, Commitment]:
    """What is committed before a proof."""
    return {
        name: commit_columns(m.layout, m.code, columns, fresh_secret(m.code, m.layout.rows))
        for name, m in shape.committed.items()
    }


# Proving and checking ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Outcome:
    """A proof with what it takes to check it. Each is itself only, so that what is found out of one can be kept."""

    shape: ProofShape
    roots: dict[str, bytes]
    proof: bytes
    prover: CheatingProver

    def check(self, with_transcript: Transcript | None = None, proof: bytes | None = None) -> None:
        verify_protocol(self.shape, with_transcript or transcript(), self.roots, proof or self.proof)

    def verdict(self, with_transcript: Transcript | None = None, proof: bytes | None = None) -> str:
        """ "valid", or the name of the check that failed."""
        try:
            self.check(with_transcript, proof)
        except InvalidProof as error:
            return error.check
        return "valid"


def prove(
    shape: ProofShape,
    columns: Columns,
    committed: Mapping[str, Commitment] | None = None,
    with_transcript: Transcript | None = None,
    prover: type[CheatingProver] = CheatingProver,
) -> Outcome:
    """Prove whatever the columns say, be it true or not."""
    committed = committed or commitments(shape, columns)
    cheat = prover(shape, with_transcript or transcript(), committed, columns)
    proof = cheat.prove()
    return Outcome(shape, {name: c.root for name, c in committed.items()}, proof, cheat)


def assert_valid(outcome: Outcome) -> None:
    """What the prover says is true, and accepted."""
    assert outcome.prover.lies == frozenset()
    assert outcome.verdict() == "valid"


def lies_of(shape: ProofShape, columns: Columns, prover: type[CheatingProver] = CheatingProver) -> frozenset[str]:
    """The equations that a prover finds broken, where nobody asks for the rest of the proof."""
    cheat = prover(shape, transcript(), commitments(shape, columns), columns)
    cheat.commit()
    cheat.walk()
    cheat.check_witness()
    return cheat.lies


def assert_caught(outcome: Outcome, *lies: str) -> None:
    """The verifier's equations fail, and of the prover's own ones exactly these do."""
    assert outcome.verdict() == "constraints"
    assert set(outcome.prover.lies) == set(lies)


class Run(Protocol):
    """What was declared, and its shape."""

    @property
    def shape(self) -> ProofShape: ...


def caught(own: Run, columns: Columns, *lies: str) -> None:
    """The same of columns that are proved."""
    assert_caught(prove(own.shape, columns), *lies)


# The data set's own proof --------------------------------------------------------------------------------------------


class TogetherShape(ProofShape):
    """A proof whose witness is opened with the data set, whatever that costs."""

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        (dataset,) = self.committed.values()
        layout = MatrixLayout(WITNESS, self.relation.columns[WITNESS], dataset.code.row_bits)
        return groups_of([dataset], MatrixShape(layout, dataset.code))


def validity_shape(
    label_kind: str = "binary", shape: type[ProofShape] = TogetherShape, outputs: int = 1, key_limbs: int = 0
) -> ProofShape:
    """Rows so short that the ledger needs a tree of its own, and that y goes in clear.

    As a plain ProofShape, it has the witness in longer rows, in a group of its own, and two vectors, which are folded.
    """
    relation = Validity(ROWS, FEATURES, label_kind, outputs, X_BITS, key_limbs=key_limbs)
    return shape(relation, {"dataset": matrix_shape("dataset", relation.columns["dataset"], SHORT_ROW_BITS)})


def validity_columns(shape: ProofShape, data: tuple[Any, Any]) -> Columns:
    relation: Any = shape.relation
    return recount(relation, data_columns(data, relation.outputs))


def changed(columns: Columns, column: Address, place: Any, value: int) -> Columns:
    """The columns with one cell replaced by an integer, negative ones too; of the first output, if none is said."""
    copy = columns[column].copy()
    indices = place if isinstance(place, tuple) else (place,)
    copy[(*(0,) * (copy.ndim - len(indices)), *indices)] = to_field(np.array(value))
    return columns | {column: copy}
