"""The relations of one-pass training: public vectors are extensions of their tables, every column is bound."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.language.layout import WITNESS, Address
from zkunlearn.circuits.language.tables import limb_widths
from zkunlearn.circuits.relations.dataset import BLINDS
from zkunlearn.circuits.relations.methods import RELATIONS_OF_METHOD
from zkunlearn.circuits.relations.one_pass import OnePass
from zkunlearn.circuits.relations.standardization import EXPONENT, FIELD_COLUMNS
from zkunlearn.circuits.relations.standardized_one_pass import StandardizedOnePass
from zkunlearn.models.live import Live
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.matrices.values import column_axes

from .test_relations import SCALER_SUMS, assert_extensions, boxes, walked


def once(
    rows: int,
    features: int,
    epochs: int,
    forgotten: tuple[int, ...] = (),
    ranges: tuple[tuple[int, int], ...] = (),
    **spec: Any,
) -> OnePass:
    fields: dict[str, Any] = {"learning_rate": 0.5, "momentum": 0.5} | spec
    declared = TrainingSpec(model="linear", method="one-pass", epochs=epochs, **fields)
    shape = DatasetShape(rows=rows, features=features, label_kind="real", label_bits=14, x_bits=10)
    schedule: Any = declared.compile(shape, Live(rows, forgotten, ranges))
    relation: Any = RELATIONS_OF_METHOD["one-pass"](schedule)
    return relation


RELATIONS = {
    "one row, one step": once(1, 1, 1),
    "powers of two": once(16, 4, 8, (0, 15), l2=0.125),
    "odd sizes": once(13, 3, 5, (2, 5, 12), momentum=(0.5, 0.25, 0.0, 0.75, 0.9), l2=0.125),
    "no bias": once(11, 3, 3, (2, 5), bias=False),
    "no bias, one feature": once(11, 1, 3, bias=False, l2=0.125),
    "rates": once(11, 2, 3, learning_rate=(0.5, 0.25, 0.125), momentum="increasing"),
    "ranges": once(29, 3, 2, (9, 26), ((1, 3), (4, 12), (14, 15), (25, 28)), penalize_intercept=True, l2=0.125),
    "standardised, one row": once(1, 1, 1, standardize=True),
    "standardised": once(13, 3, 5, (2, 5, 12), standardize=True, l2=0.125),
    "standardised, powers of two": once(16, 4, 8, (), standardize=True, l2=0.125, penalize_intercept=True),
    "standardised, ranges": once(29, 5, 3, (9,), ((1, 3), (4, 12)), standardize=True),
}
NAMED = pytest.mark.parametrize("name", RELATIONS)


@NAMED
def test_public_vectors_are_extensions_of_their_tables(name: str) -> None:
    relation = RELATIONS[name]
    steps = walked(relation)
    sums = ["moments of products", "update", "products", "iterations"]
    if isinstance(relation, StandardizedOnePass):
        more = relation.schedule.penalised
        sums = [*SCALER_SUMS, "moments of products", "scaled features", *["diagonal"] * more, "intercept", "update"]
        sums += [*["penalties"] * more, "products", "iterations"]
    assert [statement.name for statement, _ in steps.sums] == sums
    assert_extensions(relation, steps)


@NAMED
def test_every_column_but_the_blinds_is_claimed_at_all_its_axes(name: str) -> None:
    relation = RELATIONS[name]
    axes, claims = column_axes(relation), walked(relation).claims
    assert set(Counter(column for column, _ in claims)) == set(axes) - set(relation.virtual) - set(BLINDS)
    for column, at in claims:
        assert {axis.name: axis.bits for axis in axes[column]} == {name: len(part) for name, part in at.items()}


@NAMED
def test_every_value_that_no_matrix_holds_is_the_claim_of_a_sum(name: str) -> None:
    """The limbs of weights at one or two features, summed over steps; scaled features at two; and all totals."""
    relation = RELATIONS[name]
    steps = walked(relation)
    places = 1 + (isinstance(relation, StandardizedOnePass) and relation.schedule.penalised)
    limbs = len(limb_widths(relation.schedule.weight_bits))
    assert len(steps.to_prove) == places * limbs + 2 * isinstance(relation, StandardizedOnePass)
    proved = {node for claim in steps.proved for _, node in claim.terms}
    assert {node for value in steps.to_prove + steps.totals for _, node in value.terms} <= proved


@NAMED
def test_every_integer_of_the_witness_is_looked_up_and_what_follows_from_others_is_not(name: str) -> None:
    relation = RELATIONS[name]
    looked_up = {column for box in boxes(relation) for column in box.columns}
    counts = {table.multiplicity for section in relation.sections for table in section.tables}
    witness = {Address(WITNESS, column.name) for column in relation.columns[WITNESS]}
    functions = {EXPONENT, *FIELD_COLUMNS} if isinstance(relation, StandardizedOnePass) else set()
    assert witness - counts - functions == looked_up
    assert len(column_axes(relation)) == sum(map(len, relation.columns.values())) + len(relation.virtual)


@NAMED
def test_every_real_cell_is_looked_up(name: str) -> None:
    """Nothing of a one-pass witness is of a row: nobody's forgetting makes a hole in it."""
    for box in boxes(RELATIONS[name]):
        assert box.indicator.table().all()


@pytest.mark.parametrize("bits", [7, 8])
def test_parts_of_lookups_are_the_whole_in_sections(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "SECTION_BITS", bits)
    relation = once(13, 3, 9, (2,), l2=0.125)
    assert len(relation.sections) > 1
    steps = [box for box in boxes(relation) if box.name.startswith("weight limbs")]
    assert sum(box.indicator.table().size for box in steps) == 27
    assert [statement.name for statement, _ in walked(relation).sums].count("update") == 1
