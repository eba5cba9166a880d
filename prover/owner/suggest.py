"""A spec for a data set, from its rows: for the owner, who alone has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ...errors import ParameterError, TrainingError, require_type
from ...models.checks import integer_within, real
from ...models.families import Family
from ...models.live import Live
from ...models.methods.sisa import MAX_SLICES
from ...models.shapes import MAX_ROWS, DatasetShape
from ...models.shard_suggestion import rows_looked_at, suggest_shards
from ...models.spec import TrainingSpec
from ...models.suggestion import MOST_EPOCHS, Suggestion, family_for, rows_to_look_at, suggest_spec
from ..kernels import run_blas_tasks
from ..protocol.proof import Progress, begin
from ..witnesses.methods import MAKERS_OF_METHOD
from ..witnesses.rows import Rows
from .asked import ask
from .dataset import DATASETS, Dataset
from .declared import (
    Previous,
    classes_to_forget,
    forgotten_before,
    positions_of_classes,
    require_previous,
    set_aside,
    superseded_proof,
)
from .work import tell

LARGEST_LIMIT = 1 << 14  # of epochs that are tried


def suggest(
    dataset: Dataset,
    model: str | None = None,
    l2: float | None = None,
    *,
    standardize: bool = True,
    most_epochs: int = MOST_EPOCHS,
    shard_rows: int | None = None,
    slices: int = 1,
    forget: Iterable[object] = (),
    previous: Previous | None = None,
    forget_classes: Iterable[object] = (),
    skip_unknown: bool = False,
    progress: Progress | None = None,
) -> Suggestion:
    """A spec whose training comes near its optimum on this data set, found in float64; no opening is spent.

    Args:
        model: "logistic", "linear", "probit" or "poisson"; by default that of the kind of labels.
        l2: of the spec; by default 1 / rows that count, scikit-learn's C = 1, of a shard 1 / rows that it has.
        standardize: whether features are standardised, where that can be.
        most_epochs: no more than these are suggested, up to 2^14.
        shard_rows, slices: of a sharded training (method "sisa") for which rate, momentum and epochs of a stage are
            looked for; what is found is tried on all shards in the integers that are proved.
        forget, previous, forget_classes, skip_unknown: who does not count, as for `prove`.
        progress: called with the name of each phase.

    Returns:
        `.spec`, `.expected_gap` (by which part of the least loss the trained model's is above it), `.notes`,
        `.to_toml()`.

    Raises:
        DataError: an unknown id; all labels are the same.
        ParameterError: the labels do not fit the model, there is no optimum, no scales of integers have room for a
            training that converges, or an argument is of another type.
        StatementMismatch: `previous` is about something else.
    """
    require_type("dataset", dataset, Dataset, DATASETS)
    if model is not None:
        require_type("model", model, str)
    require_previous(previous)
    before = superseded_proof(previous)
    require_type("standardize", standardize, bool)
    limit = integer_within("most_epochs", most_epochs, 1, LARGEST_LIMIT)
    family = family_for(dataset.statement.encoding.label.kind, model)
    asked = ask(dataset, forget, skip_unknown)
    tell(asked.notes)  # and not with the others, which go into the public file
    forgotten = {*forgotten_before(dataset, before, fork=True), *asked.positions}
    forgotten |= {*positions_of_classes(dataset, classes_to_forget(dataset, before, forget_classes))}
    forgotten |= set_aside(dataset)
    live = Live(dataset.statement.rows, tuple(sorted(forgotten)))
    penalty = _penalty(l2, live, shard_rows, slices)
    begin("try learning rates", progress)
    options = {"l2": penalty, "standardize": standardize, "most_epochs": limit}
    search = _search(dataset, family, live, shard_rows, slices, options)
    (suggestion,) = run_blas_tasks([search])  # its products are small, and threads of BLAS would wait for one another
    return suggestion


def _penalty(l2: float | None, live: Live, shard_rows: int | None, slices: int) -> float:
    """The l2 of the spec. Raises ParameterError."""
    if integer_within("slices", slices, 1, MAX_SLICES) != 1 and shard_rows is None:
        raise ParameterError(f"slices = {slices}: are stages of a shard; say how many rows a shard has, shard_rows")
    counted = live.count
    if shard_rows is not None:
        counted = min(counted, integer_within("shard_rows", shard_rows, 1, MAX_ROWS))
    penalty = 1 / counted if l2 is None else real("l2", l2)
    if penalty < 0:
        raise ParameterError(f"l2 = {penalty}: must not be negative")
    return penalty


def _search(
    dataset: Dataset, family: Family, live: Live, shard_rows: int | None, slices: int, options: dict[str, Any]
) -> Callable[[], Suggestion]:
    """What looks for the spec of one model, or of shards."""
    encoding, rows = dataset.statement.encoding, dataset.rows
    shape = encoding.shape(live.rows)
    units, label_units = 2.0**encoding.x_bits, 2.0**encoding.label.label_bits
    if shard_rows is None:
        places = rows_to_look_at(live, shape.features, shape.outputs)
        X, y = rows.by_feature[:, places].T / units, rows.labels[places] / label_units
        return partial(suggest_spec, X, y, family, shape, live, **options)
    X, y = rows.by_feature[:, : rows_looked_at(shape, shard_rows)].T / units, rows.labels / label_units
    cut: dict[str, Any] = {"shard_rows": shard_rows, "slices": slices, "fails": partial(_fails, rows, shape, live)}
    return partial(suggest_shards, X, y, family, shape, live, **cut, **options)


def _fails(rows: Rows, shape: DatasetShape, live: Live, spec: TrainingSpec) -> str | None:
    """Why a sharded training cannot be proved with this spec: its integers are run. None if it can."""
    schedule, maker = spec.compile(shape, live), MAKERS_OF_METHOD[spec.method.kind]
    try:
        maker.notes(schedule, maker.train(rows, schedule, []))
    except (ParameterError, TrainingError) as error:
        return str(error)
    return None
