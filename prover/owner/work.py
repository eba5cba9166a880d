"""What proving one statement takes once it is drafted: training, committing to the model, the proof.

The same in the owner's process and in one that works for it, which counts no openings: whoever sends the work has.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import Vector
from ...circuits.language.layout import Address
from ...circuits.relations.dataset import DATASET
from ...circuits.relations.model import MODEL
from ...circuits.relations.noise import NOISE
from ...circuits.relations.sisa import start_matrix
from ...circuits.statements.ids import escaped
from ...errors import TrainingError
from ...models.convergence import Curve
from ...verifier.protocol.proof import ProofShape
from ...verifier.shapes import shape_of
from ..matrices.commitment import Commitment, Secret, commit_columns, fresh_secret
from ..matrices.entropy import salts_ahead
from ..matrices.values import Witness
from ..protocol.proof import Progress, begin
from ..witnesses.methods import MAKERS_OF_METHOD
from ..witnesses.rows import Rows
from .budget import Budget
from .groups import Part
from .model import Model, commit_model, model_columns
from .prove import prove_statement

LOGGER = logging.getLogger("zkunlearn")


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class Outcome:
    """A training that was run.

    Attributes:
        trace: of the method's own kind (prover/witnesses/methods.py).
        integers: of the model, `Model.integers`.
        curve: how it went; None where no row counts that it is about.
        notes: what the owner should know of it.
        distance: which of the declared ones is proved; 0 of methods that have none.
    """

    trace: Any
    integers: npt.NDArray[np.int64]
    curve: Curve | None
    notes: tuple[str, ...]
    distance: int = 0


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Done:
    """A statement that was proved, as far as the draft does not say it already.

    Attributes:
        root: of the model's commitment.
        proof: bytes of the proof.
        integers: of the model, `Model.integers`. secret: what opens its commitment.
        curve, notes, distance: as of Outcome.
        timings: seconds by phase.
    """

    root: bytes
    proof: bytes
    integers: npt.NDArray[np.int64]
    secret: Secret
    curve: Curve | None
    notes: tuple[str, ...]
    timings: Mapping[str, float]
    distance: int = 0


def run_training(rows: Rows, part: Part, progress: Progress | None) -> Outcome:
    """Run a training in the integers that are proved.

    Raises:
        ParameterError: every update is rounded to zero.
        TrainingError: it diverges.
    """
    begin("train", progress)
    draft, method = part.draft, part.draft.spec.method
    maker = MAKERS_OF_METHOD[method.kind]
    committed = [model.integers for model in part.starts] + ([] if part.noise is None else [*part.noise.found])
    if part.near is not None:
        committed.append(np.rint(part.near * 2.0**draft.spec.fixed_point.w_bits).astype(np.int64))
    try:
        trace = maker.train(rows, draft.schedule, committed)
    except TrainingError as error:
        raise (error if error.row is None else error.at(_name(rows, error.row))) from None
    lost = maker.notes(draft.schedule, trace)
    curve = maker.curve(rows, method, draft.schedule, trace)
    notes = (*lost, *(() if curve is None else curve.notes))
    return Outcome(trace, maker.model(draft.schedule, trace), curve, notes, maker.distance(trace))


def _name(rows: Rows, position: int) -> str | None:
    """What their owner calls a row; its position means nothing to anybody. Of rows that are lent there is no name."""
    return f"id {escaped(rows.ids[position])}" if position < len(rows.ids) else None


def tell(notes: Sequence[str]) -> None:
    """Log what the owner should know; where the owner is, not where the work is done."""
    for note in notes:
        LOGGER.warning("%s", note)


def prove_part(
    part: Part,
    shape: ProofShape,
    rows: Rows,
    matrix: Commitment,
    *,
    budgets: Sequence[Budget] = (),
    told: Callable[[Sequence[str]], None] | None = None,
    progress: Progress | None = None,
) -> Done:
    """Train, commit to the model, and prove it.

    Args:
        shape: of the draft.
        rows, matrix: the data set, and its commitment.
        budgets: from each of which one opening is taken when it is trained; none where they are counted already.
        told: is given the notes on the training before that.

    Raises:
        ParameterError, TrainingError: see `run_training`.
        BudgetExceeded: another process has spent the last opening in the meantime.
        FormatError: the noise is not that behind its commitment.
    """
    start = perf_counter()
    salts = {group.fresh: salts_ahead(group.code.length) for group in shape.groups}
    outcome = run_training(rows, part, progress)
    draft = part.draft  # which knows its relation from `shape_of`
    if outcome.distance:  # columns are the same at all distances, what is proved of them is not
        draft = replace(draft, distance=outcome.distance)
        shape = shape_of(draft)
    if told is not None:
        told(outcome.notes)
    sized = shape.committed[MODEL]
    secret = fresh_secret(sized.code, sized.layout.rows)
    opening = commit_model(draft, sized, outcome.integers, secret)
    statement = replace(draft, model=replace(draft.model, root=opening.root))
    own = MAKERS_OF_METHOD[draft.spec.method.kind].witness(draft.training, outcome.trace)
    earlier, starts = _opened(shape, part.starts)
    noise = {} if part.noise is None else {NOISE: part.noise.opening(draft, shape.committed[NOISE])}
    witness = Witness({**rows.columns, **earlier, **own.columns}, own.looked_up)
    committed = {DATASET: matrix, MODEL: opening, **starts, **noise}
    timings = {"train": perf_counter() - start}
    proved = prove_statement(shape, statement, committed, witness, budgets=budgets, progress=progress, salts=salts)
    timings |= proved.timings
    curve, notes = outcome.curve, outcome.notes
    return Done(opening.root, proved.proof.proof, outcome.integers, secret, curve, notes, timings, outcome.distance)


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
