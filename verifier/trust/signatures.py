"""Signatures on what this program writes: who says so, of which thing, and in which role.

What is signed is a statement about a file, in a DSSE envelope whose payload is, in canonical JSON,

    {"digest": .., "kind": "training", "purpose": "owner", "version": 1}

so that a signature on one kind of thing, or in one role, is none on another. An owner signs what it publishes; an
auditor, what it found valid. Signatures are files beside what they are about.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...circuits.statements.noise import NOISE_KIND
from ...errors import DataError, FormatError, InvalidSignature, ParameterError, require_type
from ...formats.fields import Fields, Int, take
from ...formats.lists import parse_digest
from ...formats.strict_json import canonical_json, read_json
from ...shown import Shown
from ..bundles import BUNDLE_KIND, Bundle
from ..noise import NoiseCommitment
from ..proofs import Proof
from .dsse import Envelope
from .keys import PublicKey
from .signing_keys import SigningKey

PAYLOAD_TYPE = "application/vnd.zkunlearn.signature+json"
SIGNATURE_SUFFIX = ".signature"
OWNER, AUDITOR = "owner", "auditor"
PURPOSES = (OWNER, AUDITOR)
VERSION = 1
MOST_BESIDE = 1000  # signature files of one file
_BUNDLE_TAG = b"zkunlearn bundle 1"
_SHOWN = 8  # digits of a key in the name of a file
_FIELDS: Fields = {"digest": str, "kind": str, "purpose": str, "version": Int(VERSION, VERSION)}

Subject = Proof[Any] | Bundle | NoiseCommitment


@dataclass(frozen=True)
class Signed:
    """What a signature says.

    Attributes:
        kind: of the thing: "dataset", "training", "registration", "bundle", ..
        digest: names the thing, 32 bytes.
        purpose: "owner": I publish this; "auditor": I found this valid.
    """

    kind: str
    digest: bytes
    purpose: str

    @classmethod
    def of(cls, subject: Subject, purpose: str) -> Signed:
        """What is said of this. Raises ParameterError: it is nothing that is signed, or there is no such purpose."""
        require_type("subject", subject, (Proof, Bundle, NoiseCommitment), "`load` reads a file")
        if purpose not in PURPOSES:
            raise ParameterError(f"purpose: {str(purpose)[:40]!r} is none of {', '.join(PURPOSES)}")
        if isinstance(subject, Bundle):
            return cls(BUNDLE_KIND, bundle_digest(subject), purpose)
        kind = NOISE_KIND if isinstance(subject, NoiseCommitment) else subject.statement.kind
        return cls(kind, subject.digest, purpose)

    def to_bytes(self) -> bytes:
        """The payload."""
        fields = {"digest": self.digest.hex(), "kind": self.kind, "purpose": self.purpose, "version": VERSION}
        return canonical_json(fields)

    @classmethod
    def from_bytes(cls, payload: bytes) -> Signed:
        """Raises FormatError: it is none, or in another spelling."""
        fields = take(read_json(payload, "the payload"), _FIELDS, "the payload")
        digest = parse_digest(fields["digest"])
        if digest is None:
            raise FormatError("the payload has no digest of 64 hexadecimal characters")
        if fields["purpose"] not in PURPOSES:
            raise FormatError(f"the payload has the purpose {fields['purpose'][:40]!r}, which is none")
        found = cls(fields["kind"], digest, fields["purpose"])
        if found.to_bytes() != payload:
            raise FormatError("the payload is not in canonical JSON")
        return found


def bundle_digest(bundle: Bundle) -> bytes:
    """Names a bundle as a whole: its statements, in their order, and links."""
    own = hashlib.sha256(_BUNDLE_TAG)
    for proofs in (bundle.proofs, bundle.links):
        own.update(len(proofs).to_bytes(8, "little"))
        for proof in proofs:
            own.update(proof.digest)
    return own.digest()


def sign(subject: Subject, key: SigningKey, purpose: str = OWNER) -> Envelope:
    """Sign a proof, commitment, registration or bundle.

    Args:
        purpose: "owner", for who publishes it; "auditor", for who has verified it, which this does not do.

    Returns:
        An envelope: `.save` writes it; beside what is signed, `signature_file` is its usual name.

    Raises:
        ParameterError: another purpose, or what cannot be signed.
    """
    require_type("key", key, SigningKey, "`SigningKey.load` reads a file")
    return Envelope.sign(PAYLOAD_TYPE, Signed.of(subject, purpose).to_bytes(), [key])


def check_signature(
    subject: Subject, envelope: Envelope, keys: PublicKey | Collection[PublicKey], purpose: str = OWNER
) -> list[PublicKey]:
    """Check that an envelope has signatures on this thing, in this role, of some of these keys.

    The thing itself is not verified.

    Returns:
        The keys that signed, alone or in an aggregate; at least one.

    Raises:
        InvalidSignature: there is none of these keys or one is wrong (check "signature" or "aggregate"), or they are
            on something else ("signed statement") or in another role ("purpose").
        FormatError: the envelope is of something that is no signature of this program.
        ParameterError: an argument of another type; or a package is not installed.
    """
    require_type("envelope", envelope, Envelope, "`Envelope.load` reads a file")
    known = [keys] if isinstance(keys, PublicKey) else list(keys)
    for key in known:
        require_type("keys", key, PublicKey, "`PublicKey.load` reads a file")
    expected = Signed.of(subject, purpose)
    found = signed_by(expected, envelope, known)
    if purpose_of(envelope) != purpose:
        raise InvalidSignature("purpose", f"this was signed as {purpose_of(envelope)}, not as {purpose}")
    if not found:
        raise InvalidSignature("signature", "there is none of the keys that were named")
    return found


def signed_by(expected: Signed, envelope: Envelope, keys: Collection[PublicKey]) -> list[PublicKey]:
    """Those of the keys that signed this kind and digest in whatever role. Raises InvalidSignature, FormatError."""
    if envelope.payload_type != PAYLOAD_TYPE:
        raise FormatError(f"the payload is {envelope.payload_type!r}, not {PAYLOAD_TYPE!r}", "kind")
    said = Signed.from_bytes(envelope.payload)
    if said.kind != expected.kind:
        raise InvalidSignature("signed statement", f"it is on a thing of the kind {said.kind[:40]!r}, not this one's")
    if said.digest != expected.digest:
        raise InvalidSignature("signed statement", f"it is on {said.digest.hex()}, which is another one")
    return envelope.signed_by(keys)


def purpose_of(envelope: Envelope) -> str:
    """The role in which was signed. Raises FormatError."""
    return Signed.from_bytes(envelope.payload).purpose


# Files ---------------------------------------------------------------------------------------------------------------


def signature_file(path: Path, purpose: str, key: PublicKey) -> Path:
    """The usual name of a signature beside the file that it is about."""
    return path.with_name(f"{path.name}.{purpose}-{key.keyid[:_SHOWN]}{SIGNATURE_SUFFIX}")


def signatures_beside(path: Path) -> list[Envelope]:
    """All signatures beside a file: NAME.*.signature, where its own name is NAME.

    Raises:
        FormatError, DataError: one of them cannot be read; naming it.
    """
    try:
        names = sorted(each.name for each in path.parent.iterdir())
    except OSError as error:
        raise DataError(f"{path.parent}: cannot be read ({error.strerror})") from error
    own = [name for name in names if name.startswith(path.name + ".") and name.endswith(SIGNATURE_SUFFIX)]
    if len(own) > MOST_BESIDE:
        raise DataError(f"{path}: there are {len(own)} signatures beside it, more than {MOST_BESIDE}")
    return [load_signature(path.with_name(name)) for name in own]


def load_signature(path: Path | str) -> Envelope:
    """A signature on something that this program writes, unchecked.

    Raises FormatError or DataError, naming the file.
    """
    envelope = Envelope.load(path, PAYLOAD_TYPE)
    try:
        Signed.from_bytes(envelope.payload)
    except FormatError as error:
        raise error.named(path) from error
    return envelope


# What is demanded ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Endorsement(Shown):
    """Who signed what was verified.

    Attributes:
        owner: the key that had to; None where none had to.
        auditors: names, each once, in order.
        passed_over: how many envelopes have signatures of unknown keys only, whatever they are on.
    """

    owner: PublicKey | None
    auditors: tuple[str, ...]
    passed_over: int

    shows = "owner", "auditors", "passed_over"


@dataclass(frozen=True)
class Demand:
    """Who has to have signed.

    Attributes:
        owner: the key of the owner, or None.
        auditors: how many auditors; each counts once, however many keys it has.
        keys: of auditors, by name; see `load_keys`.

    Raises ParameterError: more auditors than keys name, or the owner is one.
    """

    owner: PublicKey | None = None
    auditors: int = 0
    keys: Sequence[tuple[str, PublicKey]] = ()

    def __post_init__(self) -> None:
        names = {name for name, _ in self.keys}
        if len(names) < self.auditors:
            raise ParameterError(
                f"{self.auditors} auditors are asked for, and there are keys of {len(names)}; all keys of one name are "
                "one auditor's"
            )
        require_apart(self.keys)
        for name, key in self.keys:
            if self.owner is not None and key.raw == self.owner.raw:
                raise ParameterError(f"the owner's key is also that of the auditor {name!r}")

    def check(self, subject: Subject, envelopes: Iterable[Envelope]) -> Endorsement:
        """Those who have to have signed this, did.

        Raises:
            InvalidSignature: a signature of a known key is wrong; one is on something else ("signed statement"); the
                owner's is missing ("owner signature"), or made as an auditor ("purpose"); there are too few auditors
                ("auditors").
            FormatError: an envelope is of something else.
            ParameterError: a package is not installed.
        """
        expected = Signed.of(subject, OWNER)
        names = {key.keyid: name for name, key in self.keys}
        known = [key for _, key in self.keys] + ([] if self.owner is None else [self.owner])
        ids = {key.keyid for key in known}
        roles: dict[str, set[str]] = {}
        passed_over = 0
        for envelope in envelopes:
            if not any(ids.issuperset(each.keyids) for each in envelope.signatures):
                passed_over += 1  # whatever it says, and of what
                continue
            found = signed_by(expected, envelope, known)
            for key in found:
                roles.setdefault(key.keyid, set()).add(purpose_of(envelope))
        if self.owner is not None:
            _require_role(roles, self.owner)
        who = tuple(sorted({names[own] for own, as_ in roles.items() if own in names and AUDITOR in as_}))
        if len(who) < self.auditors:
            listed = ", ".join(map(repr, who)) or "none"
            raise InvalidSignature("auditors", f"{len(who)} of {self.auditors} have signed: {listed}")
        return Endorsement(self.owner, who, passed_over)


def require_signatures(
    subject: Subject,
    envelopes: Iterable[Envelope],
    *,
    owner: PublicKey | None = None,
    auditors: int = 0,
    keys: Sequence[tuple[str, PublicKey]] = (),
) -> Endorsement:
    """Check who signed this thing, which itself is not verified: `verify` does that.

    Args:
        envelopes: signatures on it; those of keys that are not named are passed over.
        owner: whose signature as owner there has to be.
        auditors: how many have to have signed as auditors; each counts once, whatever keys it has.
        keys: of auditors, with their names: `load_keys`.

    Raises:
        InvalidSignature: naming what is wrong or missing; see `Demand.check`.
        FormatError: an envelope is of something else.
        ParameterError: an argument of another type, more auditors than keys name, or a package is not installed.
    """
    if owner is not None:
        require_type("owner", owner, PublicKey, "`PublicKey.load` reads a file")
    require_type("auditors", auditors, int)
    if auditors < 0:
        raise ParameterError(f"auditors = {auditors}: are so many or none")
    for each in keys:
        require_type("keys", each, tuple, "`load_keys` reads a folder")
        if len(each) != 2:
            raise ParameterError(f"keys: a name and its key are needed, found {len(each)} of these")
        require_type("keys 1", each[1], PublicKey, "`load_keys` reads a folder")
    given = list(envelopes)
    for envelope in given:
        require_type("envelopes", envelope, Envelope, "`Envelope.load` reads a file")
    return Demand(owner, auditors, tuple(keys)).check(subject, given)


def _require_role(roles: dict[str, set[str]], owner: PublicKey) -> None:
    """Raises InvalidSignature: the owner has not signed as owner."""
    as_ = roles.get(owner.keyid)
    if as_ is None:
        raise InvalidSignature("owner signature", f"there is none of the key {owner.keyid[:16]}")
    if OWNER not in as_:
        raise InvalidSignature("purpose", "the owner's key has signed as an auditor, not as owner")


def require_apart(keys: Iterable[tuple[str, PublicKey]]) -> None:
    """Raises ParameterError: one key has two names, so that an auditor would count twice."""
    owners: dict[bytes, str] = {}
    for name, key in keys:
        if owners.setdefault(key.raw, name) != name:
            raise ParameterError(f"the auditors {owners[key.raw]!r} and {name!r} have one and the same key")
