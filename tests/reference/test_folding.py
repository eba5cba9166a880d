"""What is new in the second protocol: folded vectors, sections of lookups, groups of matrices, proofs of work."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from zkunlearn.circuits.language import tables
from zkunlearn.circuits.statements.base import read_statement
from zkunlearn.circuits.statements.training import TrainingStatement
from zkunlearn.errors import ParameterError
from zkunlearn.prover.matrices.commitment import Commitment
from zkunlearn.prover.protocol import channel, folding, opening, work
from zkunlearn.prover.protocol import proof as protocol
from zkunlearn.verifier.protocol.folding import folded_bytes, stacks
from zkunlearn.verifier.shapes import shape_of

from ..words import Words
from . import relations, verifier
from .examples import (
    LOGISTIC,
    changed,
    numbers,
    pack,
    package_shape,
    reference_shape,
    sections,
    statement_about_nothing,
    trained,
    verdict,
)
from .field import ONE, ZERO, K, P, Refused, bits_of, eq_table, extension, prefix
from .folding import Claims, weight
from .formats import divided, read_file, sha256
from .shapes import Axis, chain, parts, stack_rows

# The polynomials and the shapes --------------------------------------------------------------------------------------


def random_point(rng: random.Random, n: int) -> list[K]:
    return [K(rng.randrange(P), rng.randrange(P)) for _ in range(n)]


def test_extensions_agree_with_sums_over_the_cube() -> None:
    rng = random.Random(1)
    point = random_point(rng, 4)
    table = eq_table(point)
    values = [rng.randrange(P) for _ in table]
    assert extension(values, point) == sum((e * v for e, v in zip(table, values, strict=True)), ZERO)
    for size in range(20):
        assert prefix(point, size) == sum(table[:size], ZERO)


def test_weights_are_extensions_of_their_tables() -> None:
    """W by its definition, cell by cell: a short vector, one with a rest, one of whole rows."""
    rng, c = random.Random(2), 4
    lengths, variables = (5, 45, 32), (2, 5, 5)
    claims = [
        Claims(n, random_point(rng, v), ZERO, [(rng.randrange(P), ZERO) for _ in range(3)])
        for n, v in zip(lengths, variables, strict=True)
    ]
    rho, *point = random_point(rng, 1 + 3 + c)
    total, power, first = ZERO, ONE, 0
    for about in claims:
        ends = eq_table(point)[first << c :]
        for e, at in zip(ends, eq_table(about.point), strict=False):
            total += power * e * at
        power *= rho
        for x, _ in about.values:
            for j in range(about.length):
                total += power * ends[j] * pow(x, j, P)
            power *= rho
        first += stack_rows([about.length], c)
    assert first == 6
    assert weight(claims, rho, eq_table(point[:3]), point[3:]) == total


def test_chains_are_those_of_the_package() -> None:
    rng = random.Random(3)
    for _ in range(300):
        lengths = tuple(int(2 ** rng.uniform(2, 21)) for _ in range(rng.choice((1, 1, 2, 3))))
        expected = stacks(lengths)
        found = folded_bytes(lengths, expected), tuple(stack.row_bits for stack in expected)
        assert chain(lengths) == found, lengths


def test_parts_of_a_box_are_its_cells_once_each() -> None:
    """Each begins at a multiple of its padded size, and a point on it is one on the whole axis."""
    for bits in range(8):
        axes = (Axis("a", 5), Axis("b", 1), Axis("c", 11))
        cells = []
        for box in parts(axes, bits):
            assert sum(axis.bits for axis in box) <= bits
            for axis, whole in zip(box, axes, strict=True):
                last = axis.size - 1
                assert axis.whole(bits_of(last, axis.bits)) == bits_of(axis.start + last, whole.bits)
            a, b, c = (range(axis.start, axis.start + axis.size) for axis in box)
            cells += [(i, j, k) for i in a for j in b for k in c]
        assert sorted(cells) == [(i, 0, k) for i in range(5) for k in range(11)]


LARGE = [  # rows, features, epochs, size of a batch, openings, labels (or classes); what is large about it
    (2**20 + 77, 1, 1000, None, 1, "binary"),  # 250 sections, and a ledger in a tree of its own
    (2**16 + 3, 3, 3000, 2**7, 2, "binary"),  # so many weights; epochs are cut, and blocks
    (2**19 + 3, 900, 1000, 2**12, 4096, "real"),  # long rows, vectors that are folded three times
    (100, 9000, 50, 4, 2, "real"),  # a long model
    (3 * 2**20 + 3, 33, 70, 2**16, 32, "binary"),  # rows are cut, the last part of them is short
    (2**15 + 3, 20, 60, 2**12, 32, 250),  # outputs are cut, too
    (2**20, 5, 5, None, 32, 256),  # too many scores, but a data set
    (2**28, 3, 5, 2**15, 32, "real"),  # too many iterations, but a data set
    (2**27 + 1, 9, 1, None, 32, "count"),  # too large
]


@pytest.mark.parametrize(
    "size", [pytest.param(size, marks=[pytest.mark.slow] if place % 4 else []) for place, size in enumerate(LARGE)]
)
def test_large_shapes_are_those_of_the_package(size: tuple[int, int, int, int | None, int, str | int]) -> None:
    rows, features, epochs, batch, openings, labels = size
    kind, outputs = (labels, 1) if isinstance(labels, str) else ("categorical", labels)
    spec = zu.TrainingSpec(
        model="logistic" if kind in ("binary", "categorical") else "linear",
        epochs=epochs,
        learning_rate=64.0,
        batch_size=batch,
        fixed_point=zu.FixedPoint(p_bits=14),
    )
    statement = statement_about_nothing(rows, features, kind, openings, spec, [0, rows // 2, rows - 1], outputs)
    package = read_statement(TrainingStatement, divided("training", statement))
    try:
        expected = shape_of(package)
    except ParameterError:
        assert rows * outputs >= 2**27
        with pytest.raises(Refused, match="statement"):
            verifier.training_shape(statement)
    else:
        assert rows * outputs < 2**27
        assert reference_shape(verifier.training_shape(statement)) == package_shape(expected)
    if rows * (features + outputs) <= 2**30:
        assert reference_shape(verifier.dataset_shape(statement["dataset"])) == package_shape(shape_of(package.dataset))
    else:
        file = pack("dataset", statement["dataset"], b"")
        assert verdict("dataset", file) == "statement"


# Proofs of other shapes ----------------------------------------------------------------------------------------------


def test_lookups_in_many_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if memory were small: all axes are cut, also into parts of other sizes, with forgotten rows in some."""
    monkeypatch.setattr(tables, "SECTION_BITS", 5)
    monkeypatch.setattr(relations, "MOST_LEAF_BITS", 5)
    dataset = zu.commit(numbers(17, 4, 7), np.arange(17) % 2, openings=3)
    training = trained(dataset, replace(LOGISTIC, batch_size=8), [dataset.ids[i] for i in (3, 4, 16)])
    found = verifier.training_shape(training.statement).relation.parts
    counts = {name: len(boxes) for name, boxes in found.items()}
    assert counts == {
        "scores": 6,
        "weight limbs": 9,
        "last weight limbs": 1,
        "bias limbs": 3,
        "last bias limbs": 1,
    }
    sizes = {name: {tuple(axis.size for axis in box.axes) for box in boxes} for name, boxes in found.items()}
    assert sizes == {
        "scores": {(1, 1, 16), (1, 1, 1)},
        "weight limbs": {(1, 1, 1, 4)},
        "last weight limbs": {(1, 4)},
        "bias limbs": {(1, 1, 3)},
        "last bias limbs": {(1,)},
    }
    assert verifier.dataset_shape(training.statement["dataset"]).relation.sections == 4
    assert training.verdict(known=False) == "valid"
    at = {part: end - 8 for part, _, end in sections(verifier.training_shape(training.statement))}
    for part, expected in (("masked", "constraints"), ("cells of witness", "merkle path"), ("M0, M1", "constraints")):
        assert (
            training.verdict(pack("training", training.statement, changed(training.body, at[part]), training.paths))
            == expected
        )


