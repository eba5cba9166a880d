"""The first run on a machine: what is compiled, and what is said meanwhile."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from zkunlearn.cli.compiling import COMPILE_ALL_NOTE, COMPILE_NOTE, Told
from zkunlearn.cli.output import SCHEMA, Output
from zkunlearn.prover import kernels
from zkunlearn.prover.kernels.compiled import Kernel, all_kernels

from .conftest import done


@pytest.fixture
def first_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nothing had been compiled, and nothing were kept; what numba has in memory it does not compile again."""
    kernels.warm_up()
    monkeypatch.setattr(Kernel, "is_cached", lambda own: own._ready)
    for own in all_kernels():
        own._dispatcher.disable_compile(False)
        monkeypatch.setattr(own, "_ready", False)


def compiled() -> set[str]:
    return {own.name for own in all_kernels() if own._ready}


@pytest.mark.usefixtures("first_run")
def test_a_first_run_compiles_what_it_needs_and_says_so_to_programs_too(owner: Path) -> None:
    every = {own.name for own in all_kernels()}
    common = ("--target", "sick", "--id", "name", "--out", owner / "new", "--force")
    said = done("commit", owner / "t.csv", *common, "--json")
    first = compiled()
    assert first < every and len(first) < len(every) * 2 / 3
    assert said.stderr.startswith(COMPILE_NOTE + "\n")
    assert said.stderr.endswith(f"{len(first)} kernels compiled, which the next command finds\n")
    assert json.loads(said.stdout)["rows"] == 24
    assert done("commit", owner / "t.csv", *common, "--json").stderr == "", "nothing more is needed, and nobody listens"
    said = done("prove", owner / "data", "--spec", owner / "spec.toml", "--force", "--out", owner / "x.proof", "--json")
    assert first < compiled() < every and said.stderr.startswith(COMPILE_NOTE)


@pytest.mark.usefixtures("first_run")
def test_whoever_wants_the_last_line_alone_gets_it_alone(owner: Path) -> None:
    common = ("--target", "sick", "--id", "name", "--out", owner / "new", "--force")
    assert done("commit", owner / "t.csv", *common, "--quiet").stderr == ""
    assert compiled()


@pytest.mark.usefixtures("first_run")
def test_other_processes_find_all_kernels_compiled(owner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them would compile its own, all at once."""
    import zkunlearn as zu

    def asked(*arguments: object, **options: object) -> None:
        assert kernels.is_warm()
        raise zu.WorkerError("no worker")

    monkeypatch.setattr(zu, "prove", asked)
    prove = ("prove", owner / "data", "--spec", owner / "spec.toml", "--out", owner / "x.proof")
    from .conftest import run

    result = run(*prove, "--processes", "2")
    assert result.exit_code == 2 and result.stderr.startswith(COMPILE_ALL_NOTE) and "no worker" in result.stderr


def test_nothing_is_silent_for_long(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([10.0, 11.0, 12.5, 13.0, 14.5])
    told = Told(Output(as_json=False, quiet=False), clock=lambda: next(times))
    for name in ("a", "b", "c", "d", "e"):
        told(name)
    told.finish()
    said = capsys.readouterr().err.splitlines()
    assert said == [
        COMPILE_NOTE,
        "compiling the kernel c, 2 are done",
        "compiling the kernel e, 4 are done",
        "5 kernels compiled, which the next command finds",
    ]
    Told(Output(as_json=False, quiet=False)).finish()
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("first_run")
def test_warm_up_compiles_all_and_says_whether_it_did() -> None:
    said = done("warm-up", "--json")
    assert said.stderr.startswith(COMPILE_ALL_NOTE) and "kernels are compiled, in 0 seconds" in said.stderr
    assert json.loads(said.stdout) == {"schema": SCHEMA, "compiled": True} and kernels.is_warm()
    said = done("warm-up", "--json")
    assert json.loads(said.stdout) == {"schema": SCHEMA, "compiled": False} and said.stderr == ""
