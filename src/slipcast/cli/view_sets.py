"""Which pictures are views of one figurine: `--views front=a.png,...`, folders and `N_front.png`, and sheets."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.values import View

if TYPE_CHECKING:
    from slipcast.core.values import Picture

SIDES = ", ".join(View)
_BACKDROP = 24
"""Levels by which a figurine's pixels differ from the sheet's border, at least."""
_SPECK = 0.04
"""What holds less of a sheet's figures than this is lettering or dirt."""


def views_of_words(words: str) -> dict[View, Path]:
    """`front=a.png,left=b.png` -> side and file, front first; BadInput says what is wrong."""
    found: dict[View, Path] = {}
    for word in filter(None, (part.strip() for part in words.split(","))):
        side, _, file = word.partition("=")
        if not file:
            raise BadInput(f"--views has {word!r}; write side=picture, for instance front=a.png,back=b.png")
        view = _view(side.strip())
        if view in found:
            raise BadInput(f"--views names {view} twice; give each side once")
        found[view] = Path(file.strip())
    return _complete(found, "--views")


def sides_of_words(words: str) -> tuple[View, ...]:
    """`front,left,back` -> the sides of a sheet from left to right."""
    sides = tuple(_view(word.strip()) for word in words.split(",") if word.strip())
    if len(set(sides)) != len(sides):
        raise BadInput(f"--sheet names {words!r}, a side twice; name each once")
    if View.FRONT not in sides or not 2 <= len(sides) <= 8:
        raise BadInput(f"--sheet {words!r} needs 2 to 8 sides with front among them; the sides are {SIDES}")
    return sides


def sets_in(pictures: Iterable[Path]) -> tuple[dict[str, dict[View, Path]], list[Path]]:
    """Figurines whose views lie among the files of one folder, by name, and the files that belong to none.

    `front.png, left.jpg` are one figurine, named ''; `knight_front.png, knight_back.png` are `knight`. A file alone is
    no set. Raises BadInput for one side twice.
    """
    found: dict[str, dict[View, Path]] = {}
    rest: list[Path] = []
    for path in pictures:
        split = _split(path.stem)
        if split is None:
            rest.append(path)
            continue
        name, view = split
        other = found.setdefault(name, {}).setdefault(view, path)
        if other is not path:
            raise BadInput(f"{other} and {path} are both the {view} view; keep one of them")
    for name in [name for name, views in found.items() if len(views) < 2]:
        rest += found.pop(name).values()
    return {
        name: _complete(views, str(next(iter(views.values())).parent)) for name, views in found.items()
    }, sorted(rest)


def split_sheet(picture: "Picture", sides: tuple[View, ...]) -> dict[View, "Picture"]:
    """The figures of a sheet, from left to right, each with a margin; all keep one scale and one base line.

    Raises BadInput where the figures touch, or are more or fewer than `sides`.
    """
    from dataclasses import replace

    shown = _figure_mask(picture)
    columns = shown.sum(0)
    starts = np.flatnonzero(np.diff(np.r_[0, columns > 0].astype(np.int8)) == 1)
    ends = np.flatnonzero(np.diff(np.r_[columns > 0, 0].astype(np.int8)) == -1) + 1
    # What leans over a narrow gap is one figure; specks and letters are none.
    weight = np.array([columns[a:b].sum() for a, b in zip(starts, ends, strict=True)], float)
    runs = [
        (int(a), int(b)) for a, b, w in zip(starts, ends, weight, strict=True) if w > _SPECK * weight.sum()
    ]
    if len(runs) != len(sides):
        raise BadInput(
            f"the sheet shows {len(runs)} figures side by side where --sheet names {len(sides)} sides; leave a gap "
            "between figures, or cut it up and use --views"
        )
    rows = np.flatnonzero(shown[:, runs[0][0] : runs[-1][1]].any(1))
    margin = max(8, (rows[-1] - rows[0]) // 20)
    wide = max(b - a for a, b in runs) + 2 * margin
    top, bottom = max(0, rows[0] - margin), min(picture.height_px, rows[-1] + 1 + margin)
    border = np.median(_border(picture.pixels), axis=0).astype(np.uint8)
    out: dict[View, Picture] = {}
    for view, (a, b), before, after in zip(
        sides,
        runs,
        [0, *(b for _, b in runs[:-1])],
        [*(a for a, _ in runs[1:]), picture.width_px],
        strict=True,
    ):
        middle = (a + b) // 2
        left, right = (
            max(middle - wide // 2, (a + before) // 2),
            min(middle + wide // 2, (b + after) // 2 + 1),
        )
        pixels = np.full((bottom - top, wide, 3), border, np.uint8)
        at = left - (middle - wide // 2)
        pixels[:, at : at + right - left] = picture.pixels[top:bottom, left:right]
        alpha = None
        if picture.alpha is not None:
            alpha = np.zeros((bottom - top, wide), np.uint8)
            alpha[:, at : at + right - left] = picture.alpha[top:bottom, left:right]
        source = dict(picture.source)
        source["sha256"] = f"{source.get('sha256', '')}:{view.value}"
        out[view] = replace(picture, pixels=pixels, alpha=alpha, view=view, source=source)
    return dict(sorted(out.items(), key=lambda item: list(View).index(item[0])))


def _figure_mask(picture: "Picture") -> "np.typing.NDArray[np.bool_]":
    if picture.alpha is not None and float((picture.alpha >= 128).mean()) < 0.98:
        return picture.alpha >= 128
    border = np.median(_border(picture.pixels), axis=0)
    far: np.typing.NDArray[np.bool_] = (
        np.abs(picture.pixels.astype(np.int16) - border.astype(np.int16)).max(2) > _BACKDROP
    )
    return far


def _border(pixels: "np.typing.NDArray[np.uint8]") -> "np.typing.NDArray[np.uint8]":
    edge = max(1, min(pixels.shape[:2]) // 100)
    parts = (pixels[:edge], pixels[-edge:], pixels[:, :edge], pixels[:, -edge:])
    return np.concatenate([part.reshape(-1, 3) for part in parts])


def _split(stem: str) -> tuple[str, View] | None:
    """`knight_front_left` -> knight and FRONT_LEFT; None where no side is named at the end."""
    low = stem.lower().replace("-", "_")
    for view in sorted(View, key=len, reverse=True):
        if low == view.value:
            return "", view
        if low.endswith(f"_{view.value}"):
            return stem[: -len(view.value) - 1], view
    return None


def _view(word: str) -> View:
    if word.lower() not in set(View):
        raise BadInput(f"{word!r} is no side of a figurine; choose from {SIDES}")
    return View(word.lower())


def _complete(found: Mapping[View, Path], where: str) -> dict[View, Path]:
    if View.FRONT not in found:
        raise BadInput(
            f"{where} has no front among {', '.join(sorted(found)) or 'its views'}; the front picture is always needed"
        )
    if not 2 <= len(found) <= 8:
        raise BadInput(f"{where} names {len(found)} view; give 2 to 8, or the picture alone")
    files = [path.absolute() for path in found.values()]
    for path in found.values():
        if files.count(path.absolute()) > 1:
            raise BadInput(f"{where} gives {path} as two sides; each side needs its own picture")
    return dict(sorted(found.items(), key=lambda item: list(View).index(item[0])))
