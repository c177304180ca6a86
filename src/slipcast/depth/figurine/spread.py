"""How sure the network is: its answers for the picture and for its mirror image -> the likely error of each shell.

Where both answers differ the network does not know, and where a part is thick more can be wrong. Both together are
scaled so that 68 of 100 pixels of meshes by artists that the network never saw lie within the likely error.

`python -m training.calibrate_spread SHARD.npy` measures that. On 304 pictures of 210 such meshes, of the half that was
not fitted 66.5 % (standard deviation over 20 halvings 3.0) of the front's pixels and 68.8 % (3.2) of the back's do; by
fifths of the likely error 65 to 71 % and 65 to 70 %. Of whole pictures the fifth with the largest likely error of the
back is 0.196 sides off, the rest 0.088. That was stage 2's network; of the weights of stage 4 it was asked on the
eight characters held out: 69.5 % of the front's pixels and 69.3 % of the back's, by fifths 63 to 79 % and 59 to 78 %.
"""

import numpy as np

from slipcast.core.values import F32

FRONT = (0.051, 2.04, 0.102)
BACK = (0.041, 2.46, 0.164)
"""Likely error at no thickness and agreement, and its growth with half the difference of both answers and with
thickness; all in sides of the square."""


def likely_errors(half_difference: F32, thickness: F32) -> F32:
    """Return the (2,S,S) likely error of front and back in sides of the square.

    `half_difference` (2,S,S) is half of how far the answers for the picture and for its mirror image lie apart,
    `thickness` (S,S) their mean's; both in sides of the square.

    >>> nothing = np.zeros((2, 1, 1), np.float32)
    >>> bool((likely_errors(nothing + 1, nothing[0]) > likely_errors(nothing, nothing[0])).all())
    True
    """
    out: F32 = np.stack(
        [
            base + by_difference * off + by_thickness * thickness
            for (base, by_difference, by_thickness), off in zip((FRONT, BACK), half_difference, strict=True)
        ]
    ).astype(np.float32)
    return out
