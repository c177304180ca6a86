"""A picture file -> Picture: decoded whole, upright, 8 bits a channel, sRGB.

The provider `folder` is the user's own disk: nothing is generated, nothing is sent anywhere. Pillow
decodes; what a file claims is checked before it is believed (size before decoding, every byte by decoding).

What is changed on the way: EXIF rotation is applied, 16-bit values are divided by 257, 32-bit and floating
point ones are stretched from their own darkest to their brightest, CMYK and other colour profiles become
sRGB, the first frame stands for an animation. An alpha that is opaque everywhere is no alpha.
"""

import hashlib
import io
import json
import warnings
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.options import show
from slipcast.core.values import U8, Picture, View

MAX_PIXELS = 100_000_000
"""A picture of more is refused before it is decoded."""
MAX_BYTES = 512 * 1024 * 1024
"""A larger file is refused before it is read."""
_MAX_FACTS_BYTES = 1024 * 1024
MIN_SIDE_PX = 32
"""A picture with a shorter side is refused."""
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000", "AVIF")
"""What is decoded, by Pillow's names, as far as the Pillow at hand was built with it."""

_WIDE_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


class Readable(Protocol):
    """A file object that is open for reading bytes."""

    def read(self) -> bytes:
        """All bytes from here to the end."""
        ...


PictureSource = Path | str | bytes | Readable | Image.Image | np.ndarray[Any, Any] | Picture
"""What a picture is read from: a path, a file's bytes, an open file, a PIL image, pixels (H,W,3 or 4), a Picture."""


def read_picture(source: PictureSource, *, view: View | str = View.FRONT) -> Picture:
    """Decode a picture that shows the figurine's `view`.

    `source` is a path, the bytes of a picture file, a file object, a PIL image, or an array (H,W), (H,W,3) or (H,W,4)
    of uint8; a `Picture` is returned as it is, of this `view`. `source` of the result holds the file's name where there
    is one, its sha256 and its size in bytes, and of a picture that was made from words what the JSON beside it tells:
    prompt, model, material ...

    Raises BadInput with one sentence when there is no such file, it cannot be read, it is empty, damaged or
    not a picture, a side is under 32 px, it has more than 100 megapixels, or it is transparent everywhere.

    >>> read_picture("knight.png").width_px
    384
    >>> read_picture(np.zeros((64, 64, 3), np.uint8), view="left").view
    <View.LEFT: 'left'>
    """
    view = view_of(view)
    if isinstance(source, Picture):
        return source if source.view is view or view is View.FRONT else replace(source, view=view)
    name, what = _name_of(source), _name_of(source) or "the picture"
    if isinstance(source, np.ndarray | Image.Image):
        return _from_memory(source, view)
    if isinstance(source, str | Path):
        path = Path(source)
        data, what = _read(path), str(path)
    else:
        data = _read_bytes(source, what)
    pixels, alpha, findings = _decode(data, Path(what))
    facts: dict[str, object] = ({"file": name} if name else {}) | _digest(data)
    if isinstance(source, str | Path):
        facts = facts_beside(Path(source), str(facts["sha256"])) | facts
    return _picture(pixels, alpha, what, facts, view, findings)


def view_of(word: object, *, field: str = "view") -> View:
    """The side of that name; BadInput lists those there are.

    >>> view_of("Left")
    <View.LEFT: 'left'>
    """
    if not isinstance(word, str) or word.strip().lower() not in set(View):
        raise BadInput(f"{field} is {show(word)}; give one of {', '.join(View)}", field=field)
    return View(word.strip().lower())


def _name_of(source: object) -> str:
    """The file's name without its folder; empty where there is no file."""
    if isinstance(source, str | Path):
        return Path(source).name
    named = getattr(source, "name", "") or getattr(source, "filename", "")
    return Path(named).name if isinstance(named, str) and named else ""


def _digest(data: bytes) -> dict[str, object]:
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def _read_bytes(source: object, what: str) -> bytes:
    """The bytes of a file object, or the bytes themselves."""
    data = source if isinstance(source, bytes | bytearray | memoryview) else None
    if data is None:
        read = getattr(source, "read", None)
        if not callable(read):
            raise BadInput(
                f"picture is {show(source)}; give a path, bytes, an open file, a PIL image or an array (H,W,3)",
                field="picture",
            )
        try:
            data = read()
        except (OSError, ValueError) as problem:
            raise BadInput(
                f"{what} cannot be read ({problem}); give a file that is open for reading"
            ) from None
    if isinstance(data, str):
        raise BadInput(f"{what} is open as text; open it with 'rb'")
    if not data:
        raise BadInput(f"{what} is empty (0 bytes); give a complete picture file")
    if len(data) > MAX_BYTES:
        raise BadInput(f"{what} has {len(data) / 2**20:.0f} MiB; give at most {MAX_BYTES // 2**20} MiB")
    return bytes(data)


