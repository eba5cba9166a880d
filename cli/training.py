"""Commands of the owner that prove nothing: train tries a spec, suggest finds one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import zkunlearn as zu

from ..formats.files import write_file
from ..models.suggestion import gap_text
from .asked import asked_data, asked_lines
from .compiling import prepare_kernels
from .curves import curve_data, curve_sentence, curve_table, plot_lines
from .id_options import IdList, forget_options
from .options import FILE, common, force_option, load_previous, load_superseded, plot_option, within_memory
from .output import Output, aligned, foreign
from .places import refuse_existing, require_file_place, require_plot_place
from .words import algorithm_sentence, noted, plural

if TYPE_CHECKING:
    from ..prover.owner.asked import Asked

PREVIOUS_HELP = "The proof that would be superseded; what it forgot does not count."


@click.command()
@click.argument("directory", type=FILE, metavar="DIR")
@click.option("--spec", "spec_file", required=True, type=FILE, metavar="SPEC.toml", help="The declared algorithm.")
@forget_options(PREVIOUS_HELP)
@plot_option
@force_option
@common
@within_memory("directory")
def train(
    output: Output,
    directory: Path,
    spec_file: Path,
    asked_for: IdList,
    classes: Sequence[str],
    previous_file: Path | None,
    plot_file: Path | None,
    force: bool,
) -> None:
    """Train on the data set in DIR as `prove` would, and show how it goes; prove nothing, and spend no opening."""
    require_plot_place(plot_file, force)
    spec = zu.load_spec(spec_file)
    previous = None if previous_file is None else load_superseded(previous_file, spec)
    dataset = zu.load_dataset(directory)
    asked = asked_for.asked(dataset)
    prepare_kernels(output)
    with output.phases("training") as progress:
        run = zu.train(dataset, spec, forget=asked.found, forget_classes=classes, previous=previous, progress=progress)
    if plot_file is not None:
        run.plot(plot_file)
    for text in run.notes:
        output.note(noted(text))
    rows, forgotten, counted = dataset.statement.rows, len(run.draft.forgotten), run.draft.schedule.live.count
    notes = [
        ("algorithm", algorithm_sentence(spec)),
        (
            "rows",
            f"{counted:,} of {rows:,} count; a constant for all of them has {run.curve.constant_loss:.5f}",
        ),
        *asked_lines(asked),
        *plot_lines(plot_file),
    ]
    data = {
        "algorithm": algorithm_sentence(spec),
        "spec": spec.to_mapping(),
        "rows": rows,
        "forgotten": forgotten,
        "asked": asked_data(asked),
        "training": curve_data(run.curve),
        "plot": None if plot_file is None else str(plot_file),
        "notes": list(run.notes),
    }
    last = f"tried: {curve_sentence(run.curve)}; nothing is proved"
    output.table("Training tried", curve_table(run.curve), notes, last, data)


@click.command()
@click.argument("directory", type=FILE, metavar="DIR")
@click.option("--model", metavar="KIND", help="logistic, linear, probit or poisson; by default as the labels are.")
@click.option(
    "--l2", type=float, metavar="L", help="L2 penalty; by default 1 / rows, of a shard its own: scikit-learn's C = 1."
)
@click.option("--shard-rows", type=int, metavar="S", help="Of a training in shards: rows of each, a power of two.")
@click.option("--slices", type=int, default=1, show_default=True, metavar="R", help="Stages of a shard.")
@click.option("--standardize/--as-they-are", default=True, show_default=True, help="Whether features are standardised.")
@click.option("--most-epochs", type=int, default=200, show_default=True, help="No more than these are suggested.")
@forget_options(PREVIOUS_HELP)
@click.option("--out", type=FILE, metavar="SPEC.toml", help="Where the spec goes; by default it is printed.")
@force_option
@common
@within_memory("directory")
def suggest(
    output: Output,
    directory: Path,
    model: str | None,
    l2: float | None,
    shard_rows: int | None,
    slices: int,
    standardize: bool,
    most_epochs: int,
    asked_for: IdList,
    classes: Sequence[str],
    previous_file: Path | None,
    out: Path | None,
    force: bool,
) -> None:
    """Find a spec whose training on the data set in DIR comes near its optimum, and say how near.

    It is public, as every spec, and derived from the data: keep it as it is for successors.
    """
    if out is not None:
        refuse_existing([out], force, "choose another name")
        require_file_place(out)
    previous = None if previous_file is None else load_previous(previous_file)
    dataset = zu.load_dataset(directory)
    asked = asked_for.asked(dataset)
    with output.phases("looking for a spec") as progress:
        found = zu.suggest(
            dataset,
            model,
            l2,
            standardize=standardize,
            most_epochs=most_epochs,
            shard_rows=shard_rows,
            slices=slices,
            forget=asked.found,
            forget_classes=classes,
            previous=previous,
            progress=progress,
        )
    if out is not None:
        write_file(out, found.to_toml().encode())
    for text in found.notes:
        output.note(noted(text))
    _show(output, found, asked, out)


def _show(output: Output, found: zu.Suggestion, asked: Asked, out: Path | None) -> None:
    """The spec, and what is expected of it."""
    expected = gap_text(found.expected_gap)
    data = {
        "spec": found.spec.to_mapping(),
        "toml": found.to_toml(),
        "expected_gap": found.expected_gap,
        "asked": asked_data(asked),
        "file": None if out is None else str(out),
        "notes": list(found.notes),
    }
    lines = [
        ("algorithm", algorithm_sentence(found.spec)),
        ("expected", f"a loss {expected} above its optimum, L2 included, if float64 and the integers agree"),
        *asked_lines(asked),
        *([] if out is None else [("public", foreign(out))]),
    ]
    text = [] if out is not None else ["", *found.spec.to_toml().splitlines()]
    last = f"suggested: {plural(found.epochs, 'epoch')}, {expected} above the optimum"
    output.table("Spec suggested", [*aligned(lines), *text], [], last, data)
