"""The simulator: accepted proofs without a witness, for whoever may choose the challenges.

What a verifier sees of a real proof has the distribution of what `simulate` makes out of nothing (uniform masked
messages and vectors, M0 solved, mask cells solved), so a proof says nothing but that its statement is true. That
it needs the challenges beforehand is why this is no forgery: the real transcript gives them afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats
from zkunlearn.circuits.goldilocks import Vector, kadd, kmul_base, kscale, ksub, total
from zkunlearn.prover.entropy import random_bytes
from zkunlearn.prover.merkle import build_levels, cap_of, paths_of
from zkunlearn.verifier.channel import EXTENSION_BYTES, VerifierChannel
from zkunlearn.verifier.ledger import draw_constraint_weights, draw_epsilon
from zkunlearn.verifier.merkle import DIGEST_BYTES, leaf_hash
from zkunlearn.verifier.opening import SALT_BYTES, OpenedMatrix, TreeShape
from zkunlearn.verifier.protocol import (
    LEDGER,
    WITNESS,
    ProofShape,
    draw_indices,
    mask_name,
    verify_protocol,
    walk,
)
from zkunlearn.verifier.transcript import Transcript

from .harness import (
    Columns,
    Declared,
    Outcome,
    columns_of,
    commitments,
    descend,
    people,
    prove,
    random_field,
    transcript,
)
from .recording import body_end, sections, settled

ALPHA = 1e-6  # a false alarm once in a million runs


class Programmed(Transcript):
    """Answers chosen beforehand, whatever is absorbed: one tape for simulator and verifier."""

    def __init__(self, seed: bytes) -> None:
        super().__init__(b"a tape", b"", seed)

    def absorb(self, data: bytes) -> None:
        pass


# The simulator ---------------------------------------------------------------------------------------------------


def simulate(shape: ProofShape, seed: bytes) -> tuple[dict[str, bytes], bytes]:
    """Roots of "committed" matrices and a proof that `Programmed(seed)` accepts. No data, weights or trace go in."""
    body = bytes(DIGEST_BYTES * len(shape.new_roots)) + uniform((body_end(shape) // 8) - 4 * len(shape.new_roots))
    settlement = uniform(2 * (2 + shape.ledger.code.dimension))  # M0, M1 and the ledger's y, for now all uniform
    draft = settled(shape, body + settlement, Programmed(seed))  # M0 solved

    channel, opened, epsilon, y = replayed(shape, draft, seed)
    indices = draw_indices(channel.transcript, shape)
    cells = {name: random_field(len(indices[name]), tree.rows) for name, tree in shape.trees.items()}
    for name, matrix in shape.matrices.items():  # mask cells solved
        where, rows = indices[name], matrix.layout.column_rows
        mask = ksub(codeword(shape, name, opened[name].y, where), folded_cells(opened[name], cells[name][:, :rows])).T
        if name in shape.committed:
            cells[mask_name(name)] = mask
        else:
            cells[name][:, rows:] = mask
    kappa = cells[LEDGER][:, :2].T
    cells[LEDGER][:, 2:] = ksub(codeword(shape, LEDGER, y, indices[LEDGER]), kscale(kappa, epsilon)).T

    trees = {name: junk_tree(tree, indices[name], cells[name]) for name, tree in shape.trees.items()}
    roots = {name: root for name, (root, _) in trees.items()}
    front = b"".join(roots[name] for name in shape.new_roots)
    openings = b"".join(opening for _, opening in trees.values())
    return {name: roots[name] for name in shape.committed}, front + draft[len(front) :] + openings


def uniform(count: int) -> bytes:
    """Uniform elements of F."""
    return random_field(count).astype("<u8").tobytes()


def replayed(
    shape: ProofShape, draft: bytes, seed: bytes
) -> tuple[VerifierChannel, dict[str, OpenedMatrix], Any, Vector]:
    """The verifier's own reading of a draft, up to the ledger's y."""
    channel = VerifierChannel(Programmed(seed), draft)
    for name in shape.new_roots:
        channel.digest(name)
    opened = walk(channel, shape)
    draw_constraint_weights(channel, channel.program)
    channel.elements(2, "M0, M1")
    epsilon = draw_epsilon(channel)
    return channel, opened, epsilon, channel.vector(shape.ledger.code.dimension)


def codeword(shape: ProofShape, tree: str, y: Vector, indices: Sequence[int]) -> Vector:
    """y's codeword at the opened columns, K vector (2, t)."""
    return shape.trees[tree].code.evaluate(y, indices)


