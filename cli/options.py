"""Options that several commands have."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import zkunlearn as zu

from ..circuits.statements.dataset import MAX_OPENINGS
from ..errors import DataError, FormatError
from ..formats.lists import parse_digest
from ..verifier.bundles import load_public
from .exits import AS_JSON, exit_codes
from .output import Output

if TYPE_CHECKING:
    from ..prover.owner.workers import Workers

Command = Callable[..., None]
FILE = click.Path(path_type=Path)  # existence is checked by whoever reads, with one kind of message


def hexadecimal(text: str) -> bytes:
    """An option's 32 bytes: a digest, or a nonce. Raises BadParameter."""
    found = parse_digest(text.strip())
    if found is None:
        raise click.BadParameter("must be 64 hexadecimal characters")
    return found


def common(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command, and its exit codes; the command gets an Output first."""

    @click.option(AS_JSON, "as_json", is_flag=True, help="Print the result, or what failed, as a JSON object.")
    @click.option("--quiet", "-q", is_flag=True, help="Only the last line of the result; no progress, no notes.")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
    @wraps(command)
    def run(as_json: bool, quiet: bool, debug: bool, **arguments: Any) -> None:
        with exit_codes(debug, as_json):
            command(Output(as_json, quiet), **arguments)

    return run


openings_option = click.option(
    "--openings",
    type=click.IntRange(2, MAX_OPENINGS),
    metavar="N",
    default=32,
    show_default=True,
    help="How many proofs the commitment can serve, its own included.",
)
next_openings_option = click.option(
    "--openings",
    type=click.IntRange(2, MAX_OPENINGS),
    metavar="N",
    help="How many proofs the new commitment can serve, two of them now; by default as many as the old one.",
)
plot_option = click.option(
    "--plot",
    "plot_file",
    type=FILE,
    metavar="FILE",
    help="Loss and gradient by epoch, drawn into a .png or .svg; not public (extra: report).",
)
force_option = click.option("--force", is_flag=True, help="Replace what is there.")


def load_previous(path: Path) -> zu.TrainingProof | zu.Bundle:
    """A proof, or a bundle, that is superseded. Raises FormatError or DataError, naming the file."""
    found = load_public(path)
    return found if isinstance(found, zu.Bundle) else zu.TrainingProof.load(path)


def csv_options(command: Command) -> Command:
    """How a CSV file is written; the command gets it as `written`."""

    @click.option("--delimiter", metavar="CHAR", help="Of a CSV; by default what its header has: , ; | or a tab.")
    @click.option("--decimal", metavar="CHAR", default=".", help="Of a CSV: ',' where 1,5 is one and a half.")
    @click.option("--encoding", metavar="NAME", help="Of a CSV, as cp1252; UTF-8, or UTF-16 with a mark, by default.")
    @wraps(command)
    def run(*output: Output, delimiter: str | None, decimal: str, encoding: str | None, **rest: Any) -> None:
        from ..prover.tables.csv_format import CsvFormat

        tab = delimiter is not None and delimiter in ("\\t", "tab")  # which no shell makes easy to say
        command(*output, written=CsvFormat("\t" if tab else delimiter, decimal, encoding), **rest)

    return run


def load_superseded(path: Path, spec: zu.TrainingSpec) -> zu.TrainingProof | zu.ShardedModel | zu.Trained:
    """The same with its models, where training begins from these, or is faster. Raises as `load_previous`."""
    found = load_previous(path)
    if isinstance(found, zu.Bundle):
        from ..prover.owner.sharded_model import load_sharded

        return load_sharded(path)
    if not (spec.method.begins or spec.method.warms):
        return found
    try:
        return zu.Trained.load(path)
    except (DataError, FormatError):
        if spec.method.begins:
            raise
        return found  # without it the same is found, from further away


def memory_size(text: str) -> int:
    """A number of bytes, as people write it: 800MB, 2GB, 1.5GiB. Raises BadParameter."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(I?)B?", text.strip().upper())
    if found is None:
        raise click.BadParameter(f"{text!r} is no size such as 800MB or 2GB")
    number, prefix, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** " KMGT".index(prefix or " "))


def within_memory(place: str) -> Callable[[Command], Command]:
    """The option --memory of an owner's command; temporary files go to the folder that the argument `place` names."""

    def decorate(command: Command) -> Command:
        @click.option(
            "--memory",
            type=memory_size,
            metavar="SIZE",
            help="Hold at most this much in memory, as in 2GB; what is larger goes to temporary files beside the data.",
        )
        @wraps(command)
        def run(*output: Output, memory: int | None, **arguments: Any) -> None:
            folder: Path = arguments[place]
            while not folder.is_dir() and folder != folder.parent:
                folder = folder.parent
            with nullcontext() if memory is None else zu.memory_limit(memory, folder):
                command(*output, **arguments)

        return run

    return decorate


def workers_options(command: Command) -> Command:
    """Where groups of shards are proved, and how many there are; the command gets `workers` and `groups`."""

    @click.option(
        "--processes", type=click.IntRange(1), metavar="N", help="Prove by so many processes of this machine."
    )
    @click.option("--scheduler", metavar="ADDRESS", help="Prove by the workers of a Dask cluster: tls://host:8786.")
    @click.option("--shared-files", is_flag=True, help="The cluster's workers read DIR themselves; it is not sent.")
    @click.option(
        "--groups",
        type=click.IntRange(1),
        metavar="G",
        help="Of a sharded training, prove so many groups of shards apart; as many as there are workers by default.",
    )
    @wraps(command)
    def run(
        *output: Output,
        processes: int | None,
        scheduler: str | None,
        shared_files: bool,
        groups: int | None,
        **rest: Any,
    ) -> None:
        if processes is not None and scheduler is not None:
            raise click.UsageError("--processes are of this machine, --scheduler is a cluster: say one of them")
        if shared_files and scheduler is None:
            raise click.UsageError("--shared-files says something of the workers of a cluster: say --scheduler")
        workers: Workers | None = None if processes is None else zu.Processes(processes)
        if scheduler is not None:
            workers = zu.Cluster(scheduler, shared_files)
        command(*output, workers=workers, groups=groups, **rest)

    return run
