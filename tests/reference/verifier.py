"""A second verifier, written from docs/protocol.md and docs/arithmetic.md: short and slow, in plain integers.

It imports nothing but hashlib and the like. It does not compute bits of soundness (section 17), which far larger
statements than those of the tests could miss.
"""

from __future__ import annotations

from typing import Any

from .channel import Channel, Constraint, Read, Settle, Transcript
from .field import ZERO, K, Point, Refused, eq, eq_table, horner, log2_ceil, require
from .formats import Map, check_forgotten, field_elements, instance, node, read_file, root_of, sha256
from .lookups import lookups
from .relations import GradientDescent, Recommitment, Relation, Validity, rounds
from .shapes import QUERIES, Code, Matrix

# Batching and opening: sections 14 and 15 ----------------------------------------------------------------------------


class Opened:
    """What a walk finds out about a matrix: eq(r, rows), s, the claimed value, and then gamma and y."""

    row_weights: list[K]
    cell_point: Point
    value: K
    gamma: K
    y: tuple[list[int], list[int]]


def batch(ch: Channel, matrix: Matrix, relation: Relation) -> Opened:
    claims = [claim for claim in relation.claims if claim[0] in matrix.columns]
    rhos = [ch.challenge() for _ in claims]
    total = sum((rho * value for rho, (_, _, value) in zip(rhos, claims, strict=True)), ZERO)
    row_bits = log2_ceil(matrix.column_rows)
    point, claim = rounds(ch, row_bits + matrix.c, 2, total)
    opened = Opened()
    opened.row_weights, opened.cell_point = eq_table(point[:row_bits]), point[row_bits:]
    (opened.value,) = ch.hidden(1)

    def batched() -> Constraint:
        weight = ZERO
        for rho, (name, at, _) in zip(rhos, claims, strict=True):
            first, tiles, place = matrix.locate(name, at)
            inner = sum((a * opened.row_weights[first + i] for i, a in enumerate(tiles)), ZERO)
            weight += rho * inner * eq(place, opened.cell_point)
        return claim - weight * opened.value, []

    ch.zero("batching", batched)
    return opened


def walk(ch: Channel, relation: Relation, matrices: dict[str, Matrix]) -> dict[str, Opened]:
    """Everything up to the settlement."""
    relation.start()
    lookups(ch, relation)
    relation.identities(ch)
    opened = {name: batch(ch, matrix, relation) for name, matrix in matrices.items()}
    mus = {name: ch.hidden(1)[0] for name in matrices}
    for name in matrices:
        opened[name].gamma = ch.challenge()
    for name, matrix in matrices.items():
        o, mu = opened[name], mus[name]
        o.y = ch.vector(matrix.code.dimension)

        def inner_product(o: Opened = o, mu: K = mu) -> Constraint:
            cells = zip(eq_table(o.cell_point), *o.y, strict=False)
            return mu + o.gamma * o.value - sum((e * K(a, b) for e, a, b in cells), ZERO) * ch.one, []

        ch.zero("opening", inner_product)
    return opened


# One proof: sections 5, 7 and 8 --------------------------------------------------------------------------------------


class Shape:
    """What follows from a statement: matrices, trees, and the length of the proof."""

    def __init__(self, relation: Relation, openings: dict[str, int]) -> None:
        self.relation, self.committed = relation, list(openings)
        self.matrices = {name: Matrix(relation.columns[name], n) for name, n in openings.items()}
        if "witness" in relation.columns:
            self.matrices["witness"] = Matrix(relation.columns["witness"], 1, mask_rows=2)
        plan = Channel()
        walk(plan, relation, self.matrices)
        self.entries = plan.entries
        self.ledger = Code(log2_ceil(plan.entries + 1), 1)
        self.trees = {name: (matrix.code, matrix.rows) for name, matrix in self.matrices.items()}
        self.trees |= {f"{name} mask": (self.matrices[name].code, 2) for name in self.committed}
        self.trees["ledger"] = self.ledger, 4
        self.new_roots = [name for name in self.trees if name not in self.committed]
        self.proof_bytes = 32 * len(self.new_roots) + 16 * (plan.entries + plan.vector_length)
        self.proof_bytes += 16 * (2 + self.ledger.dimension)
        self.proof_bytes += sum(code.opening_bytes(rows) for code, rows in self.trees.values())


def verify_proof(shape: Shape, instance_: bytes, roots: dict[str, bytes], proof: bytes) -> None:
    require("proof length", len(proof) == shape.proof_bytes)
    read = Read(Transcript(instance_, shape.relation.name), proof)
    roots = {**roots, **{name: read.absorbed(32) for name in shape.new_roots}}
    walk(read, shape.relation, shape.matrices)
    require("ledger length", read.entries == shape.entries)

    weights = [read.transcript.challenge() for _ in range(read.constraints)]
    m0, m1 = read.elements(2)
    eps = read.transcript.challenge()
    y = read.vector(shape.ledger.dimension)
    read.vectors.pop()  # it is no part of the walk
    pads = [K(a, b) for a, b in zip(*y, strict=True)]
    lines = [eps * s - pad for s, pad in zip(read.masked, pads, strict=False)]
    settle = Settle(read, lines, weights, eps)
    opened = walk(settle, shape.relation, shape.matrices)
    settle.finish()
    require("constraints", settle.total + pads[shape.entries] == m0 + eps * m1)

    indices = {name: read.transcript.indices(m.code.n, QUERIES) for name, m in shape.matrices.items()}
    indices |= {f"{name} mask": indices[name] for name in shape.committed}
    indices["ledger"] = read.transcript.indices(shape.ledger.n, QUERIES)
    cells = {name: open_tree(read, *tree, roots[name], indices[name]) for name, tree in shape.trees.items()}
    require("proof length", read.at == len(proof))
    for name, matrix in shape.matrices.items():
        o, rows = opened[name], matrix.column_rows
        masks = [column[rows:] for column in cells[name]] if name == "witness" else cells[f"{name} mask"]
        for position, column, mask in zip(indices[name], cells[name], masks, strict=True):
            combined = sum((w * cell for w, cell in zip(o.row_weights, column[:rows], strict=False)), ZERO)
            require(f"codeword of {name}", codeword(matrix.code, o.y, position) == K(*mask) + o.gamma * combined)
    for position, (a, b, a2, b2) in zip(indices["ledger"], cells["ledger"], strict=True):
        require("codeword of ledger", codeword(shape.ledger, y, position) == K(a2, b2) + eps * K(a, b))


