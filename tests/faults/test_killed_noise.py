"""A second move that is killed at any moment leaves the noise, or uses it up: there is never a proof, and noise too."""

from __future__ import annotations

import shutil
from itertools import count
from pathlib import Path

import pytest
import zkunlearn as zu
from zkunlearn.errors import BudgetExceeded, DataError, FormatError

from ..cli.conftest import done
from .moments import kill_before_change, run
from .owner import Owner
from .test_kills import EVERY

SPEC = '[model]\nkind = "logistic"\n[method]\nkind = "noisy"\nl2 = 0.25\n'
FIRST, SECOND = ("--commit-noise", "a beacon"), ("--nonce", "5a" * 32)


def command(folder: Path) -> list[object]:
    owner = Owner(folder)
    return ["prove", owner.data, "--spec", folder / "noisy.toml", "--out", folder / "noisy.proof"]


def left(secret: Path) -> bool:
    """Whether the noise can still be used."""
    try:
        zu.Noise.load(secret)
    except (BudgetExceeded, DataError, FormatError):
        return False
    return True


@EVERY
def test_noise_is_used_up_before_there_is_a_proof(made: Path, tmp_path: Path, step: int) -> None:
    ready = Path(shutil.copytree(made, tmp_path / "ready"))
    (ready / "noisy.toml").write_text(SPEC)
    done(*command(ready), *FIRST)
    seen = set()
    for which in count(1, step):
        folder = Path(shutil.copytree(ready, tmp_path / f"owner {which}"))
        secret, proof = folder / "noisy.noise.opening", folder / "noisy.proof"
        ended = run([*command(folder), *SECOND], kill_before_change(folder, which))
        seen.add((left(secret), proof.exists()))
        if not ended.killed:
            assert ended.code == 0, ended.stderr
            break
        if not left(secret):
            for model in folder.glob("noisy.model.opening"):
                model.unlink()
            again = run([*command(folder), *SECOND])
            assert again.code == 2, again.stderr
    assert (True, True) not in seen and {(True, False), (False, True)} <= seen
    assert not left(secret) and proof.exists()


@pytest.mark.slow
def test_a_first_move_that_is_killed_can_be_repeated(made: Path, tmp_path: Path) -> None:
    for which in count(1):
        folder = Path(shutil.copytree(made, tmp_path / f"owner {which}"))
        (folder / "noisy.toml").write_text(SPEC)
        ended = run([*command(folder), *FIRST], kill_before_change(folder, which))
        if not ended.killed:
            break
        done(*command(folder), *FIRST, "--force")
    assert which > 2
