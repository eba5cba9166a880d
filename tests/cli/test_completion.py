"""Shell completion: a script for each shell, which completes commands and options, and files as files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from zkunlearn.cli.completion import SHELLS, VARIABLE, completing
from zkunlearn.cli.program import main

from .conftest import done, run

BASH = shutil.which("bash")


def offered(*words: str, incomplete: str = "") -> list[tuple[str, str]]:
    """What is offered after these words: the kind and the value of each."""
    return [(item.type, item.value) for item in completing(main, "bash").get_completions([*words], incomplete)]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A folder with the program under the name that the scripts call it by."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "zkunlearn").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m zkunlearn "$@"\n')
    (folder / "zkunlearn").chmod(0o755)
    return folder


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script_that_asks_this_program(shell: str) -> None:
    script = done("completion", shell).stdout
    assert f"{VARIABLE}={shell}_complete" in script and "zkunlearn" in script.replace(VARIABLE, "")
    assert json.loads(done("completion", shell, "--json").stdout)["script"] == script


def test_another_shell_is_refused() -> None:
    result = run("completion", "tcsh")
    assert result.exit_code == 2 and "bash" in result.stderr


def test_a_shell_that_is_not_known_completes_nothing() -> None:
    with pytest.raises(LookupError, match="tcsh"):
        completing(main, "tcsh")


def test_commands_are_completed() -> None:
    assert offered(incomplete="pro") == [("plain", "prove"), ("plain", "prove-distance")]


def test_options_and_their_choices_are_completed() -> None:
    assert ("plain", "--forget-class") in offered("prove", incomplete="--forget")
    assert ("plain", "probit") in offered("init", "--model", incomplete="pro")


@pytest.mark.parametrize(
    "words", [("verify",), ("inspect",), ("prove", "data", "--spec"), ("verify", "--registration"), ("commit",)]
)
def test_files_are_left_to_the_shell(words: tuple[str, ...]) -> None:
    assert offered(*words, incomplete="da") == [("file", "da")]


@pytest.mark.skipif(BASH is None, reason="there is no bash")
def test_bash_offers_what_begins_so(program: Path) -> None:
    code = (
        'eval "$(zkunlearn completion bash)"\n'
        "COMP_WORDS=(zkunlearn pro) COMP_CWORD=1\n"
        '_zkunlearn_completion zkunlearn\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    environment = os.environ | {"PATH": f"{program}:{os.environ['PATH']}"}
    result = subprocess.run([str(BASH), "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert (result.stdout.split(), result.stderr) == (["prove", "prove-distance"], "")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_that_is_there_understands_its_script(shell: str, tmp_path: Path) -> None:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell}")
    (tmp_path / "script").write_text(done("completion", shell).stdout)
    result = subprocess.run([found, "-n", str(tmp_path / "script")], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("asked", "code"), [("bash_complete", 0), ("bash_nonsense", 2), ("nonsense", 2), ("zsh_source", 0)]
)
def test_no_way_out_of_completion_means_invalid(program: Path, asked: str, code: int) -> None:
    """Click ends by 1 where it does not understand the shell."""
    environment = os.environ | {VARIABLE: asked, "COMP_WORDS": "zkunlearn pro", "COMP_CWORD": "1"}
    result = subprocess.run([program / "zkunlearn"], capture_output=True, text=True, env=environment, timeout=60)
    assert (result.returncode, result.stderr) == (code, "")
    assert bool(result.stdout) == (code == 0)


def test_a_shell_that_does_not_read_ends_by_two(program: Path) -> None:
    environment = os.environ | {VARIABLE: "bash_source"}
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run([program / "zkunlearn"], stdout=writer, stderr=subprocess.PIPE, env=environment, timeout=60)
    os.close(writer)
    assert result.returncode == 2
