"""Predictions that are proved: what a committed model says of public inputs."""

from __future__ import annotations

from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from ...circuits.language.layout import Address
from ...circuits.relations.model import MODEL
from ...circuits.relations.prediction import CLASS, SCORE
from ...circuits.statements.prediction import PredictionStatement, packed, require_answerable
from ...errors import ParameterError, require_type
from ...models.methods import Sisa
from ...verifier.proofs import PredictionProof
from ...verifier.shapes import shape_of
from ..matrices.commitment import commit_columns
from ..matrices.values import Witness
from ..protocol.proof import Progress
from ..tables.arrays import as_known_features
from ..witnesses.prediction import answers_of, prediction_witness
from .model import Model, model_columns
from .prove import check_before_work, prove_statement
from .sharded_model import ShardedModel

SHARDS = "models of shards answer together, and nothing proves yet what they say: predictions are of one model"


def prove_predictions(
    model: Model | ShardedModel | Path | str,
    X: Any,
    what: str | None = None,
    *,
    publish_model_anyway: bool = False,
    progress: Progress | None = None,
) -> PredictionProof:
    """Prove what a model says of inputs, which become public with it. One opening of the model is spent.

    Args:
        model: the secret, or its file; also one that was committed afresh. Models of shards are refused.
        X: real features (N, d), as for `Model.predict`, but within the declared bounds.
        what: "class", the default of classifiers, shows nothing but the class; "probability" and "score" are equations
            in the weights. Of regressions there are scores only.
        publish_model_anyway: give away scores or probabilities of more inputs than the model has weights; whoever has
            them all has the model.

    Returns:
        Small and public: a customer checks it by `verify_predictions`.

    Raises:
        BudgetExceeded: the model has no opening left; or so many inputs would tell its weights.
        DataError: an input that is no number or outside of the bounds, naming row and column; or whose score is outside
            of the table of probabilities, naming the row.
        ParameterError: what the model cannot say, too many inputs, or an argument of another type.
        FormatError: naming the file.
    """
    if isinstance(model, ShardedModel):
        raise ParameterError(SHARDS)
    require_type(
        "model", model, (Model, str, PathLike), "of what `prove` returns it is `.secret`; `Model.load` reads a file"
    )
    own = model if isinstance(model, Model) else Model.load(model)
    if own.spec.method.kind == Sisa.kind:
        raise ParameterError(SHARDS)
    default = CLASS if own.spec.family.predicts == "class" else SCORE
    chosen = default if what is None else what
    require_answerable(own.statement, chosen)
    inputs = own.encoding.encode_features(as_known_features(X, own.encoding))
    draft = _draft(own, chosen, packed(inputs), len(inputs))
    most = None if publish_model_anyway else draft.weights
    shape = check_before_work(draft, [own.budget])
    own.revealed.require(draft.revealing, most)
    answers = answers_of(draft.relation, own.integers)
    flat = tuple(answers.reshape(-1).tolist())
    statement = replace(draft, flat=flat, revealed=own.revealed.add(draft.revealing, most))
    witness = prediction_witness(statement.relation, own.integers)
    cells = {Address(MODEL, column.name): values for column, values in model_columns(own).items()}
    opened = shape.committed[MODEL]
    committed = {MODEL: commit_columns(opened.layout, opened.code, cells, own.secret)}
    proved = prove_statement(
        shape_of(statement),
        statement,
        committed,
        Witness({**witness.columns, **cells}, witness.looked_up),
        budgets=[own.budget],
        progress=progress,
    )
    return PredictionProof(statement, proved.proof.proof)


def _draft(own: Model, what: str, cells: bytes, inputs: int) -> PredictionStatement:
    """Without the answers, of which there are as many."""
    empty = PredictionStatement(own.statement, own.commitment, what, cells, (), 0)
    first = empty.kept[0] if what == CLASS else 0
    return replace(empty, flat=(first,) * (inputs * empty.each))
