"""The tools of `slipcast mcp`: each is one command, with typed arguments, progress, and an answer to look at.

An answer is a sentence, a link to each file, the four-view preview as a picture, and the facts as structured content.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ToolError
from mcp.server.mcpserver.resources import ResourceSecurity
from mcp.types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field

from slipcast._version import __version__
from slipcast.core.values import View
from slipcast.depth.models import AUTO, DEPTH_MODELS
from slipcast.formats.table import EXPORTERS
from slipcast.integrations.command import Ended, call_slipcast
from slipcast.integrations.mcp_answers import answer, link, say_asset, say_files, say_plan, say_print
from slipcast.prepare.targets import TARGETS
from slipcast.reconstruct.dexels import DETAILS

_INSTRUCTIONS = """Slipcast turns a picture of a figurine into a closed, textured 3D asset, offline.
Usual order: check the picture, convert it, look at the preview that comes back, read the findings and follow the
advice, then export or print the .glb. make and refine buy pictures: call them with dry_run first, then with
max_cost_usd. Paths are absolute, or relative to the first root."""

_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_WRITES = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)
_BUYS = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=True
)
_PAID = {"slipcast/paid": True}

_Picture = Annotated[str, Field(description="Path of a picture (PNG, JPEG, WebP ...) below a root")]
_Asset = Annotated[str, Field(description="Path of a 3D file below a root; a .glb keeps its texture")]
_Out = Annotated[str, Field(description="Folder for the results, below a root; files of the same name go")]
_Height = Annotated[str, Field(description="Height with its unit: 1.8m, 3in; 75mm by default")]
_Formats = Annotated[str, Field(description=f"With commas between: {', '.join(EXPORTERS)}")]
_Target = Annotated[str, Field(description=f"Where it goes, instead of formats: {', '.join(TARGETS)}")]
_Detail = Annotated[str, Field(description=f"One of {', '.join(DETAILS)}; standard by default")]
_Limit = Annotated[float | None, Field(description="Dollars that this call may cost; needed to buy", gt=0)]
_DryRun = Annotated[bool, Field(description="Say what would be bought and for how much; buy nothing")]
_Provider = Annotated[
    Literal["gemini", "folder"], Field(description="Who makes the picture; folder takes pictures from disk")
]


@dataclass(frozen=True)
class Roots:
    """The folders that the agent may read and write."""

    folders: tuple[Path, ...]
    """Resolved; a relative path starts at the first."""

    def find(self, name: str, word: str, *, new: bool = False) -> Path:
        """The path that the argument `name` says; ToolError when it leaves the roots, or is not there and not `new`."""
        if not word or "\0" in word:
            raise ToolError(f"{name} is empty; give a path below {self._told()}")
        place = (self.folders[0] / word).resolve()
        if not any(place.is_relative_to(folder) for folder in self.folders):
            raise ToolError(
                f"{name} {word!r} lies outside {self._told()}; ask the user to make it a root of slipcast mcp"
            )
        if not new and not place.exists():
            raise ToolError(f"{name} {word!r} does not exist; look for it below {self._told()}")
        return place

    def _told(self) -> str:
        return ", ".join(str(folder) for folder in self.folders)


@dataclass(frozen=True)
class _Desk:
    """What all calls share: the roots, the money, and the one place where work is done at a time."""

    roots: Roots
    max_cost_usd: float
    planned: set[str] = field(default_factory=set)
    """What a dry run has told the price of, in this process."""
    turn: anyio.Semaphore = field(default_factory=lambda: anyio.Semaphore(1))

    async def run(self, ctx: Context[Any, Any], words: Sequence[str]) -> Ended:
        """Run the command when its turn comes, and report its stages."""

        async def report(stage: str, done: int, of: int) -> None:
            await ctx.report_progress(done, of, stage)

        async with self.turn:
            ended = await call_slipcast(words, folder=self.roots.folders[0], on_stage=report)
        if ended.code == 0:
            await ctx.report_progress(1, 1, "done")
        return ended

    def may_buy(self, order: Sequence[str], limit_usd: float | None) -> list[str]:
        """The words that let `order` cost money; ToolError where it was not planned or names no limit."""
        if json.dumps(order) not in self.planned:
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


def make_server(roots: Sequence[Path], *, max_cost_usd: float = 1.0) -> MCPServer:
    """The MCP server of one user: its tools reach files below `roots` (existing folders) and nothing else.

    A call that buys names its own limit, `max_cost_usd` at most, after a dry run with the same arguments.

    >>> make_server([Path(".")]).name
    'slipcast'
    """
    desk = _Desk(Roots(tuple(root.resolve() for root in roots)), max_cost_usd)
    server = MCPServer(
        "slipcast",
        title="Slipcast",
        version=__version__,
        instructions=f"{_INSTRUCTIONS}\nRoots: {', '.join(map(str, desk.roots.folders))}",
        log_level="WARNING",
    )
    _add_tools_of_pictures(server, desk)
    _add_tools_of_assets(server, desk)
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


def _add_tools_of_pictures(server: MCPServer, desk: _Desk) -> None:
    find = desk.roots.find

    @server.tool(title="Judge pictures", annotations=_READS)
    async def check(
        ctx: Context[Any, Any],
        pictures: Annotated[list[_Picture], Field(min_length=1, max_length=32)],
        views: Annotated[str, Field(description="The sides that they show: front,left,back,right")] = "",
        drafts: Annotated[bool, Field(description="They are drafts of one prompt: rank them")] = False,
    ) -> CallToolResult:
        """Judge pictures before an asset is made of them: verdict, scores, findings, and what to do about them."""
        words = [*_options(views=views, drafts=drafts, json=True), "--"]
        words += [str(find("pictures", word)) for word in pictures]
        ended = await desk.run(ctx, ["check", *words])
        return answer(
            ended, say=lambda entry: f"{entry.get('picture')}: {entry.get('verdict', 'unreadable')}"
        )

    @server.tool(title="Picture to 3D asset", annotations=_WRITES)
    async def convert(
        ctx: Context[Any, Any],
        picture: Annotated[str, Field(description="Path of the front picture; leave out with views")] = "",
        views: Annotated[
            dict[View, str] | None, Field(description="Instead: side -> picture of one figurine, with front")
        ] = None,
        out: _Out = "out",
        height: _Height = "",
        faces: Annotated[
            int | None, Field(description="Triangles, at most; 50000 by default", ge=100, le=2_000_000)
        ] = None,
        formats: _Formats = "",
        target: _Target = "",
        detail: _Detail = "",
        depth: Annotated[str, Field(description=f"Depth model: {', '.join((AUTO, *DEPTH_MODELS))}")] = "",
        recipe: Annotated[
            str, Field(description="Path of a recipe file (TOML) below a root; other words win")
        ] = "",
        gate: Annotated[str, Field(description="What must hold: closed,iou>=0.95,thickness>=0.8mm")] = "",
        report: Annotated[bool, Field(description="Also a page to judge it by")] = False,
    ) -> CallToolResult:
        """Make a closed, textured 3D asset of a figurine's picture, or of pictures of its sides. Takes 5 to 60 s."""
        if bool(picture) == bool(views):
            raise ToolError("give picture or views, one of the two")
        if depth not in ("", AUTO, *DEPTH_MODELS):  # a hub id would be fetched
            raise ToolError(f"depth {depth!r} is unknown; choose from {', '.join((AUTO, *DEPTH_MODELS))}")
        words = _options(
            out=str(find("out", out, new=True)),
            height=height,
            faces=faces,
            format=formats,
            target=target,
            detail=detail,
            depth=depth,
            gate=gate,
            report=report,
            recipe=str(find("recipe", recipe)) if recipe else "",
            json=True,
        )
        if views:
            named = {side: find("views", word) for side, word in views.items()}
            if any("," in str(path) for path in named.values()):
                raise ToolError("views: a path with a comma cannot be told apart; rename the file")
            words.append("--views=" + ",".join(f"{side}={path}" for side, path in named.items()))
        else:
            words += ["--", str(find("picture", picture))]
        return answer(await desk.run(ctx, ["convert", *words]), say=say_asset)


