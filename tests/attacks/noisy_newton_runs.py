"""Small runs of Newton's steps to a model with noise, and what an owner would commit to for integers of any size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.relations.methods import RELATIONS_OF_METHOD
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.newton import START, NoisyNewton
from zkunlearn.circuits.relations.noise import NOISE
from zkunlearn.models.methods.newton_reference import InverseValues, StepValues
from zkunlearn.models.methods.newton_steps import NoisyNewtonCertificate
from zkunlearn.models.methods.noisy_reference import Noised
from zkunlearn.models.methods.optimum_reference import RowValues
from zkunlearn.prover.witnesses.noisy_newton import find_noisy_steps
from zkunlearn.prover.witnesses.rows import Rows
from zkunlearn.verifier.protocol.proof import ProofShape

from . import newton_runs, noisy_runs
from .harness import Columns, data_columns, recount
from .newton_runs import NewtonDeclared, matrix_integers, model_of, proved_integers, step_integers
from .noisy_runs import CELLS, SIGNED, drawn, parameters
from .optimum_runs import FORGOTTEN, Data, Integers, any_limbs


@dataclass(frozen=True)
class NoisyNewtonDeclared(NewtonDeclared):
    """As steps are declared; with what a nonce drew."""

    @cached_property
    def schedule(self) -> NoisyNewtonCertificate:  # type: ignore[override]
        schedule: Any = super().schedule
        return schedule.with_pads(drawn(schedule.weight_count))

    @cached_property
    def relation(self) -> NoisyNewton:  # type: ignore[override]
        relation: Any = RELATIONS_OF_METHOD["newton"](self.schedule)
        return relation

    @cached_property
    def shape(self) -> ProofShape:
        columns, weights = self.relation.columns, 1 + newton_runs.log2_ceil(self.data.features)
        matrices = {"dataset": newton_runs.matrix_shape("dataset", columns["dataset"], newton_runs.ROW_BITS)}
        for name in ("model", *([] if self.start is None else [START])):
            matrices[name] = newton_runs.matrix_shape(name, columns[name], weights, newton_runs.PLAIN_RATE)
        noise = newton_runs.matrix_shape(NOISE, columns[NOISE], noisy_runs.SHORT_ROW_BITS, newton_runs.PLAIN_RATE)
        return ProofShape(self.relation, {**matrices, NOISE: noise})


def declare_noisy_newton(forgotten: tuple[int, ...] = FORGOTTEN, **changes: Any) -> NoisyNewtonDeclared:
    """Two steps of logistic regression with a bias."""
    choices: dict[str, Any] = {"epsilon": 1.0, "delta": 1e-5, "distances": (1 << 14,), "grid": 10}
    own = newton_runs.declare_newton(forgotten, **(choices | changes))
    return NoisyNewtonDeclared(own.spec, own.data, own.forgotten, start=own.start)


def declare_noisy_inverse(**changes: Any) -> NoisyNewtonDeclared:
    """The same with a matrix that is proved to be the inverse of the second derivative."""
    choices: dict[str, Any] = {"inverse": 12, "l2": 0.25, "grid": 21, "distances": (1 << 28,)}
    return declare_noisy_newton(**(choices | changes))


@dataclass(frozen=True)
class Found:
    """All that is committed of steps to a model with noise."""

    rows: RowValues
    noised: Noised
    matrix: Any
    steps: tuple[StepValues, ...]
    proved: InverseValues | None = None


def found(own: NoisyNewtonDeclared, data: Data, coins: Any = None, model: Any = None) -> Found:
    """The steps that are declared, from a model, or from zero if that is; with coins (O, K), or fresh ones."""
    X, y = data
    hidden = np.zeros((2, len(y)), dtype=np.uint64), np.zeros((len(y), 32), dtype=np.uint8)
    rows = Rows([str(i) for i in range(len(y))], X.T.astype(np.int16), y.astype(np.int32), *hidden)
    rows = replace(rows, outputs=own.schedule.outputs)
    begun = [] if own.start is None else [np.atleast_2d(model_of(own) if model is None else model)]
    first = find_noisy_steps(rows, own.schedule, begun)
    if coins is not None:
        said = np.stack([first.noised.weights.ravel(), np.ravel(coins)])
        first = find_noisy_steps(rows, own.schedule, [*begun, said, first.matrix.ravel()])
    return Found(first.rows, first.noised, first.matrix, first.steps, first.proved)


def integers(own: NoisyNewtonDeclared, lie: Found) -> Integers:
    """What is committed, before it is cut into limbs, in the names of the whole."""
    whole: Any = own
    said = noisy_runs.integers(whole, noisy_runs.Found(lie.rows, lie.noised)) | matrix_integers(own, lie.matrix)
    said |= {} if lie.proved is None else proved_integers(own, lie.proved)
    for number, each in enumerate(lie.steps):
        naming, _ = own.relation.steps[number]
        said |= {naming.address(name): cells for name, cells in step_integers(own, number, each).items()}
    return said


def committed(own: NoisyNewtonDeclared, data: Data, lie: Integers, model: Any = None) -> Columns:
    """All columns of a proof, whose integers may be out of range; the model is what they say."""
    columns, s, whole = data_columns(data, own.schedule.outputs), own.schedule, cast_noisy(own)
    plain = {column for column in lie if column in own.relation.virtual}
    plain |= {Address("witness", column.name) for column in own.relation.columns["witness"]} & lie.keys()
    plain |= {getattr(each, name) for each in parameters(whole) for name in CELLS}
    negative = newton_runs.signed(own) | {getattr(each, name) for each in parameters(whole) for name in SIGNED}
    for name, values in lie.items():
        if name in plain:
            columns[name] = (values % MODULUS).astype(np.uint64)
        else:
            bits = newton_runs.bits_of(own, name)
            columns |= any_limbs(name, bits, values + (1 << (bits - 1) if name in negative else 0))
    models = [(lie[each.model] + lie[each.noise]) % MODULUS for each in parameters(whole)]
    columns[COEFFICIENTS] = np.atleast_2d(models[0].astype(np.uint64))
    columns[COEFFICIENTS][:, list(s.unused)] = 0
    if s.bias:
        columns[INTERCEPT] = (models[1] * s.one % MODULUS).astype(np.uint64)
    if own.start is not None:
        begun = np.atleast_2d(model_of(own) if model is None else model).astype(object) % MODULUS
        columns[Address(START, COEFFICIENTS.name)] = begun[:, : s.features].astype(np.uint64)
        if s.bias:
            columns[Address(START, INTERCEPT.name)] = begun[:, s.features].astype(np.uint64)
    return recount(own.relation, columns)


def cast_noisy(own: NoisyNewtonDeclared) -> Any:
    """For tools of noisy optima, which look at the schedule only."""
    return own


def told(own: NoisyNewtonDeclared, data: Data, lie: Found, model: Any = None) -> Columns:
    """All columns of a proof of steps and their noise."""
    return committed(own, data, integers(own, lie), model)
