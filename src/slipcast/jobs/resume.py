"""An asset made anew from edited stages: everything after the edit, nothing before it."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from slipcast.jobs.convert import Done, Place, make_files
from slipcast.jobs.events import Tell

if TYPE_CHECKING:
    from slipcast.pipeline.recipe import Recipe


def resume_stages(
    folder: Path,
    *,
    out: Path | None = None,
    since: str = "",
    recipe: "Recipe | None" = None,
    report: bool = False,
    tell: Tell | None = None,
) -> Done:
    """Make the asset whose stages lie in `folder` from the stage `since` on, by default from what was edited first.

    Its files and its stages go to `out`, by default where they lay. A report that lies there is drawn anew, with
    `report` in any case. `recipe` stands for the one that it was made with.
    Raises what `slipcast.workspace.stages.read_stages`, the pipeline and writing raise.
    """
    from slipcast.workspace.stages import read_stages

    begun = time.perf_counter()
    stages = read_stages(folder, since=since)
    target = out or folder.absolute().parent
    place = Place(
        out=target,
        keep=True,
        report=report or (target / f"{stages.name}.report.html").is_file(),
        spare=() if out is None else tuple(path for path in folder.rglob("*") if path.is_file()),
    )
    done = make_files(
        stages.picture,
        recipe or stages.recipe,
        name=stages.name,
        others=stages.others,
        place=place,
        run={"resumed_from": stages.since},
        read_s=time.perf_counter() - begun,
        tell=tell,
        start=stages.start,
    )
    if out is None and stages.since == "mesh":
        (folder / "mesh.glb").unlink(missing_ok=True)  # its mesh is in mesh.ply now, and would be taken again
    return done
