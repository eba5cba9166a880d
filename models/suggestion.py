"""A spec that brings a data set's training near its optimum: found by trying in float64, checked by compiling it.

The search is models/heavy_ball.py; what it finds becomes a spec in `spec_of`.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError, ParameterError
from ..shown import Facts, Shown, Words
from .convergence import ONE_LABEL
from .families import FAMILIES, Family, ask_for_classes
from .heavy_ball import CONSTANTS, NEAR, OVERSHOOT, Found, Momentum, search
from .live import Live
from .methods import GradientDescent, OnePass
from .methods.gradient_descent import MAX_SCORES, MAX_WEIGHTS
from .methods.normal_equations import weight_limit
from .methods.one_pass import MAX_SQUARE
from .methods.standardization import LARGEST_EXPONENT, spread_floor
from .momentum import INCREASING
from .optimum import FloatArray, Objective, minimum
from .scales import P_BITS_RANGE, Q_BITS_RANGE, REMAINDER_BITS, W_BITS_RANGE, FixedPoint
from .shapes import DatasetShape
from .spec import TrainingSpec

DEFAULT_MODELS = {"binary": "logistic", "categorical": "logistic", "real": "linear", "count": "poisson"}
MOST_EPOCHS = 200
MOST_CELLS = 1 << 21  # features, times outputs, that are looked at, of more only those of the first rows
LEAST_A_CLASS = 8  # so many times as many rows as outputs are looked at, however many cells they are
ROOMS = (1.5, 1.2)  # how many times the largest score the activation table should span; the second if it must be
NEAR_ONCE = 1e-6  # near enough where steps cost next to nothing
TEXT_WIDTH = 100
FLOOR = spread_floor(1, 5) / 4**5  # V0 / (n 4^x_bits), but for x_bits = 4
TRIES = 4  # each with rates at most half as large, where no scales have room for those before

PUBLIC = (
    "a spec is public, and this one is derived from the data: keep it as it is for successors, since one that is made "
    "again once rows are forgotten is another algorithm, and it must not depend on the rows that are forgotten"
)


@dataclass(frozen=True, kw_only=True, repr=False)
class Suggestion(Shown):
    """A spec that converges on a data set, as far as float64 tells.

    Attributes:
        spec: to be trained with, checked to compile for the data set.
        epochs: of the spec.
        expected_gap: by which part of the least possible loss (L2 included, counted from the least loss of each
            label, and summed over the outputs) the trained model's is expected to be above it.
        notes: what the owner should know.
    """

    spec: TrainingSpec
    epochs: int
    expected_gap: float
    notes: tuple[str, ...]

    @property
    def facts(self) -> Facts:
        """See Shown."""
        gap = Words(gap_text(self.expected_gap))
        return (*self.spec.about, ("epochs", self.epochs), ("expected gap", gap), ("notes", len(self.notes)))

    def to_toml(self) -> str:
        """The spec as TOML, with what is expected of it as comments."""
        said = [
            f"Suggested by zkunlearn: after these epochs the loss is expected {gap_text(self.expected_gap)} above its "
            "optimum.",
            *(f"Note: {note}." for note in self.notes),
        ]
        comments = (textwrap.fill(text, TEXT_WIDTH, initial_indent="# ", subsequent_indent="# ") for text in said)
        return "\n".join(comments) + "\n\n" + self.spec.to_toml()


def gap_text(gap: float) -> str:
    """A gap for people: 0.043%."""
    return f"{100 * gap:.2g}%"


def family_for(label_kind: str, model: str | None) -> Family:
    """The family that is asked for, or that of the kind of labels. Raises ParameterError where they do not fit."""
    name = DEFAULT_MODELS[label_kind] if model is None else model
    fitting = [family.name for family in FAMILIES.values() if label_kind in family.label_kinds]
    if name not in fitting:
        kinds = FAMILIES[name].label_kinds if name in FAMILIES else ()
        known = f"needs {' or '.join(kinds)} labels" if kinds else "there is none"
        raise ParameterError(
            f"model = {name!r}: {known}; the labels of the data set are {label_kind}, which fit {', '.join(fitting)}"
            + ask_for_classes(label_kind, kinds)
        )
    return FAMILIES[name]


def rows_to_look_at(live: Live, features: int, outputs: int = 1) -> NDArray[np.int64]:
    """Positions, int64 (n,): all rows that count, or so many of the first that they are MOST_CELLS features.

    Those of several outputs take as much longer, and are as many fewer. The order of positions is random
    (circuits/statements/records.py), so the first rows are like all others.
    """
    return np.flatnonzero(live.mask())[: max(MOST_CELLS // (features * outputs), LEAST_A_CLASS * outputs)]


def suggest_spec(
    X: FloatArray,
    y: FloatArray,
    family: Family,
    shape: DatasetShape,
    live: Live,
    *,
    l2: float,
    standardize: bool = True,
    most_epochs: int = MOST_EPOCHS,
    near: float = NEAR,
    once: bool = True,
    bias: bool = True,
    class_weight: Mapping[str, int] | None = None,
) -> Suggestion:
    """The spec with the fewest epochs, up to `most_epochs`, that comes near the optimum; or nearest to it.

    Args:
        X: float64 (n, d), encoded features as real numbers, of `rows_to_look_at`.
        y: float64 (n,), their labels, of several classes the numbers.
        shape, live: of the data set, and who counts.
        l2: of the spec.
        standardize: whether features are standardised, where that can be.
        near: how near is near, as a part of the least loss; in one pass it is nearer.
        once: whether one pass over the rows is taken where that can be.
        bias, class_weight: of the spec.

    Raises:
        DataError: all labels are the same.
        ParameterError: there is no optimum, no rate leads to it, or no scales of integers have room for it.
    """
    if len(np.unique(y)) < 2:
        raise DataError(ONE_LABEL)
    scores, weights = shape.rows * shape.outputs, (shape.features + 1) * shape.outputs
    limit = max(1, min(most_epochs, MAX_SCORES // scores, MAX_WEIGHTS // weights))
    counts = _counts(y, shape, class_weight)
    minimised = partial(_objective, X, _labels_of_outputs(y, shape), family, l2, bias=bias, counts=counts)
    fields = {"l2": l2, "bias": bias, **({} if counts is None else {"class_weight": class_weight})}
    reason = "scores are too large"
    for method, standardized in _ways(family, shape, standardize, once and counts is None):
        in_one = method == OnePass.kind
        objective, fastest = minimised(standardized, in_one), math.inf
        for _ in range(TRIES):
            found = search(objective, MOMENTA, limit, fastest=fastest, near=min(near, NEAR_ONCE) if in_one else near)
            fastest = found.learning_rate / 2
            largest = float(np.abs(minimum(objective)[0]).max()) if in_one else found.largest_score
            for scales in _weight_scales(family, shape, largest) if in_one else room_for(family, shape, largest):
                spec = spec_of(family, method, found, standardized, scales, fields)
                try:
                    spec.compile(shape, live)
                except ParameterError as error:
                    reason = str(error)
                    continue
                notes = _notes(found, len(y), live.count, near, raw=standardize and not standardized)
                return Suggestion(spec=spec, epochs=found.epochs, expected_gap=found.gap, notes=notes)
    raise ParameterError(f"no scales have room for a training that converges; {reason}")


# What a spec can say ------------------------------------------------------------------------------------------------

MOMENTA: tuple[Momentum, ...] = (*CONSTANTS, INCREASING)


def _ways(family: Family, shape: DatasetShape, standardize: bool, once: bool = True) -> list[tuple[str, bool]]:
    """Methods to try, and whether features are standardised: in one pass over the rows where that can be."""
    single = [(OnePass.kind, standardize)] if once and family.quadratic and shape.features <= MAX_SQUARE else []
    return single + [(GradientDescent.kind, standardized) for standardized in (True, False)[not standardize :]]


def spec_of(
    family: Family, method: str, found: Found, standardized: bool, scales: FixedPoint, fields: Mapping[str, Any]
) -> TrainingSpec:
    """What was found, as a spec, with what was declared."""
    return TrainingSpec(
        model=family.name,
        method=method,
        epochs=found.epochs,
        learning_rate=found.learning_rate,
        momentum=found.momentum,
        standardize=standardized,
        fixed_point=scales,
        **fields,
    )


def _labels_of_outputs(y: FloatArray, shape: DatasetShape) -> FloatArray:
    """Labels (n,) as float64 (n, O): of several classes a column for each, which says whether a row is of it.

    Classes without rows are left out. Nothing is learnt for them but a bias that goes on falling, ever more slowly:
    they have no optimum that anything could come near.
    """
    if shape.label_kind != "categorical":
        return y[:, None]
    return np.asarray(y[:, None] == np.unique(y), dtype=np.float64)


def _counts(y: FloatArray, shape: DatasetShape, class_weight: Mapping[str, int] | None) -> FloatArray | None:
    """How often each row counts, float64 (n,): as its class does; None where that is once."""
    if class_weight is None:
        return None
    return np.array([class_weight.get(text, 1) for text in shape.classes], dtype=np.float64)[y.astype(np.int64)]


def _objective(
    X: FloatArray,
    y: FloatArray,
    family: Family,
    l2: float,
    standardized: bool,
    once: bool = False,
    *,
    bias: bool = True,
    counts: FloatArray | None = None,
) -> Objective:
    """What a training by such a spec minimises: the bias comes last, and is not penalised.

    In one pass standardised features have a spread within a factor of two of others, and l2 weighs them by it.
    """
    features, penalties = X, np.full(X.shape[1], l2)
    if standardized and once:
        features = (X - X.mean(axis=0)) * _powers(X.std(axis=0))
        penalties = l2 * features.var(axis=0)
    elif standardized:
        features = _standardized(X)
    if bias:
        features, penalties = np.hstack([features, np.ones((len(X), 1))]), np.append(penalties, 0.0)
    return Objective(family, features, y, penalties, counts)


# --------------------------------------------------------------------------------------------------------------------


def scaling_of(X: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What is taken off columns, and what they are multiplied with then, (d,) both: as standardization.py has them."""
    deviation = X.std(axis=0)
    power = _powers(deviation)
    return X.mean(axis=0), np.asarray(power / np.sqrt((power * deviation) ** 2 + FLOOR), dtype=np.float64)


