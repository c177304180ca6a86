"""Text -> closed outlines in millimetres, from a font's own curves.

The default font is Aileron Regular (CC0), which Pillow carries with the letters of English. A text with others is set
in the first of a few usual fonts of the system that has them all. Any TrueType or OpenType file can be named. fontTools
reads the outlines; each curve becomes straight pieces no longer than the printer can tell apart.
Rejected: drawing the text as pixels and tracing them (corners round off below 20 px a stroke).
"""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import manifold3d
import numpy as np
from PIL import ImageFont

from slipcast.core.errors import BadInput
from slipcast.core.values import F64

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

_PIECES = 8
"""Straight pieces of one curve."""
_FINEST_MM = 0.01
"""Finer than any printer; what a curve has beyond only makes slivers where letters meet a base."""
MAX_LETTERS = 64
SYSTEM_FONTS = (
    *("DejaVuSans.ttf", "arial.ttf", "Arial.ttf", "LiberationSans-Regular.ttf", "NotoSans-Regular.ttf"),
    *("Arial Unicode.ttf", "NotoSansCJK-Regular.ttc", "msyh.ttc", "YuGothM.ttc", "malgun.ttf"),
    *("PingFang.ttc", "Hiragino Sans GB.ttc", "AppleSDGothicNeo.ttc"),
)
"""File names, which Pillow looks for in the folders where Linux, Windows and macOS keep fonts."""


@dataclass(frozen=True)
class Outline:
    """Letters as a printer can form them."""

    section: manifold3d.CrossSection
    font: str
    """Name of the font that they are of."""


def outline_text(text: str, *, cap_mm: float, font: Path | None = None) -> Outline:
    """Return the letters of one line of `text` as a cross-section, centred on x, baseline at y = 0.

    `cap_mm` is the height of a capital letter. Raises BadInput for an empty or overlong text, a font file that cannot
    be read, and for letters that the font lacks.
    """
    line = " ".join(text.split())
    if not line:
        raise BadInput("text must have at least one letter")
    if len(line) > MAX_LETTERS:
        raise BadInput(f"text has {len(line)} letters, more than the {MAX_LETTERS} that fit; shorten it")
    face = _find_font(line, font)
    known = face.getBestCmap() or {}
    glyphs, advances = face.getGlyphSet(), face["hmtx"].metrics
    pen_x, contours = 0.0, []
    for letter in line:
        glyph = known[ord(letter)]
        pen = _new_pen(glyphs)
        glyphs[glyph].draw(pen)
        contours += [contour + np.array([pen_x, 0.0]) for contour in pen.contours]
        pen_x += advances[glyph][0]
    if not contours:
        raise BadInput("text must have at least one visible letter")
    scale = cap_mm / _cap_height(face)
    shifted = [(contour - np.array([pen_x / 2, 0.0])) * scale for contour in contours]
    section = manifold3d.CrossSection([contour.tolist() for contour in shifted], manifold3d.FillRule.NonZero)
    return Outline(
        section.simplify(_FINEST_MM), str(face["name"].getBestFullName() if "name" in face else "")
    )


def _find_font(line: str, path: Path | None) -> "TTFont":
    """The font at `path`, or the built-in one, or one of the system that has the letters that it lacks."""
    face = _open_font(path)
    missing = _list_missing(line, face)
    if not missing:
        return face
    for name in SYSTEM_FONTS if path is None else ():
        try:
            other = _open_font(Path(str(ImageFont.truetype(name, 16).path)))
        except OSError:  # the system has none of this name
            continue
        if not _list_missing(line, other):
            return other
    which = path.name if path else "the built-in font"
    raise BadInput(
        f"text {line!r} has letters that {which} lacks ({' '.join(missing)}); leave them out, or name a font with",
        field="text",
        cure="font=FILE",
    )


def _list_missing(line: str, face: "TTFont") -> list[str]:
    """The letters that a font has no shape for."""
    known = face.getBestCmap() or {}
    return sorted({letter for letter in line if ord(letter) not in known})


def _open_font(path: Path | None) -> "TTFont":
    from fontTools.ttLib import TTFont, TTLibError

    try:
        if path is not None:
            return TTFont(path, fontNumber=0)
        built_in: Any = ImageFont.load_default(size=16)
        return TTFont(BytesIO(built_in.font_bytes))
    except (OSError, TTLibError) as error:
        raise BadInput(f"font {path} cannot be read; name a .ttf or .otf file") from error


def _cap_height(face: "TTFont") -> float:
    """Height of a capital in font units: as the font says, else 0.7 of its em."""
    stated = getattr(face["OS/2"], "sCapHeight", 0) if "OS/2" in face else 0
    return float(stated or 0.7 * face["head"].unitsPerEm)


def _new_pen(glyphs: Any) -> Any:
    """A pen that collects closed contours (N,2), curves cut into straight pieces."""
    from fontTools.pens.basePen import BasePen

    class Pen(BasePen):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(glyphs)
            self.contours: list[F64] = []
            self._points: list[tuple[float, float]] = []

        def _moveTo(self, point: tuple[float, float]) -> None:
            self._points = [point]

        def _lineTo(self, point: tuple[float, float]) -> None:
            self._points.append(point)

        def _curveToOne(self, a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> None:
            control = np.array([self._points[-1], a, b, c], np.float64)
            t = np.arange(1, _PIECES + 1)[:, None] / _PIECES
            powers = np.concatenate([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)
            self._points += [(float(x), float(y)) for x, y in powers @ control]

        def _closePath(self) -> None:
            points = np.array(self._points, np.float64)
            if len(points) > 1 and np.allclose(points[0], points[-1]):
                points = points[:-1]
            if len(points) > 2:
                self.contours.append(points)

    return Pen()
