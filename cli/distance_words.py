"""Statements of a distance in words: the loss first, as it says most of a model, then the weights."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Context, Decimal
from fractions import Fraction

from ..circuits.statements.distance import DistanceStatement
from ..errors import ParameterError
from .output import Lines, foreign

DIGITS = 2
MISSING = {"training": "model not verified: the proof of its training {digest} was not checked"}


def at_most(value: Fraction) -> str:
    """A decimal of two digits that is no less."""
    digits = Context(prec=DIGITS, rounding=ROUND_CEILING)
    exact = Context(prec=60, rounding=ROUND_CEILING)
    return f"{digits.plus(exact.divide(Decimal(value.numerator), Decimal(value.denominator))):f}"


def _free(statement: DistanceStatement) -> bool:
    """Whether l2 leaves intercepts out."""
    return statement.said[0].slope is not None


def _intercept(statement: DistanceStatement) -> str:
    return " with its intercept" if _free(statement) else ""


def _rows(statement: DistanceStatement) -> str:
    rows = "remaining rows" if statement.training.forgotten else "rows that count"
    return f"{rows} of its shard" if _sharded(statement) else rows


def _sharded(statement: DistanceStatement) -> bool:
    return any(own.stage is not None for own in statement.objectives)


def _loss(statement: DistanceStatement) -> str:
    family = statement.training.spec.family
    if family.quadratic:
        return f"half the mean square of residuals of {family.title}, labels as they are encoded"
    return f"mean loss of {family.title}"


def distance_text(statement: DistanceStatement) -> str:
    """How near loss and weights are; of several models the farthest."""
    own, count = _intercept(statement), len(statement.models)
    subject, best = "the model's loss", "of the best possible"
    if count:
        subject, best = f"the loss of each of {count} model{'s' * (count > 1)}", "of its own best possible"
    found = f"{subject} is within {at_most(statement.excess)} {best}{own} on the {_rows(statement)}"
    slope = statement.real_slope
    if slope is not None:
        found += f", which a unit of another intercept lowers by at most {at_most(slope)} more"
    return f"{found}; its weights are within {at_most(statement.real_distance)} of that optimum"


def _names(statement: DistanceStatement) -> list[tuple[int | None, str | None]]:
    """Of each of several models, its shard and the text of its class."""
    several = statement.training.dataset.outputs > 1
    classes = statement.training.dataset.encoding.label.classes
    return [
        (None if own.stage is None else own.stage.first, classes[own.output] if several else None)
        for own in statement.objectives
    ]


def _each(statement: DistanceStatement) -> Lines:
    """A line for each of several models."""
    lines: Lines = []
    for (shard, text), own in zip(_names(statement), statement.schedules, strict=True):
        names = [f"shard {shard}"] * (shard is not None) + [f"class {foreign(text or '')}"] * (text is not None)
        slope = "" if own.real_slope is None else f", a unit of intercept gains at most {at_most(own.real_slope)}"
        said = f"loss within {at_most(own.excess)}{slope}, weights within {at_most(own.real_distance)}"
        lines.append((", ".join(names), said))
    return lines


def distance_lines(statement: DistanceStatement) -> Lines:
    """What is near what; in words alone where no such statement can be proved."""
    spec, own = statement.training.spec, _intercept(statement)
    try:
        loss, weights, slope = statement.excess, statement.real_distance, statement.real_slope
        each = _each(statement) if statement.models else []
    except ParameterError as error:
        return [("nothing", f"no such statement can be proved: {error}")]
    farthest = f": the farthest of {len(statement.models)}" if statement.models else ""
    lines: Lines = [
        ("loss", f"within {at_most(loss)} of the best possible{own}, on the {_rows(statement)}{farthest}"),
        *([("intercept", f"a unit of another one gains at most {at_most(slope)} more")] if slope is not None else []),
        ("weights", f"within {at_most(weights)} of that optimum, for features in [-1, 1]"),
        *each,
        (
            "objective",
            f"{_loss(statement)}, and l2 / 2 times the squares of weights, l2 = {spec.method.l2!r}"
            + (", the intercept left out" if own else ", the intercept included" if spec.method.bias else ""),
        ),
        ("of training", statement.training.digest.hex()),
    ]
    return lines


def distance_data(statement: DistanceStatement) -> dict[str, object]:
    """For JSON: exact fractions as texts, and decimals that are no less; of several models the largest, and each."""
    try:
        found = {"excess_loss": statement.excess, "distance": statement.real_distance, "slope": statement.real_slope}
        each = [] if not statement.models else zip(_names(statement), statement.schedules, strict=True)
        models = [
            {
                "shard": shard,
                "class": text,
                **_numbers({"excess_loss": own.excess, "distance": own.real_distance, "slope": own.real_slope}),
            }
            for (shard, text), own in each
        ]
    except ParameterError:
        return {}
    return {**_numbers(found), "models": models}


def _numbers(found: Mapping[str, Fraction | None]) -> dict[str, object]:
    exact = {name: None if value is None else str(value) for name, value in found.items()}
    decimals = {name: None if value is None else float(at_most(value)) for name, value in found.items()}
    return {**decimals, "exact": exact}


def _exactly(statement: DistanceStatement) -> str:
    if statement.training.spec.family.quadratic:
        return "half the mean square of residuals of encoded labels"
    if statement.training.spec.family.predicts == "count":
        return "the exact one, in whose bounds is what a table of expected counts is off"
    return "that of the declared table, interpolated"


def distance_cautions(statement: DistanceStatement) -> tuple[str, ...]:
    """What a distance does not say."""
    found = [
        "near the best possible is not good: it says nothing of rows that are not in the data set, nor that l2 fits",
        f"the loss is {_exactly(statement)}, with l2 as its integer is; see docs/arithmetic.md",
    ]
    if _free(statement):
        found.append("l2 leaves the intercept out: where the best one is, is not said")
    if statement.models:
        found.append("each model has an objective of its own: nothing is said of what they answer together")
    if statement.training.scope:
        found.append("shards that this training left as they were are not in it, nor are those that later ones trained")
    return tuple(found)
