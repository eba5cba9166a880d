"""The second verifier and the package agree on sharded trainings: their integers, shapes, proofs, and requests."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.statements.base import read_statement
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.errors import ParameterError
from zkunlearn.verifier.protocol.soundness import Soundness
from zkunlearn.verifier.shapes import new_transcript, shape_of

from ..second_opinion import second_verdict
from . import relations, verifier
from .examples import (
    Training,
    changed,
    check_flips,
    check_masked_values,
    numbers,
    pack,
    package_shape,
    reference_shape,
    statement_about_nothing,
)
from .field import Refused
from .formats import Map, divided, instance, sha256
from .sisa_training import Data, trained_statement
from .soundness import soundness

PLAIN: Any = zu.TrainingSpec(
    model="logistic",
    method="sisa",
    shard_rows=8,
    slices=3,
    epochs=3,
    learning_rate=0.5,
    momentum="increasing",
    l2=0.01,
    penalize_intercept=True,
)
REALS: Any = zu.TrainingSpec(
    model="linear",
    method="sisa",
    shard_rows=8,
    slices=3,
    epochs=2,
    learning_rate=(0.5, 0.25),
    momentum=(0.9, 0.5),
    bias=False,
    without=["x2"],
)
WEIGHTED: Any = zu.TrainingSpec(
    model="logistic",
    method="sisa",
    shard_rows=8,
    epochs=2,
    learning_rate=0.5,
    l2=0.01,
    class_weight={"0": 2, "1": 3},
    aggregate="vote",
)
TREES: Any = replace(
    WEIGHTED, slices=2, momentum=0.5, class_weight={"ash": 1, "birch": 7, "fir": 3}, without=["x1"], aggregate="score"
)


@dataclass(frozen=True)
class Made:
    """What the library proved, and on which data set."""

    dataset: zu.Dataset
    trained: Any

    @property
    def training(self) -> Training:
        return Training(self.trained.proof.to_bytes(), self.dataset.commitment.to_bytes())

    @property
    def models(self) -> list[list[int]]:
        """As they are committed."""
        width = self.training.statement["model"]["shape"][1]
        return np.asarray(self.trained.secret.integers).reshape(-1, width).tolist()


def data_of(dataset: zu.Dataset) -> Data:
    return Data(dataset.rows.features.tolist(), dataset.rows.label_columns.tolist())


def at(dataset: zu.Dataset, positions: Sequence[int]) -> list[str]:
    """Ids of the rows at these positions."""
    return [dataset.rows.ids[position] for position in positions]


def forest(rows: int) -> zu.Dataset:
    kinds = np.array(["ash", "birch", "fir"])[np.arange(rows) % 3]
    return zu.commit(numbers(rows, 3, rows), kinds, openings=16)


class Owner:
    """First trainings on data sets of odd sizes."""

    def __init__(self) -> None:
        people = zu.commit(numbers(21, 3, 1), np.arange(21) % 2, openings=8)
        self.plain = self.first(people, PLAIN)
        houses = zu.commit(numbers(7, 3, 2), numbers(7, 1, 3)[:, 0], openings=4)
        self.small = self.first(houses, REALS, [6])
        eight = zu.commit(numbers(8, 3, 4), np.arange(8) % 2, openings=4)
        self.exact = self.first(eight, WEIGHTED)
        # All of shard 1, all of the first stage of shard 2, one of the last shard, which has five rows.
        self.trees = self.first(forest(45), TREES, [*range(8, 20), 42])

    @staticmethod
    def first(dataset: zu.Dataset, spec: zu.TrainingSpec, forgotten: Sequence[int] = (), **more: Any) -> Made:
        return Made(dataset, zu.prove(dataset, spec, forget=at(dataset, forgotten), **more))


@pytest.fixture(scope="module")
def owner() -> Owner:
    return Owner()


FIRST = ("plain", "small", "exact", "trees")


@pytest.mark.parametrize("name", FIRST)
def test_good_proofs_are_accepted(owner: Owner, name: str) -> None:
    made: Made = getattr(owner, name)
    assert made.training.verdict(known=name != "plain") == "valid"


@pytest.mark.parametrize("name", FIRST)
def test_models_are_those_of_plain_integers(owner: Owner, name: str) -> None:
    made: Made = getattr(owner, name)
    expected = trained_statement(made.training.statement, data_of(made.dataset))
    assert made.models == list(expected.values())
    assert len({tuple(model) for model in made.models}) > len(made.models) // 2  # which are not all zero


def test_a_shard_without_rows_stays_at_zero(owner: Owner) -> None:
    found = trained_statement(owner.trees.training.statement, data_of(owner.trees.dataset))
    nothing = {(shard, stage) for (shard, stage, _), model in found.items() if not any(model)}
    assert nothing == {(1, 1), (1, 2), (2, 1)}


@pytest.mark.parametrize("name", FIRST)
def test_shapes_digests_and_soundness_are_those_of_the_package(owner: Owner, name: str) -> None:
    made: Made = getattr(owner, name)
    statement = made.training.statement
    compare_shapes(statement, made.trained.proof.statement)
    assert sha256(instance("training", statement)) == made.trained.proof.digest


def compare_shapes(statement: Map, package: Any) -> verifier.Shape:
    found, expected = verifier.training_shape(statement), shape_of(package)
    assert reference_shape(found) == package_shape(expected)
    own = Soundness.of(expected)
    assert soundness(found) == pytest.approx((own.least, own.total), abs=1e-9)
    return found


def cut_at(monkeypatch: pytest.MonkeyPatch, bits: int) -> None:
    """As if memory were small."""
    monkeypatch.setattr(tables, "SECTION_BITS", bits)
    monkeypatch.setattr(relations, "MOST_LEAF_BITS", bits)


def test_boxes_in_parts_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the models, too."""
    cut_at(monkeypatch, 4)
    dataset = zu.commit(numbers(13, 3, 1), np.arange(13) % 2, openings=2)
    made = Owner.first(dataset, replace(WEIGHTED, epochs=1), [3])
    parts = verifier.training_shape(made.training.statement).relation.parts
    assert len(parts["shards 0 to 1, stage 1: last weight limbs"]) > 1
    assert made.training.verdict() == "valid"