def _standardized(X: FloatArray) -> FloatArray:
    mean, scale = scaling_of(X)
    return np.asarray((X - mean) * scale, dtype=np.float64)


def _powers(deviation: FloatArray) -> FloatArray:
    """2^e of spreads (d,): what brings each to at least 1/2 and below 1, if e of at most LARGEST_EXPONENT does."""
    with np.errstate(divide="ignore"):
        exponent = np.clip(np.ceil(-np.log2(deviation)) - 1, 0, LARGEST_EXPONENT)
    return np.asarray(2.0**exponent, dtype=np.float64)


def _weight_scales(family: Family, shape: DatasetShape, largest: float) -> Iterator[FixedPoint]:
    """Scales of a one-pass training that leave room for such weights: the finest first."""
    for w_bits in range(family.scales.w_bits, W_BITS_RANGE[0] - 1, -1):
        try:
            scales = FixedPoint(x_bits=shape.x_bits, w_bits=w_bits, p_bits=family.scales.p_bits)
        except ParameterError:  # too few bits, or too many
            continue
        if weight_limit(scales) >= ROOMS[0] * OVERSHOOT * largest:
            yield scales


def room_for(family: Family, shape: DatasetShape, largest: float) -> Iterator[FixedPoint]:
    """Scales whose activation table has room for such scores: the finest first, the family's own if they do."""
    least_p = max(P_BITS_RANGE[0], shape.label_bits)
    for room in ROOMS:
        for q_bits in range(family.scales.q_bits, Q_BITS_RANGE[0] - 1, -1):
            for p_bits in range(family.scales.p_bits, least_p - 1, -1):
                try:
                    scales = FixedPoint(
                        x_bits=shape.x_bits, w_bits=q_bits + REMAINDER_BITS - shape.x_bits, p_bits=p_bits
                    )
                except ParameterError:  # weights of too few or too many bits
                    continue
                if scales.z_limit >= room * largest:
                    yield scales


def near_notes(found: Found, near: float, *, raw: bool) -> tuple[str, ...]:
    """Of what was found, what is not as it should be."""
    notes = []
    if raw:
        notes.append("features are not standardised: no scales have room for that")
    if found.gap > near:
        notes.append(
            f"{found.epochs} epochs do not bring the loss within {100 * near:.2g}% of its optimum; more epochs, bounds "
            "that are nearer to the data, or a larger l2 would"
        )
    return tuple(notes)


def _notes(found: Found, looked_at: int, count: int, near: float, *, raw: bool) -> tuple[str, ...]:
    notes = near_notes(found, near, raw=raw)
    if looked_at < count:
        notes = (*notes, f"found on {looked_at} of the {count} rows that count")
    return (*notes, PUBLIC)
