"""The tools of `slipcast mcp`: each is one command, with typed arguments, progress, and an answer to look at.

An argument that is an option of the command has its name and its help. An answer is a sentence, a link to each file,
the four-view preview as a picture, and the facts as structured content.
"""

import inspect as look
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import anyio
import click
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp.server.mcpserver.resources import ResourceSecurity
from mcp.types import CallToolResult, ToolAnnotations
from pydantic import Field

from slipcast._version import __version__
from slipcast.core.values import View
from slipcast.depth.models import AUTO, DEPTH_MODELS
from slipcast.formats.table import EXPORTERS
from slipcast.integrations import mcp_answers as answers
from slipcast.integrations.command import Ended, call_slipcast
from slipcast.prepare.targets import TARGETS

_INSTRUCTIONS = """Slipcast turns a picture of a figurine into a closed, textured 3D asset, offline.
Usual order: check the picture, convert it, look at the preview that comes back, read the findings and follow the
advice, then export or print the .glb. make and refine buy pictures: call them with dry_run first, then with
max_cost_usd. Paths are absolute, or relative to the first root."""

_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_WRITES = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)
_BUYS = _WRITES.model_copy(update={"open_world_hint": True})
_PAID = {"slipcast/paid": True}

_Ctx = Context[Any, Any]
_Tool = TypeVar("_Tool", bound=Callable[..., Any])

_Picture = Annotated[str, Field(description="Path of a picture (PNG, JPEG, WebP ...) below a root")]
_File = Annotated[str, Field(description="Path of a 3D file below a root; a .glb keeps its texture")]
_Source = Annotated[str, Field(description="Path of a 3D file or a picture below a root")]
_Folder = Annotated[str, Field(description="Folder with assets, below a root")]
_Limit = Annotated[float | None, Field(description="Dollars that this call may cost; needed to buy", gt=0)]
_PLACES = ("out", "recipe", "pictures")
"""Options that are paths."""
_HELP = {
    "out": "Folder for the results, below a root; files of the same name go",
    "formats": f"With commas between: {', '.join(EXPORTERS)}",
    "target": f"Where it goes, instead of formats: {', '.join(TARGETS)}",
    "depth": f"Depth model: {', '.join((AUTO, *DEPTH_MODELS))}",
}
"""Of options whose help sends the reader to other commands."""
_KINDS: dict[str, tuple[Any, object]] = {
    "out": (str, "out"),
    "base": (str, "auto"),
    "faces": (Annotated[int | None, Field(ge=100, le=2_000_000)], None),
    "colors": (Annotated[int | None, Field(ge=1, le=16)], None),
    "process": (Literal["fdm", "resin"], "fdm"),
    "provider": (Literal["gemini", "folder"], "gemini"),
    "view_count": (Literal[1, 4, 6], 1),
    "dry_run": (bool, True),
}
"""What an option takes, and takes by default, that is neither a text, empty by default, nor a flag."""


@dataclass(frozen=True)
class Roots:
    """The folders that the agent may read and write."""

    folders: tuple[Path, ...]
    """Resolved; a relative path starts at the first."""

    def find(self, name: str, word: str, *, new: bool = False) -> Path:
        """The path that the argument `name` says; ToolError when it leaves the roots, or is not there and not `new`."""
        told = ", ".join(map(str, self.folders))
        if not word or "\0" in word:
            raise ToolError(f"{name} is empty; give a path below {told}")
        place = (self.folders[0] / word).resolve()
        if not any(place.is_relative_to(folder) for folder in self.folders):
            raise ToolError(
                f"{name} {word!r} lies outside {told}; ask the user to make it a root of slipcast mcp"
            )
        if not new and not place.exists():
            raise ToolError(f"{name} {word!r} does not exist; look for it below {told}")
        return place


