"""A base that makes a figurine stand: as small as can be, of a usual shape, with a name and a magnet.

The automatic size is the smallest for which the feet lie inside and the plumb line of the centre of mass keeps
tan(10 degrees) of its height from the edge. The base's own weight only helps, so the figurine's mass decides.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path

import manifold3d
import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.options import check, choice, instance, path, real, text
from slipcast.core.values import F64
from slipcast.mesh.stance import convex_hull, mass_center
from slipcast.prepare.body import COLOR, Body, Color, Kind, Origin, body_from_solid, read_surface
from slipcast.prepare.lettering import Outline, outline_text
from slipcast.prepare.stand import Stance, measure_stance

SHAPES = ("auto", "none", "round", "square", "hex", "oval", "plinth")
TEXT_STYLES = ("engraved", "raised")
SAFE_TIPPING_DEG = 10.0
"""What `auto` aims at: the lean from which it still comes back."""
OVAL = 1.5
"""Width of an oval over its depth."""
_FLAT = {"square": 1.0, "plinth": 1.0, "hex": 1 / math.sqrt(3)}
"""Shapes with a flat front, and its share of their width."""
_LEAST_CAP_MM, _CAP_SHARE = 3.0, 0.075
"""Height of capitals: what a nozzle of 0.4 mm still forms, and their share of the base's size."""
_SEGMENTS = 96
GAME_SIZES_MM = (25.0, 28.5, 32.0, 40.0, 50.0, 60.0)
"""Diameters of the round bases of miniature games."""
_MINIATURE_MM = 60.0
"""Below this height a figurine is taken for a miniature, whose round base has one of the usual sizes."""
_BEND_MM = 1.5
"""Length of the pieces that letters are bent in around a base. With outlines simplified by 0.01 mm, none of 120 bases
with names has faces that cross. At 1 mm, with outlines as they are, 18 had: slivers that no simplification took out."""
_CHAMFER_MM = 0.4
"""Along the upper edge; also what a first layer may spread without growing over the edge below."""


@dataclass(frozen=True, kw_only=True)
class MagnetOptions:
    """A pocket for a round magnet, open at the bottom.

    >>> MagnetOptions(diameter_mm=5, height_mm=2).clearance_mm
    0.1
    """

    diameter_mm: float
    height_mm: float
    clearance_mm: float = 0.1
    """Added to the diameter and the depth."""

    def __post_init__(self) -> None:
        check(
            self,
            diameter_mm=real(0.5, 50, example=5, unit="millimetres"),
            height_mm=real(0.5, 50, example=2, unit="millimetres"),
            clearance_mm=real(0, 5, example=0.1, unit="millimetres"),
        )


@dataclass(frozen=True, kw_only=True)
class BaseOptions:
    """Which base a figurine gets.

    >>> BaseOptions(shape="round", size_mm=40, text="Sir Owl").size_mm
    40.0
    """

    shape: str = "auto"
    """`auto` (a round one where the figurine does not stand safely by itself), `none`, `round`, `square`, `hex`, `oval`
    or `plinth` (a tall, tapered block)."""
    size_mm: float | None = None
    """Diameter, side, distance across flats, or an oval's depth; None takes the smallest that stands safely, under a
    miniature (below 60 mm tall) the smallest of `GAME_SIZES_MM`."""
    height_mm: float | None = None
    """Thickness; None: 3 mm, 15 % of the figurine for a plinth, more where text or magnet need it."""
    sink_mm: float = 0.6
    """How deep the feet go into the base."""
    color: Color = (60, 60, 64)
    text: str = ""
    """A name on its front."""
    text_style: str = "engraved"
    text_cap_mm: float | None = None
    """Height of a capital letter; None: 7.5 % of the base's size, at least 3 mm, as far as the front has room."""
    text_depth_mm: float = 0.6
    text_color: Color = (235, 235, 230)
    font: Path | None = None
    """A .ttf or .otf file; None takes Aileron Regular, or a font of the system for letters that it lacks."""
    magnet: MagnetOptions | None = None

    def __post_init__(self) -> None:
        check(
            self,
            shape=choice(SHAPES),
            size_mm=real(2, 1000, example=40, unit="millimetres").or_none(),
            height_mm=real(0.8, 500, example=3, unit="millimetres").or_none(),
            sink_mm=real(0.05, 20, example=0.6, unit="millimetres"),
            color=COLOR,
            text=text(example="Sir Owl", empty=True),
            text_style=choice(TEXT_STYLES),
            text_cap_mm=real(1, 100, example=3, unit="millimetres").or_none(),
            text_depth_mm=real(0.2, 5, example=0.6, unit="millimetres"),
            text_color=COLOR,
            font=path(example="Font.ttf").or_none(),
            magnet=instance(MagnetOptions).or_none(),
        )
        if self.shape in ("auto", "none") and self.size_mm is not None:
            raise BadInput(f"base {self.shape} takes no size; write for example round:40mm", field="size_mm")
        if self.shape == "none" and (self.text or self.magnet):
            raise BadInput(
                "text and magnet need a base; choose round, square, hex, oval or plinth", field="shape"
            )


