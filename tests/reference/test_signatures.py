"""Whoever reads docs/signatures.md alone comes to the same answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import zkunlearn as zu
from zkunlearn.verifier.trust.signatures import Signed, purpose_of

from .signatures import Refused, Who, verified

VECTORS: Any = json.loads((Path(__file__).parents[1] / "vectors" / "signatures.json").read_text(encoding="utf-8"))
CASES = {
    **{name: (each["envelope"], [each["public"]]) for name, each in VECTORS["envelopes"].items()},
    "aggregate": (VECTORS["aggregate"]["envelope"], VECTORS["aggregate"]["public"]),
    "one key of an aggregate": (VECTORS["aggregate"]["envelope"], VECTORS["aggregate"]["public"][:1]),
    **{each["why"]: (each["envelope"], [VECTORS["envelopes"]["ed25519"]["public"]]) for each in VECTORS["refused"]},
}


def ours(envelope: str, pems: list[str]) -> Who | None:
    """By the package."""
    try:
        read = zu.Envelope.from_bytes(envelope.encode(), "application/vnd.zkunlearn.signature+json")
        keys = read.signed_by([zu.PublicKey.from_bytes(pem.encode()) for pem in pems])
        said = Signed.from_bytes(read.payload)
    except (zu.FormatError, zu.InvalidSignature):
        return None
    return Who(said.kind, said.digest.hex(), purpose_of(read), frozenset(key.keyid for key in keys))


def theirs(envelope: str, pems: list[str]) -> Who | None:
    try:
        return verified(envelope, pems)
    except Refused:
        return None


@pytest.mark.parametrize("case", CASES)
def test_both_say_the_same_of_published_envelopes(case: str) -> None:
    found = ours(*CASES[case])
    assert theirs(*CASES[case]) == found
    good = case in VECTORS["envelopes"] or "aggregate" in case or case == "another key"
    assert (found is not None) == good
    if found is not None:
        assert len(found.keys) == {"aggregate": 2, "one key of an aggregate": 0, "another key": 0}.get(case, 1)
