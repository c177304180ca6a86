"""Painted parts -> one 3MF that slicers show in colour, by every way that one of them reads.

Each triangle names its colour three times: by the materials extension's colour group (Bambu Studio, viewers), by
`slic3rpe:mmu_segmentation` (PrusaSlicer) and by `paint_color` (OrcaSlicer, Bambu Studio). No printer setting is inside
and `Application` does not claim to be a slicer: both would switch off one reader or ask the user a question. The
prefixes `m` and `slic3rpe` are literal, since those readers compare text.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from slipcast.core.values import F64, I32, I64
from slipcast.formats.common.rows import write_lines
from slipcast.formats.threemf.write import CORE, MATERIALS, OURS, pack_parts, relate, write_xml

_SLIC3R = "http://schemas.slic3r.org/3mf/2017/06"
_MODEL_PART = "3D/3dmodel.model"
_THUMBNAIL = "Metadata/thumbnail.png"
_MODEL_TYPE = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
_THUMBNAIL_TYPE = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"
_LEVEL = 4
"""Of deflate: 7 % larger than at 6 in two fifths of the time, which is the longest step of writing."""


@dataclass(frozen=True, kw_only=True)
class PaintedPart:
    """One object of the file, where it lies on the plate."""

    name: str
    vertices_mm: F64
    """(V,3), z up, lowest at 0."""
    faces: I32
    """(F,3)."""
    index: I64 | None
    """(F,) number of each face's colour; None for one colour."""


def write_painted_threemf(
    parts: Sequence[PaintedPart],
    colors: Sequence[tuple[int, int, int]],
    *,
    title: str,
    metadata: Mapping[str, object],
    thumbnail: bytes | None = None,
) -> bytes:
    """Return the package; equal input gives equal bytes. `colors` are sRGB, number k is filament k + 1."""
    files = {
        "[Content_Types].xml": write_xml(
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>'
            '<Default Extension="png" ContentType="image/png"/></Types>'
        ),
        "_rels/.rels": relate(
            [(_MODEL_TYPE, _MODEL_PART)] + ([(_THUMBNAIL_TYPE, _THUMBNAIL)] if thumbnail else [])
        ),
        _MODEL_PART: _write_model(parts, colors, title, metadata),
    }
    if thumbnail:
        files[_THUMBNAIL] = thumbnail
    return pack_parts(files, level=_LEVEL)


def encode_paint(filament: int) -> str:
    """Return the paint string of a whole triangle in `filament` (from 1): hex digits, the least significant last.

    Raises ValueError for a filament that is not 1 to 16.

    >>> [encode_paint(number) for number in (1, 2, 3, 4, 16)]
    ['4', '8', '0C', '1C', 'DC']
    """
    if not 1 <= filament <= 16:
        raise ValueError(f"filament must be 1 to 16, got {filament}")
    return f"{4 * filament:X}" if filament < 3 else f"{filament - 3:X}C"


def _write_model(
    parts: Sequence[PaintedPart],
    colors: Sequence[tuple[int, int, int]],
    title: str,
    metadata: Mapping[str, object],
) -> bytes:
    painted = any(part.index is not None for part in parts) and len(colors) > 0
    about = {
        "Title": title,
        "Application": "Slipcast",
        **({"slic3rpe:Version3mf": "1", "slic3rpe:MmPaintingVersion": "1"} if painted else {}),
        "slipcast:provenance": json.dumps(metadata, allow_nan=False),
    }
    group = ""
    if painted:
        group = (
            '<m:colorgroup id="1">'
            + "".join(f'<m:color color="#{r:02X}{g:02X}{b:02X}FF"/>' for r, g, b in colors)
            + "</m:colorgroup>"
        )
    objects = "".join(_write_object(number, part, painted) for number, part in enumerate(parts, start=2))
    items = "".join(f'<item objectid="{number}"/>' for number in range(2, 2 + len(parts)))
    return write_xml(
        f'<model unit="millimeter" xml:lang="en-US" xmlns="{CORE}" xmlns:m="{MATERIALS}" '
        f'xmlns:slic3rpe="{_SLIC3R}" xmlns:slipcast="{OURS}">'
        + "".join(f"<metadata name={quoteattr(k)}>{escape(v)}</metadata>" for k, v in about.items())
        + f"<resources>{group}{objects}</resources><build>{items}</build></model>"
    )


def _write_object(number: int, part: PaintedPart, painted: bool) -> str:
    head = f'<object id="{number}" type="model" name={quoteattr(part.name)}'
    vertices = write_lines('<vertex x="%.7g" y="%.7g" z="%.7g"/>', part.vertices_mm)
    if part.index is None or not painted:
        triangles = write_lines('<triangle v1="%d" v2="%d" v3="%d"/>', part.faces)
        return (
            f"{head}><mesh><vertices>{vertices}</vertices><triangles>{triangles}</triangles></mesh></object>"
        )
    texts = []
    for color in range(int(part.index.max()) + 1):
        chosen = part.faces[part.index == color]
        if len(chosen):
            paint = encode_paint(color + 1)
            row = (
                f'<triangle v1="%d" v2="%d" v3="%d" pid="1" p1="{color}" slic3rpe:mmu_segmentation="{paint}" '
                f'paint_color="{paint}"/>'
            )
            texts.append(write_lines(row, chosen))
    return (
        f'{head} pid="1" pindex="0"><mesh><vertices>{vertices}</vertices>'
        f"<triangles>{''.join(texts)}</triangles></mesh></object>"
    )
