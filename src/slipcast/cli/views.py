"""`slipcast views`: a front picture in, a folder with all sides out, ready for `slipcast convert`."""

import json
from pathlib import Path
from typing import Any

import click

from slipcast.cli.exit import Failure, attempt
from slipcast.cli.live import Board
from slipcast.cli.options.prompt import buy_options, options_of, provider_of, reference_of, sidecar
from slipcast.cli.terminal import Terminal
from slipcast.cli.view_sets import SIDES
from slipcast.core.errors import BadInput
from slipcast.core.values import View


@click.command()
@click.argument("front", metavar="FRONT", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    default="out",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for the results: OUT/NAME/front.png, left.png ...",
)
@click.option("--name", default="", help="Of the figurine; the picture's by default.")
@click.option("--sides", default="left,back,right", show_default=True, help=f"What is bought, of {SIDES}.")
@click.option(
    "--retries", default=1, show_default=True, help="How often a side that does not fit is bought again."
)
@click.option(
    "--mirror-symmetric", is_flag=True, help="Buy one of two opposite sides and mirror it to the other."
)
@click.option("--dry-run", is_flag=True, help="Say what would be bought and for how much; buy nothing.")
@buy_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--debug", is_flag=True, help="Show what the libraries print; log unexpected errors.")
@click.pass_obj
def views(terminal: Terminal, /, front: Path, out: Path, as_json: bool, **words: Any) -> int:
    """Buy the other sides of a figurine whose FRONT picture is there.

    Each side goes with the front and the sides before as references, and is judged with them: mirrored ones, copies and
    other figurines are bought again, --retries times at most and within --max-cost. Then: slipcast convert OUT/NAME.
    """
    done = attempt(lambda: _views(terminal, front, out, words, as_json=as_json), debug=words["debug"])
    if isinstance(done, Failure):
        if as_json:
            terminal.say(json.dumps({"ok": False, "error": done.as_dict()}))
        terminal.complain(done.message)
        return done.exit_code
    return done


def _views(terminal: Terminal, front: Path, out: Path, words: dict[str, Any], *, as_json: bool) -> int:
    from slipcast.cli.generate import say_plan
    from slipcast.generate.money.prices import default_model
    from slipcast.generate.studio import Studio
    from slipcast.generate.turnaround import Side, SidesOptions, buy_sides, plan_sides
    from slipcast.picture.decode import read_picture
    from slipcast.workspace.files import check_folder, write_files

    wanted = [word.strip() for word in words["sides"].split(",") if word.strip()]
    for word in wanted:
        if word not in set(View):
            raise BadInput(f"--sides names {word!r}; choose from {SIDES}")
    options = SidesOptions(
        sides=tuple(View(word) for word in wanted),
        model=words["model"] or default_model(),
        ratio=words["ratio"],
        size=words["size"],
        retries=words["retries"],
        mirror_symmetric=words["mirror_symmetric"],
    )
    reference = reference_of(front)
    name = words["name"] or (front.absolute().parent.name if front.stem == "front" else front.stem)
    with Studio(provider_of(words), options_of(words)) as studio:
        if words["dry_run"]:
            say_plan(terminal, studio.plan(plan_sides(options)), as_json=as_json)
            return 0
        folder = out / name
        check_folder(folder)

        def tell(side: Side) -> None:
            fits = "fits" if side.fits else "does not fit: " + "; ".join(f.message for f in side.findings)
            if not as_json:
                terminal.say(
                    f"{folder / side.view}{side.suffix} | {side.tries} tries | ${side.cost_usd:.4f} | {fits}"
                )

        with Board(terminal) as board:
            sides = buy_sides(
                studio, reference, read_picture(front), options, name=name, tell=tell, watch=board.watch
            )
    files = {f"front{front.suffix.lower()}": reference.data}
    for side in sides:
        files[f"{side.view}{side.suffix}"] = side.data
        files[f"{side.view}.json"] = sidecar(
            {**side.facts, "fits": side.fits, "tries": side.tries}, side.findings
        )
    write_files(folder, files, spare=(front,))
    if as_json:
        told = [
            {"view": side.view, "fits": side.fits, "tries": side.tries, "cost_usd": side.cost_usd}
            for side in sides
        ]
        terminal.say(json.dumps({"ok": True, "folder": str(folder), "sides": told}))
    else:
        terminal.say(
            f"{len(sides)} sides for ${sum(side.cost_usd for side in sides):.4f}; now: slipcast convert {folder}"
        )
    return 0
