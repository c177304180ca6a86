"""attached.py: what hangs together with the figurine, and what on the ground does not."""

import numpy as np

from slipcast.picture.attached import add_attached_parts


def test_soles_stay_where_the_network_left_the_legs_out() -> None:
    pixels = np.full((512, 512, 3), 140, np.uint8)
    coarse = np.zeros((512, 512), np.float32)
    pixels[100:300, 180:330] = (230, 120, 40)
    coarse[100:296, 182:328] = 1
    for left in (190, 270):
        pixels[300:440, left : left + 50] = (240, 190, 50)
        pixels[440:445, left - 5 : left + 55] = 60
    found = add_attached_parts(pixels, coarse).coarse > 0.5
    assert found[441:444, 192:238].all()
    assert found[441:444, 272:318].all()
    assert not found[452:].any()
