"""Exit codes: one table for all commands. 1 is for what was checked and found invalid, and for nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
import zkunlearn as zu
from click.testing import Result
from zkunlearn.cli import exits

from .conftest import run

Verify = Callable[..., Result]
DEPENDENCIES = ("numpy", "cbor2", "click")


def program(*arguments: object, folder: Path | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """The program in an interpreter of its own; modules in `folder` come before the installed ones."""
    environment = os.environ | ({} if folder is None else {"PYTHONPATH": str(folder)})
    command = [sys.executable, "-m", "zkunlearn", *map(str, arguments)]
    given: dict[str, Any] = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "timeout": 120,
        "env": environment,
    } | options
    return subprocess.run(command, text=True, **given)


class Panic(BaseException):
    """Like those of libraries written in Rust."""


def verify_command(made: Path) -> tuple[object, ...]:
    return ("verify", made / "first.proof", "--dataset", made / "data" / "dataset.commitment")


def fails(error: BaseException) -> Callable[..., None]:
    def call(*arguments: object, **options: object) -> None:
        raise error

    return call


# --- while modules load -------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", DEPENDENCIES)
def test_an_interrupt_while_modules_load_ends_silently(tmp_path: Path, module: str) -> None:
    interrupt = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(20)\n"
    (tmp_path / f"{module}.py").write_text(f"try:\n    exec({interrupt!r})\nexcept BaseException:\n    pass\n")
    result = program("inspect", "none.proof", folder=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_an_interrupt_while_the_prover_loads_ends_silently(owner: Path, tmp_path: Path) -> None:
    (tmp_path / "numba.py").write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(20)\n")
    arguments = ("prove", owner / "data", "--spec", owner / "spec.toml", "--out", owner / "x.proof")
    result = program(*arguments, folder=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "")


def test_interrupts_that_a_shell_ignores_stay_ignored_while_modules_load(made: Path, tmp_path: Path) -> None:
    (tmp_path / "_interrupt.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from zkunlearn.cli.start import interrupts_end_the_process\n"
        "with interrupts_end_the_process(): import _interrupt\n"
        "print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, "True\n", "")


@pytest.mark.parametrize("module", DEPENDENCIES)
@pytest.mark.parametrize(
    "problem", ["ImportError('cut off\\nhere')", "MemoryError()", "OSError(12, 'x')", "ValueError"]
)
def test_a_broken_installation_is_no_verdict(made: Path, tmp_path: Path, module: str, problem: str) -> None:
    (tmp_path / f"{module}.py").write_text(f"raise {problem}\n")
    result = program(*verify_command(made), folder=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: zkunlearn cannot be loaded")
    assert len(result.stderr.splitlines()) == 1


def test_a_module_that_breaks_later_is_no_verdict(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zu, "verify", fails(ImportError("DLL load failed", name="_cbor2")))
    result = run(*verify_command(made))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: the installation is broken: _cbor2 cannot be loaded; --debug shows why\n"


# --- short of memory ----------------------------------------------------------------------------------------


def test_no_memory_is_no_verdict(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zu, "verify", fails(MemoryError()))
    result = run(*verify_command(made))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: there is not enough memory; nothing can be said\n"


LIMITED = """
import resource, sys
from zkunlearn.cli import program
import zkunlearn as zu
zu.TrainingProof, zu.verify_dataset
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + int(sys.argv[1]), resource.RLIM_INFINITY))
program.main(sys.argv[2:])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the size of a process is told by Linux")
def test_a_valid_proof_is_never_invalid_for_want_of_memory(made: Path) -> None:
    codes = []
    for room in (0, 1 << 19, 1 << 20, 3 << 19, 1 << 21, 3 << 20, 1 << 22, 1 << 24, 5 << 23, 3 << 25, 1 << 30):
        command = [sys.executable, "-c", LIMITED, str(room), *map(str, verify_command(made))]
        result = subprocess.run(command, capture_output=True, text=True, timeout=120)
        codes.append(result.returncode)
        # Below 0: a library that aborts the process, as cbor2 does when it gets no memory.
        assert result.returncode in (0, 2) or result.returncode < 0, (room, result.stdout, result.stderr)
        assert "INVALID" not in result.stdout
    assert 2 in codes and codes[-1] == 0


