"""Registrations and receipts: protocol.md, section 13."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import NoneType
from typing import Any

from .bundles import lead
from .channel import Channel
from .field import ONE, ZERO, K, P, Point, Refused, bits_of, eq_table, log2_ceil, prefix_eq, require
from .formats import (
    Map,
    Reader,
    births,
    fields,
    instance,
    outputs_of,
    read_file,
    read_payload,
    records_of,
    sha256,
    within,
)
from .records import (
    check_records,
    order_key,
    record_digest,
    record_root,
    root_of_peaks,
    root_with_peaks,
    segment_seed,
)
from .relations import FEATURES, LABELS, Relation, dataset_columns, key_columns, rounds
from .verifier import Shape, require_size, verify_link, verify_proof

TAG = b"zkunlearn fingerprint 1"
RECEIPT = b"zkunlearn\0\7receipt\0\2"
LABEL_RANGES = {"binary": (0, 1), "real": (-(2**15), 2**15 - 1), "count": (0, 2**16 - 1)}


# Fingerprints --------------------------------------------------------------------------------------------------------


def width(features: int) -> int:
    return log2_ceil(features + 1)


def coefficients(born: bytes, features: int, others: int) -> tuple[Point, list[K]]:
    """r and c: of labels, then of limbs of keys."""
    drawn = []
    for i in range(width(features) + others):
        hashed = sha256(TAG + born + i.to_bytes(8, "little"))
        drawn.append(K(int.from_bytes(hashed[:16], "little"), int.from_bytes(hashed[16:], "little")))
    return drawn[: width(features)], drawn[width(features) :]


def fingerprint(born: bytes, features: Sequence[int], others: Sequence[int], blinds: Sequence[int]) -> K:
    r, c = coefficients(born, len(features), len(others))
    total = K(*blinds)
    for weight, x in zip(eq_table(r), features, strict=False):
        total += weight * x
    return sum((share * y for share, y in zip(c, others, strict=True)), total)


def packed(f: K) -> bytes:
    return f.a.to_bytes(8, "little") + f.b.to_bytes(8, "little")


def leaf(f: bytes) -> bytes:
    return sha256(b"\0" + TAG + f)


# The relation --------------------------------------------------------------------------------------------------------


@dataclass
class Listed:
    """Rows a .. b - 1, which are a segment, with r and c of their fingerprints."""

    segment: int
    a: int
    b: int
    r: Point
    c: list[K]


def listed_segments(dataset: Map, start: int) -> list[Listed]:
    """Those from one on that begins there."""
    found, first = [], 0
    keys = len(key_columns(dataset))
    sizes = len(dataset["encoding"]["features"]), outputs_of(dataset["encoding"]) + keys
    for number, (segment, born) in enumerate(zip(dataset["segments"], births(dataset), strict=True)):
        if first >= start:
            found.append(Listed(number, first, segment["stop"], *coefficients(born, *sizes)))
        first = segment["stop"]
    return found


class Registration(Relation):
    """Of the fingerprints f(start), f(start + 1), .. of some segments."""

    def __init__(
        self, dataset: Mapping[str, Any], segments: Sequence[Listed], start: int, fingerprints: Sequence[K]
    ) -> None:
        super().__init__([], [])
        self.name, self.columns = "registration", {"dataset": dataset_columns(dataset)}
        self.outputs, self.rows = outputs_of(dataset["encoding"]), dataset["rows"]
        self.keys = key_columns(dataset)
        self.segments, self.start_row, self.fingerprints = segments, start, fingerprints

    def identities(self, ch: Channel) -> None:
        s = ch.point("registration", self.columns["dataset"][0].axes[1].bits)
        for own in self.segments:
            if (own.a, own.b) == (0, self.rows):
                cells = self.cells(ch, own, s)
                ch.zero("registration", lambda cells=cells: (cells() - self.extension(s, 0, self.rows) * ch.one, []))
            else:
                self.summed(ch, own, s)

    def summed(self, ch: Channel, own: Listed, s: Point) -> None:
        name = f"registration of segment {own.segment}"
        n, claim = rounds(ch, name, len(s), 2, self.extension(s, own.a, own.b) * ch.one)
        cells = self.cells(ch, own, n)
        weight = prefix_eq(s, n, own.b) - prefix_eq(s, n, own.a)
        ch.zero(name, lambda: (claim - weight * cells(), []))

    def cells(self, ch: Channel, own: Listed, n: Point) -> Callable[[], K]:
        """What the sum of a row's cells is at n."""
        features, labels = self.columns["dataset"][:2]
        spare, output_bits = len(own.r) - features.axes[0].bits, labels.axes[0].bits
        terms = [(1 - own.r[0]) if spare else ONE, *own.c, ONE, K(0, 1)]
        values = [self.evaluate(ch, FEATURES, {"feature": own.r[spare:], "row": n})]
        for j in range(self.outputs):
            values.append(self.evaluate(ch, LABELS, {"output": bits_of(j, output_bits), "row": n}))
        values += [self.evaluate(ch, ("dataset", column.name), {"row": n}) for column in self.keys]
        values += [self.evaluate(ch, ("dataset", f"blind {i}"), {"row": n}) for i in range(2)]
        return lambda: sum((term * value for term, value in zip(terms, values, strict=True)), ZERO)

    def extension(self, s: Point, a: int, b: int) -> K:
        part = self.fingerprints[a - self.start_row : b - self.start_row]
        return sum((weight * f for weight, f in zip(eq_table(s)[a:b], part, strict=False)), ZERO)


