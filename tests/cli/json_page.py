"""The tables of docs/json.md as JSON Schema, and a check by it of what commands print.

The page is the one place where fields are told. `python tests/cli/json_page.py` writes docs/json.schema.json anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, FILE = DOCS / "json.md", DOCS / "json.schema.json"
FAILURE = "failure"
VERSION = re.compile(r"the version of these tables: \*\*(\d+)\*\*")
TOKEN = re.compile(r"\[[^]]*\]\(#([^)]*)\)|(\w+)|([()])|,")
LINK = re.compile(r"\]\(#([^)]*)\)")
ROW = re.compile(r"^\| (?P<name>[^|]*) \|(?P<type>[^|]*)\|", re.MULTILINE)
INCLUDED = "*all of"
PLAIN: Mapping[str, Mapping[str, Any]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "null": {"type": "null"},
    "object": {"type": "object"},
    "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
}
Schema = dict[str, Any]


def anchor(heading: str) -> str:
    """What a heading is called in links."""
    return re.sub(r"[^\w\s-]", "", heading.lower()).replace(" ", "-")


@cache
def sections() -> dict[str, list[list[tuple[str, str]]]]:
    """By their anchors, the tables of each section: rows of a name, or what is included, and a type."""
    found = {}
    for part in re.split(r"^### ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        heading, _, text = part.partition("\n")
        tables = re.split(r"^\| field \| type \| meaning \|\n\|---\|---\|---\|\n", text, flags=re.MULTILINE)[1:]
        found[anchor(heading)] = [[(row["name"], row["type"].strip()) for row in ROW.finditer(each)] for each in tables]
    return found


@cache
def commands() -> tuple[str, ...]:
    """The names of the sections that are commands."""
    text = PAGE.read_text(encoding="utf-8")
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return tuple(
        name for part in parts if part.startswith("Commands") for name in re.findall(r"^### (.*)$", part, re.MULTILINE)
    )


def version() -> int:
    """Of the tables, as the page says."""
    (found,) = VERSION.findall(PAGE.read_text(encoding="utf-8"))
    return int(found)


def forms(section: str) -> list[dict[str, tuple[Schema, bool]]]:
    """All forms of an object: of each field its schema, and whether it is always there."""
    return [form for table in sections()[section] for form in _forms(table)]


def _forms(table: list[tuple[str, str]]) -> Iterator[dict[str, tuple[Schema, bool]]]:
    """Those of a table: one for each choice of what it includes."""
    rows: list[list[dict[str, tuple[Schema, bool]]]] = []
    for name, kind in table:
        if name.startswith(INCLUDED):
            rows.append([form for included in LINK.findall(name) for form in forms(included)])
        else:
            rows.append([{name.rstrip("?").strip("`"): (schema_of(kind), not name.endswith("?"))}])
    for chosen in product(*rows):
        names = [name for form in chosen for name in form]
        if len({*names}) != len(names):
            raise ValueError(f"a field is told twice: {names}")
        yield {name: field for form in chosen for name, field in form.items()}


def schema_of(kind: str) -> Schema:
    """A type as the tables write it."""
    tokens = [found for found in TOKEN.finditer(kind) if found[0] != ","]
    if re.sub(r"\s", "", TOKEN.sub("", kind)):
        raise ValueError(f"no type: {kind!r}")
    found = _choice(tokens)
    if tokens:
        raise ValueError(f"no type: {kind!r}, from {tokens[0][0]!r} on")
    return found


def _choice(tokens: list[re.Match[str]]) -> Schema:
    found = [_one(tokens)]
    while tokens and tokens[0][0] == "or":
        tokens.pop(0)
        found.append(_one(tokens))
    return found[0] if len(found) == 1 else {"anyOf": found}


def _one(tokens: list[re.Match[str]]) -> Schema:
    token = tokens.pop(0)
    if token[1]:
        return {"$ref": f"#/$defs/{token[1]}"}
    if token[0] in ("list", "map"):
        tokens.pop(0)  # of
        inside = _one(tokens)
        is_list = token[0] == "list"
        return {"type": "array", "items": inside} if is_list else {"type": "object", "additionalProperties": inside}
    if token[0] == "(":
        found = _choice(tokens)
        tokens.pop(0)
        return found
    return dict(PLAIN[token[0]])


def closed() -> Schema:
    """Definitions of what is printed today: of every form each field, and no other."""
    definitions: Schema = {}
    for name in sections():
        objects = [_object({**(_schema_field() if is_printed(name) else {}), **form}) for form in forms(name)]
        definitions[name] = _any_of([*({**each, "additionalProperties": False} for each in objects), *_failed(name)])
    return definitions


def whole() -> Schema:
    """The file: fields that are not told are let through, as versions to come may have them."""
    definitions: Schema = {}
    for name, tables in sections().items():
        found = [_open(table, _schema_field() if is_printed(name) else {}) for table in tables]
        definitions[name] = _any_of([*found, *_failed(name)])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What zkunlearn prints with --json",
        "description": "Made from docs/json.md. $defs has what each command prints under its name.",
        "anyOf": [{"$ref": f"#/$defs/{name}"} for name in commands()],
        "$defs": definitions,
    }


def _failed(section: str) -> list[Schema]:
    """What a command prints instead."""
    return [{"$ref": f"#/$defs/{FAILURE}"}] if section in commands() else []


def is_printed(section: str) -> bool:
    """Whether such an object stands by itself, not in another one."""
    return section in commands() or section == FAILURE


def _schema_field() -> dict[str, tuple[Schema, bool]]:
    return {"schema": ({"const": version()}, True)}


def _open(table: list[tuple[str, str]], always: dict[str, tuple[Schema, bool]]) -> Schema:
    """A table with references to what it includes."""
    own = {name.rstrip("?").strip("`"): (schema_of(kind), name[-1] != "?") for name, kind in table if name[0] == "`"}
    links = [LINK.findall(name) for name, _ in table if name.startswith(INCLUDED)]
    included = [_any_of([{"$ref": f"#/$defs/{link}"} for link in each]) for each in links]
    return _object(always | own) | ({"allOf": included} if included else {})


def _any_of(found: list[Schema]) -> Schema:
    return found[0] if len(found) == 1 else {"anyOf": found}


def _object(form: Mapping[str, tuple[Schema, bool]]) -> Schema:
    return {
        "type": "object",
        "properties": {name: schema for name, (schema, _) in form.items()},
        "required": [name for name, (_, needed) in form.items() if needed],
    }


# --- the check ----------------------------------------------------------------------------------------------

TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "null": (type(None),),
    "object": (dict,), "array": (list,),
}  # fmt: skip


Seen = set[tuple[str, str]]


@dataclass(frozen=True)
class Check:
    """By some definitions.

    Attributes:
        definitions: of all names.
        seen: gets each field that was there, with the name of the definition that it is told in.
    """

    definitions: Schema
    seen: Seen

    def faults(self, value: object, schema: Schema, at: str = "$", name: str = "") -> list[str]:
        """Where a value is not as the schema says."""
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/$defs/")
            return self.faults(value, self.definitions[name], at, name)
        if "anyOf" in schema:
            return self._faults_of_all(value, schema["anyOf"], at, name)
        if "const" in schema:
            same = value == schema["const"] and type(value) is type(schema["const"])
            return [] if same else [f"{at}: {value!r:.60} is not {schema['const']!r}"]
        kinds = TYPES[schema["type"]]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            return [f"{at}: {value!r:.60} is no {schema['type']}"]
        if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
            return [f"{at}: {value!r:.60} is not {schema['pattern']}"]
        if isinstance(value, list):
            inside = (self.faults(item, schema["items"], f"{at}[{i}]", name) for i, item in enumerate(value))
            return [fault for found in inside for fault in found]
        return list(self._faults_of_fields(value, schema, at, name)) if isinstance(value, dict) else []

    def _faults_of_all(self, value: object, choices: list[Schema], at: str, name: str) -> list[str]:
        """Those of the choice that has fewest: none, if it is as one of them says."""
        tried: list[list[str]] = []
        for each in choices:
            own = replace(self, seen=set())
            tried.append(own.faults(value, each, at, name))
            if not tried[-1]:
                self.seen.update(own.seen)
                return []
        return min(tried, key=len)

    def _faults_of_fields(self, value: dict[str, Any], schema: Schema, at: str, name: str) -> Iterator[str]:
        fields, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        yield from (f"{at}.{missing} is missing" for missing in schema.get("required", []) if missing not in value)
        for included in schema.get("allOf", []):
            yield from self.faults(value, included, at)
        for key, item in value.items():
            if key in fields:
                self.seen.add((name, key))
                yield from self.faults(item, fields[key], f"{at}.{key}", name)
            elif others is False:
                yield f"{at}.{key} is not told"
            elif others is not True:
                yield from self.faults(item, others, f"{at}.{key}", name)


@cache
def _definitions() -> tuple[Schema, Schema]:
    """Of the page, which tell all fields; and of the file."""
    return closed(), json.loads(FILE.read_text(encoding="utf-8"))["$defs"]


def require_told(name: str, printed: str, seen: Seen | None = None) -> None:
    """What was printed is what the page and the file say of a command, or of a failure. Raises AssertionError.

    Args:
        seen: gets each field that was there, with the name of the section that it was found by.
    """
    value = json.loads(printed)
    page, file = (Check(own, set()) for own in _definitions())
    for check, by in ((page, PAGE), (file, FILE)):
        wrong = check.faults(value, {"$ref": f"#/$defs/{name}"})
        assert not wrong, f"{name} --json, by {by.name}: {'; '.join(wrong)}"
    if seen is not None:
        seen |= page.seen


def told_fields() -> Seen:
    """All fields that the page tells of what commands print, each with the section that it is found by."""
    definitions, found, pending = closed(), set[tuple[str, str]](), [*commands()]
    known = {*pending}
    while pending:
        name = pending.pop()
        text = json.dumps(definitions[name])
        found |= {(name, field) for form in forms(name) for field in form}
        referred = {*re.findall(r'"#/\$defs/([^"]*)"', text)} - known
        known |= referred
        pending += referred
    return found


def text_of_file() -> str:
    """What docs/json.schema.json has to hold: a line for each definition."""
    found = whole()
    definitions = [f"  {json.dumps(name)}: {json.dumps(own)}" for name, own in found.pop("$defs").items()]
    head = [f" {json.dumps(name)}: {json.dumps(value)}," for name, value in found.items()]
    return "\n".join(["{", *head, ' "$defs": {', ",\n".join(definitions), " }", "}"]) + "\n"


if __name__ == "__main__":
    FILE.write_text(text_of_file(), encoding="utf-8")
