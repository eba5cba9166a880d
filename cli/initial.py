"""The owner's command `init`: a spec, bounds and a script to begin with."""

from __future__ import annotations

import os
from pathlib import Path

import click

from ..formats.files import write_file
from ..models.families import FAMILIES
from ..models.methods import METHODS, Sisa
from ..models.spec import TrainingSpec
from ..models.template import spec_template, starting_spec
from .options import FILE, common, force_option
from .output import Output, foreign
from .places import refuse_existing, require_folder_place

SPEC_FILE, BOUNDS_FILE, SCRIPT_FILE = "spec.toml", "bounds.toml", "zkunlearn.sh"
BOUNDS = """\
# What each feature can be, whoever is in the table, from its lowest to its highest value; labels that are numbers, too.
# EDIT THIS FILE: these columns are examples. Values outside are refused, today and in later rows; keep bounds near to
# what can be. `zkunlearn suggest-bounds` writes such a file for the columns of your table.

[bounds]
# evenly
age = [0, 120]
# by the logarithm of 1 + value, for what has several orders of magnitude
income = {low = 0, high = 2e9, map = "log1p"}
# texts, times, and what a cell without a value counts as
# city = {categories = ["LA", "NY", "else"], other = "else"}
# since = [2000-01-01, 2030-01-01]
# weight = {low = 0, high = 300, missing = 80}
"""
BOUNDS_OF_LABELS = """# the label
outcome = [0, 100]
"""
HEAD = """#!/bin/sh
# The first steps. EDIT what is marked: `zkunlearn COMMAND --help` has all options. Publish data/dataset.commitment
# before you train; data/dataset.secrets, data/dataset.opening and *.model.opening are SECRET.
set -eu
cd "$(dirname "$0")"

"""
COMMIT = """# EDIT: your table, its column of labels, and that of ids, by which rows are forgotten
zkunlearn commit people.csv --target outcome --id person --bounds bounds.toml{label} --out data
"""
PROVE = """zkunlearn prove data --spec spec.toml --out {first}
# EDIT: whose rows are forgotten
zkunlearn prove data --spec spec.toml --forget "person 17" --previous {first} --out {second}
"""
PROVE_WITH_NOISE = """\
# EDIT: who will give the nonces, and when. This stops for want of NONCE_1, 64 hexadecimal characters that you did not
# choose. When you have it, go on by hand from there: what is written is not written again.
zkunlearn prove data --spec spec.toml --out {first} --commit-noise "our auditor draws it"
zkunlearn prove data --spec spec.toml --out {first} --nonce "${{NONCE_1:?the nonce for the first model}}"
# EDIT: whose rows are forgotten, in both lines
zkunlearn prove data --spec spec.toml --forget "person 17" --previous {first} --out {second} --commit-noise "likewise"
zkunlearn prove data --spec spec.toml --forget "person 17" --previous {first} --out {second} \\
    --nonce "${{NONCE_2:?the nonce for the second model}}"
"""
VERIFY = """# what an auditor does, with public files only
zkunlearn verify {first} {second} --dataset data/dataset.commitment --spec spec.toml
"""


@click.command()
@click.argument("directory", type=FILE, metavar="[DIR]", default=".")
@click.option("--model", type=click.Choice(tuple(FAMILIES)), default="logistic", show_default=True, help="The family.")
@click.option(
    "--method",
    type=click.Choice(tuple(METHODS)),
    help="How it is trained; by default gradient descent, of linear one-pass.",
)
@force_option
@common
def init(output: Output, directory: Path, model: str, method: str | None, force: bool) -> None:
    """Write a spec, bounds and a script to begin with, into DIR, or here: to be edited, with comments that say how.

    These are spec.toml, bounds.toml and zkunlearn.sh, which commits, proves, forgets and verifies.
    """
    spec, text = starting_spec(model, method), spec_template(model, method)
    texts = {SPEC_FILE: text, BOUNDS_FILE: bounds_text(spec), SCRIPT_FILE: script_text(spec)}
    files = {name: directory / name for name in texts}
    refuse_existing([*files.values()], force, "it may have been edited")
    require_folder_place(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for name, path in files.items():
        write_file(path, texts[name].encode())
    script = files[SCRIPT_FILE]
    os.chmod(script, script.stat().st_mode | 0o111)
    lines = [
        ("algorithm", f"{foreign(files[SPEC_FILE])}: fields, defaults and what they mean"),
        ("bounds", f"{foreign(files[BOUNDS_FILE])}: the columns are examples"),
        ("script", f"{foreign(script)}: commit, prove, forget, verify"),
        ("next", "edit all three; `zkunlearn suggest-bounds` and `zkunlearn suggest` find numbers for your table"),
    ]
    data = {"spec": str(files[SPEC_FILE]), "bounds": str(files[BOUNDS_FILE]), "script": str(script)}
    output.result("To begin with", lines, f"written: 3 files in {foreign(directory)}", data)


def bounds_text(spec: TrainingSpec) -> str:
    """A bounds file with examples, which can be read as it is (formats/toml.py, `read_bounds`)."""
    return BOUNDS + (BOUNDS_OF_LABELS if spec.family.predicts == "value" else "")


def script_text(spec: TrainingSpec) -> str:
    """The commands from a table to a verified unlearning, for the method and the labels of a spec."""
    kinds = spec.family.label_kinds
    suffix = "bundle" if spec.method.kind == Sisa.kind else "proof"
    names = {"first": f"first.{suffix}", "second": f"second.{suffix}"}
    label = "" if "binary" in kinds else f" --label {kinds[0]}"
    steps = PROVE_WITH_NOISE if spec.method.noised else PROVE
    return HEAD + COMMIT.format(label=label) + steps.format(**names) + VERIFY.format(**names)