def _from_memory(source: Image.Image | np.ndarray[Any, Any], view: View) -> Picture:
    """A picture that is decoded already."""
    what = "the picture"
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or not (
            source.ndim == 2 or (source.ndim == 3 and source.shape[2] in (1, 3, 4))
        ):
            shape = "x".join(map(str, source.shape))
            raise BadInput(
                f"picture is an array of {source.dtype} {shape}; give uint8 of (H,W,3) or (H,W,4), 0 to 255, sRGB",
                field="picture",
            )
        levels = source if source.ndim == 3 else source[..., None]
        pixels = np.ascontiguousarray(np.broadcast_to(levels[..., :3], (*levels.shape[:2], 3)))
        alpha = np.ascontiguousarray(levels[..., 3]) if levels.shape[2] == 4 else None
    else:
        try:
            pixels, alpha = _channels(ImageOps.exif_transpose(source))
        except (OSError, SyntaxError, ValueError, TypeError):
            raise BadInput(f"{what} is damaged or cut short; give a complete picture") from None
    _check_size(pixels.shape[1], pixels.shape[0], what)
    data = pixels.tobytes() + (b"" if alpha is None else alpha.tobytes())
    named = _name_of(source)
    facts: dict[str, object] = {"file": named} if named else {}
    return _picture(pixels, alpha, what, facts | _digest(data), view, [])


def _picture(
    pixels: U8, alpha: U8 | None, what: str, facts: dict[str, object], view: View, findings: list[Finding]
) -> Picture:
    if alpha is not None and not alpha.any():
        raise BadInput(f"{what} is fully transparent; give a picture that shows a figurine")
    if alpha is not None and bool((alpha == 255).all()):
        alpha = None
    return Picture(pixels=pixels, alpha=alpha, view=view, source=facts, findings=tuple(findings))


def _check_size(width: int, height: int, what: object) -> None:
    if width * height > MAX_PIXELS:
        raise BadInput(f"{what} has {width} x {height} px, more than 100 megapixels; make it smaller")
    if min(width, height) < MIN_SIDE_PX:
        raise BadInput(
            f"{what} has only {width} x {height} px; give a picture of at least {MIN_SIDE_PX} px a side, "
            "better 512 or more"
        )


def facts_beside(path: Path, sha256: str) -> dict[str, object]:
    """Return the JSON that `slipcast generate` wrote beside this very picture; empty without."""
    beside = path.with_suffix(".json")
    try:
        if not beside.is_file() or beside.stat().st_size > _MAX_FACTS_BYTES:
            return {}
        facts = json.loads(beside.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) and facts.get("sha256") == sha256 else {}