def test_columns_that_fill_rows_and_columns_that_share_them() -> None:
    """Features of two axes in several rows, short columns in slots of one, and two commitments in one group."""
    dataset = zu.commit(numbers(300, 40, 8), numbers(300, 1, 9)[:, 0], openings=4)
    training = trained(dataset, zu.TrainingSpec(model="linear", epochs=2, learning_rate=0.05, batch_size=64))
    matrix = verifier.training_shape(training.statement).groups[0].matrices["dataset"]
    assert matrix.columns["features"].tiling(matrix.c)[0] == 3 and set(matrix.slots) == {"labels", "blind 0", "blind 1"}
    assert training.verdict(known=False) == "valid"
    again, link = zu.recommit(dataset, openings=4)
    (group,) = verifier.link_shape(read_file(link.to_bytes(), "link")[0]).groups
    assert list(group.matrices) == ["dataset", "new dataset"]
    assert verdict("link", link.to_bytes()) == "valid"
    spec = zu.TrainingSpec(model="linear", epochs=1, learning_rate=0.05, bias=False)
    assert trained(again, spec).verdict(known=False) == "valid"


# Provers that lie about what is folded: all equations between hidden values hold --------------------------------------

Vectors = Sequence[Any]


@dataclass(frozen=True)
class Recommitter:
    """Proofs about vectors that are folded so often."""

    dataset: zu.Dataset
    stacks: int

    def verdict(self) -> str:
        """What both verifiers say about a new proof."""
        link = zu.recommit(self.dataset, openings=self.dataset.statement.openings)[1].to_bytes()
        assert len(verifier.link_shape(read_file(link, "link")[0]).stacks) == self.stacks
        return verdict("link", link)


