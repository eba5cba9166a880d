"""The relation of sharded training: public vectors are extensions of their tables, every column is bound and named."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.language.layout import WITNESS, Address
from zkunlearn.circuits.relations.dataset import BLINDS
from zkunlearn.circuits.relations.gradient_descent import GradientDescent
from zkunlearn.circuits.relations.sisa import Sisa
from zkunlearn.circuits.relations.standardization import EXPONENT
from zkunlearn.circuits.relations.standardized_stage import StandardizedStage
from zkunlearn.models.live import Live
from zkunlearn.models.methods.sisa import MAX_SCALED, stages_of
from zkunlearn.models.scales import FixedPoint
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.shards import Run
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.matrices.values import column_axes

from ..attacks.sisa_runs import SEVERAL, declare_sisa, declare_standardized
from .test_relations import SCALER_SUMS, assert_extensions, boxes, walked


def sharded(**changes: Any) -> Sisa:
    return declare_sisa(**changes).relation


def standardized(**changes: Any) -> Sisa:
    return declare_standardized(**changes).relation


WHOLE = (Run(0, 3),)
RELATIONS = {
    "all": sharded(),
    "one stage": sharded(slices=1, forgotten=()),
    "three stages": sharded(slices=3, bias=False),
    "a last shard of one row, forgotten": sharded(rows=17, forgotten=(16,)),
    "one shard with fewer rows": sharded(rows=5, forgotten=(1,)),
    "classes": sharded(**SEVERAL, class_weight={"a": 1, "b": 7, "c": 3}, forgotten=(3,)),
    "some shards": sharded(runs=(Run(0, 1), Run(2, 1))),
    "begun from all": sharded(runs=(Run(0, 2, 2, 0), Run(2, 1, 2, 0)), starts=(WHOLE,)),
    "begun from two": sharded(
        slices=3, runs=(Run(0, 1, 3, 1), Run(1, 1, 2, 0)), starts=(WHOLE, (Run(0, 1, 2, 0), Run(2, 1)))
    ),
    "batches": sharded(slices=3, batch_size=2, momentum=0.5),
    "batches of one row, one shard with fewer rows": sharded(rows=5, forgotten=(1,), batch_size=1),
    "batches, classes, begun from all": sharded(
        **SEVERAL, class_weight={"a": 1, "b": 7, "c": 3}, forgotten=(3,), slices=3, batch_size=2,
        runs=(Run(0, 2, 2, 0), Run(2, 1, 2, 0)), starts=(WHOLE,),
    ),
    "standardised": standardized(),
    "standardised batches": standardized(slices=3, batch_size=2, forgotten=(1, 8, 9)),
    "standardised, one shard with fewer rows": standardized(rows=5, forgotten=(1,)),
    "standardised, a shard without rows": standardized(rows=17, forgotten=(1, 16), slices=1),
    "standardised, classes": standardized(**SEVERAL, class_weight={"a": 1, "b": 7, "c": 3}, forgotten=(3,)),
    "standardised, begun from all": standardized(runs=(Run(0, 2, 2, 0), Run(2, 1, 2, 0)), starts=(WHOLE,)),
}  # fmt: skip
NAMED = pytest.mark.parametrize("name", RELATIONS)


@NAMED
def test_public_vectors_are_extensions_of_their_tables(name: str) -> None:
    relation = RELATIONS[name]
    steps = walked(relation)
    names = [statement.name for statement, _ in steps.sums]
    for naming, part in relation.parts:
        own = [found.removeprefix(naming.prefix) for found in names if found.startswith(naming.prefix)]
        assert own == sums_of(part)
    assert_extensions(relation, steps)


def sums_of(part: GradientDescent) -> list[str]:
    """Names of the sums of a part, in order."""
    rows = ["gradient", "epochs", *["class weights"] * part.schedule.weighted]
    decay = ["bias decay"] * part.schedule.bias
    if not isinstance(part, StandardizedStage):
        return ["product", "update", *decay, *rows]
    start = ["starting weights", "starting means"] if part.start is not None else []
    return [
        *SCALER_SUMS, "counted", "means of scores", "product", *start, "intercept", "update", *decay,
        "scaled gradient", "centred gradient", *rows, *rows,
    ]  # fmt: skip


@NAMED
def test_every_column_that_is_used_is_claimed_at_all_its_axes(name: str) -> None:
    """Blinds are not, and of earlier models those that nothing begins from."""
    relation = RELATIONS[name]
    axes, claims = column_axes(relation), walked(relation).claims
    begun = {
        naming.address(column)
        for naming, part in relation.parts
        if part.start is not None
        for column in (Address("start", "weights"), Address("start", "intercept"))
    }
    unused = {column for column in axes if column.matrix.startswith("start ")} - begun
    assert set(Counter(column for column, _ in claims)) == set(axes) - set(relation.virtual) - set(BLINDS) - unused
    for column, at in claims:
        assert {axis.name: axis.bits for axis in axes[column]} == {name: len(part) for name, part in at.items()}


@NAMED
def test_every_integer_of_the_witness_is_looked_up_but_scores_in_rows_that_do_not_count(name: str) -> None:
    relation = RELATIONS[name]
    looked_up = {column for box in boxes(relation) for column in box.columns}
    counts = {table.multiplicity for section in relation.sections for table in section.tables}
    witness = {Address(WITNESS, column.name) for column in relation.columns[WITNESS]}
    functions = {
        naming.address(column)
        for naming, part in relation.parts
        if isinstance(part, StandardizedStage)
        for column in (EXPONENT, *part.scaler.fields)
    }
    assert witness - counts - functions == looked_up - set(relation.virtual) and not functions & looked_up
    for naming, part in relation.parts:
        for box in (box for own in part.boxes for box in own):
            live = part.schedule.live.mask() if "scores" in box.name else True
            assert (box.indicator.table().astype(bool) == live).all(), naming.prefix + box.name


def test_no_two_parts_share_a_name_but_that_of_the_data_set() -> None:
    relation = RELATIONS["begun from two"]
    held = [Address(name, column.name) for name, own in relation.columns.items() for column in own]
    assert len(set(held)) == len(held) and len(column_axes(relation)) == len(held) + len(relation.virtual)
    names = [box.name for box in boxes(relation)]
    assert len(set(names)) == len(names)


def test_boxes_are_put_into_sections_in_their_order_as_many_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What they are does not depend on it."""
    whole = [box.name for box in boxes(RELATIONS["all"])]
    assert len(RELATIONS["all"].sections) == 1
    monkeypatch.setattr(tables, "SECTION_BITS", 8)
    relation = sharded()
    assert 1 < len(relation.sections) < len(whole)
    assert [box.name for section in relation.sections for box in section.boxes] == whole
    for section, following in zip(relation.sections, relation.sections[1:], strict=False):
        assert sum(map(leaves, section.boxes)) <= 1 << 8 < sum(map(leaves, (*section.boxes, following.boxes[0])))


