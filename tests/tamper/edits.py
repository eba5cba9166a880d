"""Edits of decoded artefacts: every field, found by walking the payload, and every way to spoil it.

A field is named by its path, `statement.segments[].seed`; of a list, the first element stands for all. An edit gives
the whole payload with one field changed; it is encoded again, canonically, so that what answers is not the container.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from zkunlearn.circuits.field.goldilocks import P

Path = tuple[str | int, ...]
Edit = Callable[[Any], Any]
MISSING = object()
ANOTHER = {  # where few words will do
    "logistic": "probit", "probit": "logistic", "linear": "poisson", "poisson": "linear",
    "binary": "count", "real": "count", "count": "real",
    "a": "c", "c": "a", "2000-01-01T00:00:00": "2001-01-01T00:00:00", "5.0": "6.0",
}  # fmt: skip

OF_INTEGERS: dict[str, Edit] = {
    "plus one": lambda v: v + 1,
    "minus one": lambda v: v - 1,
    "bit flipped": lambda v: v ^ 4,
    "zero": lambda v: 0,
    "negative": lambda v: -1,
    "true": lambda v: True,
}
OF_BOOLEANS: dict[str, Edit] = {"negated": lambda v: not v, "one": lambda v: 1}
OF_TEXTS: dict[str, Edit] = {
    "longer": lambda v: v + "1",
    "truncated": lambda v: v[:-1],
    "empty": lambda v: "",
    "bytes": lambda v: v.encode(),
    "another word": lambda v: ANOTHER.get(v, v),
}
OF_BYTES: dict[str, Edit] = {
    "bit flipped": lambda v: bytes(b ^ 1 for b in v[:1]) + v[1:],
    "zero": lambda v: bytes(len(v)),
    "truncated": lambda v: v[:-1],
    "longer": lambda v: v + b"\0",
    "doubled": lambda v: v + v,
    "empty": lambda v: b"",
    "p": lambda v: P.to_bytes(8, "little") + v[8:] if len(v) % 8 == 0 and len(v) != 32 else v,  # zero, not canonical
}
OF_LISTS: dict[str, Edit] = {
    "empty": lambda v: [],
    "first dropped": lambda v: v[1:],
    "first doubled": lambda v: v[:1] + v,
    "first two swapped": lambda v: v[1::-1] + v[2:],
    "filled": lambda v: v or [0],
    "filled with a text": lambda v: v or ["x"],
}
OF_MAPS: dict[str, Edit] = {"field added": lambda v: {**v, "extra": 0}}
OF_NOTHING: dict[str, Edit] = {"32 bytes": lambda v: bytes(range(32))}
EDITS: dict[type, dict[str, Edit]] = {
    int: OF_INTEGERS,
    bool: OF_BOOLEANS,
    str: OF_TEXTS,
    bytes: OF_BYTES,
    list: OF_LISTS,
    dict: OF_MAPS,
    type(None): OF_NOTHING,
}


def fields(payload: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of all fields, containers before what they hold; of a list, its first element."""
    if path:
        yield path
    if isinstance(payload, dict):
        for name, value in payload.items():
            yield from fields(value, (*path, name))
    elif isinstance(payload, list) and payload:
        yield from fields(payload[0], (*path, 0))


def name_of(path: Path) -> str:
    """As in the manifest."""
    return "".join("[]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def value_at(payload: Any, path: Path) -> Any:
    """What is there, or MISSING."""
    for part in path:
        try:
            payload = payload[part]
        except (KeyError, IndexError, TypeError):
            return MISSING
    return payload


def with_value(payload: Any, path: Path, value: Any) -> Any:
    """A copy with another value there; MISSING takes it away."""
    copy = deepcopy(payload)
    *front, last = path
    holder = value_at(copy, tuple(front))
    if value is MISSING:
        del holder[last]
    else:
        holder[last] = value
    return copy


def edited(payload: Any, other: Any, below: str | tuple[str, ...] = "") -> Iterator[tuple[str, str, Any]]:
    """Field, operation, payload. `other`: an honest payload of the same kind, to splice from.

    Operations that change nothing are left out, and a field that is dropped from a list was dropped there already.
    """
    for path in fields(payload):
        if not name_of(path).startswith(below):
            continue
        value = value_at(payload, path)
        edits = {operation: edit(value) for operation, edit in EDITS[type(value)].items()}
        edits["spliced"] = value_at(other, path)
        if isinstance(path[-1], str):
            edits["dropped"] = MISSING
        for operation, changed in edits.items():
            same = type(changed) is type(value) and changed == value
            if not same and not (operation == "spliced" and changed is MISSING):
                yield name_of(path), operation, with_value(payload, path, changed)
