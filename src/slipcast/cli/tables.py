"""`slipcast formats`, `slipcast models`: what there is, read from the tables."""

import click

from slipcast.cli.terminal import Terminal


@click.command()
@click.pass_obj
def formats(terminal: Terminal) -> int:
    """List the formats that can be written."""
    from slipcast.formats import EXPORTERS

    width = max(len(name) for name in EXPORTERS)
    for name, row in EXPORTERS.items():
        colour = "texture" if row.keeps_texture else "vertex colours" if row.keeps_color else "no colour"
        terminal.say(f"{name:<{width}}  {row.unit:<2}  {row.up.upper()} up  {colour:<14}  {row.sentence}")
    return 0
