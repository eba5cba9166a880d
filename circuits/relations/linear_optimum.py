"""The relation of a linear model's certified optimum, that of ridge regression (docs/protocol.md, "Linear optimum").

The gradient at W is that of the squares on the rows that count (gram.py), it is short (certified.py), and the model is
the rounding of W, from which no edge is nearer than the distance (rounding.py).

| matrix | columns |
|---|---|
| dataset | features (feature, row), labels (output, row), blinds |
| model | weights (output, weight), intercept (output) |
| witness | limbs of W, Gamma, v, kappa, A, B, m (weight), and of the bias, of slack (output); counts (section, entry) |
"""

from __future__ import annotations

from dataclasses import dataclass

from ...models.methods.gram_certificate import LinearOptimumCertificate
from .gram import Gram
from .rounding import Rounded


@dataclass(frozen=True)
class LinearOptimum(Rounded, Gram):
    """The relation for one set of public integers, which say who counts, and at which distance."""

    schedule: LinearOptimumCertificate

    @property
    def name(self) -> str:
        """Domain separator."""
        return "linear optimum"
