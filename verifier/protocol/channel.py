"""What passes between prover and verifier, seen from the verifier.

Messages are read from the proof in a fixed order, with lengths that follow from the statement, and absorbed by
the transcript in the same call; a challenge depends on all of them. Masked values become entries of the hidden
program. Every challenge names the soundness error of its round, so that the calculator (soundness.py) cannot
forget one: the `PlanChannel` walks the same steps without a proof and notes what passes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np

from ...circuits.field.goldilocks import ONE, K, Vector, is_canonical
from ...circuits.field.multilinear import Point
from ...circuits.language.hidden import Hidden, HiddenProgram
from ...errors import InvalidProof
from .code import ReedSolomonCode
from .transcript import Transcript
from .work import NONCE_BYTES, SEED_BYTES, require_work

FIELD_BYTES = 8
EXTENSION_BYTES = 16
NOTHING = Hidden()


class Side(Protocol):
    """What both ends can do, the verifier's and the prover's."""

    program: HiddenProgram

    def challenge(self, label: str, error: int) -> K:
        """V -> P: a uniform element of K. A prover's luck in this round is at most error / |K|."""

    def indices(self, code: ReedSolomonCode) -> list[int]:
        """V -> P: distinct positions of a code."""

    def work(self) -> None:
        """V -> P, P -> V: a proof of work, before indices are drawn."""

    def public(self, compute: Callable[[], K]) -> K:
        """A public value, computed only where it is needed."""

    def public_vector(self, length: int, compute: Callable[[], Vector]) -> Vector:
        """A public K vector (2, length), computed only where it is needed."""

    def check(self, verify: Callable[[], None]) -> None:
        """A check on what was sent in clear; `verify` raises InvalidProof. The verifier's business."""


class Channel(Side, Protocol):
    """The verifier's end, real or planned."""

    masked: list[K]

    def hidden(self, count: int) -> list[Hidden]:
        """P -> V: `count` masked elements of K, kept in `masked`."""

    def elements(self, count: int, what: str) -> list[K]:
        """P -> V: elements of K in clear."""

    def vector(self, length: int, what: str) -> Vector:
        """P -> V: a K vector (2, length) in clear, all constant coefficients first."""

    def cells(self, count: int, what: str) -> Vector:
        """P -> V: elements of F in clear."""

    def data(self, count: int, what: str) -> bytes:
        """P -> V: bytes, a Merkle root among others."""


def challenge_point(channel: Side, label: str, bits: int) -> Point:
    """A uniform point: one challenge a variable, error 1 / |K| each (Schwartz-Zippel)."""
    return tuple(channel.challenge(label, 1) for _ in range(bits))


class Round(NamedTuple):
    """One challenge of the protocol and the numerator of its error over |K|."""

    label: str
    error: int


class PlanProgram(HiddenProgram):
    """Counts entries and constraints; its expressions are all empty."""

    def entry(self) -> Hidden:
        """Counted."""
        self.entries += 1
        return NOTHING

    def name(self, expression: Hidden) -> Hidden:
        """Nothing to keep."""
        return expression


