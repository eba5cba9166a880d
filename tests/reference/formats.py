"""Files, CBOR and statements: protocol.md, section 3."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from types import NoneType
from typing import Any

from .field import P, Refused, require
from .records import check_records, order_key

Map = dict[str, Any]
MAX_FILE, MAX_DEPTH, MAX_ITEMS = 1 << 28, 16, 1 << 22


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


# CBOR ----------------------------------------------------------------------------------------------------------------


def head(major: int, n: int) -> bytes:
    if n < 24:
        return bytes([major << 5 | n])
    power = next(i for i in range(4) if n < 1 << (8 << i))
    return bytes([major << 5 | 24 + power]) + n.to_bytes(1 << power, "big")


def encode(value: Any) -> bytes:
    if value is False or value is True or value is None:
        return bytes([{False: 0xF4, True: 0xF5, None: 0xF6}[value]])
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    return head(5, len(value)) + b"".join(sorted(encode(key) + encode(value[key]) for key in value))


class Reader:
    """Decodes what `encode` writes, and nothing else: every form but the one allowed is refused on the way."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.items = data, 0, 0

    def take(self, n: int) -> bytes:
        require("format", n <= len(self.data) - self.at)
        self.at += n
        return self.data[self.at - n : self.at]

    def item(self, depth: int = 1) -> Any:
        self.items += 1
        require("format", self.items <= MAX_ITEMS)
        start = self.at
        first = self.take(1)[0]
        if first in (0xF4, 0xF5, 0xF6):
            return {0xF4: False, 0xF5: True, 0xF6: None}[first]
        major, n = first >> 5, first & 31
        require("format", major < 6 and n < 28)
        n = int.from_bytes(self.take(1 << (n - 24)), "big") if n >= 24 else n
        require("format", head(major, n) == self.data[start : self.at])
        if major < 2:
            return n if major == 0 else -1 - n
        if major == 2:
            return self.take(n)
        if major == 3:
            try:
                return self.take(n).decode()
            except UnicodeDecodeError:
                raise Refused("format") from None
        require("format", depth <= MAX_DEPTH)
        if major == 4:
            return [self.item(depth + 1) for _ in range(n)]
        result, last = {}, b""
        for _ in range(n):
            start = self.at
            key = self.item(depth + 1)
            require("format", type(key) is str and self.data[start : self.at] > last)
            last = self.data[start : self.at]
            result[key] = self.item(depth + 1)
        return result


def read_payload(data: bytes, kind: str) -> Map:
    """All of a public file, the form of its statements not checked yet; its rows as `rows`, if the kind has any."""
    begin = b"zkunlearn\0" + bytes([len(kind)]) + kind.encode() + KINDS[kind].version.to_bytes(2, "big")
    require("format", data.startswith(begin))
    content, rows = data[len(begin) :], b""
    if KINDS[kind].row_bytes:
        require("format", len(content) >= 4)
        size = int.from_bytes(content[:4], "big")
        content, rows = content[4 : 4 + size], content[4 + size :]
        require("format", len(content) == size)
    require("format", len(data) - len(rows) <= MAX_FILE)
    payload = read_content(content, kind)
    return {**payload, "rows": rows} if KINDS[kind].row_bytes else payload


def read_content(content: bytes, kind: str) -> Map:
    """The payload."""
    reader = Reader(content)
    payload = reader.item()
    require("format", reader.at == len(reader.data))
    fields(payload, {"statement": dict, "references": dict, "attached": dict, "proof": bytes})
    fields(payload["attached"], dict.fromkeys(KINDS[kind].attached, bytes))
    return payload


def kind_of(data: bytes) -> str:
    """Which kind a file says that it is of."""
    return data[11 : 11 + data[10]].decode("latin-1") if len(data) > 10 else ""


def read_file(data: bytes, kind: str) -> tuple[Map, bytes]:
    """Statement and proof of a public file; the statement with those that it refers to inside."""
    payload = read_payload(data, kind)
    return joined(kind, payload["statement"], payload["references"]), payload["proof"]


