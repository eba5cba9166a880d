"""The owner's command `prove-distance`: how near the optimum of its own objective a trained model is."""

from __future__ import annotations

from pathlib import Path

import click
import zkunlearn as zu

from ..errors import DataError
from .compiling import prepare_kernels
from .inspection import describe, words_of
from .options import FILE, common, force_option, within_memory
from .output import Output, foreign
from .places import refuse_existing, require_file_place
from .words import size_text

SUFFIX = ".distance"


@click.command("prove-distance")
@click.argument("directory", type=FILE, metavar="DIR")
@click.option("--model", type=FILE, required=True, metavar="P.model.opening", help="The secret of the model.")
@click.option(
    "--distance",
    type=float,
    metavar="D",
    help="How far from the optimum weights are at most, for features in [-1, 1]: the largest power of two up to D is "
    "proved; by default the smallest that can be.",
)
@click.option(
    "--slope",
    type=float,
    metavar="S",
    help="How much a unit of another intercept can lower the loss, where l2 leaves the intercept out; likewise.",
)
@click.option("--out", required=True, type=FILE, metavar="P.distance", help="Where the proof goes.")
@force_option
@common
@within_memory("directory")
def prove_distance(
    output: Output,
    directory: Path,
    model: Path,
    distance: float | None,
    slope: float | None,
    out: Path,
    force: bool,
) -> None:
    """Prove how near the best possible the loss of a model is, and how near the optimum its weights.

    DIR is the data set of the model: one with a penalty, on features as they are, by gradient descent, in shards, or
    in one pass. Of several classes, or shards, each model has numbers of its own. The
    objective is that of its spec, on the rows that count. One opening of data set and model is spent. Without a
    distance it is measured, which tells a few bits of the data.
    """
    if out.suffix != SUFFIX:
        raise DataError(f"{out}: must end in {SUFFIX}, by which openings that it spent are found again")
    refuse_existing([out], force, "another one costs openings")
    require_file_place(out)
    dataset, secret = zu.load_dataset(directory), zu.Model.load(model)
    prepare_kernels(output)
    with output.phases("measuring") as progress:
        proof = zu.prove_distance(dataset, secret, distance, slope, progress=progress)
    proof.save(out)
    found = describe(proof.statement)
    left = [
        ("openings", f"{dataset.spent} of {dataset.statement.openings} used of {foreign(directory)}"),
        ("", f"{secret.spent} of {secret.commitment.openings} used of {foreign(model)}"),
    ]
    lines = [*found.lines, *left, ("public", f"{foreign(out)}, {size_text(out.stat().st_size)}")]
    said = words_of(proof.statement.kind).said(proof.statement)
    output.result("Distance proved", lines, f"proved: {said}", {**found.data, "file": str(out)})