# Files ---------------------------------------------------------------------------------------------------------------


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def check_registered(statement: Map, payload: Map) -> list[K]:
    """What a registration lists is what it names; the fingerprints."""
    dataset, start = statement["dataset"], statement["start"]
    fingerprints = [row[32:] for row in pieces(payload["rows"], 48)]
    listed = check_digests(statement, payload)
    for own in listed_segments(dataset, start):
        segment, part = dataset["segments"][own.segment], listed[own.a - start : own.b - start]
        keys = [order_key(segment["seed"], digest) for digest in part]
        require("record order", all(one < other for one, other in pairwise(keys)))
        before = dataset["segments"][own.segment - 1]["seed"] if own.segment else bytes(32)
        drawn = segment_seed(own.a, own.b, before, segment["nonce"] or bytes(32), record_root(sorted(part)))
        require("order seed", drawn == segment["seed"])
    require("distinct records", len(set(listed)) == len(listed))
    found = []
    for f in fingerprints:
        a, b = (int.from_bytes(half, "little") for half in pieces(f, 8))
        require("fingerprint tree", a < P and b < P)
        found.append(K(a, b))
    leaves = [leaf(f) for f in fingerprints]
    peaks = pieces(payload["attached"]["fingerprint_peaks"], 32)
    require("fingerprint tree", root_with_peaks(peaks, start, leaves) == statement["root"])
    return found


def check_digests(statement: Map, payload: Map) -> list[bytes]:
    """The digests that a registration lists are those of its data set."""
    start, rows = statement["start"], statement["dataset"]["rows"] - statement["start"]
    peaks, ones = payload["attached"], bin(start).count("1")
    require("registration", len(payload["rows"]) == 48 * rows)
    require("registration", all(len(each) == 32 * ones for each in peaks.values()))
    listed = digests_in(payload)
    found = root_with_peaks(pieces(peaks["record_peaks"], 32), start, listed)
    require("record tree", found == statement["dataset"]["record_root"])
    return listed


def digests_in(payload: Map) -> list[bytes]:
    return [row[:32] for row in pieces(payload["rows"], 48)]


def read_registration(file: bytes) -> tuple[Map, Map]:
    """The statement, and the payload."""
    (statement, _), payload = read_file(file, "registration"), read_payload(file, "registration")
    require("format", len(payload["rows"]) == 48 * (statement["stop"] - statement["start"]))
    require("format", statement["stop"] == statement["dataset"]["rows"])
    firsts = [0, *(segment["stop"] for segment in statement["dataset"]["segments"])]
    require("format", statement["start"] in firsts[:-1])
    return statement, payload


