"""The relation of a certified optimum: the model is the rounding of what minimises (docs/protocol.md, "Optimum").

The gradient at W is that of the declared link on the rows that count (residual.py), it is short (certified.py), and
the model is the rounding of W, from which no edge is nearer than the distance (rounding.py).

| matrix | columns |
|---|---|
| dataset | features (feature, row), labels (output, row), blinds |
| model | weights (output, weight), intercept (output) |
| witness | Q, T, D, M, P' (row); limbs of W, Gamma, v, A, B, m (weight), and of the bias, of slack (output) |
| | counts (section, entry) |
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
