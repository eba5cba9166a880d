"""What passes, in which order, and words that are not codewords.

Every byte is absorbed before the challenges that depend on it, columns are drawn last, and committed words far from
the code, masks of a known coefficient, ledgers off their line and repeated columns are rejected.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from zkunlearn.circuits.field.goldilocks import K, Vector, add, kadd, kscale, sub
from zkunlearn.errors import InvalidProof
from zkunlearn.prover.matrices.commitment import Commitment
from zkunlearn.prover.matrices.entropy import random_field
from zkunlearn.prover.protocol import proof as prover_protocol
from zkunlearn.prover.protocol.proof import Prover
from zkunlearn.verifier.protocol.group import Group
from zkunlearn.verifier.protocol.proof import WITNESS, ProofShape
from zkunlearn.verifier.protocol.transcript import Transcript

from ..words import Words
from .harness import (
    PROOFS,
    Columns,
    Declared,
    Outcome,
    columns_of,
    commitments,
    descend,
    prove,
    transcript,
    validity_columns,
    validity_shape,
)
from .recording import (
    Recorder,
    Replay,
    folded,
    labelled,
    recorded,
    sections,
    settled,
)

INVENTORIES = Path(__file__).parent / "inventories"
Log = list[tuple[str, Any]]


@pytest.fixture(scope="module")
def log(honest: Outcome) -> Log:
    return recorded(honest)


# What is absorbed, and when ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROOFS)
def test_what_passes_is_the_pinned_inventory(name: str, request: pytest.FixtureRequest) -> None:
    """Every absorb and every challenge of a fixed shape, in order, with its length or name and the function that asks
    for it. A change here is a change of the protocol, or of who speaks."""
    lines: list[str] = []
    with labelled(lines, sites=True):
        request.getfixturevalue(name).check()
    assert folded(lines) == (INVENTORIES / f"{name}.txt").read_text().splitlines()


def test_prover_and_verifier_say_the_same(honest: Outcome, declared: Declared, data: Any) -> None:
    heard: list[str] = []
    said: list[str] = []
    with labelled(heard):
        honest.check()
    with labelled(said, prover_protocol, "ProverChannel"):
        prove(declared.shape, columns_of(declared, data, descend(declared, data)))
    assert merged(said) == merged(heard)


def merged(lines: list[str]) -> list[str]:
    """Bytes absorbed one after another, as one: it makes no difference to the transcript."""
    result: list[str] = []
    for line in lines:
        if line.startswith("absorb") and result and result[-1].startswith("absorb"):
            result[-1] = f"absorb {int(result[-1].split()[1]) + int(line.split()[1])}"
        else:
            result.append(line)
    return result


@pytest.mark.parametrize("name", PROOFS)
def test_the_plan_and_every_byte_are_absorbed_in_order(name: str, request: pytest.FixtureRequest) -> None:
    outcome: Outcome = request.getfixturevalue(name)
    absorbed = b"".join(value for kind, value in recorded(outcome) if kind == "absorb")
    assert absorbed == outcome.shape.digest + outcome.proof


@pytest.mark.parametrize("name", PROOFS)
def test_columns_are_drawn_after_every_message_and_its_proof_of_work(name: str, request: pytest.FixtureRequest) -> None:
    """Every y, the ledger's too, M0 and M1 are fixed before a column is chosen; each drawing is worked for."""
    outcome: Outcome = request.getfixturevalue(name)
    kinds = [kind for kind, _ in recorded(outcome)]
    drawn = [i for i, kind in enumerate(kinds) if kind == "indices" and kinds[i - 1] != "indices"]
    assert len(drawn) == 1 + len(outcome.shape.chain)
    for i in drawn:
        assert kinds[i - 2 : i] == ["seed", "absorb"]
    named = [section.what for section in sections(outcome)]
    first = named.index("a nonce")
    committed = [f"the columns of {matrix}" for matrix in outcome.shape.committed]
    assert named[first - 1] == "the ledger's vector" and set(committed) <= set(named[first:])


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
        elif kind == "seed":
            result.append(real.seed(len(value)))
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


# Words that are not codewords ----------------------------------------------------------------------------------------


class Spoilt(Prover):
    """Commits to what `spoil` makes of a tree's codewords; the rows it speaks of stay as they are."""

    spoil: dict[str, Any]

    def _fresh(self, group: Group) -> Commitment:
        return spoilt(super()._fresh(group), self.spoil.get(group.fresh))


def first_row(words: Vector) -> Vector:
    """A view of row 0 of the words (n, rows), shape (n,)."""
    return words[:, 0]


def spoilt(commitment: Commitment, spoil: Any) -> Commitment:
    """Another tree over other words."""
    return commitment if spoil is None else Words(commitment, spoil)


def prove_spoilt(
    declared: Declared, columns: Columns, spoil: dict[str, Any], with_transcript: Transcript | None = None
) -> Outcome:
    prover = type("SpoiltHere", (Spoilt,), {"spoil": spoil})
    committed = {n: spoilt(c, spoil.get(n)) for n, c in commitments(declared.shape, columns).items()}
    return prove(declared.shape, columns, committed, with_transcript, prover)


@pytest.fixture(scope="module")
def columns(declared: Declared, data: Any) -> Columns:
    return columns_of(declared, data, descend(declared, data))


TREES = ["dataset", "model", WITNESS, "model mask"]


