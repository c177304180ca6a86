"""One session of an agent with `slipcast mcp`, by the SDK's own client: what docs/agents.md shows.

`python tests/integrations/agent_session.py` writes the transcript into that page; a test holds the session again and
compares, numbers aside.
"""

import json
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from mcp.types import ImageContent, ResourceLink, TextContent

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "agents.md"
MAIN = "import sys; from slipcast.cli.main import main; sys.exit(main())"
QUICK = {"detail": "draft", "depth": "dome", "faces": 2000}
"""For a session of seconds; an agent would leave both away."""


def server(*words: str, env: dict[str, str] | None = None) -> StdioServerParameters:
    """How a host starts `slipcast mcp WORDS`."""
    return StdioServerParameters(
        command=sys.executable,
        args=["-c", MAIN, "mcp", *words],
        env={"PYTHONPATH": str(ROOT / "src"), **(env or {})},
    )


async def hold(folder: Path) -> str:
    """Hold the session in `folder`, which gets its own knight.png; returns the transcript."""
    shutil.copy(ROOT / "samples" / "knight" / "front.png", folder / "knight.png")
    lines: list[str] = []

    def tell(text: str) -> None:
        lines.append(text.replace(str(folder.resolve()), "/home/me/figurines"))

    async with Client(server("--root", str(folder)), read_timeout_seconds=120) as client:
        tools = (await client.list_tools()).tools
        told = ", ".join(f"{tool.name}{' (paid)' if tool.meta else ''}" for tool in tools)
        tell(f"server: {client.server_info.name if client.server_info else ''} with {told}")

        async def call(name: str, **arguments: Any) -> dict[str, Any]:
            stages: list[str] = []

            async def progressed(progress: float, total: float | None, message: str | None) -> None:
                stages.append(message or "")

            tell(f"\nagent:  {name} {json.dumps(arguments)}")
            result = await client.call_tool(name, arguments, progress_callback=progressed)
            if len(stages) > 1:
                tell(f"        progress: {' > '.join(stages)}")
            for block in result.content:
                if isinstance(block, TextContent):
                    for number, line in enumerate(block.text.splitlines()):
                        tell(f"{'server:' if not number else '       '} {line}")
                elif isinstance(block, ResourceLink):
                    tell(f"        link: {block.uri} ({block.mime_type}, {block.size} bytes)")
                elif isinstance(block, ImageContent):
                    tell(f"        picture: {block.mime_type}, {len(block.data) * 3 // 4} bytes")
            return dict(result.structured_content or {})

        await call("check", pictures=["knight.png"])
        made = await call("convert", picture="knight.png", **QUICK)
        assert made["ok"]
        await call("export", asset="out/knight.glb", formats="stl", lods="1,0.5")
        await call("print", source="out/knight.glb", colors=4)
        await call("inspect", file="/etc/passwd")
        await call("make", words="a small owl", dry_run=False, max_cost_usd=0.5)
        await call("make", words="a small owl")
        await call("make", words="a small owl", dry_run=False)
    return "\n".join(lines)


def without_numbers(text: str) -> str:
    """What of a transcript is the same on every machine."""
    return re.sub(r"\d[\d.,]*", "N", text)


def transcript_of_the_page() -> str:
    """The transcript as docs/agents.md shows it."""
    match = re.search(r"<!-- transcript -->\n```text\n(.*?)\n```\n", PAGE.read_text("utf-8"), re.DOTALL)
    assert match
    return match[1]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        said = anyio.run(hold, Path(place))
    page = PAGE.read_text("utf-8")
    block = f"<!-- transcript -->\n```text\n{said}\n```\n<!-- /transcript -->"
    PAGE.write_text(
        re.sub(r"<!-- transcript -->.*<!-- /transcript -->", lambda _: block, page, flags=re.DOTALL), "utf-8"
    )
