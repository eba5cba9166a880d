"""Whoever waits in a notebook sees what for; nobody else is shown anything, and no computation is disturbed by it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np
import pytest
import zkunlearn as zu
from jupyter_client import manager
from zkunlearn.prover.kernels import compiled, notebook
from zkunlearn.prover.kernels.notebook import SILENCE, VARIABLE, show_kernel, show_phase
from zkunlearn.prover.protocol.proof import begin

TRAIN = """
import zkunlearn as zu
from zkunlearn.prover.kernels import notebook
notebook.SILENCE = 0.05
run = zu.train(zu.load_dataset("data"), zu.TrainingSpec(model="logistic", epochs=4, learning_rate=0.5))
"""


class Shell:
    """What IPython's has of it: events, a publisher of displays, and in a notebook a kernel."""

    def __init__(self) -> None:
        self.kernel: object = object()
        self.events = self.display_pub = self
        self.callbacks: list[Callable[[], None]] = []
        self.said: Queue[tuple[dict[str, str], str, bool]] = Queue()

    def get_ipython(self) -> Shell:
        return self

    def register(self, event: str, callback: Callable[[], None]) -> None:
        assert event == "post_execute"
        self.callbacks.append(callback)

    def unregister(self, event: str, callback: Callable[[], None]) -> None:
        assert event == "post_execute"
        self.callbacks.remove(callback)

    def publish(self, data: dict[str, str], metadata: object, *, transient: dict[str, str], update: bool) -> None:
        self.said.put((data, transient["display_id"], update))

    def next(self) -> dict[str, str]:
        return self.said.get(timeout=60)[0]

    def rest(self) -> list[str]:
        return [self.said.get()[0]["text/plain"] for _ in range(self.said.qsize())]

    def end(self) -> None:
        """The cell is done."""
        for callback in list(self.callbacks):
            callback()


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    shell = Shell()
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setattr(notebook, "SILENCE", 0.01)
    monkeypatch.setattr(notebook, "perf_counter", lambda: 7.0)  # however slow the machine is
    monkeypatch.delenv(VARIABLE, raising=False)
    yield shell
    shell.end()


def until(shell: Shell, start: str) -> dict[str, str]:
    while not (said := shell.next())["text/plain"].startswith(start):
        pass
    return said


def test_a_bar_says_which_kernel_is_compiled_how_many_are_done_and_for_how_long(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = ["mul<8>"]
    monkeypatch.setattr(notebook, "being_compiled", lambda: next(iter(now), None))
    monkeypatch.setattr(compiled.Kernel, "is_cached", lambda own: own is not compiled.all_kernels()[0])
    show_kernel("mul<8>")
    said = until(shell, "compiling the kernel mul<8>: 0 of at most 1 are compiled, 0 s")
    assert said["text/html"].startswith('<progress max="1" value="0"></progress> compiling the kernel mul&lt;8&gt;: 0 ')
    now[0] = "add"
    show_kernel("add")
    until(shell, "compiling the kernel add: 1 of at most 1 are compiled, ")
    now.clear()
    until(shell, "at work, 2 kernels compiled, ")
    begin("lookups", None)
    assert until(shell, "lookups, 2 kernels compiled, ")["text/html"].startswith("<progress></progress> lookups, ")
    monkeypatch.setattr(notebook, "perf_counter", lambda: 12.0)
    until(shell, "lookups, 2 kernels compiled, 5 s")
    shell.end()
    assert shell.rest()[-1] == "2 kernels compiled, 5 s, once per machine"
    assert SILENCE < 2, "nobody waits for two seconds without a word"


def test_it_stays_in_one_place_and_the_next_cell_has_its_own(shell: Shell) -> None:
    show_phase("train")
    first = [shell.said.get(timeout=60) for _ in range(3)]
    assert [update for _, _, update in first] == [False, True, True]
    shell.end()
    assert shell.rest()[-1] == "" and not shell.callbacks, "of work without kernels nothing is left"
    show_phase("train")
    data, place, update = shell.said.get(timeout=60)
    assert data["text/plain"] == "train, 0 s" and not update and place != first[0][1]


def test_what_is_quick_shows_nothing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "SILENCE", 60)
    show_phase("train")
    assert shell.callbacks
    shell.end()
    assert shell.said.empty() and not shell.callbacks


