"""Options that several commands have: one wording each."""

from pathlib import Path
from typing import Any

import click

from slipcast.cli.options.flags import Option
from slipcast.core.files import refuse_address


class _PathType(click.Path):
    """A path, which an unset shell variable does not make the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse the empty word."""
        if value == "":
            self.fail("it is empty; give a path, or . for the current folder", param, ctx)
        return super().convert(value, param, ctx)


class _FolderType(_PathType):
    """A folder for results: no address of an object store, of which the disk would make a folder called `s3:`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an address."""
        found = super().convert(value, param, ctx)
        refuse_address(str(value), field="out")
        return found


PATH = _PathType(path_type=Path)
"""The type of every argument and option that is a path."""
FOLDER = _FolderType(path_type=Path)
"""The type of every option that is a folder for results."""
out_option = click.option(
    "-o",
    "--out",
    default="out",
    show_default=True,
    type=FOLDER,
    help="Folder for the results.",
)
jobs_option = click.option(
    "--jobs",
    cls=Option,
    fields=("workers",),
    default=1,
    show_default=True,
    type=click.IntRange(0),
    help="Number of worker processes; 0: as many as fit this machine.",
)
json_lines_option = click.option(
    "--json-lines", is_flag=True, help="Print an entry as soon as its picture is done, one a line."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
debug_option = click.option(
    "--debug", is_flag=True, help="Show what the libraries print; log unexpected errors."
)
log_option = click.option("--debug", is_flag=True, help="Log unexpected errors.")
"""`--debug` of a command whose libraries print nothing."""
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what would be bought and for how much; buy nothing."
)
retries_option = click.option(
    "--retries",
    default=1,
    type=click.IntRange(0, 10),
    show_default=True,
    help="Number of further tries for a side that does not fit.",
)
mirror_option = click.option(
    "--mirror-symmetric", is_flag=True, help="Buy one of two opposite sides and mirror it to the other."
)
