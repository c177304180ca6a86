"""python -m evaluation.exchanges SETS...: are views noticed that are named wrongly, and is nothing said of right ones?

    python -m evaluation.exchanges SETS                   # each single exchange of a diagonal, with six views
    python -m evaluation.exchanges samples --only knight

SETS holds NAME/ with a picture of each side. A line for each set: the exchanges that were made, found, taken for
others, and what was said of the set as it is. The last lines are of sides named in a circle, three views each: the
front shows a side, the back the front, and that side the back.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from slipcast.core.errors import SlipcastError
from slipcast.core.values import Cutout, View
from slipcast.picture.cut_out import CutoutOptions
from slipcast.picture.decode import read_picture
from slipcast.pipeline.several_views import cut_views
from slipcast.reconstruct.agreement import settle_views
from slipcast.reconstruct.diagonals import find_exchanged

EXCHANGES = (
    (View.FRONT_LEFT, View.BACK_LEFT),
    (View.FRONT_LEFT, View.LEFT),
    (View.BACK_LEFT, View.LEFT),
    (View.BACK_LEFT, View.BACK),
)
SIX = (View.FRONT, View.LEFT, View.BACK, View.RIGHT, View.FRONT_LEFT, View.BACK_LEFT)


@dataclass(frozen=True, kw_only=True)
class Count:
    """What one set says."""

    made: int
    found: int
    mistaken: int
    """Exchanges that were taken for another one."""
    alarms: int
    """1 where an exchange is said of the set as it is."""
    circles: int
    """Of two sets of sides named in a circle those that are said to be named wrongly."""


def count(cutouts: Mapping[View, Cutout]) -> Count:
    """Try every exchange with the six views `cutouts`."""
    found = mistaken = circles = 0
    for one, other in EXCHANGES:
        said = find_exchanged({**cutouts, one: cutouts[other], other: cutouts[one]})
        found += said is not None and set(said) == {one, other}
        mistaken += said is not None and set(said) != {one, other}
    for side in (View.LEFT, View.RIGHT):
        shown = {View.FRONT: side, View.BACK: View.FRONT, side: View.BACK}
        settled = settle_views({view: cutouts[picture] for view, picture in shown.items()})
        circles += any(said.code == "VIEWS_MISNAMED" for said in settled.findings)
    alarms = int(find_exchanged(cutouts) is not None)
    return Count(made=len(EXCHANGES), found=found, mistaken=mistaken, alarms=alarms, circles=circles)


def main() -> int:
    """The command."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("folders", type=Path, nargs="+", metavar="SETS")
    say.add_argument("--only", nargs="+", metavar="NAME", help="these sets alone")
    asked = say.parse_args()
    counts: list[Count] = []
    try:
        for folder in (path for root in asked.folders for path in sorted(root.glob("*/"))):
            files = {view: next(iter(sorted(folder.glob(f"{view.value}.*"))), None) for view in SIX}
            there = {view: path for view, path in files.items() if path is not None}
            if len(there) < len(SIX) or (asked.only and folder.name not in asked.only):
                continue
            pictures = [read_picture(path, view=view) for view, path in there.items()]
            cuts = {cut.view: cut for _, cut in cut_views(pictures, CutoutOptions())}
            counts.append(one := count(cuts))
            print(f"{folder.parent.name}/{folder.name}: {one}", flush=True)
    except SlipcastError as error:
        print(f"exchanges: {error}", file=sys.stderr)
        return 2
    if not counts:
        print("exchanges: no folder holds all six sides; give folders with NAME/front.png", file=sys.stderr)
        return 2
    made, found, mistaken, alarms, circles = (
        sum(getattr(one, name) for one in counts)
        for name in ("made", "found", "mistaken", "alarms", "circles")
    )
    print(
        f"found {found} of {made}, taken for another {mistaken}, said of sets as they are {alarms} of {len(counts)}"
    )
    print(f"circles doubted {circles} of {2 * len(counts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