def test_boxes_are_put_together_as_long_as_they_are_small(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    for bits in (8, 10, 11):
        cut_at(monkeypatch, bits)
        statement = owner.trees.training.statement
        package = read_statement(TrainingStatement, divided("training", statement))
        relation = compare_shapes(statement, package).relation
        assert 1 < relation.sections < sum(map(len, relation.parts.values()))


def test_models_of_many_shards_are_looked_up_in_parts() -> None:
    """Within all limits, and not as if memory were small."""
    spec = zu.TrainingSpec(model="logistic", method="sisa", shard_rows=1, epochs=1, learning_rate=0.5)
    statement = statement_about_nothing(4096, 4096, "binary", 2, spec, [7])
    statement["model"]["shape"] = [4096, 4097]
    shape = compare_shapes(statement, read_statement(TrainingStatement, divided("training", statement)))
    assert len(shape.relation.parts["shards 0 to 4095, stage 1: last weight limbs"]) == 2


# Bad proofs ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ["small", "trees"])
def test_a_changed_byte_of_a_training_proof_is_rejected_by_the_same_check(owner: Owner, name: str) -> None:
    training = getattr(owner, name).training
    shape, statement = verifier.training_shape(training.statement), training.statement
    check_flips(shape, training.body, 2, lambda bad: training.verdict(pack("training", statement, bad, training.paths)))


@pytest.mark.parametrize("name", ["small", pytest.param("trees", marks=pytest.mark.slow)])
def test_every_masked_value_counts(owner: Owner, name: str) -> None:
    """Some of them are changed, of the lookups, the walk and batching."""
    check_masked_values(getattr(owner, name).training, 6)


def test_a_proof_is_about_its_statement_only(owner: Owner) -> None:
    training = owner.plain.training
    statement, spec = training.statement, training.statement["spec"]

    def declared(**changes: Any) -> Map:
        return {"spec": {**spec, "method": {**spec["method"], **changes}}}

    def scoped(*runs: Map, models: int = 9) -> Map:
        return {"scope": list(runs), "model": {**statement["model"], "shape": [models, 4]}}

    whole = {"first": 0, "count": 3, "stage": 1, "start": None}
    lies: dict[str, list[Map]] = {
        "constraints": [declared(learning_rate=["0.25"]), declared(aggregate="vote"), declared(momentum=[])],
        "proof length": [scoped({**whole, "count": 2}, models=6), scoped({**whole, "first": 2, "count": 1}, models=3)],
        "statement": [
            scoped(whole),
            scoped({**whole, "count": 4}, models=12),
            scoped({**whole, "first": 1, "count": 2}, models=6),
            scoped({**whole, "first": 4, "count": 1}, models=3),
            scoped({**whole, "stage": 2, "start": 0}, models=6),
            scoped({**whole, "count": 1}, {**whole, "count": 1}, models=6),
            declared(shard_rows=64),
            declared(slices=2),
            {"model": {**statement["model"], "shape": [3, 4]}},
        ],
        "format": [
            declared(shard_rows=12),
            declared(shard_rows=2),
            declared(slices=0),
            declared(slices=65, shard_rows=128),
            declared(aggregate="median"),
            declared(batch_size=0),
            declared(batch_size=8),
            declared(shard_rows=True),
            scoped({**whole, "stage": 2}),
            scoped({**whole, "start": 0}),
            scoped({**whole, "first": -1}),
            scoped({**whole, "first": 4096}),
            scoped({**whole, "count": 0}),
            scoped({**whole, "stage": 65, "start": 0}),
            scoped({**whole, "stage": 2, "start": 16}),
            scoped({**whole, "stage": 2, "start": True}),
            scoped({name: value for name, value in whole.items() if name != "start"}),
            {"start": [{"statement": bytes(32), "model": statement["model"]}]},
            {"start": [{"statement": bytes(31), "model": statement["model"], "scope": []}]},
            {"start": [{"statement": bytes(32), "model": statement["model"], "scope": []}] * 17},
        ],
    }
    for expected, cases in lies.items():
        for lie in cases:
            file = pack("training", {**statement, **lie}, training.body, training.paths)
            assert training.verdict(file) == expected, lie


def test_scopes_of_trainings_without_shards_are_refused(owner: Owner) -> None:
    spec = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5).to_mapping()
    training = owner.plain.training
    for lie in (
        {"scope": [{"first": 0, "count": 1, "stage": 1, "start": None}]},
        {"start": [{"statement": bytes(32), "model": training.statement["model"], "scope": []}]},
    ):
        model = {**training.statement["model"], "shape": [1, 4]}
        statement = {**training.statement, "spec": spec, "model": model, **lie}
        assert training.verdict(pack("training", statement, training.body)) == "statement"


