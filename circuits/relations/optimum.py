"""The relation of a certified optimum: the model is the rounding of what minimises (docs/protocol.md, "Optimum").

The gradient at W is that of the declared link on the rows that count (residual.py), it is short (certified.py), and
the model is the rounding of W, from which no edge is nearer than the distance (rounding.py). Of several classes there
are W, and a gradient on labels of their own, of each, and all gradients together are short.

| matrix | columns |
|---|---|
| dataset | features (feature, row), labels (output, row), blinds |
| model | weights (output, weight), intercept (output) |
| witness | Q, T, D, M, P' (output, row); limbs of W, Gamma, v, A, B, m (output, weight), and of the bias (output) |
| | limbs of slack (output) |
| | counts (section, entry) |

Where there is one output, what has a row, or a weight, has no axis of outputs.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...models.methods.link_certificate import OptimumCertificate
from .residual import Residual
from .rounding import Rounded


@dataclass(frozen=True)
class Optimum(Rounded, Residual):
    """The relation for one set of public integers, which say who counts, and at which distance."""

    schedule: OptimumCertificate

    @property
    def name(self) -> str:
        """Domain separator."""
        return "optimum"
