"""A process in a copy of the tree that has imported all tests, and runs some of them in a child without a check.

run.py starts it, and writes a request a line (`Request`, as JSON); it answers with a line: how the child ended. In the
child the code of the one function is replaced, in memory; its file is changed by run.py, for what starts anew.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from contextlib import suppress
from types import CodeType, FunctionType
from typing import Any

import pytest

ENDED, LATE, ELSEWHERE = "ended", "late", "elsewhere"
RUN = (0, 1, 2, 5)  # exit codes of tests that pass, fail, are stopped, or are none
UNCHANGED = 99  # the exit code of a child that could not replace the code
COMMON = ("-q", "-s", "--no-header", "-p", "no:cacheprovider")
# Inventories and the second verifier would notice any deletion, for no reason but the number of constraints.
CHOSEN = ("-k", "not inventory", "--second-opinions", "0")


def main() -> None:
    """Import the files of tests that the first line names, and then do what each other line asks for."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    pytest.main([*COMMON, "--collect-only", *json.loads(sys.stdin.readline())])
    for line in sys.stdin:
        print(_answer(json.loads(line)), file=answers, flush=True)


def _answer(request: dict[str, Any]) -> str:
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os._exit(_in_child(request))
    until = time.monotonic() + request["seconds"]
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            return ELSEWHERE if code == UNCHANGED else ENDED if code in RUN else f"exit code {code}"
        time.sleep(0.05)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return LATE


def _in_child(request: dict[str, Any]) -> int:
    try:
        replace_code(request["module"], request["function"], request["source"])
    except (LookupError, ValueError):
        return UNCHANGED
    output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdout = sys.stderr = os.fdopen(output, "w", buffering=1)
    return int(pytest.main([*COMMON, *CHOSEN, "-p", "acceptance", *request["tests"]]))


def replace_code(module: str, function: str, source: str) -> None:
    """Give a function, or the method, or the one that it is in, the code that another source of its module has.

    Raises:
        LookupError: it is not found. ValueError: it would use other variables of a function around it.
    """
    own = sys.modules[module]
    compiled = compile(source, str(own.__file__), "exec", dont_inherit=True)
    holder: Any = own
    names = function.split(".")
    for depth, name in enumerate(names, start=1):
        found = vars(holder)[name]
        if not isinstance(found, type):
            code = _code_of(compiled, names[:depth])
            _function(found).__code__ = code
            return
        holder = found
    raise LookupError(function)


def _function(found: Any) -> FunctionType:
    """What is below all that decorators have made of it."""
    while not isinstance(found, FunctionType) or hasattr(found, "__wrapped__"):
        inside = (getattr(found, name, None) for name in ("__wrapped__", "__func__", "fget", "func"))
        found = next((inner for inner in inside if inner is not None), None)
        if found is None:
            raise LookupError("no function")
    return found


def _code_of(compiled: CodeType, names: list[str]) -> CodeType:
    for name in names:
        inside = [own for own in compiled.co_consts if isinstance(own, CodeType) and own.co_name == name]
        if len(inside) != 1:
            raise LookupError(name)
        (compiled,) = inside
    return compiled


if __name__ == "__main__":
    main()
