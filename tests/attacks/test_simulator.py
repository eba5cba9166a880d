"""The simulator: accepted proofs without a witness, for whoever may choose the challenges.

What a verifier sees of a real proof has the distribution of what `simulate` makes out of nothing (uniform masked
messages and vectors, M0 solved, mask cells solved), so a proof says nothing but that its statement is true. That
it needs the challenges beforehand is why this is no forgery: the real transcript gives them afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_bytes
from typing import Any

import numpy as np
import pytest
from scipy import stats
from zkunlearn.circuits.goldilocks import Vector, kadd, kmul_base, kscale, ksub, total
from zkunlearn.circuits.multilinear import kevaluate
from zkunlearn.prover.channel import ProverChannel
from zkunlearn.prover.folding import prove_folding, send_vectors
from zkunlearn.prover.merkle import build_levels, cap_of, paths_of
from zkunlearn.verifier.channel import EXTENSION_BYTES
from zkunlearn.verifier.code import evaluate_rows
from zkunlearn.verifier.columns import TreeShape
from zkunlearn.verifier.folding import folded_bytes
from zkunlearn.verifier.group import MASK_ROWS
from zkunlearn.verifier.ledger import LEDGER_ROWS
from zkunlearn.verifier.merkle import DIGEST_BYTES, SALT_BYTES, leaf_hash
from zkunlearn.verifier.opening import OpenedGroup
from zkunlearn.verifier.protocol import WITNESS, ProofShape, draw_indices, group_claims, verify_protocol
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
from .recording import body_end, read_to_settlement, sections, settled

ALPHA = 1e-6  # a false alarm once in a million runs


class Programmed(Transcript):
    """Answers chosen beforehand, whatever is absorbed: one tape for simulator and verifier."""

    def __init__(self, tape: bytes) -> None:
        super().__init__(b"a tape", b"", tape)

    def absorb(self, data: bytes) -> None:
        pass


# The simulator ---------------------------------------------------------------------------------------------------


def simulate(shape: ProofShape, tape: bytes) -> tuple[dict[str, bytes], bytes]:
    """Roots of "committed" matrices and a proof that `Programmed(tape)` accepts. No data, weights or trace go in."""
    ys = [random_field(2, length) for length in shape.vectors]
    draft = settled(shape, front_of(shape, ys, tape), Programmed(tape))  # M0 solved
    channel, opened, epsilon, ledger_y, *_ = read_to_settlement(shape, draft, Programmed(tape))

    # The rest is an honest prover's: it speaks of the y's and of opened columns only.
    rest = ProverChannel(channel.transcript)
    indices = draw_indices(rest, shape)
    cells = junk_cells(shape, opened, ys, (epsilon, ledger_y), indices)
    trees = {name: junk_tree(tree, indices[name], cells[name]) for name, tree in shape.trees.items()}
    for _, opening in trees.values():
        rest.send_data(opening)
    claims = [group_claims(rest, group, opened[group.name], indices[group.fresh], cells) for group in shape.groups]
    prove_folding(rest, shape.chain, send_vectors(ProverChannel(Programmed(b"again")), ys, shape.chain), claims)

    roots = {name: root for name, (root, _) in trees.items()}
    front = b"".join(roots[name] for name in shape.new_roots)
    return {name: roots[name] for name in shape.committed}, front + draft[len(front) :] + bytes(rest.proof)


def front_of(shape: ProofShape, ys: Sequence[Vector], tape: bytes) -> bytes:
    """All that is sent up to the settlement: uniform, but for what follows from the y's."""
    roots = DIGEST_BYTES * len(shape.new_roots)
    sent = ProverChannel(Programmed(b"unused"))
    send_vectors(sent, ys, shape.chain)
    masked = body_end(shape) - roots - len(sent.proof) - EXTENSION_BYTES * len(ys)
    assert masked == EXTENSION_BYTES * shape.ledger.entries
    settlement = uniform(2 * (2 + shape.ledger.length))  # M0, M1 and the ledger's y, for now all uniform
    front = bytes(roots) + uniform(masked // 8) + bytes(sent.proof)
    draft = front + bytes(EXTENSION_BYTES * len(ys)) + settlement
    _, opened, *_ = read_to_settlement(shape, draft, Programmed(tape))
    for group, y in zip(shape.groups, ys, strict=True):
        sent.send_elements([kevaluate(y[:, : 1 << group.code.row_bits], opened[group.name].cell_point)])
    return bytes(roots) + draft[roots : roots + masked] + bytes(sent.proof) + settlement


def junk_cells(
    shape: ProofShape,
    opened: dict[str, OpenedGroup],
    ys: Sequence[Vector],
    ledger: tuple[Any, Vector],
    indices: dict[str, list[int]],
) -> dict[str, Vector]:
    """Uniform columns; those of masks and of kappa' solved, so that they are what the y's say."""
    cells = {name: random_field(len(indices[name]), tree.rows) for name, tree in shape.trees.items()}
    for group, y in zip(shape.groups, ys, strict=True):
        fresh, first = cells[group.fresh], group.fresh_columns
        rows = np.concatenate([*(cells[layout.name] for layout in group.committed), fresh[:, :first]], axis=1)
        word = evaluate_rows(y, group.code.points(indices[group.fresh]))
        fresh[:, first : first + MASK_ROWS] = ksub(word, folded_cells(opened[group.name], rows)).T
    epsilon, y = ledger
    pads = cells[shape.ledger.tree][:, shape.ledger.first_row :]
    assert pads.shape[1] == LEDGER_ROWS
    word = evaluate_rows(y, shape.ledger.code.points(indices[shape.ledger.tree]))
    pads[:, 2:] = ksub(word, kscale(pads[:, :2].T, epsilon)).T
    return cells


def uniform(count: int) -> bytes:
    """Uniform elements of F."""
    return random_field(count).astype("<u8").tobytes()


def folded_cells(opened: OpenedGroup, cells: Vector) -> Vector:
    """gamma * sum over rows of eq * cells, K vector (2, t)."""
    return kscale(total(kmul_base(opened.row_eq[:, None, :], cells)), opened.gamma)


def junk_tree(tree: TreeShape, indices: Sequence[int], cells: Vector) -> tuple[bytes, bytes]:
    """A tree with given cells at the opened leaves and junk in all others: its root, and its opening."""
    leaves = [token_bytes(DIGEST_BYTES) for _ in range(tree.code.length)]
    salts = [token_bytes(SALT_BYTES) for _ in indices]
    packed = [row.astype("<u8").tobytes() for row in cells]
    for index, salt, data in zip(indices, salts, packed, strict=True):
        leaves[index] = leaf_hash(salt, data)
    levels = build_levels(b"".join(leaves))
    opening = cap_of(levels, tree.cap) + b"".join(salts) + b"".join(packed) + paths_of(levels, tree.cap, indices)
    return levels[-1], opening


@pytest.mark.parametrize("name", ["honest", "honest_validity", "honest_alone"])
def test_a_simulated_proof_is_accepted_under_programmed_challenges(name: str, request: pytest.FixtureRequest) -> None:
    shape: ProofShape = request.getfixturevalue(name).shape
    roots, proof = simulate(shape, b"seed")
    verify_protocol(shape, Programmed(b"seed"), roots, proof)


@pytest.mark.parametrize("name", ["honest", "honest_validity", "honest_alone"])
def test_a_simulated_proof_is_rejected_under_the_real_transcript(name: str, request: pytest.FixtureRequest) -> None:
    honest: Outcome = request.getfixturevalue(name)
    roots, proof = simulate(honest.shape, b"seed")
    forgery = Outcome(honest.shape, roots, proof, honest.prover)
    assert forgery.verdict(transcript()) == "constraints"
    assert forgery.verdict(Programmed(b"another tape")) == "constraints"


def test_a_simulator_that_is_not_told_the_work_is_rejected(honest: Outcome) -> None:
    """What the proof of work adds: another seed, and the nonce is worth nothing."""
    roots, proof = simulate(honest.shape, b"seed")

    class Unworked(Programmed):
        def seed(self, count: int) -> bytes:
            return bytes(count)

    assert Outcome(honest.shape, roots, proof, honest.prover).verdict(Unworked(b"seed")) == "proof of work"


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
    "inner products": "inner products",
    "the ledger's vector": "the ledger's vector",
    "constraint masks": "the constraint masks",
    "witness, mask and ledger cells": f"the columns of {WITNESS}",
    "data set cells": "the columns of dataset",
    "model cells": "the columns of model",
    "model mask cells": "the columns of model mask",
    "salts": "the salts of",
    "folding rounds": "a round of folding",
    "folded values": "the value of a folded matrix",
    "folding cells": "the columns of folding",
    "vectors in clear": "a vector in clear",
}


