"""Receipts: what a person learns from hers, and that it cannot lie to her. Both verifiers are asked."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.field.goldilocks import P
from zkunlearn.circuits.statements.records import Record
from zkunlearn.prover.owner.dataset import commit_rows
from zkunlearn.prover.owner.registration import fingerprint_levels
from zkunlearn.prover.witnesses.record_tree import record_paths
from zkunlearn.prover.witnesses.rows import Rows
from zkunlearn.verifier.receipts import MAX_ROWS_OF_ONE, ReceiptRow

from ..attacks.registrations import FEATURES, committed, receipt_verdict, restated, verdict

SPEC = zu.TrainingSpec(model="logistic", epochs=1, learning_rate=0.5)
NAMES = ["Ann", "Ben", "Ann", "Cid", "Dan", "Eve", "Ann", "Zoë"]
VISITS: dict[str, Any] = {"rows_per_id": "many", "ids": NAMES, "rows": len(NAMES)}


@dataclass
class Made:
    """A data set in which Ann has three rows; its registration, and a training that forgot Ben and Ann."""

    dataset: zu.Dataset
    registration: zu.RegistrationProof
    everyone: zu.TrainingProof
    without: zu.TrainingProof

    def receipt(self, name: str = "Ben") -> zu.Receipt:
        return zu.receipts(self.dataset).of(name)

    def verdict(self, receipt: zu.Receipt) -> str:
        return receipt_verdict(receipt, self.dataset.commitment, self.registration)


@pytest.fixture(scope="module")
def made() -> Made:
    dataset = committed(openings=5, **VISITS)
    everyone = zu.prove(dataset, SPEC).proof
    without = zu.prove(dataset, SPEC, forget=["Ben", "Ann"], previous=everyone).proof
    return Made(dataset, zu.register(dataset), everyone, without)


def with_row(receipt: zu.Receipt, **changes: Any) -> zu.Receipt:
    """Something else about the first row."""
    return replace(receipt, rows=(replace(receipt.rows[0], **changes), *receipt.rows[1:]))


def with_cells(receipt: zu.Receipt, place: int, value: int, layout: str = f"<{FEATURES}hi2Q") -> zu.Receipt:
    """Another integer in the first row: a feature, the label, a blind."""
    cells = list(struct.unpack(layout, receipt.rows[0].cells))
    cells[place] = value
    return with_row(receipt, cells=struct.pack(layout, *cells))


def packed_cells(rows: Rows, position: int) -> bytes:
    (cells,) = rows.packed_cells(slice(position, position + 1))
    return cells


# What she learns -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Ben", "Ann", "Zoë"])
def test_an_honest_receipt_is_valid_and_says_what_is_in_her_rows(made: Made, name: str) -> None:
    receipt, rows = made.receipt(name), made.dataset.rows
    assert made.verdict(receipt) == "valid"
    report = zu.verify_receipt(receipt, made.dataset.commitment, made.registration)
    assert [position for position, _ in report.values] == [i for i, own in enumerate(rows.ids) if own == name]
    encoding = made.dataset.statement.encoding
    for position, values in report.values:
        features = rows.features[position : position + 1]
        assert [column for column, _ in values] == ["x1", "x2", "x3", "label"] and values[-1][1] == str(
            rows.labels[position]
        )
        shown = [value for _, value in values[:-1]]
        assert encoding.encode_features([shown]).tolist() == features.tolist()
        exact = map(repr, encoding.decode_features(features)[0].tolist())
        assert all(len(repr(value)) <= len(text) for value, text in zip(shown, exact, strict=True))
    assert report.expected and report.registration == made.registration.digest and report.is_forgotten is None


def test_a_receipt_says_whether_all_her_rows_are_forgotten(made: Made) -> None:
    for name, proof, expected in (
        ("Ben", made.without, "forgotten"),
        ("Ann", made.without, "forgotten"),
        ("Eve", made.without, "not forgotten"),
        ("Ben", made.everyone, "not forgotten"),
    ):
        found = receipt_verdict(made.receipt(name), made.dataset.commitment, made.registration, proof)
        assert found == expected


def test_a_row_that_still_counts_is_named(made: Made) -> None:
    receipt, listed = made.receipt("Ann"), made.without.statement.forgotten
    kept = receipt.positions[1]
    some = restated(made.without, forgotten=tuple(record for record in listed if record.position != kept))
    report = zu.verify_receipt(receipt, made.dataset.commitment, proof=some)
    assert report.is_forgotten is False and set(receipt.positions) - set(report.forgotten) == {kept}


def test_without_a_registration_the_report_says_that_none_was_named(made: Made) -> None:
    report = zu.verify_receipt(made.receipt(), made.dataset.commitment)
    assert not report.expected and report.registration == made.registration.digest
    assert zu.verify_receipt(made.receipt(), made.dataset.commitment, made.registration.digest).expected


def test_an_id_that_is_not_there_has_no_receipt(made: Made) -> None:
    with pytest.raises(zu.DataError, match="'Bob'"):
        made.receipt("Bob")


def test_everybody_has_one_receipt_the_same_as_if_asked_for_alone(made: Made) -> None:
    every = list(zu.receipts(made.dataset).all())
    assert sorted(receipt.id for receipt in every) == sorted(set(NAMES))
    assert all(made.verdict(receipt) == "valid" and receipt == made.receipt(receipt.id) for receipt in every)


@pytest.mark.parametrize(
    ("kind", "labels"),
    [("categorical", list("abcabcab")), ("real", [0.5, 1.5, -2, 3, 0, 1, 2, 9]), ("count", [0, 1, 2, 3, 4, 0, 7, 9])],
)
@pytest.mark.parametrize("features", [1, 4])
def test_receipts_are_valid_whatever_labels_are(features: int, kind: str, labels: Sequence[Any]) -> None:
    X = np.random.default_rng(1).normal(size=(8, features))
    dataset = zu.commit(X, labels, ids=list(map(str, range(8))), label_kind=kind, openings=2)
    registration = zu.register(dataset)
    for receipt in zu.receipts(dataset).all():
        assert receipt_verdict(receipt, dataset.commitment, registration) == "valid"
        ((_, values),) = zu.verify_receipt(receipt, dataset.commitment).values
        label = labels[int(receipt.id)]
        assert values[-1] == ("label", label if kind == "categorical" else pytest.approx(label, abs=0.001))


def test_receipts_are_valid_after_a_fresh_commitment(made: Made) -> None:
    """Which has the same fingerprints, but is another data set with a registration of its own."""
    dataset = committed(9, openings=4)
    fresh, link = zu.recommit(dataset, 4)
    registration = zu.register(fresh)
    assert verdict(registration, fresh.commitment, [link]) == "valid"
    receipt = zu.receipts(fresh).of("3")
    assert receipt_verdict(receipt, fresh.commitment, registration) == "valid"
    assert receipt.root == zu.receipts(dataset).of("3").root
    assert receipt_verdict(receipt, dataset.commitment) == "mismatch"


# Lies ----------------------------------------------------------------------------------------------------------------


def test_another_id_is_rejected(made: Made) -> None:
    """One row cannot stand for two people."""
    assert made.verdict(replace(made.receipt(), id="Bob")) == "record path"


def test_one_row_is_no_receipt_for_two_people_with_equal_values() -> None:
    dataset = zu.commit([[1.0, 2.0, 3.0]] * 4, [0, 1, 0, 1], ids=["Ann", "Ben", "Ann 2", "Ben 2"], openings=2)
    receipt = zu.receipts(dataset).of("Ann")
    assert receipt_verdict(receipt, dataset.commitment) == "valid"
    assert receipt_verdict(replace(receipt, id="Ann 2"), dataset.commitment) == "record path"


@pytest.mark.parametrize(("place", "change"), [(0, 1), (2, -1)])
def test_an_edited_value_is_rejected(made: Made, place: int, change: int) -> None:
    cells = struct.unpack(f"<{FEATURES}hi2Q", made.receipt().rows[0].cells)
    assert made.verdict(with_cells(made.receipt(), place, cells[place] + change)) == "record path"


def test_an_edited_label_salt_or_blind_is_rejected(made: Made) -> None:
    receipt = made.receipt()
    cells = struct.unpack(f"<{FEATURES}hi2Q", receipt.rows[0].cells)
    assert made.verdict(with_cells(receipt, FEATURES, 1 - cells[FEATURES])) == "record path"
    assert made.verdict(with_row(receipt, salt=bytes(32))) == "record path"
    for blind in (FEATURES + 1, FEATURES + 2):
        assert made.verdict(with_cells(receipt, blind, (cells[blind] + 1) % P)) == "record path"


@pytest.mark.parametrize(
    ("place", "value"), [(FEATURES + 1, P), (FEATURES + 2, (1 << 64) - 1), (FEATURES, 2), (FEATURES, -1), (0, 1025)]
)
def test_what_no_row_has_is_refused_by_its_form(made: Made, place: int, value: int) -> None:
    """A blind of p or above, a label that is none, a cell out of the range that is proved of all cells."""
    assert made.verdict(with_cells(made.receipt(), place, value)) == "receipt"


@pytest.mark.parametrize("size", [0, 1, -1])
def test_cells_of_another_length_are_refused(made: Made, size: int) -> None:
    cells = made.receipt().rows[0].cells
    assert made.verdict(with_row(made.receipt(), cells=cells[:size] if size < 1 else cells + b"\0")) == "receipt"


def test_a_class_that_is_none_is_refused() -> None:
    dataset = zu.commit(np.eye(4), list("abca"), openings=2)
    receipt = zu.receipts(dataset).of("1")
    for label in (3, -1):
        assert receipt_verdict(with_cells(receipt, 4, label, "<4hi2Q"), dataset.commitment) == "receipt"


def test_a_shifted_position_is_rejected(made: Made) -> None:
    receipt = made.receipt()
    at = receipt.positions[0]
    for position in (at ^ 1, len(NAMES) - 1 - at, len(NAMES), 1 << 27):
        assert made.verdict(with_row(receipt, position=position)) == "record path"


def test_positions_are_listed_once_and_in_order(made: Made) -> None:
    """A row named twice would look like two of hers that are forgotten."""
    receipt = made.receipt("Ann")
    assert made.verdict(replace(receipt, rows=receipt.rows[::-1])) == "record path"
    assert made.verdict(replace(receipt, rows=(receipt.rows[0], *receipt.rows))) == "record path"


@pytest.mark.parametrize("name", ["record_paths", "fingerprint_paths"])
def test_an_edited_path_is_rejected(made: Made, name: str) -> None:
    receipt: Any = made.receipt()
    path, check = getattr(receipt, name), name.replace("_", " ").removesuffix("s")
    for wrong in (path[:-1], path[:-32], path + bytes(32), bytes([path[0] ^ 1]) + path[1:], b""):
        assert made.verdict(replace(receipt, **{name: wrong})) == check


def test_another_root_is_not_that_of_her_fingerprints(made: Made) -> None:
    assert made.verdict(replace(made.receipt(), root=bytes(32))) == "fingerprint path"


def lying_rows(rows: Rows) -> Rows:
    """The rows of an owner who has put another row where somebody's record is; the records are as they were."""
    changed = replace(rows, by_feature=np.roll(rows.by_feature, 1, axis=1))
    vars(changed)["record_levels"] = rows.record_levels
    return changed


