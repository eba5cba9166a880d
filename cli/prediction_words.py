"""What the command line says of proved predictions: their words, and what `verify` compares besides."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..circuits.statements.prediction import WHATS, PredictionStatement
from ..errors import DataError
from ..formats.files import read_text
from ..verifier.predictions import require_same_inputs
from ..verifier.proofs import AnyLink
from ..verifier.renewals import renewal
from .output import Lines, foreign
from .words import plural

CLASS, _, SCORE = WHATS
SHOWN = 10  # answers
MAX_TABLE_BYTES = 1 << 28
NOT_COMPARED = "inputs not compared: they are what the file says; --inputs names a table of them"
PREDICTION_MISSING = {"training": "model not verified: the proof of its training {digest} was not checked"}


def prediction_lines(statement: PredictionStatement) -> Lines:
    """Whose answers, to how many inputs, and the first of them."""
    answers = [f"{row}: {_answer(value)}" for row, value in enumerate(statement.values[:SHOWN], start=1)]
    more = statement.rows - SHOWN
    answers += [f"and {more:,} more, which --json shows"] if more > 0 else []
    return [
        ("of training", statement.training.digest.hex()),
        ("model", statement.model.root.hex() + (", committed afresh since" if statement.afresh else "")),
        ("inputs", f"{statement.rows:,} of {plural(statement.training.dataset.features, 'feature')}"),
        ("shown", _what(statement)),
        *(("" if place else "answers", text) for place, text in enumerate(answers)),
        ("revealed", _revealed(statement)),
    ]


def prediction_text(statement: PredictionStatement) -> str:
    """What a valid one says."""
    what = {CLASS: "classes", SCORE: "scores"}.get(statement.what, "probabilities")
    return f"the model gives {plural(statement.rows, 'input')} these {what}; {_revealed(statement)}"


def prediction_data(statement: PredictionStatement) -> dict[str, Any]:
    """The same for programs, with all answers."""
    return {
        "training": statement.training.digest.hex(),
        "model": statement.model.root.hex(),
        "committed_afresh": statement.afresh,
        "what": statement.what,
        "inputs": statement.rows,
        "answers": statement.values,
        "revealed": statement.revealed,
        "weights": statement.weights,
    }


def _answer(value: Any) -> str:
    if isinstance(value, str):
        return foreign(value)
    return ", ".join(f"{number:.6g}" for number in (value if isinstance(value, list) else [value]))


def _what(statement: PredictionStatement) -> str:
    if statement.what == CLASS:
        return "the class of each input, and nothing else of its score"
    name = "score" if statement.what == SCORE else "probability"
    each = f"the {name} of each input" + (f" for each of {statement.each} classes" if statement.each > 1 else "")
    if statement.what != SCORE:
        return f"{each}, as a table has it, in units of 2^-{statement.unit_bits}"
    units = ", in units of the label" if statement.in_label_units else ""
    return f"{each}, rounded down to 2^-{statement.unit_bits} of encoded features{units}"


def _revealed(statement: PredictionStatement) -> str:
    """How far the model is known by scores and probabilities."""
    return (
        f"scores or probabilities of {plural(statement.revealed, 'input')} revealed so far, by its owner's count, of a "
        f"model with {plural(statement.weights, 'weight')}"
    )


def prediction_cautions(statement: PredictionStatement) -> tuple[str, ...]:
    """What predictions do not say."""
    if statement.revealed < statement.weights:
        return ()
    return ("the model may be known: scores of as many inputs as it has weights tell what these are",)


# What is compared --------------------------------------------------------------------------------------------------


def compare_inputs(statement: PredictionStatement, path: Path) -> None:
    """A table of the auditor's is what was predicted. Raises StatementMismatch, or DataError for a bad table."""
    encoding = statement.encoding
    cells, lines = _read(path, encoding.columns)
    try:
        require_same_inputs(statement, encoding.features_from(cells))
    except DataError as error:
        raise error.at(file=str(path), line=None if error.row is None else lines[error.row]) from error


def unlinked_prediction(statement: PredictionStatement, links: Iterable[AnyLink]) -> tuple[str, ...]:
    """What is said of a model that was committed afresh, and whose links were not checked."""
    if renewal(statement.training.digest, statement.training.model, statement.model, links) is not None:
        return ()
    return ("the model was committed afresh: no links lead to its commitment from there",)


def _read(path: Path, names: Sequence[str]) -> tuple[dict[str, list[str]], list[int]]:
    """The cells of the columns of these names of a CSV file, and the line of each row. Raises DataError.

    What reads tables for owners needs what only owners install.
    """
    reader = csv.reader(read_text(path, MAX_TABLE_BYTES).splitlines(keepends=True), strict=True)
    cells: dict[str, list[str]] = {name: [] for name in names}
    lines: list[int] = []
    try:
        head = next(reader, [])
        for name in names:
            if head.count(name) != 1:
                raise DataError(f"there is not one column {foreign(name)}", file=str(path), line=1)
        places = [head.index(name) for name in names]
        for row in filter(None, reader):
            if len(row) != len(head):
                raise DataError(f"{len(row)} cells, not {len(head)}", file=str(path), line=reader.line_num)
            for k, name in zip(places, names, strict=True):
                cells[name].append(row[k])
            lines.append(reader.line_num)
    except csv.Error as error:
        raise DataError(f"no CSV: {error}", file=str(path), line=reader.line_num) from error
    if not lines:
        raise DataError("no rows", file=str(path))
    return cells, lines
