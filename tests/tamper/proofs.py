"""Edits of a proof's bytes: every section, as the verifier reads them, and every way to spoil it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from zkunlearn.circuits.field.goldilocks import P
from zkunlearn.circuits.field.multilinear import log2_ceil
from zkunlearn.errors import InvalidProof
from zkunlearn.verifier.protocol.code import PLAIN_RATE
from zkunlearn.verifier.protocol.proof import ProofShape

from ..attacks.harness import (
    Columns,
    Declared,
    Outcome,
    columns_of,
    declare,
    descend,
    matrix_shape,
    people,
    prove,
    validity_columns,
    validity_shape,
)
from ..attacks.recording import Section, sections

WORD, ELEMENT = 8, 16
LONG_ROW_BITS = 17  # vectors of this length are folded twice
HASHES = ("the root of", "the cap of", "the salts of", "the paths of", "a nonce")


def little(data: bytes) -> int:
    return int.from_bytes(data, "little")


@dataclass(frozen=True)
class ProofKind:
    """A proof, another one of the same statement and commitments, and who judges."""

    name: str
    outcome: Outcome
    sibling: bytes

    def operations(self) -> Iterator[tuple[str, str]]:
        """All that is tried, in order: section and operation."""
        yield from ((field, operation) for field, operation, _ in self._edits())

    def rows(self, every: int = 1) -> Iterator[tuple[str, str, str, str]]:
        """The manifest: kind, section, operation, answer; of one edit in so many."""
        for field, operation, proof in islice(self._edits(), 0, None, every):
            yield self.name, field, operation, self.answer(proof)

    def _edits(self) -> Iterator[tuple[str, str, bytes]]:
        found = sections(self.outcome)
        for field, place in named(found):
            edits = edited(self.outcome.proof, self.sibling, found, place)
            yield from ((field, operation, proof) for operation, proof in edits)

    def answer(self, proof: bytes) -> str:
        """The check that rejects it."""
        try:
            self.outcome.check(proof=proof)
        except InvalidProof as error:
            return error.check
        return "accepted"


def named(found: list[Section]) -> Iterator[tuple[str, int]]:
    """The sections of each name: all of them if they are two at most, else the first, the middle and the last one."""
    by_name: dict[str, list[int]] = {}
    for place, section in enumerate(found):
        by_name.setdefault(section.what, []).append(place)
    for what, places in by_name.items():
        labels = {f"{what}, first": places[0], f"{what}, middle": places[len(places) // 2], f"{what}, last": places[-1]}
        if len(places) < 3:
            del labels[f"{what}, middle"]
        yield from labels.items() if len(places) > 1 else [(what, places[0])]


def edited(proof: bytes, sibling: bytes, found: list[Section], place: int) -> Iterator[tuple[str, bytes]]:
    """Operation and altered proof, for one section."""
    section = found[place]
    start, end = section.start, section.end
    own, before, after = proof[start:end], proof[:start], proof[end:]
    middle = len(own) // 2 // WORD * WORD  # a lowest byte: the element stays below p
    changed = {
        "bit flipped": own[:middle] + bytes([own[middle] ^ 1]) + own[middle + 1 :],
        "zero": bytes(len(own)),
        "plus one": (little(own[:4]) + 1 & 0xFFFFFFFF).to_bytes(4, "little") + own[4:],
        "elements swapped": own[ELEMENT : 2 * ELEMENT] + own[:ELEMENT] + own[2 * ELEMENT :],
        "dropped": b"",
        "doubled": own + own,
        "spliced": sibling[start:end],
    }
    if not section.what.startswith(HASHES):
        changed["p"] = P.to_bytes(WORD, "little") + own[WORD:]
    for operation, other in changed.items():
        if other != own:
            yield operation, before + other + after
    yield "truncated", proof[: start + len(own) // 2]
    if place + 1 < len(found):
        following = proof[end : found[place + 1].end]
        if following != own:
            yield "swapped with the next", before + following + own + proof[found[place + 1].end :]


def long_shape(declared: Declared) -> ProofShape:
    """With rows so long that their vectors are folded, and what that leaves is folded again."""
    columns, width = declared.relation.columns, 1 + log2_ceil(declared.data.features)
    dataset = matrix_shape("dataset", columns["dataset"], LONG_ROW_BITS)
    return ProofShape(
        declared.relation,
        {"dataset": dataset, "model": matrix_shape("model", columns["model"], width, PLAIN_RATE)},
    )


def proof_kinds() -> list[ProofKind]:
    """Vectors folded twice; in clear, with a ledger of its own; and folded once, a witness in a group of its own."""
    declared, data = declare(), people()
    training = columns_of(declared, data, descend(declared, data))
    twice, together, alone = long_shape(declared), validity_shape(), validity_shape(shape=ProofShape)
    return [
        _pair("bytes of a training proof", twice, training),
        _pair("bytes of a validity proof", together, validity_columns(together, data)),
        _pair("bytes of a validity proof, witness alone", alone, validity_columns(alone, data)),
    ]


def _pair(name: str, shape: ProofShape, columns: Columns) -> ProofKind:
    first = prove(shape, columns)
    committed = {matrix: first.prover.commitments[matrix] for matrix in shape.committed}
    second = prove(shape, columns, committed)
    return ProofKind(name, first, second.proof)
