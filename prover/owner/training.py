"""The owner's proof that a model is what the declared training outputs without the forgotten rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import is_canonical, to_field
from ...circuits.relations.gradient_descent import MODEL as MODEL_COLUMN
from ...circuits.statements.base import read_statement, written
from ...circuits.statements.dataset import DATASET
from ...circuits.statements.training import MODEL, MODEL_OPENINGS, ModelCommitment, TrainingStatement
from ...errors import FormatError, ParameterError, StatementMismatch
from ...formats.container import Bytes, Expected, read_container, take, write_container
from ...models.encoding.dataset import DatasetEncoding
from ...models.spec import TrainingSpec
from ...verifier.proofs import TrainingProof
from ...verifier.protocol.group import MatrixShape
from ...verifier.protocol.merkle import DIGEST_BYTES, SALT_BYTES
from ...verifier.shapes import matrix_shapes
from ..matrices.commitment import Commitment, Secret, commit_columns, fresh_secret
from ..matrices.values import Witness
from ..protocol.proof import Progress
from ..witnesses.descent import descend
from ..witnesses.gradient_descent import training_witness
from .dataset import Dataset
from .prove import check_before_work, prove_statement

MODEL_KIND = "model.opening"
MAX_MODEL_BYTES = 1 << 30


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Model:
    """The secret behind a model commitment.

    Attributes:
        statement: what was proved about it.
        integers: int64 (K,), scale w_bits; the bias last, if there is one.
        secret: what opens the commitment.
    """

    statement: TrainingStatement
    integers: npt.NDArray[np.int64]
    secret: Secret

    @property
    def spec(self) -> TrainingSpec:
        """The declared algorithm."""
        return self.statement.spec

    @property
    def encoding(self) -> DatasetEncoding:
        """How inputs become integers."""
        return self.statement.dataset.encoding

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """Weights on encoded features (in [-1, 1] within bounds), float64 (K,); the bias last."""
        return self.integers / float(1 << self.spec.fixed_point.w_bits)

    def decision_function(self, X: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """w . x + bias for rows (N, d) of real features, float64 (N,)."""
        encoded = self.encoding.encode_features(X, check_bounds=False) / float(1 << self.encoding.x_bits)
        features = encoded.shape[1]
        scores = encoded @ self.weights[:features]
        return scores + self.weights[features] if self.spec.bias else scores

    def save(self, path: Path | str) -> None:
        """Write the secret file, 0600."""
        payload = {
            "training": written(self.statement),
            "weights": self.integers.astype("<i8").tobytes(),
            "tails": self.secret.tails.astype("<u8").tobytes(),
            "leaf_salts": self.secret.salts.tobytes(),
        }
        write_container(path, MODEL_KIND, payload, secret=True)

    @classmethod
    def load(cls, path: Path | str) -> Model:
        """Raises DataError or FormatError naming the file, also if these are not the weights of the commitment."""
        payload = read_container(path, MODEL_KIND, MAX_MODEL_BYTES)[1]
        statement = read_statement(TrainingStatement, take(payload, _OPENING_FORM, str(path))["training"])
        try:
            matrix = matrix_shapes(statement)[MODEL]
        except ParameterError as error:
            raise FormatError(f"{path}: {error}") from error
        sizes: dict[str, Expected] = {
            "training": dict,
            "weights": Bytes(8 * statement.schedule.width),
            "tails": Bytes(8 * matrix.layout.rows * matrix.code.tail),
            "leaf_salts": Bytes(SALT_BYTES * matrix.code.length),
        }
        fields = take(payload, sizes, str(path))
        integers = np.frombuffer(fields["weights"], "<i8").astype(np.int64)
        tails = np.frombuffer(fields["tails"], "<u8").astype(np.uint64)
        if not is_canonical(tails):
            raise FormatError(f"{path}: holds a number that is not a field element")
        salts = np.frombuffer(fields["leaf_salts"], dtype=np.uint8).reshape(-1, SALT_BYTES)
        secret = Secret(tails.reshape(matrix.layout.rows, -1), salts)
        if _commit_model(matrix, integers, secret).root != statement.model.root:
            raise FormatError(f"{path}: weights, tails or salts are not those behind the model's commitment")
        return cls(statement, integers, secret)


_OPENING_FORM = {"training": dict, "weights": bytes, "tails": bytes, "leaf_salts": bytes}


@dataclass(frozen=True)
class Trained:
    """A proved model.

    Attributes:
        proof: public.
        model: secret.
        timings: seconds by phase.
    """

    proof: TrainingProof
    model: Model
    timings: Mapping[str, float]

    @property
    def statement(self) -> TrainingStatement:
        """What was proved."""
        return self.proof.statement


def prove_training(
    dataset: Dataset,
    spec: TrainingSpec,
    forget: Iterable[str] = (),
    previous: TrainingProof | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train on the rows that are not forgotten, and prove it.

    Args:
        dataset: the committed data set; one of its openings is spent.
        spec: the declared algorithm.
        forget: ids of the rows to forget, those of `previous` included.
        previous: the proof that this one supersedes.

    Raises:
        DataError: an unknown or repeated id.
        ParameterError: the spec does not fit the data set, overflows, or is beyond one proof.
        StatementMismatch: `previous` is about something else, or forgot a row that is not in `forget`.
        TrainingError: the training diverges.
        BudgetExceeded: no openings are left.
    """
    start = perf_counter()
    forgotten = dataset.records(forget)
    positions = tuple(record.position for record in forgotten)
    if previous is not None:
        _check_previous(dataset, spec, positions, previous)
    superseded = None if previous is None else previous.digest
    nothing_yet = ModelCommitment(bytes(DIGEST_BYTES), MODEL_OPENINGS, (dataset.statement.features + spec.bias,))
    draft = TrainingStatement(dataset.statement, spec, forgotten, nothing_yet, superseded)
    shape = check_before_work(draft, [dataset])
    _report(progress, "train")
    trace = descend(dataset.rows, positions, spec, draft.schedule)

    matrix = shape.committed[MODEL]
    secret = fresh_secret(matrix.code, matrix.layout.rows)
    opening = _commit_model(matrix, trace.weights[-1], secret)
    statement = replace(draft, model=replace(nothing_yet, root=opening.root))
    own = training_witness(draft.relation, trace)
    witness = Witness({**dataset.columns, **own.columns}, own.looked_up)
    committed = {DATASET: dataset.opening, MODEL: opening}
    trained = perf_counter()
    proved = prove_statement(shape, statement, committed, witness, budgets=[dataset], progress=progress)
    model = Model(statement, trace.weights[-1], secret)
    timings = {"train": trained - start, **proved.timings, "total": perf_counter() - start}
    return Trained(TrainingProof(statement, proved.proof.proof), model, timings)


def _commit_model(matrix: MatrixShape, weights: npt.NDArray[np.int64], secret: Secret) -> Commitment:
    return commit_columns(matrix.layout, matrix.code, {MODEL_COLUMN: to_field(weights)}, secret)


def _check_previous(dataset: Dataset, spec: TrainingSpec, positions: tuple[int, ...], previous: TrainingProof) -> None:
    """What verifier.verify.check_previous will check, before any work is done."""
    if previous.statement.dataset.record_root != dataset.statement.record_root:  # a recommitment keeps the records
        raise StatementMismatch("the previous proof is about another data set")
    if previous.statement.spec != spec:
        raise StatementMismatch("the previous proof declares another algorithm")
    missing = set(previous.statement.positions) - set(positions)
    if missing:
        raise StatementMismatch(
            f"{len(missing)} rows that the previous proof forgot are not in the forget list: "
            "forgetting cannot be undone"
        )


def _report(progress: Progress | None, phase: str) -> None:
    if progress is not None:
        progress(phase)
