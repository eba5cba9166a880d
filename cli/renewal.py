"""The owner's command `recommit-model`: a fresh commitment to a model whose openings run out."""

from __future__ import annotations

from pathlib import Path

import click
import zkunlearn as zu

from ..circuits.statements.dataset import MAX_OPENINGS
from ..errors import DataError
from .compiling import prepare_kernels
from .inspection import describe
from .options import FILE, common, force_option
from .output import Output, foreign
from .places import refuse_existing, require_file_place
from .words import size_text


@click.command("recommit-model")
@click.argument("file", type=FILE, metavar="FILE.model.opening")
@click.option(
    "--openings",
    type=click.IntRange(2, MAX_OPENINGS),
    metavar="N",
    help="How many proofs the new commitment can serve, this one included; by default as many as the old one.",
)
@click.option("--out", required=True, type=FILE, metavar="NEW.model.opening", help="Where the new secret goes.")
@force_option
@common
def recommit_model(output: Output, file: Path, openings: int | None, out: Path, force: bool) -> None:
    """Commit afresh to the model in FILE, when its openings run out, and prove that it is the same.

    Beside the new secret goes NEW.model.link, the public proof that links both commitments. Put both beside the
    bundle that the model belongs to: the next `prove` takes the secret with most openings left, and its bundle has the
    link.
    """
    from ..prover.owner.model import LINK_SUFFIX, MODEL_SUFFIX

    if not out.name.endswith(MODEL_SUFFIX):
        raise DataError(f"{out}: must end in {MODEL_SUFFIX}, by which models are found beside their bundles")
    link_file = out.with_name(out.name.removesuffix(MODEL_SUFFIX) + LINK_SUFFIX)
    refuse_existing([out, link_file], force, "choose another name")
    require_file_place(out)

    prepare_kernels(output)
    with output.phases("committing afresh") as progress:
        new, link = zu.recommit_model(file, openings, progress=progress)
    new.save(out)
    link.save(link_file)
    lines = [
        *describe(link.statement).lines,
        ("openings", f"{new.spent} of {new.commitment.openings} used"),
        ("public", f"{foreign(link_file)}, {size_text(link_file.stat().st_size)}"),
        ("SECRET", f"{foreign(out)}: the weights; {foreign(file)} is needed no more"),
    ]
    data = {**describe(link.statement).data, "model": str(out), "link": str(link_file)}
    output.result("Model committed afresh", lines, f"committed: model {new.commitment.root.hex()}", data)