def test_rows_other_than_the_records_pass_the_registration_and_fail_every_receipt(made: Made) -> None:
    """What a registration cannot see, and why people have receipts."""
    true = made.dataset.rows
    dataset = commit_rows(lying_rows(true), made.dataset.statement.encoding, 3, made.dataset.statement.segments, None)
    registration = zu.register(dataset)
    assert verdict(registration, dataset.commitment) == "valid"
    levels = fingerprint_levels(dataset)
    for n, name in enumerate(true.ids):
        paths = (true.record_paths([n]), 0, None, bytes(levels[-1]), record_paths(levels, [n]))
        for rows, check in ((true, "fingerprint path"), (dataset.rows, "record path")):
            shown = (ReceiptRow(n, packed_cells(rows, n), true.salts[n].tobytes()),)
            receipt = zu.Receipt(dataset.statement.digest, name, shown, *paths)
            assert receipt_verdict(receipt, dataset.commitment, registration) == check


def test_a_receipt_for_another_registration_or_data_set_is_not_this_one(made: Made) -> None:
    other = committed(2, **VISITS)
    assert receipt_verdict(made.receipt(), other.commitment) == "mismatch"
    assert receipt_verdict(made.receipt(), made.dataset.commitment, zu.register(other)) == "mismatch"
    with pytest.raises(zu.StatementMismatch, match="belongs to another registration"):
        zu.verify_receipt(made.receipt(), made.dataset.commitment, bytes(32))
    proof = zu.prove(other, SPEC).proof
    assert receipt_verdict(made.receipt(), made.dataset.commitment, proof=proof) == "mismatch"
    with pytest.raises(zu.StatementMismatch, match="the proof is about another data set"):
        zu.verify_receipt(made.receipt(), made.dataset.commitment, proof=proof)


