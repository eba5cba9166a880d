"""A list of people to forget, answered in one call that may be killed at any moment and made again: a pipeline's night.

look up the ids; nothing to do?     nothing is spent
claim an opening, prove             claims.py: who is killed and comes again takes the same opening
stage, verify, note, settle         staging.py: whole and private, before anything is public
publish, export                     0002.proof after 0001.proof; the model for whoever serves it

One run at a time works on a data set; another one waits, and then finds what is left to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ...circuits.statements.training import TrainingStatement
from ...errors import (
    DataError,
    FormatError,
    InvalidProof,
    ParameterError,
    StatementMismatch,
    require_path,
    require_type,
)
from ...models.spec import TrainingSpec
from ...shown import Facts, Shown, of_all
from ...verifier.bundles import Bundle, verify_bundle
from ...verifier.pins import Pins
from ...verifier.proofs import LinkProof, TrainingProof
from ...verifier.verify import VerificationReport, verify_training
from ..protocol.proof import Progress
from .asked import Asked, ask
from .claims import claim_file, claiming
from .dataset import COMMITMENT_FILE, Dataset
from .declared import Previous, positions_of_classes, set_aside
from .locks import locked
from .prediction import Predictor
from .published import proofs_in
from .secret_arrays import make_directory
from .sharded_model import load_sharded
from .staging import clear, next_number, publish, stage, staged
from .successors import note_request, refuse_fork
from .trained import ProofFiles, Trained
from .training import prove_training
from .weights_file import require_weights_place, write_weights

REQUESTS_LOCK = ".requests.lock"
TWO_MOVES = (
    "a model with noise: its nonce has to come from somebody else, after a commitment, so that one call cannot answer: "
    "`prove` it in its two moves"
)
DISCARDED = "a proof that an earlier run had staged is discarded, as something else is in force than what it supersedes"
Export = Callable[[Predictor], object]


@dataclass(frozen=True, repr=False)  # ids stay out of logs
class Answered(Shown):
    """What became of a list of people to forget.

    Attributes:
        asked: what became of each id.
        published: proofs that are in the folder since this call: none, if nothing was to be done; one; or two, if an
            earlier run had been stopped before it published its own.
        newest: the files of the proof that is in force; None if nothing was ever proved.
        statement: of that proof.
        forgotten: how many rows are forgotten in it that the one in force before did not forget.
        openings: of the data set, (spent, of how many).
        report: of the last proof that was published, as an auditor has it who knew the one before.
        exported: where the model was written, if it was to be.
        notes: what the owner should know.
    """

    asked: Asked
    published: tuple[Path, ...]
    newest: ProofFiles | None
    statement: TrainingStatement | None
    forgotten: int
    openings: tuple[int, int]
    report: VerificationReport | None = None
    exported: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def facts(self) -> Facts:
        """See Shown: numbers only."""
        used = ("openings used", of_all(*self.openings))
        return (("published", len(self.published)), ("forgotten", self.forgotten), used)


@dataclass(frozen=True, repr=False)
class _Proved:
    """A file with a proof of a training, or a bundle."""

    path: Path
    public: TrainingProof | Bundle

    @classmethod
    def load(cls, path: Path) -> _Proved:
        return cls(path, Bundle.load(path) if path.suffix == ".bundle" else TrainingProof.load(path))

    @property
    def request(self) -> tuple[TrainingProof, ...]:
        """The proofs of the last request in it."""
        return self.public.request if isinstance(self.public, Bundle) else (self.public,)

    @property
    def statement(self) -> TrainingStatement:
        """The last one in it."""
        return self.request[-1].statement

    @property
    def digest(self) -> bytes:
        """Of that."""
        return self.request[-1].digest


def forget(
    directory: Path | str,
    ids: Iterable[object],
    spec: TrainingSpec,
    proofs: Path | str,
    *,
    export: Path | str | Export | None = None,
    skip_unknown: bool = False,
    progress: Progress | None = None,
) -> Answered:
    """Forget whoever of a list is not forgotten yet: prove it from the newest proof, verify it, keep it; export.

    Where all are forgotten already, nothing is proved and nothing spent. A call that was killed, at whatever moment, is
    made again: what was proved is not proved again, and a request takes one opening of the data set however often it
    is begun. (Of models that "sisa" and "newton" begin from, each beginning takes one.)

    Args:
        directory: a stored data set.
        ids: of all who are to be forgotten; those of earlier nights may be among them, and need not be.
        spec: the declared algorithm, that of the newest proof.
        proofs: the folder with the proofs so far, and their models; the next is 0001.proof, 0002.proof, ..
        export: *.npz, where the weights in force are written, at each call (see weights_file.py); or a function that is
            given the model, and may be given the same one again.
        skip_unknown: whether to go on without ids that are not in the data set; `.asked` says which.
        progress: called with the name of each phase.

    Raises:
        DataError: an unknown id; no single newest proof; or a file that cannot be written.
        StatementMismatch: the newest proof declares another algorithm.
        ParameterError: the method has noise; or an argument cannot be used.
        TrainingError, BudgetExceeded: as `prove_training`.
    """
    require_type("spec", spec, TrainingSpec, "`load_spec` reads a file")
    require_path("proofs", proofs)
    if spec.method.noised:
        raise ParameterError(TWO_MOVES)
    require_path("directory", directory)
    if export is not None and not callable(export):
        require_path("export", export)
        require_weights_place(Path(export))
    place, folder = Path(directory), Path(proofs)
    if not (place / COMMITMENT_FILE).is_file():
        Dataset.load(directory)  # puts it right, or says what is wrong, before a lock is made
    make_directory(folder)
    with locked(place, REQUESTS_LOCK):
        night = _Night(Dataset.load(place), place, folder, spec, progress)
        night.resume()
        asked = ask(night.dataset, ids, skip_unknown)
        found = night.answer(asked)
        return replace(found, exported=_exported(found, export))


class _Night:
    """One run, while it holds the lock."""

    def __init__(
        self, dataset: Dataset, directory: Path, folder: Path, spec: TrainingSpec, progress: Progress | None
    ) -> None:
        self.dataset = dataset
        self._directory, self._folder, self._spec, self._progress = directory, folder, spec, progress
        self._published: list[Path] = []
        self._notes: list[str] = []
        self._report: VerificationReport | None = None
        self._forgotten = 0

    def resume(self) -> None:
        """Publish what an earlier run has staged, if it is whole and still fits; else remove it. Raises DataError."""
        files = staged(self._directory)
        if files is None:
            clear(self._directory)
            return
        own, before = _Proved.load(files.proof), self._newest()
        in_force = None if before is None else before.digest
        fits = in_force in (own.digest, own.statement.previous) and own.statement.dataset == self.dataset.statement
        if not fits:
            clear(self._directory)
            self._notes.append(DISCARDED)
            return
        if in_force != own.digest:
            self._check(own, before, Pins())
        self._finish(files)

    def answer(self, asked: Asked) -> Answered:
        """Prove what is missing, if anything is."""
        before = self._newest()
        missing = {*asked.positions, *self.dataset.superseded} - {*_positions(before)} - {*self.dataset.rows.holes}
        if missing:
            self._prove(before, asked)
        now, budget = self._newest(), self.dataset.budget
        return Answered(
            asked=asked,
            published=tuple(self._published),
            newest=None if now is None else ProofFiles.beside(now.path),
            statement=None if now is None else now.statement,
            forgotten=self._forgotten,
            openings=(budget.spent, budget.declared),
            report=self._report,
            notes=tuple(dict.fromkeys((*asked.notes, *self._notes))),
        )

    def _prove(self, before: _Proved | None, asked: Asked) -> None:
        """Forget them, in a proof that supersedes the one before."""
        dataset, places = self.dataset, [self._folder, *self.dataset.beside]
        if before is not None:
            self._require_to_go_on(before)
            refuse_fork(before.request, self._directory, places)
        claiming(dataset, self._folder)
        superseded = None if before is None else self._superseded(before)
        trained = prove_training(dataset, self._spec, asked.found, superseded, self._progress, noted=False)
        self._notes += trained.notes
        files = stage(trained, self._directory, next_number(self._folder))
        classes = () if before is None else before.statement.forgotten_classes
        gone = {*_positions(before), *asked.positions, *set_aside(dataset), *positions_of_classes(dataset, classes)}
        digests = [record.digest for record in dataset.records_at(gone)]
        self._check(_Proved.load(files.proof), before, Pins(spec=self._spec, forget=digests))
        self._finish(files)

    def _require_to_go_on(self, before: _Proved) -> None:
        """It can be superseded in the same way. Raises StatementMismatch, DataError."""
        if before.statement.spec != self._spec:
            changes = "; ".join(before.statement.spec.differences(self._spec))
            raise StatementMismatch(
                f"{before.path}: declares another algorithm ({changes}), and auditors are told of every change: "
                f"`prove` once with the new spec, and this proof before it, into {self._folder}"
            )
        if before.statement.dataset != self.dataset.statement and not self._links(before):
            raise DataError(
                f"{before.path}: is of another data set, from which no single link leads to this one: `prove` "
                f"once, with this proof before it, into {self._folder}"
            )

    def _links(self, before: _Proved) -> tuple[LinkProof, ...]:
        """From the data set of what is superseded to this one, if it is another one."""
        link = self.dataset.link
        return () if link is None or link.statement.old != before.statement.dataset else (link,)

    def _superseded(self, before: _Proved) -> Previous:
        """With its models, where training begins from these, or is faster."""
        if isinstance(before.public, Bundle):
            return load_sharded(before.path)
        method = self._spec.method
        if not (method.begins or method.warms):
            return before.public
        try:
            return Trained.load(before.path)
        except (DataError, FormatError):
            if method.begins:
                raise
            return before.public  # without it the same is found, from further away

    def _check(self, own: _Proved, before: _Proved | None, pins: Pins) -> None:
        """As an auditor who has the one before. Raises DataError, as the file is none that anybody should get."""
        commitment = self.dataset.commitment
        try:
            if isinstance(own.public, Bundle) and before is not None and isinstance(before.public, Bundle):
                report = verify_bundle(own.public, commitment, pins, before.public).last
            else:
                if before is not None:
                    pins = replace(pins, previous=before.request[-1], links=self._links(before))
                if isinstance(own.public, Bundle):
                    report = verify_bundle(own.public, commitment, pins).last
                else:
                    report = verify_training(own.public, commitment, pins)
        except (FormatError, InvalidProof, StatementMismatch) as error:
            raise DataError(f"{own.path}: is not published, as it is not valid: {error}") from error
        self._report = report
        self._forgotten += len({*own.statement.positions} - {*_positions(before)})

    def _finish(self, files: ProofFiles) -> None:
        """From staged to published; each step may be done again. Raises DataError."""
        try:
            note_request(self._directory, _Proved.load(files.proof).request)
        except DataError:
            clear(self._directory)  # nothing of it is public, and what it claimed is left for another
            raise
        with locked(self._directory):
            claim_file(self.dataset).settle()
        self._published.append(publish(files, self._folder).proof)
        clear(self._directory)

    def _newest(self) -> _Proved | None:
        """The proof in the folder that no other one there supersedes. Raises DataError if there are several."""
        found: dict[bytes, Path] = {}
        superseded: set[bytes | None] = set()
        for path, proofs in proofs_in([self._folder]):
            own = [proof for proof in proofs if isinstance(proof.statement, TrainingStatement)]
            if own and self.dataset.rows.goes_on_from(own[-1].statement.dataset):
                found.setdefault(own[-1].digest, path)
                superseded |= {proof.statement.previous for proof in own}
        latest = [path for digest, path in found.items() if digest not in superseded]
        if len(latest) > 1:
            names = ", ".join(path.name for path in latest)
            raise DataError(f"{self._folder}: {names} are superseded by none, so that none of them is the newest")
        return _Proved.load(latest[0]) if latest else None


def _positions(proved: _Proved | None) -> tuple[int, ...]:
    return () if proved is None else proved.statement.positions


def _exported(found: Answered, export: Path | str | Export | None) -> Path | None:
    """Write the weights in force, or hand the model over. Raises DataError where its secret is not there."""
    if export is None or found.newest is None:
        return None
    path = found.newest.proof
    model = load_sharded(path) if path.suffix == ".bundle" else Trained.load(path).secret
    if callable(export):
        export(model)
        return None
    write_weights(model, export)
    return Path(export)
