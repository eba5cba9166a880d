"""Every message is bound: another one is accepted under the recorded challenges, and rejected under real ones.

Frozen-challenge tests: a message is altered, the algebra is repaired under the recorded challenges, and the verifier
accepts as long as its challenges do not move. Under the real transcript they move, and it rejects. Messages whose
value a hash fixes (what is opened of trees) are rejected either way. `FORGED` and `HASHED` name every message
that a proof has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import ONE, ZERO, K, P, Vector, add, kscale, ksub
from zkunlearn.circuits.field.multilinear import kevaluate
from zkunlearn.prover.matrices.commitment import Commitment
from zkunlearn.prover.matrices.entropy import random_field, random_salts
from zkunlearn.prover.protocol.channel import ProverChannel
from zkunlearn.prover.protocol.folding import prove_folding, send_vectors
from zkunlearn.prover.protocol.work import BATCH, Tries
from zkunlearn.verifier.protocol.channel import EXTENSION_BYTES
from zkunlearn.verifier.protocol.code import ReedSolomonCode, evaluate_rows
from zkunlearn.verifier.protocol.folding import Claims, Stack, weight_at
from zkunlearn.verifier.protocol.merkle import DIGEST_BYTES

from ..cheating import CheatingProver
from .harness import PROOFS, TELLING, TELLING_PROOFS, Columns, Declared, Outcome, columns_of, descend, prove
from .recording import (
    Replay,
    Section,
    body_end,
    element_at,
    read_to_settlement,
    recorded,
    sections,
    settled,
    with_element,
)

Log = list[tuple[str, Any]]
# Messages that are forged below, and the check that rejects them once challenges move.
FORGED = {
    "the root of": "constraints",
    "a masked message": "constraints",
    "inner products": "constraints",
    "the constraint masks": "constraints",
    "the ledger's vector": "constraints",
    "a vector in clear": "constraints",
    "a nonce": "merkle path",
    "a round of folding": "folding",
    "the value of a folded matrix": "folding",
}
# Messages that nobody can alter, whatever the challenges are, and the check that says so.
HASHED = {
    "the cap of": "merkle cap",
    "the salts of": "merkle path",
    "the columns of": "merkle path",
    "the paths of": "merkle path",
}


@pytest.fixture(scope="module")
def log(honest: Outcome) -> Log:
    return recorded(honest)


def assert_only_the_transcript_objects(
    proof: Outcome, log: Log, forged: bytes, check: str = "constraints", roots: Any = None
) -> None:
    """The forgery holds under the recorded challenges, and is rejected under real ones.

    Those move all the equations, or for a message that is in none, the seed of the proof of work.
    """
    assert forged != proof.proof
    forgery = Outcome(proof.shape, roots or proof.roots, forged, proof.prover)
    assert forgery.verdict(Replay(log)) == "valid"
    assert forgery.verdict() == check


def named(proof: Outcome, prefix: str) -> list[Section]:
    return [section for section in sections(proof) if section.what.startswith(prefix)]


@pytest.mark.parametrize("name", PROOFS)
def test_every_message_of_a_proof_is_forged_or_hashed_here(name: str, request: pytest.FixtureRequest) -> None:
    """A new kind of message fails here until it has a forgery, or a hash that fixes it."""
    for section in sections(request.getfixturevalue(name)):
        assert sum(section.what.startswith(prefix) for prefix in (*FORGED, *HASHED)) == 1, section.what


def test_every_sort_of_message_is_in_a_telling_proof(request: pytest.FixtureRequest) -> None:
    """So that what is tried of these only is tried of every sort."""

    def sorts(names: Iterable[str]) -> set[str]:
        found = {section.what for name in names for section in sections(request.getfixturevalue(name))}
        return {prefix for prefix in (*FORGED, *HASHED) if any(what.startswith(prefix) for what in found)}

    assert sorts(TELLING) == sorts(PROOFS)


def test_the_honest_proof_passes_frozen_and_real(honest: Outcome, log: Log) -> None:
    assert honest.verdict(Replay(log)) == honest.verdict() == "valid"
    assert settled(honest.shape, honest.proof, Replay(log)) == honest.proof


@pytest.mark.parametrize("name", TELLING_PROOFS)
@pytest.mark.parametrize("prefix", HASHED)
def test_what_is_opened_of_a_tree_is_rejected_even_under_frozen_challenges(
    name: str, prefix: str, request: pytest.FixtureRequest
) -> None:
    """It is absorbed too, but the tree's root is what binds it."""
    proof: Outcome = request.getfixturevalue(name)
    answers = recorded(proof)
    for section in named(proof, prefix):
        place = (section.start + section.end) // 16 * 8  # a lowest byte of an element
        forged = proof.proof[:place] + bytes([proof.proof[place] ^ 1]) + proof.proof[place + 1 :]
        forgery = Outcome(proof.shape, proof.roots, forged, proof.prover)
        assert forgery.verdict(Replay(answers)) == HASHED[prefix], section.what


