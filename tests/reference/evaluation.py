"""Evaluation of models on a hold-out: protocol.md, section 12, "Evaluation"."""

from __future__ import annotations

from typing import Any

from .channel import Channel
from .expected_counts import ExpectedCounts, of_counts
from .field import log2_ceil, require
from .formats import Map, births, instance, outputs_of, read_file, records_of
from .gradient_descent import GradientDescent
from .judged import Judged, Live, Model, Residuals, SeveralClasses, Spread, TwoClasses
from .noisy import Noisy
from .normalised_loss import NormalisedLoss
from .one_pass import OnePass
from .optimum import Optimum
from .relations import (
    ACTIVATION,
    CHANCES,
    COUNT_LOGS,
    LINK,
    LOGS,
    MEAN_LOSSES,
    OPINIONS,
    PROBIT_LOSSES,
    RANGE,
    Relation,
    classes_of,
    dataset_columns,
    multiplicities,
)
from .shapes import Column
from .verifier import Shape, require_size, training_relation, verify_proof

MATRICES = ("model", "second model")
OF_SHARDS = [table for pair in zip(OPINIONS, MEAN_LOSSES, strict=True) for table in pair]
TABLES = (RANGE, "signs", "losses", ACTIVATION, PROBIT_LOSSES, *LOGS, *CHANCES, *OF_SHARDS, LINK, COUNT_LOGS)


def trainings_of(statement: Map) -> dict[str, Map]:
    """The training statements, by the matrix of their model."""
    found = [statement["training"], *([] if statement["second"] is None else [statement["second"]])]
    return dict(zip(MATRICES, found, strict=False))


def bits_of_model(training: Any, x_bits: int) -> tuple[int, int]:
    """Of a weight and of an intercept."""
    if isinstance(training, Optimum):
        bits: int = training.i.bits["weights rounded"]
        bits = max(bits, 17) if isinstance(training, Noisy) else bits
        return bits, bits + x_bits
    own = training.s.standardization
    weight_bits: int = training.s.weight_bits - (training.s.fine_bits if isinstance(training, OnePass) else 0)
    if own is None:
        return weight_bits, weight_bits + x_bits
    largest = (training.features + training.bias) * (2**x_bits + 1) * 2 ** (weight_bits + own.cap - 1)
    return weight_bits + own.cap, largest.bit_length() + 1


class Evaluation(Relation):
    name = "evaluation"

    def __init__(
        self,
        dataset: Map,
        models: list[Judged],
        spread: Spread | None,
        committed: dict[str, list[Column]] | None = None,
    ) -> None:
        self.models, self.spread = models, spread
        boxes = [box for own in models for box in (*own.boxes, *own.model.boxes)]
        witness = [column for own in models for column in (*own.witness, *own.model.witness)]
        if spread is not None:
            boxes, witness = boxes + spread.boxes, witness + spread.witness
        used = {lookup.table for box in boxes for lookup in box.lookups}
        super().__init__(boxes, [table for table in TABLES if table in used])
        self.table = next((own.edges for own in models if isinstance(own, ExpectedCounts)), [])
        self.virtual = frozenset(column for own in models for column in own.virtual)
        witness += [multiplicities(name, self.sections) for name in self.tables]
        self.columns = {"dataset": dataset_columns(dataset), "witness": witness}
        self.columns |= {own.matrix: own.model.columns for own in models} if committed is None else committed

    def identities(self, ch: Channel) -> None:
        for at, values in self.in_order:
            for own in self.models:
                own.identities(self, ch, dict(at), values)
                own.model.identities(self, ch, dict(at), values)
            if self.spread is not None:
                self.spread.identities(self, ch, values)
        for own in self.models:
            own.totals(self, ch)


def own_holdout(training: Map) -> int:
    """How many rows it holds out."""
    held_out: int = training["spec"].get("holdout", 0)
    return held_out


def step_bits(count: int, grid: int, scale: int) -> int:
    """Of a step of a sum over so many rows, in which a unit of each is 2^scale."""
    return max(1, scale + log2_ceil(count) - grid)


def require_result(training: Map, result: Map, second: Map) -> None:
    """A result of the sort that the model has."""
    spec = training["spec"]
    require("statement", spec["method"]["kind"] != "sisa")
    require("statement", (spec["family"] in ("linear", "poisson")) == ("squares" in result))
    require("statement", spec["family"] == "poisson" or "deviance" not in result)
    require("statement", "deviances" not in result)
    require("statement", ("squares" in result) == ("squares" in second))
    if "squares" not in result:
        classes = len(training["dataset"]["encoding"]["label_classes"])
        require("statement", len(result["confusion"]) in (0, classes**2))
        require("statement", result["loss"] is None or not training["forgotten_classes"])


def require_not_used(statement: Map) -> None:
    """Encodings are alike, and rows are held out or of another origin."""
    holdout, trainings = statement["holdout"], trainings_of(statement)
    for training in trainings.values():
        trained = training["dataset"]
        like = {"bounds_declared": True}
        require("statement", {**holdout["encoding"], **like} == {**trained["encoding"], **like})
        if trained == holdout:
            held_out = own_holdout(training)
            require("statement", held_out > 0)
            others = trainings.values()
            require("statement", all((o["dataset"], own_holdout(o)) == (trained, held_out) for o in others))
        else:
            require_apart(holdout, trained)


