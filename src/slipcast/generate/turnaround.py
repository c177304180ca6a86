"""A front picture -> pictures of its other sides, each an edit that goes with the front and what was bought before.

Image models mirror: asked for «the other side» they flip the picture. So the words ask for a turn about the vertical
axis, say which edge of the picture the figurine faces and what is hidden from there, and every answer is judged with
the views so far (reconstruct/views/agreement.py). One that does not fit is bought again as another take; the best
is kept.
"""

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from slipcast.core.errors import BadInput, QuotaExceeded
from slipcast.core.findings import Finding
from slipcast.core.options import check, choice, flag, several, text, whole
from slipcast.core.values import Cutout, Picture, View
from slipcast.generate.money.prices import model_row
from slipcast.generate.request import PictureRequest, Reference, Watch
from slipcast.generate.results import Bought
from slipcast.generate.studio import Studio
from slipcast.picture.cut_out import cut_out
from slipcast.reconstruct.views.agreement import mirror, settle_views

SETS = {
    4: (View.FRONT, View.LEFT, View.BACK, View.RIGHT),
    6: (View.FRONT, View.LEFT, View.BACK, View.RIGHT, View.FRONT_LEFT, View.BACK_LEFT),
}
"""The sides of a turnaround of so many pictures."""
_SHOWN = {
    View.LEFT: "It is turned by a quarter: it faces the left edge of the picture in exact profile; we see its own "
    "left side only. Its right side is hidden",
    View.RIGHT: "It is turned by a quarter: it faces the right edge of the picture in exact profile; we see its own "
    "right side only. Its left side is hidden",
    View.BACK: "It is turned by half: it faces away from us and we see only its back. The front is hidden: no face, no "
    "chest, no front gear. What it holds on its own left is now at the left of the picture",
    View.FRONT_LEFT: "It is turned by an eighth: it faces forward and to the picture's left edge; we see its front "
    "and its own left side",
    View.FRONT_RIGHT: "It is turned by an eighth: it faces forward and to the picture's right edge; we see its "
    "front and its own right side",
    View.BACK_LEFT: "It is turned by three eighths: it faces away and to the picture's left edge; we see its back "
    "and its own left side, and no face",
    View.BACK_RIGHT: "It is turned by three eighths: it faces away and to the picture's right edge; we see its back "
    "and its own right side, and no face",
    View.TOP: "We look straight down on it from above; its front is towards the lower edge of the picture",
}
_TWINS = {View.LEFT: View.RIGHT, View.FRONT_LEFT: View.FRONT_RIGHT, View.BACK_LEFT: View.BACK_RIGHT}


