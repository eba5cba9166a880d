"""A proved model with its proof, and the files that hold them.

| file | public? | holds |
|---|---|---|
| NAME.proof | public | the statement and its proof; of a sharded training NAME.bundle, with those of what is kept |
| NAME.forgotten | public | the record digests of the forgotten rows, if there are any |
| NAME.model.opening | secret, 0600 | the weights |

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
from ...verifier.bundles import Bundle, check_bundle
from ...verifier.proofs import MAX_FILE_BYTES, TrainingProof
from ...verifier.verify import verify_proof
from .locks import locked
from .model import MODEL_SUFFIX, Model
from .sharded_model import ShardedModel, sharded

SUFFIXES = (".proof", ".bundle")


@dataclass(frozen=True)
class ProofFiles:
    """Where a proof, its model and its forget list go."""

    proof: Path
    model: Path
    forgotten: Path

    @classmethod
    def beside(cls, proof: Path | str) -> ProofFiles:
        """Those of a proof."""
        stem = next((str(proof).removesuffix(end) for end in SUFFIXES if str(proof).endswith(end)), str(proof))
        return cls(Path(proof), Path(f"{stem}{MODEL_SUFFIX}"), Path(f"{stem}.forgotten"))

    def refuse_existing(self) -> None:
        """Raises DataError if one of them is there."""
        for path in (self.proof, self.model, self.forgotten):
            if path.exists():
                raise DataError(f"{path}: is there already")


@dataclass(frozen=True)
class Trained:
    """A proved model.

    Attributes:
        proof: public.
        secret: the model that was trained now, with what opens its commitment.
        timings: seconds by phase.
        forgotten_before: how many of the rows that were to be forgotten had been forgotten already.
        directory: where the data set is stored, if it is; its lock is held while files are written.
        notes: what the owner should know, such as what rounding took away; logged as warnings too.
        curve: how the training went, for the owner only; nothing of it is proved.
        bundle: of a sharded training: this proof, and those of what it keeps.
        kept: secrets of models, those of what it keeps among them.
    """

    proof: TrainingProof
    secret: Model
    timings: Mapping[str, float]
    forgotten_before: int = 0
    directory: Path | None = None
    notes: tuple[str, ...] = ()
    curve: Curve | None = None
    bundle: Bundle | None = None
    kept: tuple[Model, ...] = ()

    @property
    def model(self) -> Model | ShardedModel:
        """The model, or the models that answer together. Raises DataError if not all of them are at hand."""
        return self.secret if self.bundle is None else sharded(self.bundle, (*self.kept, self.secret))

    @property
    def statement(self) -> TrainingStatement:
        """What was proved."""
        return self.proof.statement

    def save(self, path: Path | str, replace: bool = False) -> ProofFiles:
        """Write model, forget list and proof, after reading the proof as an auditor would and verifying it.

        Args:
            path: of the proof, *.proof; the other names follow from it.
            replace: whether files that are there may go.

        Returns:
            The files; that of the forget list is not there if nothing is forgotten.

        Raises:
            DataError: a file cannot be written, or is there and not to be replaced.
            ZkUnlearnError: the proof is not valid; nothing is written then.
        """
        files = ProofFiles.beside(path)
        public = self.proof if self.bundle is None else self.bundle
        data = public.to_bytes()
        _require_valid(self.proof.to_bytes())
        if self.bundle is not None:
            check_bundle(self.bundle, self.statement.dataset)
        with locked(self.directory) if self.directory is not None else nullcontext():
            if not replace:  # another prover may have been given the same names
                files.refuse_existing()
            sweep_unfinished(files.proof.parent)
            for old in (files.proof, files.forgotten):
                old.unlink(missing_ok=True)
            self.secret.save(files.model)
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
