"""Evaluation of models on a hold-out: protocol.md, section 12, "Evaluation"."""

from __future__ import annotations

from .channel import Channel, Constraint
from .field import ONE, ZERO, K, Point, eq_at, prefix, prefix_eq, require
from .formats import Map, births, instance, read_file, records_of
from .gradient_descent import GradientDescent
from .noisy import Noisy
from .optimum import Optimum
from .relations import (
    FEATURES,
    LABELS,
    RANGE,
    SIGNS,
    Address,
    Box,
    Lookup,
    Relation,
    dataset_columns,
    multiplicities,
    rounds,
)
from .shapes import Axis, Column
from .verifier import Shape, require_size, training_relation, verify_proof

MATRICES = ("model", "second model")


def trainings_of(statement: Map) -> dict[str, Map]:
    """The training statements, by the matrix of their model."""
    found = [statement["training"], *([] if statement["second"] is None else [statement["second"]])]
    return dict(zip(MATRICES, found, strict=False))


def limbs_of(name: str, bits: int) -> tuple[list[Address], list[Lookup]]:
    """The limbs of an integer, each in range, the top one also shifted."""
    limbs, lookups = [("witness", f"{name} limb {i}") for i in range(-(-bits // 16))], []
    for i, limb in enumerate(limbs):
        lookups.append(Lookup(RANGE, [([(1, limb)], 0)]))
        if bits - 16 * i < 16:
            lookups.append(Lookup(RANGE, [([(1 << (16 * i + 16 - bits), limb)], 0)]))
    return limbs, lookups


def together(limbs: list[K]) -> K:
    return sum((limb * (1 << (16 * i)) for i, limb in enumerate(limbs)), ZERO)


class Own:
    """What is proved of one model: of its columns, and integers of these bits, signs included."""

    def __init__(self, matrix: str, columns: list[Column], bits: tuple[int, int], dataset: Map, right: int) -> None:
        self.matrix, self.columns, self.right, self.bias = matrix, columns, right, len(columns) > 1
        self.weight_bits, self.intercept_bits = bits
        features = len(dataset["encoding"]["features"])
        largest = features * 2 ** (dataset["encoding"]["x_bits"] + self.weight_bits - 1)
        largest += self.bias * 2 ** (self.intercept_bits - 1)
        require("statement", largest < 2**62)
        self.shift = max(1, largest.bit_length() - 15)
        self.flipped, self.ok = (("witness", f"{name} of {matrix}") for name in ("flipped score", "right"))
        self.remainder, self.of_rows = limbs_of(f"remainder of {matrix}", self.shift)
        self.weights, self.of_weights = limbs_of(f"weight of {matrix}", self.weight_bits)
        self.intercept, self.of_intercept = limbs_of(f"intercept of {matrix}", self.intercept_bits)
        self.of_rows.insert(0, Lookup(SIGNS, [([(1, self.flipped)], 0), ([(1, self.ok)], 0)]))


def bits_of_model(training: GradientDescent, x_bits: int) -> tuple[int, int]:
    """Of a weight and of an intercept."""
    if isinstance(training, Optimum):
        bits: int = training.i.bits["weights rounded"]
        bits = max(bits, 17) if isinstance(training, Noisy) else bits
        return bits, bits + x_bits
    own, weight_bits = training.s.standardization, training.s.weight_bits
    if own is None:
        return weight_bits, weight_bits + x_bits
    largest = (training.features + training.bias) * (2**x_bits + 1) * 2 ** (weight_bits + own.cap - 1)
    return weight_bits + own.cap, largest.bit_length() + 1


class Evaluation(Relation):
    name = "evaluation"

    def __init__(self, dataset: Map, models: list[Own], gone: list[int], stop: int) -> None:
        self.rows, self.features = dataset["rows"], len(dataset["encoding"]["features"])
        self.gone, self.stop, self.row, self.models = gone, stop, Axis("row", dataset["rows"]), models
        of_rows = [each for own in self.models for each in own.of_rows]
        boxes = [Box("rows", (self.row,), of_rows, self.gone, [(0, self.stop)])]
        witness: list[Column] = []
        for own in self.models:
            for _, name in (own.flipped, own.ok, *own.remainder):
                witness.append(Column(name, (self.row,)))
            weights, *intercept = own.columns
            boxes.append(Box(f"weights of {own.matrix}", weights.axes, own.of_weights))
            witness += [Column(name, weights.axes) for _, name in own.weights]
            for column in intercept:
                boxes.append(Box(f"intercept of {own.matrix}", column.axes, own.of_intercept))
                witness += [Column(name, column.axes) for _, name in own.intercept]
        super().__init__(boxes, [RANGE, SIGNS])
        witness += [multiplicities(name, self.sections) for name in self.tables]
        self.columns = {"dataset": dataset_columns(dataset), "witness": witness}
        self.columns |= {own.matrix: own.columns for own in self.models}

    def identities(self, ch: Channel) -> None:
        for ended in self.ended.values():
            for at, values in ended:
                for own in self.models:
                    if own.flipped in values:
                        self.scores(ch, own, at["row"], values)
                    if own.weights[0] in values:
                        self.weights(ch, own, dict(at), values)
                    if own.bias and own.intercept[0] in values:
                        self.intercept(ch, own, values)
        for own in self.models:
            self.total(ch, own)

    def total(self, ch: Channel, own: Own) -> None:
        name = f"right predictions of {own.matrix}"
        n, claim = rounds(ch, name, self.row.bits, 2, own.right * ch.one)
        ok = self.evaluate(ch, own.ok, {"row": n})
        live = prefix(n, self.stop) - sum((eq_at(n, row) for row in self.gone), ZERO)
        ch.zero(name, lambda: (claim - live * ok, []))

    def weights(self, ch: Channel, own: Own, at: dict[str, Point], values: dict[Address, K]) -> None:
        value = self.evaluate(ch, (own.matrix, "weights"), at)
        limbs = together([values[limb] for limb in own.weights])
        offset = 2 ** (own.weight_bits - 1) * prefix(at["weight"], self.features)
        ch.zero(f"weights of {own.matrix}", lambda: (value - limbs + offset * ch.one, []))

    def intercept(self, ch: Channel, own: Own, values: dict[Address, K]) -> None:
        value = self.evaluate(ch, (own.matrix, "intercept"), {"output": []})
        limbs = together([values[limb] for limb in own.intercept])
        offset = K(2 ** (own.intercept_bits - 1))
        ch.zero(f"intercept of {own.matrix}", lambda: (value - limbs + offset * ch.one, []))

    def scores(self, ch: Channel, own: Own, n: Point, values: dict[Address, K]) -> None:
        """What z, F, Y and R are at n."""
        label = self.evaluate(ch, LABELS, {"output": [], "row": n})
        score = self.score(ch, own, n)
        there, scale = prefix(n, self.rows), 2**own.shift
        rest = together([values[limb] for limb in own.remainder])
        claim = score - rest + scale * (values[own.flipped] - label + there * ch.one) - there * ch.one
        name = f"flip of {own.matrix}"
        m, left = rounds(ch, name, self.row.bits, 3, claim)
        y, flipped = (
            self.evaluate(ch, *each) for each in ((LABELS, {"output": [], "row": m}), (own.flipped, {"row": m}))
        )

        def product() -> Constraint:
            return left, [(-2 * scale * prefix_eq(n, m, self.rows), y, flipped)]

        ch.zero(name, product)

    def score(self, ch: Channel, own: Own, n: Point) -> K:
        """z at n."""
        (total,) = ch.hidden(1)
        name, bits = f"score of {own.matrix}", self.columns["dataset"][0].axes[0].bits
        k, left = rounds(ch, name, bits, 3, total)
        x = self.evaluate(ch, FEATURES, {"row": n, "feature": k})
        weight = self.evaluate(ch, (own.matrix, "weights"), {"output": [], "weight": k})
        ch.zero(name, lambda: (left, [(-ONE * prefix(k, self.features), x, weight)]))
        if not own.bias:
            return total
        return total + prefix(n, self.rows) * self.evaluate(ch, (own.matrix, "intercept"), {"output": []})


def own_holdout(training: Map) -> int:
    """How many rows it holds out."""
    held_out: int = training["spec"].get("holdout", 0)
    return held_out


def evaluation_shape(statement: Map) -> Shape:
    """Raises Refused for what cannot be an evaluation."""
    holdout, trainings = statement["holdout"], trainings_of(statement)
    require("statement", len(statement["right"]) == len(trainings))
    require_size(holdout)
    require("statement", statement["second"] != statement["training"])
    for training in trainings.values():
        trained = training["dataset"]
        training_relation(training)
        require("statement", training["spec"]["family"] in ("logistic", "probit"))
        require("statement", trained["encoding"]["label_kind"] == "binary")
        require("statement", training["spec"]["method"]["kind"] in ("gradient descent", "optimum", "noisy"))
        like = {"bounds_declared": True}
        require("statement", {**holdout["encoding"], **like} == {**trained["encoding"], **like})
        if trained == holdout:
            held_out = own_holdout(training)
            require("statement", held_out > 0)
            others = trainings.values()
            require("statement", all((o["dataset"], own_holdout(o)) == (trained, held_out) for o in others))
        else:
            require("statement", holdout["record_root"] != trained["record_root"])
            require("statement", set(births(holdout)).isdisjoint(births(trained)))
    gone, stop = set(holdout["holes"]), holdout["rows"]
    if statement["training"]["dataset"] == holdout:
        stop = own_holdout(statement["training"])
        gone |= {position for training in trainings.values() for position, _ in records_of(training)}
    left_out = sorted(position for position in gone if position < stop)
    require("statement", stop - len(left_out) >= 100)
    openings = {"dataset": holdout["openings"]}
    openings |= {matrix: own["model"]["openings"] for matrix, own in trainings.items()}
    besides = {
        matrix: (dataset_columns(own["dataset"]), own["dataset"]["openings"]) for matrix, own in trainings.items()
    }
    models = []
    for (matrix, own), right in zip(trainings.items(), statement["right"], strict=True):
        relation = training_relation(own)
        assert isinstance(relation, GradientDescent)
        bits = bits_of_model(relation, holdout["encoding"]["x_bits"])
        models.append(Own(matrix, relation.columns["model"], bits, holdout, right))
    return Shape(Evaluation(holdout, models, left_out, stop), openings, besides=besides)


def verify_evaluation(file: bytes) -> None:
    statement, proof = read_file(file, "evaluation")
    roots = {"dataset": statement["holdout"]["root"]}
    roots |= {matrix: own["model"]["root"] for matrix, own in trainings_of(statement).items()}
    verify_proof(evaluation_shape(statement), instance("evaluation", statement), roots, proof)