@pytest.mark.parametrize("name", ["small", "trees"])
def test_second_opinions_know_shards(owner: Owner, name: str) -> None:
    """As they are asked for about attacks: with the package's shape and transcript."""
    compare_opinions(getattr(owner, name).trained.proof)


def compare_opinions(proof: Any) -> None:
    statement = proof.statement
    roots = {name: matrix.root for name, matrix in statement.matrices.items()}
    for body, expected in ((proof.proof, "valid"), (changed(proof.proof, 200), "constraints")):
        assert second_verdict(shape_of(statement), new_transcript(statement), roots, body) == expected


# Shapes and schedules of statements about nothing --------------------------------------------------------------------


def random_scope(rng: random.Random, shards: int, slices: int, starts: int) -> list[Map]:
    """Runs that are as they should be, as far as one statement can tell."""
    found, first = [], 0
    while first < shards:
        most = first & -first or 1 << (shards - 1).bit_length()
        count = rng.randint(1, min(most, shards - first))
        if rng.random() < 0.6:
            later = rng.randint(2, slices) if slices > 1 and starts and rng.random() < 0.6 else 1
            start = rng.randrange(starts) if later > 1 else None
            found.append({"first": first, "count": count, "stage": later, "start": start})
        first += 1 << (count - 1).bit_length()
    return found