def joined(kind: str, statement: Map, references: Map) -> Map:
    """A statement in whose place of digests are the statements of these digests."""
    refers = {name: other for name, other in KINDS[kind].refers.items() if named(kind, statement, name)}
    fields(references, dict.fromkeys(refers, dict))
    inside = {}
    for name, other in refers.items():
        fields(references[name], {"statement": dict, "references": dict})
        inside[name] = joined(other, references[name]["statement"], references[name]["references"])
    KINDS[kind].check(statement)
    for name, other in refers.items():
        require("format", said_at(statement, name) == sha256(instance(other, inside[name])))
    listed = {"trainings": [inside[name] for name in NUMBERED if name in inside]} if "trainings" in statement else {}
    return {**statement, **{name: own for name, own in inside.items() if name not in NUMBERED}, **listed}


NUMBERED = [f"training {i}" for i in range(1, 17)]  # of a statement with a list of trainings


def said_at(statement: Map, name: str) -> Any:
    """What stands in a statement in the place of one that it refers to."""
    return statement["trainings"][NUMBERED.index(name)] if name in NUMBERED else statement[name]


def named(kind: str, statement: Map, name: str) -> bool:
    """Whether a statement refers to one by this name: always, but for names that may be null, or beyond a list."""
    if name in NUMBERED:
        listed = statement.get("trainings")
        return type(listed) is list and NUMBERED.index(name) < len(listed)
    return name not in KINDS[kind].optional or statement.get(name) is not None


def divided(kind: str, statement: Map) -> Map:
    """What `joined` joins."""
    refers = {name: other for name, other in KINDS[kind].refers.items() if named(kind, statement, name)}
    references = {name: divided(other, said_at(statement, name)) for name, other in refers.items()}
    return {"statement": with_digests(kind, statement), "references": references}


def with_digests(kind: str, statement: Map) -> Map:
    refers = {name: other for name, other in KINDS[kind].refers.items() if named(kind, statement, name)}
    digests = {name: sha256(instance(other, said_at(statement, name))) for name, other in refers.items()}
    listed = {"trainings": [digests[name] for name in NUMBERED if name in digests]} if "trainings" in statement else {}
    return {**statement, **{name: own for name, own in digests.items() if name not in NUMBERED}, **listed}


def instance(kind: str, statement: Map) -> bytes:
    return encode({"kind": kind, "version": KINDS[kind].version, "statement": with_digests(kind, statement)})


# The form of statements ----------------------------------------------------------------------------------------------


def fields(mapping: Any, types: Mapping[str, type]) -> None:
    """Exactly these fields, of exactly these types (so True is no integer)."""
    require("format", type(mapping) is dict and mapping.keys() == types.keys())
    require("format", all(type(mapping[name]) is wanted for name, wanted in types.items()))


def within(value: int, low: int, high: int) -> None:
    require("format", low <= value <= high)


def real(text: Any) -> float:
    """A finite float64, spelled as repr spells it; minus zero is no spelling of zero."""
    require("format", type(text) is str)
    try:
        value = float(text)
    except ValueError:
        raise Refused("format") from None
    require("format", math.isfinite(value) and repr(value) == text and text != "-0.0")
    return value


def check_name(name: Any) -> None:
    require("format", type(name) is str and 1 <= len(name) <= 256 and name.isprintable())


def check_column(column: Any) -> None:
    fields(column, {"name": str, "map": str, "low": str, "high": str})
    require("format", column["map"] in ("linear", "log1p"))
    check_name(column["name"])
    low, high = real(column["low"]), real(column["high"])
    require("format", low <= high)
    if column["map"] == "log1p":
        require("format", low >= 0 and high - low >= (1 + low) * 2**-16)
    elif low < high:  # in float64, the ends of the interval become -1 and 1, nearly
        offset, half = low / 2 + high / 2, high / 2 - low / 2
        require("format", half > 0 and math.isfinite(1 / half))
        require("format", abs((high - offset) * (1 / half) - 1) < 2**-16)
        require("format", abs((offset - low) * (1 / half) - 1) < 2**-16)


