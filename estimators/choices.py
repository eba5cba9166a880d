"""From an estimator's parameters to a spec: what was declared, and what is found for it in float64."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np

from ..errors import ParameterError
from ..models.families import family_named
from ..models.live import Live
from ..models.methods import Optimum
from ..models.scales import FineScales
from ..models.shapes import DatasetShape
from ..models.spec import TrainingSpec
from ..models.suggestion import PUBLIC, Suggestion, rows_to_look_at, suggest_spec
from ..prover.kernels import run_blas_tasks
from .tables import Encoded

RETRAIN, ONE_PASS, SISA, OPTIMUM = "retrain", "one-pass", "sisa", "optimum"
LARGEST_WEIGHT = 255  # of a class
LEAST_SHARD, SHARDS = 256, 4  # rows of a shard, and how many shards there are at least, unless it is declared
SLOWER = (1, 2, 4, 8)  # by what rates are divided where integers have no room for them, or a shard for all rows' rate
SEED = 0  # of the rows that are looked at, of very many: it is the same for everybody, and says nothing


@dataclass(frozen=True)
class Choices:
    """What an estimator declares.

    Attributes:
        family: "logistic", ..
        method: "retrain", "one-pass", "sisa" or "optimum".
        l2: beside the mean loss.
        bias: whether there is an intercept.
        standardize: whether features are standardised; None where the method can.
        class_weight: integers, by the texts of classes.
        most_epochs, near: where the search for learning rates ends.
        shard_rows, slices: of "sisa".
    """

    family: str
    method: str
    l2: float
    bias: bool
    standardize: bool | None
    class_weight: Mapping[str, int] | None
    most_epochs: int
    near: float
    shard_rows: int | None
    slices: int


@dataclass(frozen=True)
class Chosen:
    """Specs, of which the first that trains is taken, and what is to be known of them."""

    specs: tuple[TrainingSpec, ...]
    notes: tuple[str, ...]


def choose(choices: Choices, encoded: Encoded) -> Chosen:
    """The specs for these rows. Raises DataError, ParameterError: those of `zu.suggest`, or what cannot be declared."""
    if choices.method == OPTIMUM:
        return Chosen((_optimum(choices, encoded.encoding.x_bits),), ())
    found = _suggested(choices, encoded)
    specs = tuple(_slower(found.spec, choices, len(encoded.labels)))
    return Chosen(specs, found.notes if choices.method != SISA else (PUBLIC,))


def _suggested(choices: Choices, encoded: Encoded) -> Suggestion:
    encoding, count = encoded.encoding, len(encoded.labels)
    shape, live = encoding.shape(count), Live(count, ())
    places = _places(live, shape)
    X = encoded.by_feature[:, places].T / 2.0**encoding.x_bits
    y = encoded.labels[places] / 2.0**encoding.label.label_bits
    search = partial(
        suggest_spec,
        *(X, y, family_named(choices.family), shape, live),
        l2=choices.l2,
        standardize=choices.standardize is not False,
        most_epochs=choices.most_epochs,
        near=choices.near,
        once=choices.method == ONE_PASS,
        bias=choices.bias,
        class_weight=choices.class_weight,
    )
    (found,) = run_blas_tasks([search])  # its products are small, and threads of BLAS would wait for one another
    method: Any = found.spec.method
    if choices.standardize and not method.standardize:
        raise ParameterError("standardize: no scales of integers have room for that; None trains without it then")
    return found


def _places(live: Live, shape: DatasetShape) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Rows to look at: all, in the order given, so that the same rows have the same spec; or of many some."""
    found = rows_to_look_at(live, shape.features, shape.outputs)
    if len(found) == live.count:
        return found
    return np.sort(np.random.default_rng(SEED).permutation(live.count)[: len(found)])


def _slower(spec: TrainingSpec, choices: Choices, rows: int) -> Iterator[TrainingSpec]:
    """What was found, and the same with smaller rates and more epochs.

    Of several shards smaller rates come first: what is right for all rows may be too much for some of them.
    """
    found: Any = spec.method
    own: dict[str, Any] = {item.name: getattr(found, item.name) for item in fields(found)}
    kind, divisors = spec.method.kind, SLOWER
    if choices.method == SISA:
        size = _shard_rows(rows) if choices.shard_rows is None else choices.shard_rows
        own |= {"shard_rows": size, "slices": choices.slices, "aggregate": "score"}
        kind, divisors = SISA, SLOWER if rows <= size and choices.slices == 1 else (*SLOWER[1:], 1)
    for divisor in divisors:
        steps = {"learning_rate": own["learning_rate"] / divisor, "epochs": own["epochs"] * divisor}
        yield TrainingSpec(model=spec.model, method=kind, fixed_point=spec.fixed_point, **{**own, **steps})


def _shard_rows(rows: int) -> int:
    """A power of two: so many that there are some shards, unless these were too small to learn from; then one."""
    several = 1 << max(0, (rows // SHARDS).bit_length() - 1)
    return max(several, min(LEAST_SHARD, 1 << (rows - 1).bit_length()))


def _optimum(choices: Choices, x_bits: int) -> TrainingSpec:
    """Raises ParameterError for what an optimum cannot have."""
    if choices.class_weight is not None:
        raise ParameterError(f'class_weight: method="{OPTIMUM}" has none; method="{RETRAIN}" has')
    if choices.standardize:
        raise ParameterError(f'standardize: method="{OPTIMUM}" is of features as they are; method="{RETRAIN}" has it')
    usual, method = Optimum.default_scales(family_named(choices.family)), Optimum(l2=choices.l2, bias=choices.bias)
    scales = FineScales(x_bits=x_bits, w_bits=usual.w_bits + usual.x_bits - x_bits, p_bits=usual.p_bits)
    return TrainingSpec(model=choices.family, method=method, fixed_point=scales)


# Weights of classes --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DeclaredWeights:
    """Integers that stand for weights of classes.

    Attributes:
        integers: by the texts of classes; None where all are the same.
        scale: integers over weights, by which l2 is larger, too.
        exact: whether they stand to one another as the weights do.
    """

    integers: Mapping[str, int] | None
    scale: float
    exact: bool


def declared_weights(weights: Mapping[str, float]) -> DeclaredWeights:
    """The least integers from 1 to 255 that stand to one another as the weights of all classes; or the nearest.

    Raises:
        ParameterError: a weight that is not positive.
    """
    for text, weight in weights.items():
        if not 0 < weight < np.inf:
            raise ParameterError(f"class_weight: {weight} of class {text!r}: must be positive; 0 cannot be declared")
    least, most = min(weights.values()), max(weights.values())
    if least == most:
        return DeclaredWeights(None, 1 / least, True)
    for count in range(1, int(LARGEST_WEIGHT * least / most + 1e-9) + 1):
        scaled = {text: count * weight / least for text, weight in weights.items()}
        if all(abs(own - round(own)) < 1e-9 for own in scaled.values()):
            return DeclaredWeights({text: round(own) for text, own in scaled.items()}, count / least, True)
    scale = LARGEST_WEIGHT / most
    nearest = {text: max(1, round(scale * weight)) for text, weight in weights.items()}
    return DeclaredWeights(nearest, scale, False)
