"""Small sharded trainings in stages, and a prover that can be told to lie about any stage of any shard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import to_field
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.language.tables import split_limbs
from zkunlearn.circuits.relations.descent_columns import PREDICTIONS, Q, Z
from zkunlearn.circuits.relations.gradient_descent import GradientDescent
from zkunlearn.circuits.relations.model import COEFFICIENTS, INTERCEPT, MODEL
from zkunlearn.circuits.relations.parameters import BIAS, WEIGHTS
from zkunlearn.circuits.relations.recommitment import NEW_MODEL, model_recommitment
from zkunlearn.circuits.relations.sisa import Sisa, part_name, start_matrix
from zkunlearn.circuits.relations.standardized_descent import GRADIENTS, RESIDUALS
from zkunlearn.circuits.relations.standardized_stage import BIAS_REST, START_LACK, START_REST, StandardizedStage
from zkunlearn.models.live import Live
from zkunlearn.models.methods.reference import Trace, exported, started
from zkunlearn.models.methods.schedule import Schedule
from zkunlearn.models.methods.sisa import Part, Stages
from zkunlearn.models.methods.standardization import Scaler, scaler_of, sums_of
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.shards import Run
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.verifier.protocol.code import PLAIN_RATE
from zkunlearn.verifier.protocol.proof import ProofShape

from .harness import (
    CLASSES,
    ROW_BITS,
    X_BITS,
    Columns,
    Declared,
    data_columns,
    descend,
    lies_of,
    matrix_shape,
    recount,
)
from .scalers import FEATURE, limbs, shard_scaler_columns

ROWS, FEATURES, EPOCHS, SHARD_ROWS = 21, 3, 2, 8  # three shards, the last one of five rows
FORGOTTEN = (1, 12)  # of the first slice of shard 0, and of the last one of shard 1
REQUESTED = (1, 7, 12, 15, 20)  # and rows of the last slice of shards 0 and 1, and of the second one of shard 2
REQUEST = (Run(0, 2, 3, 0), Run(2, 1, 2, 0))  # what that trains again, in three stages
WHOLE = (Run(0, 3),)
WRONG_SOURCES = [  # places of the request, and whose models they begin from
    pytest.param((0, 3), (1, 2), id="another shard's"),
    pytest.param((0, 3), (0, 1), id="another stage's"),
    pytest.param((0, 3), (0, 3), id="the last ones", marks=pytest.mark.slow),
    pytest.param((2, 2), (1, 1), id="another shard's, of the last one", marks=pytest.mark.slow),
    pytest.param((2, 2), None, id="zero", marks=pytest.mark.slow),
]
Data = tuple[Any, Any]
Place = tuple[int, int]  # a shard, and a stage of it, 1 to R
Traces = dict[Place, list[Trace]]  # of each output
Lies = Mapping[Place, Mapping[str, Any]]  # what a stage of a shard does otherwise: arguments of `stage_of`, or the
# models "before", (outputs, K), that it says it begins from
Runs = tuple[Run, ...]


@dataclass(frozen=True)
class SisaDeclared(Declared):
    """As other trainings are declared; some shards only, if it is said, and some of them from earlier models.

    Attributes:
        runs: see Stages; all stages of all shards without any.
        starts: of each earlier statement that is named, what it trained; empty for all.
    """

    runs: Runs = ()
    starts: tuple[Runs, ...] = ()

    @cached_property
    def schedule(self) -> Stages:  # type: ignore[override]
        compiled: Any = self.spec.compile(self.data, Live(self.data.rows, self.forgotten))
        found: Stages = compiled.scoped(self.runs, self.starts) if self.runs else compiled
        return found

    @cached_property
    def relation(self) -> Sisa:  # type: ignore[override]
        return Sisa(self.schedule)

    @cached_property
    def shape(self) -> ProofShape:
        columns = self.relation.columns
        rows = {name: max(column.bits for column in own) for name, own in columns.items()}
        models = [MODEL, *(start_matrix(i) for i in range(len(self.schedule.starts)))]
        shapes = {name: matrix_shape(name, columns[name], rows[name] + 1, PLAIN_RATE) for name in models}
        return ProofShape(self.relation, {"dataset": matrix_shape("dataset", columns["dataset"], ROW_BITS), **shapes})


def declare_sisa(
    forgotten: tuple[int, ...] = FORGOTTEN,
    rows: int = ROWS,
    runs: Runs = (),
    starts: tuple[Runs, ...] = (),
    classes: Sequence[str] = ("no", "yes"),
    **changes: Any,
) -> SisaDeclared:
    """Logistic regression in shards of eight rows, two slices of four, two epochs each."""
    choices: dict[str, Any] = {
        "method": "sisa", "shard_rows": SHARD_ROWS, "slices": 2,
        "model": "logistic", "epochs": EPOCHS, "learning_rate": 0.5, "l2": 0.01, "momentum": 0.25,
    }  # fmt: skip
    kind = "binary" if len(classes) == 2 else "categorical"
    shape = DatasetShape(
        rows=rows, features=FEATURES, label_kind=kind, label_bits=0, x_bits=X_BITS, classes=tuple(classes)
    )
    return SisaDeclared(TrainingSpec(**(choices | changes)), shape, forgotten, runs=runs, starts=starts)


def declare_standardized(forgotten: tuple[int, ...] = FORGOTTEN, **changes: Any) -> SisaDeclared:
    """The same on standardised features."""
    return declare_sisa(forgotten, **{"standardize": True, "learning_rate": 1.0, "l2": 0.1, **changes})


def values(rows: int = ROWS, outputs: int = 1) -> Data:
    """Features (N, d), and labels of two classes, or the numbers of several; of each shard several."""
    rng = np.random.default_rng(7)
    labels = np.arange(rows) * 5 % 7 % (2 if outputs == 1 else outputs)
    return rng.integers(-(1 << X_BITS), (1 << X_BITS) + 1, (rows, FEATURES)), labels


def with_narrow_feature(data: Data) -> Data:
    """With one of which an exponent less or more is one, too."""
    X = data[0].copy()
    X[:, FEATURE] //= 16
    return X, data[1]


SEVERAL: dict[str, Any] = {"classes": CLASSES}  # an axis of outputs, which is padded


# Training ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Alone:
    """One stage of one shard, for the harness."""

    schedule: Schedule


def alone(own: SisaDeclared, place: Place) -> Schedule:
    """The integers of one stage of one shard."""
    shard, stage = place
    return own.schedule.stages[stage - 1].of_shards(shard, 1)


def stage_of(
    own: SisaDeclared, data: Data, part: Schedule, index: int, start: Any, rows: Any = None, **changes: Any
) -> list[Trace]:
    """One stage of the `index`-th shard of a part, of each output.

    Args:
        start: the first weights of each output, (outputs, K).
        rows: positions of other rows than those of the shard.
        changes: arguments of the harness' `descend`.
    """
    single = part.of_shards(index, 1)
    assert single.stage is not None
    rows = single.stage.positions if rows is None else np.asarray(rows)
    alone: Any = Alone(single)
    return [
        descend(alone, rows_at(data, rows), output=output, **{"start": start[output], **changes})
        for output in range(own.data.outputs)
    ]


def rows_at(data: Data, positions: Any) -> Data:
    """Zeros where no row is."""
    there = positions < len(data[1])
    X, y = (cells[np.where(there, positions, 0)] for cells in data)
    return X * there[:, None], y * there


def trained(own: SisaDeclared, data: Data, earlier: Sequence[Traces] = (), lies: Lies | None = None) -> Traces:
    """All stages of all shards that are declared, each from where the one before ended.

    earlier: what each statement that is named trained.
    """
    found: Traces = {}
    for part in own.schedule.parts:
        for index, shard in enumerate(part.run.shards):
            place = shard, part.number
            changes = dict((lies or {}).get(place, {}))
            before = changes.pop("before", models_before(own, part, shard, found, earlier))
            changes.setdefault("scaler", scaler_in(own, place, data))
            single = part.schedule.of_shards(index, 1)
            changes.setdefault("start", np.stack([started(single, model, changes["scaler"]) for model in before]))
            found[place] = stage_of(own, data, part.schedule, index, **changes)
    return found


def scaler_in(own: SisaDeclared, place: Place, data: Data) -> Scaler | None:
    """What standardises a stage of a shard; None if nothing does."""
    single = alone(own, place)
    public, stage = single.standardization_of(0), single.stage
    if public is None or stage is None:
        return None
    return scaler_of(public, *sums_of(rows_at(data, stage.positions)[0].T, single.live.mask()))


def models_before(own: SisaDeclared, part: Part, shard: int, found: Traces, earlier: Sequence[Traces]) -> Any:
    """The integers of the models that a stage of a shard begins from, (outputs, K): those of zero weights at first."""
    if part.source is None:
        return np.zeros((own.data.outputs, own.schedule.width), dtype=np.int64)
    before = found if part.start is None else earlier[part.start]
    return models_of(own, before[shard, part.number - 1])


def models_of(own: SisaDeclared, traces: Sequence[Trace]) -> Any:
    """The integers of the models that a stage of a shard ends in, (outputs, K)."""
    return np.stack([exported(own.schedule.stages[0], trace.weights[-1], trace.scaler) for trace in traces])


def lasts(traces: Sequence[Trace]) -> Any:
    """The weights that a stage of a shard ends with, (outputs, K)."""
    return np.stack([trace.weights[-1] for trace in traces])


# Columns -------------------------------------------------------------------------------------------------------------


def told(
    own: SisaDeclared, data: Data, found: Traces, earlier: Sequence[Traces] = (), lies: Lies | None = None
) -> Columns:
    """All columns of a proof; of standardised features from integers that may be out of range."""
    columns = data_columns(data, own.data.outputs)
    for part, (naming, relation) in zip(own.schedule.parts, own.relation.parts, strict=True):
        traces = [found[shard, part.number] for shard in part.run.shards]
        own_columns = part_columns(relation, traces)
        if isinstance(relation, StandardizedStage):
            before = [
                (lies or {})
                .get((shard, part.number), {})
                .get("before", models_before(own, part, shard, found, earlier))
                for shard in part.run.shards
            ]
            own_columns |= standardized_columns(relation, traces, np.stack(before, axis=1))
        columns |= {naming.address(name): cells for name, cells in own_columns.items()}
    for i, (runs, models) in enumerate(zip(own.schedule.starts, earlier, strict=True)):
        columns |= start_columns(own, i, runs, models)
    return recount(own.relation, columns)


def part_columns(relation: GradientDescent, shards: Sequence[Sequence[Trace]]) -> Columns:
    """Columns of one stage, by their names in its own relation, from the traces of each of its shards; F arrays."""
    s = relation.schedule
    rows: dict[str, Any] = {
        name: np.stack([np.concatenate([getattr(t[o], name) for t in shards], axis=1) for o in range(s.outputs)])
        for name in ("Q", "P", "rem")
    }
    weights, u = _of_steps(shards, "weights"), _of_steps(shards, "u")
    columns: Columns = {Q: rows["Q"], PREDICTIONS: rows["P"], Z: rows["rem"] + (rows["Q"] << 16)}
    models = [[exported(s, trace.weights[-1], trace.scaler) for trace in traces] for traces in shards]
    columns |= limbs_of(relation, weights, u) | model_columns(s, np.stack(models, axis=1))
    return {name: to_field(np.asarray(cells).astype(np.int64)) for name, cells in columns.items()}


def _of_steps(shards: Sequence[Sequence[Trace]], name: str) -> Any:
    """Of all traces: (outputs, T, shards, K), of weights one step more."""
    outputs = range(len(shards[0]))
    return np.stack([np.stack([getattr(traces[o], name) for traces in shards], axis=1) for o in outputs])


def by_step(s: Schedule, values: Any) -> Any:
    """(outputs, T, shards, ..) as it is committed: several batches of a shard have an axis behind that of shards."""
    if s.batches == 1:
        return values
    return np.moveaxis(values.reshape(len(values), s.epochs, s.batches, *values.shape[2:]), 2, 3)


def standardized_columns(relation: StandardizedStage, shards: Sequence[Sequence[Trace]], before: Any) -> Columns:
    """What a stage on standardised features has besides. before: models that it begins from, (outputs, shards, K)."""
    s, scalers = relation.schedule, [traces[0].scaler for traces in shards]
    lies = [scaler for scaler in scalers if scaler is not None]
    columns = {
        GRADIENTS: to_field(by_step(s, _of_steps(shards, "gradients"))),
        RESIDUALS: to_field(by_step(s, _of_steps(shards, "residuals"))),
        **shard_scaler_columns(relation.scaler, lies),
    }
    if relation.start is None:
        return columns
    first, d = _of_steps(shards, "weights")[:, 0], s.features
    power, shift = (np.stack([getattr(scaler, name) for scaler in lies]) for name in ("power", "shift"))
    rest = before[..., :d] - power * first[..., :d]
    taken = before[..., d] + (shift * first[..., :d]).sum(axis=-1)
    rests = {START_REST: rest, START_LACK: power - 1 - rest, BIAS_REST: taken - (first[..., d] << s.scales.x_bits)}
    for name, bits in ((name, bits) for own in relation.remainders for name, bits in own.bits.items()):
        columns |= limbs(name, bits, rests[name])
    return columns


def limbs_of(relation: GradientDescent, weights: Any, u: Any) -> Columns:
    """All limbs of weights (outputs, T + 1, shards, K) and of remainders (outputs, T, shards, K)."""
    s, columns = relation.schedule, {}
    offset = 1 << (s.weight_bits - 1)
    for parameter, at in (WEIGHTS, slice(0, s.features)), (BIAS, s.features):
        if parameter in relation.parameters:
            columns |= split_limbs(by_step(s, weights[:, :-1])[..., at] + offset, parameter.steps, s.weight_bits)
            columns |= split_limbs(by_step(s, u)[..., at], parameter.remainder, s.shift)
            columns |= split_limbs(weights[:, -1, ..., at] + offset, parameter.last, s.weight_bits)
    return columns


def model_columns(s: Schedule, integers: Any) -> Columns:
    """Of models (outputs, shards, K)."""
    columns: Columns = {COEFFICIENTS: integers[..., : s.features]}
    return {**columns, INTERCEPT: integers[..., s.features]} if s.bias else columns


def start_columns(own: SisaDeclared, number: int, runs: Runs, models: Traces) -> Columns:
    """The models of an earlier statement, as the matrix that is begun from."""
    columns: Columns = {}
    for run in runs:
        for stage in range(run.stage, own.schedule.shards.slices + 1):
            integers = np.stack([models_of(own, models[shard, stage]) for shard in run.shards], axis=1)
            for name, cells in model_columns(own.schedule.stages[stage - 1], integers).items():
                columns[Address(start_matrix(number), part_name(run, stage) + name.name)] = to_field(cells)
    return columns


def column(own: SisaDeclared, place: Place, name: Address) -> Address:
    """A column of a part, by one of its shards and its stage."""
    shard, stage = place
    parts = zip(own.schedule.parts, own.relation.parts, strict=True)
    return next(n.address(name) for part, (n, _) in parts if part.number == stage and shard in part.run.shards)


def of_part(own: SisaDeclared, stage: int, *names: str, shard: int = 0) -> tuple[str, ...]:
    """Names of checks of a part."""
    run = next(run for run in own.schedule.runs if shard in run.shards)
    return tuple(part_name(run, stage) + name for name in names)


def lying(own: SisaDeclared, data: Data, lies: Lies, earlier: Sequence[Traces] = ()) -> Columns:
    """All columns of a proof of something else than what was declared."""
    return told(own, data, trained(own, data, earlier, lies), earlier, lies)


def assert_false(own: SisaDeclared, columns: Columns, *lies: str) -> None:
    """Exactly these equations fail. What the verifier makes of that, `assert_caught` asks of one lie of each kind."""
    assert lies_of(own.shape, columns) == set(lies)


# Commitments to the same models -------------------------------------------------------------------------------------


def with_momentum(own: SisaDeclared, place: Place, step: int, factor: int, before: Any) -> Any:
    """A step with so many times the momentum that is declared, of a step that began from `before`; None for its own."""
    s, seen = alone(own, place), []

    def after(at: int, weights: Any, moved: Any, u: Any) -> tuple[Any, Any]:
        seen.append(weights)
        if at != step:
            return moved, u
        last = seen[-2] if before is None else before
        v = ((weights - moved) << s.shift) + u - factor * s.m_epoch[at // s.batches] * (weights - last)
        return weights - (v >> s.shift), v & ((1 << s.shift) - 1)

    return after


def linked_shape(declared: SisaDeclared) -> ProofShape:
    """That two commitments hold these models; both on one code."""
    relation = model_recommitment(declared.relation.columns[MODEL])
    bits = 1 + max(column.bits for column in relation.each)
    matrices = {name: matrix_shape(name, own, bits, PLAIN_RATE) for name, own in relation.columns.items()}
    return ProofShape(relation, matrices)


def linked_columns(columns: Columns) -> Columns:
    """The models twice."""
    old = {name: cells for name, cells in columns.items() if name.matrix == MODEL}
    return old | {Address(NEW_MODEL, name.name): cells for name, cells in old.items()}


def start_column(name: Address) -> Address:
    """A column of the models that the request begins from."""
    return Address(start_matrix(0), part_name(WHOLE[0], 2) + name.name)
