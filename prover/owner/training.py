"""The owner's proof that a model is what the declared training outputs without the forgotten rows."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from time import perf_counter

from ...circuits.relations.dataset import DATASET
from ...circuits.relations.model import MODEL
from ...circuits.statements.records import Record
from ...circuits.statements.training import MODEL_OPENINGS, PATHS, ModelCommitment, TrainingStatement
from ...errors import DataError, StatementMismatch, require_type
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


def prove_training(
    dataset: Dataset,
    spec: TrainingSpec,
    forget: Iterable[object] = (),
    previous: TrainingProof | None = None,
    progress: Progress | None = None,
    model_openings: int = MODEL_OPENINGS,
    fork: bool = False,
) -> Trained:
    """Train on the rows that are not forgotten, and prove it.

    Args:
        dataset: the committed data set; one of its openings is spent.
        spec: the declared algorithm.
        forget: ids of the rows to forget, beside those that `previous` forgot; naming these again does no harm.
        previous: the proof that this one supersedes.
        model_openings: how many proofs the model's commitment can serve, this one included.
        fork: whether `previous` may have another successor already, as far as the stored data set knows.

    Raises:
        DataError: an unknown or repeated id; a statement that would be the second to supersede `previous`.
        ParameterError: the spec does not fit the data set, overflows, is beyond one proof, or learns nothing because
            every update is rounded to zero; or an argument is of another type.
        StatementMismatch: `previous` is about something else.
        TrainingError: the training diverges.
        BudgetExceeded: no openings are left.
    """
    start = perf_counter()
    _require_types(dataset, spec, previous)
    openings = require_openings(model_openings)
    before, wanted = _forgotten_before(dataset, previous, fork), dataset.rows.positions(forget)
    draft = _draft(dataset, spec, dataset.records_at({*before, *wanted}), openings, previous)
    attached = {PATHS: dataset.rows.record_paths(draft.positions)}
    shape = check_before_work(draft, [dataset.budget], attached)
    dataset.require_whole_count()
    _report(progress, "train")
    maker = MAKERS_OF_METHOD[spec.method.kind]
    trace = maker.train(dataset.rows, draft.schedule)
    notes = maker.notes(draft.schedule, trace)
    for note in notes:
        LOGGER.warning("%s", note)

    matrix = shape.committed[MODEL]
    secret = fresh_secret(matrix.code, matrix.layout.rows)
    integers = maker.model(draft.schedule, trace)
    opening = commit_model(matrix, dataset.statement.features, integers, secret)
    statement = replace(draft, model=replace(draft.model, root=opening.root))
    own = maker.witness(draft.relation, trace)
    witness = Witness({**dataset.columns, **own.columns}, own.looked_up)
    committed = {DATASET: dataset.matrix, MODEL: opening}
    trained = perf_counter()
    proved = prove_statement(shape, statement, committed, witness, budgets=[dataset.budget], progress=progress)
    model = Model.proved(statement, integers, secret)
    timings = {"train": trained - start, **proved.timings, "total": perf_counter() - start}
    proof = TrainingProof(statement, proved.proof.proof, attached)
    if dataset.directory is not None:
        notes += _noted(dataset.directory, proof)
    return Trained(proof, model, timings, len({*before} & {*wanted}), dataset.directory, notes)


def _require_types(dataset: Dataset, spec: TrainingSpec, previous: TrainingProof | None) -> None:
    require_type("dataset", dataset, Dataset, DATASETS)
    require_type("spec", spec, TrainingSpec, "`load_spec` reads a file")
    if previous is not None:
        require_type("previous", previous, TrainingProof, "of what `prove` returns it is `.proof`")


def _draft(
    dataset: Dataset, spec: TrainingSpec, forgotten: tuple[Record, ...], openings: int, previous: TrainingProof | None
) -> TrainingStatement:
    """The statement before there is a model, whose root is zero in it."""
    model = ModelCommitment(bytes(DIGEST_BYTES), openings, (dataset.statement.features + spec.method.bias,))
    superseded = None if previous is None else previous.digest
    return TrainingStatement(dataset.statement, spec, forgotten, model, superseded)


def _forgotten_before(dataset: Dataset, previous: TrainingProof | None, fork: bool) -> tuple[int, ...]:
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
