"""Many proofs of one statement, as bytes, and what is seen at the same place of all of them.

Every read of the verifier is of a kind, and `KINDS` says what a kind's bytes have to look like; there is none without
a statistic. Of a prover only the opening vectors y are kept beside its proof (folded, they are not sent whole; the
simulator makes them public), and what it drew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from zkunlearn.verifier.protocol.proof import ProofShape

from ..attacks.harness import (
    Columns,
    Outcome,
    columns_of,
    commitments,
    declare,
    descend,
    people,
    prove,
    validity_columns,
    validity_shape,
)
from ..attacks.recording import Section, sections
from ..attacks.test_simulator import Programmed, simulate
from . import uniformity

ELEMENTS, ROOT, NODES, SALTS, NONCES = "elements of F", "roots", "nodes of trees", "salts", "nonces"
HASHES = {ROOT, NODES}
KINDS = {
    "the root of ": ROOT,
    "a masked message": ELEMENTS,
    "a vector in clear": ELEMENTS,
    "inner products": ELEMENTS,
    "the constraint masks": ELEMENTS,
    "the ledger's vector": ELEMENTS,
    "a nonce": NONCES,
    "the cap of ": NODES,
    "the salts of ": SALTS,
    "the columns of ": ELEMENTS,
    "the paths of ": NODES,
    "a round of folding": ELEMENTS,
    "the value of a folded matrix": ELEMENTS,
}
VECTORS, ROOTS = "the opening vectors", "roots committed before"
WORD, ROOT_BYTES, NODE_BYTES, NONCE_BYTES = 8, 32, 27, 7
PLACES_FROM = 60  # so many proofs tell a place that is constant from one that is not
SHAPES = ("training", "together", "alone")


def type_of(what: str) -> str:
    """What the bytes of a section have to be. Fails for one of an unknown kind."""
    found = [kind for prefix, kind in KINDS.items() if what.startswith(prefix)]
    assert len(found) == 1, f"there is no statistic for {what!r}"
    return found[0]


def hashes_of(data: bytes, what: str) -> Any:
    """Roots or nodes, each once: paths that meet name a node twice. uint8 (n, bytes)."""
    return np.unique(np.frombuffer(data, np.uint8).reshape(-1, ROOT_BYTES if what == ROOT else NODE_BYTES), axis=0)


def words_of_hashes(data: bytes, what: str) -> Any:
    """uint64 (all,): the whole words of each, then what is left of all of them, a last part of a word aside."""
    hashes = hashes_of(data, what)
    whole = hashes.shape[1] // WORD * WORD
    rest = hashes[:, whole:].reshape(-1)
    parts = [hashes[:, :whole].reshape(-1), rest[: len(rest) // WORD * WORD]]
    return np.concatenate(parts).view("<u8")


@dataclass
class Family:
    """Proofs of one statement.

    Attributes:
        shape: of all.
        where: the sections of each.
        proofs: their bytes.
        roots: of the matrices committed before, one after another.
        vectors: all y's of each proof, uint64, if they were folded and not simulated.
        drawn: what each prover drew, one word for each element and salt; only of proofs by the real transcript.
    """

    shape: ProofShape
    where: list[Section]
    proofs: list[bytes] = field(default_factory=list)
    roots: list[bytes] = field(default_factory=list)
    vectors: list[Any] = field(default_factory=list)
    drawn: list[Any] = field(default_factory=list)

    @cached_property
    def kinds(self) -> list[str]:
        """What there is a statistic for."""
        kinds = list(dict.fromkeys(section.what for section in self.where))
        return [*kinds, ROOTS, *([VECTORS] if self.vectors else [])]

    def words(self, kind: str) -> Any:
        """uint64 (proofs, width), or (1, all) of hashes, each once; uint64 (all,) of nonces."""
        if kind == VECTORS:
            return np.stack(self.vectors)
        if kind == ROOTS:
            return np.stack([np.frombuffer(data, "<u8") for data in self.roots])
        data = [b"".join(proof[s.start : s.end] for s in self.where if s.what == kind) for proof in self.proofs]
        if type_of(kind) == NONCES:
            cut = [d[i : i + NONCE_BYTES] for d in data for i in range(0, len(d), NONCE_BYTES)]
            return np.array([int.from_bytes(nonce, "little") for nonce in cut], dtype=np.uint64)
        if type_of(kind) in HASHES:
            return np.concatenate([words_of_hashes(d, type_of(kind)) for d in data])[None]
        return np.stack([np.frombuffer(d, "<u8") for d in data])

    def classes(self, kind: str) -> int:
        """Places i, i + classes, .. of a kind are of a class: rows of opened columns, and a and b of elements of K."""
        tree = kind.removeprefix("the columns of ")
        return self.shape.trees[tree].rows if tree in self.shape.trees else 2


def questions(first: Family, kind: str, second: Family | None = None) -> dict[str, float]:
    """All p-values about a kind, of one family or of two, by name of the statistic."""
    families = [first] if second is None else [first, second]
    words = [family.words(kind) for family in families]
    what = ROOT if kind == ROOTS else ELEMENTS if kind == VECTORS else type_of(kind)
    if what == NONCES:
        return {"nonces": (uniformity.nonces_geometric if second is None else uniformity.same_nonces)(*words)}
    asked: Mapping[str, Callable[..., float]] = uniformity.ONE_SAMPLE if second is None else uniformity.TWO_SAMPLES
    left_out = {"elements", "differences", "places"} if what in HASHES else set()
    if second is None and len(first.proofs) < PLACES_FROM:
        left_out.add("places")
    found = {name: ask(*words) for name, ask in asked.items() if name not in left_out}
    if second is None and "elements" in found:
        found["elements of a class"] = uniformity.elements_uniform(words[0], first.classes(kind))
    return found


# Making them ---------------------------------------------------------------------------------------------------------


def quiet(rows: int) -> tuple[Any, Any]:
    """Everything zero: nothing could be less random."""
    features, labels = people()
    return np.zeros_like(features[:rows]), np.zeros_like(labels[:rows])


def witness_of(name: str, data: tuple[Any, Any]) -> tuple[ProofShape, Columns]:
    """A statement's shape, and the columns of a data set for it."""
    if name == "training":
        declared = declare()
        return declared.shape, columns_of(declared, data, descend(declared, data))
    shape = validity_shape() if name == "together" else validity_shape(shape=ProofShape)
    return shape, validity_columns(shape, data)


