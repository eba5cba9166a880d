"""Proofs with broken bytes: the verifier names the check, whatever is broken.

A proof is a sequence of sections, each read in one go; `sections` asks the verifier where they lie.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from zkunlearn.circuits.field.goldilocks import K, P
from zkunlearn.errors import InvalidProof
from zkunlearn.prover.protocol import channel as prover_channel
from zkunlearn.prover.protocol import proof as prover_protocol
from zkunlearn.prover.protocol.channel import ProverChannel
from zkunlearn.verifier.protocol.channel import FIELD_BYTES, ProofReader
from zkunlearn.verifier.protocol.work import NONCE_BYTES

from .harness import Outcome, prove, validity_columns, validity_shape
from .recording import Section, body_end, sections

ELEMENTS = (
    "a masked message",
    "a vector in clear",
    "inner products",
    "the constraint masks",
    "the ledger's vector",
    "the columns of",
    "a round of folding",
    "the value of a folded matrix",
)
NOTICED = {
    "the cap of": "merkle cap",
    "the salts of": "merkle path",
    "the paths of": "merkle path",
    "the columns of": "merkle path",
    "a nonce": "proof of work",
    "a round of folding": "folding",
    "the value of a folded matrix": "folding",
}
# What is sent after the settlement moves the seed of the next proof of work, before anything else is looked at.
LATE = ("a vector in clear", "the root of folding 2")


def expected(proof: Outcome, section: Section, place: int | None = None) -> str:
    """The check that notices another value in a section, at a place of it."""
    for prefix, check in NOTICED.items():
        if section.what.startswith(prefix):
            return check
    if section.what.startswith(LATE) and section.start > body_end(proof.shape):
        return "proof of work"
    if section.what == "the ledger's vector" and place is not None:
        entries = proof.shape.ledger.entries + 1  # the random tail is in no equation
        coefficient = (place - section.start) // FIELD_BYTES % proof.shape.ledger.length
        return "constraints" if coefficient < entries else "proof of work"
    return "constraints"


def by_luck(check: str, verdict: str) -> bool:
    """One nonce in 2^20 is worth its bits behind another seed, too; other columns have to be opened then."""
    return check == "proof of work" and verdict.startswith("merkle")


@pytest.fixture(scope="module", params=["honest_validity", "honest_alone", "honest"])
def proof(request: pytest.FixtureRequest) -> Outcome:
    """One whose vectors go in clear and whose ledger has a tree of its own, and one with neither."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def map_of(proof: Outcome) -> list[Section]:
    return sections(proof)


def named(map_of: list[Section]) -> dict[str, Section]:
    """The last section of each name."""
    return {section.what: section for section in map_of}


def test_the_sections_are_the_proof(proof: Outcome, map_of: list[Section]) -> None:
    end = 0
    for section in map_of:
        assert section.start == end
        end = section.end
    assert end == len(proof.proof) == proof.shape.proof_bytes


def test_every_truncation_is_rejected(proof: Outcome, map_of: list[Section]) -> None:
    rng = random.Random(1)
    lengths = {0, 1, len(proof.proof) - 1} | {s.start for s in map_of} | {s.end - 1 for s in map_of}
    lengths |= {rng.randrange(len(proof.proof)) for _ in range(200)}
    for length in lengths - {0}:
        assert proof.verdict(proof=proof.proof[:length]) == "proof length"


@pytest.mark.parametrize("extra", [b"\0", b"\xff", bytes(32), bytes(100_000)], ids=len)
def test_trailing_bytes_are_rejected(proof: Outcome, extra: bytes) -> None:
    assert proof.verdict(proof=proof.proof + extra) == "proof length"


def test_an_empty_proof_is_rejected(proof: Outcome) -> None:
    with pytest.raises(InvalidProof, match="proof length"):
        Outcome(proof.shape, proof.roots, b"", proof.prover).check()


def test_the_reader_says_where_a_proof_ends() -> None:
    """Behind the check of the whole length, each read checks its own."""
    reader = ProofReader(bytes(10))
    reader.take(8, "a masked message")
    with pytest.raises(InvalidProof, match="ends within a root") as caught:
        reader.take(3, "a root")
    assert caught.value.check == "proof length"
    with pytest.raises(InvalidProof, match="2 bytes after the end"):
        reader.finish()