def check_dataset(statement: Any) -> None:
    hashes = {"root": bytes, "record_root": bytes}
    lists = {"segments": list, "holes": list}
    fields(statement, {"rows": int, "encoding": dict, "openings": int, "unique": bool, **lists, **hashes})
    require("format", all(len(statement[name]) == 32 for name in hashes))
    require("format", len(statement["holes"]) <= 1 << 20)
    require("format", all(type(hole) is int for hole in statement["holes"]))
    ends = [-1, *statement["holes"], statement["rows"]]
    require("format", all(one < other for one, other in pairwise(ends)))
    check_segments(statement["segments"], statement["rows"])
    within(statement["rows"], 1, 1 << 28)
    within(statement["openings"], 1, 1 << 12)
    encoding = statement["encoding"]
    lists = dict.fromkeys(("features", "keys", "label_classes", "label_bounds"), list)
    scalars = {"label_kind": str, "label_bits": int, "x_bits": int, "bounds_declared": bool}
    fields(encoding, {**lists, **scalars, **({"sources": list} if "sources" in encoding else {})})
    within(len(encoding["features"]), 1, 1 << 15)
    within(len(encoding["keys"]), 0, 16)
    for key in encoding["keys"]:
        fields(key, {"name": str})
        check_name(key["name"])
    require("format", statement["unique"] == (encoding["keys"] != []))
    within(encoding["x_bits"], 4, 14)
    for column in encoding["features"] + encoding["label_bounds"]:
        check_column(column)
    require("format", all(column["map"] == "linear" for column in encoding["label_bounds"]))
    names = [column["name"] for column in encoding["features"] + encoding["keys"]]
    require("format", len(set(names)) == len(names))
    check_sources(encoding)
    kind, classes = encoding["label_kind"], encoding["label_classes"]
    require("format", kind in ("binary", "categorical", "real", "count"))
    require("format", len(encoding["label_bounds"]) == (kind == "real"))
    within(len(classes), *{"binary": (2, 2), "categorical": (3, 256)}.get(kind, (0, 0)))
    for name in classes:
        check_name(name)
    require("format", len(set(classes)) == len(classes))
    within(encoding["label_bits"], *((1, 14) if kind == "real" else (0, 0)))


def check_sources(encoding: Map) -> None:
    """Of columns that are no plain numbers: each is of features that follow each other, in the order of these."""
    names, keys = [own["name"] for own in encoding["features"]], [own["name"] for own in encoding["keys"]]
    place = 0
    require("format", encoding.get("sources", [()]) != [])
    for source in encoding.get("sources", []):
        require("format", type(source) is dict and str(source.get("kind")) in FEATURES_OF)
        own = FEATURES_OF[source["kind"]](source)
        check_name(source["column"])
        require("format", own[0] in names[place:])
        place = names.index(own[0], place)
        require("format", names[place : place + len(own)] == own)
        require("format", source["column"] not in keys and (source["column"] in own or source["column"] not in names))
        if source["kind"] == "category":
            unit = {"map": "linear", "low": "0.0", "high": "1.0"}
            features = encoding["features"][place : place + len(own)]
            require("format", all(feature == {"name": feature["name"], **unit} for feature in features))
        place += len(own)


def check_missing(missing: Any) -> None:
    """What a cell without a value counts as: a real number, or nothing, where it has to have one."""
    if missing is not None:
        real(missing)


def features_of_number(source: Map) -> list[str]:
    missing = type(source.get("missing"))
    fields(source, {"column": str, "kind": str, "missing": missing, "clip": bool})
    check_missing(source["missing"])
    require("format", source["missing"] is not None or source["clip"])
    return [source["column"]]


def features_of_time(source: Map) -> list[str]:
    missing = type(source.get("missing"))
    fields(source, {"column": str, "kind": str, "origin": str, "format": str, "missing": missing, "clip": bool})
    check_missing(source["missing"])
    try:
        origin = datetime.fromisoformat(source["origin"])
    except ValueError:
        raise Refused("format") from None
    require("format", origin.tzinfo is None and origin.isoformat() == source["origin"])
    parts = re.findall("%[dmYyHMSfj]|[ -$&-~]", source["format"])
    require("format", "".join(parts) == source["format"] and len(parts) <= 40)
    require("format", not parts or any(len(part) == 2 for part in parts))
    return [source["column"]]


