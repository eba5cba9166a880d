"""Challenges are what makes the algebra mean something: with challenges known, anything can be proved.

Frozen-challenge tests: a message is altered, the algebra is repaired under the recorded challenges, and the
verifier accepts as long as its challenges do not move. Under the real transcript they move, and it rejects.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.goldilocks import ONE, K, P, Vector, add, kadd, kscale, sub
from zkunlearn.models.errors import InvalidProof
from zkunlearn.prover import protocol as prover_protocol
from zkunlearn.prover.commitment import Commitment
from zkunlearn.prover.entropy import random_bytes
from zkunlearn.prover.protocol import Prover
from zkunlearn.verifier.channel import EXTENSION_BYTES
from zkunlearn.verifier.code import QUERIES, ReedSolomonCode
from zkunlearn.verifier.merkle import DIGEST_BYTES
from zkunlearn.verifier.protocol import LEDGER, WITNESS, ProofShape, mask_name
from zkunlearn.verifier.transcript import Transcript

from .harness import (
    Columns,
    Declared,
    Outcome,
    columns_of,
    commitments,
    descend,
    prove,
    random_field,
    transcript,
)
from .recording import (
    Recorder,
    Replay,
    body_end,
    element_at,
    folded,
    labelled,
    recorded,
    sections,
    settled,
    with_element,
)

INVENTORIES = Path(__file__).parent / "inventories"
Log = list[tuple[str, Any]]


@pytest.fixture(scope="module")
def log(honest: Outcome) -> Log:
    return recorded(honest)


# What is absorbed, and when ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["honest", "honest_validity"])
def test_what_passes_is_the_pinned_inventory(name: str, request: pytest.FixtureRequest) -> None:
    """Order, lengths and challenges of a fixed shape. A change here is a change of the protocol."""
    lines: list[str] = []
    with labelled(lines):
        request.getfixturevalue(name).check()
    assert folded(lines) == (INVENTORIES / f"{name}.txt").read_text().splitlines()


def test_prover_and_verifier_say_the_same(honest: Outcome, declared: Declared, data: Any) -> None:
    heard: list[str] = []
    said: list[str] = []
    with labelled(heard):
        honest.check()
    with labelled(said, prover_protocol, "ProverChannel"):
        prove(declared.shape, columns_of(declared, data, descend(declared, data)))
    assert said == heard


@pytest.mark.parametrize("name", ["honest", "honest_validity"])
def test_every_byte_before_the_columns_is_absorbed_in_order(name: str, request: pytest.FixtureRequest) -> None:
    outcome: Outcome = request.getfixturevalue(name)
    absorbed = b"".join(value for kind, value in recorded(outcome) if kind == "absorb")
    assert outcome.proof.startswith(absorbed)
    rest = [section.what for section in sections(outcome) if section.start >= len(absorbed)]
    assert rest == [f"the {part} of {tree}" for tree in outcome.shape.trees for part in PARTS]


PARTS = ("cap", "salts", "columns", "paths")


def test_columns_are_drawn_after_every_message(log: Log) -> None:
    """Every y, the ledger's too, and M0, M1 are fixed before a column is chosen."""
    kinds = [kind for kind, _ in log]
    first = kinds.index("indices")
    assert set(kinds[first:]) == {"indices"}
    assert kinds[first - 1] == "absorb"


def test_a_change_in_any_message_changes_every_later_challenge(log: Log) -> None:
    baseline = answers(log, len(log), b"")
    for place, (kind, value) in enumerate(log):
        if kind != "absorb":
            continue
        position = place % len(value)
        flipped = value[:position] + bytes([value[position] ^ 1]) + value[position + 1 :]
        before = sum(kind != "absorb" for kind, _ in log[:place])
        changed = answers(log, place, flipped)
        assert changed[:before] == baseline[:before]
        assert not any(a == b for a, b in zip(changed[before:], baseline[before:], strict=True))


def answers(log: Log, place: int, other: bytes) -> list[Any]:
    """The real transcript's challenges when message `place` is another; the indices, as tuples."""
    real = Transcript(b"zkunlearn attacks", b"session", b"instance")
    result: list[Any] = []
    for i, (kind, value) in enumerate(log):
        if kind == "absorb":
            real.absorb(other if i == place else value)
        elif kind == "challenge":
            result.append(real.challenge())
        else:
            result.append(tuple(real.indices(4 * len(value) + 1, len(value))))
    return result


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_change_in_protocol_session_or_instance_changes_the_first_challenge(part: int, honest: Outcome) -> None:
    names = [b"zkunlearn attacks", b"session", b"instance"]
    for i in range(len(names[part])):
        other = list(names)
        other[part] = names[part][:i] + bytes([names[part][i] ^ 1]) + names[part][i + 1 :]
        assert Transcript(*other).challenge() != transcript().challenge()
    other[part] = names[part] + b"\0"
    assert Transcript(*other).challenge() != transcript().challenge()
    assert honest.verdict(Transcript(*other)) == "constraints"


