"""The commands of the owner: commit, prove, warm-up. What is slow to import comes when it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import zkunlearn as zu

from ..errors import DataError
from ..models.shapes import LABEL_KINDS
from .asked import asked_data, asked_lines
from .committed import show_committed
from .compiling import prepare_kernels
from .curves import curve_data, curve_lines, plot_lines
from .id_options import IdList, forget_options, left_out_options
from .noise import commit_to_noise, noise_drawn
from .options import (
    FILE,
    common,
    csv_options,
    force_option,
    hexadecimal,
    load_previous,
    load_superseded,
    openings_option,
    plot_option,
    within_memory,
    workers_options,
)
from .output import Lines, Output, foreign
from .places import dataset_files, refuse_existing, require_file_place, require_folder_place, require_plot_place
from .tables import columns_of, declared_in, naming, read_by_options
from .words import (
    noted,
    plural,
    request_lines,
    size_text,
    statement_data,
    statement_lines,
)

if TYPE_CHECKING:
    from ..prover.owner.asked import Asked
    from ..prover.owner.dataset import Dataset
    from ..prover.owner.trained import ProofFiles, Trained
    from ..prover.owner.workers import Workers

ONE_PROCESS = (
    "a model with noise is one model, of no shards, and its noise is used in the process that counts it: leave out "
    "--processes, --scheduler and --groups"
)


@click.command()
@click.argument("data", type=FILE)
@click.option("--target", required=True, metavar="COL", help="The column of labels.")
@click.option("--id", "id_column", metavar="COL", help="The column of row ids; without it rows are numbered from 1.")
@click.option(
    "--bounds",
    "bounds_file",
    type=FILE,
    metavar="FILE",
    help="TOML: [bounds] with a line for each column: bounds, categories, what is missing; see suggest-bounds.",
)
@click.option(
    "--categories",
    "categories_file",
    type=FILE,
    metavar="FILE",
    help='TOML or JSON: categories of columns apart from bounds, as in city = ["LA", "NY"].',
)
@click.option(
    "--x-bits",
    type=int,
    metavar="N",
    default=10,
    show_default=True,
    help="A feature has 2^(N + 1) steps between its bounds.",
)
@click.option(
    "--label",
    type=click.Choice(LABEL_KINDS),
    help="Kind of labels; guessed by default: binary for two values, real for numbers, categorical for texts.",
)
@click.option(
    "--classes",
    metavar="CLASS,..",
    help="All classes of labels, where one of them would else say that a label is missing, as None.",
)
@click.option(
    "--several-rows-per-id", "several", is_flag=True, help="One id may have several rows, forgotten together."
)
@click.option(
    "--unique",
    metavar="COL,..",
    help="Columns that are no features, and in all of which together no two rows are equal, as is proved.",
)
@click.option("--features", metavar="COL,..", help="The columns that are features; by default all others.")
@click.option("--drop", metavar="COL,..", help="Columns that are left out; in quotes those with commas.")
@left_out_options
@click.option(
    "--leave-out-incomplete",
    "incomplete",
    is_flag=True,
    help="Leave out rows in which a value is missing, and know their ids as those of --left-out.",
)
@openings_option
@click.option("--out", required=True, type=FILE, metavar="DIR", help="Where dataset.commitment and its secret go.")
@force_option
@common
@within_memory("out")
@csv_options
def commit(
    output: Output,
    data: Path,
    target: str,
    id_column: str | None,
    bounds_file: Path | None,
    categories_file: Path | None,
    x_bits: int,
    label: str | None,
    classes: str | None,
    several: bool,
    left_out_ids: Sequence[str] | None,
    incomplete: bool,
    openings: int,
    out: Path,
    force: bool,
    **reading: Any,
) -> None:
    """Commit to DATA (CSV, Parquet, Arrow or .npz) and prove that it is well formed.

    A CSV may be compressed (.gz, .zst); DATA may be -, for a CSV or a stream of Arrow's on
    standard input.
    """
    public, secret = dataset_files(out)
    refuse_existing([public, secret], force, "replacing it makes its proofs impossible to continue")
    require_folder_place(out)
    declared = declared_in(bounds_file, categories_file, reading["drop"])
    named = columns_of(classes, "--classes")
    reading |= {"sources": declared.sources, "numbers": declared.columns, "classes": named, "bounded": declared.bounded}
    with naming(bounds_file):
        table = read_by_options(data, target, id_column, several, whole=not incomplete, **reading)
        prepare_kernels(output)
        try:
            with output.phases("committing") as progress:
                dataset = zu.commit(
                    table.X,
                    table.y,
                    table.ids,
                    names=table.names,
                    bounds=declared.bounds,
                    categories=declared.categories,
                    label_kind=label or table.label_kind,
                    label_name=target,
                    x_bits=x_bits,
                    openings=openings,
                    rows_per_id="many" if several else "one",
                    unique=table.keys,
                    classes=named or None,
                    left_out_ids=[*(left_out_ids or ()), *table.incomplete] or None,
                    progress=progress,
                )
        except DataError as error:
            raise table.locate(error) from error
    dataset.save(out, replace=force)
    if table.rows_left_out:
        output.note(f"note: {plural(table.rows_left_out, 'row')} left out, in which a value is missing")
    for note in dataset.notes:
        output.note(f"note: {note}")
    show_committed(output, dataset, out)


@click.command()
@click.argument("directory", type=FILE, metavar="DIR")
@click.option("--spec", "spec_file", required=True, type=FILE, metavar="SPEC.toml", help="The declared algorithm.")
@forget_options("The proof that this one supersedes; what it forgot stays forgotten. The spec may be another one.")
@click.option(
    "--link",
    "link_files",
    type=FILE,
    multiple=True,
    metavar="L.link",
    help="Of a bundle that is superseded: leads from its data set towards DIR, beside DIR's own dataset.link; may be "
    "repeated.",
)
@click.option(
    "--fork", is_flag=True, help="Go on even if another statement supersedes Q already: that forks the history."
)
@click.option(
    "--commit-noise",
    "source",
    metavar="TEXT",
    help="Of a model with noise, the first move: commit to it, and say who will give the nonce, and when.",
)
@click.option("--nonce", type=hexadecimal, metavar="HEX", help="The second move: the nonce that was given after that.")
@click.option("--out", required=True, type=FILE, metavar="P.proof", help="Where the proof, or the bundle, goes.")
@plot_option
@click.option("--timings", is_flag=True, help="Show the seconds of each phase.")
@force_option
@common
@within_memory("directory")
@workers_options
def prove(
    output: Output,
    directory: Path,
    spec_file: Path,
    asked_for: IdList,
    classes: Sequence[str],
    previous_file: Path | None,
    link_files: Sequence[Path],
    fork: bool,
    source: str | None,
    nonce: bytes | None,
    workers: Workers | None,
    groups: int | None,
    out: Path,
    plot_file: Path | None,
    timings: bool,
    force: bool,
) -> None:
    """Train on the data set in DIR without the forgotten rows, and prove it.

    Beside P.proof go P.model.opening (SECRET: the weights) and, if rows are forgotten, P.forgotten, the public list
    of their record digests. Of a sharded training (SISA) P.bundle is better a name: it has the proof of what is trained
    now with those of what is kept of --previous, whose secrets P.model.opening have to lie beside it: of stages that
    see no row that was added since. Several groups of shards have P.group-1.model.opening, and so on.
    """
    from ..prover.owner.successors import refuse_fork, roots
    from ..prover.owner.trained import ProofFiles

    files = ProofFiles.beside(out)
    refuse_existing([*files.all, *files.of_groups], force, "choose another name")
    require_file_place(out)
    require_plot_place(plot_file, force)
    spec = zu.load_spec(spec_file)
    previous = None if previous_file is None else load_previous(previous_file)
    if link_files and not isinstance(previous, zu.Bundle):
        raise click.UsageError("--link leads from the data set of --previous, of which something is kept: a bundle")
    _require_one_move(source, nonce, plot_file)
    if (source is not None or nonce is not None) and (workers is not None or groups is not None):
        raise click.UsageError(ONE_PROCESS)
    folders = [path.parent for path in (out, previous_file) if path is not None]
    dataset = zu.load_dataset(directory)
    if previous is not None and not fork:
        refuse_fork(previous.request if isinstance(previous, zu.Bundle) else [previous], directory, folders)
    dataset.require_whole_count(out.parent)
    asked = asked_for.asked(dataset)
    prepare_kernels(output, whole=workers is not None)
    kept = None if previous_file is None else load_superseded(previous_file, spec)
    chosen: dict[str, Any] = {"forget": asked.found, "forget_classes": classes, "previous": kept, "fork": fork}
    if source is not None:
        commit_to_noise(output, dataset, spec, source, chosen, asked, out, force)
        return
    with output.phases("proving") as progress:
        chosen |= {"workers": workers, "groups": groups, **noise_drawn(out, nonce)}
        chosen["links"] = [zu.LinkProof.load(path) for path in link_files]
        trained = zu.prove(dataset, spec, **chosen, progress=progress)
    files = trained.save(out, replace=force)
    if previous is None and roots(directory) > len(trained.proofs):
        output.note("note: this supersedes nothing, though there are proofs from this data set; see --previous")
    moved = [] if previous_file is None else _influence(previous_file, trained)
    _show(output, dataset, trained, asked, files, timings, moved, _plotted(output, trained, plot_file))


def _require_one_move(source: str | None, nonce: bytes | None, plot_file: Path | None) -> None:
    if source is not None and nonce is not None:
        raise click.UsageError("--commit-noise is the first move, --nonce the second: say one of them")
    if source is not None and plot_file is not None:
        raise click.UsageError("--plot shows a training that is proved, which is the second move: say it with --nonce")


def _plotted(output: Output, trained: Trained, file: Path | None) -> Path | None:
    """Where the training was drawn, if it was: of shards that were all kept there is nothing to draw."""
    if file is not None and trained.curve is None:
        output.note("note: nothing is plotted, as nothing was trained that rows count in")
        return None
    if file is not None:
        trained.plot(file)
    return file


def _influence(previous: Path, trained: Trained) -> Lines:
    """How far certified weights moved from those of what is superseded, where these lie beside it."""
    from ..prover.owner.influence import influence_of
    from ..prover.owner.trained import ProofFiles

    file = ProofFiles.beside(previous).models[0]
    found = influence_of(file, trained) if file.is_file() else None
    if found is None:
        return []
    share = f"{found.changed} of {plural(found.weights, 'weight')} changed"
    return [("influence", f"{found.norm:.3g} between both models, {share}; an owner's figure, which is not proved")]


def _show(
    output: Output,
    dataset: Dataset,
    trained: Trained,
    asked: Asked,
    files: ProofFiles,
    timings: bool,
    moved: Lines,
    plot: Path | None,
) -> None:
    """What was proved, and where it is."""
    statement, out = trained.proof.statement, files.proof
    for text in trained.notes:
        output.note(noted(text))
    if trained.forgotten_before:
        output.note(f"note: {plural(trained.forgotten_before, 'row')} of these had been forgotten already")
    if dataset.spent + 1 == dataset.statement.openings:
        output.note("note: one opening of the data set is left; keep it for `zkunlearn recommit`")
    for model in trained.kept:
        if model.budget.left == 1:
            output.note(
                f"note: one opening of the models of statement {model.statement.digest.hex()} is left; keep it for "
                "`zkunlearn recommit-model`"
            )
    public_list = str(files.forgotten) if statement.forgotten else None
    names: dict[str, Any] = {"model": str(files.models[-1]), "forgotten": public_list, "proof": str(out)}
    if len(files.models) > 1:
        names["models"] = [str(path) for path in files.models]
    seconds = {phase: round(duration, 3) for phase, duration in trained.timings.items()}
    lines = [
        *(statement_lines(statement) if trained.bundle is None else request_lines(trained.bundle)),
        *asked_lines(asked),
        *_bundled(trained),
        *([] if trained.curve is None else curve_lines(trained.curve)),
        *moved,
        ("openings", f"{dataset.spent} of {dataset.statement.openings} used"),
        ("public", f"{foreign(out)}, {size_text(out.stat().st_size)}"),
        *([("", foreign(public_list))] if public_list else []),
        ("SECRET", f"{', '.join(map(foreign, files.models))}: the weights"),
        *plot_lines(plot),
        *([("seconds", ", ".join(f"{phase} {duration}" for phase, duration in seconds.items()))] if timings else []),
    ]
    data = {**statement_data(statement), "files": names, "openings_used": dataset.spent, "seconds": seconds}
    data["asked"] = asked_data(asked)
    data["notes"] = list(trained.notes)
    data["plot"] = None if plot is None else str(plot)
    data["training"] = None if trained.curve is None else curve_data(trained.curve)
    output.result("Training proved", lines, f"proved: statement {data['statement']}", data)


def _bundled(trained: Trained) -> Lines:
    """Of a sharded training, how much of it was trained now."""
    if trained.bundle is None:
        return []
    table, first = trained.bundle.table, len(trained.bundle.proofs) - len(trained.proofs)
    now = sum(entry.proof >= first for entry in table.values())
    return [
        ("stages", f"{now:,} of {plural(len(table), 'stage')} of all shards trained now, {len(table) - now:,} kept")
    ]


@click.command("warm-up")
@common
def warm_up(output: Output) -> None:
    """Compile the prover's kernels now, once for this machine, instead of at the first proof."""
    from ..prover import kernels

    before = kernels.is_warm()
    prepare_kernels(output, whole=True)
    said = "kernels were compiled before" if before else "kernels are compiled"
    output.result("Ready", [("kernels", said)], said, {"compiled": not before})
