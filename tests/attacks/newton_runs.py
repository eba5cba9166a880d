"""Small runs of Newton's steps, and what an owner would commit to for integers of any size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.field.multilinear import log2_ceil
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.relations.certified import BIAS, WEIGHTS
from zkunlearn.circuits.relations.methods import RELATIONS_OF_METHOD
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.newton import CORNER, FROM_BIAS, MATRIX, OF_BIAS, START, Newton
from zkunlearn.circuits.relations.newton_inverse import (
    BIAS_CURVATURE,
    BIAS_ERROR,
    BIAS_REST,
    CORNER_CURVATURE,
    CORNER_ERROR,
    CORNER_REST,
    CURVATURE,
    CURVATURE_REST,
    ERROR,
    FROM_BIAS_ERROR,
)
from zkunlearn.circuits.relations.newton_step import update_remainder
from zkunlearn.models.methods.newton_reference import InverseValues, StepValues, moved_weights, rounded_gradient
from zkunlearn.models.methods.newton_steps import NewtonCertificate
from zkunlearn.models.methods.optimum_reference import row_values
from zkunlearn.prover.witnesses.newton import Stepped, find_stepped
from zkunlearn.prover.witnesses.rows import Rows
from zkunlearn.verifier.protocol.code import PLAIN_RATE
from zkunlearn.verifier.protocol.proof import ProofShape

from . import optimum_runs
from .harness import CLASSES, ROW_BITS, Columns, matrix_shape, recount
from .optimum_runs import FORGOTTEN, Data, Integers, OptimumDeclared, any_limbs, declare_optimum, values

SCALE = 9  # of the weights of the model that steps begin from
MODEL = np.array([300, -150, 40, -(70 << 10)])  # its integers: three weights, and the intercept
MODELS = np.array([[300, -150, 40, -(70 << 10)], [-90, 60, -310, 30 << 10], [20, 200, -45, 0]])  # of three classes
NEAR = np.array([190, 9, -220, -(65 << 10)])  # those of one nearer the optimum, where steps by the inverse begin
NEARS = np.array([[94, -2, 118, -(45 << 10)], [2, -150, 49, -(224 << 10)], [-130, 124, -146, -(235 << 10)]])


@dataclass(frozen=True)
class NewtonDeclared(OptimumDeclared):
    """As optima are declared; with the scale of the model that steps begin from, if they do."""

    start: int | None = SCALE

    @cached_property
    def schedule(self) -> NewtonCertificate:  # type: ignore[override]
        schedule: Any = super().schedule
        return schedule if self.start is None else schedule.begun((self.start,))

    @cached_property
    def relation(self) -> Newton:  # type: ignore[override]
        relation: Any = RELATIONS_OF_METHOD["newton"](self.schedule)
        return relation

    @cached_property
    def shape(self) -> ProofShape:
        columns, weights = self.relation.columns, 1 + log2_ceil(self.data.features)
        matrices = {"dataset": matrix_shape("dataset", columns["dataset"], ROW_BITS)}
        for name in ("model", *([] if self.start is None else [START])):
            matrices[name] = matrix_shape(name, columns[name], weights, PLAIN_RATE)
        return ProofShape(self.relation, matrices)


def declare_newton(
    forgotten: tuple[int, ...] = FORGOTTEN, start: int | None = SCALE, unused: tuple[int, ...] = (), **changes: Any
) -> NewtonDeclared:
    """Two steps of logistic regression with a bias."""
    choices: dict[str, Any] = {"method": "newton", "steps": 2}
    own = declare_optimum(forgotten, **(choices | changes))
    shape = replace(own.data, names=tuple(f"x{i + 1}" for i in range(own.data.features)))
    spec = own.spec.leaving_out([shape.names[place] for place in unused])
    return NewtonDeclared(spec, shape, own.forgotten, start=start)


def declare_inverse(**changes: Any) -> NewtonDeclared:
    """The same with a matrix that is proved to be the inverse of the second derivative."""
    choices: dict[str, Any] = {"inverse": 12, "l2": 0.25, "grid": 31, "distances": (1 << 28,)}
    return declare_newton(**(choices | changes))


def declare_inverses(**changes: Any) -> NewtonDeclared:
    """One such step of three classes."""
    choices: dict[str, Any] = {"inverse": 12, "l2": 0.25, "grid": 32, "distances": (1 << 24,), "steps": 1}
    return declare_newton(**({"classes": CLASSES} | choices | changes))


def model_of(own: NewtonDeclared) -> Any:
    """The integers (K,), or (O, K), of the model that steps begin from."""
    if own.schedule.outputs > 1:
        return (MODELS if own.schedule.inverse is None else NEARS)[:, : own.schedule.width]
    return (MODEL if own.schedule.inverse is None else NEAR)[: own.schedule.width]


def stepped(own: NewtonDeclared, data: Data, model: Any = None) -> Stepped:
    """The steps that are declared, from a model, or from zero if that is."""
    X, y = data
    hidden = np.zeros((2, len(y)), dtype=np.uint64), np.zeros((len(y), 32), dtype=np.uint8)
    rows = Rows([str(i) for i in range(len(y))], X.T.astype(np.int16), y.astype(np.int32), *hidden)
    rows = replace(rows, outputs=own.schedule.outputs)
    models = [] if own.start is None else [np.atleast_2d(model_of(own) if model is None else model)]
    return find_stepped(rows, own.schedule, models)


def step_from(own: NewtonDeclared, data: Data, number: int, weights: Any, matrix: Any) -> StepValues:
    """The step of that number, from 0, from any weights with any matrix."""
    s, (X, y) = own.schedule, data
    step, X = s.steps[number], X.copy()
    X[:, list(s.unused)] = 0
    whole = np.hstack([X, np.full((len(X), int(s.bias)), s.one)])
    rows = row_values(weights @ whole.T, s)
    labels = y if s.outputs == 1 else y == np.arange(s.outputs)[:, None]
    gradient = ((rows.residuals(labels, s) @ whole) << s.raised) + s.penalty * weights
    cut, rest = rounded_gradient(gradient, step, number + 1)
    after, remainder = moved_weights(weights, (matrix @ cut[..., None])[..., 0], step)
    return StepValues(rows, weights, cut, rest, remainder, after)


def step_integers(own: NewtonDeclared, number: int, values: StepValues) -> Integers:
    """What is committed of a step, before it is cut into limbs, in the names of the step."""
    s = own.schedule.steps[number]
    rows = optimum_runs.row_integers(values.rows)
    cuts: tuple[Any, ...] = (slice(0, s.features), -1)
    for parameter, cut, unit in zip((WEIGHTS, BIAS)[: 1 + s.bias], cuts, s.units, strict=False):
        named = {
            parameter.weight: values.weights // unit, parameter.cut: values.cut,
            parameter.cut_rest: values.cut_rest, update_remainder(parameter): values.remainder,
        }  # fmt: skip
        rows |= {name: np.atleast_1d(each[..., cut]) for name, each in named.items()}
    return {name: np.asarray(value).astype(object) for name, value in rows.items()}


def matrix_integers(own: NewtonDeclared, matrix: Any, names: Any = (MATRIX, OF_BIAS, FROM_BIAS, CORNER)) -> Integers:
    """The matrix in its parts: of pairs, of the bias, from it, of both; a name is None of what is not committed."""
    d, whole = own.schedule.features, np.asarray(matrix).astype(object)
    cuts: Any = (np.s_[..., :d, :d], np.s_[..., d, :d], np.s_[..., :d, d], np.s_[..., d, d])
    named = zip(names, cuts[: 1 if whole.shape[-1] == d else 4], strict=False)
    return {name: np.atleast_1d(whole[cut]) for name, cut in named if name is not None}


def proved_integers(own: NewtonDeclared, proved: InverseValues) -> Integers:
    """That it is an inverse, likewise."""
    found = matrix_integers(own, proved.curvature, (CURVATURE, None, BIAS_CURVATURE, CORNER_CURVATURE))
    found |= matrix_integers(own, proved.rest, (CURVATURE_REST, None, BIAS_REST, CORNER_REST))
    return found | matrix_integers(own, proved.error, (ERROR, BIAS_ERROR, FROM_BIAS_ERROR, CORNER_ERROR))


def integers(own: NewtonDeclared, lie: Stepped) -> Integers:
    """Everything that is committed before it is cut into limbs, but for models, in the names of the whole."""
    found = optimum_runs.integers(own, optimum_runs.Found(lie.rows, lie.settled)) | matrix_integers(own, lie.matrix)
    found |= {} if lie.proved is None else proved_integers(own, lie.proved)
    for number, each in enumerate(lie.steps):
        naming, _ = own.relation.steps[number]
        found |= {naming.address(name): cells for name, cells in step_integers(own, number, each).items()}
    return found


def address(own: NewtonDeclared, number: int, name: Address) -> Address:
    """A column, or an integer, of the step of that number, from 0, in the whole."""
    return own.relation.steps[number][0].address(name)


def bits_of(own: NewtonDeclared, name: Address) -> int:
    for naming, step in own.relation.steps:
        for limbs in step.integers:
            for integer, bits in limbs.bits.items():
                if naming.address(integer) == name:
                    return bits
    return own.relation.bits_of(name)


def signed(own: NewtonDeclared) -> set[Address]:
    """Integers that may be negative."""
    found = {MATRIX, OF_BIAS, FROM_BIAS, CORNER, CURVATURE, BIAS_CURVATURE, CORNER_CURVATURE}
    found |= {ERROR, BIAS_ERROR, FROM_BIAS_ERROR, CORNER_ERROR}
    for parameter in (WEIGHTS, BIAS):
        found |= {parameter.weight, parameter.cut, parameter.model}
        found |= {
            naming.address(name) for naming, _ in own.relation.steps for name in (parameter.weight, parameter.cut)
        }
    return found


def committed(own: NewtonDeclared, data: Data, lie: Integers, model: Any = None) -> Columns:
    """All columns of a proof, whose integers may be out of range; the model is what they say."""
    columns, s = optimum_runs.data_columns(data, own.schedule.outputs), own.schedule
    plain = {Address("witness", column.name) for column in own.relation.columns["witness"]} | set(own.relation.virtual)
    negative = signed(own)
    for name, values_ in lie.items():
        if name in plain:
            columns[name] = (values_ % MODULUS).astype(np.uint64)
        else:
            bits = bits_of(own, name)
            columns |= any_limbs(name, bits, values_ + (1 << (bits - 1) if name in negative else 0))
    columns[COEFFICIENTS] = np.atleast_2d((lie[WEIGHTS.model] % MODULUS).astype(np.uint64))
    if s.bias:
        columns[INTERCEPT] = (lie[BIAS.model] * s.one % MODULUS).astype(np.uint64)
    if own.start is not None:
        begun = np.atleast_2d(model_of(own) if model is None else model).astype(object) % MODULUS
        columns[Address(START, COEFFICIENTS.name)] = begun[:, : s.features].astype(np.uint64)
        if s.bias:
            columns[Address(START, INTERCEPT.name)] = begun[:, s.features].astype(np.uint64)
    return recount(own.relation, columns)


def told(own: NewtonDeclared, data: Data, lie: Stepped, model: Any = None) -> Columns:
    """All columns of a proof of steps and their certificate."""
    return committed(own, data, integers(own, lie), model)


def with_steps(lie: Stepped, *steps: StepValues) -> Stepped:
    """With other steps."""
    return replace(lie, steps=steps)


__all__ = ["values"]
