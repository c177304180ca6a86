"""Picture -> Picture that is no larger than what can be used of it.

The largest atlas holds 3,251 rows of the figurine, and the surface's samples are far fewer; the rest of an 8,000 px
picture costs time and memory in every stage and is thrown away at the end. Smaller pictures are never touched.
"""

from dataclasses import replace

from slipcast.core.findings import finding
from slipcast.core.masks import box_of
from slipcast.core.values import Picture
from slipcast.picture.cut_out import CutoutOptions
from slipcast.picture.own_alpha import has_own_cutout
from slipcast.picture.saliency import find_saliency

LARGE_PX = 4096
"""Pictures up to this side stay as they are."""
FIGURINE_PX = 3300
"""The figurine's longer side in a picture that was made smaller."""
_LOOK_PX = 1024


def downscale(picture: Picture, options: CutoutOptions) -> Picture:
    """Return `picture`, made smaller where it is large and its figurine larger than any atlas can show."""
    longest = max(picture.width_px, picture.height_px)
    if longest <= LARGE_PX:
        return picture
    import cv2

    ratio = _LOOK_PX / longest
    small = (max(1, round(picture.width_px * ratio)), max(1, round(picture.height_px * ratio)))
    own = picture.alpha
    if options.use_alpha and own is not None and has_own_cutout(picture):
        seen = cv2.resize(own, small, interpolation=cv2.INTER_AREA) >= 128
    else:
        seen = (
            find_saliency(cv2.resize(picture.pixels, small, interpolation=cv2.INTER_AREA), options.model)
            > 0.5
        )
    if not seen.any():
        return picture  # the cutout says what is wrong with it
    box = box_of(seen)
    side = max(box.height, box.width)
    scale = FIGURINE_PX / (side / ratio)
    if scale >= 1:
        return picture
    size = (round(picture.width_px * scale), round(picture.height_px * scale))
    return replace(
        picture,
        pixels=cv2.resize(picture.pixels, size, interpolation=cv2.INTER_AREA),
        alpha=None if own is None else cv2.resize(own, size, interpolation=cv2.INTER_AREA),
        findings=(*picture.findings, finding("PICTURE_LARGE", {"width": size[0], "height": size[1]})),
    )
