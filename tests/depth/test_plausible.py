"""depth/plausible.py: depth beside the outline's own width, and what replaces a slab."""

from dataclasses import replace

import numpy as np
import pytest
from silhouettes import ball, disc, flat, picture_of

from slipcast.depth.plausible import depth_over_outline, replace_implausible


def test_a_ball_is_as_deep_as_wide() -> None:
    _, depth = ball(200, 1.0, 20.0)
    assert depth_over_outline(depth) == pytest.approx(1, abs=0.08)


def test_a_slab_is_replaced_by_the_inflated_outline_and_says_so() -> None:
    """A chest became a slab, a robot's head a disc: 0.3 times as deep as wide."""
    alpha = disc(200, 60)
    slab = flat(alpha, 0.99, 1.01)
    ratio = depth_over_outline(slab)
    assert ratio < 0.4
    made = replace_implausible(slab, picture_of(alpha))
    assert made.implausible_ratio == pytest.approx(ratio)
    assert depth_over_outline(made) == pytest.approx(0.92, abs=0.1)
    assert [found.code for found in made.findings] == ["DEPTH_IMPLAUSIBLE"]
    assert np.array_equal(made.valid, slab.valid)


def test_what_is_deep_is_left_since_animals_are() -> None:
    _, depth = ball(200, 1.0, 20.0)
    assert depth.back is not None
    long = replace(depth, back=np.where(depth.valid, depth.back + 4, 0).astype(np.float32))
    assert depth_over_outline(long) > 2
    assert replace_implausible(long, picture_of(disc(200, 60))) is long
