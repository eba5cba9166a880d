"""Keys: what is in their files, and which files are none."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zkunlearn as zu
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from zkunlearn.formats.base64_text import encode_pem
from zkunlearn.verifier.trust import signing_keys
from zkunlearn.verifier.trust.keys import PublicKey, verify_together
from zkunlearn.verifier.trust.schemes import BLS, ED25519, MLDSA, SCHEMES, all_signed, together
from zkunlearn.verifier.trust.signing_keys import BLS_LABEL, BLS_ORDER, SEALED_LABEL, SigningKey

every_scheme = pytest.mark.parametrize("scheme", SCHEMES)
Refused = Callable[..., str]
Keys = dict[str, SigningKey]
PKCS8 = Encoding.PEM, PrivateFormat.PKCS8


@every_scheme
def test_a_key_signs_and_its_public_half_verifies(scheme: str, keys: Keys, refused: Refused) -> None:
    key = keys[scheme]
    signature = key.sign(b"a message")
    key.public.verify(b"a message", signature)
    refused("signature", key.public.verify, b"another", signature)
    for wrong in (signature[:-1], signature + b"\0", b""):
        refused("signature", key.public.verify, b"a message", wrong)
    spoilt = bytes([signature[0] ^ 1]) + signature[1:]
    refused("signature", key.public.verify, b"a message", spoilt)


@every_scheme
def test_a_signature_of_another_key_is_none(scheme: str, keys: Keys, refused: Refused) -> None:
    other = keys["alice"] if scheme == BLS else SigningKey.generate(scheme)
    refused("signature", keys[scheme].public.verify, b"a message", other.sign(b"a message"))


@every_scheme
def test_a_key_comes_back_from_its_files(scheme: str, keys: Keys, tmp_path: Path) -> None:
    key = keys[scheme]
    key.save(tmp_path / "a.key")
    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600
    loaded = SigningKey.load(tmp_path / "a.key")
    assert loaded.public == key.public == PublicKey.load(tmp_path / "a.key.pub")
    key.public.verify(b"a message", loaded.sign(b"a message"))


def test_a_key_id_is_that_of_the_der_that_openssl_prints(keys: Keys, tmp_path: Path) -> None:
    import base64
    import hashlib

    for scheme in (MLDSA, ED25519):
        keys[scheme].public.save(tmp_path / "k")
        der = base64.b64decode("".join((tmp_path / "k").read_text().splitlines()[1:-1]))
        assert keys[scheme].public.keyid == hashlib.sha256(der).hexdigest()


# Secret files --------------------------------------------------------------------------------------------------------


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scrypt that takes no time: how much it takes is not what is tried."""
    monkeypatch.setattr(signing_keys, "WORK_BITS", 4)


@every_scheme
def test_a_passphrase_protects_a_key_of_any_scheme(scheme: str, keys: Keys, tmp_path: Path, light: None) -> None:
    path = tmp_path / "a.key"
    keys[scheme].save(path, "Zürich 7")
    assert SEALED_LABEL in path.read_text()
    assert SigningKey.load(path, "Zu\u0308rich 7").public == keys[scheme].public  # as another machine types it
    for passphrase, words in (
        ("zürich 7", "the passphrase is wrong, or the file is damaged"),
        (None, "needs its passphrase"),
    ):
        with pytest.raises(zu.DataError, match=words):
            SigningKey.load(path, passphrase)


def test_a_passphrase_takes_as_long_to_try_as_is_documented(keys: Keys, tmp_path: Path) -> None:
    keys[ED25519].save(tmp_path / "a.key", "x")
    (sealed,) = [signing_keys.decode_pem((tmp_path / "a.key").read_bytes(), "")[1]]
    assert sealed[0] == signing_keys.WORK_BITS == 17
    assert SigningKey.load(tmp_path / "a.key", "x").public == keys[ED25519].public


