"""What kind a file is: by its bytes when it comes in, by its name when it goes out."""

import io
from pathlib import PurePosixPath

import imagesize

from slipcast.core.errors import BadInput

PICTURES = {
    b"\x89PNG\r\n\x1a\n": ("image/png", ".png"),
    b"\xff\xd8\xff": ("image/jpeg", ".jpg"),
}
_MIMES = {
    ".glb": "model/gltf-binary",
    ".gltf": "model/gltf+json",
    ".bin": "application/octet-stream",
    ".fbx": "application/octet-stream",
    ".obj": "model/obj",
    ".mtl": "model/mtl",
    ".stl": "model/stl",
    ".3mf": "model/3mf",
    ".ply": "application/octet-stream",
    ".usdz": "model/vnd.usdz+zip",
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
}


def mime_of(name: str) -> str:
    """The media type for a file of that name."""
    return _MIMES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")


def check_picture(data: bytes, name: str, *, max_bytes: int, max_pixels: int) -> tuple[str, str]:
    """Media type and suffix of an uploaded picture, by its first bytes; nothing is decoded here.

    Raises BadInput for a file that is too large, claims too many pixels, or is no PNG, JPEG or WebP.
    """
    if not data:
        raise BadInput(f"{name} is empty (0 bytes); send a complete picture")
    if len(data) > max_bytes:
        raise BadInput(f"{name} has more than {max_bytes // 2**20} MiB; send a smaller picture")
    kind = next((kind for head, kind in PICTURES.items() if data.startswith(head)), None)
    if kind is None and data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = ("image/webp", ".webp")
    if kind is None:
        raise BadInput(f"{name} is no PNG, JPEG or WebP picture; send one of these")
    width, height = imagesize.get(io.BytesIO(data))
    if width <= 0 or height <= 0:
        raise BadInput(f"{name} is damaged or cut short; send a complete picture")
    if width * height > max_pixels:
        raise BadInput(f"{name} has {width} x {height} px; send at most {max_pixels / 1e6:g} megapixels")
    return kind
