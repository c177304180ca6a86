"""Figurine -> 3MF in millimetres, Z up, with its texture, by the core and the materials specification.

The package is a plain zip with fixed dates and fixed part names, so equal figurines give equal bytes.
Rejected: trimesh's writer (random UUIDs, no colours, refused by lib3mf's strict reader) and lib3mf's own
(zip64 records that slic3r cannot open). The numbers in the file are what a slicer prints: `unit="meter"`
would be right by the specification, but viewers that skip the unit would show a speck.
"""

import io
import json
import zipfile
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from slipcast.core.values import Export, Figurine
from slipcast.formats.common import texture_files
from slipcast.formats.common.axes import Frame
from slipcast.formats.common.losses import describe_kept, find_losses
from slipcast.formats.common.naming import Names
from slipcast.formats.common.rows import write_lines
from slipcast.formats.table import ExportOptions
from slipcast.mesh import tangents

FIRST_ZIP_DATE = (1980, 1, 1, 0, 0, 0)

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
MATERIALS = "http://schemas.microsoft.com/3dmanufacturing/material/2015/02"
OURS = "urn:slipcast:3mf:1"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_MODEL_PART = "3D/3dmodel.model"
_MODEL_TYPE = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
_TEXTURE_TYPE = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dtexture"


def write_threemf(figurine: Figurine, options: ExportOptions) -> Export:
    """Write `<name>.3mf`: one object, its texture and the metadata."""
    names = Names(figurine, options.naming)
    found = find_losses("3mf", figurine, options)
    figurine = describe_kept("3mf", figurine, options)
    options = texture_files.restrict_to_common(options)
    kind = texture_files.choose_kind(options)
    texture = f"3D/Textures/basecolor{texture_files.choose_suffix(options)}"
    suffix, media_type = texture.rpartition(".")[2], texture_files.MEDIA_TYPE[kind]
    parts = {
        "[Content_Types].xml": write_xml(
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>'
            f'<Default Extension="{suffix}" ContentType="{media_type}"/></Types>'
        ),
        "_rels/.rels": relate([(_MODEL_TYPE, _MODEL_PART)]),
        _MODEL_PART: _model(figurine, names, Frame("3mf", ExportOptions()), texture, media_type),
        "3D/_rels/3dmodel.model.rels": relate([(_TEXTURE_TYPE, texture)]),
        texture: texture_files.encode_base_color(figurine, options),
    }
    return Export(files={f"{names.file}.3mf": pack_parts(parts)}, findings=found)


def _model(figurine: Figurine, names: Names, frame: Frame, texture: str, media_type: str) -> bytes:
    """Write the model part: texture, texture coordinates, one mesh, one build item."""
    mesh = figurine.mesh
    corner, uv_index = tangents.split_vertices(np.zeros_like(mesh.faces), figurine.uv)
    uv = figurine.uv.reshape(-1, 2)[corner].astype(np.float64)
    uv[:, 1] = 1 - uv[:, 1]  # 3MF's origin is bottom left
    about = {**figurine.provenance, "findings": [entry.as_dict() for entry in figurine.findings]}
    metadata = {
        "Title": names.mesh,
        "Application": "Slipcast",
        "slipcast:provenance": json.dumps(about, allow_nan=False),
    }
    triangles = np.concatenate([mesh.faces, uv_index], axis=1)
    return write_xml(
        f'<model unit="millimeter" xml:lang="en-US" xmlns="{CORE}" xmlns:m="{MATERIALS}" '
        f'xmlns:slipcast="{OURS}">'
        + "".join(f"<metadata name={quoteattr(k)}>{escape(v)}</metadata>" for k, v in metadata.items())
        + f'<resources><m:texture2d id="1" path="/{texture}" contenttype="{media_type}" '
        'tilestyleu="clamp" tilestylev="clamp"/><m:texture2dgroup id="2" texid="1">'
        + write_lines('<m:tex2coord u="%.9g" v="%.9g"/>', uv)
        + f'</m:texture2dgroup><object id="3" type="model" name={quoteattr(names.mesh)} pid="2" pindex="0">'
        "<mesh><vertices>"
        + write_lines('<vertex x="%.9g" y="%.9g" z="%.9g"/>', frame.positions(mesh.vertices))
        + "</vertices><triangles>"
        + write_lines('<triangle v1="%d" v2="%d" v3="%d" pid="2" p1="%d" p2="%d" p3="%d"/>', triangles)
        + '</triangles></mesh></object></resources><build><item objectid="3"/></build></model>'
    )


def relate(targets: "list[tuple[str, str]]") -> bytes:
    """Write a part with relationships, each a type and its target."""
    rows = "".join(
        f'<Relationship Target="/{target}" Id="rel{number}" Type="{kind}"/>'
        for number, (kind, target) in enumerate(targets)
    )
    return write_xml(f'<Relationships xmlns="{_RELATIONS}">{rows}</Relationships>')


def write_xml(body: str) -> bytes:
    """Write a part of XML in UTF-8."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def pack_parts(parts: dict[str, bytes], *, level: int = 6) -> bytes:
    """Pack `parts` at deflate `level` with the oldest date that a zip can hold, so that no clock shows."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as package:
        for name, data in parts.items():
            entry = zipfile.ZipInfo(name, FIRST_ZIP_DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 0  # the same on every system
            package.writestr(entry, data)
    return out.getvalue()
