"""The owner's proof that a model is what the declared training outputs without the forgotten rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from time import perf_counter

from ...circuits.relations.model import MODEL
from ...circuits.statements.training import NOT_DRAWN, TrainingStatement
from ...errors import DataError, ParameterError, ZkUnlearnError, require_type
from ...models.convergence import Curve, mean_curve
from ...models.methods import Sisa
from ...models.methods.sisa import stages_of
from ...models.spec import TrainingSpec
from ...verifier.bundles import Bundle
from ...verifier.proofs import LinkProof, TrainingProof
from ...verifier.protocol.proof import ProofShape
from ..protocol.proof import Progress
from .budget import Budget
from .dataset import Dataset
from .declared import Declared, Previous, declare, superseded_proof
from .groups import Part, parts_of, require_groups
from .lent import lent
from .model import Model, commit_model
from .noise import NOT_NOISY, Noise, note_nonce
from .prove import check_before_work, nothing_collected
from .successors import note_statements
from .trained import Trained
from .work import Done, prove_part, tell
from .workers import Ready, Workers

WARNING = "warning: "  # which a note begins with that is one


def prove_training(
    dataset: Dataset,
    spec: TrainingSpec,
    forget: Iterable[object] = (),
    previous: Previous | None = None,
    progress: Progress | None = None,
    model_openings: int | None = None,
    fork: bool = False,
    forget_classes: Iterable[object] = (),
    links: Iterable[LinkProof] = (),
    workers: Workers | None = None,
    groups: int | None = None,
    noise: Noise | Path | str | None = None,
    nonce: bytes | None = None,
    skip_unknown: bool = False,
    noted: bool = True,
) -> Trained:
    """Train on the rows that are not forgotten, and prove it.

    Args:
        dataset: the committed data set; one of its openings is spent, or one for each group.
        spec: the declared algorithm.
        forget: ids of the rows to forget, beside those that `previous` forgot; naming these again does no harm.
        previous: the proof that this one supersedes; of a sharded training a bundle, or its models, of which then only
            what rows bear on that are forgotten, or were added, is trained again; of steps, with the model before them.
        model_openings: how many proofs the model's commitment can serve, this one included; by default a few, and
            more for models that later requests begin from.
        fork: whether `previous` may have another successor already, as far as the stored data set knows.
        forget_classes: texts of classes to forget, with all their rows, beside those that `previous` forgot.
        links: of a sharded training, those that lead from the data set of `previous` to this one, as far as they are
            neither in its bundle nor the last one, which the data set has.
        workers: other processes that train and prove; this one does by default.
        groups: of a sharded training, how many statements it has; as many as there are workers by default.
        noise: of method "noisy", what `commit_noise` returned for the same request, or its secret file; used up.
        nonce: 32 bytes that were drawn after that, by somebody else.
        skip_unknown: whether to go on without ids that are not in the data set.
        noted: whether the history of a stored data set is told now; else whoever publishes the proof tells it.

    Raises:
        DataError: an unknown id; a statement that would be the second to supersede `previous`.
        ParameterError: the spec does not fit the data set, overflows, is beyond one proof, or learns nothing because
            every update is rounded to zero; or an argument is of another type.
        StatementMismatch: `previous` is about something else.
        TrainingError: the training diverges.
        BudgetExceeded: too few openings are left, of data set or models that training begins from; or used noise.
        WorkerError: there are no workers, or none that can be used.
    """
    start = perf_counter()
    require_groups(groups)
    if workers is not None:
        require_type("workers", workers, Workers, "`Processes` or `Cluster`")
    options = model_openings, fork, forget_classes, links
    declared = declare(dataset, spec, forget, previous, *options, skip_unknown=skip_unknown)
    own = _drawn(declared, noise, nonce, workers)
    if own is not None:
        declared = replace(declared, draft=replace(declared.draft, noise=own.drawn(declared.draft, nonce)))
        _require_new_nonce(declared.draft, superseded_proof(previous))
    with nothing_collected() if workers is None else workers.ready() as ready:
        made = _made(ready, dataset, declared, groups, progress, own)
    return _trained(dataset, declared, made, perf_counter() - start, dataset.directory if noted else None)


def _drawn(
    declared: Declared, noise: Noise | Path | str | None, nonce: bytes | None, workers: Workers | None
) -> Noise | None:
    """The noise of a training that takes any. Raises ParameterError for what does not go together."""
    noised = declared.draft.spec.method.noised
    if noised and (noise is None or nonce is None):
        raise ParameterError(NOT_DRAWN)
    if not noised and not (noise is None and nonce is None):
        raise ParameterError(NOT_NOISY.format(kind=declared.draft.spec.method.kind))
    if noise is None:
        return None
    if workers is not None:
        raise ParameterError("workers: noise is used in the process that counts it; prove a noisy model without any")
    require_type("noise", noise, (Noise, str, PathLike), "`commit_noise` returns one; `Noise.load` reads a file")
    return noise if isinstance(noise, Noise) else Noise.load(noise)


def _require_new_nonce(draft: TrainingStatement, before: TrainingProof | None) -> None:
    """The nonce is not that of what is superseded. Raises ParameterError."""
    if before is not None and draft.noise is not None and before.statement.noise is not None:
        if before.statement.noise.nonce == draft.noise.nonce:
            raise ParameterError("nonce: drew the noise of the proof that is superseded; ask for another one")


# Proving -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class _Made:
    """What was proved: part by part, and what the owner should know of it."""

    parts: tuple[Part, ...]
    done: list[Done]
    notes: tuple[str, ...]


def _made(
    ready: Ready | None,
    dataset: Dataset,
    declared: Declared,
    groups: int | None,
    progress: Progress | None,
    noise: Noise | None,
) -> _Made:
    """Look whether it can be, then prove all parts."""
    parts = parts_of(declared.draft, declared.starts, groups, 1 if ready is None else ready.count)
    parts = tuple(replace(part, noise=noise, near=declared.near) for part in parts)
    shapes = [check_before_work(part.draft, attached=declared.attached) for part in parts]
    for budget, count in _openings(dataset, parts).items():
        budget.require_opening(count)
    dataset.require_whole_count()
    notes = (*declared.notes, *(() if ready is None else ready.notes))
    tell(notes)
    if noise is not None and declared.draft.noise is not None:
        note_nonce(dataset, declared.draft.noise, noise.statement.digest)
    if ready is None:
        done = [_proved_here(dataset, part, shape, progress) for part, shape in zip(parts, shapes, strict=True)]
    else:
        done = _proved_by(ready, dataset, parts, progress)
        for part, shape, own in zip(parts, shapes, done, strict=True):
            _require_committed(part, shape, own)
        tell(_notes(done))
    return _Made(parts, done, (*notes, *_notes(done)))


def _openings(dataset: Dataset, parts: Sequence[Part]) -> Counter[Budget]:
    """How many openings a request takes: for each statement one of the data set, and of each start."""
    noise = Counter(part.noise.budget for part in parts if part.noise is not None)
    models = Counter(model.budget for part in parts for model in part.starts)
    return Counter({dataset.budget: len(parts)}) + models + noise


def _proved_here(dataset: Dataset, part: Part, shape: ProofShape, progress: Progress | None) -> Done:
    """In this process, which counts openings when there is something to open."""
    budgets = [dataset.budget, *(model.budget for model in part.starts)]
    budgets += [] if part.noise is None else [part.noise.budget]
    return prove_part(part, shape, dataset.rows, dataset.matrix, budgets=budgets, told=tell, progress=progress)


def _proved_by(ready: Ready, dataset: Dataset, parts: Sequence[Part], progress: Progress | None) -> list[Done]:
    """By workers, for whom all openings are counted before they are lent anything."""
    with lent(dataset, parts) as (loan, tasks):
        ready.check(loan)
        for budget, count in _openings(dataset, parts).items():
            budget.spend(count)
        return ready.run(loan, tasks, progress)


def _require_committed(part: Part, shape: ProofShape, done: Done) -> None:
    """What came back opens what was committed to. Raises ZkUnlearnError."""
    if commit_model(part.draft, shape.committed[MODEL], done.integers, done.secret).root != done.root:
        raise ZkUnlearnError("the models that were proved are not those that were committed to")


def _received(part: Part, done: Done, attached: Mapping[str, bytes]) -> tuple[TrainingProof, Model]:
    """The statement with its proof, and the secret behind its model."""
    model = replace(part.draft.model, root=done.root)
    statement = replace(part.draft, model=model, distance=done.distance)
    return TrainingProof(statement, done.proof, attached), Model.proved(statement, done.integers, done.secret)


def _trained(dataset: Dataset, declared: Declared, made: _Made, seconds: float, history: Path | None) -> Trained:
    """All of it, for the owner; the history is in this folder."""
    pairs = [_received(*own, declared.attached) for own in zip(made.parts, made.done, strict=True)]
    proofs, models = tuple(proof for proof, _ in pairs), tuple(model for _, model in pairs)
    return Trained(
        proofs,
        models,
        {**_timings(made.done), "total": seconds},
        declared.repeated,
        dataset.directory,
        (*made.notes, *_noted(history, proofs)),
        _curve(made.parts, made.done),
        _bundle(declared, proofs),
        declared.models,
        declared.asked,
    )


def _bundle(declared: Declared, proofs: tuple[TrainingProof, ...]) -> Bundle | None:
    """With what is kept, if it is a sharded training."""
    if not isinstance(declared.draft.spec.method, Sisa):
        return None
    kept, links = declared.bundle, declared.links
    return Bundle(proofs, links) if kept is None else kept.with_request(proofs, links)


# What the owner should know ------------------------------------------------------------------------------------------


def _notes(done: Sequence[Done]) -> tuple[str, ...]:
    """Of all groups; what is not said of all says of which."""
    found: dict[str, None] = {}
    for number, own in enumerate(done, start=1):
        for note in own.notes:
            warning = WARNING if note.startswith(WARNING) else ""
            everywhere = all(note in other.notes for other in done)
            found[note if everywhere else f"{warning}group {number}: {note.removeprefix(warning)}"] = None
    return tuple(found)


def _timings(done: Sequence[Done]) -> dict[str, float]:
    """Seconds by phase, of all groups together."""
    total: dict[str, float] = {}
    for own in done:
        for phase, seconds in own.timings.items():
            total[phase] = total.get(phase, 0.0) + seconds
    return total


def _curve(parts: Sequence[Part], done: Sequence[Done]) -> Curve | None:
    """How it went, on the mean of all groups, each counted as often as it has rows at the last stage."""
    if len(done) == 1:
        return done[0].curve
    curves, counts = [], []
    for part, own in zip(parts, done, strict=True):
        if own.curve is not None:
            schedule = stages_of(part.draft.schedule)
            last = (each for each in schedule.parts if each.number == schedule.shards.slices)
            curves.append(own.curve)
            counts.append(sum(each.schedule.live.count for each in last))
    return mean_curve(curves, counts, _notes(done)) if curves else None


def _noted(directory: Path | None, proofs: Sequence[TrainingProof]) -> tuple[str, ...]:
    """Keep in mind what was proved from this folder; a note if that cannot be, as the proof is there all the same."""
    if directory is None:
        return ()
    try:
        note_statements(directory, proofs)
    except DataError as error:
        return (f"{error}; `prove` will not know of this proof where its file is not beside the others",)
    return ()
