"""reconstruct/simplify.py: a sole on which it would fall is made flat; what stands, a ball and a point stay."""

import manifold3d
import numpy as np
import pytest

from slipcast.reconstruct.simplify import find_sole_m, level_sole


def pillar(radius: float, tall: float) -> manifold3d.Manifold:
    """An upright cylinder along +Y from y = 0."""
    return manifold3d.Manifold.cylinder(tall, radius, radius, 96).rotate((-90, 0, 0))


def rounded(radius: float, tall: float, rise: float) -> manifold3d.Manifold:
    """The same with an edge below that rises by `rise`: the hull of a small disc and the pillar above."""
    return manifold3d.Manifold.batch_hull(
        [pillar(0.1 * radius, rise), pillar(radius, tall - rise).translate((0, rise, 0))]
    )


@pytest.mark.parametrize("rise", [0.01, 0.015, 0.02])
@pytest.mark.parametrize("radius", [0.1, 0.2])
def test_a_rounded_sole_is_cut_where_it_is_wide_enough(radius: float, rise: float) -> None:
    solid = rounded(radius, 1.0, rise)
    height = find_sole_m(solid)
    assert height is not None
    assert 0 < height <= 0.02
    cut = solid.trim_by_plane((0, 1, 0), height)
    section = cut.rotate((90, 0, 0)).slice(height + 1e-4).area()
    assert section >= 0.58 * solid.rotate((90, 0, 0)).slice(0.04).area()
    assert find_sole_m(cut) is None


def test_a_rounded_sole_that_stands_stays() -> None:
    low = rounded(0.3, 1.0, 0.02) ^ manifold3d.Manifold.cube((2, 0.3, 2), True).translate((0, 0.15, 0))
    assert find_sole_m(low) is None


def test_paws_stay() -> None:
    paw = manifold3d.Manifold.sphere(0.1, 64).scale((1, 0.6, 1)).translate((0, 0.06, 0))
    legs = [paw.translate((x, 0, z)) for x in (-0.3, 0.3) for z in (-0.3, 0.3)]
    body = manifold3d.Manifold.cube((0.8, 0.5, 0.8), True).translate((0, 0.3, 0))
    assert find_sole_m(manifold3d.Manifold.batch_boolean([body, *legs], manifold3d.OpType.Add)) is None


def test_a_short_leg_does_not_let_it_fall() -> None:
    """Three paws touch the ground 1 % of the height after the fourth: it fell, and no section is wide enough."""
    paw = manifold3d.Manifold.sphere(0.1, 64)
    legs = [
        paw.translate((x, 0.12 if (x, z) != (0.3, 0.3) else 0.11, z))
        for x in (-0.3, 0.3)
        for z in (-0.3, 0.3)
    ]
    body = manifold3d.Manifold.cube((0.8, 0.5, 0.8), True).translate((0, 0.75, 0))
    bars = [
        manifold3d.Manifold.cylinder(0.5, 0.05).rotate((-90, 0, 0)).translate((x, 0.1, z))
        for x in (-0.3, 0.3)
        for z in (-0.3, 0.3)
    ]
    solid = manifold3d.Manifold.batch_boolean([body, *legs, *bars], manifold3d.OpType.Add)
    height = find_sole_m(solid)
    assert height is not None
    cut = solid.trim_by_plane((0, 1, 0), height)
    assert len(cut.rotate((90, 0, 0)).slice(height + 2e-3).to_polygons()) >= 3
    assert find_sole_m(cut) is None


def test_a_flat_sole_stays() -> None:
    assert find_sole_m(pillar(0.2, 1.0)) is None


@pytest.mark.parametrize(
    "solid",
    [
        manifold3d.Manifold.sphere(0.5, 96),
        manifold3d.Manifold.cylinder(1.0, 0.001, 0.4, 64).rotate((-90, 0, 0)),
    ],
    ids=["ball", "point"],
)
def test_what_has_no_sole_stays(solid: manifold3d.Manifold) -> None:
    assert find_sole_m(solid) is None


@pytest.mark.parametrize("rise", [0.01, 0.02])
def test_a_levelled_sole_keeps_the_height(rise: float) -> None:
    solid = rounded(0.1, 1.0, rise)
    flat = level_sole(solid, find_sole_m(solid))
    low, high = np.array(flat.bounding_box()).reshape(2, 3)
    assert (low[1], high[1]) == pytest.approx((0.0, 1.0))
    assert flat.rotate((90, 0, 0)).slice(1e-4).area() >= 0.58 * np.pi * 0.1**2
    assert find_sole_m(flat) is None
    assert flat.status() == manifold3d.Error.NoError
    assert flat.volume() == pytest.approx(np.pi * 0.1**2, rel=0.02)
