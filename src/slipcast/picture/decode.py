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
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
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


def read_picture(path: Path, *, view: View = View.FRONT) -> Picture:
    """Decode the picture at `path`, which shows the figurine's `view`.

    `source` of the result holds the file's name, its sha256 and its size in bytes, and of a picture that was made from
    words what the JSON beside it tells: prompt, model, material ...

    Raises BadInput with one sentence when there is no such file, it cannot be read, it is empty, damaged or
    not a picture, a side is under 32 px, it has more than 100 megapixels, or it is transparent everywhere.
    """
    path = Path(path)
    data = _read(path)
    pixels, alpha, findings = _decode(data, path)
    if alpha is not None and not alpha.any():
        raise BadInput(f"{path} is fully transparent; give a picture that shows a figurine")
    if alpha is not None and bool((alpha == 255).all()):
        alpha = None
    digest = hashlib.sha256(data).hexdigest()
    source = facts_beside(path, digest) | {"file": path.name, "sha256": digest, "bytes": len(data)}
    return Picture(pixels=pixels, alpha=alpha, view=view, source=source, findings=tuple(findings))


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
            Image.init()
            image = Image.open(io.BytesIO(data), formats=[each for each in FORMATS if each in Image.OPEN])
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
        if width * height > MAX_PIXELS:
            raise BadInput(f"{path} has {width} x {height} px, more than 100 megapixels; make it smaller")
        if min(width, height) < MIN_SIDE_PX:
            raise BadInput(
                f"{path} has only {width} x {height} px; give a picture of at least {MIN_SIDE_PX} px a side, "
                "better 512 or more"
            )
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
