"""`slipcast prompt`: see the words before paying for them."""

from pathlib import Path

import click

from slipcast.cli.options.prompt import SpecWords, ask_of, picture_of, spec_options
from slipcast.cli.terminal import Terminal
from slipcast.core.errors import BadInput
from slipcast.generate.prompt import preset_names
from slipcast.generate.prompt_checks import rough_tokens


@click.command()
@click.argument("subject", metavar="WORDS...", nargs=-1)
@spec_options
@click.option("--list", "listed", is_flag=True, help="List the presets.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def prompt(
    terminal: Terminal, /, subject: tuple[str, ...], listed: bool, as_json: bool, spec: SpecWords
) -> int:
    """Print the prompt for a figurine of WORDS, its rough length in tokens, and what to know before
    sending it.

    Nothing is sent. The words go into sentences that image models follow well; --raw keeps them as they are.
    """
    if listed:
        return _list(terminal, spec.presets, as_json=as_json)
    if not subject:
        raise BadInput("there are no words; say what the figurine is, or --list for the presets")
    asked = ask_of(" ".join(subject), spec, picture_of(spec))
    tokens = rough_tokens(asked.request.text)
    if as_json:
        entry = {
            "prompt": asked.request.text,
            "tokens": tokens,
            "name": asked.request.name,
            "findings": [finding.as_dict() for finding in asked.findings],
        }
        terminal.say_json(entry, indent=2)
        return 0
    terminal.say(asked.request.text)
    terminal.err.write(f"about {tokens} tokens\n")
    for finding in asked.findings:
        terminal.err.write(f"{finding.severity}: {finding.tell(terminal.mention)}\n")
    return 0


def _list(terminal: Terminal, extra: Path | None, *, as_json: bool) -> int:
    names = preset_names(extra)
    if as_json:
        terminal.say_json(names, indent=2)
        return 0
    width = max(map(len, names))
    for name, about in names.items():
        terminal.say(f"{name:<{width}}  {about}")
    return 0
