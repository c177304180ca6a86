"""Two DepthMaps of one picture -> one: the broad shape of the first, the fine relief of the second.

The bundled model knows figurines (how deep, what lies behind) at a low resolution; Depth Anything knows
edges, folds and faces, but neither scale nor shift. The second is fitted to the first by a line in its own
kind of number (depth or disparity; least squares, twice, the worst fifth left out the second time), and
then a Gaussian parts the two: what is broader than `split` of the figurine's height comes from the first,
what is finer from the second.
"""

from dataclasses import dataclass, replace

import numpy as np

from slipcast.core.options import check, real
from slipcast.core.values import F32, F64, Bool, DepthKind, DepthMap, ModelInfo


@dataclass(frozen=True, kw_only=True)
class FuseOptions:
    """How two depth models become one.

    >>> FuseOptions(detail=0.5).detail
    0.5
    """

    split: float = 0.04
    """Standard deviation of the Gaussian that parts broad from fine, as a share of the figurine's height."""
    detail: float = 1.0
    """How much of the second's fine relief is used."""

    def __post_init__(self) -> None:
        check(
            self,
            split=real(0.001, 1, example=0.04),
            detail=real(0, 4, example=1),
        )


def fuse(broad: DepthMap, fine: DepthMap, options: FuseOptions | None = None) -> DepthMap:
    """Return `broad`, which is METRIC, with the fine relief of `fine`; the rim and `back` stay `broad`'s own.

    `agreement` is how well the two correlate. Where they disagree altogether (the fitted line runs backwards)
    `broad` is returned with that alone.
    Raises ValueError when the two are not of one size or `broad` is not METRIC.
    """
    import cv2

    options = options or FuseOptions()
    if broad.kind is not DepthKind.METRIC or broad.front.shape != fine.front.shape:
        raise ValueError("fuse needs a METRIC map and a second one of the same size")
    both: Bool = broad.valid & fine.valid
    rows = np.flatnonzero(both.any(1))
    if not len(rows) or int(both.sum()) < 64:
        return broad
    disparity = fine.kind is DepthKind.AFFINE_DISPARITY
    known = broad.front[both].astype(np.float64)
    target = 1 / np.maximum(known, 1e-9) if disparity else known
    other = fine.front[both].astype(np.float64)
    spread = float(other.std() * target.std())
    alike = float(((other - other.mean()) * (target - target.mean())).mean()) / spread if spread > 0 else 0.0
    broad = replace(broad, agreement=float(np.clip(alike, -1, 1)))
    slope, shift = _line(other, target)
    if slope <= 0:
        return broad
    fitted = slope * fine.front.astype(np.float64) + shift
    if disparity:
        # No pixel nearer than half or farther than twice what the first says.
        fitted = 1 / np.clip(fitted, 0.5 / known.max(), 2 / known.min())
    differs: F32 = np.where(both, fitted - broad.front, 0).astype(np.float32)
    sigma = max(1.0, options.split * float(rows[-1] - rows[0] + 1))
    relief = differs - _blur(differs, both.astype(np.float32), sigma)
    # Towards the rim the relief fades: there the second model mixes with the background.
    away = cv2.distanceTransform(np.pad(both.astype(np.uint8), 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    relief *= np.clip(away / sigma, 0, 1) * options.detail
    front = np.where(broad.valid, broad.front + np.where(both, relief, 0), 0).astype(np.float32)
    if broad.back is not None:
        front = np.where(broad.valid, np.minimum(front, broad.back), 0).astype(np.float32)
    name = f"{broad.model.name}+{fine.model.name}"
    licence = " AND ".join(sorted({broad.model.licence, fine.model.licence}))
    model = ModelInfo(name=name, sha256=fine.model.sha256, licence=licence)
    return replace(broad, front=front, model=model, findings=(*broad.findings, *fine.findings))


def _line(values: F64, target: F64) -> tuple[float, float]:
    """Slope and shift that take `values` to `target`; a plane gives slope 0."""
    keep = np.ones(len(values), bool)
    slope, shift = 0.0, float(target.mean())
    for _ in range(2):
        v, t = values[keep], target[keep]
        spread = float(v.var())
        if spread < 1e-18:
            return 0.0, float(target.mean())
        slope = float(((v - v.mean()) * (t - t.mean())).mean()) / spread
        shift = float(t.mean()) - slope * float(v.mean())
        error = np.abs(slope * values + shift - target)
        keep = error <= np.quantile(error, 0.8)
    return slope, shift


def _blur(values: F32, weight: F32, sigma: float) -> F32:
    """Gaussian mean over the weighted pixels only."""
    import cv2

    step = max(1, int(sigma // 4))
    height, width = values.shape
    size = (max(1, width // step), max(1, height // step))
    top, bottom = (
        cv2.GaussianBlur(cv2.resize(v, size, interpolation=cv2.INTER_AREA), (0, 0), sigma / step)
        for v in (values * weight, weight)
    )
    top, bottom = (cv2.resize(v, (width, height), interpolation=cv2.INTER_LINEAR) for v in (top, bottom))
    out: F32 = top / np.maximum(bottom, 1e-6)
    return out