def verify_registration(
    file: bytes, dataset_file: bytes, links: Sequence[bytes] = (), previous: Sequence[bytes] = ()
) -> None:
    """Of those before only the lists are read: their proofs have been checked."""
    statement, payload = read_registration(file)
    dataset, _ = read_file(dataset_file, "dataset")
    require("mismatch", statement["dataset"] == dataset)
    known = [read_file(link, "link")[0] for link in links]
    for born in {*births(dataset)} - {sha256(instance("dataset", dataset))}:
        firsts = [link["old"] for link in known if sha256(instance("dataset", link["old"])) == born]
        require("links", any(lead(first, dataset, known) for first in firsts))
    chain = [(statement, payload)]
    given = {sha256(instance("registration", own[0])): own for own in map(read_registration, previous)}
    while chain[-1][0]["previous"] is not None:
        after = chain[-1][0]
        require("links", after["previous"] in given)
        before, found = given[after["previous"]]
        require("links", lead(before["dataset"], after["dataset"], known))
        chain.append((before, found))
    for link in links:
        verify_link(link)
    fingerprints = check_registered(*chain[0])
    require_size(dataset)
    require("statement", dataset["rows"] * width(len(dataset["encoding"]["features"])) <= 1 << 27)
    start = statement["start"]
    relation = Registration(dataset, listed_segments(dataset, start), start, fingerprints)
    shape = Shape(relation, {"dataset": dataset["openings"]})
    verify_proof(shape, instance("registration", statement), {"dataset": dataset["root"]}, payload["proof"])
    check_chain(chain)


def check_chain(chain: Sequence[tuple[Map, Map]]) -> None:
    """From the newest one on, each goes on from the next one."""
    for (after, payload), (before, others) in pairwise(chain):
        require("previous registration", before["stop"] == after["start"])
        for name, root in (("record_peaks", before["dataset"]["record_root"]), ("fingerprint_peaks", before["root"])):
            require("previous registration", root_of_peaks(pieces(payload["attached"][name], 32)) == root)
        check_digests(before, others)
    every = [digest for _, payload in chain for digest in digests_in(payload)]
    require("distinct records", len(set(every)) == len(every))


def read_receipt(data: bytes) -> Map:
    require("format", len(data) <= 1 << 24 and data.startswith(RECEIPT))
    reader = Reader(data[len(RECEIPT) :])
    receipt = reader.item()
    require("format", reader.at == len(reader.data))
    hashes, paths = {"dataset": bytes, "root": bytes}, {"record_paths": bytes, "fingerprint_paths": bytes}
    previous = type(receipt.get("previous"))
    fields(receipt, {**hashes, **paths, "id": str, "rows": list, "start": int, "previous": previous})
    within(receipt["start"], 0, (1 << 28) - 1)
    require("format", previous in (bytes, NoneType) and len(receipt["previous"] or bytes(32)) == 32)
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
    d, keys, records, leaves = len(encoding["features"]), len(key_columns(dataset)), {}, {}
    positions = [row["position"] for row in receipt["rows"]]
    require("record path", max(positions) < dataset["rows"])
    stops, born = [segment["stop"] for segment in dataset["segments"]], births(dataset)
    for row in receipt["rows"]:
        cells = row["cells"]
        require("receipt", len(cells) == 2 * d + 4 + 2 * keys + 16)
        features, (label,) = integers(cells[: 2 * d], 2, True), integers(cells[2 * d : 2 * d + 4], 4, True)
        key, blinds = integers(cells[2 * d + 4 : -16], 2, False), integers(cells[-16:], 8, False)
        labels = label_cells(label, encoding)
        require("receipt", all(abs(x) <= 1 << encoding["x_bits"] for x in features))
        require("receipt", all(blind < P for blind in blinds))
        records[row["position"]] = record_digest(row["salt"], receipt["id"], features, [label], blinds, key)
        segment = sum(stop <= row["position"] for stop in stops)
        leaves[row["position"]] = leaf(packed(fingerprint(born[segment], features, [*labels, *key], blinds)))
    require("record path", positions == sorted(set(positions)))
    check_records(dataset["record_root"], dataset["rows"], records, receipt["record_paths"])
    try:
        check_records(receipt["root"], dataset["rows"], leaves, receipt["fingerprint_paths"])
    except Refused:
        raise Refused("fingerprint path") from None
    if registration is not None:
        statement = read_registration(registration)[0]
        require("mismatch", statement["dataset"] == dataset)
        require("mismatch", all(statement[name] == receipt[name] for name in ("start", "previous", "root")))
    if training is None:
        return None
    statement = read_file(training, "training")[0]
    require("mismatch", statement["dataset"] == dataset)
    listed = dict(records_of(statement))
    require("record path", all(listed.get(n, digest) == digest for n, digest in records.items()))
    return all(n in listed for n in records)
