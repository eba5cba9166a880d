"""The part of `predict` that proves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import zkunlearn as zu

from ..errors import DataError
from .compiling import prepare_kernels
from .inspection import Inspection, describe
from .output import Output
from .places import refuse_existing, require_file_place
from .words import size_text

if TYPE_CHECKING:
    from ..prover.tables.raw_table import RawTable

SUFFIX = ".predictions"


def require_proof_place(path: Path, force: bool) -> None:
    """Find out before the work whether the proof may go there. Raises DataError."""
    if path.suffix != SUFFIX:
        raise DataError(f"{path}: must end in {SUFFIX}")
    refuse_existing([path], force, "another one costs an opening")
    require_file_place(path)


def prove_them(
    output: Output,
    model: zu.Model | zu.ShardedModel,
    table: RawTable,
    what: str | None,
    publish_model_anyway: bool,
    place: Path,
) -> Inspection:
    """Prove what a model says of a table, write the file, and say what is in it. Raises what the library does."""
    prepare_kernels(output)
    with output.phases("predicting") as progress:
        try:
            proof = zu.prove_predictions(
                model,
                table.X,
                what,
                publish_model_anyway=publish_model_anyway,
                progress=progress,
            )
        except DataError as error:
            raise table.locate(error) from error
    proof.save(place)
    found = describe(proof.statement)
    found.lines.append(("public", f"{place}, {size_text(place.stat().st_size)}"))
    found.data["file"] = str(place)
    return found
