"""DepthMap of any kind -> Shells: what a single picture leaves open is settled by rule.

A relative model gives disparity (or depth) up to an unknown scale and shift, and no picture tells its own size. The
camera is a pinhole of a known or assumed field of view; the figurine's middle stands one focal length away, so that
one unit is one pixel there. Scale and shift follow from the depth that the front should span: the share of the whole
depth that fronts span, times the depth that figurines of this silhouette have.

The prior: over 456 figurine meshes of known front (Quaternius, KayKit, Kenney, OpenClonk, Three D Scans), depth
grows as (width / height)^0.64 of the height, with a spread of a factor 1.8 (one sigma) in both directions; so the
ratio depth / width is (width / height)^-0.36, about 1.4 for a slender figure and 0.95 for a broad one.

A missing back repeats the front's long waves: it lies behind the front by the inflated silhouette's thickness, scaled
to the same depth; a naive mirror image of the front puts its noise and its limbs on both sides.
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from slipcast.core.findings import finding
from slipcast.core.masks import blur_within, box_of
from slipcast.core.options import check, real
from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, Bool, DepthKind, DepthMap, Shells, Source
from slipcast.depth.dome import inflate

_FRONT_SHARE = 0.55
"""The share of a figurine's whole depth that its visible front spans."""
_FLAT = 0.02
"""A front that spans less of its own distance than this, in the model's numbers, carries no relief."""


@dataclass(frozen=True, kw_only=True)
class CalibrateOptions:
    """How open questions of scale are settled.

    >>> CalibrateOptions(ratio=9)
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: ratio is 9; give a number from 0.05 to 5, for instance 0.8, or None
    """

    ratio: float | None = None
    """Depth over width of the whole figurine; None: the model's own where it has one, else the prior."""

    def __post_init__(self) -> None:
        check(
            self,
            ratio=real(0.05, 5, example=0.8).or_none(),
        )


def calibrate(depth: DepthMap, options: CalibrateOptions) -> Shells:
    """Return both shells, metric, with `back >= front`; one unit is one pixel at the figurine's middle."""
    ratio = options.ratio
    valid = depth.valid & np.isfinite(depth.front)
    if depth.back is not None:
        valid &= np.isfinite(depth.back)
    if depth.kind is DepthKind.METRIC:
        valid &= depth.front > 0
    depth = replace(depth, valid=valid)
    if not valid.any():
        nothing = np.zeros(valid.shape, np.float32)
        return _shells(depth, nothing, nothing, depth.back_source)
    prior = depth_prior(valid)
    if depth.kind is DepthKind.METRIC and depth.back is not None:
        given = _shells(depth, depth.front, depth.back, depth.back_source)
        if ratio is None and not depth.ratio_is_prior:
            return given
        stretched = _stretch(given, prior if ratio is None else ratio)
        return _note_prior(stretched, prior) if ratio is None else stretched
    front, flat = _metric_front(depth, prior if ratio is None else ratio)
    half = inflate(valid)
    rows, columns = _extent(valid)
    thickness = half * np.float32(
        (prior if ratio is None else ratio) * columns / max(2 * float(half.max()), 1e-6)
    )
    behind = blur_within((front + thickness / 2).astype(np.float32), valid, 0.02 * rows) + thickness / 2
    # At the rim the shells meet: there the front itself counts, not its smooth middle.
    weight = np.clip(half / (0.02 * rows), 0, 1)
    back = front + thickness * (1 - weight) + (behind - front) * weight
    made = replace(
        _shells(depth, front, back.astype(np.float32), Source.MIRRORED), ratio_is_prior=ratio is None
    )
    if flat:
        told = finding("DEPTH_FLAT", {"ratio": f"{prior if ratio is None else ratio:.2f}"})
        made = replace(made, findings=(*made.findings, told))
    elif ratio is None:
        made = _note_prior(made, prior)
    return made


def _note_prior(depth: Shells, prior: float) -> Shells:
    """Say that the ratio is the prior; who gave it himself is not told so."""
    told = finding("DEPTH_PRIOR", {"ratio": f"{prior:.2f}"})
    return replace(depth, findings=(*depth.findings, told))


def depth_prior(valid: Bool) -> float:
    """Return depth over width that figurines with the proportions of this silhouette (H,W) have, in [0.6, 1.6]."""
    rows, columns = _extent(valid)
    return float(np.clip((columns / rows) ** -0.36, 0.6, 1.6))


def _extent(valid: Bool) -> tuple[int, int]:
    """Height and width of the silhouette's box in pixels."""
    box = box_of(valid)
    return box.height, box.width


def _metric_front(depth: DepthMap, ratio: float) -> tuple[F32, bool]:
    """The front in pixels, spanning its share of the wanted depth around the middle; and whether it had no relief."""
    numbers = depth.front.astype(np.float64)
    near_is_large = depth.kind is DepthKind.AFFINE_DISPARITY
    inside = ndimage.binary_erosion(depth.valid, iterations=2) & depth.valid
    sample = numbers[inside if inside.any() else depth.valid]
    low, high = np.quantile(sample, [0.02, 0.98])
    flat = bool(high - low <= _FLAT * max(abs(high), abs(low), 1e-12))
    middle = depth.camera.fy_px
    span = _FRONT_SHARE * ratio * _extent(depth.valid)[1]
    near, far = middle - span * 0.55, middle + span * 0.45
    if flat:
        return np.full(depth.front.shape, middle - span / 2, np.float32), True
    if near_is_large:
        # 1/z is affine in disparity: the nearest and the farthest give scale and shift.
        scale = (1 / near - 1 / far) / (high - low)
        inverse = (
            1 / far + (np.clip(numbers, low - 0.3 * (high - low), high + 0.3 * (high - low)) - low) * scale
        )
        out = 1 / np.maximum(inverse, 1 / (far + span))
    else:
        out = near + (np.clip(numbers, low - 0.3 * (high - low), high + 0.3 * (high - low)) - low) * (
            (far - near) / (high - low)
        )
    return out.astype(np.float32), False


def _stretch(depth: Shells, ratio: float) -> Shells:
    """Stretch both shells about their middle so that the whole has the wanted depth over width."""
    near, far = float(depth.front[depth.valid].min()), float(depth.back[depth.valid].max())
    middle = (near + far) / 2
    width = _extent(depth.valid)[1] * middle / depth.camera.fx_px
    factor = ratio * width / max(far - near, 1e-9)

    def move(shell: F32) -> F32:
        return np.where(depth.valid, middle + (shell - middle) * np.float32(factor), 0).astype(np.float32)

    front, back = move(depth.front), move(depth.back)
    steps = None if depth.steps is None else depth.steps * np.float32(factor)
    return replace(depth, front=front, back=np.maximum(front, back), steps=steps)


def _shells(depth: DepthMap, front: F32, back: F32, back_source: Source) -> Shells:
    """The shells of a depth map, the back behind the front."""
    told = {entry.name: getattr(depth, entry.name) for entry in fields(DepthMap)}
    front = np.where(depth.valid, front, 0).astype(np.float32)
    back = np.where(depth.valid, np.maximum(back, front), 0).astype(np.float32)
    told |= {"front": front, "back": back, "kind": DepthKind.METRIC, "back_source": back_source}
    return Shells(**told)
