"""depth/round_base.py: a round base is a disc with a flat underside, and says how far the camera looked down."""

import math
from dataclasses import replace

import numpy as np
import pytest
from silhouettes import box, disc, picture_of

from slipcast.core.camera import world_from_camera
from slipcast.core.values import F64, Bool, Camera, ModelInfo, Shells, Source
from slipcast.depth.elevation import ASSUMED
from slipcast.depth.place import PlaceOptions, place
from slipcast.depth.round_base import _fit_softly, find_base, stand_on_base
from slipcast.mesh.topology import closedness, to_manifold
from slipcast.reconstruct.disc import find_centre
from slipcast.reconstruct.points import PointOptions, make_points
from slipcast.reconstruct.reconstruct import SurfaceOptions, reconstruct
from slipcast.reconstruct.simplify import SimplifyOptions, simplify

SIDE = 400
CAMERA = Camera.pinhole(SIDE, SIDE, 24.0)
RADIUS, HEIGHT = 0.5, 0.16
EYE = 6.0
PICTURE = picture_of(np.full((SIDE, SIDE), 255, np.uint8))


def crossed(elevation_deg: float, radius: float, low: float, high: float) -> tuple[F64, F64, Bool]:
    """Where each ray enters and leaves an upright cylinder; the camera looks at the point 1 above its foot at 0."""
    angle = math.radians(elevation_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[1, 0, 0], [0, -cos, -sin], [0, -sin, cos]])  # world (x right, y up, z away) from camera
    rays = CAMERA.rays().astype(np.float64) @ turn.T
    eye = np.array([0.0, 1.0, 0.0]) - EYE * turn @ [0, 0, 1]
    a = rays[..., 0] ** 2 + rays[..., 2] ** 2
    b = -(rays[..., 0] * eye[0] + rays[..., 2] * eye[2])
    root = b**2 - a * (eye[0] ** 2 + eye[2] ** 2 - radius**2)
    wide = np.sqrt(np.maximum(root, 0))
    slope = np.where(np.abs(rays[..., 1]) < 1e-9, 1e-9, rays[..., 1])
    ends = np.sort(np.stack([(low - eye[1]) / slope, (high - eye[1]) / slope]), axis=0)
    enter, leave = np.maximum((b - wide) / a, ends[0]), np.minimum((b + wide) / a, ends[1])
    return enter, leave, (root > 0) & (leave > enter)


def figurine(elevation_deg: float) -> tuple[Shells, Bool]:
    """A pillar on a round base, with the shells of a network that makes the base a ramp; and where the base is."""
    parts = [crossed(elevation_deg, RADIUS, 0, HEIGHT), crossed(elevation_deg, 0.25, HEIGHT, 2.0)]
    front = np.full((SIDE, SIDE), np.inf)
    back = np.zeros((SIDE, SIDE))
    for enter, leave, hit in parts:
        front[hit], back[hit] = np.minimum(front, enter)[hit], np.maximum(back, leave)[hit]
    valid = np.isfinite(front)
    row = np.arange(SIDE)[:, None] / SIDE
    ramp = np.where(parts[0][2], 0.6 * row, 0)
    depth = Shells(
        front=np.where(valid, front - 0.3 * ramp, 0).astype(np.float32),
        back=np.where(valid, np.maximum(back, front) + ramp, 0).astype(np.float32),
        valid=valid,
        camera=CAMERA,
        model=ModelInfo(name="test"),
        back_source=Source.INVENTED,
        elevation=ASSUMED,
    )
    return depth, parts[0][2]


@pytest.mark.parametrize("elevation_deg", [0.0, 4.0, 10.0, 18.0])
def test_the_ellipse_says_how_far_the_camera_looked_down(elevation_deg: float) -> None:
    depth, _ = figurine(elevation_deg)
    base = find_base(depth.valid, CAMERA)
    assert base is not None
    assert base.elevation_deg == pytest.approx(elevation_deg, abs=1.5)
    assert base.height / base.radius == pytest.approx(HEIGHT / RADIUS, abs=0.07)


@pytest.mark.parametrize("elevation_deg", [2.0, 12.0])
def test_a_ramp_becomes_a_disc_with_a_flat_underside(elevation_deg: float) -> None:
    depth, there = figurine(elevation_deg)
    base = find_base(depth.valid, CAMERA)
    assert base is not None
    better = stand_on_base(depth, base)
    assert better.elevation is not None
    assert (better.elevation.source, better.elevation.certainty) == ("seen", 1.0)
    _enter, leave, _ = crossed(elevation_deg, RADIUS, 0, HEIGHT)
    assert depth.back is not None
    assert better.back is not None
    bare = there & ~crossed(elevation_deg, 0.25, HEIGHT, 2.0)[2]
    before = np.abs(depth.back - leave)[bare].mean()
    after = np.abs(better.back - leave)[bare].mean()
    assert after < 0.25 * before
    assert after < 0.08
    placed = place(better, PICTURE, PlaceOptions())
    rays = placed.camera.rays()[placed.valid]
    assert placed.back is not None
    foot = world_from_camera(placed.camera, rays * placed.back[placed.valid][:, None])
    sole = foot[foot[:, 1] < 0.02 * np.ptp(foot[:, 1])]
    deep, wide = np.ptp(sole[:, 2]), np.ptp(sole[:, 0])
    assert deep == pytest.approx(wide, rel=0.12)


