"""The test of the seam: a kind of statement that is written in this file alone, from its fields to its refusals."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from zkunlearn.circuits.field.multilinear import bits_of
from zkunlearn.circuits.language.layout import Address, Axis, Column
from zkunlearn.circuits.statements import base
from zkunlearn.cli.inspection import inspect_file
from zkunlearn.formats.fields import Bytes, Int, ListOf, take
from zkunlearn.prover.matrices.values import Witness
from zkunlearn.prover.owner import budget, prove
from zkunlearn.verifier import proofs, verify

from .attacks.harness import CheatingProver, commitments
from .reference import field, formats, relations, shapes, verifier
from .reference.examples import package_verdict

SIZE, OPENINGS, SIDES, ROWS, CELLS = 21, 2, ("left", "right"), (0, 3, 11), np.arange(21, dtype=np.int16)
COLUMN, SECOND = Column("cells", (Axis("row", SIZE),)), shapes.Column("cells", (shapes.Axis("row", SIZE),))


@dataclass(frozen=True)
class Agreement(base.Statement):
    """Two committed columns agree on these rows. It is its own relation: at a row, a column's value is the cell."""

    rows: tuple[int, ...]
    left: bytes = bytes(32)
    right: bytes = bytes(32)
    kind = name = "agreement"
    version, columns, virtual, sections = 7, dict.fromkeys(SIDES, (COLUMN,)), {}, ()
    relation = property(lambda self: self)
    matrices = property(lambda self: {m: base.Committed((COLUMN,), OPENINGS, getattr(self, m), 13) for m in SIDES})

    def to_mapping(self):
        return {"rows": list(self.rows), "left": self.left, "right": self.right}

    @classmethod
    def from_mapping(cls, mapping, references):
        fields = take(mapping, {"rows": ListOf(Int(0, SIZE - 1)), "left": Bytes(32), "right": Bytes(32)})
        return cls(tuple(fields["rows"]), fields["left"], fields["right"])

    def identities(self, steps, looked_up):
        for at in ({"row": bits_of(row, COLUMN.bits)} for row in self.rows):
            left, right = (steps.evaluate(Address(m, "cells"), at) for m in SIDES)
            steps.require_zero("agreement", left - right)


class SecondAgreement(relations.Relation):
    def __init__(self, rows):
        super().__init__([], [])
        self.name, self.columns, self.rows = "agreement", {m: [SECOND] for m in SIDES}, rows

    def identities(self, ch):
        for at in ({"row": field.bits_of(row, SECOND.bits)} for row in self.rows):
            left, right = (self.evaluate(ch, (m, "cells"), at) for m in SIDES)
            ch.zero("agreement", lambda difference=left - right: (difference, []))


def verdicts(file):
    def second():
        statement, proof = formats.read_file(file, "agreement")
        shape = verifier.Shape(SecondAgreement(statement["rows"]), dict.fromkeys(SIDES, OPENINGS))
        verifier.verify_proof(shape, formats.instance("agreement", statement), {m: statement[m] for m in SIDES}, proof)

    return {verifier.verdict(second), package_verdict(lambda: verify.verify_proof(proofs.Proof.from_bytes(file)))}


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    types = {"rows": list, "left": bytes, "right": bytes}
    monkeypatch.setitem(formats.KINDS, "agreement", formats.Kind(7, lambda mapping: formats.fields(mapping, types)))
    yield base.statement_kind(Agreement)
    del base.STATEMENTS["agreement"], base.KINDS["agreement"]


def proved(modulus=12, **lies):
    shape = prove.check_before_work(Agreement(ROWS), budgets := [budget.Budget("pair", OPENINGS, 0, "")])
    columns = {Address("left", "cells"): CELLS, Address("right", "cells"): CELLS % modulus}
    committed = commitments(shape, columns)
    statement = Agreement(ROWS, **{m: committed[m].root for m in SIDES} | lies)
    return prove.prove_statement(shape, statement, committed, Witness(columns, {}), budgets=budgets).proof


def test_it_is_proved_saved_loaded_inspected_and_verified(tmp_path):
    proof, path = proved(), tmp_path / "pair.proof"
    proof.save(path)
    assert proofs.Proof.load(path) == proof and inspect_file(path).data["fields"]["rows"] == [0, 3, 11]
    assert verdicts(path.read_bytes()) == {"valid"}


def test_what_was_tampered_with_is_refused_by_name(monkeypatch):
    proof = proved()
    assert verdicts(replace(proof, proof=proof.proof[:-1] + bytes([proof.proof[-1] ^ 1])).to_bytes()) == {"merkle path"}
    assert verdicts(replace(proof, statement=replace(proof.statement, rows=(0, 3, 10))).to_bytes()) == {"constraints"}
    assert verdicts(proof.to_bytes().replace(b"agreement\0\7", b"agreement\0\x08", 1)) == {"format"}
    assert verdicts(proved(left=bytes(32)).to_bytes()) == {"merkle cap"}
    monkeypatch.setattr(prove, "Prover", CheatingProver)
    assert verdicts(proved(modulus=11).to_bytes()) == {"constraints"}
