"""The statement of predictions: what a committed model says of inputs that are public.

Inputs are in the statement, as the integers that the encoding of the model's data set makes of them, and so are the
answers: whoever has the table of inputs makes the same integers of it, and compares. Of each input either the class is
stated, and nothing else; or the scores, at the scale of the training's table; or the probabilities that this table has
for them.

A score is an equation in the model: after about as many inputs as it has weights, whoever has them all has the model.
So its owner counts inputs whose scores or probabilities were given away, and the statement says how many these are by
now. That number is the owner's word; nothing else here is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ...errors import FormatError, InvalidProof, ParameterError
from ...formats.fields import Bytes, Fields, Int, ListOf, take
from ...models.encoding.dataset import DatasetEncoding
from ...shown import Facts, Words
from ..relations.model import MODEL
from ..relations.prediction import CLASS, PROBABILITY, PROBABILITY_BITS, SCORE, Asked, Prediction
from .base import Committed, Statement, referenced, statement_digest, statement_kind
from .dataset import DIGEST_BYTES
from .scope import ModelCommitment
from .training import TrainingStatement

WHATS = (CLASS, PROBABILITY, SCORE)
MAX_INPUTS, MAX_CELLS, MAX_SCORES = 1 << 14, 1 << 21, 1 << 18  # inputs, times features, times outputs
CELL = np.dtype("<i2")  # of an input, in files
MAX_REVEALED = (1 << 63) - 1

_FIELDS: Fields = {
    "training": Bytes(DIGEST_BYTES),
    "model": dict,
    "what": str,
    "inputs": bytes,
    "answers": ListOf(Int(-MAX_REVEALED, MAX_REVEALED), 1, MAX_SCORES),
    "revealed": Int(0, MAX_REVEALED),
}


@statement_kind
@dataclass(frozen=True, repr=False)
class PredictionStatement(Statement):
    """The model of a training answers so to these inputs.

    Attributes:
        training: what it is the model of.
        model: the commitment to it that is opened: the training's own, or one that was made afresh, to which links
            lead from there.
        what: "class", "probability" or "score".
        cells: the inputs one after the other, each feature a signed integer of 16 bits, the lower byte first.
        flat: of each input the number of its class; or an integer for each output that counts, one after the other:
            its score, rounded down, at scale q_bits of the training, or its probability at scale PROBABILITY_BITS.
        revealed: of how many inputs scores or probabilities were proved of this model, those of this statement
            included; its owner's word.
    """

    training: TrainingStatement
    model: ModelCommitment
    what: str
    cells: bytes
    flat: tuple[int, ...]
    revealed: int

    kind: ClassVar[str] = "prediction"
    version: ClassVar[int] = 1
    refers: ClassVar[Mapping[str, type[Statement]]] = {"training": TrainingStatement}

    @property
    def about(self) -> Facts:
        """See Statement."""
        return (("model of", self.training.digest), ("inputs", self.rows), ("shows", Words(self.what)))

    @property
    def afresh(self) -> bool:
        """Whether the model was committed afresh since its training."""
        return self.model != self.training.model

    @property
    def encoding(self) -> DatasetEncoding:
        """How inputs become integers."""
        return self.training.dataset.encoding

    @property
    def kept(self) -> tuple[int, ...]:
        """The outputs that count: of several classes the numbers of those that are not forgotten."""
        if self.training.dataset.outputs == 1:
            return (0,)
        gone = self.training.forgotten_classes
        return tuple(c for c, text in enumerate(self.encoding.label.classes) if text not in gone)

    @property
    def each(self) -> int:
        """How many answers an input has."""
        return 1 if self.what == CLASS else max(1, len(self.kept))

    @property
    def rows(self) -> int:
        """How many inputs there are."""
        return len(self.flat) // self.each

    @property
    def weights(self) -> int:
        """K: how many integers an output of the model has that may be other than zero, the intercept included."""
        spec = self.training.spec
        return self.training.dataset.features - len(spec.without) + spec.method.bias

    @property
    def revealing(self) -> int:
        """Of how many inputs this statement gives away more than classes."""
        return 0 if self.what == CLASS else self.rows

    @cached_property
    def inputs(self) -> npt.NDArray[np.int64]:
        """X, int64 (inputs, features), scale x_bits."""
        whole = np.frombuffer(self.cells, dtype=CELL).astype(np.int64)
        return whole.reshape(self.rows, self.training.dataset.features)

    @cached_property
    def answers(self) -> npt.NDArray[np.int64]:
        """int64 (inputs,) of classes, else (inputs, outputs that count)."""
        whole = np.array(self.flat, dtype=np.int64)
        return whole if self.what == CLASS else whole.reshape(self.rows, self.each)

    @property
    def unit_bits(self) -> int:
        """The scale of answers that are not classes."""
        return self.training.spec.fixed_point.q_bits if self.what == SCORE else PROBABILITY_BITS

    @property
    def in_label_units(self) -> bool:
        """Whether scores are said in the units of the label: of a linear regression, on real labels."""
        return self.training.spec.family.predicts == "value" and self.encoding.label.column is not None

    @property
    def values(self) -> list[Any]:
        """What is said of each input: the text of its class; else a number, or of several outputs a list of these.

        A score is the largest float64 multiple of 2^-unit_bits that it is not below, on encoded features, but of a
        linear regression on real labels in the units of the label. A probability is one of the table. Of a statement
        that nobody has checked, a class that there is not is its number.
        """
        if self.what == CLASS:
            classes = self.encoding.label.classes
            return [classes[number] if 0 <= number < len(classes) else str(number) for number in self.flat]
        whole = np.array(self.flat[: self.rows * self.each], dtype=np.int64).reshape(self.rows, self.each)
        found = whole / float(1 << self.unit_bits)
        column = self.encoding.label.column
        if self.in_label_units and column is not None:
            with np.errstate(over="ignore"):  # of a statement that nobody has checked
                found = found * column.half_width + column.offset
        return [row if self.each > 1 else row[0] for row in found.tolist()]

    @cached_property
    def relation(self) -> Prediction:
        """The model says so. Raises ParameterError for one whose integers have no bounds."""
        training, spec = self.training, self.training.spec
        bits = training.schedule.committed_bits
        if bits is None:
            raise ParameterError(f"what a model by {spec.method.kind!r} predicts cannot be proved")
        x_bits, q_bits = self.encoding.x_bits, spec.fixed_point.q_bits
        shift = x_bits + spec.weight_bits - q_bits
        asked = Asked(training.training.columns[MODEL], self.kept, x_bits, shift, *bits, spec.family, q_bits)
        return Prediction(asked, self)

    @property
    def matrices(self) -> Mapping[str, Committed]:
        """The model."""
        return {MODEL: self.training.committed(self.model)}

    def require_provable(self) -> None:
        """A model that answers so, inputs within bounds, answers that it can have. Raises ParameterError."""
        self.training.require_provable()
        require_answerable(self.training, self.what)
        self._require_sizes()
        self._require_inputs()
        self._require_answers()
        relation = self.relation
        if self.what != CLASS and relation.model.shift < 1:
            raise ParameterError("weights of this model are coarser than its table: there is nothing to round")
        if relation.wraps:
            raise ParameterError("scores of this model can be too large to be compared as integers")
        if self.what == SCORE and np.abs(self.answers).max() > relation.model.largest_quotient:
            raise ParameterError("answers: a score is beyond what this model can have")

    def _require_sizes(self) -> None:
        if len(self.flat) % self.each or len(self.cells) != CELL.itemsize * self.rows * self.training.dataset.features:
            raise ParameterError("inputs and answers: there are not as many of one as of the other")
        cells = len(self.cells) // CELL.itemsize
        scores = self.rows * self.training.dataset.outputs
        if not 1 <= self.rows <= MAX_INPUTS or cells > MAX_CELLS or scores > MAX_SCORES:
            raise ParameterError(
                f"{self.rows} inputs: one proof takes 1 to {MAX_INPUTS}, with {MAX_CELLS} features and {MAX_SCORES} "
                "scores in all"
            )

    def _require_inputs(self) -> None:
        """Within bounds, as they would be in a data set."""
        outside = np.abs(self.inputs) > 1 << self.encoding.x_bits
        constant = [k for k, column in enumerate(self.encoding.features) if column.low == column.high]
        outside[:, constant] |= self.inputs[:, constant] != 0
        if outside.any():
            row, k = np.argwhere(outside)[0].tolist()
            raise ParameterError(f"inputs: row {row + 1} is outside the bounds of {self.encoding.names[k]!r}")

    def _require_answers(self) -> None:
        if self.what == CLASS:
            classes = self.kept if len(self.kept) > 1 else (0, 1)
            if not set(self.flat) <= set(classes):
                raise ParameterError("answers: a class that the model does not predict")
        elif self.what == PROBABILITY and not 0 <= min(self.flat) <= max(self.flat) <= 1 << PROBABILITY_BITS:
            raise ParameterError("answers: a probability is not between 0 and 1")

    def require_consistent(self, attached: Mapping[str, bytes]) -> None:
        """Raises InvalidProof("statement")."""
        if self.model.shape != self.training.model.shape:
            raise InvalidProof("statement", "the commitment does not even claim to hold the model of this training")
        if self.revealed < self.revealing:
            raise InvalidProof("statement", "it counts fewer inputs than it has")

    def to_mapping(self) -> Mapping[str, object]:
        """Canonical content."""
        return {
            "training": statement_digest(self.training),
            "model": self.model.to_mapping(),
            "what": self.what,
            "inputs": self.cells,
            "answers": list(self.flat),
            "revealed": self.revealed,
        }

    @classmethod
    def from_mapping(cls, mapping: object, references: Mapping[str, Any]) -> Self:
        """Raises FormatError."""
        fields = take(mapping, _FIELDS, cls.kind)
        if fields["what"] not in WHATS:
            raise FormatError(f"prediction: field 'what' is none of {', '.join(WHATS)}")
        if len(fields["inputs"]) > CELL.itemsize * MAX_CELLS:
            raise FormatError(f"prediction: more than {MAX_CELLS} features of inputs")
        return cls(
            training=referenced(references, "training", fields["training"]),
            model=ModelCommitment.from_mapping(fields["model"]),
            what=fields["what"],
            cells=fields["inputs"],
            flat=tuple(fields["answers"]),
            revealed=fields["revealed"],
        )


def packed(integers: npt.NDArray[np.int64]) -> bytes:
    """Inputs as `PredictionStatement.cells`: int64 (inputs, features), of 16 bits."""
    return integers.astype(CELL).tobytes()


def require_answerable(training: TrainingStatement, what: str) -> None:
    """Such answers are the model's to give. Raises ParameterError."""
    family = training.spec.family
    if what not in WHATS:
        raise ParameterError(f"what = {what!r}: must be one of {', '.join(WHATS)}")
    if training.schedule.committed_bits is None:
        raise ParameterError(f"what a model by {training.spec.method.kind!r} predicts cannot be proved")
    if what != SCORE and family.predicts != "class":
        raise ParameterError(f"what = {what!r}: a {family.title} predicts no classes; its scores can be proved")
