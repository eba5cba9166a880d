"""What a file is and says, without checking that it is true: the command `inspect`. Never a secret.

Of secret files only what their owner needs is told: which public artefact they belong to and what is left of the
opening budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..circuits.statements.base import Statement, statement_digest
from ..circuits.statements.dataset import DatasetStatement
from ..circuits.statements.distance import DistanceStatement
from ..circuits.statements.evaluated import Evaluated
from ..circuits.statements.link import LinkStatement
from ..circuits.statements.model_link import ModelLinkStatement
from ..circuits.statements.noise import NOISE_KIND
from ..circuits.statements.prediction import PredictionStatement
from ..circuits.statements.registration import RegistrationStatement
from ..circuits.statements.training import TrainingStatement
from ..errors import DataError, FormatError, ParameterError
from ..formats.container import MAGIC, read_container
from ..formats.files import opened
from ..formats.lists import read_digests, read_history
from ..models.spec import load_spec
from ..verifier.bundles import BUNDLE_KIND, Bundle
from ..verifier.noise import NoiseCommitment
from ..verifier.proofs import AnyLink, Proof
from ..verifier.protocol.soundness import Soundness, soundness_terms, total_bits
from ..verifier.shapes import shape_of
from ..verifier.verify import outside_bits
from .columns import step_of
from .declared_columns import declared_lines
from .distance_words import MISSING as DISTANCE_MISSING
from .distance_words import distance_cautions, distance_data, distance_lines, distance_text
from .evaluated import (
    EVALUATION_MISSING,
    SHARDED_MISSING,
    evaluation_cautions,
    evaluation_data,
    evaluation_lines,
    evaluation_text,
    unlinked,
)
from .noise import noise_lines
from .output import Lines, foreign
from .prediction_words import (
    PREDICTION_MISSING,
    prediction_cautions,
    prediction_data,
    prediction_lines,
    prediction_text,
    unlinked_prediction,
)
from .secrets_told import SECRETS
from .signatures_told import STARTS, told_of
from .words import (
    algorithm_sentence,
    dataset_data,
    dataset_lines,
    plural,
    request_lines,
    security_text,
    size_text,
    statement_data,
    statement_lines,
)

SHOWN = 40  # columns, or statements
MAX_SECRET_BYTES = 1 << 34  # as large as the owner's files may be
NOT_VERIFIED = "Read, not verified: `zkunlearn verify` checks that it is true."
HISTORY = "list of proved statements"


@dataclass
class Inspection:
    """What to print of one file."""

    kind: str
    lines: Lines
    last: str = NOT_VERIFIED
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The first line."""
        return f"{self.kind[0].upper()}{self.kind[1:]}"


def inspect_file(path: Path) -> Inspection:
    """Look into any file this program writes or reads.

    Raises:
        DataError, FormatError, ParameterError: it is none, or malformed; names the file.
    """
    start = _start_of(path)
    if start.startswith(STARTS):
        return Inspection(*told_of(path, start))
    if not start.startswith(MAGIC):
        return _spec(path) if path.suffix == ".toml" else _text(path)
    kind, payload = read_container(path, None, MAX_SECRET_BYTES)
    if kind == BUNDLE_KIND:
        inspection = _bundle(path)
    elif kind == NOISE_KIND:
        inspection = _noise(path)
    else:
        inspection = Inspection(*SECRETS[kind](path, payload)) if kind in SECRETS else _statement(path)
    size = path.stat().st_size
    inspection.lines.insert(0, ("file", f"{foreign(path)}, {size_text(size)}"))
    inspection.data = {"kind": kind, "secret": inspection.last.startswith("SECRET"), "bytes": size, **inspection.data}
    return inspection


def _start_of(path: Path) -> bytes:
    """By which a file says what it is, whatever its name says."""
    with opened(path, MAX_SECRET_BYTES) as file:
        return file.read(max(map(len, (MAGIC, *STARTS))))


def _text(path: Path) -> Inspection:
    """A forget list, a list of proved statements, or else a spec."""
    for suffix, read in ((".forgotten", _forgotten), (".history", _history)):
        try:
            return read(path)
        except DataError:
            if path.suffix == suffix:
                raise
    try:
        return _spec(path)
    except (FormatError, ParameterError):
        raise FormatError(f"{path}: this is no file that zkunlearn writes or reads", "kind") from None


def _spec(path: Path) -> Inspection:
    spec = load_spec(path)
    toml = [line for line in spec.to_toml().splitlines() if line]
    lines = [("file", foreign(path)), ("algorithm", algorithm_sentence(spec))]
    lines += [("complete" if index == 0 else "", line) for index, line in enumerate(toml)]
    data = {"kind": "spec", "spec": spec.to_mapping(), "algorithm": algorithm_sentence(spec)}
    return Inspection("training spec", lines, "Pin it with `zkunlearn verify --spec`.", data)