def codeword(code: Code, y: tuple[list[int], list[int]], position: int) -> K:
    x = code.point(position)
    return K(horner(y[0], x), horner(y[1], x))


def open_tree(read: Read, code: Code, rows: int, root: bytes, indices: list[int]) -> list[list[int]]:
    """The columns of one tree at the indices."""
    cap = [read.take(32) for _ in range(code.cap)]
    salts = [read.take(32) for _ in indices]
    columns = [read.take(8 * rows) for _ in indices]
    paths = [[read.take(32) for _ in range(code.path_length)] for _ in indices]
    cells = [field_elements(column) for column in columns]
    require("merkle cap", root_of(cap) == root)
    for index, salt, column, path in zip(indices, salts, columns, paths, strict=True):
        hashed = sha256(b"\0" + salt + column)
        for sibling in path:
            hashed = node(sibling, hashed) if index & 1 else node(hashed, sibling)
            index >>= 1
        require("merkle path", hashed == cap[index])
    return cells


# Files: section 3 ----------------------------------------------------------------------------------------------------


def require_size(dataset: Map) -> None:
    require("statement", dataset["rows"] * len(dataset["encoding"]["features"]) <= 1 << 25)


def dataset_shape(statement: Map) -> Shape:
    return Shape(Validity(statement), {"dataset": statement["openings"]})


def recommitment_shape(statement: Map) -> Shape:
    openings = {"dataset": statement["old"]["openings"], "new dataset": statement["new"]["openings"]}
    return Shape(Recommitment(statement), openings)


def training_shape(statement: Map) -> Shape:
    dataset, spec = statement["dataset"], statement["spec"]
    rows, epochs = dataset["rows"], spec["epochs"]
    steps = epochs * -(-rows // (spec["batch_size"] or rows))
    limit = 1 << 25
    require("statement", rows * epochs <= limit)
    require("statement", steps * (len(dataset["encoding"]["features"]) + 1) <= limit)
    return Shape(GradientDescent(statement), {"dataset": dataset["openings"], "model": 4})


def verify_dataset(file: bytes) -> None:
    statement, proof = read_file(file, "dataset.commitment")
    require_size(statement)
    verify_proof(
        dataset_shape(statement), instance("dataset.commitment", statement), {"dataset": statement["root"]}, proof
    )


def verify_recommitment(file: bytes) -> None:
    statement, proof = read_file(file, "recommitment")
    old, new = statement["old"], statement["new"]
    require("statement", {**old, "root": new["root"], "openings": new["openings"]} == new)
    require_size(old)
    roots = {"dataset": old["root"], "new dataset": new["root"]}
    verify_proof(recommitment_shape(statement), instance("recommitment", statement), roots, proof)


def verify_training(
    file: bytes,
    dataset_file: bytes,
    *,
    spec: Map | None = None,
    forgotten: set[bytes] | None = None,
    previous: bytes | None = None,
    recommitment: bytes | None = None,
    known_dataset: bool = False,
) -> None:
    """A training proof against a data set's commitment and what else is pinned: files, a spec's map, digests."""
    statement, proof = read_file(file, "proof")
    dataset, _ = read_file(dataset_file, "dataset.commitment")
    link = read_file(recommitment, "recommitment")[0] if recommitment else None
    require("mismatch", statement["dataset"] == dataset)
    require("mismatch", spec is None or statement["spec"] == spec)
    require("mismatch", forgotten is None or {r["digest"] for r in statement["forgotten"]} == forgotten)
    if previous:
        check_previous(statement, read_file(previous, "proof")[0], link)
    check_forgotten(statement)
    require_size(dataset)
    if recommitment:
        verify_recommitment(recommitment)
    if not known_dataset:
        verify_dataset(dataset_file)
    roots = {"dataset": dataset["root"], "model": statement["model_root"]}
    verify_proof(training_shape(statement), instance("proof", statement), roots, proof)


def check_previous(statement: Map, old: Map, link: Map | None) -> None:
    """The superseded statement: same data set (or one that is linked), same spec, nothing forgotten is back."""
    require("mismatch", statement["previous"] == sha256(instance("proof", old)))
    linked = link is not None and link == {"old": old["dataset"], "new": statement["dataset"]}
    require("mismatch", old["dataset"] == statement["dataset"] or linked)
    require("mismatch", old["spec"] == statement["spec"])
    require("mismatch", all(record in statement["forgotten"] for record in old["forgotten"]))


def verdict(check: Any, *arguments: Any, **pinned: Any) -> str:
    """ "valid", or the name of what was refused."""
    try:
        check(*arguments, **pinned)
    except Refused as refusal:
        return refusal.check
    return "valid"
