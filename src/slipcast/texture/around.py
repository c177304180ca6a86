"""Picture and back -> the colours of what lies between them, around the rim, where neither is seen straight on.

A place there takes the colour of a place that is seen well: as far beyond the border of what the front shows well as
that lies within it, as in a mirror at the border, so that grain and stripes go on and nothing is drawn out along the
depth. From the back it does the same. How near it lies to one border and to the other says how much it takes of each.
Both charts and the side's are coloured by this one rule of a place in space, so they agree where they meet.

Rejected: the blurred picture's colour at the same place of the picture (a wall that runs along the depth is one streak,
and where a part stands before another both colours are mixed).
"""

from dataclasses import dataclass

import numpy as np

from slipcast.core.masks import fill_nearest
from slipcast.core.pixels import dot_pixels
from slipcast.core.values import F32, F64, U8, Bool
from slipcast.texture.hidden.regions import to_lab

_WIDEST, _SMOOTH = 0.05, 0.012
"""Shares of the height: how far in the mirror looks at most, and how smooth its direction is."""
_STEPS, _OTHER = 10, 16.0
"""In how many steps it looks for another colour, and the difference in CIE Lab from which one is another."""
_STEP_PX = 3.0
"""A place that is nearer than its pixel by more lies on the wall of the part before it."""
_BEGINS, _ENDS = 0.15, 0.6
"""Share of the way from the front's border to the back's where the back's colours begin, and where they are alone."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What one side shows well, in its own pixels; depths are in pixels from its camera, growing inwards."""

    pixels: U8
    """(H,W,3)."""
    flow: F32
    """(h,w,4), which may be smaller than `pixels`: the shift to the nearest pixel that is seen well, then the direction
    towards what is nearer to this side: into the silhouette, or onto the part before another."""
    level: F32
    """(h,w,3) depth of the shell, of the nearest pixel that is seen well, and how far in from there one may look."""

    @classmethod
    def of(cls, pixels: U8, depth: F32, inside: Bool, well: Bool) -> "Shown":
        """What `pixels` (H,W,3) show `well` (h,w), of a shell `inside` (h,w) at `depth` (h,w) in pixels."""
        import cv2

        tall, wide = inside.shape
        scale = np.float32(pixels.shape[0] / tall)
        if not well.any():
            well = inside
        grid = np.stack(np.meshgrid(np.arange(wide), np.arange(tall)), -1).astype(np.float32)
        whole = np.concatenate([grid, depth[..., None]], -1)
        nearest, _ = fill_nearest(whole, well)
        far = float(depth[inside].max()) if inside.any() else 0.0
        near = cv2.GaussianBlur(
            np.where(inside, -depth, -far - 0.1 * tall * scale), (0, 0), max(1.0, _SMOOTH * tall)
        )
        slope = np.stack([cv2.Sobel(near, cv2.CV_32F, 1, 0), cv2.Sobel(near, cv2.CV_32F, 0, 1)], -1)
        slope /= np.linalg.norm(slope, axis=-1, keepdims=True) + np.float32(1e-3)
        few = to_lab(np.asarray(cv2.resize(pixels, (wide, tall), interpolation=cv2.INTER_AREA), np.uint8))
        few = cv2.GaussianBlur(few, (0, 0), max(0.8, 0.004 * tall))
        step = np.float32(max(1.0, _WIDEST * tall) / _STEPS)
        own = _sample(few, nearest[..., :2].reshape(-1, 2) + np.float32(0.5)).reshape(few.shape)
        room, same = np.full(inside.shape, 0.5 * step, np.float32), np.ones(inside.shape, bool)
        for k in range(1, _STEPS + 1):
            at = np.asarray(nearest[..., :2] + k * step * slope + 0.5, np.float32).reshape(-1, 2)
            change = _sample(few, at).reshape(few.shape) - own
            off = np.sqrt(dot_pixels(change, change))
            same &= off < _OTHER
            room += same * step
        room = cv2.erode(room, np.ones((3, 3), np.uint8))
        return cls(
            pixels=pixels,
            flow=np.concatenate([(nearest[..., :2] - grid) * scale, slope], -1),
            level=np.stack([depth, nearest[..., 2], room * scale], -1),
        )

    def look(self, place: F32, depth: F32) -> tuple[F32, F32]:
        """(N,3) colours of places (N,2) in the pixels at `depth` (N,), and how far they lie from what is seen well."""
        flow, level = self._at(self.flow, place), self._at(self.level, place)
        before = np.flatnonzero(depth < level[:, 0] - np.float32(_STEP_PX))
        if len(before):
            step = np.float32(2 * self.pixels.shape[0] / len(self.flow))
            place = place.copy()
            place[before] += step * flow[before, 2:]
            flow[before], level[before] = (self._at(each, place[before]) for each in (self.flow, self.level))
        # Column by column: numpy is slow along axes of two.
        off = np.hypot(np.hypot(flow[:, 0], flow[:, 1]), depth - level[:, 1])
        twice = 2 * level[:, 2]
        turn = np.mod(off, twice)
        inwards = np.minimum(turn, twice - turn)
        source = np.empty_like(place)
        for k in range(2):
            source[:, k] = place[:, k] + flow[:, k] + flow[:, 2 + k] * inwards
        more = self._at(np.ascontiguousarray(self.flow[..., :2]), source)
        for k in range(2):
            source[:, k] += more[:, k]
        return _sample(self.pixels, source), off

    def _at(self, values: F32, place: F32) -> F32:
        return _sample(values, place * np.float32(values.shape[0] / self.pixels.shape[0]))


def color_around(front: Shown, back: Shown, place: F32 | F64, depth: F32 | F64) -> F32:
    """(N,3) colours of places (N,2), pixels of both, at `depth` (N,) in pixels from the front's camera."""
    place, depth = place.astype(np.float32), depth.astype(np.float32)
    ahead, off = front.look(place, depth)
    behind, left = back.look(place, -depth)
    share = off / np.maximum(off + left, np.float32(1e-3))
    share = np.clip((share - np.float32(_BEGINS)) / np.float32(_ENDS - _BEGINS), 0, 1)
    share = np.repeat(share * share * (3 - 2 * share), 3).reshape(-1, 3)
    ahead *= 1 - share
    behind *= share
    ahead += behind
    return ahead


def _sample(values: U8 | F32, place: F32) -> F32:
    """(N,...) values (H,W,...) between pixels, whose middles lie at halves; the nearest beyond the rim."""
    import cv2

    # OpenCV takes no more than 32,767 rows at once, and has pixels' middles at whole numbers.
    count = len(place)
    if not count:
        return np.zeros((0, *values.shape[2:]), np.float32)
    wide = max(1, min(count, 1024))
    at = np.zeros((-(-count // wide) * wide, 2), np.float32)
    at[:count] = place - np.float32(0.5)
    rows = at.reshape(-1, wide, 2)
    drawn = cv2.remap(values, rows[..., 0], rows[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    out: F32 = drawn.reshape(-1, *values.shape[2:])[:count].astype(np.float32, copy=False)
    return out
