"""What is to be trained, before it is: the statement but for the model, from what the owner asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...circuits.statements.records import Record
from ...circuits.statements.scope import ModelCommitment, Start
from ...circuits.statements.training import PATHS, TrainingStatement
from ...errors import ParameterError, StatementMismatch, require_type
from ...models.encoding.labels import class_texts
from ...models.spec import TrainingSpec
from ...verifier.bundles import Bundle
from ...verifier.pins import LINKS, linked
from ...verifier.proofs import AnyLink, LinkProof, TrainingProof
from ...verifier.protocol.merkle import DIGEST_BYTES
from ..witnesses.methods import MAKERS_OF_METHOD
from .budget import require_openings
from .bundles import Request, models_for, plan_request, starts_of
from .dataset import DATASETS, Dataset
from .model import Model
from .sharded_model import ShardedModel
from .successors import refuse_fork
from .trained import Trained

NOTHING_KEPT = (
    "nothing is kept of the bundle that is superseded, all is trained again: every shard saw a row that is forgotten, "
    "the algorithm or the commitment of the data set is another one, or there are more rows"
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
        links: from the data set of the bundle to that of the statement, and of models to the commitments that `starts`
            open, where they were committed afresh.
    """

    draft: TrainingStatement
    attached: Mapping[str, bytes]
    repeated: int
    starts: tuple[Model, ...] = ()
    bundle: Bundle | None = None
    models: tuple[Model, ...] = ()
    notes: tuple[str, ...] = ()
    links: tuple[AnyLink, ...] = ()


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
    whole: bool = False,
) -> Declared:
    """What is to be trained; arguments and errors are those of `prove_training`.

    whole: nothing is kept of a bundle.
    """
    _require_types(dataset, spec, previous)
    given = list(links)
    for link in given:
        require_type("links", link, LinkProof, LINKS)
    usual = MAKERS_OF_METHOD[spec.method.kind].openings
    openings = require_openings(usual if model_openings is None else model_openings)
    proof = superseded_proof(previous)
    before, wanted = forgotten_before(dataset, previous, fork), dataset.rows.positions(forget)
    classes = classes_to_forget(dataset, proof, forget_classes)
    records = dataset.records_at({*before, *wanted, *positions_of_classes(dataset, classes), *dataset.superseded})
    bundle, models = _kept(dataset, spec, previous, given) if not whole else (None, ())
    request = Request((), ()) if bundle is None else _request(bundle, proof, records, classes)
    starts = () if bundle is None else tuple(models_for(bundle, request.starts, models))
    draft = TrainingStatement(
        dataset.statement,
        spec,
        records,
        _uncommitted(dataset, spec, request, openings),
        None if proof is None else proof.digest,
        classes,
        request.scope,
        () if bundle is None else _starts(bundle, request, starts),
    )
    attached = {PATHS: dataset.rows.record_paths(draft.positions)}
    kept = None if bundle is None or not request.scope else bundle
    notes = [NOTHING_KEPT] if kept is None and _is_sharded(previous) and not whole else []
    new = len({*dataset.superseded} - {*before, *wanted})
    if new:
        rows, are = (f"{new} rows that were", "are") if new > 1 else ("1 row that was", "is")
        notes.append(f"{rows} rectified since {are} forgotten, too")
    all_links: tuple[AnyLink, ...] = (*given, *(link for model in starts for link in model.links))
    return Declared(draft, attached, len({*before} & {*wanted}), starts, kept, models, tuple(notes), all_links)


def _request(
    bundle: Bundle, superseded: TrainingProof | None, records: Sequence[Record], classes: Sequence[str]
) -> Request:
    """What is to be trained again; a class that is forgotten now is to be said, also of rows that are gone."""
    new = superseded is not None and tuple(classes) != superseded.statement.forgotten_classes
    return plan_request(bundle, [record.position for record in records], anyway=new)


def _starts(bundle: Bundle, request: Request, models: Sequence[Model]) -> tuple[Start, ...]:
    """The statements that a request begins from, with the commitments that are opened."""
    named = zip(starts_of(bundle, request.starts), models, strict=True)
    return tuple(replace(start, model=model.commitment) for start, model in named)


def _is_sharded(previous: Previous | None) -> bool:
    """Whether a bundle is superseded."""
    return isinstance(previous, (Bundle, ShardedModel)) or (
        isinstance(previous, Trained) and previous.bundle is not None
    )


def _kept(
    dataset: Dataset, spec: TrainingSpec, previous: Previous | None, links: Sequence[LinkProof]
) -> tuple[Bundle | None, tuple[Model, ...]]:
    """What the same training of the same rows can be kept from, and the models at hand; None if nothing can.

    links: besides those of the bundle. Models lie on a code that follows from the openings of their data set, so these
    must be as many; and so must rows.
    """
    models: tuple[Model, ...] = ()
    if isinstance(previous, Trained):
        models = (*previous.kept, *previous.secrets)
    elif isinstance(previous, ShardedModel):
        models = previous.models
    bundle = previous.bundle if isinstance(previous, (ShardedModel, Trained)) else previous
    if not isinstance(bundle, Bundle) or bundle.statement.spec != spec:
        return None, ()
    before, known = bundle.statement.dataset, [*bundle.dataset_links, *(link.statement for link in links)]
    own = dataset.statement
    if not linked(before, own, known) or (before.openings, before.rows) != (own.openings, own.rows):
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