def random_statement(rng: random.Random) -> Map:
    rows = int(2 ** rng.uniform(2, 7))
    size = 1 << rng.randint(0, rows.bit_length())
    slices, bias = rng.randint(1, min(4, size)), rng.random() < 0.7
    kind, outputs = rng.choice([("binary", 1), ("real", 1), ("categorical", rng.randint(3, 5))])
    features = rng.choice([1, 3, 20])
    spec = zu.TrainingSpec(
        model="linear" if kind == "real" else "logistic",
        method="sisa",
        shard_rows=size,
        slices=slices,
        epochs=rng.randint(1, 5),
        batch_size=1 << rng.randint(0, size.bit_length() - 2) if size > 1 and rng.random() < 0.4 else None,
        learning_rate=rng.choice([0.5, 0.003]),
        l2=rng.choice([0.0, 0.01]),
        momentum=rng.choice([0.0, 0.9, "increasing"]),
        bias=bias,
        standardize=bias and rng.random() < 0.5,
        aggregate=rng.choice(["probability", "vote"]),
        class_weight={str(i): 1 + i for i in range(max(2, outputs))} if kind != "real" and rng.random() < 0.5 else None,
    )
    forgotten = sorted(rng.sample(range(rows), rng.randint(0, min(5, rows - 1))))
    gone = ["0"] if outputs > 2 and rng.random() < 0.5 else []
    statement = statement_about_nothing(rows, features, kind, rng.choice([1, 8, 100]), spec, forgotten, outputs, gone)
    shards = -(-rows // size)

    def model(scope: list[Map]) -> Map:
        models = sum(run["count"] * (slices + 1 - run["stage"]) for run in scope) or shards * slices
        return {"root": bytes(32), "openings": rng.choice([4, 64]), "shape": [models * outputs, features + bias]}

    scopes: list[list[Map]] = [random_scope(rng, shards, slices, 0) if rng.random() < 0.2 else [] for _ in range(2)]
    scopes = [scope if scope != [{"first": 0, "count": shards, "stage": 1, "start": None}] else [] for scope in scopes]
    starts = [{"statement": bytes(32), "model": model(scope), "scope": scope} for scope in scopes]
    scope = random_scope(rng, shards, slices, len(starts))
    named = sorted({run["start"] for run in scope if run["start"] is not None})
    scope = [{**run, "start": None if run["start"] is None else named.index(run["start"])} for run in scope]
    return {**statement, "scope": scope, "start": [starts[i] for i in named], "model": model(scope)}


def test_shapes_and_schedules_of_statements_about_nothing_are_those_of_the_package() -> None:
    """Runs, sources, integers of each part, tilings, row lengths, groups, counts of messages, lengths of proofs."""
    rng = random.Random(17)
    seen, begun, several, partial, standardized, batched = 0, 0, 0, 0, 0, 0
    for _ in range(90):
        statement = random_statement(rng)
        package = read_statement(TrainingStatement, divided("training", statement))
        try:
            shape_of(package)
        except ParameterError:
            with pytest.raises(Refused):
                verifier.training_shape(statement)
            continue
        relation: Any = compare_shapes(statement, package).relation
        schedule: Any = package.schedule
        for stage, part in zip(relation.stages, schedule.parts, strict=True):
            for name in ("shift", "weight_bits", "blocks", "block_size", "batches"):
                assert getattr(stage.s, name) == getattr(part.schedule, name), name
            for name in ("c_epoch", "c_block", "l_epoch", "m_epoch"):
                assert getattr(stage.s, name) == list(getattr(part.schedule, name)), name
            compare_scalers(stage.s, part.schedule)
        seen += 1
        begun += statement["start"] != []
        several += len(statement["scope"]) > 1
        partial += statement["scope"] != []
        standardized += relation.stages[0].s.scalers != []
        batched += any(stage.s.batches > 1 for stage in relation.stages)
    counts = seen, begun, several, partial, standardized, batched
    assert seen > 30 and begun > 8 and several > 8 and partial > 15 and 12 < standardized < seen - 12, counts
    assert 12 < batched < seen - 12, counts


def compare_scalers(found: Any, expected: Any) -> None:
    """Of each shard, and the bits of what all of them have together."""
    if expected.standardization is None:
        assert (found.standardization, found.scalers) == (None, [])
        return
    others = [expected.standardization_of(shard) for shard in range(expected.blocks)]
    for own, other in zip(found.scalers, others, strict=True):
        for name in ("rows", "count", "x_bits", "cap", "amplitude", "floor", "bias_rate", "largest_rate"):
            assert getattr(own, name) == getattr(other, name), name
        assert own.upper == list(other.upper) and own.lower == list(other.lower)
    fewest = min(others, key=lambda other: other.count)
    names = ("remainder_bits", "slack_bits", "rate_bits", "division_bits")
    columns = ("mean remainder", "spread from above", "rate", "rate remainder")
    assert [found.standardization.bits[name] for name in columns] == [getattr(fewest, name) for name in names]
