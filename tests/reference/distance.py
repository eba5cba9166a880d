"""How near its optimum a trained model is: protocol.md, section 12, "Distance"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

from .arithmetic import unused_features
from .channel import Channel
from .field import K, Point, log2_ceil, require
from .formats import Map, instance, not_counted, read_file
from .gradient_descent import GradientDescent
from .optimum import Optimum
from .optimum_integers import edges, radius_of
from .relations import COEFFICIENTS, INTERCEPT
from .verifier import Shape, training_relation, verify_proof

UNIT = 2**16


@dataclass(frozen=True)
class DistanceIntegers:
    e: int
    c: int
    distance: int
    slope: int | None
    width: int
    w_bits: int
    p_bits: int
    table: list[int]
    unused: list[int]

    @property
    def g(self) -> int:
        return max(0, (self.c * self.distance).bit_length() - 23)

    @property
    def radius(self) -> int:
        return radius_of(self.c * self.distance, self.g, self.width)

    @property
    def bits(self) -> dict[str, int]:
        found: dict[str, int] = {"slack": 46}
        for name in ("weights", "bias"):
            found |= {name: self.w_bits - 10, f"{name} gradient": 24, f"{name} gradient remainder": self.g}
        return found if self.slope is None else {**found, "bias gradient": self.slope + 1}


def distance_integers(statement: Map) -> DistanceIntegers:
    training = statement["training"]
    spec, dataset = training["spec"], training["dataset"]
    method, scales, encoding, rows = spec["method"], spec["scales"], dataset["encoding"], dataset["rows"]
    require("statement", method["kind"] == "gradient descent" and spec["family"] in ("logistic", "probit"))
    require("statement", not method["standardize"] and not method["class_weight"] and float(method["l2"]) > 0)
    require("statement", encoding["label_kind"] == "binary")
    free = method["bias"] and not method["penalize_intercept"]
    require("statement", free == (statement["slope"] is not None))
    x, w = scales["x_bits"], scales["w_bits"] + 16
    p = (28 if spec["family"] == "logistic" else 27) - max(0, 42 - x - w)
    table = edges(spec["family"], x + w - 32, p)
    require("statement", max(b - a for a, b in pairwise(table)) <= 2**16)
    require("statement", statement["distance"] <= w + 5)
    l2, count = Fraction(float(method["l2"])), rows - len(not_counted(training))
    scale = Fraction(2) ** (p + x - w)
    fitting = [e0 for e0 in range(61 - p - x + 1) if l2 * 2**e0 * scale + 1 < Fraction(2) ** (56 - w)]
    require("statement", bool(fitting) and log2_ceil(rows) <= fitting[-1])
    require("statement", l2 * Fraction(2) ** (fitting[-1] - 1) * scale >= 500)
    e = fitting[-1] - log2_ceil(count)
    c = (2 * count * l2 * 2**e * scale + 1).__floor__() // 2
    width = len(encoding["features"]) + method["bias"]
    require("statement", width * 2 ** (w + 5 + x) < 2**62)
    unused = unused_features(spec["without"], encoding)
    return DistanceIntegers(e, c, 2 ** statement["distance"], statement["slope"], width, w, p, table, unused)


class Distance(Optimum):
    name = "distance"
    unit = UNIT

    def __init__(self, statement: Map) -> None:
        self.statement = statement
        super().__init__({**statement["training"], "distance": 0})

    def integers(self, statement: Map) -> Any:
        self.forgotten = not_counted(statement)
        return distance_integers(self.statement)

    @property
    def free(self) -> bool:
        """Whether the bias is not penalised."""
        return self.i.slope is not None  # type: ignore[attr-defined]

    def parts_of(self, name: str) -> tuple[str, ...]:
        return ("", " gradient") if name == "bias" and self.free else ("", " gradient", " gradient remainder")

    def norm(self, ch: Channel, bias: Mapping[str, K], slack: K) -> None:
        super().norm(ch, {} if self.free else bias, slack)

    def published(self, ch: Channel, k: Point, weights: Mapping[str, K], bias: Mapping[str, K]) -> None:
        model = self.evaluate(ch, COEFFICIENTS, {"output": [], "weight": k})
        ch.zero("model", lambda: (model - weights[""], []))
        if self.bias:
            intercept = self.evaluate(ch, INTERCEPT, {"output": []})
            ch.zero("intercept", lambda: (intercept - self.one * bias[""], []))

    def of_loss(self, ch: Channel, own: Mapping[str, K], real: K) -> K:
        if " gradient remainder" not in own:
            return own[" gradient"]
        half = 2**self.i.g // 2
        gradient = 2**self.i.g * own[" gradient"] + own[" gradient remainder"] - half * real * ch.one
        return gradient - self.i.c * UNIT * own[""]


def distance_shape(statement: Map) -> Shape:
    """Raises Refused for what cannot be a distance."""
    training = statement["training"]
    relation = training_relation(training)
    require("statement", isinstance(relation, GradientDescent))
    openings = {"dataset": training["dataset"]["openings"], "model": training["model"]["openings"]}
    return Shape(Distance(statement), openings)


def verify_distance(file: bytes) -> None:
    statement, proof = read_file(file, "distance")
    training = statement["training"]
    roots = {"dataset": training["dataset"]["root"], "model": training["model"]["root"]}
    verify_proof(distance_shape(statement), instance("distance", statement), roots, proof)
