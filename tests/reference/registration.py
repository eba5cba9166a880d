"""Registrations and receipts: protocol.md, section 13."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from .bundles import lead
from .channel import Channel
from .field import ONE, ZERO, K, P, Point, Refused, eq_table, log2_ceil, require
from .formats import Map, Reader, born_in, fields, instance, outputs_of, read_file, read_payload, records_of, sha256
from .records import check_records, order_key, record_digest, record_root, segment_seed
from .relations import FEATURES, LABELS, Relation, dataset_columns
from .verifier import Shape, require_size, verify_link, verify_proof

TAG = b"zkunlearn fingerprint 1"
RECEIPT = b"zkunlearn\0\7receipt\0\1"
LABEL_RANGES = {"binary": (0, 1), "real": (-(2**15), 2**15 - 1), "count": (0, 2**16 - 1)}


# Fingerprints --------------------------------------------------------------------------------------------------------


def width(features: int) -> int:
    return log2_ceil(features + 1)


def coefficients(born: bytes, features: int, outputs: int) -> tuple[Point, list[K]]:
    """r and c."""
    drawn = []
    for i in range(width(features) + outputs):
        hashed = sha256(TAG + born + i.to_bytes(8, "little"))
        drawn.append(K(int.from_bytes(hashed[:16], "little"), int.from_bytes(hashed[16:], "little")))
    return drawn[: width(features)], drawn[width(features) :]


def fingerprint(born: bytes, features: Sequence[int], labels: Sequence[int], blinds: Sequence[int]) -> K:
    r, c = coefficients(born, len(features), len(labels))
    total = K(*blinds)
    for weight, x in zip(eq_table(r), features, strict=False):
        total += weight * x
    return sum((share * y for share, y in zip(c, labels, strict=True)), total)


def packed(f: K) -> bytes:
    return f.a.to_bytes(8, "little") + f.b.to_bytes(8, "little")


def leaf(f: bytes) -> bytes:
    return sha256(b"\0" + TAG + f)


# The relation --------------------------------------------------------------------------------------------------------


class Registration(Relation):
    def __init__(self, dataset: Mapping[str, Any], born: bytes, fingerprints: Sequence[K]) -> None:
        super().__init__([], [])
        self.name, self.columns = "registration", {"dataset": dataset_columns(dataset)}
        self.outputs, self.fingerprints = outputs_of(dataset["encoding"]), fingerprints
        self.r, self.c = coefficients(born, len(dataset["encoding"]["features"]), self.outputs)

    def identities(self, ch: Channel) -> None:
        features, labels, *_ = self.columns["dataset"]
        s = ch.point("registration", features.axes[1].bits)
        spare, output_bits = len(self.r) - features.axes[0].bits, labels.axes[0].bits
        first = [(1 - self.r[0]) if spare else ONE]
        terms = [*first, *self.c, ONE, K(0, 1)]
        values = [self.evaluate(ch, FEATURES, {"feature": self.r[spare:], "row": s})]
        for j in range(self.outputs):
            bits = [K(j >> (output_bits - 1 - i) & 1) for i in range(output_bits)]
            values.append(self.evaluate(ch, LABELS, {"output": bits, "row": s}))
        values += [self.evaluate(ch, ("dataset", f"blind {i}"), {"row": s}) for i in range(2)]

        def holds() -> Any:
            left = sum((term * value for term, value in zip(terms, values, strict=True)), ZERO)
            return left - self.extension(s) * ch.one, []

        ch.zero("registration", holds)

    def extension(self, s: Point) -> K:
        return sum((a * f for a, f in zip(eq_table(s), self.fingerprints, strict=False)), ZERO)


# Files ---------------------------------------------------------------------------------------------------------------


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def check_registered(statement: Map, digests: bytes, fingerprints: bytes) -> list[K]:
    """What a registration lists is what it names; the fingerprints."""
    dataset, rows = statement["dataset"], statement["dataset"]["rows"]
    require("registration", len(digests) == 32 * rows and len(fingerprints) == 16 * rows)
    listed, seed = pieces(digests, 32), dataset["segments"][0]["seed"]
    require("record tree", record_root(listed) == dataset["record_root"])
    keys = [order_key(seed, digest) for digest in listed]
    require("record order", all(one < other for one, other in pairwise(keys)))
    drawn = segment_seed(0, rows, bytes(32), bytes(32), record_root(sorted(listed)))
    require("order seed", drawn == seed)
    found = []
    for f in pieces(fingerprints, 16):
        a, b = (int.from_bytes(half, "little") for half in pieces(f, 8))
        require("fingerprint tree", a < P and b < P)
        found.append(K(a, b))
    require("fingerprint tree", record_root([leaf(f) for f in pieces(fingerprints, 16)]) == statement["root"])
    return found


def verify_registration(file: bytes, dataset_file: bytes, links: Sequence[bytes] = ()) -> None:
    statement, _ = read_file(file, "registration")
    dataset, _ = read_file(dataset_file, "dataset")
    require("format", statement["stop"] == statement["dataset"]["rows"])
    require("mismatch", statement["dataset"] == dataset)
    known = [read_file(link, "link")[0] for link in links]
    if born_in(dataset) != sha256(instance("dataset", dataset)):
        firsts = [link["old"] for link in known if sha256(instance("dataset", link["old"])) == born_in(dataset)]
        require("links", any(lead(first, dataset, known) for first in firsts))
    for link in links:
        verify_link(link)
    payload = read_payload(file, "registration")
    found = check_registered(statement, *(payload["attached"][name] for name in ("digests", "fingerprints")))
    require_size(dataset)
    require("statement", dataset["rows"] * width(len(dataset["encoding"]["features"])) <= 1 << 27)
    shape = Shape(Registration(dataset, born_in(dataset), found), {"dataset": dataset["openings"]})
    verify_proof(shape, instance("registration", statement), {"dataset": dataset["root"]}, payload["proof"])


def read_receipt(data: bytes) -> Map:
    require("format", len(data) <= 1 << 24 and data.startswith(RECEIPT))
    reader = Reader(data[len(RECEIPT) :])
    receipt = reader.item()
    require("format", reader.at == len(reader.data))
    hashes, paths = {"dataset": bytes, "root": bytes}, {"record_paths": bytes, "fingerprint_paths": bytes}
    fields(receipt, {**hashes, **paths, "id": str, "rows": list})
    require("format", all(len(receipt[name]) == 32 for name in hashes) and 1 <= len(receipt["rows"]) <= 1 << 12)
    for row in receipt["rows"]:
        require("format", type(row) is dict)
        fields(row, {"position": int, "cells": bytes, "salt": bytes})
        require("format", 0 <= row["position"] < 1 << 28 and len(row["salt"]) == 32)
    return receipt


def integers(data: bytes, size: int, signed: bool) -> list[int]:
    return [int.from_bytes(part, "little", signed=signed) for part in pieces(data, size)]


def label_cells(label: int, encoding: Map) -> list[int]:
    """Of classes a one among zeros."""
    outputs = outputs_of(encoding)
    low, high = LABEL_RANGES.get(encoding["label_kind"], (0, outputs - 1))
    require("receipt", low <= label <= high)
    return [label] if outputs == 1 else [int(label == j) for j in range(outputs)]


def verify_receipt(
    file: bytes, dataset_file: bytes, registration: bytes | None = None, training: bytes | None = None
) -> bool | None:
    """Whether the training forgets all her rows; None without one."""
    receipt, dataset = read_receipt(file), read_file(dataset_file, "dataset")[0]
    require("mismatch", receipt["dataset"] == sha256(instance("dataset", dataset)))
    encoding = dataset["encoding"]
    d, records, leaves = len(encoding["features"]), {}, {}
    positions = [row["position"] for row in receipt["rows"]]
    for row in receipt["rows"]:
        cells = row["cells"]
        require("receipt", len(cells) == 2 * d + 4 + 16)
        features, (label,) = integers(cells[: 2 * d], 2, True), integers(cells[2 * d : 2 * d + 4], 4, True)
        blinds = integers(cells[2 * d + 4 :], 8, False)
        labels = label_cells(label, encoding)
        require("receipt", all(abs(x) <= 1 << encoding["x_bits"] for x in features))
        require("receipt", all(blind < P for blind in blinds))
        records[row["position"]] = record_digest(row["salt"], receipt["id"], features, [label], blinds)
        leaves[row["position"]] = leaf(packed(fingerprint(born_in(dataset), features, labels, blinds)))
    require("record path", positions == sorted(set(positions)) and positions[-1] < dataset["rows"])
    check_records(dataset["record_root"], dataset["rows"], records, receipt["record_paths"])
    try:
        check_records(receipt["root"], dataset["rows"], leaves, receipt["fingerprint_paths"])
    except Refused:
        raise Refused("fingerprint path") from None
    if registration is not None:
        statement = read_file(registration, "registration")[0]
        require("mismatch", statement["dataset"] == dataset and statement["root"] == receipt["root"])
    if training is None:
        return None
    statement = read_file(training, "training")[0]
    require("mismatch", statement["dataset"] == dataset)
    listed = dict(records_of(statement))
    require("record path", all(listed.get(n, digest) == digest for n, digest in records.items()))
    return all(n in listed for n in records)
