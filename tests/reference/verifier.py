"""A second verifier, written from docs/protocol.md and docs/arithmetic.md: short and slow, in plain integers.

It imports nothing but hashlib and the like. It does not ask for 100 bits of soundness, which far larger statements than
those of the tests could miss; what they are says soundness.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .channel import Channel, Constraint, Read, Settle, Transcript
from .field import ZERO, K, Point, Refused, eq, eq_table, log2_ceil, require
from .folding import Claims, evaluate, fold, open_tree
from .formats import (
    Map,
    births,
    check_forgotten,
    instance,
    not_counted,
    outputs_of,
    read_file,
    read_payload,
    records_of,
    sha256,
)
from .gradient_descent import GradientDescent
from .linear_optimum import LinearOptimum
from .lookups import lookups
from .newton import Newton, NoisyNewton
from .newton_inverse import NewtonInverse, NoisyNewtonInverse
from .noisy import Noisy
from .one_pass import OnePass, StandardizedOnePass
from .optimum import Optimum
from .plan import plan_digest
from .records import check_consistency, check_records
from .relations import Growth, Recommitment, Relation, Validity, dataset_columns, rounds
from .shapes import Code, Column, Group, chain, choose_groups, code_of, short_code
from .sisa import Sisa
from .standardization import StandardizedDescent

# Batching and opening: sections 14 and 15 ----------------------------------------------------------------------------


class Opened:
    """What a walk finds out about a group: r, s, the claimed value, and then gamma and <y, eq(s)>."""

    row_point: Point
    cell_point: Point
    value: K
    gamma: K
    inner: K


def batch(ch: Channel, group: Group, relation: Relation) -> Opened:
    claims = [claim for claim in relation.claims if claim[0][0] in group.matrices]
    rhos = [ch.challenge("batching weight") for _ in claims]
    total = sum((rho * value for rho, (_, _, value) in zip(rhos, claims, strict=True)), ZERO)
    row_bits = log2_ceil(group.rows)
    point, claim = rounds(ch, "batching", row_bits + group.code.c, 2, total)
    opened = Opened()
    opened.row_point, opened.cell_point = point[:row_bits], point[row_bits:]
    (opened.value,) = ch.hidden(1)

    def batched() -> Constraint:
        weight, row_weights = ZERO, eq_table(opened.row_point)
        for rho, (column, at, _) in zip(rhos, claims, strict=True):
            first, tiles, place = group.locate(column, at)
            inner = sum((a * row_weights[first + i] for i, a in enumerate(tiles)), ZERO)
            weight += rho * inner * eq(place, opened.cell_point)
        return claim - weight * opened.value, []

    ch.zero("batching", batched)
    return opened


Walked = tuple[list[Opened], Any]  # group by group, and the root of the first stack or the vectors y


def walk(ch: Channel, relation: Relation, groups: list[Group]) -> Walked:
    """Everything up to the settlement."""
    relation.start()
    lookups(ch, relation)
    relation.identities(ch)
    opened = [batch(ch, group, relation) for group in groups]
    mus = [ch.hidden(1)[0] for _ in groups]
    for o in opened:
        o.gamma = ch.challenge("opening")
    lengths = tuple(group.code.dimension for group in groups)
    ys = ch.root() if chain(lengths)[1] else [ch.vector(length) for length in lengths]
    for o, mu in zip(opened, mus, strict=True):
        (o.inner,) = ch.clear(1)
        ch.zero("opening", lambda o=o, mu=mu: (mu + o.gamma * o.value - o.inner * ch.one, []))
    return opened, ys


# One proof: sections 5, 7 and 8 --------------------------------------------------------------------------------------

DATA, MODEL = (4, 13), (8, 8)  # inverse rate, least c
LAYOUT: dict[str, tuple[int, int]] = {}  # of matrices that are laid out otherwise


def is_model(matrix: str) -> bool:
    """Of noise, of the statement's model, or of models of an earlier one, or of one that was committed afresh."""
    return matrix in ("model", "new model", "second model", "noise") or matrix.startswith(("start ", "shards "))


