"""What every method of training brings.

A new one is a class and its integers here, with a line in METHODS; a relation, with a line in
circuits/relations/methods.py; a run and a witness, with a line in prover/witnesses/methods.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ...errors import ParameterError
from ..families import Family
from ..live import Live
from ..scales import FixedPoint
from ..shapes import DatasetShape
from ..shards import Run, Stage

NO_SHARDS = "scope: there are shards to train in sharded trainings only"
NO_NOISE = "noise: method = 'noisy', and 'newton' with epsilon and delta, take some"
NO_DISTANCES = "distance: method = 'optimum' alone has several, of which one is proved"
NO_START = "start: a model at a scale, where it is no method of steps from the superseded model"


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """The public integers of one training run, as far as every method has them.

    Attributes:
        family, scales: what is predicted, and how finely.
        features, width: d, and K: d, and one more with a bias.
        unused: numbers of the features that have no weight but zero, increasing.
        outputs: O, number of models that are trained, each on a column of labels of its own.
        live: who counts; the integers were derived for these rows and no others.
    """

    family: Family
    scales: FixedPoint
    features: int
    width: int
    unused: tuple[int, ...] = ()
    outputs: int = 1
    live: Live

    @property
    def rows(self) -> int:
        """N."""
        return self.live.rows

    @property
    def bias(self) -> bool:
        """Whether the last weight is that of a feature that is always one."""
        return self.width > self.features

    def scoped(self, runs: tuple[Run, ...], starts: tuple[tuple[Run, ...], ...]) -> Compiled:
        """That of some shards only. Raises ParameterError where there are none.

        Args:
            runs: which, and from which stage on.
            starts: of each earlier statement from whose models some begin, the runs that it trained; none for all.
        """
        raise ParameterError(NO_SHARDS)

    def at_distance(self, number: int) -> Compiled:
        """That of one of the declared distances. Raises ParameterError where there are none.

        Args:
            number: which, counted from 0.
        """
        raise ParameterError(NO_DISTANCES)

    def begun(self, scales: tuple[int, ...]) -> Compiled:
        """That of steps from a model. Raises ParameterError where there are none, or that is none to begin from.

        Args:
            scales: of the weights of each model that the statement says training begins from.
        """
        raise ParameterError(NO_START)

    def with_pads(self, pads: tuple[int, ...]) -> Compiled:
        """That of noise from these public pads. Raises ParameterError where there is none.

        Args:
            pads: for each weight an integer that nobody chose.
        """
        raise ParameterError(NO_NOISE)

    @property
    def committed_bits(self) -> tuple[int, int] | None:
        """Bits of a weight of the model that is published, and of its intercept, signs included; None if not known."""
        return None

    @property
    def activation_table(self) -> NDArray[np.int64]:
        """int64 (65536,), scale p_bits: entry q + 2^15 is the prediction for scores in [q, q + 1) / 2^q_bits."""
        return self.family.table(self.scales)


@dataclass(frozen=True)
class Objective:
    """What one of the models of a training is to minimise.

    Attributes:
        output: on which column of labels.
        shape: of the rows that it is about.
        live: who of these counts.
        stage: where there are shards, the last stage of the one whose rows they are.
    """

    output: int
    shape: DatasetShape
    live: Live
    stage: Stage | None = None


class Method(ABC):
    """A way to train, with what a spec declares of it. A frozen dataclass whose fields are plain values."""

    kind: ClassVar[str]  # in specs and statements, and of its relation and witness
    bias: bool
    l2: float
    penalize_intercept: bool
    standardize: bool
    scales: ClassVar[type[FixedPoint]] = FixedPoint
    holds_out: ClassVar[bool] = True  # whether the first rows may be left out of it
    warms: ClassVar[bool] = (
        False  # whether its model is found faster from one that is near, which changes nothing of it
    )
    begins: ClassVar[bool] = False  # whether it begins from the model that is superseded, if one is

    @classmethod
    def default_scales(cls, family: Family) -> FixedPoint:
        """What a spec takes that declares none."""
        return family.scales

    def weight_bits(self, scales: FixedPoint) -> int:
        """The scale of the model's weights: of the integers that are committed."""
        return scales.w_bits

    @property
    def noised(self) -> bool:
        """Whether its model has noise, to whose coins the owner commits first."""
        return False

    @abstractmethod
    def to_mapping(self) -> dict[str, object]:
        """The canonical mapping of public statements, "kind" included; reals are their repr."""

    @classmethod
    @abstractmethod
    def from_mapping(cls, mapping: Mapping[str, object], what: str) -> Self:
        """Read what `to_mapping` wrote. Raises FormatError that begins with `what`, or ParameterError."""

    @abstractmethod
    def to_toml(self) -> dict[str, str]:
        """The TOML text of each field, defaults included, without "kind"."""

    @classmethod
    @abstractmethod
    def from_toml(cls, fields: Mapping[str, Any]) -> Self:
        """Read the fields of a TOML section, without "kind". Raises ParameterError."""

    @abstractmethod
    def describe(self) -> str:
        """The method with its fields, for people; goes on after "logistic regression with bias, by "."""

    @property
    def uses_order(self) -> bool:
        """Whether it depends on the order of rows: on which of them share a batch, or a shard."""
        return False

    def model_shape(self, shape: DatasetShape, runs: tuple[Run, ...] = ()) -> tuple[int, int]:
        """Of the integers that are committed: (models, weights of each, the intercept included).

        There is a model for each output; where there are shards, for each stage of each of these.

        Args:
            runs: which shards are trained, if not all. Raises ParameterError where there are none.
        """
        if runs:
            raise ParameterError(NO_SHARDS)
        return (shape.outputs, shape.features + self.bias)

    @abstractmethod
    def require_provable(self, shape: DatasetShape) -> None:
        """Refuse what no single proof can carry, before anything is laid out. Raises ParameterError."""

    def objectives(self, shape: DatasetShape, live: Live, runs: tuple[Run, ...] = ()) -> tuple[Objective, ...]:
        """What its models are to minimise, each by itself: of each output the mean loss on the rows that count.

        Args:
            runs: which of the shards that there are were trained, if not all. Raises ParameterError where none are.
        """
        if runs:
            raise ParameterError(NO_SHARDS)
        return tuple(Objective(output, shape, live) for output in range(shape.outputs))

    def compile_distance(
        self,
        family: Family,
        scales: FixedPoint,
        shape: DatasetShape,
        live: Live,
        distance: int,
        slope: int | None,
    ) -> Compiled:
        """The integers of a proved distance from the optimum of one objective (distance.py). Raises ParameterError."""
        raise ParameterError(
            f"a model by {self.kind!r}: a distance is proved of models by gradient descent, one-pass and sisa only"
        )

    @abstractmethod
    def compile(self, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live) -> Compiled:
        """The integers of a training run. Raises ParameterError where they would not fit, or be too coarse."""
