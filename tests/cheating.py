"""A prover that hands out proofs which an honest one would not."""

from __future__ import annotations

from zkunlearn.prover.protocol.ledger import violated
from zkunlearn.prover.protocol.proof import Prover


class CheatingProver(Prover):
    """Goes on when its own equations do not hold, and remembers their names."""

    lies: frozenset[str] = frozenset()

    def check_witness(self) -> None:
        self.lies = frozenset(violated(self.channel.program, self.channel.values))
