"""The distance of a trained model from the optimum of its objective, measured and proved of what is committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from os import PathLike
from pathlib import Path

from ...circuits.relations.dataset import DATASET
from ...circuits.relations.distances import Certificate
from ...circuits.relations.model import MODEL
from ...circuits.statements.distance import DistanceStatement, Nearness
from ...errors import ParameterError, StatementMismatch, TrainingError, require_type
from ...models.checks import real
from ...models.methods.distance import LARGEST_SLOPE
from ...models.methods.distance_reference import Placed, declared, smallest
from ...models.methods.optimum_reference import Near
from ...verifier.proofs import DistanceProof
from ...verifier.shapes import shape_of
from ..matrices.commitment import commit_columns
from ..matrices.values import Witness
from ..protocol.proof import Progress
from ..witnesses.distance import distance_witness, model_at, place, rows_of
from ..witnesses.rows import Rows
from .dataset import DATASETS, Dataset
from .model import Model, model_columns
from .prove import check_before_work, prove_statement

AFRESH = (
    "a model that was committed afresh has no distance yet that can be proved: prove it while its first commitment has "
    "openings"
)


def prove_distance(
    dataset: Dataset,
    model: Model | Path | str,
    distance: float | None = None,
    slope: float | None = None,
    progress: Progress | None = None,
) -> DistanceProof:
    """Prove how near the optimum of its own objective a model is. One opening of data set and model is spent.

    Args:
        dataset: what it was trained on.
        model: one with a penalty, by gradient descent, `sisa` or one pass: its secret, or the file. Of several
            classes, or shards, it holds several models, each of which has numbers of its own.
            Of what `prove` returns it is `.secret`.
        distance: which to show, of weights of features in [-1, 1]: the largest power of two that is not more. By
            default the least that can be shown, which depends on the rows that count.
        slope: of an intercept that is not penalised, which gain of the loss to show for a unit of another intercept;
            likewise.
        progress: called with the name of each phase.

    Returns:
        The proof; `.statement` has `.excess`, `.real_distance` and `.real_slope`, of several models the largest; those
        of each have `.schedules`, in the order of `.objectives`.

    Raises:
        BudgetExceeded: data set or model have no opening left.
        ParameterError: a model of which no distance is proved, with why; or an argument of another type.
        StatementMismatch: the model was trained on another data set.
        TrainingError: it is farther from the optimum than that, or a weight or score is out of range.
        DataError, FormatError: naming the file.
    """
    require_type("dataset", dataset, Dataset, DATASETS)
    require_type(
        "model", model, (Model, str, PathLike), "of what `prove` returns it is `.secret`; `Model.load` reads a file"
    )
    own = model if isinstance(model, Model) else Model.load(model)
    if own.links:
        raise ParameterError(AFRESH)
    if own.statement.dataset != dataset.statement:
        raise StatementMismatch("the model was trained on another data set")
    dataset.require_whole_count()
    draft = _draft(own)
    budgets = [dataset.budget, own.budget]
    check_before_work(draft, budgets)
    placed = _placed(dataset.rows, own, draft)
    statement = _statement(_wanted(draft, distance, slope), placed, distance is not None, slope is not None)
    witness = distance_witness(statement, placed, _near(statement, placed))
    shape = shape_of(statement)
    cells = model_columns(own)
    opened = shape.committed[MODEL]
    committed = {DATASET: dataset.matrix, MODEL: commit_columns(opened.layout, opened.code, cells, own.secret)}
    columns = {**dataset.columns, **cells, **witness.columns}
    proved = prove_statement(
        shape, statement, committed, Witness(columns, witness.looked_up), budgets=budgets, progress=progress
    )
    return DistanceProof(statement, proved.proof.proof)


def _draft(own: Model) -> DistanceStatement:
    """At the shortest distance there is. Raises ParameterError where there is none."""
    method = own.statement.spec.method
    free = method.bias and not method.penalize_intercept
    drafted = DistanceStatement(own.statement, 0, LARGEST_SLOPE if free else None)
    return _saying(drafted, [Nearness(0, drafted.slope)] * len(drafted.objectives))


def _saying(statement: DistanceStatement, models: Sequence[Nearness]) -> DistanceStatement:
    """The same with other numbers, of each model."""
    if statement.several:
        return replace(statement, distance=None, slope=None, models=tuple(models))
    (only,) = models
    return replace(statement, distance=only.distance, slope=only.slope)


def _placed(rows: Rows, own: Model, draft: DistanceStatement) -> list[Placed]:
    """What follows from each model. Raises TrainingError, naming which one of several."""
    found = []
    for objective, schedule, (naming, _) in zip(draft.objectives, draft.schedules, draft.parts, strict=True):
        try:
            found.append(place(rows_of(rows, objective), model_at(draft, own.integers, objective), schedule))
        except TrainingError as error:
            raise TrainingError(f"{naming.prefix}{error}") from error
    return found


def _wanted(draft: DistanceStatement, distance: float | None, slope: float | None) -> DistanceStatement:
    """With what is declared, of each model the largest power of two in its units. Raises ParameterError."""
    said = []
    for own, schedule in zip(draft.said, draft.schedules, strict=True):
        near = own.distance if distance is None else _distance_of(distance, schedule)
        said.append(Nearness(near, own.slope if slope is None else _slope_of(slope, schedule)))
    return _saying(draft, said)


def _statement(wanted: DistanceStatement, placed: Sequence[Placed], distance: bool, slope: bool) -> DistanceStatement:
    """At what was declared, and else at the least that can be shown. Raises TrainingError for less."""
    found = []
    for said, own, schedule, (naming, _) in zip(wanted.said, placed, wanted.schedules, wanted.parts, strict=True):
        try:
            least, steep = smallest(own, schedule)
        except TrainingError as error:
            raise TrainingError(f"{naming.prefix}{error}") from error
        shown = Nearness(said.distance if distance else least, said.slope if slope else steep)
        if shown.distance < least or (steep is not None and shown.slope is not None and shown.slope < steep):
            reached = replace(schedule, distances=(1 << least,), slope=steep)
            raise TrainingError(
                f"{naming.prefix}the least distance that can be shown is {float(reached.real_distance):.3g}"
                + ("" if reached.real_slope is None else f", and the least slope {float(reached.real_slope):.3g}")
            )
        found.append(shown)
    return _saying(wanted, found)


def _near(statement: DistanceStatement, placed: Sequence[Placed]) -> list[Near]:
    """What is committed of each model. Raises TrainingError."""
    found = [declared(own, schedule) for own, schedule in zip(placed, statement.schedules, strict=True)]
    shown = [near for near in found if near is not None]
    if len(shown) < len(found):
        raise TrainingError("the gradient is longer than the distance that was measured")
    return shown


def _distance_of(value: float, schedule: Certificate) -> int:
    one, two = (replace(schedule, distances=(units,)).real_distance for units in (1, 2))
    return _logarithm("distance", value, one, two)


def _slope_of(value: float, schedule: Certificate) -> int:
    if schedule.slope is None:
        raise ParameterError("slope: of a model whose intercept is penalised, or that has none, there is none to say")
    one, two = (replace(schedule, slope=slope).real_slope or Fraction(slope + 1) for slope in (0, 1))
    return min(LARGEST_SLOPE, _logarithm("slope", value, one, two))


def _logarithm(name: str, value: float, one: Fraction, two: Fraction) -> int:
    """The largest j for which 2^j units are not more than a number, from what one and two units say.

    Raises:
        ParameterError: not even one is.
    """
    units = 1 + (Fraction(real(name, value)) - one) / (two - one)
    if units < 1:
        raise ParameterError(f"{name} = {value}: the least that can be said is {float(one):.3g}")
    return int(units).bit_length() - 1
