"""Statements as they are written, read and compared, without a proof: what each refuses, and in which words."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from zkunlearn.circuits.statements.base import Statement, read_statement, statement_kind, written
from zkunlearn.circuits.statements.dataset import DatasetStatement, Segment
from zkunlearn.circuits.statements.evaluation import EvaluationStatement
from zkunlearn.circuits.statements.link import LinkStatement
from zkunlearn.circuits.statements.model_link import ModelLinkStatement
from zkunlearn.circuits.statements.records import Record, order_key
from zkunlearn.circuits.statements.registration import RegistrationStatement
from zkunlearn.circuits.statements.results import Classified
from zkunlearn.circuits.statements.scope import ModelCommitment
from zkunlearn.circuits.statements.training import PATHS, TrainingStatement
from zkunlearn.errors import FormatError, InvalidProof, ParameterError
from zkunlearn.models.encoding.columns import ColumnEncoding
from zkunlearn.models.encoding.dataset import DatasetEncoding
from zkunlearn.models.encoding.labels import LabelEncoding
from zkunlearn.models.spec import TrainingSpec

from ..reference import records as reference

ROWS, SEED, ROOT = 9, bytes(range(32)), bytes(reversed(range(32)))
DIGESTS = sorted((sha256(bytes([i])).digest() for i in range(ROWS)), key=lambda digest: order_key(SEED, digest))
FORGOTTEN = (2, 3, 7)


def dataset(root: bytes = ROOT, openings: int = 4) -> DatasetStatement:
    columns = (ColumnEncoding("age", 0.0, 99.0), ColumnEncoding("weight", 40.0, 120.0))
    label = LabelEncoding(kind="binary", classes=("no", "yes"))
    encoding = DatasetEncoding(features=columns, label=label, x_bits=10, bounds_declared=True)
    record_root = reference.record_root(DIGESTS)
    return DatasetStatement(ROWS, encoding, openings, root, record_root, (Segment(ROWS, SEED),))


def training(positions: tuple[int, ...] = FORGOTTEN, **changes: Any) -> TrainingStatement:
    spec = TrainingSpec(model="logistic", epochs=3, learning_rate=0.5)
    forgotten = tuple(Record(position, DIGESTS[position]) for position in positions)
    statement = TrainingStatement(dataset(), spec, forgotten, ModelCommitment(ROOT, 4, (1, 3)), None)
    return replace(statement, **changes)


def paths(positions: tuple[int, ...] = FORGOTTEN) -> Mapping[str, bytes]:
    """By hand: level by level, the siblings that do not follow."""
    level, known, found = DIGESTS, sorted(positions), []
    while len(level) > 1:
        for position in known:
            sibling = position ^ 1
            if sibling < len(level) and sibling not in known:
                found.append((len(level), position, level[sibling]))
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [reference.node(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
        known = sorted({position >> 1 for position in known})
    return {PATHS: b"".join(digest for _, _, digest in found)}


LINK = LinkStatement(dataset(), dataset().continued(bytes(32), 8))
STATEMENTS: dict[str, Statement] = {"dataset": dataset(), "training": training(), "link": LINK}


@pytest.mark.parametrize("kind", STATEMENTS)
def test_a_statement_is_read_as_it_was_written(kind: str) -> None:
    statement = STATEMENTS[kind]
    assert read_statement(type(statement), written(statement)) == statement


@pytest.mark.parametrize(("kind", "name"), [("training", "dataset"), ("link", "old"), ("link", "new")])
def test_another_statement_beside_it_than_the_one_it_names_is_refused(kind: str, name: str) -> None:
    statement = STATEMENTS[kind]
    payload: dict[str, Any] = written(statement)
    payload["references"][name] = written(dataset(bytes(32), 5))
    with pytest.raises(FormatError, match=f"the {name} beside the statement is not the one it names"):
        read_statement(type(statement), payload)


@pytest.mark.parametrize("references", [{}, {"dataset": {}, "other": {}}])
def test_missing_and_further_references_are_refused(references: dict[str, Any]) -> None:
    with pytest.raises(FormatError, match="references of training"):
        read_statement(TrainingStatement, {**written(training()), "references": references})


def refused(statement: Statement, change: dict[str, Any], reason: str) -> None:
    payload: dict[str, Any] = deepcopy(written(statement))
    with pytest.raises(FormatError, match=reason):
        read_statement(type(statement), {**payload, "statement": payload["statement"] | change})


SEGMENT = {"stop": ROWS, "seed": SEED, "nonce": None, "born": None}


@pytest.mark.parametrize("stops", [[ROWS - 1], [ROWS + 1], [3, 3, ROWS], [4, 3, ROWS], [ROWS, ROWS]], ids=str)
def test_segments_that_are_not_all_rows_are_refused(stops: list[int]) -> None:
    *older, last = [SEGMENT | {"stop": stop} for stop in stops]
    segments = [*(segment | {"born": bytes(32)} for segment in older), last]
    refused(dataset(), {"segments": segments}, "its segments must hold all rows, each some")


def test_rows_that_are_not_the_last_cannot_be_committed_for_the_first_time() -> None:
    segments = [SEGMENT | {"stop": 3}, SEGMENT]
    refused(dataset(), {"segments": segments}, "only rows of the last segment")


def test_rows_stay_born_where_they_were_first_committed() -> None:
    """However often they are committed afresh."""
    first = dataset()
    again = first.continued(bytes(32), 8)
    last = again.continued(bytes(range(32)), 9)
    assert first.births == (first.digest,) == again.births == last.births
    assert (again.root, again.openings, last.openings) == (bytes(32), 8, 9)
    assert replace(again, root=first.root, openings=first.openings, segments=first.segments) == first
    assert read_statement(DatasetStatement, written(last)) == last
    refused(last, {"segments": [SEGMENT | {"born": bytes(31)}]}, "field 'born' has 31 bytes, not 32")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"unique": True}, "rows are unique by keys, and have none without that"),
        ({"segments": []}, "segments"),
    ],
    ids=str,
)
def test_what_a_data_set_cannot_be_yet_is_refused(change: dict[str, Any], reason: str) -> None:
    refused(dataset(), change, reason)


@pytest.mark.parametrize("field", ["start", "scope"])
def test_what_a_training_cannot_be_yet_is_refused(field: str) -> None:
    entry: Any = {"start": bytes(32), "scope": {}}[field]
    refused(training(), {field: [entry]}, field)


# What a statement has to be, once it is read -----------------------------------------------------------------------


def test_a_consistent_training_is_accepted() -> None:
    training().require_consistent(paths())
    training(()).require_consistent({})


def inconsistent(statement: Statement, check: str, reason: str, attached: Mapping[str, bytes] | None = None) -> None:
    with pytest.raises(InvalidProof, match=reason) as failure:
        statement.require_consistent(paths() if attached is None else attached)
    assert failure.value.check == check


@pytest.mark.parametrize(
    ("positions", "reason"),
    [((2, 2), "position 2 after 2"), ((3, 2), "position 2 after 3"), ((2, ROWS), "position 9 after 2 of 9 rows")],
)
def test_positions_that_are_no_rows_in_order_are_refused(positions: tuple[int, ...], reason: str) -> None:
    forgotten = tuple(Record(position, DIGESTS[i]) for i, position in enumerate(positions))
    inconsistent(training(forgotten=forgotten), "forget list", reason)


@pytest.mark.parametrize("other", [(3, 2, 7), (2, 7, 3), (2, 2, 7)])
def test_records_in_another_order_than_their_positions_are_refused(other: tuple[int, ...]) -> None:
    """So no record is named twice, and none in the place of another one."""
    forgotten = tuple(Record(position, DIGESTS[i]) for position, i in zip(FORGOTTEN, other, strict=True))
    inconsistent(training(forgotten=forgotten), "forget list", "is out of order")


def test_a_training_that_forgets_every_row_is_refused() -> None:
    everyone = tuple(range(ROWS))
    inconsistent(training(everyone), "forget list", "every row is forgotten", paths(everyone))


@pytest.mark.parametrize("other", [4, 5, 6])
def test_a_record_of_another_row_is_refused(other: int) -> None:
    """Between its neighbours in the order, but not the row at that position."""
    forgotten = tuple(Record(position, DIGESTS[i]) for position, i in zip(FORGOTTEN, (2, 3, other), strict=True))
    inconsistent(training(forgotten=forgotten), "record path", "it does not lead to the root")


@pytest.mark.parametrize("cut", [0, 1, 31, 32])
def test_paths_of_another_length_are_refused(cut: int) -> None:
    whole = paths()[PATHS]
    inconsistent(training(), "record path", "bytes expected", {PATHS: whole[:cut]})
    inconsistent(training(), "record path", "bytes expected", {PATHS: whole + bytes(1 + cut)})
    inconsistent(training(), "record path", "bytes expected", {})


@pytest.mark.parametrize(
    "change",
    [
        {"rows": ROWS + 1},
        {"segments": (Segment(ROWS, bytes(32)),)},
        {"encoding": replace(dataset().encoding, x_bits=11)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_link_to_data_that_is_said_to_be_other_data_is_refused(change: dict[str, Any]) -> None:
    LINK.require_consistent({})
    inconsistent(replace(LINK, new=replace(LINK.new, **change)), "statement", "does not even claim to go on", {})


def test_a_link_to_other_records_is_refused() -> None:
    other = replace(LINK, new=replace(LINK.new, record_root=bytes(32)))
    inconsistent(other, "record consistency", "not the first of those that there are now", {})


def test_a_model_of_another_shape_than_the_spec_implies_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"a model of shape \(1, 2\), where the spec implies \(1, 3\)"):
        training(model=ModelCommitment(ROOT, 4, (1, 2))).require_provable()


@pytest.mark.parametrize("classes", [["no", "no"], ["yes", "no"]], ids=str)
def test_forgotten_classes_that_are_not_in_order_are_refused(classes: list[str]) -> None:
    """So that one set of classes is one statement."""
    refused(training(), {"forgotten_classes": classes}, "forgotten classes are not in increasing order")


@pytest.mark.parametrize(("stage", "start"), [(1, 0), (2, None)])
def test_a_run_begins_from_models_of_a_stage_before_if_there_is_one(stage: int, start: int | None) -> None:
    run = {"first": 0, "count": 2, "stage": stage, "start": start}
    refused(training(), {"scope": [run]}, f"stage {stage} of shards from 0 on begins where it cannot")


def wide(statement: DatasetStatement, features: int, **changes: Any) -> DatasetStatement:
    columns = tuple(ColumnEncoding(f"x{i}", 0.0, 1.0) for i in range(features))
    return replace(statement, encoding=replace(statement.encoding, features=columns), **changes)


def test_a_registration_of_more_than_one_proof_can_carry_is_refused() -> None:
    with pytest.raises(ParameterError, match="cells are more than one proof can carry"):
        RegistrationStatement(wide(dataset(), 1 << 10, rows=1 << 21), bytes(32)).require_provable()


def test_an_evaluation_on_more_than_one_proof_can_carry_is_refused() -> None:
    own = training(dataset=wide(dataset(), 8), model=ModelCommitment(ROOT, 4, (1, 9)))

    def on(rows: int) -> EvaluationStatement:
        holdout = wide(dataset(), 8, rows=rows, segments=(Segment(rows, ROOT),), record_root=bytes(32))
        return EvaluationStatement(holdout, own, (own.model,), (Classified(5),), 0)

    on(1 << 20).require_provable()
    with pytest.raises(ParameterError, match="cells are more than one proof can carry"):
        on(1 << 28).require_provable()


def test_a_link_of_models_that_no_proof_can_have_trained_is_refused() -> None:
    model = ModelCommitment(ROOT, 4, (1, 9))
    many = wide(dataset(), 8, rows=1 << 28, segments=(Segment(1 << 28, ROOT),))
    with pytest.raises(ParameterError, match="cells are more than one proof can carry"):
        ModelLinkStatement(training(dataset=many, model=model), model, model).require_provable()


def test_two_kinds_of_one_name_are_refused() -> None:
    class Other(LinkStatement):
        kind = "training"

    with pytest.raises(ParameterError, match="there is a kind 'training' already"):
        statement_kind(Other)
