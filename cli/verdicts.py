"""What `verify` says of files, each by what it is, with the others at hand to follow its references."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import zkunlearn as zu

from ..circuits.statements.base import statement_digest
from ..circuits.statements.link import LinkStatement
from ..circuits.statements.prediction import PredictionStatement
from ..circuits.statements.registration import RegistrationStatement
from ..circuits.statements.training import TrainingStatement
from ..models.methods import Optimum
from ..verifier.bundles import load_public, verify_bundle
from ..verifier.certificates.guarantee import guarantee
from ..verifier.pins import NAMES as PINS
from ..verifier.pins import NOISE_NAMES as NOISE_PINS
from ..verifier.pins import Pins
from ..verifier.receipts import tied_rows
from ..verifier.registrations import require_whole
from ..verifier.renewals import links_between
from ..verifier.verify import verify_proof
from .endorsed import Demanded, endorsed_data, endorsed_lines
from .exits import DONE, INVALID, REFUSED, reason_of
from .inspection import describe, words_of
from .noise import noisy_text
from .output import Block, Lines, Output, foreign
from .prediction_words import NOT_COMPARED, compare_inputs
from .words import bundle_data, bundle_lines, plural, request_lines, security_text

WORDS = {DONE: "VALID", INVALID: "INVALID", REFUSED: "CANNOT SAY"}


@dataclass
class Verdict:
    """On one file.

    Attributes:
        file: its name.
        proof: what it holds, if it can be read.
        code: DONE, INVALID or REFUSED.
        reason: what is behind the word of the verdict.
        check: name of the failed check.
        bundle: what it holds, if that is a bundle; `proof` is then the last of it.
        report: of a valid training proof. bundled: of a valid bundle.
        security_bits: proven soundness of a valid one, the least over all rounds.
        total_bits: that of the sum of all rounds.
        not_followed: what it refers to, and was not checked, in words.
        tied: how many forgotten rows receipts tie to rows of the matrix; None where there was none to compare.
        endorsed: who signed it, where that was asked for.
    """

    file: Path
    proof: zu.Proof[Any] | None = None
    bundle: zu.Bundle | None = None
    code: int = DONE
    reason: str = ""
    check: str = ""
    report: zu.VerificationReport | None = None
    bundled: zu.BundleReport | None = None
    security_bits: float | None = None
    total_bits: float | None = None
    not_followed: tuple[str, ...] = ()
    tied: int | None = None
    endorsed: zu.Endorsement | None = None
    seconds: float = 0.0

    def fail(self, error: zu.ZkUnlearnError) -> None:
        """Invalid, or nothing can be said."""
        found = reason_of(error)
        self.code, (self.check, self.reason) = (REFUSED, ("", str(error))) if found is None else (INVALID, found)


def read_all(files: Sequence[Path]) -> list[Verdict]:
    """All files; those that cannot be read have their verdict. Raises what kept a single one from being read."""
    found = []
    for file in files:
        verdict = Verdict(file)
        try:
            verdict.proof, verdict.bundle = _read(file)
        except zu.ZkUnlearnError as error:
            verdict.fail(error)
            if len(files) == 1 and verdict.code == REFUSED:
                raise
        found.append(verdict)
    return found


def _read(file: Path) -> tuple[zu.Proof[Any], zu.Bundle | None]:
    found = load_public(file)
    return (found.proofs[-1], found) if isinstance(found, zu.Bundle) else (found, None)


@dataclass
class Evidence:
    """What is at hand: the files that were given, the data set and the pins that were named."""

    files: Sequence[Verdict]
    dataset: zu.DatasetCommitment | None
    pins: dict[str, Any]
    receipts: Sequence[tuple[Path, zu.Receipt]] = ()  # that people have shown
    inputs: Path | None = None  # a table that was predicted
    demanded: Demanded | None = None  # signatures
    checked: set[bytes] = field(default_factory=set)  # digests of what was found valid in this run

    def given(self, kind: type[Any], digest: bytes) -> Any:
        """The proof of that kind whose statement has this digest, or None."""
        proofs = (each.proof for each in self.files)
        return next((proof for proof in proofs if isinstance(proof, kind) and proof.digest == digest), None)

    def registrations(self) -> list[zu.RegistrationProof]:
        """Those among the files, found valid before."""
        found = [each.proof for each in self.files if isinstance(each.proof, zu.RegistrationProof)]
        return [proof for proof in found if proof.digest in self.checked]

    def registered(self, training: Verdict) -> set[bytes]:
        """The digests of those that are of its data set."""
        of = _proof(training).statement.dataset
        return {proof.digest for proof in self.registrations() if proof.statement.dataset == of}

    def links(self) -> list[LinkStatement]:
        """Of the links among the files, found valid before."""
        proofs = [each.proof for each in self.files if isinstance(each.proof, zu.LinkProof)]
        return [proof.statement for proof in proofs if proof.digest in self.checked]

    def model_links(self) -> list[zu.ModelLinkProof]:
        """The links of models among the files, found valid before."""
        found = [each.proof for each in self.files if isinstance(each.proof, zu.ModelLinkProof)]
        return [proof for proof in found if proof.digest in self.checked]

    def bundle(self, last: bytes | None) -> zu.Bundle | None:
        """The bundle among the files, found valid before, whose last statement has this digest, or None."""
        found = (each.bundle for each in self.files if each.bundle is not None and each.code == DONE)
        return next((own for own in found if last in self.checked and own.proofs[-1].digest == last), None)

    def commitment(self, proof: zu.TrainingProof, file: Path) -> zu.DatasetCommitment:
        """Of the proof's data set: as named, among the files, or beside the proof. Raises DataError."""
        digest = statement_digest(proof.statement.dataset)
        found = self.dataset or self.given(zu.DatasetCommitment, digest)
        for path in [] if found else sorted(file.parent.glob("*.commitment")):
            try:
                beside = zu.DatasetCommitment.load(path)
            except zu.ZkUnlearnError:
                continue
            found = beside if beside.digest == digest else found
        if found is None:
            raise zu.DataError(
                f"{file}: it is about the data set {digest.hex()}, whose commitment is neither among the files nor "
                "beside it; say --dataset"
            )
        return found

    def predecessor(self, proof: zu.TrainingProof) -> dict[str, Any]:
        """The pins `previous` and `links`: as named, or from the files if they are all there."""
        named = {name: self.pins[name] for name in ("previous", "links")}
        before, statement = named["previous"], proof.statement
        if isinstance(before, zu.Bundle):
            before = named["previous"] = before.proofs[-1]
        if before is None and statement.previous is not None:
            before = self.given(zu.TrainingProof, statement.previous)
        if before is None:
            return named
        if before.statement.dataset == statement.dataset or named["links"]:
            return named | {"previous": before}
        links = [each.proof for each in self.files if isinstance(each.proof, zu.LinkProof)]
        found = links_between(before.statement.dataset, statement.dataset, links)
        if found is None and named["previous"] is None:
            return named
        return {"previous": before, "links": found or ()}


