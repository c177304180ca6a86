"""python -m evaluation.exchanges SETS...: are views noticed that are named wrongly, and is nothing said of right ones?

    python -m evaluation.exchanges SETS                   # diagonals: exchanged, or alone under another's name
    python -m evaluation.exchanges samples --only knight
    python -m evaluation.exchanges SETS --wrong           # four views, some of them wrong in other ways

SETS holds NAME/ with a picture of each side. A line for each set: what was made of it, put right, taken for something
else or doubted, and what was said of it as it is. Made are exchanges, with six views, and one diagonal alone under each
other diagonal's name, with four straight sides and without the right one. The last line is of sides named in a circle,
three views each: the front shows a side, the back the front, and that side the back.

With --wrong: left and right mirrored, exchanged, the
left twice, the front mirrored as back, the back and the left exchanged, back and left of another figurine. One is
noticed where something else is said than of the set as it is.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from slipcast.core.errors import SlipcastError
from slipcast.core.values import Cutout, Shells, View
from slipcast.depth.calibrate import CalibrateOptions, calibrate
from slipcast.depth.models import DepthOptions, predict_depth
from slipcast.picture.cut_out import CutoutOptions
from slipcast.picture.decode import read_picture
from slipcast.pipeline.several_views import cut_views
from slipcast.reconstruct.views.agreement import mirror, settle_views
from slipcast.reconstruct.views.misplaced import DIAGONALS, Placed, find_misplaced

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
    right: int
    """Wrong names that were put right."""
    mistaken: int
    """Wrong names that were taken for others than they are."""
    doubted: int
    true: int
    """Sets as they are that were looked at."""
    alarms: int
    """Those of them of which something is said."""
    circles: int
    """Of two sets of sides named in a circle those that are said to be named wrongly."""


def count(cutouts: Mapping[View, Cutout]) -> Count:
    """Try every wrong name with the six views `cutouts`."""
    said: list[tuple[Placed | None, dict[View, View]]] = []
    for one, other in EXCHANGES:
        exchanged = {**cutouts, one: cutouts[other], other: cutouts[one]}
        said.append((find_misplaced(exchanged), {one: other, other: one}))
    alone = [
        ({view: cutouts[view] for view in straight}, diagonal)
        for straight in (SIX[:4], SIX[:3])
        for diagonal in SIX[4:]
    ]
    for sides, diagonal in alone:
        for name in DIAGONALS:
            if name is not diagonal:
                said.append((find_misplaced({**sides, name: cutouts[diagonal]}), {name: diagonal}))
    told = [(placed, moved) for placed, moved in said if placed]
    true = [dict(cutouts), *({**sides, diagonal: cutouts[diagonal]} for sides, diagonal in alone)]
    circles = 0
    for side in (View.LEFT, View.RIGHT):
        shown = {View.FRONT: side, View.BACK: View.FRONT, side: View.BACK}
        settled = settle_views({view: cutouts[picture] for view, picture in shown.items()})
        circles += any(said.code == "VIEWS_MISNAMED" for said in settled.findings)
    return Count(
        made=len(said),
        right=sum(placed.sure and placed.moved == moved for placed, moved in told),
        mistaken=sum(placed.sure and placed.moved != moved for placed, moved in told),
        doubted=sum(not placed.sure for placed, _ in told),
        true=len(true),
        alarms=sum(find_misplaced(views) is not None for views in true),
        circles=circles,
    )


def make_wrong(
    cuts: Mapping[View, Cutout], depths: Mapping[View, Shells], other: Mapping[View, Cutout]
) -> Iterator[tuple[str, dict[View, Cutout], dict[View, Shells]]]:
    """Sets of four views with one thing wrong: what it is, the cutouts and the depths of front and back."""
    front, left, back, right = SIX[:4]
    for side in (left, right):
        yield "mirrored", {**cuts, side: mirror(cuts[side])}, dict(depths)
    yield "left and right exchanged", {**cuts, left: cuts[right], right: cuts[left]}, dict(depths)
    yield "one side twice", {**cuts, right: cuts[left]}, dict(depths)
    yield "mirrored front as back", {**cuts, back: mirror(cuts[front])}, {front: depths[front]}
    yield "back and left exchanged", {**cuts, back: cuts[left], left: cuts[back]}, {front: depths[front]}
    for side in (back, left):
        known = {view: depth for view, depth in depths.items() if view is not side}
        yield "another figurine", {**cuts, side: other[side]}, known


def count_wrong(sets: Mapping[str, Mapping[View, Cutout]]) -> None:
    """Print what is noticed of the wrong views made of each set, and what is said of the sets as they are."""
    noticed, made = Counter[str](), Counter[str]()
    names = list(sets)
    for number, name in enumerate(names):
        cuts = {view: sets[name][view] for view in SIX[:4]}
        depths = {
            view: calibrate(predict_depth(cuts[view], DepthOptions()), CalibrateOptions())
            for view in (View.FRONT, View.BACK)
        }

        def said(views: Mapping[View, Cutout], known: Mapping[View, Shells]) -> tuple[object, ...]:
            settled = settle_views(views, known)
            codes = [entry.code for entry in settled.findings]
            return codes, settled.turned, settled.exchanged, settled.dropped

        as_it_is = said(cuts, depths)
        for what, wrong, known in make_wrong(cuts, depths, sets[names[number - 1]]):
            made[what] += 1
            noticed[what] += said(wrong, known) != as_it_is
        changed = settle_views(cuts, depths)
        told = [*changed.turned, *changed.exchanged, *changed.dropped]
        print(f"{name}: of the set as it is {', '.join(told) or 'nothing'}", flush=True)
    for what, count in made.items():
        print(f"{what} {noticed[what]} of {count}")
    print(f"together {sum(noticed.values())} of {sum(made.values())}")


def main() -> int:
    """The command."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("folders", type=Path, nargs="+", metavar="SETS")
    say.add_argument("--only", nargs="+", metavar="NAME", help="these sets alone")
    say.add_argument("--wrong", action="store_true", help="views that are wrong in other ways")
    asked = say.parse_args()
    counts: list[Count] = []
    sets: dict[str, Mapping[View, Cutout]] = {}
    wanted = SIX[:4] if asked.wrong else SIX
    try:
        for folder in (path for root in asked.folders for path in sorted(root.glob("*/"))):
            files = {view: next(iter(sorted(folder.glob(f"{view.value}.*"))), None) for view in wanted}
            there = {view: path for view, path in files.items() if path is not None}
            if len(there) < len(wanted) or (asked.only and folder.name not in asked.only):
                continue
            pictures = [read_picture(path, view=view) for view, path in there.items()]
            cuts = {cut.view: cut for _, cut in cut_views(pictures, CutoutOptions())}
            if asked.wrong:
                sets[f"{folder.parent.name}/{folder.name}"] = cuts
                continue
            counts.append(one := count(cuts))
            print(f"{folder.parent.name}/{folder.name}: {one}", flush=True)
    except SlipcastError as error:
        print(f"exchanges: {error}", file=sys.stderr)
        return 2
    if not counts and len(sets) < 2:
        sides = ", ".join(wanted)
        print(
            f"exchanges: no folder, or one alone, holds {sides}; give folders with NAME/front.png",
            file=sys.stderr,
        )
        return 2
    if asked.wrong:
        count_wrong(sets)
        return 0
    total = {name: sum(getattr(one, name) for one in counts) for name in Count.__dataclass_fields__}
    print("put right {right} of {made}, taken for another {mistaken}, doubted {doubted}".format(**total))
    print("something is said of {alarms} of {true} sets as they are".format(**total))
    print(f"circles doubted {total['circles']} of {2 * len(counts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
