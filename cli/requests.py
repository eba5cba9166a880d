"""The owner's command `forget`: a list of people, answered as a nightly job needs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import zkunlearn as zu

from .asked import asked_data, asked_lines
from .compiling import prepare_kernels
from .id_options import IdList, id_list
from .options import FILE, common, within_memory
from .output import Lines, Output, foreign
from .places import require_file_place, require_folder_place
from .words import noted, plural, statement_lines

if TYPE_CHECKING:
    from ..prover.owner.requests import Answered

WEIGHTS = ".npz"


@click.command()
@click.argument("directory", type=FILE, metavar="DIR")
@click.option("--spec", "spec_file", required=True, type=FILE, metavar="SPEC.toml", help="The declared algorithm.")
@click.option(
    "--proofs", required=True, type=FILE, metavar="PROOFS", help="The folder of proofs and models, old and new."
)
@id_list("id", "Who is to be forgotten; may be repeated.", "Who is to be forgotten, which may be nobody", least=0)
@click.option(
    "--export",
    "export_file",
    type=FILE,
    metavar="FILE",
    help="Write the model in force there, as `export` does, or its weights as *.npz; SECRET.",
)
@common
@within_memory("directory")
def forget(
    output: Output, directory: Path, spec_file: Path, proofs: Path, asked_for: IdList, export_file: Path | None
) -> None:
    """Forget whoever of a list is not forgotten yet, from the newest proof in PROOFS; for nightly jobs.

    The new proof is verified and goes to PROOFS as 0001.proof, 0002.proof, .., with model and list beside it. Where all
    are forgotten already, nothing is spent. After a kill, at whatever moment, say it again: what was proved is not
    proved again, and an opening that was counted is used.
    """
    spec = zu.load_spec(spec_file)
    require_folder_place(proofs)
    exported = None if export_file is None else _export_to(export_file)
    dataset = zu.load_dataset(directory)
    asked_for.asked(dataset)  # which names file and hints
    ids = asked_for.read(dataset.ids)
    del dataset
    prepare_kernels(output)
    with output.phases("forgetting") as progress:
        answered = zu.forget(
            directory,
            ids,
            spec,
            proofs,
            export=exported,
            skip_unknown=asked_for.skip_unknown,
            progress=progress,
        )
    for text in answered.notes:
        output.note(noted(text))
    spent, of = answered.openings
    names = [foreign(path) for path in answered.published]
    lines: Lines = [
        *([] if answered.statement is None else statement_lines(answered.statement)),
        *asked_lines(answered.asked),
        ("published", ", ".join(names) if names else "nothing: there was nothing to be done"),
        *([("verified", f"{answered.report.security_bits:.1f} bits")] if answered.report is not None else []),
        ("openings", f"{spent} of {of} used"),
    ]
    written = None if answered.newest is None else export_file
    lines += [] if written is None else [("SECRET", f"{foreign(written)}: the weights in force")]
    last = f"forgotten: {plural(answered.forgotten, 'row')} now, {plural(len(answered.published), 'proof')} published"
    output.result("Requests answered", lines, last, _data(answered, written))


def _export_to(path: Path) -> Path | Callable[[Any], None]:
    """What to do with the model in force. Raises ParameterError for a file that is no place for it."""
    from ..estimators.exports.write import require_format

    require_file_place(path)
    if path.suffix == WEIGHTS:
        return path
    require_format(path)
    return lambda model: zu.export(model, path)


def _data(answered: Answered, written: Path | None) -> dict[str, Any]:
    newest, report = answered.newest, answered.report
    spent, of = answered.openings
    return {
        "published": [str(path) for path in answered.published],
        "newest": None if newest is None else str(newest.proof),
        "statement": None if answered.statement is None else answered.statement.digest.hex(),
        "forgotten_now": answered.forgotten,
        "forgotten": 0 if answered.statement is None else len(answered.statement.positions),
        "asked": asked_data(answered.asked),
        "security_bits": None if report is None else report.security_bits,
        "openings": {"spent": spent, "of": of},
        "exported": None if written is None else str(written),
        "notes": list(answered.notes),
    }