def test_the_solid_on_a_base_is_closed_and_one_body() -> None:
    depth, _ = figurine(6.0)
    base = find_base(depth.valid, CAMERA)
    assert base is not None
    placed = place(stand_on_base(depth, base), PICTURE, PlaceOptions())
    raw = reconstruct(make_points(placed, PICTURE, PointOptions(detail="draft")), placed, SurfaceOptions())
    mesh = simplify(raw, placed, SimplifyOptions(faces=20_000))
    assert closedness(mesh).closed
    solid = to_manifold(mesh)
    assert solid is not None
    assert len(solid.decompose()) == 1
    assert placed.base is not None
    x, y, z = (mesh.vertices - find_centre(placed.base, placed.camera)).T
    radius, height = np.hypot(x, z) / placed.base.radius, y / placed.base.height
    assert radius[height < 0.9].max() == pytest.approx(1, abs=0.002)
    # Corners of the wall are on its two edges alone, each of which has a bevel of 1.5 % of the radius.
    outer = (radius > 0.8) & (height < 0.9)
    assert outer.sum() > 80
    assert radius[outer].min() > 0.96


def test_without_a_base_nothing_changes() -> None:
    x, y = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    robe = (y > 60) & (y < 340) & (np.abs(x - 200) < 20 + 0.3 * (y - 60))
    feet = (robe & (y < 300)) | ((y < 340) & (y > 290) & (np.abs(np.abs(x - 200) - 40) < 30))
    skirt = robe | ((np.hypot((x - 200) / 104, (y - 339) / 20) < 1) & (y > 300))
    for outline in (disc(SIDE, 120) >= 128, box(SIDE, 60, 150, 250, 100) >= 128, robe, feet, skirt):
        assert find_base(outline, CAMERA) is None
    assert find_base(np.zeros((SIDE, SIDE), bool), CAMERA) is None


def test_a_picture_that_is_cropped_below_shows_no_base() -> None:
    depth, _ = figurine(6.0)
    last = int(np.flatnonzero(depth.valid.any(1))[-1])
    cut = depth.valid[: last - 6]
    assert find_base(cut, Camera.pinhole(SIDE, len(cut), 24.0)) is None


def test_what_stands_above_the_base_keeps_its_front() -> None:
    depth, there = figurine(6.0)
    base = find_base(depth.valid, CAMERA)
    assert base is not None
    better = stand_on_base(depth, base)
    rows = slice(0, int(np.flatnonzero(there.any(1))[0]) - 60)
    assert np.allclose(better.front[rows], depth.front[rows], atol=0.02)


def test_the_soft_fit_is_that_of_scipy() -> None:
    from scipy import optimize

    random = np.random.default_rng(3)
    x = np.linspace(-1, 1, 200)
    seen = 0.7 * np.sin(2.1 * x + 0.4) + 0.01 * random.standard_normal(200)
    seen[::9] += 3.0  # what leans on a base

    def away(guess: F64) -> F64:
        off: F64 = guess[0] * np.sin(guess[1] * x + guess[2]) - seen
        return off

    begin = np.array([1.0, 1.8, 0.2])
    wanted = optimize.least_squares(away, begin, loss="soft_l1", f_scale=0.05).x
    assert _fit_softly(away, begin, 0.05) == pytest.approx(wanted, abs=1e-5)
    assert wanted == pytest.approx([0.7, 2.1, 0.4], abs=0.04)


@pytest.mark.parametrize("elevation_deg", [0.0, 8.0])
def test_what_stands_on_the_base_has_no_ramp_behind_its_feet(elevation_deg: float) -> None:
    depth, there = figurine(elevation_deg)
    *_, pillar = crossed(elevation_deg, 0.25, HEIGHT, 2.0)
    rim = int(np.flatnonzero(there.any(1))[0])
    row = np.arange(SIDE)[:, None]
    ramp = 0.006 * np.clip(row - rim + 40, 0, None) * pillar  # over the last 40 rows, up to half a radius
    base = find_base(depth.valid, CAMERA)
    assert base is not None
    straight = stand_on_base(depth, base)
    held = stand_on_base(replace(depth, back=(depth.back + ramp).astype(np.float32)), base)
    feet = pillar & (row >= rim - 30) & (row < rim - 2)
    assert ramp[feet].max() > 0.16
    assert (held.back - straight.back)[feet].max() < 0.45 * ramp[feet].max()
    above = pillar & (row < rim - 80)
    assert np.allclose(held.back[above], straight.back[above], atol=0.02)


def test_the_back_is_held_over_the_base_without_a_crease() -> None:
    depth, there = figurine(0.0)
    *_, pillar = crossed(0.0, 0.25, HEIGHT, 2.0)
    rim = int(np.flatnonzero(there.any(1))[0])
    base = find_base(depth.valid, CAMERA)
    assert base is not None
    wide = replace(depth, back=np.where(pillar, np.float32(EYE + 2), depth.back))
    held = stand_on_base(wide, base).back[rim - 60 : rim - 2, SIDE // 2]
    assert held[0] - held[-1] > 0.2  # it is held
    assert np.abs(np.diff(held, 2)).max() < 0.006


@pytest.mark.parametrize(("waves", "found"), [(0.0, True), (0.012, False)])
def test_a_lump_of_rock_is_no_disc(waves: float, found: bool) -> None:
    depth, there = figurine(0.0)
    column = np.arange(SIDE)
    inside = there.any(0)
    low = SIDE - 1 - there[::-1].argmax(0)
    radius_px = inside.sum() / 2
    lift = np.rint(radius_px * waves * (1 + np.sin(column * 6 * math.pi / inside.sum())))
    rock = depth.valid & (np.arange(SIDE)[:, None] <= np.where(inside, low - lift, SIDE))
    assert (find_base(rock, CAMERA) is not None) == found