def folded_cells(opened: OpenedMatrix, cells: Vector) -> Vector:
    """gamma * sum over rows of eq * cells, K vector (2, t)."""
    return kscale(total(kmul_base(opened.row_eq[:, None, :], cells)), opened.gamma)


def junk_tree(tree: TreeShape, indices: Sequence[int], cells: Vector) -> tuple[bytes, bytes]:
    """A tree with given cells at the opened leaves and junk in all others: its root, and its opening."""
    leaves = [random_bytes(DIGEST_BYTES) for _ in range(tree.code.length)]
    salts = [random_bytes(SALT_BYTES) for _ in indices]
    packed = [row.astype("<u8").tobytes() for row in cells]
    for index, salt, data in zip(indices, salts, packed, strict=True):
        leaves[index] = leaf_hash(salt, data)
    levels = build_levels(b"".join(leaves))
    opening = cap_of(levels, tree.cap) + b"".join(salts) + b"".join(packed) + paths_of(levels, tree.cap, indices)
    return levels[-1], opening


@pytest.mark.parametrize("name", ["honest", "honest_validity"])
def test_a_simulated_proof_is_accepted_under_programmed_challenges(name: str, request: pytest.FixtureRequest) -> None:
    shape: ProofShape = request.getfixturevalue(name).shape
    roots, proof = simulate(shape, b"seed")
    verify_protocol(shape, Programmed(b"seed"), roots, proof)


@pytest.mark.parametrize("name", ["honest", "honest_validity"])
def test_a_simulated_proof_is_rejected_under_the_real_transcript(name: str, request: pytest.FixtureRequest) -> None:
    honest: Outcome = request.getfixturevalue(name)
    roots, proof = simulate(honest.shape, b"seed")
    forgery = Outcome(honest.shape, roots, proof, honest.prover)
    assert forgery.verdict(transcript()) == "constraints"
    assert forgery.verdict(Programmed(b"another tape")) == "constraints"


def test_a_simulated_proof_has_the_sections_of_a_real_one(honest: Outcome) -> None:
    _, proof = simulate(honest.shape, b"length")
    assert len(proof) == len(honest.proof)


# Statistics of real proofs -------------------------------------------------------------------------------------------

RUNS = 8
EXPECTED_COUNT = 10  # a class of a chi-square test should expect that many


@pytest.fixture(scope="module")
def proofs(declared: Declared) -> list[list[Outcome]]:
    """Proofs about two different data sets and models, of one shape and instance."""
    rows, _ = people()
    quiet = (
        np.zeros_like(rows),
        np.zeros(len(rows), dtype=np.int64),
    )  # everything zero: nothing could be less random
    families = []
    for data in (people(seed=11), quiet):
        columns: Columns = columns_of(declared, data, descend(declared, data))
        families.append([prove(declared.shape, columns, commitments(declared.shape, columns)) for _ in range(RUNS)])
    return families


COMPONENTS = {
    "masked messages": "a masked message",
    "opening vectors": "an opening vector",
    "constraint masks": "the constraint masks",
    "witness cells": f"the columns of {WITNESS}",
    "data set cells": "the columns of dataset",
    "model cells": "the columns of model",
    "ledger cells": f"the columns of {LEDGER}",
    "salts": "the salts of",
}


def component(outcomes: list[Outcome], what: str) -> Any:
    """How often each byte occurs in all sections of one kind, in some proofs."""
    where = [s for s in sections(outcomes[0]) if s.what.startswith(what)]
    joined = np.frombuffer(b"".join(o.proof[s.start : s.end] for o in outcomes for s in where), dtype=np.uint8)
    enough = len(joined) >= 256 * EXPECTED_COUNT  # else only 16 classes
    return np.bincount(joined, minlength=256) if enough else np.bincount(joined >> 4, minlength=16)