def test_the_same_bytes_in_another_part_are_another_statement(honest: Outcome) -> None:
    moved = Transcript(b"zkunlearn attackss", b"ession", b"instance")
    assert honest.verdict(moved) == "constraints"


# Frozen challenges ---------------------------------------------------------------------------------------------------


def assert_only_the_transcript_objects(honest: Outcome, log: Log, forged: bytes, roots: Any = None) -> None:
    """The forgery holds under the recorded challenges, and is rejected under real ones."""
    assert forged != honest.proof
    forgery = Outcome(honest.shape, roots or honest.roots, forged, honest.prover)
    assert forgery.verdict(Replay(log)) == "valid"
    assert forgery.verdict() == "constraints"


def test_the_honest_proof_passes_frozen_and_real(honest: Outcome, log: Log) -> None:
    assert honest.verdict(Replay(log)) == honest.verdict() == "valid"
    assert settled(honest.shape, honest.proof, Replay(log)) == honest.proof


def masked_offsets(outcome: Outcome) -> list[int]:
    """Where every masked element stands."""
    found = []
    for section in sections(outcome):
        if section.what == "a masked message":
            found += range(section.start, section.end, EXTENSION_BYTES)
    return found


@pytest.mark.parametrize("where", [0.0, 0.01, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0])
def test_another_masked_message_is_rejected_only_because_challenges_move(
    honest: Outcome, log: Log, where: float
) -> None:
    offsets = masked_offsets(honest)
    assert len(offsets) == honest.shape.ledger.entries
    offset = offsets[round(where * (len(offsets) - 1))]
    altered = with_element(honest.proof, offset, element_at(honest.proof, offset) + K(1, 2))
    assert honest.verdict(Replay(log), altered) == "constraints"
    assert_only_the_transcript_objects(honest, log, settled(honest.shape, altered, Replay(log)))


def test_other_constraint_masks_are_rejected_only_because_challenges_move(honest: Outcome, log: Log) -> None:
    offset = body_end(honest.shape) + EXTENSION_BYTES
    altered = with_element(honest.proof, offset, element_at(honest.proof, offset) + ONE)
    assert_only_the_transcript_objects(honest, log, settled(honest.shape, altered, Replay(log)))


def vanishing(code: ReedSolomonCode, indices: list[int]) -> Vector:
    """A polynomial that is zero at the opened positions, as coefficients (C + m): m + 1 of them suffice."""
    product = [1]
    for point in code.points(indices).tolist():
        shifted, scaled = [0, *product], [(-point * c) % P for c in product] + [0]
        product = [(a + b) % P for a, b in zip(shifted, scaled, strict=True)]
    coefficients = np.zeros(code.dimension, dtype=np.uint64)
    coefficients[: len(product)] = product
    assert not code.evaluate(coefficients[None], indices).any()
    return coefficients


@pytest.mark.parametrize("tree", ["dataset", "model", WITNESS, LEDGER])
def test_a_y_sent_after_the_indices_could_be_anything(honest: Outcome, log: Log, tree: str) -> None:
    """With the columns known, a y of another message agrees with all of them. So they are drawn after y."""
    shape = honest.shape
    drawn = [value for kind, value in log if kind == "indices"]
    names = [*shape.matrices, LEDGER]
    code = shape.trees[tree].code
    delta = vanishing(code, drawn[names.index(tree)])
    wanted = "an opening vector"
    places = [s for s in sections(honest) if s.what == wanted]
    section = places[names.index(tree)]
    y = np.frombuffer(honest.proof[section.start : section.end], dtype="<u8").astype(np.uint64)
    other = add(y, np.concatenate([delta, np.zeros_like(delta)]))
    altered = honest.proof[: section.start] + other.astype("<u8").tobytes() + honest.proof[section.end :]
    assert_only_the_transcript_objects(honest, log, settled(shape, altered, Replay(log)))


@pytest.mark.parametrize("tree", ["dataset mask", "model mask", WITNESS, LEDGER])
def test_another_root_is_rejected_only_because_challenges_move(honest: Outcome, log: Log, tree: str) -> None:
    """The same rows under other salts: only the root and the tree's openings change."""
    shape = honest.shape
    drawn = [value for kind, value in log if kind == "indices"]
    by_name = dict(zip([*shape.matrices, LEDGER], drawn, strict=True))
    old = honest.prover.commitments[tree]
    fresh = salted_again(old)
    indices = by_name[tree.removesuffix(" mask")]
    place = DIGEST_BYTES * shape.new_roots.index(tree)
    forged = honest.proof.replace(old.open(shape.trees[tree], indices), fresh.open(shape.trees[tree], indices))
    forged = forged[:place] + fresh.root + forged[place + DIGEST_BYTES :]
    assert_only_the_transcript_objects(honest, log, forged)