def component(outcomes: list[Outcome], what: str) -> Any:
    """How often each byte occurs in all sections of one kind, in some proofs."""
    where = [s for s in sections(outcomes[0]) if s.what == what or (what.endswith(" of") and s.what.startswith(what))]
    where = where or [s for s in sections(outcomes[0]) if s.what.startswith(what)]
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
    masks = [tuple(m[:, 0].tolist()) for o in (p for ps in proofs for p in ps) for m in o.prover.masks.values()]
    assert len(set(masks)) == len(masks)


def test_the_ledger_is_used_to_its_end(honest: Outcome) -> None:
    channel = honest.prover.channel
    assert len(channel.values) == channel.program.entries == honest.shape.ledger.entries


def test_a_masked_message_is_its_value_plus_its_pad(honest: Outcome) -> None:
    """And so every one that was sent is hidden by a pad of its own."""
    ledger = honest.prover.ledger
    channel, *_ = read_to_settlement(honest.shape, honest.proof, transcript())
    expected = [value + pad for value, pad in zip(honest.prover.channel.values, ledger.pads(), strict=True)]
    assert channel.masked == expected


def test_a_y_of_the_ledger_is_uniform_given_the_pads(honest: Outcome) -> None:
    """y = kappa' + eps kappa with kappa' used for nothing else."""
    ledger = honest.prover.ledger
    _, _, epsilon, y, *_ = read_to_settlement(honest.shape, honest.proof, transcript())
    assert np.array_equal(y, kadd(ledger.kappa_prime, kscale(ledger.kappa, epsilon)))
    assert y.shape == (2, honest.shape.ledger.entries + 1 + 124)


def test_what_is_folded_is_a_function_of_the_opening_vectors(honest: Outcome) -> None:
    """From the y's alone, and what was opened, an outsider makes the same folding, byte for byte."""
    shape, prover = honest.shape, honest.prover
    (stack,) = shape.chain
    ys = [
        prover.vectors.stacked[:, span].reshape(2, -1)[:, :length]
        for span, length in zip(stack.spans, stack.lengths, strict=True)
    ]
    folding = folded_bytes(shape.vectors, shape.chain) - DIGEST_BYTES  # the first root was sent before
    outsider = ProverChannel(Skipping(honest.proof[:-folding]))
    prove_folding(outsider, shape.chain, send_vectors(ProverChannel(transcript()), ys, shape.chain), prover.claims)
    assert bytes(outsider.proof) == honest.proof[-folding:]


class Skipping(Transcript):
    """The transcript of a proof as it is after some of its bytes: what was absorbed so far is all that counts."""

    def __init__(self, absorbed: bytes) -> None:
        super().__init__(b"zkunlearn attacks", b"session", b"instance")
        self.absorb(absorbed)


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
