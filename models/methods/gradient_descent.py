"""Gradient descent as a spec declares it. Its integers: schedule.py; its run: reference.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar, Self

from ...errors import ParameterError
from ...formats.fields import Fields, Int, ListOf, Real, take
from ...formats.toml import toml_value
from ..checks import integer_within, real
from ..families import Family
from ..live import Live
from ..momentum import INCREASING, increasing
from ..scales import FixedPoint
from ..shapes import MAX_CLASSES, DatasetShape
from .base import Method
from .count_distance import compile_count_distance
from .distance import DistanceCertificate
from .gram_distance import compile_gram_distance
from .link_distance import compile_link_distance
from .schedule import Schedule, compile_schedule
from .standardized import compile_standardized

MAX_EPOCHS = 1 << 20
MAX_BATCH_SIZE = 1 << 24
SMALLEST, LARGEST = 2.0**-100, 2.0**100  # of learning rates and l2: far beyond use, and no arithmetic on them overflows
MAX_SCORES = 1 << 30  # of all epochs: an hour of proving
MAX_WEIGHTS = 1 << 27  # in all steps, each of which has several limbs
MAX_CLASS_WEIGHT = 255
_FIELDS: Fields = {
    "kind": str,
    "epochs": int,
    "learning_rate": ListOf(Real()),
    "batch_size": int,
    "momentum": ListOf(str),
    "l2": Real(),
    "bias": bool,
    "penalize_intercept": bool,
    "class_weight": ListOf(dict, 0, MAX_CLASSES),
    "standardize": bool,
}
_WEIGHT_FIELDS: Fields = {"label": str, "weight": Int(1, MAX_CLASS_WEIGHT)}
FULL_BATCH = "full"  # how TOML, which has no null, spells batch_size=None


def _in_range(name: str, value: float) -> float:
    if not SMALLEST <= value <= LARGEST:
        raise ParameterError(f"{name} = {value}: must be between 2^-100 and 2^100")
    return value


def _checked_rate(name: str, value: object) -> float:
    rate = real(name, value)
    if rate <= 0:
        raise ParameterError(f"{name} = {rate}: must be positive")
    return _in_range(name, rate)


def _unchanged(_name: str, value: Any) -> float:
    return float(value)


def _checked_share(name: str, value: object) -> float:
    share = real(name, value)
    if not 0 <= share < 1:
        raise ParameterError(f"{name} = {share}: must be at least 0 and below 1")
    if share:
        _in_range(name, share)
    return share


def _read_momentum(texts: list[str]) -> float | tuple[float, ...] | str:
    """What `GradientDescent.to_mapping` wrote. Raises ParameterError."""
    if texts == [INCREASING]:
        return INCREASING
    try:
        momenta = tuple(map(float, texts))
    except ValueError as error:
        raise ParameterError(f"momentum: {error}") from None
    return momenta if len(momenta) > 1 else (momenta[0] if momenta else 0.0)


def _checked_weights(value: object) -> tuple[tuple[str, int], ...] | None:
    """Labels and their weights, in the order of labels; None where all are 1, which says nothing."""
    if value is None:
        return None
    if isinstance(value, str):
        advice = '; "balanced" would depend on the rows, the forgotten ones too' if value == "balanced" else ""
        raise ParameterError(f"class_weight = {value!r}: must name each label and its weight{advice}")
    pairs = tuple(value.items()) if isinstance(value, Mapping) else value
    if not isinstance(pairs, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs):
        raise ParameterError(f"class_weight: expected a weight for each label, found {type(value).__name__}")
    weights: dict[str, int] = {}
    for label, weight in pairs:
        text = str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)  # as of labels
        if text in weights:
            raise ParameterError(f"class_weight: label {text!r} is named twice")
        weights[text] = integer_within(f"class_weight of label {text!r}", weight, 1, MAX_CLASS_WEIGHT)
    ordered = tuple(sorted(weights.items()))
    return ordered if any(weight > 1 for weight in weights.values()) else None


@dataclass(frozen=True, kw_only=True)
class GradientDescent(Method):
    """A generalised linear model by gradient descent from zero weights; of several classes one for each, against all
    others.

    The gradient of one row is (inverse_link(z) - y) * x, with the inverse link of the family.

    Attributes:
        epochs: passes over the data.
        learning_rate: one number, or one per epoch.
        batch_size: rows per step, a power of two; None takes all rows in every step.
        momentum: how much of the last step is taken again (heavy ball): one number, or one per epoch, of [0, 1), or
            "increasing", which is e / (e + 3) in epoch e. The first step has none.
        l2: weight of ||w||^2 / 2 beside the mean loss of a batch.
        bias: whether there is an intercept.
        penalize_intercept: whether l2 applies to the intercept too.
        class_weight: for each class, by the text of its label, how often each row of it counts: 1 to 255. None counts
            all once. Learning rate and l2 are those of a mean over rows, whatever their weights.
        standardize: whether features are brought to mean zero and spread one by the rows that count. Learning rate and
            l2 are then those of such features; the model is one of features as they are.

    Raises:
        ParameterError: a value cannot be used; the message names the field.
    """

    kind: ClassVar[str] = "gradient descent"

    epochs: int
    learning_rate: float | tuple[float, ...]
    batch_size: int | None = None
    momentum: float | tuple[float, ...] | str = 0.0
    l2: float = 0.0
    bias: bool = True
    penalize_intercept: bool = False
    class_weight: Mapping[str, int] | tuple[tuple[str, int], ...] | None = None
    standardize: bool = False

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
        store("momentum", self._checked_momentum(self.momentum))
        store("l2", real("l2", self.l2))
        if self.l2 < 0:
            raise ParameterError(f"l2 = {self.l2}: must not be negative")
        if self.l2:
            _in_range("l2", self.l2)
        for name in ("bias", "penalize_intercept", "standardize"):
            if not isinstance(getattr(self, name), bool):
                raise ParameterError(f"{name} = {getattr(self, name)!r}: must be true or false")
        if self.penalize_intercept and not self.bias:
            raise ParameterError("penalize_intercept: there is no intercept without a bias")
        if self.standardize and not self.bias:
            raise ParameterError("standardize: needs a bias, as the means of features go into the intercept")
        store("class_weight", _checked_weights(self.class_weight))

    def _per_epoch(self, name: str, value: object, check: Callable[[str, object], float]) -> float | tuple[float, ...]:
        """One number for all epochs, or one for each; one spelling for one meaning."""
        if not isinstance(value, Iterable) or isinstance(value, (str, bytes)):
            return check(name, value)
        numbers = tuple(value)
        if len(numbers) != self.epochs:
            raise ParameterError(f"{name}: {len(numbers)} values for {self.epochs} epochs")
        numbers = tuple(check(f"{name}[{i}]", number) for i, number in enumerate(numbers))
        return numbers if len(numbers) > 1 else numbers[0]

    def _checked_rates(self, value: object) -> float | tuple[float, ...]:
        rates = tuple(value) if isinstance(value, Iterable) and not isinstance(value, (str, bytes)) else value
        usual = isinstance(rates, tuple) and all(type(rate) is float and SMALLEST <= rate <= LARGEST for rate in rates)
        check = _unchanged if usual else _checked_rate  # a million of them are checked in no time
        return self._per_epoch("learning_rate", rates, check)

    def _checked_momentum(self, value: object) -> float | tuple[float, ...] | str:
        if isinstance(value, str):
            if value != INCREASING:
                raise ParameterError(f'momentum = {value!r}: must be numbers of [0, 1), or "{INCREASING}"')
            return value
        return self._per_epoch("momentum", value, _checked_share)

    @property
    def declared_rates(self) -> tuple[float, ...]:
        """One learning rate for all epochs, or one for each."""
        return self.learning_rate if isinstance(self.learning_rate, tuple) else (self.learning_rate,)

    @property
    def learning_rates(self) -> tuple[float, ...]:
        """One learning rate per epoch."""
        rates = self.declared_rates
        return rates if len(rates) == self.epochs else rates * self.epochs

    @property
    def momenta(self) -> tuple[Fraction, ...]:
        """One momentum for all epochs, or one for each, exactly. Of epoch 0 it holds from the second batch on."""
        if isinstance(self.momentum, str):
            return tuple(map(increasing, range(self.epochs)))
        return tuple(map(Fraction, self.momentum if isinstance(self.momentum, tuple) else (self.momentum,)))

    @property
    def class_weights(self) -> Mapping[str, int]:
        """By label; empty where all rows count once."""
        return dict(self.class_weight or ())

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
            "momentum": self._momentum_texts,
            "l2": repr(self.l2),
            "bias": self.bias,
            "penalize_intercept": self.penalize_intercept,
            "class_weight": [{"label": label, "weight": weight} for label, weight in self.class_weights.items()],
            "standardize": self.standardize,
        }

    @property
    def _momentum_texts(self) -> list[str]:
        """Nothing for none."""
        if isinstance(self.momentum, tuple):
            return list(map(repr, self.momentum))
        if isinstance(self.momentum, str):
            return [self.momentum]
        return [repr(self.momentum)] if self.momentum else []

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], what: str) -> Self:
        """See Method."""
        found = take(mapping, _FIELDS, what)
        rates = [float(rate) for rate in found["learning_rate"]]
        return cls(
            epochs=found["epochs"],
            learning_rate=rates[0] if len(rates) == 1 else tuple(rates),
            batch_size=found["batch_size"] or None,
            momentum=_read_momentum(found["momentum"]),
            l2=float(found["l2"]),
            bias=found["bias"],
            penalize_intercept=found["penalize_intercept"],
            class_weight=tuple(
                (entry["label"], entry["weight"])
                for entry in (take(entry, _WEIGHT_FIELDS, f"{what}: class_weight") for entry in found["class_weight"])
            ),
            standardize=found["standardize"],
        )

    def to_toml(self) -> dict[str, str]:
        """See Method."""
        texts = {
            "epochs": str(self.epochs),
            "learning_rate": toml_value(self.learning_rate),
            "batch_size": f'"{FULL_BATCH}"' if self.batch_size is None else str(self.batch_size),
            "momentum": toml_value(self.momentum),
            "l2": repr(self.l2),
            "bias": toml_value(self.bias),
            "penalize_intercept": toml_value(self.penalize_intercept),
            "standardize": toml_value(self.standardize),
        }
        weights = self.class_weights
        return {**texts, "class_weight": toml_value(weights)} if weights else texts

    @classmethod
    def from_toml(cls, fields: Mapping[str, Any]) -> Self:
        """See Method."""
        batch_size = fields.get("batch_size")
        return cls(**{**fields, "batch_size": None if batch_size == FULL_BATCH else batch_size})

    def describe(self) -> str:
        """See Method."""
        return self.described("from zero weights")

    def described(self, start: str) -> str:
        """The method with its fields, and what it begins from."""
        batch = "full-batch" if self.batch_size is None else f"mini-batch (rows in blocks of {self.batch_size})"
        epochs = "1 epoch" if self.epochs == 1 else f"{self.epochs:,} epochs"
        rates = self.learning_rate
        rate = f"learning rate {rates!r}"
        if isinstance(rates, tuple):
            rate = f"learning rates from {rates[0]!r} to {rates[-1]!r}, one an epoch"
        words = [f"{batch} gradient descent {start}: {epochs}", rate, *self._momentum_words]
        words.append(f"L2 {self.l2!r}" + (", the intercept included" if self.penalize_intercept and self.l2 else ""))
        if self.class_weight:
            counted = (f"{weight} for {label!r}" for label, weight in self.class_weights.items())
            words.append(f"rows weighted by class: {', '.join(counted)}")
        if self.standardize:
            words.append("features standardised by the rows that count")
        return ", ".join(words)

    @property
    def _momentum_words(self) -> list[str]:
        if isinstance(self.momentum, str):
            return ["momentum e / (e + 3) in epoch e"]
        if isinstance(self.momentum, tuple):
            return [f"momenta from {self.momentum[0]!r} to {self.momentum[-1]!r}, one an epoch"]
        return [f"momentum {self.momentum!r}"] if self.momentum else []

    @property
    def uses_order(self) -> bool:
        """See Method: where there are batches."""
        return self.batch_size is not None

    def require_provable(self, shape: DatasetShape) -> None:
        """See Method."""
        classes = f" for {shape.outputs} classes" if shape.outputs > 1 else ""
        if shape.rows * self.epochs * shape.outputs > MAX_SCORES:
            raise ParameterError(
                f"{shape.rows} rows in {self.epochs} epochs{classes} are more than one proof can carry ({MAX_SCORES})"
            )
        steps = self.epochs * -(-shape.rows // (self.batch_size or shape.rows))
        if steps * (shape.features + 1) * shape.outputs > MAX_WEIGHTS:
            raise ParameterError(
                f"{steps} steps of {shape.features} weights{classes} are more than one proof can carry ({MAX_WEIGHTS})"
            )

    def compile_distance(
        self,
        family: Family,
        scales: FixedPoint,
        shape: DatasetShape,
        live: Live,
        distance: int,
        slope: int | None,
    ) -> DistanceCertificate:
        """See Method, and link_distance.py; of linear models gram_distance.py, of counts count_distance.py."""
        if family.predicts == "count":
            return compile_count_distance(self, family, scales, shape, live, distance, slope)
        compiler = compile_gram_distance if family.quadratic else compile_link_distance
        return compiler(self, family, scales, shape, live, distance, slope)

    def compile(self, family: Family, scales: FixedPoint, shape: DatasetShape, live: Live) -> Schedule:
        """See Method, and compile_schedule."""
        self.require_provable(shape)
        compiler = compile_standardized if self.standardize else compile_schedule
        return compiler(self, family, scales, shape, live)
