"""The command line, a thin layer over the library: commit, train, prove, predict for owners, verify for auditors.

Results go to stdout, everything else to stderr; exit codes are in exits.py. What is slow to import (numba, rich,
scikit-learn) is imported by the command that needs it, when it needs it.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click
import zkunlearn as zu

from .auditor import inspect, verify
from .bounds import suggest_bounds
from .certificates import certify, report
from .completion import completion
from .destruction import destroy
from .distance import prove_distance
from .evaluation import evaluate
from .evidence import evidence
from .export import export
from .growth import append, recommit, rectify
from .initial import init
from .manual import man
from .options import FILE, common
from .output import Output
from .owner import commit, prove, warm_up
from .prediction import predict
from .records import receipt, register
from .renewal import recommit_model
from .requests import forget
from .sections import Sections
from .signatures import aggregate, countersign, keygen, sign
from .status import status
from .training import suggest, train

LOGGER = logging.getLogger("zkunlearn")


@click.group(cls=Sections, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(zu.__version__, prog_name="zkunlearn")
def main() -> None:
    """Prove that a model is exactly what training outputs on a committed data set minus the forgotten rows.

    Owners commit, prove and predict; auditors verify. `zkunlearn demo` shows the whole story, `zkunlearn init` writes
    files to begin with, `zkunlearn COMMAND --help` says more of each command.
    """
    if not LOGGER.handlers:
        LOGGER.addHandler(logging.NullHandler())  # commands print notes themselves
    for stream in (sys.stdout, sys.stderr):  # a name in another script must not stop a verdict
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@click.command()
@click.option("--out", type=FILE, metavar="DIR", help="Keep all files in this new directory.")
@common
def demo(output: Output, out: Path | None) -> None:
    """Show the whole story on real data: commit, train, forget twelve patients, audit, and four lies found out."""
    from .demo import run_demo

    run_demo(output, out)


main.add_section("To begin", (demo, init, completion, man, warm_up))
main.add_section(
    "Owners: data", (suggest_bounds, commit, status, append, rectify, destroy, recommit, register, receipt)
)
main.add_section(
    "Owners: models",
    (suggest, train, prove, forget, predict, export, evaluate, prove_distance, evidence, recommit_model),
)
main.add_section("Auditors, and people whose rows are in a data set", (verify, inspect))
main.add_section("Signatures and certificates", (keygen, sign, countersign, aggregate, certify, report))