def salted_again(commitment: Commitment) -> Commitment:
    salts = random_bytes(len(commitment.secret.salts))
    return Commitment(commitment.code, type(commitment.secret)(commitment.secret.rows, salts))


def test_a_false_statement_is_accepted_by_the_algebra_alone(
    honest: Outcome, log: Log, declared: Declared, data: Any
) -> None:
    """A witness that satisfies nothing: with the last challenge known, M0 settles every equation."""
    false = columns_of(declared, data, descend(declared, data, counted=np.ones(len(data[1]), dtype=bool)))
    lie = prove(declared.shape, false, with_transcript=Replay(log))
    assert lie.prover.lies
    assert lie.verdict(Replay(log)) == "constraints"
    forged = settled(declared.shape, lie.proof, Replay(log))
    assert lie.verdict(Replay(log), forged) == "valid"
    assert lie.verdict(proof=forged) == "constraints"


# Words that are not codewords ----------------------------------------------------------------------------------------


class Spoilt(Prover):
    """Commits to what `spoil` makes of a tree's codewords; the rows it speaks of stay as they are."""

    spoil: dict[str, Any]

    def commit(self) -> None:
        order = iter([*(mask_name(name) for name in self.shape.committed), WITNESS])
        honest = prover_protocol.commit

        def commit(code: ReedSolomonCode, values: Vector) -> Commitment:
            return spoilt(honest(code, values), self.spoil.get(next(order)))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(prover_protocol, "commit", commit)
            super().commit()


def first_row(codewords: Vector) -> Vector:
    """A view of row 0, shape (n,); codewords come in groups of eight rows, (groups, n, 8)."""
    return codewords[0, :, 0]


def spoilt(commitment: Commitment, spoil: Any) -> Commitment:
    """Another tree over other codewords."""
    if spoil is not None:
        commitment.__dict__["codewords"] = spoil(commitment.codewords.copy())
    return commitment


def prove_spoilt(
    declared: Declared, columns: Columns, spoil: dict[str, Any], with_transcript: Transcript | None = None
) -> Outcome:
    prover = type("SpoiltHere", (Spoilt,), {"spoil": spoil})
    committed = {n: spoilt(c, spoil.get(n)) for n, c in commitments(declared.shape, columns).items()}
    return prove(declared.shape, columns, committed, with_transcript, prover)


@pytest.fixture(scope="module")
def columns(declared: Declared, data: Any) -> Columns:
    return columns_of(declared, data, descend(declared, data))


@pytest.mark.parametrize("tree", ["dataset", "model", WITNESS, "dataset mask", "model mask"])
def test_a_row_that_is_not_a_codeword_is_rejected(declared: Declared, columns: Columns, tree: str) -> None:
    """Errors in more positions than half of the distance."""

    def spoil(codewords: Vector) -> Vector:
        row, code = first_row(codewords), declared.shape.trees[tree].code
        assert len(row) == code.length
        radius = (code.length - code.dimension) // 2 + 1
        row[:radius] = add(row[:radius], np.uint64(1))
        return codewords

    outcome = prove_spoilt(declared, columns, {tree: spoil})
    assert outcome.verdict() == f"codeword of {tree.removesuffix(' mask')}"


def test_an_error_in_one_position_is_found_exactly_when_it_is_opened(declared: Declared, columns: Columns) -> None:
    """Below half of the distance the row is still the one codeword near it; nothing is gained by an error."""

    def spoil(codewords: Vector) -> Vector:
        first_row(codewords)[:1] = add(first_row(codewords)[:1], np.uint64(1))
        return codewords

    seen = set()
    for _ in range(4):
        outcome = prove_spoilt(declared, columns, {WITNESS: spoil})
        recorder = Recorder()
        verdict = outcome.verdict(recorder)
        drawn = [value for kind, value in recorder.log if kind == "indices"][
            list(declared.shape.matrices).index(WITNESS)
        ]
        assert verdict == ("codeword of witness" if 0 in drawn else "valid")
        seen.add(verdict)
    assert seen <= {"codeword of witness", "valid"}


class Coefficient(Recorder):
    """The real transcript, but the model's gamma is one: a mask added with a coefficient known beforehand."""

    def __init__(self, place: int) -> None:
        super().__init__()
        self._place, self._drawn = place, 0

    def challenge(self) -> tuple[int, int]:
        drawn = super().challenge()
        self._drawn += 1
        return (1, 0) if self._drawn == self._place + 1 else drawn


