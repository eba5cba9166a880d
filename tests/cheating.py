"""A prover that hands out proofs which an honest one would not."""

from __future__ import annotations

from zkunlearn.prover.protocol.ledger import violated
from zkunlearn.prover.protocol.proof import Prover
from zkunlearn.verifier.protocol.work import NONCE_BYTES, SEED_BYTES


class CheatingProver(Prover):
    """Goes on when its own equations do not hold, and remembers their names.

    A verifier refuses such a proof before it looks at any nonce. `works_for_lies`: they are searched all the same, as a
    proof needs that is repaired afterwards.
    """

    lies: frozenset[str] = frozenset()
    works_for_lies = False

    def check_witness(self) -> None:
        self.lies = frozenset(violated(self.channel.program, self.channel.values))
        if self.lies and not self.works_for_lies:
            self.channel.work = self._send_any_nonce

    def _send_any_nonce(self) -> None:
        self.channel.transcript.seed(SEED_BYTES)
        self.channel.send_data(bytes(NONCE_BYTES))
