"""A proved model as arrays and public facts: what every format is written from.

Its arithmetic is that of `Predictor`, the rounding of features included, in float64: integers of few bits, times
weights of few bits, so that scores are the same numbers wherever they are computed, in whatever order.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import require_type
from ...models.aggregation import SCORE
from ...models.encoding.dataset import DatasetEncoding
from ...models.encoding.maps import LOG1P, log1p_thresholds
from ...models.encoding.readers import MeasuredSource
from ...models.families import Family
from ...prover.owner.model import Model
from ...prover.owner.prediction import label_units
from ...prover.owner.sharded_model import ShardedModel

FloatArray = NDArray[np.float64]
NOTICE = (
    "This file is not a proof. It holds secret weights, of a model about whose training there is one: verify that "
    "proof with zkunlearn. Nothing in this file shows that its weights are those."
)


@dataclass(frozen=True, repr=False, eq=False)  # secrets stay out of logs
class Form:
    """What a model computes.

    Attributes:
        encoding: how inputs become integers.
        family: what becomes of scores.
        classes: texts of the classes it tells apart; empty of what is no classifier.
        weights: float64 (S, O, d), on encoded features, of S models that answer together; of two classes, values and
            counts there is one output, O = 1, else one for each class.
        intercepts: float64 (S, O).
        aggregate: how they answer: "score", "probability" or "vote", see models/methods/sisa.py.
        about: public facts, as texts.
    """

    encoding: DatasetEncoding
    family: Family
    classes: tuple[str, ...]
    weights: FloatArray
    intercepts: FloatArray
    aggregate: str
    about: Mapping[str, str]

    @classmethod
    def of(cls, model: Model | ShardedModel) -> Form:
        """Raises ParameterError: what is no proved model, or holds those of single shards and stages."""
        require_type("model", model, (Model, ShardedModel), "of what `prove` returned it is `.model`")
        if isinstance(model, ShardedModel):
            (weights, intercepts), aggregate = model.parts, model.aggregate
        else:
            weights, intercepts = np.atleast_2d(model.weights)[None], np.atleast_1d(model.intercept)[None]
            aggregate = SCORE
        family = model.spec.family
        classes = tuple(model.classes_.tolist()) if family.predicts == "class" else ()
        return cls(model.encoding, family, classes, weights, intercepts, aggregate, _about(model, classes))

    @property
    def several(self) -> bool:
        """Whether there is an output for each class."""
        return bool(self.weights.shape[1] > 1)

    @property
    def units(self) -> tuple[float, float]:
        """(zero, unit) of a value that is predicted: zero + score * unit."""
        return label_units(self.encoding.label)

    @property
    def scale(self) -> float:
        """An encoded feature is a whole number of parts of 1, this many."""
        return float(1 << self.encoding.x_bits)

    # Columns ---------------------------------------------------------------------------------------------------------

    @property
    def logarithmic(self) -> list[int]:
        """The features that are mapped by log1p."""
        return [k for k, column in enumerate(self.encoding.features) if column.map == LOG1P]

    def steps_of(self, feature: int) -> tuple[int, FloatArray]:
        """Of a feature that is mapped by log1p: the integer below its thresholds, and these, not decreasing."""
        column = self.encoding.features[feature]
        return log1p_thresholds(column.low, column.high, self.encoding.x_bits, True)

    @property
    def filled(self) -> FloatArray | None:
        """What a missing number counts as, float64 (d,), NaN where there has to be one; None if it has to anywhere."""
        found = np.full(len(self.encoding.names), np.nan)
        for k, source in self._measured():
            found[k] = np.nan if source.missing is None else source.missing
        return None if np.isnan(found).all() else found

    @property
    def clipped(self) -> tuple[FloatArray, FloatArray] | None:
        """Bounds (d,) that values beyond count as, infinite where these are taken as they are; None if all are."""
        low, high = np.full((2, len(self.encoding.names)), np.inf) * [[-1.0], [1.0]]
        for k, source in self._measured():
            if source.clip:
                low[k], high[k] = self.encoding.features[k].low, self.encoding.features[k].high
        return None if np.isinf(low).all() else (low, high)

    def _measured(self) -> list[tuple[int, MeasuredSource]]:
        names = self.encoding.names
        return [(names.index(own.column), own) for own in self.encoding.sources if isinstance(own, MeasuredSource)]

    # As others load it -----------------------------------------------------------------------------------------------

    def tensors(self) -> dict[str, NDArray[np.float64]]:
        """All numbers that a prediction takes, by the names that they have in the state dict of the torch module."""
        columns = self.encoding
        found = {
            "offset": np.array(columns.offsets),
            "multiplier": np.array(columns.multipliers),
            "scale": np.array(self.scale),
            "linear.weight": self.weights.reshape(-1, len(columns.names)),
            "linear.bias": self.intercepts.reshape(-1),
        }
        if self.family.predicts == "value":
            found["zero"], found["unit"] = (np.array(number) for number in self.units)
        if self.filled is not None:
            found["missing"] = self.filled
        if self.clipped is not None:
            found["low"], found["high"] = self.clipped
        for k in self.logarithmic:
            least, thresholds = self.steps_of(k)
            found[f"log1p.{k}.least"], found[f"log1p.{k}.thresholds"] = np.array(float(least)), thresholds
        return {name: np.array(array, dtype=np.float64, order="C") for name, array in found.items()}


def _about(model: Model | ShardedModel, classes: tuple[str, ...]) -> dict[str, str]:
    """Public facts about a model, as texts: what a file says of itself."""
    proofs = [one.statement for one in model.bundle.proofs] if isinstance(model, ShardedModel) else [model.statement]
    own = [statement.model for statement in proofs] if isinstance(model, ShardedModel) else [model.commitment]
    shards = len(model.integers) if isinstance(model, ShardedModel) else 1
    return {
        "notice": NOTICE,
        "export": "zkunlearn 1",
        "statement": model.stated.digest.hex(),
        "dataset": model.stated.dataset.digest.hex(),
        "model": ",".join(commitment.root.hex() for commitment in own),
        "spec_sha256": hashlib.sha256(model.spec.to_toml().encode()).hexdigest(),
        "family": model.spec.family.name,
        "shards": str(shards),
        "aggregate": model.aggregate if isinstance(model, ShardedModel) else SCORE,
        "features": json.dumps(model.encoding.names, ensure_ascii=False),
        "classes": json.dumps(classes, ensure_ascii=False),
        "encoding": json.dumps(model.encoding.to_mapping(), ensure_ascii=False),
    }
