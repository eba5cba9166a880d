"""A proved model with its proof, and the files that hold them.

| file | public? | holds |
|---|---|---|
| NAME.proof | public | the statement and its proof; of a sharded training NAME.bundle, with those of what is kept |
| NAME.forgotten | public | the record digests of the forgotten rows, if there are any |
| NAME.model.opening | secret, 0600 | the weights; NAME.group-1.model.opening, .. of several groups |

They are written in this order from below: where there is a proof, the files beside it belong to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from ...circuits.statements.training import TrainingStatement
from ...errors import DataError, FormatError, InvalidProof, ZkUnlearnError
from ...formats.files import read_file, sweep_unfinished
from ...formats.lists import write_digests
from ...models.convergence import Curve
from ...shown import Facts, Shown
from ...verifier.bundles import Bundle, check_bundle
from ...verifier.proofs import MAX_FILE_BYTES, TrainingProof
from ...verifier.verify import verify_proof
from .asked import NOBODY_ASKED, Asked
from .locks import locked
from .model import MODEL_SUFFIX, Model
from .plots import Plotted
from .sharded_model import ShardedModel, sharded

SUFFIXES = (".proof", ".bundle")


@dataclass(frozen=True)
class ProofFiles:
    """Where a proof, its models and its forget list go.

    Attributes:
        models: one, or one for each of several statements.
    """

    proof: Path
    models: tuple[Path, ...]
    forgotten: Path

    @classmethod
    def beside(cls, proof: Path | str, statements: int = 1) -> ProofFiles:
        """Those of a proof, or of so many statements of a request."""
        stem = next((str(proof).removesuffix(end) for end in SUFFIXES if str(proof).endswith(end)), str(proof))
        numbers = [""] if statements == 1 else [f".group-{number}" for number in range(1, statements + 1)]
        models = tuple(Path(f"{stem}{number}{MODEL_SUFFIX}") for number in numbers)
        return cls(Path(proof), models, Path(f"{stem}.forgotten"))

    @property
    def all(self) -> tuple[Path, ...]:
        """All of them."""
        return (self.proof, *self.models, self.forgotten)

    @property
    def of_groups(self) -> list[Path]:
        """Models that are there of groups of shards, however many."""
        stem = self.forgotten.name.removesuffix(".forgotten")
        start, folder = f"{stem}.group-", self.forgotten.parent
        return [path for path in sorted(folder.glob(f"*{MODEL_SUFFIX}")) if path.name.startswith(start)]

    def refuse_existing(self) -> None:
        """Raises DataError if one of them is there."""
        for path in self.all:
            if path.exists():
                raise DataError(f"{path}: is there already")


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class Trained(Shown, Plotted):
    """A proved model.

    Attributes:
        proofs: public; one, or one for each group of shards of a request.
        secrets: the models that were trained now, those of each proof, with what opens their commitment.
        timings: seconds by phase, of all proofs together; `total` is what passed.
        forgotten_before: how many of the rows that were to be forgotten had been forgotten already.
        directory: where the data set is stored, if it is; its lock is held while files are written.
        notes: what the owner should know, such as what rounding took away; logged as warnings too.
        curve: how the training went, for the owner only; nothing of it is proved.
        bundle: of a sharded training: these proofs, and those of what is kept.
        kept: secrets of models, those of what it keeps among them.
        asked: what became of the ids that were named to be forgotten.
    """

    proofs: tuple[TrainingProof, ...]
    secrets: tuple[Model, ...]
    timings: Mapping[str, float]
    forgotten_before: int = 0
    directory: Path | None = None
    notes: tuple[str, ...] = ()
    curve: Curve | None = None
    bundle: Bundle | None = None
    kept: tuple[Model, ...] = ()
    asked: Asked = NOBODY_ASKED

    @property
    def facts(self) -> Facts:
        """See Shown: what was proved, and the openings left of the model."""
        seconds = round(self.timings["total"], 1) if "total" in self.timings else None
        return (*self.secret.facts, ("proofs", len(self.proofs)), ("seconds", seconds), ("notes", len(self.notes)))

    @property
    def proof(self) -> TrainingProof:
        """The only one, or the last, which is what a later request supersedes."""
        return self.proofs[-1]

    @property
    def secret(self) -> Model:
        """That of `proof`."""
        return self.secrets[-1]

    @property
    def model(self) -> Model | ShardedModel:
        """The model, or the models that answer together. Raises DataError if not all of them are at hand."""
        return self.secret if self.bundle is None else sharded(self.bundle, (*self.kept, *self.secrets))

    @property
    def statement(self) -> TrainingStatement:
        """What was proved, last."""
        return self.proof.statement

    @classmethod
    def load(cls, path: Path | str) -> Trained:
        """A proof, from its file, with the model beside it: what a later one supersedes that begins from there.

        Raises:
            DataError: one of the files is not there, or the model is that of another proof.
            FormatError: naming the file.
        """
        proof, file = TrainingProof.load(path), ProofFiles.beside(path).models[0]
        model = Model.load(file)
        if model.statement != proof.statement:
            raise DataError(f"{file}: is the model of another statement than that of {path}")
        return cls((proof,), (model,), {})

    def save(self, path: Path | str, replace: bool = False) -> ProofFiles:
        """Write models, forget list and proofs, after reading the proofs as an auditor would and verifying them.

        Args:
            path: of the proof, *.proof; the other names follow from it.
            replace: whether files that are there may go.

        Returns:
            The files; that of the forget list is not there if nothing is forgotten.

        Raises:
            DataError: a file cannot be written, or is there and not to be replaced.
            ZkUnlearnError: the proof is not valid; nothing is written then.
        """
        files = ProofFiles.beside(path, len(self.proofs))
        public = self.proof if self.bundle is None else self.bundle
        data = public.to_bytes()
        for proof in self.proofs:
            _require_valid(proof.to_bytes())
        if self.bundle is not None:
            check_bundle(self.bundle, self.statement.dataset)
        with locked(self.directory) if self.directory is not None else nullcontext():
            if not replace:  # another prover may have been given the same names
                files.refuse_existing()
            sweep_unfinished(files.proof.parent)
            for old in (files.proof, files.forgotten):
                old.unlink(missing_ok=True)
            for model, file in zip(self.secrets, files.models, strict=True):
                model.save(file)
            if self.statement.forgotten:
                write_digests(files.forgotten, [record.digest for record in self.statement.forgotten])
            public.save(files.proof)
        if read_file(files.proof, MAX_FILE_BYTES) != data:
            raise ZkUnlearnError(f"{files.proof}: is not what was written")
        return files


def _require_valid(data: bytes) -> None:
    """What an auditor would find, found before anyone is told that something is proved."""
    try:
        verify_proof(TrainingProof.from_bytes(data))
    except (FormatError, InvalidProof) as error:
        raise ZkUnlearnError(f"the proof that was made is not valid: {error}") from error
