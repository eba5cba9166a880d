"""The owner's command `evaluate`: how many rows of a hold-out models predict right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import zkunlearn as zu

from ..errors import DataError
from .inspection import describe, words_of
from .options import FILE, common, force_option, within_memory
from .output import Output, foreign
from .owner import prepare_kernels
from .places import refuse_existing, require_file_place
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
    help="The secret of a model; named twice, both are in one statement, as before and after a removal.",
)
@click.option("--out", required=True, type=FILE, metavar="E.evaluation", help="Where the proof goes.")
@force_option
@common
@within_memory("directory")
def evaluate(output: Output, directory: Path, models: Sequence[Path], out: Path, force: bool) -> None:
    """Prove how many rows of the hold-out in DIR one or two models predict right.

    DIR is a data set of its own, committed with the same bounds as that of the models, which never was part of it. One
    opening of it and of each model is spent. Numbers are exact: they are of at least 100 rows.
    """
    if out.suffix != SUFFIX:
        raise DataError(f"{out}: must end in {SUFFIX}, by which openings that it spent are found again")
    refuse_existing([out], force, "another one costs openings")
    require_file_place(out)
    holdout = zu.load_dataset(directory)
    secrets = [zu.Model.load(path) for path in models]
    prepare_kernels(output)
    with output.phases("evaluating") as progress:
        proof = zu.evaluate(holdout, secrets, progress=progress)
    proof.save(out)
    found = describe(proof.statement)
    left = [
        ("openings", f"{holdout.spent} of {holdout.statement.openings} used of {foreign(directory)}"),
        *(
            ("", f"{model.spent} of {model.commitment.openings} used of {foreign(path)}")
            for path, model in zip(models, secrets, strict=True)
        ),
    ]
    lines = [*found.lines, *left, ("public", f"{foreign(out)}, {size_text(out.stat().st_size)}")]
    data = {**found.data, "file": str(out)}
    said = words_of(proof.statement.kind).said(proof.statement)
    output.result("Models evaluated", lines, f"evaluated: {said}", data)