def _forgotten(path: Path) -> Inspection:
    digests = read_digests(path)
    lines = [("file", foreign(path)), ("records", plural(len(digests), "record digest"))]
    data = {"kind": "forget list", "records": len(digests)}
    return Inspection("forget list", lines, "Pin it with `zkunlearn verify --forget-file`.", data)


def _history(path: Path) -> Inspection:
    proved = [(one.hex(), None if before is None else before.hex()) for one, before in read_history(path)]
    lines = [("file", foreign(path)), ("statements", f"{plural(len(proved), 'statement')} proved, the latest last")]
    for one, before in proved[:SHOWN]:
        lines += [("proved", one), ("supersedes", before or "nothing")]
    lines += _more(len(proved))
    data = {"kind": HISTORY, "statements": [{"statement": one, "previous": before} for one, before in proved]}
    return Inspection(HISTORY, lines, "Public, the owner's word: `zkunlearn verify --chain DIR` checks proofs.", data)


def _statement(path: Path) -> Inspection:
    """A statement of any kind, with its proof."""
    proof: Proof[Statement] = Proof.load(path)
    bits, security = _security(proof.statement)
    inspection = describe(proof.statement)
    inspection.lines += [("proof", size_text(len(proof.proof))), ("security", security)]
    inspection.data |= {"proof_bytes": len(proof.proof), "security_bits": bits}
    return inspection


def _bundle(path: Path) -> Inspection:
    """The statements of a sharded training that are in force."""
    bundle = Bundle.load(path)
    inside = {name: [each.digest.hex() for each in getattr(bundle, name)] for name in ("proofs", "links", "request")}
    listed = {"statements": inside["proofs"], "links": inside["links"]}
    lines = [(name if not place else "", one) for name, each in listed.items() for place, one in enumerate(each)]
    lines += request_lines(bundle)
    data = {**listed, "request": inside["request"], "last": statement_data(bundle.statement)}
    return Inspection("bundle of a sharded training", lines, data=data)


def _noise(path: Path) -> Inspection:
    """A commitment to noise."""
    statement = NoiseCommitment.load(path).statement
    data = {"noise": statement.digest.hex(), "source": statement.source, "dataset": statement.dataset.hex()}
    last = "Pin it with `zkunlearn verify --noise`; without a proof it says nothing of itself."
    return Inspection("commitment to noise", noise_lines(statement), last, data)


def describe(statement: Statement) -> Inspection:
    """A statement of any kind in words."""
    return words_of(statement.kind).describe(statement)


@dataclass(frozen=True)
class Words:
    """What people see of a kind of statement; all that the command line knows of it.

    Attributes:
        describe: such a statement in words.
        proved: what a valid one says, where no report does.
        numbers: of such a statement, what it says in numbers; then `proved` is left out.
        missing: what is said where the proof of a reference was not checked, by its name; {digest} is in its place.
        cautions: of such a statement, what it does not say, however valid.
        unlinked: of such a statement and the links that were checked, what no link leads to.
        rank: files are judged in this order, so that what others refer to comes before them.
    """

    describe: Callable[[Any], Inspection]
    proved: str = "the statement is proved"
    rank: int = 2
    numbers: Callable[[Any], str] | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    cautions: Callable[[Any], tuple[str, ...]] = lambda statement: ()
    unlinked: Callable[[Any, Iterable[AnyLink]], tuple[str, ...]] = lambda statement, links: ()

    def said(self, statement: Statement) -> str:
        """What a valid one says."""
        return self.proved if self.numbers is None else self.numbers(statement)

    def unchecked(self, name: str, digest: bytes) -> str:
        """That the proof of a statement it refers to was not checked."""
        told = self.missing.get(name, f"it is about {name} {{digest}}, whose own proof was not checked")
        return told.format(digest=digest.hex())


def words_of(kind: str) -> Words:
    """A kind without words of its own has those that fit all."""
    return _WORDS.get(kind, Words(_any))


def _any(statement: Statement) -> Inspection:
    """A kind that has no words of its own: its fields."""
    lines = [("statement", statement_digest(statement).hex())]
    fields = {name: _plain(value) for name, value in statement.to_mapping().items()}
    lines += [(name, str(value)) for name, value in fields.items()]
    return Inspection(f"{statement.kind} statement", lines, data={"statement": lines[0][1], "fields": fields})


