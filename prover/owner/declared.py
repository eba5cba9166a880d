"""What is to be trained, before it is: the statement but for the model, from what the owner asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...circuits.statements.dataset import DatasetStatement
from ...circuits.statements.records import Record
from ...circuits.statements.scope import ModelCommitment, Start
from ...circuits.statements.training import PATHS, TrainingStatement
from ...errors import ParameterError, StatementMismatch, require_type
from ...models.encoding.labels import class_texts
from ...models.methods.sisa import stages_of
from ...models.spec import TrainingSpec
from ...verifier.bundles import Bundle
from ...verifier.pins import LINKS, linked
from ...verifier.proofs import AnyLink, LinkProof, TrainingProof
from ...verifier.protocol.merkle import DIGEST_BYTES
from ...verifier.renewals import links_between
from ...verifier.shapes import same_code
from ..witnesses.methods import MAKERS_OF_METHOD
from .asked import NOBODY_ASKED, Asked, ask
from .begun import begun
from .budget import require_openings
from .bundles import Request, models_for, plan_request, starts_of
from .dataset import DATASETS, Dataset
from .model import Model
from .sharded_model import ShardedModel
from .successors import refuse_fork
from .trained import Trained

NOTHING_KEPT = (
    "nothing is kept of the bundle that is superseded, all is trained again: every shard saw a row that is forgotten, "
    "or has more rows now, or the algorithm or the code on which models lie is another one"
)
NOT_LINKED = (
    "nothing is kept of the bundle that is superseded, all is trained again: no links lead from its data set to this "
    "one, of those in the bundle, the one with the data set, and those that are given"
)
Previous = TrainingProof | Bundle | ShardedModel | Trained


@dataclass(frozen=True, repr=False)
class Declared:
    """A training before it is run.

    Attributes:
        draft: its statement, in which the model's root is zero.
        attached: what the proof's file carries beside it.
        repeated: how many of the rows that were named had been forgotten already.
        starts: the models of `draft.start`.
        bundle: of a sharded training, what is kept from; None where nothing is.
        models: the secrets behind that bundle, as far as they are at hand.
        notes: what the owner should know before it is run.
        links: that the new bundle needs besides those of the old one: from the data set of what is superseded to that
            of the statement, and of models to the commitments that `starts` open, where they were committed afresh.
        near: see Part.
        asked: what became of the ids that were named.
    """

    draft: TrainingStatement
    attached: Mapping[str, bytes]
    repeated: int
    starts: tuple[Model, ...] = ()
    bundle: Bundle | None = None
    models: tuple[Model, ...] = ()
    notes: tuple[str, ...] = ()
    links: tuple[AnyLink, ...] = ()
    near: npt.NDArray[np.float64] | None = None
    asked: Asked = NOBODY_ASKED


def declare(
    dataset: Dataset,
    spec: TrainingSpec,
    forget: Iterable[object],
    previous: Previous | None,
    model_openings: int | None = None,
    fork: bool = False,
    forget_classes: Iterable[object] = (),
    links: Iterable[LinkProof] = (),
    *,
    skip_unknown: bool = False,
    whole: bool = False,
) -> Declared:
    """What is to be trained; arguments and errors are those of `prove_training`.

    whole: nothing is kept of a bundle.
    """
    _require_types(dataset, spec, previous)
    given = list(links)
    for link in given:
        require_type("links", link, LinkProof, LINKS)
    given += [dataset.link] if dataset.link is not None else []
    usual = MAKERS_OF_METHOD[spec.method.kind].openings
    openings = require_openings(usual if model_openings is None else model_openings)
    proof = superseded_proof(previous)
    before, asked = forgotten_before(dataset, previous, fork), ask(dataset, forget, skip_unknown)
    wanted, classes = asked.positions, classes_to_forget(dataset, proof, forget_classes)
    records = dataset.records_at({*before, *wanted, *positions_of_classes(dataset, classes), *set_aside(dataset)})
    bundle, models = _kept(dataset, spec, previous, given) if not whole else (None, ())
    request = Request((), ()) if bundle is None else _request(bundle, proof, dataset, records, classes)
    starts = () if bundle is None else tuple(models_for(bundle, request.starts, models))
    if not all(same_code(model.commitment, model.statement, dataset.statement) for model in starts):
        request, starts = Request((), ()), ()
    draft = TrainingStatement(
        dataset.statement,
        spec,
        records,
        _uncommitted(dataset, spec, request, openings),
        None if proof is None else proof.digest,
        classes,
        request.scope,
        () if bundle is None else _starts(bundle, request, starts, dataset.statement),
    )
    draft, first = begun(draft, previous)
    starts = (*starts, *first)
    attached = {PATHS: dataset.rows.record_paths(draft.positions)}
    kept = None if bundle is None or not request.scope else bundle
    notes = [*asked.notes, *([] if whole else _notes(draft, kept, _bundle_of(previous), given))]
    new = len({*dataset.superseded} - {*before, *wanted, *dataset.rows.holes})
    if new:
        rows, are = (f"{new} rows that were", "are") if new > 1 else ("1 row that was", "is")
        notes.append(f"{rows} rectified since {are} forgotten, too")
    more: tuple[AnyLink, ...] = (*given, *(link for model in starts for link in model.links))
    if kept is None:  # who knows what is superseded needs nothing else
        older = _bundle_of(previous)
        known = given if older is None else [*older.links, *given]
        more = () if proof is None else links_between(proof.statement.dataset, draft.dataset, known) or ()
    near = _near(draft, previous)
    again = len({*before} & {*wanted})
    return Declared(draft, attached, again, starts, kept, models, tuple(notes), more, near, asked)


def _near(draft: TrainingStatement, previous: Previous | None) -> npt.NDArray[np.float64] | None:
    """The model that is superseded, if it is at hand, has as many weights, and is of use."""
    if not draft.spec.method.warms or not isinstance(previous, Trained) or previous.bundle is not None:
        return None
    own, features = previous.secret.of_all_outputs, draft.dataset.features
    if len(own) != draft.dataset.outputs or len(previous.secret.encoding.features) != features:
        return None
    found = np.zeros((len(own), features + draft.spec.method.bias))
    common = min(own.shape[1], found.shape[1])  # of both may have an intercept
    found[:, :common] = own[:, :common]
    return found


def _request(
    bundle: Bundle,
    superseded: TrainingProof | None,
    dataset: Dataset,
    records: Sequence[Record],
    classes: Sequence[str],
) -> Request:
    """What is to be trained again; a class that is forgotten now is to be said, also of rows that are gone."""
    new = superseded is not None and tuple(classes) != superseded.statement.forgotten_classes
    positions = [record.position for record in records]
    return plan_request(bundle, positions, anyway=new, rows=dataset.statement.rows)


def _starts(bundle: Bundle, request: Request, models: Sequence[Model], dataset: DatasetStatement) -> tuple[Start, ...]:
    """The statements that a request begins from, with the commitments that are opened."""
    named = zip(starts_of(bundle, request.starts, dataset.rows), models, strict=True)
    return tuple(replace(start, model=model.commitment) for start, model in named)


def _bundle_of(previous: Previous | None) -> Bundle | None:
    """The bundle that is superseded, if it is one."""
    found = previous.bundle if isinstance(previous, (ShardedModel, Trained)) else previous
    return found if isinstance(found, Bundle) else None


def _notes(
    draft: TrainingStatement, kept: Bundle | None, before: Bundle | None, links: Sequence[LinkProof]
) -> list[str]:
    """What the owner should know of what is kept of a bundle.

    links: besides those of the bundle.
    """
    if before is None:
        return []
    if kept is None:
        return [NOTHING_KEPT if _leads(before, draft.dataset, links) else NOT_LINKED]
    more = draft.dataset.rows - before.statement.dataset.rows
    if not more:
        return []
    stages = stages_of(draft.schedule)
    trained = sum(run.count * (stages.shards.slices + 1 - run.stage) for run in stages.runs)
    there = stages.shards.count * stages.shards.slices
    added = f"{more:,} row{'s were' if more > 1 else ' was'} added since"
    return [f"{added}: {there - trained:,} of {there:,} stages of all shards are kept"]


def _leads(before: Bundle, dataset: DatasetStatement, links: Sequence[LinkProof]) -> bool:
    """Whether these links, and those of a bundle, lead from its data set to this one."""
    return linked(before.statement.dataset, dataset, [*before.dataset_links, *(link.statement for link in links)])


def _kept(
    dataset: Dataset, spec: TrainingSpec, previous: Previous | None, links: Sequence[LinkProof]
) -> tuple[Bundle | None, tuple[Model, ...]]:
    """What the same training of the same rows, or some of them, can be kept from, and the models at hand; None if
    nothing can.

    links: besides those of the bundle.
    """
    models: tuple[Model, ...] = ()
    if isinstance(previous, Trained):
        models = (*previous.kept, *previous.secrets)
    elif isinstance(previous, ShardedModel):
        models = previous.models
    bundle = _bundle_of(previous)
    if bundle is None or bundle.statement.spec != spec or not _leads(bundle, dataset.statement, links):
        return None, ()
    return bundle, models


def superseded_proof(previous: Previous | None) -> TrainingProof | None:
    """The proof that is superseded: of a bundle, the last one."""
    request = _superseded(previous)
    return request[-1] if request else None


def _superseded(previous: Previous | None) -> tuple[TrainingProof, ...]:
    """All proofs of the request that is superseded."""
    bundle = previous.bundle if isinstance(previous, (ShardedModel, Trained)) else previous
    if isinstance(bundle, Bundle):
        return bundle.request
    proof = previous.proof if isinstance(previous, Trained) else previous
    return (proof,) if isinstance(proof, TrainingProof) else ()


def classes_to_forget(dataset: Dataset, previous: TrainingProof | None, classes: Iterable[object]) -> tuple[str, ...]:
    """The texts of these classes and of those that are forgotten already, increasing. Raises ParameterError."""
    if isinstance(classes, (str, bytes)) or not isinstance(classes, Iterable):
        raise ParameterError("forget_classes: expected a list of classes, by the texts of their labels")
    named = class_texts(np.array([*classes], dtype=object))
    before = () if previous is None else previous.statement.forgotten_classes
    dataset.statement.encoding.label.require_forgettable(named)
    return tuple(sorted({*named, *before}))


def set_aside(dataset: Dataset) -> set[int]:
    """Rows that no training counts any more: rectified, or destroyed."""
    return {*dataset.superseded, *dataset.rows.holes}


def positions_of_classes(dataset: Dataset, classes: Sequence[str]) -> list[int]:
    """The rows of these classes."""
    numbers = [dataset.statement.encoding.label.classes.index(text) for text in classes]
    found: list[int] = np.flatnonzero(np.isin(dataset.rows.labels, numbers)).tolist()
    return found


def _require_types(dataset: Dataset, spec: TrainingSpec, previous: Previous | None) -> None:
    require_type("dataset", dataset, Dataset, DATASETS)
    require_type("spec", spec, TrainingSpec, "`load_spec` reads a file")
    require_previous(previous)


def require_previous(previous: object) -> None:
    """Raises ParameterError unless it is something that can be superseded, or nothing."""
    if previous is not None:
        require_type("previous", previous, (TrainingProof, Bundle, ShardedModel, Trained), "`prove` returns one")


def _uncommitted(dataset: Dataset, spec: TrainingSpec, request: Request, openings: int) -> ModelCommitment:
    """The commitment of a model that is not there yet: its root is zero."""
    shape = dataset.statement.encoding.shape(dataset.statement.rows)
    return ModelCommitment(bytes(DIGEST_BYTES), openings, spec.method.model_shape(shape, request.scope))


def forgotten_before(dataset: Dataset, previous: Previous | None, fork: bool) -> tuple[int, ...]:
    """Positions that the superseded proof forgot, which stay forgotten; none without one.

    Raises:
        StatementMismatch: what verifier.pins.check_previous would find.
        DataError: it has a successor, and `fork` does not allow another one.
    """
    proof = superseded_proof(previous)
    if proof is None:
        return ()
    if not dataset.rows.goes_on_from(proof.statement.dataset):
        raise StatementMismatch("the previous proof is about another data set")
    if dataset.directory is not None and not fork:
        refuse_fork(_superseded(previous), dataset.directory)
    return proof.statement.positions
