"""The words that name a figurine's sides: `--views front=a.png,left=b.png` and `--sheet front,left,back`."""

from pathlib import Path

from slipcast.core.errors import BadInput
from slipcast.core.values import View
from slipcast.jobs.view_sets import SIDES, complete_views, view_of


def views_of_words(words: str) -> dict[View, Path]:
    """`front=a.png,left=b.png` -> side and file, front first; BadInput says what is wrong."""
    found: dict[View, Path] = {}
    for word in filter(None, (part.strip() for part in words.split(","))):
        side, _, file = word.partition("=")
        if not file:
            raise BadInput(f"--views has {word!r}; write side=picture, for instance front=a.png,back=b.png")
        view = _side("--views", side)
        if view in found:
            raise BadInput(f"--views names {view} twice; give each side once")
        found[view] = Path(file.strip())
    return complete_views(found, "--views")


def sides_of_words(words: str) -> tuple[View, ...]:
    """Return the sides of a sheet from left to right, of `front,left,back`; BadInput for what is no set of sides."""
    sides = tuple(_side("--sheet", word) for word in words.split(",") if word.strip())
    if len(set(sides)) != len(sides):
        raise BadInput(f"--sheet names {words!r}, a side twice; name each once")
    if View.FRONT not in sides or not 2 <= len(sides) <= 8:
        raise BadInput(f"--sheet {words!r} needs 2 to 8 sides with front among them; the sides are {SIDES}")
    return sides


def _side(flag: str, word: str) -> View:
    try:
        return view_of(word.strip())
    except BadInput as problem:
        raise BadInput(f"{flag}: {problem}") from None
