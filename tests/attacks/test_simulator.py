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
from zkunlearn.circuits.field.goldilocks import Vector, kadd, kmul_base, kscale, ksub, total
from zkunlearn.circuits.field.multilinear import kevaluate
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.prover.matrices.merkle import build_levels, cap_of, paths_of
from zkunlearn.prover.protocol.channel import ProverChannel
from zkunlearn.prover.protocol.folding import prove_folding, send_vectors
from zkunlearn.verifier.protocol.channel import EXTENSION_BYTES
from zkunlearn.verifier.protocol.code import evaluate_rows
from zkunlearn.verifier.protocol.folding import folded_bytes
from zkunlearn.verifier.protocol.group import MASK_ROWS
from zkunlearn.verifier.protocol.ledger import LEDGER_ROWS
from zkunlearn.verifier.protocol.merkle import DIGEST_BYTES, SALT_BYTES, leaf_hash
from zkunlearn.verifier.protocol.opening import OpenedGroup
from zkunlearn.verifier.protocol.proof import ProofShape, draw_indices, group_claims, verify_protocol
from zkunlearn.verifier.protocol.transcript import Transcript
from zkunlearn.verifier.protocol.trees import TreeShape

from .harness import (
    PROOFS,
    Declared,
    Outcome,
    transcript,
)
from .recording import body_end, read_to_settlement, settled


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
    levels: list[Any] = build_levels(b"".join(leaves))
    opening = cap_of(levels, tree.cap) + b"".join(salts) + b"".join(packed) + paths_of(levels, tree.cap, indices)
    return levels[-1], opening


@pytest.mark.parametrize("name", PROOFS)
def test_a_simulated_proof_is_accepted_under_programmed_challenges(name: str, request: pytest.FixtureRequest) -> None:
    shape: ProofShape = request.getfixturevalue(name).shape
    roots, proof = simulate(shape, b"seed")
    verify_protocol(shape, Programmed(b"seed"), roots, proof)


@pytest.mark.parametrize("name", PROOFS)
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


# What the simulator relies on, in real proofs (their statistics are in tests/leaks) -----------------------------------


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
    assert y.shape == (2, honest.shape.ledger.entries + 1 + 118)


def test_rows_of_the_witness_have_a_random_tail_for_each_column_that_is_opened(honest: Outcome) -> None:
    """They are opened in one proof only, so their tails are shorter than those of the data set."""
    (group,) = (group for group in honest.shape.groups if group.witness is not None)
    code, rows = group.code, honest.prover.commitments["witness"].rows
    (tail,) = (part for part in rows.parts if part.start)
    assert (tail.row, tail.start) == (0, 1 << code.row_bits)
    assert tail.cells.shape == (group.fresh_columns, code.queries) and code.queries < code.tail
    assert len(np.unique(tail.cells)) == tail.cells.size


def test_what_is_folded_is_a_function_of_the_opening_vectors(honest: Outcome) -> None:
    """From the y's alone, and what was opened, an outsider makes the same folding, byte for byte."""
    shape, prover = honest.shape, honest.prover
    (stack,) = shape.chain
    ys = [
        prover.vectors.stacked[:, span].reshape(2, -1)[:, :length]
        for span, length in zip(stack.spans, stack.lengths, strict=True)
    ]
    folding = folded_bytes(shape.vectors, shape.chain) - DIGEST_BYTES  # the first root was sent before
    outsider = ProverChannel(Skipping(shape.digest + honest.proof[:-folding]))
    prove_folding(outsider, shape.chain, send_vectors(ProverChannel(transcript()), ys, shape.chain), prover.claims)
    assert bytes(outsider.proof) == honest.proof[-folding:]


class Skipping(Transcript):
    """The transcript of a proof as it is after the plan and some bytes: what was absorbed so far is all that counts."""

    def __init__(self, absorbed: bytes) -> None:
        super().__init__(b"zkunlearn attacks", b"session", b"instance")
        self.absorb(absorbed)


def test_length_and_inventory_do_not_depend_on_who_is_forgotten(declared: Declared) -> None:
    from .harness import declare

    shapes = [declare(forgotten=f).shape for f in ((2, 5), (0, 12), (7,), tuple(range(11)), ())]
    assert len({shape.proof_bytes for shape in shapes}) == 1
    assert len({shape.ledger.entries for shape in shapes}) == 1
    assert len({tuple(r.label for r in shape.plan.rounds) for shape in shapes}) == 1


def test_length_and_inventory_of_shards_do_not_depend_on_who_is_forgotten_but_for_how_many() -> None:
    """Standardised ones: D has the bits that the shard with the fewest rows needs, and how many these are is public."""
    from .sisa_runs import declare_standardized

    shapes = [declare_standardized(forgotten).shape for forgotten in ((1, 12), (3, 9), (6, 15), ())]
    fewer = declare_standardized((1, *range(16, 20))).shape
    assert len({shape.proof_bytes for shape in shapes}) == len({shape.ledger.entries for shape in shapes}) == 1
    assert len({tuple(r.label for r in shape.plan.rounds) for shape in (*shapes, fewer)}) == 1


def test_length_and_inventory_of_batches_of_shards_do_not_depend_on_who_is_forgotten() -> None:
    """Nor on how many: D has the same bits in every shard, and a batch of which nobody counts is a step, too."""
    from .sisa_runs import declare_standardized

    forgotten = ((1, 12), (3, 9), (0, 1), (1, *range(16, 21)), ())
    shapes = [declare_standardized(own, batch_size=2).shape for own in forgotten]
    assert len({shape.proof_bytes for shape in shapes}) == len({shape.ledger.entries for shape in shapes}) == 1
    assert len({tuple(r.label for r in shape.plan.rounds) for shape in shapes}) == 1
