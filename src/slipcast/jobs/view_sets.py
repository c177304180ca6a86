"""Which pictures of a folder are views of one figurine: `front.png, left.png ...`, or `knight_front.png ...`."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from slipcast.core.errors import BadInput
from slipcast.core.values import View

SIDES = ", ".join(View)


def sets_in(pictures: Iterable[Path]) -> tuple[dict[str, dict[View, Path]], list[Path]]:
    """Figurines whose views lie among the files of one folder, by name, and the files that belong to none.

    `front.png, left.jpg` are one figurine, named ''; `knight_front.png, knight_back.png` are `knight`. A file alone is
    no set. Raises BadInput for one side twice.
    """
    found: dict[str, dict[View, Path]] = {}
    rest: list[Path] = []
    for path in pictures:
        split = split_view(path.stem)
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
        name: complete_views(views, str(next(iter(views.values())).parent)) for name, views in found.items()
    }, sorted(rest)


def split_view(stem: str) -> tuple[str, View] | None:
    """`knight_front_left` -> knight and FRONT_LEFT; None where no side is named at the end."""
    low = stem.lower().replace("-", "_")
    for view in sorted(View, key=len, reverse=True):
        if low == view.value:
            return "", view
        if low.endswith(f"_{view.value}"):
            return stem[: -len(view.value) - 1], view
    return None


def view_of(word: str) -> View:
    """The side of that name; BadInput lists them."""
    if word.lower() not in set(View):
        raise BadInput(f"{word!r} is no side of a figurine; choose from {SIDES}")
    return View(word.lower())


def complete_views(found: Mapping[View, Path], where: str) -> dict[View, Path]:
    """The views of one figurine, front first; BadInput, beginning with `where`, for none or one file on two sides."""
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
