"""Openings alone: `python benchmarks/openings.py BITS` commits to 2^BITS cells, opens them at a point, prints JSON.

The cells are one committed column of 16-bit integers, 32 openings, and its value at a random point is all that is
proved. "folded" is the protocol as it is: the vector y of the opening is committed by a code of its own, and folded.
"plain" sends y of the same matrix in clear. "plain, short rows" does so too, with rows as long as then make the proof
shortest.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from zkunlearn.circuits.language.layout import Address, Axis, Column, MatrixLayout
from zkunlearn.circuits.language.relation import LookedUp, Steps, WithoutLookups
from zkunlearn.circuits.statements.dataset import SHORTEST_ROW_BITS
from zkunlearn.verifier.protocol.code import HIDING_RATE, ReedSolomonCode
from zkunlearn.verifier.protocol.folding import Stack
from zkunlearn.verifier.protocol.group import MatrixShape
from zkunlearn.verifier.protocol.proof import MAX_ROW_BITS, ProofShape, choose_matrix, verify_protocol
from zkunlearn.verifier.protocol.soundness import require_security
from zkunlearn.verifier.protocol.transcript import Transcript

MATRIX, OPENINGS, RUNS, SEED = "matrix", 32, 15, 7
CELLS = Address(MATRIX, "cells")


@dataclass(frozen=True)
class Opened(WithoutLookups):
    """The relation: the committed cells have a value at a point."""

    bits: int

    @property
    def name(self) -> str:
        return "opening"

    @property
    def columns(self) -> Mapping[str, tuple[Column, ...]]:
        return {MATRIX: (Column(CELLS.name, (Axis("cell", 1 << self.bits),)),)}

    def identities(self, steps: Steps, looked_up: Mapping[str, LookedUp]) -> None:
        steps.evaluate(CELLS, {"cell": steps.point("opening", self.bits)})


class PlainShape(ProofShape):
    """A proof with y in clear."""

    chain: tuple[Stack, ...] = ()  # type: ignore[assignment]  # where else it is computed


def shapes_of(relation: Opened) -> dict[str, ProofShape]:
    """The three that are compared."""
    matrix = choose_matrix(MATRIX, relation.columns[MATRIX], OPENINGS, SHORTEST_ROW_BITS)
    folded, plain = (kind(relation, {MATRIX: matrix}) for kind in (ProofShape, PlainShape))
    return {"folded": folded, "plain": plain, "plain, short rows": shortest_plain(relation)}


def shortest_plain(relation: Opened) -> ProofShape:
    """The shortest proof of all row lengths."""
    shapes = []
    for row_bits in range(8, min(MAX_ROW_BITS, relation.bits) + 1):
        layout = MatrixLayout(MATRIX, relation.columns[MATRIX], row_bits)
        code = ReedSolomonCode(row_bits, OPENINGS, HIDING_RATE)
        shapes.append(PlainShape(relation, {MATRIX: MatrixShape(layout, code)}))
    return min(shapes, key=lambda shape: shape.proof_bytes)


def measured(shapes: Mapping[str, ProofShape]) -> dict[str, dict[str, Any]]:
    """Of each: median seconds to commit, to prove and to verify; bytes; bits of soundness.

    They are taken in turns, in another order each time: some turns find memory slow, and these recur.
    """
    from zkunlearn.prover.matrices.commitment import commit_columns, fresh_secret
    from zkunlearn.prover.protocol.proof import Prover

    seconds: dict[str, list[tuple[float, ...]]] = {name: [] for name in shapes}
    order = random.Random(SEED)
    for _ in range(RUNS):
        for name, shape in order.sample(list(shapes.items()), len(shapes)):
            layout, code = shape.committed[MATRIX].layout, shape.committed[MATRIX].code
            cells = np.random.default_rng(SEED).integers(-(2**15), 2**15, layout.columns[0].shape).astype(np.int16)
            start = perf_counter()
            commitment = commit_columns(layout, code, {CELLS: cells}, fresh_secret(code, layout.rows))
            root = commitment.root
            committed = perf_counter()
            proof = Prover(shape, new_transcript(), {MATRIX: commitment}, {CELLS: cells}).prove()
            proved = perf_counter()
            verify_protocol(shape, new_transcript(), {MATRIX: root}, proof)
            seconds[name].append((committed - start, proved - committed, perf_counter() - proved))
    return {name: _figures(shape, seconds[name]) for name, shape in shapes.items()}


def new_transcript() -> Transcript:
    return Transcript(b"openings", b"", b"")


def _figures(shape: ProofShape, seconds: list[tuple[float, ...]]) -> dict[str, Any]:
    commit, prove, verify = (median(part) for part in zip(*seconds, strict=True))
    return {
        "commit_seconds": commit,
        "prove_seconds": prove,
        "verify_seconds": verify,
        "proof_bytes": shape.proof_bytes,
        "security_bits": require_security(shape),
    }


if __name__ == "__main__":
    from zkunlearn.prover.kernels import warm_up

    warm_up()
    json.dump(measured(shapes_of(Opened(int(sys.argv[1])))), sys.stdout)