def test_a_proof_that_forgets_another_record_at_her_position_is_rejected(made: Made) -> None:
    """It could not be valid; but she need not have checked that."""
    statement, (at,) = made.without.statement, made.receipt().positions
    lied = [Record(n, bytes(32)) if n == at else Record(n, digest) for n, digest in statement.forgotten]
    lying = restated(made.without, forgotten=tuple(lied))
    assert receipt_verdict(made.receipt(), made.dataset.commitment, proof=lying) == "record path"


# Secrets -------------------------------------------------------------------------------------------------------------


def test_a_receipt_holds_nobody_elses_data(made: Made) -> None:
    """Neither cells nor blinds, salts or ids of others; and of hers all."""
    rows, data = made.dataset.rows, made.receipt("Ann").to_bytes()
    for n, name in enumerate(rows.ids):
        secrets = [packed_cells(rows, n)[: 2 * FEATURES], rows.salts[n].tobytes(), rows.blinds[0, n].tobytes()]
        secrets += [rows.blinds[1, n].tobytes(), name.encode()]
        assert {secret in data for secret in secrets} == {name == "Ann"}


def test_a_receipt_is_for_her_eyes_only(made: Made, tmp_path: Path) -> None:
    made.receipt().save(tmp_path / "a.receipt")
    assert (tmp_path / "a.receipt").stat().st_mode & 0o777 == 0o600
    assert zu.Receipt.load(tmp_path / "a.receipt") == made.receipt()
    report = zu.verify_receipt(made.receipt(), made.dataset.commitment)
    assert "Ben" not in repr(made.receipt()) + repr(made.receipt().rows) + repr(report)


