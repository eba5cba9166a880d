"""Interrupted by a person or by the system: no traceback, the documented exit code, and the same guarantees."""

from __future__ import annotations

import random
import signal
import time
from itertools import count

import pytest

from ..cli.conftest import done
from .moments import Ended, before_change, run, send_after
from .owner import Owner

MOMENTS = 12


def interrupted(owner: Owner, which: int) -> Ended:
    """The person's ^C at a change of a file."""
    return run(
        owner.unlearn_command("second.proof"),
        before_change(owner.folder, which, lambda: signal.raise_signal(signal.SIGINT)),
    )


@pytest.mark.parametrize("step", [6, pytest.param(1, marks=pytest.mark.slow)])
def test_an_interrupt_at_any_change_of_a_file_ends_cleanly(owner: Owner, step: int) -> None:
    before = owner.check()
    for which in count(1, step):
        ended = interrupted(owner, which)
        after = owner.check()
        assert before <= after <= before + 1
        before = after
        if ended.code == 0:
            break
        assert (ended.code, ended.stdout) == (130, ""), ended
        assert "Traceback" not in ended.stderr and owner.rubbish() == []
        for left in owner.folder.glob("second.*"):
            left.unlink()
    assert which > 5


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_at_random_moments_end_cleanly(owner: Owner, number: signal.Signals) -> None:
    start = time.perf_counter()
    done(*owner.prove_command("timed.proof"))
    duration, rng, before = time.perf_counter() - start, random.Random(3), owner.check()
    for moment in range(MOMENTS):
        ended = run(owner.prove_command(f"{moment}.proof"), watch=send_after(rng.uniform(0, duration), number))
        assert ended.code in (0, 130, -number), ended
        assert "Traceback" not in ended.stderr
        after = owner.check()
        assert before <= after <= before + 1
        before = after
        for left in owner.folder.glob(f"{moment}.*"):
            left.unlink()