def _add_tools_of_assets(server: MCPServer, desk: _Desk) -> None:
    find = desk.roots.find

    @server.tool(title="What is in a 3D file", annotations=_READS)
    async def inspect(
        ctx: Context[Any, Any], file: Annotated[str, Field(description="Path of any 3D file below a root")]
    ) -> CallToolResult:
        """Say what is in a 3D file: size in mm, faces, whether it is closed, textures, metadata, findings."""
        ended = await desk.run(ctx, ["inspect", "--json", "--", str(find("file", file))])
        return answer(
            ended, say=lambda e: f"{e.get('file')}: {e.get('faces')} faces, closed: {e.get('closed')}"
        )

    @server.tool(title="Other formats, LODs, collision", annotations=_WRITES)
    async def export(
        ctx: Context[Any, Any],
        asset: _Asset,
        out: _Out = "out",
        formats: _Formats = "",
        target: _Target = "",
        lods: Annotated[
            str, Field(description="Levels of detail: their number or shares: 3, 1,0.4,0.1")
        ] = "",
        collision: Annotated[str, Field(description="hull, convex:8, box, capsule or none")] = "",
        solid: Annotated[
            bool, Field(description="First close small holes and join bodies that overlap")
        ] = False,
    ) -> CallToolResult:
        """Write an asset in other formats or as an engine likes it, without a new conversion."""
        words = _options(
            out=str(find("out", out, new=True)),
            format=formats,
            target=target,
            lods=lods,
            collision=collision,
            solid=solid,
            json=True,
        )
        ended = await desk.run(ctx, ["export", *words, "--", str(find("asset", asset))])
        return answer(ended, say=say_files)

    @server.tool(name="print", title="Prepare for a printer", annotations=_WRITES)
    async def print_(
        ctx: Context[Any, Any],
        source: Annotated[str, Field(description="Path of a 3D file or a picture below a root")],
        out: _Out = "out",
        process: Literal["fdm", "resin"] = "fdm",
        height: Annotated[str, Field(description="Without its base: 75mm; the asset's own by default")] = "",
        scale: Annotated[str, Field(description="Instead of height: 1:7, 28mm, 6in")] = "",
        base: Annotated[
            str, Field(description="auto, none, round, square, hex, oval, plinth; round:40mm")
        ] = "auto",
        text: Annotated[str, Field(description="Name on the front of the base")] = "",
        hollow: Annotated[str, Field(description="Walls of this thickness: 2mm")] = "",
        drain: Annotated[str, Field(description="Drain holes of a hollow print, number x width: 2x3mm")] = "",
        split: Annotated[str, Field(description="Number of parts, or auto with printer")] = "1",
        printer: Annotated[str, Field(description="Build volume: 256x256x256mm")] = "",
        colors: Annotated[int | None, Field(description="Filaments to print in", ge=1, le=16)] = None,
        filaments: Annotated[str, Field(description="Instead of colors, those at hand: #fff,#c33,#222")] = "",
        orient: Annotated[str, Field(description="stand, auto (resin may lean) or degrees")] = "",
        thicken: Annotated[str, Field(description="Grow thinner parts to: 0.8mm")] = "",
    ) -> CallToolResult:
        """Prepare an asset for a printer: base, hollow, parts, colours; says walls, weight and what may fail."""
        words = _options(
            out=str(find("out", out, new=True)),
            height=height,
            scale=scale,
            base=base,
            text=text,
            hollow=hollow,
            drain=drain,
            split=split,
            printer=printer,
            colors=colors,
            filaments=filaments,
            orient=orient,
            thicken=thicken,
            json=True,
        )
        words += [f"--for={process}", "--", str(find("source", source))]
        ended = await desk.run(ctx, ["print", *words])
        return answer(ended, say=say_print)

    @server.tool(title="Contact sheet of a folder", annotations=_WRITES)
    async def report(
        ctx: Context[Any, Any], folder: Annotated[str, Field(description="Folder with assets, below a root")]
    ) -> CallToolResult:
        """Write index.html into a folder of assets: all of them on one page, sorted by verdict."""
        ended = await desk.run(ctx, ["report", "--", str(find("folder", folder))])
        if ended.code:
            return answer(ended, say=str)
        page = Path(ended.out.strip())
        said = [TextContent(text="\n".join([f"{page} lists the assets", *ended.said.splitlines()]))]
        return CallToolResult(
            content=[*said, link(page)], structured_content={"ok": True, "files": [str(page)]}
        )