def judge_all(evidence: Evidence, progress: Callable[[str], None]) -> list[Verdict]:
    """The verdicts on all files, in their order. Raises what kept the verdict on a single one."""
    ranked = [each for each in evidence.files if each.proof is not None]
    for each in sorted(ranked, key=_order):
        progress(str(each.file))
        start = perf_counter()
        try:
            _judge(each, evidence)
            evidence.checked |= _found_valid(each, evidence)
        except zu.ZkUnlearnError as error:
            each.fail(error)
            if each.code == REFUSED and len(evidence.files) == 1:
                raise
        each.seconds = perf_counter() - start
    for each in evidence.files:
        _tie(each, evidence)
        _endorse(each, evidence)
        _finish(each, evidence)
    return list(evidence.files)


def _found_valid(each: Verdict, evidence: Evidence) -> set[bytes]:
    """Digests of the statements of a valid file: of a bundle all, unless some were named as known."""
    if each.bundle is None or isinstance(evidence.pins["previous"], zu.Bundle):
        return {_proof(each).digest}
    return {proof.digest for proof in (*each.bundle.proofs, *each.bundle.links)}


def _order(each: Verdict) -> tuple[int, int]:
    """What others refer to comes before them: a bundle before one that forgets more, registrations by first rows."""
    statement = _proof(each).statement
    first = statement.start if isinstance(statement, RegistrationStatement) else 0
    return words_of(statement.kind).rank, len(statement.forgotten) if each.bundle is not None else first