def test_a_prover_that_always_writes_zero_as_p_is_rejected(honest: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that he sends and absorbs fits together, but there is another spelling of it. Without pads some values are
    zero, first weights above all.
    """
    draw, written = prover_protocol.draw_ledger, []

    def without_pads(shape: Any) -> Any:
        ledger = draw(shape)
        ledger.rows[:2] = 0
        return ledger

    def send_elements(channel: ProverChannel, values: Sequence[K]) -> None:
        elements = [c or P for value in values for c in value.pair]
        written.extend(elements)
        channel.send_data(b"".join(c.to_bytes(FIELD_BYTES, "little") for c in elements))

    monkeypatch.setattr(prover_protocol, "draw_ledger", without_pads)
    monkeypatch.setattr(ProverChannel, "send_elements", send_elements)
    lying = prove(honest.shape, dict(honest.prover.columns.values))
    assert lying.verdict() == "field element" and P in written


@pytest.mark.parametrize("value", [P, P + 1, 2**64 - 1], ids=["p", "p + 1", "2^64 - 1"])
@pytest.mark.parametrize("prefix", ELEMENTS)
def test_an_element_that_is_not_below_p_is_rejected(
    proof: Outcome, map_of: list[Section], prefix: str, value: int
) -> None:
    """In the first and last element of a section of each kind; zero is also written as p by nobody."""
    kinds = [section for section in map_of if section.what.startswith(prefix)]
    if not kinds:
        assert not proof.shape.chain and "fold" in prefix, "every other section is in every proof"
        return
    section = kinds[value % len(kinds)]
    for place in (section.start, section.end - FIELD_BYTES):
        planted = value.to_bytes(FIELD_BYTES, "little")
        altered = proof.proof[:place] + planted + proof.proof[place + FIELD_BYTES :]
        assert proof.verdict(proof=altered) == "field element"


def test_zero_written_as_p_is_rejected_in_every_tree(proof: Outcome, map_of: list[Section]) -> None:
    for section in map_of:
        if section.what.startswith("the columns of"):
            place = section.start + FIELD_BYTES * (section.end - section.start) // (2 * FIELD_BYTES) // 8 * 8
            altered = proof.proof[:place] + P.to_bytes(8, "little") + proof.proof[place + 8 :]
            assert proof.verdict(proof=altered) == "field element"


def test_a_prover_that_does_not_work_is_rejected(honest: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prover_channel, "find_work", lambda seed: bytes(NONCE_BYTES))
    lying = prove(honest.shape, dict(honest.prover.columns.values))
    assert lying.verdict() == "proof of work"


@pytest.mark.parametrize("flips", [60, pytest.param(150, marks=pytest.mark.slow)])
def test_every_flipped_byte_is_rejected_by_the_check_of_its_section(
    proof: Outcome, map_of: list[Section], flips: int
) -> None:
    """Half of the positions uniform over the sections, half over the bytes, so that short sections are met too."""
    rng = random.Random(2)
    places = [rng.randrange(len(proof.proof)) for _ in range(flips // 2)]
    kinds = list(named(map_of).values())
    assert len(kinds) <= flips - len(places), "each section is met"
    places += [rng.randrange(s.start, s.end) for s in (kinds * flips)[: flips - len(places)]]
    for place in places:
        section = next(s for s in map_of if s.start <= place < s.end)
        flipped = bytes([proof.proof[place] ^ (1 << rng.randrange(8))])
        verdict = proof.verdict(proof=proof.proof[:place] + flipped + proof.proof[place + 1 :])
        check = expected(proof, section, place)
        spelt = verdict == "field element" and section.what.startswith(ELEMENTS)
        assert verdict == check or spelt or by_luck(check, verdict), (section, place)


@pytest.fixture(scope="module")
def sibling(data: Any, proof: Outcome) -> Outcome:
    """Another honest proof of the same statement, about the same commitments."""
    columns = proof.prover.columns.values
    shape = proof.shape
    committed = {name: proof.prover.commitments[name] for name in shape.committed}
    other = prove(shape, dict(columns), committed)
    assert other.roots == proof.roots and other.verdict() == "valid"
    return other


def test_parts_of_another_proof_are_rejected(proof: Outcome, sibling: Outcome, map_of: list[Section]) -> None:
    """Both proofs are valid and of the same length; no part of one fits into the other."""
    for section in named(map_of).values():
        part = slice(section.start, section.end)
        spliced = proof.proof[: section.start] + sibling.proof[part] + proof.proof[section.end :]
        if sibling.proof[part] == proof.proof[part]:
            assert section.what in ("the cap of dataset", "the cap of model"), "what follows from a commitment alone"
            continue
        assert proof.verdict(proof=spliced) == expected(proof, section), section.what


def test_a_whole_opening_of_another_proof_is_rejected(proof: Outcome, sibling: Outcome, map_of: list[Section]) -> None:
    """Cap, salts, cells and paths together hash to another root, or belong to other columns."""
    where = named(map_of)
    for tree in proof.shape.trees:
        start, end = where[f"the cap of {tree}"].start, where[f"the paths of {tree}"].end
        spliced = proof.proof[:start] + sibling.proof[start:end] + proof.proof[end:]
        assert proof.verdict(proof=spliced) == ("merkle path" if tree in proof.shape.committed else "merkle cap")


def test_a_proof_of_another_data_set_is_rejected(honest_validity: Outcome) -> None:
    """The same shape and instance bytes, another commitment: the transcript of these tests does not name the root,
    so the Merkle cap is what notices; in a statement the root is part of the instance."""
    from .harness import people

    shape = validity_shape()
    other = prove(shape, validity_columns(shape, people(seed=5)))
    swapped = Outcome(shape, honest_validity.roots, other.proof, other.prover)
    assert swapped.verdict() == "merkle cap"