@dataclass(frozen=True, kw_only=True)
class BaseReport:
    """What was added, and why."""

    shape: str
    size_mm: float
    height_mm: float
    before: Stance
    after: Stance
    """How the figurine stands in use: upright, upon its base; with its cavities where it is one part."""
    text_mm: tuple[float, float] | None = field(default=None)
    """Width and height of the text."""
    font: str = ""
    """Name of the font of the text."""


def add_base(body: Body, options: BaseOptions) -> tuple[Body, BaseReport]:
    """Return `body`, lowest point at z = 0, upon a base whose bottom is at z = 0.

    Raises BadInput when a stated size is smaller than the feet, or the text does not fit.
    """
    before = measure_stance(body)
    safe = before.tipping_deg >= SAFE_TIPPING_DEG
    if options.shape == "none" or (options.shape == "auto" and safe and not (options.text or options.magnet)):
        return body, BaseReport(shape="none", size_mm=0.0, height_mm=0.0, before=before, after=before)
    shape = "round" if options.shape == "auto" else options.shape
    feet = _feet(body, options.sink_mm)
    surface = read_surface(body)
    center_of_mass = mass_center(surface.vertices_mm, surface.faces)
    outline = None
    cap = options.text_cap_mm or _LEAST_CAP_MM
    if options.text:
        outline = outline_text(options.text, cap_mm=cap, font=options.font)
    height = _height_mm(body, shape, options, outline, cap)
    tall = float(body.box_mm[1, 2])
    center, size = _place(feet, center_of_mass, height, shape, options, tall_mm=tall)
    if outline and options.text_cap_mm is None:
        cap = _choose_cap(outline, shape, size, height, options)
        outline = outline_text(options.text, cap_mm=cap, font=options.font)
        height = _height_mm(body, shape, options, outline, cap)
        center, size = _place(feet, center_of_mass, height, shape, options, tall_mm=tall)
    block = _block(shape, size, height).translate((float(center[0]), float(center[1]), 0.0))
    base = body_from_solid(block, Origin(kind=Kind.BASE, color=options.color))
    written = None
    if outline:
        base, written = _letter(base, outline.section, shape, center, size, height, options)
    if options.magnet:
        base = _pocket(base, center, size, options.magnet)
    lifted = body.move(0, 0, height - options.sink_mm)
    joined = base + lifted
    return joined, BaseReport(
        shape=shape,
        size_mm=size,
        height_mm=height,
        before=before,
        after=measure_stance(joined),
        text_mm=written,
        font=outline.font if outline else "",
    )


def _feet(body: Body, sink_mm: float) -> F64:
    """(N,2) convex hull of what goes into the base."""
    low = body.solid.trim_by_plane((0, 0, -1), -max(sink_mm, 0.2))
    points = read_surface(Body(low)).vertices_mm[:, :2] if not low.is_empty() else np.zeros((0, 2))
    hull = convex_hull(points) if len(points) > 2 else points
    if not len(hull):
        low_corner, high_corner = body.box_mm
        hull = np.array([[low_corner[0], low_corner[1]], [high_corner[0], high_corner[1]]])
    return hull


