"""Proofs with broken bytes: the verifier names the check, whatever is broken.

A proof is a sequence of sections, each read in one go; `sections` asks the verifier where they lie.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from zkunlearn.circuits.goldilocks import P
from zkunlearn.models.errors import InvalidProof
from zkunlearn.verifier.channel import FIELD_BYTES, ProofReader

from .harness import Outcome, prove, validity_columns, validity_shape
from .recording import Section, sections

FLIPS = 150
ELEMENTS = ("a masked message", "an opening vector", "the constraint masks", "the columns of")
MERKLE = {"the cap of": "merkle cap", "the salts of": "merkle path", "the paths of": "merkle path"}


def expected(what: str) -> str:
    """The check that notices another value in a section."""
    for prefix, check in MERKLE.items():
        if what.startswith(prefix):
            return check
    return "merkle path" if what.startswith("the columns of") else "constraints"


@pytest.fixture(scope="module")
def proof(honest_validity: Outcome) -> Outcome:
    """The smaller of the two relations; what is read, and how, is the same code."""
    return honest_validity


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
    reader.field_elements(1, "a masked message")
    with pytest.raises(InvalidProof, match="ends within a root") as caught:
        reader.take(3, "a root")
    assert caught.value.check == "proof length"
    with pytest.raises(InvalidProof, match="2 bytes after the end"):
        reader.finish()


@pytest.mark.parametrize("value", [P, P + 1, 2**64 - 1], ids=["p", "p + 1", "2^64 - 1"])
@pytest.mark.parametrize("prefix", ELEMENTS)
def test_an_element_that_is_not_below_p_is_rejected(
    proof: Outcome, map_of: list[Section], prefix: str, value: int
) -> None:
    """In the first and last element of a section of each kind; zero is also written as p by nobody."""
    kinds = [section for section in map_of if section.what.startswith(prefix)]
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


def test_every_flipped_byte_is_rejected_by_the_check_of_its_section(proof: Outcome, map_of: list[Section]) -> None:
    """Half of the positions uniform over the sections, half over the bytes, so that short sections are met too."""
    rng = random.Random(2)
    places = [rng.randrange(len(proof.proof)) for _ in range(FLIPS // 2)]
    kinds = list(named(map_of).values())
    places += [rng.randrange(s.start, s.end) for s in (kinds * FLIPS)[: FLIPS - len(places)]]
    for place in places:
        section = next(s for s in map_of if s.start <= place < s.end)
        flipped = bytes([proof.proof[place] ^ (1 << rng.randrange(8))])
        verdict = proof.verdict(proof=proof.proof[:place] + flipped + proof.proof[place + 1 :])
        assert verdict == expected(section.what) or (
            verdict == "field element" and section.what.startswith(ELEMENTS)
        ), (section, place)


@pytest.fixture(scope="module")
def sibling(data: Any, proof: Outcome) -> Outcome:
    """Another honest proof of the same statement, about the same commitment."""
    columns = proof.prover.columns.values
    shape = proof.shape
    committed = {"dataset": proof.prover.commitments["dataset"]}
    other = prove(shape, dict(columns), committed)
    assert other.roots == proof.roots and other.verdict() == "valid"
    return other


def test_parts_of_another_proof_are_rejected(proof: Outcome, sibling: Outcome, map_of: list[Section]) -> None:
    """Both proofs are valid and of the same length; no part of one fits into the other."""
    for section in named(map_of).values():
        part = slice(section.start, section.end)
        spliced = proof.proof[: section.start] + sibling.proof[part] + proof.proof[section.end :]
        if sibling.proof[part] == proof.proof[part]:
            assert section.what == "the cap of dataset", "the one part that follows from the commitment alone"
            continue
        assert proof.verdict(proof=spliced) == expected(section.what), section.what


def test_a_whole_opening_of_another_proof_is_rejected(proof: Outcome, sibling: Outcome, map_of: list[Section]) -> None:
    """Cap, salts, cells and paths together hash to another root, or belong to other columns."""
    where = named(map_of)
    for tree in proof.shape.trees:
        start, end = where[f"the cap of {tree}"].start, where[f"the paths of {tree}"].end
        spliced = proof.proof[:start] + sibling.proof[start:end] + proof.proof[end:]
        assert proof.verdict(proof=spliced) == ("merkle path" if tree == "dataset" else "merkle cap")


def test_a_proof_of_another_data_set_is_rejected(proof: Outcome) -> None:
    """The same shape and instance bytes, another commitment: the transcript of these tests does not name the root,
    so the Merkle cap is what notices; in a statement the root is part of the instance (circuits/statement.py)."""
    from .harness import people

    shape = validity_shape()
    other = prove(shape, validity_columns(shape, people(seed=5)))
    swapped = Outcome(shape, proof.roots, other.proof, other.prover)
    assert swapped.verdict() == "merkle cap"
