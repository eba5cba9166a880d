"""What a release says of itself agrees: versions, formats, packages; and what auditors run needs no POSIX."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import zkunlearn as zu
from zkunlearn.circuits.statements.base import STATEMENTS
from zkunlearn.formats.container import KINDS
from zkunlearn.verifier.shapes import PROTOCOL

from ..house.rooms import PACKAGE
from .bounds import ROOT, lower_bounds, pins, project, version

FROZEN = ROOT / "tests" / "vectors" / "frozen"
NOT_TRIED = {"torch", "dask", "distributed"}  # at their oldest, as docs/dependencies.md says
OF_OWNERS = ("prover", "sklearn", "demo", "parquet", "report", "export", "torch", "dask")
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
    "evaluations of models in shards": "sharded evaluation",
    "distances": "distance",
    "predictions": "prediction",
    "commitments to noise": "noise",
    "their files": "noise.opening",
}
ELSEWHERE = {"dataset.left_out": "`dataset.left_out`, secret, version {}"}  # where the changelog tells of the file
REGISTER = ("verifier.receipts", "verifier.bundles", "verifier.noise")  # modules that enter kinds of files
ONLY_POSIX = ("fcntl", "grp", "posix_ipc", "pty", "pwd", "resource", "syslog", "termios", "tty")


def changelog() -> str:
    return " ".join((ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split())


def test_project_package_and_changelog_are_of_one_version() -> None:
    first = re.findall(r" ## (\d\S*)", changelog())[0]
    assert first == version() == zu.__version__


def test_the_changelog_names_the_versions_of_the_protocol_and_of_every_kind_of_file() -> None:
    for module in REGISTER:
        import_module(f"{PACKAGE}.{module}")
    told = re.search(r"Protocol: (\d+); ([^.]*: \d+)\. Until", changelog())
    assert told is not None and PROTOCOL == f"{PACKAGE} {told[1]}".encode()
    found = {}
    for clause in told[2].split("; "):
        names, number = clause.rsplit(": ", 1)
        for name in re.split(r",? and |, ", names):
            found[CALLED[name]] = int(number)
    ours = {name for name, kind in STATEMENTS.items() if kind.__module__.startswith(f"{PACKAGE}.")}
    files = {name: number for name, number in KINDS.items() if name in ours or name not in STATEMENTS}
    assert {**found, **{name: files[name] for name in ELSEWHERE}} == files
    assert all(text.format(files[name]) in changelog() for name, text in ELSEWHERE.items())


def test_the_oldest_packages_that_are_tried_are_the_oldest_that_are_allowed() -> None:
    allowed = lower_bounds(OF_OWNERS)
    assert {name: oldest for name, oldest in allowed.items() if name not in NOT_TRIED} == pins()
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert "Not tried so: torch, dask and distributed" in " ".join(page.split())


def test_every_package_and_extra_has_a_row_in_the_page_of_dependencies() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    named = {*lower_bounds((*OF_OWNERS, "dev"))}
    assert len(named) > 20
    assert not {name for name in named if not re.search(rf"^\|.*\b{name}\b", page, re.MULTILINE)}
    assert not {name for name in {*project()["optional-dependencies"]} - {"dev", "fuzz"} if f"`{name}`" not in page}


# Where there is no POSIX ---------------------------------------------------------------------------------------------


def without_posix(*arguments: object, numba: bool = False) -> subprocess.CompletedProcess[str]:
    """The command line, where modules that only POSIX has cannot be imported, nor, unless asked, what owners have."""
    gone = ONLY_POSIX if numba else (*ONLY_POSIX, "numba", "llvmlite")
    code = f"""
import os, signal, sys
for name in {gone!r}:
    sys.modules[name] = None
for module, name in ((os, "O_NONBLOCK"), (os, "O_DIRECTORY"), (os, "sysconf"), (signal, "pthread_kill")):
    delattr(module, name)
from zkunlearn.cli.start import main
main({[str(each) for each in arguments]!r})
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_a_proof_is_verified_without_what_only_posix_has(tmp_path: Path) -> None:
    pin = ("--dataset", FROZEN / "dataset.v4.proof")
    found = without_posix("verify", FROZEN / "training.v7.proof", *pin)
    assert found.returncode == 0 and "VALID" in found.stdout
    damaged = bytearray((FROZEN / "training.v7.proof").read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "damaged.proof").write_bytes(damaged)
    found = without_posix("verify", tmp_path / "damaged.proof", *pin)
    assert found.returncode == 1 and "INVALID" in found.stdout
    found = without_posix("inspect", FROZEN / "registration.v3.proof")
    assert found.returncode == 0


def test_an_owners_command_says_that_it_needs_posix(tmp_path: Path) -> None:
    (tmp_path / "m.model.opening").write_bytes(b"x")
    found = without_posix("export", tmp_path / "m.model.opening", "--out", tmp_path / "m.onnx", numba=True)
    assert found.returncode == 2
    assert "locks files, as only POSIX systems can; `verify` and `inspect` work without" in found.stderr