def test_kernels_of_several_threads_are_counted_in_one_bar(shell: Shell) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(show_kernel, ["a", "b", "c", "d"]))
    shell.next()
    assert len(shell.callbacks) == 1
    shell.end()
    assert shell.rest()[-1].startswith("4 kernels compiled, ")


def test_kernels_that_are_not_kept_are_not_said_to_be(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled.all_kernels()[0], "is_kept", False)
    show_kernel("a")
    shell.next()
    shell.end()
    assert shell.rest()[-1] == "1 kernel compiled, 0 s"


def no_kernel(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.kernel = None


def no_shell(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "get_ipython", lambda: None)


def switched_off(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "0")


def other_process(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "parent_process", object)


@pytest.mark.parametrize("elsewhere", [no_kernel, no_shell, switched_off, other_process])
def test_where_there_is_no_notebook_to_show_it_nothing_happens(
    elsewhere: Callable[[Shell, pytest.MonkeyPatch], None], shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(shell, monkeypatch)
    show_kernel("a")
    show_phase("train")
    assert not shell.callbacks and shell.said.empty() and not notebook._SHOWN


def broken(*arguments: object, **options: object) -> None:
    raise OSError("the browser is gone")


@pytest.mark.parametrize("name", ["get_ipython", "register", "unregister", "publish"])
def test_a_display_that_fails_disturbs_nothing(name: str, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, name, broken)
    show_kernel("a")
    begin("train", None)
    for bar in list(notebook._SHOWN):
        bar._teller.join(0.05)
    shell.end()
    shell.callbacks.clear()
    assert not notebook._SHOWN


def test_whoever_has_no_notebook_imports_none() -> None:
    """Of this process other tests may have imported what they like."""
    script = (
        "import sys, zkunlearn.prover.protocol.proof as proof; proof.begin('train', None);"
        "from zkunlearn.prover.kernels.notebook import _SHOWN, show_kernel; show_kernel('a');"
        "assert not _SHOWN and not {'IPython', 'ipykernel', 'rich', 'ipywidgets'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_a_notebook_shows_what_a_first_training_compiles(tmp_path: Path) -> None:
    """In a real kernel of Jupyter, where nothing was compiled before."""
    X = np.random.default_rng(3).random((40, 2))
    zu.commit(X, (X[:, 0] > 0.5).astype(int), bounds={"x1": (0, 1), "x2": (0, 1)}).save(tmp_path / "data")
    own = {"NUMBA_CACHE_DIR": tmp_path / "kernels", "IPYTHONDIR": tmp_path / "i", "JUPYTER_RUNTIME_DIR": tmp_path / "r"}
    env = environment() | {name: str(path) for name, path in own.items()}
    begun, client = manager.start_new_kernel(kernel_name="python3", env=env, cwd=str(tmp_path))
    shown: list[dict[str, Any]] = []

    def hear(message: dict[str, Any]) -> None:
        if message["msg_type"] in ("display_data", "update_display_data", "error"):
            shown.append(message)

    try:
        for number in ("first", "second"):
            reply = client.execute_interactive(TRAIN, output_hook=hear, timeout=100)
            assert reply["content"]["status"] == "ok", shown[-1]
            texts = [message["content"]["data"]["text/plain"] for message in shown]
            if number == "first":
                assert shown[0]["msg_type"] == "display_data" and len(shown) > 3
                assert {message["msg_type"] for message in shown[1:]} == {"update_display_data"}
                assert len({message["content"]["transient"]["display_id"] for message in shown}) == 1
                assert any(text.startswith("compiling the kernel ") and " of at most " in text for text in texts)
                assert texts[-1].endswith(", once per machine") and " compiled, " in texts[-1]
            else:
                assert not any("compil" in text for text in texts), "the second one waits for no kernel"
            shown.clear()
    finally:
        client.stop_channels()
        begun.shutdown_kernel(now=True)
