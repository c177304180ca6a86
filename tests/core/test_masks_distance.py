"""core/masks.py: distances are exact, wherever the arrays lie in memory."""

import numpy as np
from scipy import ndimage

from slipcast.core.masks import measure_inside


def test_distances_are_scipys_and_the_same_each_time() -> None:
    rng = np.random.default_rng(3)
    for side in (61, 128, 300):
        mask = rng.random((side, side + 7)) > 0.003
        wanted = ndimage.distance_transform_edt(mask).astype(np.float32)
        for shift in range(8):  # another place in memory each time
            room = np.zeros(mask.size + 8, bool)
            placed = room[shift : shift + mask.size].reshape(mask.shape)
            placed[:] = mask
            assert measure_inside(placed).tobytes() == wanted.tobytes()