def test_a_person_with_more_rows_than_a_receipt_can_hold_gets_none(made: Made, tmp_path: Path) -> None:
    row = made.receipt().rows[0]
    receipt = replace(made.receipt(), rows=(row,) * (MAX_ROWS_OF_ONE + 1))
    with pytest.raises(zu.ParameterError, match="4097 rows has more than one receipt can hold"):
        receipt.save(tmp_path / "a.receipt")
    assert not (tmp_path / "a.receipt").exists()


# Files ---------------------------------------------------------------------------------------------------------------


def test_a_receipt_is_read_as_it_was_written(made: Made) -> None:
    data = made.receipt("Zoë").to_bytes()
    assert zu.Receipt.from_bytes(data).to_bytes() == data
    for cut in (10, len(data) // 2, len(data) - 1):
        with pytest.raises(zu.FormatError):
            zu.Receipt.from_bytes(data[:cut])
    with pytest.raises(zu.FormatError, match="a receipt is needed"):
        zu.Receipt.from_bytes(made.registration.to_bytes())


@pytest.mark.parametrize("name", ["Zoe\u0308", ""])
def test_an_id_has_one_spelling(made: Made, name: str) -> None:
    with pytest.raises(zu.FormatError, match="receipt: "):
        zu.Receipt.from_bytes(replace(made.receipt(), id=name).to_bytes())