@dataclass(frozen=True)
class _Desk:
    """What all calls share: the roots, the money, and the one place where work is done at a time."""

    roots: Roots
    group: click.Group
    """The command line whose commands are the tools."""
    max_cost_usd: float
    planned: set[str] = field(default_factory=set)
    """What a dry run has told the price of, in this process."""
    turn: anyio.Semaphore = field(default_factory=lambda: anyio.Semaphore(1))

    async def call(
        self, ctx: _Ctx, command: str, options: Mapping[str, object], *places: Path, say: answers.Say = str
    ) -> CallToolResult:
        """Run `command` on `places` and answer."""
        words = [command, *self.options(command, options), "--", *map(str, places)]
        return answers.answer(await self.run(ctx, words), say=say)

    async def run(self, ctx: _Ctx, words: Sequence[str]) -> Ended:
        """Run the command when its turn comes, and report its stages."""
        async with self.turn:
            ended = await call_slipcast(
                words,
                folder=self.roots.folders[0],
                on_stage=lambda stage, done, of: ctx.report_progress(done, of, stage),
            )
        if ended.code == 0:
            await ctx.report_progress(1, 1, "done")
        return ended

    def options(self, command: str, given: Mapping[str, object]) -> list[str]:
        """The arguments of a call that are options of `command`, as its words: `--height=75mm`.

        Paths are looked for below the roots. What is empty or False is left out.
        """
        known = self.options_of(command)
        words = ["--json"] if "json" in known else []
        for name, value in given.items():
            if value and name in _PLACES:
                value = self.roots.find(name, str(value), new=name == "out")
            if value:
                words.append(known[name].opts[-1] + ("" if value is True else f"={value}"))
        return words

    def options_of(self, command: str) -> dict[str, click.Option]:
        """The options of `command` by their flags and by their names in its code."""
        found = self.group.get_command(click.Context(self.group), command)
        assert found, command
        options = [each for each in found.params if isinstance(each, click.Option)]
        return {each.opts[-1][2:]: each for each in options} | {str(each.name): each for each in options}

    def may_buy(self, plan: str, limit_usd: float | None) -> list[str]:
        """The words that let a call cost money; ToolError where it was not planned or names no limit."""
        if plan not in self.planned:
            raise ToolError(
                "this costs money and was not planned; call it with dry_run true and the same arguments first"
            )
        if limit_usd is None:
            raise ToolError("this costs money; state max_cost_usd, the dollars that this call may cost")
        if limit_usd > self.max_cost_usd:
            raise ToolError(
                f"max_cost_usd {limit_usd:g} is more than this server allows ({self.max_cost_usd:g});"
                " ask the user to start slipcast mcp with a higher limit"
            )
        return [f"--max-cost={limit_usd}"]


def make_server(roots: Sequence[Path], group: click.Group, *, max_cost_usd: float = 1.0) -> MCPServer:
    """The MCP server of one user: its tools reach files below `roots` (existing folders) and nothing else.

    `group` is the command line: a tool takes its command's options. A call that buys names its own limit, at most
    `max_cost_usd`, after a dry run with the same arguments.

    >>> from slipcast.cli.main import cli
    >>> make_server([Path(".")], cli).name
    'slipcast'
    """
    desk = _Desk(Roots(tuple(root.resolve() for root in roots)), group, max_cost_usd)
    server = MCPServer(
        "slipcast",
        title="Slipcast",
        version=__version__,
        instructions=f"{_INSTRUCTIONS}\nRoots: {', '.join(map(str, desk.roots.folders))}",
        log_level="WARNING",
    )
    _add_tools_that_work(server, desk)
    _add_tools_that_buy(server, desk)

    @server.resource(
        "file:///{+path}",
        name="file",
        description="A file below the roots: what the links of the answers lead to",
        mime_type="application/octet-stream",
        security=ResourceSecurity(exempt_params={"path"}),  # Roots.find looks where it really leads
    )
    def file(path: str) -> bytes:
        try:
            return desk.roots.find("uri", path if Path(path).is_absolute() else f"/{path}").read_bytes()
        except (ToolError, OSError) as problem:
            raise ResourceError(str(problem)) from problem

    return server


def _take(desk: _Desk, command: str, names: str) -> Callable[[_Tool], _Tool]:
    """Let a tool take options of `command` by name, each with its help: they arrive in its `**options`."""
    known = desk.options_of(command)

    def take(tool: _Tool) -> _Tool:
        own = [each for each in look.signature(tool).parameters.values() if each.kind != each.VAR_KEYWORD]
        for name in names.split():
            option = known[name]
            kind, default = _KINDS.get(str(option.name), (bool, False) if option.is_flag else (str, ""))
            told = Annotated[kind, Field(description=_HELP.get(name, option.help))]  # type: ignore[valid-type]
            own.append(look.Parameter(name, look.Parameter.KEYWORD_ONLY, default=default, annotation=told))
        tool.__signature__ = look.Signature(own)  # type: ignore[attr-defined]
        return tool

    return take


