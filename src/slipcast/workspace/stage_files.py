"""The files of a folder of stages: pictures, depths and arrays to bytes, and back from any paint program."""

import hashlib
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.masks import box_of
from slipcast.core.round_base import RoundBase
from slipcast.core.values import (
    F32,
    U8,
    Bool,
    Camera,
    Cutout,
    CutoutFacts,
    ModelInfo,
    Picture,
    Shells,
    Source,
    View,
)

NEAR = 65535
MIDDLE = 32768
_BASE = tuple(each.name for each in fields(RoundBase))
U16 = np.ndarray[tuple[int, ...], np.dtype[np.uint16]]


def picture_files(picture: Picture, cut: Cutout) -> dict[str, bytes]:
    """A picture as it came, its cutout, and the mask for hands."""
    files = {"picture.png": png_of_picture(picture), "cutout.png": png_of_picture(cut)}
    files["mask.png"] = png(cut.alpha)
    return files


def read_pictures(
    folder: Path, facts: Mapping[str, Any], used: Collection[str], edited: Sequence[str]
) -> tuple[Picture, Cutout]:
    """The picture, and the picture with its alpha: made anew where one of the two was edited.

    Raises BadInput for a picture of another size, and for a mask that is black all over.
    """
    from slipcast.picture.bleed import bleed_colors

    source = facts["source"] | ({"edited": list(edited)} if edited else {})
    whole = read_color(folder / "picture.png")
    picture = Picture(pixels=whole[..., :3], view=View(facts["view"]), source=facts["source"])
    cutout = read_color(folder / "cutout.png")
    if whole.shape[:2] != cutout.shape[:2]:
        raise other_size(folder / "picture.png", whole.shape, cutout.shape)
    findings = tuple(read_finding(entry) for entry in facts["findings"])
    noticed = facts.get("cutout", {})
    cut = Cutout(
        pixels=np.ascontiguousarray(cutout[..., :3]),
        alpha=np.ascontiguousarray(cutout[..., 3]),
        view=picture.view,
        source=source,
        findings=findings,
        facts=CutoutFacts(**noticed),
    )
    if not set(used) & {"mask.png", "picture.png"}:
        return picture, cut
    mask = read_gray(folder / "mask.png", cutout.shape)
    alpha = np.ascontiguousarray((mask // 257).astype(np.uint8))
    if not (alpha >= 128).any():
        raise BadInput(f"{folder / 'mask.png'} is black all over; paint the figurine white")
    return picture, replace(
        cut, pixels=bleed_colors(picture.pixels, alpha), alpha=alpha, findings=(), facts=CutoutFacts()
    )


def depth_files(depth: Shells) -> dict[str, bytes]:
    """depth.npz, exact, and a 16-bit PNG of each shell, for hands."""
    near, far = range_of(depth)
    files = {"depth.npz": npz_of_depth(depth)}
    for shell, values in shells_of(depth).items():
        files[f"depth_{shell}.png"] = png(levels_of(values, depth.valid, near, far))
    steps = _steps_of(depth)
    files["steps.png"] = png(_levels_of_steps(steps, _most_of(steps)))
    return files


def describe_depth(depth: Shells) -> dict[str, object]:
    """What of a depth map no picture holds, for stages.json."""
    near, far = range_of(depth)
    return {
        **{key: getattr(depth, key) for key in ("ratio_is_prior", "implausible_ratio", "agreement")},
        "model": asdict(depth.model),
        "back_source": int(depth.back_source),
        "near_m": near,
        "far_m": far,
        "steps_most": _most_of(_steps_of(depth)),
        "findings": [entry.as_dict() for entry in depth.findings],
    }


def read_depth(folder: Path, known: Mapping[str, Any], used: Collection[str] = ()) -> Shells:
    """Both shells: the exact arrays of depth.npz, and of the pictures named in `used` what was painted."""
    with np.load(folder / "depth.npz", allow_pickle=False) as arrays:
        exact = {name: arrays[name] for name in arrays.files}
    valid: Bool = exact["valid"]
    height, width = valid.shape
    fx, fy, cx, cy = exact["fx_fy_cx_cy_px"].tolist()
    camera = Camera(
        width_px=width,
        height_px=height,
        fx_px=fx,
        fy_px=fy,
        cx_px=cx,
        cy_px=cy,
        camera_from_world=exact["camera_from_world"],
    )
    shells = {name: exact[name] for name in ("front", "back")}
    for name, values in shells.items():
        place = folder / f"depth_{name}.png"
        if place.name in used:
            shells[name] = _painted(place, values, valid, known["near_m"], known["far_m"])
    steps = exact.get("steps")
    if "steps.png" in used:
        steps = np.zeros(valid.shape, np.float32) if steps is None else steps
        painted = _painted_steps(folder / "steps.png", steps, valid, known["steps_most"])
        box = box_of(valid)
        longer_m = max(box.height, box.width) * float(shells["front"][valid].mean()) / fy
        shells["front"] = np.where(valid, shells["front"] - (painted - steps) * longer_m, 0).astype(
            np.float32
        )
        steps = painted
    return Shells(
        front=shells["front"],
        back=np.maximum(shells["back"], shells["front"]),
        valid=valid,
        camera=camera,
        back_source=Source(known["back_source"]),
        model=ModelInfo(**known["model"]),
        ratio_is_prior=known["ratio_is_prior"],
        implausible_ratio=known["implausible_ratio"],
        agreement=known["agreement"],
        spread=exact["spread"].astype(np.float32) if "spread" in exact else None,
        steps=steps,
        base=RoundBase(**dict(zip(_BASE, exact["base"].tolist(), strict=True))) if "base" in exact else None,
        findings=tuple(read_finding(entry) for entry in known["findings"]),
    )


def _painted(place: Path, exact: F32, valid: Bool, near: float, far: float) -> F32:
    """The exact depth, and the picture's where it was painted."""
    levels = read_gray(place, valid.shape)
    holes = int((valid & (levels == 0)).sum())
    if holes:
        raise BadInput(
            f"{place} is 0, which is outside, at {holes} pixels of the figurine; paint them from 1 (far) to 65535 "
            "(near), or change the outline in mask.png"
        )
    was = levels_of(exact, valid, near, far)
    coarse = len(np.unique(levels[valid])) <= 256  # a program that saves 8 bits has rounded every pixel
    slack = 257 if coarse else 0
    changed = valid & (np.abs(levels.astype(np.int64) - was) > slack)
    meant = far - (levels.astype(np.float64) - 1) / (NEAR - 1) * (far - near)
    return np.where(changed, meant, exact).astype(np.float32)


def _steps_of(depth: Shells) -> F32:
    """(H,W) the moves of the front; none where the model made none."""
    return np.zeros(depth.valid.shape, np.float32) if depth.steps is None else depth.steps


def _most_of(steps: F32) -> float:
    """The move that white means: more than any that is there, with room for the brush."""
    return max(0.1, 1.25 * float(np.abs(steps).max()))


def _levels_of_steps(steps: F32, most: float) -> U16:
    """(H,W) moves of the front as 16 bits: 32768 is none, brighter is towards the viewer."""
    return np.round(MIDDLE + np.clip(steps.astype(np.float64) / most, -1, 1) * (MIDDLE - 1)).astype(np.uint16)


def _painted_steps(place: Path, exact: F32, valid: Bool, most: float) -> F32:
    """The exact moves, and the picture's where it was painted."""
    levels = read_gray(place, valid.shape)
    coarse = len(np.unique(levels[valid])) <= 256
    changed = valid & (
        np.abs(levels.astype(np.int64) - _levels_of_steps(exact, most)) > (257 if coarse else 0)
    )
    meant = (levels.astype(np.float64) - MIDDLE) / (MIDDLE - 1) * most
    # A brush of 8 bits cannot hit the middle: what is as near as that is none.
    meant[np.abs(levels.astype(np.int64) - MIDDLE) <= 257] = 0
    return np.where(changed, meant, exact).astype(np.float32)


def read_finding(entry: Mapping[str, Any]) -> Finding:
    """The finding of an entry that `Finding.as_dict` made."""
    return finding(entry["code"], entry.get("values", {}))


def decode(place: Path) -> np.ndarray[tuple[int, ...], np.dtype[Any]]:
    """Return (H,W) or (H,W,C) the picture as it is, 8 or 16 bits.

    Pillow would make 8 bits of a 16-bit picture with colours. Raises BadInput for what is no such picture.
    """
    import cv2

    data = np.frombuffer(place.read_bytes(), np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if pixels is None or pixels.dtype not in (np.uint8, np.uint16):
        raise BadInput(f"{place} is no picture of 8 or 16 bits; save it as PNG")
    return np.asarray(pixels)


def read_color(place: Path) -> U8:
    """(H,W,3|4) sRGB, whatever the paint program made of it."""
    pixels = decode(place)
    if pixels.dtype == np.uint16:
        pixels = (pixels // 257).astype(np.uint8)
    if pixels.ndim == 2:
        pixels = np.dstack([pixels] * 3)
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return np.ascontiguousarray(pixels[..., order])


def read_gray(place: Path, shape: tuple[int, ...]) -> U16:
    """Return (H,W) 16 bits: 8 bits are widened, an added alpha is passed over, three equal channels are one.

    Raises BadInput for another size than `shape`, and for colours.
    """
    pixels = decode(place)
    if pixels.shape[:2] != tuple(shape[:2]):
        raise other_size(place, pixels.shape, shape)
    if pixels.ndim == 3:
        colors = pixels[..., : 3 if pixels.shape[2] >= 3 else 1]
        spread = int(np.ptp(colors.astype(np.int64), axis=2).max())
        if spread > (2 if pixels.dtype == np.uint8 else 514):
            raise BadInput(f"{place} is in colours; save it in grey")
        pixels = colors[..., 0]
    return pixels.astype(np.uint16) * (257 if pixels.dtype == np.uint8 else 1)


def other_size(place: Path, have: tuple[int, ...], want: tuple[int, ...]) -> BadInput:
    """The refusal of a picture of another size."""
    return BadInput(
        f"{place} is {have[1]} x {have[0]} px where {want[1]} x {want[0]} are needed; save it at its own size"
    )


def shells_of(depth: Shells) -> dict[str, F32]:
    """Return both shells (H,W), in metres, by their names."""
    return {"front": depth.front, "back": depth.back}


def range_of(depth: Shells) -> tuple[float, float]:
    """Nearest and farthest metre of both shells, with room before and behind for the brush."""
    inside = np.concatenate([shell[depth.valid] for shell in shells_of(depth).values()])
    near, far = (float(inside.min()), float(inside.max())) if inside.size else (0.0, 1.0)
    room = 0.1 * (far - near)
    return near - room, far + room


def levels_of(values: F32, valid: Bool, near: float, far: float) -> U16:
    """(H,W) a shell as 16 bits: 65535 is near, 1 is far, 0 is outside."""
    nearness = np.clip((far - values.astype(np.float64)) / max(far - near, 1e-9), 0.0, 1.0)
    return np.round(np.where(valid, 1 + nearness * (NEAR - 1), 0)).astype(np.uint16)


def png_of_picture(picture: Picture) -> bytes:
    """With its alpha, where it has one."""
    if picture.alpha is None:
        return png(picture.pixels)
    return png(np.dstack([picture.pixels, picture.alpha]))


def png(pixels: np.ndarray[tuple[int, ...], np.dtype[Any]]) -> bytes:
    """Return the bytes of a PNG of `pixels` (H,W) or (H,W,3 or 4), 8 or 16 bits."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=4)
    return out.getvalue()


def npz(**arrays: np.ndarray[tuple[int, ...], np.dtype[Any]]) -> bytes:
    """Arrays by name, compressed."""
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


def npz_of_depth(depth: Shells) -> bytes:
    """Both shells and the camera, exact."""
    camera = depth.camera
    return npz(
        **shells_of(depth),
        valid=depth.valid,
        camera_from_world=camera.camera_from_world,
        fx_fy_cx_cy_px=np.array([camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px]),
        **({} if depth.steps is None else {"steps": depth.steps}),
        **({} if depth.base is None else {"base": np.array([getattr(depth.base, name) for name in _BASE])}),
        **({} if depth.spread is None else {"spread": depth.spread.astype(np.float16)}),
    )


def hash_of(content: bytes) -> str:
    """sha256."""
    return hashlib.sha256(content).hexdigest()