@dataclass
class PlanChannel:
    """Walks the protocol without a proof: counts bytes, collects the rounds."""

    program: HiddenProgram = field(default_factory=PlanProgram)
    masked: list[K] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    proof_bytes: int = 0

    def hidden(self, count: int) -> list[Hidden]:
        """Counted by the program, too."""
        self.proof_bytes += count * EXTENSION_BYTES
        return [self.program.entry() for _ in range(count)]

    def elements(self, count: int, what: str) -> list[K]:
        """Counted; ones."""
        self.proof_bytes += count * EXTENSION_BYTES
        return [ONE] * count

    def vector(self, length: int, what: str) -> Vector:
        """Counted; zeros."""
        self.proof_bytes += length * EXTENSION_BYTES
        return np.zeros((2, length), dtype=np.uint64)

    def cells(self, count: int, what: str) -> Vector:
        """Counted; zeros."""
        self.proof_bytes += count * FIELD_BYTES
        return np.zeros(count, dtype=np.uint64)

    def data(self, count: int, what: str) -> bytes:
        """Counted; zeros."""
        self.proof_bytes += count
        return bytes(count)

    def challenge(self, label: str, error: int) -> K:
        """Any non-zero value does."""
        self.rounds.append(Round(label, error))
        return ONE

    def indices(self, code: ReedSolomonCode) -> list[int]:
        """The first ones."""
        return list(range(code.queries))

    def work(self) -> None:
        """A nonce is counted."""
        self.proof_bytes += NONCE_BYTES

    def public(self, compute: Callable[[], K]) -> K:
        """Not computed."""
        return ONE

    def public_vector(self, length: int, compute: Callable[[], Vector]) -> Vector:
        """Not computed."""
        return np.zeros((2, length), dtype=np.uint64)

    def check(self, verify: Callable[[], None]) -> None:
        """Nothing to check."""


class ProofReader:
    """The bytes of a proof, consumed from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, count: int, what: str) -> bytes:
        """The next `count` bytes. Raises InvalidProof("proof length") if there are fewer."""
        chunk = self._data[self._position : self._position + count]
        if len(chunk) != count:
            raise InvalidProof("proof length", f"ends within {what}")
        self._position += count
        return chunk

    def finish(self) -> None:
        """Raises InvalidProof("proof length") if bytes are left."""
        if self._position != len(self._data):
            raise InvalidProof("proof length", f"{len(self._data) - self._position} bytes after the end")


class VerifierChannel:
    """Reads a proof and draws challenges from the transcript.

    Attributes:
        masked: the masked values s, in the order of the ledger.
    """

    def __init__(self, transcript: Transcript, proof: bytes) -> None:
        self.transcript = transcript
        self.reader = ProofReader(proof)
        self.program = HiddenProgram()
        self.masked: list[K] = []

    def hidden(self, count: int) -> list[Hidden]:
        """P -> V: masked elements of K."""
        self.masked.extend(self.elements(count, "a masked message"))
        return [self.program.entry() for _ in range(count)]

    def elements(self, count: int, what: str) -> list[K]:
        """P -> V: elements of K in clear."""
        values = self.cells(2 * count, what)
        return [K(int(values[i]), int(values[i + 1])) for i in range(0, 2 * count, 2)]

    def vector(self, length: int, what: str) -> Vector:
        """P -> V: a K vector (2, length) in clear, all constant coefficients first."""
        return self.cells(2 * length, what).reshape(2, length)

    def cells(self, count: int, what: str) -> Vector:
        """P -> V: canonical little-endian elements of F. Raises InvalidProof("field element")."""
        values = np.frombuffer(self.data(count * FIELD_BYTES, what), dtype="<u8").astype(np.uint64)
        if not is_canonical(values):
            raise InvalidProof("field element", f"{what} has an element that is not below p")
        return values

    def data(self, count: int, what: str) -> bytes:
        """P -> V: bytes, absorbed."""
        data = self.reader.take(count, what)
        self.transcript.absorb(data)
        return data

    def challenge(self, label: str, error: int) -> K:
        """V -> P: see `Channel`."""
        return K(*self.transcript.challenge())

    def indices(self, code: ReedSolomonCode) -> list[int]:
        """V -> P: see `Channel`."""
        return self.transcript.indices(code.length, code.queries)

    def work(self) -> None:
        """V -> P, P -> V: a proof of work. Raises InvalidProof("proof of work")."""
        seed = self.transcript.seed(SEED_BYTES)  # V -> P
        require_work(seed, self.data(NONCE_BYTES, "a nonce"))  # P -> V

    def public(self, compute: Callable[[], K]) -> K:
        """Computed."""
        return compute()

    def public_vector(self, length: int, compute: Callable[[], Vector]) -> Vector:
        """Computed."""
        return compute()

    def check(self, verify: Callable[[], None]) -> None:
        """Checked."""
        verify()
