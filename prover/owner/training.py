"""The owner's proof that a model is what the declared training outputs without the forgotten rows."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import Vector
from ...circuits.language.layout import Address
from ...circuits.relations.dataset import DATASET
from ...circuits.relations.model import MODEL
from ...circuits.relations.sisa import start_matrix
from ...errors import DataError
from ...models.convergence import Curve
from ...models.methods import Sisa
from ...models.spec import TrainingSpec
from ...verifier.bundles import Bundle
from ...verifier.proofs import RecommitmentProof, TrainingProof
from ...verifier.protocol.proof import ProofShape
from ..matrices.commitment import Commitment, commit_columns, fresh_secret
from ..matrices.values import Witness
from ..protocol.proof import Progress
from ..witnesses.methods import MAKERS_OF_METHOD
from .dataset import Dataset
from .declared import Declared, Previous, declare
from .model import Model, commit_model, model_columns
from .prove import check_before_work, prove_statement
from .successors import note_statement
from .trained import Trained

LOGGER = logging.getLogger("zkunlearn")


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class Outcome:
    """A training that was run.

    Attributes:
        trace: of the method's own kind (prover/witnesses/methods.py).
        integers: of the model, `Model.integers`.
        curve: how it went; None where no row counts that it is about.
        notes: what the owner should know of it.
    """

    trace: Any
    integers: npt.NDArray[np.int64]
    curve: Curve | None
    notes: tuple[str, ...]


def prove_training(
    dataset: Dataset,
    spec: TrainingSpec,
    forget: Iterable[object] = (),
    previous: Previous | None = None,
    progress: Progress | None = None,
    model_openings: int | None = None,
    fork: bool = False,
    forget_classes: Iterable[object] = (),
    recommitment: RecommitmentProof | None = None,
) -> Trained:
    """Train on the rows that are not forgotten, and prove it.

    Args:
        dataset: the committed data set; one of its openings is spent.
        spec: the declared algorithm.
        forget: ids of the rows to forget, beside those that `previous` forgot; naming these again does no harm.
        previous: the proof that this one supersedes; of a sharded training a bundle, or its models, of which then only
            what the forgotten rows bear on is trained again.
        model_openings: how many proofs the model's commitment can serve, this one included; by default a few, and
            more for models that later requests begin from.
        fork: whether `previous` may have another successor already, as far as the stored data set knows.
        forget_classes: texts of classes to forget, with all their rows, beside those that `previous` forgot.
        recommitment: of a sharded training, links the data set of `previous` to this one, if it was committed afresh.

    Raises:
        DataError: an unknown or repeated id; a statement that would be the second to supersede `previous`.
        ParameterError: the spec does not fit the data set, overflows, is beyond one proof, or learns nothing because
            every update is rounded to zero; or an argument is of another type.
        StatementMismatch: `previous` is about something else.
        TrainingError: the training diverges.
        BudgetExceeded: no openings are left, of the data set or of models that training begins from.
    """
    start = perf_counter()
    declared = declare(dataset, spec, forget, previous, model_openings, fork, forget_classes, recommitment)
    draft, budgets = declared.draft, [dataset.budget, *(model.budget for model in declared.starts)]
    shape = check_before_work(draft, budgets, declared.attached)
    dataset.require_whole_count()
    outcome = train_declared(dataset, declared, progress)

    matrix = shape.committed[MODEL]
    secret = fresh_secret(matrix.code, matrix.layout.rows)
    opening = commit_model(draft, matrix, outcome.integers, secret)
    statement = replace(draft, model=replace(draft.model, root=opening.root))
    own = MAKERS_OF_METHOD[spec.method.kind].witness(draft.training, outcome.trace)
    earlier, starts = _opened(shape, declared.starts)
    witness = Witness({**dataset.columns, **earlier, **own.columns}, own.looked_up)
    committed = {DATASET: dataset.matrix, MODEL: opening, **starts}
    trained = perf_counter()
    proved = prove_statement(shape, statement, committed, witness, budgets=budgets, progress=progress)
    model = Model.proved(statement, outcome.integers, secret)
    timings = {"train": trained - start, **proved.timings, "total": perf_counter() - start}
    proof = TrainingProof(statement, proved.proof.proof, declared.attached)
    notes = outcome.notes
    if dataset.directory is not None:
        notes += _noted(dataset.directory, proof)
    bundle = _bundle(declared, proof)
    return Trained(
        proof, model, timings, declared.repeated, dataset.directory, notes, outcome.curve, bundle, declared.models
    )


def _opened(shape: ProofShape, models: Sequence[Model]) -> tuple[dict[Address, Vector], dict[str, Commitment]]:
    """The columns of the models that training begins from, as those of their matrices, and their commitments."""
    columns: dict[Address, Vector] = {}
    commitments: dict[str, Commitment] = {}
    for i, model in enumerate(models):
        matrix = start_matrix(i)
        own = shape.committed[matrix]
        cells = {Address(matrix, column.name): values for column, values in model_columns(model).items()}
        commitments[matrix] = commit_columns(own.layout, own.code, cells, model.secret)
        columns |= cells
    return columns, commitments


def _bundle(declared: Declared, proof: TrainingProof) -> Bundle | None:
    """With what is kept, if it is a sharded training."""
    if not isinstance(proof.statement.spec.method, Sisa):
        return None
    return Bundle((proof,)) if declared.bundle is None else declared.bundle.with_proof(proof, declared.links)


def train_declared(dataset: Dataset, declared: Declared, progress: Progress | None) -> Outcome:
    """Run a training in the integers that are proved; what its owner should know is logged.

    Raises:
        ParameterError: every update is rounded to zero.
        TrainingError: it diverges.
    """
    _report(progress, "train")
    draft, method = declared.draft, declared.draft.spec.method
    maker = MAKERS_OF_METHOD[method.kind]
    trace = maker.train(dataset.rows, draft.schedule, [model.integers for model in declared.starts])
    lost = maker.notes(draft.schedule, trace)
    curve = maker.curve(dataset.rows, method, draft.schedule, trace)
    notes = (*declared.notes, *lost, *(() if curve is None else curve.notes))
    for note in notes:
        LOGGER.warning("%s", note)
    return Outcome(trace, maker.model(draft.schedule, trace), curve, notes)


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
