"""The statement of an evaluation of models in shards: how well what they answer together predicts a hold-out.

It names one or two bundles by the trainings whose models of the last stage are in force for some shard, in the order in
which they were made: for each shard it is the last that trained it. What both bundles keep is named once, and opened
once. Numbers and intervals are those of evaluation.py, hold-outs data sets of their own. What the models say together
is in models/aggregation.py; shards of which no row counts have no say.

That the trainings of a bundle are by one algorithm, forget the same rows where they are in force, saw all rows of their
shards and are on data sets that go on from one another is checked here, as they say it; that links lead there, and that
they began from what was in force before, where the bundle is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import NoneType
from typing import Any, ClassVar, Self

from ...errors import FormatError, ParameterError
from ...formats.fields import Bytes, Fields, Int, ListOf, take
from ...models.aggregation import CELL_BITS, SCORE, VOTE, whole_of
from ...models.methods.sisa import Sisa, Stages, stages_of
from ...shown import Facts
from ..language.layout import Axis
from ..language.tables import ACTIVATION, LINK, SIGNS
from ..relations.dataset import DATASET
from ..relations.evaluation import MODELS, Judged
from ..relations.loss_tables import OPINIONS_OF
from ..relations.mean_cells import Chances
from ..relations.model import MODEL
from ..relations.shard_counts import SpokenCounts
from ..relations.shard_scores import SPEAKER, Opinions, ShardScores, Source, gathered_columns
from ..relations.sharded_evaluation import ShardedEvaluation
from ..relations.sisa import part_name
from .base import Committed, Statement, referenced, statement_digest, statement_kind
from .dataset import DIGEST_BYTES, DatasetStatement
from .evaluated import Evaluated, Subject, require_apart, require_encoding
from .results import GRIDS, MOST_STEPS, Classified, Regressed, Result, read_result
from .scope import ModelCommitment
from .shard_results import Spoken, require_bounded, require_loss, require_numbers
from .training import TrainingStatement

MAX_TRAININGS = 16
NAMES = tuple(f"training {number}" for number in range(1, MAX_TRAININGS + 1))  # beside the statement
SIGN_CELLS = 15  # bits of a score's cell

_FIELDS: Fields = {
    "holdout": Bytes(DIGEST_BYTES),
    "trainings": ListOf(Bytes(DIGEST_BYTES), 1, MAX_TRAININGS),
    "models": ListOf(dict, 1, MAX_TRAININGS),
    "bundles": ListOf(dict, 1, len(MODELS)),
    "grid": Int(*GRIDS),
    "spread": (Int(0, MOST_STEPS), NoneType),
}
_BUNDLE: Fields = {"trainings": ListOf(Int(0, MAX_TRAININGS - 1), 1, MAX_TRAININGS), "result": dict}


def answering(trainings: Sequence[TrainingStatement]) -> tuple[TrainingStatement, ...]:
    """Of the trainings of a bundle those of which a model of the last stage is in force; of one training itself."""
    if len(trainings) == 1:
        return tuple(trainings)
    numbers = set(in_force(trainings).values())
    return tuple(own for number, own in enumerate(trainings) if number in numbers)


def in_force(trainings: Sequence[TrainingStatement]) -> dict[int, int]:
    """Of each shard the number of the training whose model of the last stage counts: the last one that trained it.

    Raises ParameterError for a training that cannot be proved, or that is in no shards.
    """
    found: dict[int, int] = {}
    for number, own in enumerate(trainings):
        found |= {shard: number for run in stages_of(own.schedule).runs for shard in run.shards}
    return found


def shards_matrix(number: int) -> str:
    """The matrix of the models of a training, by its number among those that are named."""
    return f"shards {number}"


@statement_kind
@dataclass(frozen=True, repr=False)
class ShardedEvaluationStatement(Evaluated):
    """How well the models of each bundle predict the rows of the hold-out together.

    Attributes:
        holdout, models, results, grid, spread: as of Evaluated; models are those of all trainings.
        trainings: those whose models are in force in one of the bundles.
        bundles: of each the numbers of its trainings, in the order in which they were made.
    """

    holdout: DatasetStatement
    trainings: tuple[TrainingStatement, ...]
    models: tuple[ModelCommitment, ...]
    bundles: tuple[tuple[int, ...], ...]
    results: tuple[Result, ...]
    grid: int
    spread: int | None = None

    kind: ClassVar[str] = "sharded evaluation"
    version: ClassVar[int] = 1
    refers: ClassVar[Mapping[str, type[Statement]]] = {
        "holdout": DatasetStatement, **dict.fromkeys(NAMES, TrainingStatement),
    }  # fmt: skip
    optional: ClassVar[frozenset[str]] = frozenset(NAMES[1:])

    @property
    def about(self) -> Facts:
        """See Statement."""
        trained = tuple(("models of", own.digest) for own in self.trainings)
        return (*trained, ("bundles", len(self.bundles)), ("hold-out", self.holdout.digest), ("rows", self.rows))

    @property
    def references(self) -> Mapping[str, Statement]:
        """See Statement."""
        return {"holdout": self.holdout, **dict(zip(NAMES, self.trainings, strict=False))}

    @property
    def opened(self) -> Subject:
        """See Evaluated."""
        return tuple(zip(self.trainings, self.models, strict=True))

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """See Evaluated: of each bundle its trainings."""
        return tuple(tuple(self.opened[i] for i in numbers) for numbers in self.bundles)

    @property
    def within(self) -> bool:
        """See Evaluated: a training in shards holds no rows out."""
        return False

    @property
    def stop(self) -> int:
        """See Evaluated."""
        return self.holdout.rows

    @property
    def gone(self) -> tuple[int, ...]:
        """See Evaluated: those that were destroyed."""
        return self.holdout.holes

    @property
    def predicts(self) -> str:
        """See Evaluated."""
        return self.trainings[0].spec.family.predicts

    def last(self, bundle: int) -> TrainingStatement:
        """The training that a bundle ends with."""
        return self.trainings[self.bundles[bundle][-1]]

    def aggregate(self, bundle: int) -> str:
        """How its models answer together: where values are predicted by the mean of scores, whatever is declared."""
        own = self.last(bundle).spec
        return own.method.aggregate if isinstance(own.method, Sisa) and own.family.predicts != "value" else SCORE

    def speaking(self, bundle: int) -> list[int]:
        """The shards that have a say."""
        schedule = self._stages(self.bundles[bundle][-1])
        return sorted(set(range(schedule.shards.count)) - set(schedule.empty_shards))

    def speakers(self, number: int) -> int:
        """See Evaluated."""
        return len(self.speaking(number))

    def _stages(self, number: int) -> Stages:
        return stages_of(self.trainings[number].schedule)

    def is_of(self, bundles: Mapping[bytes, Any]) -> bool:
        """See Evaluated: each of its bundles has the trainings that are in force there, in any order."""
        for subject in map(self.subject, range(len(self.bundles))):
            known = bundles.get(subject[-1].digest)
            found = () if known is None else answering([proof.statement for proof in known.proofs])
            if {own.digest for own in found} != {own.digest for own in subject}:
                return False
        return True

    def subject(self, bundle: int) -> list[TrainingStatement]:
        """The trainings of a bundle."""
        return [self.trainings[number] for number in self.bundles[bundle]]

    def in_force(self, bundle: int) -> Mapping[int, int]:
        """Of each shard the number of the training whose model of the last stage counts."""
        numbers = self.bundles[bundle]
        return {shard: numbers[own] for shard, own in in_force(self.subject(bundle)).items()}

    # The relation ----------------------------------------------------------------------------------------------------

    @cached_property
    def predictions(self) -> ShardedEvaluation:
        """The relation, but for keys of rows."""
        own, bundles = self.holdout, range(len(self.bundles))
        judged = tuple(map(self._judged, MODELS, bundles, self.results))
        trained = tuple(
            (shards_matrix(number), training.training.columns[MODEL]) for number, training in enumerate(self.trainings)
        )
        tabled = any(isinstance(each.scored, Opinions) and each.scored.table == ACTIVATION for each in judged)
        family = self.last(0).spec.family if tabled else None
        return ShardedEvaluation(own.rows, own.features, own.outputs, judged, self.label_spread, trained, family)

    def _judged(self, name: str, bundle: int, result: Result) -> Judged:
        """A bundle in the relation. Raises ParameterError for one whose integers have no such bounds."""
        told = isinstance(result, Classified) and result.loss is not None
        scored, last = self._scored(name, bundle, told), self.last(bundle)
        own = scored, last, self._scale(last), self.live, self.steps, self.label_scales
        return Spoken(*own, self.holdout.encoding.label.classes).judged(result)

    def _scored(self, name: str, bundle: int, told: bool) -> ShardScores:
        """What they say, with bounds of it if a loss is told."""
        last, speakers = self.last(bundle), len(self.speaking(bundle))
        bits = self._bits(bundle)
        output = Axis("output", self.holdout.outputs)
        features, bias = self.holdout.features, last.spec.method.bias
        rows, x_bits, aggregate = self.holdout.rows, self.holdout.encoding.x_bits, self.aggregate(bundle)
        if aggregate == SCORE:
            more = (speakers - 1).bit_length()
            columns = gathered_columns((output,), features, bias)
            summed = bits[0] + more, bits[1] + more
            return ShardScores(name, columns, *summed, rows, x_bits, self._sources(bundle), speakers)
        columns = gathered_columns((output, Axis(SPEAKER, speakers)), features, bias)
        alone = ShardScores(name, columns, *bits, rows, x_bits, self._sources(bundle), speakers)
        if last.spec.family.predicts == "count":
            own = name, columns, *bits, rows, x_bits, alone.sources, speakers
            return SpokenCounts(*own, self.live, last.spec.fixed_point.q_bits)
        vote = aggregate == VOTE
        shift = max(1, alone.score_bits - SIGN_CELLS) if vote else self._scale(last) - CELL_BITS
        table = SIGNS if vote else OPINIONS_OF[last.spec.family.name] if told else ACTIVATION
        own = name, columns, *bits, rows, x_bits, alone.sources, speakers
        kind = Chances if told else Opinions
        return kind(*own, self.live, table, shift, whole_of(aggregate), last.spec.family)

    def _bits(self, bundle: int) -> tuple[int, int]:
        """Of the integers of its models."""
        bits = self._stages(self.bundles[bundle][-1]).stages[-1].committed_bits
        if bits is None:
            raise ParameterError("the integers of these models have no bounds that are known")
        return bits

    def _sources(self, bundle: int) -> tuple[Source, ...]:
        """Where the models of its shards are."""
        table, numbers = self.in_force(bundle), {shard: i for i, shard in enumerate(self.speaking(bundle))}
        found = []
        for number in self.bundles[bundle]:
            stages = self._stages(number)
            for run in stages.runs:
                own = tuple(numbers.get(shard) if table[shard] == number else None for shard in run.shards)
                prefix = part_name(run, stages.shards.slices)
                found.append(Source(shards_matrix(number), prefix, own))
        return tuple(source for source in found if any(speaker is not None for speaker in source.speakers))

    def _scale(self, training: TrainingStatement) -> int:
        """Bits of scores' scale."""
        return self.holdout.encoding.x_bits + training.spec.weight_bits

    @property
    def matrices(self) -> Mapping[str, Committed]:
        """The hold-out, and the models of all trainings."""
        opened = {shards_matrix(i): own.committed(model) for i, (own, model) in enumerate(self.opened)}
        return {DATASET: self.holdout.committed, **opened}

    # What is refused -------------------------------------------------------------------------------------------------

    def require_provable(self) -> None:
        """Models that can be evaluated, and rows that can be told not to be theirs."""
        if len(self.results) != len(self.bundles) or len(self.models) != len(self.trainings):
            raise ParameterError(f"{len(self.results)} results and {len(self.models)} commitments of some models")
        self.holdout.require_provable()
        for training, model in zip(self.trainings, self.models, strict=True):
            training.require_provable()
            if not isinstance(training.spec.method, Sisa):
                raise ParameterError(f"a model by {training.spec.method.kind!r} is in no bundle: evaluate it by itself")
            if model.shape != training.model.shape:
                raise ParameterError(f"models of shape {model.shape}, where their training has {training.model.shape}")
            require_encoding(self.holdout, training.dataset)
            require_apart(self.holdout, training.dataset)
        if len({training.digest for training in self.trainings}) < len(self.trainings):
            raise ParameterError("a training is named twice")
        self._require_bundles()
        self.require_rows()
        for bundle, result in enumerate(self.results):
            self._require_evaluable(bundle, result)
        self.require_bounded()
        require_bounded(self.predictions.models)

    def _require_bundles(self) -> None:
        """Trainings of each bundle by one algorithm, all in force, for all shards. Raises ParameterError."""
        if len(set(self.bundles)) < len(self.bundles):
            raise ParameterError("both bundles are the same one")
        if {number for numbers in self.bundles for number in numbers} != set(range(len(self.trainings))):
            raise ParameterError("bundles of other trainings than those that are named")
        for bundle, numbers in enumerate(self.bundles):
            last = self.last(bundle)
            if list(numbers) != sorted(set(numbers)):
                raise ParameterError("a bundle names its trainings in the order in which they are named, each once")
            for training in (self.trainings[number] for number in numbers):
                if (training.spec, training.forgotten_classes) != (last.spec, last.forgotten_classes):
                    raise ParameterError("the trainings of a bundle are by several algorithms")
            table, count = self.in_force(bundle), self._stages(numbers[-1]).shards.count
            if sorted(table) != list(range(count)) or set(table.values()) != set(numbers):
                raise ParameterError(
                    "a bundle lacks the model of a shard, or names a training that is in force nowhere"
                )
            if not self.speaking(bundle):
                raise ParameterError("no row of any shard counts: no model has a say")
            self._require_alike(bundle)

    def _require_evaluable(self, bundle: int, result: Result) -> None:
        """What is predicted, and what is said of it. Raises ParameterError."""
        spec, label = self.last(bundle).spec, self.holdout.encoding.label
        family, first = spec.family, self.last(0).spec.family
        if family.predicts != first.predicts or (family != first and ACTIVATION in self.predictions.tables):
            raise ParameterError("one bundle predicts classes, and the other numbers, or by another table")
        if isinstance(result, Classified) != (family.predicts == "class"):
            raise ParameterError(f"a result that is none of a {family.title}")
        if isinstance(result, Regressed):
            last = self.last(bundle)
            require_numbers(last, result, self.aggregate(bundle), self._scale(last), self.label_scales)
            if LINK in self.predictions.tables and spec.fixed_point.q_bits != self.last(0).spec.fixed_point.q_bits:
                raise ParameterError("the bundles' expected counts are of two scales: evaluate each by itself")
            return
        if self.aggregate(bundle) == VOTE and self.holdout.outputs > 1:
            raise ParameterError('aggregate = "vote" of several classes cannot be evaluated: of two classes it can')
        if result.loss is not None:
            require_loss(self.last(bundle), self.aggregate(bundle), self._scale(self.last(bundle)))
        if len(result.confusion) not in (0, len(label.classes) ** 2):
            raise ParameterError(f"a confusion matrix of {len(result.confusion)} numbers")

    def _require_alike(self, bundle: int) -> None:
        """Models in force saw all rows of their shards, without those that the last one forgets; or ParameterError.

        Rows are the same ones where they were born in the same data sets.
        """
        table, numbers, births = self.in_force(bundle), self.bundles[bundle], self.last(bundle).dataset.births
        if any(own.births != births[: len(own.births)] for own in (self.trainings[i].dataset for i in numbers)):
            raise ParameterError("the models of a bundle are of data sets that do not go on from one another")
        shards, wanted = self._stages(numbers[-1]).shards, set(self.last(bundle).positions)
        for shard, number in table.items():
            if self._stages(number).shards.seen(shard, shards.slices) != shards.seen(shard, shards.slices):
                raise ParameterError(f"the model of shard {shard} did not see all of its rows")
        for number in numbers:
            for position in wanted.symmetric_difference(self.trainings[number].positions):
                if table.get(position // shards.shard_rows) == number:
                    raise ParameterError(f"the model of a shard forgets other rows than the last one: row {position}")

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        pairs = zip(self.bundles, self.results, strict=True)
        return {
            "holdout": statement_digest(self.holdout),
            "trainings": [statement_digest(own) for own in self.trainings],
            "models": [model.to_mapping() for model in self.models],
            "bundles": [{"trainings": list(numbers), "result": own.to_mapping()} for numbers, own in pairs],
            "grid": self.grid,
            "spread": self.spread,
        }

    @classmethod
    def from_mapping(cls, mapping: object, references: Mapping[str, Any]) -> Self:
        """Raises FormatError."""
        fields = take(mapping, _FIELDS, cls.kind)
        holdout = referenced(references, "holdout", fields["holdout"])
        named = dict(zip(NAMES, fields["trainings"], strict=False))
        if references.keys() != {"holdout", *named}:
            raise FormatError("sharded evaluation: the trainings beside the statement are not those that it names")
        trainings = tuple(referenced(references, name, digest) for name, digest in named.items())
        bundles = [take(own, _BUNDLE, "bundle") for own in fields["bundles"]]
        if any(number >= len(trainings) for own in bundles for number in own["trainings"]):
            raise FormatError("sharded evaluation: a bundle of a training that is not named")
        if len(fields["models"]) != len(trainings):
            raise FormatError("sharded evaluation: as many commitments to models as trainings are needed")
        models = tuple(map(ModelCommitment.from_mapping, fields["models"]))
        numbers = tuple(tuple(own["trainings"]) for own in bundles)
        results = tuple(read_result(own["result"]) for own in bundles)
        return cls(holdout, trainings, models, numbers, results, fields["grid"], fields["spread"])