# What is sent up to the settlement -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TELLING_PROOFS)
@pytest.mark.parametrize("least", [3, pytest.param(24, marks=pytest.mark.slow)])
def test_another_masked_message_is_rejected_only_because_challenges_move(
    name: str, least: int, request: pytest.FixtureRequest
) -> None:
    """One element of so many messages, at equal distances, a different one each time; M0 is solved for."""
    proof: Outcome = request.getfixturevalue(name)
    answers, found = recorded(proof), named(proof, "a masked message")
    assert sum(s.end - s.start for s in found) == EXTENSION_BYTES * proof.shape.ledger.entries
    for i, section in enumerate(found[:: max(1, len(found) // least)]):
        elements = (section.end - section.start) // EXTENSION_BYTES
        offset = section.start + EXTENSION_BYTES * (i % elements)
        altered = with_element(proof.proof, offset, element_at(proof.proof, offset) + K(1, 2))
        assert proof.verdict(Replay(answers), altered) == "constraints"
        forged = settled(proof.shape, altered, Replay(answers))
        assert_only_the_transcript_objects(proof, answers, forged, FORGED["a masked message"])


def test_other_constraint_masks_are_rejected_only_because_challenges_move(honest: Outcome, log: Log) -> None:
    offset = body_end(honest.shape) + EXTENSION_BYTES
    (masks,) = named(honest, "the constraint masks")
    assert (masks.start, masks.end) == (offset - EXTENSION_BYTES, offset + EXTENSION_BYTES)
    altered = with_element(honest.proof, offset, element_at(honest.proof, offset) + ONE)
    forged = settled(honest.shape, altered, Replay(log))
    assert_only_the_transcript_objects(honest, log, forged, FORGED["the constraint masks"])


def vanishing(code: ReedSolomonCode, indices: list[int], length: int) -> Vector:
    """A polynomial that is zero at the opened positions, as `length` coefficients: one more than positions suffice."""
    product = [1]
    points = code.points(indices)
    for point in points.tolist():
        shifted, scaled = [0, *product], [(-point * c) % P for c in product] + [0]
        product = [(a + b) % P for a, b in zip(shifted, scaled, strict=True)]
    coefficients = np.zeros(length, dtype=np.uint64)
    coefficients[: len(product)] = product
    assert not evaluate_rows(coefficients[None], points).any()
    return coefficients


def lifted(coefficients: Vector) -> Vector:
    """A vector over F as one over K."""
    return np.stack([coefficients, np.zeros_like(coefficients)])


def altered_vector(proof: Outcome, section: Section, delta: Vector) -> bytes:
    """The proof with `delta` added to a vector that goes in clear, K vector (2, n)."""
    y = np.frombuffer(proof.proof[section.start : section.end], dtype="<u8").astype(np.uint64)
    other = add(y, delta.reshape(-1))
    return proof.proof[: section.start] + other.astype("<u8").tobytes() + proof.proof[section.end :]


def drawn_columns(log: Log) -> list[list[int]]:
    return [value for kind, value in log if kind == "indices"]


def test_a_ledger_y_sent_after_the_indices_could_be_anything(honest: Outcome, log: Log) -> None:
    """With the columns known, a y of another message agrees with all of them. So they are drawn after y."""
    shape, drawn = honest.shape, drawn_columns(log)[0]  # the ledger is in the first group's tree
    (section,) = named(honest, "the ledger's vector")
    delta = lifted(vanishing(shape.ledger.code, drawn, shape.ledger.length))
    forged = settled(shape, altered_vector(honest, section, delta), Replay(log))
    assert_only_the_transcript_objects(honest, log, forged, FORGED["the ledger's vector"])


def test_a_y_in_clear_sent_after_the_indices_could_be_anything(honest_validity: Outcome) -> None:
    """The same for an opening vector: its inner product follows it."""
    shape, log = honest_validity.shape, recorded(honest_validity)
    (group,) = shape.groups
    assert not shape.chain
    delta = lifted(vanishing(group.code, drawn_columns(log)[0], group.code.dimension))
    (vector,), (inner,) = (named(honest_validity, what) for what in ("a vector in clear", "inner products"))
    altered = altered_vector(honest_validity, vector, delta)
    _, opened, *_ = read_to_settlement(shape, honest_validity.proof, Replay(log))
    moved = kevaluate(delta[:, : 1 << group.code.row_bits], opened[group.name].cell_point)
    altered = with_element(altered, inner.start, element_at(altered, inner.start) + moved)
    forged = settled(shape, altered, Replay(log))
    assert_only_the_transcript_objects(honest_validity, log, forged, FORGED["a vector in clear"])


@pytest.mark.parametrize("name", TELLING_PROOFS)
def test_another_root_is_rejected_only_because_challenges_move(name: str, request: pytest.FixtureRequest) -> None:
    """The same rows under other salts: only the root and the tree's openings change."""
    proof: Outcome = request.getfixturevalue(name)
    shape, log = proof.shape, recorded(proof)
    indices = recording_indices(proof, log)
    for place, tree in enumerate(shape.new_roots):
        old = proof.prover.commitments[tree]
        fresh = Commitment(old.code, old.rows, random_salts(old.code.length))
        columns = old.columns(indices[tree])
        old_one, new_one = [commitment.open(shape.trees[tree], indices[tree], columns) for commitment in (old, fresh)]
        forged = proof.proof.replace(old_one, new_one)
        start = DIGEST_BYTES * place
        forged = forged[:start] + fresh.root + forged[start + DIGEST_BYTES :]
        assert_only_the_transcript_objects(proof, log, forged, FORGED["the root of"])


def recording_indices(proof: Outcome, log: Log) -> dict[str, list[int]]:
    """The columns that were opened of each tree that the proof made."""
    made = [group.fresh for group in proof.shape.groups]
    if proof.shape.ledger.tree not in made:
        made.append(proof.shape.ledger.tree)
    return dict(zip(made, drawn_columns(log), strict=False))


class Diligent(CheatingProver):
    """One whose lie is settled afterwards, and then needs its nonces."""

    works_for_lies = True


def test_a_false_statement_is_accepted_by_the_algebra_alone(
    honest: Outcome, log: Log, declared: Declared, data: Any
) -> None:
    """A witness that satisfies nothing: with the last challenge known, M0 settles every equation."""
    everyone = descend(declared, data, counted=np.ones(len(data[1]), dtype=bool))
    false: Columns = columns_of(declared, data, everyone)
    lie = prove(declared.shape, false, with_transcript=Replay(log), prover=Diligent)
    assert lie.prover.lies
    assert lie.verdict(Replay(log)) == "constraints"
    forged = settled(declared.shape, lie.proof, Replay(log))
    assert lie.verdict(Replay(log), forged) == "valid"
    assert lie.verdict(proof=forged) == "constraints"


# Foldings ------------------------------------------------------------------------------------------------------------


def opening_vectors(proof: Outcome) -> list[Vector]:
    """The y of each group."""
    stack, stacked = proof.shape.chain[0], proof.prover.vectors.stacked
    cut = zip(stack.spans, stack.lengths, strict=True)
    return [stacked[:, span].reshape(2, -1)[:, :length].copy() for span, length in cut]


def folding_log(log: Log) -> Log:
    """What passed after the columns of the openings."""
    first = next(i for i, (kind, _) in enumerate(log) if kind == "indices")
    return log[next(i for i in range(first, len(log)) if log[i][0] == "challenge") :]


def front_of(proof: Outcome) -> bytes:
    """The bytes before the folding."""
    return proof.proof[: named(proof, "a round of folding")[0].start]


def with_root(proof: Outcome, front: bytes, vectors: Sequence[Vector]) -> bytes:
    """A front with the root of other vectors."""
    (section,) = named(proof, "the root of folding")
    sent = ProverChannel(Replay([]))
    send_vectors(sent, vectors, proof.shape.chain)
    return front[: section.start] + bytes(sent.proof) + front[section.end :]


def folded_again(proof: Outcome, log: Log, vectors: Sequence[Vector], claims: Sequence[Claims]) -> bytes:
    """The folding of other vectors, under the recorded challenges."""
    rest, chain = ProverChannel(Replay(folding_log(log))), proof.shape.chain
    prove_folding(rest, chain, send_vectors(ProverChannel(Replay([])), vectors, chain), claims)
    return bytes(rest.proof)


def test_a_folded_y_sent_after_the_indices_could_be_anything(honest: Outcome, log: Log) -> None:
    """Another y that agrees with all opened columns: its root, its inner product and its folding follow it."""
    group, ys, claims = honest.shape.groups[0], opening_vectors(honest), list(honest.prover.claims)
    delta = lifted(vanishing(group.code, drawn_columns(log)[0], group.code.dimension))
    ys[0] = np.stack([add(ys[0][0], delta[0]), ys[0][1]])
    moved = kevaluate(delta[:, : 1 << group.code.row_bits], claims[0].cell_point)
    claims[0] = replace(claims[0], inner=claims[0].inner + moved)
    (inner,) = named(honest, "inner products")
    front = with_root(honest, with_element(front_of(honest), inner.start, claims[0].inner), ys)
    forged = settled(honest.shape, front, Replay(log)) + folded_again(honest, log, ys, claims)
    assert_only_the_transcript_objects(honest, log, forged, FORGED["inner products"])


def test_another_root_of_folded_vectors_is_rejected_only_because_challenges_move(honest: Outcome, log: Log) -> None:
    """Cells past the end of a vector are no coefficients: with others there, the same claims hold of another root."""
    (stack,) = honest.shape.chain
    longer = []
    for y, span in zip(opening_vectors(honest), stack.spans, strict=True):
        whole = random_field(2, (span.stop - span.start) << stack.row_bits)
        assert whole.shape[1] > y.shape[1]
        whole[:, : y.shape[1]] = y
        longer.append(whole)
    forged = with_root(honest, front_of(honest), longer) + folded_again(honest, log, longer, honest.prover.claims)
    assert_only_the_transcript_objects(honest, log, forged, FORGED["the root of"])


@dataclass(frozen=True)
class Folded:
    """Challenges of the only folding of a proof, and where its messages stand."""

    rho: K
    point: tuple[K, ...]
    indices: list[int]
    rounds: list[Section]
    value: Section
    vector: Section

    @classmethod
    def of(cls, proof: Outcome, log: Log) -> Folded:
        rho, *point = [K(*value) for kind, value in folding_log(log) if kind == "challenge"]
        (value,), (vector,) = named(proof, "the value of a folded"), named(proof, "a vector in clear")
        return cls(rho, tuple(point), drawn_columns(log)[-1], named(proof, "a round of folding"), value, vector)

    def vanishing(self, stack: Stack) -> list[Vector]:
        """Two vectors that the opened columns do not see, with their products with eq(s)."""
        one = vanishing(stack.code, self.indices, 1 << stack.row_bits)
        return [lifted(one), lifted(np.roll(one, 1))]

    def at_cells(self, vector: Vector, stack: Stack) -> K:
        """<vector, eq(s)>."""
        return kevaluate(vector, self.point[stack.index_bits :])


def moved(proof: bytes, place: int, by: K) -> bytes:
    """The element there, and more."""
    return with_element(proof, place, element_at(proof, place) + by)


def with_round(proof: bytes, section: Section, r: K, at_zero: K, at_challenge: K) -> bytes:
    """A round whose polynomial is another: d(X) = a + b X + c X^2 more, d(0) = -d(1), so that it fits the claim."""
    a = at_zero
    c = (at_challenge - a + a * r + a * r) * (r * r - r).inverse()
    altered = moved(proof, section.start, a)
    return moved(altered, section.start + EXTENSION_BYTES, c + c - a - a - a)  # d(2)


@pytest.mark.parametrize("place", [0, 1, -2, -1])
def test_another_round_of_a_folding_is_rejected_only_because_challenges_move(
    honest: Outcome, log: Log, place: int
) -> None:
    """A polynomial that agrees with the true one at the challenge, which is known."""
    folded = Folded.of(honest, log)
    forged = with_round(honest.proof, folded.rounds[place], folded.point[place], K(3, 4), ZERO)
    assert_only_the_transcript_objects(honest, log, forged, FORGED["a round of folding"])


def test_another_folded_value_is_rejected_only_because_challenges_move(honest: Outcome, log: Log) -> None:
    """One more, with a last round and a vector to match it."""
    (stack,), folded = honest.shape.chain, Folded.of(honest, log)
    weight = weight_at(stack, honest.prover.claims, folded.rho, folded.point)
    forged = with_round(honest.proof, folded.rounds[-1], folded.point[-1], ZERO, weight)
    forged = moved(forged, folded.value.start, ONE)
    unseen, _ = folded.vanishing(stack)
    delta = kscale(unseen, folded.at_cells(unseen, stack).inverse())
    assert folded.at_cells(delta, stack) == ONE
    forged = forged[: folded.vector.start] + altered_vector(honest, folded.vector, delta)[folded.vector.start :]
    assert_only_the_transcript_objects(honest, log, forged, FORGED["the value of a folded matrix"])


def test_a_last_vector_sent_after_its_indices_could_be_anything(honest: Outcome, log: Log) -> None:
    """One that no opened column sees, of the same inner product. What moves is the seed of the proof of work."""
    (stack,), folded = honest.shape.chain, Folded.of(honest, log)
    first, second = folded.vanishing(stack)
    a, b = folded.at_cells(second, stack), folded.at_cells(first, stack)
    delta = ksub(kscale(first, a), kscale(second, b))
    assert folded.at_cells(delta, stack) == ZERO and delta.any()
    assert_only_the_transcript_objects(honest, log, altered_vector(honest, folded.vector, delta), "proof of work")


@pytest.mark.parametrize("which", [0, 1])
def test_another_nonce_is_rejected_only_because_columns_move(honest: Outcome, log: Log, which: int) -> None:
    """It answers the same seed. What was opened are other columns than those it leads to."""
    section, seed = named(honest, "a nonce")[which], [value for kind, value in log if kind == "seed"][which]
    first = int.from_bytes(honest.proof[section.start : section.end], "little")
    tried = map(Tries(seed).first_good, count(first + 1, BATCH))
    nonce = next(nonce for nonce in tried if nonce is not None).to_bytes(section.end - section.start, "little")
    forged = honest.proof[: section.start] + nonce + honest.proof[section.end :]
    assert_only_the_transcript_objects(honest, log, forged, FORGED["a nonce"])