@pytest.fixture(scope="module")
def twice() -> Recommitter:
    return Recommitter(zu.commit(numbers(6, 2, 6), np.arange(6) % 2, openings=1100), 2)


@pytest.fixture(scope="module", params=[1, 2])
def prover(request: pytest.FixtureRequest, twice: Recommitter) -> Recommitter:
    return twice if request.param == 2 else Recommitter(zu.commit(numbers(5, 2, 6), np.arange(5) % 2, openings=32), 1)


def other(vectors: Vectors, at: int) -> list[Any]:
    """The vectors, one coefficient changed."""
    first, *rest = (vector.copy() for vector in vectors)
    first[0, at] = (int(first[0, at]) + 1) % P
    return [first, *rest]


def lie(monkeypatch: pytest.MonkeyPatch, module: Any, at: int, when: Callable[[Sequence[Any]], bool]) -> None:
    """A coefficient of the vectors that are sent is another, if the chain that follows is such a one."""
    send = folding.send_vectors

    def lying(channel: Any, vectors: Vectors, chain: Sequence[Any]) -> Any:
        return send(channel, other(vectors, at) if when(chain) else vectors, chain)

    monkeypatch.setattr(module, "send_vectors", lying)


def test_honest_recommitments_are_valid(prover: Recommitter) -> None:
    assert prover.verdict() == "valid"


@pytest.mark.parametrize("at", [0, -1])
def test_another_vector_in_the_first_stack(monkeypatch: pytest.MonkeyPatch, prover: Recommitter, at: int) -> None:
    """It gives another inner product, or, if the last coefficient is another, other columns only."""
    lie(monkeypatch, opening, at, bool)
    assert prover.verdict() == "folding"


def test_another_mask_than_the_committed_one(monkeypatch: pytest.MonkeyPatch, prover: Recommitter) -> None:
    """mu, y and the inner product belong together, and the columns to another mask."""
    commit = protocol.Prover.commit

    def lying(self: Any) -> None:
        commit(self)
        self.masks = {name: other([mask], 3)[0] for name, mask in self.masks.items()}

    monkeypatch.setattr(protocol.Prover, "commit", lying)
    assert prover.verdict() == "folding"


@pytest.mark.parametrize("at", [0, -1])
def test_another_folded_vector(monkeypatch: pytest.MonkeyPatch, prover: Recommitter, at: int) -> None:
    """The last one, whose value in clear is seen at once; it has no coefficient that the value does not see."""
    lie(monkeypatch, folding, at, lambda chain: not chain)
    assert prover.verdict() == "inner product"


def test_another_folded_vector_in_the_second_stack(monkeypatch: pytest.MonkeyPatch, twice: Recommitter) -> None:
    lie(monkeypatch, folding, 0, bool)
    assert twice.verdict() == "folding"


