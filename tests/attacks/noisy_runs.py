"""Small noisy optima, and what an owner would commit to for integers of any size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from zkunlearn.circuits.field.goldilocks import P as MODULUS
from zkunlearn.circuits.language.layout import WITNESS
from zkunlearn.circuits.relations import residual as names
from zkunlearn.circuits.relations.certified import SLACK
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT
from zkunlearn.circuits.relations.noise import NOISE, NOISY_BIAS, NOISY_WEIGHTS, NoisyParameter
from zkunlearn.circuits.relations.noisy import Noisy
from zkunlearn.models.methods import Noisy as NoisyMethod
from zkunlearn.models.methods.noisy_certificate import NoisyCertificate
from zkunlearn.models.methods.noisy_reference import Noised
from zkunlearn.models.methods.optimum_reference import RowValues
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.witnesses.noisy import find_noisy
from zkunlearn.prover.witnesses.rows import Rows
from zkunlearn.verifier.protocol.code import PLAIN_RATE
from zkunlearn.verifier.protocol.group import MatrixShape

from .harness import SHORT_ROW_BITS, X_BITS, Columns, Declared, data_columns, matrix_shape, recount
from .optimum_runs import FEATURES, FORGOTTEN, ROWS, Data, Integers, any_limbs

CELLS = ("noise", "low", "high")  # committed as they are, not in limbs
SIGNED = ("weight", "cut", "model")


@dataclass(frozen=True)
class NoisyDeclared(Declared):
    """As trainings are declared; with the relation of this method, and what a nonce drew."""

    @cached_property
    def schedule(self) -> NoisyCertificate:  # type: ignore[override]
        schedule: Any = super().schedule
        return schedule.with_pads(drawn(schedule.weight_count))

    @cached_property
    def relation(self) -> Noisy:  # type: ignore[override]
        return Noisy(self.schedule)

    @property
    def committed(self) -> dict[str, MatrixShape]:
        """Of a training, and the matrix of noise."""
        noise = matrix_shape(NOISE, self.relation.columns[NOISE], SHORT_ROW_BITS, PLAIN_RATE)
        return {**super().committed, NOISE: noise}


def drawn(count: int, seed: int = 11) -> tuple[int, ...]:
    """Pads: what a nonce draws for so many weights."""
    return tuple(np.random.default_rng(seed).integers(1 << 61, 1 << 62, count).tolist())


def declare_noisy(
    forgotten: tuple[int, ...] = FORGOTTEN,
    rows: int = ROWS,
    features: int = FEATURES,
    classes: tuple[str, ...] = (),
    **changes: Any,
) -> NoisyDeclared:
    """Logistic regression with a bias, of several classes or of two."""
    choices: dict[str, Any] = {"l2": 0.01}
    model, scales = changes.pop("model", "logistic"), changes.pop("fixed_point", None)
    kind = "categorical" if classes else "binary"
    shape = DatasetShape(rows=rows, features=features, label_kind=kind, label_bits=0, x_bits=X_BITS, classes=classes)
    spec = TrainingSpec(model=model, method=NoisyMethod(**(choices | changes)), fixed_point=scales)
    return NoisyDeclared(spec, shape, forgotten)


@dataclass(frozen=True)
class Found:
    """All that is committed of a noisy optimum."""

    rows: RowValues
    noised: Noised


def found(data: Data, schedule: NoisyCertificate, coins: Any = None) -> Found:
    """Of the optimum for these public integers; with coins (K,), of several outputs (O, K), or fresh ones."""
    X, y = data
    hidden = np.zeros((2, len(y)), dtype=np.uint64), np.zeros((len(y), 32), dtype=np.uint8)
    rows = Rows([str(i) for i in range(len(y))], X.T.astype(np.int16), y.astype(np.int32), *hidden)
    rows = replace(rows, outputs=schedule.outputs)
    own = find_noisy(rows, schedule)
    if coins is not None:
        own = find_noisy(rows, schedule, [np.stack([own.noised.weights.ravel(), np.ravel(coins)])])
    return Found(own.rows, own.noised)


def parameters(own: NoisyDeclared) -> tuple[NoisyParameter, ...]:
    return (NOISY_WEIGHTS, NOISY_BIAS)[: 1 + own.schedule.bias]


def integers(own: NoisyDeclared, lie: Found) -> Integers:
    """What is committed, before it is cut into limbs."""
    d, rows, s = own.schedule.features, lie.rows, lie.noised
    result: Integers = {
        names.Q: rows.Q, names.EDGE: rows.edge, names.STEP: rows.step, names.MIDDLE: rows.middle,
        names.RISEN: rows.risen, names.Z: rows.z, names.PRODUCT: rows.product,
        SLACK: np.array([s.slack] + [0] * (own.schedule.outputs - 1)),
    }  # fmt: skip
    cuts: tuple[Any, ...] = (slice(0, d), d)
    for parameter, cut in zip(parameters(own), cuts, strict=False):
        named = {
            parameter.weight: s.weights, parameter.cut: s.cut, parameter.cut_rest: s.cut_rest,
            parameter.coins: s.coins, parameter.carry: s.carry, parameter.above: s.above,
            parameter.below: s.below, parameter.rest: s.rest, parameter.model: s.rounded,
            parameter.noise: s.noise, parameter.low: s.low, parameter.high: s.high,
        }  # fmt: skip
        result |= {name: np.atleast_1d(values[..., cut]) for name, values in named.items()}
    return {name: np.asarray(value).astype(object) for name, value in result.items()}


def committed(own: NoisyDeclared, data: Data, lie: Integers) -> Columns:
    """All columns of a proof, whose integers may be out of range; the model is what they say."""
    relation = own.relation
    columns = data_columns(data, own.schedule.outputs)
    whole = {names.Q, names.EDGE, names.STEP, names.MIDDLE, names.RISEN, names.Z, names.PRODUCT}
    whole |= {getattr(each, name) for each in parameters(own) for name in CELLS}
    columns |= {name: (lie[name] % MODULUS).astype(np.uint64) for name in whole}
    signed = {getattr(each, name) for each in parameters(own) for name in SIGNED}
    for name in lie.keys() - whole:
        bits = relation.bits_of(name)
        columns |= any_limbs(name, bits, lie[name] + (1 << (bits - 1) if name in signed else 0))
    models = [(lie[each.model] + lie[each.noise]) % MODULUS for each in parameters(own)]
    coefficients = np.atleast_2d(models[0].astype(np.uint64))
    coefficients[:, list(own.schedule.unused)] = 0
    columns[COEFFICIENTS] = coefficients
    if own.schedule.bias:
        columns[INTERCEPT] = (models[1] * own.schedule.one % MODULUS).astype(np.uint64)
    assert {column.name for column in relation.columns[WITNESS]} >= {each.noise.name for each in parameters(own)}
    return recount(relation, columns)


def told(own: NoisyDeclared, data: Data, lie: Found) -> Columns:
    """All columns of a proof of a noisy optimum."""
    return committed(own, data, integers(own, lie))