def _add_tools_that_buy(server: MCPServer, desk: _Desk) -> None:
    find = desk.roots.find

    async def buy(
        ctx: Context[Any, Any], order: list[str], rest: list[str], *, dry_run: bool, limit_usd: float | None
    ) -> CallToolResult:
        """Tell the price of `order`, or carry it out; `rest` are the words after the options."""
        if not dry_run:
            allowed = desk.may_buy([*order, *rest], limit_usd)
            return answer(await desk.run(ctx, [*order, *allowed, *rest]), say=say_asset)
        ended = await desk.run(ctx, [*order, "--dry-run", *rest])
        if ended.code == 0:
            desk.planned.add(json.dumps([*order, *rest]))
        return answer(ended, say=say_plan)

    def provided(provider: str, pictures: str) -> dict[str, str]:
        if provider == "folder" or pictures:
            return {"provider": provider, "pictures": str(find("pictures", pictures))}
        return {"provider": provider}

    @server.tool(title="Words to 3D asset (paid)", annotations=_BUYS, meta=_PAID)
    async def make(
        ctx: Context[Any, Any],
        words: Annotated[str, Field(description="What the figurine is", min_length=1, max_length=2000)],
        dry_run: _DryRun = True,
        max_cost_usd: _Limit = None,
        out: _Out = "out",
        height: _Height = "",
        formats: _Formats = "",
        detail: _Detail = "",
        views: Annotated[Literal[1, 4, 6], Field(description="Pictures of so many sides")] = 1,
        model: Annotated[str, Field(description="Picture model; the default is the cheapest that does")] = "",
        provider: _Provider = "gemini",
        pictures: Annotated[str, Field(description="With provider folder: a picture or folder")] = "",
    ) -> CallToolResult:
        """Buy a picture from words and make its 3D asset. COSTS MONEY: dry_run first, then max_cost_usd."""
        order = ["make", *_options(out=str(find("out", out, new=True)), height=height, format=formats)]
        order += _options(detail=detail, views=views, model=model, json=True, **provided(provider, pictures))
        return await buy(ctx, order, ["--", words], dry_run=dry_run, limit_usd=max_cost_usd)

    @server.tool(title="Change a picture (paid)", annotations=_BUYS, meta=_PAID)
    async def refine(
        ctx: Context[Any, Any],
        picture: _Picture,
        wishes: Annotated[
            list[str], Field(description="Changes, one after the other", min_length=1, max_length=8)
        ],
        dry_run: _DryRun = True,
        max_cost_usd: _Limit = None,
        out: _Out = "out",
        model: Annotated[str, Field(description="Picture model; the default is the cheapest that does")] = "",
        provider: _Provider = "gemini",
        pictures: Annotated[str, Field(description="With provider folder: a picture or folder")] = "",
    ) -> CallToolResult:
        """Change a picture by wishes, one picture a wish. COSTS MONEY: dry_run first, then max_cost_usd."""
        order = ["refine", *_options(out=str(find("out", out, new=True)), model=model, json=True)]
        order += _options(**provided(provider, pictures))
        rest = ["--", str(find("picture", picture)), *wishes]
        return await buy(ctx, order, rest, dry_run=dry_run, limit_usd=max_cost_usd)


def _options(**words: object) -> list[str]:
    """`height="75mm"` -> `--height=75mm`; what is empty or False is left out, so no word is taken for an option."""
    given = []
    for name, value in words.items():
        if value is True:
            given.append(f"--{name}")
        elif value is not None and value is not False and value != "":
            given.append(f"--{name}={value}")
    return given
