"""How near its optimum a trained model is: protocol.md, section 12, "Distance"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any, Self

from .arithmetic import unused_features
from .channel import Channel
from .field import K, P, Point, bits_of, log2_ceil, require
from .formats import Map, instance, not_counted, outputs_of, read_file
from .gradient_descent import GradientDescent
from .linear_optimum import CARRIES, LARGEST_LABEL, LinearOptimum
from .optimum import Optimum
from .optimum_integers import count_edges, edges, radius_of
from .relations import (
    COEFFICIENTS,
    INTERCEPT,
    LABELS,
    Address,
    Box,
    Lookup,
    Relation,
    dataset_columns,
    multiplicities,
)
from .shapes import Column
from .sisa import Sisa
from .sisa_integers import cut_of, runs_of
from .stages import Named
from .verifier import Shape, training_relation, verify_proof

UNIT = 2**16


@dataclass(frozen=True, kw_only=True)
class NearIntegers:
    e: int
    c: int
    distance: int
    slope: int | None
    width: int
    unused: list[int]

    @property
    def g(self) -> int:
        return max(0, (self.c * self.distance).bit_length() - 23)

    @property
    def radius(self) -> int:
        return radius_of(self.c * self.distance, self.g, self.width)


@dataclass(frozen=True, kw_only=True)
class DistanceIntegers(NearIntegers):
    w_bits: int
    p_bits: int
    table: list[int]
    unit: int = UNIT

    @property
    def bits(self) -> dict[str, int]:
        found: dict[str, int] = {"slack": 46}
        for name in ("weights", "bias"):
            found |= {name: self.w_bits - 10, f"{name} gradient": 24, f"{name} gradient remainder": self.g}
        return found if self.slope is None else {**found, "bias gradient": self.slope + 1}


def distance_integers(statement: Map, count: int) -> DistanceIntegers:
    training = statement["training"]
    if training["spec"]["family"] == "poisson":
        return count_distance_integers(statement, count)
    spec, dataset = training["spec"], training["dataset"]
    method, scales, encoding, rows = spec["method"], spec["scales"], dataset["encoding"], dataset["rows"]
    require("statement", method["kind"] in ("gradient descent", "sisa") and spec["family"] in ("logistic", "probit"))
    require_objective(method, statement["slope"])
    require("statement", encoding["label_kind"] == "binary")
    x, w = scales["x_bits"], scales["w_bits"] + 16
    p = (28 if spec["family"] == "logistic" else 27) - max(0, 42 - x - w)
    table = edges(spec["family"], x + w - 32, p)
    require("statement", max(b - a for a, b in pairwise(table)) <= 2**16)
    require("statement", statement["distance"] <= w + 5)
    l2 = Fraction(float(method["l2"]))
    scale = Fraction(2) ** (p + x - w)
    fitting = [e0 for e0 in range(61 - p - x + 1) if l2 * 2**e0 * scale + 1 < Fraction(2) ** (56 - w)]
    require("statement", bool(fitting) and log2_ceil(rows) <= fitting[-1])
    require("statement", l2 * Fraction(2) ** (fitting[-1] - 1) * scale >= 500)
    e = fitting[-1] - log2_ceil(count)
    c = (2 * count * l2 * 2**e * scale + 1).__floor__() // 2
    width = len(encoding["features"]) + method["bias"]
    require("statement", width * 2 ** (w + 5 + x) < 2**62)
    unused = unused_features(spec["without"], encoding)
    distance, slope = 2 ** statement["distance"], statement["slope"]
    return DistanceIntegers(
        e=e, c=c, distance=distance, slope=slope, width=width, unused=unused, w_bits=w, p_bits=p, table=table
    )


def count_distance_integers(statement: Map, count: int) -> DistanceIntegers:
    """The penalty is on what is committed, not on 2^16 times that."""
    training, slope = statement["training"], statement["slope"]
    spec, encoding = training["spec"], training["dataset"]["encoding"]
    method, scales = spec["method"], spec["scales"]
    require("statement", method["kind"] in ("gradient descent", "sisa"))
    require_objective(method, slope)
    x, w = scales["x_bits"], scales["w_bits"]
    require("statement", encoding["label_kind"] == "count" and x == encoding["x_bits"] and x + w >= 28)
    l2, p, e = Fraction(float(method["l2"])), 16, 0
    while count * l2 * Fraction(2) ** (p + x + e - w) < 2**12 and e < 62:
        e += 1
    require("statement", count * 2 ** (e + p + 16 + x) < 2**61)
    c = (2 * count * l2 * Fraction(2) ** (p + x + e - w) + 1).__floor__() // 2
    width = len(encoding["features"]) + method["bias"]
    require("statement", c * 2 ** (w + 5) < 2**61 and statement["distance"] <= w + 5)
    require("statement", width * 2 ** (w + 16 + 5 + x) < 2**62)
    own = {"distance": 2 ** statement["distance"], "slope": slope, "width": width}
    table = count_edges(x + w - 16, p)
    unused = unused_features(spec["without"], encoding)
    return DistanceIntegers(e=e, c=c, **own, unused=unused, w_bits=w + 16, p_bits=p, table=table, unit=1)


@dataclass(frozen=True, kw_only=True)
class LinearDistanceIntegers(NearIntegers):
    label: tuple[int, int]
    unit: int = UNIT
    table: tuple[int, ...] = ()

    @property
    def bits(self) -> dict[str, int]:
        found: dict[str, int] = {"slack": 46}
        for name in ("weights", "bias"):
            found |= {name: 48, f"{name} gradient": 24, f"{name} gradient remainder": self.g}
            found |= {f"{name}{carry}": 48 for carry in CARRIES}
        return found if self.slope is None else {**found, "bias gradient": self.slope + 1}


def linear_distance_integers(statement: Map, count: int) -> LinearDistanceIntegers:
    training, slope = statement["training"], statement["slope"]
    spec, dataset = training["spec"], training["dataset"]
    method, scales, encoding = spec["method"], spec["scales"], dataset["encoding"]
    require("statement", method["kind"] in ("gradient descent", "one-pass", "sisa") and spec["family"] == "linear")
    require_objective(method, slope)
    x, w, kind = scales["x_bits"], scales["w_bits"], encoding["label_kind"]
    require("statement", kind in LARGEST_LABEL and x == encoding["x_bits"])
    l2 = Fraction(float(method["l2"]))
    width = len(encoding["features"]) + method["bias"]
    j, m = divmod(x + w - encoding["label_bits"], 16)
    rho = width * 2 ** (2 * x + 16) + LARGEST_LABEL[kind] * 2 ** (x + m)
    enough = (e for e in range(62) if count * l2 * 2 ** (x + e) >= 2**12)
    e = next(enough, 62)
    require("statement", e == 0 or count * 2**e * rho < 2**61)
    c = 2**x * ((2 * count * l2 * 2 ** (x + e) + 1).__floor__() // 2)
    distance = statement["distance"]
    require("statement", distance <= 47 and c * 2**distance < 2**62)
    unused = unused_features(spec["without"], encoding)
    found = LinearDistanceIntegers(
        e=e, c=c, distance=2**distance, slope=slope, width=width, unused=unused, label=(j, m)
    )
    limb = count * 2**e * rho + 2**16 * c
    told = max((2**23 + 2) * 2**found.g, 0 if slope is None else 2**slope)
    require("statement", width * 2 ** (x + 16) < 2**62 and limb < 2**62)
    require("statement", limb + told + 2**47 + 2**63 < P and (width + 2) * 2**46 < P)
    return found


def require_objective(method: Map, slope: int | None) -> None:
    require("statement", not method["standardize"] and not method.get("class_weight") and float(method["l2"]) > 0)
    free = method["bias"] and not method["penalize_intercept"]
    require("statement", free == (slope is not None))


class Distance(Optimum):
    name = "distance"
    unit = UNIT

    def __init__(self, statement: Map) -> None:
        self.statement = statement
        super().__init__({**statement["training"], "distance": 0})

    def integers(self, statement: Map) -> Any:
        self.forgotten = self.away(statement)
        return self.of_numbers(self.statement, statement["dataset"]["rows"] - len(self.forgotten))

    def away(self, statement: Map) -> list[int]:
        """Rows that do not count."""
        return not_counted(statement)

    def of_numbers(self, statement: Map, count: int) -> Any:
        return distance_integers(statement, count)

    @property
    def in_intercept(self) -> int:
        """What the intercept is of the bias."""
        return self.one

    @property
    def free(self) -> bool:
        """Whether the bias is not penalised."""
        return self.i.slope is not None  # type: ignore[attr-defined]

    def parts_of(self, name: str) -> tuple[str, ...]:
        left_out = {" below", " above", " rounded"} | (
            {" gradient remainder"} if name == "bias" and self.free else set()
        )
        return tuple(part for part in self.of_weight if part not in left_out)

    def norm(self, ch: Channel, bias: Mapping[str, K], slack: K) -> None:
        super().norm(ch, {} if self.free else bias, slack)

    def published(self, ch: Channel, k: Point, weights: Mapping[str, K], bias: Mapping[str, K]) -> None:
        model = self.evaluate(ch, COEFFICIENTS, {"output": [], "weight": k})
        ch.zero("model", lambda: (model - weights[""], []))
        if self.bias:
            intercept = self.evaluate(ch, INTERCEPT, {"output": []})
            ch.zero("intercept", lambda: (intercept - self.in_intercept * bias[""], []))

    def short_gradient(self, ch: Channel, own: Mapping[str, K], real: K) -> K:
        if " gradient remainder" not in own:
            return own[" gradient"]
        return super().short_gradient(ch, own, real)

    def of_loss(self, ch: Channel, own: Mapping[str, K], real: K) -> K:
        found = self.short_gradient(ch, own, real)
        return found - self.i.c * self.i.unit * own[""] if " gradient remainder" in own else found


class LinearDistance(Distance, LinearOptimum):
    name = "linear distance"

    def of_numbers(self, statement: Map, count: int) -> Any:
        return linear_distance_integers(statement, count)

    @property
    def in_intercept(self) -> int:
        return 1

    @property
    def in_scores(self) -> int:
        return 1

    @property
    def bias_penalty(self) -> int:
        return 0 if self.free else int(self.i.c) // self.one


# Several models ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Aim:
    """One of several models: what it is called, its rows, where they and it are.

    Attributes:
        away: which of its rows do not count.
        before: bits of its first row in the data set, above those of its places.
        places: how many bits these have there.
        model: before the names of its columns; block: its place among the shards of a run.
    """

    name: str
    rows: int
    away: list[int]
    output: Point
    before: Point
    places: int
    model: str
    block: dict[str, Point]


def aims(training: Map) -> list[Aim]:
    """Shard by shard, class by class; no shard of which no row counts."""
    dataset, method = training["dataset"], training["spec"]["method"]
    outputs = outputs_of(dataset["encoding"])
    bits, found = log2_ceil(dataset["rows"]), []

    def add(shard: str, *where: Any) -> None:
        for output in range(outputs):
            names = [shard] * bool(shard) + [f"class {output}"] * (outputs > 1)
            rows, away, *rest = where
            found.append(Aim(", ".join(names) + ": ", rows, away, bits_of(output, log2_ceil(outputs)), *rest))

    if method["kind"] != "sisa":
        add("", dataset["rows"], not_counted(training), [], bits, "", {})
        return found
    cut, gone = cut_of(dataset, training["spec"]), set(not_counted(training))
    for run in runs_of(training["scope"], cut):
        for shard in run.shards:
            start = shard * cut.shard_rows
            rows = min(cut.shard_rows, cut.rows - start)
            away = [row for row in range(rows) if start + row in gone]
            places = min(bits, log2_ceil(cut.shard_rows))
            if len(away) < rows:
                block = {"block": bits_of(shard - run.first, run.bits)}
                add(f"shard {shard}", rows, away, bits_of(shard, bits - places), places, run.name(cut.slices), block)
    return found


class PartOf(Distance):
    """One of several models, with names of its own."""

    aim: Aim

    @classmethod
    def of(cls, training: Map, aim: Aim, said: Map) -> Self:
        """On a data set of its rows alone, with one column of labels."""
        found, dataset = cls.__new__(cls), training["dataset"]
        found.aim, encoding = aim, dataset["encoding"]
        kind = "binary" if encoding["label_kind"] == "categorical" else encoding["label_kind"]
        own = {**dataset, "rows": aim.rows, "encoding": {**encoding, "label_kind": kind}}
        found.__init__({**said, "training": {**training, "dataset": own, "forgotten_classes": []}})  # type: ignore[misc]
        return found

    def away(self, statement: Map) -> list[int]:
        return self.aim.away

    def address(self, column: Address) -> Address:
        matrix, name = column
        before = {"dataset": "", "model": self.aim.model}.get(matrix, self.aim.name)
        return matrix, before + name

    def evaluate(self, ch: Channel, column: Address, at: Mapping[str, Point]) -> K:
        if "row" in at and column[0] == "dataset":
            zeros = bits_of(0, self.aim.places - len(at["row"]))
            at = {**at, "row": [*self.aim.before, *zeros, *at["row"]]}
        if column == LABELS or column[0] == "model":
            at = {**at, "output": self.aim.output}
        if column[0] == "model":
            at = {**at, **self.aim.block}
        return super().evaluate(ch, self.address(column), at)

    def named_boxes(self) -> list[Box]:
        return [
            replace(box, name=self.aim.name + box.name, lookups=[self.moved(lookup) for lookup in box.lookups])
            for box in self.boxes
        ]

    def moved(self, lookup: Lookup) -> Lookup:
        entries = [([(c, self.address(column)) for c, column in terms], more) for terms, more in lookup.entries]
        return replace(lookup, entries=entries)

    def witness(self) -> list[Column]:
        own = [column for column in self.columns["witness"] if not column.name.endswith(" multiplicities")]
        return [replace(column, name=self.aim.name + column.name) for column in own]

    def begin(self, whole: Relation) -> None:
        """The walk of the part, after the lookups of the whole."""
        self.claims, self.ended = whole.claims, {}
        for box in self.boxes:
            columns = {column for lookup in box.lookups for terms, _ in lookup.entries for _, column in terms}
            self.ended[box.name] = [
                (at, {column: values[self.address(column)] for column in columns})
                for at, values in whole.ended[self.aim.name + box.name]
            ]


class LinearPartOf(PartOf, LinearDistance):
    name = "linear distance"


class Distances(Relation):
    """All of them, one after another."""

    name = "distances"
    boxes_of, grouped = Sisa.boxes_of, Sisa.grouped

    def __init__(self, own: list[PartOf], dataset: list[Column], model: list[Column]) -> None:
        self.own, self.gone, self.forgotten = own, [], []
        super().__init__([box for part in own for box in part.named_boxes()], own[0].tables)
        self.groups: list[list[Box]] = self.grouped()  # type: ignore[assignment]
        self.sections, self.table = len(self.groups), own[0].table
        self.virtual = frozenset(part.address(column) for part in own for column in type(part).virtual)
        witness = [column for part in own for column in part.witness()]
        counts = [multiplicities(table, self.sections) for table in self.tables]
        self.columns = {"dataset": dataset, "model": model, "witness": [*witness, *counts]}

    @classmethod
    def of(cls, statement: Map, model: list[Column]) -> Distances:
        training, said = statement["training"], statement["models"]
        known = aims(training)
        require("statement", len(said) == len(known) <= 256)
        kind = LinearPartOf if training["spec"]["family"] == "linear" else PartOf
        own = [kind.of(training, aim, numbers) for aim, numbers in zip(known, said, strict=True)]
        return cls(own, dataset_columns(training["dataset"]), model)

    def identities(self, ch: Channel) -> None:
        for part in self.own:
            part.begin(self)
            part.identities(Named(ch, part.aim.name))


def distance_shape(statement: Map) -> Shape:
    """Raises Refused for what cannot be a distance."""
    training = statement["training"]
    relation = training_relation(training)
    require("statement", isinstance(relation, (GradientDescent, Sisa)))
    openings = {"dataset": training["dataset"]["openings"], "model": training["model"]["openings"]}
    kind = LinearDistance if training["spec"]["family"] == "linear" else Distance
    several = training["spec"]["method"]["kind"] == "sisa" or outputs_of(training["dataset"]["encoding"]) > 1
    require("statement", several == ("models" in statement))
    if several:
        return Shape(Distances.of(statement, relation.columns["model"]), openings)
    return Shape(kind(statement), openings)


def verify_distance(file: bytes) -> None:
    statement, proof = read_file(file, "distance")
    training = statement["training"]
    roots = {"dataset": training["dataset"]["root"], "model": training["model"]["root"]}
    verify_proof(distance_shape(statement), instance("distance", statement), roots, proof)
