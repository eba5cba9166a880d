"""What is altered. The randomness of these owners is a hash, so that every run alters the same bytes."""

from __future__ import annotations

import hashlib
from itertools import count

import numpy as np
import pytest


@pytest.fixture(scope="session")
def tampered(tmp_path_factory):
    """All kinds of files and of proofs."""
    from zkunlearn.prover.matrices import entropy

    from .artefacts import (
        Owner,
        counted_kinds,
        kinds,
        kinds_of_classes,
        linear_distance_kinds,
        losses_kinds,
        newton_kinds_of_classes,
        noisy_kinds_of_classes,
        noisy_newton_kinds,
        several_distances_kinds,
        together_kinds,
    )
    from .proofs import proof_kinds
    from .spans import file_kinds

    calls = count()

    def random_bytes(size):
        """Neither threads nor others who ask the system, as the compiler of kernels does, change what comes next."""
        return np.frombuffer(bytearray(hashlib.shake_128(f"tamper {next(calls)}".encode()).digest(size)), np.uint8)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entropy, "_random_bytes", random_bytes)
        owners = [Owner(tmp_path_factory.mktemp(name), seed) for seed, name in enumerate(("owner", "other"))]
        groups = (
            kinds_of_classes, together_kinds, linear_distance_kinds, several_distances_kinds, noisy_kinds_of_classes,
            newton_kinds_of_classes, losses_kinds, counted_kinds, noisy_newton_kinds,
        )  # fmt: skip
        own = (kind for group in groups for kind in group(*owners))
        return [*kinds(*owners), *file_kinds(*owners), *proof_kinds(), *own]
