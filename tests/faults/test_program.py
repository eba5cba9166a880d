"""The program as an owner starts it, from loading its modules to its last line, and a signal at any moment of that.

Elsewhere the command runs in a fork, which has loaded everything; here the interpreter starts anew.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..cli.conftest import done
from .owner import UNFINISHED, Owner

MOMENTS = 16
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]


def heed_signals() -> None:
    """What a shell starts in the background ignores interrupts."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def start(arguments: list[object]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "zkunlearn", *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, preexec_fn=heed_signals)


def seconds_of(arguments: list[object]) -> float:
    begin = time.perf_counter()
    program = start(arguments)
    assert (program.communicate()[1], program.returncode) == ("", 0)
    return time.perf_counter() - begin


def assert_documented(code: int, sent: signal.Signals, stderr: str, touched: bool) -> None:
    """The code of docs/owners.md, or death by the signal.

    An interrupted interpreter may tell where it stood, but only while it loads, or where it cannot raise anything.
    """
    assert code in (0, -sent, *([130] if sent == signal.SIGINT else [])), (code, stderr)
    if "Traceback" in stderr:
        assert sent == signal.SIGINT and (not touched or stderr.startswith("Exception ignored")), stderr


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("sent", SIGNALS)
def test_proving_ends_well_whenever_a_signal_comes(owner: Owner, sent: signal.Signals) -> None:
    rng, duration, before = random.Random(4), seconds_of(owner.prove_command("timed.proof")), owner.check()
    stopped = 0
    for moment in range(MOMENTS):
        program = start(owner.prove_command(f"{moment}.proof"))
        time.sleep(rng.uniform(0, duration))
        program.send_signal(sent)
        stderr = program.communicate()[1]
        after = owner.check()
        assert before <= after <= before + 1
        touched = after > before
        assert_documented(program.returncode, sent, stderr, touched)
        stopped += program.returncode != 0
        before = after
        for left in owner.folder.glob(f"{moment}.*"):
            left.unlink()
    assert stopped > MOMENTS // 2
    assert sent != signal.SIGINT or owner.rubbish() == []


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("sent", SIGNALS)
def test_committing_ends_well_whenever_a_signal_comes(made: Path, tmp_path: Path, sent: signal.Signals) -> None:
    owner = Owner(Path(shutil.copytree(made, tmp_path / "owner")))
    command = [*owner.commit_command, "--force"]
    rng, duration, stopped = random.Random(5), seconds_of(command), 0
    for _ in range(MOMENTS):
        before = (owner.data / "dataset.commitment").read_bytes()
        program = start(command)
        time.sleep(rng.uniform(0, duration))
        program.send_signal(sent)
        stderr = program.communicate()[1]
        dataset = owner.load()
        if dataset is None:  # killed while files took their places
            assert sent != signal.SIGINT
            done(*command)
        touched = dataset is None or dataset.commitment.to_bytes() != before
        assert_documented(program.returncode, sent, stderr, touched)
        stopped += program.returncode != 0
        if sent == signal.SIGINT:
            assert owner.rubbish() == []
        for left in owner.data.glob(f"{UNFINISHED}*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    assert stopped > MOMENTS // 2
    done(*owner.prove_command("first.proof", "--force"))
    owner.check()
