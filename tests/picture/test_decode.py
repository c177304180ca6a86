"""Picture files of every kind, good and bad, as users bring them."""

import contextlib
import hashlib
import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from slipcast.core.errors import BadInput
from slipcast.core.values import U8, View
from slipcast.picture import decode
from slipcast.picture.decode import read_picture


def gradient(width: int = 64, height: int = 48) -> U8:
    """Every pixel its own colour, so that a flip or a swap of channels cannot hide."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // (width - 1), y * 255 // (height - 1), (x + y) % 256], axis=-1).astype(
        np.uint8
    )


def save(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def refused(path: Path) -> str:
    """The sentence with which the file is refused: one line that names it."""
    with pytest.raises(BadInput) as caught:
        read_picture(path)
    said = str(caught.value)
    assert path.name in said
    assert "\n" not in said
    return said


def test_png_comes_through_unchanged_with_its_origin(tmp_path: Path) -> None:
    path = save(Image.fromarray(gradient()), tmp_path / "fox.png")
    got = read_picture(path, view=View.BACK)
    assert np.array_equal(got.pixels, gradient())
    assert got.alpha is None
    assert got.view is View.BACK
    data = path.read_bytes()
    assert got.source == {"file": "fox.png", "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    assert got.findings == ()


def test_alpha_is_kept_and_an_opaque_one_is_none(tmp_path: Path) -> None:
    alpha = np.zeros((48, 64), np.uint8)
    alpha[10:30, 10:30] = 200
    shown = Image.fromarray(np.dstack([gradient(), alpha]))
    got = read_picture(save(shown, tmp_path / "a.png"))
    assert got.alpha is not None
    assert np.array_equal(got.alpha, alpha)
    assert np.array_equal(got.pixels, gradient())
    opaque = Image.fromarray(np.dstack([gradient(), np.full_like(alpha, 255)]))
    assert read_picture(save(opaque, tmp_path / "b.png")).alpha is None


@pytest.mark.parametrize("suffix", ["webp", "tiff", "bmp", "png"])
def test_lossless_formats_agree(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    got = read_picture(save(Image.fromarray(gradient()), tmp_path / f"x.{suffix}", **options))
    assert np.array_equal(got.pixels, gradient())


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)
    wide = np.repeat(ramp[None], 48, axis=0)
    got = read_picture(save(Image.fromarray(wide), tmp_path / "wide.png"))
    assert np.abs(got.pixels[0, :, 0].astype(int) - np.round(ramp / 257).astype(int)).max() <= 1
    assert got.pixels[0, -1].tolist() == [255, 255, 255]


def test_sixteen_bit_colour_is_scaled(tmp_path: Path) -> None:
    height, width = 40, 50
    rows = np.full((height, width, 3), [65535, 32896, 0], np.uint16)
    raw = b"".join(b"\x00" + row.astype(">u2").tobytes() for row in rows)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    path = tmp_path / "deep.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    )
    assert read_picture(path).pixels[5, 5].tolist() == [255, 128, 0]


def test_float_tiff(tmp_path: Path) -> None:
    values = np.linspace(0, 1, 64, dtype=np.float32)[None].repeat(40, axis=0)
    got = read_picture(save(Image.fromarray(values), tmp_path / "f.tiff"))
    assert got.pixels[0, 0, 0] == 0
    assert got.pixels[0, 32, 0] == round(float(values[0, 32]) * 255)
    assert got.pixels[0, -1, 0] == 255


def test_palette_with_transparency(tmp_path: Path) -> None:
    indexed = Image.new("P", (40, 40), 0)
    indexed.putpalette([10, 20, 30, 200, 100, 50])
    indexed.paste(1, (10, 10, 30, 30))
    got = read_picture(save(indexed, tmp_path / "p.png", transparency=0))
    assert got.alpha is not None
    assert got.alpha[0, 0] == 0
    assert got.alpha[20, 20] == 255
    assert got.pixels[20, 20].tolist() == [200, 100, 50]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK"])
def test_modes_keep_light_and_dark(tmp_path: Path, mode: str) -> None:
    """Left half black, right half white, whatever the encoding."""
    plain = Image.new("RGB", (64, 40), (0, 0, 0))
    plain.paste((255, 255, 255), (32, 0, 64, 40))
    path = tmp_path / ("x.tiff" if mode == "CMYK" else "x.png")
    got = read_picture(save(plain.convert(mode), path))
    assert got.pixels[20, 8].max() <= 60
    assert got.pixels[20, 56].min() >= 250
    assert got.alpha is None


def test_cmyk_jpeg(tmp_path: Path) -> None:
    path = save(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), tmp_path / "c.jpg")
    red, green, blue = read_picture(path).pixels[20, 20].tolist()
    assert red > 200
    assert max(green, blue) < 60


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(tmp_path: Path, orientation: int) -> None:
    upright = Image.fromarray(gradient(64, 48))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    got = read_picture(save(stored, tmp_path / "r.png", exif=exif))
    assert np.array_equal(got.pixels, gradient(64, 48))


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animation_gives_its_first_frame_and_says_so(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (40, 40), color) for color in ((200, 0, 0), (0, 200, 0), (0, 0, 200))]
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(frames[0], tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], **options)
    got = read_picture(path)
    assert got.pixels[5, 5].tolist() == [200, 0, 0]
    assert [f.code for f in got.findings] == ["PICTURE_ANIMATED"]
    assert "3 frames" in got.findings[0].message


def test_other_colour_profiles_become_srgb(tmp_path: Path) -> None:
    """A Lab picture read as sRGB would be wrong everywhere; a damaged profile is only left out."""
    lab = ImageCms.createProfile("LAB")
    srgb = ImageCms.createProfile("sRGB")
    image = Image.new("RGB", (40, 40), (200, 30, 60))
    as_lab = ImageCms.profileToProfile(image, srgb, lab, outputMode="LAB")
    assert as_lab is not None
    got = read_picture(save(as_lab, tmp_path / "l.tiff", icc_profile=ImageCms.ImageCmsProfile(lab).tobytes()))
    assert np.abs(got.pixels[20, 20].astype(int) - [200, 30, 60]).max() <= 3
    damaged = save(image, tmp_path / "d.png", icc_profile=b"not a profile at all" * 10)
    assert read_picture(damaged).pixels[20, 20].tolist() == [200, 30, 60]


def test_missing_folder_and_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "does not exist" in refused(tmp_path / "nothing.png")
    (tmp_path / "things.png").mkdir()
    assert "is a folder" in refused(tmp_path / "things.png")
    path = save(Image.fromarray(gradient()), tmp_path / "locked.png")

    def locked(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", locked)
    assert "may not be read" in refused(path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "not a regular file" in refused(tmp_path / "pipe.png")


def test_empty_foreign_and_tiny(tmp_path: Path) -> None:
    (tmp_path / "zero.png").write_bytes(b"")
    assert "0 bytes" in refused(tmp_path / "zero.png")
    (tmp_path / "note.png").write_text("this is no picture")
    assert "not a picture" in refused(tmp_path / "note.png")
    (tmp_path / "page.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    assert "not a picture" in refused(tmp_path / "page.svg")
    assert "1 x 1 px" in refused(save(Image.new("RGB", (1, 1)), tmp_path / "dot.png"))
    assert "31 x 400 px" in refused(save(Image.new("RGB", (31, 400)), tmp_path / "thin.png"))


@pytest.mark.parametrize(
    ("major", "others", "heic"),
    [
        (b"heic", (b"mif1", b"heic"), True),
        (b"mif1", (b"miaf", b"heic"), True),
        (b"mif1", (b"miaf",), True),
        (b"mif1", (b"miaf", b"avif"), False),
        (b"isom", (b"mp42",), False),
    ],
)
def test_heic_says_what_it_is_and_how_it_becomes_a_png(
    tmp_path: Path, major: bytes, others: tuple[bytes, ...], heic: bool
) -> None:
    body = b"ftyp" + major + bytes(4) + b"".join(others)
    path = tmp_path / "IMG_1.heic"
    path.write_bytes((len(body) + 4).to_bytes(4, "big") + body + bytes(64))
    said = refused(path)
    assert ("HEIC picture" in said) is heic
    assert ("heif-convert IMG_1.heic IMG_1.png" in said) is heic
    if major == b"isom":
        assert "AVIF, JPEG 2000" in said


def test_transparent_everywhere(tmp_path: Path) -> None:
    path = save(Image.new("RGBA", (64, 64), (200, 10, 10, 0)), tmp_path / "ghost.png")
    assert "fully transparent" in refused(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "gif", "bmp", "tiff"])
def test_no_proper_prefix_is_accepted(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (48, 64, 3)).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, {"jpg": "jpeg"}.get(suffix, suffix))
    whole = stream.getvalue()
    path = tmp_path / f"cut.{suffix}"
    # The last bytes of a file may be padding or an end mark that holds no picture.
    for length in sorted({1, 3, 8, 20, 40, *range(60, len(whole) * 9 // 10, max(1, len(whole) // 25))}):
        path.write_bytes(whole[:length])
        refused(path)


def test_flipped_bytes_never_escape_as_another_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for suffix in ("PNG", "JPEG", "WEBP", "GIF", "TIFF"):
        stream = io.BytesIO()
        Image.fromarray(gradient()).save(stream, suffix)
        whole = np.frombuffer(stream.getvalue(), np.uint8)
        for _ in range(40):
            broken = whole.copy()
            at = rng.integers(0, min(200, len(broken)), 3)
            broken[at] = rng.integers(0, 256, 3)
            path = tmp_path / f"b.{suffix}"
            path.write_bytes(broken.tobytes())
            with contextlib.suppress(BadInput):
                assert read_picture(path).pixels.ndim == 3


def _bomb(width: int, height: int) -> bytes:
    """A PNG whose header claims a size and whose data is next to nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\x00"))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(10_001, 10_000), (20_000, 20_000), (60_000, 60_000)])
def test_bombs_are_refused_by_their_header_without_a_warning(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(_bomb(*size))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "100 megapixels" in refused(path)


def test_a_file_too_large_to_read_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_BYTES", 100)
    path = save(Image.fromarray(gradient()), tmp_path / "big.png")
    assert "at most" in refused(path)


def test_rare_formats_are_imported_only_for_pictures_that_are_of_one(tmp_path: Path) -> None:
    png = save(Image.fromarray(gradient()), tmp_path / "a.png")
    webp = save(Image.fromarray(gradient()), tmp_path / "a.webp", lossless=True)
    code = (
        "import sys\nfrom slipcast.picture.decode import read_picture\n"
        "for path in sys.argv[1:]:\n"
        "    read_picture(path)\n"
        "    print('PIL.TiffImagePlugin' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, png, webp], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
