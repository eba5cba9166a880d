"""The statement that two commitments hold the same model: the link between them, when a model is committed afresh.

What is stated is as small as can be: which training it was, by its digest, and both commitments. Columns, layout and
code of a model follow from the training's data set, spec and scope, and from the commitment's openings. A digest alone
would leave these to another file, and copies of the fields beside it could be those of another training. So the file
carries the whole statement that the digest names, as a training's file carries its data set: it is checked by itself,
and nothing is in it that could contradict the training.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from ...errors import FormatError, InvalidProof
from ...formats.fields import Bytes, Fields, take
from ...shown import Facts
from ..relations.model import MODEL
from ..relations.recommitment import NEW_MODEL, Recommitment, model_recommitment
from .base import Committed, Statement, referenced, statement_digest, statement_kind
from .dataset import DIGEST_BYTES
from .scope import ModelCommitment
from .training import TrainingStatement

_FIELDS: Fields = {"training": Bytes(DIGEST_BYTES), "old": dict, "new": dict}


@statement_kind
@dataclass(frozen=True, repr=False)
class ModelLinkStatement(Statement):
    """Two commitments to the same model, or to the same models of all stages of all shards of a training.

    That it is the training's model, its own proof says where `old` is the commitment in it, and else another link.

    Attributes:
        training: what it is the model of.
        old: the commitment whose openings are (nearly) spent.
        new: the one that takes its place.
    """

    training: TrainingStatement
    old: ModelCommitment
    new: ModelCommitment

    kind: ClassVar[str] = "model link"
    version: ClassVar[int] = 1
    refers: ClassVar[Mapping[str, type[Statement]]] = {"training": TrainingStatement}

    @property
    def about(self) -> Facts:
        """See Statement."""
        return (("model of", self.training.digest), ("openings", self.new.openings))

    @property
    def relation(self) -> Recommitment:
        """Every column agrees."""
        return model_recommitment(self.training.training.columns[MODEL])

    @property
    def matrices(self) -> Mapping[str, Committed]:
        """Both commitments."""
        return {MODEL: self.training.committed(self.old), NEW_MODEL: self.training.committed(self.new)}

    def require_provable(self) -> None:
        """As for the training."""
        self.training.require_provable()

    def require_consistent(self, attached: Mapping[str, bytes]) -> None:
        """Raises InvalidProof("statement")."""
        if not self.old.shape == self.new.shape == self.training.model.shape:
            raise InvalidProof("statement", "the two commitments do not even claim to hold models of this training")

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {
            "training": statement_digest(self.training),
            "old": self.old.to_mapping(),
            "new": self.new.to_mapping(),
        }

    @classmethod
    def from_mapping(cls, mapping: object, references: Mapping[str, Any]) -> Self:
        """Raises FormatError."""
        fields = take(mapping, _FIELDS, "model link")
        training = referenced(references, "training", fields["training"])
        old, new = (ModelCommitment.from_mapping(fields[name], f"{name} model") for name in ("old", "new"))
        return cls(training, old, new)


def renewed(training: TrainingStatement, links: Iterable[ModelLinkStatement]) -> ModelCommitment:
    """Where links lead, one after another, from the commitment in a training's statement. Raises FormatError."""
    reached = training.model
    for link in links:
        if (link.training, link.old, link.new.shape) != (training, reached, reached.shape):
            raise FormatError("links with a model do not lead on from the commitment in its training's statement")
        reached = link.new
    return reached
