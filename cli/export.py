"""The command `export`: a proved model for other tools."""

from __future__ import annotations

from pathlib import Path

import click
import zkunlearn as zu

from .options import FILE, common, force_option
from .output import Output, foreign
from .places import require_output
from .prediction import load_model
from .words import plural

FORMATS = ("onnx", "safetensors", "torch")


@click.command()
@click.argument("model_file", type=FILE, metavar="MODEL")
@click.option("--out", type=FILE, required=True, metavar="FILE", help="*.onnx, *.safetensors, *.pt or *.pth; secret.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="By default as FILE ends. For scikit-learn there is zu.to_sklearn: a file would be a pickle.",
)
@force_option
@common
def export(output: Output, model_file: Path, out: Path, form: str | None, force: bool) -> None:
    """Write MODEL for other tools, which predict by it what `predict` says.

    MODEL is the secret P.model.opening that lies beside P.proof, or of a sharded training P.bundle, beside which such
    files lie; no opening of it is spent. The file takes features in the units of your table, and is no proof.
    """
    from ..estimators.exports.write import require_format

    form = require_format(out, form)
    require_output(out, (model_file,), force)
    with output.phases("exporting"):
        model = load_model(model_file)
        zu.export(model, out, form)
    made = [source.column for source in model.encoding.sources if source.features != (source.column,)]
    made += [source.column for source in model.encoding.sources if source.kind == "time"]
    if made:
        output.note(f"note: no plain numbers, see docs/exports.md for what goes in: {', '.join(map(foreign, made))}")
    statement, features = model.stated.digest.hex(), model.encoding.names
    lines = [
        ("statement", statement),
        ("model", model.spec.family.title),
        ("format", form),
        ("features", f"{len(features):,}"),
        ("SECRET", f"{foreign(out)}: holds the weights, and is no proof"),
    ]
    data = {
        "statement": statement,
        "model": model.spec.family.name,
        "format": form,
        "file": str(out),
        "features": list(features),
        "made": made,
    }
    output.result("Model exported", lines, f"exported: {plural(len(features), 'feature')} in, as {form}", data)
