"""`slipcast report`: the contact sheet of a folder of assets."""

from pathlib import Path

import click

from slipcast.cli.options.common import PATH, log_option
from slipcast.cli.terminal import Terminal
from slipcast.jobs.failure import Failure, attempt


@click.command()
@click.argument("folder", metavar="DIR", type=PATH)
@log_option
@click.pass_obj
def report(terminal: Terminal, folder: Path, debug: bool) -> int:
    """Write DIR/index.html: a contact sheet of all assets in DIR and below, to sort by verdict, filter and open.

    The cards lead to the reports that `slipcast convert --report` and `slipcast make --report` wrote, or to the assets.
    This command makes no reports: they show the picture and its depth, which an asset does not keep. To make those that
    are missing, repeat the conversion with its earlier options: `slipcast convert PICTURE... --report --resume`.
    """

    def work() -> Path:
        from slipcast.core.errors import BadInput
        from slipcast.core.files import write_files
        from slipcast.report.index import INDEX, draw_index, is_ours, without_report

        page = draw_index(folder)
        if not is_ours(folder / INDEX):
            raise BadInput(
                f"{folder / INDEX} is no index of Slipcast and is left as it is; move it away first"
            )
        bare = without_report(folder)
        if bare:
            count = "1 asset has" if bare == 1 else f"{bare} assets have"
            terminal.complain(
                f"{count} no report; run the command that made the assets again with --report"
                " (convert: --report --resume leaves those that have one)"
            )
        return write_files(folder, {INDEX: page})[0]

    done = attempt(work, debug=debug)
    if isinstance(done, Failure):
        terminal.complain(done)
        return done.exit_code
    terminal.say(str(done))
    return 0
