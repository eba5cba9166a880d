"""The declared algorithm: what the owner promises to have run, written before the data is touched.

A `TrainingSpec` holds the user's choices only; what is derived from them and from the shape of the data set
is in `schedule.Schedule`. It has two spellings: TOML for people (`load_spec`, `TrainingSpec.to_toml`) and a
canonical mapping for public statements (`to_mapping`, `from_mapping`).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import FormatError, ParameterError
from ..formats.fields import Fields, ListOf, Real, take
from ..formats.files import read_file
from ..formats.toml import toml_document

MODELS = ("logistic", "linear", "probit", "poisson")
REMAINDER_BITS = 16  # s: a score loses these low bits; one 16-bit lookup checks the remainder
TABLE_BITS = 16  # the activation table has 2^16 entries, the size of one lookup
X_BITS_RANGE = (4, 14)  # the integer 2^x_bits stands for 1.0 and must be below 2^15
W_BITS_RANGE = (8, 24)  # at most 24, so that weights up to 2^7 fit 32 signed bits
P_BITS_RANGE = (8, 24)
Q_BITS_RANGE = (4, 14)  # the table spans |z| < 2^(15 - q_bits): from 2 to 2048
MAX_EPOCHS = 1 << 20
MAX_BATCH_SIZE = 1 << 24
MAX_SPEC_BYTES = 1 << 25  # of a file: a learning rate for each of the most epochs fits
FULL_BATCH = "full"  # how TOML, which has no null, spells batch_size=None


def _integer(name: str, value: object) -> int:
    """Any integer type (numpy's too) but not bool, as `int`; raises ParameterError naming the field."""
    if isinstance(value, bool):
        raise ParameterError(f"{name}: expected an integer, found {value!r}")
    try:
        return operator.index(value)  # type: ignore[arg-type]  # what does not fit raises TypeError
    except TypeError:
        raise ParameterError(f"{name}: expected an integer, found {value!r}") from None


def _integer_within(name: str, value: object, low: int, high: int) -> int:
    number = _integer(name, value)
    if not low <= number <= high:
        raise ParameterError(f"{name} = {number}: must be between {low} and {high}")
    return number


def _real(name: str, value: object) -> float:
    """A finite real number as float64, minus zero made zero; raises ParameterError naming the field."""
    if isinstance(value, (bool, str, bytes)):
        raise ParameterError(f"{name}: expected a number, found {value!r}")
    try:
        number = float(value)  # type: ignore[arg-type]  # likewise
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(f"{name}: expected a number, found {value!r}") from None
    if not math.isfinite(number):
        raise ParameterError(f"{name} = {number}: must be finite")
    return number + 0.0


@dataclass(frozen=True, kw_only=True)
class FixedPoint:
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

    def __post_init__(self) -> None:
        ranges = {"x_bits": X_BITS_RANGE, "w_bits": W_BITS_RANGE, "p_bits": P_BITS_RANGE}
        for name, (low, high) in ranges.items():
            value = _integer_within(f"fixed_point.{name}", getattr(self, name), low, high)
            object.__setattr__(self, name, value)
        low, high = Q_BITS_RANGE
        if not low <= self.q_bits <= high:
            raise ParameterError(
                f"fixed_point.x_bits + fixed_point.w_bits = {self.x_bits + self.w_bits}: must be between "
                f"{low + REMAINDER_BITS} and {high + REMAINDER_BITS}"
            )

    @property
    def q_bits(self) -> int:
        """Scale of the table index q = floor(z / 2^16)."""
        return self.x_bits + self.w_bits - REMAINDER_BITS

    @property
    def z_limit(self) -> float:
        """The activation table covers real scores in [-z_limit, z_limit)."""
        return float(1 << (TABLE_BITS - 1 - self.q_bits))


@dataclass(frozen=True, kw_only=True)
class TrainingSpec:
    """The declared training algorithm: a generalised linear model by gradient descent from zero weights.

    Attributes:
        model: "logistic", "linear", "probit" or "poisson"; the inverse link is sigmoid, identity, the normal
            distribution function or exp, and the gradient of one row is (inverse_link(z) - y) * x.
        epochs: passes over the data.
        learning_rate: one number, or one per epoch.
        batch_size: rows per step, a power of two; None takes all rows in every step.
        l2: weight of ||w||^2 / 2 beside the mean loss of a batch; it applies to the bias too.
        bias: whether a feature that is always one is added.
        fixed_point: scales of the integers.

    Raises:
        ParameterError: a value cannot be used; the message names the field.
    """

    model: str
    epochs: int
    learning_rate: float | tuple[float, ...]
    batch_size: int | None = None
    l2: float = 0.0
    bias: bool = True
    fixed_point: FixedPoint = field(default_factory=FixedPoint)

    def __post_init__(self) -> None:
        def store(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        if self.model not in MODELS:
            raise ParameterError(f"model = {self.model!r}: must be one of {', '.join(MODELS)}")
        store("epochs", _integer_within("epochs", self.epochs, 1, MAX_EPOCHS))
        store("learning_rate", self._checked_rates(self.learning_rate))
        if self.batch_size is not None:
            size = _integer_within("batch_size", self.batch_size, 1, MAX_BATCH_SIZE)
            if size & (size - 1):
                raise ParameterError(f"batch_size = {size}: must be a power of two")
            store("batch_size", size)
        store("l2", _real("l2", self.l2))
        if self.l2 < 0:
            raise ParameterError(f"l2 = {self.l2}: must not be negative")
        if not isinstance(self.bias, bool):
            raise ParameterError(f"bias = {self.bias!r}: must be true or false")
        if not isinstance(self.fixed_point, FixedPoint):
            raise ParameterError(f"fixed_point: expected FixedPoint, found {type(self.fixed_point).__name__}")

    def _checked_rates(self, value: object) -> float | tuple[float, ...]:
        if not isinstance(value, Iterable) or isinstance(value, (str, bytes)):
            return self._checked_rate("learning_rate", value)
        rates = tuple(self._checked_rate(f"learning_rate[{i}]", rate) for i, rate in enumerate(value))
        if len(rates) != self.epochs:
            raise ParameterError(f"learning_rate: {len(rates)} values for {self.epochs} epochs")
        return rates if len(rates) > 1 else rates[0]  # one spelling for one meaning

    @staticmethod
    def _checked_rate(name: str, value: object) -> float:
        rate = _real(name, value)
        if rate <= 0:
            raise ParameterError(f"{name} = {rate}: must be positive")
        return rate

    @property
    def learning_rates(self) -> tuple[float, ...]:
        """One learning rate per epoch."""
        rates = self.learning_rate
        return rates if isinstance(rates, tuple) else (rates,) * self.epochs

    def to_mapping(self) -> dict[str, str | int | bool | list[str]]:
        """The canonical mapping of public statements; reals are their repr, batch_size 0 is full batch."""
        rates = self.learning_rate if isinstance(self.learning_rate, tuple) else (self.learning_rate,)
        return {
            "model": self.model,
            "epochs": self.epochs,
            "learning_rate": [repr(rate) for rate in rates],
            "batch_size": self.batch_size or 0,
            "l2": repr(self.l2),
            "bias": self.bias,
            "x_bits": self.fixed_point.x_bits,
            "w_bits": self.fixed_point.w_bits,
            "p_bits": self.fixed_point.p_bits,
        }

    @classmethod
    def from_mapping(cls, mapping: object) -> TrainingSpec:
        """Read what `to_mapping` wrote.

        Raises:
            FormatError: unknown or missing field, wrong type, non-canonical number, or a value that the
                constructor refuses.
        """
        what = "training spec"
        found = take(mapping, _FIELDS, what)
        rates = [float(rate) for rate in found["learning_rate"]]
        try:
            spec = cls(
                model=found["model"],
                epochs=found["epochs"],
                learning_rate=rates[0] if len(rates) == 1 else tuple(rates),
                batch_size=found["batch_size"] or None,
                l2=float(found["l2"]),
                bias=found["bias"],
                fixed_point=FixedPoint(x_bits=found["x_bits"], w_bits=found["w_bits"], p_bits=found["p_bits"]),
            )
        except ParameterError as error:
            raise FormatError(f"{what}: {error}") from None
        if spec.to_mapping() != found:
            raise FormatError(f"{what}: not in canonical form")
        return spec

    def to_toml(self) -> str:
        """The complete spec as TOML, defaults included; `from_toml` reads it back to an equal spec."""
        fixed = self.fixed_point
        rates = self.learning_rate
        rate_text = f"[{', '.join(map(repr, rates))}]" if isinstance(rates, tuple) else repr(rates)
        batch_text = f'"{FULL_BATCH}"' if self.batch_size is None else str(self.batch_size)
        return "\n".join(
            (
                "[model]",
                f'kind = "{self.model}"',
                "",
                "[training]",
                f"epochs = {self.epochs}",
                f"learning_rate = {rate_text}",
                f"batch_size = {batch_text}",
                f"l2 = {self.l2!r}",
                f"bias = {'true' if self.bias else 'false'}",
                "",
                "[fixed_point]",
                f"x_bits = {fixed.x_bits}",
                f"w_bits = {fixed.w_bits}",
                f"p_bits = {fixed.p_bits}",
                "",
            )
        )

    @classmethod
    def from_toml(cls, text: str, source: str = "spec") -> TrainingSpec:
        """Read a TOML spec; `source` is the name that error messages begin with.

        Raises:
            FormatError: not TOML, with line and column in the message; or numbers or nesting beyond all use.
            ParameterError: an unknown, missing or unusable field; the message names it.
        """
        try:
            document = toml_document(text)
        except FormatError as error:
            raise FormatError(f"{source}: {error}") from None
        try:
            return cls(**_constructor_arguments(document))
        except ParameterError as error:
            raise ParameterError(f"{source}: {error}") from None


_FIELDS: Fields = {
    "model": str,
    "epochs": int,
    "learning_rate": ListOf(Real()),
    "batch_size": int,
    "l2": Real(),
    "bias": bool,
    "x_bits": int,
    "w_bits": int,
    "p_bits": int,
}
_SECTIONS: dict[str, dict[str, bool]] = {  # section -> field -> is it required
    "model": {"kind": True},
    "training": {"epochs": True, "learning_rate": True, "batch_size": False, "l2": False, "bias": False},
    "fixed_point": {"x_bits": False, "w_bits": False, "p_bits": False},
}


def _constructor_arguments(document: dict[str, object]) -> dict[str, Any]:
    """Turn a TOML document into TrainingSpec's keyword arguments, refusing what is unknown or missing."""
    for section in document:
        if section not in _SECTIONS:
            raise ParameterError(f"unknown section [{section}]; sections are {', '.join(_SECTIONS)}")
    tables: dict[str, dict[str, Any]] = {}
    for section, fields in _SECTIONS.items():
        table = document.get(section, {})
        if not isinstance(table, dict):
            raise ParameterError(f"{section}: must be a section, [{section}]")
        for name in table:
            if name not in fields:
                raise ParameterError(f"unknown field {section}.{name}; fields are {', '.join(fields)}")
        for name, required in fields.items():
            if required and name not in table:
                raise ParameterError(f"field {section}.{name} is missing")
        tables[section] = table
    arguments: dict[str, Any] = {"model": tables["model"]["kind"], **tables["training"]}
    if arguments.get("batch_size") == FULL_BATCH:
        arguments["batch_size"] = None
    arguments["fixed_point"] = FixedPoint(**tables["fixed_point"])
    return arguments


def load_spec(path: str | Path) -> TrainingSpec:
    """Read a spec file (TOML, UTF-8); errors name the file and the field.

    Raises:
        DataError: it is missing, no regular file, or cannot be read.
        FormatError: empty, too large, not UTF-8 or not TOML.
        ParameterError: an unknown, missing or unusable field.
    """
    try:
        text = read_file(path, MAX_SPEC_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: not UTF-8: {error}") from None
    return TrainingSpec.from_toml(text, source=str(path))
