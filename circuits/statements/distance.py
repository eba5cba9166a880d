"""The statement of a distance: how near the optimum of its own objective a trained model is, on the rows that count.

Everything but the numbers follows from the training that it names: the rows, the family, l2, and the scales. All are
powers of two, so that an owner who measures them says little of the data: of a training from zero they are functions of
the rows that count, and nothing of others is in them. Where a training has several models, one for each class, or for
each shard the last, each has an objective of its own, on its own labels or rows, and numbers of its own; nothing is
said of what they answer together. Methods whose models are roundings of certified weights, or noised, or begin from
earlier ones of other rows, have no such statement: there a number that was measured could tell where the weights come
from. (Stages of a shard begin from earlier ones of rows that count.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from types import NoneType
from typing import Any, ClassVar, Self, cast

from ...errors import ParameterError
from ...formats.fields import Bytes, Fields, Int, ListOf, take
from ...models.live import Live
from ...models.methods.base import Objective
from ...models.methods.distance import LARGEST_SLOPE
from ...models.methods.sisa import Sisa, stages_of
from ...shown import Facts
from ..language.relation import Relation
from ..relations.dataset import DATASET
from ..relations.distance import Distance, LinearDistance
from ..relations.distances import Certificate, DistancePart, Distances, of_output, of_shard
from ..relations.keyed import Keyed
from ..relations.model import MODEL
from .base import Committed, Statement, referenced, statement_digest, statement_kind
from .dataset import DIGEST_BYTES
from .training import TrainingStatement

LONGEST = 63  # of the logarithm of a distance, in any form; what it may be depends on the training
MOST_MODELS = 256  # in one proof, each of which costs sums of its own

_NUMBERS: Fields = {"distance": Int(0, LONGEST), "slope": (Int(0, LARGEST_SLOPE), NoneType)}
_ONE: Fields = {"training": Bytes(DIGEST_BYTES), **_NUMBERS}
_SEVERAL: Fields = {"training": Bytes(DIGEST_BYTES), "models": ListOf(dict, 1, MOST_MODELS)}


@dataclass(frozen=True)
class Nearness:
    """What is said of one model.

    Attributes:
        distance: for weights of encoded features, the logarithm in units of the last place of weights, or where the
            training has a link of 2^-16 of it.
        slope: of an intercept that is not penalised the logarithm of what bounds its gradient; None of others.
    """

    distance: int
    slope: int | None

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {"distance": self.distance, "slope": self.slope}


@statement_kind
@dataclass(frozen=True, repr=False)
class DistanceStatement(Statement):
    """The model of a training, or each of its models, is within 2^distance units of the optimum of its own objective.

    Attributes:
        training: what they are of, in the commitment that this statement names.
        distance, slope: as of Nearness; None where the training has several models, as of classes or shards.
        models: of each of these, shard by shard, and in each class by class, in the order of `objectives`.
    """

    training: TrainingStatement
    distance: int | None
    slope: int | None
    models: tuple[Nearness, ...] = ()

    kind: ClassVar[str] = "distance"
    version: ClassVar[int] = 1
    refers: ClassVar[Mapping[str, type[Statement]]] = {"training": TrainingStatement}

    @property
    def about(self) -> Facts:
        """See Statement."""
        said = ("models", len(self.models)) if self.models else ("distance", self.distance)
        return (("model of", self.training.digest), *self.training.spec.about, said)

    @property
    def said(self) -> tuple[Nearness, ...]:
        """Of each model."""
        return self.models or (Nearness(cast(int, self.distance), self.slope),)

    @property
    def opens(self) -> tuple[Statement, ...]:
        """See Statement: the data set of the training, too."""
        return (self.training, self.training.dataset)

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """What each model is to minimise. Raises ParameterError where the training has no runs as it says."""
        own = self.training
        shape, live = own.dataset.encoding.shape(own.dataset.rows), Live(own.dataset.rows, own.positions)
        sharded = own.spec.method.kind == Sisa.kind
        runs = stages_of(own.schedule).runs if sharded else own.scope
        if sharded:  # before so many are laid out: a shard without a row has a row that is forgotten
            _require_few((sum(run.count for run in runs) - len(own.forgotten)) * shape.outputs)
        return own.spec.objectives(shape, live, runs)

    @cached_property
    def schedules(self) -> tuple[Certificate, ...]:
        """The integers of each certificate. Raises ParameterError."""
        known = len(self.objectives)
        _require_few(known)
        if len(self.said) != known or bool(self.models) != self.several:
            raise ParameterError(f"distances of {len(self.said)} models, where the training has {known} with a row")
        return tuple(map(self._compiled, self.objectives, self.said))

    @property
    def schedule(self) -> Certificate:
        """The integers of the only model. Raises ParameterError."""
        (own,) = self.schedules
        return own

    def _compiled(self, objective: Objective, said: Nearness) -> Certificate:
        shape, live = objective.shape, objective.live
        found = self.training.spec.compile_distance(shape, live, said.distance, said.slope)
        return cast(Certificate, found)

    @cached_property
    def parts(self) -> tuple[DistancePart, ...]:
        """The relation of each model, with its names where there are several."""
        outputs, places = self.training.dataset.outputs, zip(self.objectives, self.schedules, strict=True)
        if self.training.spec.method.kind != Sisa.kind:
            return tuple(of_output(schedule, own.output, outputs) for own, schedule in places)
        trained = stages_of(self.training.schedule)
        return tuple(of_shard(schedule, own, outputs, trained.runs) for own, schedule in places)

    @cached_property
    def certified(self) -> Distance | LinearDistance | Distances:
        """The relation, but for keys of rows."""
        if not self.several:
            return self.parts[0][1]
        return Distances(self.parts, self.training.dataset.columns, self.training.training.columns[MODEL])

    @property
    def several(self) -> bool:
        """Whether the training is one of several models: of classes, or of shards, be it of one."""
        return self.training.dataset.outputs > 1 or self.training.spec.method.kind == Sisa.kind

    @property
    def relation(self) -> Relation:
        """So short are the gradients."""
        dataset = self.training.dataset
        return Keyed(self.certified, dataset.columns) if dataset.key_limbs else self.certified

    @property
    def matrices(self) -> Mapping[str, Committed]:
        """The data set, and the model."""
        own = self.training
        return {DATASET: own.dataset.committed, MODEL: own.committed(own.model)}

    @property
    def excess(self) -> Fraction:
        """How much smaller the mean loss on the rows that count, with the penalty, can be with this intercept: of
        several models the most."""
        return max(own.excess for own in self.schedules)

    @property
    def real_distance(self) -> Fraction:
        """How far each weight is from the optimum at most, with this intercept, for features in [-1, 1]; likewise."""
        return max(own.real_distance for own in self.schedules)

    @property
    def real_slope(self) -> Fraction | None:
        """How much more the loss falls at most for each unit by which the intercept is another one; likewise."""
        found = [own.real_slope for own in self.schedules if own.real_slope is not None]
        return max(found) if found else None

    def require_provable(self) -> None:
        """A training that has objectives."""
        self.training.require_provable()
        _ = self.schedules

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        training = {"training": statement_digest(self.training)}
        if not self.models:
            return {**training, "distance": self.distance, "slope": self.slope}
        return {**training, "models": [own.to_mapping() for own in self.models]}

    @classmethod
    def from_mapping(cls, mapping: object, references: Mapping[str, Any]) -> Self:
        """Raises FormatError."""
        several = isinstance(mapping, Mapping) and "models" in mapping
        fields = take(mapping, _SEVERAL if several else _ONE, cls.kind)
        models = tuple(Nearness(**take(own, _NUMBERS, f"{cls.kind}: models")) for own in fields.get("models", ()))
        training = referenced(references, "training", fields["training"])
        return cls(training, fields.get("distance"), fields.get("slope"), models)


def _require_few(models: int) -> None:
    """So many models are no more than one proof can carry. Raises ParameterError."""
    if models > MOST_MODELS:
        raise ParameterError(f"distances of {models} models are more than one proof can carry ({MOST_MODELS})")
