"""What reading a mesh file gives, and the limits that hold for every format.

No file is trusted: sizes are checked before memory is taken, indices and numbers before they are used;
nothing is fetched, and no path outside the file's own folder is opened. Every refusal is a BadInput that
names the file.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.values import F64, I32, U8

MAX_FILE_BYTES = 512 * 2**20
MAX_FACES = 5_000_000
MAX_VERTICES = 15_000_000
MAX_PIXELS = 100_000_000
MAX_PARTS = 1000
"""Meshes, materials or textures in one file."""
LARGEST = 1e15
"""Of a coordinate, in file units: its cube is still a number."""

_HEAD_BYTES = 2**20
"""Of a texture file: what is read to tell its size."""
_UNOPENED = {
    "not opened": "its path leads out of the file's own folder; put it beside the file and name it without a path",
    "missing": "it is not there; put it beside the file",
    "unreadable": "it cannot be read; save it again, as PNG or JPEG",
    "undecodable": "it is no PNG, JPEG or WebP that can be decoded; save it again as one",
}
"""Media types of textures that were not opened: why, and the cure."""


@dataclass(frozen=True, kw_only=True)
class TextureFact:
    """One texture that a file names or holds."""

    name: str
    media_type: str
    """Of the encoded image; without a picture why there is none, a word of `_UNOPENED`."""
    bytes: int
    width_px: int | None = None
    height_px: int | None = None

    @property
    def is_opened(self) -> bool:
        """Whether there is a picture behind its name, as far as was looked."""
        return self.media_type not in _UNOPENED


@dataclass(frozen=True, kw_only=True)
class MaterialFact:
    """One material, as far as the format knows it."""

    name: str
    metallic: float | None = None
    roughness: float | None = None
    textures: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Content:
    """A mesh file's content: one triangle soup in the file's own axes and unit."""

    format: str
    points: F64
    """(V,3) in file units; finite, and each in a face, once `read_content` returns it."""
    faces: I32
    """(F,3), every index below V."""
    unit_m: float
    """Metres in one file unit: stated by the file, or the format's custom."""
    unit_is_custom: bool
    """True when the file itself states no unit."""
    up: str
    """`y` or `z`."""
    meshes: tuple[str, ...] = ()
    """The meshes' names."""
    mesh_of: I32 | None = None
    """(F,) which of the file's meshes each face is of; None where that is not told."""
    attributes: tuple[str, ...] = ()
    """Of `normals`, `uv`, `colors`."""
    colors: U8 | None = None
    """(F,3,3) sRGB at the corners of `faces`; None where the file has none, or is of a format that is not asked."""
    materials: tuple[MaterialFact, ...] = ()
    textures: tuple[TextureFact, ...] = ()
    generator: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    """What the reader left out or took on trust; the metadata's own findings are none of these."""


class Tally:
    """Counts what a file's meshes add up to: a small file may name one large mesh ten thousand times."""

    def __init__(self, path: Path) -> None:
        self.path, self.vertices, self.faces, self.parts = path, 0, 0, 0

    def add(self, vertices: int, faces: int) -> int:
        """Count one more mesh and return how many vertices came before it; BadInput when it is too much."""
        before = self.vertices
        self.vertices += vertices
        self.faces += faces
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise BadInput(f"{self.path} has more than {MAX_PARTS} meshes, which is too many")
        if self.vertices > MAX_VERTICES or self.faces > MAX_FACES:
            raise BadInput(
                f"{self.path} adds up to more than {MAX_VERTICES} vertices or {MAX_FACES} faces, which is too many"
            )
        return before


def read_bytes(path: Path, most: int | None = None) -> bytes:
    """Read a whole file of at most `most` bytes, by default MAX_FILE_BYTES.

    Raises BadInput for a folder, an empty file, a larger one, and one that cannot be read.
    """
    most = MAX_FILE_BYTES if most is None else most
    try:
        if path.is_dir():
            raise BadInput(f"{path} is a folder; name the mesh file in it")
        size = path.stat().st_size
        if size > most:
            raise BadInput(f"{path} is {size / 2**20:.1f} MB; at most {most / 2**20:.1f} MB are read")
        if size == 0:
            raise BadInput(f"{path} is empty")
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error


def beside(path: Path, reference: str, *, quoted: bool = False) -> Path:
    """Return the file that `path` refers to by a relative `reference` inside its own folder.

    Raises BadInput for a URL, an absolute path, or one that leaves the folder (through `..` or a link). What the system
    cannot resolve, such as links that run in a circle, is BadInput too.
    """
    name = unquote(reference) if quoted else reference
    if "://" in name or name.startswith(("/", "\\", "file:")) or name[1:2] == ":" or "\0" in name:
        raise BadInput(f"{path} refers to {name!r}, which is not a file beside it; it is not opened")
    try:
        folder = path.resolve().parent
        target = (folder / name.replace("\\", "/")).resolve()
        target.is_file()
        if target.is_symlink():  # Python 3.13 leaves links in a circle as they are, where earlier ones raise
            raise OSError("links in a circle")
    except (OSError, RuntimeError, ValueError) as error:  # too long, or links in a circle
        raise BadInput(f"{path} refers to {name[:80]!r}, which is no file's name") from error
    if not target.is_relative_to(folder):
        raise BadInput(f"{path} refers to {name!r} outside its folder; it is not opened")
    return target


