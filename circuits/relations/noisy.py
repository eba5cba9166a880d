"""The relation of a noisy optimum: the model is near what minimises, with noise (docs/protocol.md, "Noise").

The gradient at W is that of the declared link on the rows that count (residual.py), it is short (certified.py), and the
model is the rounding of W with noise whose coins are the owner's and a nonce's (noise.py). Of several classes there are
W, coins and noise of each, and all gradients together are short.

| matrix | columns |
|---|---|
| dataset | features (feature, row), labels (output, row), blinds |
| model | weights (output, weight), intercept (output) |
| noise | limbs of W, R (output, weight), and of the bias (output) |
| witness | Q, T, D, M, P' (output, row); limbs of Gamma, v, carry, above, below, A, m, and eta, lo, hi (output, |
| | weight), and of the bias, limbs of slack (output); counts (section, entry) |

Where there is one output, what has a row, or a weight, has no axis of outputs.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...models.methods.noisy_certificate import NoisyCertificate
from .noise import Noised
from .residual import Residual


@dataclass(frozen=True)
class Noisy(Noised, Residual):
    """The relation for one set of public integers, which say who counts, and what a nonce drew."""

    schedule: NoisyCertificate

    @property
    def name(self) -> str:
        """Domain separator."""
        return "noisy"
