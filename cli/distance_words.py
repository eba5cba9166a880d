"""Statements of a distance in words: the loss first, as it says most of a model, then the weights."""

from __future__ import annotations

from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction

from ..circuits.statements.distance import DistanceStatement
from ..errors import ParameterError
from .output import Lines

DIGITS = 2
MISSING = {"training": "model not verified: the proof of its training {digest} was not checked"}


def at_most(value: Fraction) -> str:
    """A decimal of two digits that is no less."""
    digits = Context(prec=DIGITS, rounding=ROUND_CEILING)
    exact = Context(prec=60, rounding=ROUND_CEILING)
    return f"{digits.plus(exact.divide(Decimal(value.numerator), Decimal(value.denominator))):f}"


def _intercept(statement: DistanceStatement) -> str:
    return "" if statement.slope is None else " with its intercept"


def _rows(statement: DistanceStatement) -> str:
    return "remaining rows" if statement.training.forgotten else "rows that count"


def _loss(statement: DistanceStatement) -> str:
    family = statement.training.spec.family
    if family.quadratic:
        return f"half the mean square of residuals of {family.title}, labels as they are encoded"
    return f"mean loss of {family.title}"


def distance_text(statement: DistanceStatement) -> str:
    """How near loss and weights are."""
    own = _intercept(statement)
    found = (
        f"the model's loss is within {at_most(statement.excess)} of the best possible{own} on the {_rows(statement)}"
    )
    slope = statement.real_slope
    if slope is not None:
        found += f", which a unit of another intercept lowers by at most {at_most(slope)} more"
    return f"{found}; its weights are within {at_most(statement.real_distance)} of that optimum"


def distance_lines(statement: DistanceStatement) -> Lines:
    """What is near what; in words alone where no such statement can be proved."""
    spec, own = statement.training.spec, _intercept(statement)
    try:
        loss, weights, slope = statement.excess, statement.real_distance, statement.real_slope
    except ParameterError as error:
        return [("nothing", f"no such statement can be proved: {error}")]
    lines: Lines = [
        ("loss", f"within {at_most(loss)} of the best possible{own}, on the {_rows(statement)}"),
        *([("intercept", f"a unit of another one gains at most {at_most(slope)} more")] if slope is not None else []),
        ("weights", f"within {at_most(weights)} of that optimum, for features in [-1, 1]"),
        (
            "objective",
            f"{_loss(statement)}, and l2 / 2 times the squares of weights, l2 = {spec.method.l2!r}"
            + (", the intercept left out" if own else ", the intercept included" if spec.method.bias else ""),
        ),
        ("of training", statement.training.digest.hex()),
    ]
    return lines


def distance_data(statement: DistanceStatement) -> dict[str, object]:
    """For JSON: exact fractions as texts, and decimals that are no less."""
    try:
        found = {"excess_loss": statement.excess, "distance": statement.real_distance, "slope": statement.real_slope}
    except ParameterError:
        return {}
    exact = {name: None if value is None else str(value) for name, value in found.items()}
    decimals = {name: None if value is None else float(at_most(value)) for name, value in found.items()}
    return {**decimals, "exact": exact}


def _exactly(statement: DistanceStatement) -> str:
    if statement.training.spec.family.quadratic:
        return "half the mean square of residuals of encoded labels"
    return "that of the declared table, interpolated"


def distance_cautions(statement: DistanceStatement) -> tuple[str, ...]:
    """What a distance does not say."""
    return (
        "near the best possible is not good: it says nothing of rows that are not in the data set, nor that l2 fits",
        f"the loss is {_exactly(statement)}, with l2 as its integer is; see docs/arithmetic.md",
        *(["l2 leaves the intercept out: where the best one is, is not said"] if statement.slope is not None else []),
    )
