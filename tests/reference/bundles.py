"""Statements of a sharded training that hold together: protocol.md, "Bundles"."""

from __future__ import annotations

from collections.abc import Sequence

from .field import require
from .formats import MAX_FILE, Map, Reader, fields, instance, kind_of, read_file, records_of, sha256
from .shapes import Code
from .sisa_integers import Cut, Run, cut_of, models_of, parts_of, runs_of
from .verifier import training_shape, verify_dataset, verify_link, verify_model_link, verify_statement

InForce = dict[tuple[int, int], tuple[int, Run]]  # by shard and stage: number of the statement, and its run
HEAD = b"zkunlearn\0\6bundle\0\1"


def read_bundle(data: bytes) -> tuple[list[bytes], list[bytes]]:
    """The files of the statements, and those of links between data sets, and of models."""
    require("format", len(data) <= MAX_FILE and data.startswith(HEAD))
    reader = Reader(data[len(HEAD) :])
    payload = reader.item()
    require("format", reader.at == len(reader.data))
    fields(payload, {"proofs": list, "links": list})
    proofs, links = payload["proofs"], payload["links"]
    require("format", proofs != [] and len(links) <= 1 << 10)
    require("format", all(type(file) is bytes for file in (*proofs, *links)))
    return proofs, links


def statements_of(files: Sequence[bytes]) -> list[Map]:
    statements = [read_file(file, "training")[0] for file in files]
    require("format", all(statement["spec"]["method"]["kind"] == "sisa" for statement in statements))
    return statements


VERIFY_LINK = {"link": verify_link, "model link": verify_model_link}


def links_of(files: Sequence[bytes]) -> list[Map]:
    require("format", all(kind_of(file) in VERIFY_LINK for file in files))
    return [read_file(file, kind_of(file))[0] for file in files]


def in_force(statements: Sequence[Map]) -> InForce:
    """For each stage of each shard the last one that trained it."""
    found: InForce = {}
    for number, statement in enumerate(statements):
        cut = cut_of(statement["dataset"], statement["spec"])
        for run, stage in models_of(runs_of(statement["scope"], cut), cut):
            found |= {(shard, stage): (number, run) for shard in run.shards}
    return found


def lead(old: Map, new: Map, links: Sequence[Map]) -> bool:
    """Whether links lead from one data set, or from one model, to another."""
    reached = [old]
    for here in reached:
        reached += [link["new"] for link in links if link["old"] == here and link["new"] not in reached]
    return new in reached


def check_rules(statements: Sequence[Map], dataset: Map, links: Sequence[Map] = ()) -> None:
    """The five rules. Each statement has to be one that a proof can be about."""
    for statement in statements:
        parts_of(statement)
    last = statements[-1]
    for statement in statements:
        require("bundle spec", statement["spec"] == last["spec"])
        require("bundle data set", statement["dataset"]["rows"] <= dataset["rows"])
        require("bundle data set", lead(statement["dataset"], dataset, links))
    table, cut = in_force(statements), cut_of(dataset, last["spec"])
    for (shard, stage), (number, _) in table.items():
        then = cut_of(statements[number]["dataset"], last["spec"])
        require("bundle data set", there(then, shard, stage) == there(cut, shard, stage))
    whole = {(shard, stage) for shard in range(cut.shards) for stage in range(1, cut.slices + 1)}
    require("bundle table", table.keys() == whole)
    require("bundle table", {number for number, _ in table.values()} == set(range(len(statements))))
    for (shard, stage), (number, _) in table.items():
        own, wanted = (seen(statement, cut, shard, stage) for statement in (statements[number], last))
        require("bundle forget list", own == wanted)
    for shard, stage in table:
        require("bundle start", stage == 1 or follows(statements, table, shard, stage, links))


def there(cut: Cut, shard: int, stage: int) -> range:
    """The positions of a stage of a shard."""
    first = shard * cut.shard_rows
    return range(first, min(first + cut.prefix(stage), cut.rows))


def seen(statement: Map, cut: Cut, shard: int, stage: int) -> set[int]:
    """Positions that are forgotten, of the rows that a stage of a shard would see."""
    return {position for position, _ in records_of(statement) if position in there(cut, shard, stage)}


def follows(statements: Sequence[Map], table: InForce, shard: int, stage: int, links: Sequence[Map]) -> bool:
    """Rule 4."""
    (number, run), before = table[shard, stage], table[shard, stage - 1]
    if run.stage < stage:
        return before == (number, run)
    assert run.start is not None
    later, earlier = statements[number], statements[before[0]]
    start = later["start"][run.start]
    named = start["statement"], start["scope"]
    renewals = [link for link in links if "training" in link and link["training"] == earlier]
    same = named == (sha256(instance("training", earlier)), scope_within(earlier, later["dataset"]))
    return (
        same
        and lead(earlier["model"], start["model"], renewals)
        and (earlier["dataset"] == later["dataset"] or code_of(earlier, start) == code_of(later, start, run.start))
    )


def scope_within(earlier: Map, dataset: Map) -> list[Map]:
    """What a statement trained, as one on a later data set names it."""
    then, now = (cut_of(own, earlier["spec"]) for own in (earlier["dataset"], dataset))
    if earlier["scope"] == [] and then.shards != now.shards:
        return [vars(run) for run in then.whole()]
    return list(earlier["scope"])


def code_of(statement: Map, start: Map, number: int | None = None) -> Code:
    """On which the models of a start lie, in a statement that begins from them, or in the one that they are of."""
    if number is not None:
        return training_shape(statement).trees[f"start {number}"][0]
    return training_shape({**statement, "model": start["model"]}).trees["model"][0]


def verify_bundle(data: bytes, dataset_file: bytes) -> None:
    """A bundle, all proofs of which are checked."""
    (files, links), dataset = read_bundle(data), read_file(dataset_file, "dataset")[0]
    statements = statements_of(files)
    check_rules(statements, dataset, links_of(links))
    verify_dataset(dataset_file)
    for link in links:
        VERIFY_LINK[kind_of(link)](link)
    for file, statement in zip(files, statements, strict=True):
        verify_statement(file, statement)
