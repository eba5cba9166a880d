"""Kernels run with one thread and with two."""

from __future__ import annotations

import pytest
from zkunlearn.prover import kernels as fast


@pytest.fixture(params=[1, 2])
def threads(request, monkeypatch):
    """Both with one thread and with two, and with tasks small enough that two are used."""
    monkeypatch.setattr("zkunlearn.prover.kernels.threads.MIN_CHUNK", 8)
    fast.set_thread_count(request.param)
    yield
    fast.set_thread_count(None)
