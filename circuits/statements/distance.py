"""The statement of a distance: how near the optimum of its own objective a trained model is, on the rows that count.

Everything but the two numbers follows from the training that it names: the rows, the family, l2, and the scales. Both
are powers of two, so that an owner who measures them says little of the data: of a training from zero they are
functions of the rows that count, and nothing of others is in them. Methods whose models are roundings of certified
weights, or noised, or begin from earlier ones, have no such statement: there a number that was measured could tell
where the weights come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from types import NoneType
from typing import Any, ClassVar, Self, cast

from ...formats.fields import Bytes, Fields, Int, take
from ...models.live import Live
from ...models.methods.distance import LARGEST_SLOPE
from ...models.methods.gram_distance import GramDistance
from ...models.methods.link_distance import LinkDistance
from ...shown import Facts
from ..language.relation import Relation
from ..relations.dataset import DATASET
from ..relations.distance import Distance, LinearDistance
from ..relations.keyed import Keyed
from ..relations.model import MODEL
from .base import Committed, Statement, referenced, statement_digest, statement_kind
from .dataset import DIGEST_BYTES
from .training import TrainingStatement

LONGEST = 63  # of the logarithm of a distance, in any form; what it may be depends on the training

_FIELDS: Fields = {
    "training": Bytes(DIGEST_BYTES),
    "distance": Int(0, LONGEST),
    "slope": (Int(0, LARGEST_SLOPE), NoneType),
}


@statement_kind
@dataclass(frozen=True, repr=False)
class DistanceStatement(Statement):
    """The model of a training is within 2^distance units of the optimum.

    Attributes:
        training: what the model is of, in the commitment that this statement names.
        distance: for weights of encoded features, the logarithm in units of the last place of weights, or where the
            training has a link of 2^-16 of it.
        slope: of an intercept that is not penalised the logarithm of what bounds its gradient; None of others.
    """

    training: TrainingStatement
    distance: int
    slope: int | None

    kind: ClassVar[str] = "distance"
    version: ClassVar[int] = 1
    refers: ClassVar[Mapping[str, type[Statement]]] = {"training": TrainingStatement}

    @property
    def about(self) -> Facts:
        """See Statement."""
        return (("model of", self.training.digest), *self.training.spec.about, ("distance", self.distance))

    @property
    def opens(self) -> tuple[Statement, ...]:
        """See Statement: the data set of the training, too."""
        return (self.training, self.training.dataset)

    @cached_property
    def schedule(self) -> LinkDistance | GramDistance:
        """The integers of the certificate. Raises ParameterError."""
        own = self.training
        live = Live(own.dataset.rows, own.positions)
        shape = own.dataset.encoding.shape(own.dataset.rows)
        return cast(LinkDistance | GramDistance, own.spec.compile_distance(shape, live, self.distance, self.slope))

    @cached_property
    def certified(self) -> Distance | LinearDistance:
        """The relation, but for keys of rows."""
        own = self.schedule
        return LinearDistance(own) if isinstance(own, GramDistance) else Distance(own)

    @property
    def relation(self) -> Relation:
        """So short is the gradient."""
        dataset = self.training.dataset
        return Keyed(self.certified, dataset.columns) if dataset.key_limbs else self.certified

    @property
    def matrices(self) -> Mapping[str, Committed]:
        """The data set, and the model."""
        own = self.training
        return {DATASET: own.dataset.committed, MODEL: own.committed(own.model)}

    @property
    def excess(self) -> Fraction:
        """How much smaller the mean loss on the rows that count, with the penalty, can be with this intercept."""
        return self.schedule.excess

    @property
    def real_distance(self) -> Fraction:
        """How far each weight is from the optimum at most, with this intercept, for features in [-1, 1]."""
        return self.schedule.real_distance

    @property
    def real_slope(self) -> Fraction | None:
        """How much more the loss falls at most for each unit by which the intercept is another one."""
        return self.schedule.real_slope

    def require_provable(self) -> None:
        """A training that has an objective, and one output."""
        self.training.require_provable()
        _ = self.schedule

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {"training": statement_digest(self.training), "distance": self.distance, "slope": self.slope}

    @classmethod
    def from_mapping(cls, mapping: object, references: Mapping[str, Any]) -> Self:
        """Raises FormatError."""
        fields = take(mapping, _FIELDS, cls.kind)
        return cls(referenced(references, "training", fields["training"]), fields["distance"], fields["slope"])