Beside = tuple[list[Column], int]  # a data set's columns and openings


class Shape:
    """What follows from a statement: groups, trees, and the length of the proof.

    beside: the data set on whose code models may lie, where that is not opened itself. besides: of each matrix, where
    they lie on codes of several.
    """

    def __init__(
        self,
        relation: Relation,
        openings: dict[str, int],
        beside: Beside | None = None,
        besides: Mapping[str, Beside] | None = None,
    ) -> None:
        self.relation = relation
        codes: dict[str, Code] = {}
        first: dict[str, Code] = {}
        columns: dict[str, list[Column]] = dict(relation.columns)
        if beside is not None:
            columns["dataset"] = beside[0]
            first["dataset"] = code_of(*beside, *LAYOUT.get("dataset", DATA))
        for name, n in openings.items():
            default = MODEL if is_model(name) else DATA
            own = code_of(columns[name], n, *LAYOUT.get(name, default))
            if besides and name in besides:
                other = {"dataset": code_of(*besides[name], *LAYOUT.get("dataset", DATA))}
                codes[name] = short_code({**columns, "dataset": besides[name][0]}, other, name, own)
                continue
            codes[name] = short_code(columns, first | codes, name, own) if is_model(name) else own
        self.groups = choose_groups(relation.columns, codes)
        plan = Channel()
        walk(plan, relation, self.groups)
        self.entries = plan.entries
        self.place_ledger()
        self.trees: dict[str, tuple[Code, int]] = {}
        for group in self.groups:
            self.trees |= {name: (group.code, group.matrices[name].rows) for name in group.committed}
            self.trees[group.fresh] = group.code, group.fresh_rows
        if not self.ledger_group:
            self.trees["ledger"] = self.ledger, 4
        self.new_roots = [name for name in self.trees if name not in openings]
        self.folding_bytes, self.stacks = chain(tuple(group.code.dimension for group in self.groups))
        # The bytes of folding count what stands for the vectors y, and so does the plan.
        clear_bytes = 16 * len(self.groups) + self.folding_bytes
        assert plan.clear_bytes == 16 * len(self.groups) + (32 if self.stacks else self.folding_bytes)
        self.proof_bytes = 32 * len(self.new_roots) + 16 * self.entries + clear_bytes
        self.proof_bytes += 32 + 16 * self.ledger_length + 7
        self.proof_bytes += sum(code.opening_bytes(rows) for code, rows in self.trees.values())
        self.rounds, self.constraints = plan.rounds, plan.constraints
        self.digest = plan_digest(self, plan.rounds, plan.constraints)

    def place_ledger(self) -> None:
        """In the first fresh tree with room, or in a tree of its own."""
        self.ledger, self.ledger_group = Code(log2_ceil(self.entries + 1), 1, 4), None
        for group in self.groups:
            if self.entries + 1 + group.code.queries <= group.code.dimension:
                self.ledger, self.ledger_group, group.ledger = group.code, group, True
                break
        self.ledger_length = self.entries + 1 + self.ledger.queries


def settle_ledger(read: Read, shape: Shape) -> tuple[K, list[K], Walked]:
    """All constraints at once; returns eps and the ledger's y."""
    weights = [read.transcript.challenge() for _ in range(read.constraints)]
    m0, m1 = read.elements(2)
    eps = read.transcript.challenge()
    y = read.whole(shape.ledger_length)
    lines = [eps * s - pad for s, pad in zip(read.masked, y, strict=False)]
    settle = Settle(read, lines, weights, eps)
    walked = walk(settle, shape.relation, shape.groups)
    settle.finish()
    require("constraints", settle.total + y[shape.entries] == m0 + eps * m1)
    return eps, y, walked


