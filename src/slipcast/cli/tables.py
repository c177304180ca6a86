"""`slipcast formats`, `slipcast models`: what there is, read from the tables."""

import click

from slipcast.cli.options.common import log_option
from slipcast.cli.terminal import Terminal


@click.command()
@click.pass_obj
def formats(terminal: Terminal) -> int:
    """List the formats that can be written."""
    from slipcast.formats.table import EXPORTERS

    width = max(len(name) for name in EXPORTERS)
    for name, row in EXPORTERS.items():
        colour = "texture" if row.keeps_texture else "vertex colours" if row.keeps_color else "no colour"
        terminal.say(f"{name:<{width}}  {row.unit:<2}  {row.up.upper()} up  {colour:<14}  {row.sentence}")
    return 0


@click.group(invoke_without_command=True)
@click.pass_context
def models(ctx: click.Context) -> int:
    """List the depth models and whether they are on this machine."""
    if ctx.invoked_subcommand is not None:
        return 0
    from slipcast.depth.download import manifest
    from slipcast.depth.models import AUTO, DEPTH_MODELS, choose, has_weights

    terminal: Terminal = ctx.obj
    rows = {name: (row.licence, row.about) for name, row in DEPTH_MODELS.items()}
    fetchable = manifest()
    rows |= {name: (entry.licence, entry.about) for name, entry in fetchable.items() if name not in rows}
    width, licence_width = max(map(len, rows)), max(len(licence) for licence, _ in rows.values())
    for name, (licence, about) in rows.items():
        here = "here" if has_weights(name) else "pull" if name in fetchable else "absent"
        terminal.say(f"{name:<{width}}  {here:<6}  {licence:<{licence_width}}  {about}")
    chosen, reason = choose(AUTO)
    terminal.say(f"\n--depth auto now takes {' with '.join(chosen)}: {reason}")
    return 0


@models.command()
@click.argument("name")
@log_option
@click.pass_obj
def pull(terminal: Terminal, name: str, debug: bool) -> int:
    """Fetch the depth model NAME (of the list, or a hub id) once; later it works offline."""
    from slipcast.depth.download import pull as fetch

    with terminal.download(name) as watch:
        weights = fetch(name, watch)
    vouched = (
        "its sums are the published ones" if weights.vouched else "complete, by the sums that the hub states"
    )
    terminal.say(f"{weights.name} is in {weights.folder}: {vouched}; licence {weights.licence}")
    return 0
