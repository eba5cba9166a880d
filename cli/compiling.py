"""What is said while kernels are compiled: of a command those that it needs, when it does; by `warm-up` all."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event, Thread
from time import perf_counter

import click

from .output import Output
from .words import plural

COMPILE_NOTE = "compiling kernels that this needs, once per machine (about 15 seconds, of the first command)"
COMPILE_ALL_NOTE = "compiling all kernels, once per machine (about 30 seconds)"
SILENCE = 1.5  # seconds after which it is told what is going on: nobody waits for two without a word


@dataclass
class Told:
    """What one command has said of it: that it begins, and from then on something whenever it was silent for long.

    Attributes:
        note: that it begins.
        silence: seconds.
        kernels: names of those that were compiled.
    """

    output: Output
    note: str = COMPILE_NOTE
    silence: float = SILENCE
    kernels: list[str] = field(default_factory=list)
    _ended: Event = field(default_factory=Event)
    _teller: Thread | None = None

    def __call__(self, name: str) -> None:
        """The kernel of this name is to be compiled."""
        self.kernels.append(name)
        if self._teller is None:
            self.output.wait(self.note)
            self._teller = Thread(target=self._tell, daemon=True)
            self._teller.start()

    def _tell(self) -> None:
        """Say now and then what is going on: also where one kernel takes long, and after the last one."""
        from ..prover import kernels

        while not self._ended.wait(self.silence):
            name = kernels.being_compiled()
            if name is None:
                self.output.wait(f"at work; {plural(len(self.kernels), 'kernel')} compiled so far")
            else:
                self.output.wait(f"compiling the kernel {name}, {len(self.kernels) - 1} are done")

    def end(self) -> None:
        """Nothing more is said."""
        self._ended.set()
        if self._teller is not None:
            self._teller.join()

    def finish(self) -> None:
        """The command is done."""
        self.end()
        if self.kernels:
            self.output.wait(f"{plural(len(self.kernels), 'kernel')} compiled, which the next command finds")


def prepare_kernels(output: Output, whole: bool = False) -> None:
    """Say from now on, as long as the command runs, which kernels are compiled.

    whole: compile all of them now: other processes will need them, which would each compile its own.
    """
    from ..prover import kernels

    if not kernels.are_kept():
        output.note(f"note: {kernels.NOT_KEPT}")
    if whole:
        compile_all(output)
        return
    context, told = click.get_current_context(), Told(output)
    context.with_resource(kernels.listening(told))
    context.call_on_close(told.finish)


def compile_all(output: Output) -> None:
    """Compile now whatever the prover may need, and say so, if this machine never did."""
    from ..prover import kernels

    if kernels.is_warm():
        return
    start = perf_counter()
    told = Told(output, COMPILE_ALL_NOTE)
    try:
        with kernels.listening(told), output.phases("compiling kernels") as progress:
            kernels.warm_up(progress)
    finally:
        told.end()
    output.wait(f"kernels are compiled, in {perf_counter() - start:.0f} seconds")
