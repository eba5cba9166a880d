"""Small linear models with a proved distance, and what an owner would commit to for integers of any size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from zkunlearn.circuits.relations.certified import BIAS, SLACK, WEIGHTS
from zkunlearn.circuits.relations.distance import LinearDistance
from zkunlearn.circuits.relations.gram import Z
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.models.live import Live
from zkunlearn.models.methods.distance import LARGEST_SLOPE
from zkunlearn.models.methods.distance_reference import measure, smallest
from zkunlearn.models.methods.gram_distance import GramDistance
from zkunlearn.models.methods.gram_reference import joined_gradient, weight_limbs
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec

from .harness import FEATURES, FORGOTTEN, ROWS, X_BITS, Columns, Declared, data_columns, recount
from .linear_optimum_runs import LABEL_BITS, Told, divided, values
from .optimum_runs import MODULUS, Data, Integers, any_limbs

REAL = DatasetShape(rows=ROWS, features=FEATURES, label_kind="real", label_bits=LABEL_BITS, x_bits=X_BITS)


@dataclass(frozen=True)
class LinearDistanceDeclared(Declared):
    """A training, and how near its optimum the model is said to be."""

    distance: int = 0
    slope: int | None = None

    @cached_property
    def schedule(self) -> GramDistance:  # type: ignore[override]
        schedule: Any = self.spec.compile_distance(
            self.data, Live(self.data.rows, self.forgotten), self.distance, self.slope
        )
        return schedule

    @cached_property
    def relation(self) -> LinearDistance:  # type: ignore[override]
        return LinearDistance(self.schedule)


@dataclass(frozen=True)
class LinearSaid:
    """What is true, and what is committed, before it is cut into limbs."""

    own: LinearDistanceDeclared
    told: Told
    integers: Integers


def near_optimum(data: Data, s: GramDistance) -> Any:
    """M and I: a step from what rows that count imply, as of one pass over them; I is no multiple of 2^x."""
    X, y = data
    whole = np.hstack([X, np.full((len(X), int(s.bias)), s.one)])[s.live.mask()].astype(np.float64)
    targets = y[s.live.mask()] * 2.0**s.label_shift
    curvature = whole.T @ whole + np.diag([s.penalty / 2.0**s.raised] * s.counted + [0.0] * (s.width - s.counted))
    found = np.linalg.solve(curvature, whole.T @ targets) * [*[1] * s.features, *[s.one] * s.bias]
    return np.rint(found).astype(np.int64) + np.arange(7, 7 + s.width)


def declare_linear_distance(
    data: Data | None = None, forgotten: tuple[int, ...] = FORGOTTEN, **changes: Any
) -> LinearSaid:
    """The model of a linear regression with a bias, at the smallest distance that can be shown."""
    choices: dict[str, Any] = {"model": "linear", "epochs": 1, "learning_rate": 0.5, "l2": 0.01}
    spec = TrainingSpec(**(choices | changes))
    free = spec.method.bias and not spec.method.penalize_intercept
    draft = LinearDistanceDeclared(spec, REAL, forgotten, slope=LARGEST_SLOPE if free else None)
    X, y = own_data = data or values()
    model = near_optimum(own_data, draft.schedule)
    distance, slope = smallest(measure(X, y, model, draft.schedule), draft.schedule)
    own = replace(draft, distance=distance, slope=slope)
    true = told_at(own.schedule, own_data, model)
    return LinearSaid(own, true, integers(own.schedule, true))


def told_at(s: GramDistance, data: Data, model: Any) -> Told:
    """What a model implies, of these public integers."""
    limbs = weight_limbs(np.asarray(model)).astype(object)
    z = scores(s, data, limbs)
    sums = sums_of(s, data, z) + penalties(s) * limbs
    return Told(np.asarray(model), z, sums, joined_gradient(sums))


def penalties(s: GramDistance) -> Any:
    """c of each weight, and what the bias has of it."""
    return np.array([s.penalty] * s.features + [s.bias_penalty] * s.bias, dtype=object)


def scores(s: GramDistance, data: Data, limbs: Any) -> Any:
    """z_i, (3, N)."""
    X = np.asarray(data[0]).astype(object).copy()
    X[:, list(s.unused)] = 0
    return limbs[:, : s.features] @ X.T + limbs[:, s.features :].sum(axis=1, keepdims=True)


def sums_of(s: GramDistance, data: Data, z: Any) -> Any:
    """G_i without penalties."""
    X = np.asarray(data[0]).astype(object).copy()
    X[:, list(s.unused)] = 0
    whole = np.hstack([X, np.full((len(X), int(s.bias)), s.one, dtype=object)])
    place, shift = s.label_place
    residuals = z.copy()
    residuals[place] -= data[1].astype(object) << shift
    return ((residuals * s.live.mask()) @ whole) << s.raised


def integers(s: GramDistance, lie: Told) -> Integers:
    """What follows from what is said, before it is cut into limbs; of any size where the certificate does not hold."""
    d, free = s.features, s.slope is not None
    moved = lie.gradient + ((1 << s.shift) >> 1)
    cut = moved >> s.shift
    rest, counted = moved - (cut << s.shift), cut[: s.counted]
    low = divided(lie.sums[0] - lie.gradient)
    high = divided(lie.sums[1] + low)
    slack = s.radius**2 - sum(int(value) ** 2 for value in counted)
    result: Integers = {**dict(zip(Z, lie.z, strict=True)), SLACK: np.array([slack], dtype=object)}
    for parameter, part in ((WEIGHTS, slice(0, d)), (BIAS, slice(d, None)))[: 1 + s.bias]:
        steep = parameter is BIAS and free
        result |= {
            parameter.weight: lie.weights[part], parameter.cut: (lie.gradient if steep else cut)[part],
            parameter.low_carry: low[part], parameter.high_carry: high[part],
        }  # fmt: skip
        if not steep:
            result[parameter.cut_rest] = rest[part]
    return {name: np.asarray(value).astype(object) for name, value in result.items()}


def committed(own: LinearDistanceDeclared, data: Data, lie: Integers) -> Columns:
    """All columns of a proof, whose integers may be out of range; the model is what they say."""
    relation = own.relation
    columns = data_columns(data) | {name: (lie[name] % MODULUS).astype(np.uint64) for name in Z}
    names = (WEIGHTS, BIAS)[: 1 + own.schedule.bias]
    signed = {name for one in names for name in (one.weight, one.cut, one.low_carry, one.high_carry)}
    for name in lie.keys() - set(Z):
        bits = relation.bits_of(name)
        columns |= any_limbs(name, bits, lie[name] + (1 << (bits - 1) if name in signed else 0))
    columns[COEFFICIENTS] = (lie[WEIGHTS.weight] % MODULUS).astype(np.uint64)[None]
    if own.schedule.bias:
        columns[INTERCEPT] = (lie[BIAS.weight] % MODULUS).astype(np.uint64)
    return recount(relation, columns)


def told(said: LinearSaid, data: Data | None = None) -> Columns:
    """All columns of what is true."""
    return committed(said.own, data or values(), said.integers)