def _choose_cap(
    outline: Outline, shape: str, size_mm: float, height_mm: float, options: BaseOptions
) -> float:
    """Height of capitals that suits a base; `outline` has the text in capitals of `_LEAST_CAP_MM`."""
    low_x, low, high_x, high = outline.section.bounds()
    _, foot, room = _measure_front(shape, size_mm, height_mm)
    most = [_CAP_SHARE * size_mm, _LEAST_CAP_MM * room / (high_x - low_x)]
    if options.height_mm is not None:
        free = options.height_mm - foot - 2 * _CHAMFER_MM - 0.6
        most.append(_LEAST_CAP_MM * free / max(1.3 * _LEAST_CAP_MM, high - low))
    return max(_LEAST_CAP_MM, math.floor(10 * float(min(most))) / 10)


def _measure_front(shape: str, size_mm: float, height_mm: float) -> tuple[float, float, float]:
    """Width of the block above its foot, the foot's height, and the length of text that the front holds."""
    face, foot = size_mm, 0.0
    if shape == "plinth":
        foot = min(0.2 * height_mm, 3.0)
        face = size_mm - 2 * min(0.06 * size_mm, 2.0)
    if shape in _FLAT:
        return face, foot, 0.9 * face * _FLAT[shape]
    return face, foot, face / 2 * math.radians(150) * (OVAL if shape == "oval" else 1)


def _height_mm(body: Body, shape: str, options: BaseOptions, outline: Outline | None, cap_mm: float) -> float:
    """The base's thickness: as asked, or enough for text, magnet and shape."""
    tall = float(body.box_mm[1, 2])
    height = options.height_mm or (max(6.0, 0.15 * tall) if shape == "plinth" else 3.0)
    needs = [height, options.sink_mm + 0.8]
    if outline:
        _, low, _, high = outline.section.bounds()
        front = max(cap_mm * 1.3, high - low) + 2 * _CHAMFER_MM + 0.6
        needs.append(min(front / 0.8, front + 3.0) if shape == "plinth" else front)  # above its foot
    if options.magnet:
        needs.append(options.magnet.height_mm + options.magnet.clearance_mm + 0.8 + options.sink_mm)
    if options.height_mm is not None and max(needs) > options.height_mm + 1e-9:
        raise BadInput(
            f"a base of height_mm={options.height_mm:g} is too thin; its text, magnet and feet need {max(needs):.1f} mm"
        )
    return max(needs)


def _place(
    feet: F64, mass: F64, height_mm: float, shape: str, options: BaseOptions, *, tall_mm: float
) -> tuple[F64, float]:
    """(2,) where the base's middle lies, and its size; between the feet's middle and the plumb line."""
    margin = math.tan(math.radians(SAFE_TIPPING_DEG)) * (float(mass[2]) + height_mm - options.sink_mm)
    rim = 1.0 + _CHAMFER_MM
    middle = (feet.min(0) + feet.max(0)) / 2
    best: tuple[float, F64] | None = None
    for t in np.linspace(0, 1, 41):
        center = middle * (1 - t) + mass[:2] * t
        need = max(_reach(feet - center, shape) + rim, _reach((mass[:2] - center)[None], shape) + margin)
        if best is None or need < best[0] - 1e-9:
            best = need, center
    assert best is not None
    smallest_feet = min(
        _reach(feet - (middle * (1 - t) + mass[:2] * t), shape) for t in np.linspace(0, 1, 41)
    )
    if options.size_mm is None:
        size = math.ceil(2 * best[0] * 2) / 2
        if shape == "round" and tall_mm < _MINIATURE_MM:
            size = next((usual for usual in GAME_SIZES_MM if usual >= size), size)
        return best[1], size
    if options.size_mm / 2 < smallest_feet:
        raise BadInput(
            f"base {shape}:{options.size_mm:g}mm is smaller than the feet, which need {2 * smallest_feet:.1f} mm; "
            "take a larger base or a smaller figurine",
            field="base",
        )
    return best[1], float(options.size_mm)


def _reach(points: F64, shape: str) -> float:
    """Half the size of the shape about the origin that just holds (N,2) points."""
    x, y = np.abs(points[:, 0]), np.abs(points[:, 1])
    if shape in ("square", "plinth"):
        return float(np.maximum(x, y).max())
    if shape == "hex":  # flats before and behind, so that a name has a straight face
        return float(np.maximum(y, x * math.cos(math.pi / 6) + y * 0.5).max())
    if shape == "oval":
        return float(np.hypot(x / OVAL, y).max())
    return float(np.hypot(x, y).max())