def test_a_mask_of_coefficient_one_would_hide_any_junk(declared: Declared, columns: Columns) -> None:
    """The attack of 3.6: row = codeword - junk, mask = codeword + junk. With gamma = 1 the junk cancels."""
    junk = random_field(declared.shape.trees["model"].code.length)

    def row(codewords: Vector) -> Vector:
        first_row(codewords)[:] = sub(first_row(codewords), junk)
        return codewords

    def mask(codewords: Vector) -> Vector:
        first_row(codewords)[:] = add(first_row(codewords), junk)
        return codewords

    labels = [entry.label for entry in declared.shape.plan.rounds]
    gammas = [i for i, label in enumerate(labels) if label == "opening"]
    place = gammas[list(declared.shape.matrices).index("model")]
    outcome = prove_spoilt(declared, columns, {"model": row, "model mask": mask}, Coefficient(place))
    assert outcome.verdict(Coefficient(place)) == "valid"
    honest_challenges = prove_spoilt(declared, columns, {"model": row, "model mask": mask})
    assert honest_challenges.verdict() == "codeword of model"


class OffTheLine(Prover):
    """Sends a ledger y that differs from kappa' + eps kappa in one place, and opens what it committed to."""

    entry: int

    def settle(self) -> None:
        channel, entry, send = self.channel, self.entry, self.channel.send_vector

        def send_vector(values: Vector) -> None:
            values = values.copy()
            values[0, entry] = add(values[:1, entry], np.uint64(1))[0]
            send(values)

        channel.send_vector = send_vector  # type: ignore[method-assign]
        super().settle()


@pytest.mark.parametrize("place", ["first pad", "last pad", "tail"])
def test_a_ledger_off_its_line_is_rejected(declared: Declared, columns: Columns, place: str) -> None:
    """Where the equations read y they notice; in the random tail, which they do not, the columns do."""
    shape: ProofShape = declared.shape
    entry = {"first pad": 0, "last pad": shape.ledger.entries, "tail": shape.ledger.code.dimension - 1}[place]
    prover = type("OffTheLineHere", (OffTheLine,), {"entry": entry})
    outcome = prove(shape, columns, prover=prover)
    assert outcome.verdict() == ("codeword of ledger" if place == "tail" else "constraints")


def test_a_ledger_y_repaired_by_its_masks_is_rejected_by_the_columns(declared: Declared, columns: Columns) -> None:
    """y moved in the entry that masks M0 and M1; had M0 been sent after eps, it could follow."""
    shape = declared.shape
    prover = type("OffTheLineHere", (OffTheLine,), {"entry": shape.ledger.entries})
    recorder = Recorder()
    outcome = prove(shape, columns, with_transcript=recorder, prover=prover)
    repaired = settled(shape, outcome.proof, Replay(recorder.log))
    assert outcome.verdict(Replay(recorder.log), repaired) == "codeword of ledger"


class Repeating(Recorder):
    """Draws one column twice."""

    def indices(self, n: int, count: int) -> list[int]:
        drawn = super().indices(n, count)
        return [drawn[0], *drawn[:-1]]


def test_repeated_columns_are_rejected(declared: Declared, columns: Columns) -> None:
    outcome = prove(declared.shape, columns, with_transcript=Repeating())
    assert outcome.verdict(Repeating()) == "merkle path"


def test_real_columns_are_distinct_and_as_many_as_the_calculator_says(log: Log, honest: Outcome) -> None:
    for kind, value in log:
        if kind == "indices":
            assert len(set(value)) == len(value) == QUERIES == 148
    with pytest.raises(InvalidProof):
        honest.check(proof=honest.proof[:-1])


def test_y_is_the_mask_plus_gamma_times_the_folded_rows(honest: Outcome, log: Log) -> None:
    """What the verifier checks in 148 columns holds in all of them."""
    shape = honest.shape
    code = shape.trees["model"].code
    labels = [entry.label for entry in shape.plan.rounds]
    challenges = [K(*value) for kind, value in log if kind == "challenge"]
    gamma = [c for c, label in zip(challenges, labels, strict=True) if label == "opening"][1]
    section = [s for s in sections(honest) if s.what == "an opening vector"][1]
    y = np.frombuffer(honest.proof[section.start : section.end], dtype="<u8").astype(np.uint64).reshape(2, -1)
    mask = honest.prover.masks["model"]
    row = honest.prover.commitments["model"].secret.rows
    assert row.shape == (1, code.dimension)
    lifted = np.concatenate([row, np.zeros_like(row)])
    assert np.array_equal(y, kadd(mask, kscale(lifted, gamma)))
