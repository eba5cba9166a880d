"""What the integers of a data set may be: limits, kinds of labels, and the shape that a training depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import ParameterError

LABEL_KINDS = ("binary", "categorical", "real", "count")
FEATURE_BOUND = 1 << 15  # integers of features lie in [-2^15, 2^15), those of a data set in [-2^x_bits, 2^x_bits]
MAX_ROWS = 1 << 28
MAX_FEATURES = 1 << 15
MAX_CLASSES = 1 << 8  # of categorical labels, each a column of its own
X_BITS_RANGE = (4, 14)  # scales of features: the integer 2^x_bits stands for 1.0 and must be below 2^15
_LABEL_RANGES = {
    "binary": (0, 1),
    "categorical": (0, 1),
    "real": (-(1 << 15), (1 << 15) - 1),
    "count": (0, (1 << 16) - 1),
}


def label_range(kind: str) -> tuple[int, int]:
    """Smallest and largest integer in a column of labels of a kind; raises ParameterError for an unknown kind.

    Categorical labels are a column for each class, which says whether a row is of it.
    """
    if kind not in _LABEL_RANGES:
        raise ParameterError(f"label_kind = {kind!r}: must be one of {', '.join(LABEL_KINDS)}")
    return _LABEL_RANGES[kind]


@dataclass(frozen=True, kw_only=True)
class DatasetShape:
    """What a training depends on of a data set, all of it public.

    Attributes:
        rows: N.
        features: d, without the bias.
        label_kind: "binary" (0 or 1), "categorical" (one of several classes), "real" (signed 16 bits) or "count"
            (unsigned 16 bits).
        label_bits: scale of the label integers; 0 but for real ones.
        x_bits: scale of the feature integers.
        classes: of binary and categorical labels, the texts of classes 0, 1, ..; for binary ones, as far as a training
            needs their names.
        names: of the features, as far as a training needs them.
        unused: numbers of the features that a training leaves out, increasing.
    """

    rows: int
    features: int
    label_kind: str
    label_bits: int
    x_bits: int
    classes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    unused: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        label_range(self.label_kind)
        for name, value, high in (("rows", self.rows, MAX_ROWS), ("features", self.features, MAX_FEATURES)):
            if not 1 <= value <= high:
                raise ParameterError(f"{name} = {value}: must be between 1 and {high}")
        if not 0 <= self.label_bits <= 15 or (self.label_kind != "real" and self.label_bits != 0):
            raise ParameterError(f"label_bits = {self.label_bits}: not possible for {self.label_kind} labels")
        if self.label_kind == "categorical" and not 3 <= len(self.classes) <= MAX_CLASSES:
            raise ParameterError(f"classes: categorical labels have 3 to {MAX_CLASSES}, not {len(self.classes)}")

    def without(self, names: Sequence[str]) -> DatasetShape:
        """The same for a training that leaves out these features.

        Raises:
            ParameterError: there is no such feature, or no other one.
        """
        places = {name: k for k, name in enumerate(self.names)} if names else {}
        for name in names:
            if name not in places:
                raise ParameterError(f"without: the data set has no feature {name!r}")
        if len(names) == self.features:
            raise ParameterError("without: every feature is left out")
        return replace(self, unused=tuple(sorted(places[name] for name in names)))

    @property
    def outputs(self) -> int:
        """Number of columns of labels, each of which a model has an output for: one, or that of classes."""
        return len(self.classes) if self.label_kind == "categorical" else 1
