"""Statements in words: `dataset_lines`, `statement_lines` for people, `dataset_data`, `statement_data` for JSON.

Only what is public passes here. Names that a data set brings along go through `foreign`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..circuits.statements.base import statement_digest
from ..circuits.statements.dataset import DatasetStatement
from ..circuits.statements.scope import written_scope
from ..circuits.statements.training import TrainingStatement
from ..models.encoding.dataset import DatasetEncoding
from ..models.encoding.labels import listed_classes
from ..models.encoding.maps import LOG1P
from ..models.methods import Optimum
from ..models.spec import TrainingSpec
from ..verifier.bundles import Bundle, BundleReport
from ..verifier.certificates.guarantee import algorithm_words, guarantee
from .noise import noisy_data, noisy_lines
from .output import Lines, foreign
from .steps import step_data, step_lines

KIB, MIB = 1 << 10, 1 << 20
SHOWN_NAMES = 8  # of features and classes, in a list


def plural(count: int, noun: str) -> str:
    """3 rows, 1 row."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def noted(text: str) -> str:
    """A note as it is printed; a warning says itself that it is one."""
    return text if text.startswith("warning: ") else f"note: {text}"


def security_text(least: float, total: float) -> str:
    """Proven soundness, counted both ways."""
    return f"{least:.1f} bits proven (each round; {total:.1f} for all rounds together)"


def size_text(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / MIB:.1f} MiB" if size >= MIB else f"{size / KIB:.1f} KiB"


def algorithm_sentence(spec: TrainingSpec) -> str:
    """The declared algorithm in a sentence."""
    return algorithm_words(spec, listed)


def listed(names: Sequence[str]) -> str:
    """Some names that a data set brought along."""
    more = f" and {len(names) - SHOWN_NAMES:,} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(foreign(name) for name in names[:SHOWN_NAMES]) + more


def encoding_text(encoding: DatasetEncoding) -> str:
    """How columns became integers, with the caveat that an auditor must know."""
    if encoding.bounds_declared:
        return "every column by its declared bounds"
    return (
        "CAUTION: the bounds of columns were taken from the data, forgotten rows included; how they were chosen "
        "is outside the proof"
    )


def label_text(encoding: DatasetEncoding) -> str:
    """Kind and meaning of labels."""
    label = encoding.label
    if label.column is not None:
        return f"{label.kind}: {foreign(label.column.name)} in [{label.column.low!r}, {label.column.high!r}]"
    if label.kind == "binary":
        return f"{label.kind}: {foreign(label.classes[0])} is 0, {foreign(label.classes[1])} is 1"
    if label.classes:
        return f"{label.kind}: {len(label.classes)} classes, {foreign(listed_classes(label.classes))}"
    return label.kind


def maps_lines(encoding: DatasetEncoding) -> Lines:
    """Which features are not mapped linearly, if any."""
    names = [column.name for column in encoding.features if column.map == LOG1P]
    return [("maps", f"{LOG1P} of {listed(names)}; others linear")] if names else []


def dataset_lines(statement: DatasetStatement) -> Lines:
    """A committed data set."""
    return [
        ("data set", statement_digest(statement).hex()),
        ("size", f"{plural(statement.rows, 'row')}, {plural(statement.features, 'feature')}"),
        ("labels", label_text(statement.encoding)),
        ("encoding", encoding_text(statement.encoding)),
        *maps_lines(statement.encoding),
        *unique_lines(statement),
        *segments_lines(statement),
    ]


def unique_lines(statement: DatasetStatement) -> Lines:
    """By which columns no two rows are equal, if by any."""
    names = statement.encoding.keys
    if not statement.unique:
        return []
    rows = "no two rows, forgotten ones included," + (" but for destroyed ones," if statement.holes else "")
    return [("unique", f"{listed(names)}: {rows} are equal in {'it' if len(names) == 1 else 'all of them'}")]