def features_of_category(source: Map) -> list[str]:
    maybe = {name: type(source.get(name)) for name in ("other", "missing")}
    fields(source, {"column": str, "kind": str, "values": list, "reference": str, **maybe})
    values = source["values"]
    within(len(values), 2, 1 << 10)
    for value in values:
        check_name(value)
        require("format", value == unicodedata.normalize("NFC", value).strip())
    require("format", len(set(values)) == len(values) and source["reference"] in values)
    require("format", all(source[name] is None or source[name] in values for name in maybe))
    own = [f"{source['column']}={value}" for value in values if value != source["reference"]]
    for name in own:
        check_name(name)
    return own


FEATURES_OF = {"number": features_of_number, "time": features_of_time, "category": features_of_category}


def check_segments(segments: list[Any], rows: int) -> None:
    """They hold all rows, each some; and only the last one may not say where it was born."""
    within(len(segments), 1, 1 << 10)
    last = 0
    for segment in segments:
        require("format", type(segment) is dict)
        maybe = {name: type(segment.get(name)) for name in ("nonce", "born")}
        fields(segment, {"stop": int, "seed": bytes, **maybe})
        require("format", set(maybe.values()) <= {bytes, NoneType} and len(segment["seed"]) == 32)
        require("format", all(segment[name] is None or len(segment[name]) == 32 for name in maybe))
        require("format", segment["stop"] > last)
        last = segment["stop"]
    require("format", last == rows and all(segment["born"] is not None for segment in segments[:-1]))


def outputs_of(encoding: Map) -> int:
    """One for each class of categorical labels."""
    return len(encoding["label_classes"]) if encoding["label_kind"] == "categorical" else 1


# What methods other than gradient descent do not say, by kind.
IMPLIED: dict[Any, dict[str, Any]] = {
    "one-pass": {"batch_size": 0, "class_weight": []},
}


def without_shards(method: Map) -> Map:
    """The fields that gradient descent has too; those about shards are checked."""
    own = {"shard_rows": int, "slices": int, "aggregate": str}
    fields({name: value for name, value in method.items() if name in own}, own)
    within(method["shard_rows"], 1, 1 << 28)
    within(method["slices"], 1, min(64, method["shard_rows"]))
    require("format", method["shard_rows"] & (method["shard_rows"] - 1) == 0)
    require("format", method["aggregate"] in ("probability", "score", "vote"))
    if "batch_size" in method:  # none is a full batch
        require("format", type(method["batch_size"]) is int)
        within(method["batch_size"], 1, method["shard_rows"] - 1)
    return {"batch_size": 0} | {name: value for name, value in method.items() if name not in own}


def check_spec(spec: Any) -> None:
    held_out = {"holdout": int} if type(spec) is dict and "holdout" in spec else {}
    fields(spec, {"family": str, "method": dict, "without": list, "scales": dict, **held_out})
    within(spec.get("holdout", 1), 1, (1 << 28) - 1)
    require("format", not held_out or spec["method"].get("kind") != "sisa")
    check_set(spec["without"], (1 << 15) - 1)
    scales, method = spec["scales"], spec["method"]
    fields(scales, dict.fromkeys(("x_bits", "w_bits", "p_bits"), int))
    require("format", type(method.get("kind")) is str)
    require("format", spec["family"] in ("logistic", "linear", "probit", "poisson"))
    within(scales["x_bits"], 4, 14)
    if method["kind"] in ("optimum", "newton", "noisy"):
        (check_noisy if method["kind"] == "noisy" else check_optimum)(method, scales)
        check_fine(scales)
        return
    implied: dict[str, Any] = IMPLIED.get(method["kind"], {})
    require("format", not implied.keys() & method.keys())
    if method["kind"] == "sisa":
        method = without_shards(method)
    method = {**method, **implied}
    texts, integers = ("kind", "l2"), ("epochs", "batch_size")
    flags = ("bias", "penalize_intercept", "standardize")
    lists = ("learning_rate", "momentum", "class_weight")
    kinds = ((texts, str), (integers, int), (flags, bool), (lists, list))
    fields(method, {name: kind for names, kind in kinds for name in names})
    require("format", method["bias"] or not (method["penalize_intercept"] or method["standardize"]))
    check_momentum(method["momentum"], method["epochs"])
    check_class_weights(method["class_weight"])
    require("format", method["kind"] in ("gradient descent", "sisa", *IMPLIED))
    within(method["epochs"], 1, 1 << 20)
    within(method["batch_size"], 0, 1 << 24)
    require("format", method["batch_size"] & (method["batch_size"] - 1) == 0)
    require("format", len(method["learning_rate"]) in (1, method["epochs"]))
    for value in (*method["learning_rate"], *([method["l2"]] if real(method["l2"]) else [])):
        require("format", 2.0**-100 <= real(value) <= 2.0**100)
    within(scales["w_bits"], 8, 24)
    within(scales["p_bits"], 8, 24)
    within(scales["x_bits"] + scales["w_bits"], 20, 30)


