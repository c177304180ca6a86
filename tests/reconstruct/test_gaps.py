"""reconstruct/gaps.py: steps of depth become air between closed parts, slopes stay."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from silhouettes import box, depth_of, disc, grid, picture_of, ring

from slipcast.core.values import F32, F64, U8, Bool, Mesh, Shells
from slipcast.depth.place import PlaceOptions, place
from slipcast.mesh.self_intersection import find_crossing_faces
from slipcast.mesh.topology import (
    closedness,
    count_bodies,
    face_normals,
    from_manifold,
    make_mesh,
    to_manifold,
)
from slipcast.reconstruct.gaps import find_gaps
from slipcast.reconstruct.points import PointOptions, make_points
from slipcast.reconstruct.ray_grid import sample_rays

_FAR = 4000.0
"""So far away, in pixels, that rays are nearly parallel."""


def _surface(alpha: U8, front: F64, back: F64, *, detail: str = "fine") -> Mesh:
    """The samples' own surface, 75 mm tall."""
    depth: Shells = depth_of(alpha, front, back)
    # A pixel is one wide where the figurine begins.
    depth = replace(depth, camera=replace(depth.camera, fx_px=_FAR, fy_px=_FAR))
    picture = picture_of(alpha)
    cloud = make_points(place(depth, picture, PlaceOptions()), picture, PointOptions(detail=detail))
    assert cloud.joins is not None
    assert np.array_equal(np.unique(cloud.joins), np.arange(len(cloud.points))), "no vertex is left over"
    solid = to_manifold(make_mesh(cloud.points, cloud.joins))
    assert solid is not None
    return from_manifold(solid)


def _volume_px(mesh: Mesh, height_px: float) -> float:
    """The volume in cubic pixels of a picture in which the figurine is `height_px` tall."""
    return closedness(mesh).volume_m3 * (height_px / 0.075) ** 3


def _sides(mesh: Mesh) -> float:
    """The share of the surface that one looks along from the camera."""
    normals, areas = face_normals(mesh.vertices, mesh.faces)
    return float(areas[np.abs(normals[:, 2]) < 0.1].sum() / areas.sum())


def _arm(before_px: float) -> tuple[U8, F64, F64]:
    """A slab 100 x 100 x 30 and a round bar 24 across that stands before it and beyond both its sides."""
    size = 160
    x, y = grid(size, size)
    slab = (np.abs(x - 80) < 50) & (np.abs(y - 80) < 50)
    bar = (np.abs(y - 80) < 12) & (np.abs(x - 80) < 70)
    half = np.sqrt(np.maximum(12**2 - (y - 80) ** 2, 0))
    middle = _FAR - before_px
    front = np.where(bar, middle - half, _FAR)
    back = np.where(slab, _FAR + 30, middle + half)
    return ((slab | bar) * 255).astype(np.uint8), front, back


def test_between_an_arm_and_the_body_is_air() -> None:
    alpha, front, back = _arm(60)
    mesh = _surface(alpha, front, back)
    state = closedness(mesh)
    assert state.closed, state
    assert count_bodies(mesh) == 1, "the arm is held"
    slab, bar = 100 * 100 * 30, np.pi * 12**2 * 140
    filled = slab + bar + 100 * 24 * 48
    volume = _volume_px(mesh, 100)
    assert slab + bar * 0.9 < volume < slab + bar + 0.45 * (filled - slab - bar)
    # As large as the bar seen from above, twice, and the slab's own sides; curtains would add 2 x 60 x 100.
    assert _sides(mesh) < 0.42


def test_no_part_is_thinner_than_a_sheet() -> None:
    """However thin a part is shown, air leaves a node and a half of it: less would fall through the net."""
    _, y = grid(160, 160)
    alpha = box(160, 20, 20, 120, 120)
    bar = np.abs(y - 80) < 12
    columns = sample_rays(
        depth_of(alpha, np.where(bar, _FAR - 400, _FAR), np.full((160, 160), _FAR + 20)),
        (alpha / np.float32(255)).astype(np.float32),
        120,
    )
    air = find_gaps(columns)
    assert len(air.column) > 100
    before = air.begin - columns.front.reshape(-1)[air.column]
    behind = columns.back.reshape(-1)[air.column] - air.end
    assert before.min() >= 1.5
    assert behind.min() >= 1.5
    assert min(before.min(), behind.min()) < 1.6, "one of them is as thin as it may be"


