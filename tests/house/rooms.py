"""The rooms of the package as docs/architecture.md lists them, and what their files really import.

The table of the page is the law: who may import whom, and which packages of others. `python tests/house/rooms.py` draws
the page's picture anew from it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).resolve().parents[2]
HOMES = "_HOMES"
PAGE = ROOT / "docs" / "architecture.md"
FOLDERS = ("formats", "models", "circuits", "verifier", "prover", "estimators", "cli")
PACKAGE = "zkunlearn"
HEAD = "| room | what is in it | imports | packages |"
PICTURE = re.compile(r"(?<=```mermaid\n).*?(?=```)", re.DOTALL)


@dataclass(frozen=True)
class Room:
    """A row of the table.

    Attributes:
        name: a folder or file of the repository, without slash or suffix at its end: "circuits/field", "errors".
        imports: names of rooms that its files may import.
        packages: names of packages of others that they may import.
    """

    name: str
    imports: frozenset[str]
    packages: frozenset[str]


@dataclass(frozen=True)
class Import:
    """A module of this package that a file imports.

    Attributes:
        module: its path's parts: ("circuits", "field", "goldilocks"); a package's own are its folder's, () the face's.
        at_import: whether it is loaded as soon as the file is, not when a function of it is called.
        typing_only: whether only type checkers see it.
    """

    module: tuple[str, ...]
    at_import: bool
    typing_only: bool


@cache
def product_files() -> tuple[Path, ...]:
    """All files of the package."""
    return (*sorted(ROOT.glob("*.py")), *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))))


@cache
def table() -> tuple[Room, ...]:
    """The rows of the page, lowest room first."""
    lines = PAGE.read_text(encoding="utf-8").split(HEAD)[1].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        room, _, imports, packages = (cell.strip() for cell in line.strip("|").split("|"))
        (name,) = names(room)
        rows.append(Room(name, frozenset(names(imports)), frozenset(names(packages))))
    return tuple(rows)


def names(cell: str) -> list[str]:
    """What stands in backticks, without slash or suffix at its end."""
    return [name.removesuffix("/").removesuffix(".py") for name in re.findall(r"`([^`]+)`", cell)]


def room_of(module: tuple[str, ...]) -> str:
    """The room that a module is in: the longest name of one that begins its path."""
    path = "/".join(module) or "__init__"
    found = [room.name for room in table() if path == room.name or path.startswith(room.name + "/")]
    if not found and any(room.name.startswith(path + "/") for room in table()):
        return path  # a folder of rooms
    if not found:
        raise LookupError(f"{path} is in no room of {PAGE.relative_to(ROOT)}")
    return max(found, key=len)


def module_of(path: Path) -> tuple[str, ...]:
    """The parts of a file's module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def file_of(module: tuple[str, ...]) -> Path | None:
    """The file of a module, if it is one of ours."""
    for path in (ROOT.joinpath(*module, "__init__.py"), ROOT.joinpath(*module).with_suffix(".py") if module else ROOT):
        if path.is_file():
            return path
    return None


@cache
def tree_of(path: Path) -> ast.Module:
    """A file, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """Modules of this package that a file imports: relatively, absolutely, or by name from a package."""
    return tuple(imports_in(path, tree_of(path)))


@cache
def packages_of(path: Path, at_import: bool = False) -> frozenset[str]:
    """Packages of others that a file imports, those of the standard library left out; or those it loads on import."""
    nodes = [
        node
        for node, in_function, typing in _walk(tree_of(path), False, False)
        if not at_import or not (in_function or typing)
    ]
    found = {name.split(".")[0] for node in nodes for name in _absolute(node)}
    return frozenset(found - set(sys.stdlib_module_names) - {PACKAGE})


def imports_in(path: Path, code: ast.AST) -> Iterator[Import]:
    """Those in a part of a file."""
    for node, in_function, typing_only in _walk(code, False, False):
        kind = (not in_function and not typing_only, typing_only)
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] == PACKAGE):
            words = (node.module or "").split(".") if node.module else []
            folder = path.relative_to(ROOT).parts[:-1]
            base = (*folder[: len(folder) - node.level + 1], *words) if node.level else tuple(words[1:])
            for alias in node.names:
                module = (*base, alias.name)
                yield Import(base if file_of(module) is None else module, *kind)
        elif _is_dynamic(node) and not isinstance(
            node.args[0], ast.Constant
        ):  # any module that the file has the name of
            yield from (Import(module, *kind) for module in homes(path).values())
        else:
            for name in _absolute(node):
                if name.split(".")[0] == PACKAGE:
                    yield Import(tuple(name.split(".")[1:]), *kind)


def homes(path: Path) -> dict[str, tuple[str, ...]]:
    """Modules of which a file that loads names when they are used has a table: by the name that is loaded."""
    named = [
        node for node in tree_of(path).body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == HOMES
    ]
    found = {name: module for node in named for name, module in ast.literal_eval(node.value).items()}
    return {name: (*path.relative_to(ROOT).parts[:-1], *module.split(".")) for name, module in found.items()}


def _walk(node: ast.AST, in_function: bool, typing_only: bool) -> Iterator[tuple[ast.AST, bool, bool]]:
    """All nodes, and whether they are in a function, and for type checkers only."""
    in_function = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    typing_only = typing_only or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    yield node, in_function, typing_only
    for child in ast.iter_child_nodes(node):
        yield from _walk(child, in_function, typing_only)


def _absolute(node: ast.AST) -> Iterator[str]:
    """Names of modules that a statement or a call of `import_module` imports absolutely."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield node.module or ""
    elif _is_dynamic(node) and isinstance(node.args[0], ast.Constant):
        yield str(node.args[0].value)


def _is_dynamic(node: ast.AST) -> TypeGuard[ast.Call]:
    """Whether it is a call of `import_module` or the like."""
    return isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__")


def drawing() -> str:
    """The picture: of all allowed imports those that do not follow from others, by folder."""
    rooms = {room.name: room for room in table()}
    reached: dict[str, set[str]] = {}
    for room in table():  # lowest first
        reached[room.name] = set(room.imports).union(*(reached[name] for name in room.imports))
    lines = ["graph BT"]
    for folder in dict.fromkeys(name.split("/")[0] for name in rooms):
        inside = [name for name in rooms if name.split("/")[0] == folder]
        declared = [f'{_node(name)}["{name}"]' for name in inside]
        if len(inside) == 1:
            lines += declared
        else:
            lines += [f"subgraph {folder}_rooms [{folder}]", *("    " + line for line in declared), "end"]
    for room in table():
        direct = {name for name in room.imports if not any(name in reached[other] for other in room.imports - {name})}
        lines += [f"{_node(room.name)} --> {_node(name)}" for name in rooms if name in direct]
    return "\n".join([lines[0], *("    " + line for line in lines[1:])]) + "\n"


def _node(name: str) -> str:
    return name.strip("_").replace("/", "_") if "/" in name else f"{name.strip('_')}_room"


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(PICTURE.sub(lambda _: drawing(), text), encoding="utf-8")
