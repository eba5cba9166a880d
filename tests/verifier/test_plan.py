"""The digest of a plan: whatever shapes a proof moves it, and so every challenge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.language.layout import MatrixLayout
from zkunlearn.circuits.relations.validity import Validity
from zkunlearn.errors import InvalidProof
from zkunlearn.verifier.protocol.code import HIDING_RATE, PLAIN_RATE, ReedSolomonCode
from zkunlearn.verifier.protocol.group import MatrixShape
from zkunlearn.verifier.protocol.plan import packed, plan_digest
from zkunlearn.verifier.protocol.proof import ProofShape, verify_protocol
from zkunlearn.verifier.protocol.transcript import Transcript

ROWS, FEATURES = 600, 5


def shape_of(
    row_bits: int = 10, openings: int = 4, inverse_rate: int = HIDING_RATE, kind: str = "binary", rows: int = ROWS
) -> ProofShape:
    relation = Validity(rows, FEATURES, kind, 1, 10)
    layout = MatrixLayout("dataset", relation.columns["dataset"], row_bits)
    return ProofShape(relation, {"dataset": MatrixShape(layout, ReedSolomonCode(row_bits, openings, inverse_rate))})


def digest(shape: ProofShape, **changes: Any) -> bytes:
    """By the parts of a shape, some of them replaced."""
    parts: dict[str, Any] = {
        "relation": shape.relation.name,
        "groups": shape.groups,
        "trees": shape.trees,
        "ledger": shape.ledger,
        "chain": shape.chain,
        "plan": shape.plan,
    }
    return plan_digest(**(parts | changes))


CHANGES: dict[str, Callable[[], ProofShape]] = {
    "openings": lambda: shape_of(openings=5),
    "row bits": lambda: shape_of(row_bits=11),
    "rate": lambda: shape_of(inverse_rate=PLAIN_RATE),
    "lookups": lambda: shape_of(kind="real"),
    "size of an axis": lambda: shape_of(rows=ROWS - 1),  # no length depends on it
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_shapes_a_proof_changes_the_digest(name: str) -> None:
    assert shape_of().digest == shape_of().digest == digest(shape_of())
    assert CHANGES[name]().digest != shape_of().digest


def test_a_section_cut_changes_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = shape_of().digest
    monkeypatch.setattr(tables, "SECTION_BITS", 12)  # 2^13 leaves of features, in two parts
    cut = shape_of()
    assert len(cut.relation.sections) == 2
    assert cut.digest != whole


@pytest.mark.parametrize("place", [0, -1])
def test_a_label_and_an_error_change_the_digest(place: int) -> None:
    shape = shape_of()
    for change in ({"label": "another"}, {"error": 17}):
        rounds = list(shape.plan.rounds)
        rounds[place] = rounds[place]._replace(**change)
        assert digest(shape, plan=replace(shape.plan, rounds=rounds)) != shape.digest


def test_the_rest_of_the_plan_changes_the_digest() -> None:
    shape = shape_of()
    (dataset, *others) = shape.trees.values()
    changes: dict[str, Any] = {
        "relation": "another",
        "ledger": replace(shape.ledger, first_row=shape.ledger.first_row + 1),
        "trees": {tree.name: tree for tree in (replace(dataset, rows=dataset.rows + 1), *others)},
        "groups": (replace(shape.groups[0], name="another"), *shape.groups[1:]),
        "plan": replace(shape.plan, proof_bytes=shape.plan.proof_bytes + 1),
    }
    for name, change in changes.items():
        assert digest(shape, **{name: change}) != shape.digest, name


def test_no_two_lists_of_one_form_have_the_same_bytes() -> None:
    lists: list[Any] = [
        [],
        [[]],
        [[], []],
        [[""]],
        [["a", "b"]],
        [["ab"]],
        [["a"], ["b"]],
        [["b"], ["a"]],
        [["a", ""], ["b"]],
    ]
    assert len({packed(item) for item in lists}) == len(lists)
    assert packed(["ä", 258]) == bytes([2, *bytes(7), 2, *bytes(7), *"ä".encode(), 2, 1, *bytes(6)])


def test_the_digest_is_absorbed_before_a_proof_is_read() -> None:
    class Listening(Transcript):
        heard: bytes = b""

        def absorb(self, data: bytes) -> None:
            self.heard += data
            super().absorb(data)

    shape, transcript = shape_of(), Listening(b"protocol", b"session", b"instance")
    with pytest.raises(InvalidProof):
        verify_protocol(shape, transcript, {"dataset": bytes(32)}, bytes(shape.proof_bytes))
    assert transcript.heard.startswith(shape.digest)
