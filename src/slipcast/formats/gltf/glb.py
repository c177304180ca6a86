"""Figurine -> GLB: the glTF document of formats/gltf/write.py and its buffer in one file."""

import json
import struct

from slipcast.core.values import Export, Figurine
from slipcast.formats.common.losses import find_losses
from slipcast.formats.common.naming import Names
from slipcast.formats.gltf.write import build
from slipcast.formats.table import ExportOptions


def write_glb(figurine: Figurine, options: ExportOptions) -> Export:
    """Write `<name>.glb` with the textures inside."""
    document, blob, _ = build(figurine, options, embed=True)
    said = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text = said.encode(errors="replace")  # a file's name may hold bytes that are no text
    text += b" " * (-len(text) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(blob), b"BIN\0") + blob
    data = struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body
    file = f"{Names(figurine, options.naming).file}.glb"
    return Export(files={file: data}, findings=find_losses("glb", figurine, options))
