"""What a proof says, as data: one file a kind of statement, and one table of them, base.STATEMENTS."""

from . import dataset, distance, evaluation, link, model_link, prediction, registration, sharded_evaluation, training

__all__ = [
    "dataset",
    "distance",
    "evaluation",
    "link",
    "model_link",
    "prediction",
    "registration",
    "sharded_evaluation",
    "training",
]
