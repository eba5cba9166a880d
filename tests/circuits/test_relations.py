"""Every public vector of a relation: its closed form is the extension of its table. Every column is claimed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import K, P, kvector
from zkunlearn.circuits.field.multilinear import Point, kevaluate, log2_ceil
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.language.hidden import Hidden, HiddenProgram, Product
from zkunlearn.circuits.language.layout import WITNESS, Address
from zkunlearn.circuits.language.relation import LookedUp, LookupBox, PublicVector, Relation, Sum, SumResult
from zkunlearn.circuits.relations.dataset import BLINDS
from zkunlearn.circuits.relations.distance import Distance, LinearDistance
from zkunlearn.circuits.relations.distances import Distances
from zkunlearn.circuits.relations.evaluation import Evaluation
from zkunlearn.circuits.relations.gradient_descent import GradientDescent
from zkunlearn.circuits.relations.methods import descent
from zkunlearn.circuits.relations.several_classes import SeveralClasses
from zkunlearn.circuits.relations.sharded_evaluation import ShardedEvaluation
from zkunlearn.circuits.relations.standardization import EXPONENT, FIELD_COLUMNS
from zkunlearn.circuits.relations.standardized_descent import StandardizedDescent
from zkunlearn.circuits.relations.validity import Validity
from zkunlearn.models.live import Live
from zkunlearn.models.shapes import DatasetShape
from zkunlearn.models.spec import TrainingSpec
from zkunlearn.prover.matrices.values import column_axes
from zkunlearn.verifier.protocol.lookup import split_point
from zkunlearn.verifier.protocol.sumcheck import bound_point

from ..attacks import class_losses, evaluations, predictions, shard_counts, shard_evaluations, shard_losses
from ..attacks.distance_runs import declare_counts, declare_distance
from ..attacks.distances_runs import declare_classes
from ..attacks.linear_distance_runs import declare_linear_distance
from ..toys import ScaledGradient


def training(
    rows: int,
    features: int,
    epochs: int,
    batch: int | None,
    forgotten: tuple[int, ...] = (),
    ranges: tuple[tuple[int, int], ...] = (),
    **spec: Any,
) -> GradientDescent:
    model, several = spec.pop("model", "logistic"), spec.pop("classes", ())
    declared = TrainingSpec(model=model, epochs=epochs, batch_size=batch, **({"learning_rate": 0.5} | spec))
    kind = {"logistic": "binary", "linear": "real"}[model]
    bits, classes = (14, ()) if kind == "real" else (0, ("no", "yes"))
    kind, classes = ("categorical", tuple(several)) if several else (kind, classes)
    shape = DatasetShape(rows=rows, features=features, label_kind=kind, label_bits=bits, x_bits=10, classes=classes)
    schedule: Any = declared.compile(shape, Live(rows, forgotten, ranges))
    relation: Any = descent(schedule)
    return relation


TRAININGS = {
    "one row": training(1, 1, 1, None),
    "one epoch": training(7, 2, 1, None),
    "powers of two": training(16, 3, 4, 4, (0, 15), l2=0.1),
    "odd epochs, partial last block, forgotten rows": training(13, 3, 3, 4, (2, 5, 12), l2=0.01),
    "a last block of one row, forgotten": training(9, 2, 5, 4, (8,)),
    "a whole block forgotten": training(11, 2, 3, 2, (4, 5), learning_rate=(0.5, 0.25, 0.125)),
    "blocks of one row": training(5, 4, 2, 1, (1,), model="linear", learning_rate=0.01),
    "no bias": training(11, 3, 3, 2, (2, 5), bias=False, model="linear", l2=0.01),
    "no bias, features a power of two": training(6, 4, 3, None, bias=False),
    "a batch larger than the data": training(5, 3, 3, 16, (0,)),
    "a range within a block": training(13, 2, 2, 8, (), ((2, 5),)),
    "a range of one block, all rows": training(13, 2, 2, None, (3,), ((0, 9),)),
    "ranges that begin and end anywhere": training(29, 3, 2, 4, (9, 26), ((1, 3), (4, 12), (14, 15), (25, 28))),
    "ranges of whole blocks": training(16, 2, 2, 4, (13,), ((0, 4), (12, 16))),
    "momentum, blocks": training(13, 3, 5, 4, (2,), momentum="increasing", l2=0.1),
    "momentum, full batch": training(13, 3, 5, None, momentum=(0.5, 0.25, 0.0, 0.75, 0.9)),
    "momentum, one epoch": training(9, 3, 1, 2, momentum=0.5),
    "an intercept that decays": training(9, 3, 4, 2, l2=0.1, penalize_intercept=True),
    "weighted classes": training(13, 3, 2, 4, (2,), class_weight={"no": 1, "yes": 9}),
    "all rows but one forgotten": training(10, 5, 6, 8, tuple(range(9)), model="linear"),
    "three classes": training(13, 3, 3, 4, (2, 5, 12), l2=0.01, classes="abc"),
    "four classes, one row": training(1, 1, 1, None, classes="abcd"),
    "five weighted classes, no bias": training(
        13, 3, 3, 4, (2,), bias=False, classes="abcde", class_weight={"a": 1, "b": 9, "c": 2, "d": 1, "e": 4}
    ),
    "three weighted classes, an intercept that decays": training(
        9, 3, 4, None, l2=0.1, penalize_intercept=True, classes="abc", class_weight={"a": 1, "b": 3, "c": 2}
    ),
    "standardised, three weighted classes": training(
        13, 3, 3, 4, (2, 5, 12), standardize=True, l2=0.01, classes="abc", class_weight={"a": 1, "b": 3, "c": 2}
    ),
    "standardised, one row": training(1, 1, 1, None, standardize=True),
    "standardised, full batch": training(7, 4, 3, None, (2,), standardize=True, momentum=0.5),
    "standardised, partial last block": training(13, 3, 3, 4, (2, 5, 12), standardize=True, l2=0.01),
    "standardised, a last block of one row, forgotten": training(9, 2, 5, 4, (8,), standardize=True),
    "standardised, ranges": training(29, 3, 2, 4, (9, 26), ((1, 3), (4, 12), (14, 15), (25, 28)), standardize=True),
    "standardised, rates and weights of classes": training(
        11, 5, 3, 2, (4, 5), standardize=True, learning_rate=(0.5, 0.3, 0.1), class_weight={"no": 2, "yes": 1}
    ),
    "standardised, all but one forgotten": training(10, 5, 2, 8, tuple(range(9)), model="linear", standardize=True),
}
SCALER_SUMS = "exponents", "exponents are one", "moments", "means", "variances", "variances", "powers", "rates"
VALIDITIES = {kind: Validity(11, 3, kind, 1, 10) for kind in ("binary", "real", "count")}
VALIDITIES |= {f"{count} classes": Validity(11, 3, "categorical", count, 10) for count in (3, 4, 5)}
VALIDITIES |= {
    "keys": Validity(11, 3, "binary", 1, 10, key_limbs=6),
    "keys, a power of two of rows": Validity(16, 3, "real", 1, 10, key_limbs=6),
    "keys, of one row more": Validity(17, 3, "count", 1, 10, (16,), key_limbs=6),
    "keys, holes, classes": Validity(11, 3, "categorical", 3, 10, (0, 5), key_limbs=6),
    "keys, one row left": Validity(3, 3, "binary", 1, 10, (0, 2), key_limbs=6),
    "keys, one row": Validity(1, 3, "binary", 1, 10, key_limbs=6),
}
PREDICTIONS = {f"{what} of {outputs}": predictions.relation(what, outputs) for what, outputs in predictions.CASES}
EVALUATIONS: dict[str, Relation] = {
    "evaluation": evaluations.relation(),
    "evaluation of several classes": evaluations.several().relation,
    "evaluation of numbers": evaluations.numbers().relation,
    "evaluation of losses, several classes": class_losses.class_losses().relation,
    "evaluation of counts": evaluations.counts().relation,
}
SHARDED: dict[str, Relation] = {
    "evaluation of shards": shard_evaluations.opinions().relation,
    "evaluation of shards, several classes": shard_evaluations.classes().relation,
    "evaluation of shards, losses": shard_losses.losses().relation,
    "evaluation of shards, losses of several classes": shard_losses.class_losses().relation,
    "evaluation of shards, numbers": shard_evaluations.means().relation,
    "evaluation of shards, counts": shard_counts.counts().relation,
}
DISTANCES: dict[str, Relation] = {
    "distance": declare_distance().own.relation,
    "linear distance": declare_linear_distance().own.relation,
    "distance of counts": declare_counts().own.relation,
    "distances of classes": declare_classes().own.relation,
}
OTHERS: dict[str, Relation] = {**DISTANCES, **EVALUATIONS, **SHARDED, **PREDICTIONS}
RELATIONS: dict[str, Relation] = {**TRAININGS, **VALIDITIES, **OTHERS}


class Noting:
    """Walks a relation with random challenges, and notes what it states."""

    def __init__(self, relation: Relation, seed: int = 0) -> None:
        self.virtual = relation.virtual
        self.rng = random.Random(seed)
        self.program = HiddenProgram()
        self.sums: list[tuple[Sum, Point]] = []
        self.claims: list[tuple[Address, Mapping[str, Point]]] = []
        self.to_prove: list[Hidden] = []  # values of virtual columns
        self.totals: list[Hidden] = []  # of sums
        self.proved: list[Hidden] = []  # claims of sums

    def random_point(self, bits: int) -> Point:
        return tuple(K(self.rng.randrange(P), self.rng.randrange(P)) for _ in range(bits))

    def point(self, label: str, bits: int) -> Point:
        return self.random_point(bits)

    def evaluate(self, column: Address, at: Mapping[str, Point]) -> Hidden:
        return self.value(column, at)

    def total(self, statement: Sum) -> Hidden:
        self.totals.append(self.program.entry())
        return self.totals[-1]

    def value(self, column: Address, at: Mapping[str, Point] | None) -> Hidden:
        """A claim about a column, or one that is left to a later sum."""
        value = self.program.entry()
        if at is None or column in self.virtual:
            self.to_prove.append(value)
        else:
            self.claims.append((column, at))
        return value

    def sumcheck(self, statement: Sum, claim: Hidden) -> SumResult:
        point = self.random_point(statement.variables)
        self.sums.append((statement, point))
        self.proved.append(claim)
        terms = [[(term.column, bound_point(term, point)) for term in factor.terms] for factor in statement.factors]
        return SumResult(point, tuple(tuple(self.value(*term) for term in own) for own in terms))

    def require_zero(self, check: str, expression: Hidden, products: Sequence[Product] = ()) -> None:
        self.program.require_zero(check, expression, products)


def walked(relation: Relation, seed: int = 0) -> Noting:
    steps = Noting(relation, seed)
    looked_up = {}
    for section in relation.sections:
        for box in section.boxes:
            point = split_point(box.axes, steps.random_point(sum(axis.bits for axis in box.axes)))
            values = {column: steps.evaluate(column, point) for column in box.columns}
            looked_up[box.name] = LookedUp(point, values)
        for table in section.tables:
            steps.evaluate(table.multiplicity, {"section": table.section.whole(()), "entry": steps.random_point(16)})
    relation.identities(steps, looked_up)
    return steps


def boxes(relation: Relation) -> list[LookupBox]:
    return [box for section in relation.sections for box in section.boxes]


def assert_extension(vector: PublicVector, groups: Sequence[int], point: Point) -> None:
    """evaluate(point) is the extension of table(), zeros beside it, also where a coordinate is 0 or 1."""
    table = vector.table()
    assert len(table.shape) == 1 + len(groups)
    assert all(size <= 1 << bits for size, bits in zip(table.shape[1:], groups, strict=True))
    padding = [(0, (1 << bits) - size) for size, bits in zip(table.shape[1:], groups, strict=True)]
    flat = np.pad(table, [(0, 0), *padding]).reshape(2, -1)
    corners = [tuple(K(i >> j & 1) for j in range(len(point))) for i in (0, 1, 2, 5, (1 << len(point)) - 1)]
    for x in (point, *corners):
        assert vector.evaluate(x) == kevaluate(flat, x)


@pytest.mark.parametrize("name", TRAININGS)
def test_public_vectors_of_a_training_are_extensions_of_their_tables(name: str) -> None:
    relation = TRAININGS[name]
    steps = walked(relation)
    schedule = relation.schedule
    decays = schedule.bias and not schedule.penalize_bias and any(schedule.l_epoch)
    weights = schedule.weighted and schedule.outputs > 1
    rows = ["gradient", "epochs", *["class weights"] * weights]
    sums = ["product", "update", *["bias decay"] * decays]
    if isinstance(relation, StandardizedDescent):
        sums = [*SCALER_SUMS, "means of scores", "product", "intercept", *sums[1:], "scaled gradient"]
    assert [statement.name for statement, _ in steps.sums] == sums + rows
    assert_extensions(relation, steps)


@pytest.mark.parametrize("name", VALIDITIES)
def test_public_vectors_of_a_validity_are_extensions_of_their_tables(name: str) -> None:
    relation = VALIDITIES[name]
    steps = walked(relation)
    names = ["one class"] * (relation.outputs > 1) + ["key order"] * (relation.key_limbs > 0)
    assert [statement.name for statement, _ in steps.sums] == names
    assert_extensions(relation, steps)


@pytest.mark.parametrize("name", SHARDED)
def test_public_vectors_of_an_evaluation_of_shards_are_extensions_of_their_tables(name: str) -> None:
    relation = RELATIONS[name]
    steps = walked(relation)
    names = [statement.name for statement, _ in steps.sums]
    gathered = sorted(f"{column} of shards of {matrix}" for column in ("weights", "intercept") for matrix in BUNDLES)
    told = {f"chances of shards of {matrix}" for matrix in BUNDLES}
    counted = {f"{what} of shards of {matrix}" for what in ("counts", "step") for matrix in BUNDLES}
    assert sorted({each for each in names if " of shards of " in each} - told - counted) == gathered
    assert (told <= set(names), counted <= set(names)) == ("losses" in name, name.endswith("counts"))
    assert {f"score of {matrix}" for matrix in BUNDLES} <= set(names)
    assert ("opinions of second model" in names) == (not name.endswith(("numbers", "counts")))
    assert_extensions(relation, steps)


BUNDLES = ("model", "second model")
OF_EVALUATIONS = {
    "evaluation": (["loss"] * 2 + ["confusion"] * 2, ["flip", "right predictions"]),
    "evaluation of several classes": (
        ["one class"],
        ["one class", "one or none", "later classes", "gap", "right predictions"],
    ),
    "evaluation of numbers": ([], ["squares"]),
    "evaluation of losses, several classes": (
        [],
        ["one class", "one or none", "later classes", "gap", "right predictions", "score", "loss", "loss"]
        + ["cell of the class", "sum of chances", "sum of chances"],
    ),
    "evaluation of counts": ([], ["squares", "step"]),
}


@pytest.mark.parametrize("name", EVALUATIONS)
def test_public_vectors_of_an_evaluation_are_extensions_of_their_tables(name: str) -> None:
    relation = RELATIONS[name]
    steps = walked(relation)
    of_second, of_both = OF_EVALUATIONS[name]
    expected = [f"{each} of {matrix}" for each in ("score", *of_both) for matrix in ("model", "second model")]
    expected += [f"{each} of second model" for each in of_second]
    expected += ["confusion of model"] if name == "evaluation of several classes" else []
    expected += ["labels", "squares of labels"] if name.endswith(("numbers", "counts")) else []
    expected += ["deviance of model"] * 3 if name.endswith("counts") else []
    assert sorted(statement.name for statement, _ in steps.sums) == sorted(expected)
    assert_extensions(relation, steps)


@pytest.mark.parametrize(
    ("name", "of_scores"), [("distance", {"step"}), ("distance of counts", {"step"}), ("linear distance", set())]
)
def test_public_vectors_of_a_distance_are_extensions_of_their_tables(name: str, of_scores: set[str]) -> None:
    relation = RELATIONS[name]
    steps = walked(relation)
    assert {statement.name for statement, _ in steps.sums} == {"product", "norm", "gradient", *of_scores}
    assert_extensions(relation, steps)


def assert_extensions(relation: Relation, steps: Noting) -> None:
    """All public vectors of all sums."""
    axes = column_axes(relation)
    for statement, point in steps.sums:
        assert_extension(statement.weight, statement.groups, point)
        for factor in statement.factors:
            if factor.constant is not None:
                assert_extension(factor.constant, statement.groups, point)
            for term in factor.terms:
                for axis in axes[term.column]:
                    where = term.at[axis.name]
                    if isinstance(where, PublicVector):
                        assert_extension(where, (axis.bits,), steps.random_point(axis.bits))
                    else:
                        assert len(where) == axis.bits


@pytest.mark.parametrize("name", PREDICTIONS)
def test_public_vectors_of_predictions_are_extensions_of_their_tables(name: str) -> None:
    sums = walked(PREDICTIONS[name]).sums
    assert len(sums) == (2 if PREDICTIONS[name].several else 1)
    for statement, point in sums:
        assert_extension(statement.weight, statement.groups, point)


@pytest.mark.parametrize("name", RELATIONS)
def test_indicators_of_lookups_are_extensions_of_their_tables(name: str) -> None:
    rng = random.Random(3)
    for box in boxes(RELATIONS[name]):
        cells = box.indicator.table()
        assert cells.shape == tuple(axis.size for axis in box.axes)
        padded = np.pad(cells, [(0, (1 << axis.bits) - axis.size) for axis in box.axes]).reshape(-1)
        values = kvector([K(int(cell)) for cell in padded])
        bits = sum(axis.bits for axis in box.axes)
        point = tuple(K(rng.randrange(P), rng.randrange(P)) for _ in range(bits))
        assert box.indicator.evaluate(point) == kevaluate(values, point)


def test_an_indicator_counts_rows_that_are_not_forgotten() -> None:
    relation = TRAININGS["odd epochs, partial last block, forgotten rows"]
    live = {box.name: box.indicator.table() for box in boxes(relation)}
    assert live["scores"].sum(axis=(0, 1)).tolist() == [3 * (n not in (2, 5, 12)) for n in range(13)]
    assert all(cells.all() for name, cells in live.items() if name != "scores")


@pytest.mark.parametrize("bits", [4, 5, 6])
def test_parts_of_lookups_are_the_whole_in_sections(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut or not, the same cells look up the same tuples, and each section has tables of its own."""
    monkeypatch.setattr(tables, "SECTION_BITS", bits)
    relation = training(13, 3, 3, 4, (2, 5, 12), l2=0.01)
    assert len(relation.sections) > 1
    counted = np.zeros((1, 3, 13), dtype=int)
    for box in boxes(relation):
        assert sum(axis.bits for axis in box.axes) + log2_ceil(len(box.lookups)) <= bits
        if box.name.startswith("scores"):
            counted[tuple(axis.cut() for axis in box.axes)] += box.indicator.table()
    assert counted.tolist() == [[[int(n not in (2, 5, 12)) for n in range(13)]] * 3]
    rows = [table.section.cut().start for section in relation.sections for table in section.tables]
    assert rows == [i for i in range(len(relation.sections)) for _ in range(2)]
    assert [s.name for s, _ in walked(relation).sums].count("product") == len(
        [box for box in boxes(relation) if box.name.startswith("scores")]
    )


