"""The owner's model: the secret behind a model commitment, its file, and the budget of its openings.

A model is opened by the proof of its own training, and by each later proof about it. All of them count. One that was
committed afresh (recommitment.py) has other tails and a count of its own, and carries the links from the commitment in
its training's statement. What it predicts is in prediction.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...circuits.field.goldilocks import Vector, is_canonical
from ...circuits.language.layout import Address
from ...circuits.relations.model import MODEL
from ...circuits.statements.base import read_statement, written
from ...circuits.statements.model_link import renewed
from ...circuits.statements.prediction import MAX_REVEALED
from ...circuits.statements.scope import ModelCommitment
from ...circuits.statements.training import TrainingStatement
from ...errors import DataError, FormatError, ParameterError
from ...formats.container import read_container, write_container
from ...formats.fields import Bytes, Fields, Int, ListOf, take
from ...shown import Facts, Shown, of_all
from ...verifier.bundles import MAX_LINKS
from ...verifier.proofs import ModelLinkProof
from ...verifier.protocol.group import MatrixShape
from ...verifier.protocol.merkle import SALT_BYTES
from ...verifier.shapes import matrix_shape
from ..matrices.commitment import Commitment, Secret, commit_columns
from ..witnesses.methods import MAKERS_OF_METHOD
from .budget import Budget, Counted
from .linear_model import LinearModel
from .locks import locked
from .revealed import Revealed
from .stated import Stated

MODEL_KIND = "model.opening"
MODEL_SUFFIX, LINK_SUFFIX = ".model.opening", ".model.link"
MAX_MODEL_BYTES = 1 << 30
COUNTS = ("spent", "revealed")
EXHAUSTED = (
    "one more proof would reveal weights; `recommit-model` in time next time, with one opening left; now it is too "
    "late, and only proving the training again commits to the model afresh"
)

Links = tuple[ModelLinkProof, ...]
_LINKS = ListOf(bytes, 0, MAX_LINKS)
_FORM: Fields = {
    "training": dict, "links": _LINKS, "weights": bytes, "tails": bytes, "leaf_salts": bytes, "spent": int,
    "revealed": int,
}  # fmt: skip


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Model(Shown, Stated, LinearModel, Counted):
    """The secret behind a model commitment, and what it is used for: `predict`, `predict_proba`, `score`, `coef_`, ..

    Attributes:
        statement: what was proved about it.
        integers: int64 (outputs, K): of each output weights (d,) at scale w_bits, and the intercept at
            x_bits + w_bits, if there is one; of a sharded training of all models, (models, K), which answer together
            in sharded_model.py.
        secret: what opens the commitment.
        budget: its openings, of which the proof of its training, or the link to it, has spent one.
        revealed: of how many inputs scores or probabilities were proved.
        links: public, from the commitment in the statement to its own, if the model was committed afresh since.
    """

    statement: TrainingStatement
    integers: npt.NDArray[np.int64]
    secret: Secret
    budget: Budget
    revealed: Revealed
    links: Links = ()

    @classmethod
    def proved(cls, statement: TrainingStatement, integers: npt.NDArray[np.int64], secret: Secret) -> Model:
        """A model whose training has just been proved."""
        return cls(statement, integers, secret, Budget("model", statement.model.openings, 1, EXHAUSTED), Revealed())

    @property
    def commitment(self) -> ModelCommitment:
        """The one that its secret opens."""
        return self.links[-1].statement.new if self.links else self.statement.model

    @property
    def stated(self) -> TrainingStatement:
        """See Stated."""
        return self.statement

    @property
    def spent(self) -> int:
        """Openings of its commitment already used, the first one included."""
        return self.budget.spent

    @property
    def facts(self) -> Facts:
        """See Shown: what is public about it, no weight, and nothing that tells of one."""
        return (*self.statement.facts, ("openings left", of_all(self.budget.left, self.budget.declared)))

    def save(self, path: Path | str) -> None:
        """Write the secret file, 0600.

        Raises:
            DataError: it cannot be written, or the model is in another file already, where it counts its openings.
        """
        count, inputs = (ModelFile(Path(path), self.commitment.root, field) for field in COUNTS)
        with locked(count.folder) if count.read() is not None else nullcontext():
            spent, revealed = self.budget.to_store(count), self.revealed.to_store(inputs)
            write_container(path, MODEL_KIND, self._payload(spent, revealed), secret=True)
        self.budget.store(count, spent)
        self.revealed.store(inputs, revealed)

    def lend(self, path: Path) -> None:
        """Write the secret file for another process, in which no opening is left. Raises DataError."""
        write_container(path, MODEL_KIND, self._payload(self.budget.declared, self.revealed.count), secret=True)

    def _payload(self, spent: int, revealed: int) -> dict[str, object]:
        return {
            "training": written(self.statement),
            "links": [link.to_bytes() for link in self.links],
            "weights": self.integers.astype("<i8").tobytes(),
            "tails": self.secret.tails.astype("<u8").tobytes(),
            "leaf_salts": self.secret.salts.tobytes(),
            "spent": spent,
            "revealed": revealed,
        }

    @classmethod
    def load(cls, path: Path | str) -> Model:
        """Read the secret file.

        Raises:
            DataError: there is no such file.
            FormatError: naming the file, also if these are not the weights of the commitment, or the statement with
                them is none that can be proved.
        """
        payload = read_container(path, MODEL_KIND, MAX_MODEL_BYTES)[1]
        take(payload, _FORM, str(path))
        try:
            statement, links, own = _public(payload)
            statement.require_provable()
            matrix = matrix_shape(MODEL, statement.committed(own))
        except FormatError as error:
            raise error.named(path) from error
        except ParameterError as error:
            raise FormatError(f"{path}: {error}") from error
        sizes: Fields = {
            "training": dict,
            "links": _LINKS,
            "weights": Bytes(8 * math.prod(own.shape)),
            "tails": Bytes(8 * matrix.layout.rows * matrix.code.tail),
            "leaf_salts": Bytes(SALT_BYTES * matrix.code.length),
            "spent": Int(1, own.openings),
            "revealed": Int(0, MAX_REVEALED),
        }
        fields = take(payload, sizes, str(path))
        integers = np.frombuffer(fields["weights"], "<i8").astype(np.int64).reshape(own.shape)
        tails = np.frombuffer(fields["tails"], "<u8").astype(np.uint64)
        if not is_canonical(tails):
            raise FormatError(f"{path}: holds a number that is not a field element")
        salts = np.frombuffer(fields["leaf_salts"], dtype=np.uint8).reshape(-1, SALT_BYTES)
        secret = Secret(tails.reshape(matrix.layout.rows, -1), salts)
        if commit_model(statement, matrix, integers, secret).root != own.root:
            raise FormatError(f"{path}: weights, tails or salts are not those behind the model's commitment")
        count, inputs = (ModelFile(Path(path), own.root, field) for field in COUNTS)
        budget = Budget("model", own.openings, fields["spent"], EXHAUSTED, count)
        return cls(statement, integers, secret, budget, Revealed(fields["revealed"], inputs), links)


@dataclass(frozen=True)
class ModelFile:
    """The file of one model, where its openings are counted, or the inputs that scores were proved of."""

    place: Path
    root: bytes
    field: str = "spent"

    @property
    def folder(self) -> Path:
        """Where the lock is."""
        return self.place.parent

    def read(self) -> int | None:
        """The count, which another process may have raised; None if no file of this model is there."""
        payload = self._payload()
        return None if payload is None else int(payload[self.field])

    def write(self, count: int) -> None:
        """Replace the file by one with another count. Raises DataError."""
        payload = self._payload()
        if payload is None:
            raise DataError(f"{self.place}: the model was replaced or removed in the meantime")
        write_container(self.place, MODEL_KIND, {**payload, self.field: count}, secret=True)

    def _payload(self) -> dict[str, Any] | None:
        if not self.place.is_file():
            return None
        try:
            payload = take(read_container(self.place, MODEL_KIND, MAX_MODEL_BYTES)[1], _FORM, str(self.place))
            _, _, own = _public(payload)
        except FormatError:  # something else, which whoever writes here may replace
            return None
        return payload if own.root == self.root else None


def training_of(path: Path) -> bytes | None:
    """Of the model of which training a file says that it is: its statement's digest; None if it is no such file."""
    try:
        payload = take(read_container(path, MODEL_KIND, MAX_MODEL_BYTES)[1], _FORM, str(path))
        return _public(payload)[0].digest
    except (DataError, FormatError):
        return None