def verify_proof(shape: Shape, instance_: bytes, roots: dict[str, bytes], proof: bytes) -> None:
    require("proof length", len(proof) == shape.proof_bytes)
    read = Read(Transcript(instance_), proof)
    read.transcript.sponge.absorb(shape.digest)
    roots = {**roots, **{name: read.take(32) for name in shape.new_roots}}
    walk(read, shape.relation, shape.groups)
    require("ledger length", read.entries == shape.entries)
    eps, ledger, (opened, ys) = settle_ledger(read, shape)

    read.work()
    indices: dict[str, list[int]] = {}
    for group in shape.groups:
        drawn = read.transcript.indices(group.code.n, group.code.queries)
        indices |= dict.fromkeys([*group.committed, group.fresh], drawn)
    if not shape.ledger_group:
        indices["ledger"] = read.transcript.indices(shape.ledger.n, shape.ledger.queries)
    cells = {name: open_tree(read, *tree, roots[name], indices[name]) for name, tree in shape.trees.items()}

    fresh = shape.ledger_group.fresh if shape.ledger_group else "ledger"
    for position, column in zip(indices[fresh], cells[fresh], strict=True):
        a, b, a2, b2 = column[-4:]
        require("codeword of ledger", evaluate(ledger, shape.ledger.point(position)) == K(a2, b2) + eps * K(a, b))
    claims = [claims_about(group, o, indices, cells) for group, o in zip(shape.groups, opened, strict=True)]
    fold(read, ys, claims)
    require("proof length", read.at == len(proof))


def claims_about(group: Group, o: Opened, indices: dict[str, list[int]], cells: dict[str, list[list[int]]]) -> Claims:
    """What the opened columns say about a group's y: g + gamma times the combination of its rows."""
    values, weights = [], eq_table(o.row_point)
    witness = group.matrices["witness"].rows if group.fresh == "witness" else 0
    for i, position in enumerate(indices[group.fresh]):
        fresh = cells[group.fresh][i]
        rows = [cell for name in group.committed for cell in cells[name][i]] + fresh[:witness]
        combined = sum((w * cell for w, cell in zip(weights, rows, strict=False)), ZERO)
        values.append((group.code.point(position), K(*fresh[witness : witness + 2]) + o.gamma * combined))
    return Claims(group.code.dimension, o.cell_point, o.inner, values)


# Files: section 3 ----------------------------------------------------------------------------------------------------


def require_size(dataset: Map) -> None:
    encoding = dataset["encoding"]
    require("statement", dataset["rows"] * (len(encoding["features"]) + outputs_of(encoding)) <= 1 << 30)
    require("statement", len(dataset["holes"]) < dataset["rows"])
    require("statement", not dataset["unique"] or dataset["rows"] <= 1 << 23)


def dataset_shape(statement: Map) -> Shape:
    require_size(statement)
    return Shape(Validity(statement), {"dataset": statement["openings"]})


def link_shape(statement: Map) -> Shape:
    old, new = statement["old"], statement["new"]
    require_size(old)
    require_size(new)
    return Shape(Growth(old, new), {"dataset": old["openings"], "new dataset": new["openings"]})


def model_recommitment_shape(statement: Map) -> Shape:
    training, old, new = (statement[name] for name in ("training", "old", "new"))
    columns = training_relation(training).columns["model"]
    beside = dataset_columns(training["dataset"]), training["dataset"]["openings"]
    openings = {"model": old["openings"], "new model": new["openings"]}
    return Shape(Recommitment("model recommitment", "model", columns), openings, beside)


def training_relation(statement: Map) -> Relation:
    require_size(statement["dataset"])
    require("statement", (statement["noise"] is not None) == ("epsilon" in statement["spec"]["method"]))
    if statement["spec"]["method"]["kind"] == "sisa":
        require("statement", statement["distance"] == 0)
        return Sisa(statement)
    require("statement", statement["scope"] == [])
    require("statement", statement["start"] == [] or statement["spec"]["method"]["kind"] == "newton")
    require("statement", statement["spec"].get("holdout", 0) <= statement["dataset"]["segments"][0]["stop"])
    require("statement", len(not_counted(statement)) < statement["dataset"]["rows"])
    made: Any = whole_training(statement)
    found: Relation = made(statement)
    return found