@pytest.mark.parametrize("name", ["odd epochs, partial last block, forgotten rows", "binary", "evaluation"])
def test_tables_are_extensions_of_their_rows(name: str) -> None:
    rng = random.Random(4)
    point = tuple(K(rng.randrange(P), rng.randrange(P)) for _ in range(16))
    (section,) = RELATIONS[name].sections
    for table in section.tables:
        for component in table.components:
            assert component.table().shape == (2, 1 << 16)
            assert component.evaluate(point) == kevaluate(component.table(), point)
        keys = list(zip(*(c.table()[0].tolist() for c in table.components), strict=True))
        if table.name == tables.FEATURE_RANGE:
            keys = keys[: 2**11 + 1]
        assert len(set(keys)) == len(keys), "no tuple twice"
    assert len({table.tag for table in section.tables}) == len(section.tables)


@pytest.mark.parametrize("x_bits", [4, 10, 14])
def test_the_table_of_features_has_the_integers_within_the_bound_and_no_others(x_bits: int) -> None:
    rng = random.Random(5)
    (integers,) = tables.feature_table(x_bits).components
    one = 1 << x_bits
    assert integers.table()[0].tolist() == [min(i - one, one) % P for i in range(1 << 16)]
    assert_extension(integers, (16,), tuple(K(rng.randrange(P), rng.randrange(P)) for _ in range(16)))