# --- a home that cannot be written to -----------------------------------------------------------------------


HOMELESS = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "NUMBA_CACHE_DIR": "/dev/null/numba"}


def test_a_home_that_cannot_be_written_to_changes_no_verdict(owner: Path) -> None:
    environment = os.environ | HOMELESS
    assert program(*verify_command(owner), env=environment).returncode == 0
    (owner / "first.proof").write_bytes((owner / "first.proof").read_bytes() + b"x")
    assert program(*verify_command(owner), env=environment).returncode == 1
    told = program("status", owner / "data", env=environment)
    assert (told.returncode, told.stderr) == (0, "")


@pytest.mark.slow
def test_an_owner_without_a_home_commits_and_is_told_what_to_set(owner: Path) -> None:
    """All kernels that this needs are compiled, and cannot be kept."""
    command = ("commit", owner / "t.csv", "--target", "sick", "--id", "name", "--out", owner / "new")
    result = program(*command, env=os.environ | HOMELESS)
    assert result.returncode == 0 and "committed: data set" in result.stdout
    assert "note: compiled kernels cannot be kept: set NUMBA_CACHE_DIR" in result.stderr


# --- stdout that nobody reads, or that is full --------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--json",), ("-q",), ("--help",)])
@pytest.mark.parametrize("spoilt", [False, True], ids=["valid", "invalid"])
def test_a_closed_stdout_is_no_verdict(owner: Path, options: tuple[str, ...], spoilt: bool) -> None:
    if spoilt:
        (owner / "first.proof").write_bytes((owner / "first.proof").read_bytes() + b"x")
    reader, writer = os.pipe()
    os.close(reader)
    result = program(*verify_command(owner), *options, stdout=writer)
    os.close(writer)
    assert (result.returncode, result.stderr) == (2, "")


@pytest.mark.parametrize("arguments", [("--help",), ("demo",)])
def test_other_commands_that_nobody_reads_end_by_two(arguments: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    assert program(*arguments, stdout=writer).returncode == 2
    os.close(writer)


def test_a_reader_that_leaves_both_streams_is_no_verdict(made: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    assert program(*verify_command(made), stdout=writer, stderr=writer).returncode == 2
    assert program("verify", "none.proof", "--dataset", "x", stdout=writer, stderr=writer).returncode == 2
    os.close(writer)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full is Linux's")
@pytest.mark.parametrize("options", [(), ("--json",), ("-q",), ("--help",)])
def test_a_full_stdout_is_no_verdict(made: Path, options: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        result = program(*verify_command(made), *options, stdout=full)
        assert result.returncode == 2
        assert result.stderr == "error: No space left on device\n"
        assert program(*verify_command(made), *options, stdout=full, stderr=full).returncode == 2


def test_a_result_is_written_in_one_go(made: Path) -> None:
    """So that a reader of its first line, who then goes away, does not change the exit code."""
    code = f"set -o pipefail; {sys.executable} -m zkunlearn {' '.join(map(str, verify_command(made)))} | head -1"
    result = subprocess.run(["bash", "-c", code], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, "Verified statement\n", "")


# --- click's own ways out -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (click.ClickException("no"), 2),
        (click.FileError("x"), 2),
        (click.Abort(), 130),
        (EOFError(), 3),
        (SystemExit(1), 2),
        (SystemExit("no"), 2),
        (RecursionError(), 3),
        (Panic(), 2),
    ],
)
def test_no_other_way_out_means_invalid(
    made: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    monkeypatch.setattr(zu, "verify", fails(error))
    result = run(*verify_command(made))
    assert (result.exit_code, result.stdout) == (code, "")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), EOFError()])
def test_an_interrupt_outside_every_command_is_no_verdict(
    made: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr(exits.Program, "make_context", fails(error))
    assert run(*verify_command(made)).exit_code == 130