@pytest.mark.parametrize("tree", TREES)
def test_a_row_that_is_not_a_codeword_is_rejected(declared: Declared, columns: Columns, tree: str) -> None:
    """Errors in more positions than half of the distance: the opened columns are not what y says."""

    def spoil(words: Vector) -> Vector:
        row, code = first_row(words), declared.shape.trees[tree].code
        assert len(row) == code.length
        radius = (code.length - code.dimension) // 2 + 1
        row[:radius] = add(row[:radius], np.uint64(1))  # type: ignore[arg-type]
        return words

    outcome = prove_spoilt(declared, columns, {tree: spoil})
    assert outcome.verdict() == "folding"


def test_a_row_that_is_not_a_codeword_is_rejected_in_clear(data: Any) -> None:
    """The same where y is short and not folded."""
    shape = validity_shape()
    assert not shape.chain

    def spoil(words: Vector) -> Vector:
        first_row(words)[:] = add(first_row(words), random_field(len(words)))
        return words

    columns = validity_columns(shape, data)
    committed = {n: spoilt(c, spoil) for n, c in commitments(shape, columns).items()}
    assert prove(shape, columns, committed).verdict() == "codeword"


def test_an_error_in_one_position_is_found_exactly_when_it_is_opened(declared: Declared, columns: Columns) -> None:
    """Below half of the distance the row is still the one codeword near it; nothing is gained by an error."""

    def spoil(words: Vector) -> Vector:
        first_row(words)[:200] = add(first_row(words)[:200], np.uint64(1))  # type: ignore[arg-type]
        return words

    seen = set()
    for _ in range(2):
        outcome = prove_spoilt(declared, columns, {WITNESS: spoil})
        recorder = Recorder()
        verdict = outcome.verdict(recorder)
        drawn = next(value for kind, value in recorder.log if kind == "indices")
        assert verdict == ("folding" if min(drawn) < 200 else "valid")
        seen.add(verdict)
    assert seen <= {"folding", "valid"}


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

    def row(words: Vector) -> Vector:
        first_row(words)[:] = sub(first_row(words), junk)
        return words

    def mask(words: Vector) -> Vector:
        first_row(words)[:] = add(first_row(words), junk)
        return words

    labels = [entry.label for entry in declared.shape.plan.rounds]
    gammas = [i for i, label in enumerate(labels) if label == "opening"]
    place = gammas[[group.name for group in declared.shape.groups].index("model")]
    outcome = prove_spoilt(declared, columns, {"model": row, "model mask": mask}, Coefficient(place))
    assert outcome.verdict(Coefficient(place)) == "valid"
    honest_challenges = prove_spoilt(declared, columns, {"model": row, "model mask": mask})
    assert honest_challenges.verdict() == "folding"


class OffTheLine(Prover):
    """Sends a ledger y that differs from kappa' + eps kappa in one place, and opens what it committed to."""

    entry: int

    def settle(self) -> None:
        channel, entry, send = self.channel, self.entry, self.channel.send_vector

        def send_vector(values: Vector) -> None:
            if values.shape[1] == self.shape.ledger.length:
                values = values.copy()
                values[0, entry] = add(values[:1, entry], np.uint64(1))[0]  # type: ignore[arg-type]
            send(values)

        channel.send_vector = send_vector  # type: ignore[method-assign]
        super().settle()


@pytest.mark.parametrize("place", ["first pad", "last pad", "tail"])
def test_a_ledger_off_its_line_is_rejected(declared: Declared, columns: Columns, place: str) -> None:
    """Where the equations read y they notice; in the random tail, which they do not, the columns do."""
    shape: ProofShape = declared.shape
    entry = {"first pad": 0, "last pad": shape.ledger.entries, "tail": shape.ledger.length - 1}[place]
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
    assert outcome.verdict(Replay(recorder.log)) == "constraints"
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
    shape = honest.shape
    drawn = [value for kind, value in log if kind == "indices"]
    codes = [*(group.code for group in shape.groups), *(stack.code for stack in shape.chain)]
    assert [len(value) for value in drawn] == [code.queries for code in codes] == [118, 97, 97]
    for value, code in zip(drawn, codes, strict=True):
        assert len(set(value)) == len(value) and max(value) < code.length
    with pytest.raises(InvalidProof):
        honest.check(proof=honest.proof[:-1])


def test_the_opening_vector_is_the_mask_plus_gamma_times_the_folded_rows(honest: Outcome, log: Log) -> None:
    """What the verifier checks in some columns holds in all of them."""
    shape = honest.shape
    labels = [entry.label for entry in shape.plan.rounds]
    challenges = [K(*value) for kind, value in log if kind == "challenge"]
    gamma = [c for c, label in zip(challenges, labels, strict=True) if label == "opening"][1]
    _, model = shape.groups
    (stack,) = shape.chain
    span = stack.spans[1]
    stacked = honest.prover.vectors.stacked
    y = stacked[:, span].reshape(2, -1)[:, : model.code.dimension]
    mask = honest.prover.masks["model"]
    cells, tails = (part.cells for part in honest.prover.commitments["model"].rows.parts)
    row = np.concatenate([cells, tails], axis=1)
    assert row.shape == (1, model.code.dimension)
    lifted = np.concatenate([row, np.zeros_like(row)])
    assert np.array_equal(y, kadd(mask, kscale(lifted, gamma)))
