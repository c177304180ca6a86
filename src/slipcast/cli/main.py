"""`slipcast`: the table of commands, and how the process ends.

A command's module is imported when it is called: `slipcast --help` needs click and this file.
"""

import atexit
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from typing import NamedTuple

import click

from slipcast.cli.exit import PIPE, Stopped, allow_stop
from slipcast.cli.options.flags import Flags
from slipcast.cli.terminal import Terminal, flush, give_up
from slipcast.core.errors import BadInput
from slipcast.core.memory import look_for_cycles_seldom, share_one_heap
from slipcast.jobs.failure import Failure, attempt


class Row(NamedTuple):
    """One command: where it lives and what `--help` says of it."""

    place: str
    """module:command"""
    line: str
    extra: str = ""
    """What it needs to be imported, where that is not the core."""
    makes: bool = True
    """Whether it makes more than what it prints, and so goes on when nobody reads that any more."""


COMMANDS: dict[str, Row] = {
    "convert": Row("slipcast.cli.convert:convert", "Turn pictures of figurines into textured 3D assets."),
    "watch": Row("slipcast.cli.watch:watch", "Convert the pictures of a folder as they arrive."),
    "resume": Row(
        "slipcast.cli.resume:resume",
        "Make assets again from stages that you edited: mask, depth, mesh, texture.",
    ),
    "check": Row("slipcast.cli.check:check", "Judge pictures before anything is made of them.", makes=False),
    "make": Row("slipcast.cli.make:make", "Make a 3D asset from words: prompt, picture, conversion."),
    "generate": Row("slipcast.cli.generate:generate", "Buy pictures of figurines from words."),
    "refine": Row("slipcast.cli.generate:refine", "Change a picture in words, step by step."),
    "views": Row(
        "slipcast.cli.views:views", "Buy the other sides of a figurine whose front picture is there."
    ),
    "prompt": Row(
        "slipcast.cli.prompt:prompt", "Show the prompt and its length before you pay for it.", makes=False
    ),
    "costs": Row(
        "slipcast.cli.costs:costs", "Report what was spent; list picture models and prices.", makes=False
    ),
    "batches": Row("slipcast.cli.batches:batches", "List and collect the jobs of `generate --batch`."),
    "export": Row("slipcast.cli.export:export", "Write existing assets in other formats."),
    "print": Row(
        "slipcast.cli.print:print_", "Prepare assets or pictures for a printer: base, hollow, split, colours."
    ),
    "inspect": Row(
        "slipcast.cli.export:inspect", "Describe a 3D file: sizes, faces, textures, findings.", makes=False
    ),
    "report": Row("slipcast.cli.report:report", "Make a contact sheet of a folder of assets."),
    "mcp": Row(
        "slipcast.integrations.mcp:mcp", "Serve these commands to an agent (Model Context Protocol).", "mcp"
    ),
    "formats": Row("slipcast.cli.tables:formats", "List the formats that can be written.", makes=False),
    "targets": Row(
        "slipcast.cli.export:targets", "List where an asset can go: engines, web, printers.", makes=False
    ),
    "serve": Row(
        "slipcast.service.commands:serve", "Serve jobs behind HTTP: API, web page, workers.", "service"
    ),
    "worker": Row(
        "slipcast.service.commands:worker", "Work on the jobs of a service on another machine.", "service"
    ),
    "admin": Row(
        "slipcast.service.commands:admin",
        "Manage tenants, keys, quotas, usage, audit log and backups of a service.",
        "service",
    ),
    "models": Row(
        "slipcast.cli.tables:models", "List the depth models, or fetch one: models pull NAME.", makes=False
    ),
}


class Lazy(click.Group):
    """A group whose commands are loaded when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The table's names, in its order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in COMMANDS:
            return None
        row = COMMANDS[cmd_name]
        module, name = row.place.split(":")
        try:
            command: click.Command = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            if not row.extra or (error.name or "").startswith("slipcast"):
                raise
            needed = f"slipcast {cmd_name} needs {error.name}"
            raise BadInput(f"{needed}: run `pip install 'slipcast[{row.extra}]'`") from None
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; from now on the terminal calls options by its flags."""
        name, command, rest = super().resolve_command(ctx, args)
        terminal = ctx.find_object(Terminal)
        if command and terminal:
            terminal.mention = Flags(command, lambda: self.all_commands(ctx))
            terminal.makes = COMMANDS[name].makes if name in COMMANDS else False
            terminal.resumes = any(param.name == "resume" for param in command.params)
        return name, command, rest

    def all_commands(self, ctx: click.Context) -> Iterator[click.Command]:
        """Those that need no extra."""
        for name, row in COMMANDS.items():
            command = None if row.extra else self.get_command(ctx, name)
            if command:
                yield command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table's lines, so that no command is imported to describe it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, row.line) for name, row in COMMANDS.items()])


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from slipcast._version import __version__

        click.echo(f"slipcast {__version__}")
        ctx.exit()


@click.group(cls=Lazy, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Say the version."
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """One picture of a figurine in, one closed, textured 3D asset out.

    \b
    slipcast convert knight.png               makes out/knight.glb, 75 mm tall
    slipcast convert *.png -o figurines --format glb,fbx,stl --height 32mm
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code; with no arguments given, the process's own."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    share_one_heap()
    look_for_cycles_seldom()
    with Terminal.open() as terminal:
        try:
            with allow_stop():
                done = attempt(lambda: _run(words, terminal), debug="--debug" in words)
        except Stopped as stop:
            if stop.number != PIPE:
                terminal.complain(
                    "stopped; what was finished before is complete, nothing half-written is left"
                )
            return stop.exit_code
        finally:
            give_up()
        if isinstance(done, Failure):
            terminal.complain(done)
            return done.exit_code
        return done


def run_and_leave() -> None:
    """Run the command line as this process and end it, without taking the interpreter apart: that takes 0.2 s of CPU.

    All that is to happen at the end happens: threads are waited for, exit functions run, streams are flushed. Python
    waits for its threads and then calls the exit functions, the last one registered first; ours, registered when this
    file is imported, ends the process when all others are done.
    """
    _ended.append(main())
    sys.exit(_ended[0])


_ended: list[int] = []
"""The exit code, once it is known."""


def _leave() -> None:
    """End the process at once where its exit code is known; else Python ends it."""
    if not _ended:
        return
    for stream in (sys.stdout, sys.stderr):
        with suppress(
            OSError, ValueError, AttributeError
        ):  # closed, or nobody reads any more, or there is none
            stream.flush()
    os._exit(_ended[0])


atexit.register(_leave)


def _run(words: Sequence[str], terminal: Terminal) -> int:
    stdout = sys.stdout
    try:
        code = cli.main(words, prog_name="slipcast", standalone_mode=False, obj=terminal)
        flush()
    except click.ClickException as error:
        told = error.format_message().rstrip(".")
        place = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "slipcast"
        raise BadInput(f"{told}; see {place} --help") from error
    except (
        click.Abort
    ) as error:  # watchfiles swallows Stopped and raises KeyboardInterrupt, of which click makes this
        raise Stopped(Stopped.last) from error
    except (BrokenPipeError, SystemExit) as end:
        # click wraps stdout and ends the process with 1 when the reader of what it prints itself, the help, has left
        if isinstance(end, SystemExit) and sys.stdout is stdout:
            raise
        raise Stopped(PIPE) from None
    return code if isinstance(code, int) else 0
