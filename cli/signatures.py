"""The commands of keys and signatures: keygen, sign, countersign, aggregate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click
import zkunlearn as zu

from ..errors import DataError
from ..formats.files import read_text
from ..verifier.bundles import load_public
from ..verifier.trust.schemes import DEFAULT, SCHEMES
from ..verifier.trust.signatures import AUDITOR, OWNER, Signed, load_signature, signature_file
from .exits import DONE
from .options import FILE, common, force_option
from .output import Lines, Output, foreign
from .pinned import Given, pinning, verdicts_on
from .places import refuse_existing, require_file_place
from .receipts import any_receipts
from .verdicts import code_of, told
from .words import plural

MAX_PASSPHRASE_BYTES = 1 << 12
PUBLIC = "give it to whoever is to know your signatures, by a way that nobody else controls"
NOT_REPLACED = "choose another name"
Command = Callable[..., None]


def passphrase_options(command: Command) -> Command:
    """Where a passphrase comes from; the command gets a function `passphrase` that is called with whether it is new."""

    @click.option(
        "--passphrase-file", type=FILE, metavar="FILE", help="The passphrase of the key: the file's only line."
    )
    @click.option("--passphrase-prompt", "asked", is_flag=True, help="Ask for the passphrase of the key.")
    @wraps(command)
    def run(*output: Output, passphrase_file: Path | None, asked: bool, **rest: Any) -> None:
        if asked and passphrase_file is not None:
            raise click.UsageError("say --passphrase-file or --passphrase-prompt, not both")

        def passphrase(new: bool) -> str | None:
            if asked:
                text: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True)
                return text
            return None if passphrase_file is None else read_passphrase(passphrase_file)

        command(*output, passphrase=passphrase, **rest)

    return run


def read_passphrase(path: Path) -> str:
    """The only line of a file. Raises DataError."""
    lines = read_text(path, MAX_PASSPHRASE_BYTES).splitlines()
    if len(lines) != 1 or not lines[0]:
        raise DataError(f"{path}: a passphrase is one line, and not empty")
    return lines[0]


def signing(command: Command) -> Command:
    """What is signed, with which key, and where the signature goes."""
    for option in (
        click.option("--out", type=FILE, metavar="S.signature", help="Of one FILE: where it goes, if not beside it."),
        click.option("--key", "key_file", type=FILE, required=True, metavar="KEY", help="A key that keygen wrote."),
        click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE..."),
    ):
        command = option(command)
    return command


@click.command()
@click.option("--out", type=FILE, required=True, metavar="OWNER.key", help="Where the secret half goes, mode 0600.")
@click.option(
    "--scheme",
    type=click.Choice([*SCHEMES]),
    default=DEFAULT,
    show_default=True,
    help="ed25519 for tools that know nothing else; bls12-381 where many auditors sign one thing.",
)
@passphrase_options
@common
def keygen(output: Output, out: Path, scheme: str, passphrase: Callable[[bool], str | None]) -> None:
    """Make a key to sign with: KEY, secret, and KEY.pub, public.

    Without a passphrase whoever reads the file signs in your name. A key that is there is never replaced.
    """
    require_file_place(out)
    protected = passphrase(True)
    key = zu.SigningKey.generate(scheme)
    key.save(out, protected)
    public = Path(f"{out}.pub")
    lines = [
        ("scheme", scheme),
        ("key", key.public.keyid),
        ("SECRET", f"{foreign(out)}, {'without' if protected is None else 'protected by'} a passphrase"),
        ("public", f"{foreign(public)}: {PUBLIC}"),
    ]
    data = {"key": str(out), "public": str(public), "scheme": scheme, "keyid": key.public.keyid}
    output.result("Key made", lines, f"made: {foreign(out)}", {**data, "protected": protected is not None})


@click.command()
@signing
@passphrase_options
@force_option
@common
def sign(
    output: Output,
    files: Sequence[Path],
    key_file: Path,
    out: Path | None,
    passphrase: Callable[[bool], str | None],
    force: bool,
) -> None:
    """Sign as owner what you publish: data set commitments, proofs, bundles, registrations, links, noise.

    Each signature is a file beside FILE, FILE.owner-KEY.signature, and says that the holder of the key publishes this.
    """
    _require_one(files, out)
    subjects = [_load(file) for file in files]
    key = zu.SigningKey.load(key_file, passphrase(False))
    written = _write([*zip(files, subjects, strict=True)], key, OWNER, out, force)
    last = f"signed: {plural(len(written), 'file')} as owner"
    output.result("Signed", _lines(written), last, {"signatures": [data for data, _ in written]})


@click.command()
@signing
@pinning
@passphrase_options
@force_option
@common
def countersign(
    output: Output,
    files: Sequence[Path],
    key_file: Path,
    out: Path | None,
    passphrase: Callable[[bool], str | None],
    force: bool,
    given: Given,
) -> None:
    """Verify as `verify` does, and sign as auditor what is valid: FILE.auditor-KEY.signature beside each FILE.

    If one of the files is not VALID nothing is signed, and the exit code is that of `verify`.
    """
    _require_one(files, out)
    if any_receipts(files):
        raise click.UsageError("receipts are not signed: they hold people's rows")
    key = zu.SigningKey.load(key_file, passphrase(False))
    verdicts = verdicts_on(output, files, given)
    blocks, last, data = told(verdicts)
    code = code_of(verdicts)
    written: list[tuple[dict[str, Any], Path]] = []
    if code == DONE:
        valid = {each.file: each.bundle or each.proof for each in verdicts}
        written = _write([(file, valid[file]) for file in files], key, AUDITOR, out, force)
        blocks.append(("Signed", _lines(written)))
        last.append(f"signed: {plural(len(written), 'file')} as auditor")
    else:
        last.append("NOT signed")
    output.results(blocks, last, {**data, "signatures": [each for each, _ in written]})
    if code:
        raise click.exceptions.Exit(code)


@click.command()
@click.argument("signatures", type=FILE, nargs=-1, required=True, metavar="S.signature...")
@click.option("--keys", type=FILE, required=True, metavar="DIR", help="The keys of those who signed, NAME.pub each.")
@click.option("--out", type=FILE, required=True, metavar="S.signature", help="Where the one signature goes.")
@force_option
@common
def aggregate(output: Output, signatures: Sequence[Path], keys: Path, out: Path, force: bool) -> None:
    """Put bls12-381 signatures on one file together into one of 96 bytes, after checking each of them."""
    refuse_existing([out], force, NOT_REPLACED)
    require_file_place(out)
    known = zu.load_keys(keys)
    envelope = zu.aggregate_signatures([load_signature(path) for path in signatures], [key for _, key in known])
    envelope.save(out)
    names = {key.keyid: name for name, key in known}
    signers = envelope.signatures[0].keyids
    who = sorted({names[each] for each in signers})
    lines = [("of", ", ".join(map(foreign, who))), ("file", foreign(out))]
    data = {"signature": str(out), "keys": list(signers), "auditors": who}
    output.result("Put together", lines, f"aggregated: {plural(len(signers), 'signature')}", data)


def _require_one(files: Sequence[Path], out: Path | None) -> None:
    """Raises UsageError where one place is named for several signatures."""
    if out is not None and len(files) > 1:
        raise click.UsageError("--out is of one FILE")


def _load(file: Path) -> Any:
    """What can be signed. Raises FormatError or DataError, naming the file."""
    try:
        return load_public(file)
    except zu.FormatError as error:
        if error.fault != "kind":
            raise
        try:
            return zu.NoiseCommitment.load(file)
        except zu.FormatError as other:
            raise (error if other.fault == "kind" else other) from None


def _write(
    subjects: Sequence[tuple[Path, Any]], key: zu.SigningKey, purpose: str, out: Path | None, force: bool
) -> list[tuple[dict[str, Any], Path]]:
    """A signature of each; of each what is told, and its file. Raises DataError."""
    places = [out or signature_file(file, purpose, key.public) for file, _ in subjects]
    refuse_existing(places, force, NOT_REPLACED)
    for place in places:
        require_file_place(place)
    written = []
    for (file, subject), place in zip(subjects, places, strict=True):
        zu.sign(subject, key, purpose).save(place)
        said = Signed.of(subject, purpose)
        data = {"file": str(file), "signature": str(place), "kind": said.kind, "digest": said.digest.hex()}
        own = {"purpose": purpose, "scheme": key.public.scheme, "keyid": key.public.keyid}
        written.append((data | own, place))
    return written


def _lines(written: Sequence[tuple[dict[str, Any], Path]]) -> Lines:
    lines: Lines = []
    for data, place in written:
        lines += [("signed", f"{foreign(data['file'])}, {data['kind']} {data['digest']}"), ("file", foreign(place))]
    return [*lines, *([("key", f"{written[0][0]['keyid']}, {written[0][0]['scheme']}")] if written else [])]
