"""Small one-pass trainings, and what an owner would commit to for integers of any size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.field.goldilocks import to_field
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.tables import limb_addresses
from zkunlearn.circuits.relations.methods import RELATIONS_OF_METHOD
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.one_pass import OnePass
from zkunlearn.circuits.relations.standardized_one_pass import SCALED, StandardizedOnePass
from zkunlearn.models.methods.normal_equations import NormalEquations
from zkunlearn.models.methods.one_pass_reference import (
    Solution,
    Sums,
    exported_solution,
    in_python,
    solution,
)
from zkunlearn.models.methods.standardization import scaler_of, sums_of
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.witnesses.one_pass import integer_columns
from zkunlearn.prover.witnesses.standardization import scaler_columns

from .harness import X_BITS, Columns, Declared, data_columns, recount

ROWS, FEATURES, EPOCHS = 13, 3, 5
FORGOTTEN = (2, 5)
Data = tuple[Any, Any]


@dataclass(frozen=True)
class OnePassDeclared(Declared):
    """As other trainings are declared; with the relation of this method."""

    @cached_property
    def schedule(self) -> NormalEquations:  # type: ignore[override]
        schedule: Any = super().schedule
        return schedule

    @cached_property
    def relation(self) -> OnePass:  # type: ignore[override]
        relation: Any = RELATIONS_OF_METHOD[self.spec.method.kind](self.schedule)
        return relation


def declare_one_pass(
    forgotten: tuple[int, ...] = FORGOTTEN,
    rows: int = ROWS,
    features: int = FEATURES,
    kind: str = "real",
    **changes: Any,
) -> OnePassDeclared:
    """Five steps with momentum and a penalty."""
    choices: dict[str, Any] = {
        "model": "linear", "method": "one-pass", "epochs": EPOCHS, "learning_rate": 0.5, "momentum": 0.25, "l2": 0.125
    }  # fmt: skip
    shape = DatasetShape(
        rows=rows, features=features, label_kind=kind, label_bits=14 if kind == "real" else 0, x_bits=X_BITS
    )
    return OnePassDeclared(TrainingSpec(**(choices | changes)), shape, forgotten)


def values(rows: int = ROWS, features: int = FEATURES) -> Data:
    """Features (N, d) and real labels."""
    rng = np.random.default_rng(3)
    return rng.integers(-(1 << X_BITS), (1 << X_BITS) + 1, (rows, features)), rng.integers(-(1 << 14), 1 << 14, rows)


def sums(own: OnePassDeclared, data: Data, counted: Any = None, centred: bool = True) -> Sums:
    """Over the rows that count, or others.

    centred: whether means are taken off standardised features.
    """
    s, (X, y) = own.schedule, data
    counted = s.live.mask() if counted is None else counted
    scaler = None if s.standardization is None else scaler_of(s.standardization, *sums_of(X.T, s.live.mask()))
    used = X[counted].astype(object)
    used[:, list(s.unused)] = 0
    if scaler is not None:
        used = used * scaler.power.astype(object) - scaler.shift.astype(object) * centred
    if s.bias:
        used = np.hstack([used, np.full((len(used), 1), s.one, dtype=object)])
    return Sums(used.T @ used, used.T @ y[counted].astype(object), scaler)


def solved(own: OnePassDeclared, data: Data, schedule: NormalEquations | None = None, **changes: Any) -> Solution:
    """The declared training, or one with other public integers, or over other sums."""
    return solution(schedule or own.schedule, sums(own, data, **changes), in_python)


def any_limbs(integer: Address, bits: int, integers: Any) -> Columns:
    """Limbs that add up to integers of any size modulo p: what is too much is in the last limb."""
    names = limb_addresses(integer, bits)
    left, found = np.asarray(integers).astype(object), {}
    for name in names[:-1]:
        found[name] = (left % 65536).astype(np.uint64)
        left = left // 65536
    if names:
        found[names[-1]] = (left % MODULUS).astype(np.uint64)
    return found


def told(own: OnePassDeclared, data: Data, lie: Solution, **other: Columns) -> Columns:
    """All columns of a proof of a run, whose integers may be out of range.

    other: integers by the name of their address, in the place of those of the run.
    """
    s, relation = own.schedule, own.relation
    model = exported_solution(s, lie)
    columns = {**data_columns(data), COEFFICIENTS: to_field(model[None, : s.features])}
    if s.bias:
        columns[INTERCEPT] = to_field(model[s.features :])
    for integer, own_values in integer_columns(relation, lie).items():
        columns |= any_limbs(integer, relation.bits_of(integer), own_values)
    if isinstance(relation, StandardizedOnePass):
        assert lie.scaler is not None
        columns |= {name: to_field(np.asarray(cells).astype(np.int64)) if cells.dtype != np.uint64 else cells
                    for name, cells in scaler_columns(relation.scaler, lie.scaler)[0].items()}  # fmt: skip
        scaled = (data[0] * lie.scaler.power).T
        scaled[list(s.unused)] = 0
        columns[SCALED] = to_field(scaled)
    return recount(relation, columns)


def off(array: Any, place: Any, by: int) -> Any:
    """A copy with one cell changed."""
    copy = array.copy()
    copy[place] += by
    return copy


def system_of(own: OnePassDeclared, found: Solution) -> Any:
    """What weights are multiplied with: products, and penalties on their diagonal."""
    system, places = found.products.copy(), np.arange(own.schedule.features)
    system[places, places] += found.penalties
    if own.schedule.bias:
        system[-1, -1] = own.schedule.corner
    return system


def resolved(
    own: OnePassDeclared, lie: Solution, first: Any = 0, off_by: tuple[int, int, int] | None = None
) -> Solution:
    """The same normal equations, with the steps that follow from them.

    Args:
        first: the first weights.
        off_by: a step, a weight, and by how much it is off after it; its remainder says so, too.
    """
    s, system = own.schedule, system_of(own, lie)
    weights, u = np.zeros_like(lie.weights), np.zeros_like(lie.u)
    weights[0] = first
    for t in range(s.epochs):
        moved = weights[t] - (weights[t - 1] if t else 0)  # of the declared equation: no weights are before the first
        v = s.c_epoch[t] * (system @ weights[t] - lie.targets) - s.m_epoch[t] * moved + (1 << (s.shift - 1))
        u[t], weights[t + 1] = v & ((1 << s.shift) - 1), weights[t] - (v >> s.shift)
        if off_by is not None and t == off_by[0]:
            _, place, by = off_by
            weights[t + 1, place] += by
            u[t, place] += by << s.shift
    return replace(lie, weights=weights, u=u)


def moved_by(columns: Columns, column: Address, place: Any, by: int) -> Columns:
    """The columns with one cell changed, modulo p."""
    cells = columns[column].copy()
    indices = place if isinstance(place, tuple) else (place,)
    whole = (*(0,) * (cells.ndim - len(indices)), *indices)  # of the one output
    cells[whole] = (int(cells[whole]) + by) % MODULUS
    return columns | {column: cells}
