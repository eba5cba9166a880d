"""Owners who lie about how features are standardised in shards, or about where a stage begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import add, mul, to_field
from zkunlearn.circuits.language.layout import Address
from zkunlearn.circuits.relations.sisa import part_name, start_matrix
from zkunlearn.models.methods import reference
from zkunlearn.models.methods.reference import started
from zkunlearn.models.methods.standardization import Scaler, scaler_of, sums_of
from zkunlearn.models.shards import Run
from zkunlearn.prover.matrices.values import Combination, in_field
from zkunlearn.prover.witnesses import run as descents
from zkunlearn.prover.witnesses import sisa, standardization, standardized_stage
from zkunlearn.prover.witnesses.model import model_cells
from zkunlearn.prover.witnesses.rows import Rows
from zkunlearn.prover.witnesses.sisa import by_part, models_of, sisa_witness, train_shards

from .harness import Columns, Outcome, assert_caught, data_columns, lies_of, prove, recount
from .sisa_runs import Data, SisaDeclared, declare_sisa, values
from .test_lying_scaler import limbs

SPEC: dict[str, Any] = {"standardize": True, "l2": 0.1}
STAGE = "shards 0 to 2, stage 2: "
Models = Any  # int64 (models, K)


def rows_of(data: Data) -> Rows:
    (X, y), nothing = data, np.zeros((2, len(data[1])), dtype=np.uint64)
    salts = np.zeros((len(y), 32), dtype=np.uint8)
    return Rows([""] * len(y), X.T.astype(np.int16), y.astype(np.int32), nothing, salts)


def cells_of(column: Any) -> Any:
    """Of a column that is stored, or that is a sum of such ones; F array."""
    if not isinstance(column, Combination):
        return in_field(column)
    total = to_field(np.array(0))
    for coefficient, part in column.parts:
        total = add(total, mul(in_field(part), to_field(np.array(coefficient))))
    total[..., column.holes] = column.at_holes
    return total


def told(own: SisaDeclared, data: Data, earlier: Sequence[tuple[SisaDeclared, Models]] = ()) -> tuple[Columns, Models]:
    """All columns of a proof, as the prover trains; and the models of it."""
    runs = train_shards(rows_of(data), own.schedule, [models for _, models in earlier])
    columns = data_columns(data)
    columns |= {name: cells_of(column) for name, column in sisa_witness(own.relation, runs).columns.items()}
    for i, (before, models) in enumerate(earlier):
        for (run, stage), integers in by_part(before.schedule, models, before.schedule.runs).items():
            for column, cells in model_cells(before.schedule.features, integers).items():
                columns[Address(start_matrix(i), part_name(run, stage) + column.name)] = in_field(cells)
    return recount(own.relation, columns), models_of(own.schedule, runs)


def any_limbs(values: Any, integer: Address, bits: int) -> Columns:
    """Limbs of integers of any size, boxes of them."""
    flat = limbs(integer, bits, np.asarray(values).reshape(-1))
    return {name: cells.reshape(np.shape(values)) for name, cells in flat.items()}


@pytest.fixture(autouse=True)
def integers_out_of_range(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a lie makes too large, or negative, is committed all the same; `recount` counts what is looked up."""
    monkeypatch.setattr(sisa, "multiplicities", lambda *_: {})
    for module in (standardization, standardized_stage):
        monkeypatch.setattr(module, "split_limbs", any_limbs)
        monkeypatch.setattr(module, "limb_rows", lambda *_: {})


@pytest.fixture(scope="module")
def data() -> Data:
    """With a feature of a small spread."""
    X, y = values()
    X[:, 1] //= 16
    return X, y


@pytest.fixture(scope="module")
def first(data: Data) -> tuple[SisaDeclared, Models]:
    own = declare_sisa(**SPEC)
    return own, told(own, data)[1]


@pytest.fixture(scope="module")
def own() -> SisaDeclared:
    """The second stage of three shards, from the models of an earlier statement; of each shard a row is forgotten."""
    return declare_sisa((1, 6, 12, 16), runs=(Run(0, 3, 2, 0),), starts=((Run(0, 3),),), **SPEC)


@pytest.fixture(scope="module")
def honest(own: SisaDeclared, data: Data, first: tuple[SisaDeclared, Models]) -> Columns:
    return told(own, data, [first])[0]


def test_the_truth_is_accepted(own: SisaDeclared, honest: Columns) -> None:
    outcome = prove(own.shape, honest)
    assert outcome.prover.lies == set()
    assert outcome.verdict() == "valid"


def lied(own: SisaDeclared, data: Data, first: tuple[SisaDeclared, Models]) -> Outcome:
    return prove(own.shape, told(own, data, [first])[0])


def told_otherwise(monkeypatch: pytest.MonkeyPatch, name: str, lie: Callable[..., Any]) -> None:
    """Wherever features are standardised."""
    for module in (descents, reference):
        monkeypatch.setattr(module, name, lie)


def test_means_and_spreads_of_other_rows_are_caught(
    own: SisaDeclared, data: Data, first: tuple[SisaDeclared, Models], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of as many rows, but with forgotten ones among them."""

    def others(X: Any, counted: Any) -> Any:
        return sums_of(X, np.arange(len(counted)) >= len(counted) - counted.sum())

    told_otherwise(monkeypatch, "sums_of", others)
    assert_caught(lied(own, data, first), STAGE + "moments")


def test_a_rate_that_is_no_quotient_is_caught(
    own: SisaDeclared, data: Data, first: tuple[SisaDeclared, Models], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more than it is: what is left of the division is negative."""

    def larger(public: Any, *sums: Any) -> Scaler:
        honest = scaler_of(public, *sums)
        divisor = 2 * (honest.V + public.floor)
        more = np.array([0, 1, 0])
        return replace(honest, D=honest.D + more, rem=honest.rem - more * divisor)

    told_otherwise(monkeypatch, "scaler_of", larger)
    assert_caught(lied(own, data, first), "lookup sum")


def rounded_up(schedule: Any, model: Any, scaler: Any) -> Any:
    return started(schedule, model, scaler) + np.array([0, 1, 0, 0])


def from_zero(schedule: Any, model: Any, scaler: Any) -> Any:
    return started(schedule, 0 * model, scaler)


@pytest.mark.parametrize("begin", [rounded_up, from_zero])
def test_a_start_from_other_weights_is_caught(
    own: SisaDeclared,
    data: Data,
    first: tuple[SisaDeclared, Models],
    monkeypatch: pytest.MonkeyPatch,
    begin: Callable[..., Any],
) -> None:
    """What rounding down leaves of them is negative, or too much."""
    monkeypatch.setattr(descents, "started", begin)
    assert_caught(lied(own, data, first), "lookup sum")


@pytest.mark.slow
def test_every_integer_of_a_stage_is_in_an_equation(own: SisaDeclared, honest: Columns) -> None:
    """Of what is committed besides what is trained: of the last shard and feature, one more is a lie."""
    ((naming, relation),) = own.relation.parts
    for column in relation.besides:
        address = naming.address(Address("witness", column.name))
        cells = honest[address].copy()
        last = tuple(size - 1 for size in cells.shape)
        cells[last] = add(cells[last], to_field(np.array(1)))
        assert lies_of(own.shape, recount(own.relation, honest | {address: cells})), column.name
