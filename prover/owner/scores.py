"""What a trained model says of rows, whether it is proved or not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from ...models.encoding.dataset import DatasetEncoding
from ...models.spec import TrainingSpec
from ..tables.arrays import as_known_features


class Scores(ABC):
    """A model in integers, as real numbers.

    Attributes:
        integers: int64 (K,): weights (d,) at scale w_bits, and the intercept at x_bits + w_bits, if there is one.
    """

    integers: npt.NDArray[np.int64]

    @property
    @abstractmethod
    def spec(self) -> TrainingSpec:
        """The declared algorithm."""

    @property
    @abstractmethod
    def encoding(self) -> DatasetEncoding:
        """How inputs become integers."""

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """Weights on encoded features (in [-1, 1] within bounds), float64 (d,)."""
        return self.integers[: len(self.encoding.features)] / float(1 << self.spec.fixed_point.w_bits)

    @property
    def intercept(self) -> float:
        """What is added to all scores; 0.0 without a bias."""
        scales = self.spec.fixed_point
        return int(self.integers[-1]) / 2.0 ** (scales.x_bits + scales.w_bits) if self.spec.method.bias else 0.0

    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """w . x + intercept for rows (N, d) of real features, float64 (N,).

        A frame's columns are taken by name, in any order; those of an array or tensor by position.

        Raises:
            DataError: a column that is missing or too many, or a cell that is no number or does not fit 16 bits.
        """
        known = as_known_features(X, self.encoding.names)
        encoded = self.encoding.encode_features(known, check_bounds=False) / float(1 << self.encoding.x_bits)
        scores: npt.NDArray[np.float64] = encoded @ self.weights + self.intercept
        return scores