@pytest.mark.parametrize("name", COMPONENTS)
def test_a_component_of_proofs_is_uniform_and_says_nothing_about_the_data(
    proofs: list[list[Outcome]], name: str
) -> None:
    """Chi-square over byte values: against uniform, and between the two data sets. (p is 2^64 less 2^-32 of it.)"""
    first, second = (component(outcomes, COMPONENTS[name]) for outcomes in proofs)
    assert stats.chisquare(first).pvalue > ALPHA
    assert stats.chisquare(second).pvalue > ALPHA
    assert stats.chi2_contingency([first, second]).pvalue > ALPHA


def test_low_and_high_words_of_masked_messages_are_uniform(proofs: list[list[Outcome]]) -> None:
    """By element, not by byte: Kolmogorov-Smirnov on s / p."""
    for outcomes in proofs:
        where = [s for s in sections(outcomes[0]) if s.what == "a masked message"]
        joined = b"".join(o.proof[s.start : s.end] for o in outcomes for s in where)
        values = np.frombuffer(joined, dtype="<u8").astype(np.float64) / 2.0**64
        assert stats.kstest(values, "uniform").pvalue > ALPHA


def test_no_pad_is_ever_used_twice(proofs: list[list[Outcome]]) -> None:
    ledgers = [outcome.prover.ledger for outcomes in proofs for outcome in outcomes]
    pads = [pad.pair for ledger in ledgers for pad in ledger.pads()]
    assert len(set(pads)) == len(pads) == 2 * RUNS * ledgers[0].shape.entries
    assert len({ledger.commitment.root for ledger in ledgers}) == len(ledgers)


def test_the_ledger_is_used_to_its_end(honest: Outcome) -> None:
    channel = honest.prover.channel
    assert len(channel.values) == channel.program.entries == honest.shape.ledger.entries


def test_a_masked_message_is_its_value_plus_its_pad(honest: Outcome) -> None:
    """And so every one that was sent is hidden by a pad of its own."""
    channel, ledger = VerifierChannel(transcript(), honest.proof), honest.prover.ledger
    for name in honest.shape.new_roots:
        channel.digest(name)
    walk(channel, honest.shape)
    expected = [value + pad for value, pad in zip(honest.prover.channel.values, ledger.pads(), strict=True)]
    assert channel.masked == expected


def test_a_y_of_the_ledger_is_uniform_given_the_pads(honest: Outcome) -> None:
    """y = kappa' + eps kappa with kappa' used for nothing else."""
    where = [s for s in sections(honest) if s.what == "an opening vector"][-1]
    y = np.frombuffer(honest.proof[where.start : where.end], dtype="<u8").astype(np.uint64).reshape(2, -1)
    ledger = honest.prover.ledger
    *_, epsilon, seen = replayed_real(honest)
    assert np.array_equal(y, seen)
    assert np.array_equal(y, kadd(ledger.kappa_prime, kscale(ledger.kappa, epsilon)))
    assert len(y[0]) * EXTENSION_BYTES == where.end - where.start


def replayed_real(honest: Outcome) -> tuple[Any, ...]:
    channel = VerifierChannel(transcript(), honest.proof)
    for name in honest.shape.new_roots:
        channel.digest(name)
    walk(channel, honest.shape)
    draw_constraint_weights(channel, channel.program)
    channel.elements(2, "M0, M1")
    epsilon = draw_epsilon(channel)
    return channel, epsilon, channel.vector(honest.shape.ledger.code.dimension)


def test_two_proofs_of_one_statement_share_no_block(proofs: list[list[Outcome]]) -> None:
    """Beside the commitments made before, nothing random is reused between proofs."""
    first, second = proofs[0][:2]
    for section in sections(first):
        if section.end - section.start >= 16:
            part = slice(section.start, section.end)
            assert first.proof[part] != second.proof[part], section.what


def test_length_and_inventory_do_not_depend_on_who_is_forgotten(declared: Declared) -> None:
    from .harness import declare

    shapes = [declare(forgotten=f).shape for f in ((2, 5), (0, 12), (7,), tuple(range(11)), ())]
    assert len({shape.proof_bytes for shape in shapes}) == 1
    assert len({shape.ledger.entries for shape in shapes}) == 1
    assert len({tuple(r.label for r in shape.plan.rounds) for shape in shapes}) == 1
