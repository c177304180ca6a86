"""`slipcast mcp`: the command that an agent's host starts."""

from pathlib import Path

import click

from slipcast.core.errors import BadInput
from slipcast.core.host import is_loopback
from slipcast.integrations.mcp_tools import make_server


@click.command()
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder that the agent may read and write; may be given several times. Default: the current one.",
)
@click.option(
    "--http", default="", help="Address for HTTP on this machine, e.g. 127.0.0.1:8765; default: stdin."
)
@click.option(
    "--max-cost", default=1.0, show_default=True, help="Highest cost limit in dollars that a call may state."
)
@click.pass_context
def mcp(ctx: click.Context, roots: tuple[Path, ...], http: str, max_cost: float) -> int:
    """Serve check, convert, make, refine, inspect, export, print and report to an agent, as an MCP server.

    Speaks on stdin and stdout, as hosts start it; with --http as streamable HTTP at http://ADDRESS/mcp. The agent
    reaches no file outside the --root folders. What costs money must have been planned first and names its own limit.
    """
    folders = [(root if root.is_absolute() else Path.cwd() / root).resolve() for root in roots or (Path(),)]
    for folder in folders:
        if not folder.is_dir():
            raise BadInput(f"--root {folder} is no folder; make it first, or name another")
    address = _address(http) if http else None
    if not 0 <= max_cost <= 1000:
        raise BadInput(f"--max-cost {max_cost:g} is out of range; name dollars from 0 (buy nothing) to 1000")
    group = ctx.find_root().command  # the command line that called this: it is not imported from here
    assert isinstance(group, click.Group)
    server = make_server(folders, group, max_cost_usd=max_cost)
    if address is None:
        server.run("stdio")
    else:
        server.run("streamable-http", host=address[0], port=address[1])
    return 0


def _address(word: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:8765`; BadInput for one that others could reach."""
    host, _, port = word.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise BadInput(f"--http {word!r} is no address; write for instance 127.0.0.1:8765")
    if not is_loopback(host):
        raise BadInput(
            f"--http {word} could be reached by others, and this server knows no passwords; take 127.0.0.1 and put a"
            " proxy with a login before it"
        )
    return host, int(port)
