"""The command `predict`: what a model says of new rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import zkunlearn as zu

from ..circuits.statements.prediction import WHATS
from ..errors import DataError, FormatError, ParameterError
from ..formats.files import write_file
from ..models.convergence import SCORES
from ..models.methods import Sisa
from .options import FILE, common, csv_options, force_option
from .output import Output, foreign
from .places import require_output
from .proved_predictions import prove_them, require_proof_place
from .words import plural

if TYPE_CHECKING:
    from ..prover.owner.prediction import Predictor
    from ..prover.tables.csv_format import CsvFormat
    from ..prover.tables.read import RawTable


@click.command()
@click.argument("model_file", type=FILE, metavar="MODEL")
@click.argument("data", type=FILE, metavar="FILE")
@click.option("--id", "id_column", metavar="COL", help="The column of row ids; without it rows are numbered from 1.")
@click.option("--target", metavar="COL", help="The column of labels, if there is one: how good the predictions are.")
@click.option("--proba", is_flag=True, help="Add the probability of each class.")
@click.option("--out", type=FILE, metavar="OUT.csv", help="Where the predictions go, instead of to stdout.")
@click.option(
    "--prove",
    "proof_file",
    type=FILE,
    metavar="Q.predictions",
    help="Prove them, for whoever has the rows; one opening of the model is spent.",
)
@click.option(
    "--what",
    type=click.Choice(WHATS),
    help="What is proved of each row: its class alone, which is the default of classifiers, or more.",
)
@click.option(
    "--publish-model-anyway",
    is_flag=True,
    help="Prove scores or probabilities of more rows than the model has weights, which tell what these are.",
)
@force_option
@common
@csv_options
def predict(
    output: Output,
    model_file: Path,
    data: Path,
    id_column: str | None,
    target: str | None,
    written: CsvFormat,
    proba: bool,
    out: Path | None,
    proof_file: Path | None,
    what: str | None,
    publish_model_anyway: bool,
    force: bool,
) -> None:
    """Predict the labels of the rows in FILE by MODEL.

    MODEL is the secret P.model.opening that lies beside P.proof, or of a sharded training P.bundle, beside which such
    files lie; no opening of it is spent, but to prove predictions. FILE is CSV, Parquet, Arrow or .npz. Columns are
    found by their names, in any order; those that are no features of the model are not read.
    """
    if proof_file is None and (what is not None or publish_model_anyway):
        raise click.UsageError("--what and --publish-model-anyway are about what is proved: say --prove")
    if proof_file is not None:
        if out is not None or proba or target is not None:
            raise click.UsageError("--prove takes neither --out, --proba nor --target: predict without it for these")
        require_proof_place(proof_file, force)
    if out is not None:
        require_output(out, (model_file, data), force)
    from ..prover.tables.read import read_features

    with output.phases("predicting"):
        model = load_model(model_file)
        table = read_features(data, model.encoding, target, id_column, written)
    if proof_file is not None:
        found = prove_them(output, model, table, what, publish_model_anyway, proof_file)
        output.result("Predictions proved", found.lines, f"proved: {plural(len(table.ids), 'prediction')}", found.data)
        return
    with output.phases("predicting"):
        try:
            predictions = Predictions.of(model, table, proba)
        except DataError as error:
            raise table.locate(error) from error
    if table.unused:
        output.note(f"note: no features of the model, and not read: {', '.join(map(foreign, table.unused))}")
    text = predictions.csv_text()
    if out is not None:
        write_file(out, text.encode(), secret=True)
    elif not output.as_json:
        click.echo(text, nl=False)
        if predictions.score is not None:
            output.note(f"{predictions.score_text} on {plural(len(predictions.ids), 'row')}")
        return
    _show(output, model, table, predictions, out)


def load_model(path: Path) -> zu.Model | zu.ShardedModel:
    """A model, from its secret file or from a bundle with such files beside it. Raises FormatError or DataError.

    Raises:
        ParameterError: the models of shards by themselves.
    """
    from ..prover.owner.sharded_model import load_sharded

    try:
        model = zu.Model.load(path)
    except FormatError as error:
        if error.fault != "kind" or path.suffix != ".bundle":
            raise
        return load_sharded(path)
    if model.spec.method.kind == Sisa.kind:
        raise ParameterError(f"{path}: holds the models of some stages of shards; name the bundle that is beside it")
    return model


def _show(
    output: Output, model: zu.Model | zu.ShardedModel, table: RawTable, found: Predictions, out: Path | None
) -> None:
    digest = model.bundle.statement.digest if isinstance(model, zu.ShardedModel) else model.statement.digest
    statement, rows = digest.hex(), plural(len(found.ids), "row")
    lines = [
        ("statement", statement),
        ("model", model.spec.family.title),
        ("rows", f"{len(found.ids):,}"),
        *([("score", found.score_text)] if found.score is not None else []),
        *([("SECRET", f"{foreign(out)}: predictions tell about the weights")] if out is not None else []),
    ]
    data = {
        "statement": statement,
        "model": model.spec.family.name,
        "rows": len(found.ids),
        "unused": list(table.unused),
        "score": None if found.score is None else {found.score_name: found.score},
        "file": None if out is None else str(out),
        "predictions": list(found.records()) if out is None else None,
    }
    last = f"predicted: {rows}" + (f", {found.score_text}" if found.score is not None else "")
    output.result("Rows predicted", lines, last, data)


@dataclass(frozen=True, repr=False)  # secrets stay out of logs
class Predictions:
    """What a model says of the rows of a table.

    Attributes:
        ids: of the rows.
        values: for each row its class, value or expected count.
        classes: whose probabilities were asked for, in their order; else empty.
        probabilities: for each row one of each class.
        score_name: what the score is.
        score: by the labels of the table, if it has any.
    """

    ids: tuple[str, ...]
    values: list[Any]
    classes: tuple[str, ...]
    probabilities: list[list[float]]
    score_name: str
    score: float | None

    @classmethod
    def of(cls, model: Predictor, table: RawTable, proba: bool) -> Predictions:
        """Raises DataError, naming the row, and ParameterError for probabilities where there are none."""
        probabilities = model.predict_proba(table.X).tolist() if proba else [[] for _ in table.ids]
        return cls(
            ids=table.ids,
            values=model.predict(table.X).tolist(),
            classes=tuple(model.classes_.tolist()) if proba else (),
            probabilities=probabilities,
            score_name=SCORES[model.spec.family.predicts],
            score=None if table.y is None else model.score(table.X, table.y, label_name=table.target),
        )

    @property
    def score_text(self) -> str:
        """Its name and what it is."""
        return f"{self.score_name} {self.score:.4f}"

    def csv_text(self) -> str:
        """A line for each row, below the names of the columns."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["id", "prediction", *(f"probability of {name}" for name in self.classes)])
        for name, value, probabilities in zip(self.ids, self.values, self.probabilities, strict=True):
            writer.writerow([name, value, *probabilities])
        return text.getvalue()

    def records(self) -> Iterator[dict[str, Any]]:
        """The same for JSON."""
        for name, value, probabilities in zip(self.ids, self.values, self.probabilities, strict=True):
            by_class = dict(zip(self.classes, probabilities, strict=True))
            yield {"id": name, "prediction": value} | ({"probabilities": by_class} if self.classes else {})
