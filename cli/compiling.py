"""What is said while kernels are compiled: of a command those that it needs, when it does; by `warm-up` all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter

import click

from .output import Output
from .words import plural

COMPILE_NOTE = "compiling kernels that this needs, once per machine (about 15 seconds, of the first command)"
COMPILE_ALL_NOTE = "compiling all kernels, once per machine (about 30 seconds)"
SILENCE = 2.0  # seconds after which the next kernel is told


@dataclass
class Told:
    """What one command has said of it: that it begins, and then something as soon as it has been silent for long.

    Attributes:
        note: that it begins.
        kernels: names of those that were compiled.
        last: when something was said.
    """

    output: Output
    note: str = COMPILE_NOTE
    clock: Callable[[], float] = perf_counter
    kernels: list[str] = field(default_factory=list)
    last: float = 0.0

    def __call__(self, name: str) -> None:
        """The kernel of this name is to be compiled."""
        self.kernels.append(name)
        now = self.clock()
        if len(self.kernels) == 1:
            self.last = now
            self.output.wait(self.note)
        elif now - self.last >= SILENCE:
            self.last = now
            self.output.wait(f"compiling the kernel {name}, {len(self.kernels) - 1} are done")

    def finish(self) -> None:
        """The command is done."""
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
    with kernels.listening(Told(output, COMPILE_ALL_NOTE)), output.phases("compiling kernels") as progress:
        kernels.warm_up(progress)
    output.wait(f"kernels are compiled, in {perf_counter() - start:.0f} seconds")
