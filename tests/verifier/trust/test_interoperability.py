"""What others verify: envelopes by securesystemslib, Ed25519 by openssl; and published examples of each scheme."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import zkunlearn as zu
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope as OtherEnvelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey
from zkunlearn.verifier.trust.dsse import Envelope
from zkunlearn.verifier.trust.keys import PublicKey, verify_together
from zkunlearn.verifier.trust.schemes import BLS, ED25519, MLDSA
from zkunlearn.verifier.trust.signing_keys import SigningKey

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "signatures.json").read_text(encoding="utf-8"))
OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
Keys = dict[str, SigningKey]


def _their_key(key: PublicKey) -> SSlibKey:
    return SSlibKey.from_crypto(load_pem_public_key(key.to_bytes()), keyid=key.keyid)  # type: ignore[arg-type]


# securesystemslib ----------------------------------------------------------------------------------------------------


def test_another_library_verifies_our_envelopes(keys: Keys, training: zu.TrainingProof) -> None:
    key = keys[ED25519]
    ours = zu.sign(training, key)
    theirs = OtherEnvelope.from_dict(json.loads(ours.to_bytes()))
    assert theirs.pae() == ours.signed_bytes
    assert list(theirs.verify([_their_key(key.public)], 1)) == [key.public.keyid]
    theirs.payload += b" "
    with pytest.raises(VerificationError):
        theirs.verify([_their_key(key.public)], 1)


def test_we_verify_envelopes_of_another_library(keys: Keys) -> None:
    key = keys[ED25519]
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signer = CryptoSigner(Ed25519PrivateKey.from_private_bytes(key._secret), _their_key(key.public))
    theirs = OtherEnvelope(b"{}", "application/vnd.in-toto+json", {})
    theirs.sign(signer)
    ours = Envelope.from_bytes(json.dumps(theirs.to_dict()).encode(), "application/vnd.in-toto+json")
    assert ours.signed_by([key.public]) == [key.public]


# openssl -------------------------------------------------------------------------------------------------------------


def _openssl(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(OPENSSL), *map(str, arguments)], capture_output=True, text=True, timeout=60)


@needs_openssl
def test_openssl_verifies_what_we_sign(keys: Keys, training: zu.TrainingProof, tmp_path: Path) -> None:
    keys[ED25519].save(tmp_path / "k")
    envelope = zu.sign(training, keys[ED25519])
    (tmp_path / "message").write_bytes(envelope.signed_bytes)
    (tmp_path / "signature").write_bytes(envelope.signatures[0].signature)
    common = ("pkeyutl", "-verify", "-pubin", "-inkey", tmp_path / "k.pub", "-rawin", "-in", tmp_path / "message")
    assert _openssl(*common, "-sigfile", tmp_path / "signature").returncode == 0
    (tmp_path / "message").write_bytes(envelope.signed_bytes + b" ")
    assert _openssl(*common, "-sigfile", tmp_path / "signature").returncode != 0


@needs_openssl
def test_keys_of_openssl_sign_here_and_ours_there(keys: Keys, tmp_path: Path) -> None:
    made = _openssl("genpkey", "-algorithm", "ed25519", "-out", tmp_path / "k")
    assert made.returncode == 0, made.stderr
    (tmp_path / "k").chmod(0o600)
    assert _openssl("pkey", "-in", tmp_path / "k", "-pubout", "-out", tmp_path / "k.pub").returncode == 0
    theirs = SigningKey.load(tmp_path / "k")
    assert theirs.public == PublicKey.load(tmp_path / "k.pub")
    assert theirs.public.to_bytes() == (tmp_path / "k.pub").read_bytes()
    keys[ED25519].save(tmp_path / "ours")
    (tmp_path / "m").write_bytes(b"a message")
    signed = ("pkeyutl", "-sign", "-inkey", tmp_path / "ours", "-rawin", "-in", tmp_path / "m", "-out", tmp_path / "s")
    assert _openssl(*signed).returncode == 0
    keys[ED25519].public.verify(b"a message", (tmp_path / "s").read_bytes())


# Published examples --------------------------------------------------------------------------------------------------


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize("example", VECTORS["standards"], ids=lambda example: example["source"])
def test_examples_of_the_standards_hold(example: dict[str, Any]) -> None:
    key = SigningKey._of(example["scheme"], _bytes(example["secret"]))
    assert key.public.raw == _bytes(example["public"])
    assert key.sign(_bytes(example["message"])) == _bytes(example["signature"])
    key.public.verify(_bytes(example["message"]), _bytes(example["signature"]))


@pytest.mark.parametrize("scheme", [MLDSA, ED25519, BLS])
def test_published_keys_and_envelopes_are_read_as_they_were_written(scheme: str) -> None:
    example = VECTORS["envelopes"][scheme]
    key, envelope = PublicKey.from_bytes(example["public"].encode()), Envelope.from_bytes(example["envelope"].encode())
    assert (key.scheme, key.keyid) == (scheme, example["keyid"])
    assert key.to_bytes() == example["public"].encode() and envelope.to_bytes() == example["envelope"].encode()
    assert envelope.payload == example["payload"].encode() and envelope.signed_bytes == _bytes(example["signed"])
    assert envelope.signed_by([key]) == [key]


def test_a_published_aggregate_is_of_its_keys() -> None:
    example = VECTORS["aggregate"]
    public = [PublicKey.from_bytes(each.encode()) for each in example["public"]]
    envelope = Envelope.from_bytes(example["envelope"].encode())
    (only,) = envelope.signatures
    assert only.keyid == "+".join(sorted(key.keyid for key in public))
    verify_together(public, envelope.signed_bytes, only.signature)


@pytest.mark.parametrize("example", VECTORS["refused"], ids=lambda example: example["why"])
def test_published_envelopes_that_are_none_are_refused(example: dict[str, Any]) -> None:
    key = PublicKey.from_bytes(VECTORS["envelopes"][ED25519]["public"].encode())
    with pytest.raises((zu.FormatError, zu.InvalidSignature)) as found:
        Envelope.from_bytes(example["envelope"].encode()).require_signature(key)
    assert type(found.value).__name__ == example["error"] and example["words"] in str(found.value)


def test_a_published_protected_key_opens(tmp_path: Path) -> None:
    example = VECTORS["protected key"]
    (tmp_path / "k").write_text(example["file"])
    (tmp_path / "k").chmod(0o600)
    assert SigningKey.load(tmp_path / "k", example["passphrase"]).public.keyid == example["keyid"]