def check_points(path: Path, points: "np.typing.NDArray[np.generic]") -> F64:
    """Return (V,3) float64 points; BadInput when there are none or too many. See `check_places` for their numbers."""
    if len(points) == 0:
        raise BadInput(f"{path} holds no mesh")
    if len(points) > MAX_VERTICES:
        raise BadInput(f"{path} has {len(points)} vertices; at most {MAX_VERTICES} are read")
    return np.asarray(points, dtype=np.float64)


def check_places(path: Path, points: "np.typing.NDArray[np.floating]") -> None:
    """Raise BadInput when one of (V,3) points that faces use is not a number, or farther away than LARGEST."""
    if not np.isfinite(points).all():
        raise BadInput(f"{path} has a vertex whose position is not a number")
    if max(float(points.max()), -float(points.min())) > LARGEST:
        raise BadInput(f"{path} has a vertex farther away than {LARGEST:g}, which no figurine is")


def drop_loose(path: Path, content: Content) -> Content:
    """Return `content` without the vertices that no face uses, which are no surface; they are told.

    Scanners write what they did not see as vertices that are not numbers; modelling programs leave points behind.
    Either would count in the size. Raises BadInput as `check_places` does.
    """
    used = np.zeros(len(content.points), dtype=bool)
    used[content.faces] = True
    if used.all():
        check_places(path, content.points)
        return content
    points = content.points[used]
    check_places(path, points)
    faces = (np.cumsum(used, dtype=np.int32) - 1)[content.faces]
    told = finding("FILE_LEFT_OUT", {"what": f"{len(used) - len(points)} vertices that no face uses"})
    return replace(content, points=points, faces=faces, findings=(*content.findings, told))


def check_faces(path: Path, faces: "np.typing.NDArray[np.generic]", vertices: int, *, first: int = 0) -> I32:
    """Return (F,3) int32 faces; BadInput when there are none or too many, or one names a vertex that is not there.

    `first` is the number of the format's first vertex, for the sentence.
    """
    if len(faces) == 0:
        raise BadInput(f"{path} holds no triangles")
    if len(faces) > MAX_FACES:
        raise BadInput(f"{path} has {len(faces)} faces; at most {MAX_FACES} are read")
    whole = np.asarray(faces, dtype=np.int64)
    if whole.min() < 0 or whole.max() >= vertices:
        low, high = int(whole.min()), int(whole.max())
        named = high + first if low >= 0 else low - vertices if first else low
        raise BadInput(f"{path} has a face that names vertex {named} of {vertices}; the file is damaged")
    return whole.astype(np.int32)


def texture_fact(name: str, data: "bytes | memoryview", size: int | None = None) -> TextureFact:
    """Describe encoded image bytes by their head; width and height are None where the head cannot be read.

    `size` is that of the whole file where `data` is only its beginning.
    """
    head, length = bytes(data[:_HEAD_BYTES]), len(data) if size is None else size
    width: int | None = None
    height: int | None = None
    media_type = "unknown"
    if head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) >= 24:
        media_type = "image/png"
        width, height = (int.from_bytes(head[at : at + 4], "big") for at in (16, 20))
    elif head[:2] == b"\xff\xd8":
        media_type = "image/jpeg"
        width, height = _jpeg_size(head)
    elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        media_type = "image/webp"
        width, height = _webp_size(head)
    return TextureFact(name=name, media_type=media_type, bytes=length, width_px=width, height_px=height)


def file_texture(path: Path, reference: str, *, quoted: bool = False) -> TextureFact:
    """Describe the texture file beside `path`; where it cannot be, the media type says why and 0 bytes are told.

    A mesh is worth reading without its texture, so an odd path is no error: it is `not opened`.
    """
    try:
        target = beside(path, reference, quoted=quoted)
    except BadInput:
        return TextureFact(name=reference, media_type="not opened", bytes=0)
    try:
        if not target.is_file():
            return TextureFact(name=reference, media_type="missing", bytes=0)
        with target.open("rb") as stream:
            return texture_fact(reference, stream.read(_HEAD_BYTES), target.stat().st_size)
    except OSError:
        return TextureFact(name=reference, media_type="unreadable", bytes=0)


def tell_unopened(textures: Iterable[TextureFact]) -> tuple[Finding, ...]:
    """A finding for each of `textures` that was not opened; the mesh is read without it."""
    return tuple(
        finding("TEXTURE_NOT_OPENED", {"name": entry.name[:200], "why": _UNOPENED[entry.media_type]})
        for entry in textures
        if not entry.is_opened
    )


def _webp_size(head: bytes) -> tuple[int | None, int | None]:
    """Width and height from the first chunk: lossy, lossless or extended."""
    kind, body = head[12:16], head[20:30]
    if len(body) < 10:
        return None, None
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    return None, None


def _jpeg_size(data: bytes) -> tuple[int | None, int | None]:
    """Walk the JPEG's segments to its frame header."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in (0xC0, 0xC1, 0xC2):
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        at += 2 + length
    return None, None