def check_optimum(method: Map, scales: Map) -> None:
    """A certified optimum, with steps to it or without."""
    steps = {"steps": int} if method["kind"] == "newton" else {}
    noise: dict[str, Any] = {"epsilon": str, "delta": str} if steps and {"epsilon", "delta"} & method.keys() else {}
    if steps and "inverse" in method:
        steps["inverse"] = int
    fields(method, {"kind": str, "l2": str, "grid": int, "distances": list, "bias": bool, **steps, **noise})
    within(method.get("steps", 1), 1, 8)
    within(method.get("inverse", 4), 4, 24)
    require("format", 2.0**-40 <= real(method["l2"]) <= 2.0**40)
    within(method["grid"], *((0, 30) if noise else (8, 40)))
    if noise:
        check_hidden(method)
    distances = method["distances"]
    require("format", len(distances) <= (1 if noise else 16) and all(type(own) is int for own in distances))
    for own in distances:
        within(own, 1, 1 << 40)
    require("format", distances == sorted(set(distances), reverse=True))


def check_noisy(method: Map, scales: Map) -> None:
    """One with noise."""
    texts = dict.fromkeys(("kind", "l2", "epsilon", "delta"), str)
    fields(method, {**texts, "grid": int, "distance": int, "bias": bool})
    require("format", 2.0**-40 <= real(method["l2"]) <= 2.0**40)
    check_hidden(method)
    within(method["grid"], 0, 30)
    within(method["distance"], 0, 1 << 40)


def check_hidden(method: Map) -> None:
    """What noise has to hide to."""
    require("format", 0.01 <= real(method["epsilon"]) <= 16 and 1e-9 <= real(method["delta"]) <= 0.1)


def check_fine(scales: Map) -> None:
    """The scales of both."""
    within(scales["w_bits"], 22, 42)
    within(scales["p_bits"], 16, 28)
    within(scales["x_bits"] + scales["w_bits"], 36, 46)


def check_set(texts: list[Any], most: int) -> None:
    """At most so many texts, each once, in the order of their code points."""
    within(len(texts), 0, most)
    require("format", all(type(text) is str for text in texts) and texts == sorted(set(texts)))


def check_momentum(momentum: list[Any], epochs: int) -> None:
    """None, one that is not zero, one for each epoch (of several), or "increasing"."""
    if momentum in ([], ["increasing"]):
        return
    require("format", len(momentum) == 1 or (len(momentum) == epochs and epochs > 1))
    values = [real(value) for value in momentum]
    require("format", all(value == 0 or 2.0**-100 <= value < 1 for value in values))
    require("format", len(values) > 1 or values[0] > 0)
    require("format", "-0.0" not in momentum)


def check_class_weights(weights: list[Any]) -> None:
    """None, or one for each class, in the order of their texts; one at least is not 1."""
    for entry in weights:
        require("format", type(entry) is dict)
        fields(entry, {"label": str, "weight": int})
        within(entry["weight"], 1, 255)
    labels = [entry["label"] for entry in weights]
    require("format", len(weights) <= 256 and labels == sorted(set(labels)))
    require("format", not weights or any(entry["weight"] > 1 for entry in weights))


