"""A model in the integers that were trained, whether it is proved or only tried, as a predictor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...errors import ParameterError
from ...models.methods import Sisa
from .prediction import Predictor


class LinearModel(Predictor):
    """Weights and intercepts, from integers.

    Attributes:
        integers: int64 (O, K), for each output: weights (d,) at scale `spec.weight_bits`, and the intercept at x_bits
            more, if there is one. There is an output for each of several classes, and else one. Those of forgotten
            classes saw other rows only, and are not used.
    """

    integers: npt.NDArray[np.int64]

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """Weights on encoded features (in [-1, 1] within bounds), float64 (d,); of several outputs (O, d)."""
        found = self._used[:, : len(self.encoding.features)] / float(1 << self.spec.weight_bits)
        return np.asarray(found if self._several else found[0], dtype=np.float64)

    @property
    def intercept(self) -> float | npt.NDArray[np.float64]:
        """What is added to all scores, 0.0 without a bias; of several outputs float64 (O,)."""
        spec, found = self.spec, np.zeros(len(self._used))
        if spec.method.bias:
            found = self._used[:, -1] / 2.0 ** (spec.fixed_point.x_bits + spec.weight_bits)
        return found if self._several else float(found[0])

    @property
    def of_all_outputs(self) -> npt.NDArray[np.float64]:
        """Of forgotten classes, too: weights on encoded features, float64 (O, K), the intercept last, if any."""
        found = np.asarray(self.integers / 2.0**self.spec.weight_bits, dtype=np.float64)
        if self.spec.method.bias:
            found[:, -1] /= 2.0**self.spec.fixed_point.x_bits
        return found

    @property
    def _used(self) -> npt.NDArray[np.int64]:
        """Of the outputs that count. Raises ParameterError for models of shards, which answer together."""
        if isinstance(self.spec.method, Sisa):
            raise ParameterError(
                "these are models of single shards and stages: `.model` of what `prove` returned answers"
            )
        return self.integers[self.kept_classes] if self._several else self.integers

    @property
    def _several(self) -> bool:
        return len(self.integers) > 1
