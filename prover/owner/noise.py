"""The owner's noise: committed to in a first move, used once in a second, with the nonce that is drawn for it.

| file | public? | holds |
|---|---|---|
| NAME.noise | public | the commitment: what is logged, or handed over, before the nonce is known |
| NAME.noise.opening | secret, 0600 | the weights before noise, and the owner's coins; the matrix of Newton's steps |
| dataset.nonces | public | beside a data set: each nonce that was used, and the digest of the commitment |

The secret is used up before the proof that uses it is made: what is left of its file says so, and holds nothing. Who is
stopped after that has lost the noise, and nobody can choose among models. Weights and coins are never read again: two
models with the same coins would tell the weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import is_canonical
from ...circuits.relations.noise import NOISE
from ...circuits.statements.noise import NONCE_BYTES, OPENINGS, Drawn, NoiseStatement, require_nonce, require_source
from ...circuits.statements.training import TrainingStatement
from ...errors import BudgetExceeded, DataError, FormatError, ParameterError
from ...formats.container import read_container, write_container
from ...formats.fields import Fields, Int, take
from ...formats.files import read_text, write_file
from ...models.spec import TrainingSpec
from ...shown import Facts, Shown
from ...verifier.noise import NOISE_SECRET as SECRET_KIND
from ...verifier.noise import NOISE_SUFFIX, NoiseCommitment
from ...verifier.protocol.group import MatrixShape
from ...verifier.protocol.merkle import DIGEST_BYTES, SALT_BYTES
from ..matrices.commitment import Commitment, Secret, commit_columns, fresh_secret
from ..protocol.proof import Progress, begin
from ..witnesses.methods import MAKERS_OF_METHOD
from .budget import Budget, Counted
from .dataset import Dataset
from .declared import Previous, declare
from .groups import Part
from .locks import locked
from .prove import check_before_work
from .published import trainings_in
from .work import run_training, tell
from .zeroing import wipe

SECRET_SUFFIX = ".noise.opening"
NONCES_FILE = "dataset.nonces"
MAX_BYTES = 1 << 28
USED = "it was published with that proof, or is forfeited; commit to noise anew, and ask for another nonce"
USED_NONCE = (
    "{place}: the nonce {nonce} was used for the noise {noise} already: whoever has several for one nonce can choose; "
    "ask for another nonce"
)
NOT_NOISY = (
    "method = {kind!r}: takes no noise; a spec with method = 'noisy' does, or 'newton' with epsilon and delta, which "
    "have one model, of no shards"
)
NOT_BEHIND = "noise: weights, tails or salts are not those behind its commitment"
OTHER_REQUEST = "noise: was committed to for another request: it has another {what}"
_FORM: Fields = {"noise": dict, "integers": bytes, "tails": bytes, "leaf_salts": bytes, "spent": Int(0, OPENINGS)}
_WITH_KEPT: Fields = {**_FORM, "kept": bytes}  # stands only where something is kept
_SECRETS = ("integers", "tails", "leaf_salts", "kept")
_FIELDS = {
    "dataset": "data set",
    "spec": "algorithm",
    "forgotten": "forget list",
    "forgotten_classes": "list of forgotten classes",
    "previous": "proof that it supersedes",
}


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Noise(Shown, Counted):
    """The secret behind a commitment to noise, which is used in one proof.

    Attributes:
        statement: what is public of it.
        integers: W and R, int64 (2, O K).
        secret: what opens the commitment.
        budget: its one opening.
        kept: what else is needed to find these weights again, and is not committed to: the matrix of Newton's steps.
    """

    statement: NoiseStatement
    integers: npt.NDArray[np.int64]
    secret: Secret
    budget: Budget
    kept: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def found(self) -> tuple[npt.NDArray[np.int64], ...]:
        """What a run goes on from."""
        return (self.integers, self.kept) if self.kept.size else (self.integers,)

    @property
    def commitment(self) -> NoiseCommitment:
        """What is to be logged, or handed over, before the nonce is known."""
        return NoiseCommitment(self.statement)

    @property
    def facts(self) -> Facts:
        """See Shown: what is public about it."""
        return (("commitment", self.statement.digest), ("used", self.budget.spent > 0))

    def save(self, path: Path | str) -> None:
        """Write NAME.noise.opening, 0600, and beside it NAME.noise, which is public.

        Args:
            path: of the secret; has to end in .noise.opening.

        Raises:
            DataError: it cannot be written, or is in another file already.
            ParameterError: the name ends otherwise.
        """
        count = NoiseFile(Path(path), self.statement.digest)
        if not str(path).endswith(SECRET_SUFFIX):
            raise ParameterError(f"{path}: must end in {SECRET_SUFFIX}")
        spent = self.budget.to_store(count)
        write_container(path, SECRET_KIND, self._payload(spent), secret=True)
        self.budget.store(count, spent)
        self.commitment.save(public_file(Path(path)))

    def _payload(self, spent: int) -> dict[str, object]:
        kept = {"kept": self.kept.astype("<i8").tobytes()} if self.kept.size else {}
        return {
            **kept,
            "noise": self.statement.to_mapping(),
            "integers": self.integers.astype("<i8").tobytes(),
            "tails": self.secret.tails.astype("<u8").tobytes(),
            "leaf_salts": self.secret.salts.tobytes(),
            "spent": spent,
        }

    @classmethod
    def load(cls, path: Path | str) -> Noise:
        """Read the secret file; that it is behind its commitment is looked at when it is used.

        Raises:
            DataError: there is no such file.
            FormatError: naming the file.
            BudgetExceeded: the noise was used.
        """
        fields = _taken(path)
        try:
            statement = NoiseStatement.from_mapping(fields["noise"])
        except FormatError as error:
            raise error.named(path) from error
        if fields["spent"]:
            raise BudgetExceeded(f"{path}: this noise was used: {USED}")
        sizes = {"integers": 16, "tails": 8, "leaf_salts": SALT_BYTES, "kept": 8}
        if any(not own or len(own) % sizes[name] for name, own in fields.items() if name in sizes):
            raise FormatError(f"{path}: weights, tails or salts are cut off")
        integers = np.frombuffer(fields["integers"], "<i8").astype(np.int64).reshape(2, -1)
        tails = np.frombuffer(fields["tails"], "<u8").astype(np.uint64)
        if not is_canonical(tails):
            raise FormatError(f"{path}: holds a number that is not a field element")
        salts = np.frombuffer(fields["leaf_salts"], dtype=np.uint8).reshape(-1, SALT_BYTES)
        count = NoiseFile(Path(path), statement.digest)
        kept = np.frombuffer(fields.get("kept", b""), "<i8").astype(np.int64)
        return cls(statement, integers, Secret(tails, salts), _budget(count), kept)

    def drawn(self, draft: TrainingStatement, nonce: object) -> Drawn:
        """For a request and its nonce.

        Raises:
            ParameterError: it was committed for another request.
            FormatError: there are not as many weights and coins as the model has.
        """
        asked = NoiseStatement.of(draft, self.statement.root, self.statement.source)
        for name, what in _FIELDS.items():
            if getattr(asked, name) != getattr(self.statement, name):
                raise ParameterError(OTHER_REQUEST.format(what=what))
        models, weights = draft.model.shape
        kept = models * weights**2 if draft.spec.method.begins else 0
        if (self.integers.size, self.kept.size) != (2 * models * weights, kept):
            raise FormatError(NOT_BEHIND)
        return Drawn(self.statement.root, self.statement.source, require_nonce(nonce))

    def opening(self, statement: TrainingStatement, matrix: MatrixShape) -> Commitment:
        """Its commitment. Raises FormatError where that is another one than is stated."""
        tails = self.secret.tails.reshape(-1)
        width = statement.schedule.outputs * statement.schedule.width
        expected = (2 * width, matrix.layout.rows * matrix.code.tail, matrix.code.length)
        if (self.integers.size, tails.size, len(self.secret.salts)) == expected:
            secret = Secret(tails.reshape(matrix.layout.rows, -1), self.secret.salts)
            found = _commit(statement, matrix, self.integers, secret)
            if found.root == self.statement.root:
                return found
        raise FormatError(NOT_BEHIND)


@dataclass(frozen=True)
class NoiseFile:
    """The file of one noise, where it is counted whether it was used."""

    place: Path
    digest: bytes

    @property
    def folder(self) -> Path:
        """Where the lock is."""
        return self.place.parent

    def read(self) -> int | None:
        """How often it was used; None if no file of this noise is there."""
        payload = self._payload()
        return None if payload is None else int(payload["spent"])

    def write(self, spent: int) -> None:
        """It is used: the file is filled with zeros, and another takes its place that says so. Raises DataError."""
        payload = self._payload()
        if payload is None:
            raise DataError(f"{self.place}: the noise was replaced or removed in the meantime")
        wipe(self.place)
        nothing = dict.fromkeys(payload.keys() & set(_SECRETS), b"")
        write_container(self.place, SECRET_KIND, {**payload, **nothing, "spent": spent}, secret=True)

    def _payload(self) -> dict[str, Any] | None:
        if not self.place.is_file():
            return None
        try:
            payload = _taken(self.place)
            digest = NoiseStatement.from_mapping(payload["noise"]).digest
        except FormatError:  # something else, which whoever writes here may replace
            return None
        return payload if digest == self.digest else None


def commit_noise(
    dataset: Dataset,
    spec: TrainingSpec,
    source: str,
    forget: Iterable[object] = (),
    previous: Previous | None = None,
    *,
    fork: bool = False,
    forget_classes: Iterable[object] = (),
    skip_unknown: bool = False,
    progress: Progress | None = None,
) -> Noise:
    """Commit to the noise of a model, before the nonce is known that draws it; nothing is spent.

    Args:
        source: who or what will give the nonce, and when, in words: a round of a beacon, or the auditor by name.
        forget, previous, fork, forget_classes, skip_unknown: as for `prove`, which has to be given the same.
        progress: called with the name of each phase.

    Returns:
        `.commitment` (public: to be logged, or handed to the auditor, now), `.save`. Secret; it serves one `prove`.

    Raises:
        DataError, ParameterError, StatementMismatch, TrainingError, BudgetExceeded: see `prove_training`.
    """
    require_source(source)
    options = None, fork, forget_classes
    declared = declare(dataset, spec, forget, previous, *options, skip_unknown=skip_unknown)
    if not spec.method.noised:
        raise ParameterError(NOT_NOISY.format(kind=spec.method.kind))
    draft = undrawn(declared.draft, source)
    shape = check_before_work(draft, [dataset.budget], declared.attached)
    dataset.require_whole_count()
    tell(declared.notes)
    outcome = run_training(dataset.rows, Part(draft, declared.starts), progress)
    tell(outcome.notes)
    begin("commit", progress)
    maker, matrix = MAKERS_OF_METHOD[spec.method.kind], shape.committed[NOISE]
    if maker.noise is None:
        raise ParameterError(NOT_NOISY.format(kind=spec.method.kind))
    integers = maker.noise(outcome.trace)
    secret = fresh_secret(matrix.code, matrix.layout.rows)
    root = _commit(draft, matrix, integers, secret).root
    return Noise(NoiseStatement.of(draft, root, source), integers, secret, _budget(), maker.kept(outcome.trace))


def undrawn(draft: TrainingStatement, source: str = "nobody") -> TrainingStatement:
    """The same with noise that nobody has committed to, of a zero nonce, if its method takes any: to be tried."""
    if not draft.spec.method.noised:
        return draft
    return replace(draft, noise=Drawn(bytes(DIGEST_BYTES), source, bytes(NONCE_BYTES)))


def public_file(secret: Path) -> Path:
    """The commitment beside a secret."""
    return secret.with_name(secret.name.removesuffix(SECRET_SUFFIX) + NOISE_SUFFIX)


def note_nonce(dataset: Dataset, drawn: Drawn, digest: bytes) -> None:
    """Keep in mind, before it is used, that this nonce is of this noise, where a data set is stored.

    Raises:
        DataError: it was used for other noise, as this folder or proofs beside it say, which may be of a data set that
            this one goes on from; or this noise, of which a copy was restored, with another one.
    """
    if dataset.directory is None:
        return
    path, nonce, noise = dataset.directory / NONCES_FILE, drawn.nonce.hex(), digest.hex()
    for own in trainings_in(dataset.beside):
        if own.noise is not None and own.noise.nonce == drawn.nonce and own.noise.root != drawn.root:
            place = f"statement {own.digest.hex()}"
            raise DataError(USED_NONCE.format(place=place, nonce=nonce, noise=own.noise.root.hex()))
    with locked(dataset.directory):
        used = nonces_of(path)
        if used.get(nonce, noise) != noise:
            raise DataError(USED_NONCE.format(place=path, nonce=nonce, noise=used[nonce]))
        if noise in used.values() and nonce not in used:
            raise DataError(
                f"{path}: the noise {noise} was used already, with another nonce: two models with one noise tell the "
                "weights under it; commit to noise anew"
            )
        write_file(path, "".join(f"{one} {own}\n" for one, own in {**used, nonce: noise}.items()).encode())


def nonces_of(path: Path) -> dict[str, str]:
    """Nonces with the digests of their noise. Raises DataError."""
    if not path.exists():
        return {}
    pairs = [line.split(" ") for line in read_text(path, MAX_BYTES).splitlines()]
    if any(len(pair) != 2 for pair in pairs):
        raise DataError(f"{path}: is damaged")
    return dict((nonce, own) for nonce, own in pairs)


def _taken(path: Path | str) -> dict[str, Any]:
    """The payload of a secret file. Raises FormatError."""
    payload = read_container(path, SECRET_KIND, MAX_BYTES)[1]
    return take(payload, _WITH_KEPT if "kept" in payload else _FORM, str(path))


def _budget(stored: NoiseFile | None = None) -> Budget:
    return Budget("noise", OPENINGS, 0, USED, stored)


def _commit(
    statement: TrainingStatement, matrix: MatrixShape, integers: npt.NDArray[np.int64], secret: Secret
) -> Commitment:
    maker = MAKERS_OF_METHOD[statement.spec.method.kind]
    columns: Mapping[Any, Any] = {} if maker.noise_cells is None else maker.noise_cells(statement.training, integers)
    return commit_columns(matrix.layout, matrix.code, columns, secret)