def segments_lines(statement: DatasetStatement) -> Lines:
    """In which parts it was committed, if it has grown, and what others added to the order of rows."""
    sizes = [stop - start for start, stop in statement.spans]
    shown = ", ".join(f"{size:,}" for size in sizes[:SHOWN_NAMES]) + (", .." if len(sizes) > SHOWN_NAMES else "")
    drawn = sum(segment.nonce is not None for segment in statement.segments)
    lines: Lines = []
    if len(sizes) > 1:
        lines.append(("segments", f"{len(sizes):,}, of {shown} rows; the smallest has {plural(min(sizes), 'row')}"))
    if statement.holes:
        lines.append(("destroyed", f"{plural(len(statement.holes), 'row')}, which no training can count"))
    if drawn:
        lines.append(("nonces", f"in the order of {plural(drawn, 'segment')} of {len(sizes):,}"))
    return lines


def dataset_data(statement: DatasetStatement) -> dict[str, Any]:
    """A committed data set, for JSON."""
    return {
        "digest": statement_digest(statement).hex(),
        "rows": statement.rows,
        "features": statement.features,
        "label_kind": statement.encoding.label.kind,
        "bounds_declared": statement.encoding.bounds_declared,
        "unique": list(statement.encoding.keys),
        "openings": statement.openings,
        "holes": len(statement.holes),
        "segments": [
            {"rows": stop - start, "nonce": segment.nonce and segment.nonce.hex()}
            for (start, stop), segment in zip(statement.spans, statement.segments, strict=True)
        ],
    }


def statement_lines(statement: TrainingStatement, *others: TrainingStatement) -> Lines:
    """A training statement, after others of the same request."""
    forgotten, rows, all_of_them = len(statement.forgotten), statement.dataset.rows, (*others, statement)
    if statement.previous is None:
        supersedes = "nothing: the first of its chain"
    else:
        supersedes = statement.previous.hex()
    return [
        *_under("statement", [own.digest.hex() for own in all_of_them]),
        *dataset_lines(statement.dataset),
        ("algorithm", algorithm_sentence(statement.spec)),
        ("forgotten", f"{forgotten:,} of {plural(rows, 'row')}" if forgotten else f"none of {plural(rows, 'row')}"),
        *_forgotten_classes(statement),
        *_scope(all_of_them),
        *_exactness(statement),
        *noisy_lines(statement),
        *_under("model" if not others else "models", [own.model.root.hex() for own in all_of_them]),
        ("supersedes", supersedes),
    ]


def _exactness(statement: TrainingStatement) -> Lines:
    """Of rows that are forgotten exactly: what that is worth, what it takes for granted, and what voids it."""
    certified, number = isinstance(statement.spec.method, Optimum), statement.distance + 1
    if statement.noise is not None or statement.spec.method.noised or not (certified or statement.forgotten):
        return []
    promised = guarantee(statement)
    words = [("exact", promised.words.removeprefix("exact: "))]
    terms = [*_under("assumes", promised.assumes), *_under("void", promised.voided)]
    if not certified:
        return [*words, *terms]
    return [
        *step_lines(statement),
        *words,
        ("", "it is the optimum of the rows that count, rounded, whoever found it and from wherever: nothing is left"),
        *terms,
        ("caution", "whoever has an exact model from before, too, can tell what changed: publish in batches"),
        ("grid", f"weights in steps of 2^-{statement.spec.weight_bits}; certified at distance number {number}"),
    ]


def request_lines(bundle: Bundle) -> Lines:
    """The statements of the last request."""
    *others, last = (proof.statement for proof in bundle.request)
    return statement_lines(last, *others)


def _under(head: str, texts: Sequence[str]) -> Lines:
    """One below the other, not too many of them."""
    more = len(texts) - SHOWN_NAMES
    shown = [*texts[:SHOWN_NAMES], *([f"and {more:,} more"] if more > 0 else [])]
    return [("" if index else head, text) for index, text in enumerate(shown)]