def real(shape: ProofShape, columns: Columns, count: int) -> Family:
    """Proofs with fresh commitments. The first one is verified: the verifier knows where its sections are."""
    outcome = prove(shape, columns, commitments(shape, columns))
    family = Family(shape, sections(outcome))
    add(family, outcome)
    for _ in range(count - 1):
        add(family, prove(shape, columns, commitments(shape, columns)))
    return family


def programmed(like: Family, columns: Columns, tapes: Iterable[bytes]) -> Family:
    """Real proofs under challenges from tapes."""
    family, shape = Family(like.shape, like.where), like.shape
    for tape in tapes:
        add(family, prove(shape, columns, commitments(shape, columns), Programmed(tape)))
    return family


def simulated(like: Family, tapes: Iterable[bytes]) -> Family:
    """Proofs out of nothing."""
    family = Family(like.shape, like.where)
    for tape in tapes:
        roots, proof = simulate(like.shape, tape)
        family.proofs.append(proof)
        family.roots.append(b"".join(roots.values()))
    return family


def add(family: Family, outcome: Outcome) -> None:
    """One more proof, of which only bytes are kept."""
    prover = outcome.prover
    family.proofs.append(outcome.proof)
    family.roots.append(b"".join(outcome.roots.values()))
    if family.shape.chain:
        family.vectors.append(folded_vectors(outcome))
    if not isinstance(prover.channel.transcript, Programmed):
        family.drawn.append(drawn_by(prover))


def drawn_by(prover: Any) -> Any:
    """Pads, masks and tails, and the first word of each salt."""
    trees = prover.commitments.values()
    tails = [part.cells for tree in trees for part in tree.rows.parts if part.start]
    salts = [tree.salts.view("<u8")[:, 0] for tree in trees if tree.salts is not None]
    drawn = [prover.ledger.rows, *prover.masks.values(), *tails, *salts]
    return np.concatenate([np.asarray(part).reshape(-1) for part in drawn])


def folded_vectors(outcome: Outcome) -> Any:
    """All y's, one after another."""
    stack, stacked = outcome.shape.chain[0], outcome.prover.vectors.stacked
    parts = zip(stack.spans, stack.lengths, strict=True)
    return np.concatenate([stacked[:, span].reshape(2, -1)[:, :length].reshape(-1) for span, length in parts])
