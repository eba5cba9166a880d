"""The first run on a machine: what is compiled, and what is said meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from queue import Queue

import pytest
from zkunlearn.cli.compiling import COMPILE_ALL_NOTE, COMPILE_NOTE, SILENCE, Told
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


class Heard(Output):
    """Keeps what is said, and lets wait for it."""

    def __init__(self) -> None:
        super().__init__(as_json=True, quiet=False)
        self.said: Queue[str] = Queue()

    def wait(self, text: str) -> None:
        self.said.put(text)

    def next(self) -> str:
        return self.said.get(timeout=60)


def test_nothing_is_silent_for_long_though_one_kernel_takes_long_and_much_comes_after_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard, now = Heard(), ["b"]
    monkeypatch.setattr(kernels, "being_compiled", lambda: next(iter(now), None))
    told = Told(heard, silence=0.01)
    told("a")
    assert heard.next() == COMPILE_NOTE
    told("b")
    while "compiling the kernel b, 0 are done" == (said := heard.next()):
        pass
    assert said == heard.next() == "compiling the kernel b, 1 are done"
    now.clear()
    while said != "at work; 2 kernels compiled so far":
        said = heard.next()
    told.finish()
    while not heard.said.empty():
        said = heard.next()
    assert said == "2 kernels compiled, which the next command finds"
    assert SILENCE < 2


def test_a_command_that_compiles_nothing_says_nothing() -> None:
    heard = Heard()
    Told(heard, silence=0.01).finish()
    assert heard.said.empty()


def test_which_kernel_is_compiled_is_known_while_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    own, seen = all_kernels()[0], []
    own.compile()
    monkeypatch.setattr(own, "_ready", False)
    monkeypatch.setattr(own, "is_cached", lambda: False)

    class Dispatcher:
        def compile(self, signature: object) -> None:
            seen.append(kernels.being_compiled())

        def disable_compile(self) -> None:
            seen.append(kernels.being_compiled())

    monkeypatch.setattr(own, "_dispatcher", Dispatcher())
    own.compile()
    assert seen == [own.name, None]


@pytest.mark.usefixtures("first_run")
def test_warm_up_compiles_all_and_says_whether_it_did() -> None:
    said = done("warm-up", "--json")
    assert said.stderr.startswith(COMPILE_ALL_NOTE) and "kernels are compiled, in 0 seconds" in said.stderr
    assert json.loads(said.stdout) == {"schema": SCHEMA, "compiled": True} and kernels.is_warm()
    said = done("warm-up", "--json")
    assert json.loads(said.stdout) == {"schema": SCHEMA, "compiled": False} and said.stderr == ""