def _plain(value: object) -> object:
    """A value of canonical content, for JSON."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _dataset(statement: DatasetStatement) -> Inspection:
    lines = [
        *dataset_lines(statement),
        ("openings", f"hides {plural(statement.openings, 'proof')}, its own validity proof included"),
        *declared_lines(statement.encoding),
    ]
    encoding = statement.encoding
    mapped: Any = encoding.to_mapping()["features"]
    steps = [{"step": step_of(column, encoding.x_bits)} for column in encoding.features]
    columns = [each | step for each, step in zip(mapped, steps, strict=True)]
    sources = [source.to_mapping() for source in encoding.sources]
    data = {"dataset": dataset_data(statement), "columns": columns, "sources": sources}
    return Inspection("data set commitment", lines, data=data)


def _more(count: int) -> Lines:
    """That there are more than are shown."""
    return [("", f"and {count - SHOWN:,} more, which --json shows")] if count > SHOWN else []


def _training(statement: TrainingStatement) -> Inspection:
    title = "unlearning proof" if statement.forgotten else "training proof"
    return Inspection(title, statement_lines(statement), data=statement_data(statement))


def _link(statement: LinkStatement) -> Inspection:
    old, new = statement_digest(statement.old).hex(), statement_digest(statement.new).hex()
    superseded = len(statement.superseded)
    lines: Lines = [
        ("old data set", old),
        ("new data set", new),
        ("rows", f"{plural(statement.old.rows, 'row')} before, {statement.added:,} added"),
    ]
    if statement.destroyed:
        lines.append(("destroyed", f"{plural(statement.destroyed, 'row')} before, which are zeros now"))
    if superseded:
        lines.append(("superseded", f"{plural(superseded, 'row')} before, in whose place others were added"))
    data = {"old": old, "new": new, "rows": statement.new.rows, "added": statement.added, "superseded": superseded}
    data |= {"destroyed": statement.destroyed}
    return Inspection("link between data sets", lines, data=data)


def _model_link(statement: ModelLinkStatement) -> Inspection:
    training = statement_digest(statement.training).hex()
    both = {"old": statement.old, "new": statement.new}
    lines = [("statement", statement_digest(statement).hex()), ("of training", training)]
    lines += [
        (f"{name} model", f"{own.root.hex()}, hides {plural(own.openings, 'proof')}") for name, own in both.items()
    ]
    data = {name: {"root": own.root.hex(), "openings": own.openings} for name, own in both.items()}
    return Inspection("link between commitments to a model", lines, data={"training": training, **data})


def _registration(statement: RegistrationStatement) -> Inspection:
    digest, dataset = statement_digest(statement).hex(), statement_digest(statement.dataset).hex()
    rows, own = statement.dataset.rows - statement.start, statement.previous
    lines = [("registration", digest), ("data set", dataset)]
    data = {"registration": digest, "dataset": dataset, "rows": rows}
    if own is not None:
        lines.append(("goes on from", f"{own.hex()}, which lists the {plural(statement.start, 'row')} before"))
        data["previous"] = own.hex()
    lines.append(("records", plural(rows, "record")))
    return Inspection("registration", lines, data=data)


def _evaluation(statement: Evaluated) -> Inspection:
    data = evaluation_data(statement)
    return Inspection("evaluation", [("evaluation", data["evaluation"]), *evaluation_lines(statement)], data=data)


def _distance(statement: DistanceStatement) -> Inspection:
    digest, training = statement_digest(statement).hex(), statement.training
    data = {"distance_statement": digest, "training": training.digest.hex(), "model": training.model.root.hex()}
    lines = [("statement", digest), *distance_lines(statement)]
    return Inspection("distance from the optimum", lines, data={**data, **distance_data(statement)})


def _prediction(statement: PredictionStatement) -> Inspection:
    digest = statement.digest.hex()
    lines, data = prediction_lines(statement), prediction_data(statement)
    return Inspection("predictions", [("predictions", digest), *lines], data={"predictions": digest, **data})


def _security(statement: Statement) -> tuple[float | None, str]:
    """Proven bits, and in words; None for a statement that cannot be proved."""
    try:
        shape = shape_of(statement)
        bits, label = min((term.bits, term.label) for term in soundness_terms(shape))
    except ParameterError as error:
        return None, f"none: {error}"
    total, outside = total_bits(shape), outside_bits(statement)
    if outside is not None:
        bits, label = min((bits, label), (outside, f"outside of the proof, by {statement.kind}"))
        total = (Soundness(total, total) & Soundness(outside, outside)).total
    return bits, f"{security_text(bits, total)}; weakest: {label}"


_WORDS = {
    "dataset": Words(_dataset, "every cell of this data set is in its declared range", rank=0),
    "link": Words(_link, "the new data set goes on with all rows of the old one", rank=1),
    "training": Words(_training),
    "model link": Words(_model_link, "both commitments hold the same model", rank=3),
    "evaluation": Words(
        _evaluation,
        rank=4,
        numbers=evaluation_text,
        missing=EVALUATION_MISSING,
        cautions=evaluation_cautions,
        unlinked=unlinked,
    ),
    "sharded evaluation": Words(
        _evaluation,
        rank=4,
        numbers=evaluation_text,
        missing=SHARDED_MISSING,
        cautions=evaluation_cautions,
        unlinked=unlinked,
    ),
    "distance": Words(_distance, rank=3, numbers=distance_text, missing=DISTANCE_MISSING, cautions=distance_cautions),
    "prediction": Words(
        _prediction,
        rank=4,
        numbers=prediction_text,
        missing=PREDICTION_MISSING,
        cautions=prediction_cautions,
        unlinked=unlinked_prediction,
    ),
    "registration": Words(_registration, "record i is row i for everybody whose receipt verifies"),
}
