"""Proved predictions: protocol.md, section 12, "Predictions"."""

from __future__ import annotations

from typing import Any

from .arithmetic import activation_table
from .channel import Channel
from .evaluation import bits_of_model
from .field import ZERO, K, P, Point, eq_table, prefix, require
from .formats import Map, instance, outputs_of, read_file
from .gradient_descent import GradientDescent
from .judged import limbs_of, together
from .relations import (
    ACTIVATION,
    RANGE,
    Address,
    Box,
    Lookup,
    Relation,
    classes_of,
    dataset_columns,
    multiplicities,
    rounds,
)
from .shapes import Axis, Column
from .verifier import Shape, training_relation, verify_proof

TABLE_SCALE = 16
FAMILIES_OF_CLASSES = ("logistic", "probit")
CELL, SAID = ("witness", "score cell"), ("witness", "probability")


class Prediction(Relation):
    """Of a model with these columns, whose outputs `kept` count.

    answers: of classes a number for each input, else a list with one for each output that counts.
    """

    def __init__(
        self,
        columns: list[Column],
        kept: list[int],
        bits: tuple[int, int],
        scales: tuple[int, int],
        what: str,
        inputs: list[list[int]],
        answers: list[Any],
        table: list[int],
    ) -> None:
        self.name, self.what, self.kept, self.inputs, self.answers = (
            f"prediction of {what}",
            what,
            kept,
            inputs,
            answers,
        )
        (self.weight_bits, self.intercept_bits), (x_bits, self.shift) = bits, scales
        self.model, self.bias = columns, len(columns) > 1
        self.output, self.weight = columns[0].axes
        self.several = self.output.size > 1
        self.largest = self.weight.size * 2 ** (x_bits + self.weight_bits - 1)
        self.largest += self.bias * 2 ** (self.intercept_bits - 1)
        bits_of_rest = self.shift if what != "class" else (self.largest * (1 + self.several)).bit_length()
        require("statement", self.largest < 2**62 and 2**bits_of_rest + 2 * self.largest + 1 < P)
        axes = (Axis("input", len(inputs)), Axis("answer", len(kept)))
        tables, witness, pair = [RANGE], [], []
        if what == "probability":
            pair = [Lookup(ACTIVATION, [([(1, CELL)], 0), ([(1, SAID)], 0)])]
            witness, tables = [Column(name, axes) for _, name in (CELL, SAID)], [RANGE, ACTIVATION]
        self.rest, lookups = limbs_of("remainder", bits_of_rest)
        self.weights, of_weights = limbs_of("weight", self.weight_bits)
        self.intercepts, of_intercepts = limbs_of("intercept", self.intercept_bits)
        boxes = [Box("answers", axes, pair + lookups), Box("weights", columns[0].axes, of_weights)]
        witness += [Column(name, axes) for _, name in self.rest]
        witness += [Column(name, columns[0].axes) for _, name in self.weights]
        for column in columns[1:]:
            boxes.append(Box("intercepts", column.axes, of_intercepts))
            witness += [Column(name, column.axes) for _, name in self.intercepts]
        super().__init__(boxes, tables)
        self.table = table
        witness += [multiplicities(name, self.sections) for name in tables]
        self.columns = {"model": columns, "witness": witness}

    def identities(self, ch: Channel) -> None:
        for ended in self.ended.values():
            for at, values in ended:
                for name, limbs, bits in (
                    ("weights", self.weights, self.weight_bits),
                    ("intercept", self.intercepts, self.intercept_bits),
                ):
                    if limbs[0] in values:
                        self.committed(ch, name, dict(at), [values[limb] for limb in limbs], bits)
        ((at, values),) = self.ended["answers"]
        self.equation(ch, at["input"], at["answer"], values)

    def committed(self, ch: Channel, name: str, at: dict[str, Point], limbs: list[K], bits: int) -> None:
        value = self.evaluate(ch, ("model", name), at)
        real = prefix(at["output"], self.output.size)
        if "weight" in at:
            real = real * prefix(at["weight"], self.weight.size)
        ch.zero(name, lambda: (value - together(limbs) + 2 ** (bits - 1) * real * ch.one, []))

    def equation(self, ch: Channel, i: Point, j: Point, values: dict[Address, K]) -> None:
        """R and what is public are what the model makes of the inputs, all at i and j."""
        rows, places = eq_table(i)[: len(self.inputs)], eq_table(j)[: len(self.kept)]
        shares, public = self.shares(rows, places)
        claim = together([values[limb] for limb in self.rest]) + public * ch.one
        if self.what == "probability":
            said = sum(
                (
                    r * p * a
                    for r, own in zip(rows, self.answers, strict=False)
                    for p, a in zip(places, own, strict=False)
                ),
                ZERO,
            )
            ch.zero("probabilities", lambda: (values[SAID] - said * ch.one, []))
            claim = claim + 2**self.shift * values[CELL]
        if self.bias:
            claim = claim - self.of_intercepts(ch, [sum(column, ZERO) for column in zip(*shares, strict=False)])
        point, left = rounds(ch, "answers", self.output.bits + self.weight.bits, 2, claim)
        c, k = point[: self.output.bits], point[self.output.bits :]
        weight = self.evaluate(ch, ("model", "weights"), {"output": c, "weight": k})

        def check() -> Any:
            outputs, features = eq_table(c), eq_table(k)
            factor = ZERO
            for share, x in zip(shares, self.inputs, strict=False):
                over_outputs = sum((s * e for s, e in zip(share, outputs, strict=False)), ZERO)
                factor += over_outputs * sum((e * value for value, e in zip(x, features, strict=False)), ZERO)
            return left - factor * weight, []

        ch.zero("answers", check)

    def of_intercepts(self, ch: Channel, shares: list[K]) -> K:
        """Their sum, so often each."""
        if not self.several:
            return shares[0] * self.evaluate(ch, ("model", "intercept"), {"output": []})
        (total,) = ch.hidden(1)
        c, left = rounds(ch, "intercepts", self.output.bits, 2, total)
        value = self.evaluate(ch, ("model", "intercept"), {"output": c})
        ch.zero(
            "intercepts",
            lambda: (left - sum((s * e for s, e in zip(shares, eq_table(c), strict=False)), ZERO) * value, []),
        )
        return total

    def shares(self, rows: list[K], places: list[K]) -> tuple[list[list[K]], K]:
        """How often the score of an output by an input is in the equation; and what is public and taken off."""
        shares, public = [[ZERO] * self.output.size for _ in rows], ZERO
        for row, own, answer in zip(rows, shares, self.answers, strict=False):
            for j, (place, c) in enumerate(zip(places, self.kept, strict=False)):
                each = row * place
                if self.what != "class":
                    own[c] += each
                    public += each * (2**self.shift * answer[j] if self.what == "score" else 0)
                elif not self.several:
                    own[c] += each * (2 * answer - 1)
                    public += each * answer
                else:
                    own[answer] += each
                    own[c] -= each
                    public += each * int(c < answer)
        return shares, public


