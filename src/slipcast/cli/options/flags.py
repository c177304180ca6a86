"""The command line's names of options: `faces is 1; ...` is said as `--faces is 1; ...`.

The table from field to flag is the parser itself: a field has the name of the option's parameter, or the option lists
the fields that it sets.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click

from slipcast.core.errors import BadInput
from slipcast.core.mention import Mention


class Option(click.Option):
    """An option that sets fields of other names than its own."""

    def __init__(self, *words: Any, fields: tuple[str, ...] = (), **named: Any) -> None:
        super().__init__(*words, **named)
        self.fields = fields


def refuse_empty(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """Refuse the empty word that the user gave, which would count as nothing said: a shell variable was unset."""
    source = ctx.get_parameter_source(str(param.name))
    given = source is not None and source is not click.core.ParameterSource.DEFAULT
    if given and (value == "" or (isinstance(value, tuple) and "" in value)):
        raise BadInput(f"{max(param.opts, key=len)} is empty; give a word, or leave it out")
    return value


@dataclass(frozen=True)
class Flags(Mention):
    """Names options as they are typed after `command`: `--faces`, `--detail draft`."""

    command: click.Command
    others: Callable[[], Iterator[click.Command]]
    """All commands: one command's findings may name the option of another."""

    def fill(self, sentence: str, *, field: str = "", cure: str = "") -> str:
        """The same; on a command line nothing is said by leaving an option out, which Python says with None."""
        return super().fill(re.sub(r", or None$", ", or leave it out", sentence), field=field, cure=cure)

    def __format__(self, option: str) -> str:
        field, equals, value = option.partition("=")
        tables = (flags_of(command) for command in (self.command, *self.others()))
        flag = next((table[field] for table in tables if field in table), None)
        return option if flag is None else f"{flag}{' ' if equals else ''}{value}"


def flags_of(command: click.Command) -> dict[str, str]:
    """Field -> flag, for the options of `command` and of the commands in it; a parameter's own name comes first."""
    commands = [command, *getattr(command, "commands", {}).values()]
    options = [each for one in commands for each in one.params if isinstance(each, click.Option)]
    table = {str(each.name): max(each.opts, key=len) for each in options}
    for each in options:
        for field in getattr(each, "fields", ()):
            table.setdefault(field, max(each.opts, key=len))
    return table