def leaves(box: Any) -> int:
    return 1 << sum(axis.bits for axis in box.axes) + (len(box.lookups) - 1).bit_length()


def test_what_every_claim_asks_for_is_laid_out_once() -> None:
    """Were it not, a plan of many parts would cost their square."""
    relation = RELATIONS["all"]
    assert relation.virtual is relation.virtual and relation.columns is relation.columns


def test_what_standardises_most_features_of_all_shards_is_looked_up_in_one_box() -> None:
    """Its walk begins where that box ended."""
    shards, features = 2049, 63
    assert shards * (features + 1) > MAX_SCALED >= shards * features
    spec = TrainingSpec(
        model="logistic", method="sisa", shard_rows=4096, epochs=1, learning_rate=1.0, standardize=True,
        fixed_point=FixedPoint(x_bits=14, w_bits=10, p_bits=14),
    )  # fmt: skip
    shape = DatasetShape(
        rows=shards * 4096, features=features, label_kind="binary", label_bits=0, x_bits=14, classes=("no", "yes")
    )
    ((_, part),) = Sisa(stages_of(spec.compile(shape, Live(shape.rows)))).parts
    assert isinstance(part, StandardizedStage)
    (box,) = part.scaler.boxes
    assert leaves(box) <= 1 << tables.SECTION_BITS