def prediction_relation(statement: Map) -> Relation:
    """Raises Refused for what cannot be predicted."""
    training, what, model = statement["training"], statement["what"], statement["model"]
    relation: Any = training_relation(training)
    encoding, spec = training["dataset"]["encoding"], training["spec"]
    classifier = spec["family"] in FAMILIES_OF_CLASSES
    require("statement", spec["method"]["kind"] != "sisa" and (classifier or what == "score"))
    require("statement", model["shape"] == training["model"]["shape"])
    assert isinstance(relation, GradientDescent)
    outputs, features = outputs_of(encoding), encoding["features"]
    gone, given = classes_of(training), statement["inputs"]
    kept = [c for c in range(outputs) if c not in gone]
    flat, each = statement["answers"], 1 if what == "class" else len(kept)
    cells = [int.from_bytes(given[i : i + 2], "little", signed=True) for i in range(0, len(given), 2)]
    rows = len(flat) // each
    require("statement", len(flat) % each == 0 and len(given) == 2 * rows * len(features))
    require("statement", 1 <= rows <= 2**14 and len(cells) <= 2**21 and rows * outputs <= 2**18)
    inputs = [cells[i : i + len(features)] for i in range(0, len(cells), len(features))]
    for row in inputs:
        for x, column in zip(row, features, strict=False):
            require("statement", abs(x) <= (0 if column["low"] == column["high"] else 2 ** encoding["x_bits"]))
    require("statement", statement["revealed"] >= (0 if what == "class" else rows))
    if what == "class":
        require("statement", set(flat) <= set(kept if outputs > 1 else (0, 1)))
    elif what == "probability":
        require("statement", all(0 <= a <= 2**TABLE_SCALE for a in flat))
    answers = flat if what == "class" else [flat[i : i + each] for i in range(0, len(flat), each)]
    scales = spec["scales"]
    q_bits = scales["x_bits"] + scales["w_bits"] - (32 if "grid" in spec["method"] else 16)
    shift = encoding["x_bits"] + scales["w_bits"] - spec["method"].get("grid", 0) - q_bits
    require("statement", what == "class" or shift >= 1)
    table = activation_table(spec["family"], q_bits, TABLE_SCALE) if what == "probability" else []
    bits = bits_of_model(relation, encoding["x_bits"])
    found = Prediction(relation.columns["model"], kept, bits, (encoding["x_bits"], shift), what, inputs, answers, table)
    if what == "score":
        require("statement", all(abs(a) <= (found.largest >> shift) + 1 for a in flat))
    return found


def prediction_shape(statement: Map) -> Shape:
    dataset = statement["training"]["dataset"]
    besides = {"model": (dataset_columns(dataset), dataset["openings"])}
    return Shape(prediction_relation(statement), {"model": statement["model"]["openings"]}, besides=besides)


def verify_prediction(file: bytes) -> None:
    statement, proof = read_file(file, "prediction")
    roots = {"model": statement["model"]["root"]}
    verify_proof(prediction_shape(statement), instance("prediction", statement), roots, proof)
