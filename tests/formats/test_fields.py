"""Fields of maps: exactly the expected ones, each of its type and in its one spelling, or refused by name."""

from __future__ import annotations

from types import NoneType
from typing import Any

import pytest
from zkunlearn.errors import FormatError
from zkunlearn.formats.fields import Bytes, Fields, Int, ListOf, Real, take

EXPECTED: Fields = {
    "n": Int(1, 10),
    "root": Bytes(4),
    "paths": bytes,
    "flag": bool,
    "list": ListOf(Int(0, 3), high=2),
    "previous": (NoneType, Bytes(2)),
    "rate": Real(),
}
GOOD: dict[str, Any] = {
    "n": 1,
    "root": b"abcd",
    "paths": b"",
    "flag": False,
    "list": [0, 3],
    "previous": None,
    "rate": "0.5",
}


def test_exactly_the_expected_fields_are_taken() -> None:
    assert take(GOOD, EXPECTED) == GOOD
    assert take({**GOOD, "previous": b"ab"}, EXPECTED)["previous"] == b"ab"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"extra": 1}, "proof has an unknown field 'extra'"),
        ({"n": 0}, "proof: field 'n' is 0, not in 1..10"),
        ({"n": 11}, "field 'n' is 11, not in 1..10"),
        ({"n": True}, "field 'n' is true or false, not an integer"),
        ({"n": b"1"}, "field 'n' is a byte string, not an integer"),
        ({"root": b"abc"}, "field 'root' has 3 bytes, not 4"),
        ({"root": "abcd"}, "field 'root' is text, not a byte string"),
        ({"paths": None}, "field 'paths' is null, not a byte string"),
        ({"flag": 1}, "field 'flag' is an integer, not true or false"),
        ({"list": [0, 4]}, "field 'list' is wrong at element 1: it is 4, not in 0..3"),
        ({"list": [0, 0, 0]}, "field 'list' has 3 elements, not 0..2"),
        ({"list": {}}, "field 'list' is a map, not a list"),
        ({"previous": b"abc"}, "field 'previous' is a byte string, not null"),
        ({"rate": 0.5}, "field 'rate' is float, not a number as text"),
        ({"rate": "0.50"}, "field 'rate' is '0.50', not the canonical spelling 0.5"),
        ({"rate": "1"}, "field 'rate' is '1', not the canonical spelling 1.0"),
        ({"rate": "half"}, "field 'rate' is 'half', which is not a number"),
        ({"rate": "1e999"}, "field 'rate' is '1e999', which is not finite"),
        ({"rate": "inf"}, "field 'rate' is 'inf', which is not finite"),
    ],
)
def test_a_wrong_field_is_refused_by_name(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        take({**GOOD, **change}, EXPECTED, "proof")
    assert str(caught.value).endswith(reason)


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_missing_field_is_refused_by_name(name: str) -> None:
    with pytest.raises(FormatError, match=f"payload lacks the field '{name}'"):
        take({key: value for key, value in GOOD.items() if key != name}, EXPECTED)


def test_something_else_than_a_map_is_refused() -> None:
    with pytest.raises(FormatError, match="statement is a list, not a map"):
        take([], {}, "statement")