def _public(payload: Mapping[str, Any]) -> tuple[TrainingStatement, Links, ModelCommitment]:
    """What is public in a file: the training's statement, the links from there, and the commitment they lead to.

    Raises FormatError.
    """
    statement = read_statement(TrainingStatement, payload["training"])
    links = tuple(map(ModelLinkProof.from_bytes, payload["links"]))
    return statement, links, renewed(statement, (link.statement for link in links))


def most_left(models: Sequence[Model]) -> Mapping[bytes, Model]:
    """By the digest of their training; of several commitments to one model, the one with most openings left."""
    found: dict[bytes, Model] = {}
    for model in models:
        other = found.setdefault(model.statement.digest, model)
        if model.budget.left > other.budget.left:
            found[model.statement.digest] = model
    return found


def commit_model(
    statement: TrainingStatement, matrix: MatrixShape, integers: npt.NDArray[np.int64], secret: Secret
) -> Commitment:
    """The commitment to `Model.integers`."""
    return commit_columns(matrix.layout, matrix.code, _columns(statement, integers), secret)


def model_columns(model: Model) -> Mapping[Address, Vector]:
    """What a model's commitment holds."""
    return _columns(model.statement, model.integers)


def _columns(statement: TrainingStatement, integers: npt.NDArray[np.int64]) -> Mapping[Address, Vector]:
    return MAKERS_OF_METHOD[statement.spec.method.kind].cells(statement.schedule, integers)
