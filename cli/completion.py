"""The command `completion`: the script by which a shell completes commands, options and files."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

from .options import common
from .output import Output

PROGRAM = "zkunlearn"
VARIABLE = "_ZKUNLEARN_COMPLETE"  # by which the script asks; click derives it from the name of the program
SHELLS = ("bash", "zsh", "fish")


def completing(program: click.Command, shell: str) -> ShellComplete:
    """What completes the commands of `program` for a shell. Raises LookupError for one that is not known."""
    found = get_completion_class(shell)
    if found is None:
        raise LookupError(shell)
    return found(program, {}, PROGRAM, VARIABLE)


@click.command()
@click.argument("shell", type=click.Choice(SHELLS), metavar="SHELL")
@common
def completion(output: Output, shell: str) -> None:
    """Print the script by which SHELL (bash, zsh or fish) completes commands, options and files.

    bash has to be 4.4 or newer. For every shell that begins from now on:

    \b
    zkunlearn completion bash > ~/.local/share/bash-completion/completions/zkunlearn
    zkunlearn completion zsh > ~/.zfunc/_zkunlearn
    zkunlearn completion fish > ~/.config/fish/completions/zkunlearn.fish

    The folder has to be there. For zsh, ~/.zshrc has to say `fpath+=~/.zfunc` before `autoload -U compinit; compinit`.
    For bash without the package bash-completion, put `source <(zkunlearn completion bash)` into ~/.bashrc.
    """
    # Not the class's own `source`, which of bash also runs the one of this machine, to ask for its version.
    script = ShellComplete.source(completing(click.get_current_context().find_root().command, shell))
    output.document(script, {"shell": shell, "script": script})
