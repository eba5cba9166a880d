"""Every byte of a proof, one after the other, and every byte around it.

A proof with few queries is small enough for it. What is around it is of a real file.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from multiprocessing import get_context
from os import cpu_count
from typing import Any

import cbor2
import pytest
from zkunlearn.formats.container import decode
from zkunlearn.verifier.protocol import code
from zkunlearn.verifier.protocol.folding import stacks
from zkunlearn.verifier.protocol.proof import ProofShape

from ..attacks.harness import Outcome, columns_of, declare, descend, people, prove, validity_columns, validity_shape
from ..attacks.recording import P, sections
from ..attacks.test_broken_bytes import ELEMENTS, by_luck, expected
from .artefacts import answer
from .edits import fields, name_of, value_at
from .manifest import FILE, read
from .proofs import WORD, little
from .spans import File

QUERIES = 3
KINDS = ["training", "validity", "witness alone"]


@pytest.fixture
def few_queries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Proofs as short as they can be; what is checked of each opened column is the same."""
    monkeypatch.setattr(code, "query_count", lambda inverse_rate: QUERIES)
    stacks.cache_clear()
    yield
    stacks.cache_clear()


def small_proof(kind: str) -> Outcome:
    data = people()
    if kind == "training":
        declared = declare(epochs=1)
        return prove(declared.shape, columns_of(declared, data, descend(declared, data)))
    shape = validity_shape(shape=ProofShape) if kind == "witness alone" else validity_shape()
    return prove(shape, validity_columns(shape, data))


def with_flipped_bit(data: bytes, place: int, bit: int) -> bytes:
    return data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :]


def wrong_verdicts(outcome: Outcome, places: range) -> list[tuple[str, int, str]]:
    """Places at which one flipped bit is not rejected by the check of its section."""
    rng, found, wrong = random.Random(places.start), sections(outcome), []
    for place in places:
        (section,) = (s for s in found if s.start <= place < s.end)
        flipped = with_flipped_bit(outcome.proof, place, rng.randrange(8))
        verdict, check = outcome.verdict(proof=flipped), expected(outcome, section, place)
        word = place - (place - section.start) % WORD
        if section.what.startswith(ELEMENTS) and little(flipped[word : word + WORD]) >= P:
            check = "field element"
        if verdict != check and not by_luck(check, verdict):
            wrong.append((section.what, place, verdict))
    return wrong


_outcome: Any = None  # of the process that forks


def _run(places: range) -> list[tuple[str, int, str]]:
    return wrong_verdicts(_outcome, places)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS)
def test_every_byte_of_a_small_proof_is_bound(kind: str, few_queries: None) -> None:
    global _outcome
    _outcome = small_proof(kind)
    assert _outcome.verdict() == "valid"
    length = len(_outcome.proof)
    parts = [range(start, min(start + 500, length)) for start in range(0, length, 500)]
    with get_context("fork").Pool(cpu_count()) as pool:
        assert [wrong for part in pool.map(_run, parts, chunksize=1) for wrong in part] == []


@pytest.mark.parametrize("kind", KINDS)
def test_sampled_bytes_of_a_small_proof_are_bound(kind: str, few_queries: None) -> None:
    outcome = small_proof(kind)
    assert outcome.verdict() == "valid"
    assert all(group.code.queries == QUERIES for group in outcome.shape.groups)
    assert wrong_verdicts(outcome, range(0, len(outcome.proof), len(outcome.proof) // 40)) == []


# Around a proof ------------------------------------------------------------------------------------------------------

POSITIONS = "statement.forgotten.positions"
DIGESTS = "statement.forgotten.digests"  # another one may be in its place or not
AROUND = {"constraints", "forget list", "format", "mismatch", "proof length", "record path", "statement"}


@pytest.mark.slow
def test_every_byte_around_a_proof_is_bound(tampered: list[Any]) -> None:
    """The head, and the whole statement; in roots, digests and paths by the check that the manifest names."""
    (file,) = (kind for kind in tampered if isinstance(kind, File) and kind.name == "a container")
    data, rng = b"".join(file.parts.values()), random.Random(4)
    payload = decode(data, "training", len(data))[1]
    start = data.index(payload["proof"])
    places = [*range(start), *range(start + len(payload["proof"]), len(data))]
    answers = {place: answer(file.judge, with_flipped_bit(data, place, rng.randrange(8))) for place in places}
    assert {found.split(":")[0] for found in answers.values()} <= AROUND
    named = {row[1]: row[3] for row in read(FILE.read_text()) if (row[0], row[2]) == ("training", "bit flipped")}
    strings = {name_of(path): value_at(payload, path) for path in fields(payload)}
    strings = {name: value for name, value in strings.items() if isinstance(value, bytes) and name != "proof"}
    assert len(strings) == 9
    for name, value in strings.items():
        where = b"".join(map(cbor2.dumps, (name.split(".")[-1], value)))
        assert data.count(where) == 1
        place = data.index(where) + len(where) - len(value)
        found = {answers[i] for i in range(place, place + len(value))}
        if name == POSITIONS:  # a byte may also say that its gap goes on
            found = {"format" if each.startswith("format: list of positions") else each for each in found}
            assert found <= {named[name], "forget list", "format"}
            continue
        assert named[name] in found, name
        assert found <= {named[name], *({"forget list"} if name == DIGESTS else ())}, name