def check_model(model: Any) -> None:
    fields(model, {"root": bytes, "openings": int, "shape": list})
    within(model["openings"], 1, 1 << 12)
    require("format", len(model["root"]) == 32 and [type(size) for size in model["shape"]] == [int, int])
    for size in model["shape"]:
        within(size, 1, 1 << 28)


def check_runs(runs: list[Any]) -> None:
    """Only from the first stage on, a run begins from zero."""
    within(len(runs), 0, 1 << 12)
    for run in runs:
        require("format", type(run) is dict)
        fields(run, {"first": int, "count": int, "stage": int, "start": type(run.get("start"))})
        within(run["first"], 0, (1 << 12) - 1)
        within(run["count"], 1, 1 << 12)
        within(run["stage"], 1, 64)
        require("format", (run["stage"] == 1) == (run["start"] is None))
        if run["start"] is not None:
            require("format", type(run["start"]) is int)
            within(run["start"], 0, 15)


def check_training(statement: Any) -> None:
    previous = type(statement.get("previous"))
    lists = dict.fromkeys(("forgotten_classes", "start", "scope"), list)
    maps = dict.fromkeys(("spec", "forgotten", "model"), dict)
    noise = type(statement.get("noise"))
    fields(statement, {"dataset": bytes, "distance": int, "noise": noise, "previous": previous, **maps, **lists})
    if noise is not NoneType:
        check_drawn(statement["noise"])
    within(statement["distance"], 0, 15)
    within(len(statement["start"]), 0, 16)
    for start in statement["start"]:
        scale = {"scale": int} if "scale" in start else {}
        fields(start, {"statement": bytes, "model": dict, "scope": list, **scale})
        within(start.get("scale", 0), 0, 64)
        require("format", len(start["statement"]) == 32)
        check_model(start["model"])
        check_runs(start["scope"])
    check_runs(statement["scope"])
    check_set(statement["forgotten_classes"], 254)
    check_model(statement["model"])
    require("format", statement["previous"] is None or (previous is bytes and len(statement["previous"]) == 32))
    check_list(statement["forgotten"])
    check_spec(statement["spec"])


def check_drawn(drawn: Any) -> None:
    fields(drawn, {"root": bytes, "source": str, "nonce": bytes})
    require("format", len(drawn["root"]) == len(drawn["nonce"]) == 32)
    source = drawn["source"]
    require("format", len(source) <= 200 and source.isprintable() and bool(source.strip()))


def noise_digest(statement: Map) -> bytes:
    """Of what was committed to before the nonce of a training."""
    drawn = statement["noise"]
    names = ("spec", "forgotten", "forgotten_classes", "previous")
    own = {name: statement[name] for name in names}
    own |= {"dataset": sha256(instance("dataset", statement["dataset"]))}
    own |= {name: drawn[name] for name in ("root", "source")}
    return sha256(encode({"kind": "noise", "version": 1, "statement": own}))


def check_list(records: Any) -> None:
    """A list of records."""
    fields(records, {"positions": bytes, "digests": bytes})
    require("format", len(records["digests"]) == 32 * len(positions_of(records["positions"])))


def check_link(statement: Any) -> None:
    fields(statement, {"old": bytes, "new": bytes, "superseded": dict})
    check_list(statement["superseded"])


def check_model_link(statement: Any) -> None:
    fields(statement, {"training": bytes, "old": dict, "new": dict})
    check_model(statement["old"])
    check_model(statement["new"])


def check_evaluation(statement: Any) -> None:
    second, spread = type(statement.get("second")), type(statement.get("spread"))
    own = {"holdout": bytes, "training": bytes, "models": list, "results": list, "grid": int}
    fields(statement, {**own, "second": second, "spread": spread})
    require("format", second is NoneType or (second is bytes and len(statement["second"]) == 32))
    require("format", spread in (int, NoneType))
    within(statement["grid"], -16, 16)
    within(statement["spread"] or 0, 0, 1 << 62)
    for name, check in (("models", check_model), ("results", check_result)):
        within(len(statement[name]), 1, 2)
        for each in statement[name]:
            require("format", isinstance(each, dict))
            check(each)


