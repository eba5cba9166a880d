"""The commands of the program under headings, in the order in which they are needed, each by its first sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from .exits import Program

WHOLE = 1000  # characters: no first sentence is as long


class Sections(Program):
    """A program whose commands stand under headings, in help, in the man page and where a shell completes them."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sections: dict[str, tuple[str, ...]] = {}

    def add_section(self, title: str, commands: Iterable[click.Command]) -> None:
        """Some commands more, below those that are there."""
        added = tuple(commands)
        for command in added:
            self.add_command(command)
        self.sections[title] = tuple(command.name or "" for command in added)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of sections; click sorts them."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each heading with its commands, whose first sentences click would cut off."""
        width = max(map(len, self.commands))
        for title, names in self.sections.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(width), self.commands[name].get_short_help_str(WHOLE)) for name in names]
                )
