"""Walls: docs/architecture.md says which room may import which, and nothing else is imported."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from .rooms import (
    PAGE,
    PICTURE,
    ROOT,
    Room,
    drawing,
    file_of,
    homes,
    imports_in,
    imports_of,
    module_of,
    packages_of,
    product_files,
    room_of,
    table,
    tree_of,
)

PROTOCOL = {"circuits/field", "circuits/language", "errors"}
AUDITORS_PACKAGES = {"numpy", "cbor2", "click"}  # and rich, within functions


def files_of(room: Room) -> list[Path]:
    return [path for path in product_files() if room_of(module_of(path)) == room.name]


@pytest.mark.parametrize("room", table(), ids=lambda room: room.name)
def test_a_room_imports_what_the_page_allows_and_nothing_else(room: Room) -> None:
    found: dict[str, str] = {}
    for path in files_of(room):
        for imported in imports_of(path):
            found[room_of(imported.module)] = str(path.relative_to(ROOT))
    found.pop(room.name, None)
    forbidden = {name: by for name, by in found.items() if name not in room.imports}
    row = ", ".join(f"`{other.name}`" for other in table() if other.name in found)
    assert not forbidden, f"imports that the page does not allow, and a file each; the code has {row}"
    assert not room.imports - set(found), f"imports that the page allows, and that nothing needs; the code has {row}"


@pytest.mark.parametrize("room", table(), ids=lambda room: room.name)
def test_a_room_needs_the_packages_that_the_page_names(room: Room) -> None:
    assert {name for path in files_of(room) for name in packages_of(path)} == room.packages


def test_rooms_stand_on_lower_ones_only() -> None:
    lower: set[str] = set()
    for room in table():
        assert room.imports <= lower, f"{room.name} imports what stands above it, or what is no room"
        lower.add(room.name)


def test_no_file_imports_itself_by_way_of_others() -> None:
    finished: set[Path] = set()

    def follow(path: Path, above: tuple[Path, ...]) -> None:
        assert path not in above, " -> ".join(str(p.relative_to(ROOT)) for p in (*above, path))
        if path not in finished:
            for imported in imports_of(path):
                target = file_of(imported.module)
                # A package's file lists what is in it; its own modules may ask it for one another at call time.
                if imported.at_import and target is not None:
                    follow(target, (*above, path))
            finished.add(path)

    for path in product_files():
        follow(path, ())


def test_the_picture_is_drawn_from_the_table() -> None:
    (picture,) = PICTURE.findall(PAGE.read_text(encoding="utf-8"))
    assert picture == drawing(), "python tests/house/rooms.py draws it anew"


def test_the_protocol_knows_no_relation_and_no_file() -> None:
    (protocol,) = (room for room in table() if room.name == "verifier/protocol")
    assert protocol.imports == PROTOCOL
    assert protocol.packages == {"numpy"}


def test_the_proving_protocol_knows_statements_as_little_as_its_twin() -> None:
    (protocol,) = (room for room in table() if room.name == "prover/protocol")
    assert not {"verifier", "circuits/statements", "circuits/relations", "models"} & protocol.imports


# What an auditor runs ------------------------------------------------------------------------------------------------


def command_file(command: str) -> Path:
    """The file of the command line that defines a command."""

    def defines(node: ast.stmt) -> bool:
        if not (isinstance(node, ast.FunctionDef) and node.name == command):
            return False
        return "command" in map(last_name, node.decorator_list)

    (found,) = (path for path in product_files() if path.parent.name == "cli" and any(map(defines, tree_of(path).body)))
    return found


def last_name(node: ast.expr) -> str:
    return ast.unparse(node.func if isinstance(node, ast.Call) else node).split(".")[-1]


FACE = "zu"  # what the command line calls the package


@dataclass(frozen=True)
class Part:
    """A statement on the outermost level of a file: what it mentions, and which files it loads if it runs."""

    function: str | None
    mentions: frozenset[str]
    loads: frozenset[Path]


@cache
def parts(path: Path) -> tuple[Part, ...]:
    """A file. Only of the command line and of the face are functions told apart, by their names."""
    by_name = path.parent in (ROOT, ROOT / "cli")
    found = []
    for code in tree_of(path).body:
        words = {node.id for node in ast.walk(code) if isinstance(node, ast.Name)}
        words |= {name for node in ast.walk(code) if isinstance(node, ast.Attribute) for name in mentioned_by(node)}
        imported = [found for found in imports_in(path, code) if not found.typing_only]
        files = {file_of(found.module) for found in imported if found.module not in homes(path).values()}
        name = code.name if by_name and isinstance(code, ast.FunctionDef) else None
        found.append(Part(name, frozenset(words), frozenset(filter(None, files))))
    faces = ((f"{FACE}.{name}", filter(None, [file_of(home)])) for name, home in homes(path).items())
    return (*found, *(Part(name, frozenset(), frozenset(files)) for name, files in faces))


def mentioned_by(node: ast.Attribute) -> Iterator[str]:
    """Its name; and that of what the face takes from elsewhere, as others have names such as `append`, too."""
    yield node.attr
    if isinstance(node.value, ast.Name) and node.value.id == FACE:
        yield f"{FACE}.{node.attr}"


def loaded_by(command: str) -> dict[Path, str]:
    """Files that a command may load, beside all of verifier/, each with the one that imports it.

    A function of the command line or of the face counts if code that may run mentions its name; what the face takes
    from elsewhere, if it is mentioned as its own.
    """
    loaded = {command_file(command): "the command"}
    loaded |= {path: "the verifier" for path in product_files() if path.is_relative_to(ROOT / "verifier")}
    mentioned = {command}
    before = (0, 0)
    while before != (before := (len(loaded), len(mentioned))):
        for path in list(loaded):
            for part in parts(path):
                if part.function is None or part.function in mentioned:
                    mentioned |= part.mentions
                    for target in part.loads:
                        loaded.setdefault(target, str(path.relative_to(ROOT)))
    return loaded


@pytest.mark.parametrize("command", ["verify", "inspect", "keygen", "sign", "countersign", "aggregate"])
def test_an_auditors_command_loads_nothing_of_the_prover(command: str) -> None:
    loaded = loaded_by(command)
    assert ROOT / "verifier" / "verify.py" in loaded and ROOT / "errors.py" in loaded
    assert not {p: by for p, by in loaded.items() if p.is_relative_to(ROOT / "prover")}
    assert {name for path in loaded for name in packages_of(path, at_import=True)} <= AUDITORS_PACKAGES


def test_an_owners_command_does_load_it() -> None:
    """Or the test above would see nothing."""
    assert [path for path in loaded_by("prove") if path.is_relative_to(ROOT / "prover")]


def test_importing_and_verifying_load_neither_the_prover_nor_heavy_libraries() -> None:
    code = (
        "import sys, zkunlearn, zkunlearn.verifier.verify, zkunlearn.cli.program;"
        "heavy = {'numba', 'torch', 'sklearn', 'scipy', 'pandas', 'rich', 'dask', 'distributed', 'zkunlearn.prover',"
        "'cryptography', 'py_ecc'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