def check_sharded_evaluation(statement: Any) -> None:
    spread = type(statement.get("spread"))
    own = {"holdout": bytes, "trainings": list, "models": list, "bundles": list, "grid": int}
    fields(statement, {**own, "spread": spread})
    require("format", spread in (int, NoneType))
    within(statement["grid"], -16, 16)
    within(statement["spread"] or 0, 0, 1 << 62)
    for name, most in (("trainings", 16), ("models", 16), ("bundles", 2)):
        within(len(statement[name]), 1, most)
    require("format", len(statement["trainings"]) == len(statement["models"]))
    require("format", all(type(own) is bytes and len(own) == 32 for own in statement["trainings"]))
    for model in statement["models"]:
        require("format", isinstance(model, dict))
        check_model(model)
    for bundle in statement["bundles"]:
        require("format", isinstance(bundle, dict))
        fields(bundle, {"trainings": list, "result": dict})
        within(len(bundle["trainings"]), 1, 16)
        require("format", all(type(number) is int for number in bundle["trainings"]))
        require("format", all(0 <= number < len(statement["trainings"]) for number in bundle["trainings"]))
        check_result(bundle["result"])


def check_result(result: Any) -> None:
    """What is said of one model."""
    if "squares" in result:
        told = {name: kind for name, kind in (("deviance", int), ("deviances", list)) if name in result}
        require("format", len(told) < 2)
        fields(result, {"squares": int, **told})
        for name in ("squares", "deviance"):
            within(result.get(name, 0), 0, 1 << 62)
        for end in result.get("deviances", []):
            require("format", type(end) is int and len(result["deviances"]) == 2)
            within(end, -(1 << 62), 1 << 62)
        require("format", result.get("deviances") != [])
        return
    loss = type(result.get("loss"))
    fields(result, {"right": int, "loss": loss, "confusion": list})
    require("format", loss in (list, NoneType) and (loss is NoneType or len(result["loss"]) == 2))
    require("format", all(type(number) is int for number in (*(result["loss"] or ()), *result["confusion"])))
    for step in result["loss"] or ():
        within(step, -(1 << 62), 1 << 62)
    for count in (result["right"], *result["confusion"]):
        within(count, 0, 1 << 28)
    size = int(len(result["confusion"]) ** 0.5)
    require("format", size <= 256 and size**2 == len(result["confusion"]))


def check_distance(statement: Any) -> None:
    if "models" in statement:
        fields(statement, {"training": bytes, "models": list})
        require("format", 1 <= len(statement["models"]) <= 256)
        for own in statement["models"]:
            require("format", isinstance(own, dict))
            check_nearness(own)
    else:
        require("format", type(statement.get("training")) is bytes)
        check_nearness({name: own for name, own in statement.items() if name != "training"})


def check_nearness(own: Any) -> None:
    slope = type(own.get("slope"))
    fields(own, {"distance": int, "slope": slope})
    within(own["distance"], 0, 63)
    require("format", slope in (int, NoneType))
    if own["slope"] is not None:
        within(own["slope"], 0, 61)


def check_prediction(statement: Any) -> None:
    kinds = {"training": bytes, "model": dict, "what": str, "inputs": bytes, "answers": list, "revealed": int}
    fields(statement, kinds)
    check_model(statement["model"])
    require("format", statement["what"] in ("class", "probability", "score"))
    require("format", len(statement["inputs"]) <= 1 << 22)
    within(len(statement["answers"]), 1, 1 << 18)
    for answer in statement["answers"]:
        require("format", type(answer) is int)
        within(answer, 1 - (1 << 63), (1 << 63) - 1)
    within(statement["revealed"], 0, (1 << 63) - 1)


def check_registration(statement: Any) -> None:
    previous = type(statement.get("previous"))
    fields(statement, {"dataset": bytes, "start": int, "stop": int, "root": bytes, "previous": previous})
    within(statement["start"], 0, (1 << 28) - 1)
    within(statement["stop"], 1, 1 << 28)
    require("format", len(statement["root"]) == 32 and previous in (bytes, NoneType))
    require("format", (statement["previous"] is None) == (statement["start"] == 0))
    require("format", statement["previous"] is None or len(statement["previous"]) == 32)