def test_another_folded_vector_of_the_same_value(monkeypatch: pytest.MonkeyPatch, prover: Recommitter) -> None:
    """Columns see what the inner product does not."""
    require, send, point = folding.require_folded, folding.send_vectors, []

    def remember(channel: Any, stack: Any, batch: Any, at: Any, claim: Any, value: Any) -> None:
        point[:] = [K(*x.pair) for x in at[stack.index_bits :]]
        require(channel, stack, batch, at, claim, value)

    def lying(channel: Any, vectors: Vectors, chain: Sequence[Any]) -> Any:
        if not chain:
            (vector,) = (vector.copy() for vector in vectors)
            first, second = eq_table(point)[:2]
            for i, delta in ((0, second), (1, -first)):
                vector[:, i] = [(int(v) + d) % P for v, d in zip(vector[:, i], (delta.a, delta.b), strict=True)]
            vectors = [vector]
        return send(channel, vectors, chain)

    monkeypatch.setattr(folding, "require_folded", remember)
    monkeypatch.setattr(folding, "send_vectors", lying)
    assert prover.verdict() == "codeword"


def test_words_of_a_stack_that_are_no_codewords(monkeypatch: pytest.MonkeyPatch, prover: Recommitter) -> None:
    """Its columns say something about the next vector: another one in clear, or one in the next stack."""
    commit = folding.commit_plain
    for level in range(prover.stacks):
        made = count()

        def lying(code: Any, rows: Any, made: Iterator[int] = made, level: int = level) -> Commitment:
            commitment = commit(code, rows)
            if next(made) % prover.stacks == level:
                return Words(commitment, np.zeros_like)
            return commitment

        monkeypatch.setattr(folding, "commit_plain", lying)
        assert prover.verdict() == ("codeword" if level + 1 == prover.stacks else "folding")


def test_cells_past_the_end_of_a_vector_have_no_weight(monkeypatch: pytest.MonkeyPatch, prover: Recommitter) -> None:
    """What a prover puts there is no coefficient: the proof stays good, and a lie a lie."""
    send, shift = folding.send_vectors, 0

    def padded(channel: Any, vectors: Vectors, chain: Sequence[Any]) -> Any:
        stack = chain[0]
        whole = [np.ones((2, (-(-v.shape[1] >> stack.row_bits)) << stack.row_bits), np.uint64) for v in vectors]
        for longer, vector in zip(whole, vectors, strict=True):
            assert longer.shape[1] > vector.shape[1]
            longer[:, : vector.shape[1]] = vector
            longer[0, vector.shape[1] - 1] = (int(longer[0, vector.shape[1] - 1]) + shift) % P
        return send(channel, whole, chain)

    monkeypatch.setattr(opening, "send_vectors", padded)
    assert prover.verdict() == "valid"
    shift = 1
    assert prover.verdict() == "folding"


def test_another_ledger_than_the_committed_one(monkeypatch: pytest.MonkeyPatch, prover: Recommitter) -> None:
    """Only its tail, of which no equation speaks."""
    prove = protocol.prove_ledger

    def lying(channel: Any, ledger: Any) -> None:
        prove(channel, replace(ledger, rows=other([ledger.rows], -1)[0]))

    monkeypatch.setattr(protocol, "prove_ledger", lying)
    assert prover.verdict() == "codeword of ledger"


@pytest.mark.parametrize("first", [0, 1 << 40])
def test_any_nonce_is_as_good(monkeypatch: pytest.MonkeyPatch, prover: Recommitter, first: int) -> None:
    def search(seed: bytes) -> bytes:
        tried = map(work.Tries(seed).first_good, count(first, work.BATCH))
        return next(nonce for nonce in tried if nonce is not None).to_bytes(7, "little")

    monkeypatch.setattr(channel, "find_work", search)
    assert prover.verdict() == "valid"


def test_nineteen_bits_of_work_are_too_few(monkeypatch: pytest.MonkeyPatch, prover: Recommitter) -> None:
    def search(seed: bytes) -> bytes:
        tried = map(work.Tries(seed).first_good, count(0, work.BATCH))
        nonces = (nonce.to_bytes(7, "little") for nonce in tried if nonce is not None)
        return next(nonce for nonce in nonces if sha256(b"zkunlearn work 1" + seed + nonce)[2] >> 4 == 1)

    monkeypatch.setattr(work, "LIMIT", 1 << 13)
    monkeypatch.setattr(channel, "find_work", search)
    assert prover.verdict() == "proof of work"
