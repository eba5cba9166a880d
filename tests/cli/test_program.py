"""The program as a whole: it starts fast, loads nothing an auditor does not need, and tells its demo."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import zkunlearn as zu

from .conftest import done, run
from .json_page import require_told, told_fields
from .test_json import SLOW

HEAVY = ("numba", "llvmlite", "torch", "sklearn", "scipy", "pandas", "pyarrow", "rich", "zkunlearn.cli.demo")
LATER = ("numpy", "cbor2", "click", "zkunlearn.verifier")  # than ^C can be answered
COMMANDS = ("commit", "suggest", "train", "prove", "predict", "recommit", "recommit-model", "verify", "inspect", "demo")


def python(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_importing_the_program_loads_nothing_heavy() -> None:
    code = f"import sys, zkunlearn, zkunlearn.cli; print([m for m in {HEAVY} if m in sys.modules])"
    assert python("-c", code).stdout.strip() == "[]"
    assert python("-c", code.replace(f"{HEAVY}", f"{LATER}")).stdout.strip() == "[]"


def test_verifying_and_inspecting_load_nothing_heavy(made: Path) -> None:
    commitment = str(made / "data" / "dataset.commitment")
    for arguments in (
        ["verify", str(made / "first.proof"), "--dataset", commitment, "--spec", str(made / "spec.toml")],
        ["inspect", commitment],
        ["inspect", str(made / "first.model.opening")],
    ):
        code = (
            "import sys; from zkunlearn.cli import main\n"
            f"try: main({arguments!r})\n"
            f"finally: print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
        )
        result = python("-c", code)
        assert (result.returncode, result.stderr.strip()) == (0, "[]"), result.stderr


def seconds_of(*arguments: object) -> float:
    """Of the processor, as others may be busy; the least of three runs, after one for the byte code."""
    seconds = []
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert python(*arguments).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(seconds[1:])


def test_help_comes_in_a_few_times_what_numpy_takes_to_load() -> None:
    """That is two or three times, within a second; a processor that is shared counts more of them for both."""
    assert seconds_of("-m", "zkunlearn", "verify", "--help") < 5 * seconds_of("-c", "import numpy, click")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_the_common_options(command: str) -> None:
    for option in ("--json", "--quiet", "--debug"):
        assert option in done(command, "--help").stdout


def test_the_version_is_the_package_s() -> None:
    assert zu.__version__ in done("--version").stdout


def test_usage_errors_exit_with_two() -> None:
    for arguments in (["verify"], ["nonsense"], ["prove", "--nonsense"], ["commit", "x", "--openings", "1"]):
        assert run(*arguments).exit_code == 2


def test_a_pipe_that_closes_early_does_no_harm(made: Path) -> None:
    code = f"{sys.executable} -m zkunlearn inspect {made / 'first.proof'} | head -1"
    result = subprocess.run(["bash", "-c", code], capture_output=True, text=True, timeout=60)
    assert (result.stdout, result.stderr) == ("Training proof\n", "")


def test_ascii_terminals_do_no_harm(made: Path) -> None:
    arguments = ["-m", "zkunlearn", "prove", "data", "--spec", "spec.toml", "--forget", "数", "--out", "y.proof"]
    process = subprocess.run(
        [sys.executable, *arguments], capture_output=True, cwd=made, env={"PYTHONIOENCODING": "ascii"}, timeout=60
    )
    assert process.returncode == 2
    assert b"is not in the data set" in process.stderr


# --- the demo -----------------------------------------------------------------------------------------------


def test_the_demo_tells_the_story_and_its_files_can_be_checked_again(tmp_path: Path) -> None:
    result = python("-m", "zkunlearn", "demo", "--out", tmp_path / "demo")
    assert result.returncode == 0, result.stderr
    story = result.stdout
    assert story.count("\nVALID:") == 8
    assert story.count("\nNOT FORGOTTEN:") == 2
    assert story.count("INVALID: ") >= 5
    assert "\x1b" not in story  # piped: no colours
    public = tmp_path / "demo" / "auditor"
    assert not list(public.glob("*opening*"))
    pins = ("--spec", public / "spec.toml", "--forget-file", public / "second.forgotten")
    proofs = (public / "second.proof", "--dataset", public / "dataset.commitment", "--previous", public / "first.proof")
    done("verify", *proofs, *pins)
    shards = (public / "shards-2.bundle", "--dataset", public / "dataset.commitment", "--spec", public / "shards.toml")
    done("verify", *shards, "--previous", public / "shards.bundle")
    optimum = (
        public / "optimum-2.proof",
        "--dataset",
        public / "dataset.commitment",
        "--spec",
        public / "optimum.toml",
    )
    done("verify", *optimum, "--previous", public / "optimum.proof")
    noisy = (public / "noisy.proof", "--dataset", public / "dataset.commitment", "--noise", public / "noisy.noise")
    assert "-indistinguishable" in done("verify", *noisy).stdout
    assert "is told: precedence not checked" in " ".join(story.split())
    assert "not empty" in run("demo", "--out", tmp_path / "demo").stderr


@pytest.mark.slow
def test_the_demo_answers_in_json_that_the_accuracy_stays() -> None:
    printed, seen = done("demo", "--json").stdout, set[tuple[str, str]]()
    require_told("demo", printed, seen)
    assert {field for name, field in told_fields() if name in SLOW} == {field for name, field in seen} - {"schema"}
    answer = json.loads(printed)
    assert min(answer["accuracy"] + answer["optimum"]["accuracy"] + answer["shards"]["accuracy"]) > 0.95
    assert 0 < answer["shards"]["retrained"] < answer["shards"]["stages"]
    assert answer["security_bits"] > 100 and answer["noise"]["accuracy"] > 0.95 and 0 < answer["noise"]["epsilon"] < 1
    checks = [reason.split(":")[0] for reason in answer["lies"].values()]
    assert checks == ["constraints", "constraints", "constraints", "merkle path"]
