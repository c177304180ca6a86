"""Picture -> relief: what a picture's fine light and dark says of a surface too fine for the depth network.

A painted eye, a brow's shadow, a fold and a belt are dark against what is beside them, and on most figurines they also
lie deeper: dark is taken for deep (Langer & Zucker 1994 call it that, for cloudy days). Only a band of sizes counts,
between what a printer cannot hold and what the network knows better, and every height is bounded, so that a stripe of
fur is a groove of a few tenths of a millimetre and no canyon.

On the 16 evaluation cases, front normals against the true ones along the picture's rays, and how the clay front's local
contrast correlates with the picture's: without 0.829 and 0.12; 0.002 high 0.830, 0.15; 0.004 high 0.830, 0.19; 0.008
high 0.828, 0.23. Rejected: light taken for deep (0.004 high: 0.824, 0.18); a band from 0.003 (0.830, 0.18) or up to
0.02 (0.830, 0.18).

Shade leaves a hue as it is, paint does not: where the hue changes within the band, the relief is weaker. Mean cosine of
front normals to the true ones, and how the clay's local contrast (root mean square within 0.011 sides, light from the
upper left) correlates with the picture's: 16 cases (few are painted), 8 painted samples, 26 textured meshes:

| | cases | samples | meshes |
|---|---|---|---|
| no relief | 0.817, 0.24 | 0.808, 0.01 | 0.769, 0.14 |
| the same everywhere | 0.821, 0.51 | 0.802, 0.62 | 0.760, 0.58 |
| weaker where hues change | 0.820, 0.44 | 0.809, 0.46 | 0.766, 0.41 |
| half everywhere | 0.820, 0.40 | 0.809, 0.54 | 0.767, 0.44 |

Half everywhere is as good for what is painted, but carves less into what is of one colour (correlation of the chess
knight 0.74, 0.88 with hues; Nefertiti 0.43, 0.68; samples' bust 0.64, 0.51); hence the hues. Rejected: a lower bound of
the same slope (0.002 at a contrast of 0.06: 0.820, 0.806), strong contrasts taken for paint (samples 0.801 to 0.804).

Rejected: a face's template (nose, sockets, brow, cheeks, lips, chin) at eyes and mouths marked by hand, the most that
a finder could give. Mean angle to the true normals of the face, the relief the same everywhere: knight 28.9 degrees,
witch 31.1, bust 32.7, Nefertiti 30.7; with all of it 31.2, 31.9, 32.0, 30.8. Large painted eyes lie on a ball, sockets
are wrong there (knight 30.6). A small nose alone, the best for each, moves them by -0.18, -0.22, -0.37, -0.09; a bulge
of the whole face helps one much, one a little and hurts two. In clay a knight and a policewoman with a nose looked
better from the side, a dwarf as before. The same relief everywhere costs more: without it knight and witch are 23.0 and
25.3.
"""

import numpy as np

from slipcast.core.values import F32, U8, Bool

FINE, BROAD = 0.0018, 0.011
"""Standard deviations in sides of the square that bound the band."""
HEIGHT = 0.004
"""No relief is higher or deeper than this, in sides of the square: 0.35 mm on a figurine of 75 mm."""
_CONTRAST = 0.12
"""Of brightness (0 to 1, as displayed) against its surroundings: such a one has three quarters of the height."""
_RIM = 0.012
"""Towards the rim the relief fades over this distance, in sides of the square."""
_HUE = 0.02
"""Where the chroma of the light differs from that of the surroundings by this much, the relief is half way to
`_PAINTED`."""
_PAINTED = 0.4
"""What is left of the relief where it is all paint."""
_NEAR_PAINT = 0.008
"""Paint is looked for within this distance (a standard deviation in sides): its edges are what shows its hue."""
_HUE_PX = 512
"""Hues are compared at this side of the square at most; four times the pixels say the same."""
_DARK = 0.02
"""Of linear light, added where chroma is divided by light: the hue of black is noise."""


def relief(pixels: U8, mask: Bool, side_px: float) -> F32:
    """(H,W) how far the surface lies before (above 0) or behind its broad shape, in sides of the square; 0 outside.

    `pixels` (H,W,3) sRGB, `mask` (H,W) the figurine, `side_px` the square's side in pixels.
    """
    import cv2

    light = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    inside = mask.astype(np.float32)
    band = _blur(light, inside, FINE * side_px) - _blur(light, inside, BROAD * side_px)
    rim = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 3)[1:-1, 1:-1] / np.float32(
        side_px
    )
    fade = np.clip(rim / np.float32(_RIM), 0, 1) * np.float32(HEIGHT) * inside
    out: F32 = (np.tanh(band / np.float32(_CONTRAST)) * fade * _shade_share(pixels, inside, side_px)).astype(
        np.float32
    )
    return out


def _shade_share(pixels: U8, inside: F32, side_px: float) -> F32:
    """(H,W) from 1, where light and dark are shade, to `_PAINTED`, where they are paint."""
    import cv2

    scale = min(1.0, _HUE_PX / side_px)
    height, width = inside.shape
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA)
    within = np.asarray(cv2.resize(inside, size, interpolation=cv2.INTER_AREA), np.float32)
    fine, broad = (
        _hue(_blur(small.astype(np.float32) / 255, within, sigma * side_px * scale))
        for sigma in (FINE, BROAD)
    )
    apart = _blur(np.abs(fine - broad).sum(-1), within, _NEAR_PAINT * side_px * scale)
    share = _PAINTED + (1 - _PAINTED) / (1 + (apart / np.float32(_HUE)) ** 2)
    return np.asarray(cv2.resize(share, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _hue(pixels: F32) -> F32:
    """(H,W,3) what red, green and blue have beyond grey, over all light of `pixels` (sRGB from 0 to 1); 0 for greys."""
    light = pixels ** np.float32(2.2)
    out: F32 = (light - light.mean(-1, keepdims=True)) / (light.sum(-1, keepdims=True) + np.float32(_DARK))
    return out


def _blur(values: F32, inside: F32, sigma_px: float) -> F32:
    """Values (H,W) or (H,W,3) blurred, counting each pixel by what of it is `inside` (H,W)."""
    import cv2

    sigma = max(sigma_px, 0.5)
    weight = np.maximum(cv2.GaussianBlur(inside, (0, 0), sigma), np.float32(1e-3))
    if values.ndim == 3:
        inside, weight = inside[..., None], weight[..., None]
    return np.asarray(cv2.GaussianBlur(values * inside, (0, 0), sigma) / weight, np.float32)
