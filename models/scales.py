"""The scales of a training's integers."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

from ..errors import ParameterError
from ..shown import Facts, Shown
from .checks import integer_within
from .shapes import X_BITS_RANGE

REMAINDER_BITS = 16  # s: a score loses these low bits; one 16-bit lookup checks the remainder
TABLE_BITS = 16  # the activation table has 2^16 entries, the size of one lookup
W_BITS_RANGE = (8, 24)  # at most 24, so that weights up to 2^7 fit 32 signed bits
P_BITS_RANGE = (8, 24)
Q_BITS_RANGE = (4, 14)  # the table spans |z| < 2^(15 - q_bits): from 2 to 2048


@dataclass(frozen=True, kw_only=True)
class FixedPoint(Shown):
    """Scales of the integers: a real number v is held as the integer nearest to v * 2^bits.

    Attributes:
        x_bits: scale of features (and of the bias feature, the integer 2^x_bits).
        w_bits: scale of weights.
        p_bits: scale of predictions, labels and residuals.

    Raises:
        ParameterError: a scale is outside what the arithmetic supports; the message names the field.
    """

    x_bits: int = 10
    w_bits: int = 16
    p_bits: int = 16

    w_range: ClassVar[tuple[int, int]] = W_BITS_RANGE
    p_range: ClassVar[tuple[int, int]] = P_BITS_RANGE
    cut_bits: ClassVar[int] = REMAINDER_BITS  # that a score loses before it is an index

    def __post_init__(self) -> None:
        ranges = {"x_bits": X_BITS_RANGE, "w_bits": self.w_range, "p_bits": self.p_range}
        for name, (low, high) in ranges.items():
            value = integer_within(f"fixed_point.{name}", getattr(self, name), low, high)
            object.__setattr__(self, name, value)
        low, high = Q_BITS_RANGE
        if not low <= self.q_bits <= high:
            raise ParameterError(
                f"fixed_point.x_bits + fixed_point.w_bits = {self.x_bits + self.w_bits}: must be between "
                f"{low + self.cut_bits} and {high + self.cut_bits}"
            )

    @property
    def facts(self) -> Facts:
        """See Shown."""
        return tuple((item.name, getattr(self, item.name)) for item in fields(self))

    @property
    def q_bits(self) -> int:
        """Scale of the table index q = floor(z / 2^cut_bits)."""
        return self.x_bits + self.w_bits - self.cut_bits

    @property
    def z_limit(self) -> float:
        """The activation table covers real scores in [-z_limit, z_limit)."""
        return float(1 << (TABLE_BITS - 1 - self.q_bits))


@dataclass(frozen=True, kw_only=True)
class FineScales(FixedPoint):
    """Scales of what is certified to be an optimum (methods/optimum.py): finer, as nothing is trained in them.

    Attributes:
        w_bits: scale of the weights that are certified; the model is a rounding of these.
    """

    w_bits: int = 32
    p_bits: int = 28

    w_range: ClassVar[tuple[int, int]] = (22, 42)
    p_range: ClassVar[tuple[int, int]] = (16, 28)
    cut_bits: ClassVar[int] = 2 * REMAINDER_BITS  # two limbs, of which the upper one says where in its cell a score is


DEFAULT_SCALES = FixedPoint()
