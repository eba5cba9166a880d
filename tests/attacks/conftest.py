"""One honest proof of each relation, shared by all attacks."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def declared():
    from .harness import declare

    return declare()


@pytest.fixture(scope="session")
def data():
    from .harness import people

    return people()


@pytest.fixture(scope="session")
def honest(declared, data):
    """A true proof about a training run; its prover still holds all secrets."""
    from .harness import columns_of, descend, prove

    return prove(declared.shape, columns_of(declared, data, descend(declared, data)))


@pytest.fixture(scope="session")
def honest_validity(data):
    """A true proof that a data set is valid."""
    from .harness import prove, validity_columns, validity_shape

    shape = validity_shape()
    return prove(shape, validity_columns(shape, data))