def _read(path: Path) -> bytes:
    """The file's bytes, or BadInput saying why not."""
    try:
        if path.is_dir():
            raise BadInput(f"{path} is a folder; give a picture file, for instance {path}/*.png")
        if not path.exists():
            raise BadInput(f"{path} does not exist; give the path of a picture file")
        if not path.is_file():
            raise BadInput(f"{path} is not a regular file; give the path of a picture file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadInput(
                f"{path} has {size / 2**20:.0f} MiB; give a picture file of at most {MAX_BYTES // 2**20} MiB"
            )
        data = path.read_bytes()
    except PermissionError:
        raise BadInput(
            f"{path} may not be read; give yourself permission, for instance with chmod u+r"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BadInput(f"{path} cannot be read ({reason}); give the path of a picture file") from None
    if not data:
        raise BadInput(f"{path} is empty (0 bytes); give a complete picture file")
    return data


def _decode(data: bytes, path: Path) -> tuple[U8, U8 | None, list[Finding]]:
    """Pixels (H,W,3), alpha (H,W) or None, and findings."""
    broken = f"{path} is damaged or cut short; give a complete picture file"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of bombs and odd tags; what matters is checked here
        try:
            image = _open(data)
        except UnidentifiedImageError:
            if _looks_like_a_picture(data):
                raise BadInput(broken) from None
            if _is_heic(data):
                raise BadInput(
                    f"{path} is a HEIC picture, which cannot be decoded here; turn it into a PNG first, by "
                    f"heif-convert {path.name} {path.stem}.png (libheif), or on a Mac with "
                    f"sips -s format png {path.name} --out {path.stem}.png"
                ) from None
            raise BadInput(
                f"{path} is not a picture; give a PNG, JPEG, WebP, AVIF, JPEG 2000, TIFF, BMP or GIF file"
            ) from None
        except Image.DecompressionBombError:
            raise BadInput(f"{path} has far more than 100 megapixels; make it smaller") from None
        except (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, OverflowError):
            raise BadInput(broken) from None
        width, height = image.size
        _check_size(width, height, path)
        try:
            frames = int(getattr(image, "n_frames", 1))
            image.load()
            if image.format == "MPO":
                frames = 1  # a camera's preview or a second eye, not an animation
            upright = ImageOps.exif_transpose(image)
            pixels, alpha = _channels(upright)
        except (
            OSError,
            SyntaxError,
            ValueError,
            EOFError,
            KeyError,
            IndexError,
            TypeError,
            OverflowError,
            MemoryError,
            ZeroDivisionError,
        ):
            raise BadInput(broken) from None
    findings = []
    if frames > 1:
        findings.append(finding("PICTURE_ANIMATED", {"file": path.name, "frames": frames}))
    return pixels, alpha, findings


def _open(data: bytes) -> Image.Image:
    """The picture's head; Pillow's rarer formats (0.06 s of CPU) are imported where the usual ones do not know it."""
    Image.preinit()
    with suppress(UnidentifiedImageError):
        return Image.open(io.BytesIO(data), formats=[each for each in FORMATS if each in Image.OPEN])
    Image.init()
    return Image.open(io.BytesIO(data), formats=[each for each in FORMATS if each in Image.OPEN])


def _looks_like_a_picture(data: bytes) -> bool:
    """Whether a file that Pillow does not know begins as a picture does: it is cut short, not foreign."""
    heads = (b"\x89PNG", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*", b"GIF8", b"BM")
    return data.startswith(heads) or (
        data[:4] == b"RIFF" and data[8:12] in (b"", b"W", b"WE", b"WEB", b"WEBP")
    )


def _is_heic(data: bytes) -> bool:
    """Whether the file's brands (ISO/IEC 23008-12) are those of HEVC pictures; AVIF has the same container."""
    if data[4:8] != b"ftyp":
        return False
    end = min(int.from_bytes(data[:4], "big"), len(data), 256)
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end - 3, 4))}
    hevc = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
    return bool(brands & hevc) or (data[8:12] in (b"mif1", b"msf1") and not brands & {b"avif", b"avis"})


def _channels(image: Image.Image) -> tuple[U8, U8 | None]:
    """Pixels (H,W,3) in sRGB and alpha (H,W) or None of a decoded image in whatever mode."""
    if image.mode in _WIDE_MODES:
        grey = _eight_bits(image)
        return np.repeat(grey[..., None], 3, axis=2), _transparent_grey(image)
    if image.mode == "P" or (image.mode in ("1", "L", "RGB") and "transparency" in image.info):
        image = _keep_profile(image, "RGBA" if "transparency" in image.info else "RGB")
    alpha: U8 | None = None
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        straight = image.convert("RGBA")
        alpha = np.array(straight.getchannel("A"), dtype=np.uint8)
        image = _keep_profile(image, "L") if image.mode in ("LA", "La") else _keep_profile(image, "RGB")
    if image.mode == "1":
        image = image.convert("L")
    return np.array(_srgb(image), dtype=np.uint8), alpha


def _keep_profile(image: Image.Image, mode: str) -> Image.Image:
    """Convert to `mode` and carry the colour profile along."""
    profile = image.info.get("icc_profile")
    made = image.convert(mode)
    if profile:
        made.info["icc_profile"] = profile
    return made


def _eight_bits(image: Image.Image) -> U8:
    """(H,W) of an image of 16 or more bits a pixel."""
    values = np.asarray(image)
    if image.mode.startswith("I;16") or (image.mode == "I" and values.min() >= 0 and values.max() <= 65535):
        # 16 bits, which older decoders give as 32-bit integers
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    finite = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    if image.mode == "F" and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    return np.round((finite - low) / max(high - low, 1e-12) * 255).astype(np.uint8)


def _transparent_grey(image: Image.Image) -> U8 | None:
    """Alpha (H,W) of a 16-bit grey PNG that names one transparent value."""
    value = image.info.get("transparency")
    if not isinstance(value, int):
        return None
    return np.where(np.asarray(image) == value, 0, 255).astype(np.uint8)


def _srgb(image: Image.Image) -> Image.Image:
    """RGB in sRGB: through the embedded profile where it is usable, else as Pillow converts."""
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "L", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "srgb" not in ImageCms.getProfileDescription(source).lower():
                made = ImageCms.profileToProfile(
                    image, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
                )
                if made is not None:
                    return made
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass  # a damaged profile: the numbers are taken as sRGB, which most viewers do as well
    return image.convert("RGB")
