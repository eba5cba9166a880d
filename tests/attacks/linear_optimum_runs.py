"""Small certified optima of linear models, and what an owner would commit to for integers of any size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from zkunlearn.circuits.relations.certified import SLACK
from zkunlearn.circuits.relations.gram import Z
from zkunlearn.circuits.relations.linear_optimum import LinearOptimum
from zkunlearn.circuits.relations.methods import RELATIONS_OF_METHOD
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.models.methods.gram_certificate import LinearOptimumCertificate
from zkunlearn.models.methods.gram_reference import joined_gradient, weight_limbs
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.witnesses.linear_optimum import find_linear_optimum
from zkunlearn.prover.witnesses.rows import Rows

from .harness import X_BITS, Columns, Declared, data_columns, people, recount
from .optimum_runs import BIAS, MODULUS, WEIGHTS, Data, Integers, any_limbs, inverse

ROWS, FEATURES = 13, 3
FORGOTTEN = (2, 5)
LABEL_BITS = 14


@dataclass(frozen=True)
class LinearDeclared(Declared):
    """As trainings are declared; with the relation of this method."""

    @cached_property
    def schedule(self) -> LinearOptimumCertificate:  # type: ignore[override]
        schedule: Any = super().schedule
        return schedule

    @cached_property
    def relation(self) -> LinearOptimum:  # type: ignore[override]
        relation: Any = RELATIONS_OF_METHOD[self.spec.method.kind](self.schedule)
        return relation


def declare_linear(
    forgotten: tuple[int, ...] = FORGOTTEN, rows: int = ROWS, features: int = FEATURES, **changes: Any
) -> LinearDeclared:
    """Ridge regression with a bias."""
    choices: dict[str, Any] = {"model": "linear", "method": "optimum", "l2": 0.01}
    shape = DatasetShape(rows=rows, features=features, label_kind="real", label_bits=LABEL_BITS, x_bits=X_BITS)
    return LinearDeclared(TrainingSpec(**(choices | changes)), shape, forgotten)


def values(rows: int = ROWS, features: int = FEATURES) -> Data:
    """Features (N, d) and labels, which depend on them."""
    rng = np.random.default_rng(3)
    X = rng.integers(-(1 << X_BITS), (1 << X_BITS) + 1, (rows, features))
    if (rows, features) == (ROWS, FEATURES):
        X, _ = people()
    return X, 4 * X.sum(axis=1) + rng.integers(-(1 << 12), 1 << 12, rows)


@dataclass(frozen=True)
class Told:
    """What an owner says: integers of any size, object arrays.

    Attributes:
        weights: W, (K,).
        z: (3, N). sums: G_i, (3, K). gradient: R, (K,).
    """

    weights: Any
    z: Any
    sums: Any
    gradient: Any


def told_at(own: LinearDeclared, data: Data, weights: Any, schedule: LinearOptimumCertificate | None = None) -> Told:
    """What weights imply, of the declared integers or of others."""
    s, limbs = schedule or own.schedule, weight_limbs(np.asarray(weights)).astype(object)
    z = limbs @ whole(s, data).T
    sums = sums_of(s, data, z) + s.penalty * limbs
    return Told(weights, z, sums, joined_gradient(sums))


def whole(s: LinearOptimumCertificate, data: Data) -> Any:
    """Features (N, K), the bias's among them."""
    X = np.asarray(data[0]).astype(object).copy()
    X[:, list(s.unused)] = 0
    return np.hstack([X, np.full((len(X), 1), s.one, dtype=object)]) if s.bias else X


def sums_of(s: LinearOptimumCertificate, data: Data, z: Any) -> Any:
    """G_i without the penalty."""
    place, shift = s.label_place
    residuals = z.copy()
    residuals[place] -= data[1].astype(object) << shift
    return ((residuals * s.live.mask()) @ whole(s, data)) << s.raised


def optimum_of(data: Data, schedule: LinearOptimumCertificate) -> Any:
    """W of the certified optimum for these public integers."""
    X, y = data
    hidden = np.zeros((2, len(y)), dtype=np.uint64), np.zeros((len(y), 32), dtype=np.uint8)
    rows = Rows([str(i) for i in range(len(y))], X.T.astype(np.int16), y.astype(np.int32), *hidden)
    return find_linear_optimum(rows, schedule).settled.weights


def divided(values: Any) -> Any:
    """By 2^16, modulo p where there is a rest."""
    parts = [value * inverse(1 << 16) % MODULUS if value % (1 << 16) else value >> 16 for value in values]
    return np.array(parts, dtype=object)


def integers(own: LinearDeclared, lie: Told) -> Integers:
    """What follows from what is said, before it is cut into limbs."""
    s, d = own.schedule, own.schedule.features
    moved, raised = lie.gradient + ((1 << s.shift) >> 1), lie.weights.astype(object) + (1 << (s.grid - 1))
    cut, model = moved >> s.shift, raised >> s.grid
    below = raised - (model << s.grid) - s.distance
    low = divided(lie.sums[0] - lie.gradient)
    high = divided(lie.sums[1] + low)
    result: Integers = {**dict(zip(Z, lie.z, strict=True)), SLACK: np.array([s.radius**2 - sum(cut**2)])}
    for parameter, part in ((WEIGHTS, slice(0, d)), (BIAS, slice(d, None)))[: 1 + s.bias]:
        result |= {
            parameter.weight: lie.weights[part], parameter.cut: cut[part],
            parameter.cut_rest: (moved - (cut << s.shift))[part], parameter.low_carry: low[part],
            parameter.high_carry: high[part], parameter.below: below[part], parameter.above: (s.room - below)[part],
            parameter.model: model[part],
        }  # fmt: skip
    return {name: np.asarray(value).astype(object) for name, value in result.items()}


def committed(own: LinearDeclared, data: Data, lie: Integers) -> Columns:
    """All columns of a proof, whose integers may be out of range; the model is what they say."""
    s, relation = own.schedule, own.relation
    columns = data_columns(data) | {name: (lie[name] % MODULUS).astype(np.uint64) for name in Z}
    names = (WEIGHTS, BIAS)[: 1 + s.bias]
    signed = {name for one in names for name in (one.weight, one.cut, one.low_carry, one.high_carry, one.model)}
    for name in lie.keys() - set(Z):
        bits = relation.bits_of(name)
        columns |= any_limbs(name, bits, lie[name] + (1 << (bits - 1) if name in signed else 0))
    columns[COEFFICIENTS] = (lie[WEIGHTS.model] % MODULUS).astype(np.uint64)[None]
    if s.bias:
        columns[INTERCEPT] = (lie[BIAS.model] * s.one % MODULUS).astype(np.uint64)
    return recount(relation, columns)


def told(own: LinearDeclared, data: Data, lie: Told) -> Columns:
    """All columns of a proof of what is said."""
    return committed(own, data, integers(own, lie))


def honest(own: LinearDeclared, data: Data) -> Columns:
    """All columns of a true proof."""
    return told(own, data, told_at(own, data, optimum_of(data, own.schedule)))
