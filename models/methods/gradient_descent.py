"""Gradient descent as a spec declares it. Its integers: schedule.py; its run: reference.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

from ...errors import ParameterError
from ...formats.fields import Fields, ListOf, Real, take
from ..checks import integer_within, real
from ..families import Family
from ..live import Live
from ..scales import FixedPoint
from ..shapes import DatasetShape
from .base import Method
from .schedule import Schedule, compile_schedule

MAX_EPOCHS = 1 << 20
MAX_BATCH_SIZE = 1 << 24
SMALLEST, LARGEST = 2.0**-100, 2.0**100  # of learning rates and l2: far beyond use, and no arithmetic on them overflows
MAX_SCORES = 1 << 30  # of all epochs: an hour of proving
MAX_WEIGHTS = 1 << 27  # in all steps, each of which has several limbs
_FIELDS: Fields = {
    "kind": str,
    "epochs": int,
    "learning_rate": ListOf(Real()),
    "batch_size": int,
    "l2": Real(),
    "bias": bool,
}
FULL_BATCH = "full"  # how TOML, which has no null, spells batch_size=None


def _in_range(name: str, value: float) -> float:
    if not SMALLEST <= value <= LARGEST:
        raise ParameterError(f"{name} = {value}: must be between 2^-100 and 2^100")
    return value


@dataclass(frozen=True, kw_only=True)
class GradientDescent(Method):
    """A generalised linear model by gradient descent from zero weights.

    The gradient of one row is (inverse_link(z) - y) * x, with the inverse link of the family.

    Attributes:
        epochs: passes over the data.
        learning_rate: one number, or one per epoch.
        batch_size: rows per step, a power of two; None takes all rows in every step.
        l2: weight of ||w||^2 / 2 beside the mean loss of a batch; it applies to the bias too.
        bias: whether a feature that is always one is added.

    Raises:
        ParameterError: a value cannot be used; the message names the field.
    """

    kind: ClassVar[str] = "gradient descent"

    epochs: int
    learning_rate: float | tuple[float, ...]
    batch_size: int | None = None
    l2: float = 0.0
    bias: bool = True

    def __post_init__(self) -> None:
        def store(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        store("epochs", integer_within("epochs", self.epochs, 1, MAX_EPOCHS))
        store("learning_rate", self._checked_rates(self.learning_rate))
        if self.batch_size is not None:
            size = integer_within("batch_size", self.batch_size, 1, MAX_BATCH_SIZE)
            if size & (size - 1):
                raise ParameterError(f"batch_size = {size}: must be a power of two")
            store("batch_size", size)
        store("l2", real("l2", self.l2))
        if self.l2 < 0:
            raise ParameterError(f"l2 = {self.l2}: must not be negative")
        if self.l2:
            _in_range("l2", self.l2)
        if not isinstance(self.bias, bool):
            raise ParameterError(f"bias = {self.bias!r}: must be true or false")

    def _checked_rates(self, value: object) -> float | tuple[float, ...]:
        if not isinstance(value, Iterable) or isinstance(value, (str, bytes)):
            return self._checked_rate("learning_rate", value)
        rates = tuple(value)
        if not all(type(rate) is float and SMALLEST <= rate <= LARGEST for rate in rates):  # a million are usual ones
            rates = tuple(self._checked_rate(f"learning_rate[{i}]", rate) for i, rate in enumerate(rates))
        if len(rates) != self.epochs:
            raise ParameterError(f"learning_rate: {len(rates)} values for {self.epochs} epochs")
        return rates if len(rates) > 1 else rates[0]  # one spelling for one meaning

    @staticmethod
    def _checked_rate(name: str, value: object) -> float:
        rate = real(name, value)
        if rate <= 0:
            raise ParameterError(f"{name} = {rate}: must be positive")
        return _in_range(name, rate)

    @property
    def declared_rates(self) -> tuple[float, ...]:
        """One learning rate for all epochs, or one for each."""
        return self.learning_rate if isinstance(self.learning_rate, tuple) else (self.learning_rate,)

    @property
    def learning_rates(self) -> tuple[float, ...]:
        """One learning rate per epoch."""
        rates = self.declared_rates
        return rates if len(rates) == self.epochs else rates * self.epochs

    @cached_property
    def _rate_texts(self) -> tuple[str, ...]:
        return tuple(map(repr, self.declared_rates))

    def to_mapping(self) -> dict[str, object]:
        """See Method; batch_size 0 is full batch."""
        return {
            "kind": self.kind,
            "epochs": self.epochs,
            "learning_rate": list(self._rate_texts),
            "batch_size": self.batch_size or 0,
            "l2": repr(self.l2),
            "bias": self.bias,
        }

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], what: str) -> Self:
        """See Method."""
        found = take(mapping, _FIELDS, what)
        rates = [float(rate) for rate in found["learning_rate"]]
        return cls(
            epochs=found["epochs"],
            learning_rate=rates[0] if len(rates) == 1 else tuple(rates),
            batch_size=found["batch_size"] or None,
            l2=float(found["l2"]),
            bias=found["bias"],
        )

    def to_toml(self) -> dict[str, str]:
        """See Method."""
        rates = self.learning_rate
        return {
            "epochs": str(self.epochs),
            "learning_rate": f"[{', '.join(map(repr, rates))}]" if isinstance(rates, tuple) else repr(rates),
            "batch_size": f'"{FULL_BATCH}"' if self.batch_size is None else str(self.batch_size),
            "l2": repr(self.l2),
            "bias": "true" if self.bias else "false",
        }

    @classmethod
    def from_toml(cls, fields: Mapping[str, Any]) -> Self:
        """See Method."""
        batch_size = fields.get("batch_size")
        return cls(**{**fields, "batch_size": None if batch_size == FULL_BATCH else batch_size})

    def describe(self) -> str:
        """See Method."""
        batch = "full-batch" if self.batch_size is None else f"mini-batch (rows in blocks of {self.batch_size})"
        epochs = "1 epoch" if self.epochs == 1 else f"{self.epochs:,} epochs"
        rates = self.learning_rate
        rate = f"learning rate {rates!r}"
        if isinstance(rates, tuple):
            rate = f"learning rates from {rates[0]!r} to {rates[-1]!r}, one an epoch"
        return f"{batch} gradient descent from zero weights: {epochs}, {rate}, L2 {self.l2!r}"

    def require_provable(self, rows: int, features: int) -> None:
        """See Method."""
        if rows * self.epochs > MAX_SCORES:
            raise ParameterError(
                f"{rows} rows in {self.epochs} epochs are more than one proof can carry ({MAX_SCORES})"
            )
        steps = self.epochs * -(-rows // (self.batch_size or rows))
        if steps * (features + 1) > MAX_WEIGHTS:
            raise ParameterError(
                f"{steps} steps of {features} weights are more than one proof can carry ({MAX_WEIGHTS})"
            )

    def compile(self, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live) -> Schedule:
        """See Method, and compile_schedule."""
        self.require_provable(shape.rows, shape.features)
        return compile_schedule(self, family, scales, shape, live)
