"""A spec for a data set, from its rows: for the owner, who alone has them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ...errors import ParameterError, require_type
from ...models.checks import integer_within, real
from ...models.live import Live
from ...models.suggestion import MOST_EPOCHS, Suggestion, family_for, rows_to_look_at, suggest_spec
from ..kernels import run_blas_tasks
from ..protocol.proof import Progress, begin
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
    forget: Iterable[object] = (),
    previous: Previous | None = None,
    forget_classes: Iterable[object] = (),
    skip_unknown: bool = False,
    progress: Progress | None = None,
) -> Suggestion:
    """A spec whose training comes near its optimum on this data set, found in float64; no opening is spent.

    Args:
        model: "logistic", "linear", "probit" or "poisson"; by default that of the kind of labels.
        l2: of the spec; by default 1 / rows that count, scikit-learn's C = 1.
        standardize: whether features are standardised, where that can be.
        most_epochs: no more than these are suggested, up to 2^14.
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
    encoding, rows = dataset.statement.encoding, dataset.rows
    family = family_for(encoding.label.kind, model)
    asked = ask(dataset, forget, skip_unknown)
    tell(asked.notes)  # and not with the others, which go into the public file
    forgotten = {*forgotten_before(dataset, before, fork=True), *asked.positions}
    forgotten |= {*positions_of_classes(dataset, classes_to_forget(dataset, before, forget_classes))}
    forgotten |= set_aside(dataset)
    live = Live(dataset.statement.rows, tuple(sorted(forgotten)))
    penalty = 1 / live.count if l2 is None else real("l2", l2)
    if penalty < 0:
        raise ParameterError(f"l2 = {penalty}: must not be negative")
    begin("try learning rates", progress)
    shape = encoding.shape(live.rows)
    places = rows_to_look_at(live, shape.features, shape.outputs)
    X = rows.by_feature[:, places].T / 2.0**encoding.x_bits
    y = rows.labels[places] / 2.0**encoding.label.label_bits
    search = partial(suggest_spec, X, y, family, shape, live, l2=penalty, standardize=standardize, most_epochs=limit)
    (suggestion,) = run_blas_tasks([search])  # its products are small, and threads of BLAS would wait for one another
    return suggestion