def test_a_passphrase_that_protects_nothing_is_refused(keys: Keys, tmp_path: Path) -> None:
    keys[ED25519].save(tmp_path / "a.key")
    with pytest.raises(zu.DataError, match="is not protected by a passphrase"):
        SigningKey.load(tmp_path / "a.key", "x")
    with pytest.raises(zu.ParameterError, match="passphrase: is empty"):
        keys[ED25519].save(tmp_path / "b.key", "")
    with pytest.raises(zu.ParameterError, match="passphrase: expected str, found bytes"):
        keys[ED25519].save(tmp_path / "b.key", b"x")  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_key_that_others_can_read_is_refused(mode: int, keys: Keys, tmp_path: Path) -> None:
    keys[ED25519].save(tmp_path / "a.key")
    (tmp_path / "a.key").chmod(mode)
    with pytest.raises(zu.DataError, match=rf"others can read this key \(its mode is {mode:04o}\)"):
        SigningKey.load(tmp_path / "a.key")


def test_a_key_is_never_replaced(keys: Keys, tmp_path: Path) -> None:
    keys[ED25519].save(tmp_path / "a.key")
    before = (tmp_path / "a.key").read_bytes()
    with pytest.raises(zu.DataError, match=r"a\.key: is there already; a key is not replaced"):
        keys[MLDSA].save(tmp_path / "a.key")
    assert (tmp_path / "a.key").read_bytes() == before
    (tmp_path / "a.key").unlink()
    with pytest.raises(zu.DataError, match=r"a\.key\.pub: is there already"):
        keys[MLDSA].save(tmp_path / "a.key")
    assert not (tmp_path / "a.key").exists()


@every_scheme
@pytest.mark.parametrize("protected", [False, True])
def test_a_key_cut_short_is_refused(scheme: str, protected: bool, keys: Keys, tmp_path: Path, light: None) -> None:
    path = tmp_path / "a.key"
    keys[scheme].save(path, "x" if protected else None)
    text = path.read_text().splitlines()
    whole = "".join(text[1:-1])
    for part in ([*text[:-1]], [text[0], whole[:-8], text[-1]], [text[0], text[-1]]):
        path.write_text("\n".join(part) + "\n")
        with pytest.raises((zu.FormatError, zu.DataError)) as found:
            SigningKey.load(path, "x" if protected else None)
        assert str(path) in str(found.value)
        assert any(word in str(found.value) for word in ("cut off", "one whole PEM block", "passphrase is wrong"))


def _pem(key: Any, passphrase: bytes | None = None) -> bytes:
    return key.private_bytes(*PKCS8, NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase))