def _add_tools_that_work(server: MCPServer, desk: _Desk) -> None:
    find = desk.roots.find

    @server.tool(title="Judge pictures", annotations=_READS)
    @_take(desk, "check", "views drafts")
    async def check(
        ctx: _Ctx, pictures: Annotated[list[_Picture], Field(min_length=1, max_length=32)], **options: Any
    ) -> CallToolResult:
        """Judge pictures before an asset is made of them: verdict, scores, findings, and what to do about them."""
        places = [find("pictures", each) for each in pictures]
        return await desk.call(ctx, "check", options, *places, say=answers.say_verdict)

    @server.tool(title="Picture to 3D asset", annotations=_WRITES)
    @_take(desk, "convert", "out height faces formats target detail depth recipe gate report")
    async def convert(
        ctx: _Ctx,
        picture: Annotated[str, Field(description="Path of the front picture; leave out with views")] = "",
        views: Annotated[
            dict[View, str] | None, Field(description="Instead: side -> picture of one figurine, with front")
        ] = None,
        **options: Any,
    ) -> CallToolResult:
        """Make a closed, textured 3D asset of a figurine's picture, or of pictures of its sides. Takes 5 to 60 s."""
        if bool(picture) == bool(views):
            raise ToolError("give picture or views, one of the two")
        if (depth := options["depth"]) not in ("", AUTO, *DEPTH_MODELS):  # a hub id would be fetched
            raise ToolError(f"depth {depth!r} is unknown; choose from {', '.join((AUTO, *DEPTH_MODELS))}")
        if views:
            named = {side: find("views", word) for side, word in views.items()}
            if any("," in str(path) for path in named.values()):
                raise ToolError("views: a path with a comma cannot be told apart; rename the file")
            options["views"] = ",".join(f"{side}={path}" for side, path in named.items())
        places = [find("picture", picture)] if picture else []
        return await desk.call(ctx, "convert", options, *places, say=answers.say_asset)

    @server.tool(title="What is in a 3D file", annotations=_READS)
    async def inspect(ctx: _Ctx, file: _File) -> CallToolResult:
        """Say what is in a 3D file: size in mm, faces, whether it is closed, textures, metadata, findings."""
        return await desk.call(ctx, "inspect", {}, find("file", file), say=answers.say_content)

    @server.tool(title="Other formats, LODs, collision", annotations=_WRITES)
    @_take(desk, "export", "out formats target lods collision solid")
    async def export(ctx: _Ctx, asset: _File, **options: Any) -> CallToolResult:
        """Write an asset in other formats or as an engine likes it, without a new conversion."""
        return await desk.call(ctx, "export", options, find("asset", asset), say=answers.say_files)

    @server.tool(name="print", title="Prepare for a printer", annotations=_WRITES)
    @_take(
        desk,
        "print",
        "out process height scale base text hollow drain split printer colors filaments orient thicken",
    )
    async def print_(ctx: _Ctx, source: _Source, **options: Any) -> CallToolResult:
        """Prepare an asset for a printer: base, hollow, parts, colours; says walls, weight and what may fail."""
        return await desk.call(ctx, "print", options, find("source", source), say=answers.say_print)

    @server.tool(title="Contact sheet of a folder", annotations=_WRITES)
    async def report(ctx: _Ctx, folder: _Folder) -> CallToolResult:
        """Write index.html into a folder of assets: all of them on one page, sorted by verdict."""
        return await desk.call(ctx, "report", {}, find("folder", folder))


def _add_tools_that_buy(server: MCPServer, desk: _Desk) -> None:
    async def buy(
        ctx: _Ctx, command: str, last: list[str], limit_usd: float | None, options: dict[str, Any]
    ) -> CallToolResult:
        """Tell the price of a call, or carry it out; `last` are the words after the options."""
        dry_run = options.pop("dry_run")
        if options["provider"] == "folder" and not options["pictures"]:
            raise ToolError("pictures is empty; give a picture or folder for the provider folder")
        order = [command, *desk.options(command, options)]
        plan = json.dumps([*order, *last])
        if not dry_run:
            allowed = desk.may_buy(plan, limit_usd)
            return answers.answer(await desk.run(ctx, [*order, *allowed, *last]), say=answers.say_asset)
        ended = await desk.run(ctx, [*order, "--dry-run", *last])
        if ended.code == 0:
            desk.planned.add(plan)
        return answers.answer(ended, say=answers.say_plan)

    @server.tool(title="Words to 3D asset (paid)", annotations=_BUYS, meta=_PAID)
    @_take(desk, "make", "dry_run out height formats detail views model provider pictures")
    async def make(
        ctx: _Ctx,
        words: Annotated[str, Field(description="What the figurine is", min_length=1, max_length=2000)],
        max_cost_usd: _Limit = None,
        **options: Any,
    ) -> CallToolResult:
        """Buy a picture from words and make its 3D asset. COSTS MONEY: dry_run first, then max_cost_usd."""
        return await buy(ctx, "make", ["--", words], max_cost_usd, options)

    @server.tool(title="Change a picture (paid)", annotations=_BUYS, meta=_PAID)
    @_take(desk, "refine", "dry_run out model provider pictures")
    async def refine(
        ctx: _Ctx,
        picture: _Picture,
        wishes: Annotated[
            list[str], Field(description="Changes, one after the other", min_length=1, max_length=8)
        ],
        max_cost_usd: _Limit = None,
        **options: Any,
    ) -> CallToolResult:
        """Change a picture by wishes, one picture a wish. COSTS MONEY: dry_run first, then max_cost_usd."""
        last = ["--", str(desk.roots.find("picture", picture)), *wishes]
        return await buy(ctx, "refine", last, max_cost_usd, options)
