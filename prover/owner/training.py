"""The owner's proof that a model is what the declared training outputs without the forgotten rows."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.relations.dataset import DATASET
from ...circuits.relations.model import MODEL
from ...circuits.statements.records import Record
from ...circuits.statements.training import MODEL_OPENINGS, PATHS, ModelCommitment, TrainingStatement
from ...errors import DataError, ParameterError, StatementMismatch, require_type
from ...models.convergence import Curve
from ...models.encoding.labels import class_texts
from ...models.spec import TrainingSpec
from ...verifier.proofs import TrainingProof
from ...verifier.protocol.merkle import DIGEST_BYTES
from ..matrices.commitment import fresh_secret
from ..matrices.values import Witness
from ..protocol.proof import Progress
from ..witnesses.methods import MAKERS_OF_METHOD
from .budget import require_openings
from .dataset import DATASETS, Dataset
from .model import Model, commit_model
from .prove import check_before_work, prove_statement
from .successors import note_statement, refuse_fork
from .trained import Trained

LOGGER = logging.getLogger("zkunlearn")


@dataclass(frozen=True, repr=False)
class Declared:
    """A training before it is run.

    Attributes:
        draft: its statement, in which the model's root is zero.
        attached: what the proof's file carries beside it.
        repeated: how many of the rows that were named had been forgotten already.
    """

    draft: TrainingStatement
    attached: Mapping[str, bytes]
    repeated: int


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class Outcome:
    """A training that was run.

    Attributes:
        trace: of the method's own kind (prover/witnesses/methods.py).
        integers: of the model, `Model.integers`.
        curve: how it went.
        notes: what the owner should know of it.
    """

    trace: Any
    integers: npt.NDArray[np.int64]
    curve: Curve
    notes: tuple[str, ...]


def prove_training(
    dataset: Dataset,
    spec: TrainingSpec,
    forget: Iterable[object] = (),
    previous: TrainingProof | None = None,
    progress: Progress | None = None,
    model_openings: int = MODEL_OPENINGS,
    fork: bool = False,
    forget_classes: Iterable[object] = (),
) -> Trained:
    """Train on the rows that are not forgotten, and prove it.

    Args:
        dataset: the committed data set; one of its openings is spent.
        spec: the declared algorithm.
        forget: ids of the rows to forget, beside those that `previous` forgot; naming these again does no harm.
        previous: the proof that this one supersedes.
        model_openings: how many proofs the model's commitment can serve, this one included.
        fork: whether `previous` may have another successor already, as far as the stored data set knows.
        forget_classes: texts of classes to forget, with all their rows, beside those that `previous` forgot.

    Raises:
        DataError: an unknown or repeated id; a statement that would be the second to supersede `previous`.
        ParameterError: the spec does not fit the data set, overflows, is beyond one proof, or learns nothing because
            every update is rounded to zero; or an argument is of another type.
        StatementMismatch: `previous` is about something else.
        TrainingError: the training diverges.
        BudgetExceeded: no openings are left.
    """
    start = perf_counter()
    declared = declare(dataset, spec, forget, previous, model_openings, fork, forget_classes)
    draft = declared.draft
    shape = check_before_work(draft, [dataset.budget], declared.attached)
    dataset.require_whole_count()
    outcome = train_declared(dataset, draft, progress)

    matrix = shape.committed[MODEL]
    secret = fresh_secret(matrix.code, matrix.layout.rows)
    opening = commit_model(draft, matrix, outcome.integers, secret)
    statement = replace(draft, model=replace(draft.model, root=opening.root))
    own = MAKERS_OF_METHOD[spec.method.kind].witness(draft.training, outcome.trace)
    witness = Witness({**dataset.columns, **own.columns}, own.looked_up)
    committed = {DATASET: dataset.matrix, MODEL: opening}
    trained = perf_counter()
    proved = prove_statement(shape, statement, committed, witness, budgets=[dataset.budget], progress=progress)
    model = Model.proved(statement, outcome.integers, secret)
    timings = {"train": trained - start, **proved.timings, "total": perf_counter() - start}
    proof = TrainingProof(statement, proved.proof.proof, declared.attached)
    notes = outcome.notes
    if dataset.directory is not None:
        notes += _noted(dataset.directory, proof)
    return Trained(proof, model, timings, declared.repeated, dataset.directory, notes, outcome.curve)


def declare(
    dataset: Dataset,
    spec: TrainingSpec,
    forget: Iterable[object],
    previous: TrainingProof | None,
    model_openings: int = MODEL_OPENINGS,
    fork: bool = False,
    forget_classes: Iterable[object] = (),
) -> Declared:
    """What is to be trained; arguments and errors are those of `prove_training`."""
    _require_types(dataset, spec, previous)
    openings = require_openings(model_openings)
    before, wanted = forgotten_before(dataset, previous, fork), dataset.rows.positions(forget)
    classes = classes_to_forget(dataset, previous, forget_classes)
    records = dataset.records_at({*before, *wanted, *positions_of_classes(dataset, classes)})
    draft = _draft(dataset, spec, records, openings, previous, classes)
    attached = {PATHS: dataset.rows.record_paths(draft.positions)}
    return Declared(draft, attached, len({*before} & {*wanted}))


def classes_to_forget(dataset: Dataset, previous: TrainingProof | None, classes: Iterable[object]) -> tuple[str, ...]:
    """The texts of these classes and of those that are forgotten already, increasing. Raises ParameterError."""
    if isinstance(classes, (str, bytes)) or not isinstance(classes, Iterable):
        raise ParameterError("forget_classes: expected a list of classes, by the texts of their labels")
    named = class_texts(np.array([*classes], dtype=object))
    before = () if previous is None else previous.statement.forgotten_classes
    dataset.statement.encoding.label.require_forgettable(named)
    return tuple(sorted({*named, *before}))


def positions_of_classes(dataset: Dataset, classes: Sequence[str]) -> list[int]:
    """The rows of these classes."""
    numbers = [dataset.statement.encoding.label.classes.index(text) for text in classes]
    found: list[int] = np.flatnonzero(np.isin(dataset.rows.labels, numbers)).tolist()
    return found


def train_declared(dataset: Dataset, draft: TrainingStatement, progress: Progress | None) -> Outcome:
    """Run a training in the integers that are proved; what its owner should know is logged.

    Raises:
        ParameterError: every update is rounded to zero.
        TrainingError: it diverges.
    """
    _report(progress, "train")
    method = draft.spec.method
    maker = MAKERS_OF_METHOD[method.kind]
    trace = maker.train(dataset.rows, draft.schedule)
    lost = maker.notes(draft.schedule, trace)
    curve = maker.curve(dataset.rows, method, draft.schedule, trace)
    notes = (*lost, *curve.notes)
    for note in notes:
        LOGGER.warning("%s", note)
    return Outcome(trace, maker.model(draft.schedule, trace), curve, notes)


def _require_types(dataset: Dataset, spec: TrainingSpec, previous: TrainingProof | None) -> None:
    require_type("dataset", dataset, Dataset, DATASETS)
    require_type("spec", spec, TrainingSpec, "`load_spec` reads a file")
    if previous is not None:
        require_type("previous", previous, TrainingProof, "of what `prove` returns it is `.proof`")


def _draft(
    dataset: Dataset,
    spec: TrainingSpec,
    forgotten: tuple[Record, ...],
    openings: int,
    previous: TrainingProof | None,
    classes: tuple[str, ...],
) -> TrainingStatement:
    """The statement before there is a model, whose root is zero in it."""
    shape = spec.method.model_shape(dataset.statement.encoding.shape(dataset.statement.rows))
    model = ModelCommitment(bytes(DIGEST_BYTES), openings, shape)
    superseded = None if previous is None else previous.digest
    return TrainingStatement(dataset.statement, spec, forgotten, model, superseded, classes)


def forgotten_before(dataset: Dataset, previous: TrainingProof | None, fork: bool) -> tuple[int, ...]:
    """Positions that the superseded proof forgot, which stay forgotten; none without one.

    Raises:
        StatementMismatch: what verifier.pins.check_previous would find.
        DataError: it has a successor, and `fork` does not allow another one.
    """
    if previous is None:
        return ()
    if previous.statement.dataset.record_root != dataset.statement.record_root:  # a recommitment keeps the records
        raise StatementMismatch("the previous proof is about another data set")
    if dataset.directory is not None and not fork:
        refuse_fork(previous, dataset.directory)
    return previous.statement.positions


def _noted(directory: Path, proof: TrainingProof) -> tuple[str, ...]:
    """Keep in mind what was proved from this folder; a note if that cannot be, as the proof is there all the same."""
    try:
        note_statement(directory, proof.digest, proof.statement.previous)
    except DataError as error:
        return (f"{error}; `prove` will not know of this proof where its file is not beside the others",)
    return ()


def _report(progress: Progress | None, phase: str) -> None:
    if progress is not None:
        progress(phase)
