"""The relations of a distance: how short the gradient of a committed model is (docs/protocol.md, "Distance").

The gradient at W is that of the declared link on the rows that count (residual.py), or of a linear model that of the
squares (gram.py), and it is short (certified.py). W is nothing of its own: with the names of link_distance.py and
gram_distance.py in models/methods,

    W = 2^16 M,  V = 2^16 B:  the model is M(k), and 2^x B; of a linear one M(k), and I         "model", "intercept"
    of a bias that is not penalised G_b is in [-2^s, 2^s), and no part of the norm

Integers that are *forced*: M and B, or I, have limbs here, all looked up, whatever their own proof says. By a link |W|
is so at most 2^(w + 5), and |z| below 2^62; of a linear model the limbs are what its scores are made of. B is the only
integer of its range to which 2^x B is equal mod p; I has 48 bits, and is equal to what is committed. G_b, of a bias
without a penalty, has limbs of s + 1 bits. By a link what it equals is below 2^61: so both are one integer; of a linear
model carries with ranges of their own say so, however long it is.

| matrix | columns |
|---|---|
| dataset | features (feature, row), labels (output, row), blinds |
| model | weights (output, weight), intercept (output) |
| witness | by a link Q, T, D, M, P' (row) |
| | limbs of M, Gamma, v, of a linear model kappa (weight), and of the bias, of slack (output) |
| | counts (section, entry) |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...models.methods.distance import DistanceCertificate
from ...models.methods.gram_distance import GramDistance
from ...models.methods.link_distance import LinkDistance
from ...models.shards import Stage
from ..field.multilinear import Point
from ..language.hidden import Hidden
from ..language.layout import Address
from ..language.relation import Coordinates, Steps
from .certified import BIAS, Certified, Parameter, Place
from .gram import Gram
from .model import COEFFICIENTS, INTERCEPT
from .residual import Residual
from .shards import in_dataset


@dataclass(frozen=True)
class ModelPlace:
    """Which one it is of the models that a matrix holds, and on which rows and labels.

    Attributes:
        output: its column of labels, as bits; and its place on the axis of outputs.
        at: its place on other axes of the model's columns than those of outputs and weights.
        stage: where there are shards, the stage of the one shard whose model and rows they are.
    """

    output: Point = ()
    at: Mapping[str, Point] = field(default_factory=dict)
    stage: Stage | None = None


@dataclass(frozen=True)
class Trained(Certified):
    """The part of the relation that is about the model."""

    schedule: DistanceCertificate
    place: ModelPlace = ModelPlace()

    def in_data(self, row: Coordinates) -> Coordinates:
        """See TrainingAxes."""
        return row if self.place.stage is None else in_dataset(self.place.stage, (), row)

    def at_label(self, output: Coordinates, row: Coordinates) -> dict[str, Coordinates]:
        """See TrainingAxes."""
        return {"output": self.place.output, "row": self.in_data(row)}

    def parameter_bits(self, parameter: Parameter) -> dict[Address, int]:
        """See Certified. Of a bias without a penalty the gradient is committed whole."""
        found = super().parameter_bits(parameter)
        if parameter == BIAS and self.schedule.slope is not None:
            found[BIAS.cut] = self.schedule.slope + 1
            del found[BIAS.cut_rest]
        return found

    def squared(self, bias: Place) -> bool:
        """See Certified."""
        return self.schedule.slope is None

    def _steep(self, place: Place) -> bool:
        """Whether it is a bias without a penalty."""
        return place.parameter == BIAS and self.schedule.slope is not None

    def short_gradient(self, place: Place) -> Hidden:
        """See Certified."""
        return place.signed(BIAS.cut) if self._steep(place) else super().short_gradient(place)

    def of_loss(self, place: Place) -> Hidden:
        """See Certified."""
        gradient = self.short_gradient(place)
        if self._steep(place):
            return gradient
        return gradient - place.signed(place.parameter.weight) * self.schedule.committed_penalty

    def published(self, steps: Steps, weights: Place, bias: Place | None) -> None:
        """See Certified."""
        at = {**self.place.at, "output": self.place.output}
        committed = steps.evaluate(COEFFICIENTS, {**at, "weight": weights.ended.point["weight"]})
        steps.require_zero("model", committed - weights.signed(weights.parameter.weight))
        if bias is not None:
            intercept = bias.signed(BIAS.weight) * self.schedule.bias_unit
            steps.require_zero("intercept", steps.evaluate(INTERCEPT, at) - intercept)


@dataclass(frozen=True)
class Distance(Trained, Residual):
    """The relation for one set of public integers, which say who counts, and how near the optimum is."""

    schedule: LinkDistance

    @property
    def name(self) -> str:
        """Domain separator."""
        return "distance"


@dataclass(frozen=True)
class LinearDistance(Trained, Gram):
    """The same of a linear model."""

    schedule: GramDistance

    @property
    def name(self) -> str:
        """Domain separator."""
        return "linear distance"