def _block(shape: str, size_mm: float, height_mm: float) -> manifold3d.Manifold:
    """The base about the z axis, bottom at 0, its upper edge chamfered."""
    half = size_mm / 2
    if shape in ("square", "plinth"):
        outline = manifold3d.CrossSection.square((size_mm, size_mm), True)
    elif shape == "hex":
        angle = np.radians(np.arange(6) * 60)
        radius = half / math.cos(math.pi / 6)
        outline = manifold3d.CrossSection(
            [np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).tolist()]
        )
    else:
        outline = manifold3d.CrossSection.circle(half, _SEGMENTS)
        if shape == "oval":
            outline = outline.scale((OVAL, 1.0))
    foot = 0.0
    block = manifold3d.Manifold()
    if shape == "plinth":  # a wider foot below, as plinths have
        foot = min(0.2 * height_mm, 3.0)
        step = min(0.06 * size_mm, 2.0)
        block = outline.extrude(foot)
        inner = (size_mm - 2 * step) / size_mm
        outline = outline.scale((inner, inner))
        half *= inner
    shaft = outline.extrude(height_mm - _CHAMFER_MM - foot).translate((0, 0, foot))
    top_scale = (half - _CHAMFER_MM) / half
    top = outline.extrude(_CHAMFER_MM, 0, 0.0, (top_scale, top_scale)).translate(
        (0, 0, height_mm - _CHAMFER_MM)
    )
    return block + shaft + top


def _letter(
    base: Body,
    letters: manifold3d.CrossSection,
    shape: str,
    center: F64,
    size_mm: float,
    height_mm: float,
    options: BaseOptions,
) -> tuple[Body, tuple[float, float]]:
    """The base with a name on its front, and the name's width and height."""
    low_x, low_y, high_x, high_y = letters.bounds()
    width, tall = high_x - low_x, high_y - low_y
    face, foot, room = _measure_front(shape, size_mm, height_mm)
    if width > room:
        raise BadInput(
            f"text {options.text!r} is {width:.1f} mm long and the {shape} base's front holds {room:.1f} mm; "
            f"shorten it, or take base {shape}:{math.ceil(size_mm * width / room)}mm"
        )
    free = height_mm - _CHAMFER_MM - foot
    if tall > free:
        raise BadInput(
            f"text needs {tall:.1f} mm of height and the base's front has {free:.1f} mm; raise the base"
        )
    depth = options.text_depth_mm
    slab = letters.translate((0.0, -(low_y + high_y) / 2)).extrude(2 * depth).translate((0, 0, -depth))
    slab = slab.rotate((90, 0, 0)).translate((0, 0, foot + free / 2))  # upright, facing -y
    if shape in _FLAT:
        slab = slab.translate((0, -face / 2, 0))
    else:
        half_x, half_y = face / 2 * (OVAL if shape == "oval" else 1), face / 2
        slab = slab.refine_to_length(_BEND_MM).warp_batch(lambda points: _wrap(points, half_x, half_y))
    solid = body_from_solid(
        slab.translate((float(center[0]), float(center[1]), 0)),
        Origin(kind=Kind.TEXT, color=options.text_color),
    )
    return (base - solid if options.text_style == "engraved" else base + solid), (width, tall)


def _wrap(points: F64, half_x: float, half_y: float) -> F64:
    """Bend (N,3) points that stand before the plane y = 0 around an upright ellipse, arc length kept in the middle."""
    places = np.asarray(points, np.float64)
    angle = places[:, 0] / half_x
    out = places.copy()
    grow = 1 - places[:, 1] / half_y
    out[:, 0] = half_x * np.sin(angle) * grow
    out[:, 1] = -half_y * np.cos(angle) * grow
    return out


def _pocket(base: Body, center: F64, size_mm: float, magnet: MagnetOptions) -> Body:
    """The base with a round pocket in its bottom."""
    wide = magnet.diameter_mm + magnet.clearance_mm
    if wide + 2.0 > size_mm:
        raise BadInput(
            f"a magnet of {magnet.diameter_mm:g} mm needs a base of {wide + 2:.1f} mm or more, "
            f"this one has {size_mm:g} mm"
        )
    deep = magnet.height_mm + magnet.clearance_mm
    hole = manifold3d.Manifold.cylinder(deep + 1, wide / 2, wide / 2, 64).translate(
        (float(center[0]), float(center[1]), -1)
    )
    return base - body_from_solid(hole, Origin(kind=Kind.CAVITY))
