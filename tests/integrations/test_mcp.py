"""`slipcast mcp`, spoken to by the SDK's own client, as a host speaks to it: in a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")

from integrations.agent_session import (
    MAIN,
    QUICK,
    ROOT,
    hold,
    server,
    transcript_of_the_page,
    without_numbers,
)
from kitchen import small_knight
from mcp import Client
from mcp.types import ResourceLink, TextContent, TextResourceContents

from slipcast.cli.main import cli
from slipcast.integrations.command import call_slipcast
from slipcast.integrations.mcp_tools import make_server

if TYPE_CHECKING:
    from kitchen import Run

KNIGHT = ROOT / "samples" / "knight" / "front.png"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPCAST_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))


def said_by(root: Path, name: str, /, **arguments: object) -> tuple[str, bool]:
    """What a tool of a server for `root` answers, and whether that is an error."""

    async def ask() -> tuple[str, bool]:
        async with Client(make_server([root], cli)) as client:
            result = await client.call_tool(name, arguments)
        return "\n".join(b.text for b in result.content if isinstance(b, TextContent)), bool(result.is_error)

    return anyio.run(ask)


def test_the_session_in_the_docs_goes_as_it_stands_there(tmp_path: Path) -> None:
    assert without_numbers(anyio.run(hold, tmp_path)) == without_numbers(transcript_of_the_page())


def test_a_cancelled_call_stops_the_work_and_leaves_nothing(tmp_path: Path) -> None:
    small_knight(320).save(tmp_path / "knight.png")

    async def session() -> str:
        async with Client(server("--root", str(tmp_path))) as client:
            begun = anyio.Event()

            async def progressed(progress: float, total: float | None, message: str | None) -> None:
                begun.set()

            async with anyio.create_task_group() as tasks:

                async def convert() -> None:
                    await client.call_tool(
                        "convert", {"picture": "knight.png", **QUICK}, progress_callback=progressed
                    )

                tasks.start_soon(convert)
                await begun.wait()
                tasks.cancel_scope.cancel()
            result = await client.call_tool("inspect", {"file": "knight.png"})  # the next one has its turn
            assert isinstance(result.content[0], TextContent)
            return result.content[0].text

    assert "knight.png" in anyio.run(session)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["knight.png"]


def test_links_can_be_read_and_lead_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(KNIGHT, folder / "knight.png")
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (folder / "way.png").symlink_to(secret)

    async def session() -> None:
        async with Client(make_server([folder], cli)) as client:
            read = await client.read_resource((folder / "knight.png").as_uri())
            assert not isinstance(read.contents[0], TextResourceContents)
            for place in (secret, folder / "way.png", folder / ".." / "secret.txt"):
                with pytest.raises(Exception, match=r"outside|not found|Unknown"):
                    await client.read_resource(f"file://{place}")

    anyio.run(session)


@pytest.mark.parametrize("word", ["/etc/passwd", "../secret.png", "way.png", "~/x.png", ""])
def test_no_path_leaves_the_roots(tmp_path: Path, word: str) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(KNIGHT.read_bytes())
    (folder / "way.png").symlink_to(tmp_path / "secret.png")
    told, is_error = said_by(folder, "check", pictures=[word])
    assert is_error
    assert "outside" in told or "does not exist" in told or "is empty" in told
    told, is_error = said_by(folder, "report", folder="..")
    assert is_error
    assert "make it a root" in told


def test_no_word_is_taken_for_an_option(tmp_path: Path) -> None:
    shutil.copy(KNIGHT, tmp_path / "--help")
    told, is_error = said_by(tmp_path, "inspect", file="--help")
    assert is_error
    assert "no 3D file" in told or "--help" in told
    told, is_error = said_by(tmp_path, "make", words="--refresh", dry_run=True)
    assert not is_error or "--refresh" in told


def test_a_file_below_the_root_is_looked_into(tmp_path: Path) -> None:
    shutil.copy(ROOT / "samples" / "knight" / "truth.glb", tmp_path / "knight.glb")
    told, is_error = said_by(tmp_path, "inspect", file="knight.glb")
    assert not is_error
    assert told.startswith("knight.glb: 19892 faces, closed: True")


def test_paid_calls_need_a_plan_and_a_limit_that_the_user_allows(tmp_path: Path) -> None:
    pictures = tmp_path / "stock"
    pictures.mkdir()
    shutil.copy(KNIGHT, pictures / "owl.png")

    async def session() -> list[str]:
        told = []
        async with Client(make_server([tmp_path], cli, max_cost_usd=0.5)) as client:
            owl = {"words": "a small owl", "provider": "folder", "pictures": "stock"}
            for more in (
                {"dry_run": False, "max_cost_usd": 0.1},
                {"dry_run": True},
                {"dry_run": False},
                {"dry_run": False, "max_cost_usd": 0.6},
                {"dry_run": False, "max_cost_usd": 0.1, "height": "1in"},
                {"dry_run": False, "max_cost_usd": -1},
            ):
                result = await client.call_tool("make", {**owl, **more})
                assert isinstance(result.content[0], TextContent)
                told.append(result.content[0].text)
        return told

    unplanned, plan, unlimited, too_much, other, negative = anyio.run(session)
    assert "not planned" in unplanned
    assert "nothing was bought" in plan
    assert "max_cost_usd" in unlimited
    assert "more than this server allows" in too_much
    assert "not planned" in other
    assert "greater than 0" in negative
    assert not (tmp_path / "out").exists()


def test_words_become_an_asset_after_a_plan(tmp_path: Path) -> None:
    """With pictures from disk in place of a provider: the same way, without money."""
    small_knight(64).save(tmp_path / "owl.png")

    async def session() -> list[str]:
        async with Client(make_server([tmp_path], cli)) as client:
            owl = {"words": "owl", "provider": "folder", "pictures": "owl.png", "detail": "draft"}
            await client.call_tool("make", owl)
            result = await client.call_tool("make", {**owl, "dry_run": False, "max_cost_usd": 0.1})
        assert not result.is_error, result.content
        return [block.name for block in result.content if isinstance(block, ResourceLink)]

    assert {"owl.glb", "owl.json", "owl.preview.png"} <= set(anyio.run(session))


def test_a_recipe_says_how_and_words_win(tmp_path: Path) -> None:
    small_knight(64).save(tmp_path / "knight.png")
    (tmp_path / "my.toml").write_text(
        'formats = ["stl"]\n[depth]\nmodel = "dome"\n[points]\ndetail = "draft"\n[simplify]\nfaces = 900\n'
    )
    told, is_error = said_by(tmp_path, "convert", picture="knight.png", recipe="my.toml", faces=700)
    assert not is_error, told
    asset = json.loads((tmp_path / "out" / "knight.json").read_text())
    assert asset["depth_model"]["name"] == "dome"
    assert asset["faces"] <= 700
    assert (tmp_path / "out" / "knight.stl").is_file()
    (tmp_path / "my.toml").write_text("[simplify]\nfases = 900\n")
    told, is_error = said_by(tmp_path, "convert", picture="knight.png", recipe="my.toml")
    assert is_error
    assert "faces" in told
    told, is_error = said_by(tmp_path, "convert", picture="knight.png", recipe="../my.toml")
    assert is_error
    assert "outside" in told


def test_a_picture_is_refined_after_a_plan(tmp_path: Path) -> None:
    """With pictures from disk in place of a provider."""
    for name in ("owl.png", "owl2.png"):
        small_knight(320).save(tmp_path / name)

    async def session() -> tuple[list[str], list[str]]:
        told, links = [], []
        async with Client(make_server([tmp_path], cli)) as client:
            owl = {
                "picture": "owl.png",
                "wishes": ["with a red hat"],
                "provider": "folder",
                "pictures": "owl2.png",
            }
            for more in (
                {"dry_run": False, "max_cost_usd": 0.1},
                {},
                {"dry_run": False, "max_cost_usd": 0.1},
            ):
                result = await client.call_tool("refine", {**owl, **more})
                told.append(" ".join(b.text for b in result.content if isinstance(b, TextContent)))
                links += [block.name for block in result.content if isinstance(block, ResourceLink)]
        return told, links

    (unplanned, plan, _), links = anyio.run(session)
    assert "not planned" in unplanned
    assert "nothing was bought" in plan
    assert any(name.startswith("owl-edit1") for name in links), links


def test_http_serves_the_same_tools(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-c", MAIN, "mcp", "--root", str(tmp_path), "--http", f"127.0.0.1:{port}"]
    serving = subprocess.Popen(words, stderr=subprocess.DEVNULL, env={**os.environ})
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with socket.socket() as door:
                if not door.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.1)

        async def names() -> set[str]:
            async with Client(f"http://127.0.0.1:{port}/mcp") as client:
                return {tool.name for tool in (await client.list_tools()).tools}

        assert anyio.run(names) >= {
            "check",
            "convert",
            "make",
            "refine",
            "inspect",
            "export",
            "print",
            "report",
        }
    finally:
        serving.terminate()
        serving.wait(20)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--root", "nowhere"), "nowhere is no folder"),
        (("--http", "0.0.0.0:80"), "could be reached by others"),
        (("--http", "here"), "is no address"),
        (("--max-cost", "-1"), "out of range"),
    ],
)
def test_a_wrong_word_is_one_sentence(run: Run, words: tuple[str, ...], told: str) -> None:
    ended = run("mcp", *words)
    assert ended.code == 2
    assert told in ended.err
    assert ended.err.count("\n") == 1


def test_the_command_says_how_it_ended(tmp_path: Path) -> None:
    ended = anyio.run(lambda: call_slipcast(["inspect", "nothing.glb"], folder=tmp_path))
    assert ended.code == 2
    assert "nothing.glb" in ended.said
    assert "slipcast:" not in ended.said


@pytest.mark.clients
def test_the_protocols_inspector_lists_and_calls_the_tools(tmp_path: Path) -> None:
    """Another client than the SDK's: the inspector 0.15 of the protocol's makers."""
    shutil.copy(ROOT / "samples" / "knight" / "truth.glb", tmp_path / "knight.glb")
    place = (
        ROOT
        / ".clients"
        / "node"
        / "node_modules"
        / "@modelcontextprotocol"
        / "inspector-cli"
        / "build"
        / "index.js"
    )
    command: list[str | Path] = [
        "node",
        place,
        Path(sys.executable).with_name("slipcast"),
        "mcp",
        "--root",
        tmp_path,
    ]

    def ask(*words: str) -> dict[str, Any]:
        done = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert isinstance(answer, dict)
        return answer

    tools = {tool["name"]: tool for tool in ask("--method", "tools/list")["tools"]}
    assert tools["inspect"]["annotations"]["readOnlyHint"]
    assert tools["make"]["_meta"] == {"slipcast/paid": True}
    answer = ask("--method", "tools/call", "--tool-name", "inspect", "--tool-arg", "file=knight.glb")
    assert answer["structuredContent"]["ok"]
    assert "knight.glb: " in answer["content"][0]["text"]