def _scope(statements: Sequence[TrainingStatement]) -> Lines:
    """Which shards statements are about, if not all."""
    runs = [f"{shards_text(run.shards)} from stage {run.stage} on" for own in statements for run in own.scope]
    begun = (start for own in statements for start in own.start if start.scale is None)
    starts = dict.fromkeys(f"from models of {start.statement.hex()}" for start in begun)
    lines = [*_under("trains", runs), *(("", text) for text in starts)]
    return [("trains", lines[0][1]), *lines[1:]] if lines else []


def shards_text(shards: Sequence[int]) -> str:
    """Some shards, by their numbers, which increase: shard 3, shards 0 to 15, shards 2, 5 and 9."""
    if len(shards) == 1:
        return f"shard {shards[0]}"
    if shards[-1] - shards[0] == len(shards) - 1:
        return f"shards {shards[0]} to {shards[-1]}"
    if len(shards) > SHOWN_NAMES:
        return f"{len(shards):,} shards"
    return f"shards {', '.join(map(str, shards[:-1]))} and {shards[-1]}"


def bundle_lines(report: BundleReport) -> Lines:
    """What a bundle is put together from."""
    kept = report.stages - report.trained
    silent = report.empty_shards
    return [
        ("bundle", f"{plural(len(report.bundle.proofs), 'statement')} in force, {report.checked} of them checked now"),
        ("retrained", f"{plural(report.trained, 'stage')} of {shards_text(report.shards)}, by the last request"),
        ("kept", f"{kept:,} of {plural(report.stages, 'stage')}"),
        *_afresh(report.bundle),
        *([("no say", f"{shards_text(silent)}, of which no row counts")] if silent else []),
    ]


def _afresh(bundle: Bundle) -> Lines:
    """What was committed afresh in between, by links that are checked with it."""
    models = len(bundle.links) - len(bundle.dataset_links)
    counts = {"data set": len(bundle.dataset_links), "model": models}
    told = [f"{plural(count, 'link')} to a new commitment of a {of}" for of, count in counts.items() if count]
    return [("afresh", ", ".join(told))] if told else []


def bundle_data(report: BundleReport) -> dict[str, Any]:
    """The same for JSON."""
    return {
        "statements": [proof.digest.hex() for proof in report.bundle.proofs],
        "request": [proof.digest.hex() for proof in report.bundle.request],
        "links": [link.digest.hex() for link in report.bundle.links],
        "checked": report.checked,
        "retrained_stages": report.trained,
        "retrained_shards": list(report.shards),
        "stages": report.stages,
        "empty_shards": list(report.empty_shards),
    }


def _forgotten_classes(statement: TrainingStatement) -> Lines:
    """What is said of whole classes, and what that tells of the rows."""
    classes = statement.forgotten_classes
    if not classes:
        return []
    return [
        (
            "classes",
            f"no row that counts is of {'the class' if len(classes) == 1 else 'the classes'} {listed(classes)}",
        ),
        ("", "CAUTION: every record that is not in the list of the forgotten is of another class, and of those in it"),
        ("", "some are of these; the bounds of columns and the list of classes still name them"),
    ]


def statement_data(statement: TrainingStatement) -> dict[str, Any]:
    """A training statement, for JSON."""
    return {
        "statement": statement_digest(statement).hex(),
        "dataset": dataset_data(statement.dataset),
        "spec": statement.spec.to_mapping(),
        "algorithm": algorithm_sentence(statement.spec),
        "forgotten": [record.digest.hex() for record in statement.forgotten],
        "forgotten_classes": list(statement.forgotten_classes),
        "scope": written_scope(statement.scope),
        "distance": statement.distance,
        "noise": noisy_data(statement),
        "step_error": step_data(statement),
        "begins_from": [start.statement.hex() for start in statement.start],
        "model": statement.model.root.hex(),
        "previous": None if statement.previous is None else statement.previous.hex(),
    }
