"""A picture -> how promising it is for 3D, from 0 to 1: resolution, sharpness, framing, calm background.

Cheap rules for choosing among drafts of one prompt, not a judgement of beauty: the figurine is told from the
background by its distance from the colour of the picture's border.
"""

from dataclasses import dataclass

import numpy as np

from slipcast.values import Picture

_STEP = 30.0
"""Distance in sRGB levels from which a pixel is figurine."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """Each 0 to 1."""

    resolution: float
    """1 from 1 megapixel on."""
    sharpness: float
    """Of the figurine: the strength of its finest edges."""
    framing: float
    """1 when the figurine fills 55 to 92 % of the height and touches no edge."""
    calm: float
    """1 for a border of one even colour."""

    @property
    def total(self) -> float:
        """All in one; a cut-off figurine can hardly win."""
        return round(0.1 * self.resolution + 0.25 * self.sharpness + 0.45 * self.framing + 0.2 * self.calm, 4)


def score(picture: Picture) -> Score:
    """How promising `picture` is."""
    step = max(1, max(picture.height_px, picture.width_px) // 1024)
    levels = picture.pixels[::step, ::step].astype(np.float32)
    edge = np.concatenate([levels[0], levels[-1], levels[:, 0], levels[:, -1]])
    away = np.linalg.norm(levels - np.median(edge, axis=0), axis=2) > _STEP
    return Score(
        resolution=min(1.0, picture.height_px * picture.width_px / 1024**2),
        sharpness=_sharpness(levels.mean(axis=2), away),
        framing=_framing(away),
        calm=float(np.clip(1 - edge.std(axis=0).mean() / 40, 0, 1)),
    )


def _sharpness(
    grey: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
) -> float:
    """The 95th percentile of the Laplacian inside the figurine; 40 levels are crisp."""
    laplace = np.abs(
        4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    )
    values = laplace[inside[1:-1, 1:-1]]
    return float(min(1.0, np.percentile(values, 95) / 40)) if values.size else 0.0


def _framing(away: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float:
    rows, columns = np.flatnonzero(away.mean(axis=1) > 0.005), np.flatnonzero(away.mean(axis=0) > 0.005)
    if not rows.size or not columns.size:
        return 0.0
    height, width = away.shape
    fill = (rows[-1] - rows[0] + 1) / height
    touched = sum((rows[0] == 0, rows[-1] == height - 1, columns[0] == 0, columns[-1] == width - 1))
    size = float(np.clip(1 - max(0.55 - fill, 0) / 0.55 - max(fill - 0.92, 0) / 0.08, 0, 1))
    return max(0.0, size - 0.5 * int(touched))