def test_a_low_relief_stays_as_it_was() -> None:
    alpha, front, back = _arm(14)
    mesh = _surface(alpha, front, back)
    assert closedness(mesh).closed
    assert _volume_px(mesh, 100) == pytest.approx(100 * 100 * 30 + 100 * 24 * 14 + np.pi * 72 * 100, rel=0.15)


def test_three_parts_behind_each_other_are_three_parts() -> None:
    size = 160
    x, y = grid(size, size)
    slab = (np.abs(x - 80) < 50) & (np.abs(y - 80) < 50)
    lying, standing = (np.abs(y - 80) < 12), (np.abs(x - 80) < 12)
    lying, standing = lying & (np.abs(x - 80) < 70), standing & (np.abs(y - 80) < 70)
    low = _FAR - 60 - np.sqrt(np.maximum(12**2 - (y - 80) ** 2, 0))
    high = _FAR - 140 - np.sqrt(np.maximum(12**2 - (x - 80) ** 2, 0))
    front = np.where(standing, high, np.where(lying, low, _FAR))
    # Beyond the slab each bar shows its own far side.
    ends = np.where(standing, 2 * (_FAR - 140) - high, 2 * (_FAR - 60) - low)
    alpha = ((slab | lying | standing) * 255).astype(np.uint8)
    mesh = _surface(alpha, front, np.where(slab, _FAR + 30, ends))
    assert closedness(mesh).closed
    assert count_bodies(mesh) == 1, "both are held"
    assert not len(find_crossing_faces(mesh))
    alone = 100 * 100 * 30 + 2 * np.pi * 12**2 * 140
    # The picture is 140 tall; 75 mm is that of the standing bar.
    assert alone * 0.9 < _volume_px(mesh, 140) < alone * 1.35


def test_what_stands_on_both_sides_of_a_hole_is_held() -> None:
    alpha = np.maximum(ring(160, 70, 50), box(160, 70, 20, 20, 120))
    x, y = grid(160, 160)
    bar = (np.abs(y - 80) < 10) & (np.abs(x - 80) < 60)
    mesh = _surface(alpha, np.where(bar, _FAR - 80, _FAR), np.where(bar, _FAR - 60, _FAR + 20))
    assert closedness(mesh).closed
    assert count_bodies(mesh) == 1


@pytest.mark.parametrize("steepness", [0.5, 2.0, 4.0])
def test_a_slope_is_no_step(steepness: float) -> None:
    alpha = box(96, 16, 16, 64, 64)
    x, _ = grid(96, 96)
    front = _FAR + steepness * x
    mesh = _surface(alpha, front, front + 20)
    assert closedness(mesh).closed
    # The steepest ends in wedges five nodes long, which the net rounds off.
    assert _volume_px(mesh, 64) == pytest.approx(64 * 64 * 20, rel=0.12)


def test_a_soft_step_is_a_slope() -> None:
    alpha = box(128, 16, 16, 96, 96)
    x, _ = grid(128, 128)
    front = _FAR + 60 / (1 + np.exp(-(x - 64) / 6))
    mesh = _surface(alpha, front, np.full((128, 128), _FAR + 100))
    assert closedness(mesh).closed
    assert _volume_px(mesh, 96) == pytest.approx(96 * 96 * 70, rel=0.05)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    heights=arrays.arrays(np.float32, (5, 5), elements=st.sampled_from([0.0, 8.0, 30.0, 90.0])),
    depths=arrays.arrays(np.float32, (5, 5), elements=st.sampled_from([0.0, 8.0, 30.0, 90.0])),
    mask=arrays.arrays(np.bool_, (5, 5)),
    soft=st.booleans(),
)
def test_any_terraces_are_closed(heights: F32, depths: F32, mask: Bool, soft: bool) -> None:
    cell = np.ones((9, 9))
    alpha = (np.kron(mask, cell) * 255).astype(np.uint8)
    if not mask.any():
        return
    if soft:
        alpha = np.minimum(alpha, disc(45, 21.7))
        if (alpha >= 128).sum() < 20:
            return
    front = (_FAR + np.kron(heights, cell)).astype(np.float64)
    back = (front + 6 + np.kron(depths, cell)).astype(np.float64)
    state = closedness(_surface(alpha, front, back))
    assert state.closed, state


def test_the_same_input_gives_the_same_bytes() -> None:
    one, two = (_surface(*_arm(60)) for _ in range(2))
    assert one.vertices.tobytes() == two.vertices.tobytes()
    assert one.faces.tobytes() == two.faces.tobytes()