def test_a_key_of_another_scheme_is_refused(tmp_path: Path) -> None:
    own = generate_private_key(SECP256R1())
    (tmp_path / "a.key").write_bytes(_pem(own))
    (tmp_path / "a.key").chmod(0o600)
    with pytest.raises(zu.FormatError, match="a key of another scheme than ml-dsa-44, ed25519, bls12-381"):
        SigningKey.load(tmp_path / "a.key")
    unheard_of = bytes.fromhex("300d020100300406022a0304020500")  # of the algorithm 1.2.3
    (tmp_path / "a.key").write_bytes(encode_pem("PRIVATE KEY", unheard_of))
    with pytest.raises(zu.FormatError, match="a key of another scheme than ml-dsa-44, ed25519, bls12-381"):
        SigningKey.load(tmp_path / "a.key")
    (tmp_path / "b.pub").write_bytes(own.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(zu.FormatError, match="a public key of another scheme"):
        PublicKey.load(tmp_path / "b.pub")
    with pytest.raises(zu.ParameterError, match="scheme: 'rsa' is none of"):
        SigningKey.generate("rsa")


def test_what_is_public_is_not_taken_for_secret_and_the_other_way(keys: Keys, tmp_path: Path) -> None:
    keys[ED25519].save(tmp_path / "a.key")
    (tmp_path / "a.key.pub").chmod(0o600)
    with pytest.raises(zu.FormatError, match="this is a public key, not a secret key"):
        SigningKey.load(tmp_path / "a.key.pub")
    with pytest.raises(zu.FormatError, match="this is a private key, not a public key"):
        PublicKey.load(tmp_path / "a.key")
    for data in (b"not a key\n", b"\xff\xfe", b"{}"):
        with pytest.raises(zu.FormatError, match="is not a PEM file"):
            PublicKey.from_bytes(data)


def test_keys_that_openssl_protects_are_read(tmp_path: Path) -> None:
    own = Ed25519PrivateKey.generate()
    (tmp_path / "a.key").write_bytes(_pem(own, b"x"))
    (tmp_path / "a.key").chmod(0o600)
    assert SigningKey.load(tmp_path / "a.key", "x").public.raw == own.public_key().public_bytes_raw()
    with pytest.raises(zu.DataError, match="the passphrase is wrong"):
        SigningKey.load(tmp_path / "a.key", "y")


def test_a_damaged_file_cannot_ask_for_more_work_than_there_is_memory(tmp_path: Path) -> None:
    for bits in (0, 16, 21, 63, 255):
        (tmp_path / "a.key").write_bytes(encode_pem(SEALED_LABEL, bytes([bits]) + bytes(80)))
        (tmp_path / "a.key").chmod(0o600)
        with pytest.raises(zu.FormatError, match="cut off, or damaged"):
            SigningKey.load(tmp_path / "a.key", "x")


@pytest.mark.parametrize("number", [0, BLS_ORDER, BLS_ORDER + 1, (1 << 256) - 1])
def test_a_secret_number_out_of_range_is_refused(number: int, tmp_path: Path) -> None:
    (tmp_path / "a.key").write_bytes(encode_pem(BLS_LABEL, number.to_bytes(32, "big")))
    (tmp_path / "a.key").chmod(0o600)
    with pytest.raises(zu.FormatError, match="its number is out of range"):
        SigningKey.load(tmp_path / "a.key")


def test_a_key_tells_nothing_of_its_secret_half(keys: Keys) -> None:
    for key in keys.values():
        told = repr(key) + key._repr_html_() + str(key)
        assert key._secret.hex() not in told and repr(key._secret) not in told and key.public.keyid[:40] in told


# Public files --------------------------------------------------------------------------------------------------------


@every_scheme
def test_a_public_key_has_one_spelling(scheme: str, keys: Keys) -> None:
    good = keys[scheme].public.to_bytes()
    text = good.decode()
    first, last = text.index("\n") + 1, text.rindex("-----END")
    assert PublicKey.from_bytes(text.replace("\n", "\r\n").encode()) == keys[scheme].public
    for wrong in (
        text[:-26],
        text + text,
        "hello\n" + text,
        text[:first] + "_" + text[first + 1 :],
        text[:first] + text[first:last].rstrip("\n=") + "===\n" + text[last:],
        text[:first] + text[first:last][:-9] + "\n" + text[last:],
        text.replace("BEGIN", "BEGIN X", 1),
    ):
        with pytest.raises(zu.FormatError):
            PublicKey.from_bytes(wrong.encode())


def test_a_key_of_another_length_is_refused(keys: Keys) -> None:
    for scheme in SCHEMES:
        public = keys[scheme].public
        for raw, possession in (
            (public.raw[:-1], public.possession),
            (public.raw + b"\0", public.possession),
            (public.raw, public.possession + b"\0"),
        ):
            with pytest.raises(zu.FormatError, match=f"no key of {scheme}: it is cut off"):
                PublicKey(scheme, raw, possession)


# Aggregates ----------------------------------------------------------------------------------------------------------


def _rogue(honest: PublicKey, own: SigningKey) -> bytes:
    """What an attacker adds to an honest key so that the sum is a key of the attacker's."""
    from py_ecc.bls import g2_primitives
    from py_ecc.optimized_bls12_381 import add, neg

    points: Any = g2_primitives
    theirs, ours = points.pubkey_to_G1(honest.raw), points.pubkey_to_G1(own.public.raw)
    return bytes(points.G1_to_pubkey(add(ours, neg(theirs))))


def test_a_key_that_was_made_up_from_others_signs_nothing_for_them(keys: Keys, refused: Refused) -> None:
    """The rogue key attack: without proofs of possession the attacker alone signs for both."""
    honest, own = keys["alice"].public, keys["bob"]
    raw, signature = _rogue(honest, own), own.sign(b"never seen by alice")
    assert all_signed([honest.raw, raw], b"never seen by alice", signature)
    for possession in (own.public.possession, honest.possession, bytes(96)):
        rogue = PublicKey(BLS, raw, possession)
        refused("proof of possession", verify_together, [honest, rogue], b"never seen by alice", signature)
        refused("proof of possession", rogue.verify, b"never seen by alice", signature)


def test_an_aggregate_is_of_all_its_keys_and_each_once(keys: Keys, refused: Refused) -> None:
    alice, bob, third = (keys[name] for name in ("alice", "bob", BLS))
    both = together([alice.sign(b"m"), bob.sign(b"m")])
    verify_together([alice.public, bob.public], b"m", both)
    for wrong in ([alice.public], [alice.public, bob.public, third.public]):
        refused("aggregate", verify_together, wrong, b"m", both)
    refused("aggregate", verify_together, [alice.public, bob.public], b"n", both)
    twice = together([alice.sign(b"m")] * 2)
    assert "counts a key twice" in refused("aggregate", verify_together, [alice.public] * 2, b"m", twice)
    assert "is of 0 keys" in refused("aggregate", verify_together, [], b"m", both)
    refused("aggregate", verify_together, [alice.public, bob.public], b"m", both + b"\0")
    with pytest.raises(zu.ParameterError, match="only signatures of bls12-381"):
        verify_together([alice.public, keys[ED25519].public], b"m", both)


def test_the_point_at_infinity_is_no_key_and_no_signature(keys: Keys, refused: Refused) -> None:
    """By it, the equation of a signature would hold for every message."""
    nobody, nothing = bytes([0xC0]) + bytes(47), bytes([0xC0]) + bytes(95)
    refused("signature", keys["alice"].public.verify, b"m", nothing)
    refused("proof of possession", PublicKey(BLS, nobody, nothing).verify, b"m", nothing)
    assert not all_signed([nobody], b"m", nothing)
    assert not all_signed([keys["alice"].public.raw, nobody], b"m", keys["alice"].sign(b"m"))


# Cost, and packages --------------------------------------------------------------------------------------------------


def seconds(function: Callable[[], object]) -> float:
    """Of the processor, the least of three times."""

    def one() -> float:
        start = resource.getrusage(resource.RUSAGE_SELF)
        function()
        end = resource.getrusage(resource.RUSAGE_SELF)
        return end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime

    return min(one() for _ in range(2))


@every_scheme
def test_signing_and_verifying_take_no_time(scheme: str, keys: Keys) -> None:
    key, bar = keys[scheme], 3.0 if scheme == BLS else 0.1
    signature = key.sign(b"m")
    assert seconds(lambda: key.sign(b"m")) < bar
    assert seconds(lambda: key.public.verify(b"m", signature)) < bar


@pytest.mark.parametrize(
    ("name", "package", "call"),
    [
        (MLDSA, "cryptography", lambda own, files: own[MLDSA].public.verify(b"m", b"s")),
        (ED25519, "cryptography", lambda own, files: own[ED25519].public.verify(b"m", b"s")),
        (BLS, "py_ecc", lambda own, files: own[BLS].public.verify(b"m", b"s")),
        (BLS, "py_ecc", lambda own, files: verify_together([own[BLS].public], b"m", b"s")),
        (MLDSA, "cryptography", lambda own, files: SigningKey.generate()),
        (BLS, "py_ecc", lambda own, files: SigningKey.generate(BLS)),
        (MLDSA, "cryptography", lambda own, files: SigningKey.load(files / "plain")),
        (BLS, "py_ecc", lambda own, files: SigningKey.load(files / "bls")),
        (MLDSA, "cryptography", lambda own, files: SigningKey.load(files / "sealed", "x")),
        (MLDSA, "cryptography", lambda own, files: own[BLS].save(files / "new", "x")),
    ],
)
def test_who_has_not_the_packages_is_told_which_to_install(
    name: str, package: str, call: Any, monkeypatch: pytest.MonkeyPatch, keys: Keys, tmp_path: Path, light: None
) -> None:
    keys[ED25519].save(tmp_path / "plain")
    keys[BLS].save(tmp_path / "bls")
    keys[BLS].save(tmp_path / "sealed", "x")
    monkeypatch.setattr("zkunlearn.verifier.trust.schemes.find_spec", lambda name: None)
    words = rf"keys of {name} need {package}: pip install 'zkunlearn\[trust\]'"
    with pytest.raises(zu.ParameterError, match=words):
        call(keys, tmp_path)


def test_reading_keys_and_envelopes_loads_no_package() -> None:
    """An auditor who has asked for no signature can look at everything."""
    code = (
        "import sys; from zkunlearn.verifier.trust import signatures, auditors_keys, dsse, keys, signing_keys;"
        "print(sorted({'cryptography', 'py_ecc', 'numba', 'zkunlearn.prover'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert run.stdout.strip() == "[]"
