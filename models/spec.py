"""The declared algorithm: what the owner promises to have run, written before the data is touched.

A `TrainingSpec` holds the user's choices only; what is derived from them and from the shape of the data set
is in `schedule.Schedule`. It has two spellings: TOML for people (`load_spec`, `TrainingSpec.to_toml`) and a
canonical mapping for public statements (`to_mapping`, `from_mapping`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import FormatError, ParameterError
from ..formats.canonical import exact_fields, read_bool, read_float, read_int, read_list, read_text, toml_document
from ..formats.files import read_file
from .checks import integer_within, real
from .families import Family, family_named
from .scales import FixedPoint

MAX_EPOCHS = 1 << 20
MAX_BATCH_SIZE = 1 << 24
MAX_SPEC_BYTES = 1 << 25  # of a file: a learning rate for each of the most epochs fits
FULL_BATCH = "full"  # how TOML, which has no null, spells batch_size=None


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

        family_named(self.model)
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
        rate = real(name, value)
        if rate <= 0:
            raise ParameterError(f"{name} = {rate}: must be positive")
        return rate

    @property
    def family(self) -> Family:
        """What `model` names."""
        return family_named(self.model)

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
    def from_mapping(cls, mapping: Mapping[str, object]) -> TrainingSpec:
        """Read what `to_mapping` wrote.

        Raises:
            FormatError: unknown or missing field, wrong type, non-canonical number, or a value that the
                constructor refuses.
        """
        what = "training spec"
        scale_names = ("x_bits", "w_bits", "p_bits")
        fields = ("model", "epochs", "learning_rate", "batch_size", "l2", "bias", *scale_names)
        found = exact_fields(mapping, fields, what)
        rate_list = read_list(found["learning_rate"], f"{what}: learning_rate")
        rates = [read_float(rate, f"{what}: learning_rate") for rate in rate_list]
        scales = {name: read_int(found[name], f"{what}: {name}") for name in scale_names}
        batch_size = read_int(found["batch_size"], f"{what}: batch_size")
        try:
            spec = cls(
                model=read_text(found["model"], f"{what}: model"),
                epochs=read_int(found["epochs"], f"{what}: epochs"),
                learning_rate=rates[0] if len(rates) == 1 else tuple(rates),
                batch_size=None if batch_size == 0 else batch_size,
                l2=read_float(found["l2"], f"{what}: l2"),
                bias=read_bool(found["bias"], f"{what}: bias"),
                fixed_point=FixedPoint(**scales),
            )
        except ParameterError as error:
            raise FormatError(f"{what}: {error}") from None
        if spec.to_mapping() != dict(found):
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