def _judge(each: Verdict, evidence: Evidence) -> None:
    proof = _proof(each)
    if not isinstance(proof, zu.TrainingProof):
        found = verify_proof(proof)
        if isinstance(proof, zu.RegistrationProof):
            require_whole(proof, evidence.registrations(), evidence.links())
        if isinstance(proof, zu.PredictionProof) and evidence.inputs is not None:
            compare_inputs(proof.statement, evidence.inputs)
        each.security_bits, each.total_bits = found.least, found.total
        return
    commitment = evidence.commitment(proof, each.file)
    known, pins = evidence.pins["known_dataset"], evidence.pins | evidence.predecessor(proof)
    if known is None and commitment.digest in evidence.checked:
        pins["known_dataset"] = commitment.digest
    if each.bundle is not None:
        report = _judge_bundle(each, each.bundle, commitment, pins, evidence)
    else:
        report = zu.verify(proof, commitment, **pins)
    if known is None:
        evidence.checked.add(commitment.digest)
        report = replace(report, dataset_checked=True)
    each.report, each.security_bits, each.total_bits = report, report.security_bits, report.total_bits


def _judge_bundle(
    each: Verdict, bundle: zu.Bundle, commitment: zu.DatasetCommitment, pins: dict[str, Any], evidence: Evidence
) -> zu.VerificationReport:
    """The report on the last request; of a bundle before it that is named, or was checked before, only what changed."""
    named = evidence.pins["previous"]
    before = named if isinstance(named, zu.Bundle) else evidence.bundle(bundle.statement.previous)
    if before is not None:  # the links between are in the bundle
        pins = pins | {"previous": None, "links": ()}
    each.bundled = verify_bundle(bundle, commitment, Pins(**pins), before)
    return each.bundled.last


def _tie(each: Verdict, evidence: Evidence) -> None:
    """How many rows of a valid training receipts tie to rows of the matrix; one that fails makes it invalid."""
    known = evidence.registered(each) if each.report is not None and each.code == DONE else set()
    if not known or not isinstance(each.proof, zu.TrainingProof):
        return
    tied: set[int] = set()
    for file, receipt in evidence.receipts:
        try:
            tied |= tied_rows([receipt], evidence.commitment(each.proof, each.file), known, each.proof)
        except zu.ZkUnlearnError as error:
            each.fail(error)
            each.reason = f"{file}: {each.reason}"
            return
    each.tied = len(tied) if evidence.receipts else None


def _endorse(each: Verdict, evidence: Evidence) -> None:
    """Who signed it, where that was asked for of what is valid."""
    if evidence.demanded is None or each.file not in evidence.demanded.signatures:
        return
    if each.proof is None or each.code != DONE:
        return
    try:
        each.endorsed = evidence.demanded.check(each.file, each.bundle or each.proof)
    except zu.ZkUnlearnError as error:
        each.fail(error)


def _finish(each: Verdict, evidence: Evidence) -> None:
    """What can be said when all other files have been checked."""
    if each.proof is None or each.code != DONE:
        return
    statement = each.proof.statement
    if each.report is not None:
        each.report = replace(each.report, previous_checked=statement.previous in evidence.checked)
        each.not_followed = each.report.not_followed
        without = f" without the {plural(len(statement.forgotten), 'forgotten row')}" if statement.forgotten else ""
        if evidence.receipts and each.tied is None:
            each.not_followed += ("receipts: the registration of this data set is not among the files, or not valid",)
        said = "".join(f"; {text}" for text in (*_exact(statement), *_of_rows(each, evidence)))
        each.reason = f"{_what(each)} what this algorithm outputs on this data set{without}{said}"
        return
    words = words_of(statement.kind)
    each.reason = words.said(statement)
    digests = {name: statement_digest(other) for name, other in statement.references.items()}
    unchecked = (words.unchecked(name, own) for name, own in digests.items() if own not in evidence.checked)
    unlinked = words.unlinked(statement, evidence.model_links())
    compared = (NOT_COMPARED,) if isinstance(statement, PredictionStatement) and evidence.inputs is None else ()
    each.not_followed = (*unchecked, *unlinked, *compared, *words.cautions(statement))


def _exact(statement: TrainingStatement) -> tuple[str, ...]:
    """What a certified optimum without some rows is worth, or a noisy one."""
    noisy = noisy_text(statement)
    if statement.forgotten and noisy is not None:
        return (noisy,)
    if not statement.forgotten or statement.spec.method.noised or not isinstance(statement.spec.method, Optimum):
        return ()
    return (guarantee(statement).words,)


def _of_rows(each: Verdict, evidence: Evidence) -> Iterator[str]:
    """What ties forgotten records to rows of the matrix, by the registration: receipts, and else it depends on them."""
    forgotten = len(_proof(each).statement.forgotten)
    if each.tied is not None:
        yield f"{each.tied} of {forgotten} forgotten rows are tied to rows by receipts"
    if evidence.registered(each) and (each.tied is None or each.tied < forgotten):
        yield words_of(RegistrationStatement.kind).proved