@dataclass(frozen=True, kw_only=True)
class SidesOptions:
    """Which sides are bought, and how often.

    >>> SidesOptions(model="gemini-3-pro-image", sides=("left", "back")).sides
    (<View.LEFT: 'left'>, <View.BACK: 'back'>)
    """

    sides: tuple[View, ...] = SETS[6][1:]
    """In the order of buying."""
    model: str
    ratio: str = "1:1"
    size: str = "1K"
    retries: int = 1
    """How often a side that does not fit is bought again."""
    mirror_symmetric: bool = False
    """Buy one of two opposite sides and mirror it to the other."""

    def __post_init__(self) -> None:
        check(
            self,
            sides=several(choice(View), least=1, most=8),
            model=text(example="gemini-3-pro-image"),
            ratio=text(example="1:1"),
            size=text(example="1K"),
            retries=whole(0, 10, example=1),
            mirror_symmetric=flag(),
        )
        model_row(self.model).check(ratio=self.ratio, size=self.size)
        if View.FRONT in self.sides or len(set(self.sides)) != len(self.sides):
            raise BadInput(
                "sides must name sides other than the front, each once; try left,back,right", field="sides"
            )

    @property
    def bought(self) -> tuple[View, ...]:
        """The sides that are paid for; with `mirror_symmetric` one of two opposite sides.

        >>> [side.value for side in SidesOptions(model="m", mirror_symmetric=True).bought]
        ['left', 'back', 'front_left', 'back_left']
        """
        if not self.mirror_symmetric:
            return self.sides
        twins = {other: one for one, other in _TWINS.items()}
        return tuple(side for side in self.sides if twins.get(side) not in self.sides)


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side, as it was kept."""

    view: View
    data: bytes
    suffix: str
    facts: Mapping[str, object]
    fits: bool
    findings: tuple[Finding, ...]
    """What the views so far say of it."""
    tries: int
    cost_usd: float
    """Of all tries, paid now."""

    def picture(self) -> Picture:
        """It, decoded, for the pipeline."""
        return replace(_decode(self.data, self.view), source=dict(self.facts))


def plan_sides(options: SidesOptions) -> list[PictureRequest]:
    """Requests that cost what the sides will cost, before there is a front: without retries."""
    blank = Reference(data=b"", mime="image/png")
    return [
        side_request(blank, [blank] * number, view, options) for number, view in enumerate(options.bought)
    ]


def side_request(
    front: Reference,
    before: Sequence[Reference],
    view: View,
    options: SidesOptions,
    *,
    take: int = 0,
    name: str = "",
) -> PictureRequest:
    """The request for one side, with the front and the latest of the sides `before` as references."""
    room = max(model_row(options.model).references - 1, 0)
    text = (
        "The first picture shows a figurine from the front. Draw the very same figurine rotated about its vertical "
        f"axis, as if it stood on a turntable; nothing is flipped, mirrored or copied. {_SHOWN[view]}. The same pose, "
        "proportions, colours, materials and details, the same size in the picture, feet on the same line, the same "
        "camera height and distance, the same even light, the same plain background. One figurine only, whole, no text."
    )
    return PictureRequest(
        text=text,
        view=view,
        model=options.model,
        ratio=options.ratio,
        size=options.size,
        references=(front, *before[-room:]) if room else (front,),
        take=take,
        name=f"{name}-{view}" if name else view.value,
        facts=(("front_sha256", front.sha256),),
    )


def buy_sides(
    studio: Studio,
    front: Reference,
    picture: Picture,
    options: SidesOptions,
    *,
    name: str = "",
    tell: Callable[[Side], None] | None = None,
    watch: Watch | None = None,
) -> tuple[Side, ...]:
    """Buy the sides of `front`, whose decoded picture is `picture`; those that do not fit up to `retries` times more.

    Raises what `Studio.buy` raises for a side of which nothing came; where the budget ends after a first try, that one
    is kept.
    """
    views = {View.FRONT: cut_out(replace(picture, view=View.FRONT))}
    bought: list[Reference] = []
    sides: list[Side] = []
    for view in options.bought:
        best = _best(studio, front, bought, views, view, options, name, watch)
        sides.append(best)
        bought.append(Reference(data=best.data, mime=str(best.facts.get("mime", "image/png"))))
        if best.fits:
            views[view] = cut_out(_decode(best.data, view))
        if tell:
            tell(best)
    for one, other in _TWINS.items():
        if other in options.sides and other not in options.bought:
            sides.append(_mirrored(next(side for side in sides if side.view is one), other))
    return tuple(sides)


def _best(
    studio: Studio,
    front: Reference,
    before: Sequence[Reference],
    views: Mapping[View, Cutout],
    view: View,
    options: SidesOptions,
    name: str,
    watch: Watch | None,
) -> Side:
    """The best of the tries: one that fits, else one that only has to be turned, else the first."""
    best: tuple[int, Side] | None = None
    spent = 0.0
    for take in range(options.retries + 1):
        try:
            came = studio.buy(side_request(front, before, view, options, take=take, name=name), watch)
        except QuotaExceeded:
            if best is None:
                raise
            break
        spent += came.cost_usd
        rank, findings = judge_side(views, view, came)
        side = Side(
            view=view,
            data=came.data,
            suffix=came.suffix,
            facts={**came.facts, "mime": came.mime},
            fits=rank == 0,
            findings=findings,
            tries=take + 1,
            cost_usd=round(spent, 6),
        )
        if best is None or rank < best[0]:
            best = rank, side
        if rank == 0:
            break
    assert best is not None
    return replace(best[1], cost_usd=round(spent, 6), tries=take + 1)


def judge_side(views: Mapping[View, Cutout], view: View, came: Bought) -> tuple[int, tuple[Finding, ...]]:
    """0 for a side that fits the views so far, 1 for one that convert can put right, 2 for one to be left out."""
    try:
        cut = cut_out(_decode(came.data, view))
    except BadInput:
        return 2, ()
    settled = settle_views({**views, view: cut})
    if view in settled.dropped:
        return 2, settled.findings
    told = [found for found in settled.findings if view.value in map(str, found.values.values())]
    return (1 if told or settled.turned else 0), settled.findings


def _decode(data: bytes, view: View) -> Picture:
    return Bought(data=data, mime="image/png", facts={"view": view.value}).picture()


def _mirrored(side: Side, view: View) -> Side:
    from PIL import Image

    picture = mirror(_decode(side.data, view))
    out = io.BytesIO()
    Image.fromarray(picture.pixels).save(out, "PNG")
    data = out.getvalue()
    told = {"view": view.value, "mirrored_from": side.view.value, "mime": "image/png"}
    facts = {**side.facts, **told, "sha256": hashlib.sha256(data).hexdigest()}
    return replace(side, view=view, data=data, suffix=".png", facts=facts, cost_usd=0.0, tries=0)
