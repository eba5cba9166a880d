"""What passes between prover and verifier, seen from the prover: the twin of verifier/protocol/channel.py.

Every message is masked or in clear as the verifier expects it, absorbed by the transcript, and appended to the
proof, in one call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...circuits.field.goldilocks import K, Vector
from ...circuits.language.hidden import Hidden, HiddenProgram
from ...errors import ZkUnlearnError
from ...verifier.protocol.channel import FIELD_BYTES
from ...verifier.protocol.code import ReedSolomonCode
from ...verifier.protocol.transcript import Transcript
from ...verifier.protocol.work import SEED_BYTES
from .work import find_work


class ProverChannel:
    """Writes a proof.

    Attributes:
        values: the hidden values h, in the order of the ledger.
        program: the verifier's equations about them.
    """

    def __init__(self, transcript: Transcript) -> None:
        self.transcript = transcript
        self.program = HiddenProgram()
        self.values: list[K] = []
        self.proof = bytearray()
        self._pads: Sequence[K] = ()

    def use_pads(self, pads: Sequence[K]) -> None:
        """The committed kappa, of which each masks one value."""
        self._pads = pads

    def send(self, values: Sequence[K]) -> list[Hidden]:
        """P -> V: masked elements of K, s = h + kappa."""
        first = len(self.values)
        pads = self._pads[first : first + len(values)]
        if len(pads) != len(values):
            raise ZkUnlearnError("the ledger has no pads left: the plan and the walk disagree")
        self.values.extend(values)
        self.send_elements([value + pad for value, pad in zip(values, pads, strict=True)])
        return [self.program.entry() for _ in values]

    def send_data(self, data: bytes) -> None:
        """P -> V: bytes, a Merkle root among others."""
        self.transcript.absorb(data)
        self.proof += data

    def send_elements(self, values: Sequence[K]) -> None:
        """P -> V: elements of K in clear."""
        self.send_data(b"".join(c.to_bytes(FIELD_BYTES, "little") for value in values for c in value.pair))

    def send_vector(self, values: Vector) -> None:
        """P -> V: a K vector (2, n) in clear."""
        self.send_data(values.astype("<u8").tobytes())

    def challenge(self, label: str, error: int) -> K:
        """V -> P: a uniform element of K."""
        return K(*self.transcript.challenge())

    def indices(self, code: ReedSolomonCode) -> list[int]:
        """V -> P: distinct positions of a code."""
        return self.transcript.indices(code.length, code.queries)

    def work(self) -> None:
        """V -> P, P -> V: a proof of work."""
        self.send_data(find_work(self.transcript.seed(SEED_BYTES)))

    def public(self, compute: Callable[[], K]) -> K:
        """Computed."""
        return compute()

    def public_vector(self, length: int, compute: Callable[[], Vector]) -> Vector:
        """Computed."""
        return compute()

    def check(self, verify: Callable[[], None]) -> None:
        """The verifier's business."""