def _what(each: Verdict) -> str:
    """What a valid training proof is about."""
    if each.bundle is not None:
        return "the models of all shards are"
    if each.proof is not None and each.proof.statement.scope:
        return "the models of some shards, from those that are named, are"
    return "the model is"


def _proof(each: Verdict) -> zu.Proof[Any]:
    if each.proof is None:
        raise zu.DataError(f"{each.file}: cannot be read")
    return each.proof


# --- how it is shown ----------------------------------------------------------------------------------------


def code_of(verdicts: Sequence[Verdict]) -> int:
    """INVALID if one is, else REFUSED if one is, else DONE."""
    codes = {each.code for each in verdicts}
    return next((code for code in (INVALID, REFUSED) if code in codes), DONE)


def show(output: Output, verdicts: Sequence[Verdict]) -> None:
    """One verdict line a file, last."""
    if len(verdicts) == 1:
        (only,) = verdicts
        output.result(_title(only), _lines(only), f"{WORDS[only.code]}: {_reason(only)}", _data(only))
        return
    output.results(*told(verdicts))


def told(verdicts: Sequence[Verdict]) -> tuple[list[Block], list[str], dict[str, Any]]:
    """Of several files: what they say, a verdict line each, and all of it for JSON."""
    blocks = [(_title(each), [("file", foreign(each.file)), *_lines(each)]) for each in verdicts if each.proof]
    last = [f"{WORDS[each.code]}: {foreign(each.file)}: {_reason(each)}" for each in verdicts]
    valid = {DONE: True, INVALID: False, REFUSED: None}[code_of(verdicts)]
    files = [{"file": str(each.file), **_data(each)} for each in verdicts]
    return blocks, last, {"valid": valid, "files": files}


def _title(each: Verdict) -> str:
    return "Verified statement" if each.code == DONE else "Claimed by the proof"


def _reason(each: Verdict) -> str:
    return f"{each.reason} ({each.seconds:.2f} s)" if each.code == DONE else each.reason


def _lines(each: Verdict) -> Lines:
    lines: Lines = [] if each.proof is None else list(describe(each.proof.statement).lines)
    if each.bundle is not None:
        lines = request_lines(each.bundle)
    if each.code != DONE:
        return lines
    report = each.report
    if each.bundled is not None:
        lines += bundle_lines(each.bundled)
    if report is not None:
        checked = "of the data set checked" if report.dataset_checked else "of the data set known, not checked now"
        lines.append(("validity", checked))
    lines.append(("security", security_text(each.security_bits or 0.0, each.total_bits or 0.0)))
    if report is not None:
        unpinned = [name for name in _pins(report) if name not in report.pinned]
        lines.append(("pinned", ", ".join(["data set", *report.pinned])))
        lines.append(("not pinned", ", ".join(unpinned) or "nothing"))
        lines += [("" if index else "changed", text) for index, text in enumerate(report.changes)]
    lines += endorsed_lines(each.endorsed)
    lines += [("" if index else "not followed", text) for index, text in enumerate(each.not_followed)]
    return lines


def _pins(report: zu.VerificationReport) -> tuple[str, ...]:
    """What could be pinned."""
    return PINS if report.statement.noise is None else (*PINS, *NOISE_PINS)


def _data(each: Verdict) -> dict[str, Any]:
    said = {} if each.proof is None else describe(each.proof.statement).data
    if each.code != DONE:
        claimed = {"claimed": said} if said else {}
        return {"valid": False if each.code == INVALID else None, "check": each.check, "reason": each.reason, **claimed}
    data = {
        "valid": True,
        **said,
        "security_bits": each.security_bits,
        "total_bits": each.total_bits,
        "seconds": round(each.seconds, 3),
    }
    data["not_followed"] = list(each.not_followed)
    if each.bundled is not None:
        data["bundle"] = bundle_data(each.bundled)
    if each.report is not None:
        data |= {
            "dataset_checked": each.report.dataset_checked,
            "pinned": list(each.report.pinned),
            "not_pinned": [name for name in _pins(each.report) if name not in each.report.pinned],
            "changes": list(each.report.changes),
        }
    if each.tied is not None:
        data["tied"] = each.tied
    return data | endorsed_data(each.endorsed)