@pytest.mark.parametrize("name", RELATIONS)
def test_every_column_but_the_blinds_is_claimed(name: str) -> None:
    """A column that no claim is about is not bound to anything."""
    relation = RELATIONS[name]
    claimed = Counter(column for column, _ in walked(relation).claims)
    earlier = {column for column in column_axes(relation) if column.name.startswith(shard_evaluations.EARLIER)}
    assert set(claimed) == set(column_axes(relation)) - set(relation.virtual) - set(BLINDS) - earlier


@pytest.mark.parametrize("name", [*RELATIONS, "a virtual term"])
def test_every_value_that_no_matrix_holds_is_the_claim_of_a_sum(name: str) -> None:
    """Those of virtual columns, and of columns summed with public weights: nothing else binds them."""
    relation = {**RELATIONS, "a virtual term": ScaledGradient(5, 3)}[name]
    steps = walked(relation)
    proved = {node for claim in steps.proved for _, node in claim.terms}
    kinds = {GradientDescent: 2, StandardizedDescent: 3, ScaledGradient: 1, Distance: 2, LinearDistance: 3}
    several = dict.fromkeys((Evaluation, ShardedEvaluation, Distances), len(relation.virtual))
    own = {**kinds, **several}.get(type(relation), 0)
    assert len(steps.to_prove) == own + any(statement.name == "class weights" for statement, _ in steps.sums)
    assert {node for value in steps.to_prove + steps.totals for _, node in value.terms} <= proved


