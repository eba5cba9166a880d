"""Predictions: that a model says this of inputs, of the model and of the inputs that are meant."""

from __future__ import annotations

from collections.abc import Collection
from functools import reduce
from operator import and_
from typing import Any

from ..circuits.statements.prediction import PredictionStatement, packed
from ..errors import DataError, ParameterError, StatementMismatch, require_type
from .proofs import ModelLinkProof, PredictionProof, Proof, TrainingProof
from .renewals import renewal
from .verify import verify_proof


def verify_predictions(
    predictions: PredictionProof, inputs: Any, training: TrainingProof, links: Collection[ModelLinkProof] = ()
) -> float:
    """Check what a model says of inputs; bits.

    Args:
        inputs: what was asked: a frame that has the columns of the encoding by name, or real features (N, d), in the
            order of its features.
        training: what the model is of. It is compared, not checked: `verify` is for that, with its data set.
        links: where the model was committed afresh since, those that lead to its commitment; they are checked.

    Raises:
        StatementMismatch: it is about other inputs, or another model, or no links lead to its commitment.
        InvalidProof: naming the check that failed.
        DataError: an input that is no number, or outside of the bounds, naming row and column.
        ParameterError: an argument of another type.
    """
    require_type("predictions", predictions, PredictionProof, "`prove_predictions` returns it")
    require_type("training", training, TrainingProof, "of what `prove` returns it is `.proof`")
    if not isinstance(links, Collection) or isinstance(links, (str, bytes)):
        raise ParameterError("links: expected a list of links, which `recommit_model` returns")
    for link in links:
        require_type("links", link, ModelLinkProof, "`recommit_model` returns them")
    own = predictions.statement
    if own.training != training.statement:
        raise StatementMismatch("the predictions are of another model")
    require_same_inputs(own, inputs)
    needed = renewal(own.training.digest, own.training.model, own.model, links)
    if needed is None:
        raise StatementMismatch(
            "the model was committed afresh since its training, and no links lead to the commitment that was opened"
        )
    proofs: list[Proof[Any]] = [*needed, predictions]
    return reduce(and_, map(verify_proof, proofs)).least


def require_same_inputs(statement: PredictionStatement, inputs: Any) -> None:
    """These are the inputs of the statement, in its order. Raises StatementMismatch, or DataError for what is none."""
    encoding = statement.encoding
    if hasattr(inputs, "columns"):
        missing = [name for name in encoding.columns if name not in inputs.columns]
        if missing:
            raise DataError(f"inputs have no column {missing[0]!r}")
        inputs = encoding.features_from({name: list(inputs[name]) for name in encoding.columns})
    if packed(encoding.encode_features(inputs)) != statement.cells:
        raise StatementMismatch("the predictions are of other inputs, or of these in another order")
