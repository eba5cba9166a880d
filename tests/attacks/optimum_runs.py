"""Small certified optima, and what an owner would commit to for integers of any size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from unittest.mock import patch

import numpy as np
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations import residual as names
from zkunlearn.circuits.relations.certified import BIAS, SLACK, WEIGHTS, Parameter
from zkunlearn.circuits.relations.methods import RELATIONS_OF_METHOD
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.optimum import Optimum
from zkunlearn.models.methods.link_certificate import OptimumCertificate
from zkunlearn.models.methods.optimum_reference import RowValues, Settled, settle
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.witnesses import optimum_search
from zkunlearn.prover.witnesses.optimum import find_optimum
from zkunlearn.prover.witnesses.rows import Rows

from .harness import X_BITS, Columns, Declared, data_columns, people, recount

ROWS, FEATURES = 13, 3
FORGOTTEN = (2, 5)
Data = tuple[Any, Any]
Integers = dict[Address, Any]  # by what they are committed as; signed, of any size


@dataclass(frozen=True)
class OptimumDeclared(Declared):
    """As trainings are declared; with the relation of this method."""

    @cached_property
    def schedule(self) -> OptimumCertificate:  # type: ignore[override]
        schedule: Any = super().schedule
        return schedule

    @cached_property
    def relation(self) -> Optimum:  # type: ignore[override]
        relation: Any = RELATIONS_OF_METHOD[self.spec.method.kind](self.schedule)
        return relation


def declare_optimum(
    forgotten: tuple[int, ...] = FORGOTTEN,
    rows: int = ROWS,
    features: int = FEATURES,
    classes: tuple[str, ...] = (),
    **changes: Any,
) -> OptimumDeclared:
    """Logistic regression with a bias, of several classes or of two."""
    choices: dict[str, Any] = {"model": "logistic", "method": "optimum", "l2": 0.01}
    kind = "categorical" if classes else "binary"
    shape = DatasetShape(rows=rows, features=features, label_kind=kind, label_bits=0, x_bits=X_BITS, classes=classes)
    return OptimumDeclared(TrainingSpec(**(choices | changes)), shape, forgotten)


def values(rows: int = ROWS, features: int = FEATURES) -> Data:
    """Features (N, d) and labels."""
    if (rows, features) == (ROWS, FEATURES):
        return people()
    rng = np.random.default_rng(3)
    return rng.integers(-(1 << X_BITS), (1 << X_BITS) + 1, (rows, features)), rng.integers(0, 2, rows)


@dataclass(frozen=True)
class Found:
    """A certificate, all of it."""

    rows: RowValues
    settled: Settled


def found(data: Data, schedule: OptimumCertificate) -> Found:
    """Of the optimum for these public integers, as near as can be: nearer than the longest distance asks for."""
    X, y = data
    hidden = np.zeros((2, len(y)), dtype=np.uint64), np.zeros((len(y), 32), dtype=np.uint8)
    rows = Rows([str(i) for i in range(len(y))], X.T.astype(np.int16), y.astype(np.int32), *hidden)
    with patch.object(optimum_search, "is_certified", lambda *_, **__: False):
        own = find_optimum(replace(rows, outputs=schedule.outputs), schedule)
    return Found(own.rows, own.settled)


def settled_at(own: Found, schedule: OptimumCertificate, number: int) -> Found:
    """The same weights at another of the distances."""
    settled = settle(own.settled.weights, own.settled.gradient, schedule, number)
    assert settled is not None
    return Found(own.rows, settled)


def row_integers(rows: RowValues) -> Integers:
    """What is committed and virtual of rows."""
    return {
        names.Q: rows.Q, names.EDGE: rows.edge, names.STEP: rows.step, names.MIDDLE: rows.middle,
        names.RISEN: rows.risen, names.Z: rows.z, names.PRODUCT: rows.product,
    }  # fmt: skip


def integers(own: OptimumDeclared, lie: Found) -> Integers:
    """What is committed, before it is cut into limbs."""
    d, s = own.schedule.features, lie.settled
    slack = [s.slack] + [0] * (own.schedule.outputs - 1)
    result: Integers = {**row_integers(lie.rows), SLACK: np.array(slack)}
    for parameter, cut in ((WEIGHTS, slice(0, d)), (BIAS, d))[: 1 + own.schedule.bias]:
        named = {
            parameter.weight: s.weights, parameter.cut: s.cut, parameter.cut_rest: s.cut_rest,
            parameter.below: s.below, parameter.above: s.above, parameter.model: s.model,
        }  # fmt: skip
        result |= {name: np.atleast_1d(values[..., cut]) for name, values in named.items()}
    return {name: np.asarray(value).astype(object) for name, value in result.items()}


def parameters(own: OptimumDeclared) -> tuple[Parameter, ...]:
    return (WEIGHTS, BIAS)[: 1 + own.schedule.bias]


def any_limbs(integer: Address, bits: int, values: Any) -> Columns:
    """Limbs that add up to integers of any size modulo p: what is too much is in the last limb."""
    limbs, left, result = limb_addresses(integer, bits), values, {}
    for limb in limbs[:-1]:
        result[limb] = (left % 65536).astype(np.uint64)
        left = left // 65536
    if limbs:
        result[limbs[-1]] = (left % MODULUS).astype(np.uint64)
    return result


def committed(own: OptimumDeclared, data: Data, lie: Integers) -> Columns:
    """All columns of a proof, whose integers may be out of range; the model is what they say."""
    s, relation = own.schedule, own.relation
    columns = data_columns(data, s.outputs)
    rows = (names.Q, names.EDGE, names.STEP, names.MIDDLE, names.RISEN, names.Z, names.PRODUCT)
    columns |= {name: (lie[name] % MODULUS).astype(np.uint64) for name in rows}
    signed = {name for own_ in parameters(own) for name in (own_.weight, own_.cut, own_.model)}
    for name in lie.keys() - set(rows):
        bits = relation.bits_of(name)
        columns |= any_limbs(name, bits, lie[name] + (1 << (bits - 1) if name in signed else 0))
    columns[COEFFICIENTS] = np.atleast_2d((lie[WEIGHTS.model] % MODULUS).astype(np.uint64))
    if s.bias:
        columns[INTERCEPT] = (lie[BIAS.model] * s.one % MODULUS).astype(np.uint64)
    return recount(relation, columns)


def told(own: OptimumDeclared, data: Data, lie: Found) -> Columns:
    """All columns of a proof of a certificate."""
    return committed(own, data, integers(own, lie))


def off(array: Any, place: Any, by: Any) -> Any:
    """A copy with one cell changed."""
    copy = array.copy()
    copy[place] += by
    return copy


def inverse(value: int) -> int:
    """1 / value modulo p."""
    return pow(value, -1, MODULUS)
