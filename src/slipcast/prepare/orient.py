"""How a part lies in the printer: standing, or leaning back so that fewer layers begin in the air.

Resin prints upside down, layer after layer peeled off a film. Leaning back keeps the face free of supports and makes
wide layers narrow. Each lean is judged by the area of its islands and overhangs and the suction of its cups on a coarse
raster; standing wins unless leaning saves a fifth.
"""

from dataclasses import dataclass

from slipcast.core.errors import BadInput
from slipcast.prepare.body import Body
from slipcast.prepare.layers import slice_layers

LEANS_DEG = (0.0, 15.0, 30.0, 45.0)
_PIXEL_SHARE = 1 / 150
_WORTH = 0.8


@dataclass(frozen=True, kw_only=True)
class Orientation:
    """How far the part leans back, and what each lean costs."""

    lean_deg: float
    costs: dict[float, float]


def is_lean(word: str) -> bool:
    """Whether `orient` understands the word: `auto`, `stand`, or degrees from 0 to 60."""
    if word in ("auto", "stand"):
        return True
    try:
        return 0 <= float(word.removesuffix("deg")) <= 60
    except ValueError:
        return False


def orient(body: Body, lean: str, process: str) -> tuple[Body, Orientation]:
    """Return `body` leaning back as `lean` says, its lowest point on z = 0.

    `lean` is `auto` (resin: the best of 0, 15, 30, 45 degrees; FDM: standing), `stand` or degrees from 0 to 60.
    Raises BadInput for anything else.
    """
    if lean == "auto":
        if process == "fdm":
            return _lean(body, 0.0), Orientation(lean_deg=0.0, costs={})
        costs = {angle: _judge(_lean(body, angle)) for angle in LEANS_DEG}
        best = min(costs, key=lambda angle: (costs[angle], angle))
        chosen = best if costs[best] < _WORTH * costs[0.0] else 0.0
        return _lean(body, chosen), Orientation(lean_deg=chosen, costs=costs)
    if lean == "stand":
        return _lean(body, 0.0), Orientation(lean_deg=0.0, costs={})
    try:
        angle = float(lean.removesuffix("deg"))
    except ValueError:
        angle = -1.0
    if not 0 <= angle <= 60:
        raise BadInput(f"orient must be auto, stand or degrees from 0 to 60, got {lean!r}")
    return _lean(body, angle), Orientation(lean_deg=angle, costs={})


def _lean(body: Body, angle_deg: float) -> Body:
    turned = body.turn(-angle_deg, 0, 0) if angle_deg else body
    return turned.move(0, 0, -float(turned.box_mm[0, 2]))


def _judge(body: Body) -> float:
    size = float((body.box_mm[1] - body.box_mm[0]).max())
    layers = slice_layers(body, layer_mm=size * _PIXEL_SHARE, pixel_mm=size * _PIXEL_SHARE)
    islands = sum(spot.area_mm2 for spot in layers.islands)
    return round(layers.overhang_mm2 + 5 * islands + 10 * layers.island_count + 0.02 * layers.cup_mm3, 1)