def training_shape(statement: Map) -> Shape:
    relation = training_relation(statement)
    models = {"model": statement["model"]}
    models |= {f"start {i}": start["model"] for i, start in enumerate(statement["start"])}
    openings = {name: model["openings"] for name, model in models.items()}
    openings |= {} if statement["noise"] is None else {"noise": 1}
    return Shape(relation, {"dataset": statement["dataset"]["openings"], **openings})


def whole_training(statement: Map) -> type[Relation]:
    """The relation of a training without shards, which one proof can carry."""
    dataset, method = statement["dataset"], statement["spec"]["method"]
    features, outputs = len(dataset["encoding"]["features"]), outputs_of(dataset["encoding"])
    require("statement", statement["model"]["shape"] == [outputs, features + method["bias"]])
    if method["kind"] in ("optimum", "newton", "noisy"):
        several = statement["spec"]["family"] != "linear"
        require("statement", outputs == 1 or several)
        require("statement", "epsilon" not in method or statement["distance"] == 0)
        require(
            "statement", all(start["model"]["shape"] == statement["model"]["shape"] for start in statement["start"])
        )
        if method["kind"] != "optimum":
            steps = (NewtonInverse, NoisyNewtonInverse) if "inverse" in method else (Newton, NoisyNewton)
            return steps["epsilon" in method] if method["kind"] == "newton" else Noisy
        return LinearOptimum if statement["spec"]["family"] == "linear" else Optimum
    rows, epochs = dataset["rows"], method["epochs"]
    require("statement", statement["distance"] == 0)
    if method["kind"] == "one-pass":
        steps = epochs
        require("statement", features <= 2048)
        relation: type[Relation] = StandardizedOnePass if method["standardize"] else OnePass
    else:
        steps = epochs * -(-rows // (method["batch_size"] or rows))
        require("statement", rows * epochs * outputs <= 1 << 30)
        relation = StandardizedDescent if method["standardize"] else GradientDescent
    require("statement", steps * (features + 1) * outputs <= 1 << 27)
    return relation


def verify_dataset(file: bytes) -> None:
    statement, proof = read_file(file, "dataset")
    verify_proof(dataset_shape(statement), instance("dataset", statement), {"dataset": statement["root"]}, proof)


def verify_link(file: bytes) -> None:
    statement, proof = read_file(file, "link")
    old, new = statement["old"], statement["new"]
    check_growth(statement, read_payload(file, "link")["attached"])
    roots = {"dataset": old["root"], "new dataset": new["root"]}
    verify_proof(link_shape(statement), instance("link", statement), roots, proof)


def check_growth(statement: Map, attached: Map) -> None:
    """What a link says follows from the old data set, and its records are the first of the new one."""
    old, new = statement["old"], statement["new"]
    kept = [{**segment, "born": born} for segment, born in zip(old["segments"], births(old), strict=True)]
    added = new["segments"][len(kept) :]
    require("statement", len(added) <= 1 and all(segment["born"] is None for segment in added))
    of_new = {name: new[name] for name in ("root", "openings", "record_root")}
    rows = added[-1]["stop"] if added else old["rows"]
    of_new["holes"] = new["holes"]
    require("statement", set(old["holes"]) <= set(new["holes"]) and (not added or old["holes"] == new["holes"]))
    require("statement", {**old, **of_new, "rows": rows, "segments": [*kept, *added]} == new)
    roots = (old["record_root"], old["rows"], new["record_root"], new["rows"])
    check_consistency(*roots, attached["consistency"])
    named = records_of(statement, "superseded")
    require("record path", all(position < old["rows"] for position, _ in named))
    check_records(old["record_root"], old["rows"], dict(named), attached["paths"])


def verify_model_link(file: bytes) -> None:
    statement, proof = read_file(file, "model link")
    training, old, new = (statement[name] for name in ("training", "old", "new"))
    require("statement", old["shape"] == new["shape"] == training["model"]["shape"])
    roots = {"model": old["root"], "new model": new["root"]}
    verify_proof(model_recommitment_shape(statement), instance("model link", statement), roots, proof)


def verify_training(
    file: bytes,
    dataset_file: bytes,
    *,
    spec: Map | None = None,
    forgotten: set[bytes] | None = None,
    previous: bytes | None = None,
    links: Sequence[bytes] = (),
    known_dataset: bool = False,
) -> None:
    """A training proof against a data set's commitment and what else is pinned: files, a spec's map, digests."""
    statement, _ = read_file(file, "training")
    dataset, _ = read_file(dataset_file, "dataset")
    require("mismatch", statement["dataset"] == dataset)
    require("mismatch", spec is None or statement["spec"] == spec)
    require("mismatch", forgotten is None or {digest for _, digest in records_of(statement)} == forgotten)
    if previous:
        check_previous(statement, read_file(previous, "training")[0], [read_file(link, "link")[0] for link in links])
    for link in links:
        verify_link(link)
    if not known_dataset:
        verify_dataset(dataset_file)
    verify_statement(file, statement)


def verify_statement(file: bytes, statement: Map) -> None:
    """A training proof, whatever data set it is about."""
    payload = read_payload(file, "training")
    check_forgotten(statement, payload["attached"]["paths"])
    if statement["spec"]["method"]["kind"] == "newton":
        begun = [start["statement"] for start in statement["start"]]
        require("statement", begun == [statement["previous"]] * (statement["previous"] is not None))
    shape, roots = training_shape(statement), training_roots(statement)
    verify_proof(shape, instance("training", statement), roots, payload["proof"])


def training_roots(statement: Map) -> dict[str, bytes]:
    """Of what is committed beforehand."""
    starts = {f"start {i}": start["model"]["root"] for i, start in enumerate(statement["start"])}
    noise = {} if statement["noise"] is None else {"noise": statement["noise"]["root"]}
    return {"dataset": statement["dataset"]["root"], "model": statement["model"]["root"], **starts, **noise}


def check_previous(statement: Map, old: Map, links: Sequence[Map]) -> None:
    """The superseded statement: same data set (or one that all links lead from), nothing is back; any spec."""
    require("mismatch", steps_between(old["dataset"], statement["dataset"], links) == len(links))
    require("mismatch", statement["previous"] == sha256(instance("training", old)))
    require("mismatch", set(records_of(old)) <= set(records_of(statement)))
    require("mismatch", set(old["forgotten_classes"]) <= set(statement["forgotten_classes"]))
    drawn, before = statement["noise"], old["noise"]
    if drawn is not None and before is not None:
        require("mismatch", drawn["root"] != before["root"] and drawn["nonce"] != before["nonce"])
    require("mismatch", set(old["spec"]["without"]) <= set(statement["spec"]["without"]))
    if statement["spec"]["method"]["kind"] == "newton":
        require("mismatch", begins_from(statement, old))


def begins_from(statement: Map, old: Map) -> bool:
    """Whether steps begin from the model of the superseded statement, at its scale and as it was committed."""
    scale = old["spec"]["scales"]["w_bits"] - old["spec"]["method"].get("grid", 0)
    model = old["model"]
    start = {"statement": statement["previous"], "model": model, "scope": [], "scale": scale}
    if statement["start"] != [start]:
        return False
    before, own = training_shape(old), training_shape(statement)
    same = before.relation.columns["model"] == own.relation.columns["model"]
    return same and before.trees["model"][0] == own.trees["start 0"][0]


def steps_between(old: Map, new: Map, links: Sequence[Map]) -> int | None:
    """How many links lead from one data set to another at least; None if they do not."""
    reached, steps = [old], 0
    while new not in reached:
        further = [link["new"] for link in links if link["old"] in reached and link["new"] not in reached]
        if not further:
            return None
        reached, steps = reached + further, steps + 1
    return steps


def verdict(check: Any, *arguments: Any, **pinned: Any) -> str:
    """ "valid", or the name of what was refused."""
    try:
        check(*arguments, **pinned)
    except Refused as refusal:
        return refusal.check
    return "valid"
