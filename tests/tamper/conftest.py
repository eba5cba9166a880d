"""What is altered. The randomness of these owners is a hash, so that every run alters the same bytes."""

from __future__ import annotations

import hashlib
from itertools import count

import pytest


@pytest.fixture(scope="session")
def tampered(tmp_path_factory):
    """All kinds of files and of proofs."""
    from .artefacts import Owner, kinds
    from .proofs import proof_kinds

    calls = count()

    def urandom(size: int) -> bytes:
        return hashlib.shake_128(f"tamper {next(calls)}".encode()).digest(size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.urandom", urandom)
        owners = [Owner(tmp_path_factory.mktemp(name), seed) for seed, name in enumerate(("owner", "other"))]
        return [*kinds(*owners), *proof_kinds()]