def require_apart(holdout: Map, trained: Map) -> None:
    """Rows of another origin."""
    require("statement", holdout["record_root"] != trained["record_root"])
    require("statement", set(births(holdout)).isdisjoint(births(trained)))


def require_numbers(results: list[Map], count: int) -> None:
    """That can be of so many rows."""
    of_classes = set()
    for result in results:
        if result.get("loss"):
            require("statement", result["loss"][0] <= result["loss"][1])
        if ends := result.get("deviances"):
            require("statement", ends[0] <= ends[1])
        if confusion := result.get("confusion"):
            size = int(len(confusion) ** 0.5)
            require("statement", sum(confusion) == count)
            require("statement", sum(confusion[:: size + 1]) == result["right"])
            of_classes.add(tuple(sum(confusion[i * size : (i + 1) * size]) for i in range(size)))
    require("statement", len(of_classes) < 2)


def counting(statement: Map) -> Live:
    """Which rows count."""
    holdout, trainings = statement["holdout"], trainings_of(statement)
    gone, stop = set(holdout["holes"]), holdout["rows"]
    if statement["training"]["dataset"] == holdout:
        stop = own_holdout(statement["training"])
        gone |= {position for training in trainings.values() for position, _ in records_of(training)}
    left_out = sorted(position for position in gone if position < stop)
    require("statement", stop - len(left_out) >= 100)
    return Live(holdout["rows"], left_out, stop)


class Scales:
    """Of labels and squares."""

    def __init__(self, encoding: Map, count: int) -> None:
        logarithm, kind = log2_ceil(count), encoding["label_kind"]
        self.labels = encoding["label_bits"]
        self.residual = min(24, (61 - logarithm) // 2 + 1)
        self.fine = min(14, self.residual - 1 - (17 if kind == "count" else 4))
        self.finer = max(0, min(14 - self.labels, (61 - logarithm - 34) // 2))


def judged(matrix: str, training: Map, result: Map, statement: Map, live: Live) -> Judged:
    """What is proved of a model."""
    encoding, relation = statement["holdout"]["encoding"], training_relation(training)
    assert isinstance(relation, GradientDescent | OnePass)
    bits = bits_of_model(relation, encoding["x_bits"])
    model = Model(matrix, relation.columns["model"], bits, encoding["x_bits"], live)
    scale = encoding["x_bits"] + weight_scale(training["spec"])
    if "squares" in result:
        own = Scales(encoding, live.count)
        if training["spec"]["family"] == "poisson":
            return of_counts(model, training, result, live, statement["grid"], own)
        require("statement", min(scale - own.labels, own.fine, scale - own.fine) >= 1)
        step = step_bits(live.count, statement["grid"], 2 * own.fine)
        return Residuals(model, (scale - own.labels, scale - own.fine), own.residual, result["squares"], step)
    require("statement", result["loss"] is None or scale > 9)
    step, family = step_bits(live.count, statement["grid"], 16), training["spec"]["family"]
    if outputs_of(encoding) > 1:
        loss = None if result["loss"] is None else NormalisedLoss(model, family, scale, result["loss"], step)
        return SeveralClasses(model, result, classes_of(training), loss)
    return TwoClasses(model, scale, result, step, family)


def weight_scale(spec: Map) -> int:
    """Of the model that is committed."""
    scale: int = spec["scales"]["w_bits"] - spec["method"].get("grid", 0)
    return scale


def evaluation_shape(statement: Map) -> Shape:
    """Raises Refused for what cannot be an evaluation."""
    holdout, trainings, results = statement["holdout"], trainings_of(statement), statement["results"]
    require("statement", len(results) == len(statement["models"]) == len(trainings))
    require_size(holdout)
    require("statement", statement["second"] != statement["training"])
    for training, model, result in zip(trainings.values(), statement["models"], results, strict=True):
        training_relation(training)
        require("statement", model["shape"] == training["model"]["shape"])
        require_result(training, result, results[0])
    require_not_used(statement)
    counting_models = [own["spec"]["scales"] for own in trainings.values() if own["spec"]["family"] == "poisson"]
    require("statement", len({own["x_bits"] + own["w_bits"] for own in counting_models}) < 2)
    require("statement", (statement["spread"] is None) != ("squares" in results[0]))
    live = counting(statement)
    require_numbers(results, live.count)
    openings = {"dataset": holdout["openings"]}
    openings |= {matrix: own["openings"] for matrix, own in zip(trainings, statement["models"], strict=True)}
    besides = {
        matrix: (dataset_columns(own["dataset"]), own["dataset"]["openings"]) for matrix, own in trainings.items()
    }
    pairs = zip(trainings.items(), results, strict=True)
    own = [judged(matrix, training, each, statement, live) for (matrix, training), each in pairs]
    return Shape(Evaluation(holdout, own, spread_of(statement, live)), openings, besides=besides)


def spread_of(statement: Map, live: Live) -> Spread | None:
    if statement["spread"] is None:
        return None
    scales = Scales(statement["holdout"]["encoding"], live.count)
    step = step_bits(live.count, statement["grid"], 2 * (scales.labels + scales.finer))
    return Spread(live, scales.finer, statement["spread"], step)


def verify_evaluation(file: bytes) -> None:
    statement, proof = read_file(file, "evaluation")
    roots = {"dataset": statement["holdout"]["root"]}
    models = zip(trainings_of(statement), statement["models"], strict=False)
    roots |= {matrix: own["root"] for matrix, own in models}
    verify_proof(evaluation_shape(statement), instance("evaluation", statement), roots, proof)
