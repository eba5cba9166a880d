"""The owner's command `evidence`: what two models tell of the rows that were forgotten between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import zkunlearn as zu

from ..errors import DataError
from .compiling import prepare_kernels
from .options import FILE, common, force_option, within_memory
from .output import Output, foreign
from .places import refuse_existing, require_file_place
from .words import size_text

if TYPE_CHECKING:
    from ..prover.evidence.gather import Evidence

SUFFIX = ".html"
NOTHING_PROVED = "evidence, not a proof: measured by the owner in floating point; it proves nothing to anybody"


@click.command()
@click.argument("directory", type=FILE, metavar="DIR")
@click.option(
    "--before",
    required=True,
    type=FILE,
    metavar="P.model.opening",
    help="The secret of the model that is superseded; of shards P.bundle with their secrets beside it.",
)
@click.option(
    "--after",
    required=True,
    type=FILE,
    metavar="Q.model.opening",
    help="The secret of the one without the rows; or likewise Q.bundle.",
)
@click.option(
    "--holdout",
    type=FILE,
    metavar="DIR2",
    help="A data set that no model saw; by default the rows that specs hold out.",
)
@click.option(
    "--set-aside",
    type=float,
    metavar="PART",
    help="Where there is no hold-out: train stand-ins of both models without this part of the rows, as in 0.2.",
)
@click.option(
    "--retrainings",
    type=int,
    default=40,
    show_default=True,
    metavar="R",
    help="How many models are trained anew to compare with, of each sort.",
)
@click.option("--seed", type=int, default=1, show_default=True, metavar="S", help="The same seed gives the same page.")
@click.option("--mu", type=float, metavar="MU", help="Of a noisy model, as declared: its bound is shown beside.")
@click.option("--out", required=True, type=FILE, metavar="E.html", help="Where the page goes; it is not public.")
@force_option
@common
@within_memory("directory")
def evidence(
    output: Output,
    directory: Path,
    before: Path,
    after: Path,
    holdout: Path | None,
    set_aside: float | None,
    retrainings: int,
    seed: int,
    mu: float | None,
    out: Path,
    force: bool,
) -> None:
    """Measure what two models tell of the rows forgotten between them: evidence for their owner, not a proof.

    DIR is the data set that the model after was trained on. Utility, membership inference, distance to retrainings,
    and reconstruction of forgotten rows, on one page. No opening is spent.
    """
    from ..prover.evidence.page import require_report

    require_report()
    if out.suffix != SUFFIX:
        raise DataError(f"{out}: must end in {SUFFIX}")
    refuse_existing([out], force, "choose another name")
    require_file_place(out)
    dataset = zu.load_dataset(directory)
    strangers = None if holdout is None else zu.load_dataset(holdout)
    prepare_kernels(output)
    with output.bar("evidence") as steps:
        found = zu.evidence(
            dataset,
            before,
            after,
            strangers,
            set_aside=set_aside,
            retrainings=retrainings,
            seed=seed,
            mu=mu,
            steps=steps,
        )
        found.save(out)
    _show(output, found, out)


def _show(output: Output, found: Evidence, out: Path) -> None:
    about = found.measured.about
    lines = [
        ("what", NOTHING_PROVED),
        *((each.topic, each.answer) for each in found.findings),
        ("seed", f"{about.seed}, {about.retrainings} retrainings of each sort"),
        (
            "SECRET",
            f"{foreign(out)}, {size_text(out.stat().st_size)}: computed from rows and weights; do not publish it",
        ),
    ]
    data = {**found.to_mapping(), "public": False, "file": str(out)}
    care = sum(each.mark == "care" for each in found.findings)
    said = f"{care} of {len(found.findings)} findings ask for care"
    last = f"evidence gathered, nothing proved: {said}; {foreign(out)} is secret"
    output.result("Evidence", lines, last, data)
