"""Small trainings with a proved distance, and what an owner would commit to for integers of any size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.relations import residual as names
from zkunlearn.circuits.relations.certified import BIAS, SLACK, WEIGHTS
from zkunlearn.circuits.relations.distance import Distance
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.models.live import Live
from zkunlearn.models.methods.distance import LARGEST_SLOPE
from zkunlearn.models.methods.distance_reference import Placed, declared, measure, smallest
from zkunlearn.models.methods.link_distance import LinkDistance
from zkunlearn.models.shapes import DatasetShape

from .harness import BINARY, FORGOTTEN, X_BITS, Columns, Declared, data_columns, declare, descend, people, recount
from .optimum_runs import Data, Integers, any_limbs

COUNTS = replace(BINARY, label_kind="count", classes=())
ROW_INTEGERS = (names.Q, names.EDGE, names.STEP, names.MIDDLE, names.RISEN, names.Z, names.PRODUCT)


@dataclass(frozen=True)
class DistanceDeclared(Declared):
    """A training, and how near its optimum the model is said to be."""

    distance: int = 0
    slope: int | None = None

    @cached_property
    def schedule(self) -> LinkDistance:  # type: ignore[override]
        schedule: Any = self.spec.compile_distance(
            self.data, Live(self.data.rows, self.forgotten), self.distance, self.slope
        )
        return schedule

    @cached_property
    def relation(self) -> Distance:  # type: ignore[override]
        return Distance(self.schedule)


@dataclass(frozen=True)
class Said:
    """What is true, and what is committed, before it is cut into limbs."""

    own: DistanceDeclared
    placed: Placed
    integers: Integers


def trained(training: Declared, data: Data) -> Any:
    """The weights (K,) that it ends with, the bias last."""
    return descend(training, data).weights[-1]


def visits(seed: int = 0) -> Data:
    """Features (N, d) and counts."""
    X = people(seed)[0]
    return X, np.random.default_rng(seed).poisson(np.exp(X[:, 0] / (1 << X_BITS)))


def declare_counts(forgotten: tuple[int, ...] = FORGOTTEN, **changes: Any) -> Said:
    """The same of a Poisson regression."""
    return declare_distance(visits(), forgotten, COUNTS, **{"model": "poisson", "learning_rate": 0.25, **changes})


def declare_distance(
    data: Data | None = None, forgotten: tuple[int, ...] = FORGOTTEN, shape: DatasetShape = BINARY, **changes: Any
) -> Said:
    """The model of a logistic regression with a bias, at the smallest distance that can be shown."""
    X, y = data or people()
    training = declare(forgotten, shape, **{"learning_rate": 2.0, **changes})
    method: Any = training.spec.method
    free = method.bias and not method.penalize_intercept
    draft = DistanceDeclared(training.spec, shape, forgotten, slope=LARGEST_SLOPE if free else None)
    placed = measure(X, y, trained(training, (X, y)), draft.schedule)
    own = DistanceDeclared(training.spec, shape, forgotten, (), *smallest(placed, draft.schedule))
    return Said(own, placed, integers(own.schedule, placed))


def integers(s: LinkDistance, placed: Placed) -> Integers:
    """What is committed, before it is cut into limbs; of any size where the certificate does not hold."""
    near = declared(placed, s)
    if near is not None:
        cut, rest, slack = near.cut, near.cut_rest, near.slack
    else:
        moved = placed.gradient[: s.counted] + ((1 << s.shift) >> 1)
        cut = moved >> s.shift
        rest, slack = moved - (cut << s.shift), s.radius**2 - sum(int(value) ** 2 for value in cut)
        cut = np.concatenate([cut, placed.gradient[s.counted :]])
    return {**of_rows(placed.rows), **of_weights(s, placed.model, cut, rest), SLACK: np.array([slack], dtype=object)}


def of_rows(rows: Any) -> Integers:
    """What is committed of rows."""
    found = (rows.Q, rows.edge, rows.step, rows.middle, rows.risen, rows.z, rows.product)
    return {name: values.astype(object) for name, values in zip(ROW_INTEGERS, found, strict=True)}


def of_weights(s: LinkDistance, model: Any, cut: Any, rest: Any) -> Integers:
    """What is committed of weights and the bias."""
    d, found = s.features, {}
    for parameter, part in ((WEIGHTS, slice(0, d)), (BIAS, slice(d, None)))[: 1 + s.bias]:
        found |= {parameter.weight: model[part], parameter.cut: cut[part]}
        if parameter is WEIGHTS or s.slope is None:
            found[parameter.cut_rest] = rest[part]
    return {name: np.asarray(values).astype(object) for name, values in found.items()}


def committed(own: DistanceDeclared, data: Data, lie: Integers) -> Columns:
    """All columns of a proof, whose integers may be out of range; the model is what they say."""
    columns = data_columns(data) | {name: (lie[name] % MODULUS).astype(np.uint64) for name in ROW_INTEGERS}
    signed = {name for parameter in (WEIGHTS, BIAS) for name in (parameter.weight, parameter.cut)}
    for name in lie.keys() - set(ROW_INTEGERS):
        bits = own.relation.bits_of(name)
        columns |= any_limbs(name, bits, lie[name] + (1 << (bits - 1) if name in signed else 0))
    columns[COEFFICIENTS] = (lie[WEIGHTS.weight] % MODULUS).astype(np.uint64)[None]
    if own.schedule.bias:
        columns[INTERCEPT] = (lie[BIAS.weight] * own.schedule.one % MODULUS).astype(np.uint64)
    return recount(own.relation, columns)


def told(said: Said, data: Data | None = None) -> Columns:
    """All columns of what is true."""
    return committed(said.own, data or people(), said.integers)