@pytest.mark.parametrize("name", RELATIONS)
def test_claims_name_every_axis_of_their_column(name: str) -> None:
    relation = RELATIONS[name]
    axes = column_axes(relation)
    for column, at in walked(relation).claims:
        assert {axis.name: axis.bits for axis in axes[column]} == {name: len(part) for name, part in at.items()}


@pytest.mark.parametrize("name", RELATIONS)
def test_columns_have_addresses_of_their_own(name: str) -> None:
    relation = RELATIONS[name]
    assert len(column_axes(relation)) == sum(map(len, relation.columns.values())) + len(relation.virtual)


@pytest.mark.parametrize("name", RELATIONS)
def test_every_integer_column_of_the_witness_is_looked_up_or_bound(name: str) -> None:
    """Limbs are range-checked one by one, short ones shifted as well; Q and P by the activation table.

    What is no integer by itself follows from others: functions of them, and zeros and a one.
    """
    relation = RELATIONS[name]
    looked_up = {name for box in boxes(relation) for name in box.columns}
    counts = {table.multiplicity for section in relation.sections for table in section.tables}
    witness = {Address(WITNESS, column.name) for column in relation.columns[WITNESS]}
    functions = {EXPONENT, *FIELD_COLUMNS} if isinstance(relation, StandardizedDescent) else set()
    if isinstance(relation, Evaluation):
        functions = {own.argmax.predicted for own in relation.models if isinstance(own, SeveralClasses)}
    assert witness - counts - functions <= looked_up and not functions & looked_up