def births(dataset: Map) -> list[bytes]:
    """The same, segment by segment."""
    own = sha256(instance("dataset", dataset))
    return [segment["born"] or own for segment in dataset["segments"]]


@dataclass(frozen=True)
class Kind:
    """A kind of statement; the kinds of those that it refers to, by name; names of byte strings beside the proof.

    And how many bytes each of the rows has that come after all that.
    """

    version: int
    check: Callable[[Any], None]
    refers: Mapping[str, str] = field(default_factory=dict)
    attached: tuple[str, ...] = ()
    row_bytes: int = 0
    optional: tuple[str, ...] = ()  # of those that it refers to


PEAKS = ("record_peaks", "fingerprint_peaks")
KINDS = {
    "dataset": Kind(4, check_dataset),
    "training": Kind(7, check_training, {"dataset": "dataset"}, ("paths",)),
    "link": Kind(5, check_link, {"old": "dataset", "new": "dataset"}, ("consistency", "paths")),
    "model link": Kind(1, check_model_link, {"training": "training"}),
    "evaluation": Kind(
        2,
        check_evaluation,
        {"holdout": "dataset", "training": "training", "second": "training"},
        optional=("second",),
    ),
    "sharded evaluation": Kind(
        1, check_sharded_evaluation, {"holdout": "dataset", **dict.fromkeys(NUMBERED, "training")}
    ),
    "distance": Kind(1, check_distance, {"training": "training"}),
    "prediction": Kind(1, check_prediction, {"training": "training"}),
    "registration": Kind(3, check_registration, {"dataset": "dataset"}, PEAKS, 48),
}


# Records and Merkle trees --------------------------------------------------------------------------------------------


def short_node(left: bytes, right: bytes) -> bytes:
    """In the tree of a matrix."""
    return sha256(b"\1" + left[:27] + right[:27])


def root_of(level: list[bytes]) -> bytes:
    """Of the tree of a matrix."""
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [short_node(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]


def positions_of(gaps: bytes) -> list[int]:
    """Each gap has groups of seven bits, the lowest first; a byte of 128 or more is not the last one of its gap."""
    found, gap, shift = [], 0, 0
    for byte in gaps:
        gap += byte % 128 << shift
        shift += 7
        if byte < 128:
            require("format", byte > 0 or shift == 7)
            found.append(gap + 1 + (found[-1] if found else -1))
            require("format", found[-1] < 1 << 32)
            gap, shift = 0, 0
        require("format", shift < 35)
    require("format", shift == 0)
    return found


def records_of(statement: Map, name: str = "forgotten") -> list[tuple[int, bytes]]:
    """Position and digest of each forgotten row, or of those in another list."""
    positions, digests = (statement[name][part] for part in ("positions", "digests"))
    return [(position, digests[32 * i : 32 * i + 32]) for i, position in enumerate(positions_of(positions))]


def not_counted(statement: Map) -> list[int]:
    """Positions of the forgotten rows and of those that are held out."""
    return sorted({position for position, _ in records_of(statement)} | {*range(statement["spec"].get("holdout", 0))})


def check_forgotten(statement: Map, paths: bytes) -> None:
    """Positions lie below N, order keys increase in each segment, some row is left, records are in the tree."""
    dataset, segments = statement["dataset"], iter(statement["dataset"]["segments"])
    records, last_key = records_of(statement), b""
    segment: Map = {"stop": 0}
    for position, digest in records:
        require("forget list", position < dataset["rows"])
        while segment["stop"] <= position:
            segment, last_key = next(segments), b""
        key = order_key(segment["seed"], digest)
        require("forget list", key > last_key)
        last_key = key
    require("forget list", set(dataset["holes"]) <= {position for position, _ in records})
    require("forget list", len(records) < dataset["rows"])
    check_records(dataset["record_root"], dataset["rows"], dict(records), paths)


def field_elements(data: bytes) -> list[int]:
    values = [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data), 8)]
    require("field element", all(value < P for value in values))
    return values
