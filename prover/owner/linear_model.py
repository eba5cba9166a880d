"""A model in the integers that were trained, whether it is proved or only tried, as a predictor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .prediction import Predictor


class LinearModel(Predictor):
    """Weights and an intercept, from integers.

    Attributes:
        integers: int64 (K,): weights (d,) at scale w_bits, and the intercept at x_bits + w_bits, if there is one.
    """

    integers: npt.NDArray[np.int64]

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """Weights on encoded features (in [-1, 1] within bounds), float64 (d,)."""
        return self.integers[0, : len(self.encoding.features)] / float(1 << self.spec.fixed_point.w_bits)

    @property
    def intercept(self) -> float:
        """What is added to all scores; 0.0 without a bias."""
        scales = self.spec.fixed_point
        return int(self.integers[0, -1]) / 2.0 ** (scales.x_bits + scales.w_bits) if self.spec.method.bias else 0.0
