"""What is kept on disk: the files of a result.

`<stem>.<ext>` (and the textures beside it), `<stem>.json`, `<stem>.preview.png`, where asked for `<stem>.report.html`,
and with `keep` the values between the stages in `<stem>.stages/`. How they are written: core/files.py.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from slipcast.core.errors import BadInput
from slipcast.core.files import folder_of
from slipcast.core.options import fit, flag, show
from slipcast.pipeline.result import write_asset

if TYPE_CHECKING:
    from slipcast.pipeline.result import Result


def write(
    result: "Result",
    folder: Path | str,
    *,
    run: Mapping[str, object] | None = None,
    keep: bool = False,
    report: bytes | None = None,
    spare: Collection[Path] = (),
) -> tuple[Path, ...]:
    """Write everything that `result` holds into `folder` (made when absent); returns the paths, main file first.

    `run` becomes the JSON's `run` block, the only part that may differ between two equal runs; without it the block
    holds the seconds per stage. `keep` adds the values between the stages, `report` a page that
    `slipcast.report.report.draw_report` drew. Files that exist are replaced, except
    those in `spare`; without `report` the page of an earlier asset of that name is removed.
    Raises BadInput when the folder cannot be written to, DiskFull when the
    disk has no room; then nothing has changed.

    >>> result = slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000)
    >>> write(result, "kept", keep=True)[-1].name
    'atlas.png'
    """
    if not hasattr(result, "figurine"):
        raise BadInput(f"result is {show(result)}; give a Result, as convert returns it", field="result")
    fit("keep", keep, flag())
    files = asset_files(result, run=run, keep=keep, report=report)
    return write_asset(folder_of(folder), result.name, files, spare=spare)


def asset_files(
    result: "Result",
    *,
    run: Mapping[str, object] | None = None,
    keep: bool = False,
    report: bytes | None = None,
) -> dict[str, bytes]:
    """Name -> content of every file of the asset, main file first; names use `/` below the folder."""
    name = result.figurine.name
    files = result.files(run=run)
    if report is not None:
        files[f"{name}.report.html"] = report
    if keep:
        from slipcast.workspace.stages import stage_files

        stages = stage_files(result)
        files |= {f"{name}.stages/{file}": content for file, content in stages.items()}
    return files
