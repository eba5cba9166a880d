"""What a release says of itself agrees: versions, formats, packages; and what auditors run needs no POSIX."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import zkunlearn as zu
from zkunlearn.circuits.statements.base import STATEMENTS
from zkunlearn.formats.container import KINDS
from zkunlearn.verifier.shapes import PROTOCOL

from ..house.rooms import PACKAGE
from .bounds import OWN, ROOT, lower_bounds, oldest_python, pins, project, version

FROZEN = ROOT / "tests" / "vectors" / "frozen"
NOT_TRIED = {"torch", "dask", "distributed"}  # at their oldest, as docs/dependencies.md says
# What the changelog calls each kind.
CALLED = {
    "statements of training": "training",
    "files of models": "model.opening",
    "links of data sets": "link",
    "statements of data sets": "dataset",
    "registrations": "registration",
    "files of data sets": "dataset.opening",
    "receipts": "receipt",
    "evaluations": "evaluation",
    "links of models": "model link",
    "bundles": "bundle",
    "distances": "distance",
    "predictions": "prediction",
    "commitments to noise": "noise",
    "their files": "noise.opening",
}
POSIX = ("fcntl", "resource", "termios", "tty", "pty", "pwd", "grp", "syslog", "posixpath.nothing")


def changelog() -> str:
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_project_package_and_changelog_are_of_one_version() -> None:
    (first, *_) = re.findall(r"^## (\S+)", changelog(), re.MULTILINE)
    assert first == version() == zu.__version__


def test_the_changelog_names_the_versions_of_all_formats_and_of_the_protocol() -> None:
    import zkunlearn.prover.owner.noise
    import zkunlearn.verifier.noise
    import zkunlearn.verifier.receipts  # noqa: F401
