"""The owner's command `evaluate`: how well models predict the rows of a hold-out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import zkunlearn as zu

from ..circuits.statements.evaluated import Evaluated
from ..circuits.statements.results import GRIDS
from ..errors import DataError
from .compiling import prepare_kernels
from .inspection import describe, words_of
from .options import FILE, common, force_option, within_memory
from .output import Output, foreign
from .places import refuse_existing, require_file_place
from .prediction import load_model
from .words import size_text

SUFFIX = ".evaluation"


@click.command()
@click.argument("directory", type=FILE, metavar="DIR")
@click.option(
    "--model",
    "models",
    type=FILE,
    multiple=True,
    required=True,
    metavar="P.model.opening",
    help="The secret of a model, or P.bundle of models in shards with their secrets beside it; named twice, both are "
    "in one statement, as before and after a removal.",
)
@click.option(
    "--confusion", is_flag=True, help="State how many rows of each class are predicted as each: it reveals more."
)
@click.option("--no-loss", is_flag=True, help="Do not state the log-loss, only what is right; nor deviances of counts.")
@click.option(
    "--grid",
    type=click.IntRange(*GRIDS),
    metavar="N",
    help="State sums in steps of 2^-N for each row; by default 12, of labels that are counts 4.",
)
@click.option("--out", required=True, type=FILE, metavar="E.evaluation", help="Where the proof goes.")
@force_option
@common
@within_memory("directory")
def evaluate(
    output: Output,
    directory: Path,
    models: Sequence[Path],
    confusion: bool,
    no_loss: bool,
    grid: int | None,
    out: Path,
    force: bool,
) -> None:
    """Prove how well one or two models predict the rows of the hold-out in DIR.

    That is how many they predict right, and the log-loss of what they say of classes; of linear and Poisson models RMSE
    and R^2, and of the latter the mean deviance. DIR is the models' own data set, if their specs hold rows out of it,
    or one of its own, committed with the same bounds, which never was part of it. One opening of it and of each model
    is spent; of models in shards one of each commitment with a model that answers. Counts are exact, the rest are
    intervals: all of them of at least 100 rows.
    """
    if out.suffix != SUFFIX:
        raise DataError(f"{out}: must end in {SUFFIX}, by which openings that it spent are found again")
    refuse_existing([out], force, "another one costs openings")
    require_file_place(out)
    holdout = zu.load_dataset(directory)
    secrets = [load_model(path) for path in models]
    prepare_kernels(output)
    with output.phases("evaluating") as progress:
        asked: dict[str, Any] = {"confusion": confusion, "loss": False if no_loss else None, "grid": grid}
        proof = zu.evaluate(holdout, secrets, progress=progress, **asked)
    proof.save(out)
    found = describe(proof.statement)
    left = [("openings", f"{holdout.spent} of {holdout.statement.openings} used of {foreign(directory)}")]
    for path, secret in zip(models, secrets, strict=True):
        left += [("", f"{text} of {foreign(path)}") for text in _used(secret, proof.statement)]
    lines = [*found.lines, *left, ("public", f"{foreign(out)}, {size_text(out.stat().st_size)}")]
    data = {**found.data, "file": str(out)}
    said = words_of(proof.statement.kind).said(proof.statement)
    output.result("Models evaluated", lines, f"evaluated: {said}", data)


def _used(secret: zu.Model | zu.ShardedModel, statement: Evaluated) -> list[str]:
    """Openings used, of each commitment that was opened."""
    own = secret.models if isinstance(secret, zu.ShardedModel) else [secret]
    opened = {model.root for _, model in statement.opened}
    models = [model for model in own if model.commitment.root in opened]
    return [f"{model.spent} of {model.commitment.openings} used" for model in models]
