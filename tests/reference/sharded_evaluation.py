"""Evaluation of models in shards: protocol.md, section 12, "Evaluation of models in shards"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .arithmetic import activation_table
from .channel import Channel
from .evaluation import (
    Evaluation,
    Scales,
    bits_of_model,
    require_apart,
    require_numbers,
    spread_of,
    step_bits,
    weight_scale,
)
from .field import K, Point, log2_ceil, prefix, require
from .formats import Map, births, instance, outputs_of, read_file, records_of
from .gathered import Gathered, Place
from .judged import Judged, Live, Residuals, SeveralClasses, TwoClasses, Values, limbs_of, together
from .mean_counts import MeanCounts, SpokenCounts, of_mean_counts
from .mean_loss import MeanClassLoss, MeanLoss
from .normalised_loss import NormalisedLoss
from .relations import ACTIVATION, SIGNS, Address, Lookup, Relation, classes_of, dataset_columns, rounds
from .shapes import Axis, Column
from .sisa import Sisa
from .sisa_integers import Cut, Run, cut_of, runs_of
from .verifier import Shape, require_size, training_relation, verify_proof

CELL_BITS, PROBABILITY_BITS = 9, 16


class Opinions(Gathered):
    """Each of them says something by a table."""

    def __init__(self, *own: Any, table: str, shift: int) -> None:
        self.speaker = own[1][0].axes[1]
        super().__init__(*own)
        self.table, self.shift = table, shift
        self.whole = 1 if table == SIGNS else 2**PROBABILITY_BITS
        self.score_bits = (self.speaker.size * self.whole).bit_length()
        axes = (self.output, self.speaker, self.live.row)
        self.cell, self.said = (("witness", f"{name} of {self.matrix}") for name in ("shard cell", "opinion"))
        self.rest, of_rest = limbs_of(f"shard remainder of {self.matrix}", shift)
        self.chances = [] if table in (SIGNS, ACTIVATION) else self.bounds
        told = [self.cell, self.said, *self.chances]
        entries: list[Any] = [([(1, column)], 0) for column in told]
        self.boxes.append(self.live.box(f"opinions of {self.matrix}", axes, [Lookup(table, entries), *of_rest]))
        self.witness += [Column(name, axes) for _, name in (*told, *self.rest)]

    @property
    def bounds(self) -> list[Address]:
        """Of what each says, where a loss is told."""
        return [("witness", f"{name} chance of {self.matrix}") for name in ("least", "largest")]

    def identities(self, relation: Relation, ch: Channel, at: Mapping[str, Point], values: Values) -> None:
        super().identities(relation, ch, at, values)
        if self.cell not in values:
            return
        model = {axis: at[axis] for axis in ("output", "speaker")}
        claim = 2**self.shift * values[self.cell] + together([values[limb] for limb in self.rest])
        if self.table == SIGNS:
            claim += self.real(model) * prefix(at["row"], self.live.rows) * ch.one
        self.score_of(relation, ch, model, at["row"], claim)

    def score(self, relation: Relation, ch: Channel, o: Point, n: Point, claim: K | None = None) -> K:
        assert self.speaker is not None
        total = ch.hidden(1)[0] if claim is None else claim
        name, size = f"opinions of {self.matrix}", self.speaker.size
        s, left = rounds(ch, name, self.speaker.bits, 2, total)
        said = relation.evaluate(ch, self.said, {"output": o, "speaker": s, "row": n})
        ch.zero(name, lambda: (left - prefix(s, size) * said, []))
        if self.output.size > 1:
            return total
        return 2 * total - size * self.whole * prefix(n, self.live.rows) * ch.one


# What is stated ------------------------------------------------------------------------------------------------------


class Bundled:
    """A bundle of a statement, after what it cannot be has been refused."""

    def __init__(self, statement: Map, numbers: Sequence[int]) -> None:
        self.trainings = [statement["trainings"][number] for number in numbers]
        self.last, self.numbers = self.trainings[-1], numbers
        require("statement", list(numbers) == sorted(set(numbers)))
        for training in self.trainings:
            require("statement", training["spec"] == self.last["spec"])
            require("statement", training["forgotten_classes"] == self.last["forgotten_classes"])
        self.cut = self.cut_of(self.last)
        self.runs: list[tuple[int, Run]] = []
        self.table: dict[int, int] = {}
        for number, training in zip(numbers, self.trainings, strict=True):
            for run in runs_of(training["scope"], self.cut_of(training)):
                self.runs.append((number, run))
                self.table |= dict.fromkeys(run.shards, number)
        require("statement", sorted(self.table) == list(range(self.cut.shards)))
        require("statement", set(self.table.values()) == set(numbers))
        gone = {position for position, _ in records_of(self.last)}
        size = self.cut.shard_rows
        self.speaking = [
            shard
            for shard in range(self.cut.shards)
            if any(position not in gone for position in range(shard * size, min(self.cut.rows, (shard + 1) * size)))
        ]
        require("statement", len(self.speaking) > 0)
        for number, training in zip(numbers, self.trainings, strict=True):
            self.require_fits(number, training, gone)

    @staticmethod
    def cut_of(training: Map) -> Cut:
        return cut_of(training["dataset"], training["spec"])

    def require_fits(self, number: int, training: Map, gone: set[int]) -> None:
        """Where its models are in force it saw all rows, the same ones, and forgot the same."""
        own = births(training["dataset"])
        require("statement", own == births(self.last["dataset"])[: len(own)])
        rows, size = training["dataset"]["rows"], self.cut.shard_rows
        mine = [shard for shard, own in self.table.items() if own == number]
        require("statement", all(min(rows, (s + 1) * size) == min(self.cut.rows, (s + 1) * size) for s in mine))
        differ = gone.symmetric_difference(position for position, _ in records_of(training))
        require("statement", all(position // size not in mine for position in differ))

    @property
    def places(self) -> list[Place]:
        speakers = {shard: i for i, shard in enumerate(self.speaking)}
        found = []
        for number, run in self.runs:
            own = [speakers.get(shard) if self.table[shard] == number else None for shard in run.shards]
            found.append((f"shards {number}", run.name(self.cut.slices), own))
        return [place for place in found if any(speaker is not None for speaker in place[2])]


def gathered(
    matrix: str, bundle: Bundled, bits: tuple[int, int], statement: Map, live: Live, told: bool = False
) -> Gathered:
    """Its models, in the relation; with bounds of what they say if a loss is told."""
    holdout, spec = statement["holdout"], bundle.last["spec"]
    x_bits, count = holdout["encoding"]["x_bits"], len(bundle.speaking)
    aggregate = spec["method"]["aggregate"] if spec["family"] != "linear" else "score"
    output, weight = (
        Axis("output", outputs_of(holdout["encoding"])),
        Axis("weight", len(holdout["encoding"]["features"])),
    )
    models = (output,) if aggregate == "score" else (output, Axis("speaker", count))
    columns = [Column("weights", (*models, weight)), *([Column("intercept", models)] if spec["method"]["bias"] else [])]
    if aggregate == "score":
        summed = bits[0] + log2_ceil(count), bits[1] + log2_ceil(count)
        return Gathered(matrix, columns, summed, x_bits, live, bundle.places)
    if spec["family"] == "poisson":
        q_bits = x_bits + spec["scales"]["w_bits"] - 16
        return SpokenCounts(matrix, columns, bits, x_bits, live, bundle.places, q_bits=q_bits)
    largest = weight.size * 2 ** (x_bits + bits[0] - 1) + spec["method"]["bias"] * 2 ** (bits[1] - 1)
    vote = aggregate == "vote"
    shift = max(1, largest.bit_length() - 15) if vote else x_bits + weight_scale(spec) - CELL_BITS
    table = SIGNS if vote else f"opinions of {spec['family']}" if told else ACTIVATION
    return Opinions(matrix, columns, bits, x_bits, live, bundle.places, table=table, shift=shift)


def judged(matrix: str, bundle: Bundled, result: Map, statement: Map, live: Live) -> Judged:
    relation = training_relation(bundle.last)
    assert isinstance(relation, Sisa)
    stage, encoding = relation.stages[-1], statement["holdout"]["encoding"]
    told = result.get("loss") is not None
    model = gathered(matrix, bundle, bits_of_model(stage, encoding["x_bits"]), statement, live, told)
    if "squares" in result:
        if isinstance(model, SpokenCounts):
            return of_mean_counts(model, result, live, statement["grid"], Scales(encoding, live.count))
        require("statement", "deviance" not in result and "deviances" not in result)
        own, scale = Scales(encoding, live.count), encoding["x_bits"] + weight_scale(bundle.last["spec"])
        require("statement", min(scale - own.labels, own.fine, scale - own.fine) >= 1)
        step, count = step_bits(live.count, statement["grid"], 2 * own.fine), len(bundle.speaking)
        shifts = scale - own.labels, scale - own.fine
        require("statement", own.residual + log2_ceil(count << shifts[1]) <= 62)
        require("statement", shifts[0] + count.bit_length() + 17 <= 62)
        return Residuals(model, shifts, own.residual, result["squares"], step, count)
    family, count = bundle.last["spec"]["family"], len(bundle.speaking)
    scale, step = encoding["x_bits"] + weight_scale(bundle.last["spec"]), step_bits(live.count, statement["grid"], 16)
    wide = 0 if isinstance(model, Opinions) else 16 + log2_ceil(count << max(0, scale - 9))
    require("statement", not told or (scale > 9 and wide <= 62))
    if told and isinstance(model, Opinions):
        if outputs_of(encoding) == 1:
            return MeanLoss(model, result, step, family)
        loss = MeanClassLoss(model, family, result["loss"], step)
        return SeveralClasses(model, result, classes_of(bundle.last), loss)
    if outputs_of(encoding) > 1:
        normalised = NormalisedLoss(model, family, scale, result["loss"], step, count) if told else None
        return SeveralClasses(model, result, classes_of(bundle.last), normalised)
    return TwoClasses(model, scale, result, step, family, 1 if result["loss"] is None else count)


def require_result(bundle: Bundled, result: Map, statement: Map) -> None:
    """Of the sort that such models have."""
    spec, encoding = bundle.last["spec"], statement["holdout"]["encoding"]
    require("statement", spec["family"] != "poisson" or spec["method"]["aggregate"] == "probability")
    require("statement", (spec["family"] in ("linear", "poisson")) == ("squares" in result))
    require("statement", (statement["spread"] is not None) == ("squares" in result))
    if "squares" in result:
        return
    require("statement", outputs_of(encoding) == 1 or spec["method"]["aggregate"] != "vote")
    told = spec["method"]["aggregate"] != "vote" and not bundle.last["forgotten_classes"]
    require("statement", result["loss"] is None or told)
    require("statement", len(result["confusion"]) in (0, len(encoding["label_classes"]) ** 2))


def sharded_evaluation_shape(statement: Map) -> Shape:
    """Raises Refused for what cannot be such an evaluation."""
    holdout, trainings, encoding = statement["holdout"], statement["trainings"], statement["holdout"]["encoding"]
    require_size(holdout)
    for training, model in zip(trainings, statement["models"], strict=True):
        require("statement", training["spec"]["method"]["kind"] == "sisa")
        training_relation(training)
        require("statement", model["shape"] == training["model"]["shape"])
        trained, like = training["dataset"], {"bounds_declared": True}
        require("statement", {**encoding, **like} == {**trained["encoding"], **like})
        require_apart(holdout, trained)
    require("statement", len({instance("training", training) for training in trainings}) == len(trainings))
    numbers = [tuple(bundle["trainings"]) for bundle in statement["bundles"]]
    require("statement", len(set(numbers)) == len(numbers))
    require("statement", {number for own in numbers for number in own} == set(range(len(trainings))))
    bundles = [Bundled(statement, own) for own in numbers]
    results = [bundle["result"] for bundle in statement["bundles"]]
    live = Live(holdout["rows"], holdout["holes"], holdout["rows"])
    require("statement", live.count >= 100)
    for bundle, result in zip(bundles, results, strict=True):
        require_result(bundle, result, statement)
    require_numbers(results, live.count)
    named = zip(("model", "second model"), bundles, results, strict=False)
    own = [judged(name, bundle, result, statement, live) for name, bundle, result in named]
    tabled = any(isinstance(each.model, Opinions) and each.model.table == ACTIVATION for each in own)
    families = {bundle.last["spec"]["family"] for bundle in bundles}
    require("statement", "poisson" not in families or len(families) == 1)
    counting = {each.q_bits for each in own if isinstance(each, MeanCounts)}
    require("statement", len(counting) < 2)
    require("statement", not tabled or len(families) == 1)
    return _shape(statement, own, live, families.pop() if tabled else None)


def _shape(statement: Map, own: list[Judged], live: Live, family: str | None) -> Shape:
    holdout, openings = statement["holdout"], {"dataset": statement["holdout"]["openings"]}
    committed, besides = {}, {}
    for i, (training, model) in enumerate(zip(statement["trainings"], statement["models"], strict=True)):
        committed[f"shards {i}"] = training_relation(training).columns["model"]
        openings[f"shards {i}"] = model["openings"]
        besides[f"shards {i}"] = dataset_columns(training["dataset"]), training["dataset"]["openings"]
    return Shape(sharded(holdout, own, spread_of(statement, live), committed, family), openings, besides=besides)


def sharded(dataset: Map, own: list[Judged], spread: Any, committed: Any, family: str | None) -> Evaluation:
    """The relation, with its table of probabilities, if there is one."""
    found = Evaluation(dataset, own, spread, committed)
    found.name = "sharded evaluation"
    edges = next((each.edges for each in own if isinstance(each, MeanCounts)), [])
    found.table = activation_table(family, CELL_BITS, PROBABILITY_BITS) if family else edges
    return found


def verify_sharded_evaluation(file: bytes) -> None:
    statement, proof = read_file(file, "sharded evaluation")
    roots = {"dataset": statement["holdout"]["root"]}
    roots |= {f"shards {i}": model["root"] for i, model in enumerate(statement["models"])}
    verify_proof(sharded_evaluation_shape(statement), instance("sharded evaluation", statement), roots, proof)
